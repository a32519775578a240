//! The laws: what must hold in every state and for every transition. Each is one function.
//!
//! Laws about what can still be reached (agreement in the end, the card comes back) need the whole graph: `search.rs`
//! asks for them, with [`is_calm`], [`card_is_inside`] and [`Class`](crate::moves::Class).

use transaction::*;

use crate::fingerprint::{Seen, numbers};
use crate::journal::{Fact, Life};
use crate::model::Book;
use crate::scenarios::Scenario;
use crate::seeded::Bug;
use crate::world::{
    Few, Holder, Power, Process, Question, Told, Up, VISITS_MAX, World, of_request, of_visit,
};

/// The laws by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Law {
    /// The host decides once about a request, and the terminal records exactly that.
    DecidedOnce,
    /// When nothing is in flight, each signed request is decided on both sides alike; and that can always be reached.
    BothSidesAgree,
    /// The customer is never told anything false.
    NothingFalse,
    /// A card has a way out that needs nobody's help, is never offered with power on, and is kept only if the bank wants it.
    CardComesBack,
    /// The PIN is asked only with the tries shown, the last one only after a yes; a PIN is checked once.
    NoSurpriseLock,
    /// What can be seen from outside happens only after its record is durable.
    RecordedFirst,
    /// Nothing is sent before the request is signed and durable; nothing undoes it afterwards.
    PointOfNoReturn,
    /// No event that can happen is a violation.
    NoViolation,
    /// A late answer changes nothing; a state awaits only what can still come.
    AnswersFindTheirQuestion,
}

/// A law that does not hold.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) law: Law,
    pub(crate) what: String,
}

pub(crate) type Holds = Result<(), Finding>;

fn holds(law: Law, condition: bool, what: impl FnOnce() -> String) -> Holds {
    if condition { Ok(()) } else { Err(Finding { law, what: what() }) }
}

// Law 1: decided once.

/// What the terminal records is what the host has decided.
pub(crate) fn decision_is_the_hosts(world: &World, request: RequestId, decision: Decision) -> Holds {
    let decided = world.requests[of_request(request)].decided;
    holds(Law::DecidedOnce, decided == Some(decision), || {
        format!("recorded {decision:?}, the host decided {decided:?}")
    })
}

/// The host has not decided differently before.
pub(crate) fn host_decides_once(before: Option<Decision>, decision: Decision) -> Holds {
    holds(Law::DecidedOnce, before.is_none_or(|before| before == decision), || {
        format!("the host decided {before:?}, and then {decision:?}")
    })
}

// Law 2: both sides agree.

/// Nothing is in flight, nothing will be sent, and nobody is served.
pub(crate) fn is_calm(world: &World) -> bool {
    let Process::Up(up) = &world.process else { return false };
    let idle = matches!(up.machine.state(), "AwaitCustomer" | "AwaitOrder");
    idle && up.pass.is_none() && !up.pass_again && world.in_flight() == 0
}

/// In a calm state each durable request is decided, on both sides alike.
pub(crate) fn both_sides_agree(world: &World) -> Holds {
    if !is_calm(world) {
        return Ok(());
    }
    for (number, request) in world.requests.iter().enumerate() {
        let kept = world.journal.visit(number);
        let recorded = match kept.decided {
            Some(decision) => Some(decision),
            None => DECISIONS
                .into_iter()
                .find(|decision| world.journal.has_noted(number, Fact::Decided(*decision))),
        };
        let alike = !kept.signed || (recorded.is_some() && recorded == request.decided);
        holds(Law::BothSidesAgree, alike, || {
            format!(
                "visit {number}: nothing is in flight, the terminal has {recorded:?}, the host {:?}",
                request.decided
            )
        })?;
    }
    Ok(())
}

/// All decisions that the exploration uses.
pub(crate) const DECISIONS: [Decision; 3] =
    [Decision::Registered, Decision::AlreadyRegistered, Decision::Rejected(Rejection::NoInsurerData)];

// Law 3: nothing false.

