//! The serial card unit: what goes wrong with its line, its mechanics and its power, and how it is told.

use std::time::Duration;

use crate::support::serial_unit::{SerialUnit, quick, visit};
use crate::support::{Events, PATIENCE};
use devices::card::{AfterPowerFailure, OmronConfig, OmronUnit, Pace};
use devices::port::{CardUnit, DeviceState, Fault, MediaState, Presence, Retained, Return};
use emulator::card_unit::Place;

const A_WHILE: Duration = Duration::from_millis(150);

fn code<T>(result: Result<T, Fault>) -> &'static str {
    result.err().map_or("no fault", |fault| fault.code)
}

/// A unit that has told that it is empty, and then that the customer's card is inside.
fn with_card_inside(world: &SerialUnit) -> (OmronUnit, Events) {
    let unit = world.unit();
    let events = Events::of(&unit);
    events.expect("removed");
    unit.permit_entry(true);
    world.simulator.insert().unwrap();
    events.expect("inserted");
    (unit, events)
}

#[test]
fn a_card_left_inside_is_powered_off_and_given_back() {
    let world = SerialUnit::with_inside("valid");
    let unit = world.unit();
    assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::PoweredOff);
    assert!(!world.simulator.state().powered);
    let events = Events::of(&unit);
    events.expect("inserted");
    assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
    assert!(world.simulator.take());
    events.expect("removed");
    events.end();
}

#[test]
fn a_whole_visit_goes_over_the_line() {
    let world = SerialUnit::with("valid");
    let (unit, events) = with_card_inside(&world);
    let seen = visit(&unit);
    assert_eq!(seen.commands, 13);
    let counts = world.simulator.counts();
    assert_eq!((counts.verifies(), counts.signatures()), (1, 1));
    assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
    assert!(world.simulator.take());
    events.expect("removed");
}

/// At 9600 bits a second, paced by the simulator; the card's own time is that of its timing table, which is assumed.
#[test]
fn a_whole_visit_at_the_pace_of_a_real_line_takes_seconds() {
    let world = SerialUnit::with("valid");
    let pace = Pace { look_every: Duration::from_millis(250), ..Pace::default() };
    let unit = world.unit_at(pace);
    world.pull(&["pace:9600"]);
    world.simulator.with_slot(|slot| slot.pull("timing:contact".parse().unwrap()));
    assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::Absent);
    let events = Events::of(&unit);
    events.expect("removed");
    unit.permit_entry(true);
    world.simulator.insert().unwrap();
    events.expect("inserted");
    let seen = visit(&unit);
    // 2.6 s of line for some 2,240 bytes, and 1.2 s in the card.
    assert!(seen.took > Duration::from_millis(3_000), "{:?}: the line was not paced", seen.took);
    assert!(seen.took < Duration::from_millis(9_000), "{:?}", seen.took);
    println!("a visit at 9600 bits a second: {:?}, after VERIFY {:?}", seen.took, seen.after_pin);
}

#[test]
fn answers_that_come_in_parts_are_put_together() {
    let world = SerialUnit::with("valid");
    let (unit, _events) = with_card_inside(&world);
    world.pull(&["part:100"]);
    assert_eq!(visit(&unit).commands, 13);
    assert!(world.simulator.counts().of("F3") > 10);
}

#[test]
fn a_card_of_the_old_protocol_is_refused_by_what_it_is() {
    let world = SerialUnit::with("bank-card");
    let (unit, _events) = with_card_inside(&world);
    let mut session = unit.open(PATIENCE).unwrap();
    let refused = jpki::Card::select(&mut *session).err().unwrap();
    assert_eq!(refused.code(), "not-my-number-card");
    session.power_off().unwrap();
}

