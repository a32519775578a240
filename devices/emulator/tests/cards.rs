//! Minted cards: what a persona's file says is what the card holds, and a card stays the same card.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::path::Path;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use der::{Decode, Encode};
use emulator::{Card, Persona, PinMemoryFault, StoreFault, clock};
use jiff::Timestamp;
use test_pki::Pki;
use x509_cert::Certificate;

fn open(directory: &Path) -> Pki {
    Pki::open_or_create(&directory.join("pki"), clock::now()).unwrap()
}

fn load(directory: &Path, pki: &Pki, persona: &str) -> Card {
    let mut card = Card::load(&Persona::find(persona).unwrap(), directory, pki, clock::now()).unwrap();
    card.power_on();
    card
}

fn send(card: &mut Card, command: &str) -> Vec<u8> {
    card.process(&hex::decode(command.replace(' ', "")).unwrap())
}

fn select(card: &mut Card) {
    assert_eq!(send(card, "00A4040C0AD392F000260100000001"), [0x90, 0x00]);
}

/// Reads the whole of an EF, in chunks.
fn read(card: &mut Card, file: &str) -> Vec<u8> {
    assert_eq!(send(card, &format!("00A4020C02{file}")), [0x90, 0x00]);
    let mut bytes = Vec::new();
    loop {
        let answer = send(card, &format!("00B0{:04X}00", bytes.len()));
        match answer.split_last_chunk::<2>() {
            Some((data, [0x90, 0x00])) => bytes.extend_from_slice(data),
            Some(([], [0x6B, 0x00])) => return bytes,
            other => panic!("{other:?}"),
        }
    }
}

fn authentication_certificate(card: &mut Card) -> Vec<u8> {
    select(card);
    read(card, "000A")
}

fn parsed(der: &[u8]) -> Certificate {
    Certificate::from_der(der).unwrap()
}

fn public_key(certificate: &Certificate) -> Vec<u8> {
    let key = certificate.tbs_certificate().subject_public_key_info();
    key.subject_public_key.raw_bytes().to_vec()
}

/// Days from now to the certificate's first and last second.
fn days(certificate: &Certificate) -> (i64, i64) {
    let validity = certificate.tbs_certificate().validity();
    let now = clock::now().as_second();
    let from = |time: x509_cert::time::Time| {
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap();
        (seconds - now).div_euclid(86_400)
    };
    (from(validity.not_before), from(validity.not_after))
}

/// Signs with the card's authentication key and checks with the certificate's.
fn signs_for(card: &mut Card, certificate: &Certificate) -> bool {
    let message = b"message";
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, message);
    select(card);
    assert_eq!(send(card, "002000980431323334"), [0x90, 0x00]);
    let answer = send(card, &format!("802A029720{}00", hex::encode(hash)));
    assert_eq!(answer.len(), 258);
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key(certificate))
        .verify(message, &answer[..256])
        .is_ok()
}

#[test]
fn a_card_stays_the_same_card() {
    let directory = tempfile::tempdir().unwrap();
    let pki = open(directory.path());
    let mut card = load(directory.path(), &pki, "valid");
    let certificate = authentication_certificate(&mut card);
    assert_eq!(send(&mut card, "002000980439393939"), [0x63, 0xC2]);
    assert!(matches!(
        Card::load(&Persona::find("valid").unwrap(), directory.path(), &pki, clock::now()),
        Err(StoreFault::Pins(PinMemoryFault::InUse { .. }))
    ));
    drop(card);
    let mut card = load(directory.path(), &pki, "valid");
    assert_eq!(authentication_certificate(&mut card), certificate);
    assert_eq!(send(&mut card, "00200098"), [0x63, 0xC2], "the counter outlives the process");
    assert!(signs_for(&mut card, &parsed(&certificate)));
    assert_eq!(send(&mut card, "00200098"), [0x63, 0xC3]);
}

#[test]
fn the_issuer_in_the_card_signed_the_certificate_in_the_card() {
    let directory = tempfile::tempdir().unwrap();
    let pki = open(directory.path());
    let mut card = load(directory.path(), &pki, "valid");
    select(&mut card);
    assert_eq!(send(&mut card, "0020009B06414243313233"), [0x90, 0x00]);
    for (file, issuer) in [("000A", "000B"), ("0001", "0002")] {
        let certificate = parsed(&read(&mut card, file));
        let issuer = parsed(&read(&mut card, issuer));
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key(&issuer))
            .verify(&certificate.tbs_certificate().to_der().unwrap(), certificate.signature().raw_bytes())
            .unwrap();
    }
}

#[test]
fn the_dates_are_the_persona_s() {
    let directory = tempfile::tempdir().unwrap();
    let pki = open(directory.path());
    for (persona, begun, ended) in [
        ("valid", true, false),
        ("expires-soon", true, false),
        ("expired", true, true),
        ("not-yet-valid", false, false),
    ] {
        let mut card = load(directory.path(), &pki, persona);
        let certificate = parsed(&authentication_certificate(&mut card));
        let (from, to) = days(&certificate);
        assert_eq!((from < 0, to < 0), (begun, ended), "{persona}: {from}..{to}");
        if persona == "expires-soon" {
            assert!((29..=30).contains(&to), "{to}");
        }
        let last = certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs();
        assert_eq!(last % 86_400, 15 * 3_600 - 1, "23:59:59 in Japan");
    }
}

#[test]
fn what_is_wrong_with_a_card_is_wrong_with_that_card_only() {
    let directory = tempfile::tempdir().unwrap();
    let pki = open(directory.path());

    let mut card = load(directory.path(), &pki, "wrong-key");
    let certificate = parsed(&authentication_certificate(&mut card));
    assert!(!signs_for(&mut card, &certificate));

    let mut card = load(directory.path(), &pki, "damaged-certificate");
    let der = authentication_certificate(&mut card);
    assert_eq!(der[..2], [0x30, 0x82]);
    assert!(Certificate::from_der(&der).is_err());

    let mut card = load(directory.path(), &pki, "large-certificate");
    let file = authentication_certificate(&mut card);
    let length = usize::from(u16::from_be_bytes([file[2], file[3]])) + 4;
    assert!(length >= 1900, "{length}");
    assert_eq!(file.len(), length + 100);
    let certificate = parsed(&file[..length]);
    assert!(signs_for(&mut card, &certificate));

    let mut card = load(directory.path(), &pki, "revoked");
    let certificate = parsed(&authentication_certificate(&mut card));
    let serial = certificate.tbs_certificate().serial_number();
    let list = pki.revoked(test_pki::AuthorityName::Auth2).unwrap();
    let serial = serial.as_bytes().iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    assert!(list.iter().any(|(revoked, _)| *revoked == serial));
}

#[test]
fn every_built_in_persona_mints_and_powers_up() {
    let directory = tempfile::tempdir().unwrap();
    let pki = open(directory.path());
    for name in Persona::names() {
        let mut card = load(directory.path(), &pki, &name);
        let answer = send(&mut card, "00A4040C0AD392F000260100000001");
        match name.as_str() {
            "mute" => assert!(answer.is_empty()),
            "bank-card" => assert_eq!(answer, [0x6A, 0x82]),
            _ => assert_eq!(answer, [0x90, 0x00], "{name}"),
        }
    }
}

#[test]
fn dates_beyond_the_calendar_are_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let pki = open(directory.path());
    let persona = Persona::find("valid").unwrap();
    let loaded = Card::load(&persona, directory.path(), &pki, Timestamp::MAX);
    assert!(matches!(loaded, Err(StoreFault::Date { .. })));
    assert!(!directory.path().join("cards/valid").exists(), "half a card is no card");
}
