//! Whole visits, command by command.

use super::{SELECT_JPKI, certificate_of, done, slot_with, token_file};
use crate::scripted::{Ruled, Script};
use crate::{
    Card, CardError, CardFault, ChannelError, Metered, Misuse, Refusal, Tries, VerifyOutcome, leave,
};

const SIGN_INPUT: [u8; 51] = [0x5A; 51];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn script_to_certificate(certificate: &[u8]) -> Script {
    let mut script = Script::new(&format!("{SELECT_JPKI} > 9000\n 00200098 > 63C3"))
        .answering("00B08600A0", done(token_file("JPKIAPICCTOKEN2")))
        .answering("00B08A0000", done(certificate[..256].to_vec()));
    for (number, part) in certificate[256..].chunks(256).enumerate() {
        let le = if part.len() == 256 { 0 } else { part.len() };
        script = script.answering(&format!("00B0{:02X}00{le:02X}", number + 1), done(part.to_vec()));
    }
    script
}

#[test]
fn a_registration_takes_13_commands_with_short_ids_and_2_after_the_pin() {
    let certificate = certificate_of(1792);
    let mut card_script = script_to_certificate(&certificate)
        .and("00200098 04 31323334 > 9000")
        .answering(&format!("802A0097 33 {} 00", hex(&SIGN_INPUT)), done(vec![7; 256]))
        .and("00A4040C 07 A0000001510000 > 9000");
    let mut meter = Metered::new(&mut card_script);

    let mut card = Card::select(&mut meter).unwrap();
    let examined = card.examine().unwrap();
    assert_eq!(examined.certificate, certificate);
    assert_eq!(examined.tries, Tries::Left(3));
    assert_eq!(examined.token.unwrap().label(), "JPKIAPICCTOKEN2");
    let (_, outcome) = card.verify(slot_with("1234"));
    let VerifyOutcome::Verified(mut card) = outcome.unwrap() else { panic!("not verified") };
    assert_eq!(card.sign(&SIGN_INPUT).unwrap().as_bytes(), [7; 256]);
    card.end().unwrap();

    assert_eq!(meter.sent(), 13);
    card_script.assert_over();
}

#[test]
fn a_registration_takes_at_most_17_commands_without_short_ids_and_3_after_the_pin() {
    let certificate = certificate_of(1792);
    let mut card_script = Script::new(&format!(
        "{SELECT_JPKI} > 9000
         00200098 > 6A86
         00A4020C 02 000A > 9000"
    ))
    .answering("00B0000000", done(certificate[..256].to_vec()));
    for (number, part) in certificate[256..].chunks(256).enumerate() {
        card_script = card_script.answering(&format!("00B0{:02X}0000", number + 1), done(part.to_vec()));
    }
    card_script = card_script
        .and(
            "00A4020C 02 0018 > 9000
             00200080 > 63C2
             00200080 04 39383736 > 9000
             00A4020C 02 0017 > 9000",
        )
        .answering(&format!("802A0080 33 {} 00", hex(&SIGN_INPUT)), done(vec![7; 256]))
        .and("00A4040C 07 A0000001510000 > 9000");
    let mut meter = Metered::new(&mut card_script);

    let mut card = Card::select(&mut meter).unwrap();
    let examined = card.examine().unwrap();
    assert_eq!((examined.token, examined.tries), (None, Tries::Left(2)));
    let (_, outcome) = card.verify(slot_with("9876"));
    let VerifyOutcome::Verified(mut card) = outcome.unwrap() else { panic!("not verified") };
    card.sign(&SIGN_INPUT).unwrap();
    card.end().unwrap();

    assert!(meter.sent() <= 17, "{}", meter.sent());
    card_script.assert_over();
}

#[test]
fn a_wrong_pin_tells_the_tries_left_and_the_last_one_blocks() {
    let mut card_script = Script::new(&format!(
        "{SELECT_JPKI} > 9000
         00200098 > 63C2
         00200098 04 30303030 > 63C1
         00200098 04 30303031 > 63C0
         00A4040C 07 A0000001510000 > 9000"
    ));
    let mut card = Card::select(&mut card_script).unwrap();
    assert_eq!(card.tries_left().unwrap(), Tries::Left(2));
    let (slot, outcome) = card.verify(slot_with("0000"));
    assert!(slot.is_empty());
    let VerifyOutcome::Wrong { card, tries_left: 1 } = outcome.unwrap() else { panic!("not wrong") };
    let (_, outcome) = card.verify(slot_with("0001"));
    let VerifyOutcome::Blocked { card } = outcome.unwrap() else { panic!("not blocked") };
    card.end().unwrap();
    card_script.assert_over();
}