/// What a customer reads on the screen is true at that time.
pub(crate) fn screen_is_true(world: &World, up: &Up, screen: Screen) -> Holds {
    match screen {
        Screen::Result { outcome, expires_soon, receipt: _ } => {
            let Some(visit) = up.at_hand else {
                return holds(Law::NothingFalse, false, || "a result without a visit".into());
            };
            outcome_is_true(world, usize::from(visit), outcome)?;
            notice_is_true(world, usize::from(visit), expires_soon)
        }
        Screen::Stopped { outcome, tries_left } => {
            stopped_is_true(world, up, outcome)?;
            tries_left.map_or(Ok(()), |tries_left| tries_are_true(world, tries_left.get()))
        }
        Screen::EnterPin { tries_left, wrong_before: _ }
        | Screen::EnterPinAtReader { tries_left, before: _ } => tries_are_true(world, tries_left.get()),
        Screen::LeavePad => {
            let waits = matches!(up.question, Some((_, Question::OnPad { .. })));
            holds(Law::NothingFalse, waits, || "asked to press cancel at a pad that does not wait".into())
        }
        Screen::LastTry => tries_are_true(world, 1),
        Screen::TakeCard | Screen::TakeFoundCard => {
            let unit = &world.unit;
            let known = unit.up && !unit.untold;
            holds(Law::NothingFalse, !known || unit.inside.is_some(), || {
                format!("{screen:?} and there is none")
            })
        }
        Screen::Retained => holds(Law::NothingFalse, world.unit.any_in_bin, || {
            "told that the card is kept, and it is not".into()
        }),
        Screen::Menu => {
            holds(Law::NothingFalse, up.at_hand.is_none(), || "the menu is shown during a visit".into())
        }
        Screen::InsertCard => {
            let unit = &world.unit;
            let known = unit.up && !unit.untold;
            holds(Law::NothingFalse, !known || unit.inside.is_none(), || {
                "asked for a card that is inside".into()
            })
        }
        Screen::Starting
        | Screen::Connecting
        | Screen::Terms
        | Screen::Reading
        | Screen::Signing
        | Screen::Sending
        | Screen::Printing
        | Screen::NoReceipt
        | Screen::OutOfService { .. }
        | Screen::CardUnitDown { .. } => Ok(()),
    }
}

/// A result, on the screen or on a receipt: what the host decided, or pending as long as nothing else is known here.
pub(crate) fn outcome_is_true(world: &World, visit: usize, outcome: Outcome) -> Holds {
    let (kept, decided) = (world.journal.visit(visit), world.requests[visit].decided);
    match outcome {
        Outcome::Registered | Outcome::AlreadyRegistered | Outcome::Rejected(_) => {
            let is = decided.map(Outcome::from) == Some(outcome);
            holds(Law::NothingFalse, is, || format!("told {outcome:?}, the host decided {decided:?}"))
        }
        Outcome::Pending => {
            holds(Law::NothingFalse, kept.signed, || {
                "told pending, and nothing is kept to be delivered".into()
            })?;
            holds(Law::NothingFalse, kept.decided.is_none(), || {
                format!("told pending, and {:?} is known here", kept.decided)
            })
        }
        Outcome::Refused(_) | Outcome::Fault(_) => {
            holds(Law::NothingFalse, false, || format!("{outcome:?} told as the result of a request"))
        }
    }
}

/// The notice that a certificate ends soon is about the card that signed.
pub(crate) fn notice_is_true(world: &World, visit: usize, expires_soon: bool) -> Holds {
    let signed_by = world.requests[visit].signed_by;
    holds(Law::NothingFalse, expires_soon == (signed_by == Some(Holder::Ren)), || {
        format!("ends soon: {expires_soon}, signed by {signed_by:?}")
    })
}

/// "No application was sent": nothing was signed, let alone sent.
fn stopped_is_true(world: &World, up: &Up, outcome: Outcome) -> Holds {
    let Some(visit) = up.at_hand else {
        return holds(Law::NothingFalse, false, || "stopped without a visit".into());
    };
    let number = usize::from(visit);
    let sent = world.requests[number].to_host > 0 || world.requests[number].decided.is_some();
    let signed = world.journal.visit(number).signed;
    holds(Law::NothingFalse, !sent && !signed, || {
        format!("told that nothing was sent ({outcome:?}), and it was")
    })
}

/// Who was told that nothing was sent never has a request on its way, not even after a crash.
pub(crate) fn told_stopped_stays_true(world: &World) -> Holds {
    for number in 0..VISITS_MAX {
        let request = &world.requests[number];
        let sent = world.journal.visit(number).signed || request.to_host > 0 || request.decided.is_some();
        holds(Law::NothingFalse, !(world.told_stopped[number] && sent), || {
            format!("visit {number} was told that nothing was sent, and now it is")
        })?;
    }
    Ok(())
}

