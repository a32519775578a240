//! Every state and every kind of event, decided and kept: a change of the table is a change of behaviour.

use std::fmt::Write as _;

use crate::support::{
    CARD_FAULT, Came, HOST_FAULT, OTHER_REQUEST, PRINTER_FAULT, VISIT, Walk, effect_label, short, tries,
};
use transaction::*;

/// One walk into each state.
pub(crate) fn states() -> Vec<Walk> {
    let new = || Walk::new(ReturnOrder::ReceiptThenCard);
    let started = || new().on(Event::Start(Recovery::Clean));
    let confirmed = || Walk::begun().answer(Answer::Challenge(ChallengeAnswer::Received)).key(Key::Confirm);
    let read = Answer::Card(CardAnswer::Read { tries: tries(3), expires_soon: true, pin_at: PinAt::Slot });
    let reading = || confirmed().card(CardEvent::Inserted);
    let entered = || Walk::begun().reach_pin(3).answer(Answer::Pin(PinAnswer::Entered));
    let sent = || Walk::begun().reach_pin(3).reach_sent();
    let told = || sent().decided(Decision::Registered);
    let keeps = Policy {
        retain_after: core::num::NonZeroU8::new(1),
        ..crate::support::policy(ReturnOrder::ReceiptThenCard)
    };
    let retained = Walk::with(keeps)
        .on(Event::Start(Recovery::Clean))
        .safe(SafeAnswer::Safe(Presence::CardInside))
        .expire(Limit::CardTake)
        .expire(Limit::CardTake);
    vec![
        new(),
        started(),
        started().safe(SafeAnswer::Failed(CARD_FAULT)),
        started().on(Event::Order(Order::StopNow)).safe(SafeAnswer::Safe(Presence::Empty)),
        started().safe(SafeAnswer::Safe(Presence::Empty)),
        Walk::begun(),
        Walk::begun().answer(Answer::Challenge(ChallengeAnswer::Received)),
        confirmed(),
        confirmed().card(CardEvent::UnitLost(CARD_FAULT)),
        reading(),
        reading().answer(read),
        Walk::begun().reach_pin(1),
        Walk::begun().reach_pin(3),
        entered(),
        Walk::begun().reach_pad(3),
        entered().answer(Answer::Verify(VerifyAnswer::Verified)),
        sent(),
        sent().answer(Answer::Host(HostAnswer::NoDecision(HOST_FAULT))),
        told(),
        told().key(Key::Yes),
        Walk::begun().reach_pin(3).key(Key::Cancel),
        told().key(Key::No),
        retained,
    ]
}

/// The same states once more, where what they hold decides: warned, no receipt to be had, a card found, something to read.
pub(crate) fn variants() -> Vec<(&'static str, Walk)> {
    let started = || Walk::new(ReturnOrder::ReceiptThenCard).on(Event::Start(Recovery::Clean));
    let terms = || Walk::begun().answer(Answer::Challenge(ChallengeAnswer::Received));
    let told = |order| {
        Walk::new(order)
            .on(Event::Start(Recovery::Clean))
            .safe(SafeAnswer::Safe(Presence::Empty))
            .on(Event::Begin(VISIT))
            .reach_pin(3)
            .reach_sent()
            .decided(Decision::Registered)
    };
    let no_paper = Printing::Impossible(PRINTER_FAULT);
    vec![
        ("the menu in a language that somebody chose", {
            started().safe(SafeAnswer::Safe(Presence::Empty)).on(Event::Language(LanguageNo(1)))
        }),
        ("warned at the terms", terms().expire(Limit::Terms)),
        ("warned at the PIN", Walk::begun().reach_pin(3).expire(Limit::Pin)),
        ("warned at the reader's pad", Walk::begun().reach_pad(3).expire(Limit::Pin)),
        ("the reader's pad is asked for the last time", {
            let twice = |walk: Walk, why| walk.not_presented(why, 3);
            twice(twice(Walk::begun().reach_pad(3), NotPresented::WrongLength), NotPresented::TimedOut)
        }),
        ("at the reader's pad with the last try", Walk::begun().reach_pad(1).key(Key::Yes)),
        ("cancelled on the screen, and the reader's pad waits", Walk::begun().reach_pad(3).key(Key::Cancel)),
        ("by voice at the terms", terms().on(Event::Mode(Mode::Voice))),
        ("told pending", { Walk::begun().reach_pin(3).reach_sent().expire(Limit::HostDecision) }),
        ("told, and there is no paper", told(ReturnOrder::ReceiptThenCard).on(Event::Printing(no_paper))),
        ("the receipt could not be printed", {
            told(ReturnOrder::ReceiptThenCard)
                .key(Key::Yes)
                .answer(Answer::Print(PrintAnswer::Failed(PRINTER_FAULT)))
        }),
        ("the receipt comes after the card", told(ReturnOrder::CardThenReceipt).key(Key::Yes)),
        ("a card found at start", started().safe(SafeAnswer::Safe(Presence::CardInside))),
        ("the card is out before the visit ends", {
            told(ReturnOrder::ReceiptThenCard).card(CardEvent::Removed)
        }),
        ("the unit is lost while the card is taken", {
            told(ReturnOrder::ReceiptThenCard).key(Key::No).card(CardEvent::UnitLost(CARD_FAULT))
        }),
    ]
}

