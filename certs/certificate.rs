//! From profile, keys and dates to a signed certificate (RFC 5280, section 4.1).

use der::asn1::BitString;
use der::{Encode, Sequence};
use jiff::Timestamp;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::certificate::Version;
use x509_cert::ext::Extensions;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::Validity;

use crate::PkiError;
use crate::extension::{self, Context};
use crate::key::PrivateKey;
use crate::profile::Profile;
use crate::time::utc_time;

/// Who signs.
pub(crate) struct Issuer<'a> {
    pub(crate) name: &'a Name,
    pub(crate) serial: &'a SerialNumber,
    pub(crate) key_identifier: &'a [u8],
    pub(crate) key: &'a PrivateKey,
}

/// What is signed, the profile apart.
pub(crate) struct Subject<'a> {
    pub(crate) public_key: &'a SubjectPublicKeyInfoOwned,
    pub(crate) serial: u64,
    /// What `{id}` in the profile stands for.
    pub(crate) id: &'a str,
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// Zero bytes in a private extension; 0: no such extension.
    pub(crate) extra_bytes: usize,
}

/// TBSCertificate, in the order of RFC 5280, section 4.1.
#[derive(Sequence)]
struct ToBeSigned {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Extensions,
}

#[derive(Sequence)]
struct Signed {
    to_be_signed: ToBeSigned,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// A certificate as DER. `issuer` is `None` for a self-signed one, which `key` then signs.
pub(crate) fn issue(
    profile: &Profile,
    subject: &Subject<'_>,
    issuer: &Issuer<'_>,
) -> Result<Vec<u8>, PkiError> {
    let name = subject_name(profile, subject)?;
    sign(profile, subject, name, issuer)
}

/// A self-signed certificate as DER.
pub(crate) fn issue_root(
    profile: &Profile,
    subject: &Subject<'_>,
    key: &PrivateKey,
) -> Result<Vec<u8>, PkiError> {
    let name = subject_name(profile, subject)?;
    let serial = serial_number(subject.serial)?;
    let key_identifier = extension::key_identifier(&subject.public_key.subject_public_key);
    let issuer = Issuer { name: &name, serial: &serial, key_identifier: &key_identifier, key };
    sign(profile, subject, name.clone(), &issuer)
}

/// A serial number of as few bytes as hold it.
pub(crate) fn serial_number(serial: u64) -> Result<SerialNumber, PkiError> {
    SerialNumber::new(&serial.to_be_bytes())
        .map_err(|source| PkiError::Encode { what: "a serial number", source })
}

fn subject_name(profile: &Profile, subject: &Subject<'_>) -> Result<Name, PkiError> {
    let serial = format!("{:016X}", subject.serial);
    extension::name(&profile.subject, |text| text.replace("{id}", subject.id).replace("{serial}", &serial))
}

fn sign(
    profile: &Profile,
    subject: &Subject<'_>,
    name: Name,
    issuer: &Issuer<'_>,
) -> Result<Vec<u8>, PkiError> {
    const WHAT: &str = "a certificate";
    let fail = |source| PkiError::Encode { what: WHAT, source };
    let (not_before, not_after) = (subject.not_before, subject.not_after);
    if not_after < not_before {
        return Err(PkiError::EmptyValidity { not_before, not_after });
    }
    let key_identifier = extension::key_identifier(&subject.public_key.subject_public_key);
    let context = Context {
        subject: &name,
        subject_key_identifier: &key_identifier,
        issuer: issuer.name,
        issuer_serial: issuer.serial,
        issuer_key_identifier: issuer.key_identifier,
    };
    let mut extensions: Extensions = profile
        .extensions
        .iter()
        .map(|spec| extension::extension(spec, &context))
        .collect::<Result<_, _>>()?;
    if subject.extra_bytes > 0 {
        extensions.push(extension::padding(subject.extra_bytes)?);
    }
    let algorithm = issuer.key.signature_algorithm();
    let to_be_signed = ToBeSigned {
        version: Version::V3,
        serial_number: serial_number(subject.serial)?,
        signature: algorithm.clone(),
        issuer: issuer.name.clone(),
        validity: Validity::new(utc_time(not_before)?, utc_time(not_after)?),
        subject: name,
        subject_public_key_info: subject.public_key.clone(),
        extensions,
    };
    let message = to_be_signed.to_der().map_err(fail)?;
    let signature = BitString::from_bytes(&issuer.key.sign(&message, WHAT)?).map_err(fail)?;
    Signed { to_be_signed, signature_algorithm: algorithm, signature }.to_der().map_err(fail)
}
