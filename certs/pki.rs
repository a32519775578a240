//! The PKI directory as a whole: open, issue, revoke.

use std::path::Path;

use der::Decode;
use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;
use zeroize::Zeroizing;

use crate::PkiError;
use crate::authority::{self, Authority, AuthorityName};
use crate::certificate::{self, Subject};
use crate::key::{KeyKind, PrivateKey, random};
use crate::layout::{CardFiles, HostFiles, KeyFiles, Layout, TerminalFiles};
use crate::profile::Profiles;
use crate::store::{self, Lock};
use crate::time::add_days;

/// Longest terminal id, in characters.
const TERMINAL_ID_CHARACTERS_MAX: usize = 32;

/// Certificates of terminals and host begin this much before they are made: clocks differ.
const BACKDATE_DAYS: i64 = 1;

/// Which of a card's two certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardPurpose {
    /// 利用者証明用, EF 000A.
    UserAuthentication,
    /// 署名用, EF 0001. RSA in every known profile; other keys get the same profile.
    Signature,
}

/// Which authority issues a card certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthCa {
    /// The first generation.
    Generation1,
    /// The second generation: the same name, another key.
    Generation2,
    /// The same name again, in nobody's anchors.
    Untrusted,
}

/// The key on a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CardKey {
    /// Today's card.
    Rsa2048,
    /// Hypothetical.
    P256,
    /// Hypothetical: announced for the next card, its profile not published.
    P384,
}

/// What card certificate to issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardSpec {
    /// Which of the card's certificates.
    pub purpose: CardPurpose,
    /// Who issues it.
    pub issuer: AuthCa,
    /// The card's key.
    pub key: CardKey,
    /// First second of validity, taken as it is.
    pub not_before: Timestamp,
    /// Last second of validity, taken as it is: [`crate::end_of_day_in_japan`] gives JPKI's.
    pub not_after: Timestamp,
    /// Zero bytes in a private, non-critical extension, to make the certificate larger than a
    /// real one. 0: the exact profile.
    pub extra_bytes: usize,
}

impl CardSpec {
    /// A certificate of the exact profile.
    pub fn new(
        purpose: CardPurpose,
        issuer: AuthCa,
        key: CardKey,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Self {
        CardSpec { purpose, issuer, key, not_before, not_after, extra_bytes: 0 }
    }

    fn authority(&self) -> AuthorityName {
        match (self.purpose, self.issuer) {
            (CardPurpose::UserAuthentication, AuthCa::Generation1) => AuthorityName::Auth1,
            (CardPurpose::UserAuthentication, AuthCa::Generation2) => AuthorityName::Auth2,
            (CardPurpose::UserAuthentication, AuthCa::Untrusted) => AuthorityName::AuthUntrusted,
            (CardPurpose::Signature, AuthCa::Generation1) => AuthorityName::Sign1,
            (CardPurpose::Signature, AuthCa::Generation2) => AuthorityName::Sign2,
            (CardPurpose::Signature, AuthCa::Untrusted) => AuthorityName::SignUntrusted,
        }
    }

    fn profile(&self) -> &'static str {
        match (self.purpose, self.key) {
            (CardPurpose::UserAuthentication, CardKey::Rsa2048) => "card-auth",
            (CardPurpose::UserAuthentication, CardKey::P256 | CardKey::P384) => "card-auth-ec-hypothetical",
            (CardPurpose::Signature, _) => "card-sign",
        }
    }
}

/// What a card holds for one purpose. No Debug: there is a private key in it.
pub struct CardIdentity {
    /// PKCS#8.
    pub private_key_pkcs8: Zeroizing<Vec<u8>>,
    /// DER; EF 000A or 0001.
    pub certificate: Vec<u8>,
    /// DER; EF 000B or 0002.
    pub issuer_certificate: Vec<u8>,
}

