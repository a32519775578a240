//! What the chip computes with its private keys: RSA with the card's paddings, and ECDSA for the hypothetical card.

mod padding;
mod rsa;

use der::Decode;
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::pkcs8::{DecodePrivateKey, ObjectIdentifier, PrivateKeyInfoRef};

use crate::card::command::Scheme;
pub(crate) use padding::sha256;
use padding::{HASH_BYTES, digest_info, pkcs1, pss};
use rsa::RsaKey;
pub use rsa::RsaKeyFault;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// Longest input that is padded verbatim, whatever the key; and longest message that the card hashes itself.
const VERBATIM_BYTES_MAX: usize = 245;
const MESSAGE_BYTES_MAX: usize = 255;

/// A private key in the chip.
pub(crate) enum PrivateKey {
    Rsa(Box<RsaKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
}

/// Why a private key could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// Not PKCS #8.
    #[error("not a PKCS #8 private key")]
    Pkcs8(#[source] der::Error),
    /// The RSA key inside is no good.
    #[error(transparent)]
    Rsa(#[from] RsaKeyFault),
    /// The elliptic-curve key inside is no good.
    #[error("not an elliptic-curve private key")]
    Curve(#[source] p256::pkcs8::Error),
    /// Neither RSA nor P-256 nor P-384.
    #[error("the card has no use for a key of algorithm {0}")]
    Algorithm(ObjectIdentifier),
}

/// Why the chip would not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignRefusal {
    /// The input is too long for the scheme or the key.
    TooLong,
    /// The scheme wants a hash of another length.
    WrongHashLength,
    /// This kind of key does not know the scheme.
    SchemeUnknown,
    /// The chip failed inside.
    Failed,
}

impl PrivateKey {
    /// Reads a PKCS #8 private key.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, KeyFault> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(KeyFault::Pkcs8)?;
        if info.algorithm.oid == RSA_ENCRYPTION {
            return Ok(Self::Rsa(Box::new(RsaKey::from_der(info.private_key.as_bytes())?)));
        }
        match (info.algorithm.oid, info.algorithm.parameters_oid().ok()) {
            (EC_PUBLIC_KEY, Some(SECP256R1)) => {
                DecodePrivateKey::from_pkcs8_der(der).map(Self::P256).map_err(KeyFault::Curve)
            }
            (EC_PUBLIC_KEY, Some(SECP384R1)) => {
                DecodePrivateKey::from_pkcs8_der(der).map(Self::P384).map_err(KeyFault::Curve)
            }
            (other, _) => Err(KeyFault::Algorithm(other)),
        }
    }

    /// COMPUTE DIGITAL SIGNATURE. RSA: as surveyed on real cards. Elliptic curves: scheme 00 over a bare hash of
    /// the curve's size, answered with r and s of fixed length; that is an assumption, no such card exists yet.
    pub(crate) fn sign(&self, scheme: Scheme, input: &[u8]) -> Result<Vec<u8>, SignRefusal> {
        match (self, scheme) {
            (Self::Rsa(key), _) => sign_rsa(key, scheme, input),
            (Self::P256(key), Scheme::Verbatim) => {
                let hash: &[u8; 32] = input.try_into().map_err(|_| SignRefusal::WrongHashLength)?;
                let signature: p256::ecdsa::Signature =
                    key.sign_prehash(hash).map_err(|_| SignRefusal::Failed)?;
                Ok(signature.to_bytes().to_vec())
            }
            (Self::P384(key), Scheme::Verbatim) => {
                let hash: &[u8; 48] = input.try_into().map_err(|_| SignRefusal::WrongHashLength)?;
                let signature: p384::ecdsa::Signature =
                    key.sign_prehash(hash).map_err(|_| SignRefusal::Failed)?;
                Ok(signature.to_bytes().to_vec())
            }
            (Self::P256(_) | Self::P384(_), _) => Err(SignRefusal::SchemeUnknown),
        }
    }

    /// INTERNAL AUTHENTICATE: signs the DigestInfo of the SHA-256 of `challenge`.
    pub(crate) fn authenticate(&self, challenge: &[u8]) -> Result<Vec<u8>, SignRefusal> {
        self.sign(Scheme::HashAndWrap, challenge)
    }
}

fn sign_rsa(key: &RsaKey, scheme: Scheme, input: &[u8]) -> Result<Vec<u8>, SignRefusal> {
    let size = key.block_bytes();
    let block = match scheme {
        Scheme::Verbatim if input.len() > VERBATIM_BYTES_MAX => return Err(SignRefusal::TooLong),
        Scheme::Verbatim => pkcs1(input, size),
        Scheme::HashBare => pkcs1(&message_hash(input)?, size),
        Scheme::WrapHash => pkcs1(&digest_info(hash(input)?), size),
        Scheme::HashAndWrap => pkcs1(&digest_info(&message_hash(input)?), size),
        Scheme::PssOfHash => pss(hash(input)?, &salt()?, size),
        Scheme::HashAndPss => pss(&message_hash(input)?, &salt()?, size),
    };
    key.private_operation(&block.ok_or(SignRefusal::TooLong)?).ok_or(SignRefusal::Failed)
}

fn hash(input: &[u8]) -> Result<&[u8; HASH_BYTES], SignRefusal> {
    input.try_into().map_err(|_| SignRefusal::WrongHashLength)
}

fn message_hash(input: &[u8]) -> Result<[u8; HASH_BYTES], SignRefusal> {
    if input.len() > MESSAGE_BYTES_MAX {
        return Err(SignRefusal::TooLong);
    }
    Ok(sha256(input))
}

fn salt() -> Result<[u8; HASH_BYTES], SignRefusal> {
    let mut salt = [0; HASH_BYTES];
    getrandom::fill(&mut salt).map_err(|_| SignRefusal::Failed)?;
    Ok(salt)
}

#[cfg(test)]
mod tests;
