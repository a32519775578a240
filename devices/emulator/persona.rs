//! Personas: who the card belongs to and what is special about it, as TOML files.
//!
//! Invariant: a persona is data. Whatever distinguishes one card from another stands in its file; no code asks for a
//! persona's name. What is not known of real cards is listed in the file under `assumptions`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::card::status::Status;
use crate::lever::Lever;

/// The personas that come with the program.
const BUILT_IN: &[&str] = &[
    include_str!("personas/valid.toml"),
    include_str!("personas/expires-soon.toml"),
    include_str!("personas/expired.toml"),
    include_str!("personas/not-yet-valid.toml"),
    include_str!("personas/revoked.toml"),
    include_str!("personas/one-try-left.toml"),
    include_str!("personas/pin-locked.toml"),
    include_str!("personas/no-pin.toml"),
    include_str!("personas/untrusted-issuer.toml"),
    include_str!("personas/wrong-key.toml"),
    include_str!("personas/damaged-certificate.toml"),
    include_str!("personas/large-certificate.toml"),
    include_str!("personas/no-sfi.toml"),
    include_str!("personas/contactless.toml"),
    include_str!("personas/phone.toml"),
    include_str!("personas/bank-card.toml"),
    include_str!("personas/mute.toml"),
    include_str!("personas/p256.toml"),
    include_str!("personas/p384.toml"),
];

/// A card and its owner.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Persona {
    /// 1 to 32 of a-z, 0-9 and `-`; also the name of the card's directory.
    pub name: String,
    /// One sentence for the list of personas.
    pub summary: String,
    /// What this persona takes for granted and no public source confirms.
    #[serde(default)]
    pub assumptions: Vec<String>,
    /// What kind of card this is.
    #[serde(default)]
    pub kind: Kind,
    /// Answer to reset, in hex.
    #[serde(default = "contact_atr")]
    pub atr: Hex,
    /// The label in the token information, up to 32 characters.
    #[serde(default = "card_label")]
    pub token_label: String,
    /// Which certificates are present (EF 0008).
    #[serde(default = "both_certificates")]
    pub certificates_present: Hex,
    /// The certificate for user authentication.
    #[serde(default)]
    pub authentication: Certificate,
    /// The certificate for signatures.
    #[serde(default)]
    pub signature: Certificate,
    /// The 4-digit PIN for user authentication.
    #[serde(default = "authentication_pin")]
    pub authentication_pin: PinSpec,
    /// The password for signatures.
    #[serde(default = "signature_password")]
    pub signature_password: PinSpec,
    /// Levers that are pulled from the start.
    #[serde(default)]
    pub levers: Vec<Lever>,
}

/// What is in the reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A My Number Card with its five applications.
    #[default]
    MyNumberCard,
    /// A telephone with the JPKI application alone.
    Phone,
    /// A chip card without the JPKI application.
    OtherCard,
    /// A card that does not answer to reset.
    Mute,
}

/// How a certificate is issued and what is wrong with it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Certificate {
    /// The key it certifies.
    pub key: Key,
    /// Who issues it.
    pub issuer: Issuer,
    /// Valid from so many days after minting, 00:00:00 Japanese time.
    pub not_before_days: i32,
    /// Valid until so many days after minting, 23:59:59 Japanese time.
    pub not_after_days: i32,
    /// The issuer revokes it at once.
    pub revoked: bool,
    /// The certificate is for another key than the one in the chip.
    pub of_another_key: bool,
    /// The certificate has at least so many bytes.
    pub bytes_min: usize,
    /// So many bytes FF follow the certificate in its file.
    pub filler_bytes: usize,
    /// What happened to the certificate's bytes after issue.
    pub damage: Damage,
    /// Who may read it; by default anybody for authentication, after the password for signatures.
    pub read: Option<Read>,
}

impl Default for Certificate {
    fn default() -> Self {
        Self {
            key: Key::Rsa2048,
            issuer: Issuer::Generation2,
            not_before_days: -365,
            not_after_days: 1_460,
            revoked: false,
            of_another_key: false,
            bytes_min: 0,
            filler_bytes: 0,
            damage: Damage::None,
            read: None,
        }
    }
}

/// Kinds of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// RSA with 2,048 bits: every card in the field.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// ECDSA on P-256: hypothetical.
    P256,
    /// ECDSA on P-384: hypothetical, as announced for the next card.
    P384,
}

/// Certification authorities of the test PKI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Issuer {
    /// The older of two authorities with the same name.
    Generation1,
    /// The newer one.
    Generation2,
    /// One that nobody trusts.
    Untrusted,
}

/// Damage to a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// None.
    None,
    /// The tag after the header is wrong: not a certificate any more.
    Tag,
    /// One bit of the issuer's signature is wrong.
    Signature,
    /// The header promises 65,535 bytes, the file is as long as before.
    Endless,
    /// The second half is missing.
    CutOff,
}

/// Who may read a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Read {
    /// Anybody.
    Free,
    /// Whoever presented the PIN.
    Pin,
}

/// A PIN as the card is issued.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PinSpec {
    /// The characters.
    pub value: String,
    /// Tries left when the card is minted; all of them if absent.
    pub tries_left: Option<u8>,
    /// The card has no such PIN and answers so.
    pub absent: Option<AbsentPin>,
}