/// The tries on the screen are the card's, unless the card is another one by now.
fn tries_are_true(world: &World, tries: u8) -> Holds {
    match world.unit.inside {
        Some(card) if card.read => holds(Law::NothingFalse, card.tries == tries, || {
            format!("{tries} tries shown, the card has {}", card.tries)
        }),
        Some(_) | None => Ok(()),
    }
}

/// More words, or a warning, are about what is on the screen.
pub(crate) fn speaks_of_the_screen(up: &Up, screen: Screen) -> Holds {
    holds(Law::NothingFalse, up.screen == Some(screen), || {
        format!("speaks of {screen:?}, and on the screen is {:?}", up.screen)
    })
}

/// A receipt says what is true when its printing begins.
pub(crate) fn receipt_is_true(world: &World, visit: usize, outcome: Outcome, expires_soon: bool) -> Holds {
    outcome_is_true(world, visit, outcome)?;
    notice_is_true(world, visit, expires_soon)
}

/// What is done for a visit is done for the open one.
pub(crate) fn is_at_hand(up: &Up, visit: Visit) -> Holds {
    holds(Law::NothingFalse, up.at_hand.map(usize::from) == Some(of_visit(visit.id)), || {
        format!("something is done for {visit:?}, and the open visit is {:?}", up.at_hand)
    })
}

// Law 4: the card comes back.

/// The card is somewhere in the unit.
pub(crate) fn card_is_inside(world: &World) -> bool {
    world.unit.inside.is_some()
}

/// A card is let out, or read, only when no earlier process left it with power on; and let out only without power.
pub(crate) fn power_is_off_first(world: &World, what: &str, allowed: &[Power]) -> Holds {
    let Some(card) = world.unit.inside else { return Ok(()) };
    holds(Law::CardComesBack, allowed.contains(&card.power), || format!("{what} with power {:?}", card.power))
}

/// The unit keeps a card only when the bank wants that, and after the reminders that it wants.
pub(crate) fn retaining_is_wanted(scenario: &Scenario, up: &Up) -> Holds {
    let wanted = scenario.policy.retain_after.is_some_and(|most| up.reminders >= most.get());
    holds(Law::CardComesBack, wanted, || format!("the unit keeps a card after {} reminders", up.reminders))
}

/// What is recorded of the card's way is what happened to it.
fn record_of_the_card_is_true(world: &World, record: &Record) -> Holds {
    let unit = &world.unit;
    let known = unit.up && !unit.untold;
    match record {
        Record::CardTaken(_) | Record::FoundCardTaken => {
            holds(Law::CardComesBack, !unit.last_in_bin, || {
                "recorded as taken, and the unit kept it".into()
            })?;
            holds(Law::CardComesBack, !known || unit.inside.is_none(), || {
                "recorded as taken, and it is inside".into()
            })
        }
        Record::CardRetained(_) => holds(Law::CardComesBack, unit.last_in_bin, || {
            "recorded as kept, and it is not in the bin".into()
        }),
        _ => Ok(()),
    }
}

/// After a failure the PIN is forgotten and the card is without power before it is let go; nothing else is done.
pub(crate) fn rescue_is_in_order(release: &[Numbered<Release>]) -> Holds {
    let place = |wanted| release.iter().position(|release| release.what == wanted);
    let ended = place(Release::EndCard);
    let ordered = place(Release::ForgetPin) == Some(0)
        && ended == Some(1)
        && place(Release::OutOfService) == Some(release.len() - 1)
        && place(Release::ReturnCard).is_none_or(|at| ended.is_some_and(|ended| ended < at));
    holds(Law::CardComesBack, ordered, || format!("releases out of order: {release:?}"))
}

// Law 5: no surprise lock.

/// A PIN is asked for only when the tries are recorded, shown and the card's; the last one only after a yes.
pub(crate) fn pin_may_be_asked(world: &World, up: &Up) -> Holds {
    let pin = &up.pin;
    holds(Law::NoSurpriseLock, pin.shown > 0, || "the PIN is asked and no tries were shown".into())?;
    holds(Law::NoSurpriseLock, pin.shown != 1 || pin.last_accepted, || {
        "the last try is asked for without a yes".into()
    })?;
    holds(Law::NoSurpriseLock, !pin.checking, || {
        "the PIN is asked again, and the last check is not answered".into()
    })?;
    pin_is_for_the_card_that_was_read(world, "the PIN is asked")
}

