//! The clauses on a signed file, whatever its content: one function each with the rule above it.
//!
//! The last of them, [`encoding`], writes the whole file anew from its variable parts and compares, so that
//! no byte is left that nobody looks at: algorithm parameters, versions, orders of sets and the unsigned
//! parts included.
//!
//! Left out, each with the reason:
//! - RFC 5652 5.1 `crls`, further signers, detached content, subjectKeyIdentifier as signer identifier,
//!   signers without signed attributes: not in this format; such a file is refused by `structure` or
//!   `encoding`.
//! - RFC 5035 4 issuerSerial of the signing certificate: optional, and the signer identifier holds it
//!   already.
//! - Signing-time against a clock or a challenge: business of the host, which gave the challenge.

use const_oid::ObjectIdentifier;

use crate::algorithm::{BadSignature, PublicKey, sha256};
use crate::asn1::DecodeError;
use crate::canonical::ContentRefused;
use crate::certificate::{Certificate, NotACertificate};
use crate::clauses::subject_key;
use crate::cms::{SignedAttributes, SignedFile, Signer};
use crate::cms_read::{Attributes, ReadFile, ReadSigner};

/// Largest file taken, in bytes. A request of an RSA card has about 4,000.
pub const FILE_BYTES_MAX: usize = 16 * 1024;

/// Why a file is not accepted, whatever it holds.
#[derive(Debug, thiserror::Error)]
pub enum FileRefused {
    /// Longer than any file of this format.
    #[error("{bytes} bytes, more than {FILE_BYTES_MAX}")]
    TooLong {
        /// Length in bytes.
        bytes: usize,
    },
    /// Not the structure of such a file.
    #[error("not the structure of a signed file")]
    Structure(#[source] DecodeError),
    /// Certificates missing, too many, or not the signers'.
    #[error("the certificates are not exactly the signers'")]
    Certificates,
    /// A certificate in it cannot be read.
    #[error("a certificate in it cannot be read")]
    NotACertificate(#[source] NotACertificate),
    /// A signer's key is of no profile.
    #[error("a signer's key is of no profile")]
    Key,
    /// Attributes missing, double or unknown.
    #[error("the attributes are not exactly the format's")]
    Attributes,
    /// content-type is not id-data.
    #[error("content-type is not data")]
    ContentType,
    /// message-digest is not the digest of what is signed.
    #[error("message-digest is another")]
    MessageDigest,
    /// signing-certificate-v2 does not name the signer's certificate.
    #[error("signing-certificate is not the signer's")]
    SigningCertificate,
    /// The content is not acceptable.
    #[error("the content is not acceptable")]
    Content(#[source] ContentRefused),
    /// Written anew from its parts the file would be another.
    #[error("not in the one encoding of this format")]
    Encoding,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature(#[source] BadSignature),
    /// The countersignature does not hold.
    #[error("the countersignature does not hold")]
    Countersignature(#[source] BadSignature),
}

impl FileRefused {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "file-too-long",
            Self::Structure(_) => "file-structure",
            Self::Certificates | Self::NotACertificate(_) | Self::Key => "file-certificates",
            Self::Attributes | Self::ContentType => "file-attributes",
            Self::MessageDigest => "file-digest",
            Self::SigningCertificate => "file-signing-certificate",
            Self::Content(_) => "file-content",
            Self::Encoding => "file-encoding",
            Self::Signature(_) => "file-signature",
            Self::Countersignature(_) => "file-countersignature",
        }
    }
}

/// A signer whose certificate stands in the file.
#[derive(Debug)]
pub(crate) struct KnownSigner<'c, 'a> {
    pub(crate) certificate: &'c Certificate<'a>,
    pub(crate) key: PublicKey,
    pub(crate) signer: Signer,
}

/// RFC 5652 5.1 and 5.3, as far as the variable parts; within the limit of size.
pub(crate) fn structure(der: &[u8]) -> Result<ReadFile<'_>, FileRefused> {
    if der.len() > FILE_BYTES_MAX {
        return Err(FileRefused::TooLong { bytes: der.len() });
    }
    ReadFile::parse(der).map_err(FileRefused::Structure)
}

/// RFC 5652 5.1 allows "more certificates than necessary" or fewer; this format has exactly the signers'.
pub(crate) fn certificates<'a>(
    file: &ReadFile<'a>,
    signers: usize,
) -> Result<Vec<Certificate<'a>>, FileRefused> {
    if file.certificates.len() != signers {
        return Err(FileRefused::Certificates);
    }
    file.certificates
        .iter()
        .map(|der| Certificate::parse(der).map_err(FileRefused::NotACertificate))
        .collect()
}

