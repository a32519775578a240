//! An accepting and a rejecting test for every clause, on certificates made wrong in one thing.

use super::*;
use crate::anchor::TrustAnchor;
use crate::mint::{self, Key, Spec, card_spec, root_spec, seq, service_spec, time, tlv};
use crate::refused::CertificateRefused as Refused;

struct World {
    auth_1: Key,
    auth_2: Key,
    card: Key,
    anchors: Vec<TrustAnchor>,
}

fn root(name: Vec<u8>, key: &Key, kind: AnchorKind) -> TrustAnchor {
    TrustAnchor::from_der(&root_spec(name, key).sign(key), kind).unwrap()
}

impl World {
    fn new() -> Self {
        Self::of_kind(AnchorKind::Test)
    }

    fn of_kind(kind: AnchorKind) -> Self {
        let (auth_1, auth_2) = (Key::load("auth-1"), Key::load("auth-2"));
        let anchors = [&auth_1, &auth_2].map(|key| root(mint::auth_name(), key, kind)).to_vec();
        Self { card: Key::load("card-rsa"), auth_1, auth_2, anchors }
    }

    fn spec(&self) -> Spec {
        card_spec(&self.card, &self.auth_1)
    }

    fn validate(&self, der: &[u8]) -> Result<(), Refused> {
        let certificate = Certificate::parse(der).map_err(Refused::NotACertificate)?;
        validate(&certificate, &self.anchors, Purpose::Card, time("2026-11-21T01:02:03Z")).map(drop)
    }

