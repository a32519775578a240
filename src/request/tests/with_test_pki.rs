//! The project's own test PKI, written by somebody else after the same profile, and the verifier agree: on
//! what is right and on what is not.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use jiff::Timestamp;
use request::{
    AnchorKind, CrlRevocation, ExpectedAnswer, FileKey, RequestPolicy, RevocationSource, RevocationStatus,
    TrustAnchor, TrustPolicy, build_answer, check_card_certificate, load_anchor_file, load_anchors, prepare,
    verify_answer, verify_request,
};
use support::mint::{Key, time};
use support::{World, request_id};
use test_pki::{AuthCa, AuthorityName, CardIdentity, CardKey, CardPurpose, CardSpec, KeyFiles, Pki};

fn now() -> Timestamp {
    time("2026-11-21T01:00:00Z")
}

struct Installed {
    _folder: tempfile::TempDir,
    pki: Pki,
    card: TrustPolicy,
    terminal: Vec<TrustAnchor>,
    host: Vec<TrustAnchor>,
}

impl Installed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::open_or_create(folder.path(), now()).unwrap();
        let layout = pki.layout().clone();
        Self {
            card: TrustPolicy::new(load_anchors(&layout.card_anchors(), AnchorKind::Test).unwrap(), true),
            terminal: load_anchor_file(&layout.terminal_anchor(), AnchorKind::Service).unwrap(),
            host: load_anchor_file(&layout.host_anchor(), AnchorKind::Service).unwrap(),
            _folder: folder,
            pki,
        }
    }

    fn issue(&self, purpose: CardPurpose, issuer: AuthCa, key: CardKey) -> CardIdentity {
        let (from, to) = (time("2025-10-27T01:35:42Z"), time("2030-02-17T14:59:59Z"));
        self.pki.issue_card(&CardSpec::new(purpose, issuer, key, from, to)).unwrap()
    }

    fn check(&self, card: &CardIdentity, at: &str) -> Result<(), &'static str> {
        check_card_certificate(&card.certificate, &self.card, time(at))
            .map(drop)
            .map_err(|refused| refused.code())
    }
}

fn key(files: &KeyFiles) -> FileKey {
    FileKey::load(&files.certificate, &files.key).unwrap()
}

#[test]
fn a_registration_with_every_kind_of_card_and_generation() {
    let installed = Installed::new();
    let at = time("2026-11-21T01:02:10Z");
    let evidence = key(&installed.pki.terminal("T0001").unwrap().evidence);
    let answering = key(&installed.pki.host().answer);
    for (issuer, kind) in [
        (AuthCa::Generation1, CardKey::Rsa2048),
        (AuthCa::Generation2, CardKey::Rsa2048),
        (AuthCa::Generation1, CardKey::P256),
        (AuthCa::Generation2, CardKey::P384),
    ] {
        let card = installed.issue(CardPurpose::UserAuthentication, issuer, kind);
        let certificate = check_card_certificate(&card.certificate, &installed.card, at).unwrap();
        let content = World::new().content(&certificate);
        let prepared = prepare(&content, &certificate, at).unwrap();
        let chip = Key::from_pkcs8(&card.private_key_pkcs8);
        let signature = chip.chip(prepared.to_be_signed().as_bytes());
        let request = prepared.assemble(&signature, &evidence).unwrap();
        let policy = RequestPolicy { card: &installed.card, terminal_anchors: &installed.terminal, at };
        let verified = verify_request(request.der(), &policy).unwrap();
        assert_eq!(verified.content(), &content);

        let answer = build_answer(&World::new().answer_content(&request), &answering).unwrap();
        let expected = ExpectedAnswer {
            request_id: request_id(),
            request_sha256: request.sha256(),
            terminal_id: "T0001",
        };
        verify_answer(&answer, &installed.host, at, &expected).unwrap();
    }
}

#[test]
fn cards_that_are_not_right_are_refused() {
    let installed = Installed::new();
    let now = "2026-11-21T01:00:00Z";
    let right = installed.issue(CardPurpose::UserAuthentication, AuthCa::Generation1, CardKey::Rsa2048);
    assert_eq!(installed.check(&right, now), Ok(()));
    assert_eq!(installed.check(&right, "2025-10-27T01:35:41Z"), Err("certificate-not-yet-valid"));
    assert_eq!(installed.check(&right, "2030-02-17T15:00:00Z"), Err("certificate-expired"));
    let untrusted = installed.issue(CardPurpose::UserAuthentication, AuthCa::Untrusted, CardKey::Rsa2048);
    assert_eq!(installed.check(&untrusted, now), Err("certificate-untrusted"));
    let signature = installed.issue(CardPurpose::Signature, AuthCa::Generation1, CardKey::Rsa2048);
    assert_eq!(installed.check(&signature, now), Err("certificate-untrusted"));
}

#[test]
fn the_other_keys_of_a_terminal_do_not_countersign() {
    let installed = Installed::new();
    let files = installed.pki.terminal("T0001").unwrap();
    let card = installed.issue(CardPurpose::UserAuthentication, AuthCa::Generation1, CardKey::P256);
    let at = time("2026-11-21T01:02:10Z");
    let certificate = check_card_certificate(&card.certificate, &installed.card, at).unwrap();
    let chip = Key::from_pkcs8(&card.private_key_pkcs8);
    let verify = |files: &KeyFiles| {
        let prepared = prepare(&World::new().content(&certificate), &certificate, at).unwrap();
        let signature = chip.chip(prepared.to_be_signed().as_bytes());
        let request = prepared.assemble(&signature, &key(files)).unwrap();
        let policy = RequestPolicy { card: &installed.card, terminal_anchors: &installed.terminal, at };
        verify_request(request.der(), &policy).map(drop).map_err(|refused| refused.code())
    };
    assert_eq!(verify(&files.evidence), Ok(()));
    assert_eq!(verify(&files.tls), Err("request-terminal-untrusted"));
    assert_eq!(verify(&files.log), Err("request-terminal-untrusted"));
    let other = installed.pki.terminal("T0002").unwrap();
    assert_eq!(verify(&other.evidence), Err("request-other-terminal"));
}

#[test]
fn a_revoked_card_is_found_in_its_generations_list() {
    let installed = Installed::new();
    let layout = installed.pki.layout().clone();
    let status = |card: &CardIdentity| {
        let lists = [AuthorityName::Auth1, AuthorityName::Auth2].map(|name| layout.crl(name));
        let source = CrlRevocation::load(&lists, installed.card.anchors()).unwrap();
        let card = check_card_certificate(&card.certificate, &installed.card, now()).unwrap();
        source.status(&card, now()).unwrap()
    };
    for issuer in [AuthCa::Generation1, AuthCa::Generation2] {
        let card = installed.issue(CardPurpose::UserAuthentication, issuer, CardKey::P256);
        assert_eq!(status(&card), RevocationStatus::Good);
        installed.pki.revoke_certificate(&card.certificate).unwrap();
        assert_eq!(status(&card), RevocationStatus::Revoked { since: now() });
    }
    CrlRevocation::load(&[layout.crl(AuthorityName::Terminal)], &installed.terminal).unwrap();
}
