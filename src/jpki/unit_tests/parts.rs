//! The parts by themselves: encoding, status words, token information, codes.

use super::token_file;
use crate::apdu::{Command, Expected, Header, NotAResponse, Response, ShortData};
use crate::der::sequence_bytes;
use crate::pin::{Landed, PAGE_BYTES, PinSlot};
use crate::{CardError, CardFault, ChannelError, Meaning, Misuse, Refusal, StatusWord, TokenInfo, TokenKind};

const HEADER: Header = Header { cla: 0, ins: 0xB0, p1: 1, p2: 2 };

#[test]
fn the_four_cases_encode_as_the_standard_says() {
    let data = ShortData::new(&[9, 8]).unwrap();
    assert_eq!(*Command::case1(HEADER).expose_bytes(), [0, 0xB0, 1, 2]);
    assert_eq!(*Command::case2(HEADER, Expected::ALL).expose_bytes(), [0, 0xB0, 1, 2, 0]);
    assert_eq!(*Command::case2(HEADER, Expected::up_to(255)).expose_bytes(), [0, 0xB0, 1, 2, 255]);
    assert_eq!(*Command::case3(HEADER, data).expose_bytes(), [0, 0xB0, 1, 2, 2, 9, 8]);
    assert_eq!(*Command::case4(HEADER, data, Expected::up_to(0)).expose_bytes(), [0, 0xB0, 1, 2, 2, 9, 8, 1]);
    assert_eq!(Expected::up_to(70_000), Expected::ALL);
    assert!(ShortData::new(&[]).is_none());
    assert!(ShortData::new(&[0; 255]).is_some());
    assert!(ShortData::new(&[0; 256]).is_none());
}

#[test]
fn an_answer_has_a_status_word_and_at_most_256_bytes() {
    assert_eq!(Response::parse(&[]), Err(NotAResponse { bytes: 0 }));
    assert_eq!(Response::parse(&[0x90]), Err(NotAResponse { bytes: 1 }));
    assert_eq!(Response::parse(&[0x90, 0]).unwrap().data(), []);
    assert_eq!(Response::parse(&[0; 258]).unwrap().data().len(), 256);
    assert_eq!(Response::parse(&[0; 259]), Err(NotAResponse { bytes: 259 }));
}

#[test]
fn every_status_word_means_something() {
    let known = (0..=u16::MAX).filter(|&word| StatusWord(word).meaning() != Meaning::Unknown).count();
    // 61xx, 6Cxx, 63Cx and the 33 fixed ones.
    assert_eq!(known, 256 + 256 + 16 + 33);
    assert_eq!(StatusWord(0x63C2).meaning(), Meaning::TriesLeft(2));
    assert_eq!(StatusWord(0x6100).meaning(), Meaning::MoreData(256));
    assert_eq!(StatusWord(0x6C10).meaning(), Meaning::WrongLe(16));
    assert_eq!(StatusWord(0x6A82).to_string(), "6A82 (file or application not found)");
}

#[test]
fn the_token_tells_its_kind() {
    for (label, kind) in [
        ("JPKIAPICCTOKEN2", TokenKind::MyNumberCard),
        ("JPKIAPICCTOKEN", TokenKind::OlderCard),
        ("JPKIAPGPSETOKEN", TokenKind::AndroidPhone),
        ("JPKIAPIOSTOKEN", TokenKind::IPhone),
        ("JPKIAPICCTOKEN22", TokenKind::Unknown),
        ("", TokenKind::Unknown),
    ] {
        let token = TokenInfo::parse(&token_file(label)).unwrap();
        assert_eq!((token.kind(), token.label(), token.model()), (kind, label, "E16R01NJ"));
    }
    assert_eq!(TokenInfo::parse(&token_file("x")[..159]), None);
    let mut hostile = token_file("A");
    hostile[1..8].copy_from_slice(b"\x1b[2J\r\nB");
    assert_eq!(TokenInfo::parse(&hostile).unwrap().label(), "A?[2J??B");
    hostile[3] = 0;
    assert_eq!(TokenInfo::parse(&hostile).unwrap().label(), "A?[");
}

