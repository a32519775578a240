//! Codes that the machine's thread itself gives, each reached through it.

use std::sync::Arc;

use devices::port::CardUnit;
use journal::{Batch, CheckpointSigner, SignFault};
use transaction::{Device, Fault, FaultKind, HostAnswer, PinAt, Recovery};

use super::{Goal, Runtime, composed};
use crate::config::{Closed, Config};
use crate::pin_desk::{PinDesk, SlotPlace};
use crate::print_desk::PrintDesk;
use crate::queue::Mailbox;
use crate::report::Report;
use crate::runtime::{Ended, Parts};
use crate::test_support::card::TestCard;
use crate::test_support::people::{
    Customer, Decides, FakeCardSide, FakeHost, FakePinSide, Seen, undecided, undecided_request,
};
use crate::test_support::unit::FakeUnit;
use crate::test_support::{codes, configuration, log};

fn unit() -> Arc<dyn CardUnit> {
    Arc::new(FakeUnit::default())
}

/// One visit against the host that is not there.
fn one_visit(config: &Config) -> Report {
    let (parts, recovery) = composed(config, unit());
    match Runtime::new(parts, Goal::Register).run(recovery) {
        Ended::Visit(report) => *report,
        _ => panic!("no visit took place"),
    }
}

#[test]
fn by_the_calendar_the_host_is_not_even_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = configuration(folder.path());
    let always = r#"
        [[yearly]]
        from = "01-01 00:00"
        to = "07-01 00:00"
        [[yearly]]
        from = "07-01 00:00"
        to = "01-01 00:00"
    "#;
    config.closed = toml::from_str::<Closed>(always).unwrap();
    let report = one_visit(&config);
    assert_eq!((report.outcome, report.code), ("refused", "host-closed"));
    assert!(codes(&config).contains(&"host-closed".to_owned()));
}

#[test]
fn without_room_on_the_disk_no_visit_begins() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = configuration(folder.path());
    // More than any disk has.
    config.limits.disk_free_mib_min = u32::MAX;
    let report = one_visit(&config);
    assert_eq!((report.outcome, report.code), ("fault", "disk-full"));
    let entries = log(&config);
    let entry = entries.iter().find(|entry| entry.code.as_str() == "disk-full").unwrap();
    assert!(entry.detail.as_ref().unwrap().as_str().contains("MiB are free in the state directory"));
}

/// The journal of a terminal that was cut off: requests without a decision.
fn left_behind(config: &Config, requests: u8) {
    let (mut parts, _) = composed(config, unit());
    let outbox = (0..requests).map(undecided).collect();
    parts.journal.commit(&Batch { outbox, ..Batch::default() }).unwrap();
}

#[test]
fn with_a_full_outbox_no_visit_begins() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = configuration(folder.path());
    left_behind(&config, 2);
    config.limits.outbox_entries_max = 3;
    assert_eq!(one_visit(&config).code, "host-unreachable", "there is room for one more");
    config.limits.outbox_entries_max = 2;
    let report = one_visit(&config);
    assert_eq!((report.outcome, report.code), ("fault", "outbox-full"));
}

#[test]
fn a_unit_that_hangs_is_told_by_the_machines_own_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = configuration(folder.path());
    config.limits.make_safe_ms_max = 100;
    let (unit, hold) = FakeUnit::default().hanging();
    let (parts, recovery) = composed(&config, Arc::new(unit));
    let ended = Runtime::new(parts, Goal::Register).run(recovery);
    assert!(matches!(ended, Ended::NoVisit { code: "no-answer" }));
    assert!(codes(&config).contains(&"no-answer".to_owned()));
    drop(hold);
}

/// A log key that is gone.
struct NoKey;

impl CheckpointSigner for NoKey {
    fn sign(&self, _statement: &[u8]) -> Result<Vec<u8>, SignFault> {
        Err(SignFault { what: "the token is gone".to_owned() })
    }
}

#[test]
fn a_log_key_that_does_not_sign_is_in_the_log_and_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let (mut parts, recovery) = composed(&config, unit());
    parts.log_key = Box::new(NoKey);
    let ended = Runtime::new(parts, Goal::Register).run(recovery);
    assert!(matches!(ended, Ended::Visit(report) if report.code == "host-unreachable"));
    let entries = log(&config);
    let entry = entries.iter().find(|entry| entry.code.as_str() == "checkpoint-failed").unwrap();
    assert!(entry.detail.as_ref().unwrap().as_str().contains("the token is gone"));
}

#[test]
fn evidence_that_cannot_be_filed_is_in_the_log_and_the_journal_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    left_behind(&config, 1);
    // A file lies where the folder of evidence should be.
    std::fs::write(config.evidence_dir(), "").unwrap();
    let (mut parts, recovery) = composed(&config, unit());
    let (mailbox, inbox) = Mailbox::new();
    parts.card = Box::new(fake_card(&mailbox));
    parts.host = Box::new(FakeHost { mailbox, decides: Decides::Registered("A-1") });
    parts.post = Box::new(inbox);
    let ended = Runtime::new(parts, Goal::Deliver).run(recovery);
    assert!(matches!(ended, Ended::Delivered { left: 0 }));
    assert!(codes(&config).contains(&"evidence-not-filed".to_owned()), "{:?}", codes(&config));
    let (parts, _) = composed(&config, unit());
    let kept = parts.journal.outbox_get(uuid::Uuid::from_bytes(undecided_request(0).0)).unwrap().unwrap();
    let decided = kept.decided.unwrap();
    assert_eq!(decided.answer.as_deref(), Some(b"the host's signed answer".as_slice()));
}

