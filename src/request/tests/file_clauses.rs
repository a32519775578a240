//! An accepting and a rejecting test for every clause on the request's file. The wrong files are signed and
//! countersigned anew, so that nothing but the clause refuses them.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod support;

use request::{CheckTime, FILE_BYTES_MAX, FileRefused, RequestRefused, open_request, verify_request};
use support::World;
use support::mint::{self, oid, seq, service_spec, time, tlv};
use support::tree::{
    ATTRIBUTES, CERTIFICATES, CONTENT, COUNTERSIGNER, DIGEST_ALGORITHMS, Node, SIGNED_DATA, SIGNER, SIGNERS,
    UNSIGNED, attribute, countersigned, resigned, resigned_by,
};

const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.47";

fn refuse(world: &World, der: &[u8]) -> RequestRefused {
    verify_request(der, &world.request_policy()).expect_err("refused")
}

/// Unchanged but signed anew the file is accepted; with the change it is refused, with this code.
fn clause(code: &str, change: impl Fn(&mut Node)) {
    let world = World::new();
    verify_request(&resigned(&world, |_| ()), &world.request_policy()).expect("the right one is accepted");
    let refused = refuse(&world, &resigned(&world, change));
    assert_eq!(refused.code(), code, "{refused:?}");
}

#[test]
fn size_is_limited() {
    let world = World::new();
    let refused = refuse(&world, &vec![0x30; FILE_BYTES_MAX + 1]);
    assert!(matches!(refused, RequestRefused::File(FileRefused::TooLong { .. })));
}

#[test]
fn structure() {
    clause("file-structure", |file| file.at(&SIGNERS).children.push(Node::leaf(0x05, &[])));
    // Lists of revoked certificates, which RFC 5652 allows.
    let world = World::new();
    let mut file = Node::read(world.request().der());
    file.at(&SIGNED_DATA).children.remove(1);
    assert_eq!(refuse(&world, &file.write()).code(), "file-structure");
    let mut file = Node::read(world.request().der());
    let lists = Node { tag: 0xA1, value: Vec::new(), children: Vec::new() };
    file.at(&SIGNED_DATA).children.insert(4, lists);
    assert_eq!(refuse(&world, &file.write()).code(), "file-structure");
}

#[test]
fn exactly_the_signers_certificates() {
    clause("file-certificates", |file| drop(file.at(&CERTIFICATES).children.remove(0)));
    clause("file-certificates", |file| {
        let again = file.at(&CERTIFICATES).children[0].clone();
        file.at(&CERTIFICATES).children.push(again);
    });
}

#[test]
fn the_signer_identifier_names_a_certificate_of_the_file() {
    clause("file-certificates", |file| file.at(&SIGNER).children[1].children[1].value[0] ^= 1);
    clause("file-certificates", |file| file.at(&COUNTERSIGNER).children[1].children[1].value[0] ^= 1);
}

#[test]
fn exactly_the_signed_attributes() {
    clause("file-attributes", |file| {
        file.at(&ATTRIBUTES).children.retain(|attribute| {
            attribute.children[0].value != const_oid::ObjectIdentifier::new_unwrap(SIGNING_TIME).as_bytes()
        });
    });
    clause("file-attributes", |file| {
        let again = file.at(&ATTRIBUTES).children[0].clone();
        file.at(&ATTRIBUTES).children.push(again);
    });
    clause("file-attributes", |file| {
        let unknown = seq(&[oid("1.3.6.1.4.1.32473.9.9"), tlv(0x31, &tlv(0x05, &[]))]);
        file.at(&ATTRIBUTES).children.push(Node::read(&unknown));
    });
    // RFC 5652 11.4: no content-type in a countersignature.
    clause("file-attributes", |file| {
        let content_type = seq(&[oid(CONTENT_TYPE), tlv(0x31, &oid("1.2.840.113549.1.7.1"))]);
        file.at(&COUNTERSIGNER).children[3].children.insert(0, Node::read(&content_type));
    });
}

#[test]
fn exactly_the_countersignature_unsigned() {
    clause("file-structure", |file| drop(file.at(&SIGNER).children.remove(6)));
    clause("file-attributes", |file| {
        let again = file.at(&UNSIGNED).children[0].clone();
        file.at(&UNSIGNED).children.push(again);
    });
    clause("file-attributes", |file| {
        let unknown = seq(&[oid("1.3.6.1.4.1.32473.9.9"), tlv(0x31, &tlv(0x05, &[]))]);
        file.at(&UNSIGNED).children.push(Node::read(&unknown));
    });
}

