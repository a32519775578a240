//! The signed requests, kept as evidence: encrypted, apart from the books that every request needs, and not for ever.
//!
//! Invariants:
//! - AES-256-GCM with a random nonce; the request id is the associated data, so a row cannot be put in another's place.
//! - Every row names the key that sealed it. The books work without any evidence key.
//! - A key seals at most 2^32 rows in its life (NIST SP 800-38D section 8.3, random nonces): replace it long before.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use uuid::Uuid;

use crate::HostError;
use crate::config::Evidence as Settings;
use crate::key_file::SecretKey;

const NONCE_BYTES: usize = 12;
/// What the id of a key is derived from: an id that is configured by hand can name the wrong key.
const KEY_ID_LABEL: &[u8] = b"myna-host evidence key id v1";
const KEY_ID_BYTES: usize = 8;

/// One sealed request.
#[derive(Debug)]
pub struct SealedEvidence {
    /// Which key opens it.
    pub key_id: String,
    /// GCM nonce.
    pub nonce: [u8; NONCE_BYTES],
    /// Cipher text and tag.
    pub sealed: Vec<u8>,
}

/// Why evidence cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The library refused to encrypt.
    #[error("evidence cannot be sealed")]
    Seal(#[source] aws_lc_rs::error::Unspecified),
    /// No key with that id is configured.
    #[error("evidence was sealed with key {0}, which is not configured")]
    UnknownKey(String),
    /// Wrong key, changed bytes, or the row of another request.
    #[error("evidence of request {request_id} does not open: changed, or not this request's")]
    Open {
        /// The request.
        request_id: Uuid,
        /// From the library; says nothing more.
        #[source]
        source: aws_lc_rs::error::Unspecified,
    },
}

struct NamedKey {
    id: String,
    key: RandomizedNonceKey,
}

impl NamedKey {
    fn load(path: &std::path::Path) -> Result<Self, HostError> {
        let secret = SecretKey::load("the evidence key", path)?;
        let named = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose()), KEY_ID_LABEL);
        let key = RandomizedNonceKey::new(&AES_256_GCM, secret.expose())
            .map_err(|_| HostError::KeyFile { path: path.to_owned(), what: "it is not an AES-256 key" })?;
        Ok(Self { id: hex::encode(named.as_ref().get(..KEY_ID_BYTES).unwrap_or_default()), key })
    }
}

/// Seals and opens evidence.
pub struct EvidenceVault {
    current: NamedKey,
    previous: Vec<NamedKey>,
}

impl EvidenceVault {
    /// Loads the keys that the configuration names.
    ///
    /// # Errors
    /// [`HostError`] where a file is missing, malformed, or open to others.
    pub fn load(settings: &Settings) -> Result<Self, HostError> {
        Ok(Self {
            current: NamedKey::load(&settings.key_file)?,
            previous: settings
                .previous_key_files
                .iter()
                .map(|path| NamedKey::load(path))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Encrypts a signed request.
    ///
    /// # Errors
    /// [`EvidenceError::Seal`] where the library fails.
    pub fn seal(&self, request_id: Uuid, cms: &[u8]) -> Result<SealedEvidence, EvidenceError> {
        let mut sealed = cms.to_vec();
        let nonce = self
            .current
            .key
            .seal_in_place_append_tag(Aad::from(request_id.as_bytes()), &mut sealed)
            .map_err(EvidenceError::Seal)?;
        Ok(SealedEvidence { key_id: self.current.id.clone(), nonce: *nonce.as_ref(), sealed })
    }

    /// Decrypts a signed request.
    ///
    /// # Errors
    /// [`EvidenceError`] where the key is not known or the bytes are not what was sealed for this request.
    pub fn open(&self, request_id: Uuid, evidence: SealedEvidence) -> Result<Vec<u8>, EvidenceError> {
        let mut known = std::iter::once(&self.current).chain(&self.previous);
        let Some(key) = known.find(|key| key.id == evidence.key_id) else {
            return Err(EvidenceError::UnknownKey(evidence.key_id));
        };
        let mut bytes = evidence.sealed;
        let nonce = Nonce::assume_unique_for_key(evidence.nonce);
        let plain = key
            .key
            .open_in_place(nonce, Aad::from(request_id.as_bytes()), &mut bytes)
            .map_err(|source| EvidenceError::Open { request_id, source })?
            .len();
        bytes.truncate(plain);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn vault(keys: &[u8]) -> EvidenceVault {
        let dir = tempfile::tempdir().unwrap();
        let mut files = keys.iter().map(|byte| {
            let path = dir.path().join(byte.to_string());
            std::fs::write(&path, hex::encode([*byte; 32])).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path
        });
        let key_file = files.next().unwrap();
        EvidenceVault::load(&Settings { key_file, previous_key_files: files.collect(), keep_days: 1 })
            .unwrap()
    }

    #[test]
    fn sealed_evidence_opens_and_hides_its_content() {
        let vault = vault(&[1]);
        let id = Uuid::from_u128(7);
        let sealed = vault.seal(id, b"signed request").unwrap();
        assert!(!sealed.sealed.windows(6).any(|w| w == b"signed"));
        assert_eq!(vault.open(id, sealed).unwrap(), b"signed request");
    }

    #[test]
    fn evidence_of_another_request_does_not_open() {
        let vault = vault(&[1]);
        let sealed = vault.seal(Uuid::from_u128(7), b"signed request").unwrap();
        assert!(matches!(vault.open(Uuid::from_u128(8), sealed), Err(EvidenceError::Open { .. })));
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let vault = vault(&[1]);
        let id = Uuid::from_u128(7);
        for at in 0..30 {
            let mut sealed = vault.seal(id, b"signed request").unwrap();
            sealed.sealed[at] ^= 1;
            assert!(matches!(vault.open(id, sealed), Err(EvidenceError::Open { .. })), "{at}");
        }
    }

    #[test]
    fn a_replaced_key_still_opens_and_a_lost_one_says_so() {
        let id = Uuid::from_u128(7);
        let sealed = || vault(&[1]).seal(id, b"signed request").unwrap();
        assert!(vault(&[2, 1]).open(id, sealed()).is_ok());
        assert!(matches!(vault(&[2]).open(id, sealed()), Err(EvidenceError::UnknownKey(_))));
    }
}
