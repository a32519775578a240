//! From a profile's words to DER: names and extensions.

use const_oid::AssociatedOid;
use const_oid::db::rfc4519::{COMMON_NAME, COUNTRY_NAME, L, ORGANIZATION_NAME, ORGANIZATIONAL_UNIT_NAME};
use const_oid::db::rfc5280::{ID_AD_OCSP, ID_QT_CPS};
use der::asn1::{
    Any, BitString, Ia5String, Ia5StringRef, ObjectIdentifier, OctetString, PrintableStringRef, SetOfVec,
    Utf8StringRef,
};
use der::flagset::FlagSet;
use der::{Encode, Tag};
use sha2::{Digest, Sha256};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::{PolicyInformation, PolicyQualifierInfo};
use x509_cert::ext::pkix::crl::CrlDistributionPoints;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName, OtherName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints,
    CertificatePolicies, ExtendedKeyUsage, IssuerAltName, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;

use crate::PkiError;
use crate::profile::{AltName, Attribute, ExtensionSpec, NameSpec, Usage};

/// Length of our key identifiers in bytes, as JPKI's.
const KEY_IDENTIFIER_BYTES: usize = 20;

/// What a profile's words refer to.
pub(crate) struct Context<'a> {
    pub(crate) subject: &'a Name,
    pub(crate) subject_key_identifier: &'a [u8],
    pub(crate) issuer: &'a Name,
    pub(crate) issuer_serial: &'a SerialNumber,
    pub(crate) issuer_key_identifier: &'a [u8],
}

/// Key identifier by RFC 7093, section 2, method 1: the left 160 bits of SHA-256 over the key's bits.
pub(crate) fn key_identifier(public_key: &BitString) -> Vec<u8> {
    Sha256::digest(public_key.raw_bytes()).iter().copied().take(KEY_IDENTIFIER_BYTES).collect()
}

fn encode_error(what: &'static str) -> impl Fn(der::Error) -> PkiError {
    move |source| PkiError::Encode { what, source }
}

/// A distinguished name with `fill` applied to every value.
pub(crate) fn name(spec: &NameSpec, fill: impl Fn(&str) -> String) -> Result<Name, PkiError> {
    let fail = encode_error("a distinguished name");
    let mut rdns = Vec::with_capacity(spec.len());
    for (attribute, text) in spec {
        let text = fill(text);
        let (oid, value) = match attribute {
            Attribute::C => (COUNTRY_NAME, PrintableStringRef::new(&text).map(Any::from)),
            Attribute::L => (L, Utf8StringRef::new(&text).map(Any::from)),
            Attribute::O => (ORGANIZATION_NAME, Utf8StringRef::new(&text).map(Any::from)),
            Attribute::Ou => (ORGANIZATIONAL_UNIT_NAME, Utf8StringRef::new(&text).map(Any::from)),
            Attribute::Cn => (COMMON_NAME, Utf8StringRef::new(&text).map(Any::from)),
        };
        let value = value.map_err(&fail)?;
        let set = SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }]).map_err(&fail)?;
        rdns.push(RelativeDistinguishedName::from(set));
    }
    Ok(Name::hazmat_from_rdn_sequence(RdnSequence::from(rdns)))
}

/// The extension that `spec` describes.
pub(crate) fn extension(spec: &ExtensionSpec, context: &Context<'_>) -> Result<Extension, PkiError> {
    let fail = encode_error("an extension");
    match spec {
        ExtensionSpec::KeyUsage { critical, usages } => encode(*critical, &key_usage(usages)),
        ExtensionSpec::ExtendedKeyUsage { purposes } => {
            encode(false, &ExtendedKeyUsage(purposes.iter().map(|oid| oid.0).collect()))
        }
        ExtensionSpec::CertificatePolicy { critical, policy, cps } => {
            let qualifier = Some(Any::from(Ia5StringRef::new(cps).map_err(&fail)?));
            let cps = PolicyQualifierInfo { policy_qualifier_id: ID_QT_CPS, qualifier };
            let policy =
                PolicyInformation { policy_identifier: policy.0, policy_qualifiers: Some(vec![cps]) };
            encode(*critical, &CertificatePolicies(vec![policy]))
        }
        ExtensionSpec::IssuerAltName { names } => encode(false, &IssuerAltName(alt_names(names)?)),
        ExtensionSpec::SubjectAltName { names } => encode(false, &SubjectAltName(alt_names(names)?)),
        ExtensionSpec::BasicConstraints { critical, ca, path_length } => {
            encode(*critical, &BasicConstraints { ca: *ca, path_len_constraint: *path_length })
        }
        ExtensionSpec::CrlDistributionPoint { name: point } => {
            distribution_point(name(point, str::to_owned)?)
        }
        ExtensionSpec::CrlDistributionPointOwnName => distribution_point(context.subject.clone()),
        ExtensionSpec::OcspAccess { url } => {
            let url = Ia5String::new(url).map_err(&fail)?;
            let access_location = GeneralName::UniformResourceIdentifier(url);
            let access = AccessDescription { access_method: ID_AD_OCSP, access_location };
            encode(false, &AuthorityInfoAccessSyntax(vec![access]))
        }
        ExtensionSpec::AuthorityKeyIdentifier { with_issuer_and_serial } => {
            authority_key_identifier(context, *with_issuer_and_serial)
        }
        ExtensionSpec::SubjectKeyIdentifier => {
            let identifier = OctetString::new(context.subject_key_identifier).map_err(&fail)?;
            encode(false, &SubjectKeyIdentifier(identifier))
        }
    }
}

