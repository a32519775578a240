//! Real certificates: that of a JPKI test card, and the published roots of three generations with one name.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::path::Path;

use jiff::Timestamp;
use request::{
    AnchorKind, CardAlgorithm, CertificateRefused, TrustPolicy, check_card_certificate, load_anchor_file,
    load_anchors,
};
use support::mint::{time, vectors};

fn card() -> Vec<u8> {
    std::fs::read(vectors("jpki/jpki-auth-cert.der")).unwrap()
}

fn anchors(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../certs/anchors").join(path)
}

fn at() -> Timestamp {
    time("2026-11-21T00:00:00Z")
}

#[test]
fn the_test_card_passes_with_its_own_root_where_test_roots_are_allowed() {
    let root = load_anchor_file(&anchors("jpki-test/authca-test-2023.cer"), AnchorKind::Test).unwrap();
    let certificate = check_card_certificate(&card(), &TrustPolicy::new(root, true), at()).unwrap();
    assert_eq!(certificate.algorithm(), CardAlgorithm::Rsa2048Sha256);
    assert_eq!(hex::encode(certificate.serial()), "227b13");
    assert_eq!(hex::encode(certificate.authority_key_id()), "8b8b137d215ea601653cafb266528c44bc0f1664");
    assert_eq!(certificate.not_before().to_string(), "2025-10-27T01:35:42Z");
    assert_eq!(certificate.not_after().to_string(), "2030-02-17T14:59:59Z");
    let debug = format!("{certificate:?}");
    assert!(!debug.contains("997794E9") && !debug.to_lowercase().contains("227b13"), "{debug}");
}

#[test]
fn it_chooses_its_generation_among_all_the_roots() {
    let mut roots = load_anchors(&anchors("jpki"), AnchorKind::Production).unwrap();
    roots.extend(load_anchors(&anchors("jpki-test"), AnchorKind::Test).unwrap());
    assert_eq!(roots.len(), 5);
    check_card_certificate(&card(), &TrustPolicy::new(roots, true), at()).unwrap();
}

#[test]
fn it_is_refused_where_test_roots_are_not_allowed() {
    let root = load_anchor_file(&anchors("jpki-test/authca-test-2023.cer"), AnchorKind::Test).unwrap();
    let refused = check_card_certificate(&card(), &TrustPolicy::new(root, false), at()).unwrap_err();
    assert!(matches!(refused, CertificateRefused::TestRootNotAllowed), "{refused}");
    assert_eq!(refused.code(), "certificate-test-root");
}

#[test]
fn it_is_refused_under_the_other_root_of_the_same_name() {
    let root = load_anchor_file(&anchors("jpki-test/authca-test-2019.cer"), AnchorKind::Test).unwrap();
    let refused = check_card_certificate(&card(), &TrustPolicy::new(root, true), at()).unwrap_err();
    assert!(matches!(refused, CertificateRefused::UnknownGeneration), "{refused}");
    assert_eq!(refused.code(), "certificate-untrusted");
}

#[test]
fn it_is_refused_under_the_production_roots() {
    let roots = load_anchors(&anchors("jpki"), AnchorKind::Production).unwrap();
    let refused = check_card_certificate(&card(), &TrustPolicy::new(roots, true), at()).unwrap_err();
    assert!(matches!(refused, CertificateRefused::UnknownIssuer), "{refused}");
}

/// Someone who files a test root among the production ones still gets no test card past the policy.
#[test]
fn a_test_root_taken_for_a_production_root_fails_at_the_policy() {
    let root = load_anchor_file(&anchors("jpki-test/authca-test-2023.cer"), AnchorKind::Production).unwrap();
    let refused = check_card_certificate(&card(), &TrustPolicy::new(root, true), at()).unwrap_err();
    assert!(matches!(refused, CertificateRefused::Policy), "{refused}");
}

#[test]
fn its_last_second_counts_and_the_next_does_not() {
    let policy = TrustPolicy::new(load_anchors(&anchors("jpki-test"), AnchorKind::Test).unwrap(), true);
    let check = |text: &str| check_card_certificate(&card(), &policy, time(text));
    check("2025-10-27T01:35:42Z").unwrap();
    check("2030-02-17T14:59:59.999Z").unwrap();
    assert_eq!(check("2025-10-27T01:35:41.999Z").unwrap_err().code(), "certificate-not-yet-valid");
    assert_eq!(check("2030-02-17T15:00:00Z").unwrap_err().code(), "certificate-expired");
}

#[test]
fn the_authority_certificates_on_the_cards_are_not_card_certificates() {
    let policy = TrustPolicy::new(load_anchors(&anchors("jpki-test"), AnchorKind::Test).unwrap(), true);
    for file in ["jpki/jpki-auth-ca-cert.der", "jpki/jpki-auth-ca-cert-2019.der"] {
        let der = std::fs::read(vectors(file)).unwrap();
        check_card_certificate(&der, &policy, at()).unwrap_err();
    }
}

#[test]
fn folders_of_roots_are_read_whole_or_refused_with_the_files_name() {
    use request::AnchorRefused;
    let folder = tempfile::tempdir().unwrap();
    let load = || load_anchors(folder.path(), AnchorKind::Production);
    assert!(matches!(load(), Err(AnchorRefused::Empty { .. })));
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("README.md", b"not a certificate, and not looked at");
    let pem = |file: &str| {
        let der = std::fs::read(anchors(file)).unwrap();
        der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, &der).unwrap()
    };
    let two = [pem("jpki/authca02.cer"), pem("jpki/authca03.cer")].concat();
    write("both.pem", two.as_bytes());
    write("authca01.cer", &std::fs::read(anchors("jpki/authca01.cer")).unwrap());
    let loaded: Vec<_> = load().unwrap().iter().map(|root| root.validity().0.to_string()).collect();
    assert_eq!(loaded, ["2015-10-20T03:08:13Z", "2019-09-14T23:41:59Z", "2023-07-16T01:01:04Z"]);
    write("leaf.der", &card());
    let refused = load().unwrap_err();
    assert!(
        matches!(refused, AnchorRefused::File { .. }) && refused.to_string().contains("leaf.der"),
        "{refused}"
    );
    assert!(matches!(load_anchors(&anchors("none"), AnchorKind::Test), Err(AnchorRefused::Read { .. })));
}

#[test]
fn every_flip_in_the_real_certificate_is_refused() {
    let policy = TrustPolicy::new(load_anchors(&anchors("jpki-test"), AnchorKind::Test).unwrap(), true);
    let original = card();
    for position in 0..original.len() {
        for mask in [0x01, 0x20, 0x80] {
            let mut flipped = original.clone();
            *flipped.get_mut(position).unwrap() ^= mask;
            check_card_certificate(&flipped, &policy, at()).unwrap_err();
        }
    }
}
