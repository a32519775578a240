//! A PKI of its own for each test, and `openssl` as a judge.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use test_pki::{AuthCa, CardIdentity, CardKey, CardPurpose, CardSpec, Pki};

pub(crate) const NOW: &str = "2026-11-21T01:02:03.456Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

pub(crate) fn days(count: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * count)
}

pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) pki: Pki,
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let pki = Pki::open_or_create(&directory.path().join("pki"), now()).unwrap();
        World { directory, pki }
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn card(&self, purpose: CardPurpose, issuer: AuthCa, key: CardKey) -> CardIdentity {
        let not_after = test_pki::end_of_day_in_japan(days(1500)).unwrap();
        self.pki.issue_card(&CardSpec::new(purpose, issuer, key, days(-30), not_after)).unwrap()
    }

    pub(crate) fn auth_card(&self) -> CardIdentity {
        self.card(CardPurpose::UserAuthentication, AuthCa::Generation2, CardKey::Rsa2048)
    }
}

/// Runs `openssl`; its standard output and error as one text.
pub(crate) fn openssl(arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } =
        Command::new("openssl").args(arguments).output().expect("openssl is installed");
    (status.success(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
