//! What every card unit promises: one body for the fake, the virtual reader, the simulated serial unit and a real one. And
//! what a unit with a shutter promises besides.

use std::time::Duration;

use devices::port::{CardUnit, DeviceState, MediaState, Presence, Retained, Return};
use jpki::ChannelError;

use super::{Events, PATIENCE};

/// Who puts cards in and takes them out.
pub(crate) trait Hands {
    /// Holds the card into the mouth, whether or not the way in is open.
    fn insert(&mut self);
    /// Takes the card, or pulls it out.
    fn remove(&mut self);
    /// The card has no power, as far as that can be seen.
    fn expect_no_power(&self);
}

/// Who sees a unit with a shutter from outside.
pub(crate) trait ShutterHands: Hands {
    fn is_inside(&self) -> bool;
    fn is_shut(&self) -> bool;
    /// Gives kept cards back to the hands.
    fn empty_the_bin(&mut self);
}

/// Long enough for a unit to do what it should not.
const A_WHILE: Duration = Duration::from_millis(150);

/// A whole life of a unit.
pub(crate) fn card_unit(unit: &dyn CardUnit, hands: &mut dyn Hands) {
    let events = Events::of(unit);
    nothing_inside(unit, &events);

    unit.permit_entry(true);
    hands.insert();
    events.expect("inserted");
    assert_eq!(unit.status().media, MediaState::Present);
    assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
    a_card_found_is_powered_off(unit, hands);
    a_session_is_alone_and_ends_without_power(unit, hands);
    a_dropped_session_ends_without_power_too(unit, hands);

    hands.remove();
    events.expect("removed");
    nothing_is_open(unit);

    unit.permit_entry(true);
    hands.insert();
    events.expect("inserted");
    a_card_pulled_out_is_told(unit, hands);
    events.expect("removed");

    // What is there is told to a new watcher at once.
    unit.permit_entry(true);
    hands.insert();
    events.expect("inserted");
    let second = Events::of(unit);
    second.expect("inserted");
    second.end();
    drop(events);
    hands.remove();
}

fn nothing_inside(unit: &dyn CardUnit, events: &Events) {
    events.expect("removed");
    assert!(!unit.name().is_empty());
    let status = unit.status();
    assert_eq!((status.device, status.media), (DeviceState::Online, MediaState::NotPresent));
    assert!(status.reader.is_some());
    assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::Absent);
    assert_eq!(unit.return_card().unwrap(), Return::NoCard);
    nothing_is_open(unit);
}

fn nothing_is_open(unit: &dyn CardUnit) {
    assert_eq!(unit.open(PATIENCE).err().map(|fault| fault.code), Some("card-removed"));
}

fn a_card_found_is_powered_off(unit: &dyn CardUnit, hands: &dyn Hands) {
    assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::PoweredOff);
    hands.expect_no_power();
}

fn a_session_is_alone_and_ends_without_power(unit: &dyn CardUnit, hands: &dyn Hands) {
    let mut session = unit.open(PATIENCE).unwrap();
    // Any answer will do: the other side may be a card of any kind.
    jpki::leave(&mut *session).map_or_else(|error| assert!(error.status().is_some(), "{error}"), drop);
    let second = unit.open(Duration::from_millis(300));
    assert_eq!(second.err().map(|fault| fault.code), Some("reader-busy"));
    session.power_off().unwrap();
    hands.expect_no_power();
}

fn a_dropped_session_ends_without_power_too(unit: &dyn CardUnit, hands: &dyn Hands) {
    let mut session = unit.open(PATIENCE).unwrap();
    let _any_answer = jpki::leave(&mut *session);
    drop(session);
    hands.expect_no_power();
}

fn a_card_pulled_out_is_told(unit: &dyn CardUnit, hands: &mut dyn Hands) {
    let mut session = unit.open(PATIENCE).unwrap();
    hands.remove();
    let error = jpki::leave(&mut *session).unwrap_err();
    assert_eq!(error.code(), ChannelError::CardRemoved.code());
    session.power_off().unwrap();
}