#[test]
fn a_card_that_does_not_answer_is_told_and_given_back() {
    for (persona, lever) in [("mute", "atr:any"), ("valid", "atr:none")] {
        let world = SerialUnit::with(persona);
        world.pull(&[lever]);
        let unit = world.unit();
        let events = Events::of(&unit);
        events.expect("removed");
        unit.permit_entry(true);
        world.simulator.insert().unwrap();
        events.expect("mute");
        // Contacts were lifted and pressed anew once.
        assert_eq!(world.simulator.counts().of("G1"), 2);
        assert_eq!(code(unit.open(PATIENCE)), "card-mute");
        assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::Mute);
        assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
        assert!(world.simulator.take());
        events.expect("removed");
    }
}

#[test]
fn a_card_of_the_wrong_size_is_told_and_given_back() {
    for size in ["size:long", "size:short"] {
        let world = SerialUnit::with("valid");
        world.pull(&[size]);
        let unit = world.unit();
        let events = Events::of(&unit);
        events.expect("removed");
        unit.permit_entry(true);
        world.simulator.insert().unwrap();
        events.expect("mute");
        assert_eq!(code(unit.open(PATIENCE)), "card-wrong-size");
        assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
        assert!(world.simulator.take());
        events.expect("removed");
        world.pull(&["size:right"]);
        unit.permit_entry(true);
        world.simulator.insert().unwrap();
        events.expect("inserted");
    }
}

#[test]
fn a_card_that_slips_in_while_the_way_is_closed_is_given_back_and_not_told() {
    let world = SerialUnit::with("valid");
    // It looks so rarely that it does not see the card before the wish is over.
    let unit = world.unit_at(Pace { look_every: Duration::from_secs(60), ..quick() });
    let events = Events::of(&unit);
    events.expect("removed");
    unit.permit_entry(true);
    world.expect("the way in is open", |state| state.entry_open);
    world.simulator.insert().unwrap();
    world.expect("it is inside", |state| state.place == Place::Inside);
    unit.permit_entry(false);
    world.expect("it is given back", |state| state.place == Place::Mouth);
    events.expect_nothing(A_WHILE);
    // The next customer's wish waits until it is taken.
    unit.permit_entry(true);
    events.expect_nothing(A_WHILE);
    assert_eq!(world.simulator.state().place, Place::Mouth);
}

#[test]
fn a_card_given_back_in_the_middle_of_a_session_is_gone_for_it() {
    let world = SerialUnit::with("valid");
    let (unit, _events) = with_card_inside(&world);
    let mut session = unit.open(PATIENCE).unwrap();
    jpki::leave(&mut *session).unwrap();
    assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
    assert!(!world.simulator.state().powered);
    assert_eq!(jpki::leave(&mut *session).unwrap_err().code(), "card-removed");
    session.power_off().unwrap();
}

#[test]
fn a_jam_gets_one_reset_and_then_waits_for_somebody() {
    for strict in ["strict:off", "strict:on"] {
        let world = SerialUnit::with("valid");
        let (unit, events) = with_card_inside(&world);
        world.pull(&["jam:front", strict]);
        assert_eq!(code(unit.return_card()), "card-jammed");
        events.expect("card-jammed");
        let status = unit.status();
        assert_eq!((status.device, status.media), (DeviceState::Online, MediaState::Jammed));
        let reason = status.reason.unwrap();
        assert_eq!((reason.code, reason.action.word()), ("card-jammed", "clear"));
        let resets = || world.simulator.counts().of("02") + world.simulator.counts().of("00");
        let before = resets();
        events.expect_nothing(Duration::from_millis(600));
        assert_eq!(resets(), before, "motors run for nothing");

        world.pull(&["jam:off"]);
        if strict == "strict:on" {
            // Nothing tells the unit that it was cleared, so somebody must ask.
            events.expect_nothing(A_WHILE);
            assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::PoweredOff);
        }
        events.expect("available");
        events.expect("inserted");
        assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
        assert!(world.simulator.take());
        events.expect("removed");
    }
}

