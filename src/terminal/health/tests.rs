//! When a row of failures grows, when it ends, and what it leads to.

use devices::port::{self, DeviceState, PaperState, PrinterStatus};
use jiff::{SignedDuration, Timestamp};
use transaction::{
    Answer, CardAnswer, CardEvent, Device, EffectNo, Event, Fault, FaultKind, Key, NotPresented, Order,
    PadAnswer, PinAnswer, PrintAnswer, Printing, Record, Refusal, RequestId, RetainAnswer, SafeAnswer,
    SignAnswer, Tries, TriesLeft, VerifyAnswer, Visit, VisitId,
};

use super::*;
use crate::catalogue;
use crate::print_desk::printing;

mod others;

const MAX: u32 = 2;

/// The ledger at a time that goes on.
struct Bench {
    health: Health,
    at: Timestamp,
}

impl Bench {
    fn new() -> Self {
        let at = Timestamp::from_second(1_700_000_000).unwrap();
        let mut health = Health::new(MAX, &["Field 00 00".to_owned()]);
        health.begins(at);
        Self { health, at }
    }

    fn hears_with(&mut self, event: &Event, records: &[Record]) -> News {
        self.at += SignedDuration::from_secs(1);
        self.health.hear(Said::by(event), records, &Story::default(), self.at)
    }

    fn hears(&mut self, event: &Event) -> News {
        self.hears_with(event, &[])
    }

    /// The code that goes out of service by this event.
    fn out(&mut self, event: &Event) -> Option<&'static str> {
        match self.hears(event).event?.0 {
            Event::Unfit(fault) | Event::Printing(Printing::Impossible(fault)) => Some(fault.code),
            other => panic!("{other:?}"),
        }
    }

    fn looked(&mut self, status: PrinterStatus) -> News {
        let event = Event::Printing(printing(&status));
        self.health.printer_looked(status);
        self.hears(&event)
    }

    fn shown(&mut self, device: usize) -> ShownDevice {
        self.health.shown(self.at).devices.swap_remove(device)
    }

    fn words(&mut self, device: usize) -> (String, Option<String>, u32) {
        let shown = self.shown(device);
        (shown.state, shown.media, shown.failures)
    }
}

const fn fault(device: Device, kind: FaultKind, code: &'static str) -> Fault {
    Fault { device, kind, code }
}

const GONE: Fault = fault(Device::CardUnit, FaultKind::Broken, "reader-not-found");
const BROKEN: Fault = fault(Device::CardUnit, FaultKind::Broken, "reader-failed");
const JAMMED_CARD: Fault = fault(Device::CardUnit, FaultKind::NeedsOperator, "card-jammed");
const PAD: Fault = fault(Device::PinPad, FaultKind::Broken, "pad-failed");
const PRINTER: Fault = fault(Device::Printer, FaultKind::Broken, "printer-error");

const fn answer(answer: Answer) -> Event {
    Event::Answer { to: EffectNo(7), answer }
}

const fn lost(fault: Fault) -> Event {
    Event::Card(CardEvent::UnitLost(fault))
}

const BACK: Event = Event::Card(CardEvent::UnitBack);

const fn not_read(fault: Fault) -> Event {
    answer(Answer::Card(CardAnswer::Failed(fault)))
}

const fn not_safe(fault: Fault) -> Event {
    answer(Answer::Safe(SafeAnswer::Failed(fault)))
}

const fn refused(refusal: Refusal) -> Event {
    answer(Answer::Card(CardAnswer::Refused(refusal)))
}

const SAFE: Event = answer(Answer::Safe(SafeAnswer::Safe(Presence::Empty)));
const PAD_FAILS: Event = answer(Answer::Pin(PinAnswer::Failed(PAD)));
const ENTERED: Event = answer(Answer::Pin(PinAnswer::Entered));

fn words(state: &str, media: &str, failures: u32) -> (String, Option<String>, u32) {
    (state.to_owned(), Some(media.to_owned()), failures)
}

