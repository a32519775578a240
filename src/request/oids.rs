//! Object identifiers, each with where it is defined.

use const_oid::ObjectIdentifier as Oid;

/// id-signedData, RFC 5652 5.1.
pub(crate) const SIGNED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.2");
/// id-data, RFC 5652 4.
pub(crate) const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
/// id-contentType, RFC 5652 11.1.
pub(crate) const CONTENT_TYPE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.3");
/// id-messageDigest, RFC 5652 11.2.
pub(crate) const MESSAGE_DIGEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.4");
/// id-signingTime, RFC 5652 11.3.
pub(crate) const SIGNING_TIME: Oid = Oid::new_unwrap("1.2.840.113549.1.9.5");
/// id-countersignature, RFC 5652 11.4.
pub(crate) const COUNTERSIGNATURE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.6");
/// id-aa-signingCertificateV2, RFC 5035 3.
pub(crate) const SIGNING_CERTIFICATE_V2: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// id-sha256, RFC 5754 2.2.
pub(crate) const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
/// id-sha384, RFC 5754 2.3.
pub(crate) const SHA384: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.2");
/// rsaEncryption, RFC 5754 3.2.
pub(crate) const RSA_ENCRYPTION: Oid = Oid::new_unwrap("1.2.840.113549.1.1.1");
/// sha256WithRSAEncryption, RFC 4055 5.
pub(crate) const SHA256_WITH_RSA: Oid = Oid::new_unwrap("1.2.840.113549.1.1.11");
/// id-ecPublicKey, RFC 5480 2.1.1.
pub(crate) const EC_PUBLIC_KEY: Oid = Oid::new_unwrap("1.2.840.10045.2.1");
/// secp256r1, RFC 5480 2.1.1.1.
pub(crate) const P256: Oid = Oid::new_unwrap("1.2.840.10045.3.1.7");
/// secp384r1, RFC 5480 2.1.1.1.
pub(crate) const P384: Oid = Oid::new_unwrap("1.3.132.0.34");
/// ecdsa-with-SHA256, RFC 5754 3.3.
pub(crate) const ECDSA_SHA256: Oid = Oid::new_unwrap("1.2.840.10045.4.3.2");
/// ecdsa-with-SHA384, RFC 5754 3.3.
pub(crate) const ECDSA_SHA384: Oid = Oid::new_unwrap("1.2.840.10045.4.3.3");

/// id-kp-clientAuth, RFC 5280 4.2.1.12.
pub(crate) const CLIENT_AUTH: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.3.2");
/// Our own purposes stand under the enterprise number that RFC 5612 reserves for documentation.
pub(crate) const TERMINAL_EVIDENCE: Oid = Oid::new_unwrap("1.3.6.1.4.1.32473.1.1");
/// The host's answer key, same arc.
pub(crate) const HOST_ANSWER: Oid = Oid::new_unwrap("1.3.6.1.4.1.32473.1.2");

/// Certificate policy of JPKI user-authentication certificates in production.
pub(crate) const POLICY_PRODUCTION: Oid = Oid::new_unwrap("1.2.392.200149.8.5.1.3.30");
/// The same in JPKI-TEST, and in the project's own test PKI.
pub(crate) const POLICY_TEST: Oid = Oid::new_unwrap("1.2.392.200149.8.5.1.0.30");

/// Certificate extensions that the clauses know, RFC 5280 4.2.
pub(crate) mod extension {
    use super::Oid;

    pub(crate) const SUBJECT_KEY_ID: Oid = Oid::new_unwrap("2.5.29.14");
    pub(crate) const KEY_USAGE: Oid = Oid::new_unwrap("2.5.29.15");
    pub(crate) const BASIC_CONSTRAINTS: Oid = Oid::new_unwrap("2.5.29.19");
    pub(crate) const CERTIFICATE_POLICIES: Oid = Oid::new_unwrap("2.5.29.32");
    pub(crate) const AUTHORITY_KEY_ID: Oid = Oid::new_unwrap("2.5.29.35");
    pub(crate) const EXTENDED_KEY_USAGE: Oid = Oid::new_unwrap("2.5.29.37");
}
