//! What every pad promises: one body for the fake, the bench pad, the console and the simulated serial pads.

use devices::port::{CancelToken, PinEntry, PinOutcome, PinPad};

use crate::support::{
    ENTRY, Fingers, PATIENCE, SimulatedFingers, Which, bench, console, enter, fake, name, pin_in, slot_of,
    socket,
};

fn token() -> CancelToken {
    CancelToken::new().unwrap()
}

/// An entry with `keys`; the name of its end, and the PIN where there is one.
fn pressed(pad: &dyn PinPad, fingers: &mut dyn Fingers, keys: &[u8], entry: PinEntry) -> (String, Vec<u8>) {
    fingers.rest();
    let (outcome, _dots) = enter(pad, entry, &token(), |_| fingers.press(keys));
    let ended = name(&outcome);
    match outcome {
        PinOutcome::Entered(slot) => (ended, pin_in(slot)),
        other => {
            assert!(slot_of(other).is_empty(), "{ended}: digits are left in the slot");
            (ended, Vec::new())
        }
    }
}

/// A whole life of a pad.
pub(crate) fn pin_pad(pad: &dyn PinPad, fingers: &mut dyn Fingers) {
    four_digits_and_enter(pad, fingers);
    anything_else_is_not_entered(pad, fingers);
    cancel_by_key_and_by_token(pad, fingers);
    dots_tell_how_many(pad, fingers);
    what_was_pressed_before_is_no_part_of_it(pad, fingers);
    // After all that it still works.
    assert_eq!(pressed(pad, fingers, b"0729E", ENTRY), ("entered".to_owned(), b"0729".to_vec()));
}

fn four_digits_and_enter(pad: &dyn PinPad, fingers: &mut dyn Fingers) {
    let mut ways = vec![&b"1234E"[..], b"E12E34E", b"9C1234E", b"12345C1234E"];
    if fingers.has_backspace() {
        ways.extend([&b"19B234E"[..], b"12345B1234E", b"BBB1234E"]);
    }
    for keys in ways {
        let entered = pressed(pad, fingers, keys, ENTRY);
        assert_eq!(entered, ("entered".to_owned(), b"1234".to_vec()), "{keys:?}");
    }
}

fn anything_else_is_not_entered(pad: &dyn PinPad, fingers: &mut dyn Fingers) {
    let hasty = PinEntry { key_ms_max: 900, ..ENTRY };
    for keys in [&b"123E"[..], b"12345E", b"1234", b"1234CE", b""] {
        assert_eq!(pressed(pad, fingers, keys, hasty).0, "timed out", "{keys:?}");
    }
    for digits in [0, 3, 5, 6] {
        let (outcome, _) = enter(pad, PinEntry { digits, ..ENTRY }, &token(), |_| {});
        assert_eq!(name(&outcome), "pin-length-not-possible");
    }
}

fn cancel_by_key_and_by_token(pad: &dyn PinPad, fingers: &mut dyn Fingers) {
    assert_eq!(pressed(pad, fingers, b"12X", ENTRY).0, "cancelled");
    assert_eq!(pressed(pad, fingers, b"1234X", ENTRY).0, "cancelled");

    fingers.rest();
    let by_token = token();
    let (outcome, _) = enter(pad, ENTRY, &by_token, |dots| {
        fingers.press(b"12");
        while dots.recv_timeout(PATIENCE).unwrap().0 < 2 {}
        by_token.cancel();
    });
    assert_eq!(name(&outcome), "cancelled");
    assert!(slot_of(outcome).is_empty());
    // It stays cancelled.
    let (outcome, _) = enter(pad, ENTRY, &by_token, |_| {});
    assert_eq!(name(&outcome), "cancelled");
}

fn dots_tell_how_many(pad: &dyn PinPad, fingers: &mut dyn Fingers) {
    fingers.rest();
    let (outcome, dots) = enter(pad, ENTRY, &token(), |_| fingers.press(b"123456C1234E"));
    assert_eq!(name(&outcome), "entered");
    let counted = |entered| (entered, false);
    let expected: Vec<(u8, bool)> = [1, 2, 3, 4]
        .map(counted)
        .into_iter()
        .chain([(0, true)])
        .chain([0, 1, 2, 3, 4].map(counted))
        .collect();
    // A pad may tell a state twice.
    let mut told = dots;
    told.dedup();
    assert_eq!(told, expected);
}

fn what_was_pressed_before_is_no_part_of_it(pad: &dyn PinPad, fingers: &mut dyn Fingers) {
    fingers.rest();
    if fingers.press_ahead(b"99") {
        assert_eq!(pressed(pad, fingers, b"1234E", ENTRY).1, b"1234");
    }
}

#[test]
fn the_fake_keeps_the_contract() {
    let (pad, mut fingers) = fake();
    pin_pad(&pad, &mut fingers);
}

#[test]
fn the_bench_pad_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let (pad, mut fingers) = socket(folder.path());
    pin_pad(&pad, &mut fingers);
}

#[test]
fn the_console_keeps_the_contract() {
    let (pad, mut fingers) = console();
    pin_pad(&pad, &mut fingers);
}

#[test]
fn the_encrypted_serial_pad_keeps_the_contract() {
    let bench = bench(Which::Reference, &[]);
    pin_pad(&bench.pad, &mut SimulatedFingers(&bench, Which::Reference));
}

#[test]
fn the_serial_pad_in_clear_keeps_the_contract() {
    let bench = bench(Which::Clear, &[]);
    pin_pad(&bench.pad, &mut SimulatedFingers(&bench, Which::Clear));
}

#[test]
fn the_pp791_keeps_the_contract() {
    let bench = bench(Which::Uic, &[]);
    pin_pad(&bench.pad, &mut SimulatedFingers(&bench, Which::Uic));
}
