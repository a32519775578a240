//! Cards, and requests signed by them.

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use jiff::{SignedDuration, Timestamp};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::pkcs8::DecodePrivateKey as _;
use request::{AnchorKind, FileKey, RequestContent, TrustAnchor, TrustPolicy, load_anchor_file};
use test_pki::{AuthCa, AuthorityName, CardIdentity, CardKey, CardPurpose, CardSpec, Pki};
use uuid::Uuid;
use wire::ChallengeAnswer;

/// SHA-256 `DigestInfo` without the hash (RFC 8017 section 9.2, note 1).
const DIGEST_INFO: &str = "3031300d060960864801650304020105000420";

/// A card that signs.
pub struct Card {
    pub identity: CardIdentity,
    key: CardKey,
}

impl Card {
    /// Valid for a year around now. P-256, a hypothetical profile: made in no time, where RSA keys take a while.
    pub fn quick(pki: &Pki) -> Self {
        Self::new(pki, CardKey::P256, AuthCa::Generation1, -100, 200)
    }

    /// As today's cards are.
    pub fn rsa(pki: &Pki) -> Self {
        Self::new(pki, CardKey::Rsa2048, AuthCa::Generation2, -100, 200)
    }

    /// With validity from and to, in days from now.
    pub fn new(pki: &Pki, key: CardKey, issuer: AuthCa, from_days: i64, to_days: i64) -> Self {
        let now = myna_host::clock::Clock::now(&myna_host::clock::SystemClock::new());
        let day = |days: i64| {
            Timestamp::from_second(now.as_second()).unwrap() + SignedDuration::from_hours(24 * days)
        };
        let spec = CardSpec::new(CardPurpose::UserAuthentication, issuer, key, day(from_days), day(to_days));
        Self { identity: pki.issue_card(&spec).unwrap(), key }
    }

    fn chip(&self, input: &[u8]) -> Vec<u8> {
        match self.key {
            CardKey::Rsa2048 => {
                let key = KeyPair::from_pkcs8(&self.identity.private_key_pkcs8).unwrap();
                let hash = input.strip_prefix(hex::decode(DIGEST_INFO).unwrap().as_slice()).unwrap();
                let mut signature = vec![0; key.public_modulus_len()];
                let digest = Digest::import_less_safe(hash, &SHA256).unwrap();
                key.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature).unwrap();
                signature
            }
            _ => {
                let key = p256::ecdsa::SigningKey::from_pkcs8_der(&self.identity.private_key_pkcs8).unwrap();
                let signature: p256::ecdsa::Signature = key.sign_prehash(input).unwrap();
                signature.to_bytes().to_vec()
            }
        }
    }
}

pub fn terminal_anchors(pki: &Pki) -> Vec<TrustAnchor> {
    load_anchor_file(&pki.layout().authority(AuthorityName::Terminal).certificate, AnchorKind::Service)
        .unwrap()
}

/// A request before it is signed; tests change what they need to.
pub struct Draft<'a> {
    pub content: RequestContent,
    pub signed_at: Timestamp,
    /// Who countersigns.
    pub countersigner: String,
    pki: &'a Pki,
    card: &'a Card,
}

impl<'a> Draft<'a> {
    /// A good one.
    pub fn new(
        pki: &'a Pki,
        terminal: &str,
        card: &'a Card,
        challenge: &ChallengeAnswer,
        now: Timestamp,
    ) -> Self {
        let shown = challenge.terms.text("ja").unwrap();
        let content = RequestContent {
            request_id: new_id(now),
            terms_version: challenge.terms.version().to_string(),
            terms_language: "ja".to_owned(),
            terms_sha256: *shown.sha256().as_bytes(),
            consent_time: now,
            terminal_id: terminal.to_owned(),
            challenge: *challenge.challenge.as_bytes(),
            certificate_sha256: *wire::Digest::of(&card.identity.certificate).as_bytes(),
        };
        Self { content, signed_at: now, countersigner: terminal.to_owned(), pki, card }
    }

    /// Signed by the card and countersigned.
    pub fn sign(&self) -> Vec<u8> {
        // Whatever issued the card: a terminal would not get here with a card that the host must refuse.
        let names = [AuthorityName::Auth1, AuthorityName::Auth2, AuthorityName::AuthUntrusted];
        let anchors = names.into_iter().flat_map(|name| {
            load_anchor_file(&self.pki.layout().authority(name).certificate, AnchorKind::Test)
                .unwrap_or_default()
        });
        let trust = TrustPolicy::new(anchors.collect(), true);
        let (_, parsed) = x509_parser::parse_x509_certificate(&self.card.identity.certificate).unwrap();
        let at = Timestamp::from_second(parsed.validity().not_before.timestamp()).unwrap();
        let certificate = request::check_card_certificate(&self.card.identity.certificate, &trust, at)
            .unwrap_or_else(|refused| panic!("{refused:?}"));
        let prepared = request::prepare(&self.content, &certificate, self.signed_at).unwrap();
        let signature = self.card.chip(prepared.to_be_signed().as_bytes());
        let files = self.pki.terminal(&self.countersigner).unwrap().evidence;
        let evidence = FileKey::load(&files.certificate, &files.key).unwrap();
        prepared.assemble(&signature, &evidence).unwrap().into_der()
    }
}

/// A fresh `UUIDv7`.
pub fn new_id(now: Timestamp) -> Uuid {
    let mut random = [0; 10];
    getrandom::fill(&mut random).unwrap();
    uuid::Builder::from_unix_timestamp_millis(now.as_millisecond() as u64, &random).into_uuid()
}
