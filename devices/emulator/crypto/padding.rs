//! From the input of COMPUTE DIGITAL SIGNATURE to the block that RSA raises: PKCS #1 v1.5 and PSS (RFC 8017).

use sha2::{Digest, Sha256};

/// DER of DigestInfo up to the 32 hash bytes: SHA-256 with NULL parameters.
const SHA256_DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// Bytes of a SHA-256 hash, and of the PSS salt.
pub(crate) const HASH_BYTES: usize = 32;

/// SHA-256.
pub(crate) fn sha256(message: &[u8]) -> [u8; HASH_BYTES] {
    Sha256::digest(message).into()
}

/// Puts the SHA-256 DigestInfo around `hash`.
pub(crate) fn digest_info(hash: &[u8; HASH_BYTES]) -> Vec<u8> {
    [SHA256_DIGEST_INFO.as_slice(), hash].concat()
}

/// EMSA-PKCS1-v1_5 (RFC 8017, 9.2) over any bytes, as this card does: block type 01, at least 8 bytes of FF.
/// `None` if `content` is too long for the block.
pub(crate) fn pkcs1(content: &[u8], block_bytes: usize) -> Option<Vec<u8>> {
    let fill = block_bytes.checked_sub(content.len() + 3).filter(|fill| *fill >= 8)?;
    Some([&[0x00, 0x01], vec![0xFF; fill].as_slice(), &[0x00], content].concat())
}

/// EMSA-PSS (RFC 8017, 9.1.1) with SHA-256, MGF1-SHA-256 and a 32-byte salt, for a modulus whose top bit is set.
/// `None` if the block is too small.
pub(crate) fn pss(hash: &[u8; HASH_BYTES], salt: &[u8; HASH_BYTES], block_bytes: usize) -> Option<Vec<u8>> {
    let fill = block_bytes.checked_sub(2 * HASH_BYTES + 2)?;
    let inner = sha256(&[[0; 8].as_slice(), hash, salt].concat());
    let mut block = [vec![0; fill].as_slice(), &[0x01], salt].concat();
    for (byte, mask) in block.iter_mut().zip(mask(&inner)) {
        *byte ^= mask;
    }
    // One bit less than the modulus: the block stays below it.
    if let Some(top) = block.first_mut() {
        *top &= 0x7F;
    }
    block.extend_from_slice(&inner);
    block.push(0xBC);
    Some(block)
}

/// MGF1 with SHA-256 (RFC 8017, B.2.1), as an endless stream.
fn mask(seed: &[u8; HASH_BYTES]) -> impl Iterator<Item = u8> + use<'_> {
    (0u32..).flat_map(|counter| sha256(&[seed.as_slice(), &counter.to_be_bytes()].concat()))
}