#[test]
fn a_jam_before_the_bin_is_told_and_the_card_can_still_be_given_back() {
    let world = SerialUnit::with("valid");
    let (unit, _events) = with_card_inside(&world);
    world.pull(&["jam:rear"]);
    assert_eq!(code(unit.retain()), "card-jammed-behind");
    assert_eq!(world.simulator.state().captured, 0);
    assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
}

#[test]
fn a_shutter_that_is_stuck_keeps_the_unit_out_of_service() {
    let world = SerialUnit::with("valid");
    let unit = world.unit();
    let events = Events::of(&unit);
    events.expect("removed");
    world.pull(&["shutter:stuck"]);
    unit.permit_entry(true);
    events.expect("card-shutter-failed");
    world.pull(&["shutter:free"]);
    assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::Absent);
    events.expect("available");
    events.expect("removed");
    unit.permit_entry(true);
    world.simulator.insert().unwrap();
    events.expect("inserted");
}

#[test]
fn contacts_that_are_stuck_keep_the_unit_out_of_service() {
    let world = SerialUnit::with("valid");
    let unit = world.unit();
    let events = Events::of(&unit);
    events.expect("removed");
    unit.permit_entry(true);
    world.expect("the way in is open", |state| state.entry_open);
    world.pull(&["contacts:stuck"]);
    world.simulator.insert().unwrap();
    events.expect("card-contacts-failed");
    world.pull(&["contacts:free"]);
    assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
}

#[test]
fn a_card_that_is_held_is_not_kept_until_it_is_let_go() {
    let world = SerialUnit::with("valid");
    let (unit, events) = with_card_inside(&world);
    assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
    world.pull(&["held:on"]);
    assert_eq!(code(unit.retain()), "card-held");
    // Nor does a reset take it in.
    assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::PoweredOff);
    assert_eq!(world.simulator.state().place, Place::Mouth);
    world.pull(&["held:off"]);
    let Ok(Retained::Kept { place }) = unit.retain() else { panic!("not kept") };
    assert!(place.contains("001"), "{place}");
    events.expect("removed");
}

#[test]
fn whether_a_card_was_kept_when_the_answer_never_came_the_counter_tells() {
    let world = SerialUnit::with("valid");
    let unit = world.unit_at(Pace { answer_max: Duration::from_millis(300), ..quick() });
    let events = Events::of(&unit);
    events.expect("removed");
    for taken in [false, true] {
        unit.permit_entry(true);
        world.simulator.insert().unwrap();
        events.expect("inserted");
        assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
        let wanted = if taken { "error:13@cmd:41" } else { "late:1500@cmd:41" };
        // In the second round the motor fails before the card is moved, and the customer is quicker than the reset.
        world.pull(&[wanted]);
        if taken {
            world.pull(&["held:on"]);
        }
        match (taken, unit.retain()) {
            (false, Ok(Retained::Kept { place })) => assert!(place.contains("001"), "{place}"),
            (true, Err(fault)) => assert_eq!(fault.code, "card-unit-mechanics"),
            (_, other) => panic!("{taken}: {other:?}"),
        }
        world.simulator.clear_levers();
        world.simulator.empty_bin();
        let _nobody_holds_it = world.simulator.take();
        world.expect("the customer has it", |state| state.place == Place::Hand);
        while unit.status().media != MediaState::NotPresent {}
        let _events_so_far = events.drain();
    }
    assert_eq!(world.simulator.state().captured, 1);
}

#[test]
fn a_power_failure_resets_the_card_and_the_unit_comes_back_by_itself() {
    for (choice, place) in
        [(AfterPowerFailure::Hold, Place::Inside), (AfterPowerFailure::Return, Place::Mouth)]
    {
        let world = SerialUnit::with("valid");
        let port = world.simulator.port().to_owned();
        let unit = OmronUnit::new(OmronConfig {
            pace: quick(),
            after_power_failure: choice,
            ..OmronConfig::new(port)
        });
        let events = Events::of(&unit);
        events.expect("removed");
        unit.permit_entry(true);
        world.simulator.insert().unwrap();
        events.expect("inserted");
        let mut session = unit.open(PATIENCE).unwrap();
        jpki::leave(&mut *session).unwrap();
        world.simulator.power_cut();
        assert_eq!(jpki::leave(&mut *session).unwrap_err().code(), "card-reset");
        session.power_off().unwrap();
        world.expect("the card is where the configuration wants it", |state| state.place == place);
        // It is the same card: nothing is told of it.
        events.expect_nothing(A_WHILE);
        assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
        assert!(world.simulator.take());
        events.expect("removed");
    }
}

