//! Many runs on two threads, each with a seed of its own from one base seed; the sum of what they reached; and, when one
//! fails, the command that replays it.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use transaction::{Refusal, Rejection};

use super::diary::{Coverage, RECORDS, SCREENS};
use super::dice::Dice;
use super::fixture;
use super::rows::KEEPS_FAILING;
use super::run::{Plot, Summary, run};
use super::world::Broken;
use crate::clock;

/// Visits of one run, which has a journal of its own: long enough for everything that grows in it.
pub(super) const VISITS_A_RUN: u32 = 250;

const THREADS: u32 = 2;

/// Between two lines that say how far it is.
const PROGRESS_S: u64 = 20;

/// Lines of the event log that are shown when a run fails.
const LAST_LINES: usize = 60;

/// A number from the environment: decimal, or hexadecimal after `0x`.
pub(super) fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    let number = text.strip_prefix("0x").map_or_else(|| text.parse(), |hex| u64::from_str_radix(hex, 16));
    Some(number.unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// How much is to be run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Campaign {
    pub(super) base: u64,
    pub(super) visits: u64,
    /// Instead of a number of visits.
    pub(super) seconds: Option<u64>,
}

impl Campaign {
    /// The seed of one run.
    pub(super) const fn seed(self, number: u64) -> u64 {
        Dice::new(self.base ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03)).next()
    }

    /// Runs until it is enough, and says what it was. Stops at the first run that fails.
    pub(super) fn run(self) -> Summary {
        let _held_for_all_runs = fixture::get();
        let started = clock::instant();
        let seconds = || clock::instant().saturating_duration_since(started).as_secs_f64();
        println!("random visits: base seed {}", self.base);
        let (next, shown) = (AtomicU64::new(0), AtomicU64::new(PROGRESS_S));
        let total = Mutex::new(Summary::default());
        let failed: Mutex<Option<(u64, Broken)>> = Mutex::new(None);
        let done = || match self.seconds {
            Some(most) => seconds() >= most as f64,
            None => next.load(Ordering::Relaxed) * u64::from(VISITS_A_RUN) >= self.visits,
        };
        let work = || {
            while !done() && failed.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
                let seed = self.seed(next.fetch_add(1, Ordering::Relaxed));
                match run(Plot { seed, visits: VISITS_A_RUN, sabotage: None, written: false }).result {
                    Ok(summary) => total.lock().unwrap().add(summary),
                    Err(broken) => _ = failed.lock().unwrap().get_or_insert((seed, broken)),
                }
                let now = seconds();
                if shown.fetch_max(now as u64 / PROGRESS_S * PROGRESS_S + PROGRESS_S, Ordering::Relaxed)
                    <= now as u64
                {
                    let visits = total.lock().unwrap().visits;
                    println!(
                        "random visits: {visits} in {now:.0} s, {:.0} a second",
                        f64::from(visits) / now
                    );
                }
            }
        };
        std::thread::scope(|scope| (0..THREADS).for_each(|_| _ = scope.spawn(work)));
        if let Some((seed, broken)) = failed.into_inner().unwrap() {
            explain(seed, &broken);
        }
        let total = total.into_inner().unwrap();
        self.prove(&total, seconds());
        total
    }

    /// One line that says what was shown.
    fn prove(self, total: &Summary, seconds: f64) {
        let Summary { visits, runs, kills, processes, commits_fair_max, commits_max, decided, .. } = total;
        let line = format!(
            "proof 3: {visits} visits in {runs} runs, {seconds:.0} s ({:.0} a second), {kills} kills, {processes} starts, \
             {decided} decisions, seed {}, at most {commits_fair_max} commits a visit without faults and {commits_max} with",
            f64::from(*visits) / seconds,
            self.base
        );
        // On a line of its own, whatever the test runner wrote before.
        println!("\n{line}");
        if let Some(path) = std::env::var_os("MYNA_PROOFS") {
            use std::io::Write as _;
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
            file.and_then(|mut file| writeln!(file, "{line}")).unwrap();
        }
    }
}

/// Runs it once more with the log on, and panics with its end.
fn explain(seed: u64, broken: &Broken) -> ! {
    let finished = run(Plot { seed, visits: VISITS_A_RUN, sabotage: None, written: true });
    let mut text = String::new();
    for line in &finished.lines[finished.lines.len().saturating_sub(LAST_LINES)..] {
        let _ = writeln!(text, "{line}");
    }
    panic!(
        "{text}\nseed {seed}: {}: {}\nreplay, all {} lines:\n  MYNA_SEED={seed} cargo test -p myna-atm simulation::replay -- --nocapture\n",
        broken.promise,
        broken.what,
        finished.lines.len()
    );
}

impl Summary {
    fn add(&mut self, other: Self) {
        self.runs += 1;
        self.visits += other.visits;
        self.processes += other.processes;
        self.kills += other.kills;
        self.decided += other.decided;
        self.entries += other.entries;
        self.commits_fair_max = self.commits_fair_max.max(other.commits_fair_max);
        self.commits_max = self.commits_max.max(other.commits_max);
        self.coverage.add(other.coverage);
    }
}

/// Records that no letter to the runtime can bring about: only the core's own table reaches them.
const NOT_FROM_HERE: [&str; 1] = ["BeginIgnored"];

impl Coverage {
    /// Everything was reached: each state, each screen, each kind of record, each reason to refuse or to reject, and each
    /// way in which a process ends.
    pub(super) fn assert_whole(&self) {
        let states = include_str!("../../transaction/states.rs");
        let states = states.rsplit_once("states! {").unwrap().1.split_once('}').unwrap().0;
        let states = states.split(',').map(str::trim).filter(|state| !state.is_empty());
        let records = RECORDS.iter().copied().filter(|record| !NOT_FROM_HERE.contains(record));
        let codes = Refusal::ALL.iter().map(|refusal| refusal.code());
        let codes = codes.chain(Rejection::ALL.iter().map(|rejection| rejection.code()));
        let codes = codes.chain(KEEPS_FAILING);
        let ends = ["delivered", "journal-failed", "killed", "no-visit", "stopped", "visit"];
        let outcomes = ["registered", "already-registered", "refused", "pending", "fault"];
        let missing: Vec<&str> = states
            .filter(|state| !self.states.contains(state))
            .chain(SCREENS.into_iter().filter(|screen| !self.screens.contains(screen)))
            .chain(records.filter(|record| !self.records.contains(record)))
            .chain(codes.filter(|code| !self.codes.contains(code)))
            .chain(outcomes.into_iter().filter(|outcome| !self.outcomes.contains(outcome)))
            .chain(ends.into_iter().filter(|end| !self.ends.contains(end)))
            .collect();
        assert!(missing.is_empty(), "never reached: {missing:?}");
    }
}