    /// The clause accepts the right certificate; it and the whole list refuse `wrong`, by this clause.
    fn clause(
        &self,
        clause: fn(&Certificate<'_>) -> Result<(), Refused>,
        wrong: &Spec,
        expected: &'static str,
    ) {
        let right = self.spec().sign(&self.auth_1);
        clause(&Certificate::parse(&right).unwrap()).unwrap();
        self.validate(&right).unwrap();
        let wrong = wrong.sign(&self.auth_1);
        assert_eq!(clause(&Certificate::parse(&wrong).unwrap()).unwrap_err().clause(), expected);
        assert_eq!(self.validate(&wrong).unwrap_err().clause(), expected);
    }

    fn with(&self, id: &str, replacement: Option<Vec<u8>>) -> Spec {
        self.spec().with(id, replacement)
    }
}

const KEY_USAGE: &str = "2.5.29.15";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const POLICIES: &str = "2.5.29.32";
const AUTHORITY_KEY_ID: &str = "2.5.29.35";

#[test]
fn version_must_be_3() {
    let world = World::new();
    for version in [None, Some(tlv(0x02, &[1]))] {
        let wrong = Spec { version, ..world.spec() };
        world.clause(shape::version, &wrong, "version");
    }
}

#[test]
fn serial_must_be_positive_and_short() {
    let world = World::new();
    for serial in [vec![0], vec![0x80], vec![0, 0x7F], vec![0x11; 21]] {
        let wrong = Spec { serial, ..world.spec() };
        world.clause(shape::serial, &wrong, "serial");
    }
    for serial in [vec![1], vec![0, 0x80], vec![0x11; 20]] {
        let right = Spec { serial, ..world.spec() };
        world.validate(&right.sign(&world.auth_1)).unwrap();
    }
}

#[test]
fn the_two_algorithm_fields_must_agree_and_be_in_use() {
    let world = World::new();
    let sha1 = seq(&[mint::oid("1.2.840.113549.1.1.5"), tlv(0x05, &[])]);
    let without_null = seq(&[mint::oid("1.2.840.113549.1.1.11")]);
    for (inner, outer) in [
        (sha1.clone(), sha1.clone()),
        (mint::rsa_sha256(), sha1),
        (without_null.clone(), without_null.clone()),
        (mint::rsa_sha256(), without_null),
    ] {
        let wrong = Spec { inner_algorithm: inner, outer_algorithm: outer, ..world.spec() };
        world.clause(shape::one_signature_algorithm, &wrong, "signature-algorithm");
    }
}

#[test]
fn bytes_outside_the_signed_part_must_be_in_their_one_encoding() {
    let world = World::new();
    let right = world.spec().sign(&world.auth_1);
    world.validate(&right).unwrap();
    let unused_bits = Spec { unused_bits: 1, ..world.spec() }.sign(&world.auth_1);
    let longer = [&right[..], &[0]].concat();
    // The outer length in three octets where two suffice.
    let padded = [&[0x30, 0x83, 0x00], &right[2..]].concat();
    for wrong in [unused_bits, longer, padded, right[..right.len() - 1].to_vec()] {
        assert_eq!(world.validate(&wrong).unwrap_err().clause(), "not-a-certificate");
    }
}

#[test]
fn unique_ids_are_refused() {
    let world = World::new();
    let wrong = Spec { unique_ids: tlv(0x81, &[0, 1, 2, 3]), ..world.spec() };
    world.clause(shape::no_unique_ids, &wrong, "unique-id");
}

#[test]
fn an_extension_may_stand_once_only() {
    let world = World::new();
    let mut wrong = world.spec();
    wrong.extensions.push(mint::key_usage(&[7, 0x80]));
    world.clause(shape::no_double_extension, &wrong, "double-extension");
}

#[test]
fn known_extensions_must_be_readable() {
    let world = World::new();
    let wrong = world.with(POLICIES, Some(mint::extension(POLICIES, true, &[0x30, 0x05, 0x01])));
    world.clause(shape::readable_extensions, &wrong, "unreadable-extension");
}

#[test]
fn critical_extensions_must_be_known() {
    let world = World::new();
    for id in ["1.3.6.1.4.1.32473.9.9", "2.5.29.30"] {
        let mut wrong = world.spec();
        // 2.5.29.30 is nameConstraints: readable, but judged by no clause.
        wrong.extensions.push(mint::extension(id, true, &[0x30, 0x00]));
        world.clause(shape::no_unknown_critical, &wrong, "unknown-critical-extension");
        let mut right = world.spec();
        right.extensions.push(mint::extension(id, false, &[0x30, 0x00]));
        world.validate(&right.sign(&world.auth_1)).unwrap();
    }
}

#[test]
fn the_authority_is_chosen_by_name_and_key_id() {
    let world = World::new();
    let authority = |der: &[u8]| {
        let certificate = Certificate::parse(der).unwrap();
        path::authority(&certificate, &world.anchors, Purpose::Card)
            .map(|anchor| anchor.key_id.clone())
            .map_err(|refused| refused.clause())
    };
    for key in [&world.auth_1, &world.auth_2] {
        let der = card_spec(&world.card, key).sign(key);
        assert_eq!(authority(&der), Ok(key.id()), "the generation that signed");
        world.validate(&der).unwrap();
    }
    let other_name = Spec { issuer: mint::service_name("Somebody"), ..world.spec() };
    assert_eq!(authority(&other_name.sign(&world.auth_1)), Err("unknown-issuer"));
    let other_key = world.with(AUTHORITY_KEY_ID, Some(mint::authority_key_id(&[7; 20], None)));
    assert_eq!(authority(&other_key.sign(&world.auth_1)), Err("unknown-generation"));
    let no_key_id = world.with(AUTHORITY_KEY_ID, None);
    assert_eq!(authority(&no_key_id.sign(&world.auth_1)), Err("no-authority-key-id"));
}

/// RFC 5280 compares names by meaning; we compare bytes, as the published roots allow.
#[test]
fn the_issuer_in_another_string_type_is_another_issuer() {
    let world = World::new();
    let printable = |text: &str| tlv(0x13, text.as_bytes());
    let part = |kind: &str, value: Vec<u8>| tlv(0x31, &seq(&[mint::oid(kind), value]));
    let issuer = seq(&[
        part(mint::COUNTRY, printable("JP")),
        part(mint::ORGANISATION, printable("MYNA-ATM-TEST NOT JPKI")),
        part(mint::UNIT, printable("TEST for user authentication")),
    ]);
    let wrong = Spec { issuer, ..world.spec() }.sign(&world.auth_1);
    assert_eq!(world.validate(&wrong).unwrap_err().clause(), "unknown-issuer");
}

#[test]
fn anchors_of_another_purpose_are_never_candidates() {
    let card = World::of_kind(AnchorKind::Service);
    let der = card.spec().sign(&card.auth_1);
    assert_eq!(card.validate(&der).unwrap_err().clause(), "unknown-issuer");
}

#[test]
fn authority_name_and_serial_must_be_the_anchors_where_present() {
    let world = World::new();
    let serial = root_spec(mint::auth_name(), &world.auth_1).serial;
    let other = mint::service_name("Somebody");
    let check = |certificate: Option<(&[u8], &[u8])>| {
        let id = mint::authority_key_id(&world.auth_1.id(), certificate);
        let der = world.with(AUTHORITY_KEY_ID, Some(id)).sign(&world.auth_1);
        let parsed = Certificate::parse(&der).unwrap();
        let anchor = path::authority(&parsed, &world.anchors, Purpose::Card).unwrap();
        path::authority_name_and_serial(&parsed, anchor).map_err(|refused| refused.clause())
    };
    assert_eq!(check(None), Ok(()));
    assert_eq!(check(Some((&mint::auth_name(), &serial))), Ok(()));
    assert_eq!(check(Some((&mint::auth_name(), &[9]))), Err("authority-name-or-serial"));
    assert_eq!(check(Some((&other, &serial))), Err("authority-name-or-serial"));
    let id = mint::authority_key_id(&world.auth_1.id(), Some((&mint::auth_name(), &[9])));
    let wrong = world.with(AUTHORITY_KEY_ID, Some(id)).sign(&world.auth_1);
    assert_eq!(world.validate(&wrong).unwrap_err().clause(), "authority-name-or-serial");
}

#[test]
fn the_signature_must_be_the_authoritys() {
    let world = World::new();
    let right = world.spec().sign(&world.auth_1);
    let anchor = &world.anchors[0];
    path::signature(&Certificate::parse(&right).unwrap(), anchor).unwrap();
    // Names generation 1 as its authority and is signed by generation 2.
    let wrong = world.spec().sign(&world.auth_2);
    assert_eq!(
        path::signature(&Certificate::parse(&wrong).unwrap(), anchor).unwrap_err().clause(),
        "signature"
    );
    assert_eq!(world.validate(&wrong).unwrap_err().code(), "certificate-damaged");
}

#[test]
fn validity_includes_both_its_seconds() {
    let world = World::new();
    let der = world.spec().sign(&world.auth_1);
    let certificate = Certificate::parse(&der).unwrap();
    let check = |at: &str| path::validity(&certificate, time(at)).map_err(|refused| refused.code());
    assert_eq!(check("2025-10-27T01:35:41.999Z"), Err("certificate-not-yet-valid"));
    assert_eq!(check("2025-10-27T01:35:42Z"), Ok(()));
    assert_eq!(check("2030-02-17T14:59:59.999Z"), Ok(()));
    assert_eq!(check("2030-02-17T15:00:00Z"), Err("certificate-expired"));
}

#[test]
fn the_anchor_must_be_in_force() {
    let world = World::new();
    let check =
        |at: &str| path::anchor_validity(&world.anchors[0], time(at)).map_err(|refused| refused.clause());
    assert_eq!(check("2026-11-21T01:02:03Z"), Ok(()));
    assert_eq!(check("2023-03-23T02:05:01Z"), Err("anchor-not-in-force"));
    assert_eq!(check("2033-03-22T15:00:00Z"), Err("anchor-not-in-force"));
    // A card that outlives its root.
    let der = Spec { not_after: mint::utc("400101000000Z"), ..world.spec() }.sign(&world.auth_1);
    let certificate = Certificate::parse(&der).unwrap();
    let late = time("2034-01-01T00:00:00Z");
    let refused = validate(&certificate, &world.anchors, Purpose::Card, late).unwrap_err();
    assert_eq!(refused.clause(), "anchor-not-in-force");
}

/// The first production generation ended in 2025: its cards are expired, not untrusted.
#[test]
fn an_old_card_under_an_old_root_is_an_expired_card() {
    let world = World::new();
    let der = world.spec().sign(&world.auth_1);
    let validate = |at: &str| {
        let certificate = Certificate::parse(&der).unwrap();
        validate(&certificate, &world.anchors, Purpose::Card, time(at)).map(drop).map_err(|it| it.code())
    };
    assert_eq!(validate("2026-11-21T01:02:03Z"), Ok(()));
    assert_eq!(validate("2034-01-01T00:00:00Z"), Err("certificate-expired"));
}

#[test]
fn a_test_root_is_named_as_such_where_it_is_not_allowed() {
    let world = World::new();
    let der = world.spec().sign(&world.auth_1);
    let certificate = Certificate::parse(&der).unwrap();
    path::test_root_not_allowed(&certificate, &[]).unwrap();
    let refused = path::test_root_not_allowed(&certificate, &world.anchors).unwrap_err();
    assert_eq!(refused.code(), "certificate-test-root");
}

#[test]
fn the_key_must_be_of_the_profile() {
    let test = World::new();
    for file in ["card-rsa", "card-p256", "card-p384"] {
        let der = card_spec(&Key::load(file), &test.auth_1).sign(&test.auth_1);
        subject_key::clause(&Certificate::parse(&der).unwrap(), Purpose::Card, AnchorKind::Test).unwrap();
        test.validate(&der).unwrap();
    }
    // RSA with 1,024 bits, with another exponent, without NULL; a compressed point; an unknown curve.
    let rsa = |modulus: &[u8], exponent: &[u8], identifier: Vec<u8>| {
        let key = seq(&[tlv(0x02, modulus), tlv(0x02, exponent)]);
        seq(&[identifier, tlv(0x03, &[&[0][..], &key].concat())])
    };
    let encryption = || seq(&[mint::oid("1.2.840.113549.1.1.1"), tlv(0x05, &[])]);
    let modulus = |bytes: usize| [vec![0, 0xC1], vec![0x55; bytes - 1]].concat();
    let point = |curve: &str, point: &[u8]| {
        let identifier = seq(&[mint::oid("1.2.840.10045.2.1"), mint::oid(curve)]);
        seq(&[identifier, tlv(0x03, &[&[0][..], point].concat())])
    };
    for key_info in [
        rsa(&modulus(128), &[1, 0, 1], encryption()),
        rsa(&modulus(257), &[1, 0, 1], encryption()),
        rsa(&modulus(256), &[3], encryption()),
        rsa(&modulus(256), &[1, 0, 1], seq(&[mint::oid("1.2.840.113549.1.1.1")])),
        point("1.2.840.10045.3.1.7", &[2; 33]),
        point("1.3.132.0.35", &[4; 133]),
    ] {
        let wrong = Spec { key_info, ..test.spec() }.sign(&test.auth_1);
        assert_eq!(test.validate(&wrong).unwrap_err().clause(), "key");
    }
}

/// Nothing is published of an ECDSA card, so none passes under a production root.
#[test]
fn hypothetical_keys_are_for_test_roots_only() {
    let world = World::of_kind(AnchorKind::Production);
    let production = |file: &str| {
        let spec = card_spec(&Key::load(file), &world.auth_1);
        spec.with(POLICIES, Some(mint::policies(&[mint::POLICY_PRODUCTION]))).sign(&world.auth_1)
    };
    world.validate(&production("card-rsa")).unwrap();
    for file in ["card-p256", "card-p384"] {
        assert_eq!(world.validate(&production(file)).unwrap_err().clause(), "key");
    }
}

#[test]
fn key_usage_must_be_digital_signature_alone() {
    let world = World::new();
    // digitalSignature with nonRepudiation is the signature certificate of the same card.
    for bits in [&[6, 0xC0][..], &[1, 0x06], &[5, 0x20], &[0, 0x80]] {
        world.clause(usage::key_usage, &world.with(KEY_USAGE, Some(mint::key_usage(bits))), "key-usage");
    }
    world.clause(usage::key_usage, &world.with(KEY_USAGE, None), "key-usage");
}

#[test]
fn extended_key_usage_must_be_the_purposes_alone() {
    let world = World::new();
    let clause = |certificate: &Certificate<'_>| usage::extended_key_usage(certificate, Purpose::Card);
    let wrong = [
        None,
        Some(mint::extended_key_usage(&["1.3.6.1.5.5.7.3.1"])),
        Some(mint::extended_key_usage(&[mint::CLIENT_AUTH, "1.3.6.1.5.5.7.3.1"])),
        Some(mint::extended_key_usage(&["2.5.29.37.0"])),
    ];
    for replacement in wrong {
        world.clause(clause, &world.with(EXTENDED_KEY_USAGE, replacement), "extended-key-usage");
    }
}

#[test]
fn a_leaf_may_not_claim_to_be_an_authority() {
    let world = World::new();
    let mut right = world.spec();
    right.extensions.push(mint::basic_constraints(false));
    world.validate(&right.sign(&world.auth_1)).unwrap();
    let mut wrong = world.spec();
    wrong.extensions.push(mint::basic_constraints(true));
    world.clause(usage::end_entity, &wrong, "authority");
}

#[test]
fn the_policy_must_be_user_authentication_under_this_kind_of_root() {
    let check = |kind, ids: &[&str]| {
        let world = World::of_kind(kind);
        let der = world.with(POLICIES, Some(mint::policies(ids))).sign(&world.auth_1);
        policy::clause(&Certificate::parse(&der).unwrap(), Purpose::Card, kind)
            .map_err(|refused| refused.clause())
    };
    let signature = "1.2.392.200149.8.5.1.0.20";
    let any = "2.5.29.32.0";
    assert_eq!(check(AnchorKind::Test, &[mint::POLICY_TEST]), Ok(()));
    assert_eq!(check(AnchorKind::Test, &[mint::POLICY_PRODUCTION]), Err("policy"));
    assert_eq!(check(AnchorKind::Test, &[signature]), Err("policy"));
    assert_eq!(check(AnchorKind::Test, &[any]), Err("policy"));
    assert_eq!(check(AnchorKind::Production, &[mint::POLICY_PRODUCTION]), Ok(()));
    assert_eq!(check(AnchorKind::Production, &[mint::POLICY_TEST]), Err("policy"));
    let world = World::new();
    let clause = |found: &Certificate<'_>| policy::clause(found, Purpose::Card, AnchorKind::Test);
    world.clause(clause, &world.with(POLICIES, None), "policy");
}

#[test]
fn an_intermediate_authority_is_refused() {
    let world = World::new();
    let between = Key::load("card-p256");
    let mut spec = root_spec(mint::service_name("Between"), &between);
    spec.issuer = mint::auth_name();
    spec.inner_algorithm = mint::rsa_sha256();
    spec.outer_algorithm = mint::rsa_sha256();
    spec.extensions.push(mint::authority_key_id(&world.auth_1.id(), None));
    assert_eq!(world.validate(&spec.sign(&world.auth_1)).unwrap_err().clause(), "key-usage");
    let mut leaf = card_spec(&world.card, &between);
    leaf.issuer = mint::service_name("Between");
    assert_eq!(world.validate(&leaf.sign(&between)).unwrap_err().clause(), "unknown-issuer");
}

#[test]
fn our_own_machines_have_their_own_purposes_and_roots() {
    let authority = Key::load("terminal-ca");
    let anchors = vec![root(mint::service_name("Terminal CA"), &authority, AnchorKind::Service)];
    let check = |purpose_id: &str, key: &str, purpose: Purpose| {
        let spec = service_spec("T0001", purpose_id, &Key::load(key), "Terminal CA", &authority);
        let der = spec.sign(&authority);
        let at = time("2026-11-21T01:02:03Z");
        validate(&Certificate::parse(&der).unwrap(), &anchors, purpose, at)
            .map(drop)
            .map_err(|refused| refused.clause())
    };
    assert_eq!(check(mint::TERMINAL_EVIDENCE, "terminal", Purpose::TerminalEvidence), Ok(()));
    assert_eq!(check(mint::HOST_ANSWER, "host", Purpose::HostAnswer), Ok(()));
    let refused = Err("extended-key-usage");
    assert_eq!(check(mint::HOST_ANSWER, "terminal", Purpose::TerminalEvidence), refused);
    assert_eq!(check(mint::CLIENT_AUTH, "terminal", Purpose::TerminalEvidence), refused);
    assert_eq!(check(mint::TERMINAL_EVIDENCE, "card-rsa", Purpose::TerminalEvidence), Err("key"));
    assert_eq!(check(mint::TERMINAL_EVIDENCE, "card-p384", Purpose::TerminalEvidence), Err("key"));
    assert_eq!(check(mint::TERMINAL_EVIDENCE, "terminal", Purpose::Card), Err("unknown-issuer"));
}

#[test]
fn roots_must_be_authorities_with_a_key_id_and_a_whole_signature() {
    let key = Key::load("auth-1");
    let load = |spec: &Spec| TrustAnchor::from_der(&spec.sign(&key), AnchorKind::Test);
    let right = root_spec(mint::auth_name(), &key);
    load(&right).unwrap();
    load(&Spec { issuer: mint::service_name("Else"), ..right.clone() }).unwrap_err();
    load(&right.clone().with("2.5.29.19", None)).unwrap_err();
    load(&right.clone().with("2.5.29.19", Some(mint::basic_constraints(false)))).unwrap_err();
    load(&right.clone().with(KEY_USAGE, Some(mint::key_usage(&[7, 0x80])))).unwrap_err();
    load(&right.clone().with("2.5.29.14", None)).unwrap_err();
    TrustAnchor::from_der(&right.sign(&Key::load("auth-2")), AnchorKind::Test).unwrap_err();
}

#[test]
fn codes_follow_the_reaction_and_clauses_are_told_apart() {
    let at = time("2026-11-21T01:02:03Z");
    let codes = [
        (Refused::Expired { not_after: at }, "certificate-expired", "certificate-expired"),
        (Refused::NotYetValid { not_before: at }, "certificate-not-yet-valid", "certificate-not-yet-valid"),
        (Refused::Signature(crate::BadSignature), "certificate-damaged", "certificate-untrusted"),
        (Refused::TestRootNotAllowed, "certificate-test-root", "certificate-untrusted"),
        (Refused::Policy, "certificate-untrusted", "certificate-untrusted"),
    ];
    for (refused, code, reason) in codes {
        assert_eq!((refused.code(), refused.reject_reason().code()), (code, reason));
    }
}
