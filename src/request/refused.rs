//! Refusals of certificates: one variant per clause, one stable code per reaction.

use jiff::Timestamp;

use crate::algorithm::BadSignature;
use crate::answer::RejectReason;
use crate::certificate::NotACertificate;

/// Why a certificate is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CertificateRefused {
    /// The bytes are no certificate.
    #[error("the bytes are not a certificate")]
    NotACertificate(#[source] NotACertificate),
    /// Not version 3.
    #[error("not a version 3 certificate")]
    Version,
    /// Serial number zero, negative, not minimal or longer than 20 octets.
    #[error("serial number outside RFC 5280")]
    Serial,
    /// The two algorithm fields differ, or name an algorithm that is not in use, or not the issuer's.
    #[error("signature algorithm not the one in use")]
    SignatureAlgorithm,
    /// Unique identifiers are present.
    #[error("has a unique identifier")]
    UniqueId,
    /// The same extension twice.
    #[error("has the same extension twice")]
    DoubleExtension,
    /// A known extension cannot be read.
    #[error("has an extension that cannot be read")]
    UnreadableExtension,
    /// A critical extension that no clause judges.
    #[error("has a critical extension that is not known here")]
    UnknownCriticalExtension,
    /// No authorityKeyIdentifier with a key identifier.
    #[error("names no authority key")]
    NoAuthorityKeyId,
    /// No accepted root has the issuer's name.
    #[error("issued by an authority that is not trusted")]
    UnknownIssuer,
    /// A root has the issuer's name, none the key.
    #[error("issued by a key of the authority that is not trusted")]
    UnknownGeneration,
    /// Issued under a test root where test roots are not allowed.
    #[error("a test certificate, and test roots are not allowed")]
    TestRootNotAllowed,
    /// authorityCertIssuer or authorityCertSerialNumber name another certificate.
    #[error("names another certificate of its authority")]
    AuthorityNameOrSerial,
    /// The authority's signature does not hold.
    #[error("the authority's signature does not hold")]
    Signature(#[source] BadSignature),
    /// The root's own time has not begun or is over.
    #[error("the authority's own certificate is not in force")]
    AnchorNotInForce,
    /// Not a key of the profile.
    #[error("the key is not of the profile")]
    Key,
    /// keyUsage is not exactly digitalSignature.
    #[error("key usage is not digital signature alone")]
    KeyUsage,
    /// extKeyUsage is not exactly the purpose's.
    #[error("extended key usage is not the purpose's alone")]
    ExtendedKeyUsage,
    /// It claims to be an authority.
    #[error("claims to be an authority")]
    Authority,
    /// The policy is not that of user authentication under this root.
    #[error("the certificate policy is not user authentication under this root")]
    Policy,
    /// Its time has not begun.
    #[error("valid only from {not_before}")]
    NotYetValid {
        /// First second of validity.
        not_before: Timestamp,
    },
    /// Its time is over.
    #[error("valid only until {not_after}")]
    Expired {
        /// Last second of validity.
        not_after: Timestamp,
    },
}

impl CertificateRefused {
    /// The stable code, by what the customer or operator can do about it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotYetValid { .. } => "certificate-not-yet-valid",
            Self::Expired { .. } => "certificate-expired",
            // A forged certificate looks the same; the person in front of the machine holds a damaged one.
            Self::NotACertificate(_) | Self::Signature(_) => "certificate-damaged",
            Self::TestRootNotAllowed => "certificate-test-root",
            _ => "certificate-untrusted",
        }
    }

    /// The clause that refused, stable, for logs.
    pub const fn clause(&self) -> &'static str {
        match self {
            Self::NotACertificate(_) => "not-a-certificate",
            Self::Version => "version",
            Self::Serial => "serial",
            Self::SignatureAlgorithm => "signature-algorithm",
            Self::UniqueId => "unique-id",
            Self::DoubleExtension => "double-extension",
            Self::UnreadableExtension => "unreadable-extension",
            Self::UnknownCriticalExtension => "unknown-critical-extension",
            Self::NoAuthorityKeyId => "no-authority-key-id",
            Self::UnknownIssuer => "unknown-issuer",
            Self::UnknownGeneration => "unknown-generation",
            Self::TestRootNotAllowed => "test-root-not-allowed",
            Self::AuthorityNameOrSerial => "authority-name-or-serial",
            Self::Signature(_) => "signature",
            Self::AnchorNotInForce => "anchor-not-in-force",
            Self::Key => "key",
            Self::KeyUsage => "key-usage",
            Self::ExtendedKeyUsage => "extended-key-usage",
            Self::Authority => "authority",
            Self::Policy => "policy",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::Expired { .. } => "expired",
        }
    }

    /// The reason with which the host signs its refusal of such a card.
    pub const fn reject_reason(&self) -> RejectReason {
        match self {
            Self::NotYetValid { .. } => RejectReason::CertificateNotYetValid,
            Self::Expired { .. } => RejectReason::CertificateExpired,
            _ => RejectReason::CertificateUntrusted,
        }
    }
}
