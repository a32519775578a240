//! The subject's public key: exactly the keys of the profiles, in their one encoding.

use super::Purpose;
use crate::algorithm::{CardAlgorithm, PublicKey};
use crate::anchor::AnchorKind;
use crate::asn1::{element, oid, sequence, tag};
use crate::certificate::{Certificate, split_key_info, split_rsa_key};
use crate::oids;
use crate::refused::CertificateRefused;

/// Card profile: RSA with 2,048 bits and exponent 65537 (the card's legal rule names RSA). P-256 and P-384
/// are a hypothetical profile of the next card and accepted under a test root only. Our own machines: P-256.
pub(crate) fn clause(
    certificate: &Certificate<'_>,
    purpose: Purpose,
    anchor: AnchorKind,
) -> Result<(), CertificateRefused> {
    let key = read(certificate.key_info).ok_or(CertificateRefused::Key)?;
    let allowed = match (purpose, key.algorithm) {
        (Purpose::Card, CardAlgorithm::Rsa2048Sha256) => true,
        (Purpose::Card, _) => anchor == AnchorKind::Test,
        (Purpose::TerminalEvidence | Purpose::HostAnswer, algorithm) => {
            algorithm == CardAlgorithm::EcdsaP256Sha256
        }
    };
    if allowed { Ok(()) } else { Err(CertificateRefused::Key) }
}

/// RFC 3279 2.3.1: rsaEncryption with NULL; RFC 5480 2.1.1: id-ecPublicKey with a named curve; 2.2: the
/// uncompressed point.
pub(crate) fn read(key_info: &[u8]) -> Option<PublicKey> {
    let (identifier, key) = split_key_info(key_info).ok()?;
    let curve = |curve| sequence(&[&oid(oids::EC_PUBLIC_KEY), &oid(curve)]);
    let algorithm = if identifier == sequence(&[&oid(oids::RSA_ENCRYPTION), &element(tag::NULL, &[])]) {
        is_rsa_2048(key)?;
        CardAlgorithm::Rsa2048Sha256
    } else if identifier == curve(oids::P256) {
        is_point(key, 32).then_some(CardAlgorithm::EcdsaP256Sha256)?
    } else if identifier == curve(oids::P384) {
        is_point(key, 48).then_some(CardAlgorithm::EcdsaP384Sha384)?
    } else {
        return None;
    };
    Some(PublicKey { algorithm, key: key.to_vec() })
}

fn is_rsa_2048(key: &[u8]) -> Option<()> {
    let (modulus, exponent) = split_rsa_key(key).ok()?;
    let bits_2048 = matches!(modulus, [0, first, rest @ ..] if *first >= 0x80 && rest.len() == 255);
    (bits_2048 && exponent == [1, 0, 1]).then_some(())
}

fn is_point(key: &[u8], coordinate_bytes: usize) -> bool {
    key.first() == Some(&0x04) && key.len() == 1 + 2 * coordinate_bytes
}
