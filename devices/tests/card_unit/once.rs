//! What is sent to the chip is executed once, whatever becomes of acknowledgements, answers and bytes.

use std::time::Duration;

use crate::support::serial_unit::{SerialUnit, pin, quick, visit};
use crate::support::{Events, PATIENCE};
use devices::card::{OmronUnit, Pace};
use devices::port::{CardUnit, MediaState, Retained, Return};
use jpki::{Card, CardError, CardFault, VerifyOutcome};

/// Impatient: what is lost is noticed soon, and asked for often.
fn impatient() -> Pace {
    Pace {
        acknowledge_max: Duration::from_millis(60),
        answer_max: Duration::from_millis(120),
        frame_max: Duration::from_millis(50),
        quiet: Duration::from_millis(3),
        sends_max: 12,
        asks_max: 16,
        silences_max: 10,
        // A look in the middle of noise would be another test.
        look_every: Duration::from_secs(60),
    }
}

/// What came of a VERIFY.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Verified,
    Wrong,
    Unanswered,
    NotSent,
}

/// A session whose card has its tries read, then the lever, then VERIFY with the right PIN.
fn verify(world: &SerialUnit, unit: &dyn CardUnit, pull: impl FnOnce()) -> Came {
    let mut session = unit.open(PATIENCE).unwrap();
    let mut card = Card::select(&mut *session).unwrap();
    card.tries_left().unwrap();
    pull();
    let (slot, outcome) = card.verify(pin("1234"));
    assert!(slot.is_empty());
    let came = match outcome {
        Ok(VerifyOutcome::Verified(_)) => Came::Verified,
        Ok(_) => Came::Wrong,
        Err(CardError::Fault(CardFault::VerifyUnanswered { .. })) => Came::Unanswered,
        Err(_) => Came::NotSent,
    };
    world.simulator.clear_levers();
    let ended = session.power_off();
    assert!(ended.is_ok() || came == Came::Unanswered, "{ended:?}");
    came
}

/// A unit with the customer's card inside.
fn with_card_inside(world: &SerialUnit, pace: Pace) -> (OmronUnit, Events) {
    let unit = world.unit_at(pace);
    let events = Events::of(&unit);
    events.expect("removed");
    unit.permit_entry(true);
    world.expect("the way in is open", |state| state.entry_open);
    world.simulator.insert().unwrap();
    // It is told with the next look, which may be far: asking is a look too.
    assert_eq!(unit.status().media, MediaState::Present);
    events.expect("inserted");
    (unit, events)
}

/// Two hundred times, each with its own noise. Nothing may execute a VERIFY twice; and when there is an answer, it is that of
/// the one VERIFY.
#[test]
fn verify_is_executed_once_two_hundred_times() {
    let world = SerialUnit::with("valid");
    let (unit, _events) = with_card_inside(&world, impatient());
    let mut answered = 0;
    for run in 0..200_u32 {
        let before = world.simulator.counts().verifies();
        let came = verify(&world, &unit, || {
            world.simulator.seed(u64::from(run));
            match run % 4 {
                0 => world.pull(&["lost-ack@cmd:F1"]),
                1 => world.pull(&["lost-answer@cmd:F1"]),
                2 => world.pull(&["lost-ack@cmd:F1", "bad-check@cmd:F1", "noise:100"]),
                _ => world.pull(&["noise:100"]),
            }
        });
        let executed = world.simulator.counts().verifies() - before;
        assert!(executed <= 1, "run {run}: executed {executed} times, {came:?}");
        if came != Came::Unanswered {
            assert_eq!(executed, 1, "run {run}: {came:?}");
            answered += 1;
        }
        if run % 4 < 2 {
            assert_eq!(came, Came::Verified, "run {run}: without noise nothing is lost for good");
        }
        // A byte that is spoiled in two places can pass the check sum: then another PIN was tried.
        world.simulator.with_slot(|slot| slot.card_mut().reset_pins()).unwrap();
    }
    println!("{answered} of 200 were answered");
    assert!(answered >= 190, "{answered} of 200 were answered");
}

