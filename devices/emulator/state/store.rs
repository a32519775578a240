//! A card's directory: keys and certificates, minted once, so that a card stays the same card.
//!
//! ```text
//! STATE/cards/NAME/
//!   authentication.{key,crt,ca}.der   signature.{key,crt,ca}.der   common.key.der   pins.json
//! ```
//!
//! Invariant: the directory is complete or absent. It is made under another name and renamed when all is durable.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use test_pki::{AuthCa, CardIdentity, CardKey, CardPurpose, CardSpec, Pki, PkiError};

use super::pins::{PinMemory, PinMemoryFault};
use crate::card::Card;
use crate::content::{self, Material};
use crate::crypto::{KeyFault, PrivateKey};
use crate::persona::{Certificate, Damage, Issuer, Key, Kind, Persona};

/// Why a card could not be minted or loaded.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// A file or directory of the card.
    #[error("card file {}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The test PKI did not issue.
    #[error("the test PKI did not issue the certificate of persona {persona}")]
    Issue {
        /// For whom.
        persona: String,
        /// Why not.
        #[source]
        source: Box<PkiError>,
    },
    /// A key on disk is no good.
    #[error("key {}", path.display())]
    Key {
        /// Which one.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: KeyFault,
    },
    /// A date of the persona is out of the calendar.
    #[error("a date of persona {persona} is out of the calendar")]
    Date {
        /// Whose.
        persona: String,
        /// What is wrong.
        #[source]
        source: jiff::Error,
    },
    /// The PIN memory is no good.
    #[error(transparent)]
    Pins(#[from] PinMemoryFault),
}

impl Card {
    /// Loads the card of `persona` below `state`, and mints it with `pki` if it is not there yet; `now` is the day
    /// from which the persona's dates count.
    pub fn load(persona: &Persona, state: &Path, pki: &Pki, now: Timestamp) -> Result<Self, StoreFault> {
        let home = state.join("cards").join(&persona.name);
        if !home.exists() {
            mint(persona, &home, pki, now)?;
        }
        let material = if has_keys(persona) { Some(read_material(&home)?) } else { None };
        let pins = PinMemory::open(&home.join("pins.json"))?;
        Ok(Self::assemble(persona.clone(), material, pins))
    }
}

fn has_keys(persona: &Persona) -> bool {
    matches!(persona.kind, Kind::MyNumberCard | Kind::Phone)
}

fn mint(persona: &Persona, home: &Path, pki: &Pki, now: Timestamp) -> Result<(), StoreFault> {
    let unfinished = home.with_extension(format!("unfinished-{}", std::process::id()));
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreFault::Io { path, source }
    };
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(io(&unfinished))?;
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&unfinished).map_err(io(&unfinished))?;
    if has_keys(persona) {
        let minting = Minting { persona, directory: &unfinished, pki, now };
        minting.pair("authentication", CardPurpose::UserAuthentication, &persona.authentication)?;
        minting.pair("signature", CardPurpose::Signature, &persona.signature)?;
        // The key of the common application needs no certificate here; it is minted like the others.
        let identity = minting.issue(CardPurpose::UserAuthentication, &Certificate::default())?;
        minting.write("common.key.der", &identity.private_key_pkcs8)?;
    }
    PinMemory::create(&unfinished.join("pins.json"), content::initial_pins(persona))?;
    sync_directory(&unfinished).map_err(io(&unfinished))?;
    fs::rename(&unfinished, home).map_err(io(home))?;
    home.parent().map_or(Ok(()), sync_directory).map_err(io(home))
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// What all steps of minting one card share.
struct Minting<'a> {
    persona: &'a Persona,
    directory: &'a Path,
    pki: &'a Pki,
    now: Timestamp,
}

