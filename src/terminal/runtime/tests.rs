//! The machine's thread with a fake card unit, a real journal and a host that is not there.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use devices::port::{
    Action, CardEvent, CardEventSink, CardSession, CardUnit, CardUnitStatus, DeviceState, Fault, FaultKind,
    MediaState, Presence, Return, WatchGuard,
};
use test_pki::Pki;
use transaction::Screen;

use super::{Ended, Goal, Runtime};
use crate::catalogue::Catalogue;
use crate::clock;
use crate::compose::{ScreenKind, compose};
use crate::config::Config;
use crate::report::Report;
use crate::screen::{CustomerScreen, Facts, name};

/// A unit with a card inside, whose customer takes it as soon as it is given back.
#[derive(Default)]
struct FakeUnit {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sink: Option<CardEventSink>,
    taken: bool,
    calls: Vec<&'static str>,
}

impl FakeUnit {
    fn calls(&self) -> Vec<&'static str> {
        self.state.lock().unwrap().calls.clone()
    }
}

impl CardUnit for FakeUnit {
    fn name(&self) -> &str {
        "fake"
    }

    fn watch(&self, sink: CardEventSink) -> Result<WatchGuard, Fault> {
        let mut state = self.state.lock().unwrap();
        sink(if state.taken { CardEvent::Removed } else { CardEvent::Inserted });
        state.sink = Some(sink);
        Ok(WatchGuard::new(|| ()))
    }

    fn open(&self, _limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        Err(Fault {
            kind: FaultKind::Broken,
            device: "card unit",
            code: "reader-failed",
            action: Action::Maintenance,
            what: "a fake opens nothing".to_owned(),
            source: None,
        })
    }

    fn make_safe(&self, _limit: Duration) -> Result<Presence, Fault> {
        let mut state = self.state.lock().unwrap();
        state.calls.push("make-safe");
        Ok(if state.taken { Presence::Absent } else { Presence::PoweredOff })
    }

    fn return_card(&self) -> Result<Return, Fault> {
        let mut state = self.state.lock().unwrap();
        state.calls.push("return-card");
        state.taken = true;
        if let Some(sink) = &state.sink {
            sink(CardEvent::Removed);
        }
        Ok(Return::TakeIt)
    }

    fn status(&self) -> CardUnitStatus {
        CardUnitStatus { reader: None, device: DeviceState::Online, media: MediaState::Unknown }
    }
}

/// A configuration in `folder`, with test keys, and a host where nobody listens.
fn configuration(folder: &Path) -> Config {
    let pki = folder.join("pki");
    Pki::open_or_create(&pki, clock::now()).unwrap().terminal("T0001").unwrap();
    let pki = pki.display();
    let key = |name: &str| {
        let files = format!("{pki}/terminals/T0001/{name}");
        format!("{{ certificate = \"{files}.crt.pem\", key = \"{files}.key.pem\" }}")
    };
    let (tls, evidence, log) = (key("tls"), key("evidence"), key("log"));
    let text = format!(
        r#"
terminal_id = "T0001"
state_dir = "state"
allow_test_roots = true
bench_only = true
[place]
name = "ベンチ"
[host]
url = "https://localhost:1"
ca = "{pki}/ca/host.crt.pem"
answer_ca = "{pki}/ca/host.crt.pem"
[keys]
tls = {tls}
evidence = {evidence}
log = {log}
[trust]
card_anchors_test = "{pki}/anchors/card-test"
terminal_ca = "{pki}/ca/terminal.crt.pem"
[pin_pad]
kind = "socket"
path = "pad"
[printer]
kind = "file"
dir = "receipts"
[limits]
notice_ms_max = 5000
time_warning_ms = 1000
outbox_at_end_ms_max = 1000
"#
    );
    Config::parse(&text, Path::new("test.toml"), folder).unwrap()
}

fn codes(config: &Config) -> Vec<String> {
    let page = journal::read_log(&config.journal_path(), &journal::Filter::default()).unwrap();
    page.entries.iter().map(|logged| logged.entry.code.as_str().to_owned()).collect()
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
    let mut calls = unit.calls();
    calls.sort_unstable();
    assert_eq!(calls, ["make-safe", "return-card"]);
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
    let mut calls = unit.calls();
    calls.sort_unstable();
    assert_eq!(calls, ["make-safe", "return-card"]);
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
