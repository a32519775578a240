//! Signed statements about the device log: "at this time, entry N had this digest".
//!
//! Invariant: what is signed is [`Checkpoint::statement`], byte for byte, with ECDSA over P-256 and SHA-256; the
//! statement can be rebuilt from the five fields that are also sent to the host.

use jiff::Timestamp;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use serde::Deserialize;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::{DecodePem as _, Encode as _};
use x509_cert::ext::pkix::ExtendedKeyUsage;

use crate::canonical::{Line, instant, parse_instant};
use crate::digest::Digest;
use crate::entry::SEQUENCE_MAX;
use crate::word::TerminalId;

/// Version of the statement that is written.
pub const CHECKPOINT_VERSION: u8 = 1;
/// Extended key usage that a log certificate carries: signs checkpoints of a device log. The number lies under the one
/// reserved for documentation (RFC 5612): an operator who issues real certificates replaces it by their own.
pub const LOG_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.1.3");
/// Bytes of the longest DER signature over P-256.
const SIGNATURE_BYTES_MAX: usize = 72;
const STATEMENT_BYTES_MAX: usize = 512;

/// A signed statement about the log up to one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log.
    pub terminal_id: TerminalId,
    /// The newest entry when it was signed.
    pub sequence: u64,
    /// SHA-256 of that entry's canonical bytes.
    pub entry_hash: Digest,
    /// When it was signed, by the terminal's clock; milliseconds.
    pub signed_at: Timestamp,
    /// DER ECDSA-Sig-Value over [`Checkpoint::statement`], made with P-256 and SHA-256.
    pub signature: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    checkpoint: u8,
    entry_hash: &'a str,
    sequence: u64,
    signed_at: &'a str,
    terminal_id: &'a str,
}

pub(crate) fn statement(
    terminal_id: &TerminalId,
    sequence: u64,
    entry_hash: &Digest,
    signed_at: Timestamp,
) -> String {
    let mut line = Line::new();
    line.number("checkpoint", u64::from(CHECKPOINT_VERSION));
    line.text("entry_hash", &entry_hash.to_string());
    line.number("sequence", sequence);
    line.text("signed_at", &instant(signed_at));
    line.text("terminal_id", terminal_id.as_str());
    line.end()
}

impl Checkpoint {
    /// The bytes that are signed (version 1).
    #[must_use]
    pub fn statement(&self) -> String {
        statement(&self.terminal_id, self.sequence, &self.entry_hash, self.signed_at)
    }

    /// Takes a stored statement and its signature; `None` when it is not canonical.
    pub(crate) fn parse(text: &str, signature: &[u8]) -> Option<Self> {
        if text.len() > STATEMENT_BYTES_MAX || signature.len() > SIGNATURE_BYTES_MAX {
            return None;
        }
        let raw: Raw<'_> = serde_json::from_str(text).ok()?;
        let known = raw.checkpoint == CHECKPOINT_VERSION && raw.sequence <= SEQUENCE_MAX;
        let parsed = Self {
            terminal_id: TerminalId::parse(raw.terminal_id).ok()?,
            sequence: raw.sequence,
            entry_hash: Digest::parse(raw.entry_hash)?,
            signed_at: parse_instant(raw.signed_at)?,
            signature: signature.to_vec(),
        };
        (known && parsed.statement() == text).then_some(parsed)
    }
}

/// The key could not sign.
#[derive(Debug, thiserror::Error)]
#[error("the log key did not sign: {what}")]
pub struct SignFault {
    /// What happened, for operators.
    pub what: String,
}

/// The terminal's log key, wherever it lies: in a file, in a TPM.
pub trait CheckpointSigner {
    /// Signs `statement` with ECDSA over P-256 and SHA-256; gives a DER ECDSA-Sig-Value.
    ///
    /// # Errors
    /// When the key cannot be used.
    fn sign(&self, statement: &[u8]) -> Result<Vec<u8>, SignFault>;
}