fn answers() -> Vec<Answer> {
    let refusal = Refusal::CardRemoved;
    let not_presented = |why, left| Answer::Pad(PadAnswer::NotPresented { why, tries: tries(left) });
    vec![
        Answer::Safe(SafeAnswer::Safe(Presence::Empty)),
        Answer::Safe(SafeAnswer::Safe(Presence::CardInside)),
        Answer::Safe(SafeAnswer::Failed(CARD_FAULT)),
        Answer::Challenge(ChallengeAnswer::Received),
        Answer::Challenge(ChallengeAnswer::Refused(Refusal::HostClosed)),
        Answer::Challenge(ChallengeAnswer::Failed(HOST_FAULT)),
        Answer::Card(CardAnswer::Read { tries: tries(3), expires_soon: false, pin_at: PinAt::Slot }),
        Answer::Card(CardAnswer::Read { tries: Tries::Blocked, expires_soon: false, pin_at: PinAt::Slot }),
        Answer::Card(CardAnswer::Refused(refusal)),
        Answer::Card(CardAnswer::Failed(CARD_FAULT)),
        Answer::Prepare(PrepareAnswer::Ready),
        Answer::Prepare(PrepareAnswer::Refused(Refusal::TookTooLong)),
        Answer::Prepare(PrepareAnswer::Failed(CARD_FAULT)),
        Answer::Pin(PinAnswer::Entered),
        Answer::Pin(PinAnswer::Cancelled),
        Answer::Pin(PinAnswer::TimedOut),
        Answer::Pin(PinAnswer::Failed(CARD_FAULT)),
        Answer::Verify(VerifyAnswer::Verified),
        Answer::Verify(VerifyAnswer::Wrong(tries(2))),
        Answer::Verify(VerifyAnswer::Wrong(tries(1))),
        Answer::Verify(VerifyAnswer::Wrong(Tries::Blocked)),
        Answer::Verify(VerifyAnswer::Refused(refusal)),
        Answer::Verify(VerifyAnswer::Failed(CARD_FAULT)),
        Answer::Pad(PadAnswer::Verified),
        Answer::Pad(PadAnswer::Wrong(tries(2))),
        Answer::Pad(PadAnswer::Wrong(tries(1))),
        Answer::Pad(PadAnswer::Wrong(Tries::Blocked)),
        not_presented(NotPresented::Cancelled, 3),
        not_presented(NotPresented::Refused, 3),
        not_presented(NotPresented::Refused, 2),
        not_presented(NotPresented::Cancelled, 0),
        not_presented(NotPresented::TimedOut, 3),
        not_presented(NotPresented::TimedOut, 2),
        not_presented(NotPresented::TimedOut, 1),
        not_presented(NotPresented::TimedOut, 0),
        not_presented(NotPresented::WrongLength, 3),
        not_presented(NotPresented::WrongLength, 1),
        Answer::Pad(PadAnswer::Refused(refusal)),
        Answer::Pad(PadAnswer::Failed(CARD_FAULT)),
        Answer::Sign(SignAnswer::Signed),
        Answer::Sign(SignAnswer::Refused(Refusal::CardKeyMismatch)),
        Answer::Sign(SignAnswer::Failed(CARD_FAULT)),
        Answer::Host(HostAnswer::NoDecision(HOST_FAULT)),
        Answer::Host(HostAnswer::WillNot(HOST_FAULT)),
        Answer::Print(PrintAnswer::Printed),
        Answer::Print(PrintAnswer::Failed(CARD_FAULT)),
        Answer::Retain(RetainAnswer::Retained),
        Answer::Retain(RetainAnswer::NoCard),
        Answer::Retain(RetainAnswer::Failed(CARD_FAULT)),
    ]
}

