//! Frames and answers: the frames that follow from the specification, and any bytes at all against a second codec.

use proptest::prelude::*;

use super::faults::{Refusal, Remedy};
use super::frame::{Heard, Receiver, TEXT_BYTES_MAX, write_frame};
use super::text::{Code, Done, Reply};
use crate::port::{Action, FaultKind};

fn written(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let done: Result<(), ()> = write_frame(parts, |piece| {
        bytes.extend_from_slice(piece);
        Ok(())
    });
    done.unwrap();
    bytes
}

/// Texts that were heard, in order.
fn heard(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut receiver = Receiver::new();
    let mut texts = Vec::new();
    for byte in bytes {
        if receiver.hear(*byte) == Some(Heard::Text) {
            texts.push(receiver.text().to_vec());
        }
    }
    texts
}

/// The codec a second time, by the words of the specification: double, then sum, in two passes over a growing vector.
mod reference {
    pub(super) fn encode(text: &[u8]) -> Vec<u8> {
        let mut frame = vec![0x10, 0x02];
        for byte in text {
            frame.push(*byte);
            if *byte == 0x10 {
                frame.push(0x10);
            }
        }
        frame.extend([0x10, 0x03]);
        let mut sum = 0;
        for byte in text.iter().chain(&[0x03]) {
            sum ^= byte;
        }
        frame.push(sum);
        frame
    }

    pub(super) fn decode(frame: &[u8]) -> Option<Vec<u8>> {
        let body = frame.strip_prefix(&[0x10, 0x02])?;
        let (sum, body) = body.split_last()?;
        let body = body.strip_suffix(&[0x10, 0x03])?;
        let mut text = Vec::new();
        let mut at = 0;
        while at < body.len() {
            if body[at] == 0x10 {
                (body.get(at + 1) == Some(&0x10)).then_some(())?;
                at += 1;
            }
            text.push(body[at]);
            at += 1;
        }
        let wanted = text.iter().fold(0x03, |sum, byte| sum ^ byte);
        (wanted == *sum).then_some(text)
    }
}

#[test]
fn frames_are_those_that_follow_from_the_specification() {
    let verify = b"\x00\x20\x00\x80\x041234";
    for (text, frame) in [
        (&b"C00"[..], &b"\x10\x02\x43\x30\x30\x10\x03\x40"[..]),
        (b"C01", b"\x10\x02\x43\x30\x31\x10\x03\x41"),
        (b"C10", b"\x10\x02\x43\x31\x30\x10\x03\x41"),
        (b"C:0", b"\x10\x02\x43\x3A\x30\x10\x03\x4A"),
        (b"C:1", b"\x10\x02\x43\x3A\x31\x10\x03\x4B"),
        (b"C30", b"\x10\x02\x43\x33\x30\x10\x03\x43"),
        (b"C31", b"\x10\x02\x43\x33\x31\x10\x03\x42"),
        (b"C90", b"\x10\x02\x43\x39\x30\x10\x03\x49"),
        (b"CC0", b"\x10\x02\x43\x43\x30\x10\x03\x33"),
        (b"CC5", b"\x10\x02\x43\x43\x35\x10\x03\x36"),
        (b"CC6", b"\x10\x02\x43\x43\x36\x10\x03\x35"),
        (b"CE00", b"\x10\x02\x43\x45\x30\x30\x10\x03\x05"),
    ] {
        assert_eq!(written(&[text]), frame, "{}", text.escape_ascii());
        assert_eq!(heard(frame), [text]);
    }
    for (code, check) in [(b"F1", 0x97), (b"F0", 0x96)] {
        let frame = written(&[b"C", code, verify]);
        assert_eq!(frame, [b"\x10\x02C", &code[..], verify, &[0x10, 0x03, check]].concat());
    }
}

#[test]
fn a_text_of_the_longest_length_is_heard_and_one_more_is_not() {
    for (bytes, texts) in [(TEXT_BYTES_MAX, 1), (TEXT_BYTES_MAX + 1, 0)] {
        assert_eq!(heard(&written(&[&vec![0x10; bytes]])).len(), texts);
    }
}

#[test]
fn a_frame_that_begins_anew_is_heard_from_there() {
    assert_eq!(heard(b"\x10\x02Pxx\x10\x05yy\x10\x02P10\x10\x03\x52"), [b"P10"]);
    let mut receiver = Receiver::new();
    let all: Vec<_> =
        b"\x10\x06?\x10\x15\x10\x10\x06".iter().filter_map(|byte| receiver.hear(*byte)).collect();
    // The pair `10 10` is the tail of a text: the 06 behind it acknowledges nothing.
    assert_eq!(all, [Heard::Ack, Heard::Noise, Heard::Nak, Heard::Noise, Heard::Noise]);
}