#[test]
fn blocked_is_told_by_63c0_6983_and_6984_alike() {
    for answer in ["63C0", "6983", "6984"] {
        let mut card_script = Script::new(&format!(
            "{SELECT_JPKI} > 9000
             00200098 > 6A86
             00A4020C 02 0018 > 9000
             00200080 > {answer}"
        ));
        let mut card = Card::select(&mut card_script).unwrap();
        assert_eq!(card.tries_left().unwrap(), Tries::Blocked, "{answer}");
        let (slot, outcome) = card.verify(slot_with("1234"));
        assert!(matches!(outcome, Err(CardError::Violation(Misuse::NoTriesLeft))));
        assert!(slot.is_empty());
        card_script.assert_over();
    }
}

#[test]
fn verify_goes_out_in_the_form_that_the_query_chose_even_after_other_files_were_read() {
    let certificate = certificate_of(300);
    let mut card_script = Script::new(&format!(
        "{SELECT_JPKI} > 9000
         00200098 > 6986
         00A4020C 02 0018 > 9000
         00200080 > 63C3
         00A4020C 02 000A > 9000"
    ))
    .answering("00B0000000", done(certificate[..256].to_vec()))
    .answering("00B001002C", done(certificate[256..].to_vec()))
    .and("00A4020C 02 0018 > 9000\n 00200080 04 31323334 > 63C2");
    let mut card = Card::select(&mut card_script).unwrap();
    card.tries_left().unwrap();
    assert_eq!(card.certificate().unwrap(), certificate);
    let (_, outcome) = card.verify(slot_with("1234"));
    assert!(matches!(outcome, Ok(VerifyOutcome::Wrong { tries_left: 2, .. })));
    card_script.assert_over();
}

#[test]
fn no_pin_is_sent_before_the_tries_were_read_nor_when_it_is_not_four_digits() {
    let mut card_script = Script::new(&format!("{SELECT_JPKI} > 9000"));
    let (_, outcome) = Card::select(&mut card_script).unwrap().verify(slot_with("1234"));
    assert!(matches!(outcome, Err(CardError::Violation(Misuse::TriesNotRead))));
    for pin in ["", "1", "123"] {
        let mut card_script = Script::new(&format!("{SELECT_JPKI} > 9000\n 00200098 > 63C3"));
        let mut card = Card::select(&mut card_script).unwrap();
        card.tries_left().unwrap();
        let (slot, outcome) = card.verify(slot_with(pin));
        assert!(matches!(outcome, Err(CardError::Violation(Misuse::PinIncomplete))), "{pin}");
        assert!(slot.is_empty());
        card_script.assert_over();
    }
}

#[test]
fn an_unanswered_or_unclear_verify_is_not_sent_again_and_says_so() {
    let start = format!("{SELECT_JPKI} > 9000\n 00200098 > 63C3");
    let mut card_script = Script::new(&start).failing("00200098 04 31323334", ChannelError::CardRemoved);
    let mut card = Card::select(&mut card_script).unwrap();
    card.tries_left().unwrap();
    let (slot, outcome) = card.verify(slot_with("1234"));
    let error = outcome.err().unwrap();
    assert!(slot.is_empty() && error.counter_is_unknown());
    assert_eq!(error.code(), "card-removed");

    // 6C04 and 6104 would make an ordinary command go out again.
    for answer in ["6C04", "6104", "6700", "6F00", "6300", "6982"] {
        let mut card_script = Script::new(&start).and(&format!("00200098 04 31323334 > {answer}"));
        let mut card = Card::select(&mut card_script).unwrap();
        card.tries_left().unwrap();
        let (_, outcome) = card.verify(slot_with("1234"));
        let error = outcome.err().unwrap();
        assert!(matches!(error, CardError::Fault(CardFault::VerifyUnclear { .. })), "{answer}");
        assert!(error.counter_is_unknown());
        card_script.assert_over();
    }
}

