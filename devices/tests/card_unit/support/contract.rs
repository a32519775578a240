//! What every card unit promises: one body for the fake, the virtual reader and a real one.

use std::time::Duration;

use devices::port::{CardUnit, DeviceState, MediaState, Presence, Return};
use jpki::ChannelError;

use super::{Events, PATIENCE};

/// Who puts cards in and takes them out.
pub(crate) trait Hands {
    fn insert(&mut self);
    fn remove(&mut self);
    /// The card has no power, as far as that can be seen.
    fn expect_no_power(&self);
}

/// A whole life of a unit.
pub(crate) fn card_unit(unit: &dyn CardUnit, hands: &mut dyn Hands) {
    let events = Events::of(unit);
    nothing_inside(unit, &events);

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

    hands.insert();
    events.expect("inserted");
    a_card_pulled_out_is_told(unit, hands);
    events.expect("removed");

    // What is there is told to a new watcher at once.
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