#[test]
fn a_unit_that_comes_and_goes_keeps_failing() {
    let mut bench = Bench::new();
    for _ in 0..MAX {
        assert_eq!(bench.out(&lost(GONE)), None);
        assert!(bench.hears(&BACK).event.is_none());
        assert!(bench.hears(&SAFE).event.is_none(), "back, and safe, is no good use");
    }
    assert_eq!(bench.words(0), words("online", "notPresent", MAX));
    assert_eq!(bench.out(&lost(GONE)), Some("card-unit-keeps-failing"));
    assert_eq!(bench.words(0), words("noDevice", "unknown", MAX + 1));
    assert_eq!(bench.shown(0).out_of_service.as_deref(), Some("card-unit-keeps-failing"));
    bench.hears(&BACK);
    assert_eq!(bench.out(&lost(GONE)), None, "it is said once");
}

#[test]
fn a_unit_that_is_away_is_waited_for_without_end() {
    let mut bench = Bench::new();
    assert_eq!(bench.out(&lost(GONE)), None);
    for _ in 0..1_000 {
        assert_eq!(bench.out(&not_safe(GONE)), None);
        assert_eq!(
            bench.out(&lost(fault(Device::CardUnit, FaultKind::Broken, "card-service-stopped"))),
            None
        );
    }
    assert_eq!(bench.shown(0).failures, 1);
    bench.hears(&BACK);
    bench.hears(&SAFE);
    assert_eq!(bench.words(0), words("online", "notPresent", 1));
}

#[test]
fn a_unit_that_is_there_and_fails_whenever_it_is_tried_is_not_tried_for_ever() {
    let mut bench = Bench::new();
    assert_eq!(bench.out(&lost(BROKEN)), None);
    assert_eq!(bench.out(&not_safe(BROKEN)), None);
    assert_eq!(bench.out(&not_safe(BROKEN)), Some("card-unit-keeps-failing"));
    // One that waits for a person is: nothing moves until somebody comes.
    let mut bench = Bench::new();
    for _ in 0..20 {
        assert_eq!(bench.out(&not_safe(JAMMED_CARD)), None);
    }
    assert_eq!(bench.words(0), words("online", "jammed", 1));
    bench.hears(&SAFE);
    assert_eq!(bench.words(0), words("online", "notPresent", 1));
}

#[test]
fn a_good_use_ends_the_row_and_a_card_that_is_refused_was_read() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        for _ in 0..MAX {
            assert_eq!(bench.out(&not_safe(BROKEN)), None);
        }
        let news = bench.hears(&refused(Refusal::CertificateExpired));
        assert_eq!(news.line.map(|line| line.code.to_string()).as_deref(), Some("card-unit-back"));
        assert_eq!(bench.shown(0).failures, 0);
    }
    bench.hears(&not_safe(BROKEN));
    bench.hears(&refused(Refusal::CardUnreadable));
    assert_eq!(bench.shown(0).failures, 1, "that one was not read");
}

#[test]
fn no_customer_closes_a_machine_with_an_odd_card() {
    let mut bench = Bench::new();
    for code in ["card-misbehaved", "card-protocol", "card-reset", "card-wrong-size", "card-pulled-out"] {
        for _ in 0..=MAX {
            let of_the_card = fault(Device::CardUnit, FaultKind::Transient, code);
            assert_eq!(bench.out(&not_read(of_the_card)), None, "{code}");
            assert_eq!(bench.out(&Event::Fault(of_the_card)), None, "{code}");
        }
        assert_eq!(bench.shown(0).failures, 0, "{code}");
        assert_eq!(bench.shown(0).last_failure.unwrap().code, code, "operators see it all the same");
    }
}

