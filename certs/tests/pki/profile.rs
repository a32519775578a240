//! Our card certificates against the certificate of a real JPKI-TEST card, part by part.

use der::asn1::Any;
use der::{Decode, Encode, Reader, SliceReader, Tag, Tagged};
use sha2::Digest as _;
use test_pki::{AuthCa, AuthorityName, CardKey, CardPurpose, CardSpec};
use x509_cert::Certificate;
use x509_cert::time::Time;

use crate::support::{World, days, openssl, text};

const REAL_CARD: &[u8] = include_bytes!("../../../tests/vectors/jpki/jpki-auth-cert.der");
const REAL_CA: &[u8] = include_bytes!("../../anchors/jpki-test/authca-test-2023.cer");

fn parse(der: &[u8]) -> Certificate {
    Certificate::from_der(der).unwrap()
}

/// Tags and nesting of `der`, with object identifiers, booleans, bit strings and short integers
/// spelled out; texts, keys and numbers are left open.
fn structure(der: &[u8]) -> String {
    let mut reader = SliceReader::new(der).unwrap();
    let mut parts = Vec::new();
    while !reader.is_finished() {
        let any = Any::decode(&mut reader).unwrap();
        let tag = any.tag();
        parts.push(match tag {
            _ if tag.is_constructed() => format!("{tag}({})", structure(any.value())),
            Tag::ObjectIdentifier => format!("{}", any.decode_as::<der::oid::ObjectIdentifier>().unwrap()),
            Tag::Boolean => format!("{tag}={:02X?}", any.value()),
            Tag::BitString if any.value().len() == 2 => format!("{tag}={:02X?}", any.value()),
            _ => tag.to_string(),
        });
    }
    parts.join(" ")
}

fn assert_same_shape(ours: &Certificate, real: &Certificate) {
    let (ours, real) = (ours.tbs_certificate(), real.tbs_certificate());
    assert_eq!(structure(&ours.issuer().to_der().unwrap()), structure(&real.issuer().to_der().unwrap()));
    assert_eq!(structure(&ours.subject().to_der().unwrap()), structure(&real.subject().to_der().unwrap()));
    assert_eq!(ours.signature(), real.signature());
    assert_eq!(ours.version(), real.version());
    assert_eq!(ours.subject_public_key_info().algorithm, real.subject_public_key_info().algorithm);
    for (ours, real) in ours.extensions().unwrap().iter().zip(real.extensions().unwrap()) {
        let oid = real.extn_id;
        assert_eq!((ours.extn_id, ours.critical), (real.extn_id, real.critical));
        let (ours, real) = (ours.extn_value.as_bytes(), real.extn_value.as_bytes());
        assert_eq!(structure(ours), structure(real), "extension {oid}");
    }
    assert_eq!(ours.extensions().unwrap().len(), real.extensions().unwrap().len());
    assert!(ours.issuer_unique_id().is_none() && ours.subject_unique_id().is_none());
}

#[test]
fn a_card_certificate_has_the_shape_of_a_real_one() {
    let world = World::new();
    for issuer in [AuthCa::Generation1, AuthCa::Generation2, AuthCa::Untrusted] {
        let card = world.card(CardPurpose::UserAuthentication, issuer, CardKey::Rsa2048);
        assert_same_shape(&parse(&card.certificate), &parse(REAL_CARD));
        assert_same_shape(&parse(&card.issuer_certificate), &parse(REAL_CA));
    }
}

#[test]
fn key_usage_policy_and_purpose_are_byte_for_byte_the_real_ones() {
    let world = World::new();
    let (ours, real) = (parse(&world.auth_card().certificate), parse(REAL_CARD));
    let extension = |certificate: &Certificate, index: usize| {
        certificate.tbs_certificate().extensions().unwrap()[index].clone()
    };
    for index in [0, 1] {
        assert_eq!(extension(&ours, index), extension(&real, index));
    }
    assert_eq!(extension(&ours, 0).extn_value.as_bytes(), [0x03, 0x02, 0x07, 0x80]);
    let policy = "1.2.392.200149.8.5.1.0.30";
    assert!(structure(extension(&ours, 2).extn_value.as_bytes()).contains(policy));
}