/// The extension with `value` inside.
pub(crate) fn encode<T: Encode + AssociatedOid>(critical: bool, value: &T) -> Result<Extension, PkiError> {
    let fail = encode_error("an extension");
    let extn_value = OctetString::new(value.to_der().map_err(&fail)?).map_err(&fail)?;
    Ok(Extension { extn_id: T::OID, critical, extn_value })
}

/// A private, non-critical extension of `length` zero bytes, to make a certificate larger.
pub(crate) fn padding(length: usize) -> Result<Extension, PkiError> {
    /// Under the private enterprise number reserved for documentation (RFC 5612).
    const PADDING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.32473.2.1");
    let fail = encode_error("the padding extension");
    let value = OctetString::new(vec![0; length]).and_then(|zeros| zeros.to_der()).map_err(&fail)?;
    Ok(Extension { extn_id: PADDING, critical: false, extn_value: OctetString::new(value).map_err(&fail)? })
}

/// An authority key identifier with the key identifier alone or with issuer and serial number.
pub(crate) fn authority_key_identifier(
    context: &Context<'_>,
    with_issuer_and_serial: bool,
) -> Result<Extension, PkiError> {
    let fail = encode_error("an authority key identifier");
    let identifier = OctetString::new(context.issuer_key_identifier).map_err(&fail)?;
    let issuer = vec![GeneralName::DirectoryName(context.issuer.clone())];
    let value = AuthorityKeyIdentifier {
        key_identifier: Some(identifier),
        authority_cert_issuer: with_issuer_and_serial.then_some(issuer),
        authority_cert_serial_number: with_issuer_and_serial.then(|| context.issuer_serial.clone()),
    };
    encode(false, &value)
}

fn key_usage(usages: &[Usage]) -> KeyUsage {
    let bits = usages.iter().map(|usage| match usage {
        Usage::DigitalSignature => KeyUsages::DigitalSignature,
        Usage::NonRepudiation => KeyUsages::NonRepudiation,
        Usage::KeyCertSign => KeyUsages::KeyCertSign,
        Usage::CrlSign => KeyUsages::CRLSign,
    });
    KeyUsage(bits.fold(FlagSet::default(), |set, bit| set | bit))
}

fn distribution_point(directory: Name) -> Result<Extension, PkiError> {
    let full_name = DistributionPointName::FullName(vec![GeneralName::DirectoryName(directory)]);
    let point = DistributionPoint { distribution_point: Some(full_name), reasons: None, crl_issuer: None };
    encode(false, &CrlDistributionPoints(vec![point]))
}

fn alt_names(names: &[AltName]) -> Result<Vec<GeneralName>, PkiError> {
    let fail = encode_error("an alternative name");
    let convert = |alt: &AltName| match alt {
        AltName::Directory { directory } => Ok(GeneralName::DirectoryName(name(directory, str::to_owned)?)),
        AltName::Dns { dns } => Ok(GeneralName::DnsName(Ia5String::new(dns).map_err(&fail)?)),
        AltName::Ip { ip } => Ok(GeneralName::from(*ip)),
        AltName::Other { other, text } => {
            let value = Any::new(Tag::Utf8String, text.as_bytes()).map_err(&fail)?;
            Ok(GeneralName::OtherName(OtherName { type_id: other.0, value }))
        }
    };
    names.iter().map(convert).collect()
}
