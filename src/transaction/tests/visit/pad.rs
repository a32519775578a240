//! Visits at a reader with a PIN pad of its own: each answer of the pad, wanted and not wanted any more.

use crate::support::{CARD_FAULT, VISIT, Walk, tries};
use transaction::*;

const ASK: Effect = Effect::Act(Act::VerifyOnPad);

fn asked(walk: &Walk) -> usize {
    walk.effects.iter().filter(|effect| effect.what == ASK).count()
}

fn pad(walk: Walk, answer: PadAnswer) -> Walk {
    walk.answer(Answer::Pad(answer))
}

/// What the customer is told at the end, when the visit has stopped; and that nothing was sent, nor the PIN asked again.
fn stopped(walk: &Walk) -> Outcome {
    assert_eq!(walk.machine.state(), "AwaitNoticeRead", "{}", walk.log);
    assert!(!walk.memory.records.contains(&Record::RequestSigned(VISIT)));
    let is_stop = |effect: &Numbered<Effect>| effect.what == Effect::Release(Release::EndCard);
    let end = walk.effects.iter().position(is_stop).unwrap();
    assert!(walk.effects[end..].iter().all(|effect| effect.what != ASK));
    match walk.memory.records.last() {
        Some(Record::Stopped { outcome, .. }) => *outcome,
        other => panic!("{other:?}\n{}", walk.log),
    }
}

fn screen(walk: &Walk) -> Screen {
    let shown = |effect: &Numbered<Effect>| match effect.what {
        Effect::Act(Act::Show(screen)) => Some(screen),
        Effect::Act(_) | Effect::Release(_) => None,
    };
    walk.effects.iter().rev().find_map(shown).unwrap()
}

/// The fault that ended the visit.
fn fault(walk: &Walk) -> (Device, &'static str) {
    match stopped(walk) {
        Outcome::Fault(fault) => (fault.device, fault.code),
        other => panic!("{other:?}\n{}", walk.log),
    }
}

/// The tries on the last screen of a visit that stopped.
fn told_at_end(walk: &Walk) -> Option<u8> {
    match screen(walk) {
        Screen::Stopped { tries_left, .. } => tries_left.map(TriesLeft::get),
        other => panic!("{other:?}\n{}", walk.log),
    }
}

fn at_pad(left: u8, before: EntryBefore) -> Screen {
    Screen::EnterPinAtReader { tries_left: TriesLeft::new(left).unwrap(), before }
}

fn limits(walk: &Walk) -> Vec<Limit> {
    let mut limits: Vec<_> = walk.timers().into_iter().map(|(_, limit)| limit).collect();
    limits.sort_by_key(|limit| limit.name());
    limits
}

#[test]
fn registered_with_the_pin_at_the_reader() {
    let walk = pad(Walk::begun().reach_pad(3), PadAnswer::Verified)
        .answer(Answer::Sign(SignAnswer::Signed))
        .decided(Decision::Registered)
        .key(Key::No)
        .card(CardEvent::Removed);
    assert_eq!((walk.machine.state(), walk.timers()), ("AwaitCustomer", Vec::new()));
    // Neither the pad that fills the slot nor the slot has any part in it.
    let slot = [Act::AskPin, Act::VerifyPin].map(Effect::Act);
    assert!(walk.effects.iter().all(|effect| !slot.contains(&effect.what)));
    insta::assert_snapshot!(walk.log);
}

#[test]
fn wrong_pin_at_the_reader_down_to_the_last_try() {
    let walk = pad(Walk::begun().reach_pad(3), PadAnswer::Wrong(tries(2)));
    assert_eq!(screen(&walk), at_pad(2, EntryBefore::Wrong));
    let walk = pad(walk, PadAnswer::Wrong(tries(1)));
    assert_eq!((walk.machine.state(), screen(&walk), asked(&walk)), ("AwaitLastTryYes", Screen::LastTry, 2));
    let walk = walk.key(Key::Confirm);
    assert_eq!(asked(&walk), 2, "the key of habit is no yes");
    let walk = walk.key(Key::Yes);
    assert_eq!((screen(&walk), asked(&walk)), (at_pad(1, EntryBefore::Wrong), 3));
    let walk = pad(walk, PadAnswer::Wrong(Tries::Blocked));
    assert_eq!(stopped(&walk), Outcome::Refused(Refusal::PinLocked));
    insta::assert_snapshot!(walk.log);
}