#[test]
fn content_type_is_data() {
    clause("file-attributes", |file| {
        *attribute(file.at(&ATTRIBUTES), CONTENT_TYPE) = Node::read(&oid("1.2.840.113549.1.7.2"));
    });
}

#[test]
fn message_digest_is_the_contents() {
    clause("file-digest", |file| attribute(file.at(&ATTRIBUTES), MESSAGE_DIGEST).value[3] ^= 1);
    clause("file-digest", |file| {
        attribute(&mut file.at(&COUNTERSIGNER).children[3], MESSAGE_DIGEST).value[3] ^= 1;
    });
}

#[test]
fn signing_certificate_is_the_signers() {
    let hash = |node: &mut Node| node.at(&[0, 0, 0]).value[3] ^= 1;
    clause("file-signing-certificate", |file| {
        hash(attribute(file.at(&ATTRIBUTES), SIGNING_CERTIFICATE));
    });
    clause("file-signing-certificate", |file| {
        hash(attribute(&mut file.at(&COUNTERSIGNER).children[3], SIGNING_CERTIFICATE));
    });
    // A second certificate named beside the right one.
    clause("file-signing-certificate", |file| {
        let certificates = attribute(file.at(&ATTRIBUTES), SIGNING_CERTIFICATE).at(&[0]);
        let again = certificates.children[0].clone();
        certificates.children.push(again);
    });
}

#[test]
fn content_is_canonical() {
    clause("file-content", |file| {
        let content = &mut file.at(&CONTENT).value;
        content.insert(1, b' ');
        let digest = <sha2::Sha256 as sha2::Digest>::digest(&*content).to_vec();
        attribute(file.at(&ATTRIBUTES), MESSAGE_DIGEST).value = digest;
    });
}

/// Files that mean the same, that a tolerant verifier takes and openssl takes, and that are not the one
/// encoding.
#[test]
fn one_encoding_only() {
    let null = || Node::leaf(0x05, &[]);
    clause("file-encoding", |file| file.at(&CERTIFICATES).children.swap(0, 1));
    clause("file-encoding", |file| file.at(&ATTRIBUTES).children.swap(0, 1));
    clause("file-encoding", |file| file.at(&COUNTERSIGNER).children[3].children.swap(0, 1));
    clause("file-encoding", |file| file.at(&DIGEST_ALGORITHMS).children[0].children.push(null()));
    clause("file-encoding", |file| file.at(&SIGNER).children[2].children.push(null()));
    clause("file-encoding", |file| drop(file.at(&SIGNER).children[4].children.pop()));
    clause("file-encoding", |file| file.at(&COUNTERSIGNER).children[4].children.push(null()));
    clause("file-encoding", |file| file.at(&SIGNED_DATA).children[0].value = vec![3]);
    clause("file-encoding", |file| file.at(&SIGNER).children[0].value = vec![3]);
    clause("file-encoding", |file| {
        let again = file.at(&DIGEST_ALGORITHMS).children[0].clone();
        file.at(&DIGEST_ALGORITHMS).children.push(again);
    });
    // sha256WithRSAEncryption instead of rsaEncryption: RFC 5754 allows both.
    clause("file-encoding", |file| file.at(&SIGNER).children[4] = Node::read(&mint::rsa_sha256()));
    // GeneralizedTime before 2050.
    clause("file-structure", |file| {
        *attribute(file.at(&ATTRIBUTES), SIGNING_TIME) = Node::leaf(0x18, b"20261121010205Z");
    });
}

#[test]
fn the_signature_is_the_cards() {
    let world = World::new();
    let wrong = resigned_by(&world, &world.auth_2, &world.terminal.key, |_| ());
    assert_eq!(refuse(&world, &wrong).code(), "file-signature");
}

#[test]
fn the_countersignature_is_the_terminals() {
    let world = World::new();
    let wrong = resigned_by(&world, &world.card, &world.host.key, |_| ());
    assert_eq!(refuse(&world, &wrong).code(), "file-countersignature");
}

