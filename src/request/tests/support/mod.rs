//! A small world for the tests: two generations of the card authority, cards, a terminal, a host, fixed
//! times.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests; each test file uses a part"
)]

pub mod mint;
pub mod tree;

use jiff::Timestamp;
use mint::{Key, Spec, card_spec, root_spec, service_name, service_spec, time};
use request::{
    AnchorKind, AnswerContent, CardCertificate, Decision, EvidenceSigner, RequestContent, RequestPolicy,
    SignFault, SignedRequest, TrustAnchor, TrustPolicy, build_answer, check_card_certificate, prepare,
};
use uuid::Uuid;

/// A key of one of our own machines, in memory.
pub struct Machine {
    pub certificate: Vec<u8>,
    pub key: Key,
}

impl EvidenceSigner for Machine {
    fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFault> {
        Ok(self.key.sign(message))
    }
}

pub struct World {
    pub auth_1: Key,
    pub auth_2: Key,
    pub card: Key,
    pub terminal_ca: Key,
    pub terminal: Machine,
    pub host_ca: Key,
    pub host: Machine,
    pub policy: TrustPolicy,
    pub terminal_anchors: Vec<TrustAnchor>,
    pub host_anchors: Vec<TrustAnchor>,
    pub at: Timestamp,
    /// notAfter of every certificate; the specification's own where absent.
    pub until: Option<Vec<u8>>,
}

pub fn anchor(der: &[u8], kind: AnchorKind) -> TrustAnchor {
    TrustAnchor::from_der(der, kind).unwrap()
}

impl World {
    pub fn new() -> Self {
        Self::lasting(None)
    }

    /// For commands that read the machine's clock: nothing expires before 2099.
    pub fn long_lived() -> Self {
        Self::lasting(Some(mint::tlv(0x18, b"20991231235959Z")))
    }

    fn lasting(until: Option<Vec<u8>>) -> Self {
        let mint = |mut spec: Spec, authority: &Key| {
            spec.not_after = until.clone().unwrap_or(spec.not_after);
            spec.sign(authority)
        };
        let (auth_1, auth_2) = (Key::load("auth-1"), Key::load("auth-2"));
        let (terminal_ca, host_ca) = (Key::load("terminal-ca"), Key::load("host-ca"));
        let machine = |id: &str, purpose, file, role, authority: &Key| {
            let key = Key::load(file);
            Machine { certificate: mint(service_spec(id, purpose, &key, role, authority), authority), key }
        };
        let terminal = machine("T0001", mint::TERMINAL_EVIDENCE, "terminal", "Terminal CA", &terminal_ca);
        let host = machine("HOST", mint::HOST_ANSWER, "host", "Host CA", &host_ca);
        let roots = [&auth_1, &auth_2]
            .map(|key| anchor(&mint(root_spec(mint::auth_name(), key), key), AnchorKind::Test));
        let service = |role, key: &Key| {
            vec![anchor(&mint(root_spec(service_name(role), key), key), AnchorKind::Service)]
        };
        Self {
            card: Key::load("card-rsa"),
            policy: TrustPolicy::new(roots.to_vec(), true),
            terminal_anchors: service("Terminal CA", &terminal_ca),
            host_anchors: service("Host CA", &host_ca),
            auth_1,
            auth_2,
            terminal_ca,
            terminal,
            host_ca,
            host,
            at: time("2026-11-21T01:02:10Z"),
            until,
        }
    }

    pub fn with_card(mut self, file: &str) -> Self {
        self.card = Key::load(file);
        self
    }

    pub fn card_certificate_der(&self) -> Vec<u8> {
        let mut spec = card_spec(&self.card, &self.auth_1);
        spec.not_after = self.until.clone().unwrap_or(spec.not_after);
        spec.sign(&self.auth_1)
    }

    pub fn card_certificate(&self) -> CardCertificate {
        check_card_certificate(&self.card_certificate_der(), &self.policy, self.at).unwrap()
    }

    pub fn content(&self, card: &CardCertificate) -> RequestContent {
        RequestContent {
            request_id: "019aa3f1-7e00-7abc-8def-0123456789ab".parse().unwrap(),
            terms_version: "2026-04".to_owned(),
            terms_language: "ja".to_owned(),
            terms_sha256: [0xA5; 32],
            consent_time: time("2026-11-21T01:02:03.456Z"),
            terminal_id: "T0001".to_owned(),
            challenge: [0x5A; 32],
            certificate_sha256: card.sha256(),
        }
    }

    /// A whole visit: check, prepare, the chip signs, assemble.
    pub fn request(&self) -> SignedRequest {
        let card = self.card_certificate();
        self.request_with(&self.content(&card))
    }

    pub fn request_with(&self, content: &RequestContent) -> SignedRequest {
        let card = self.card_certificate();
        let prepared = prepare(content, &card, time("2026-11-21T01:02:05.999Z")).unwrap();
        let signature = self.card.chip(prepared.to_be_signed().as_bytes());
        prepared.assemble(&signature, &self.terminal).unwrap()
    }

    pub fn request_policy(&self) -> RequestPolicy<'_> {
        RequestPolicy { card: &self.policy, terminal_anchors: &self.terminal_anchors, at: self.at }
    }

    pub fn answer_content(&self, request: &SignedRequest) -> AnswerContent {
        AnswerContent {
            request_id: request_id(),
            request_sha256: request.sha256(),
            terminal_id: "T0001".to_owned(),
            decision: Decision::Registered,
            acceptance_number: Some("A-20261121-000001".to_owned()),
            host_time: time("2026-11-21T01:02:06.789Z"),
            holder_key_id: "holder-1".to_owned(),
        }
    }

    pub fn answer(&self, request: &SignedRequest) -> Vec<u8> {
        build_answer(&self.answer_content(request), &self.host).unwrap()
    }
}

pub fn request_id() -> Uuid {
    "019aa3f1-7e00-7abc-8def-0123456789ab".parse().unwrap()
}
