//! What the certified key may be used for.

use x509_parser::extensions::ParsedExtension;

use super::Purpose;
use crate::asn1::{oid, sequence, tag};
use crate::certificate::Certificate;
use crate::oids::{self, extension};
use crate::refused::CertificateRefused;

/// RFC 5280 4.2.1.3, digitalSignature: "verifying digital signatures, other than signatures on certificates
/// (bit 5) and CRLs (bit 6)". The profile sets this bit and no other; in particular not nonRepudiation, which
/// marks the signature certificate.
pub(crate) fn key_usage(certificate: &Certificate<'_>) -> Result<(), CertificateRefused> {
    const DIGITAL_SIGNATURE_ONLY: [u8; 4] = [tag::BIT_STRING, 2, 7, 0x80];
    match certificate.extension(extension::KEY_USAGE) {
        Some(found) if found.value == DIGITAL_SIGNATURE_ONLY => Ok(()),
        _ => Err(CertificateRefused::KeyUsage),
    }
}

/// RFC 5280 4.2.1.12: "If the extension is present, then the certificate MUST only be used for one of the
/// purposes indicated." Each profile names exactly one: clientAuth on the card, our own purposes on our own
/// certificates.
pub(crate) fn extended_key_usage(
    certificate: &Certificate<'_>,
    purpose: Purpose,
) -> Result<(), CertificateRefused> {
    let wanted = match purpose {
        Purpose::Card => oids::CLIENT_AUTH,
        Purpose::TerminalEvidence => oids::TERMINAL_EVIDENCE,
        Purpose::HostAnswer => oids::HOST_ANSWER,
    };
    match certificate.extension(extension::EXTENDED_KEY_USAGE) {
        Some(found) if found.value == sequence(&[&oid(wanted)]) => Ok(()),
        _ => Err(CertificateRefused::ExtendedKeyUsage),
    }
}

/// RFC 5280 4.2.1.9: "If the basic constraints extension is not present [...] or the extension is present but
/// the cA boolean is not asserted, then the certified public key MUST NOT be used to verify certificate
/// signatures." A leaf that claims to be an authority is no leaf of these profiles.
pub(crate) fn end_entity(certificate: &Certificate<'_>) -> Result<(), CertificateRefused> {
    match certificate.extension(extension::BASIC_CONSTRAINTS).map(|found| found.parsed_extension()) {
        None => Ok(()),
        Some(ParsedExtension::BasicConstraints(found)) if !found.ca => Ok(()),
        Some(_) => Err(CertificateRefused::Authority),
    }
}
