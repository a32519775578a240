//! The wire messages: golden forms, every bound from both sides, and any bytes at all.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use proptest::prelude::*;
use serde_json::{Value, json};
use wire::{
    Challenge, ChallengeAnswer, ChallengeRequest, Digest, EcdsaSignature, Language, LogCheckpoint, Message,
    ParseError, Problem, ProblemCode, TerminalId, TermsName, TermsText, TermsVersion, WireTime, limits,
};

fn parse<M: Message>(value: &Value) -> Result<M, ParseError> {
    M::parse(value.to_string().as_bytes())
}

fn challenge_answer() -> Value {
    json!({
        "challenge": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "host_time": "2026-11-21T01:02:03.456Z",
        "consent_by_s": 900,
        "accept_until_days": 30,
        "terms": { "version": "1", "texts": [{
            "language": "ja",
            "sha256": Digest::of("同意".as_bytes()).to_string(),
            "text": "同意"
        }]}
    })
}

fn checkpoint() -> Value {
    json!({
        "terminal_id": "T0001",
        "sequence": 17,
        "entry_hash": "00".repeat(32),
        "signed_at": "2026-11-21T01:02:03.000Z",
        "signature": "MAYCAQECAQE="
    })
}

#[test]
fn challenge_request_is_one_number() {
    let bytes = ChallengeRequest::default().to_bytes().unwrap();
    assert_eq!(bytes, br#"{"schema":1}"#);
    assert!(ChallengeRequest::parse(&bytes).is_ok());
    for bad in
        ["{}", r#"{"schema":2}"#, r#"{"schema":1,"x":1}"#, r#"{"schema":1}x"#, r#"{"schema":1,"schema":1}"#]
    {
        assert!(ChallengeRequest::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn challenge_answer_keeps_its_golden_form() {
    let answer: ChallengeAnswer = parse(&challenge_answer()).unwrap();
    assert_eq!(answer.challenge, Challenge::from_bytes(std::array::from_fn(|i| i as u8)));
    assert_eq!(answer.terms.text("ja").unwrap().text(), "同意");
    assert!(answer.terms.text("en").is_none());
    let again: Value = serde_json::from_slice(&answer.to_bytes().unwrap()).unwrap();
    assert_eq!(again, challenge_answer());
}

#[test]
fn challenge_answer_out_of_bounds_is_refused() {
    let cases: [(&str, Value); 14] = [
        ("/challenge", json!("AAEC")),
        ("/challenge", json!("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")),
        ("/host_time", json!("2026-11-21T01:02:03Z")),
        ("/host_time", json!("2026-11-21T01:02:03.456+00:00")),
        ("/host_time", json!("1969-11-21T01:02:03.456Z")),
        ("/consent_by_s", json!(0)),
        ("/consent_by_s", json!(3601)),
        ("/accept_until_days", json!(0)),
        ("/accept_until_days", json!(401)),
        ("/terms/version", json!("")),
        ("/terms/texts", json!([])),
        ("/terms/texts/0/language", json!("JA")),
        ("/terms/texts/0/text", json!("同意しない")),
        ("/terms/texts/0/sha256", json!("00".repeat(32))),
    ];
    for (pointer, value) in cases {
        let mut message = challenge_answer();
        *message.pointer_mut(pointer).unwrap() = value.clone();
        assert!(parse::<ChallengeAnswer>(&message).is_err(), "{pointer} = {value}");
    }
}

#[test]
fn terms_have_one_text_a_language_and_nothing_unshowable() {
    let text = |tag: &str, text: &str| TermsText::new(tag.parse::<Language>().unwrap(), text.to_owned());
    let name = || "1".parse::<TermsName>().unwrap();
    assert!(
        TermsVersion::new(name(), vec![text("ja", "同意").unwrap(), text("en", "consent").unwrap()]).is_ok()
    );
    assert!(TermsVersion::new(name(), vec![text("ja", "a").unwrap(), text("ja", "b").unwrap()]).is_err());
    assert!(text("ja", "").is_err());
    assert!(text("ja", "bell \u{7}").is_err());
    assert!(text("ja", &"あ".repeat(limits::TERMS_TEXT_BYTES_MAX / 3)).is_ok());
    assert!(text("ja", &"あ".repeat(limits::TERMS_TEXT_BYTES_MAX / 3 + 1)).is_err());
}

#[test]
fn checkpoint_round_trip_and_bounds() {
    let message: LogCheckpoint = parse(&checkpoint()).unwrap();
    let again: Value = serde_json::from_slice(&message.to_bytes().unwrap()).unwrap();
    assert_eq!(again, checkpoint());
    let cases: [(&str, Value); 7] = [
        ("/terminal_id", json!("t0001")),
        ("/terminal_id", json!("")),
        ("/sequence", json!(limits::JSON_INTEGER_MAX + 1)),
        ("/sequence", json!(-1)),
        ("/entry_hash", json!("FF".repeat(32))),
        ("/entry_hash", json!("00".repeat(31))),
        ("/signature", json!("MAUCAQECAQE=")),
    ];
    for (pointer, value) in cases {
        let mut message = checkpoint();
        *message.pointer_mut(pointer).unwrap() = value.clone();
        assert!(parse::<LogCheckpoint>(&message).is_err(), "{pointer} = {value}");
    }
}

#[test]
fn problem_codes_are_stable() {
    for code in ProblemCode::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), json!(code.as_str()));
        assert_eq!(code.come_again(), matches!(code.status(), 408 | 503), "{code:?}");
    }
    let problem = Problem::new(ProblemCode::Conflict, "other bytes");
    let golden = json!({
        "type": "about:blank", "title": "the request id is taken by other bytes", "status": 409,
        "detail": "other bytes", "code": "conflict"
    });
    assert_eq!(serde_json::to_value(&problem).unwrap(), golden);
    assert_eq!(parse::<Problem>(&golden).unwrap(), problem);
}

#[test]
fn too_long_bodies_are_not_looked_into() {
    let body = vec![b' '; limits::LOG_CHECKPOINT_BYTES_MAX + 1];
    assert!(matches!(LogCheckpoint::parse(&body), Err(ParseError::TooLong { .. })));
}

proptest! {
    #[test]
    fn any_bytes_give_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        prop_assert!(ChallengeAnswer::parse(&bytes).is_err());
        prop_assert!(LogCheckpoint::parse(&bytes).is_err());
        prop_assert!(Problem::parse(&bytes).is_err());
    }

    /// One changed character in a valid message: still a message that is within bounds and round-trips, or an error.
    #[test]
    fn a_changed_message_is_valid_or_refused(at in 0usize..1000, byte in any::<u8>()) {
        let mut bytes = checkpoint().to_string().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(message) = LogCheckpoint::parse(&bytes) {
            prop_assert_eq!(LogCheckpoint::parse(&message.to_bytes().unwrap()).unwrap(), message);
        }
    }

    #[test]
    fn leaves_read_back_what_they_write(bytes in any::<[u8; 32]>(), ms in 0i64..253_402_300_799_999, id in "[A-Z0-9-]{1,32}") {
        let challenge = Challenge::from_bytes(bytes);
        prop_assert_eq!(challenge.to_string().parse::<Challenge>().unwrap(), challenge);
        let digest = Digest::from_bytes(bytes);
        prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        let time = WireTime::from_timestamp(jiff::Timestamp::from_millisecond(ms).unwrap()).unwrap();
        prop_assert_eq!(time.to_string().len(), 24);
        prop_assert_eq!(time.to_string().parse::<WireTime>().unwrap(), time);
        prop_assert_eq!(id.parse::<TerminalId>().unwrap().to_string(), id);
    }

    #[test]
    fn leaves_take_any_text(text in ".{0,64}") {
        if let Ok(time) = text.parse::<WireTime>() {
            prop_assert_eq!(time.to_string(), text.clone());
        }
        if let Ok(id) = text.parse::<TerminalId>() {
            prop_assert_eq!(id.as_str(), &text);
        }
        if let Ok(tag) = text.parse::<Language>() {
            prop_assert_eq!(tag.as_str(), &text);
        }
        if let Ok(signature) = text.parse::<EcdsaSignature>() {
            prop_assert!(signature.as_der().len() <= limits::ECDSA_SIGNATURE_BYTES_MAX);
        }
    }
}