impl Minting<'_> {
    fn pair(&self, stem: &str, purpose: CardPurpose, spec: &Certificate) -> Result<(), StoreFault> {
        let identity = self.issue(purpose, spec)?;
        if spec.revoked {
            self.pki.revoke_certificate(&identity.certificate).map_err(|source| self.not_issued(source))?;
        }
        let key = if spec.of_another_key {
            self.issue(purpose, spec)?.private_key_pkcs8
        } else {
            identity.private_key_pkcs8
        };
        self.write(&format!("{stem}.key.der"), &key)?;
        self.write(&format!("{stem}.crt.der"), &damaged(identity.certificate, spec.damage))?;
        self.write(&format!("{stem}.ca.der"), &identity.issuer_certificate)
    }

    fn issue(&self, purpose: CardPurpose, spec: &Certificate) -> Result<CardIdentity, StoreFault> {
        let issue = |extra_bytes| {
            let request = CardSpec {
                purpose,
                issuer: match spec.issuer {
                    Issuer::Generation1 => AuthCa::Generation1,
                    Issuer::Generation2 => AuthCa::Generation2,
                    Issuer::Untrusted => AuthCa::Untrusted,
                },
                key: match spec.key {
                    Key::Rsa2048 => CardKey::Rsa2048,
                    Key::P256 => CardKey::P256,
                    Key::P384 => CardKey::P384,
                },
                not_before: self.day(spec.not_before_days, JST_MIDNIGHT)?,
                not_after: self.day(spec.not_after_days, JST_LAST_SECOND)?,
                extra_bytes,
            };
            self.pki.issue_card(&request).map_err(|source| self.not_issued(source))
        };
        let identity = issue(0)?;
        match spec.bytes_min.checked_sub(identity.certificate.len()) {
            None | Some(0) => Ok(identity),
            Some(missing) => issue(missing),
        }
    }

    fn not_issued(&self, source: PkiError) -> StoreFault {
        StoreFault::Issue { persona: self.persona.name.clone(), source: Box::new(source) }
    }

    /// `days` after the day of minting, at `seconds` after 00:00:00 UTC.
    fn day(&self, days: i32, seconds: i64) -> Result<Timestamp, StoreFault> {
        let date = |source| StoreFault::Date { persona: self.persona.name.clone(), source };
        let midnight = self.now.as_second().div_euclid(DAY_SECONDS) * DAY_SECONDS;
        Timestamp::from_second(midnight)
            .and_then(|start| {
                start.checked_add(SignedDuration::from_secs(i64::from(days) * DAY_SECONDS + seconds))
            })
            .map_err(date)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreFault> {
        let path = self.directory.join(name);
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|source| StoreFault::Io { path, source })
    }
}

const DAY_SECONDS: i64 = 86_400;
/// 00:00:00 in Japan is 15:00:00 UTC of the day before.
const JST_MIDNIGHT: i64 = -9 * 3_600;
/// 23:59:59 in Japan: certificates of real cards end so.
const JST_LAST_SECOND: i64 = 15 * 3_600 - 1;

fn damaged(mut der: Vec<u8>, damage: Damage) -> Vec<u8> {
    match damage {
        Damage::None => {}
        Damage::Tag => {
            if let Some(tag) = der.get_mut(4) {
                *tag ^= 0xFF;
            }
        }
        Damage::Signature => {
            if let Some(last) = der.last_mut() {
                *last ^= 0x01;
            }
        }
        Damage::Endless => {
            if let Some(length) = der.get_mut(2..4) {
                length.fill(0xFF);
            }
        }
        Damage::CutOff => der.truncate(der.len() / 2),
    }
    der
}

fn read_material(home: &Path) -> Result<Material, StoreFault> {
    let file = |name: &str| {
        let path = home.join(name);
        fs::read(&path).map_err(|source| StoreFault::Io { path, source })
    };
    let key = |name: &str| {
        PrivateKey::from_pkcs8(&file(name)?)
            .map_err(|source| StoreFault::Key { path: home.join(name), source })
    };
    Ok(Material {
        authentication_certificate: file("authentication.crt.der")?,
        authentication_issuer: file("authentication.ca.der")?,
        authentication_key: key("authentication.key.der")?,
        signature_certificate: file("signature.crt.der")?,
        signature_issuer: file("signature.ca.der")?,
        signature_key: key("signature.key.der")?,
        common_key: key("common.key.der")?,
    })
}