#[test]
fn each_trouble_of_the_line_leaves_one_verify_and_its_true_answer() {
    for lever in [
        "lost-ack@cmd:F1",
        "nak@cmd:F1",
        "lost-answer@cmd:F1",
        "bad-check@cmd:F1",
        "twice@cmd:F1",
        "late:250@cmd:F1",
        "late:450@cmd:F1",
        // The unit says that it has the VERIFY, has it not, and repeats what it answered before: the status.
        "false-ack@cmd:F1",
    ] {
        let world = SerialUnit::with("valid");
        let (unit, _events) = with_card_inside(&world, impatient());
        assert_eq!(verify(&world, &unit, || world.pull(&[lever])), Came::Verified, "{lever}");
        assert_eq!(world.simulator.counts().verifies(), 1, "{lever}");
    }
}

/// The counter was read before: a repeated answer of that would say that the PIN is wrong.
#[test]
fn a_unit_that_never_takes_the_verify_is_not_believed() {
    let world = SerialUnit::with("valid");
    let (unit, _events) = with_card_inside(&world, impatient());
    let came = verify(&world, &unit, || world.pull(&["false-ack@2", "false-ack@3"]));
    assert_eq!(came, Came::Unanswered);
    assert_eq!(world.simulator.counts().verifies(), 0);
}

#[test]
fn a_verify_whose_answer_never_comes_is_unanswered_and_executed_once() {
    let world = SerialUnit::with("valid");
    let pace = Pace { silences_max: 2, look_every: quick().look_every, ..impatient() };
    let (unit, _events) = with_card_inside(&world, pace);
    for (lever, verifies) in [("late:1500@cmd:F1", 1), ("forgets@cmd:F1", 2)] {
        assert_eq!(verify(&world, &unit, || world.pull(&[lever])), Came::Unanswered);
        assert_eq!(world.simulator.counts().verifies(), verifies);
        world.expect("its power is taken as soon as the unit listens again", |state| !state.powered);
        while unit.status().media != MediaState::Present {}
    }
}

/// A command that was given up before it was executed is never executed by what comes after it.
#[test]
fn a_command_that_was_given_up_is_not_executed_later() {
    let world = SerialUnit::with("valid");
    let (unit, _events) = with_card_inside(&world, impatient());
    // The first is the status.
    let came = verify(&world, &unit, || {
        for send in 2..=12 {
            world.pull(&[&format!("lost-ack@{send}")]);
        }
    });
    assert_eq!(came, Came::Unanswered);
    assert_eq!(world.simulator.counts().given_up, 1, "it was left for any ENQ to execute");
    assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
    assert_eq!(world.simulator.counts().verifies(), 0);
}

#[test]
fn a_card_is_kept_once_when_acknowledgement_or_answer_is_lost() {
    for lever in ["lost-ack@cmd:41", "lost-answer@cmd:41", "nak@cmd:41", "bad-check@cmd:41"] {
        let world = SerialUnit::with("valid");
        let pace = Pace { look_every: quick().look_every, ..impatient() };
        let (unit, events) = with_card_inside(&world, pace);
        assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
        world.pull(&[lever]);
        let Ok(Retained::Kept { place }) = unit.retain() else { panic!("{lever}: not kept") };
        assert!(place.contains("001"), "{place}");
        assert_eq!((world.simulator.counts().of("41"), world.simulator.state().captured), (1, 1), "{lever}");
        events.expect("removed");
    }
}

/// One byte of a thousand is wrong: every fourth long answer has to be asked for again.
#[test]
fn a_whole_visit_gets_through_noise() {
    let world = SerialUnit::with("valid");
    let (unit, _events) = with_card_inside(&world, impatient());
    world.pull(&["noise:10"]);
    assert_eq!(visit(&unit).commands, 13);
    let counts = world.simulator.counts();
    assert_eq!((counts.verifies(), counts.signatures()), (1, 1));
}