/// The yes to the last try was pressed as such.
fn last_try_was_wanted(up: &Up) -> Holds {
    holds(Law::NoSurpriseLock, up.pin.last_accepted, || {
        "the last try is accepted, and nobody pressed yes".into()
    })
}

/// A PIN goes to the card once for each entry, and never while an earlier check is not answered.
pub(crate) fn pin_may_be_checked(world: &World, up: &Up) -> Holds {
    holds(Law::NoSurpriseLock, !up.pin.checking, || {
        "VERIFY again, and the answer to the first was lost".into()
    })?;
    holds(Law::NoSurpriseLock, up.pin.in_slot, || "VERIFY without an entry".into())?;
    pin_is_for_the_card_that_was_read(world, "VERIFY")
}

/// More entries in a row than this the bounds of [`crate::scenarios`] do not explain: two pieces of the customer's time, and
/// one more for each try that went missing.
const ALONE_MAX: u8 = 5;

/// A visit at which nobody does anything ends, whatever reader and card say.
pub(crate) fn nobody_waits_for_ever(up: &Up) -> Holds {
    holds(Law::CardComesBack, up.alone <= ALONE_MAX, || {
        format!("the reader is asked again after {} entries without a PIN, and nobody did anything", up.alone)
    })
}

/// As far as the unit has told, the card inside is the one whose tries were shown.
fn pin_is_for_the_card_that_was_read(world: &World, what: &str) -> Holds {
    let unit = &world.unit;
    let known = unit.up && !unit.untold;
    holds(Law::NoSurpriseLock, !known || unit.inside.is_some_and(|card| card.read), || {
        format!("{what}, and the card that was read is not inside")
    })
}

/// Nobody types a PIN under a number of tries that is not the card's any more.
pub(crate) fn shown_tries_are_the_cards(world: &World, up: &Up) -> Holds {
    let known = world.unit.up && !world.unit.untold;
    let tries = world.unit.inside.filter(|card| known && card.read).map(|card| card.tries);
    holds(Law::NoSurpriseLock, tries.is_none_or(|tries| tries == up.pin.shown), || {
        format!("{} tries are on the screen, the card has {tries:?}", up.pin.shown)
    })
}

/// What the reader says of the counter is recorded as it is, and that it lost some only when it did.
fn record_of_the_tries_is_true(world: &World, up: &Up, record: &Record) -> Holds {
    let count = |tries| match tries {
        Tries::Left(left) => TriesLeft::get(left),
        Tries::Blocked => 0,
    };
    match *record {
        Record::PinNotPresented { tries, .. } => {
            let card = world.unit.inside.filter(|card| card.read).map(|card| card.tries);
            holds(Law::NothingFalse, card.is_none_or(|card| card == count(tries)), || {
                format!("{tries:?} are recorded, the card has {card:?}")
            })
        }
        Record::TriesLost { tries, .. } => holds(Law::NothingFalse, count(tries) < up.pin.shown, || {
            format!("recorded as lost, with {tries:?} left and {} shown", up.pin.shown)
        }),
        _ => Ok(()),
    }
}

/// Whose card turns out to be locked is told that, whatever else ends the visit.
pub(crate) fn a_lock_is_told(records: &[Record]) -> Holds {
    let locked = records.iter().any(|record| {
        matches!(
            record,
            Record::CardRead { tries: Tries::Blocked, .. }
                | Record::PinWrong { tries: Tries::Blocked, .. }
                | Record::PinNotPresented { tries: Tries::Blocked, .. }
        )
    });
    let told = records.iter().any(|record| {
        matches!(record, Record::Stopped { outcome: Outcome::Refused(Refusal::PinLocked), .. })
    });
    holds(Law::NoSurpriseLock, !locked || told, || "the card is locked, and nobody is told".into())
}

/// The tries on the screen were recorded.
pub(crate) fn shown_tries_are_recorded(up: &Up, tries: u8) -> Holds {
    holds(Law::NoSurpriseLock, up.pin.recorded == tries, || {
        format!("{tries} tries shown, {} recorded", up.pin.recorded)
    })
}

/// At the end of a visit no digits are left.
pub(crate) fn slot_is_empty(up: &Up) -> Holds {
    holds(Law::NoSurpriseLock, !up.pin.in_slot, || "the visit ends and the slot is full".into())
}

// Law 6: recorded first.

