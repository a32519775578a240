//! What random visits (`simulation`) found in the runtime, each once more and by name.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use journal::{CheckpointSigner, SignFault};
use transaction::{
    Act, Answer, CardEvent, Device, Effect, EffectNo, Event, Fault, FaultKind, Limit, Machine, Mode,
    Numbered, Order, Outcome, Presence, Refusal, SafeAnswer, Step, Visit, VisitId,
};

use super::composed;
use crate::clock;
use crate::config::Retain;
use crate::desks::Witness;
use crate::queue::{CardTally, Mailbox, Message, Story};
use crate::runtime::{Ended, Goal, Runtime, policy, traced};
use crate::test_support::people::Customer;
use crate::test_support::unit::FakeUnit;
use crate::test_support::{codes, configuration, log};

/// A runtime in the middle of a visit, without devices that do anything.
fn in_a_visit(folder: &Path) -> (Runtime, Visit) {
    let (parts, _) = composed(&configuration(folder), Arc::new(FakeUnit::default()));
    let mut runtime = Runtime::new(parts, Goal::Serve);
    runtime.begin();
    let visit = runtime.folder.visit().unwrap().visit;
    (runtime, visit)
}

/// a session that was stuck ended in the next customer's visit, and counted there.
#[test]
fn what_another_visits_card_cost_is_not_this_visits() {
    let folder = tempfile::tempdir().unwrap();
    let (mut runtime, visit) = in_a_visit(folder.path());
    let tally = CardTally { apdus: 13, ..CardTally::default() };
    let at = clock::now();
    let earlier = Message::CardTally { visit: VisitId([9; 16]), tally };
    assert!(runtime.file(at, earlier, Story::default()).is_none());
    assert_eq!(runtime.folder.visit().unwrap().tally.apdus, 0);
    assert!(runtime.file(at, Message::CardTally { visit: visit.id, tally }, Story::default()).is_none());
    assert_eq!(runtime.folder.visit().unwrap().tally.apdus, 13);
}

/// a receipt that was given up and came out later was named in the next customer's result.
#[test]
fn a_receipt_that_comes_late_is_not_the_next_customers() {
    let folder = tempfile::tempdir().unwrap();
    let (mut runtime, _) = in_a_visit(folder.path());
    let printed = |no| Message::Printed { to: EffectNo(no), picture: Some("receipt.png".into()) };
    runtime.folder.visit_mut().unwrap().print = Some(EffectNo(7));
    let (event, _) = runtime.file(clock::now(), printed(3), Story::default()).unwrap();
    assert!(matches!(event, Event::Answer { to: EffectNo(3), .. }), "the machine hears of it");
    assert_eq!(runtime.folder.visit().unwrap().receipt, None);
    runtime.file(clock::now(), printed(7), Story::default()).unwrap();
    assert_eq!(runtime.folder.visit().unwrap().receipt.as_deref(), Some(Path::new("receipt.png")));
}

/// the card had signed when the customer cancelled; the result named a file that was never made.
#[test]
fn a_request_that_was_signed_too_late_is_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let (mut runtime, visit) = in_a_visit(folder.path());
    runtime.folder.file_request(visit.request, Arc::from(&b"request"[..]));
    assert_eq!(runtime.report(visit, Outcome::Refused(Refusal::Cancelled)).evidence, None);
    let recorded = Numbered { no: EffectNo(0), what: Effect::Act(Act::FileEvidence(visit.request)) };
    runtime.dispatch(recorded, clock::now());
    let evidence = runtime.report(visit, Outcome::Pending).evidence.unwrap();
    assert_eq!(std::fs::read(evidence).unwrap(), b"request");
}