/// A text is not a P-256 key that can be used for the log.
#[derive(Debug, thiserror::Error)]
pub enum KeyRefused {
    /// Not the PEM of a PKCS #8 P-256 private key. The cause is not kept: it could quote the key.
    #[error("not a P-256 private key in PKCS #8 PEM")]
    PrivateKey,
    /// No certificate and no public key in the text.
    #[error("no certificate and no public key found: PEM blocks CERTIFICATE or PUBLIC KEY are expected")]
    Nothing,
    /// A block is not a P-256 public key.
    #[error("PEM block {block} is not a P-256 public key")]
    PublicKey {
        /// Which, from 1.
        block: usize,
    },
    /// A certificate was issued for another purpose.
    #[error(
        "the certificate in PEM block {block} is not for log checkpoints: extended key usage {LOG_KEY_USAGE} is missing"
    )]
    OtherPurpose {
        /// Which, from 1.
        block: usize,
    },
}

/// The log key in a file; wiped from memory when dropped.
pub struct FileSigner(SigningKey);

impl FileSigner {
    /// Takes the PEM of a PKCS #8 P-256 private key. The caller wipes `pem`.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_pem(pem: &str) -> Result<Self, KeyRefused> {
        SigningKey::from_pkcs8_pem(pem).map(Self).map_err(|_| KeyRefused::PrivateKey)
    }
}

impl CheckpointSigner for FileSigner {
    fn sign(&self, statement: &[u8]) -> Result<Vec<u8>, SignFault> {
        let signature: Signature =
            self.0.try_sign(statement).map_err(|error| SignFault { what: error.to_string() })?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// The public keys whose checkpoints count: the terminal's log certificate and, after a renewal, the former ones.
#[derive(Clone, Debug)]
pub struct CheckpointKeys(Vec<VerifyingKey>);

impl CheckpointKeys {
    /// Takes PEM with one or more blocks `CERTIFICATE` or `PUBLIC KEY`. A certificate must carry [`LOG_KEY_USAGE`];
    /// who issued it is not checked here (docs/device-log.md has the command).
    ///
    /// # Errors
    /// When a block is not a P-256 key, or a certificate is for another purpose, or there is nothing.
    pub fn from_pem(text: &str) -> Result<Self, KeyRefused> {
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some((_, from)) = rest.split_once("-----BEGIN ") {
            let block = keys.len() + 1;
            let label = from.split("-----").next().unwrap_or_default();
            let end = format!("-----END {label}-----");
            let (body, after) = from.split_once(&end).ok_or(KeyRefused::PublicKey { block })?;
            let pem = format!("-----BEGIN {body}{end}\n");
            keys.push(match label {
                "CERTIFICATE" => key_of_certificate(&pem, block)?,
                _ => VerifyingKey::from_public_key_pem(&pem).map_err(|_| KeyRefused::PublicKey { block })?,
            });
            rest = after;
        }
        if keys.is_empty() {
            return Err(KeyRefused::Nothing);
        }
        Ok(Self(keys))
    }

    /// True when one of the keys made the checkpoint's signature.
    #[must_use]
    pub fn signed(&self, checkpoint: &Checkpoint) -> bool {
        let Ok(signature) = Signature::from_der(&checkpoint.signature) else {
            return false;
        };
        let statement = checkpoint.statement();
        self.0.iter().any(|key| key.verify(statement.as_bytes(), &signature).is_ok())
    }
}

fn key_of_certificate(pem: &str, block: usize) -> Result<VerifyingKey, KeyRefused> {
    let certificate = x509_cert::Certificate::from_pem(pem).map_err(|_| KeyRefused::PublicKey { block })?;
    let usage = certificate.tbs_certificate().get_extension::<ExtendedKeyUsage>();
    if !matches!(usage, Ok(Some((_, usage))) if usage.0.contains(&LOG_KEY_USAGE)) {
        return Err(KeyRefused::OtherPurpose { block });
    }
    let key = certificate.tbs_certificate().subject_public_key_info().to_der();
    let key = key.map_err(|_| KeyRefused::PublicKey { block })?;
    VerifyingKey::from_public_key_der(&key).map_err(|_| KeyRefused::PublicKey { block })
}
