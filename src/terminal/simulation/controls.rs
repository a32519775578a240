//! Negative controls: bugs put in on purpose, each of which must be found, by the promise that it breaks.

use std::collections::BTreeSet;

use super::fixture;
use super::run::{Plot, run};
use super::world::Sabotage;

const SEEDS: u64 = 40;
const VISITS: u32 = 40;

/// The bug is found, and called by its name.
fn finds(sabotage: Sabotage, names: &[&str]) {
    let _held_for_all_runs = fixture::get();
    let plot = |seed, sabotage| Plot { seed, visits: VISITS, sabotage, written: false };
    let mut found = BTreeSet::new();
    for seed in 1..=SEEDS {
        if let Err(broken) = run(plot(seed, Some(sabotage))).result {
            assert!(names.contains(&broken.promise), "seed {seed}: {}: {}", broken.promise, broken.what);
            found.insert(broken.promise);
            if found.len() == names.len() {
                break;
            }
        }
    }
    assert!(!found.is_empty(), "{sabotage:?} is not found in {SEEDS} runs");
}

#[test]
fn a_host_that_decides_twice_is_found() {
    finds(Sabotage::HostDecidesTwice, &["decided-once"]);
}

#[test]
fn a_desk_that_verifies_twice_is_found() {
    finds(Sabotage::DeskVerifiesTwice, &["no-surprise-lock"]);
}

#[test]
fn a_desk_that_asks_the_readers_pad_twice_is_found() {
    finds(Sabotage::DeskAsksReaderTwice, &["recorded-before-done"]);
}

#[test]
fn an_outbox_that_forgets_one_request_is_found() {
    finds(Sabotage::OutboxForgetsOne, &["outbox-goes-on"]);
}

#[test]
fn a_restart_that_forgets_the_outbox_is_found() {
    finds(Sabotage::RestartForgetsOutbox, &["outbox-goes-on"]);
}

#[test]
fn a_screen_that_promises_too_much_is_found() {
    finds(Sabotage::ScreenPromises, &["recorded-before-done"]);
}

#[test]
fn a_card_that_stays_in_the_machine_is_found() {
    finds(Sabotage::CardStays, &["card-comes-back"]);
}

#[test]
fn a_restart_that_leaves_power_on_the_card_is_found() {
    finds(Sabotage::RestartLeavesPower, &["powered-off-first"]);
}

#[test]
fn a_ledger_that_bears_every_failure_is_found() {
    finds(Sabotage::LedgerBearsAll, &["failing-device-said"]);
}

#[test]
fn a_way_in_that_stays_open_is_found() {
    finds(Sabotage::WayInStaysOpen, &["let-in-when-asked"]);
}

#[test]
fn a_warning_that_nobody_sees_is_found() {
    finds(Sabotage::WarningUnseen, &["warned-in-time"]);
}