/// A card that asks for waiting time without end, or shorts the contacts: shown six times, it closed the machine.
#[test]
fn what_fails_with_a_card_inside_counts_when_it_fails_without_it_too() {
    let silent = fault(Device::CardUnit, FaultKind::Broken, "card-unit-silent");
    let visit = Visit { id: VisitId([1; 16]), request: RequestId([2; 16]) };
    let over = Event::Expired(EffectNo(3));
    let stopped = [Record::Stopped { visit, outcome: Outcome::Fault(Fault::no_answer(Device::CardUnit)) }];
    let answers = [Answer::Verify(VerifyAnswer::Failed(BROKEN)), Answer::Sign(SignAnswer::Failed(BROKEN))];
    let mut bench = Bench::new();
    for _ in 0..=MAX {
        bench.hears(&Event::Card(CardEvent::Inserted));
        assert!(bench.hears_with(&over, &stopped).event.is_none());
        assert_eq!(bench.out(&not_read(BROKEN)), None);
        for failed in answers.into_iter().chain([Answer::Pad(PadAnswer::Failed(BROKEN))]) {
            assert_eq!(bench.out(&answer(failed)), None);
        }
        // The unit does not come back to itself before the card is out.
        assert_eq!(bench.out(&Event::Fault(BROKEN)), None);
        assert_eq!(bench.out(&lost(silent)), None);
        assert_eq!(bench.out(&not_safe(silent)), None);
        assert_eq!(bench.out(&not_safe(BROKEN)), None);
        let out = [Record::Fault(Fault::no_answer(Device::CardUnit))];
        assert!(bench.hears_with(&over, &out).event.is_none());
        assert_eq!(bench.words(0), words("hardwareError", "unknown", 0));
        bench.hears(&BACK);
        bench.hears(&answer(Answer::Safe(SafeAnswer::Safe(Presence::CardInside))));
        bench.hears(&Event::Card(CardEvent::Removed));
    }
    assert_eq!(bench.words(0), words("online", "notPresent", 0));
    assert_eq!(bench.shown(0).last_failure.unwrap().code, "no-answer", "operators see it all the same");
    // The card is out, and it fails all the same.
    for _ in 0..MAX {
        bench.hears(&not_read(BROKEN));
        assert_eq!(bench.out(&not_safe(BROKEN)), None);
    }
    assert_eq!(bench.out(&not_safe(BROKEN)), Some("card-unit-keeps-failing"));
}

#[test]
fn a_pad_that_keeps_failing_and_one_that_works_again() {
    let mut bench = Bench::new();
    for _ in 0..MAX {
        assert_eq!(bench.out(&PAD_FAILS), None);
    }
    // Somebody who cancels at it shows that it answers, not that it takes PINs.
    bench.hears(&answer(Answer::Pin(PinAnswer::Cancelled)));
    assert_eq!((bench.shown(1).state.as_str(), bench.shown(1).failures), ("online", MAX));
    assert_eq!(bench.out(&PAD_FAILS), Some("pin-pad-keeps-failing"));
    assert!(!bench.shown(1).is_usable());

    let mut bench = Bench::new();
    bench.hears(&PAD_FAILS);
    assert_eq!(bench.shown(1).state, "hardwareError");
    let news = bench.hears(&ENTERED);
    assert_eq!(news.line.map(|line| line.code.to_string()).as_deref(), Some("pin-pad-ready"));
    assert_eq!((bench.shown(1).state.as_str(), bench.shown(1).failures), ("online", 0));
    // A customer's every try counts, also at a pad that is not there: nothing else tells of it.
    for _ in 0..MAX {
        let gone = fault(Device::PinPad, FaultKind::Broken, "pad-not-found");
        assert_eq!(bench.out(&answer(Answer::Pin(PinAnswer::Failed(gone)))), None);
    }
    assert_eq!(bench.out(&PAD_FAILS), Some("pin-pad-keeps-failing"));
}