#[test]
fn only_the_signature_falls_back_to_the_other_form() {
    let input = hex(&SIGN_INPUT);
    let mut card_script = Script::new(&format!(
        "{SELECT_JPKI} > 9000
         00200098 > 63C3
         00200098 04 31323334 > 9000
         802A0097 33 {input} 00 > 6A86
         00A4020C 02 0017 > 9000"
    ))
    .answering(&format!("802A0080 33 {input} 00"), done(vec![1; 256]));
    let mut card = Card::select(&mut card_script).unwrap();
    card.tries_left().unwrap();
    let (_, outcome) = card.verify(slot_with("1234"));
    let VerifyOutcome::Verified(mut card) = outcome.unwrap() else { panic!("not verified") };
    assert_eq!(card.sign(&SIGN_INPUT).unwrap().as_bytes(), [1; 256]);
    card_script.assert_over();
}

#[test]
fn a_refused_or_empty_signature_is_a_fault() {
    for (answer, then) in [("6982", None), ("9000", None), ("6985", Some("6985"))] {
        let mut card_script = Script::new(&format!(
            "{SELECT_JPKI} > 9000
             00200098 > 63C3
             00200098 04 31323334 > 9000
             802A0097 01 AA 00 > {answer}"
        ));
        if let Some(then) = then {
            card_script = card_script.and(&format!("00A4020C 02 0017 > 9000\n 802A0080 01 AA 00 > {then}"));
        }
        let mut card = Card::select(&mut card_script).unwrap();
        card.tries_left().unwrap();
        let (_, outcome) = card.verify(slot_with("1234"));
        let VerifyOutcome::Verified(mut card) = outcome.unwrap() else { panic!("not verified") };
        let error = card.sign(&[0xAA]).unwrap_err();
        assert!(matches!(error, CardError::Fault(CardFault::NotSigned { .. })), "{answer}");
        assert_eq!(error.code(), "card-misbehaved");
        card_script.assert_over();
    }
}

#[test]
fn signing_nothing_or_too_much_sends_nothing() {
    for bytes in [0, 246, 256] {
        let mut card_script =
            Script::new(&format!("{SELECT_JPKI} > 9000\n 00200098 > 63C3\n 00200098 04 31323334 > 9000"));
        let mut card = Card::select(&mut card_script).unwrap();
        card.tries_left().unwrap();
        let (_, outcome) = card.verify(slot_with("1234"));
        let VerifyOutcome::Verified(mut card) = outcome.unwrap() else { panic!("not verified") };
        let error = card.sign(&vec![0; bytes]).unwrap_err();
        assert!(matches!(error, CardError::Violation(Misuse::SignInputLength { .. })));
    }
}

#[test]
fn a_card_without_the_application_is_not_a_my_number_card() {
    for answer in ["6A82", "6A86", "6D00", "6E00", "6985", "1234"] {
        let mut card_script = Script::new(&format!("{SELECT_JPKI} > {answer}"));
        let error = Card::select(&mut card_script).err().unwrap();
        assert!(matches!(error, CardError::Refused(Refusal::NotMyNumberCard { .. })), "{answer}");
    }
}

#[test]
fn a_first_6f00_gets_one_more_select_and_no_third() {
    let mut card_script = Script::new(&format!("{SELECT_JPKI} > 6F00\n {SELECT_JPKI} > 9000"));
    Card::select(&mut card_script).unwrap();
    card_script.assert_over();
    let mut card_script = Script::new(&format!("{SELECT_JPKI} > 6F00\n {SELECT_JPKI} > 6F00"));
    let error = Card::select(&mut card_script).err().unwrap();
    assert_eq!(error.code(), "card-unreadable");
    assert_eq!(error.status().unwrap().0, 0x6F00);
}

#[test]
fn phones_are_refused_by_label_and_by_a_certificate_behind_the_pin() {
    for label in ["JPKIAPGPSETOKEN", "JPKIAPIOSTOKEN"] {
        let mut card_script = Script::new(&format!("{SELECT_JPKI} > 9000\n 00200098 > 63C3"))
            .answering("00B08600A0", done(token_file(label)));
        let error = Card::select(&mut card_script).unwrap().examine().unwrap_err();
        assert!(matches!(error, CardError::Refused(Refusal::Phone)), "{label}");
        card_script.assert_over();
    }
    let mut card_script = Script::new(&format!("{SELECT_JPKI} > 9000\n 00200098 > 63C3"))
        .answering("00B08600A0", done(token_file("JPKIAPICCTOKEN2")))
        .and("00B08A0000 > 6982");
    let error = Card::select(&mut card_script).unwrap().examine().unwrap_err();
    assert_eq!(error.code(), "phone-not-supported");
    card_script.assert_over();
}

