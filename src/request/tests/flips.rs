//! Every byte of a file counts: each position is changed by several masks, and each change is refused.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::collections::BTreeMap;

use request::{ExpectedAnswer, verify_answer, verify_request};
use support::World;

const MASKS: [u8; 4] = [0x01, 0x20, 0x80, 0xFF];

/// Refusal codes with how often each was met.
fn refusals(der: &[u8], verify: impl Fn(&[u8]) -> Result<(), &'static str>) -> BTreeMap<&'static str, usize> {
    verify(der).expect("unchanged it is accepted");
    let mut codes = BTreeMap::new();
    let mut changed = der.to_vec();
    for position in 0..der.len() {
        for mask in MASKS {
            *changed.get_mut(position).unwrap() ^= mask;
            match verify(&changed) {
                Ok(()) => panic!("byte {position} changed by {mask:#04x} is accepted"),
                Err(code) => *codes.entry(code).or_default() += 1,
            }
            *changed.get_mut(position).unwrap() ^= mask;
        }
    }
    codes
}

#[test]
fn every_flip_in_a_request_is_refused() {
    for file in ["card-rsa", "card-p256", "card-p384"] {
        let world = World::new().with_card(file);
        let codes = refusals(world.request().der(), |der| {
            verify_request(der, &world.request_policy()).map(drop).map_err(|refused| refused.code())
        });
        // Not one clause does all the work.
        for code in
            ["file-structure", "file-content", "file-encoding", "file-signature", "file-countersignature"]
        {
            assert!(codes.contains_key(code), "{file}: {code} never said: {codes:?}");
        }
    }
}

#[test]
fn every_flip_in_an_answer_is_refused() {
    let world = World::new();
    let request = world.request();
    let expected = ExpectedAnswer {
        request_id: support::request_id(),
        request_sha256: request.sha256(),
        terminal_id: "T0001",
    };
    let codes = refusals(&world.answer(&request), |der| {
        verify_answer(der, &world.host_anchors, world.at, &expected)
            .map(drop)
            .map_err(|refused| refused.code())
    });
    for code in ["file-structure", "file-content", "file-encoding", "file-signature"] {
        assert!(codes.contains_key(code), "{code} never said: {codes:?}");
    }
}

/// A byte more or less at either end, and every truncation.
#[test]
fn every_other_length_is_refused() {
    let world = World::new();
    let der = world.request().into_der();
    let verify = |der: &[u8]| verify_request(der, &world.request_policy()).map(drop);
    for length in 0..der.len() {
        verify(der.get(..length).unwrap()).unwrap_err();
    }
    verify(&[der.clone(), vec![0]].concat()).unwrap_err();
    verify(&[vec![0], der].concat()).unwrap_err();
}

/// Every flip in a card's certificate is refused before anybody is asked for a PIN.
#[test]
fn every_flip_in_a_card_certificate_is_refused() {
    let world = World::new();
    refusals(&world.card_certificate_der(), |der| {
        request::check_card_certificate(der, &world.policy, world.at)
            .map(drop)
            .map_err(|refused| refused.code())
    });
}
