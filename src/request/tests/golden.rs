//! Fixed keys and times make fixed bytes. These files are the format, version 1: a difference here is a new
//! version of the format, never a new golden file.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::path::Path;

use request::{ExpectedAnswer, prepare, verify_answer, verify_request};
use support::mint::{time, vectors};
use support::{World, request_id};

/// Whether these are the stored bytes; where not, what was made is left to be looked at.
fn is_golden(name: &str, made: &[u8]) -> bool {
    let same = std::fs::read(vectors(&format!("request/{name}"))).is_ok_and(|stored| stored == made);
    if !same {
        std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), made).unwrap();
    }
    same
}

#[test]
fn requests_and_answers_are_byte_for_byte_those_of_version_1() {
    let mut different = Vec::new();
    for card in ["rsa", "p256", "p384"] {
        let world = World::new().with_card(&format!("card-{card}"));
        let mut golden = |kind: &str, made: &[u8]| {
            let name = format!("{card}-{kind}");
            if !is_golden(&name, made) {
                different.push(name);
            }
        };
        let certificate = world.card_certificate();
        let content = world.content(&certificate);
        let prepared = prepare(&content, &certificate, time("2026-11-21T01:02:05.999Z")).unwrap();
        golden("content.json", &content.to_canonical_json().unwrap());
        golden("sign-input.bin", prepared.to_be_signed().as_bytes());
        let request = world.request();
        golden("request.der", request.der());
        golden("answer.der", &world.answer(&request));
    }
    assert!(different.is_empty(), "{different:?}; made instead: {}", env!("CARGO_TARGET_TMPDIR"));
}

#[test]
fn the_stored_files_are_accepted() {
    for card in ["rsa", "p256", "p384"] {
        let world = World::new().with_card(&format!("card-{card}"));
        let read = |kind: &str| std::fs::read(vectors(&format!("request/{card}-{kind}"))).unwrap();
        let verified = verify_request(&read("request.der"), &world.request_policy()).unwrap();
        let expected = ExpectedAnswer {
            request_id: request_id(),
            request_sha256: verified.request().sha256(),
            terminal_id: "T0001",
        };
        verify_answer(&read("answer.der"), &world.host_anchors, world.at, &expected).unwrap();
    }
}