#[test]
fn the_last_try_at_the_reader_needs_its_yes_each_time() {
    let walk = Walk::begun().reach_pad(1);
    assert_eq!((walk.machine.state(), asked(&walk)), ("AwaitLastTryYes", 0));
    let walk = walk.key(Key::Yes).not_presented(NotPresented::TimedOut, 1);
    assert_eq!((walk.machine.state(), asked(&walk)), ("AwaitLastTryYes", 1));
    let walk = walk.key(Key::Yes).not_presented(NotPresented::WrongLength, 1);
    assert_eq!((walk.machine.state(), asked(&walk)), ("AwaitLastTryYes", 2));
    assert_eq!(stopped(&walk.key(Key::No)), Outcome::Refused(Refusal::Cancelled));
}

#[test]
fn cancel_at_the_readers_pad_ends_the_visit() {
    let walk = Walk::begun().reach_pad(2).not_presented(NotPresented::Cancelled, 2);
    assert_eq!(stopped(&walk), Outcome::Refused(Refusal::Cancelled));
    let recorded = Record::PinNotPresented { visit: VISIT, why: NotPresented::Cancelled, tries: tries(2) };
    assert!(walk.memory.records.contains(&recorded));
    assert!(!walk.memory.records.iter().any(|record| matches!(record, Record::TriesLost { .. })));
}

/// The reader's limits are shorter than the customer's.
#[test]
fn the_readers_time_is_not_the_customers() {
    let walk = Walk::begun().reach_pad(3);
    let (shown, timers) = (walk.effects.len(), walk.timers());
    let walk = walk.not_presented(NotPresented::TimedOut, 3);
    assert_eq!((walk.machine.state(), asked(&walk)), ("AwaitPinOnPad", 2));
    assert!(!walk.effects[shown..].iter().any(|effect| matches!(effect.what, Effect::Act(Act::Show(_)))));
    assert_eq!(limits(&walk), [Limit::Pin, Limit::PinOnPad]);
    let of_customer =
        |timers: &[(EffectNo, Limit)]| timers.iter().find(|(_, limit)| *limit == Limit::Pin).copied();
    assert_eq!(of_customer(&walk.timers()), of_customer(&timers), "the customer's time goes on");
    // Warned, the pad comes back once more, and the warning still counts.
    let walk = walk.expire(Limit::Pin).not_presented(NotPresented::TimedOut, 3);
    assert_eq!(limits(&walk), [Limit::PinOnPad, Limit::Warning]);
}

#[test]
fn a_reader_that_comes_back_again_and_again_is_asked_only_so_often() {
    for why in [NotPresented::TimedOut, NotPresented::WrongLength] {
        // As the policy of these walks has it: three times.
        let twice = Walk::begun().reach_pad(3).not_presented(why, 3).not_presented(why, 3);
        assert_eq!((twice.machine.state(), asked(&twice)), ("AwaitPinOnPad", 3));
        let walk = twice.clone().not_presented(why, 3);
        assert_eq!(fault(&walk), (Device::PinPad, "pad-gives-no-pin"));
        // Who asks for more time has all of it.
        let more = twice.expire(Limit::Pin).key(Key::More).not_presented(why, 3);
        assert_eq!((more.machine.state(), asked(&more)), ("AwaitPinOnPad", 4));
    }
}

