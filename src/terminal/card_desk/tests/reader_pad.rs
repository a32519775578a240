//! Entries at the reader's own pad: what each end of one is told as, and who gives the reader up.

use transaction::{NotPresented, PinAt, Refusal, Tries, TriesLeft};

use super::*;
use crate::card_worker::PAD_WHOLE_MS_MAX;
use crate::test_support::card::TestCard;
use crate::test_support::pad_unit::{Entry, PadUnit};

const VISIT: VisitId = VisitId([1; 16]);

fn read(unit: &PadUnit, pin_at: PinAt) -> (CardDesk, Inbox, CardAnswer) {
    let (mailbox, inbox) = Mailbox::new();
    let work = CardWork {
        unit: Arc::new(unit.clone()),
        trust: Arc::new(trust()),
        slot: SlotPlace::new(jpki::PinSlot::new()),
        pin_at,
        mailbox,
        open_limit: Duration::from_secs(5),
    };
    let mut desk = CardDesk::new(work, Duration::from_secs(5));
    desk.read(TO, VISIT);
    let answer = match posted(&inbox) {
        Message::CardRead { tries, pin_at, .. } => CardAnswer::Read { tries, expires_soon: false, pin_at },
        Message::Event(Event::Answer { to: TO, answer: Answer::Card(answer) }) => answer,
        other => panic!("{other:?}"),
    };
    (desk, inbox, answer)
}

/// A card that was read, at a reader whose pad is used so.
fn at_pad(entries: impl IntoIterator<Item = Entry>) -> (PadUnit, CardDesk, Inbox) {
    let unit = PadUnit::new(TestCard::new().der(), entries);
    let (desk, inbox, answer) = read(&unit, PinAt::Reader);
    let pin_at = PinAt::Reader;
    assert_eq!(answer, CardAnswer::Read { tries: left(3), expires_soon: false, pin_at });
    (unit, desk, inbox)
}

fn left(count: u8) -> Tries {
    TriesLeft::new(count).map_or(Tries::Blocked, Tries::Left)
}

fn told(inbox: &Inbox) -> PadAnswer {
    match posted(inbox) {
        Message::Event(Event::Answer { to: TO, answer: Answer::Pad(answer) }) => answer,
        other => panic!("{other:?}"),
    }
}

fn ended(inbox: &Inbox) {
    let over = posted(inbox);
    assert!(matches!(over, Message::CardTally { .. }), "{over:?}");
}

#[test]
fn the_card_can_sign_after_an_entry_at_the_reader() {
    let (unit, mut desk, inbox) = at_pad([Entry::Answers(0x9000)]);
    desk.verify_on_pad(TO);
    assert_eq!(told(&inbox), PadAnswer::Verified);
    desk.sign(TO, vec![0; 51]);
    let Message::CardTally { tally, .. } = posted(&inbox) else { panic!("no tally") };
    assert_eq!(tally.apdus_after_pin, 2, "VERIFY, which the reader sends, and the signature");
    assert!(matches!(posted(&inbox), Message::Signature { to: TO, .. }));
    desk.end();
    ended(&inbox);
    assert_eq!(unit.done(), ["tries", "pad?", "entry", "sign", "power off"]);
}

#[test]
fn each_end_of_an_entry_has_its_answer_and_the_counter_is_read_where_nothing_was_presented() {
    let answers = [0x63C2, 0x6401, 0x6400, 0x6403, 0x6B80, 0x6983].map(Entry::Answers);
    let (unit, mut desk, inbox) = at_pad(answers);
    let mut next = |tries| {
        unit.set_tries(tries);
        desk.verify_on_pad(TO);
        told(&inbox)
    };
    let not_presented = |why, count| PadAnswer::NotPresented { why, tries: left(count) };
    assert_eq!(next(2), PadAnswer::Wrong(left(2)));
    assert_eq!(next(2), not_presented(NotPresented::Cancelled, 2));
    // The reader says that nothing was presented, and the card has counted.
    assert_eq!(next(1), not_presented(NotPresented::TimedOut, 1));
    assert_eq!(next(1), not_presented(NotPresented::WrongLength, 1));
    // The reader does not like the order, or the card says so: no other way to know which.
    assert_eq!(next(1), not_presented(NotPresented::Refused, 1));
    assert_eq!(next(1), PadAnswer::Wrong(Tries::Blocked));
    desk.end();
    ended(&inbox);
    let nothing = ["entry", "tries"];
    let entries = [&["entry"], &nothing[..], &nothing, &nothing, &nothing, &["entry", "power off"]].concat();
    assert_eq!(unit.done()[2..], entries);
}

#[test]
fn what_is_lost_ends_the_session_and_is_not_tried_again() {
    let (unit, mut desk, inbox) = at_pad([Entry::CardGone]);
    desk.verify_on_pad(TO);
    assert_eq!(told(&inbox), PadAnswer::Refused(Refusal::CardRemoved));
    ended(&inbox);
    assert_eq!(unit.done()[2..], ["entry", "power off"]);
}

/// The reader is given up by the session before the machine's own deadline ends the visit: what came of it can still be told.
#[test]
fn no_configuration_ends_a_visit_before_the_reader_is_given_up() {
    let limit = crate::config::Limits::TABLE.iter().find(|limit| limit.name == "pin_on_pad_ms_max").unwrap();
    assert!(limit.min > PAD_WHOLE_MS_MAX, "{limit:?}");
}

/// The machine's deadline, or a card that is out: nobody waits for the reader any more. That it keeps the card is told once.
#[test]
fn the_end_of_the_session_gives_a_reader_up_that_waits_for_keys() {
    let (unit, mut desk, inbox) = at_pad([Entry::Waits]);
    desk.verify_on_pad(TO);
    desk.return_card();
    assert_eq!(told(&inbox), PadAnswer::Failed(Fault::no_answer(Device::PinPad)));
    ended(&inbox);
    desk.close();
    assert_eq!(unit.done()[2..], ["entry", "power off", "return"]);
}

#[test]
fn a_reader_without_the_pad_that_is_configured_says_so_before_any_pin() {
    let unit = PadUnit::new(TestCard::new().der(), []).without_pad();
    let (_desk, inbox, answer) = read(&unit, PinAt::Reader);
    let fault = Fault { device: Device::PinPad, kind: FaultKind::NeedsOperator, code: "pad-not-offered" };
    assert_eq!(answer, CardAnswer::Failed(fault));
    ended(&inbox);
    // Where PINs are typed elsewhere nobody asks it.
    let unit = PadUnit::new(TestCard::new().der(), []);
    let (mut desk, inbox, answer) = read(&unit, PinAt::Slot);
    let pin_at = PinAt::Slot;
    assert_eq!(answer, CardAnswer::Read { tries: left(3), expires_soon: false, pin_at });
    desk.end();
    ended(&inbox);
    assert_eq!(unit.done(), ["tries", "power off"]);
}
