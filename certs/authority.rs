//! An authority: its key, its certificate, and its record of what it issued and revoked.

use std::path::Path;

use der::{Decode, pem::LineEnding};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use zeroize::Zeroizing;

use crate::PkiError;
use crate::certificate::{self, Issuer, Subject};
use crate::crl;
use crate::extension::{self, Context};
use crate::key::{KeyKind, PrivateKey};
use crate::layout::Layout;
use crate::profile::Profiles;
use crate::store::{self, Lock};
use crate::time::{add_days, end_of_day_in_japan};

/// A revocation list is good for this long.
const CRL_DAYS: i64 = 30;
/// And is renewed when the directory is opened with less than this left.
const CRL_RENEW_DAYS: i64 = 15;

/// The authorities of the test PKI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthorityName {
    /// User authentication, first generation.
    Auth1,
    /// User authentication, second generation: the same name, another key.
    Auth2,
    /// The same name again, in nobody's anchors.
    AuthUntrusted,
    /// Signature certificates, first generation.
    Sign1,
    /// Signature certificates, second generation.
    Sign2,
    /// Signature certificates, in nobody's anchors.
    SignUntrusted,
    /// Terminals: TLS, evidence, log.
    Terminal,
    /// The host: TLS, answers.
    Host,
}

impl AuthorityName {
    /// All of them.
    pub const ALL: [AuthorityName; 8] = [
        AuthorityName::Auth1,
        AuthorityName::Auth2,
        AuthorityName::AuthUntrusted,
        AuthorityName::Sign1,
        AuthorityName::Sign2,
        AuthorityName::SignUntrusted,
        AuthorityName::Terminal,
        AuthorityName::Host,
    ];

    /// Its name in files and in `profiles/authorities.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            AuthorityName::Auth1 => "auth-1",
            AuthorityName::Auth2 => "auth-2",
            AuthorityName::AuthUntrusted => "auth-untrusted",
            AuthorityName::Sign1 => "sign-1",
            AuthorityName::Sign2 => "sign-2",
            AuthorityName::SignUntrusted => "sign-untrusted",
            AuthorityName::Terminal => "terminal",
            AuthorityName::Host => "host",
        }
    }
}

/// What an authority remembers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    next_serial: u64,
    crl: Option<RevocationRecord>,
}

/// What the current revocation list says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevocationRecord {
    pub(crate) number: u64,
    pub(crate) this_update: Timestamp,
    pub(crate) next_update: Timestamp,
    #[serde(default)]
    pub(crate) revoked: Vec<Revoked>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoked {
    pub(crate) serial: u64,
    pub(crate) at: Timestamp,
}

/// An authority with its key in memory.
pub(crate) struct Authority {
    id: AuthorityName,
    pub(crate) name: Name,
    serial: SerialNumber,
    key_identifier: Vec<u8>,
    pub(crate) key: PrivateKey,
    pub(crate) der: Vec<u8>,
}

impl Authority {
    /// Reads the authority, or makes what is missing of it: key, certificate, anchor, record, list.
    pub(crate) fn open_or_create(
        id: AuthorityName,
        layout: &Layout,
        profiles: &Profiles,
        now: Timestamp,
        held: &Lock,
    ) -> Result<Self, PkiError> {
        let spec = profiles.authority(id.as_str())?;
        let files = layout.authority(id);
        let key = key_or_create(&files.key, spec.key, held)?;
        let der = match read_certificate(&files.certificate)? {
            Some(der) => der,
            None => {
                let not_after = add_days(now, spec.ends_days_after)?;
                let subject = Subject {
                    public_key: &key.public_key()?,
                    serial: spec.serial,
                    id: "",
                    not_before: add_days(now, -spec.begins_days_before)?,
                    not_after: end_of_day_in_japan(not_after).unwrap_or(not_after),
                    extra_bytes: 0,
                };
                let der = certificate::issue_root(profiles.profile(&spec.profile)?, &subject, &key)?;
                write_certificate(&files.certificate, &der, held)?;
                der
            }
        };
        if let Some(anchor) = layout.anchor(id)
            && store::read(&anchor)?.is_none()
        {
            write_certificate(&anchor, &der, held)?;
        }
        let authority = Self::from_parts(id, key, der, &files.certificate)?;
        if authority.read_record(layout)?.is_none() {
            let crl = match spec.crl {
                true => Some(RevocationRecord::first(now)?),
                false => None,
            };
            authority.write_record(&Record { next_serial: spec.first_serial, crl }, layout, held)?;
        }
        authority.keep_list_fresh(layout, now, held)?;
        Ok(authority)
    }

