//! The host's answer: built, verified, refused.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use request::{
    AnswerContent, AnswerRefused, Decision, ExpectedAnswer, RejectReason, VerifiedAnswer, build_answer,
    verify_answer,
};
use support::mint::{self, service_spec, time};
use support::tree::{ATTRIBUTES, Node, SIGNER, attribute, sign};
use support::{World, request_id};

fn expected(sha256: [u8; 32]) -> ExpectedAnswer<'static> {
    ExpectedAnswer { request_id: request_id(), request_sha256: sha256, terminal_id: "T0001" }
}

fn verify(world: &World, der: &[u8], sha256: [u8; 32]) -> Result<VerifiedAnswer, AnswerRefused> {
    verify_answer(der, &world.host_anchors, world.at, &expected(sha256))
}

#[test]
fn every_decision_survives_the_way() {
    let world = World::new();
    let request = world.request();
    let decisions = [Decision::Registered, Decision::AlreadyRegistered]
        .into_iter()
        .chain(RejectReason::ALL.map(Decision::Rejected));
    for decision in decisions {
        let number = decision.accepts().then(|| "A-20261121-000001".to_owned());
        let content = AnswerContent { decision, acceptance_number: number, ..world.answer_content(&request) };
        let der = build_answer(&content, &world.host).unwrap();
        assert_eq!(verify(&world, &der, request.sha256()).unwrap().content(), &content);
    }
}

#[test]
fn reject_codes_are_stable() {
    let codes: Vec<_> = RejectReason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(
        codes.join(" "),
        "certificate-untrusted certificate-expired certificate-not-yet-valid certificate-revoked \
         challenge-unknown challenge-used too-late consent-too-late terms-not-current no-insurer-data \
         insurer-blocked"
    );
    for reason in RejectReason::ALL {
        assert_eq!(RejectReason::from_code(reason.code()), Some(reason));
    }
}

#[test]
fn an_acceptance_number_goes_with_acceptance_only() {
    let world = World::new();
    let request = world.request();
    let right = world.answer_content(&request);
    let without = AnswerContent { acceptance_number: None, ..right.clone() };
    build_answer(&without, &world.host).unwrap_err();
    let decision = Decision::Rejected(RejectReason::TooLate);
    build_answer(&AnswerContent { decision, ..right.clone() }, &world.host).unwrap_err();
    build_answer(&right, &world.host).unwrap();
}

#[test]
fn an_answer_is_believed_for_its_own_request_only() {
    let world = World::new();
    let request = world.request();
    let der = world.answer(&request);
    let check = |expected: &ExpectedAnswer<'_>| {
        verify_answer(&der, &world.host_anchors, world.at, expected)
            .map(drop)
            .map_err(|refused| refused.code())
    };
    let right = expected(request.sha256());
    assert_eq!(check(&right), Ok(()));
    let refused = Err("answer-other-request");
    assert_eq!(check(&ExpectedAnswer { request_id: uuid::Uuid::nil(), ..right }), refused);
    assert_eq!(check(&ExpectedAnswer { request_sha256: [0; 32], ..right }), refused);
    assert_eq!(check(&ExpectedAnswer { terminal_id: "T0002", ..right }), refused);
}

#[test]
fn the_signer_must_be_our_host() {
    let mut world = World::new();
    let request = world.request();
    let right = world.answer(&request);
    verify(&world, &right, request.sha256()).unwrap();
    // The right authority, another purpose.
    let spec = service_spec("HOST", mint::TERMINAL_EVIDENCE, &world.host.key, "Host CA", &world.host_ca);
    world.host.certificate = spec.sign(&world.host_ca);
    let wrong = world.answer(&request);
    assert_eq!(verify(&world, &wrong, request.sha256()).unwrap_err().code(), "answer-host-untrusted");
    // The right purpose, another authority.
    world.host_anchors = world.terminal_anchors.clone();
    assert_eq!(verify(&world, &right, request.sha256()).unwrap_err().code(), "answer-host-untrusted");
}

#[test]
fn the_hosts_certificate_must_be_in_force_on_arrival() {
    let world = World::new();
    let request = world.request();
    let der = world.answer(&request);
    let at = time("2031-01-01T00:00:00Z");
    let refused = verify_answer(&der, &world.host_anchors, at, &expected(request.sha256())).unwrap_err();
    assert_eq!(refused.code(), "answer-host-untrusted");
}

#[test]
fn a_request_is_no_answer() {
    let world = World::new();
    let request = world.request();
    assert_eq!(verify(&world, request.der(), request.sha256()).unwrap_err().code(), "file-certificates");
}

/// Signed anew over a signing-time that is not the host time in the content.
#[test]
fn the_signing_time_is_the_host_time() {
    let world = World::new();
    let request = world.request();
    let with_time = |text: &[u8]| {
        let mut file = Node::read(&world.answer(&request));
        attribute(file.at(&ATTRIBUTES), "1.2.840.113549.1.9.5").value = text.to_vec();
        let signature = sign(&world.host.key, file.at(&ATTRIBUTES));
        file.at(&SIGNER).children.get_mut(5).unwrap().value = signature;
        verify(&world, &file.write(), request.sha256()).map(drop).map_err(|refused| refused.code())
    };
    assert_eq!(with_time(b"261121010206Z"), Ok(()));
    assert_eq!(with_time(b"261121010207Z"), Err("answer-signing-time"));
}