#[test]
fn a_unit_that_is_silent_or_speaks_garbage_is_watched_until_it_is_back() {
    for (on, off, told) in
        [("silent:on", "silent:off", "card-unit-silent"), ("garbage:on", "garbage:off", "card-unit-garbled")]
    {
        let world = SerialUnit::with("valid");
        let pace = Pace { acknowledge_max: Duration::from_millis(200), ..quick() };
        let unit = world.unit_at(pace);
        let events = Events::of(&unit);
        events.expect("removed");
        world.pull(&[on]);
        events.expect(told);
        assert_eq!(unit.status().device, DeviceState::Offline);
        assert!(
            ["card-unit-silent", "card-unit-garbled", "reader-busy"].contains(&code(unit.open(PATIENCE)))
        );
        world.pull(&[off]);
        events.expect("available");
        events.expect("removed");
        unit.permit_entry(true);
        world.simulator.insert().unwrap();
        events.expect("inserted");
    }
}

#[test]
fn a_plug_that_is_pulled_and_put_back_needs_no_restart() {
    let world = SerialUnit::with("valid");
    let (unit, events) = with_card_inside(&world);
    let mut session = unit.open(PATIENCE).unwrap();
    jpki::leave(&mut *session).unwrap();
    world.simulator.plug(false);
    assert_eq!(jpki::leave(&mut *session).unwrap_err().code(), "reader-failed");
    events.expect_after("port-not-found", &["port-gone"]);
    assert_eq!(unit.status().device, DeviceState::NoDevice);
    let fault = session.power_off().unwrap_err();
    assert!(["port-gone", "port-not-found"].contains(&fault.code), "{fault}");
    assert!(world.simulator.state().powered, "nobody could take its power");
    world.simulator.plug(true);
    events.expect("available");
    events.expect("inserted");
    assert!(!world.simulator.state().powered);
    assert_eq!(visit(&unit).commands, 13);
}

#[test]
fn a_port_that_is_not_there_or_in_use_is_told() {
    let world = SerialUnit::with("valid");
    world.simulator.plug(false);
    world.expect("the port is gone", |_| !world.simulator.port().exists());
    let unit = world.unit();
    assert_eq!(code(unit.make_safe(PATIENCE)), "port-not-found");
    let reason = unit.status().reason.unwrap();
    let port = world.simulator.port().display().to_string();
    assert!(reason.code == "port-not-found" && reason.to_string().contains(&port), "{reason}");
    let events = Events::of(&unit);
    events.expect("port-not-found");
    world.simulator.plug(true);
    events.expect("available");
    events.expect("removed");

    let second = world.unit();
    assert_eq!(code(second.make_safe(PATIENCE)), "port-in-use");
    let status = second.status();
    assert_eq!(status.device, DeviceState::DeviceBusy);
    assert_eq!(status.reason.map(|reason| reason.code), Some("port-in-use"));
    assert_eq!(unit.status().reason, None, "the one that has it is well");
}

#[test]
fn a_session_that_comes_too_late_is_undone() {
    let world = SerialUnit::with("valid");
    let (unit, _events) = with_card_inside(&world);
    world.pull(&["late:400@cmd:E0"]);
    assert_eq!(code(unit.open(Duration::from_millis(100))), "no-answer");
    world.expect("the power is off again", |state| !state.powered && !state.pressed);
    let mut session = unit.open(PATIENCE).unwrap();
    jpki::leave(&mut *session).unwrap();
    session.power_off().unwrap();
}

