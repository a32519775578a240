//! The driver: many commits in two processes, SQLite's own moving of its log into the database, a start after an end without
//! a word, evidence that is erased. What must be in the journal after each step is computed from the same steps.

use std::path::Path;
use std::process::Command;

use journal::{Journal, Opened};

use crate::clock;
use crate::dice::Dice;
use crate::images::Effort;
use crate::oracle::{Contents, Desk, contents};
use crate::proof::{Lie, States, prove, states};
use crate::recording::{self, DATABASE, Op};
use crate::workload;

const DRIVER: &str = env!("CARGO_BIN_EXE_power-loss-driver");

struct Recorded {
    ops: Vec<Op>,
    states: States,
    desk: Desk,
}

fn record() -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join(DATABASE);
    let mut ops = Vec::new();
    for part in ["first", "second"] {
        trace(&journal, part, &mut ops);
    }
    let mut desk = Desk::new(workload::options());
    let states = states(&ops, &mut desk);
    Recorded { ops, states, desk }
}

/// Adds what the driver does in one part.
fn trace(journal: &Path, part: &str, ops: &mut Vec<Op>) {
    let log = journal.with_file_name(format!("{part}.strace"));
    let tracer = recording::tracer(&log);
    let mut command = Command::new(&tracer[0]);
    let run = command.args(&tracer[1..]).arg(DRIVER).arg(journal).arg(part).output();
    let run = run.expect("strace is installed (scripts/test does that)");
    assert!(run.status.success(), "{run:?}");
    recording::read(&log, journal, ops);
}

/// What is in the journal after each step, in a journal that nobody disturbs.
fn undisturbed() -> Vec<Contents> {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = folder.path().join(DATABASE);
    let Opened::Fresh(mut journal) = Journal::open(&path, &workload::options()).unwrap() else {
        panic!("fresh")
    };
    let mut after = vec![contents(&path).unwrap()];
    for step in workload::steps().0 {
        step.take(&mut journal).unwrap();
        after.push(contents(&path).unwrap());
    }
    after
}

/// The place in the recording of each sync of `name`.
fn syncs_of(ops: &[Op], name: &str) -> Vec<usize> {
    let syncs = ops.iter().enumerate().filter(|(_, op)| matches!(op, Op::Sync(synced) if synced == name));
    syncs.map(|(index, _)| index).collect()
}

/// The moment (the how-manieth sync) at a place in the recording.
fn moment_of(ops: &[Op], index: usize) -> usize {
    ops[..index].iter().filter(|op| op.is_sync()).count()
}

#[test]
fn power_lost_at_any_moment_leaves_a_journal_as_before_or_as_after_the_commit() {
    let Recorded { ops, states, mut desk } = record();
    // What has returned is durable, and nothing else but the step at hand: after each sync the store is that of a
    // step, and not of one before the last that was said to be done.
    let steps = undisturbed();
    let mut reached = 0;
    for (moment, (contents, said)) in states.after.iter().zip(&states.said).enumerate() {
        let done: usize =
            said.as_ref().map_or(0, |said| said.strip_prefix("done ").unwrap().parse().unwrap());
        let now = (done..=done + 1).find(|step| steps.get(*step) == Some(contents));
        let now = now.unwrap_or_else(|| panic!("moment {moment}, {said:?}: {contents:?}"));
        assert!(now >= reached, "moment {moment}");
        reached = now;
    }
    assert_eq!(reached, workload::steps().0.len());
    // SQLite moved its log into the database in the middle of the first process, and was not asked to.
    let moved = syncs_of(&ops, DATABASE);
    let halfway = |index: &usize| (1_000..ops.len() - 1_000).contains(index);
    assert!(moved.iter().any(halfway), "{moved:?} of {}", ops.len());

    let start = clock::instant();
    let before = desk.opened;
    let usual = Effort { seams: 1, chances: 2, each_max: 3 };
    let mut dice = Dice(crate::seed());
    let tally = prove(&ops, &states, Lie::None, &mut desk, &mut dice, |_, m| Some(crate::effort(usual, m)));
    crate::report("power loss, a driver of commits", &tally, desk.opened - before, start);
    assert!(tally.wrong.is_empty(), "seed {}: {:#?}", crate::seed(), tally.wrong);
    assert!(tally.moments > 200 && tally.before > 1_000 && tally.after > 100, "{tally}");
}