/// who took the handset at the menu was served by voice, and the log said by the screen.
#[test]
fn the_log_says_how_the_customer_was_served() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let (parts, recovery) = composed(&config, Arc::new(FakeUnit::default()));
    let mut runtime = Runtime::new(parts, Goal::Serve);
    let mut machine = Machine::new(policy(&config));
    runtime.begin();
    let visit = runtime.folder.visit().unwrap().visit;
    runtime.visit_open = false;
    let safe = Answer::Safe(SafeAnswer::Safe(Presence::Empty));
    let before = [Event::Start(recovery), Event::Answer { to: EffectNo(1), answer: safe }];
    for event in before.into_iter().chain([Event::Mode(Mode::Voice), Event::Begin(visit)]) {
        let Ok(next) = runtime.step(machine, event, clock::now(), &Story::default()) else {
            panic!("the journal failed");
        };
        machine = next;
    }
    runtime.flush_at_end();
    let opened = log(&config).into_iter().find(|entry| entry.code.as_str() == "visit-opened").unwrap();
    assert_eq!(opened.mode, Some(journal::Mode::Handset));
}

/// an operator's `resume` opened the service again on a journal that was known to be damaged.
#[test]
fn a_damaged_journal_is_not_resumed_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut runtime, _) = in_a_visit(folder.path());
    let resume = || Message::Event(Event::Order(Order::Resume));
    assert!(runtime.file(clock::now(), resume(), Story::default()).is_some());
    let damaged = Message::JournalDamaged { code: "journal-record-damaged" };
    let (event, _) = runtime.file(clock::now(), damaged, Story::default()).unwrap();
    assert!(matches!(event, Event::Unfit(_)));
    assert!(runtime.file(clock::now(), resume(), Story::default()).is_none());
    assert!(
        runtime.file(clock::now(), Message::Event(Event::Order(Order::StopNow)), Story::default()).is_some()
    );
}

/// an operator's `resume` that met a process which its service manager wanted to end kept it serving until it was killed.
#[test]
fn a_process_that_is_to_end_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut runtime, _) = in_a_visit(folder.path());
    let resume = || Message::Event(Event::Order(Order::Resume));
    assert!(runtime.file(clock::now(), resume(), Story::default()).is_some());
    let (event, _) = runtime.file(clock::now(), Message::Terminate, Story::default()).unwrap();
    assert_eq!(event, Event::Order(Order::StopNow));
    assert!(runtime.file(clock::now(), resume(), Story::default()).is_none());
}

/// with all traces on, the log had a line for each touch of the pad.
#[test]
fn no_trace_tells_when_the_pad_was_touched() {
    assert!(!traced(&Event::PadTouched));
    assert!(traced(&Event::Order(Order::StopNow)));
}

/// A read that failed was the last round of the process: nothing asked for the next one.
#[test]
fn an_outbox_that_could_not_be_read_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let (parts, _) = composed(&config, Arc::new(FakeUnit::default()));
    let mut runtime = Runtime::new(parts, Goal::Serve);
    let other = rusqlite::Connection::open(config.journal_path()).unwrap();
    other.execute_batch("ALTER TABLE outbox RENAME TO elsewhere").unwrap();
    runtime.deliver_outbox();
    assert!(runtime.outbox.again().is_some_and(|again| again > clock::instant()));
}

/// Counts how often it was asked, and never signs.
struct NeverSigns(Arc<AtomicU32>);

impl CheckpointSigner for NeverSigns {
    fn sign(&self, _statement: &[u8]) -> Result<Vec<u8>, SignFault> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Err(SignFault { what: "the token is gone".to_owned() })
    }
}

/// With many entries unsigned, a checkpoint that failed was tried again at once, and nothing else was done ever after: no
/// customer served, no card given back.
#[test]
fn a_checkpoint_that_fails_is_not_tried_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = configuration(folder.path());
    config.limits.log_entries_per_checkpoint_max = 1;
    let asked = Arc::new(AtomicU32::new(0));
    let (tell, told) = std::sync::mpsc::channel();
    let counted = Arc::clone(&asked);
    // The runtime stays on the thread that made it; the channel gives the test its limit.
    std::thread::spawn(move || {
        let (mut parts, recovery) = composed(&config, Arc::new(FakeUnit::default()));
        parts.log_key = Box::new(NeverSigns(counted));
        tell.send(matches!(Runtime::new(parts, Goal::Register).run(recovery), Ended::Visit(_)))
    });
    assert!(told.recv_timeout(Duration::from_secs(20)).unwrap());
    let asked = asked.load(Ordering::SeqCst);
    assert!((2..20).contains(&asked), "asked {asked} times");
}

