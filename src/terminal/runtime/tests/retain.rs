//! Cards that nobody takes: kept only where the bank configured it, by a unit that can, after the reminders.

use std::sync::Arc;

use devices::port::CardUnit;
use journal::Action;
use transaction::Recovery;

use super::{Goal, Runtime, composed};
use crate::card_desk::CardDesk;
use crate::card_worker::CardWork;
use crate::config::{Config, Retain};
use crate::pin_desk::SlotPlace;
use crate::queue::Mailbox;
use crate::runtime::{Ended, Parts};
use crate::test_support::card::trust;
use crate::test_support::people::{Customer, Decides, FakeHost, Seen};
use crate::test_support::unit::{FakeUnit, KeepingUnit};
use crate::test_support::{codes, configuration, log};

const PLACE: &str = "bin 1, slot 3";
const CALL: &str = "03-0000-0000";

/// Cards are kept after `reminders`, which come quickly. `None`: as by default.
fn configured(folder: &tempfile::TempDir, reminders: Option<u8>) -> Config {
    let mut config = configuration(folder.path());
    config.limits.card_take_ms_max = 60;
    config.retain = reminders.map(|after_reminders| Retain { after_reminders, call: CALL.to_owned() });
    config
}

fn count<T: AsRef<str>>(codes: &[T], code: &str) -> usize {
    codes.iter().filter(|found| found.as_ref() == code).count()
}

/// The last thing that was asked of the unit, and the only time: a reminder may find the one before still at work, so that
/// those are not counted here.
fn assert_kept_once(calls: &[&'static str]) {
    assert_eq!((calls.first(), calls.last()), (Some(&"make-safe"), Some(&"retain")), "{calls:?}");
    assert_eq!(count(calls, "retain"), 1, "{calls:?}");
}

#[test]
fn a_card_found_at_the_start_is_kept_only_after_the_reminders_and_the_log_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(&folder, Some(2));
    let seen_by_unit = config.clone();
    let look = move || {
        // Recorded before done: whoever asks the unit has made it durable that it will.
        let codes = codes(&seen_by_unit);
        assert_eq!((count(&codes, "card-not-taken"), count(&codes, "card-retaining")), (2, 1), "{codes:?}");
    };
    let unit = Arc::new(KeepingUnit::new(FakeUnit::taken_at(0), PLACE, look));
    let (parts, recovery) = composed(&config, Arc::clone(&unit) as Arc<dyn CardUnit>);
    let ended = Runtime::new(parts, Goal::Register).run(recovery);
    assert!(matches!(ended, Ended::Visit(report) if report.code == "host-unreachable"));
    assert_kept_once(&unit.calls());
    let entries = log(&config);
    let retained: Vec<_> = entries.iter().filter(|entry| entry.code.as_str() == "card-retained").collect();
    let [retained] = retained.as_slice() else { panic!("{:?}", codes(&config)) };
    assert_eq!(retained.detail.as_ref().unwrap().as_str(), PLACE);
    assert_eq!(retained.action, Some(Action::Clear), "a person must take it out");
    assert_eq!(retained.visit, None, "nobody knows whose visit it was");
}

/// The machine's thread with a customer who puts the card in and then leaves it.
pub(super) fn forgetful(
    config: &Config,
    unit: Arc<dyn CardUnit>,
    put_in: impl Fn(&Mailbox) + 'static,
) -> (Parts, Recovery, Seen) {
    let (mut parts, recovery) = composed(config, Arc::clone(&unit));
    let (mailbox, inbox) = Mailbox::new();
    let keys = mailbox.clone();
    let (customer, seen) = Customer::new(mailbox.clone(), move || put_in(&keys), false);
    let work = CardWork {
        pin_at: transaction::PinAt::Slot,
        unit,
        trust: Arc::new(trust()),
        slot: SlotPlace::new(jpki::PinSlot::new()),
        mailbox: mailbox.clone(),
        open_limit: std::time::Duration::from_secs(5),
    };
    parts.card = Box::new(CardDesk::new(work, std::time::Duration::from_secs(5)));
    parts.host = Box::new(FakeHost { mailbox, decides: Decides::Registered("A-1") });
    parts.screen = Box::new(customer);
    parts.post = Box::new(inbox);
    (parts, recovery, seen)
}

#[test]
fn who_leaves_a_card_reads_whom_to_call() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(&folder, Some(1));
    let unit = Arc::new(KeepingUnit::new(FakeUnit::taken_at(0).empty(), PLACE, || ()));
    let hand = Arc::clone(&unit);
    let (parts, recovery, seen) =
        forgetful(&config, Arc::clone(&unit) as Arc<dyn CardUnit>, move |_| hand.put_in());
    let ended = Runtime::new(parts, Goal::Register).run(recovery);
    // The fake opens no session: the visit ends there, with the card inside.
    assert!(matches!(ended, Ended::Visit(report) if report.code == "reader-failed"));
    assert_kept_once(&unit.calls());
    let seen = seen.lock().unwrap();
    let names: Vec<_> = seen.iter().map(|(name, _)| *name).collect();
    assert!(names.ends_with(&["stopped", "take-card", "retained"]), "{names:?}");
    assert_eq!(seen.last().unwrap().1.as_deref(), Some(CALL));
    let entries = log(&config);
    let of = |code: &str| entries.iter().find(|entry| entry.code.as_str() == code).unwrap();
    assert_eq!(of("card-retained").detail.as_ref().unwrap().as_str(), PLACE);
    assert_eq!(of("card-retained").visit, of("visit-opened").visit, "of this visit");
    assert!(!entries.iter().any(|entry| entry.code.as_str() == "card-taken"));
}

#[test]
fn a_unit_that_cannot_keep_a_card_says_so_and_the_card_is_offered_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(&folder, Some(1));
    // Taken when it is offered anew after the unit could not keep it.
    let unit = Arc::new(FakeUnit::taken_at(3));
    let (parts, recovery) = composed(&config, Arc::clone(&unit) as Arc<dyn CardUnit>);
    let ended = Runtime::new(parts, Goal::Register).run(recovery);
    assert!(matches!(ended, Ended::Visit(_)));
    assert_eq!(count(&unit.calls(), "return-card"), 3);
    let entries = log(&config);
    let at = |code: &str| {
        entries.iter().position(|entry| entry.code.as_str() == code).unwrap_or_else(|| panic!("{code}"))
    };
    assert!(at("card-retaining") < at("cannot-retain") && at("cannot-retain") < at("card-taken"));
    assert_eq!(entries[at("cannot-retain")].action, Some(Action::Configuration));
    assert!(!entries.iter().any(|entry| entry.code.as_str() == "card-retained"));
}

#[test]
fn without_the_table_a_card_is_offered_for_ever_and_never_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = configured(&folder, None);
    config.limits.card_take_ms_max = 10;
    // It could.
    let unit = Arc::new(KeepingUnit::new(FakeUnit::taken_at(30), PLACE, || ()));
    let (parts, recovery) = composed(&config, Arc::clone(&unit) as Arc<dyn CardUnit>);
    let ended = Runtime::new(parts, Goal::Register).run(recovery);
    assert!(matches!(ended, Ended::Visit(_)));
    let calls = unit.calls();
    assert_eq!(calls.iter().filter(|call| **call == "return-card").count(), 30);
    assert!(!calls.contains(&"retain"), "{calls:?}");
    let codes = codes(&config);
    assert!(count(&codes, "card-not-taken") >= 29, "{codes:?}");
    assert_eq!(count(&codes, "card-taken"), 1);
    assert_eq!((count(&codes, "card-retaining"), count(&codes, "card-retained")), (0, 0));
}
