//! RFC 5280 6.1.3 for a path of one certificate under one anchor.

use jiff::Timestamp;
use x509_parser::extensions::{AuthorityKeyIdentifier, GeneralName, ParsedExtension};

use super::{Purpose, shape};
use crate::anchor::{AnchorKind, TrustAnchor};
use crate::certificate::Certificate;
use crate::oids::extension;
use crate::refused::CertificateRefused;

/// RFC 5280 6.1.3 (a)(4): "The certificate issuer name is the working_issuer_name", compared byte by byte;
/// and 4.2.1.1: the authority key identifier serves "where an issuer has multiple signing keys". All
/// generations of the card's authority share one name, so the key identifier is what chooses.
pub(crate) fn authority<'t>(
    certificate: &Certificate<'_>,
    anchors: &'t [TrustAnchor],
    purpose: Purpose,
) -> Result<&'t TrustAnchor, CertificateRefused> {
    let key_id = authority_key_identifier(certificate)
        .and_then(|found| found.key_identifier.as_ref())
        .ok_or(CertificateRefused::NoAuthorityKeyId)?;
    let mut same_name = anchors
        .iter()
        .filter(|anchor| purpose.may_end_at(anchor.kind) && anchor.subject == certificate.issuer)
        .peekable();
    if same_name.peek().is_none() {
        return Err(CertificateRefused::UnknownIssuer);
    }
    same_name.find(|anchor| anchor.key_id == key_id.0).ok_or(CertificateRefused::UnknownGeneration)
}

/// RFC 5280 4.2.1.1: authorityCertIssuer and authorityCertSerialNumber, where present, name the issuer's
/// certificate.
pub(crate) fn authority_name_and_serial(
    certificate: &Certificate<'_>,
    anchor: &TrustAnchor,
) -> Result<(), CertificateRefused> {
    let found = authority_key_identifier(certificate).ok_or(CertificateRefused::NoAuthorityKeyId)?;
    let fits = match (&found.authority_cert_issuer, found.authority_cert_serial) {
        (None, None) => true,
        (Some(names), Some(serial)) => {
            let same_name = matches!(
                names.as_slice(), [GeneralName::DirectoryName(name)] if name.as_raw() == anchor.subject
            );
            same_name && serial == anchor.serial
        }
        // X.509 and RFC 5280 A.2: both are present or both are absent.
        _ => false,
    };
    if fits { Ok(()) } else { Err(CertificateRefused::AuthorityNameOrSerial) }
}

/// RFC 5280 6.1.3 (a)(1): "The signature on the certificate can be verified using
/// working_public_key_algorithm, the working_public_key". Over the received bytes.
pub(crate) fn signature(
    certificate: &Certificate<'_>,
    anchor: &TrustAnchor,
) -> Result<(), CertificateRefused> {
    if shape::signature_algorithm(certificate) != Some(anchor.key.algorithm) {
        return Err(CertificateRefused::SignatureAlgorithm);
    }
    anchor.key.verify(certificate.tbs, certificate.signature).map_err(CertificateRefused::Signature)
}

/// RFC 5280 6.1.3 (a)(2): "The certificate validity period includes the current time." Both ends are
/// inclusive (4.1.2.5); notAfter names a second, all of which is included.
pub(crate) fn validity(certificate: &Certificate<'_>, at: Timestamp) -> Result<(), CertificateRefused> {
    if at < certificate.not_before {
        return Err(CertificateRefused::NotYetValid { not_before: certificate.not_before });
    }
    if at.as_second() > certificate.not_after.as_second() {
        return Err(CertificateRefused::Expired { not_after: certificate.not_after });
    }
    Ok(())
}

/// Our rule, stricter than RFC 5280 6.1.1 (d), which takes anchors as given: an authority whose own time is
/// over vouches for nobody.
pub(crate) fn anchor_validity(anchor: &TrustAnchor, at: Timestamp) -> Result<(), CertificateRefused> {
    let open = anchor.not_before <= at && at.as_second() <= anchor.not_after.as_second();
    if open { Ok(()) } else { Err(CertificateRefused::AnchorNotInForce) }
}

/// RFC 5280 6.1.1 (d) leaves to the user which anchors count: test roots only where the configuration allows
/// them. Tells a test card apart from an unknown one.
pub(crate) fn test_root_not_allowed(
    certificate: &Certificate<'_>,
    anchors: &[TrustAnchor],
) -> Result<(), CertificateRefused> {
    match authority(certificate, anchors, Purpose::Card) {
        Ok(anchor) if anchor.kind == AnchorKind::Test => Err(CertificateRefused::TestRootNotAllowed),
        _ => Ok(()),
    }
}

fn authority_key_identifier<'c, 'a>(
    certificate: &'c Certificate<'a>,
) -> Option<&'c AuthorityKeyIdentifier<'a>> {
    match certificate.extension(extension::AUTHORITY_KEY_ID)?.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(found) => Some(found),
        _ => None,
    }
}
