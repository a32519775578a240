//! A unit with a shutter: told that a card is wanted when the screen asks for one, and that it is not when the screen does
//! not, whatever ends the question.

use std::sync::Arc;

use devices::port::{CardEvent, CardUnit, FaultKind};
use transaction::{Event, Key};

use super::retain::forgetful;
use super::{Goal, Runtime};
use crate::queue::Mailbox;
use crate::runtime::Ended;
use crate::test_support::configuration;
use crate::test_support::unit::{FakeUnit, unit_fault};

/// One visit, in which the customer does `act` when a card is asked for: how it ended, and what the unit was told.
fn visit(act: impl Fn(&FakeUnit, &Mailbox) + 'static) -> (&'static str, Vec<bool>) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = configuration(folder.path());
    config.limits.insert_card_ms_max = 300;
    let unit = Arc::new(FakeUnit::taken_at(1).empty());
    let hand = Arc::clone(&unit);
    let (parts, recovery, _seen) =
        forgetful(&config, Arc::clone(&unit) as Arc<dyn CardUnit>, move |mailbox| act(&hand, mailbox));
    let code = match Runtime::new(parts, Goal::Register).run(recovery) {
        Ended::Visit(report) => report.code,
        Ended::NoVisit { code } => code,
        Ended::Stopped | Ended::Delivered { .. } => panic!("there is one visit to serve"),
    };
    (code, unit.entry())
}

#[test]
fn the_way_in_is_open_when_a_card_is_asked_for_and_closed_when_it_came() {
    let (code, entry) = visit(|unit, _| {
        assert_eq!(unit.entry(), [true], "open before the screen says so");
        unit.put_in();
    });
    // The fake opens no session: the visit ends there.
    assert_eq!((code, entry.as_slice()), ("reader-failed", [true, false].as_slice()));
}

#[test]
fn who_cancels_or_goes_away_leaves_it_closed() {
    let cancelled = visit(|_, mailbox| mailbox.event(Event::Key(Key::Cancel)));
    assert_eq!(cancelled, ("cancelled", vec![true, false]));
    let gone = visit(|_, _| ());
    assert_eq!(gone, ("timed-out", vec![true, false]));
}

#[test]
fn a_bug_while_a_card_is_asked_for_closes_it() {
    assert_eq!(visit(|_, _| panic!("a bug in a screen")), ("program-error", vec![true, false]));
}

#[test]
fn a_unit_that_was_away_is_told_again() {
    let (code, entry) = visit(|unit, _| {
        unit.report(CardEvent::Unavailable(unit_fault(FaultKind::Transient, "card-unit-lost-power")));
        unit.report(CardEvent::Available);
        unit.report(CardEvent::Removed);
        unit.put_in();
    });
    assert_eq!((code, entry.as_slice()), ("reader-failed", [true, true, false].as_slice()));
}
