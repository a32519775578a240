//! Devices that vanish, return, and keep failing, through the machine's thread: who is served, and who hears why not.
//!
//! The desks of unit, pad and printer are the product's; what stands behind them are fakes with a plug.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use devices::port::{
    self, CancelToken, CardUnit, DeviceState, PaperState, PinEntry, PinOutcome, PinPad, PinProgressSink,
    Printed, Printer, PrinterStatus,
};
use devices::printer::Receipt;
use jpki::PinSlot;
use transaction::{CardEvent, Closed, EffectNo, Event, Key, Order, Screen, VisitId};

use super::composed;
use crate::card_desk::CardDesk;
use crate::card_worker::CardWork;
use crate::catalogue::Catalogue;
use crate::clock;
use crate::config::Config;
use crate::desks::CardSide;
use crate::health;
use crate::other_readers::OtherReaders;
use crate::pin_desk::{PinDesk, SlotPlace};
use crate::print_desk::PrintDesk;
use crate::queue::{Mailbox, Message, Story};
use crate::report::Report;
use crate::runtime::{Ended, Goal, Runtime};
use crate::screen::{CustomerScreen, Facts, name};
use crate::test_support::card::{TestCard, trust};
use crate::test_support::people::{Decides, FakeCardSide, FakeHost};
use crate::test_support::unit::FakeUnit;
use crate::test_support::{codes, configuration, log};

/// What was before the customer: names of screens with their code, results, notices.
type Seen = Arc<Mutex<Vec<String>>>;

/// Does something at the n-th time, from 1, that the screen of this name is shown; true: and nothing else.
type Script = Box<dyn FnMut(&str, usize, &Mailbox) -> bool>;

/// A customer who goes on at every screen, but for what the script does.
struct Stage {
    mailbox: Mailbox,
    seen: Seen,
    script: Script,
}

impl Stage {
    fn press(&self, key: Key) {
        self.mailbox.event(Event::Key(key));
    }
}

impl CustomerScreen for Stage {
    fn show(&mut self, screen: &Screen, _facts: &Facts<'_>) {
        let name = name(screen);
        let shown = match screen {
            Screen::Stopped { outcome, .. } => format!("{name} {}", outcome.code()),
            Screen::Result { outcome, receipt, .. } => format!("{name} {} {receipt}", outcome.code()),
            Screen::OutOfService { why: Closed::Fault(fault) } => format!("{name} {}", fault.code),
            _ => name.to_owned(),
        };
        let times = {
            let mut seen = self.seen.lock().unwrap();
            seen.push(shown);
            seen.iter().filter(|seen| seen.split(' ').next() == Some(name)).count()
        };
        if (self.script)(name, times, &self.mailbox) {
            return;
        }
        match screen {
            Screen::Menu | Screen::Terms | Screen::Stopped { .. } | Screen::NoReceipt => {
                self.press(Key::Confirm)
            }
            Screen::InsertCard => self.mailbox.event(Event::Card(CardEvent::Inserted)),
            Screen::Result { receipt: true, .. } => self.press(Key::Yes),
            Screen::Result { receipt: false, .. } => self.press(Key::Confirm),
            Screen::TakeCard => self.mailbox.event(Event::Card(CardEvent::Removed)),
            _ => {}
        }
    }

    fn out_of_service(&mut self) {}

    fn dots(&mut self, _entered: u8) {}

