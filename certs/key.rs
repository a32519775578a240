//! Private keys of three kinds behind one type: make, store, sign.
//!
//! Invariant: key bytes leave this type only as zeroizing PKCS#8.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use aws_lc_rs::{rsa, signature};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, SHA_256_WITH_RSA_ENCRYPTION};
use der::Decode;
use der::asn1::Any;
use p256::ecdsa::signature::Signer;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use serde::Deserialize;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use zeroize::Zeroizing;

use crate::PkiError;

/// Kinds of keys the PKI makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyKind {
    Rsa2048,
    P256,
    P384,
}

impl KeyKind {
    fn name(self) -> &'static str {
        match self {
            KeyKind::Rsa2048 => "RSA-2048",
            KeyKind::P256 => "P-256",
            KeyKind::P384 => "P-384",
        }
    }
}

/// A private key in memory.
pub(crate) enum PrivateKey {
    Rsa(signature::RsaKeyPair),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
}

impl PrivateKey {
    pub(crate) fn generate(kind: KeyKind) -> Result<Self, PkiError> {
        let failed = || PkiError::GenerateKey { algorithm: kind.name() };
        match kind {
            KeyKind::Rsa2048 => {
                let key = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).map_err(|_| failed())?;
                Ok(PrivateKey::Rsa(key))
            }
            // A random scalar is out of range with a chance of about 2^-32 (P-256), 2^-190 (P-384).
            KeyKind::P256 => loop {
                let scalar = random::<32>()?;
                if let Ok(key) = p256::ecdsa::SigningKey::from_slice(scalar.as_slice()) {
                    return Ok(PrivateKey::P256(key));
                }
            },
            KeyKind::P384 => loop {
                let scalar = random::<48>()?;
                if let Ok(key) = p384::ecdsa::SigningKey::from_slice(scalar.as_slice()) {
                    return Ok(PrivateKey::P384(key));
                }
            },
        }
    }

    /// Reads PKCS#8 of the expected kind; `None` for anything else.
    pub(crate) fn from_pkcs8(kind: KeyKind, der: &[u8]) -> Option<Self> {
        match kind {
            KeyKind::Rsa2048 => rsa::KeyPair::from_pkcs8(der).ok().map(PrivateKey::Rsa),
            KeyKind::P256 => p256::ecdsa::SigningKey::from_pkcs8_der(der).ok().map(PrivateKey::P256),
            KeyKind::P384 => p384::ecdsa::SigningKey::from_pkcs8_der(der).ok().map(PrivateKey::P384),
        }
    }

    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, PkiError> {
        const WHAT: &str = "a private key";
        let unsupported = || PkiError::Encode { what: WHAT, source: der::ErrorKind::Failed.into() };
        match self {
            PrivateKey::Rsa(key) => {
                let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| unsupported())?;
                Ok(Zeroizing::new(der.as_ref().to_vec()))
            }
            PrivateKey::P256(key) => Ok(key.to_pkcs8_der().map_err(|_| unsupported())?.to_bytes()),
            PrivateKey::P384(key) => Ok(key.to_pkcs8_der().map_err(|_| unsupported())?.to_bytes()),
        }
    }

    pub(crate) fn public_key(&self) -> Result<SubjectPublicKeyInfoOwned, PkiError> {
        const WHAT: &str = "a public key";
        let unsupported = || PkiError::Encode { what: WHAT, source: der::ErrorKind::Failed.into() };
        let der = match self {
            PrivateKey::Rsa(key) => {
                let der: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| unsupported())?;
                der.as_ref().to_vec()
            }
            PrivateKey::P256(key) => {
                key.verifying_key().to_public_key_der().map_err(|_| unsupported())?.into_vec()
            }
            PrivateKey::P384(key) => {
                key.verifying_key().to_public_key_der().map_err(|_| unsupported())?.into_vec()
            }
        };
        SubjectPublicKeyInfoOwned::from_der(&der).map_err(|source| PkiError::Encode { what: WHAT, source })
    }

    /// The algorithm of [`PrivateKey::sign`]: RSA with NULL parameters (RFC 4055, section 5), ECDSA
    /// with none (RFC 5758, section 3.2).
    pub(crate) fn signature_algorithm(&self) -> AlgorithmIdentifierOwned {
        match self {
            PrivateKey::Rsa(_) => {
                AlgorithmIdentifierOwned { oid: SHA_256_WITH_RSA_ENCRYPTION, parameters: Some(Any::null()) }
            }
            PrivateKey::P256(_) => AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_256, parameters: None },
            PrivateKey::P384(_) => AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA_384, parameters: None },
        }
    }

    /// Signs deterministically, as [`PrivateKey::signature_algorithm`] says; ECDSA as DER.
    pub(crate) fn sign(&self, message: &[u8], what: &'static str) -> Result<Vec<u8>, PkiError> {
        let failed = || PkiError::Sign { what };
        match self {
            PrivateKey::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| failed())?;
                Ok(signature)
            }
            PrivateKey::P256(key) => {
                let signature: p256::ecdsa::DerSignature = key.try_sign(message).map_err(|_| failed())?;
                Ok(signature.as_bytes().to_vec())
            }
            PrivateKey::P384(key) => {
                let signature: p384::ecdsa::DerSignature = key.try_sign(message).map_err(|_| failed())?;
                Ok(signature.as_bytes().to_vec())
            }
        }
    }
}

/// `N` random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, PkiError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|source| PkiError::Random { source })?;
    Ok(bytes)
}