/// Every kind of event, with the numbers that this walk can give them.
pub(crate) fn events(walk: &Walk) -> Vec<(String, Event)> {
    let mut events = vec![
        Event::Start(Recovery::Clean),
        Event::Begin(VISIT),
        Event::Key(Key::Confirm),
        Event::Key(Key::Cancel),
        Event::Key(Key::Yes),
        Event::Key(Key::No),
        Event::Key(Key::More),
        Event::Key(Key::Help),
        Event::Language(LanguageNo(1)),
        Event::Mode(Mode::Voice),
        Event::PadTouched,
        Event::Order(Order::StopAfterVisit),
        Event::Order(Order::StopNow),
        Event::Order(Order::Resume),
        Event::Printing(Printing::Impossible(PRINTER_FAULT)),
        Event::Unfit(HOST_FAULT),
        Event::Card(CardEvent::Inserted),
        Event::Card(CardEvent::Mute),
        Event::Card(CardEvent::Removed),
        Event::Card(CardEvent::UnitLost(CARD_FAULT)),
        Event::Card(CardEvent::UnitBack),
        Event::HostDecided { request: VISIT.request, decision: Decision::Registered },
        Event::HostDecided { request: OTHER_REQUEST, decision: Decision::Registered },
        Event::Fault(HOST_FAULT),
        Event::OutboxPassed { left: 1 },
    ]
    .into_iter()
    .map(|event| (short(&event), event))
    .collect::<Vec<_>>();
    for (timer, limit) in walk.timers() {
        events.push((format!("Expired({limit:?})"), Event::Expired(timer)));
    }
    let Some(question) = walk.asked() else { return events };
    for answer in answers() {
        events.push((short(&answer), Event::Answer { to: question, answer }));
    }
    let past = walk.effects[0].no;
    let future = EffectNo(walk.effects.last().unwrap().no.0 + 1);
    let answer = Answer::Print(PrintAnswer::Printed);
    events.push(("answer to a number never given out".to_owned(), Event::Answer { to: future, answer }));
    events.push(("Expired(past)".to_owned(), Event::Expired(past)));
    events.push(("Expired(never armed)".to_owned(), Event::Expired(future)));
    events
}

#[test]
fn every_state_and_every_event() {
    let mut table = String::new();
    let plain = states().into_iter().map(|walk| (None, walk));
    for (variant, walk) in plain.chain(variants().into_iter().map(|(name, walk)| (Some(name), walk))) {
        let from = walk.machine.state();
        match variant {
            None => writeln!(table, "\n{from}").unwrap(),
            Some(name) => writeln!(table, "\n{from}: {name}").unwrap(),
        }
        for (label, event) in events(&walk) {
            match walk.try_event(event) {
                Came::Violation(violation) => {
                    writeln!(table, "  {label:<58} VIOLATION: {}", violation.report).unwrap();
                }
                Came::Step { to, records, effects } => {
                    let to = if to == from { "·" } else { to };
                    let records: Vec<_> = records.iter().map(short).collect();
                    let effects: Vec<_> = effects.iter().map(|effect| effect_label(&effect.what)).collect();
                    writeln!(table, "  {label:<58} {to:<19} {} ⇒ {}", records.join(" "), effects.join(" "))
                        .unwrap();
                }
            }
        }
    }
    insta::assert_snapshot!(table);
    let pairs = table.lines().filter(|line| line.starts_with("  ")).count();
    let states = states().len();
    let variants = variants().len();
    prove(&format!(
        "proof 1: {pairs} pairs of state and event decided and kept: {states} states, {variants} variants of them"
    ));
}

/// A line for whoever collects what was proven: on standard output, and in the file that `MYNA_PROOFS` names.
#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn prove(line: &str) {
    use std::io::Write as _;
    println!("\n{line}");
    if let Some(path) = std::env::var_os("MYNA_PROOFS") {
        let file = std::fs::File::options().create(true).append(true).open(path);
        file.and_then(|mut file| writeln!(file, "{line}")).unwrap();
    }
}

#[test]
fn the_table_has_every_state() {
    let names: Vec<_> = states().iter().map(|walk| walk.machine.state()).collect();
    let source = include_str!("../../states.rs");
    let listed = source.rsplit_once("states! {").unwrap().1.split_once('}').unwrap().0;
    let listed: Vec<_> = listed.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    assert_eq!(names, listed);
}

#[test]
fn before_the_point_of_no_return_no_event_sends() {
    for walk in
        states().into_iter().filter(|walk| !walk.memory.records.contains(&Record::RequestSigned(VISIT)))
    {
        for (label, event) in events(&walk) {
            let Came::Step { records, effects, .. } = walk.try_event(event) else { continue };
            let sends = effects
                .iter()
                .any(|effect| matches!(effect.what, Effect::Act(Act::Send(_) | Act::AskOrResend(_))));
            let signed = records.contains(&Record::RequestSigned(VISIT));
            assert_eq!(sends, signed, "{} on {label}", walk.machine.state());
        }
    }
}