/// An effect's record is durable.
pub(crate) fn recorded(durable: bool, effect: &Act) -> Holds {
    holds(Law::RecordedFirst, durable, || format!("{effect:?} before its record is durable"))
}

/// A result is shown when its record is durable.
pub(crate) fn result_is_recorded(world: &World, visit: usize, screen: Screen) -> Holds {
    let kept = world.journal.visit(visit);
    let Screen::Result { outcome, .. } = screen else { return Ok(()) };
    let durable = match outcome {
        Outcome::Pending => kept.pending,
        Outcome::Registered | Outcome::AlreadyRegistered | Outcome::Rejected(_) => {
            kept.decided.map(Outcome::from) == Some(outcome)
        }
        Outcome::Refused(_) | Outcome::Fault(_) => false,
    };
    recorded(durable, &Act::Show(screen))
}

// Law 7: the point of no return.

/// A request leaves the terminal only when it is signed and durable, and its visit was not told that nothing was sent.
pub(crate) fn may_be_sent(world: &World, number: usize) -> Holds {
    holds(Law::PointOfNoReturn, world.journal.visit(number).signed, || {
        format!("the request of visit {number} is sent, and it is not durable")
    })?;
    told_stopped_stays_true(world)
}

/// The host knows only requests that are durable at the terminal.
pub(crate) fn host_knows_only_durable_requests(world: &World) -> Holds {
    for (number, request) in world.requests.iter().enumerate() {
        let known = request.decided.is_some() || request.to_host > 0;
        holds(Law::PointOfNoReturn, !known || world.journal.visit(number).signed, || {
            format!("the request of visit {number} is outside, and not durable here")
        })?;
    }
    Ok(())
}

/// While a signed request has no result, keys and the card change nothing.
pub(crate) fn nothing_undoes_it(
    before: &World,
    event: &Event,
    effects: &[Numbered<Effect>],
    state: &str,
) -> Holds {
    let Process::Up(up) = &before.process else { return Ok(()) };
    let Some(visit) = up.at_hand else { return Ok(()) };
    let sending = before.journal.visit(usize::from(visit)).signed && up.told == Told::Nothing;
    let by_the_customer = matches!(event, Event::Key(_) | Event::Card(_) | Event::PadTouched);
    if !sending || !by_the_customer {
        return Ok(());
    }
    let only_words = |effect: &Numbered<Effect>| matches!(effect.what, Effect::Act(Act::Help(_)));
    let same = up.machine.state() == state && effects.iter().all(only_words);
    holds(Law::PointOfNoReturn, same, || {
        format!("{event:?} changes something while the request is on its way")
    })
}

/// After the signature a visit ends with what the host decided or with pending, and never as stopped.
fn outcome_stands(world: &World, visit: Visit, outcome: Outcome) -> Holds {
    let kept = world.journal.visit(of_visit(visit.id));
    let sent = match outcome {
        Outcome::Registered | Outcome::AlreadyRegistered | Outcome::Rejected(_) | Outcome::Pending => true,
        Outcome::Refused(_) | Outcome::Fault(_) => false,
    };
    holds(Law::PointOfNoReturn, sent == kept.signed, || {
        format!("the visit ends with {outcome:?}, signed: {}", kept.signed)
    })
}

/// A visit's records come in an order that makes sense.
fn life_makes_sense(world: &World, record: &Record) -> Holds {
    let number = |visit: &Visit| of_visit(visit.id);
    let life = |visit: &Visit| world.journal.visit(number(visit)).life;
    let noted_open = |visit: &Visit| world.journal.has_noted(number(visit), Fact::Opened);
    match record {
        Record::VisitOpened(visit) => {
            holds(Law::RecordedFirst, life(visit) == Life::Unknown, || format!("{record:?}: opened twice"))
        }
        Record::VisitClosed { visit, .. } | Record::RequestSigned(visit) => {
            let open = life(visit) == Life::Open || noted_open(visit);
            holds(Law::RecordedFirst, open, || format!("{record:?}: of a visit that is not open"))
        }
        _ => Ok(()),
    }
}

/// Every record is true when it is made. `world` is as it was when the event came.
pub(crate) fn record_is_true(world: &World, up: &Up, record: &Record) -> Holds {
    life_makes_sense(world, record)?;
    record_of_the_card_is_true(world, record)?;
    record_of_the_tries_is_true(world, up, record)?;
    match record {
        Record::Decided { request, decision } => decision_is_the_hosts(world, *request, *decision),
        Record::VisitClosed { visit, outcome } => outcome_stands(world, *visit, *outcome),
        Record::Stopped { visit, outcome } => outcome_stands(world, *visit, *outcome),
        Record::LastTryAccepted(_) => last_try_was_wanted(up),
        _ => Ok(()),
    }
}

