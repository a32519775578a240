//! The canonical bytes: golden, bounded, and the only ones that are taken.

use proptest::prelude::*;

use super::*;
use crate::word;

fn full() -> LogEntry {
    LogEntry {
        visit: Some(Uuid::from_u128(0x0193_4d2a_7c11_7f00_8000_0000_0000_0001)),
        language: Some(Language::parse("ja").unwrap()),
        mode: Some(Mode::Screen),
        step: Some(word!("pin")),
        object: Some(word!("cardReader.media")),
        value: Some(word!("present")),
        action: Some(Action::SoftwareError),
        tries_left: Some(2),
        status_word: Some(0x63C2),
        duration_ms: Some(41),
        outcome: Some(word!("refused")),
        detail: Some(Detail::of("reader 1")),
        ..least()
    }
}

fn least() -> LogEntry {
    let at = "2026-11-21T01:02:03.4567Z".parse().unwrap();
    LogEntry::new(at, 86_400_123, TerminalId::parse("T0001").unwrap(), word!("pin-wrong"))
}

/// Golden: the bytes of version 1. When this fails, the code is wrong, never the test.
#[test]
fn canonical_bytes_of_version_1() {
    let prev = Digest::of(b"before");
    assert_eq!(
        full().canonical(42, &prev),
        concat!(
            r#"{"action":"softwareError","boot_ms":86400123,"code":"pin-wrong","detail":"reader 1","duration_ms":41,"#,
            r#""entry":1,"language":"ja","mode":"screen","object":"cardReader.media","outcome":"refused","#,
            r#""prev":"6db7d803e74f1ffa7d8f5adc0bf95b3e15bf4c8373fffadf546227cc6c6742cb","seq":42,"#,
            r#""status_word":"63C2","step":"pin","terminal_id":"T0001","tries_left":2,"#,
            r#""utc":"2026-11-21T01:02:03.456Z","value":"present","visit":"01934d2a-7c11-7f00-8000-000000000001"}"#
        )
    );
    assert_eq!(
        least().canonical(1, &Digest::ZERO),
        concat!(
            r#"{"boot_ms":86400123,"code":"pin-wrong","entry":1,"#,
            r#""prev":"0000000000000000000000000000000000000000000000000000000000000000","seq":1,"#,
            r#""terminal_id":"T0001","utc":"2026-11-21T01:02:03.456Z"}"#
        )
    );
}

#[test]
fn canonical_bytes_come_back() {
    for entry in [full(), least()] {
        let text = entry.canonical(7, &Digest::of(b"x"));
        let parsed = LoggedEntry::parse(&text).unwrap();
        assert_eq!(parsed.canonical(), text);
        assert_eq!(parsed.seq, 7);
        assert_eq!(parsed.entry.code, entry.code);
    }
}

#[test]
fn only_canonical_bytes_are_taken() {
    let good = full().canonical(7, &Digest::ZERO);
    let bad = [
        good.replace(":7,", ":07,"),
        good.replace(r#""seq":7"#, r#""seq": 7"#),
        good.replace("63C2", "63c2"),
        good.replace(r#""entry":1"#, r#""entry":2"#),
        good.replace("ja", "j"),
        good.replace("reader 1", "reader 1234"),
        good.replace("T0001", "t0001"),
        good.replace("456Z", "456+00:00"),
        good.replace(r#""mode":"screen""#, r#""mode":null"#),
        format!("{good} "),
        good.replace('{', r#"{"holder":"x","#),
    ];
    for text in bad {
        assert_ne!(text, good);
        assert_eq!(LoggedEntry::parse(&text), None, "{text}");
    }
}

#[test]
fn the_longest_entry_fits() {
    let long = Word::new("a234567890123456789012345678901234567890123456789012345678901234").unwrap();
    let entry = LogEntry {
        boot_ms: u64::MAX,
        language: Some(Language::parse(&"a".repeat(35)).unwrap()),
        mode: Some(Mode::Handset),
        step: Some(long.clone()),
        code: long.clone(),
        object: Some(long.clone()),
        value: Some(long.clone()),
        tries_left: Some(255),
        duration_ms: Some(u32::MAX),
        outcome: Some(long),
        detail: Some(Detail::of(&"z".repeat(500))),
        terminal_id: TerminalId::parse(&"T".repeat(32)).unwrap(),
        ..full()
    };
    let text = entry.canonical(SEQUENCE_MAX, &Digest::ZERO);
    assert!(text.len() <= ENTRY_BYTES_MAX, "{}", text.len());
    assert!(LoggedEntry::parse(&text).is_some());
}

proptest! {
    #[test]
    fn any_text_is_taken_as_it_is_written_or_not_at_all(text in any::<String>(), at in 0..400_usize, byte in any::<u8>()) {
        prop_assert!(LoggedEntry::parse(&text).is_none_or(|entry| entry.canonical() == text));
        let mut bytes = full().canonical(7, &Digest::ZERO).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(LoggedEntry::parse(&text).is_none_or(|entry| entry.canonical() == text));
    }
}