/// RFC 5652 5.3: "issuerAndSerialNumber [...] identifies the signer's certificate by the issuer's
/// distinguished name and the certificate serial number", compared byte by byte.
pub(crate) fn signer_certificate<'c, 'a>(
    certificates: &'c [Certificate<'a>],
    signer: &ReadSigner<'_>,
) -> Result<KnownSigner<'c, 'a>, FileRefused> {
    let certificate = certificates
        .iter()
        .find(|certificate| certificate.issuer_and_serial() == signer.name)
        .ok_or(FileRefused::Certificates)?;
    let key = subject_key::read(certificate.key_info).ok_or(FileRefused::Key)?;
    let signer = Signer {
        algorithm: key.algorithm,
        certificate: certificate.der.to_vec(),
        name: signer.name.to_vec(),
    };
    Ok(KnownSigner { certificate, key, signer })
}

/// RFC 5652 5.3: no attribute twice, and those required present; this format allows no other.
pub(crate) fn exact_attributes(
    attributes: &Attributes<'_>,
    wanted: &[ObjectIdentifier],
) -> Result<(), FileRefused> {
    if attributes.are_exactly(wanted) { Ok(()) } else { Err(FileRefused::Attributes) }
}

/// RFC 5652 11.1: "The content-type attribute value MUST match the encapContentInfo eContentType value".
pub(crate) fn content_type(attributes: &Attributes<'_>) -> Result<(), FileRefused> {
    if attributes.content_type_is_data() { Ok(()) } else { Err(FileRefused::ContentType) }
}

/// RFC 5652 5.6: "For the signature to be valid, the message digest value calculated by the recipient MUST be
/// the same as the value of the messageDigest attribute". Over the content, or for a countersignature over
/// the signature octets (11.4).
pub(crate) fn message_digest(
    attributes: &Attributes<'_>,
    signer: &KnownSigner<'_, '_>,
    message: &[u8],
) -> Result<(), FileRefused> {
    let digest = signer.key.algorithm.digest(message);
    if attributes.message_digest_is(&digest) { Ok(()) } else { Err(FileRefused::MessageDigest) }
}

/// RFC 5035 3: the first certificate identified must be the one used to verify the signature. Here it is the only
/// one, identified by its SHA-256.
pub(crate) fn signing_certificate(
    attributes: &Attributes<'_>,
    signer: &KnownSigner<'_, '_>,
) -> Result<(), FileRefused> {
    let hash = sha256(signer.certificate.der);
    if attributes.signing_certificate_is(&hash) { Ok(()) } else { Err(FileRefused::SigningCertificate) }
}

/// X.690 (DER) over the whole file, and the exact shape of this format: the file equals what its parts are
/// written as.
pub(crate) fn encoding(der: &[u8], parts: &SignedFile<'_>) -> Result<(), FileRefused> {
    match parts.encode() {
        Some(exact) if exact == der => Ok(()),
        _ => Err(FileRefused::Encoding),
    }
}

/// RFC 5652 5.4 and 5.6: the signature is over the DER of the signed attributes under the `SET OF` tag. After
/// [`encoding`] these are the bytes received.
pub(crate) fn signature(
    attributes: &SignedAttributes,
    signer: &KnownSigner<'_, '_>,
    signature: &[u8],
) -> Result<(), BadSignature> {
    signer.key.verify_canonical(attributes.signed_bytes(), signature)
}