/// What a card without this PIN answers. Not known of any real card.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AbsentPin {
    /// The status word for the query of the tries left, in hex.
    pub query_status: Hex,
    /// The status word for VERIFY with data, in hex.
    pub verify_status: Hex,
}

impl AbsentPin {
    pub(crate) fn query(&self) -> Status {
        self.query_status.status()
    }

    pub(crate) fn verify(&self) -> Status {
        self.verify_status.status()
    }
}

/// Bytes, written in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hex(pub Vec<u8>);

impl Hex {
    fn status(&self) -> Status {
        match self.0.as_slice() {
            [sw1, sw2] => Status(u16::from_be_bytes([*sw1, *sw2])),
            _ => Status::NO_DIAGNOSIS,
        }
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

fn contact_atr() -> Hex {
    Hex(vec![0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14])
}

fn card_label() -> String {
    "JPKIAPICCTOKEN2".to_owned()
}

fn both_certificates() -> Hex {
    Hex(vec![0x8F, 0x8F, 0x00])
}

fn authentication_pin() -> PinSpec {
    PinSpec { value: "1234".to_owned(), tries_left: None, absent: None }
}

fn signature_password() -> PinSpec {
    PinSpec { value: "ABC123".to_owned(), tries_left: None, absent: None }
}

/// Why there is no such persona.
#[derive(Debug, thiserror::Error)]
pub enum PersonaFault {
    /// Neither the name of a built-in persona nor a file.
    #[error("no persona {name:?}; built in are: {}", Persona::names().join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("persona file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a persona.
    #[error("persona {name} is not written as personas are")]
    Syntax {
        /// Name or path.
        name: String,
        /// Line, column and reason.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A value is out of bounds.
    #[error("persona {name}: {what}")]
    Value {
        /// Name or path.
        name: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl Persona {
    /// The names of the built-in personas.
    #[must_use]
    pub fn names() -> Vec<String> {
        Self::built_in().map(|persona| persona.name).collect()
    }

    /// The built-in personas. A test holds that every file among them loads.
    pub fn built_in() -> impl Iterator<Item = Self> {
        BUILT_IN.iter().filter_map(|text| Self::parse("built-in", text).ok())
    }

    /// A built-in persona by name, or a persona file by path (anything with a `.` or `/`).
    pub fn find(name: &str) -> Result<Self, PersonaFault> {
        if name.contains(['.', '/']) {
            let path = Path::new(name);
            let text = std::fs::read_to_string(path)
                .map_err(|source| PersonaFault::Read { path: path.to_owned(), source })?;
            return Self::parse(name, &text);
        }
        Self::built_in()
            .find(|persona| persona.name == name)
            .ok_or_else(|| PersonaFault::Unknown { name: name.to_owned() })
    }

    /// Reads the text of a persona file; `origin` names it in errors.
    pub fn parse(origin: &str, text: &str) -> Result<Self, PersonaFault> {
        let persona: Self = toml::from_str(text)
            .map_err(|source| PersonaFault::Syntax { name: origin.to_owned(), source: Box::new(source) })?;
        match persona.wrong_value() {
            Some(what) => Err(PersonaFault::Value { name: origin.to_owned(), what }),
            None => Ok(persona),
        }
    }

    fn wrong_value(&self) -> Option<&'static str> {
        let name_ok = (1..=32).contains(&self.name.len())
            && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let absent_ok = |pin: &PinSpec| {
            pin.absent.as_ref().is_none_or(|a| a.query_status.0.len() == 2 && a.verify_status.0.len() == 2)
        };
        let certificate_ok = |certificate: &Certificate| {
            certificate.bytes_min <= 30_000
                && certificate.filler_bytes <= 30_000
                && certificate.not_before_days < certificate.not_after_days
                && certificate.not_before_days.abs().max(certificate.not_after_days.abs()) <= 36_500
        };
        let rules = [
            (name_ok, "name is 1 to 32 of a-z, 0-9 and -"),
            ((2..=33).contains(&self.atr.0.len()), "an ATR has 2 to 33 bytes"),
            (
                self.token_label.is_ascii() && self.token_label.len() <= 32,
                "token-label is up to 32 ASCII characters",
            ),
            (self.certificates_present.0.len() == 3, "certificates-present has 3 bytes"),
            (certificate_ok(&self.authentication), "authentication: dates or sizes are out of bounds"),
            (certificate_ok(&self.signature), "signature: dates or sizes are out of bounds"),
            (absent_ok(&self.authentication_pin), "authentication-pin: a status word has 2 bytes"),
            (absent_ok(&self.signature_password), "signature-password: a status word has 2 bytes"),
            (
                (1..=16).contains(&self.authentication_pin.value.len()),
                "authentication-pin has 1 to 16 characters",
            ),
            (
                (1..=16).contains(&self.signature_password.value.len()),
                "signature-password has 1 to 16 characters",
            ),
            (self.authentication_pin.tries_left.unwrap_or(0) <= 3, "authentication-pin has at most 3 tries"),
            (self.signature_password.tries_left.unwrap_or(0) <= 5, "signature-password has at most 5 tries"),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map(|(_, what)| what)
    }
}