/// Each yes to the last try began the count anew: a reader that came back at once was asked for as long as somebody said yes.
#[test]
fn a_yes_to_the_last_try_does_not_make_a_reader_good_that_comes_back_again_and_again() {
    for why in [NotPresented::TimedOut, NotPresented::WrongLength] {
        let twice = Walk::begun().reach_pad(1).key(Key::Yes).not_presented(why, 1).key(Key::Yes);
        let twice = twice.not_presented(why, 1);
        assert_eq!((twice.machine.state(), asked(&twice)), ("AwaitLastTryYes", 2));
        let walk = twice.key(Key::Yes).not_presented(why, 1);
        assert_eq!((fault(&walk), asked(&walk)), ((Device::PinPad, "pad-gives-no-pin"), 3));
    }
    // One that had counted before the last try came.
    let walk = Walk::begun().reach_pad(2).not_presented(NotPresented::TimedOut, 2);
    let walk = walk.not_presented(NotPresented::TimedOut, 1).key(Key::Yes);
    assert_eq!((walk.machine.state(), asked(&walk)), ("AwaitPinOnPad", 3));
    let walk = walk.not_presented(NotPresented::TimedOut, 1);
    assert!(matches!(stopped(&walk), Outcome::Fault(Fault { code: "pad-gives-no-pin", .. })));
    // A PIN that was presented makes it good.
    let walk = Walk::begun().reach_pad(2).not_presented(NotPresented::TimedOut, 2);
    let walk = pad(walk.not_presented(NotPresented::TimedOut, 2), PadAnswer::Wrong(tries(1)));
    let walk = walk.key(Key::Yes).not_presented(NotPresented::TimedOut, 1);
    assert_eq!((walk.machine.state(), asked(&walk)), ("AwaitLastTryYes", 4));
}

#[test]
fn a_pin_of_another_length_is_asked_for_again_and_says_so() {
    let walk = Walk::begun().reach_pad(3).not_presented(NotPresented::WrongLength, 3);
    assert_eq!((screen(&walk), asked(&walk)), (at_pad(3, EntryBefore::WrongLength), 2));
    assert_eq!(limits(&walk), [Limit::Pin, Limit::PinOnPad]);
}

/// Nineteen entries of a wrong length and one pause: the pause was taken for the reader's failure.
#[test]
fn what_customers_type_is_not_counted_with_the_readers_coming_back() {
    let (length, time) = (NotPresented::WrongLength, NotPresented::TimedOut);
    let walk = Walk::begun().reach_pad(3).not_presented(length, 3).not_presented(length, 3);
    let walk = walk.not_presented(time, 3).not_presented(time, 3);
    assert_eq!((walk.machine.state(), asked(&walk)), ("AwaitPinOnPad", 5));
    for why in [length, time] {
        assert_eq!(fault(&walk.clone().not_presented(why, 3)), (Device::PinPad, "pad-gives-no-pin"));
    }
    // Each wrong length gives the whole time, and its own row of pauses.
    let walk = Walk::begun().reach_pad(3).not_presented(time, 3).not_presented(time, 3);
    let walk = walk.not_presented(length, 3).not_presented(time, 3).not_presented(time, 3);
    assert_eq!((walk.machine.state(), asked(&walk)), ("AwaitPinOnPad", 6));
}

/// A new language gives the whole time again: the reader comes back as often in it as in the first.
#[test]
fn whoever_is_there_and_touches_something_begins_the_row_anew() {
    let twice =
        |walk: Walk| walk.not_presented(NotPresented::TimedOut, 3).not_presented(NotPresented::TimedOut, 3);
    for event in [Event::Language(LanguageNo(1)), Event::Mode(Mode::Voice)] {
        let walk = twice(twice(Walk::begun().reach_pad(3)).on(event));
        assert_eq!((walk.machine.state(), asked(&walk)), ("AwaitPinOnPad", 5));
    }
}

/// Without anybody touching anything, a card that said 2, 3, 2, 3 was asked about for ever.
#[test]
fn a_counter_that_goes_up_by_itself_ends_the_visit() {
    for why in [NotPresented::TimedOut, NotPresented::WrongLength] {
        let walk = Walk::begun().reach_pad(3).not_presented(why, 2).not_presented(why, 3);
        assert_eq!((stopped(&walk), asked(&walk)), (Outcome::Refused(Refusal::CardUnreadable), 2));
        let walk = Walk::begun().reach_pad(1).key(Key::Yes).not_presented(why, 3);
        assert_eq!(stopped(&walk), Outcome::Refused(Refusal::CardUnreadable));
    }
}