#[test]
fn answers_are_read_and_what_is_none_is_not() {
    let reply = Reply::parse(b"PG11113B").unwrap();
    assert_eq!((reply.code, reply.verdict, &reply.data[..]), (Code(*b"G1"), Ok(Done::Active), &b"13B"[..]));
    let reply = Reply::parse(b"N3010").unwrap();
    assert_eq!((reply.code, reply.verdict.unwrap_err()), (Code(*b"30"), Refusal(*b"10")));
    for text in [&b""[..], b"P", b"P100", b"C1000", b"X1000"] {
        assert!(Reply::parse(text).is_none(), "{text:?}");
    }
    let place = |result: &[u8; 2]| Reply::parse(&[b"P10", &result[..]].concat()).unwrap().verdict.unwrap();
    assert_eq!(place(b"00"), Done::NoCard);
    assert_eq!(place(b"04"), Done::Inside);
    assert_eq!(place(b"99"), Done::Other(*b"99"));
}

/// The table of `devices/card/README.md`, line by line.
#[test]
fn every_error_code_means_what_the_readme_says() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/card/README.md")).unwrap();
    let mut seen = 0;
    for line in readme.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [codes, what, fault, kind, action, then] = cells[..] else { continue };
        for code in codes.split('`').skip(1).step_by(2).filter(|code| code.len() == 2) {
            let meaning = Refusal(code.as_bytes().try_into().unwrap()).meaning();
            let remedy = match meaning.remedy {
                Remedy::GoOn => "go on",
                Remedy::Reset => "initial reset, once",
                Remedy::ResetAfterPower => "15 ms, initial reset",
                Remedy::GiveBack => "only give back",
                Remedy::RestartChip => "chip off; contacts anew, once",
                Remedy::None => "out of service",
            };
            let kind_word = match meaning.kind {
                FaultKind::Transient => "transient",
                FaultKind::NeedsOperator => "operator",
                FaultKind::Broken => "broken",
            };
            let wanted = (what, fault.trim_matches('`'), kind, action, then);
            assert_eq!(
                (meaning.what, meaning.code, kind_word, meaning.action.word(), remedy),
                wanted,
                "{code}"
            );
            seen += 1;
        }
    }
    assert_eq!(seen, 48, "codes of the specification in the table");
    assert_eq!(Refusal(*b"ZZ").meaning().code, "card-unit-unknown-error");
    assert_eq!(Refusal(*b"ZZ").meaning().action, Action::Reset);
}

proptest! {
    #[test]
    fn any_text_goes_over_the_line_and_back(
        text in prop::collection::vec(prop_oneof![any::<u8>(), Just(0x10), 0_u8..=6], 0..=TEXT_BYTES_MAX),
        at in any::<prop::sample::Index>(),
    ) {
        let cut = at.index(text.len() + 1);
        let frame = written(&[&text[..cut], &text[cut..]]);
        prop_assert_eq!(&frame, &reference::encode(&text));
        prop_assert_eq!(reference::decode(&frame), Some(text.clone()));
        prop_assert_eq!(heard(&frame), [text]);
    }

    #[test]
    fn a_frame_with_one_wrong_byte_is_never_heard_as_another_text(
        text in prop::collection::vec(any::<u8>(), 5..60),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let mut frame = written(&[&text]);
        let at = at.index(frame.len());
        // A byte that becomes a 10, or was one, moves the end of the frame: then only chance protects.
        prop_assume!(frame[at] != 0x10 && frame[at] ^ flip != 0x10);
        frame[at] ^= flip;
        for other in heard(&frame) {
            prop_assert_eq!(other, text.clone());
        }
    }

    #[test]
    fn garbage_neither_panics_nor_sticks(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let mut receiver = Receiver::new();
        for byte in &bytes {
            let _any = receiver.hear(*byte);
        }
        let _reply = Reply::parse(&bytes);
        receiver.reset();
        let frame = written(&[b"P1002"]);
        let last = frame.iter().filter_map(|byte| receiver.hear(*byte)).last();
        prop_assert_eq!(last, Some(Heard::Text));
        prop_assert_eq!(receiver.text(), b"P1002");
    }
}