#[test]
fn a_card_certificate_is_about_as_large_as_a_real_one() {
    let world = World::new();
    let length = world.auth_card().certificate.len();
    assert!(length.abs_diff(REAL_CARD.len()) < 64, "{length} bytes, a real one {}", REAL_CARD.len());
    assert!(length < 1792);
    let signature = world.card(CardPurpose::Signature, AuthCa::Generation2, CardKey::Rsa2048);
    let length = signature.certificate.len();
    assert!(length.abs_diff(1758) < 64, "{length} bytes, a real signature certificate 1758");
}

#[test]
fn nothing_of_ours_can_be_taken_for_jpki() {
    let world = World::new();
    let card = parse(&world.auth_card().certificate);
    let authority = card.tbs_certificate().issuer().to_string();
    assert!(authority.contains("O=MYNA-ATM-TEST NOT JPKI"), "{authority}");
    let subject = card.tbs_certificate().subject().to_string();
    assert!(subject.starts_with("CN=NOTJPKI"), "{subject}");
    for bytes in [card.to_der().unwrap(), parse(&world.auth_card().issuer_certificate).to_der().unwrap()] {
        let words = String::from_utf8_lossy(&bytes).into_owned();
        assert!(words.contains("試験用（公的個人認証サービスではない）"));
        assert!(!words.contains("jpki.go.jp") && !words.contains("JPKI-TEST"));
    }
}

#[test]
fn dates_are_utctime_and_taken_as_given() {
    let world = World::new();
    let not_after = test_pki::end_of_day_in_japan(days(1500)).unwrap();
    let spec = CardSpec::new(
        CardPurpose::UserAuthentication,
        AuthCa::Generation1,
        CardKey::P256,
        days(-30),
        not_after,
    );
    let card = parse(&world.pki.issue_card(&spec).unwrap().certificate);
    let validity = card.tbs_certificate().validity();
    assert!(matches!((validity.not_before, validity.not_after), (Time::UtcTime(_), Time::UtcTime(_))));
    assert_eq!(validity.not_after.to_string(), "2030-12-30T14:59:59Z");
    assert_eq!(validity.not_before.to_string(), "2026-10-22T01:02:03Z");
    let backwards = CardSpec { not_before: not_after, not_after: days(0), ..spec };
    let refused = world.pki.issue_card(&backwards);
    assert!(matches!(refused, Err(test_pki::PkiError::EmptyValidity { .. })));
}

#[test]
fn two_generations_have_one_name_and_two_keys() {
    let world = World::new();
    let [first, second, untrusted] =
        [AuthorityName::Auth1, AuthorityName::Auth2, AuthorityName::AuthUntrusted].map(|name| {
            let pem = std::fs::read(world.pki.layout().authority(name).certificate).unwrap();
            let (_, der) = der::pem::decode_vec(&pem).unwrap();
            parse(&der).tbs_certificate().clone()
        });
    let name = first.subject().to_der().unwrap();
    for other in [&second, &untrusted] {
        assert_eq!(other.subject().to_der().unwrap(), name);
        assert_ne!(other.subject_public_key_info(), first.subject_public_key_info());
        assert_ne!(other.serial_number(), first.serial_number());
    }
}

#[test]
fn a_signature_certificate_carries_an_invented_holder() {
    let world = World::new();
    let card = world.card(CardPurpose::Signature, AuthCa::Generation2, CardKey::Rsa2048);
    let path = world.file("sign.der", &card.certificate);
    let (ok, said) = openssl(&["x509", "-in", text(&path), "-noout", "-text"]);
    assert!(ok, "{said}");
    assert!(said.contains("Digital Signature, Non Repudiation"), "{said}");
    assert!(!said.contains("Extended Key Usage") && !said.contains("Authority Information Access"), "{said}");
    for attribute in 1..=6 {
        let oid = der::oid::ObjectIdentifier::new(&format!("1.2.392.200149.8.5.5.{attribute}")).unwrap();
        let encoded = oid.to_der().unwrap();
        assert!(card.certificate.windows(encoded.len()).any(|window| window == encoded), "{oid}");
    }
    let words = String::from_utf8_lossy(&card.certificate).into_owned();
    assert!(words.contains("試験　太郎"));
}

