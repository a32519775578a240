//! The PIN is shown nowhere and left nowhere.

use super::{SELECT_JPKI, slot_with};
use crate::scripted::Script;
use crate::{Card, ChannelError, PinSlot};

/// Everything that the slot's page holds: VERIFY with the digits, their count, the landing cell.
#[expect(unsafe_code, reason = "the page is what the test is about")]
fn page(slot: &PinSlot) -> [u8; 11] {
    // SAFETY: the page starts with these 11 bytes of fields, all initialised, and is borrowed through `slot`.
    unsafe { slot.page_address().cast::<[u8; 11]>().read() }
}

/// Text, hex and decimal list, as they would stand in a log.
fn appears(pin: &str, text: &str) -> bool {
    let codes: Vec<u8> = pin.bytes().collect();
    let hex: String = codes.iter().map(|code| format!("{code:02x}")).collect();
    let spaced: Vec<String> = codes.iter().map(|code| format!("{code:02x}")).collect();
    let decimal = format!("{codes:?}");
    let text = text.to_lowercase();
    [pin, &hex, &spaced.join(" "), &spaced.join(", "), decimal.trim_matches(['[', ']'])]
        .iter()
        .any(|form| text.contains(form))
}

#[test]
fn no_debug_output_contains_the_pin() {
    let pin = "8395";
    let mut slot = slot_with(pin);
    let command = slot.verify_command(0x98).unwrap();
    let shown = format!("{command:?} {command:#?}");
    assert!(!appears(pin, &shown), "{shown}");
    assert!(shown.contains("REDACTED"));
    // The search would find it.
    assert!(appears(pin, &format!("{:?}", command.expose_bytes())));
    assert!(appears(pin, &format!("{:02X?}", command.expose_bytes())));

    let mut card_script = Script::new(&format!("{SELECT_JPKI} > 9000\n 00200098 > 63C3")).failing(
        "00200098 04 38333935",
        ChannelError::Reader { what: "sending a command", source: Some("no reply".into()) },
    );
    let mut card = Card::select(&mut card_script).unwrap();
    card.tries_left().unwrap();
    let (_, outcome) = card.verify(slot);
    let error = outcome.err().unwrap();
    let shown = format!("{error} {error:?} {error:#?}");
    assert!(!appears(pin, &shown), "{shown}");
}

#[test]
fn the_page_is_empty_after_verify_clear_and_a_wrong_key() {
    let mut slot = slot_with("8395");
    assert!(page(&slot)[5..9] == *b"8395");
    slot.clear();
    assert_eq!(page(&slot), [0; 11]);

    for answer in ["9000", "63C2", "6984", "6F00"] {
        let mut card_script =
            Script::new(&format!("{SELECT_JPKI} > 9000\n 00200098 > 63C3\n 00200098 04 38333935 > {answer}"));
        let mut card = Card::select(&mut card_script).unwrap();
        card.tries_left().unwrap();
        let (slot, _) = card.verify(slot_with("8395"));
        assert_eq!(page(&slot), [0; 11], "{answer}");
    }

    let mut slot = slot_with("83");
    slot.push_digit(b'x');
    slot.pop();
    slot.pop();
    assert_eq!(page(&slot), [0; 11]);
}

#[test]
fn a_secret_command_is_borrowed_from_the_page_not_copied() {
    let mut slot = slot_with("8395");
    let address = slot.page_address();
    let command = slot.verify_command(0x98).unwrap();
    assert!(command.is_sensitive());
    assert_eq!(command.expose_bytes().as_ptr(), address.as_ptr().cast_const());
    assert!(command.with_expected(crate::apdu::Expected::ALL).is_none());
}