#[test]
fn der_lengths_are_read_in_their_shortest_form_only() {
    assert_eq!(sequence_bytes(&[0x30, 0x05]), Some(7));
    assert_eq!(sequence_bytes(&[0x30, 0x81, 0x80]), Some(131));
    assert_eq!(sequence_bytes(&[0x30, 0x82, 0x06, 0x2B]), Some(1583));
    for wrong in [
        &[][..],
        &[0x30],
        &[0x31, 0x05],
        &[0x30, 0x80],
        &[0x30, 0x81, 0x7F],
        &[0x30, 0x82, 0x00, 0xFF],
        &[0x30, 0x82, 0x06],
        &[0x30, 0x83, 1, 0, 0],
    ] {
        assert_eq!(sequence_bytes(wrong), None, "{wrong:02X?}");
    }
}

#[test]
fn a_slot_takes_four_digits_and_gives_the_last_one_up_first() {
    let mut slot = PinSlot::new();
    assert_eq!(slot.page_address().as_ptr().align_offset(PAGE_BYTES), 0);
    slot.pop();
    assert!(slot.is_empty() && slot.verify_command(0x98).is_none());
    for key in b"123" {
        assert_eq!(slot.push_digit(*key), Landed::Digit);
    }
    for key in [b'a', b'/', b':', 0, 0xB1] {
        assert_eq!(slot.push_digit(key), Landed::Other(key));
    }
    assert!(!slot.is_complete() && slot.verify_command(0x98).is_none());
    slot.landing().copy_from_slice(b"9");
    assert_eq!(slot.landed(), Landed::Digit);
    assert_eq!(slot.landing(), &[0]);
    assert_eq!(slot.push_digit(b'5'), Landed::Full);
    assert_eq!(*slot.verify_command(0x98).unwrap().expose_bytes(), *b"\x00\x20\x00\x98\x041239");
    slot.pop();
    slot.push_digit(b'4');
    assert_eq!(*slot.verify_command(0x80).unwrap().expose_bytes(), *b"\x00\x20\x00\x80\x041234");
    slot.clear();
    assert_eq!(slot.len(), 0);
}

#[test]
fn the_codes_are_stable() {
    let status = StatusWord(0x6A82);
    let removed = || ChannelError::CardRemoved;
    let errors: [(CardError, &str); 19] = [
        (Refusal::NotMyNumberCard { status }.into(), "not-my-number-card"),
        (Refusal::Phone.into(), "phone-not-supported"),
        (Refusal::NoCertificate.into(), "no-certificate"),
        (Refusal::Unreadable { what: "a", status }.into(), "card-unreadable"),
        (Refusal::Damaged { what: "a", why: "b" }.into(), "card-unreadable"),
        (CardFault::NoAnswer { command: "a", source: removed() }.into(), "card-removed"),
        (CardFault::VerifyUnanswered { source: ChannelError::CardReset }.into(), "card-reset"),
        (
            CardFault::VerifyUnanswered { source: ChannelError::Protocol { what: "a", source: None } }.into(),
            "card-protocol",
        ),
        (
            CardFault::VerifyUnanswered { source: ChannelError::Reader { what: "a", source: None } }.into(),
            "reader-failed",
        ),
        (CardFault::VerifyUnclear { status }.into(), "card-misbehaved"),
        (CardFault::VerifyUnanswered { source: ChannelError::PadKeepsCard }.into(), "reader-busy"),
        (CardFault::NoPad.into(), "pad-not-offered"),
        (CardFault::TriesUnknown { status }.into(), "card-misbehaved"),
        (CardFault::NotSigned { status }.into(), "card-misbehaved"),
        (CardFault::NotLeft { status }.into(), "card-misbehaved"),
        (Misuse::TriesNotRead.into(), "tries-not-read"),
        (Misuse::NoTriesLeft.into(), "no-tries-left"),
        (Misuse::PinIncomplete.into(), "pin-incomplete"),
        (Misuse::SignInputLength { bytes: 0 }.into(), "sign-input-length"),
    ];
    for (error, code) in errors {
        assert_eq!(error.code(), code);
    }
}