/// What a unit with a shutter and a bin promises besides.
pub(crate) fn unit_with_shutter(unit: &dyn CardUnit, hands: &mut dyn ShutterHands) {
    let events = Events::of(unit);
    events.expect("removed");
    nobody_gets_in_before_a_card_is_wanted(unit, &events, hands);
    a_card_that_is_not_taken_stays_told_of(unit, &events, hands);
    one_wish_lets_one_card_in(unit, &events, hands);
    a_wish_can_be_taken_back(unit, &events, hands);
    kept_cards_are_counted(unit, &events, hands);
    a_card_taken_at_the_last_moment_is_not_kept(unit, &events, hands);
    making_safe_ends_the_wish(unit, &events, hands);
}

fn nobody_gets_in_before_a_card_is_wanted(
    unit: &dyn CardUnit,
    events: &Events,
    hands: &mut dyn ShutterHands,
) {
    assert!(hands.is_shut());
    hands.insert();
    events.expect_nothing(A_WHILE);
    assert!(!hands.is_inside());
    assert_eq!(unit.status().media, MediaState::NotPresent);
    unit.permit_entry(true);
    events.expect("inserted");
    assert!(hands.is_inside() && hands.is_shut());
}

fn a_card_that_is_not_taken_stays_told_of(
    unit: &dyn CardUnit,
    events: &Events,
    hands: &mut dyn ShutterHands,
) {
    for _reminder in 0..3 {
        assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
        assert!(!hands.is_inside());
    }
    events.expect_nothing(A_WHILE);
    assert_eq!(unit.status().media, MediaState::Present);
    hands.remove();
    events.expect("removed");
    assert_eq!(unit.return_card().unwrap(), Return::NoCard);
}

fn one_wish_lets_one_card_in(unit: &dyn CardUnit, events: &Events, hands: &mut dyn ShutterHands) {
    hands.insert();
    events.expect_nothing(A_WHILE);
    assert!(!hands.is_inside());
    hands.remove();
    unit.permit_entry(true);
    unit.permit_entry(true);
    hands.insert();
    events.expect("inserted");
    unit.return_card().unwrap();
    hands.remove();
    events.expect("removed");
    hands.insert();
    events.expect_nothing(A_WHILE);
    hands.remove();
}

fn a_wish_can_be_taken_back(unit: &dyn CardUnit, events: &Events, hands: &mut dyn ShutterHands) {
    unit.permit_entry(true);
    unit.permit_entry(false);
    // Asking for the state brings the wishes before it to an end.
    assert_eq!(unit.status().media, MediaState::NotPresent);
    assert!(hands.is_shut());
    hands.insert();
    events.expect_nothing(A_WHILE);
    assert!(!hands.is_inside());
    hands.remove();
}

fn kept_cards_are_counted(unit: &dyn CardUnit, events: &Events, hands: &mut dyn ShutterHands) {
    assert_eq!(unit.retain().unwrap(), Retained::NoCard);
    let mut places = Vec::new();
    for offered_before in [true, false] {
        unit.permit_entry(true);
        hands.insert();
        events.expect("inserted");
        if offered_before {
            assert_eq!(unit.return_card().unwrap(), Return::TakeIt);
        }
        let Ok(Retained::Kept { place }) = unit.retain() else { panic!("it was not kept") };
        events.expect("removed");
        assert!(!hands.is_inside());
        assert_eq!(unit.return_card().unwrap(), Return::NoCard);
        assert_eq!(unit.retain().unwrap(), Retained::NoCard);
        places.push(place);
        hands.empty_the_bin();
    }
    assert!(!places[0].is_empty() && places[0] != places[1], "{places:?}");
}

fn a_card_taken_at_the_last_moment_is_not_kept(
    unit: &dyn CardUnit,
    events: &Events,
    hands: &mut dyn ShutterHands,
) {
    unit.permit_entry(true);
    hands.insert();
    events.expect("inserted");
    unit.return_card().unwrap();
    hands.remove();
    assert_eq!(unit.retain().unwrap(), Retained::NoCard);
    events.expect("removed");
}

fn making_safe_ends_the_wish(unit: &dyn CardUnit, events: &Events, hands: &mut dyn ShutterHands) {
    unit.permit_entry(true);
    assert_eq!(unit.make_safe(PATIENCE).unwrap(), Presence::Absent);
    assert!(hands.is_shut());
    hands.insert();
    events.expect_nothing(A_WHILE);
    assert!(!hands.is_inside());
    hands.remove();
}
