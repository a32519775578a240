//! The real programs, killed with SIGKILL at every durable step of every path; then everything is started again and the
//! books are compared: nothing lost, nothing double, nothing false.
//!
//! A point is a moment in the life of a process: it stands at the entry of a system call that makes something durable,
//! sends bytes or shows a screen, or its reader has just got a screen. A first run without a kill says which points a path
//! has; then the path is run once for each. docs/testing.md, "Killed processes", says how to run one point again.

mod bench;
mod judge;
mod paths;
mod report;
mod worlds;

use paths::{Path, Target};
use worlds::{Done, Job, Worlds};

#[test]
fn killed_at_every_step_nothing_is_lost_and_nothing_is_double() {
    if !nix::unistd::geteuid().is_root() {
        println!("NOT RUN: only root may look into these processes");
        return;
    }
    let began = crate::clock::now();
    let wanted = Wanted::from_environment();
    let paths: Vec<Path> = paths::terminal().into_iter().chain(paths::host()).collect();
    let done = worlds::with(&paths, |worlds| {
        let jobs = match wanted.one_point(&paths) {
            Some(job) => vec![job],
            None => every_point(&paths, worlds, &wanted),
        };
        println!("killing at {} points: {wanted}", jobs.len());
        worlds.work(jobs)
    });
    report::report(&paths, &done, began.elapsed());
}

/// Which points are run.
enum Wanted {
    /// Each path's own points: what is the same in another path is killed there, and the card's words are those around
    /// the PIN.
    Share,
    /// All points of all paths (`MYNA_KILL_POINTS=all`).
    All,
    /// One path, or one point of it (`MYNA_KILL_POINT=PATH` or `PATH: POINT`, as a failure prints it).
    One(String),
}

impl std::fmt::Display for Wanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Share => f.write_str("those of each path's own; MYNA_KILL_POINTS=all runs all"),
            Self::All => f.write_str("all of them"),
            Self::One(wanted) => f.write_str(wanted),
        }
    }
}

impl Wanted {
    fn from_environment() -> Self {
        match (std::env::var("MYNA_KILL_POINT"), std::env::var("MYNA_KILL_POINTS")) {
            (Ok(one), _) => Self::One(one),
            (_, Ok(all)) if all == "all" => Self::All,
            (_, Ok(other)) => panic!("MYNA_KILL_POINTS is '{other}': only 'all' is known"),
            _ => Self::Share,
        }
    }

    fn takes(&self, path: &Path) -> bool {
        match self {
            Self::Share | Self::All => true,
            Self::One(wanted) => wanted == path.name,
        }
    }

    fn one_point(&self, paths: &[Path]) -> Option<Job> {
        let Self::One(wanted) = self else { return None };
        let (name, target) = wanted.split_once(": ")?;
        let path = paths.iter().position(|path| path.name == name);
        let path = path.unwrap_or_else(|| panic!("no path is called {name}"));
        Some(Job { path, target: target.parse().expect("a point: KIND PLACE #NUMBER") })
    }
}

/// The points of every path, from a run of each that is not disturbed.
fn every_point(paths: &[Path], worlds: &Worlds<'_>, wanted: &Wanted) -> Vec<Job> {
    let wanted_paths = (0..paths.len()).filter(|path| wanted.takes(&paths[*path]));
    let mut undisturbed =
        worlds.work(wanted_paths.map(|path| Job { path, target: Target::Nowhere }).collect());
    assert!(!undisturbed.is_empty(), "no path is called {wanted}");
    undisturbed.sort_by_key(|done| done.job.path);
    let mut jobs = Vec::new();
    for Done { job, ran, .. } in undisturbed {
        let path = &paths[job.path];
        assert!(
            ran.objections.is_empty(),
            "{} without a kill: {:?}\n{}",
            path.name,
            ran.objections,
            ran.logs
        );
        let targets = path.targets(&ran.points, matches!(wanted, Wanted::All));
        assert!(!targets.is_empty(), "{} has points", path.name);
        jobs.extend(targets.into_iter().map(|target| Job { path: job.path, target }));
    }
    jobs
}