    fn help(&mut self, _screen: &Screen, _facts: &Facts<'_>) {}

    fn warn_time(&mut self, _screen: &Screen, _more: bool, _facts: &Facts<'_>) {}

    fn call_to_take_card(&mut self) {}

    fn card_at_other_reader(&mut self) {
        self.seen.lock().unwrap().push("notice card-at-other-reader".to_owned());
    }

    fn speak(&mut self, _catalogue: Arc<Catalogue>) {}

    fn report(&mut self, _report: &Report) {}
}

/// The desk of a unit with a plug, and a good card in it.
struct Plugged {
    desk: CardDesk,
    card: FakeCardSide,
}

impl CardSide for Plugged {
    fn permit_entry(&mut self, permitted: bool) {
        self.desk.permit_entry(permitted);
    }

    fn make_safe(&mut self, to: Option<EffectNo>) {
        self.desk.make_safe(to);
    }

    fn read(&mut self, to: EffectNo, visit: VisitId) {
        self.card.read(to, visit);
    }

    fn verify(&self, to: EffectNo) {
        self.card.verify(to);
    }

    fn verify_on_pad(&mut self, to: EffectNo) {
        self.card.verify_on_pad(to);
    }

    fn sign(&self, to: EffectNo, input: Vec<u8>) {
        self.card.sign(to, input);
    }

    fn end(&mut self) {}

    fn return_card(&mut self) {}

    fn retain(&mut self, _to: EffectNo) {
        panic!("nobody configured it");
    }

    fn close(&mut self) {
        self.desk.close();
    }
}

fn fault(device: &'static str, code: &'static str) -> port::Fault {
    let (kind, action) = (port::FaultKind::Broken, port::Action::Maintenance);
    port::Fault { kind, device, code, action, what: "a fake fails on purpose".to_owned(), source: None }
}

/// A pad that fails so often, and then takes a PIN at once.
struct Flaky(AtomicU32);

impl PinPad for Flaky {
    fn enter(&self, _: PinEntry, slot: PinSlot, _: PinProgressSink, _: &CancelToken) -> PinOutcome {
        let fails = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match fails {
            Ok(_) => PinOutcome::Fault(slot, fault("PIN pad", "pad-failed")),
            Err(_) => PinOutcome::Entered(slot),
        }
    }
}

/// A printer with a plug, that fails so often.
struct Press {
    unplugged: AtomicU32,
    fails: AtomicU32,
}

impl Printer for Press {
    fn print(&self, _receipt: &Receipt) -> Result<Printed, port::Fault> {
        match self.fails.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Err(fault("printer", "printer-error")),
            Err(_) => Ok(Printed { picture: None }),
        }
    }

    fn status(&self) -> PrinterStatus {
        match self.unplugged.load(Ordering::SeqCst) {
            0 => PrinterStatus::new(DeviceState::Online, PaperState::Full),
            _ => PrinterStatus {
                reason: Some(port::Reason::from(&fault("printer", "port-gone"))),
                ..PrinterStatus::new(DeviceState::NoDevice, PaperState::Unknown)
            },
        }
    }
}

/// What stands at the machine.
struct Bench {
    folder: tempfile::TempDir,
    config: Config,
    unit: Arc<FakeUnit>,
    other: Arc<FakeUnit>,
    pad: Arc<Flaky>,
    press: Arc<Press>,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = configuration(folder.path());
        config.limits.device_failures_max = 2;
        config.limits.repair_pause_ms = 20;
        Self {
            folder,
            config,
            unit: Arc::new(FakeUnit::default().empty()),
            other: Arc::new(FakeUnit::default().empty()),
            pad: Arc::new(Flaky(AtomicU32::new(0))),
            press: Arc::new(Press { unplugged: AtomicU32::new(0), fails: AtomicU32::new(0) }),
        }
    }

