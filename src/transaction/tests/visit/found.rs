//! Walks that the exhaustive exploration (`tests/explore`) found, told as plain stories.

use core::num::NonZeroU8;

use crate::support::{CARD_FAULT, VISIT, Walk, policy};
use transaction::*;

fn started() -> Walk {
    Walk::new(ReturnOrder::ReceiptThenCard).on(Event::Start(Recovery::Clean))
}

/// The numbers of the last walk's effects of one kind.
fn count(walk: &Walk, wanted: Effect) -> usize {
    walk.effects.iter().filter(|effect| effect.what == wanted).count()
}

const LOOK: Effect = Effect::Release(Release::MakeSafe);
const RETURN: Effect = Effect::Release(Release::ReturnCard);

/// The unit looked, then a card came in, then the answer to the look arrived. The customer was asked for a card that
/// was inside.
#[test]
fn a_card_that_comes_in_while_the_unit_looks_is_not_overlooked() {
    let walk = started().card(CardEvent::Inserted);
    assert_eq!(count(&walk, LOOK), 2, "what it has seen before is not believed any more");
    let first = walk.effects.iter().find(|effect| effect.what == LOOK).unwrap().no;
    let walk = walk.on(Event::Answer { to: first, answer: Answer::Safe(SafeAnswer::Safe(Presence::Empty)) });
    assert_eq!(walk.machine.state(), "AwaitSafe");
    let walk = walk.safe(SafeAnswer::Safe(Presence::CardInside));
    assert_eq!((walk.machine.state(), count(&walk, RETURN)), ("AwaitCardTaken", 1));
    let timers: Vec<_> = walk.timers().iter().map(|(_, limit)| *limit).collect();
    assert_eq!(timers, [Limit::CardTake], "the deadline of the first look is over too");
}

/// The same with a unit that was lost between its look and the answer: the menu was shown over a dead unit.
#[test]
fn a_unit_that_is_lost_after_its_look_is_repaired_first() {
    let walk = started().card(CardEvent::UnitLost(CARD_FAULT)).safe(SafeAnswer::Safe(Presence::Empty));
    assert_eq!(walk.machine.state(), "AwaitRepair");
    let walk = walk.card(CardEvent::UnitBack).safe(SafeAnswer::Safe(Presence::Empty));
    assert_eq!(walk.machine.state(), "AwaitCustomer");
}

/// The unit was lost with a card in it, and the service was stopped: nobody gave the card back when the unit was there
/// again.
#[test]
fn a_stopped_service_gives_a_card_back_when_the_unit_is_there_again() {
    let walk =
        Walk::begun().reach_pin(3).card(CardEvent::UnitLost(CARD_FAULT)).on(Event::Order(Order::StopNow));
    assert_eq!(walk.machine.state(), "AwaitOrder");
    let (looks, returns) = (count(&walk, LOOK), count(&walk, RETURN));
    let walk = walk.card(CardEvent::UnitBack).card(CardEvent::Inserted);
    assert_eq!((count(&walk, LOOK), count(&walk, RETURN)), (looks + 1, returns + 1));
    assert_eq!(walk.effects.last().unwrap().what, Effect::Act(Act::CallToTakeCard));
    // What the unit then says of its look is no answer that anybody waits for.
    let walk = walk.safe(SafeAnswer::Safe(Presence::CardInside)).card(CardEvent::Removed);
    assert_eq!(walk.machine.state(), "AwaitOrder");
}

/// A damaged journal closes the service. A card that was left inside was never let go when the unit did not answer in
/// time.
#[test]
fn a_closed_service_lets_go_of_a_card_that_nobody_has_looked_for() {
    let walk = Walk::new(ReturnOrder::ReceiptThenCard)
        .on(Event::Start(Recovery::Corrupt(CARD_FAULT)))
        .expire(Limit::MakeSafe);
    assert_eq!(walk.machine.state(), "AwaitOrder");
    let releases: Vec<_> = walk
        .effects
        .iter()
        .filter_map(|effect| match effect.what {
            Effect::Release(release) => Some(release),
            Effect::Act(_) => None,
        })
        .collect();
    assert_eq!(releases, [Release::MakeSafe, Release::MakeSafe, Release::ReturnCard]);
}

fn not_taken(return_order: ReturnOrder) -> Walk {
    Walk::with(Policy { retain_after: NonZeroU8::new(1), ..policy(return_order) })
        .on(Event::Start(Recovery::Clean))
        .safe(SafeAnswer::Safe(Presence::Empty))
        .on(Event::Begin(VISIT))
        .reach_pin(3)
        .reach_sent()
        .expire(Limit::HostDecision)
        .key(Key::Yes)
}

/// The unit was asked to keep a card and did not answer in time. It was offered again; then the unit kept it after all,
/// and the log said that the owner had taken it.
#[test]
fn a_unit_that_does_not_say_whether_it_keeps_the_card_leaves_that_open() {
    let walk = not_taken(ReturnOrder::ReceiptThenCard)
        .answer(Answer::Print(PrintAnswer::Printed))
        .expire(Limit::CardTake)
        .expire(Limit::CardTake)
        .expire(Limit::Retain);
    assert_eq!(walk.machine.state(), "AwaitRepair");
    assert!(walk.memory.records.contains(&Record::CardUnseen(VISIT)));
    let walk = walk.card(CardEvent::Removed);
    assert!(!walk.memory.records.contains(&Record::CardTaken(VISIT)));
    // Where it is, the next look tells.
    let walk = walk.expire(Limit::RepairPause).safe(SafeAnswer::Safe(Presence::CardInside));
    assert_eq!(walk.machine.state(), "AwaitCardTaken");
}