#[test]
fn a_certificate_ends_where_its_header_says() {
    let reads = |file: Vec<u8>| {
        let mut card = Ruled::new(move |apdu: &[u8]| {
            Ok(match (apdu[1], apdu[2], apdu[3]) {
                (0xB0, 0x8A, 0) => done(file[..file.len().min(256)].to_vec()),
                (0xB0, high, low) => {
                    let from = usize::from(u16::from_be_bytes([high, low])).min(file.len());
                    let le = if apdu[4] == 0 { 256 } else { usize::from(apdu[4]) };
                    done(file[from..file.len().min(from + le)].to_vec())
                }
                _ => done(Vec::new()),
            })
        });
        let certificate = Card::select(&mut card).unwrap().certificate();
        (certificate, card.sent)
    };
    let with_filler = [certificate_of(1590), vec![0xFF; 458]].concat();
    let (certificate, sent) = reads(with_filler);
    assert_eq!(certificate.unwrap(), certificate_of(1590));
    assert_eq!(sent, 1 + 7);
    let (certificate, _) = reads([vec![0x30, 0x03, 1, 2, 3], vec![0xFF; 300]].concat());
    assert_eq!(certificate.unwrap(), [0x30, 0x03, 1, 2, 3]);

    let damaged = |file: Vec<u8>| {
        let (certificate, sent) = reads(file);
        assert!(matches!(certificate, Err(CardError::Refused(Refusal::Damaged { .. }))));
        sent
    };
    assert_eq!(damaged(certificate_of(1590)[..1000].to_vec()), 1 + 4);
    assert_eq!(damaged(certificate_of(4097)), 1 + 1);
    assert_eq!(damaged(vec![0x30, 0x80, 0, 0]), 1 + 1);
    assert_eq!(damaged(vec![0xFF; 300]), 1 + 1);
    assert_eq!(damaged(Vec::new()), 1 + 1);
}

#[test]
fn a_missing_certificate_has_a_refusal_of_its_own() {
    let mut card_script = Script::new(&format!("{SELECT_JPKI} > 9000\n 00B08A0000 > 6A82"));
    let error = Card::select(&mut card_script).unwrap().certificate().unwrap_err();
    assert_eq!(error.code(), "no-certificate");
}

#[test]
fn wrong_le_and_more_data_are_followed() {
    let mut card_script = Script::new(&format!(
        "{SELECT_JPKI} > 9000
         00B08A0000 > 6C05
         00B08A0005 > 6105
         00C0000005 > 3003010203 9000"
    ));
    let certificate = Card::select(&mut card_script).unwrap().certificate().unwrap();
    assert_eq!(certificate, [0x30, 0x03, 1, 2, 3]);
    card_script.assert_over();
}

#[test]
fn a_card_that_announces_data_without_end_is_left() {
    for answer in ["6C01", "6101", "AA6100", "AA6C00"] {
        let mut card = Ruled::new(|apdu: &[u8]| {
            Ok(if apdu[1] == 0xA4 { done(Vec::new()) } else { crate::scripted::bytes(answer) })
        });
        let mut selected = Card::select(&mut card).unwrap();
        assert!(selected.certificate().is_err());
        assert!(selected.tries_left().is_err());
        assert!(card.sent < 40, "{answer}: {}", card.sent);
    }
}

#[test]
fn leaving_tells_when_the_card_does_not_obey() {
    let mut card_script = Script::new("00A4040C 07 A0000001510000 > 6A82");
    let error = leave(&mut card_script).unwrap_err();
    assert!(matches!(error, CardError::Fault(CardFault::NotLeft { .. })));
}

#[test]
fn the_empty_query_is_never_sent_again_with_a_length() {
    // `00 20 00 98 04` would be a VERIFY that waits for four bytes: over T=0 that can cost a try.
    let mut script = Script::new(&format!(
        "{SELECT_JPKI} > 9000
         00200098 > 6C04
         00A4020C 02 0018 > 9000
         00200080 > 6C04"
    ));
    let error = Card::select(&mut script).unwrap().tries_left().unwrap_err();
    assert!(matches!(error, CardError::Fault(CardFault::TriesUnknown { .. })), "{error:?}");
    script.assert_over();
}