/// The reader's own pad: what customers bring about is no failure, a reader that comes back again and again is.
#[test]
fn a_readers_pad_that_keeps_coming_back_and_one_at_which_a_pin_is_entered() {
    let back = |why| {
        let tries = Tries::Left(TriesLeft::new(3).unwrap());
        answer(Answer::Pad(PadAnswer::NotPresented { why, tries }))
    };
    let visit = Visit { id: VisitId([1; 16]), request: RequestId([2; 16]) };
    let stopped = |code| {
        let outcome = Outcome::Fault(fault(Device::PinPad, FaultKind::Transient, code));
        [Record::Stopped { visit, outcome }]
    };
    let mut bench = Bench::new();
    for _ in 0..MAX {
        assert!(
            bench.hears_with(&back(NotPresented::TimedOut), &stopped("pad-gives-no-pin")).event.is_none()
        );
        // Asked again, or ended by a customer.
        bench.hears(&back(NotPresented::TimedOut));
        bench.hears_with(&back(NotPresented::WrongLength), &stopped("pad-gives-no-pin"));
        bench.hears(&back(NotPresented::Cancelled));
        // Somebody who keeps the reader waiting, at the screen or not; and what may be the card's word.
        bench.hears(&answer(Answer::Pad(PadAnswer::Failed(Fault::no_answer(Device::PinPad)))));
        let over = [Record::Stopped { visit, outcome: Outcome::Fault(Fault::no_answer(Device::PinPad)) }];
        assert!(bench.hears_with(&Event::Expired(EffectNo(3)), &over).event.is_none());
        assert!(bench.hears_with(&back(NotPresented::Refused), &stopped("pad-refused")).event.is_none());
        assert_eq!(bench.shown(1).last_failure.unwrap().code, "pad-refused");
    }
    assert_eq!((bench.shown(1).state.as_str(), bench.shown(1).failures), ("online", MAX));
    let failed = answer(Answer::Pad(PadAnswer::Failed(PAD)));
    assert_eq!(bench.out(&failed), Some("pin-pad-keeps-failing"));

    // A row that goes over a yes to the last try has as many pauses as the customer likes.
    let mut bench = Bench::new();
    for _ in 0..=MAX {
        bench.hears_with(&Event::Begin(visit), &[Record::VisitOpened(visit)]);
        bench.hears_with(&Event::Key(Key::Yes), &[Record::LastTryAccepted(visit)]);
        assert!(
            bench.hears_with(&back(NotPresented::TimedOut), &stopped("pad-gives-no-pin")).event.is_none()
        );
    }
    assert_eq!(bench.shown(1).failures, 0);
    for failures in 1..=MAX {
        bench.hears_with(&Event::Begin(visit), &[Record::VisitOpened(visit)]);
        bench.hears_with(&back(NotPresented::TimedOut), &stopped("pad-gives-no-pin"));
        assert_eq!(bench.shown(1).failures, failures, "the next customer's");
    }

    let mut bench = Bench::new();
    for answered in [PadAnswer::Verified, PadAnswer::Wrong(Tries::Blocked)] {
        bench.hears(&failed);
        bench.hears(&answer(Answer::Pad(answered)));
        assert_eq!(bench.shown(1).failures, 0, "a PIN was entered");
    }
}

#[test]
fn a_printer_that_keeps_failing_is_asked_for_no_receipt_until_a_person_has_looked() {
    let mut bench = Bench::new();
    let online = PrinterStatus::new(DeviceState::Online, PaperState::Full);
    for _ in 0..MAX {
        assert_eq!(bench.out(&answer(Answer::Print(PrintAnswer::Failed(PRINTER)))), None);
        bench.looked(online.clone());
        assert_eq!(bench.health.may_print(Printing::Possible), Printing::Possible);
    }
    let out = bench.out(&answer(Answer::Print(PrintAnswer::Failed(PRINTER))));
    assert_eq!(out, Some("printer-keeps-failing"));
    let refused = bench.health.may_print(Printing::Possible);
    assert!(matches!(refused, Printing::Impossible(fault) if fault.code == "printer-keeps-failing"));
    bench.hears(&Event::Printing(refused));
    assert_eq!(bench.shown(2).failures, MAX + 1, "its own word is no further failure");
    bench.hears(&Event::Order(Order::Resume));
    assert_eq!(bench.health.may_print(Printing::Possible), Printing::Possible);
    assert_eq!((bench.shown(2).failures, bench.shown(2).out_of_service), (0, None));
}