#[test]
fn hypothetical_cards_say_so() {
    let world = World::new();
    for key in [CardKey::P256, CardKey::P384] {
        let card = world.card(CardPurpose::UserAuthentication, AuthCa::Generation2, key);
        let subject = parse(&card.certificate).tbs_certificate().subject().to_string();
        assert!(subject.starts_with("CN=HYPOTHETICAL-NOTJPKI"), "{subject}");
    }
}

#[test]
fn a_certificate_can_be_made_larger_than_any_real_one() {
    let world = World::new();
    let spec = CardSpec {
        extra_bytes: 2000,
        ..CardSpec::new(
            CardPurpose::UserAuthentication,
            AuthCa::Generation2,
            CardKey::Rsa2048,
            days(-1),
            days(1),
        )
    };
    let certificate = world.pki.issue_card(&spec).unwrap().certificate;
    assert!(certificate.len() > REAL_CARD.len() + 1900);
    assert!(!parse(&certificate).tbs_certificate().extensions().unwrap().last().unwrap().critical);
}

/// One key, one job: the purposes of terminal and host certificates.
#[test]
fn terminal_and_host_keys_have_one_purpose_each() {
    let world = World::new();
    let terminal = world.pki.terminal("T0001").unwrap();
    let host = world.pki.host();
    for (files, purpose, name) in [
        (terminal.tls, "1.3.6.1.5.5.7.3.2", "CN=T0001"),
        (terminal.evidence, "1.3.6.1.4.1.32473.1.1", "CN=T0001"),
        (terminal.log, "1.3.6.1.4.1.32473.1.3", "CN=T0001"),
        (host.tls, "1.3.6.1.5.5.7.3.1", "CN=localhost"),
        (host.answer, "1.3.6.1.4.1.32473.1.2", "CN=test host"),
    ] {
        let (_, der) = der::pem::decode_vec(&std::fs::read(&files.certificate).unwrap()).unwrap();
        let certificate = parse(&der);
        let tbs = certificate.tbs_certificate();
        let (_, purposes) = tbs.get_extension::<x509_cert::ext::pkix::ExtendedKeyUsage>().unwrap().unwrap();
        assert_eq!(purposes.0.iter().map(ToString::to_string).collect::<Vec<_>>(), [purpose]);
        assert!(tbs.subject().to_string().starts_with(name), "{}", tbs.subject());
        assert_eq!(tbs.extensions().unwrap()[0].extn_value.as_bytes(), [0x03, 0x02, 0x07, 0x80]);
    }
}

/// The real anchors: unchanged since they were copied, and the card's chain holds.
#[test]
fn the_real_anchors_verify_themselves_and_the_test_card() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(here.join("README.md")).unwrap();
    let mut anchors = 0;
    for folder in ["jpki", "jpki-test"] {
        for entry in std::fs::read_dir(here.join("anchors").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let digest = hex::encode(sha2::Sha256::digest(std::fs::read(&path).unwrap()));
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(readme.contains(&format!("{digest}  {folder}/{name}")), "{name}");
            anchors += 1;
        }
    }
    assert_eq!(anchors, 5);
    /// 2026-11-21T01:02:03Z.
    const AT: &str = "1795222923";
    let directory = tempfile::TempDir::new().unwrap();
    let card = here.join("../tests/vectors/jpki/jpki-auth-cert.der");
    for (root, accepted) in [("authca-test-2023.cer", true), ("authca-test-2019.cer", false)] {
        let root = std::fs::read(here.join("anchors/jpki-test").join(root)).unwrap();
        let pem = der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, &root).unwrap();
        let root = directory.path().join("root.pem");
        std::fs::write(&root, pem).unwrap();
        let arguments = ["verify", "-attime", AT, "-CAfile", text(&root), text(&card)];
        let (ok, said) = openssl(&arguments);
        assert_eq!(ok, accepted, "{said}");
    }
}