/// Both `s` and `n - s` verify; only the lower is the file's one encoding.
#[test]
fn the_other_s_of_an_ecdsa_signature_is_refused() {
    let other_s = |node: &mut Node| {
        let signature = p256::ecdsa::Signature::from_der(&node.value).unwrap();
        let (r, s) = signature.split_scalars();
        let other = p256::ecdsa::Signature::from_scalars(r, -s).unwrap();
        node.value = other.to_der().as_bytes().to_vec();
    };
    let world = World::new();
    let mut file = Node::read(world.request().der());
    other_s(&mut file.at(&COUNTERSIGNER).children[5]);
    assert_eq!(refuse(&world, &file.write()).code(), "file-countersignature");

    let world = World::new().with_card("card-p256");
    let wrong = {
        let mut file = Node::read(world.request().der());
        other_s(&mut file.at(&SIGNER).children[5]);
        countersigned(&world, file)
    };
    assert_eq!(refuse(&world, &wrong).code(), "file-signature");
}

#[test]
fn the_content_names_the_signers_certificate() {
    let world = World::new();
    let wrong = resigned(&world, |file| {
        let content = file.at(&CONTENT);
        let text = String::from_utf8(content.value.clone()).unwrap();
        let hash = hex::encode(world.card_certificate().sha256());
        content.value = text.replace(&hash, &"0".repeat(64)).into_bytes();
        let digest = <sha2::Sha256 as sha2::Digest>::digest(&content.value).to_vec();
        attribute(file.at(&ATTRIBUTES), MESSAGE_DIGEST).value = digest;
    });
    assert_eq!(refuse(&world, &wrong).code(), "request-other-certificate");
}

/// A file of this world with another certificate for the terminal.
fn with_terminal(world: &mut World, id: &str, purpose: &str, not_after: &[u8]) -> Vec<u8> {
    let mut spec = service_spec(id, purpose, &world.terminal.key, "Terminal CA", &world.terminal_ca);
    spec.not_after = tlv(0x17, not_after);
    world.terminal.certificate = spec.sign(&world.terminal_ca);
    world.request().into_der()
}

#[test]
fn the_countersigner_is_the_terminal_that_the_content_names() {
    let mut world = World::new();
    let wrong = with_terminal(&mut world, "T0002", mint::TERMINAL_EVIDENCE, b"300217145959Z");
    assert_eq!(refuse(&world, &wrong).code(), "request-other-terminal");
}

#[test]
fn the_countersigner_is_a_terminal_of_ours() {
    let mut world = World::new();
    let wrong = with_terminal(&mut world, "T0001", mint::HOST_ANSWER, b"300217145959Z");
    assert_eq!(refuse(&world, &wrong).code(), "request-terminal-untrusted");
    let mut world = World::new();
    let right = world.request().into_der();
    world.terminal_anchors = world.host_anchors.clone();
    assert_eq!(refuse(&world, &right).code(), "request-terminal-untrusted");
}

/// Delivered after the terminal's certificate has expired, a request is judged at its signing-time, if the
/// host says so.
#[test]
fn a_late_request_can_be_judged_at_its_signing_time() {
    let mut world = World::new();
    let late = with_terminal(&mut world, "T0001", mint::TERMINAL_EVIDENCE, b"261122000000Z");
    let arrival = time("2026-11-25T00:00:00Z");
    let open = |at: CheckTime| open_request(&late, &world.terminal_anchors, at);
    assert_eq!(open(arrival.into()).unwrap_err().code(), "request-terminal-untrusted");
    let opened = open(CheckTime::SigningTime).unwrap();
    assert_eq!(opened.countersigner_authority_key_id(), world.terminal_ca.id());
    assert_eq!(opened.countersigner_serial(), [5]);
    let signing_time = opened.signing_time();
    opened.check_card(&world.policy, signing_time).unwrap();
}

/// The host can sign a refusal of a card whose file is whole.
#[test]
fn the_cards_certificate_is_judged_last_and_apart() {
    let world = World::new();
    let der = world.request().into_der();
    let opened = open_request(&der, &world.terminal_anchors, world.at).unwrap();
    let refused = opened.check_card(&world.policy, time("2031-01-01T00:00:00Z")).unwrap_err();
    assert_eq!(refused.code(), "certificate-expired");
    let none = request::TrustPolicy::new(Vec::new(), true);
    let policy = request::RequestPolicy { card: &none, ..world.request_policy() };
    let refused = verify_request(&der, &policy).unwrap_err();
    assert_eq!(refused.code(), "certificate-untrusted");
}