/// The card comes first and was kept; the receipt that follows said "pending" although the decision was there.
#[test]
fn a_receipt_after_a_kept_card_says_what_was_decided_meanwhile() {
    let walk = not_taken(ReturnOrder::CardThenReceipt)
        .expire(Limit::CardTake)
        .expire(Limit::CardTake)
        .answer(Answer::Retain(RetainAnswer::Retained));
    assert_eq!(walk.machine.state(), "AwaitNoticeRead");
    let walk = walk.decided(Decision::Registered).key(Key::Confirm);
    let outcome = Outcome::Registered;
    let receipt = Act::PrintReceipt { visit: VISIT, outcome, expires_soon: false };
    assert!(walk.effects.iter().any(|effect| effect.what == Effect::Act(receipt)));
}

/// The card was gone, into the bin or with its owner, and a new language put "take the card" on the screen again.
#[test]
fn a_card_that_is_gone_is_not_asked_to_be_taken_again() {
    let walk = not_taken(ReturnOrder::CardThenReceipt).expire(Limit::CardTake).expire(Limit::CardTake);
    let take = Effect::Act(Act::Show(Screen::TakeCard));
    let shown = count(&walk, take);
    let walk = walk.on(Event::Language(LanguageNo(1)));
    assert_eq!(count(&walk, take), shown + 1, "it may still be taken");
    let walk = walk.card(CardEvent::Removed).on(Event::Language(LanguageNo(0))).key(Key::Help);
    assert_eq!((walk.machine.state(), count(&walk, take)), ("AwaitRetained", shown + 1));
}

/// A card was put in at the menu and forgotten: the next customer's PIN went to it.
#[test]
fn a_card_that_nobody_begins_with_goes_back() {
    let walk = started().safe(SafeAnswer::Safe(Presence::Empty)).card(CardEvent::Inserted);
    let returns = count(&walk, RETURN);
    let walk = walk.expire(Limit::CardTake);
    assert_eq!((walk.machine.state(), count(&walk, RETURN)), ("AwaitCustomer", returns + 1));
    assert_eq!(count(&walk, Effect::Act(Act::CallToTakeCard)), 1);
    let walk = walk.expire(Limit::CardTake);
    assert_eq!(count(&walk, Effect::Act(Act::CallToTakeCard)), 2, "as long as it is there");
    let walk = walk.card(CardEvent::Removed);
    assert!(walk.timers().is_empty(), "{:?}", walk.timers());
}

/// Who puts the card in first and then begins is served with it.
#[test]
fn a_card_that_is_put_in_first_stays_for_its_owner() {
    let walk = started().safe(SafeAnswer::Safe(Presence::Empty)).card(CardEvent::Inserted);
    let returns = count(&walk, RETURN);
    let walk = walk.on(Event::Begin(VISIT));
    assert_eq!((walk.machine.state(), count(&walk, RETURN)), ("AwaitChallenge", returns));
    assert!(walk.timers().iter().all(|(_, limit)| *limit != Limit::CardTake));
}

/// Stopped after the visit, then told to end: the process waited for ever for a word that it is over.
#[test]
fn a_stopped_service_that_is_told_to_stop_says_again_that_it_is() {
    let stopped = Effect::Act(Act::Show(Screen::OutOfService { why: Closed::Stopped }));
    let walk = started().safe(SafeAnswer::Safe(Presence::Empty)).on(Event::Order(Order::StopAfterVisit));
    let shown = count(&walk, stopped);
    let walk = walk.on(Event::Order(Order::StopNow));
    assert_eq!((walk.machine.state(), count(&walk, stopped)), ("AwaitOrder", shown + 1));
}

/// Cancelled while the card checked the PIN: the card was locked by it, and nobody said so.
#[test]
fn who_cancels_while_the_card_checks_the_pin_learns_what_it_found() {
    let cancelled = || Walk::begun().reach_pin(2).answer(Answer::Pin(PinAnswer::Entered)).key(Key::Cancel);
    let ended = |walk: Walk| match walk.effects.iter().rev().find_map(|effect| match effect.what {
        Effect::Act(Act::Show(screen)) => Some(screen),
        _ => None,
    }) {
        Some(Screen::Stopped { outcome, .. }) => outcome,
        other => panic!("{other:?}"),
    };
    assert_eq!(cancelled().machine.state(), "AwaitPinVerified");
    let locked = cancelled().answer(Answer::Verify(VerifyAnswer::Wrong(Tries::Blocked)));
    assert_eq!(ended(locked), Outcome::Refused(Refusal::PinLocked));
    let wrong = cancelled().answer(Answer::Verify(VerifyAnswer::Wrong(crate::support::tries(1))));
    assert_eq!(ended(wrong), Outcome::Refused(Refusal::Cancelled));
    let verified = cancelled().answer(Answer::Verify(VerifyAnswer::Verified));
    assert_eq!(count(&verified, Effect::Act(Act::Sign(VISIT))), 0, "what is cancelled is not signed");
    assert_eq!(ended(verified), Outcome::Refused(Refusal::Cancelled));
}
