//! The keys of our own machines that sign evidence: the terminal's countersignature and the host's answer.
//!
//! A port, because today's key is a file and tomorrow's sits in a PKCS#11 token or a TPM. Keys for TLS and
//! for log checkpoints are others, with extended key usages of their own.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::DecodePrivateKey as _;

use crate::algorithm::CardAlgorithm;
use crate::certificate::{Certificate, NotACertificate};
use crate::clauses::{self, Purpose, subject_key};
use crate::refused::CertificateRefused;

/// A P-256 key with its certificate.
///
/// An implementation signs messages that this crate made, and hashes them itself.
pub trait EvidenceSigner {
    /// The certificate of the key, DER.
    fn certificate_der(&self) -> &[u8];

    /// ECDSA on P-256 with SHA-256 over `message`: the signature in DER, with either `s`.
    ///
    /// # Errors
    /// [`SignFault`] where the key cannot sign now.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFault>;
}

/// The evidence key did not sign.
#[derive(Debug, thiserror::Error)]
#[error("the evidence key cannot sign")]
pub struct SignFault(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A key in a file: certificate in PEM or DER, private key in PKCS#8 PEM. Signatures are deterministic (RFC
/// 6979).
pub struct FileKey {
    certificate: Vec<u8>,
    key: SigningKey,
}

/// Why a key file cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not exactly one certificate.
    #[error("{}: not exactly one certificate in PEM or DER", path.display())]
    CertificateFile {
        /// The file.
        path: PathBuf,
    },
    /// The certificate cannot be read.
    #[error("the certificate cannot be read")]
    Certificate(#[source] NotACertificate),
    /// Not a P-256 key in PKCS#8 PEM.
    #[error("{}: not a P-256 key in PKCS#8 PEM", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: p256::pkcs8::Error,
    },
    /// The certificate is for another key.
    #[error("certificate and key do not belong together")]
    OtherKey,
}

impl FileKey {
    /// Loads certificate and key, and checks that they belong together.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, KeyFileError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| KeyFileError::Read { path: path.to_owned(), source })
        };
        let certificates = crate::pem::certificates(&read(certificate)?).unwrap_or_default();
        let [certificate] = <[Vec<u8>; 1]>::try_from(certificates)
            .map_err(|_| KeyFileError::CertificateFile { path: certificate.to_owned() })?;
        let signing_key = SigningKey::read_pkcs8_pem_file(key)
            .map_err(|source| KeyFileError::Key { path: key.to_owned(), source })?;
        Self::new(certificate, signing_key)
    }

    fn new(certificate: Vec<u8>, key: SigningKey) -> Result<Self, KeyFileError> {
        let parsed = Certificate::parse(&certificate).map_err(KeyFileError::Certificate)?;
        let certified = subject_key::read(parsed.key_info).ok_or(KeyFileError::OtherKey)?;
        let point = key.verifying_key().to_sec1_point(false);
        if certified.algorithm != CardAlgorithm::EcdsaP256Sha256 || certified.key != point.as_bytes() {
            return Err(KeyFileError::OtherKey);
        }
        Ok(Self { certificate, key })
    }
}

/// Whether answers under this certificate can be believed, as far as its owner can tell: profile of a host's answering
/// key, and in force at `at`. A terminal asks for the path to its root besides.
///
/// # Errors
/// [`CertificateRefused`], by the first clause that does not hold; the dates come last.
pub fn check_answer_certificate(der: &[u8], at: Timestamp) -> Result<(), CertificateRefused> {
    let certificate = Certificate::parse(der).map_err(CertificateRefused::NotACertificate)?;
    clauses::validate_own(&certificate, Purpose::HostAnswer, at)
}

impl EvidenceSigner for FileKey {
    fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignFault> {
        let signature: p256::ecdsa::Signature =
            self.key.try_sign(message).map_err(|error| SignFault(error.into()))?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}
