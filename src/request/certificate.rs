//! A certificate as read: the parts in their exact bytes, not yet judged. The clauses judge.
//!
//! Two readers see every certificate: our strict walk, which hands out raw bytes, and `x509-parser`, which
//! understands names and extensions. Both must succeed.

use const_oid::ObjectIdentifier;
use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer as _;

use crate::asn1::{DecodeError, Element, sequence, single, tag};
use crate::time::take_time;

/// Largest certificate taken, in bytes. The largest seen has 1,590; the card's file is planned for 2,048.
pub const CERTIFICATE_BYTES_MAX: usize = 4096;

/// Why bytes are not a certificate at all.
#[derive(Debug, thiserror::Error)]
pub enum NotACertificate {
    /// Longer than any certificate of this system.
    #[error("{bytes} bytes, more than {CERTIFICATE_BYTES_MAX}")]
    TooLong {
        /// Length in bytes.
        bytes: usize,
    },
    /// Not the outer structure of RFC 5280 4.1.
    #[error("not the structure of a certificate")]
    Structure(#[source] DecodeError),
    /// Names, key or extensions cannot be read.
    #[error("names, key or extensions cannot be read")]
    Parts(#[source] x509_parser::error::X509Error),
}

/// The parts of a certificate; all slices point into the input.
#[derive(Debug)]
pub(crate) struct Certificate<'a> {
    pub(crate) der: &'a [u8],
    /// The signed part.
    pub(crate) tbs: &'a [u8],
    /// Version as an element; `None` where it is absent (version 1).
    pub(crate) version: Option<Element<'a>>,
    /// The serial number's value octets.
    pub(crate) serial: &'a [u8],
    /// The serial number as an element.
    pub(crate) serial_element: &'a [u8],
    /// Algorithm inside the signed part.
    pub(crate) inner_algorithm: &'a [u8],
    /// Issuer name, whole element.
    pub(crate) issuer: &'a [u8],
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// Subject name, whole element.
    pub(crate) subject: &'a [u8],
    /// `SubjectPublicKeyInfo`, whole element.
    pub(crate) key_info: &'a [u8],
    /// Whether anything stands between the key and the extensions (the unique identifiers).
    pub(crate) has_unique_ids: bool,
    /// Algorithm outside the signed part.
    pub(crate) outer_algorithm: &'a [u8],
    /// The signature's octets; its BIT STRING has no unused bits.
    pub(crate) signature: &'a [u8],
    /// The other reader's view.
    pub(crate) x509: X509Certificate<'a>,
}

impl<'a> Certificate<'a> {
    pub(crate) fn parse(der: &'a [u8]) -> Result<Self, NotACertificate> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(NotACertificate::TooLong { bytes: der.len() });
        }
        let (rest, x509) = X509Certificate::from_der(der).map_err(|error| match error {
            x509_parser::nom::Err::Error(error) | x509_parser::nom::Err::Failure(error) => {
                NotACertificate::Parts(error)
            }
            x509_parser::nom::Err::Incomplete(_) => {
                NotACertificate::Structure(DecodeError::Truncated { what: "certificate" })
            }
        })?;
        if !rest.is_empty() {
            return Err(NotACertificate::Structure(DecodeError::Trailing { what: "certificate" }));
        }
        Self::walk(der, x509).map_err(NotACertificate::Structure)
    }

    fn walk(der: &'a [u8], x509: X509Certificate<'a>) -> Result<Self, DecodeError> {
        let mut outer = single(der, tag::SEQUENCE, "certificate")?.reader();
        let tbs = outer.take(tag::SEQUENCE, "tbsCertificate")?;
        let outer_algorithm = outer.take(tag::SEQUENCE, "signatureAlgorithm")?.raw;
        let signature = outer.take(tag::BIT_STRING, "signatureValue")?.value;
        outer.end("certificate")?;
        let signature = signature.strip_prefix(&[0]).ok_or(DecodeError::Value { what: "signatureValue" })?;

        let mut inner = tbs.reader();
        let version = match inner.peek() {
            Some(tag::CONTEXT_0) => Some(inner.take(tag::CONTEXT_0, "version")?),
            _ => None,
        };
        let serial = inner.take(tag::INTEGER, "serialNumber")?;
        let inner_algorithm = inner.take(tag::SEQUENCE, "signature")?.raw;
        let issuer = inner.take(tag::SEQUENCE, "issuer")?.raw;
        let mut validity = inner.take(tag::SEQUENCE, "validity")?.reader();
        let not_before = take_time(&mut validity, "notBefore")?;
        let not_after = take_time(&mut validity, "notAfter")?;
        validity.end("validity")?;
        let subject = inner.take(tag::SEQUENCE, "subject")?.raw;
        let key_info = inner.take(tag::SEQUENCE, "subjectPublicKeyInfo")?.raw;
        let has_unique_ids = !matches!(inner.peek(), Some(tag::CONTEXT_3) | None);
        Ok(Self {
            der,
            tbs: tbs.raw,
            version,
            serial: serial.value,
            serial_element: serial.raw,
            inner_algorithm,
            issuer,
            not_before,
            not_after,
            subject,
            key_info,
            has_unique_ids,
            outer_algorithm,
            signature,
            x509,
        })
    }

    /// `IssuerAndSerialNumber` (RFC 5652 10.2.4), which names this certificate in a `SignerInfo`.
    pub(crate) fn issuer_and_serial(&self) -> Vec<u8> {
        sequence(&[self.issuer, self.serial_element])
    }

    /// The extension with this identifier.
    pub(crate) fn extension(&self, id: ObjectIdentifier) -> Option<&X509Extension<'a>> {
        self.x509.extensions().iter().find(|extension| extension.oid.as_bytes() == id.as_bytes())
    }

    /// The subject's common name, where there is exactly one and it is text.
    pub(crate) fn common_name(&self) -> Option<&str> {
        let mut names = self.x509.subject().iter_common_name();
        let name = names.next()?.as_str().ok()?;
        names.next().is_none().then_some(name)
    }

    /// Key identifier in subjectKeyIdentifier (RFC 5280 4.2.1.2).
    pub(crate) fn subject_key_id(&self) -> Option<&'a [u8]> {
        match self.extension(crate::oids::extension::SUBJECT_KEY_ID)?.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
            _ => None,
        }
    }
}

/// The value of a `SubjectPublicKeyInfo`: algorithm identifier (whole element) and key octets.
pub(crate) fn split_key_info(key_info: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let mut reader = single(key_info, tag::SEQUENCE, "subjectPublicKeyInfo")?.reader();
    let algorithm = reader.take(tag::SEQUENCE, "algorithm")?.raw;
    let key = reader.take(tag::BIT_STRING, "subjectPublicKey")?.value;
    reader.end("subjectPublicKeyInfo")?;
    let octets = key.strip_prefix(&[0]).ok_or(DecodeError::Value { what: "subjectPublicKey" })?;
    Ok((algorithm, octets))
}

/// Modulus and exponent of an `RSAPublicKey`, as value octets.
pub(crate) fn split_rsa_key(key: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    let mut reader = single(key, tag::SEQUENCE, "RSAPublicKey")?.reader();
    let modulus = reader.take(tag::INTEGER, "modulus")?.value;
    let exponent = reader.take(tag::INTEGER, "publicExponent")?.value;
    reader.end("RSAPublicKey")?;
    Ok((modulus, exponent))
}