/// An open PKI directory. Holds no key: each call reads what it needs, under the lock.
#[derive(Clone, Debug)]
pub struct Pki {
    layout: Layout,
    profiles: Profiles,
    now: Timestamp,
}

impl Pki {
    /// Opens `dir` and makes what is missing: authorities, anchors, revocation lists, the host's
    /// keys. Renews revocation lists that end soon. `now` is the time of everything this value does.
    pub fn open_or_create(dir: &Path, now: Timestamp) -> Result<Self, PkiError> {
        let pki = Pki { layout: Layout::new(dir), profiles: Profiles::load()?, now };
        let held = store::lock(dir)?;
        for name in AuthorityName::ALL {
            let made = store::read(&pki.layout.authority(name).certificate)?.is_some();
            if made || !pki.profiles.authority(name.as_str())?.lazy {
                pki.authority(name, &held)?;
            }
        }
        let host = pki.layout.host();
        pki.issue_files(AuthorityName::Host, "host-tls", "", &host.tls, &held)?;
        pki.issue_files(AuthorityName::Host, "host-answer", "", &host.answer, &held)?;
        for path in [&host.evidence_key, &host.holder_key] {
            if store::read(path)?.is_none() {
                let text = Zeroizing::new(hex::encode(random::<32>()?.as_slice()));
                store::write_secret(path, text.as_bytes(), &held)?;
            }
        }
        drop(held);
        Ok(pki)
    }

    /// Opens `dir` like [`Pki::open_or_create`], but only if there is a PKI already.
    pub fn open(dir: &Path, now: Timestamp) -> Result<Self, PkiError> {
        let first = Layout::new(dir).authority(AuthorityName::Auth1).certificate;
        match store::read(&first)? {
            Some(_) => Self::open_or_create(dir, now),
            None => Err(PkiError::NoPki { path: dir.to_owned() }),
        }
    }

    /// Where things lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The host's files.
    pub fn host(&self) -> HostFiles {
        self.layout.host()
    }

    /// The files of the terminal `id`: issued once, then the same.
    pub fn terminal(&self, id: &str) -> Result<TerminalFiles, PkiError> {
        check_terminal_id(id)?;
        let files = self.layout.terminal(id);
        let held = store::lock(self.layout.root())?;
        self.issue_files(AuthorityName::Terminal, "terminal-tls", id, &files.tls, &held)?;
        self.issue_files(AuthorityName::Terminal, "terminal-evidence", id, &files.evidence, &held)?;
        self.issue_files(AuthorityName::Terminal, "terminal-log", id, &files.log, &held)?;
        Ok(files)
    }

    /// Makes a card's key and certificate. Nothing is stored here but the serial number's use: the
    /// card is the one place for its key.
    pub fn issue_card(&self, spec: &CardSpec) -> Result<CardIdentity, PkiError> {
        let key = PrivateKey::generate(match spec.key {
            CardKey::Rsa2048 => KeyKind::Rsa2048,
            CardKey::P256 => KeyKind::P256,
            CardKey::P384 => KeyKind::P384,
        })?;
        let held = store::lock(self.layout.root())?;
        let authority = self.authority(spec.authority(), &held)?;
        let subject = Subject {
            public_key: &key.public_key()?,
            serial: authority.take_serial(&self.layout, &held)?,
            id: "",
            not_before: spec.not_before,
            not_after: spec.not_after,
            extra_bytes: spec.extra_bytes,
        };
        let profile = self.profiles.profile(spec.profile())?;
        let certificate = certificate::issue(profile, &subject, &authority.issuer())?;
        Ok(CardIdentity {
            private_key_pkcs8: key.to_pkcs8()?,
            certificate,
            issuer_certificate: authority.der,
        })
    }

