//! How the host knows a holder again without keeping who it is: HMAC-SHA-256 over the certificate's issuer key and serial.
//!
//! Invariants:
//! - Serial numbers are never stored and never logged; without the key the hash says nothing, with it one can only ask
//!   "was it this certificate".
//! - The hash names a certificate, not a person: after a renewal the same person is somebody new to the host
//!   (docs/host.md, "Renewal").
//! - Every hash carries the id of the key that made it, so that the key can be replaced.

use aws_lc_rs::hmac;

use crate::HostError;
use crate::config::HolderKeys as Settings;
use crate::key_file::SecretKey;

/// Separates this use of the key from any other.
const LABEL: &[u8] = b"myna-host holder v1";

/// What a key is known again by, in the books.
const KEY_LABEL: &[u8] = b"myna-host holder key v1";

/// A keyed hash of one certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct HolderHash {
    /// Which key made it.
    pub key_id: String,
    /// HMAC-SHA-256, 32 bytes.
    pub hash: [u8; 32],
}

impl std::fmt::Debug for HolderHash {
    /// Without the hash: logs that can be joined by holder would be what the hash is there to prevent.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HolderHash").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// The hashes of one certificate under every key that is still known, the current key's first.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Under the current key: goes into new records.
    pub current: HolderHash,
    /// Under earlier keys: older records are found by these.
    pub previous: Vec<HolderHash>,
}

impl Holder {
    /// All hashes.
    pub fn hashes(&self) -> impl Iterator<Item = &HolderHash> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

struct NamedKey {
    id: String,
    key: hmac::Key,
}

impl NamedKey {
    fn load(id: &str, path: &std::path::Path) -> Result<Self, HostError> {
        let secret = SecretKey::load("the holder key", path)?;
        Ok(Self { id: id.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, secret.expose()) })
    }

    fn hash(&self, authority_key_id: &[u8], serial: &[u8]) -> HolderHash {
        self.hash_parts(&[LABEL, authority_key_id, serial])
    }

    fn hash_parts(&self, parts: &[&[u8]]) -> HolderHash {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            // Lengths first: two fields can never run into each other.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.sign().as_ref());
        HolderHash { key_id: self.id.clone(), hash }
    }
}

/// The keys for holder hashes.
pub struct HolderKeys {
    current: NamedKey,
    previous: Vec<NamedKey>,
}

impl HolderKeys {
    /// Loads the keys that the configuration names.
    ///
    /// # Errors
    /// [`HostError`] where a file is missing, malformed, or open to others.
    pub fn load(settings: &Settings) -> Result<Self, HostError> {
        let current = NamedKey::load(&settings.key_id, &settings.key_file)?;
        let previous = settings
            .previous
            .iter()
            .map(|key| NamedKey::load(&key.key_id, &key.key_file))
            .collect::<Result<_, _>>()?;
        Ok(Self { current, previous })
    }

    /// Id of the current key.
    #[must_use]
    pub fn current_id(&self) -> &str {
        &self.current.id
    }

    /// What tells each key from any other under the same id; says nothing about the key or a holder.
    #[must_use]
    pub fn marks(&self) -> Vec<HolderHash> {
        std::iter::once(&self.current).chain(&self.previous).map(|key| key.hash_parts(&[KEY_LABEL])).collect()
    }

    /// The holder of a certificate, by its authority key identifier and its serial number (DER content bytes).
    #[must_use]
    pub fn holder(&self, authority_key_id: &[u8], serial: &[u8]) -> Holder {
        Holder {
            current: self.current.hash(authority_key_id, serial),
            previous: self.previous.iter().map(|key| key.hash(authority_key_id, serial)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, byte: u8) -> NamedKey {
        NamedKey { id: id.to_owned(), key: hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]) }
    }

    #[test]
    fn issuer_and_serial_do_not_run_into_each_other() {
        let key = key("a", 1);
        assert!(key.hash(b"ab", b"c") != key.hash(b"a", b"bc"));
        assert!(key.hash(b"ab", b"c") == key.hash(b"ab", b"c"));
    }

    #[test]
    fn another_key_gives_another_hash_with_its_own_id() {
        let keys = HolderKeys { current: key("b", 2), previous: vec![key("a", 1)] };
        let holder = keys.holder(b"issuer", b"serial");
        assert_eq!(holder.current.key_id, "b");
        assert_ne!(holder.current.hash, holder.previous[0].hash);
        assert_eq!(holder.hashes().count(), 2);
        assert_eq!(holder.previous[0].hash, key("a", 1).hash(b"issuer", b"serial").hash);
    }

    #[test]
    fn debug_shows_no_hash() {
        let hash = key("a", 1).hash(b"issuer", b"serial");
        assert_eq!(format!("{hash:?}"), r#"HolderHash { key_id: "a", .. }"#);
    }
}
