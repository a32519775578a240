//! The machine's thread with a fake card unit, a real journal and a host that is not there, or with fakes at all its desks.

mod card_taken;
mod codes;
mod found;
mod health;
mod retain;
mod shutter;

use std::sync::Arc;
use std::time::Duration;

use devices::port::CardUnit;
use transaction::{Recovery, Screen};

use super::{Ended, Goal, Parts, Runtime};
use crate::catalogue::Catalogue;
use crate::compose::{ScreenKind, compose};
use crate::config::Config;
use crate::report::Report;
use crate::screen::{CustomerScreen, Facts, name};
use crate::test_support::unit::FakeUnit;
use crate::test_support::{codes, configuration};

/// The terminal, put together around a card unit.
fn composed(config: &Config, unit: Arc<dyn CardUnit>) -> (Parts, Recovery) {
    compose(config.clone(), ScreenKind::None, Box::new(|_| unit)).unwrap()
}

#[test]
fn without_a_host_a_visit_ends_before_any_card_and_the_card_left_inside_came_back() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let unit = Arc::new(FakeUnit::default());
    let fake = Arc::clone(&unit);
    let (parts, recovery) = compose(config.clone(), ScreenKind::None, Box::new(|_| fake)).unwrap();
    let Ended::Visit(report) = Runtime::new(parts, Goal::Register).run(recovery) else {
        panic!("no visit took place");
    };
    assert_eq!((report.outcome, report.code), ("refused", "host-unreachable"));
    assert_eq!((report.apdus, &report.evidence, &report.answer), (0, &None, &None));
    assert_eq!(unit.calls(), ["make-safe", "return-card"]);
    let codes = codes(&config);
    let last = "checkpoint-not-held";
    for code in ["started", "card-found-at-start", "card-taken", "visit-opened", "host-unreachable", last] {
        assert!(codes.iter().any(|found| found == code), "{code} is not in {codes:?}");
    }
}

#[test]
fn an_empty_outbox_is_delivered_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let unit: Arc<dyn CardUnit> = Arc::new(FakeUnit::default());
    let (parts, recovery) = compose(config, ScreenKind::None, Box::new(|_| unit)).unwrap();
    let ended = Runtime::new(parts, Goal::Deliver).run(recovery);
    assert!(matches!(ended, Ended::Delivered { left: 0 }));
}

#[test]
fn a_journal_that_cannot_be_written_gives_the_card_back_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let unit = Arc::new(FakeUnit::default());
    let fake = Arc::clone(&unit);
    let (parts, recovery) = compose(config.clone(), ScreenKind::None, Box::new(|_| fake)).unwrap();
    let other = rusqlite::Connection::open(config.journal_path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ended = Runtime::new(parts, Goal::Register).run(recovery);
    assert!(matches!(ended, Ended::NoVisit { code: "journal-failed" }));
    assert_eq!(unit.calls(), ["make-safe", "return-card"]);
}

/// A screen with a bug at one of its pages.
struct Panics(&'static str);

impl CustomerScreen for Panics {
    fn show(&mut self, screen: &Screen, _facts: &Facts<'_>) {
        assert_ne!(name(screen), self.0, "a bug in a screen");
    }

    fn out_of_service(&mut self) {}

    fn dots(&mut self, _entered: u8) {}

    fn help(&mut self, _screen: &Screen, _facts: &Facts<'_>) {}

    fn warn_time(&mut self, _screen: &Screen, _more: bool, _facts: &Facts<'_>) {}

    fn call_to_take_card(&mut self) {}

    fn card_at_other_reader(&mut self) {}

    fn speak(&mut self, _catalogue: Arc<Catalogue>) {}

    fn report(&mut self, _report: &Report) {}
}

#[test]
fn a_bug_gives_the_card_back_and_is_in_the_log_with_all_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let unit = Arc::new(FakeUnit::default());
    let fake = Arc::clone(&unit);
    let (mut parts, recovery) = compose(config.clone(), ScreenKind::None, Box::new(|_| fake)).unwrap();
    parts.screen = Box::new(Panics("take-card"));
    let ended = Runtime::new(parts, Goal::Register).run(recovery);
    assert!(matches!(ended, Ended::NoVisit { code: "program-error" }));
    assert!(unit.calls().contains(&"return-card"));
    let codes = codes(&config);
    let noted = codes.iter().position(|code| code == "card-found-at-start");
    let bug = codes.iter().position(|code| code == "program-error");
    assert!(noted.is_some() && noted < bug, "{codes:?}");
}

#[test]
fn a_bug_before_anybody_has_looked_gives_back_a_card_that_may_be_inside() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let unit = Arc::new(FakeUnit::default());
    let fake = Arc::clone(&unit);
    let (mut parts, recovery) = compose(config.clone(), ScreenKind::None, Box::new(|_| fake)).unwrap();
    parts.screen = Box::new(Panics("starting"));
    let ended = Runtime::new(parts, Goal::Register).run(recovery);
    assert!(matches!(ended, Ended::NoVisit { code: "program-error" }));
    assert_eq!(unit.calls(), ["make-safe", "return-card"]);
    assert_eq!(codes(&config), ["started", "program-error"]);
}

#[test]
fn an_outbox_that_cannot_be_read_ends_the_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let (tell, told) = std::sync::mpsc::channel();
    // The runtime stays on the thread that made it; the channel gives the test its limit.
    std::thread::spawn(move || {
        let unit: Arc<dyn CardUnit> = Arc::new(FakeUnit::default());
        let (parts, recovery) = compose(config.clone(), ScreenKind::None, Box::new(|_| unit)).unwrap();
        let other = rusqlite::Connection::open(config.journal_path()).unwrap();
        other.execute_batch("ALTER TABLE outbox RENAME TO elsewhere").unwrap();
        tell.send(Runtime::new(parts, Goal::Deliver).run(recovery))
    });
    let ended = told.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(matches!(ended, Ended::NoVisit { code: "journal-failed" }));
}
