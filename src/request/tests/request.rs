//! A request from card to verifier, for every kind of card, and what goes wrong on the way.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use request::{
    AssembleFault, CardAlgorithm, EvidenceSigner, FileKey, KeyFileError, PrepareFault, RequestContent,
    SignFault, prepare, verify_request,
};
use support::mint::{Key, service_spec, time, vectors};
use support::{Machine, World};

#[test]
fn every_kind_of_card_passes_from_preparation_to_verification() {
    for (file, algorithm, input) in [
        ("card-rsa", CardAlgorithm::Rsa2048Sha256, 51),
        ("card-p256", CardAlgorithm::EcdsaP256Sha256, 32),
        ("card-p384", CardAlgorithm::EcdsaP384Sha384, 48),
    ] {
        let world = World::new().with_card(file);
        let card = world.card_certificate();
        assert_eq!(card.algorithm(), algorithm);
        let prepared = prepare(&world.content(&card), &card, world.at).unwrap();
        assert_eq!(prepared.to_be_signed().as_bytes().len(), input);

        let signed = world.request();
        let verified = verify_request(signed.der(), &world.request_policy()).unwrap();
        assert_eq!(verified.content(), &world.content(&card));
        assert_eq!(verified.request().sha256(), signed.sha256());
        assert_eq!(verified.request().terminal_id(), "T0001");
        assert_eq!(verified.request().countersigner_der(), world.terminal.certificate);
        assert_eq!(verified.request().signing_time().to_string(), "2026-11-21T01:02:05Z");
        assert_eq!(verified.card().der(), card.der());
        // Nothing that names the holder reaches a log.
        let debug = format!("{verified:?}").to_lowercase();
        for holder in [hex::encode(card.sha256()), format!("{:?}", card.sha256()), "227b13".to_owned()] {
            assert!(!debug.contains(&holder), "{debug}");
        }
    }
}

/// A card whose certificate belongs to another key; and answers that are no signature.
#[test]
fn a_signature_that_is_not_the_cards_is_refused_before_anything_is_recorded() {
    for file in ["card-rsa", "card-p256", "card-p384"] {
        let world = World::new().with_card(file);
        let card = world.card_certificate();
        let assemble = |signature: &[u8]| {
            let prepared = prepare(&world.content(&card), &card, world.at).unwrap();
            prepared.assemble(signature, &world.terminal).map(drop).map_err(|fault| fault.code())
        };
        let prepared = prepare(&world.content(&card), &card, world.at).unwrap();
        let right = world.card.chip(prepared.to_be_signed().as_bytes());
        assert_eq!(assemble(&right), Ok(()));
        let refused = Err("card-signature-invalid");
        let mut flipped = right.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert_eq!(assemble(&flipped), refused);
        assert_eq!(assemble(right.get(1..).unwrap()), refused);
        assert_eq!(assemble(&vec![0; right.len()]), refused);
        assert_eq!(assemble(&[]), refused);
        if file == "card-rsa" {
            let other = Key::load("auth-1").chip(prepared.to_be_signed().as_bytes());
            assert_eq!(assemble(&other), refused);
        }
    }
}

#[test]
fn content_and_card_must_belong_together() {
    let world = World::new();
    let card = world.card_certificate();
    let content = RequestContent { certificate_sha256: [0; 32], ..world.content(&card) };
    assert!(matches!(prepare(&content, &card, world.at), Err(PrepareFault::OtherCertificate)));
    let content = RequestContent { terminal_id: "t".to_owned(), ..world.content(&card) };
    assert!(matches!(prepare(&content, &card, world.at), Err(PrepareFault::Content(_))));
    let early = time("1949-12-31T23:59:59Z");
    assert!(matches!(prepare(&world.content(&card), &card, early), Err(PrepareFault::SigningTime)));
}

/// A signing time with a fraction, before and after 2050, is cut to its second and survives.
#[test]
fn signing_times_of_both_forms_survive() {
    let world = World::new();
    let card = world.card_certificate();
    for (at, second) in [
        ("2049-12-31T23:59:59.999Z", "2049-12-31T23:59:59Z"),
        ("2050-01-01T00:00:00.001Z", "2050-01-01T00:00:00Z"),
    ] {
        let prepared = prepare(&world.content(&card), &card, time(at)).unwrap();
        let signature = world.card.chip(prepared.to_be_signed().as_bytes());
        let request = prepared.assemble(&signature, &world.terminal).unwrap();
        let verified = verify_request(request.der(), &world.request_policy()).unwrap();
        assert_eq!(verified.request().signing_time().to_string(), second);
    }
}