    /// Serves, until the script terminates the process. What was seen.
    fn serves(&self, script: impl FnMut(&str, usize, &Mailbox) -> bool + Send + 'static) -> Vec<String> {
        let seen = Seen::default();
        let (config, of_stage) = (self.config.clone(), Arc::clone(&seen));
        let (unit, other) = (Arc::clone(&self.unit), Arc::clone(&self.other));
        let (pad, press) = (Arc::clone(&self.pad), Arc::clone(&self.press));
        let (tell, told) = std::sync::mpsc::channel();
        // The runtime stays on the thread that made it; the channel gives the test its limit.
        std::thread::spawn(move || {
            let (mut parts, recovery) = composed(&config, Arc::new(FakeUnit::default()));
            let (mailbox, inbox) = Mailbox::new();
            let (place, pin_at) = (SlotPlace::new(PinSlot::new()), transaction::PinAt::Slot);
            let work = CardWork {
                unit: unit as Arc<dyn CardUnit>,
                trust: Arc::new(trust()),
                slot: place.clone(),
                pin_at,
                mailbox: mailbox.clone(),
                open_limit: Duration::from_secs(5),
            };
            let card =
                FakeCardSide { mailbox: mailbox.clone(), card: TestCard::new(), visit: None.into(), pin_at };
            parts.card = Box::new(Plugged { desk: CardDesk::new(work, Duration::from_secs(5)), card });
            parts.pin = Box::new(PinDesk::new(pad, place, mailbox.clone(), 1_000));
            parts.printer = Box::new(PrintDesk::new(press, mailbox.clone(), Duration::from_secs(15)));
            parts.host = Box::new(FakeHost { mailbox: mailbox.clone(), decides: Decides::Registered("A-1") });
            parts.others = OtherReaders::new(vec![other as Arc<dyn CardUnit>], mailbox.clone());
            parts.post = Box::new(inbox);
            parts.screen = Box::new(Stage { mailbox, seen: of_stage, script: Box::new(script) });
            let ended = Runtime::new(parts, Goal::Serve).run(recovery);
            tell.send(matches!(ended, Ended::Stopped)).unwrap();
        });
        let ended = told.recv_timeout(Duration::from_secs(30));
        let seen = seen.lock().unwrap().clone();
        assert_eq!(ended, Ok(true), "{seen:?}");
        seen
    }

    fn shown(&self) -> Vec<health::ShownDevice> {
        health::read(&self.folder.path().join("state")).unwrap().devices
    }

    fn count(&self, code: &str) -> usize {
        codes(&self.config).iter().filter(|found| *found == code).count()
    }
}

fn count(seen: &[String], what: &str) -> usize {
    seen.iter().filter(|seen| *seen == what).count()
}

fn ends(mailbox: &Mailbox) -> bool {
    mailbox.post(Message::Terminate, Story::default());
    true
}

fn resumes(mailbox: &Mailbox) -> bool {
    mailbox.event(Event::Order(Order::Resume));
    true
}

#[test]
fn a_card_unit_that_was_unplugged_at_the_menu_or_in_a_visit_serves_the_next_customer() {
    let bench = Bench::new();
    let unit = Arc::clone(&bench.unit);
    let seen = bench.serves(move |screen, times, mailbox| match (screen, times) {
        ("menu", 1) => {
            unit.is_unplugged();
            true
        }
        // Longer than some looks for it: what is away is waited for.
        ("card-unit-down", 1) => {
            let unit = Arc::clone(&unit);
            std::thread::spawn(move || {
                clock::pause(Duration::from_millis(200));
                unit.is_plugged_in();
            });
            true
        }
        // The first customer's card cannot be asked for; the unit comes back while they still stand there.
        ("insert-card", 1) => {
            unit.is_unplugged();
            unit.is_plugged_in();
            mailbox.event(Event::Card(CardEvent::Inserted));
            true
        }
        ("menu", 3) => ends(mailbox),
        _ => false,
    });
    assert_eq!(count(&seen, "receipt registered true"), 1, "{seen:?}");
    assert_eq!(
        (bench.count("card-unit-back"), bench.count("registered")),
        (2, 2),
        "{:?}",
        codes(&bench.config)
    );
    let shown = bench.shown();
    assert_eq!((shown[0].state.as_str(), shown[0].failures), ("online", 0));
    assert_eq!(shown[0].last_failure.as_ref().unwrap().code, "reader-not-found");
    let entries = log(&bench.config);
    let lost: Vec<_> = entries.iter().filter(|entry| entry.code.as_str() == "reader-not-found").collect();
    let [lost, _] = lost.as_slice() else { panic!("once at each loss: {:?}", codes(&bench.config)) };
    assert_eq!(lost.value.as_ref().map(journal::Word::as_str), Some("noDevice"));
}

