//! The pad's identity, and its half of a key agreement. Written from `docs/pin-pad.md`, sharing nothing with the driver.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::point::AffineCoordinates as _;
use p256::{ProjectivePoint, PublicKey, SecretKey};
use sha2::{Digest as _, Sha256};

const SCALAR_BYTES: usize = 32;
const BLOCK_BYTES: usize = 64;

/// A pad's identity key.
#[derive(Clone)]
pub struct Identity {
    secret: SecretKey,
}

impl Identity {
    /// A new one.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> io::Result<Self> {
        loop {
            let mut scalar = [0; SCALAR_BYTES];
            getrandom::fill(&mut scalar).map_err(|_| io::Error::other("no random bytes"))?;
            // All but one in four thousand million are good.
            if let Ok(identity) = Self::from_scalar(&scalar) {
                return Ok(identity);
            }
        }
    }

    /// From 32 bytes, for vectors.
    ///
    /// # Errors
    /// When they are no private key of P-256.
    pub fn from_scalar(scalar: &[u8]) -> io::Result<Self> {
        let secret = SecretKey::from_slice(scalar)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no private key of P-256"))?;
        Ok(Self { secret })
    }

    /// From a file with 64 hex digits, which is made when it is missing.
    ///
    /// # Errors
    /// When the file cannot be read, made or understood.
    pub fn open_or_create(path: &Path) -> io::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let scalar = hex::decode(text.trim())
                    .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not 64 hex digits"))?;
                Self::from_scalar(&scalar)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let identity = Self::generate()?;
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
                writeln!(file, "{}", hex::encode(identity.secret.to_bytes()))?;
                Ok(identity)
            }
            Err(error) => Err(error),
        }
    }

    /// The public key as an uncompressed point, 65 bytes.
    #[must_use]
    pub fn public_key(&self) -> Vec<u8> {
        self.secret.public_key().to_sec1_bytes().to_vec()
    }

    /// SHA-256 of the public key, in hex: what a terminal's configuration names.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(self.public_key()))
    }
}

/// Both ends' keys of one entry, as the pad holds them.
pub(crate) struct Keys {
    from_host: LessSafeKey,
    to_host: LessSafeKey,
    heard: u64,
    said: u64,
}

/// The pad's answer to a greeting: identity, ephemeral key, signature; and the entry's keys.
pub(crate) fn answer(
    identity: &Identity,
    signer: &Identity,
    ephemeral: &Identity,
    host: &[u8],
) -> Option<(Vec<u8>, Keys)> {
    let host_point = PublicKey::from_sec1_bytes(host).ok()?;
    let own_point = ephemeral.public_key();
    let name = identity.public_key();
    let statement = [b"myna-atm pin pad 1 identity\0", host, &own_point, &name].concat();
    let signature: Signature = SigningKey::from(&signer.secret).sign(&statement);

    let scalar = *ephemeral.secret.to_nonzero_scalar();
    let shared = (ProjectivePoint::from(*host_point.as_affine()) * scalar).to_affine().x();
    let secret = hmac(&Sha256::digest(&statement), &[&shared]);
    let key = |purpose: &[u8]| {
        // The first block of HKDF's expansion is all of a key.
        let bytes = hmac(&secret, &[purpose, &[1]]);
        UnboundKey::new(&AES_256_GCM, &bytes).ok().map(LessSafeKey::new)
    };
    let keys = Keys {
        from_host: key(b"myna-atm pin pad 1 to pad")?,
        to_host: key(b"myna-atm pin pad 1 from pad")?,
        heard: 0,
        said: 0,
    };
    Some(([name, own_point, signature.to_bytes().to_vec()].concat(), keys))
}

impl Keys {
    /// What the host sealed in a frame with this head.
    pub(crate) fn open(&mut self, head: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
        let mut text = payload.to_vec();
        let length = self.from_host.open_in_place(nonce(self.heard), Aad::from(head), &mut text).ok()?.len();
        text.truncate(length);
        self.heard += 1;
        Some(text)
    }

    /// Seals for the host.
    pub(crate) fn seal(&mut self, head: &[u8], text: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = text.to_vec();
        self.to_host.seal_in_place_append_tag(nonce(self.said), Aad::from(head), &mut sealed).ok()?;
        self.said += 1;
        Some(sealed)
    }
}

fn nonce(count: u64) -> Nonce {
    let mut bytes = [0; 12];
    for (place, byte) in bytes.iter_mut().rev().zip(count.to_le_bytes()) {
        *place = byte;
    }
    Nonce::assume_unique_for_key(bytes)
}

/// HMAC-SHA-256 (RFC 2104); no key here is longer than a block.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let padded = |pad: u8| -> [u8; BLOCK_BYTES] {
        let mut block = [pad; BLOCK_BYTES];
        for (place, byte) in block.iter_mut().zip(key) {
            *place ^= byte;
        }
        block
    };
    let inner =
        parts.iter().fold(Sha256::new().chain_update(padded(0x36)), |hash, part| hash.chain_update(part));
    Sha256::new().chain_update(padded(0x5C)).chain_update(inner.finalize()).finalize().into()
}