/// A deadline, or the look for a card.
type Asked = (Option<Limit>, EffectNo);

/// Remembers the numbers of what was asked, by what it is.
#[derive(Clone, Default)]
struct Numbers(Arc<Mutex<Vec<Asked>>>);

impl Numbers {
    /// Of the last one.
    fn last(&self, of: Option<Limit>) -> EffectNo {
        self.0.lock().unwrap().iter().rev().find(|(what, _)| *what == of).unwrap().1
    }
}

impl Witness for Numbers {
    fn takes(&mut self, _state: &'static str, _event: &Event, _story: &Story) {}

    fn decided(&mut self, _step: &Step) {}

    fn does(&mut self, effect: &Numbered<Effect>) {
        let of = match effect.what {
            Effect::Act(Act::Arm(limit, _)) => Some(limit),
            Effect::Release(transaction::Release::MakeSafe) => None,
            _ => return,
        };
        self.0.lock().unwrap().push((of, effect.no));
    }
}

/// The failure that was one too many ended the last customer's matters too, and the menu was there for a moment before the
/// machine heard that it serves nobody.
#[test]
fn no_menu_is_shown_with_the_failure_that_is_one_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = configuration(folder.path());
    config.limits.device_failures_max = 1;
    config.retain = Some(Retain { after_reminders: 1, call: "03-0000-0000".to_owned() });
    let (mut parts, recovery) = composed(&config, Arc::new(FakeUnit::taken_at(0)));
    let numbers = Numbers::default();
    let (customer, seen) = Customer::new(Mailbox::new().0, || (), false);
    parts.witness = Box::new(numbers.clone());
    parts.screen = Box::new(customer);
    let mut runtime = Runtime::new(parts, Goal::Serve);
    let failed = Fault { device: Device::CardUnit, kind: FaultKind::Transient, code: "reader-failed" };
    let found = Answer::Safe(SafeAnswer::Safe(Presence::CardInside));
    let over = |limit| Event::Expired(numbers.last(Some(limit)));
    let answered = |answer| Event::Answer { to: numbers.last(None), answer };
    let happens: [&dyn Fn() -> Event; 6] = [
        &|| answered(Answer::Safe(SafeAnswer::Failed(failed))),
        &|| over(Limit::RepairPause),
        &|| answered(found),
        &|| over(Limit::CardTake),
        &|| over(Limit::CardTake),
        // It left its place, and the unit never says whether the customer has it.
        &|| Event::Card(CardEvent::Removed),
    ];
    let step = |runtime: &mut Runtime, machine, event| {
        let stepped = runtime.step(machine, event, clock::now(), &Story::default());
        stepped.unwrap_or_else(|(stopped, _)| panic!("{stopped}"))
    };
    let mut machine = step(&mut runtime, Machine::new(policy(&config)), Event::Start(recovery));
    for event in happens {
        machine = step(&mut runtime, machine, event());
    }
    assert_eq!(machine.state(), "AwaitRetained");
    machine = step(&mut runtime, machine, over(Limit::Retain));
    assert_eq!(machine.state(), "AwaitOrder");
    let names: Vec<_> = seen.lock().unwrap().iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["starting", "card-unit-down", "take-card", "out-of-service"]);
    runtime.flush_at_end();
    let codes = codes(&config);
    assert!(
        codes.ends_with(&["no-answer", "card-unit-keeps-failing", "out-of-service"].map(String::from)),
        "{codes:?}"
    );
}