// Law 9: answers find their question.

/// The machine awaits only questions and deadlines that are open.
pub(crate) fn awaits_what_can_come(up: &Up) -> Holds {
    let open = |no: u32| {
        up.question.is_some_and(|(question, _)| question.0 == no)
            || up.timers.iter().any(|(timer, _)| timer.0 == no)
    };
    // The first number is the next one.
    let missing = numbers(&up.machine).iter().skip(1).find(|no| !open(*no));
    holds(Law::AnswersFindTheirQuestion, missing.is_none(), || {
        format!("{} awaits effect {missing:?}, which is over", up.machine.state())
    })
}

/// Every deadline that is armed is awaited: none ends a state that did not ask for it, and none is left for the log.
pub(crate) fn no_deadline_is_left(up: &Up, held: &Seen) -> Holds {
    let left = up.timers.iter().find(|(timer, _)| !held.has(timer.0));
    holds(Law::AnswersFindTheirQuestion, left.is_none(), || {
        format!("{} leaves a deadline armed: {left:?}", up.machine.state())
    })
}

/// An answer or a deadline with a past number is recorded as stale and changes nothing.
pub(crate) fn late_answers_change_nothing(up: &Up, bug: Option<Bug>) -> Holds {
    let held = numbers(&up.machine);
    let next = held.iter().next().unwrap_or(0);
    let Some(past) = (0..next).rev().find(|no| !held.has(*no)) else { return Ok(()) };
    let mut late = Few::<Late, 3>::EMPTY;
    late.push(Late::Expired);
    late.push(Late::Answer(
        up.question.map_or(Answer::Pin(PinAnswer::Cancelled), |(_, question)| typical(question)),
    ));
    late.push(Late::Answer(Answer::Safe(SafeAnswer::Safe(Presence::Empty))));
    for kind in late.iter() {
        let quoted = match (bug == Some(Bug::AnyNumberIsAccepted), up.question) {
            (true, Some((asked, _))) => asked,
            (true, None) | (false, _) => EffectNo(past),
        };
        let event = match kind {
            Late::Expired => Event::Expired(EffectNo(past)),
            Late::Answer(answer) => Event::Answer { to: quoted, answer },
        };
        let text = format!("a late {event:?}");
        let unchanged = |done: &Committed, book: &Book| {
            done.machine == up.machine
                && done.effects.is_empty()
                && book.records == [Record::Stale { to: EffectNo(past) }]
        };
        let mut book = Book::default();
        let step = up.machine.clone().handle(event);
        let same = match step.map(|step| step.commit(&mut book)) {
            Ok(Ok(done)) => unchanged(&done, &book),
            Ok(Err(_)) | Err(_) => false,
        };
        holds(Law::AnswersFindTheirQuestion, same, || format!("{text} changes something"))?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Late {
    Expired,
    Answer(Answer),
}

/// The answer to a question that moves the visit on.
fn typical(question: Question) -> Answer {
    match question {
        Question::Safe(_) => Answer::Safe(SafeAnswer::Safe(Presence::Empty)),
        Question::Challenge => Answer::Challenge(ChallengeAnswer::Received),
        Question::Read => {
            let pin_at = PinAt::Slot;
            Answer::Card(CardAnswer::Read { tries: Tries::Blocked, expires_soon: false, pin_at })
        }
        Question::Prepare => Answer::Prepare(PrepareAnswer::Ready),
        Question::Pin => Answer::Pin(PinAnswer::Entered),
        Question::Verify { .. } => Answer::Verify(VerifyAnswer::Verified),
        Question::OnPad { .. } => Answer::Pad(PadAnswer::Verified),
        Question::Sign => Answer::Sign(SignAnswer::Signed),
        Question::Host(_) => Answer::Host(HostAnswer::NoDecision(crate::world::HOST_FAULT)),
        Question::Print => Answer::Print(PrintAnswer::Printed),
        Question::Retain(_) => Answer::Retain(RetainAnswer::Retained),
    }
}

/// What holds in every state.
pub(crate) fn state(world: &World) -> Holds {
    told_stopped_stays_true(world)?;
    host_knows_only_durable_requests(world)?;
    both_sides_agree(world)
}
