//! RFC 5280 4.1 and 4.2: what every certificate must be.

use x509_parser::extensions::ParsedExtension;

use crate::algorithm::CardAlgorithm;
use crate::asn1::{element, oid, sequence, tag};
use crate::certificate::Certificate;
use crate::oids::{self, extension};
use crate::refused::CertificateRefused;

/// RFC 5280 4.1.2.1: "When extensions are used, as expected in this profile, version MUST be 3 (value is 2)."
pub(crate) fn version(certificate: &Certificate<'_>) -> Result<(), CertificateRefused> {
    let is_3 = certificate.version.is_some_and(|version| version.value == [tag::INTEGER, 1, 2]);
    if is_3 { Ok(()) } else { Err(CertificateRefused::Version) }
}

/// RFC 5280 4.1.2.2: "The serial number MUST be a positive integer"; "Conforming CAs MUST NOT use serialNumber
/// values longer than 20 octets."
pub(crate) fn serial(certificate: &Certificate<'_>) -> Result<(), CertificateRefused> {
    let positive = match certificate.serial {
        [0] | [] => false,
        // X.690 8.3.2: a leading zero only where the next bit is set.
        [0, second, ..] => *second >= 0x80,
        [first, ..] => *first < 0x80,
    };
    if positive && certificate.serial.len() <= 20 { Ok(()) } else { Err(CertificateRefused::Serial) }
}

/// RFC 5280 4.1.1.2: "This field MUST contain the same algorithm identifier as the signature field in the
/// sequence tbsCertificate". The algorithm must be one that authorities of this system use.
pub(crate) fn one_signature_algorithm(certificate: &Certificate<'_>) -> Result<(), CertificateRefused> {
    let same = certificate.inner_algorithm == certificate.outer_algorithm;
    if same && signature_algorithm(certificate).is_some() {
        Ok(())
    } else {
        Err(CertificateRefused::SignatureAlgorithm)
    }
}

/// RFC 4055 5: sha256WithRSAEncryption has NULL parameters; RFC 5758 3.2: ecdsa-with-SHA256 has none.
pub(crate) fn signature_algorithm(certificate: &Certificate<'_>) -> Option<CardAlgorithm> {
    let algorithm = certificate.inner_algorithm;
    if algorithm == sequence(&[&oid(oids::SHA256_WITH_RSA), &element(tag::NULL, &[])]) {
        Some(CardAlgorithm::Rsa2048Sha256)
    } else if algorithm == sequence(&[&oid(oids::ECDSA_SHA256)]) {
        Some(CardAlgorithm::EcdsaP256Sha256)
    } else {
        None
    }
}

/// RFC 5280 4.1.2.8: "CAs conforming to this profile MUST NOT generate certificates with unique identifiers."
pub(crate) fn no_unique_ids(certificate: &Certificate<'_>) -> Result<(), CertificateRefused> {
    if certificate.has_unique_ids { Err(CertificateRefused::UniqueId) } else { Ok(()) }
}

/// RFC 5280 4.2: "A certificate MUST NOT include more than one instance of a particular extension."
pub(crate) fn no_double_extension(certificate: &Certificate<'_>) -> Result<(), CertificateRefused> {
    let mut seen: Vec<&[u8]> =
        certificate.x509.extensions().iter().map(|extension| extension.oid.as_bytes()).collect();
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    if seen.len() == count { Ok(()) } else { Err(CertificateRefused::DoubleExtension) }
}

/// RFC 5280 4.2: a system "MUST reject the certificate if it encounters [...] a critical extension that
/// contains information that it cannot process"; here any known extension that cannot be read.
pub(crate) fn readable_extensions(certificate: &Certificate<'_>) -> Result<(), CertificateRefused> {
    let unreadable = |found: &ParsedExtension<'_>| matches!(found, ParsedExtension::ParseError { .. });
    if certificate.x509.extensions().iter().any(|found| unreadable(found.parsed_extension())) {
        Err(CertificateRefused::UnreadableExtension)
    } else {
        Ok(())
    }
}

/// RFC 5280 4.2: "A certificate-using system MUST reject the certificate if it encounters a critical
/// extension it does not recognize". Recognised are the extensions that a clause judges.
pub(crate) fn no_unknown_critical(certificate: &Certificate<'_>) -> Result<(), CertificateRefused> {
    let judged = [
        extension::KEY_USAGE,
        extension::EXTENDED_KEY_USAGE,
        extension::CERTIFICATE_POLICIES,
        extension::BASIC_CONSTRAINTS,
        extension::AUTHORITY_KEY_ID,
        extension::SUBJECT_KEY_ID,
    ];
    let known = |id: &[u8]| judged.iter().any(|judged| judged.as_bytes() == id);
    let mut critical = certificate.x509.extensions().iter().filter(|found| found.critical);
    if critical.all(|found| known(found.oid.as_bytes())) {
        Ok(())
    } else {
        Err(CertificateRefused::UnknownCriticalExtension)
    }
}