#[test]
fn a_unit_that_is_away_at_the_start_is_one_entry_in_words_of_xfs4iot() {
    let bench = Bench::new();
    bench.unit.is_unplugged();
    let seen = bench.serves(move |screen, times, mailbox| match (screen, times) {
        // Looked for a few times, and told of by itself.
        ("card-unit-down", 4) => ends(mailbox),
        _ => false,
    });
    assert!(count(&seen, "card-unit-down") >= 4, "{seen:?}");
    let entries = log(&bench.config);
    let lost: Vec<_> = entries.iter().filter(|entry| entry.code.as_str() == "reader-not-found").collect();
    let [lost] = lost.as_slice() else { panic!("one fault, one entry: {:?}", codes(&bench.config)) };
    let word = |word: &Option<journal::Word>| word.as_ref().map(|word| word.as_str().to_owned());
    assert_eq!(word(&lost.object).as_deref(), Some("common.device"));
    assert_eq!(word(&lost.value).as_deref(), Some("noDevice"));
    assert_eq!(lost.action, Some(journal::Action::Maintenance));
}

#[test]
fn a_printer_that_was_unplugged_prints_for_the_next_customer() {
    let bench = Bench::new();
    let press = Arc::clone(&bench.press);
    let seen = bench.serves(move |screen, times, mailbox| match (screen, times) {
        ("menu", 1) => {
            press.unplugged.store(1, Ordering::SeqCst);
            false
        }
        ("menu", 2) => {
            press.unplugged.store(0, Ordering::SeqCst);
            false
        }
        ("menu", 3) => ends(mailbox),
        _ => false,
    });
    assert_eq!(count(&seen, "receipt registered false"), 1, "{seen:?}");
    assert_eq!((count(&seen, "receipt registered true"), bench.count("receipt-printed")), (1, 1), "{seen:?}");
    assert_eq!(
        (bench.count("port-gone"), bench.count("printer-ready")),
        (1, 1),
        "{:?}",
        codes(&bench.config)
    );
    let shown = bench.shown();
    assert_eq!((shown[2].state.as_str(), shown[2].paper.as_deref()), ("online", Some("full")));
    assert_eq!(shown[2].failures, 0);
}

#[test]
fn a_pad_that_failed_and_works_serves_the_next_customer() {
    let bench = Bench::new();
    bench.pad.0.store(2, Ordering::SeqCst);
    let seen = bench.serves(|screen, times, mailbox| match (screen, times) {
        ("menu", 4) => ends(mailbox),
        _ => false,
    });
    assert_eq!(count(&seen, "stopped pad-failed"), 2, "{seen:?}");
    assert_eq!(count(&seen, "receipt registered true"), 1, "{seen:?}");
    assert_eq!(bench.count("pin-pad-ready"), 1, "{:?}", codes(&bench.config));
    assert_eq!(bench.shown()[1].failures, 0);
}

#[test]
fn a_pad_that_keeps_failing_closes_the_machine_until_a_person_has_looked() {
    let bench = Bench::new();
    bench.pad.0.store(3, Ordering::SeqCst);
    let file = bench.folder.path().join("state");
    let seen = bench.serves(move |screen, times, mailbox| match (screen, times) {
        ("out-of-service", 1) => {
            // Shown to operators while it is so; the file is written when the machine waits.
            let mailbox = mailbox.clone();
            let file = file.clone();
            std::thread::spawn(move || {
                let told = || health::read(&file).unwrap().devices[1].out_of_service.is_some();
                while !told() {
                    clock::pause(Duration::from_millis(5));
                }
                resumes(&mailbox)
            });
            true
        }
        ("menu", 5) => ends(mailbox),
        _ => false,
    });
    assert_eq!(count(&seen, "stopped pad-failed"), 3, "{seen:?}");
    assert_eq!(count(&seen, "out-of-service pin-pad-keeps-failing"), 1, "{seen:?}");
    assert_eq!(count(&seen, "receipt registered true"), 1, "served again: {seen:?}");
    let entries = log(&bench.config);
    let said = entries.iter().find(|entry| entry.code.as_str() == "pin-pad-keeps-failing").unwrap();
    assert_eq!(said.action, Some(journal::Action::Maintenance));
    let detail = said.detail.as_ref().unwrap().as_str();
    assert!(detail.contains("3 failures in a row, last pad-failed"), "{detail}");
    assert_eq!((bench.shown()[1].failures, bench.shown()[1].out_of_service.as_deref()), (0, None));
}

