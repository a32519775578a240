//! Several worlds that work side by side. Most of the time each of them waits for `pcscd`, which looks for cards every
//! 400 ms; paths that wait for a time limit have worlds of their own, so that they hold nobody up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::bench::Bench;
use super::judge::Ran;
use super::paths::{Path, Target};
use crate::compare::Objection;

const WORLDS: usize = 6;
const SLOW_WORLDS: usize = 2;
/// A point that was not reached (two threads, another order) is tried so often.
pub(super) const TRIES_MAX: usize = 3;

/// What to do: one path, killed at one target.
pub(super) struct Job {
    pub(super) path: usize,
    pub(super) target: Target,
}

/// What came of it.
pub(super) struct Done {
    pub(super) job: Job,
    pub(super) ran: Ran,
    pub(super) took_ms: u128,
}

/// The worlds, ready for work.
pub(super) struct Worlds<'a> {
    paths: &'a [Path],
    fast: Sender<Job>,
    slow: Sender<Job>,
    done: Receiver<Done>,
}

/// Runs `act` with worlds, which end when it has ended.
pub(super) fn with<T>(paths: &[Path], act: impl FnOnce(&Worlds<'_>) -> T) -> T {
    let ((fast, fast_jobs), (slow, slow_jobs)) = (channel(), channel());
    let (fast_jobs, slow_jobs) = (Mutex::new(fast_jobs), Mutex::new(slow_jobs));
    let (tell, done) = channel();
    std::thread::scope(|scope| {
        for (count, jobs) in [(WORLDS, &fast_jobs), (SLOW_WORLDS, &slow_jobs)] {
            for _ in 0..count {
                let tell = tell.clone();
                scope.spawn(move || one_world(paths, jobs, &tell));
            }
        }
        act(&Worlds { paths, fast, slow, done })
    })
}

impl Worlds<'_> {
    /// Does all jobs.
    pub(super) fn work(&self, jobs: Vec<Job>) -> Vec<Done> {
        let count = jobs.len();
        for job in jobs {
            let queue = if self.paths[job.path].slow { &self.slow } else { &self.fast };
            queue.send(job).expect("the worlds take jobs");
        }
        (0..count).map(|_| self.done.recv().expect("the worlds do their jobs")).collect()
    }
}

fn one_world(paths: &[Path], jobs: &Mutex<Receiver<Job>>, tell: &Sender<Done>) {
    let mut bench = None;
    loop {
        let next = jobs.lock().expect("a queue").recv();
        let Ok(job) = next else { break };
        let began = crate::clock::now();
        let bench_now = bench.get_or_insert_with(Bench::new);
        // What is asserted on the way is a failure of this point, too, and not of all that follow.
        let ran = catch_unwind(AssertUnwindSafe(|| reach(bench_now, &paths[job.path], &job.target)));
        let ran = ran.unwrap_or_else(|panic| Ran {
            points: Vec::new(),
            hit: true,
            objections: vec![Objection::Process(words_of(&*panic))],
            logs: bench_now.logs(),
        });
        if !ran.objections.is_empty() {
            // What follows must not suffer from it.
            bench = None;
        }
        if tell.send(Done { job, ran, took_ms: began.elapsed().as_millis() }).is_err() {
            break;
        }
    }
}

fn reach(bench: &mut Bench, path: &Path, target: &Target) -> Ran {
    let mut ran = bench.run(path, target);
    for _ in 1..TRIES_MAX {
        if ran.hit || *target == Target::Nowhere || !ran.objections.is_empty() {
            break;
        }
        ran = bench.run(path, target);
    }
    ran
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