fn fake_card(mailbox: &Mailbox) -> FakeCardSide {
    FakeCardSide { mailbox: mailbox.clone(), card: TestCard::new(), visit: None.into(), pin_at: PinAt::Slot }
}

/// A whole visit: the office, the journal and the printer are real, the others answer at once.
fn staffed(config: &Config, decides: Decides) -> (Parts, Recovery, Mailbox, Customer, Seen) {
    let (mut parts, recovery) = composed(config, unit());
    let (mailbox, inbox) = Mailbox::new();
    let inserted = mailbox.clone();
    let put_in = move || {
        let event = transaction::CardEvent::Inserted;
        inserted.event(transaction::Event::Card(event));
    };
    let (customer, seen) = Customer::new(mailbox.clone(), put_in, true);
    let crate::config::Printer::File { dir, .. } = &config.printer else { panic!("receipts are files here") };
    let paper = devices::printer::Paper::Mm80;
    let printer = devices::printer::FilePrinter::new(dir, paper, 10).unwrap();
    parts.card = Box::new(fake_card(&mailbox));
    parts.pin = Box::new(FakePinSide { mailbox: mailbox.clone() });
    parts.host = Box::new(FakeHost { mailbox: mailbox.clone(), decides });
    parts.printer =
        Box::new(PrintDesk::new(Arc::new(printer), mailbox.clone(), std::time::Duration::from_secs(15)));
    parts.post = Box::new(inbox);
    (parts, recovery, mailbox, customer, seen)
}

/// The whole visit, and what its customer saw.
fn visit(config: &Config, decides: Decides) -> (Report, Vec<&'static str>) {
    let (mut parts, recovery, _, customer, seen) = staffed(config, decides);
    parts.screen = Box::new(customer);
    let Ended::Visit(report) = Runtime::new(parts, Goal::Register).run(recovery) else { panic!("no visit") };
    (*report, names(&seen))
}

fn names(seen: &Seen) -> Vec<&'static str> {
    seen.lock().unwrap().iter().map(|(name, _)| *name).collect()
}

#[test]
fn a_whole_visit_registers_and_prints() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let (report, seen) = visit(&config, Decides::Registered("A-0001"));
    assert_eq!((report.outcome, report.acceptance_number.as_deref()), ("registered", Some("A-0001")));
    assert!(report.receipt.is_some_and(|picture| picture.is_file()));
    assert!(seen.ends_with(&["signing", "sending", "receipt", "printing", "take-card"]), "{seen:?}");
}

#[test]
fn a_request_that_the_host_does_not_take_stays_pending_and_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let fault = Fault { device: Device::Host, kind: FaultKind::NeedsOperator, code: "host-refused-us" };
    let (report, seen) = visit(&config, Decides::Never(HostAnswer::WillNot(fault)));
    assert_eq!((report.outcome, report.code), ("pending", "pending"));
    assert!(report.evidence.is_some_and(|request| request.is_file()));
    assert!(seen.contains(&"receipt"), "{seen:?}");
    let entries = log(&config);
    let refused = entries.iter().find(|entry| entry.code.as_str() == "host-refused-us").unwrap();
    assert_eq!(refused.step.as_ref().map(journal::Word::as_str), Some("send"));
    let (parts, _) = composed(&config, unit());
    assert_eq!(parts.journal.outbox_pending().unwrap().len(), 1);
}

#[test]
fn a_number_of_the_host_that_no_receipt_may_print_costs_the_receipt_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let (report, seen) = visit(&config, Decides::Registered("山田 太郎"));
    assert_eq!((report.outcome, report.receipt), ("registered", None));
    assert!(codes(&config).contains(&"not-printable".to_owned()), "{:?}", codes(&config));
    assert!(seen.contains(&"no-receipt"), "{seen:?}");
}

#[test]
fn a_lost_pin_page_ends_the_service_after_the_visit() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let (mut parts, recovery, mailbox, mut customer, seen) = staffed(&config, Decides::Registered("A-1"));
    let place = SlotPlace::new(jpki::PinSlot::new());
    // A call that does not come back has it.
    let _lost = place.take().unwrap();
    let pad = devices::pinpad::SocketPad::listen(&folder.path().join("another-pad")).unwrap();
    parts.pin = Box::new(PinDesk::new(Arc::new(pad), place, mailbox, 1_000));
    customer.begins = true;
    parts.screen = Box::new(customer);
    let ended = Runtime::new(parts, Goal::Serve).run(recovery);
    assert!(matches!(ended, Ended::Stopped));
    assert!(names(&seen).ends_with(&["stopped", "take-card", "out-of-service"]), "{:?}", names(&seen));
    let entries = log(&config);
    let entry = entries.iter().find(|entry| entry.code.as_str() == "pin-slot-lost").unwrap();
    assert_eq!(entry.outcome.as_ref().map(journal::Word::as_str), Some("fault"));
}
