//! The two files that prove one event, checked with `openssl` alone.

use std::path::PathBuf;

use myna_demo::customer::Customer;
use myna_tests::openssl::cms_verify;
use myna_tests::{World, text};

#[test]
fn openssl_accepts_request_and_answer_and_prints_what_was_signed() {
    let world = World::with_card("valid");
    let visit = world.visit(&Customer::with_pin("1234"));
    let evidence = PathBuf::from(text(&visit.result, "evidence"));
    let answer = PathBuf::from(text(&visit.result, "answer"));

    let request = cms_verify(&evidence, &world.state.trust_root()).unwrap();
    let content: serde_json::Value = serde_json::from_slice(&request).unwrap();
    assert_eq!(content["request_id"], visit.result["request_id"]);
    assert_eq!(content["purpose"], "健康保険証利用の申込み");

    let answered = cms_verify(&answer, &world.state.host_root()).unwrap();
    let decision: serde_json::Value = serde_json::from_slice(&answered).unwrap();
    assert_eq!(decision["request_id"], visit.result["request_id"]);
    assert_eq!(decision["acceptance_number"], visit.result["acceptance_number"]);

    assert!(cms_verify(&evidence, &world.state.host_root()).is_err(), "another root accepts nothing");
}

#[test]
fn openssl_refuses_a_flip_in_content_attributes_signature_and_certificate() {
    let world = World::with_card("valid");
    let visit = world.visit(&Customer::with_pin("1234"));
    let evidence = PathBuf::from(text(&visit.result, "evidence"));
    let der = std::fs::read(&evidence).unwrap();
    let find = |needle: &[u8]| der.windows(needle.len()).position(|window| window == needle).unwrap();

    let content = find("bank-atm".as_bytes());
    // id-messageDigest 1.2.840.113549.1.9.4, then SET, OCTET STRING and the digest.
    let attributes = find(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04]) + 9 + 4 + 3;
    // rsaEncryption with NULL, then OCTET STRING 256: the card's signature (the last such place in the file).
    let signature_header = [0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x04, 0x82, 0x01, 0x00];
    let signature = find(&signature_header) + signature_header.len() + 100;
    let certificate = find(b"http://") + 4;
    for (what, position) in [
        ("content", content),
        ("attributes", attributes),
        ("signature", signature),
        ("certificate", certificate),
    ] {
        let mut flipped = der.clone();
        flipped[position] ^= 0x01;
        let file = world.state.path("flipped.der");
        std::fs::write(&file, &flipped).unwrap();
        assert!(cms_verify(&file, &world.state.trust_root()).is_err(), "a flip in the {what} at {position}");
    }
}
