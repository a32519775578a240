//! The card's certificate, accepted: the only way to a [`CardCertificate`] is through every clause.

use std::fmt;

use jiff::Timestamp;

use crate::algorithm::{CardAlgorithm, PublicKey, sha256};
use crate::anchor::{AnchorKind, TrustAnchor};
use crate::certificate::Certificate;
use crate::clauses::{self, Purpose, path, subject_key};
use crate::refused::CertificateRefused;

/// Which roots count for cards.
#[derive(Debug, Clone, Default)]
pub struct TrustPolicy {
    anchors: Vec<TrustAnchor>,
    /// Kept apart so that a test card can be named as such.
    not_allowed: Vec<TrustAnchor>,
}

impl TrustPolicy {
    /// Production anchors always count; test anchors only with `allow_test_roots`; others never.
    pub fn new(anchors: Vec<TrustAnchor>, allow_test_roots: bool) -> Self {
        let (anchors, not_allowed) = anchors.into_iter().partition(|anchor| match anchor.kind() {
            AnchorKind::Production => true,
            AnchorKind::Test => allow_test_roots,
            AnchorKind::Service => false,
        });
        Self { anchors, not_allowed }
    }

    /// The anchors that count.
    pub fn anchors(&self) -> &[TrustAnchor] {
        &self.anchors
    }
}

/// A user-authentication certificate that passed profile and path.
#[derive(Clone)]
pub struct CardCertificate {
    der: Vec<u8>,
    sha256: [u8; 32],
    serial: Vec<u8>,
    issuer_and_serial: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    key: PublicKey,
    anchor: TrustAnchor,
}

/// Profile, path and dates of the card's certificate at `at`. Revocation is asked elsewhere.
///
/// # Errors
/// [`CertificateRefused`], by the first clause that does not hold; the dates come last.
pub fn check_card_certificate(
    der: &[u8],
    policy: &TrustPolicy,
    at: Timestamp,
) -> Result<CardCertificate, CertificateRefused> {
    let certificate = Certificate::parse(der).map_err(CertificateRefused::NotACertificate)?;
    path::test_root_not_allowed(&certificate, &policy.not_allowed)?;
    let anchor = clauses::validate(&certificate, &policy.anchors, Purpose::Card, at)?;
    Ok(CardCertificate {
        der: der.to_vec(),
        sha256: sha256(der),
        serial: certificate.serial.to_vec(),
        issuer_and_serial: certificate.issuer_and_serial(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        key: subject_key::read(certificate.key_info).ok_or(CertificateRefused::Key)?,
        anchor: anchor.clone(),
    })
}

impl CardCertificate {
    /// The certificate as the card gave it.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of [`Self::der`]; goes into the request's content.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// How the card signs.
    pub fn algorithm(&self) -> CardAlgorithm {
        self.key.algorithm
    }

    /// Serial number, the INTEGER's value octets. With [`Self::authority_key_id`] it names this certificate:
    /// personal data, not for logs.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// Key identifier of the authority's key that signed, 20 bytes on every card seen.
    pub fn authority_key_id(&self) -> &[u8] {
        &self.anchor.key_id
    }

    /// First second of validity.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Last second of validity.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The root at which the path ends.
    pub fn anchor(&self) -> &TrustAnchor {
        &self.anchor
    }

    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }

    pub(crate) fn issuer_and_serial(&self) -> &[u8] {
        &self.issuer_and_serial
    }
}

/// Without anything that names the holder: no serial, subject, hash or bytes.
impl fmt::Debug for CardCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardCertificate")
            .field("algorithm", &self.key.algorithm)
            .field("not_after", &self.not_after)
            .field("anchor", &self.anchor.kind)
            .finish_non_exhaustive()
    }
}