    fn from_parts(id: AuthorityName, key: PrivateKey, der: Vec<u8>, path: &Path) -> Result<Self, PkiError> {
        let certificate = Certificate::from_der(&der)
            .map_err(|_| PkiError::Malformed { path: path.to_owned(), expected: "certificate" })?;
        let tbs = certificate.tbs_certificate();
        Ok(Authority {
            id,
            name: tbs.subject().clone(),
            serial: tbs.serial_number().clone(),
            key_identifier: extension::key_identifier(&tbs.subject_public_key_info().subject_public_key),
            key,
            der,
        })
    }

    /// Itself in the role of an issuer.
    pub(crate) fn issuer(&self) -> Issuer<'_> {
        Issuer {
            name: &self.name,
            serial: &self.serial,
            key_identifier: &self.key_identifier,
            key: &self.key,
        }
    }

    /// An authority key identifier that names this authority.
    pub(crate) fn key_identifier_extension(&self) -> Result<Extension, PkiError> {
        let context = Context {
            subject: &self.name,
            subject_key_identifier: &self.key_identifier,
            issuer: &self.name,
            issuer_serial: &self.serial,
            issuer_key_identifier: &self.key_identifier,
        };
        extension::authority_key_identifier(&context, false)
    }

    /// Whether `identifier` names this authority's key.
    pub(crate) fn has_key_identifier(&self, identifier: &[u8]) -> bool {
        self.key_identifier == identifier
    }

    /// The next serial number, never given twice: it is recorded as used before it is returned.
    pub(crate) fn take_serial(&self, layout: &Layout, held: &Lock) -> Result<u64, PkiError> {
        let mut record = self.record(layout)?;
        let serial = record.next_serial;
        record.next_serial = serial.saturating_add(1);
        self.write_record(&record, layout, held)?;
        Ok(serial)
    }

    /// Lists `serial` as revoked at `now` and signs the list again. Once more changes nothing.
    pub(crate) fn revoke(
        &self,
        serial: u64,
        layout: &Layout,
        now: Timestamp,
        held: &Lock,
    ) -> Result<(), PkiError> {
        let mut record = self.record(layout)?;
        let Some(list) = record.crl.as_mut() else {
            return Err(PkiError::NoRevocationList { authority: self.id.as_str() });
        };
        if list.revoked.iter().all(|entry| entry.serial != serial) {
            list.revoked.push(Revoked { serial, at: now });
            list.renew(now)?;
            self.write_record(&record, layout, held)?;
        }
        self.publish_list(&record, layout, held)
    }

    /// Serial numbers that the list names, with the time of revocation.
    pub(crate) fn revoked(&self, layout: &Layout) -> Result<Vec<Revoked>, PkiError> {
        Ok(self.record(layout)?.crl.map(|list| list.revoked).unwrap_or_default())
    }

    fn keep_list_fresh(&self, layout: &Layout, now: Timestamp, held: &Lock) -> Result<(), PkiError> {
        let mut record = self.record(layout)?;
        let Some(list) = record.crl.as_mut() else {
            return Ok(());
        };
        if add_days(now, CRL_RENEW_DAYS)? > list.next_update {
            list.renew(now)?;
            self.write_record(&record, layout, held)?;
        }
        self.publish_list(&record, layout, held)
    }

    /// Writes the list unless the file already says exactly this: a process killed between record
    /// and list is made good by the next.
    fn publish_list(&self, record: &Record, layout: &Layout, held: &Lock) -> Result<(), PkiError> {
        let Some(list) = &record.crl else {
            return Ok(());
        };
        let path = layout.crl(self.id);
        let text = pem("X509 CRL", &crl::sign(self, list)?)?;
        if store::read(&path)?.as_deref() == Some(text.as_bytes()) {
            return Ok(());
        }
        store::write_public(&path, text.as_bytes(), held)
    }

    fn record(&self, layout: &Layout) -> Result<Record, PkiError> {
        let path = layout.record(self.id);
        self.read_record(layout)?.ok_or(PkiError::Malformed { path, expected: "record of an authority" })
    }

    fn read_record(&self, layout: &Layout) -> Result<Option<Record>, PkiError> {
        let path = layout.record(self.id);
        let Some(bytes) = store::read(&path)? else {
            return Ok(None);
        };
        toml::from_slice(&bytes).map(Some).map_err(|source| PkiError::ParseRecord { path, source })
    }

    fn write_record(&self, record: &Record, layout: &Layout, held: &Lock) -> Result<(), PkiError> {
        let path = layout.record(self.id);
        let text = toml::to_string(record)
            .map_err(|source| PkiError::FormatRecord { path: path.clone(), source })?;
        store::write_public(&path, text.as_bytes(), held)
    }
}