struct Broken;

impl EvidenceSigner for Broken {
    fn certificate_der(&self) -> &[u8] {
        b"not a certificate"
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignFault> {
        Err(SignFault("the token was pulled out".into()))
    }
}

#[test]
fn a_broken_evidence_key_is_a_fault_with_a_code() {
    let world = World::new();
    let card = world.card_certificate();
    let assemble = |evidence: &dyn EvidenceSigner| {
        let prepared = prepare(&world.content(&card), &card, world.at).unwrap();
        let signature = world.card.chip(prepared.to_be_signed().as_bytes());
        prepared.assemble(&signature, evidence).map(drop).map_err(|fault| fault.code())
    };
    assert_eq!(assemble(&world.terminal), Ok(()));
    assert_eq!(assemble(&Broken), Err("evidence-key-invalid"));
    let spec =
        service_spec("T0001", "1.3.6.1.4.1.32473.1.1", &world.host.key, "Terminal CA", &world.terminal_ca);
    let other_key = Machine { certificate: spec.sign(&world.terminal_ca), key: Key::load("terminal") };
    assert_eq!(assemble(&other_key), Err("evidence-key-invalid"));

    struct Silent(Vec<u8>);
    impl EvidenceSigner for Silent {
        fn certificate_der(&self) -> &[u8] {
            &self.0
        }
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFault> {
            Broken.sign(message)
        }
    }
    assert_eq!(assemble(&Silent(world.terminal.certificate.clone())), Err("evidence-key-unavailable"));
    let prepared = prepare(&world.content(&card), &card, world.at).unwrap();
    assert!(matches!(prepared.assemble(&[], &Broken), Err(AssembleFault::CardSignature(_))));
}

/// Of the two values of `s` that a signer may return, the file always has the lower.
#[test]
fn either_s_of_the_evidence_key_makes_the_same_file() {
    struct Upper(Machine);
    impl EvidenceSigner for Upper {
        fn certificate_der(&self) -> &[u8] {
            &self.0.certificate
        }
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFault> {
            let signature = p256::ecdsa::Signature::from_der(&self.0.key.sign(message)).unwrap();
            let (r, s) = signature.split_scalars();
            let other = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
            Ok(other.to_der().as_bytes().to_vec())
        }
    }
    let world = World::new();
    let expected = world.request();
    let card = world.card_certificate();
    let prepared = prepare(&world.content(&card), &card, time("2026-11-21T01:02:05Z")).unwrap();
    let signature = world.card.chip(prepared.to_be_signed().as_bytes());
    let World { terminal, .. } = World::new();
    let request = prepared.assemble(&signature, &Upper(terminal)).unwrap();
    assert_eq!(request.der(), expected.der());
}

#[test]
fn a_file_key_belongs_to_its_certificate() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("evidence.crt");
    std::fs::write(&certificate, &world.terminal.certificate).unwrap();
    let key = |name: &str| vectors(&format!("request/keys/{name}.pem"));

    let loaded = FileKey::load(&certificate, &key("terminal")).unwrap();
    assert_eq!(loaded.certificate_der(), world.terminal.certificate);
    assert_eq!(loaded.sign(b"message").unwrap(), world.terminal.key.sign(b"message"));

    let load = |certificate: &std::path::Path, key: &std::path::Path| match FileKey::load(certificate, key) {
        Ok(_) => panic!("loaded"),
        Err(error) => error,
    };
    assert!(matches!(load(&certificate, &key("host")), KeyFileError::OtherKey));
    assert!(matches!(load(&certificate, &key("card-rsa")), KeyFileError::Key { .. }));
    assert!(matches!(load(&key("terminal"), &key("terminal")), KeyFileError::CertificateFile { .. }));
    assert!(matches!(load(&folder.path().join("none"), &key("terminal")), KeyFileError::Read { .. }));
    std::fs::write(&certificate, [0x30, 0x00]).unwrap();
    assert!(matches!(load(&certificate, &key("terminal")), KeyFileError::Certificate(_)));
}

/// Shared between threads by the host.
#[test]
fn what_is_shared_can_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<request::TrustPolicy>();
    shared::<request::TrustAnchor>();
    shared::<request::CrlRevocation>();
    shared::<FileKey>();
}