#[test]
fn a_card_unit_that_comes_and_goes_closes_the_machine_and_says_why() {
    let bench = Bench::new();
    let unit = Arc::clone(&bench.unit);
    let seen = bench.serves(move |screen, times, mailbox| match (screen, times) {
        ("menu", 1..=3) => {
            unit.is_unplugged();
            true
        }
        ("card-unit-down", _) => {
            unit.is_plugged_in();
            true
        }
        ("out-of-service", 1) => {
            unit.is_plugged_in();
            resumes(mailbox)
        }
        ("menu", 5) => ends(mailbox),
        _ => false,
    });
    assert_eq!(count(&seen, "out-of-service card-unit-keeps-failing"), 1, "{seen:?}");
    assert_eq!(count(&seen, "receipt registered true"), 1, "served again: {seen:?}");
    assert_eq!(bench.count("card-unit-keeps-failing"), 1, "{:?}", codes(&bench.config));
}

#[test]
fn a_printer_that_keeps_failing_costs_receipts_only_and_is_not_asked_again() {
    let bench = Bench::new();
    bench.press.fails.store(3, Ordering::SeqCst);
    let seen = bench.serves(|screen, times, mailbox| match (screen, times) {
        ("menu", 5) => {
            resumes(mailbox) && {
                mailbox.event(Event::Key(Key::Confirm));
                true
            }
        }
        ("menu", 6) => ends(mailbox),
        _ => false,
    });
    assert_eq!(count(&seen, "no-receipt"), 3, "{seen:?}");
    assert_eq!(count(&seen, "receipt registered false"), 1, "the fourth is not offered one: {seen:?}");
    assert_eq!(count(&seen, "receipt registered true"), 4, "the fifth is: {seen:?}");
    assert!(!seen.iter().any(|seen| seen.starts_with("out-of-service ")), "{seen:?}");
    assert_eq!(bench.count("registered"), 10, "decided and closed, five times: {:?}", codes(&bench.config));
    assert_eq!(bench.count("printer-keeps-failing"), 1, "{:?}", codes(&bench.config));
}

#[test]
fn a_card_at_the_other_reader_is_told_to_who_is_asked_for_it_and_to_the_log() {
    let bench = Bench::new();
    let other = Arc::clone(&bench.other);
    let seen = bench.serves(move |screen, times, mailbox| match (screen, times) {
        // It lies there at the menu already: nobody is asked for it yet.
        ("menu", 1) => {
            other.put_in();
            false
        }
        ("receipt", 1) => {
            other.is_unplugged();
            false
        }
        // The second customer puts it there when asked for it.
        ("insert-card", 2) => {
            other.is_plugged_in();
            let mailbox = mailbox.clone();
            std::thread::spawn(move || {
                clock::pause(Duration::from_millis(100));
                mailbox.event(Event::Card(CardEvent::Inserted));
            });
            true
        }
        ("menu", 3) => ends(mailbox),
        _ => false,
    });
    assert_eq!(count(&seen, "notice card-at-other-reader"), 2, "{seen:?}");
    for (at, _) in seen.iter().enumerate().filter(|(_, seen)| seen.starts_with("notice")) {
        assert_eq!(seen[at - 1], "insert-card", "{seen:?}");
    }
    assert_eq!(count(&seen, "receipt registered true"), 2, "it stops nobody: {seen:?}");
    assert!(bench.other.calls().is_empty(), "nothing is asked of it: {:?}", bench.other.calls());
    let entries = log(&bench.config);
    let at_other = entries.iter().filter(|entry| entry.code.as_str() == "card-at-other-reader");
    let details: Vec<_> = at_other.map(|entry| entry.detail.as_ref().unwrap().to_string()).collect();
    assert_eq!(details, ["other reader fake"; 2]);
    assert_eq!((bench.count("other-reader-ready"), bench.count("reader-not-found")), (2, 1));
    let shown = bench.shown();
    assert_eq!((shown[3].device.as_str(), shown[3].media.as_deref()), ("other-reader", Some("present")));
}