impl RevocationRecord {
    fn first(now: Timestamp) -> Result<Self, PkiError> {
        let next_update = add_days(now, CRL_DAYS)?;
        Ok(RevocationRecord { number: 1, this_update: now, next_update, revoked: Vec::new() })
    }

    fn renew(&mut self, now: Timestamp) -> Result<(), PkiError> {
        self.number = self.number.saturating_add(1);
        self.this_update = now;
        self.next_update = add_days(now, CRL_DAYS)?;
        Ok(())
    }
}

/// The key in `path`, made when there is none.
pub(crate) fn key_or_create(path: &Path, kind: KeyKind, held: &Lock) -> Result<PrivateKey, PkiError> {
    const EXPECTED: &str = "PKCS#8 private key";
    let malformed = || PkiError::Malformed { path: path.to_owned(), expected: EXPECTED };
    if let Some(text) = store::read(path)?.map(Zeroizing::new) {
        let (label, der) = der::pem::decode_vec(&text).map_err(|_| malformed())?;
        let der = Zeroizing::new(der);
        if label != "PRIVATE KEY" {
            return Err(malformed());
        }
        return PrivateKey::from_pkcs8(kind, &der).ok_or_else(malformed);
    }
    let key = PrivateKey::generate(kind)?;
    let text = Zeroizing::new(pem("PRIVATE KEY", &key.to_pkcs8()?)?);
    store::write_secret(path, text.as_bytes(), held)?;
    Ok(key)
}

/// The certificate in `path` as DER, if there is one.
pub(crate) fn read_certificate(path: &Path) -> Result<Option<Vec<u8>>, PkiError> {
    let Some(text) = store::read(path)? else {
        return Ok(None);
    };
    match der::pem::decode_vec(&text) {
        Ok(("CERTIFICATE", der)) => Ok(Some(der)),
        _ => Err(PkiError::Malformed { path: path.to_owned(), expected: "certificate" }),
    }
}

/// Writes a certificate as PEM.
pub(crate) fn write_certificate(path: &Path, der: &[u8], held: &Lock) -> Result<(), PkiError> {
    store::write_public(path, pem("CERTIFICATE", der)?.as_bytes(), held)
}

/// `der` as PEM.
pub(crate) fn pem(label: &'static str, der: &[u8]) -> Result<String, PkiError> {
    der::pem::encode_string(label, LineEnding::LF, der)
        .map_err(|source| PkiError::Encode { what: label, source: source.into() })
}

/// Our serial numbers fit; a longer one is not ours.
pub(crate) fn serial_to_u64(bytes: &[u8]) -> Option<u64> {
    let significant = bytes.iter().skip_while(|byte| **byte == 0);
    significant.clone().count().le(&8).then(|| significant.fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::serial_to_u64;

    #[test]
    fn serial_numbers_of_others_may_be_longer_than_ours() {
        assert_eq!(serial_to_u64(&[0x20, 0x00, 0x01]), Some(0x20_0001));
        assert_eq!(serial_to_u64(&[0x00, 0x8F]), Some(0x8F));
        assert_eq!(serial_to_u64(&[0xFF; 8]), Some(u64::MAX));
        assert_eq!(serial_to_u64(&[0xFF; 9]), None);
        assert_eq!(serial_to_u64(&[]), Some(0));
    }
}
