//! What was shown, in numbers; and each point with an objection, ready to be run again.

use std::collections::BTreeMap;
use std::time::Duration;

use myna_tests::prove;

use super::paths::Path;
use super::worlds::{Done, TRIES_MAX};
use crate::compare::Objection;

/// Of a hundred points, so many may not be reached in [`TRIES_MAX`] tries: whether two records of a step become durable
/// together or one after the other is a matter of milliseconds.
const MISSED_PERCENT_MAX: usize = 3;

/// Prints the numbers and fails when there is an objection.
pub(super) fn report(paths: &[Path], done: &[Done], took: Duration) {
    let mut by_path: BTreeMap<usize, (usize, u128)> = BTreeMap::new();
    let (mut terminal, mut host, mut missed) = (0, 0, Vec::new());
    for one in done {
        let path = &paths[one.job.path];
        let line = by_path.entry(one.job.path).or_default();
        line.0 += usize::from(one.ran.hit);
        line.1 += one.took_ms;
        match (one.ran.hit, path.program.is_host()) {
            (false, _) => missed.push(format!("{}: {}", path.name, one.job.target)),
            (true, false) => terminal += 1,
            (true, true) => host += 1,
        }
    }
    for (path, (points, took_ms)) in &by_path {
        println!("{points:>5} points {took_ms:>7} ms  {}", paths[*path].name);
    }
    println!("{} s; not reached in {TRIES_MAX} tries: {missed:?}", took.as_secs());
    let objections: Vec<&Objection> = done.iter().flat_map(|one| &one.ran.objections).collect();
    let lost = objections.iter().filter(|objection| objection.is_loss()).count();
    let double = objections.iter().filter(|objection| objection.is_double()).count();
    let of_terminal = by_path.keys().filter(|path| !paths[**path].program.is_host()).count();
    prove(&format!(
        "proof 4: terminal killed at {terminal} points on {of_terminal} paths, host at {host} points: \
         lost {lost}, double {double}"
    ));
    let failed = failures(paths, done);
    assert!(failed.is_empty(), "{} objections:{failed}", objections.len());
    assert!(
        missed.len() * 100 <= done.len() * MISSED_PERCENT_MAX,
        "too many points were not reached: {missed:?}"
    );
}

fn failures(paths: &[Path], done: &[Done]) -> String {
    let mut text = String::new();
    for one in done.iter().filter(|one| !one.ran.objections.is_empty()) {
        text.push_str(&format!("\nMYNA_KILL_POINT='{}: {}'\n", paths[one.job.path].name, one.job.target));
        for objection in &one.ran.objections {
            text.push_str(&format!("    {objection}\n"));
        }
        text.push_str(&one.ran.logs);
    }
    text
}
