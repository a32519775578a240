//! Bytes from outside never panic and are never accepted by chance: random ones, and right objects made
//! wrong.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::sync::LazyLock;

use proptest::prelude::*;
use request::{
    AnchorKind, AnswerContent, CrlRevocation, ExpectedAnswer, RequestContent, TrustAnchor,
    check_card_certificate, verify_answer, verify_request,
};
use support::World;
use support::mint::{CrlSpec, auth_name};
use support::tree::Node;

static WORLD: LazyLock<World> = LazyLock::new(World::new);
static REQUEST: LazyLock<Vec<u8>> = LazyLock::new(|| WORLD.request().into_der());
static ANSWER: LazyLock<Vec<u8>> = LazyLock::new(|| WORLD.answer(&WORLD.request()));
static CERTIFICATE: LazyLock<Vec<u8>> = LazyLock::new(|| WORLD.card_certificate_der());
static LIST: LazyLock<Vec<u8>> =
    LazyLock::new(|| CrlSpec::new(auth_name(), &WORLD.auth_1, &[&[1], &[2]]).sign(&WORLD.auth_1));

/// Hands the bytes to every parser; says which accepted them.
fn accepted_by(bytes: &[u8]) -> Option<&'static str> {
    let expected =
        ExpectedAnswer { request_id: support::request_id(), request_sha256: [0; 32], terminal_id: "T0001" };
    let found = [
        ("request", verify_request(bytes, &WORLD.request_policy()).is_ok()),
        ("answer", verify_answer(bytes, &WORLD.host_anchors, WORLD.at, &expected).is_ok()),
        ("certificate", check_card_certificate(bytes, &WORLD.policy, WORLD.at).is_ok()),
        ("anchor", TrustAnchor::from_der(bytes, AnchorKind::Test).is_ok()),
        ("list", CrlRevocation::new([bytes], WORLD.policy.anchors()).is_ok()),
        ("content", RequestContent::parse(bytes).is_ok()),
        ("answer content", AnswerContent::parse(bytes).is_ok()),
    ];
    found.into_iter().find(|(_, accepted)| *accepted).map(|(name, _)| name)
}

/// What may be done to one element of a tree.
#[derive(Debug, Clone)]
enum Change {
    Remove,
    Repeat,
    Reverse,
    Tag(u8),
    Value(Vec<u8>),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Remove),
        Just(Change::Repeat),
        Just(Change::Reverse),
        any::<u8>().prop_map(Change::Tag),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Change::Value),
    ]
}

/// Changes the n-th element; returns the bytes.
fn changed(original: &[u8], n: usize, change: &Change) -> Vec<u8> {
    let mut tree = Node::read(original);
    let n = n % tree.count();
    let Some(node) = tree.nth(n) else { return Vec::new() };
    match change {
        Change::Remove => {
            node.children.pop();
            node.value.pop();
        }
        Change::Repeat => {
            let copy = node.clone();
            node.children.push(copy);
            node.value.extend_from_slice(&node.value.clone());
        }
        Change::Reverse => {
            node.children.reverse();
            node.value.reverse();
        }
        Change::Tag(tag) => node.tag = *tag,
        Change::Value(value) => {
            node.children.clear();
            node.value.clone_from(value);
        }
    }
    tree.write()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert_eq!(accepted_by(&bytes), None);
    }

    #[test]
    fn random_bytes_in_a_sequence_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert_eq!(accepted_by(&support::mint::tlv(0x30, &bytes)), None);
    }

    #[test]
    fn a_right_object_with_one_element_changed_is_refused(
        which in 0..4usize,
        n in any::<usize>(),
        change in change(),
    ) {
        let original: &[u8] = match which {
            0 => &REQUEST,
            1 => &ANSWER,
            2 => &CERTIFICATE,
            _ => &LIST,
        };
        let bytes = changed(original, n, &change);
        prop_assume!(bytes != original);
        prop_assert_eq!(accepted_by(&bytes), None);
    }

    #[test]
    fn a_right_object_spliced_with_another_is_refused(
        at in any::<prop::sample::Index>(),
        length in 0..64usize,
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        for original in [&*REQUEST, &*ANSWER, &*CERTIFICATE, &*LIST] {
            let at = at.index(original.len());
            let end = (at + length).min(original.len());
            let mut spliced = original.clone();
            spliced.splice(at..end, bytes.iter().copied());
            if spliced != *original {
                prop_assert_eq!(accepted_by(&spliced), None);
            }
        }
    }

    #[test]
    fn random_text_is_no_content(text in ".{0,200}") {
        prop_assert_eq!(accepted_by(text.as_bytes()), None);
        prop_assert_eq!(accepted_by(format!("{{\"schema_version\":{text}}}").as_bytes()), None);
    }
}

#[test]
fn the_originals_are_accepted() {
    verify_request(&REQUEST, &WORLD.request_policy()).unwrap();
    check_card_certificate(&CERTIFICATE, &WORLD.policy, WORLD.at).unwrap();
    CrlRevocation::new([LIST.as_slice()], WORLD.policy.anchors()).unwrap();
}