/// `6B80` is the reader's word for an order that it does not like; a card may say it, too.
#[test]
fn a_refusal_at_the_pad_is_the_cards_when_the_counter_fell() {
    let refused = |left| Walk::begun().reach_pad(3).not_presented(NotPresented::Refused, left);
    assert_eq!(fault(&refused(3)), (Device::PinPad, "pad-refused"));
    assert_eq!(told_at_end(&refused(3)), None);
    let walk = refused(2);
    assert_eq!(fault(&walk), (Device::CardUnit, "card-misbehaved"));
    assert!(walk.memory.records.contains(&Record::TriesLost { visit: VISIT, tries: tries(2) }));
    assert_eq!((told_at_end(&walk), asked(&walk)), (Some(2), 1));
    assert_eq!(stopped(&refused(0)), Outcome::Refused(Refusal::PinLocked));
}

/// Whoever leaves with fewer tries than they came with is told how many, where that is known.
#[test]
fn tries_that_went_missing_are_told_at_the_end() {
    let begun = || Walk::begun().reach_pad(3);
    let cancelled = begun().not_presented(NotPresented::Cancelled, 1);
    assert_eq!(
        (stopped(&cancelled), told_at_end(&cancelled)),
        (Outcome::Refused(Refusal::Cancelled), Some(1))
    );
    for answer in [
        PadAnswer::Wrong(tries(2)),
        PadAnswer::NotPresented { why: NotPresented::Cancelled, tries: tries(2) },
    ] {
        assert_eq!(told_at_end(&pad(begun().key(Key::Cancel), answer)), Some(2), "{answer:?}");
    }
    // As many as before, or full again after a right PIN.
    for answer in
        [PadAnswer::NotPresented { why: NotPresented::Cancelled, tries: tries(3) }, PadAnswer::Verified]
    {
        assert_eq!(told_at_end(&pad(begun().key(Key::Cancel), answer)), None, "{answer:?}");
    }
    // Nobody knows what the last entry did.
    let wrong = || pad(begun(), PadAnswer::Wrong(tries(2)));
    assert_eq!(told_at_end(&wrong().expire(Limit::PinOnPad)), None);
    assert_eq!(told_at_end(&wrong().card(CardEvent::Removed)), None);
    assert_eq!(told_at_end(&pad(wrong(), PadAnswer::Failed(CARD_FAULT))), None);
    // The same where the PIN is typed elsewhere.
    let wrong = |left| {
        Walk::begun()
            .reach_pin(3)
            .answer(Answer::Pin(PinAnswer::Entered))
            .answer(Answer::Verify(VerifyAnswer::Wrong(tries(left))))
    };
    assert_eq!(told_at_end(&wrong(2).key(Key::Cancel)), Some(2));
    assert_eq!(told_at_end(&wrong(2).time_over(Limit::Pin)), Some(2));
    assert_eq!(told_at_end(&wrong(1).key(Key::No)), Some(1));
    assert_eq!(told_at_end(&wrong(1).time_over(Limit::LastTry)), Some(1));
    let unwanted = Walk::begun().reach_pin(3).answer(Answer::Pin(PinAnswer::Entered)).key(Key::Cancel);
    assert_eq!(told_at_end(&unwanted.clone().answer(Answer::Verify(VerifyAnswer::Wrong(tries(2))))), Some(2));
    assert_eq!(told_at_end(&unwanted.answer(Answer::Verify(VerifyAnswer::Verified))), None);
}

/// The reader said that nothing was presented, and the card counted.
#[test]
fn fewer_tries_than_before_are_recorded_and_told() {
    let lost = |left| Record::TriesLost { visit: VISIT, tries: tries(left) };
    let walk = Walk::begun().reach_pad(3).not_presented(NotPresented::TimedOut, 2);
    assert!(walk.memory.records.contains(&lost(2)));
    assert_eq!((screen(&walk), asked(&walk)), (at_pad(2, EntryBefore::Nothing), 2));
    let walk = walk.not_presented(NotPresented::WrongLength, 1);
    assert!(walk.memory.records.contains(&lost(1)));
    assert_eq!((walk.machine.state(), screen(&walk), asked(&walk)), ("AwaitLastTryYes", Screen::LastTry, 2));
    for why in [NotPresented::Cancelled, NotPresented::TimedOut, NotPresented::WrongLength] {
        let walk = Walk::begun().reach_pad(3).not_presented(why, 0);
        assert!(walk.memory.records.contains(&lost(0)));
        assert_eq!(stopped(&walk), Outcome::Refused(Refusal::PinLocked));
    }
}