/// The negative control: a medium that lies is found out, each of its lies.
#[test]
fn a_medium_that_lies_is_found_out() {
    let Recorded { ops, states, mut desk } = record();
    let all = Effort { seams: 0, chances: 0, each_max: 4 };
    let mut dice = Dice(crate::seed());
    let (mut found, mut lies) = (0, 0);
    let mut expect = |lie, moments: std::ops::Range<usize>| {
        let tally =
            prove(&ops, &states, lie, &mut desk, &mut dice, |m, _| moments.contains(&m).then_some(all));
        assert!(!tally.wrong.is_empty(), "{lie:?} was not found out: {tally}");
        lies += 1;
        found += tally.wrong.len();
    };
    // A sync of a commit that was answered and not done: when power is lost before the next one, a commit is missing
    // that had returned.
    let log = format!("{DATABASE}-wal");
    let commits: Vec<usize> = syncs_of(&ops, &log)
        .into_iter()
        .filter(|index| matches!(ops.get(index + 1), Some(Op::Said(said)) if said.starts_with("done")))
        .collect();
    for index in commits.iter().step_by(commits.len() / 8) {
        let moment = moment_of(&ops, *index);
        expect(Lie::SyncIgnored(*index), moment + 1..moment + 2);
    }
    // A page that SQLite moved into the database, synced, and lost: as soon as the log's header is written anew, and
    // before the page is written again.
    let moved = *syncs_of(&ops, DATABASE).iter().find(|index| **index > 1_000).unwrap();
    let pages: Vec<usize> = (0..moved)
        .rev()
        .take_while(|index| !ops[*index].is_sync())
        .filter(|index| matches!(&ops[*index], Op::Write { name, .. } if name == DATABASE))
        .collect();
    let overwritten = moment_of(&ops, moved) + 1;
    for index in pages.iter().step_by(pages.len() / 8) {
        expect(Lie::WriteLost(*index), overwritten..overwritten + 1);
    }
    myna_tests::prove(&format!(
        "proof 5: power loss, negative control: {lies} lies of a medium, each found out, in {found} images"
    ));
}

/// The first start with a journal of version 1 adds a table to it.
#[test]
fn power_lost_while_a_journal_of_version_1_is_upgraded_leaves_it_as_it_was_or_upgraded() {
    let version_1 = include_bytes!("../../src/journal/tests/journal/v1.db");
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join(DATABASE);
    std::fs::write(&journal, version_1).unwrap();
    let name = DATABASE.to_owned();
    let mut ops = vec![
        Op::Create(name.clone()),
        Op::Write { name: name.clone(), at: 0, bytes: version_1.to_vec() },
        Op::Sync(name),
        Op::SyncFolder,
    ];
    let there = ops.iter().filter(|op| op.is_sync()).count();
    trace(&journal, "open", &mut ops);
    let mut desk = Desk::new(workload::options());
    let states = states(&ops, &mut desk);
    assert_eq!(states.after.last().unwrap().rows, [53, 5, 6, 12, 1, 1]);

    let (start, before) = (clock::instant(), desk.opened);
    let all = Effort { seams: usize::MAX, chances: 100, each_max: usize::MAX };
    let mut dice = Dice(crate::seed());
    let tally =
        prove(&ops, &states, Lie::None, &mut desk, &mut dice, |moment, _| (moment >= there).then_some(all));
    crate::report("power loss, an upgrade", &tally, desk.opened - before, start);
    assert!(tally.wrong.is_empty(), "seed {}: {:#?}", crate::seed(), tally.wrong);
    assert!(tally.images > 100 && tally.moments > 4, "{tally}");
}
