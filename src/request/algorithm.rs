//! Signature algorithms: key type, hash and encodings of a signer behind one enum.
//!
//! Today's card signs with RSA-2048 and SHA-256. ECDSA on P-256 and P-384 is a **hypothetical** profile for
//! the next card: nothing of that card's commands or encodings is published. Our own keys use
//! [`CardAlgorithm::EcdsaP256Sha256`].
//!
//! Invariant: an ECDSA signature has one encoding here, strict DER with `s` in the lower half of the group
//! order. Both `s` and `n - s` verify mathematically; fixing one makes the evidence file unique, so that its
//! SHA-256 names it.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use sha2::{Digest as _, Sha256, Sha384};

use crate::asn1::{element, oid, sequence, tag};
use crate::oids;

/// What a signer's key is and how it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 over a 2048-bit key: today's card.
    Rsa2048Sha256,
    /// ECDSA on P-256 with SHA-256: our own keys, and a hypothetical card.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384: a hypothetical card.
    EcdsaP384Sha384,
}

/// A signature that does not hold, whatever the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify under the certificate's key")]
pub struct BadSignature;

impl CardAlgorithm {
    /// Stable name for logs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Rsa2048Sha256 => "rsa-2048-sha-256",
            Self::EcdsaP256Sha256 => "ecdsa-p-256-sha-256",
            Self::EcdsaP384Sha384 => "ecdsa-p-384-sha-384",
        }
    }

    pub(crate) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa2048Sha256 | Self::EcdsaP256Sha256 => Sha256::digest(message).to_vec(),
            Self::EcdsaP384Sha384 => Sha384::digest(message).to_vec(),
        }
    }

    /// `DigestAlgorithmIdentifier`. RFC 5754 2: implementations generate SHA-2 identifiers without
    /// parameters.
    pub(crate) fn digest_identifier(self) -> Vec<u8> {
        sequence(&[&oid(self.digest_oid())])
    }

    /// `SignatureAlgorithmIdentifier`. RFC 5754 3.2: rsaEncryption carries NULL; 3.3: ECDSA carries no
    /// parameters.
    pub(crate) fn signature_identifier(self) -> Vec<u8> {
        match self {
            Self::Rsa2048Sha256 => sequence(&[&oid(oids::RSA_ENCRYPTION), &element(tag::NULL, &[])]),
            Self::EcdsaP256Sha256 => sequence(&[&oid(oids::ECDSA_SHA256)]),
            Self::EcdsaP384Sha384 => sequence(&[&oid(oids::ECDSA_SHA384)]),
        }
    }

    /// What the chip takes: for RSA the `DigestInfo` of RFC 8017 9.2 (with NULL, 51 bytes), for ECDSA the
    /// bare hash.
    pub(crate) fn sign_input(self, message: &[u8]) -> Vec<u8> {
        let digest = self.digest(message);
        match self {
            Self::Rsa2048Sha256 => sequence(&[
                &sequence(&[&oid(self.digest_oid()), &element(tag::NULL, &[])]),
                &element(tag::OCTET_STRING, &digest),
            ]),
            Self::EcdsaP256Sha256 | Self::EcdsaP384Sha384 => digest,
        }
    }

    /// From what the chip returns to the value in the file. RSA: 256 bytes as they are. ECDSA: the
    /// fixed-length `r || s`, which is an assumption, becomes DER. `None` where the length or the numbers are
    /// impossible.
    pub(crate) fn signature_from_card(self, raw: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa2048Sha256 => (raw.len() == 256).then(|| raw.to_vec()),
            Self::EcdsaP256Sha256 => {
                let signature = p256::ecdsa::Signature::from_slice(raw).ok()?;
                Some(signature.normalize_s().to_der().as_bytes().to_vec())
            }
            Self::EcdsaP384Sha384 => {
                let signature = p384::ecdsa::Signature::from_slice(raw).ok()?;
                Some(signature.normalize_s().to_der().as_bytes().to_vec())
            }
        }
    }

    /// The one encoding of this signature; `None` where it is no signature at all.
    pub(crate) fn canonical_signature(self, signature: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa2048Sha256 => (signature.len() == 256).then(|| signature.to_vec()),
            Self::EcdsaP256Sha256 => {
                let signature = p256::ecdsa::Signature::from_der(signature).ok()?;
                Some(signature.normalize_s().to_der().as_bytes().to_vec())
            }
            Self::EcdsaP384Sha384 => {
                let signature = p384::ecdsa::Signature::from_der(signature).ok()?;
                Some(signature.normalize_s().to_der().as_bytes().to_vec())
            }
        }
    }

    fn digest_oid(self) -> const_oid::ObjectIdentifier {
        match self {
            Self::Rsa2048Sha256 | Self::EcdsaP256Sha256 => oids::SHA256,
            Self::EcdsaP384Sha384 => oids::SHA384,
        }
    }
}

/// A public key: `RSAPublicKey` in DER or the uncompressed point, with the algorithm it is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicKey {
    pub(crate) algorithm: CardAlgorithm,
    pub(crate) key: Vec<u8>,
}

impl PublicKey {
    /// For signatures inside our own files: only the canonical encoding verifies.
    pub(crate) fn verify_canonical(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match self.algorithm.canonical_signature(signature) {
            Some(canonical) if canonical == signature => self.verify(message, signature),
            _ => Err(BadSignature),
        }
    }

    /// For signatures of certification authorities, which may carry either `s`.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        let algorithm: &'static dyn VerificationAlgorithm = match self.algorithm {
            CardAlgorithm::Rsa2048Sha256 => &RSA_PKCS1_2048_8192_SHA256,
            CardAlgorithm::EcdsaP256Sha256 => &ECDSA_P256_SHA256_ASN1,
            CardAlgorithm::EcdsaP384Sha384 => &ECDSA_P384_SHA384_ASN1,
        };
        UnparsedPublicKey::new(algorithm, &self.key).verify(message, signature).map_err(|_| BadSignature)
    }
}

/// SHA-256, as used for file names, certificate hashes and references.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