/// Cancelled on the screen, time over, service stopped: the reader cannot be stopped, and its word counts.
#[test]
fn what_nobody_wants_any_more_is_awaited_all_the_same() {
    let begun = || Walk::begun().reach_pad(2);
    for (walk, refusal) in [
        (begun().key(Key::Cancel), Refusal::Cancelled),
        (begun().time_over(Limit::Pin), Refusal::TimedOut),
        (begun().on(Event::Order(Order::StopNow)), Refusal::ServiceStopped),
    ] {
        assert_eq!((walk.machine.state(), screen(&walk)), ("AwaitPinOnPad", Screen::LeavePad), "{refusal:?}");
        assert_eq!(limits(&walk), [Limit::PinOnPad], "nothing of the customer's is left");
        // The first reason stands, and no key brings the entry back.
        let walk = walk.key(Key::Cancel).key(Key::More).key(Key::Yes).on(Event::Order(Order::StopNow));
        assert_eq!((walk.machine.state(), asked(&walk)), ("AwaitPinOnPad", 1));
        for answer in [
            PadAnswer::Verified,
            PadAnswer::Wrong(tries(1)),
            PadAnswer::NotPresented { why: NotPresented::Cancelled, tries: tries(2) },
            PadAnswer::NotPresented { why: NotPresented::TimedOut, tries: tries(2) },
            PadAnswer::NotPresented { why: NotPresented::WrongLength, tries: tries(1) },
        ] {
            assert_eq!(stopped(&pad(walk.clone(), answer)), Outcome::Refused(refusal), "{answer:?}");
        }
        let locked = pad(walk.clone(), PadAnswer::Wrong(Tries::Blocked));
        assert_eq!(stopped(&locked), Outcome::Refused(Refusal::PinLocked));
        let over = walk.expire(Limit::PinOnPad);
        assert_eq!(stopped(&over), Outcome::Fault(Fault::no_answer(Device::PinPad)));
        assert_eq!(limits(&over), [Limit::Notice]);
    }
}

#[test]
fn what_was_lost_is_never_repeated() {
    let answers = [
        (PadAnswer::Failed(CARD_FAULT), Outcome::Fault(CARD_FAULT)),
        (PadAnswer::Refused(Refusal::CardRemoved), Outcome::Refused(Refusal::CardRemoved)),
    ];
    for (answer, outcome) in answers {
        let walk = pad(Walk::begun().reach_pad(3), answer);
        assert_eq!((stopped(&walk), asked(&walk)), (outcome, 1));
        assert_eq!(limits(&walk), [Limit::Notice]);
    }
    let walk = Walk::begun().reach_pad(3).expire(Limit::PinOnPad);
    assert_eq!(stopped(&walk), Outcome::Fault(Fault::no_answer(Device::PinPad)));
    assert_eq!(limits(&walk), [Limit::Notice]);
    // Its word comes late: nobody waits for it.
    let to = walk.effects.iter().find(|effect| effect.what == ASK).unwrap().no;
    let late = walk.on(Event::Answer { to, answer: Answer::Pad(PadAnswer::Verified) });
    assert_eq!(late.memory.records.last(), Some(&Record::Stale { to }));
}

#[test]
fn a_card_that_goes_during_the_entry_ends_it() {
    let events = [
        (CardEvent::Removed, Outcome::Refused(Refusal::CardRemoved)),
        (CardEvent::Mute, Outcome::Refused(Refusal::CardUnreadable)),
        (CardEvent::UnitLost(CARD_FAULT), Outcome::Fault(CARD_FAULT)),
    ];
    for (event, outcome) in events {
        assert_eq!(stopped(&Walk::begun().reach_pad(3).card(event)), outcome);
        assert_eq!(stopped(&Walk::begun().reach_pad(3).key(Key::Cancel).card(event)), outcome);
    }
}

#[test]
fn each_entry_is_durable_before_it_begins() {
    assert!(Act::VerifyOnPad.needs_durable());
    let walk = Walk::begun()
        .reach_pad(3)
        .not_presented(NotPresented::TimedOut, 3)
        .not_presented(NotPresented::WrongLength, 2);
    let entries = walk.memory.records.iter().filter(|record| **record == Record::PinAskedAtReader(VISIT));
    assert_eq!((entries.count(), asked(&walk)), (3, 3));
}