    /// Writes a card's key and certificates into `folder`, which is made if needed.
    pub fn save_card(&self, card: &CardIdentity, folder: &Path) -> Result<CardFiles, PkiError> {
        let files = CardFiles::new(folder);
        let held = store::lock(self.layout.root())?;
        let key = Zeroizing::new(authority::pem("PRIVATE KEY", &card.private_key_pkcs8)?);
        store::write_secret(&files.key, key.as_bytes(), &held)?;
        store::write_public(&files.certificate, &card.certificate, &held)?;
        store::write_public(&files.issuer, &card.issuer_certificate, &held)?;
        Ok(files)
    }

    /// Lists a serial number as revoked and signs the list again.
    pub fn revoke(&self, issuer: AuthorityName, serial: u64) -> Result<(), PkiError> {
        let held = store::lock(self.layout.root())?;
        self.authority(issuer, &held)?.revoke(serial, &self.layout, self.now, &held)
    }

    /// Revokes a certificate (DER) that an authority of this directory issued, found by the
    /// authority key identifier, and returns which authority that was.
    pub fn revoke_certificate(&self, der: &[u8]) -> Result<AuthorityName, PkiError> {
        let certificate =
            Certificate::from_der(der).map_err(|source| PkiError::ParseCertificate { source })?;
        let tbs = certificate.tbs_certificate();
        let (_, identifier) = tbs
            .get_extension::<AuthorityKeyIdentifier>()
            .map_err(|source| PkiError::ParseCertificate { source })?
            .ok_or(PkiError::NotIssuedHere)?;
        let identifier = identifier.key_identifier.ok_or(PkiError::NotIssuedHere)?;
        let serial =
            authority::serial_to_u64(tbs.serial_number().as_bytes()).ok_or(PkiError::NotIssuedHere)?;
        let held = store::lock(self.layout.root())?;
        for name in AuthorityName::ALL {
            if store::read(&self.layout.authority(name).certificate)?.is_none() {
                continue; // made when first needed, and was not
            }
            let authority = self.authority(name, &held)?;
            if authority.has_key_identifier(identifier.as_bytes()) {
                authority.revoke(serial, &self.layout, self.now, &held)?;
                return Ok(name);
            }
        }
        Err(PkiError::NotIssuedHere)
    }

    /// What an authority's revocation list names: serial numbers with the time of revocation.
    pub fn revoked(&self, issuer: AuthorityName) -> Result<Vec<(u64, Timestamp)>, PkiError> {
        let held = store::lock(self.layout.root())?;
        let entries = self.authority(issuer, &held)?.revoked(&self.layout)?;
        Ok(entries.into_iter().map(|entry| (entry.serial, entry.at)).collect())
    }

    fn authority(&self, name: AuthorityName, held: &Lock) -> Result<Authority, PkiError> {
        Authority::open_or_create(name, &self.layout, &self.profiles, self.now, held)
    }

    fn issue_files(
        &self,
        issuer: AuthorityName,
        profile: &str,
        id: &str,
        files: &KeyFiles,
        held: &Lock,
    ) -> Result<(), PkiError> {
        let key = authority::key_or_create(&files.key, KeyKind::P256, held)?;
        if authority::read_certificate(&files.certificate)?.is_some() {
            return Ok(());
        }
        let authority = self.authority(issuer, held)?;
        let profile = self.profiles.profile(profile)?;
        let subject = Subject {
            public_key: &key.public_key()?,
            serial: authority.take_serial(&self.layout, held)?,
            id,
            not_before: add_days(self.now, -BACKDATE_DAYS)?,
            not_after: add_days(self.now, profile.valid_days.unwrap_or_default())?,
            extra_bytes: 0,
        };
        let der = certificate::issue(profile, &subject, &authority.issuer())?;
        authority::write_certificate(&files.certificate, &der, held)
    }
}

fn check_terminal_id(id: &str) -> Result<(), PkiError> {
    let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
    if (1..=TERMINAL_ID_CHARACTERS_MAX).contains(&id.len()) && id.chars().all(allowed) {
        Ok(())
    } else {
        Err(PkiError::TerminalId { id: id.to_owned() })
    }
}
