//! Whole visits as tables: one line for each event, with what was recorded (before ⇒) and done (after it; `!` is a
//! release). Read the snapshots as the story of the visit.

use crate::support::{CARD_FAULT, HOST_FAULT, Memory, VISIT, Walk, policy, tries};
use transaction::*;

fn finish(walk: Walk) -> String {
    assert_eq!(walk.machine.state(), "AwaitCustomer");
    assert_eq!(walk.timers(), [], "a deadline outlives the visit");
    walk.log
}

/// No record and no effect of the sending kind.
fn assert_nothing_sent(walk: &Walk) {
    assert!(!walk.memory.records.contains(&Record::RequestSigned(VISIT)));
    assert!(
        !walk
            .effects
            .iter()
            .any(|effect| matches!(effect.what, Effect::Act(Act::Send(_) | Act::AskOrResend(_))))
    );
}

#[test]
fn registered_with_receipt() {
    let walk = Walk::begun()
        .reach_pin(3)
        .reach_sent()
        .decided(Decision::Registered)
        .key(Key::Yes)
        .answer(Answer::Print(PrintAnswer::Printed))
        .card(CardEvent::Removed);
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn card_first_then_receipt() {
    let walk = Walk::new(ReturnOrder::CardThenReceipt)
        .on(Event::Start(Recovery::Fresh))
        .safe(SafeAnswer::Safe(Presence::Empty))
        .on(Event::Begin(VISIT))
        .reach_pin(3)
        .reach_sent()
        .decided(Decision::AlreadyRegistered)
        .key(Key::Yes)
        .card(CardEvent::Removed)
        .answer(Answer::Print(PrintAnswer::Failed(HOST_FAULT)))
        .key(Key::Confirm);
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn a_receipt_after_the_card_says_what_was_decided_meanwhile() {
    let walk = Walk::new(ReturnOrder::CardThenReceipt)
        .on(Event::Start(Recovery::Fresh))
        .safe(SafeAnswer::Safe(Presence::Empty))
        .on(Event::Begin(VISIT))
        .reach_pin(3)
        .reach_sent()
        .expire(Limit::HostDecision)
        .key(Key::Yes)
        .decided(Decision::Registered)
        .card(CardEvent::Removed);
    let outcome = Outcome::Registered;
    let receipt = Act::PrintReceipt { visit: VISIT, outcome, expires_soon: false };
    assert!(walk.effects.iter().any(|effect| effect.what == Effect::Act(receipt)));
}

/// Found by random visits: the changed screen had no warning on it, and its time was over.
#[test]
fn a_question_that_changes_with_the_printer_has_its_whole_time_and_a_warning_of_its_own() {
    let fault = Fault { device: Device::Printer, kind: FaultKind::NeedsOperator, code: "paper-out" };
    let walk = Walk::begun()
        .reach_pin(3)
        .reach_sent()
        .decided(Decision::Registered)
        .expire(Limit::ReceiptChoice)
        .on(Event::Printing(Printing::Impossible(fault)));
    assert_eq!(walk.timers().iter().map(|(_, limit)| *limit).collect::<Vec<_>>(), [Limit::ReceiptChoice]);
    let warnings = |walk: &Walk| {
        let warns = |effect: &&Numbered<Effect>| matches!(effect.what, Effect::Act(Act::WarnTime { .. }));
        walk.effects.iter().filter(warns).count()
    };
    assert_eq!(warnings(&walk), 1);
    let walk = walk.expire(Limit::ReceiptChoice);
    assert_eq!((warnings(&walk), walk.machine.state()), (2, "AwaitReceiptChoice"));
}

/// Found by random visits: a terminal that was out of service never ended when its service manager wanted it to.
#[test]
fn who_is_out_of_service_already_says_so_when_asked_to_stop() {
    let walk = Walk::new(ReturnOrder::ReceiptThenCard)
        .on(Event::Start(Recovery::Clean))
        .safe(SafeAnswer::Safe(Presence::Empty))
        .on(Event::Order(Order::StopAfterVisit));
    let says = |walk: &Walk| {
        let shown = Effect::Act(Act::Show(Screen::OutOfService { why: Closed::Stopped }));
        walk.effects.iter().filter(|effect| effect.what == shown).count()
    };
    assert_eq!(says(&walk), 1);
    assert_eq!(says(&walk.on(Event::Order(Order::StopNow))), 2);
}

#[test]
fn wrong_pin_down_to_the_last_try() {
    let walk = Walk::begun()
        .reach_pin(3)
        .answer(Answer::Pin(PinAnswer::Entered))
        .answer(Answer::Verify(VerifyAnswer::Wrong(tries(2))))
        .answer(Answer::Pin(PinAnswer::Entered))
        .answer(Answer::Verify(VerifyAnswer::Wrong(tries(1))))
        .key(Key::Confirm)
        .key(Key::Yes)
        .answer(Answer::Pin(PinAnswer::Entered))
        .answer(Answer::Verify(VerifyAnswer::Wrong(Tries::Blocked)))
        .key(Key::Confirm)
        .card(CardEvent::Removed);
    assert_nothing_sent(&walk);
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn last_try_declined() {
    let walk = Walk::begun().reach_pin(1).key(Key::No).key(Key::Confirm).card(CardEvent::Removed);
    assert_nothing_sent(&walk);
    assert!(!walk.effects.iter().any(|effect| effect.what == Effect::Act(Act::AskPin)));
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn locked_before_the_pin() {
    let walk = Walk::begun()
        .answer(Answer::Challenge(ChallengeAnswer::Received))
        .key(Key::Confirm)
        .card(CardEvent::Inserted)
        .answer(Answer::Card(CardAnswer::Read {
            tries: Tries::Blocked,
            expires_soon: true,
            pin_at: PinAt::Slot,
        }))
        .time_over(Limit::Notice)
        .expire(Limit::CardTake)
        .card(CardEvent::Removed);
    assert_nothing_sent(&walk);
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn cancelled_while_the_card_signs() {
    let walk = Walk::begun()
        .reach_pin(2)
        .answer(Answer::Pin(PinAnswer::Entered))
        .answer(Answer::Verify(VerifyAnswer::Verified))
        .key(Key::Cancel)
        // The signature arrives all the same: it is never recorded, so it never existed.
        .answer(Answer::Sign(SignAnswer::Signed))
        .key(Key::Confirm)
        .card(CardEvent::Removed);
    assert_nothing_sent(&walk);
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn card_pulled_while_the_pin_is_entered() {
    let walk = Walk::begun()
        .reach_pin(3)
        .card(CardEvent::Removed)
        .answer(Answer::Pin(PinAnswer::Cancelled))
        .key(Key::Confirm);
    assert_nothing_sent(&walk);
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn card_pulled_after_the_point_of_no_return() {
    let walk = Walk::begun()
        .reach_pin(3)
        .reach_sent()
        .card(CardEvent::Removed)
        .decided(Decision::Registered)
        .key(Key::No);
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn answer_lost_then_found() {
    let walk = Walk::begun()
        .reach_pin(3)
        .reach_sent()
        .answer(Answer::Host(HostAnswer::NoDecision(HOST_FAULT)))
        .expire(Limit::ResendPause)
        .decided(Decision::Registered)
        .key(Key::No)
        .card(CardEvent::Removed);
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn pending_then_decided_after_the_customer_left() {
    let walk = Walk::begun()
        .reach_pin(3)
        .reach_sent()
        .answer(Answer::Host(HostAnswer::NoDecision(HOST_FAULT)))
        .expire(Limit::HostDecision)
        .time_over(Limit::ReceiptChoice)
        .card(CardEvent::Removed)
        .decided(Decision::Registered)
        .on(Event::OutboxPassed { left: 0 });
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn pending_then_decided_while_the_customer_is_here() {
    let walk = Walk::begun()
        .reach_pin(3)
        .reach_sent()
        .expire(Limit::HostDecision)
        .decided(Decision::Rejected(Rejection::NoInsurerData))
        .key(Key::No)
        .card(CardEvent::Removed);
    insta::assert_snapshot!(finish(walk));
}

#[test]
fn interrupted_with_a_card_inside() {
    let open = vec![
        OpenVisit { id: VISIT.id, signed: Some(VISIT.request) },
        OpenVisit { id: VisitId([3; 16]), signed: None },
    ];
    let walk = Walk::new(ReturnOrder::ReceiptThenCard)
        .on(Event::Start(Recovery::Interrupted(open)))
        .safe(SafeAnswer::Safe(Presence::CardInside))
        .decided(Decision::Registered)
        .expire(Limit::CardTake)
        .card(CardEvent::Removed);
    insta::assert_snapshot!(finish(walk));
}

/// A store that tells which steps had to be durable.
#[derive(Default)]
struct Asked {
    durable: Vec<Record>,
}

impl Durable for Asked {
    type Error = std::convert::Infallible;

    fn commit(&mut self, records: &[Record]) -> Result<(), Self::Error> {
        self.durable.extend_from_slice(records);
        Ok(())
    }

    fn note(&mut self, _records: &[Record]) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[test]
fn what_cannot_be_taken_back_is_durable_before() {
    let durable = |walk: Walk, event: Event| {
        let mut asked = Asked::default();
        let done = walk.machine.handle(event).unwrap().commit(&mut asked).unwrap();
        (done.machine.state(), asked.durable)
    };
    let answer = |walk: &Walk, answer| Event::Answer { to: walk.question(), answer };

    let walk = Walk::begun().reach_pin(3);
    let entered = answer(&walk, Answer::Pin(PinAnswer::Entered));
    assert_eq!(durable(walk, entered), ("AwaitPinVerified", vec![Record::PinEntered(VISIT)]));

    let walk = Walk::begun().reach_pin(3).answer(Answer::Pin(PinAnswer::Entered));
    let walk = walk.answer(Answer::Verify(VerifyAnswer::Verified));
    let signed = answer(&walk, Answer::Sign(SignAnswer::Signed));
    assert_eq!(durable(walk, signed), ("AwaitHostDecision", vec![Record::RequestSigned(VISIT)]));

    let walk = Walk::begun().reach_pin(3).reach_sent();
    let decided = Event::HostDecided { request: VISIT.request, decision: Decision::Registered };
    assert_eq!(durable(walk, decided).1.len(), 1);

    let walk = Walk::begun().reach_pin(3).reach_sent().decided(Decision::Registered);
    let wanted = Record::ReceiptChosen { visit: VISIT, wanted: true };
    assert_eq!(durable(walk, Event::Key(Key::Yes)), ("AwaitPrinted", vec![wanted]));

    let walk = Walk::begun().answer(Answer::Challenge(ChallengeAnswer::Received));
    assert_eq!(durable(walk, Event::Key(Key::Confirm)), ("AwaitCard", vec![]), "shown, not sent");
}

#[test]
fn a_unit_that_comes_back_in_time_costs_nothing() {
    let walk = Walk::begun()
        .answer(Answer::Challenge(ChallengeAnswer::Received))
        .card(CardEvent::UnitLost(CARD_FAULT))
        .key(Key::Confirm)
        .card(CardEvent::UnitBack)
        .card(CardEvent::Removed)
        .card(CardEvent::UnitLost(CARD_FAULT))
        .expire(Limit::MakeSafe)
        .key(Key::Confirm);
    insta::assert_snapshot!(walk.log);
}

#[test]
fn a_full_disk_gives_the_card_back_and_sends_nothing() {
    let walk = Walk::begun().reach_pin(3).answer(Answer::Pin(PinAnswer::Entered));
    let walk = walk.answer(Answer::Verify(VerifyAnswer::Verified));
    let to = walk.question();
    let step = walk.machine.handle(Event::Answer { to, answer: Answer::Sign(SignAnswer::Signed) }).unwrap();
    let failed = step.commit(&mut Memory { full: true, ..Memory::default() }).unwrap_err();
    let release: Vec<_> = failed.release.iter().map(|release| release.what).collect();
    assert_eq!(release, [Release::ForgetPin, Release::EndCard, Release::ReturnCard, Release::OutOfService]);
}

#[test]
fn a_full_disk_at_the_start_gives_back_a_card_that_may_be_inside() {
    let step = Walk::new(ReturnOrder::ReceiptThenCard).machine.handle(Event::Start(Recovery::Clean)).unwrap();
    let failed = step.commit(&mut Memory { full: true, ..Memory::default() }).unwrap_err();
    let release: Vec<_> = failed.release.iter().map(|release| release.what).collect();
    use Release::{EndCard, ForgetPin, MakeSafe, OutOfService, ReturnCard};
    assert_eq!(release, [ForgetPin, EndCard, MakeSafe, ReturnCard, OutOfService]);
}

#[test]
fn without_the_policy_no_number_of_reminders_keeps_a_card() {
    let retains = |walk: &Walk| walk.effects.iter().any(|effect| effect.what == Effect::Act(Act::RetainCard));
    let found =
        |walk: Walk| walk.on(Event::Start(Recovery::Clean)).safe(SafeAnswer::Safe(Presence::CardInside));
    let customers = Walk::begun().reach_pin(3).reach_sent().decided(Decision::Registered).key(Key::No);
    for mut walk in [found(Walk::new(ReturnOrder::ReceiptThenCard)), customers] {
        for _ in 0..300 {
            walk = walk.expire(Limit::CardTake);
        }
        assert!(!retains(&walk));
        assert_eq!(walk.card(CardEvent::Removed).machine.state(), "AwaitCustomer");
    }
    // With it, and after the one reminder that it asks for.
    let keeps = Policy { retain_after: core::num::NonZeroU8::new(1), ..policy(ReturnOrder::ReceiptThenCard) };
    let reminded = found(Walk::with(keeps)).expire(Limit::CardTake);
    assert!(!retains(&reminded));
    assert!(retains(&reminded.expire(Limit::CardTake)));
}

#[test]
fn all_codes() {
    let refusals = Refusal::ALL.map(Refusal::code);
    let rejections = Rejection::ALL.map(Rejection::code);
    insta::assert_snapshot!(format!("{}\n\n{}", refusals.join("\n"), rejections.join("\n")));
}
