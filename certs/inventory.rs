//! What lies in a PKI directory, for people: every certificate with what it says.

use std::fs;
use std::path::{Path, PathBuf};

use der::Decode;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;

use crate::authority::{self, AuthorityName};
use crate::{Pki, PkiError};

/// One certificate of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Below the directory.
    pub path: PathBuf,
    /// Last part of the subject's name first, as RFC 4514 writes it.
    pub subject: String,
    /// Hexadecimal.
    pub serial: String,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// SHA-256 of the DER, hexadecimal.
    pub sha256: String,
    /// Since when its authority's list names it.
    pub revoked: Option<Timestamp>,
}

impl Pki {
    /// Every certificate of authorities, host and terminals, by path.
    pub fn certificates(&self) -> Result<Vec<Listed>, PkiError> {
        let mut listed = Vec::new();
        for name in AuthorityName::ALL {
            self.list(&self.layout().authority(name).certificate, &[], &mut listed)?;
        }
        let host = self.host();
        for files in [host.tls, host.answer] {
            self.list(&files.certificate, &[], &mut listed)?;
        }
        let revoked = self.revoked(AuthorityName::Terminal)?;
        for id in folders(&self.layout().terminals())? {
            let terminal = self.layout().terminal(&id);
            for files in [terminal.tls, terminal.evidence, terminal.log] {
                self.list(&files.certificate, &revoked, &mut listed)?;
            }
        }
        Ok(listed)
    }

    fn list(
        &self,
        path: &Path,
        revoked: &[(u64, Timestamp)],
        listed: &mut Vec<Listed>,
    ) -> Result<(), PkiError> {
        let Some(der) = authority::read_certificate(path)? else {
            return Ok(());
        };
        let certificate =
            Certificate::from_der(&der).map_err(|source| PkiError::ParseCertificate { source })?;
        let tbs = certificate.tbs_certificate();
        let serial = tbs.serial_number().as_bytes();
        let number = authority::serial_to_u64(serial);
        let ends = tbs.validity().not_after.to_unix_duration().as_secs();
        listed.push(Listed {
            path: path.strip_prefix(self.layout().root()).unwrap_or(path).to_owned(),
            subject: tbs.subject().to_string(),
            serial: hex::encode(serial),
            not_after: i64::try_from(ends)
                .ok()
                .and_then(|s| Timestamp::from_second(s).ok())
                .unwrap_or_default(),
            sha256: hex::encode(Sha256::digest(&der)),
            revoked: revoked.iter().find(|entry| Some(entry.0) == number).map(|entry| entry.1),
        });
        Ok(())
    }
}

/// Names of the folders in `path`, sorted; none when there is no such directory.
fn folders(path: &Path) -> Result<Vec<String>, PkiError> {
    let fail = |source| PkiError::List { path: path.to_owned(), source };
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.path().is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