#[test]
fn the_printers_own_words_are_shown_and_a_change_of_paper_is_logged_once() {
    let mut bench = Bench::new();
    let status = |paper| PrinterStatus::new(DeviceState::Online, paper);
    assert!(bench.looked(status(PaperState::Full)).line.is_none(), "so it should be");
    let line = bench.looked(status(PaperState::Low)).line.unwrap();
    let value = line.value.map(|value| value.to_string());
    assert_eq!((line.code.as_str(), value.as_deref()), ("printer-paper", Some("low")));
    assert_eq!(line.action, Some(journal::Action::Clear));
    assert!(bench.looked(status(PaperState::Low)).line.is_none());
    assert!(bench.shown(2).is_usable());
    let out = status(PaperState::Out);
    let printing = printing(&out);
    bench.health.printer_looked(out);
    let recorded = [Record::Printing(printing)];
    assert!(bench.hears_with(&Event::Printing(printing), &recorded).line.is_none(), "recorded already");
    let shown = bench.shown(2);
    assert_eq!((shown.state.as_str(), shown.paper.as_deref()), ("online", Some("out")));
    assert!(!shown.is_usable());
}

#[test]
fn a_deadline_counts_and_the_answer_that_comes_late_does_not() {
    let mut bench = Bench::new();
    let expired = Event::Expired(EffectNo(3));
    let late = Record::Stale { to: EffectNo(3) };
    for _ in 0..MAX {
        bench.hears_with(&expired, &[Record::Fault(Fault::no_answer(Device::Printer))]);
        bench.hears_with(&answer(Answer::Print(PrintAnswer::Printed)), &[late]);
        bench.hears_with(&answer(Answer::Print(PrintAnswer::Failed(PRINTER))), &[late]);
    }
    assert_eq!(bench.shown(2).failures, MAX);
    assert!(bench.hears(&expired).event.is_none(), "a person's time that is over is nobody's failure");
}

#[test]
fn outages_far_apart_are_no_row_and_uses_that_fail_are() {
    let mut bench = Bench::new();
    for _ in 0..10 {
        bench.at += SignedDuration::from_hours(24);
        assert_eq!(bench.out(&lost(GONE)), None);
        bench.hears(&BACK);
        bench.hears(&SAFE);
    }
    assert_eq!(bench.shown(0).failures, 1);
    let mut bench = Bench::new();
    for _ in 0..MAX {
        bench.at += SignedDuration::from_hours(24);
        assert_eq!(bench.out(&PAD_FAILS), None);
    }
    bench.at += SignedDuration::from_hours(24);
    assert_eq!(bench.out(&PAD_FAILS), Some("pin-pad-keeps-failing"));
}

#[test]
fn a_card_that_the_unit_kept_is_a_good_use_and_one_that_it_cannot_keep_no_failure() {
    let mut bench = Bench::new();
    bench.hears(&not_safe(BROKEN));
    let cannot = fault(Device::CardUnit, FaultKind::NeedsOperator, "cannot-retain");
    bench.hears(&answer(Answer::Retain(RetainAnswer::Failed(cannot))));
    assert_eq!(bench.shown(0).failures, 1);
    bench.hears(&answer(Answer::Retain(RetainAnswer::Retained)));
    assert_eq!(bench.shown(0).failures, 0);
}

#[test]
fn what_is_no_device_is_in_no_row() {
    let mut bench = Bench::new();
    let _first = bench.health.take_changed();
    for device in [Device::Host, Device::Clock, Device::Terminal] {
        for _ in 0..=MAX {
            let failed = Event::Fault(fault(device, FaultKind::Broken, "no-threads"));
            assert!(bench.hears(&failed).event.is_none());
        }
    }
    assert!(!bench.health.take_changed());
}

#[test]
fn every_code_that_is_sorted_here_is_one() {
    let sorted = port::STATES.iter().map(|(code, _)| *code).chain(words::OF_CUSTOMERS);
    let out = [Device::CardUnit, Device::PinPad, Device::Printer].map(words::keeps_failing);
    for code in sorted.chain(out) {
        assert!(catalogue::code(code).is_some(), "{code} is no code");
    }
}

