//! When nothing else can be done any more, a bug of ours or a full disk, the card comes back: from every state.

use std::collections::BTreeSet;

use crate::support::{CARD_FAULT, Memory, Walk};
use crate::table::{states, variants};
use transaction::*;

/// Where the card is, as far as this walk has told the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Unseen,
    Inside,
    Out,
    Unknown,
}

fn place(walk: &Walk) -> Place {
    let told = walk.memory.records.iter().fold(Place::Unseen, |place, record| match record {
        Record::Card(CardEvent::Inserted | CardEvent::Mute) | Record::CardFoundAtStart => Place::Inside,
        Record::Card(CardEvent::Removed) | Record::CardUnitReady | Record::CardRetained(_) => Place::Out,
        Record::Card(CardEvent::UnitLost(_)) => Place::Unknown,
        _ => place,
    });
    let looks = walk.machine.state() == "AwaitSafe";
    if looks && told != Place::Unknown { Place::Unseen } else { told }
}

/// What must be let go, in this order.
fn expected(place: Place) -> Vec<Release> {
    let mut release = vec![Release::ForgetPin, Release::EndCard];
    match place {
        Place::Unseen => release.extend([Release::MakeSafe, Release::ReturnCard]),
        Place::Inside | Place::Unknown => release.push(Release::ReturnCard),
        Place::Out => {}
    }
    release.push(Release::OutOfService);
    release
}

/// Every state of the table and its variants, as it is, and after each thing that a card unit can say.
fn all() -> Vec<Walk> {
    let plain = || states().into_iter().chain(variants().into_iter().map(|(_, walk)| walk));
    let events = [CardEvent::Inserted, CardEvent::Mute, CardEvent::Removed, CardEvent::UnitLost(CARD_FAULT)];
    let more = events.into_iter().flat_map(|event| plain().map(move |walk| walk.card(event)));
    plain().chain(more).collect()
}

fn whats(release: &[Numbered<Release>]) -> Vec<Release> {
    release.iter().map(|release| release.what).collect()
}

/// An answer to a question that was never asked.
const IMPOSSIBLE: Event =
    Event::Answer { to: EffectNo(u32::MAX), answer: Answer::Print(PrintAnswer::Printed) };

#[test]
fn after_a_bug_the_card_comes_back_from_every_state() {
    for walk in all() {
        let (state, place) = (walk.machine.state(), place(&walk));
        let violation = walk.machine.handle(IMPOSSIBLE).unwrap_err();
        assert_eq!(violation.state, state);
        assert_eq!(whats(&violation.release), expected(place), "{state}, card {place:?}\n{}", walk.log);
    }
}

#[test]
fn when_nothing_can_be_recorded_the_card_comes_back_from_every_state() {
    for walk in all() {
        let (state, place) = (walk.machine.state(), place(&walk));
        let step = walk.machine.clone().handle(Event::Fault(CARD_FAULT)).unwrap();
        let failed = step.commit(&mut Memory { full: true, ..Memory::default() }).unwrap_err();
        assert_eq!(whats(&failed.release), expected(place), "{state}, card {place:?}\n{}", walk.log);
        assert_eq!(whats(&walk.machine.abandon()), expected(place), "{state}, card {place:?}");
    }
}

#[test]
fn every_state_that_can_hold_a_card_is_among_them() {
    let inside: BTreeSet<_> =
        all().iter().filter(|walk| place(walk) == Place::Inside).map(|walk| walk.machine.state()).collect();
    // The first asks what is inside; in the others a card that comes in leads on.
    let cannot = ["AwaitSafe", "AwaitCard", "AwaitCardUnit"];
    let expected: BTreeSet<_> =
        states().iter().map(|walk| walk.machine.state()).filter(|state| !cannot.contains(state)).collect();
    assert_eq!(inside, expected);
    let unseen = all().iter().any(|walk| place(walk) == Place::Unseen && walk.machine.state() == "AwaitSafe");
    assert!(unseen, "a card may be inside before anybody has looked");
}
