//! The wait for the card when there is no machine any more: a fault that passes does not end it, and it has an end.

use std::sync::Arc;
use std::time::Duration;

use devices::port::{CardEvent, FaultKind};

use super::{Ended, Goal, Runtime, composed};
use crate::clock;
use crate::test_support::configuration;
use crate::test_support::unit::{FakeUnit, unit_fault};

const REMINDER_MS: u32 = 60;

/// A journal that takes nothing, with a card found inside: how often the card was given back until the process ended.
/// `meanwhile` happens after the first time.
fn given_back(unit: FakeUnit, meanwhile: impl FnOnce(&FakeUnit) + Send) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut config = configuration(folder.path());
    config.limits.card_take_ms_max = REMINDER_MS;
    let unit = Arc::new(unit);
    let (parts, recovery) = composed(&config, Arc::<FakeUnit>::clone(&unit));
    let other = rusqlite::Connection::open(config.journal_path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let times = |unit: &FakeUnit| unit.calls().iter().filter(|call| **call == "return-card").count();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let until = clock::instant() + Duration::from_secs(20);
            while times(&unit) == 0 && clock::instant() < until {
                std::thread::park_timeout(Duration::from_millis(5));
            }
            meanwhile(&unit);
        });
        let ended = Runtime::new(parts, Goal::Register).run(recovery);
        assert!(matches!(ended, Ended::NoVisit { code: "journal-failed" }));
    });
    times(&unit)
}

#[test]
fn a_motor_that_gets_stuck_twice_gives_the_card_back_the_third_time() {
    assert_eq!(given_back(FakeUnit::that_sticks(2), |_| ()), 3);
}

#[test]
fn a_unit_that_was_away_for_a_moment_is_waited_for() {
    let away = |kind| CardEvent::Unavailable(unit_fault(kind, "card-unit-lost-power"));
    let times = given_back(FakeUnit::taken_at(4), |unit| {
        unit.report(away(FaultKind::Transient));
        unit.report(away(FaultKind::NeedsOperator));
        unit.report(CardEvent::Available);
        unit.report(CardEvent::Inserted);
    });
    assert_eq!(times, 4);
}

#[test]
fn a_unit_that_is_gone_for_good_is_not() {
    let times = given_back(FakeUnit::taken_at(0), |unit| {
        unit.report(CardEvent::Unavailable(unit_fault(FaultKind::Broken, "port-gone")));
    });
    assert!((1..3).contains(&times), "{times}");
}

#[test]
fn a_unit_that_does_not_come_back_is_reminded_so_often_and_no_more() {
    let times = given_back(FakeUnit::taken_at(0), |unit| {
        unit.report(CardEvent::Unavailable(unit_fault(FaultKind::Transient, "card-unit-lost-power")));
    });
    assert!((5..8).contains(&times), "{times}");
}