#[test]
fn the_file_is_one_or_the_other_and_holds_nothing_that_looks_like_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new();
    let story = Story { what: Some("pad said 1234 and 0102030405060708".to_owned()), ..Story::default() };
    bench.health.hear(Said::by(&PAD_FAILS), &[], &story, bench.at);
    publish(folder.path(), &bench.health.shown(bench.at)).unwrap();
    let text = std::fs::read_to_string(folder.path().join("devices.json")).unwrap();
    assert!(!text.contains("1234") && !text.contains("0102030405060708"), "{text}");
    let shown = read(folder.path()).unwrap();
    assert_eq!(shown.devices.len(), 4);
    assert_eq!(shown.devices[1].last_failure.as_ref().unwrap().code, "pad-failed");
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["devices.json"]);
    std::fs::write(folder.path().join("devices.json"), vec![b' '; 70_000]).unwrap();
    assert!(read(folder.path()).is_err());
}

#[test]
fn the_log_says_of_a_lost_unit_how_it_is_or_what_is_stuck_in_it() {
    let said = |fault| {
        let line = log_words::line(&Record::Card(CardEvent::UnitLost(fault)));
        (line.object.unwrap().to_string(), line.value.unwrap().to_string())
    };
    assert_eq!(said(GONE), ("common.device".to_owned(), "noDevice".to_owned()));
    assert_eq!(said(BROKEN), ("common.device".to_owned(), "hardwareError".to_owned()));
    assert_eq!(said(JAMMED_CARD), ("cardReader.media".to_owned(), "jammed".to_owned()));
}

/// Whoever comes first, the unit's own word or the look that fails, the log has the fault once.
#[test]
fn one_fault_at_the_start_is_one_entry_in_either_order() {
    let own_word = (lost(GONE), Record::Card(CardEvent::UnitLost(GONE)));
    let look = (not_safe(GONE), Record::Fault(GONE));
    for order in [[&own_word, &look, &look], [&look, &own_word, &look], [&look, &look, &own_word]] {
        let mut bench = Bench::new();
        let mut entries = 0;
        for (event, record) in order {
            let news = bench.hears_with(event, &[*record]);
            entries += usize::from(!news.told.contains(record));
        }
        assert_eq!(entries, 1, "{order:?}");
        // Another code is other news, and so is the same one after the unit was back.
        let (stopped, back) = (fault(Device::CardUnit, FaultKind::Broken, "card-service-stopped"), &own_word);
        assert!(!bench.hears(&lost(stopped)).told.contains(&Record::Card(CardEvent::UnitLost(stopped))));
        bench.hears(&BACK);
        assert!(!bench.hears(&back.0).told.contains(&back.1));
    }
}

#[test]
fn a_fault_of_a_device_is_told_in_words_of_xfs4iot_whoever_records_it() {
    let said = |fault| {
        let line = log_words::line(&Record::Fault(fault));
        let detail = line.detail;
        (line.object.unwrap().to_string() + "=" + line.value.unwrap().as_str(), detail)
    };
    let of = |device, code| said(fault(device, FaultKind::Broken, code)).0;
    assert_eq!(of(Device::CardUnit, "port-not-found"), "common.device=noDevice");
    assert_eq!(of(Device::PinPad, "pad-silent"), "common.device=offline");
    assert_eq!(of(Device::Printer, "port-in-use"), "common.device=deviceBusy");
    assert_eq!(of(Device::Printer, "paper-out"), "printer.paper=out");
    assert_eq!(of(Device::Printer, "presenter-occupied"), "printer.media=present");
    assert_eq!(of(Device::CardUnit, "card-jammed"), "cardReader.media=jammed");
    let (words, detail) = said(Fault::no_answer(Device::PinPad));
    assert_eq!((words.as_str(), detail.as_deref()), ("common.device=hardwareError", Some("pin-pad")));
}
