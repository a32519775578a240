//! The desk's own answers: orders out of their order, and a system that gives no thread.

mod reader_pad;

use super::*;
use crate::pin_desk::SlotPlace;
use crate::queue::Inbox;
use crate::test_support::card::trust;
use crate::test_support::unit::FakeUnit;
use crate::test_support::{alone, posted, without_threads};

const TO: EffectNo = EffectNo(7);

fn desk() -> (CardDesk, Inbox) {
    desk_of(Arc::new(FakeUnit::default()))
}

fn desk_of(unit: Arc<FakeUnit>) -> (CardDesk, Inbox) {
    let (mailbox, inbox) = Mailbox::new();
    let work = CardWork {
        unit,
        trust: Arc::new(trust()),
        slot: SlotPlace::new(jpki::PinSlot::new()),
        pin_at: transaction::PinAt::Slot,
        mailbox,
        open_limit: Duration::from_secs(5),
    };
    (CardDesk::new(work, Duration::from_secs(5)), inbox)
}

/// The fault in the answer to the one question that was asked.
fn answered(inbox: &Inbox) -> Fault {
    match posted(inbox) {
        Message::Event(Event::Answer { to: TO, answer }) => match answer {
            Answer::Safe(SafeAnswer::Failed(fault))
            | Answer::Card(CardAnswer::Failed(fault))
            | Answer::Verify(VerifyAnswer::Failed(fault))
            | Answer::Pad(PadAnswer::Failed(fault))
            | Answer::Sign(SignAnswer::Failed(fault))
            | Answer::Retain(RetainAnswer::Failed(fault)) => fault,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_order_without_a_session_is_out_of_order() {
    let (mut desk, inbox) = desk();
    desk.verify(TO);
    assert_eq!(answered(&inbox).code, "card-step-out-of-order");
    desk.verify_on_pad(TO);
    assert_eq!(answered(&inbox).code, "card-step-out-of-order");
    desk.sign(TO, vec![0; 51]);
    assert_eq!(answered(&inbox).code, "card-step-out-of-order");
}

#[test]
fn without_a_thread_each_question_is_answered_and_the_card_is_told_not_to_come() {
    alone(without_a_thread_each_question_is_answered_and_the_card_is_told_not_to_come, || {
        let (mut desk, inbox) = desk();
        without_threads();
        desk.make_safe(Some(TO));
        assert_eq!(answered(&inbox).code, "no-threads");
        desk.read(TO, VisitId([1; 16]));
        assert_eq!(answered(&inbox).code, "no-threads");
        desk.retain(TO);
        assert_eq!(answered(&inbox).code, "no-threads");
        desk.return_card();
        let Message::Event(Event::Fault(fault)) = posted(&inbox) else { panic!("no fault") };
        assert_eq!((fault.device, fault.code), (Device::Terminal, "no-threads"));
        // It is tried again with the next reminder.
        desk.return_card();
        assert!(matches!(posted(&inbox), Message::Event(Event::Fault(fault)) if fault.code == "no-threads"));
    });
}

/// The process ended while the motor was moving, and the card stayed inside.
#[test]
fn the_desk_closes_after_the_card_is_back() {
    let unit = Arc::new(FakeUnit::that_returns_in(Duration::from_millis(300)));
    let (mut desk, _inbox) = desk_of(Arc::clone(&unit));
    desk.return_card();
    desk.close();
    assert_eq!(unit.calls(), ["return-card"]);
}