/// What the table in `devices/card/README.md` says of each code, when the unit says it to everything.
#[test]
fn each_error_code_is_told_as_its_fault() {
    let world = SerialUnit::with("valid");
    let unit = world.unit();
    let events = Events::of(&unit);
    events.expect("removed");
    let expected = [
        ("00 01 02 03", "card-unit-refused"),
        ("10 15", "card-jammed"),
        ("11", "card-shutter-failed"),
        ("12 13 17", "card-unit-mechanics"),
        ("14", "card-pulled-out"),
        ("16", "card-jammed-behind"),
        ("18 19", "card-unit-lost-power"),
        ("20 21", "card-wrong-size"),
        ("32 88", "card-moved"),
        ("33", "card-unit-settings-lost"),
        ("40 41 42 43 44 45 46 49 50 51 52 53 54 55 56", "card-stripe-failed"),
        ("60", "card-removed"),
        ("61", "card-not-inserted"),
        ("62", "card-not-taken"),
        ("63 64", "card-held"),
        ("70 71", "card-unit-firmware"),
        ("80 82 87", "card-mute"),
        ("81", "card-contacts-failed"),
        ("84 85 86", "card-protocol"),
        ("99", "card-unit-unknown-error"),
    ];
    for (codes, fault) in expected {
        for error in codes.split(' ') {
            world.pull(&[&format!("error:{error}@every")]);
            events.expect(fault);
            world.simulator.clear_levers();
            assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::Absent, "after {error}");
            events.expect("available");
            events.expect("removed");
        }
    }
}

#[test]
fn each_error_of_an_exchange_is_told_to_the_protocol_above() {
    for (error, told) in [
        ("01", "card-protocol"),
        ("14", "card-removed"),
        ("18", "card-reset"),
        ("19", "card-reset"),
        ("32", "card-protocol"),
        ("80", "card-protocol"),
        ("84", "card-protocol"),
        ("85", "card-protocol"),
        ("86", "card-protocol"),
        ("13", "reader-failed"),
        ("81", "reader-failed"),
        ("00", "reader-failed"),
    ] {
        let world = SerialUnit::with("valid");
        let (unit, _events) = with_card_inside(&world);
        let mut session = unit.open(PATIENCE).unwrap();
        world.pull(&[&format!("error:{error}@cmd:F1")]);
        assert_eq!(jpki::leave(&mut *session).unwrap_err().code(), told, "{error}");
        // The session is over, whatever the card would say.
        assert!(jpki::leave(&mut *session).is_err(), "{error}");
        session.power_off().unwrap();
        assert!(!world.simulator.state().powered, "{error}");
        assert_eq!(visit(&unit).commands, 13, "{error}");
    }
}

#[test]
fn a_card_that_leaves_or_loses_contact_in_a_command_is_told() {
    for (lever, told) in [("remove@1", "card-removed"), ("reset@1", "card-protocol")] {
        let world = SerialUnit::with("valid");
        let (unit, _events) = with_card_inside(&world);
        let mut session = unit.open(PATIENCE).unwrap();
        world.simulator.with_slot(|slot| slot.pull(lever.parse().unwrap()));
        assert_eq!(jpki::leave(&mut *session).unwrap_err().code(), told);
        session.power_off().unwrap();
    }
}

#[test]
fn the_thread_ends_with_the_unit_and_the_way_in_is_closed() {
    let world = SerialUnit::with("valid");
    for _ in 0..3 {
        let unit = world.unit();
        let events = Events::of(&unit);
        // The thread before may not have closed the port yet.
        events.expect_after("removed", &["port-in-use", "available"]);
        unit.permit_entry(true);
        world.expect("the way in is open", |state| state.entry_open);
        events.end();
        drop(unit);
        world.expect("the way in is closed", |state| !state.entry_open);
    }
}
