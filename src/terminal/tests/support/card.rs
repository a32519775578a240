//! A card of the test PKI, without a chip around it: what a card side posts and signs.

use jiff::{SignedDuration, Timestamp};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::pkcs8::DecodePrivateKey as _;
use request::{AnchorKind, CardCertificate, TrustPolicy, check_card_certificate, load_anchors};
use test_pki::{AuthCa, CardIdentity, CardKey, CardPurpose, CardSpec};

use super::pki;
use crate::clock;

/// A card under a hypothetical profile: its P-256 key is made in no time, where RSA keys take a while.
pub(crate) struct TestCard {
    identity: CardIdentity,
}

impl TestCard {
    /// Valid for a year around now.
    pub(crate) fn new() -> Self {
        let day = SignedDuration::from_hours(24);
        Self::valid_until(clock::now() + day * 200)
    }

    /// Whose certificate ends then.
    pub(crate) fn valid_until(end: Timestamp) -> Self {
        let whole = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap();
        let begin = whole(clock::now() - SignedDuration::from_hours(24 * 100));
        let (purpose, key) = (CardPurpose::UserAuthentication, CardKey::P256);
        let spec = CardSpec::new(purpose, AuthCa::Generation1, key, begin, whole(end));
        Self { identity: pki().issue_card(&spec).unwrap() }
    }

    /// As the card side gives it to the machine.
    pub(crate) fn certificate(&self) -> CardCertificate {
        check_card_certificate(&self.identity.certificate, &trust(), clock::now()).unwrap()
    }

    /// The same as it lies on the card.
    pub(crate) fn der(&self) -> Vec<u8> {
        self.identity.certificate.clone()
    }

    /// What the chip makes of the input: `r || s`.
    pub(crate) fn sign(&self, input: &[u8]) -> Vec<u8> {
        let key = p256::ecdsa::SigningKey::from_pkcs8_der(&self.identity.private_key_pkcs8).unwrap();
        let signature: p256::ecdsa::Signature = key.sign_prehash(input).unwrap();
        signature.to_bytes().to_vec()
    }
}

/// The cards of the test PKI are believed.
pub(crate) fn trust() -> TrustPolicy {
    let anchors = load_anchors(&pki().layout().card_anchors(), AnchorKind::Test).unwrap();
    TrustPolicy::new(anchors, true)
}
