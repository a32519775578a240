//! The canonical content: one spelling, every field in its range.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use request::{ContentRefused, RequestContent};
use support::World;

fn content() -> RequestContent {
    let world = World::new();
    world.content(&world.card_certificate())
}

fn json() -> String {
    String::from_utf8(content().to_canonical_json().unwrap()).unwrap()
}

#[test]
fn the_json_is_sorted_and_without_blanks() {
    let hash = hex::encode(content().certificate_sha256);
    let expected = format!(
        concat!(
            r#"{{"certificate_sha256":"{}","challenge":"WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=","#,
            r#""channel":"bank-atm","consent_time":"2026-11-21T01:02:03.456Z","purpose":"健康保険証利用の申込み","#,
            r#""request_id":"019aa3f1-7e00-7abc-8def-0123456789ab","schema_version":1,"terminal_id":"T0001","#,
            r#""terms_language":"ja","terms_sha256":"{}","terms_version":"2026-04"}}"#
        ),
        hash,
        "a5".repeat(32)
    );
    assert_eq!(json(), expected);
    assert_eq!(RequestContent::parse(expected.as_bytes()).unwrap(), content());
}

#[test]
fn another_spelling_is_refused() {
    let right = json();
    for (from, to) in [
        (r#""schema_version":1"#, r#""schema_version": 1"#),
        (r#""schema_version":1"#, r#""schema_version":1.0"#),
        (r#""schema_version":1"#, r#""schema_version":2"#),
        (r#""schema_version":1,"#, ""),
        (r#""schema_version":1"#, r#""schema_version":1,"schema_version":1"#),
        (r#""schema_version":1"#, r#""schema_version":1,"surname":"x""#),
        ("健康保険証利用の申込み", "健康保険証利用の取消し"),
        ("健", "\\u5065"),
        ("bank-atm", "bank-ATM"),
        ("019aa3f1-7e00-7abc", "019AA3F1-7E00-7ABC"),
        ("019aa3f1-7e00-7abc", "019aa3f1-7e00-4abc"),
        ("019aa3f1-7e00-7abc-8def", "019aa3f1-7e00-7abc-cdef"),
        ("01:02:03.456Z", "01:02:03Z"),
        ("01:02:03.456Z", "01:02:03.4560Z"),
        ("01:02:03.456Z", "10:02:03.456+09:00"),
        ("WlpaWlo=", "WlpaWlo"),
        ("WlpaWlo=", "WlpaWlp="),
        ("a5a5", "A5A5"),
        ("T0001", "t0001"),
        ("T0001", ""),
        ("\"ja\"", "\"日本\""),
        ("2026-04", "2026 04"),
    ] {
        assert!(right.contains(from), "{from}");
        let wrong = right.replacen(from, to, 1);
        RequestContent::parse(wrong.as_bytes()).expect_err(&wrong);
    }
    for (wrong, cut) in [(format!("{right}\n"), 0), (format!(" {right}"), 0), (right.clone(), 1)] {
        RequestContent::parse(wrong.get(..wrong.len() - cut).unwrap().as_bytes()).unwrap_err();
    }
    let long = right.replacen("2026-04", &"x".repeat(3000), 1);
    assert!(matches!(RequestContent::parse(long.as_bytes()), Err(ContentRefused::TooLong { .. })));
}

#[test]
fn fields_out_of_range_cannot_be_written() {
    let right = content();
    let wrong = [
        RequestContent { request_id: uuid::Uuid::nil(), ..right.clone() },
        RequestContent { terminal_id: "t1".to_owned(), ..right.clone() },
        RequestContent { terminal_id: "T".repeat(33), ..right.clone() },
        RequestContent { terms_version: String::new(), ..right.clone() },
        RequestContent { terms_version: "v".repeat(65), ..right.clone() },
        RequestContent { terms_language: "j".to_owned(), ..right.clone() },
        RequestContent { terms_language: "ja-".to_owned(), ..right.clone() },
    ];
    for wrong in wrong {
        assert!(matches!(wrong.to_canonical_json(), Err(ContentRefused::Field(_))), "{wrong:?}");
    }
    for language in ["ja", "en-US", "zh-Hant-TW", "fil"] {
        RequestContent { terms_language: language.to_owned(), ..right.clone() }.to_canonical_json().unwrap();
    }
}

#[test]
fn an_error_never_repeats_the_value() {
    let wrong = json().replacen("T0001", "secret value", 1);
    let error = RequestContent::parse(wrong.as_bytes()).unwrap_err();
    let chain = format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert!(!chain.contains("secret"), "{chain}");
}
