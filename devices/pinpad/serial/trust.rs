//! Who the pad is, and the keys of one entry.
//!
//! Invariants:
//! - No key of an entry exists before the pad has signed both ephemeral keys with the identity that the configuration
//!   names.
//! - Keys are made for one entry and wiped with it; the private half, the shared secret and the derived keys are in memory
//!   that their library wipes, or in `Zeroizing`.
//! - A nonce is a counter and is used once. What is opened is opened in its place.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use zeroize::Zeroizing;

/// A point of P-256, uncompressed (SEC 1, 2.3.3).
pub(super) const POINT_BYTES: usize = 65;
/// r and s.
const SIGNATURE_BYTES: usize = 64;
/// Of AES-GCM.
pub(super) const TAG_BYTES: usize = 16;
const KEY_BYTES: usize = 32;

/// What the pad signs begins so; the closing zero is part of it.
const SIGNED: &[u8] = b"myna-atm pin pad 1 identity\0";
const TO_PAD: &[u8] = b"myna-atm pin pad 1 to pad";
const FROM_PAD: &[u8] = b"myna-atm pin pad 1 from pad";

/// The pad that the configuration means: SHA-256 over its public identity key as an uncompressed point.
#[derive(Clone, PartialEq, Eq)]
pub struct PadIdentity([u8; 32]);

/// The text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pad's fingerprint is 64 hex digits, colons and spaces allowed")]
pub struct NotAFingerprint;

impl PadIdentity {
    /// From 64 hex digits, as the pad's maker, or `pin-pad-simulator identity`, prints them.
    ///
    /// # Errors
    /// When they are no fingerprint.
    pub fn from_hex(text: &str) -> Result<Self, NotAFingerprint> {
        let digits: String = text.chars().filter(|sign| !matches!(sign, ':' | ' ')).collect();
        let mut fingerprint = [0; 32];
        hex::decode_to_slice(digits, &mut fingerprint).map_err(|_| NotAFingerprint)?;
        Ok(Self(fingerprint))
    }

    fn is_of(&self, public_key: &[u8]) -> bool {
        digest(&SHA256, public_key).as_ref() == self.0
    }
}

impl fmt::Display for PadIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PadIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PadIdentity({self})")
    }
}

/// Why a pad is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotTrusted {
    #[error("its answer is not as long as an identity")]
    Length,
    #[error("it is another pad than the configured one")]
    OtherPad,
    #[error("it did not sign with the key that it says it has")]
    Signature,
    #[error("its ephemeral key is no point of the curve")]
    Point,
    #[error("the cryptographic library failed")]
    Library,
}

/// Our half of a key agreement.
pub(super) struct Hello {
    private: PrivateKey,
    public: [u8; POINT_BYTES],
}

impl Hello {
    pub(super) fn new() -> Result<Self, NotTrusted> {
        PrivateKey::generate(&ECDH_P256).map_err(|_| NotTrusted::Library).and_then(Self::of)
    }

    pub(super) fn of(private: PrivateKey) -> Result<Self, NotTrusted> {
        let public = private.compute_public_key().map_err(|_| NotTrusted::Library)?;
        let public = public.as_ref().try_into().map_err(|_| NotTrusted::Library)?;
        Ok(Self { private, public })
    }

    /// What the pad is told.
    pub(super) fn public(&self) -> &[u8; POINT_BYTES] {
        &self.public
    }

    /// Checks who answered, and makes the entry's keys.
    pub(super) fn agree(&self, answer: &[u8], expected: &PadIdentity) -> Result<Session, NotTrusted> {
        let (identity, rest) = answer.split_first_chunk::<POINT_BYTES>().ok_or(NotTrusted::Length)?;
        let (ephemeral, signature) = rest.split_first_chunk::<POINT_BYTES>().ok_or(NotTrusted::Length)?;
        if signature.len() != SIGNATURE_BYTES {
            return Err(NotTrusted::Length);
        }
        if !expected.is_of(identity) {
            return Err(NotTrusted::OtherPad);
        }
        let signed = [SIGNED, &self.public, ephemeral, identity].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, identity)
            .verify(&signed, signature)
            .map_err(|_| NotTrusted::Signature)?;

        let salt = digest(&SHA256, &signed);
        let peer = agreement::UnparsedPublicKey::new(&ECDH_P256, ephemeral);
        let keys = agreement::agree(&self.private, peer, Unspecified, |shared| {
            let secret = Salt::new(HKDF_SHA256, salt.as_ref()).extract(shared);
            let key = |purpose: &'static [u8]| {
                // Through a buffer of ours: the library's own way leaves the key on the stack.
                let mut bytes = Zeroizing::new([0; KEY_BYTES]);
                secret.expand(&[purpose], KeyLength)?.fill(&mut *bytes)?;
                UnboundKey::new(&AES_256_GCM, &*bytes).map(LessSafeKey::new)
            };
            Ok((key(TO_PAD)?, key(FROM_PAD)?))
        });
        let (to_pad, from_pad) = keys.map_err(|_| NotTrusted::Point)?;
        Ok(Session { to_pad, from_pad, sealed: 0, opened: 0 })
    }
}

struct KeyLength;

impl KeyType for KeyLength {
    fn len(&self) -> usize {
        KEY_BYTES
    }
}

/// The keys of one entry.
pub(super) struct Session {
    to_pad: LessSafeKey,
    from_pad: LessSafeKey,
    sealed: u64,
    opened: u64,
}

impl Session {
    /// Seals the next message to the pad. `head` is authenticated with it.
    pub(super) fn seal(&mut self, head: [u8; 4], message: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = message.to_vec();
        self.to_pad.seal_in_place_append_tag(nonce(self.sealed), Aad::from(head), &mut sealed).ok()?;
        self.sealed = self.sealed.checked_add(1)?;
        Some(sealed)
    }

    /// Opens the next message of the pad in its place.
    pub(super) fn open<'m>(&mut self, head: [u8; 4], payload: &'m mut [u8]) -> Option<&'m mut [u8]> {
        let message = self.from_pad.open_in_place(nonce(self.opened), Aad::from(head), payload).ok()?;
        self.opened = self.opened.checked_add(1)?;
        Some(message)
    }
}

/// Four zeros and the counter.
fn nonce(count: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    let counter = bytes.last_chunk_mut::<8>();
    if let Some(place) = counter {
        *place = count.to_be_bytes();
    }
    Nonce::assume_unique_for_key(bytes)
}
