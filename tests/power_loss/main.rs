//! The journal under power loss, and on a disk that is full or fails.
//!
//! Real processes are traced: every write, sync, rename and removal beside the journal is recorded in order. From the
//! recording, off-line, the medium is built as it may be after power was lost at any moment (`medium.rs` has the model),
//! and the real journal starts with each of these images. The store must be as before or as after the commit that was
//! being made, never a third thing, and never without a commit that had returned; a further commit must work, and the
//! chain verify. Two processes are recorded: the terminal through visits with everything around it real (`terminal.rs`), and a
//! driver that commits until SQLite has moved its log into the database (`driven.rs`).
//!
//! `faults.rs` lets the disk refuse instead: full, or failing, at every write and every sync of a visit.
//!
//! `MYNA_POWER_LOSS=full` tries every write and every seam of every moment; `MYNA_SEED=N` chooses other images by chance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]
#![allow(clippy::print_stdout, reason = "the figures are for scripts/test")]

mod clock;
mod dice;
mod driven;
mod faults;
mod images;
mod medium;
mod oracle;
mod proof;
mod recording;
mod terminal;
mod workload;

use images::Effort;
use medium::Medium;

fn seed() -> u64 {
    std::env::var("MYNA_SEED").map_or(20_261_121, |seed| seed.parse().expect("MYNA_SEED is a number"))
}

fn is_full() -> bool {
    std::env::var("MYNA_POWER_LOSS").is_ok_and(|effort| effort == "full")
}

/// `usual` for a commit; more where the database itself is written or names change; everything when asked for.
fn effort(usual: Effort, medium: &Medium) -> Effort {
    if is_full() {
        Effort { seams: usize::MAX, chances: 200, each_max: usize::MAX }
    } else if medium.writes_database() || medium.namings() > 0 {
        Effort { seams: 2, chances: 60, each_max: 64 }
    } else {
        usual
    }
}

/// One line for scripts/test.
fn report(what: &str, figures: impl std::fmt::Display, opened: u64, since: std::time::Instant) {
    let rate = opened as f64 / since.elapsed().as_secs_f64();
    myna_tests::prove(&format!(
        "proof 5: {what}: {figures}; {opened} different images opened, {rate:.0} a second; seed {}",
        seed()
    ));
}
