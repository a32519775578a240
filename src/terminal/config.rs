//! The configuration file: TOML, read once at start, every key documented at its field.
//!
//! Invariants:
//! - Unknown keys are refused, so a misspelt limit is never silently the default.
//! - A [`Config`] that exists is one that can work: every cross-check has passed, with the reason for each refusal.
//! - All paths are absolute, or joined to the folder of the configuration file: the working directory does not matter.
//! - It holds no secret. Keys are named by the path of their file, and a URL with a password in it is refused, so
//!   [`Config::to_toml`] may be shown to anybody who may know where things lie.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::catalogue::{Language, MenuName};

mod checks;
mod closed;
mod devices;
mod limits;
mod url;

pub use closed::{Closed, DayTime, JST, MonthlyClosure, NotInCalendar, YearDay, YearlyClosure};
pub use devices::{
    AfterPowerFailure, CardUnit, Flow, PadFraming, Parity, PinPad, Printer, ReceiptPaper, ReceiptSize,
};
pub use limits::{LimitDoc, Limits};
pub use url::{HostUrl, UrlRefused};

/// The largest configuration file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Everything that a terminal is told from outside.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// This terminal's name: 1 to 32 of `A-Z`, `0-9`, `-`. The subject of its certificates; printed on the receipt.
    pub terminal_id: String,
    /// Folder of what survives: `journal.db`, and `evidence/`. Made when missing, for the owner alone.
    pub state_dir: PathBuf,
    /// Language of screens and receipt: `ja`, `en` or `th`. Default `ja`.
    #[serde(default)]
    pub language: Language,
    /// Languages that the customer may choose besides. Default: all that there are.
    #[serde(default = "all_languages")]
    pub languages: Vec<Language>,
    /// What this model calls the menu that the service is chosen from: `procedures` (各種お手続き) or `my-number-card`
    /// (マイナンバーカードでの手続き). Default `procedures`.
    #[serde(default)]
    pub menu: MenuName,
    /// Accept cards under test roots, too. Default false. Screens and receipt then say that it is a test.
    #[serde(default)]
    pub allow_test_roots: bool,
    /// This machine stands on a bench, with no customer: allows what must never be in the field, such as a PIN pad that
    /// is a socket. Default false.
    #[serde(default)]
    pub bench_only: bool,
    /// Where the terminal stands.
    pub place: Place,
    /// Whom the customer may call. Default: the public number.
    #[serde(default)]
    pub helpline: Helpline,
    /// The acceptance host.
    pub host: Host,
    /// The terminal's own keys, one per purpose.
    pub keys: Keys,
    /// Whose certificates are believed.
    pub trust: Trust,
    /// The card unit.
    #[serde(default)]
    pub card_unit: CardUnit,
    /// The PIN pad.
    #[serde(default)]
    pub pin_pad: PinPad,
    /// The receipt printer.
    pub printer: Printer,
    /// How receipts are. Default: normal print, with the portal's address.
    #[serde(default)]
    pub receipt: ReceiptPaper,
    /// PC/SC readers that do not serve, by their names: they are watched and reported. Default: none.
    #[serde(default)]
    pub other_readers: Vec<String>,
    /// The order of things in a visit.
    #[serde(default)]
    pub visit: VisitOrder,
    /// Keep a card that is not taken. Default: never; it is offered until somebody takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retain: Option<Retain>,
    /// When the host is known to be closed. Default: never.
    #[serde(default)]
    pub closed: Closed,
    /// Every time and size limit. Default: see [`Limits::TABLE`].
    #[serde(default)]
    pub limits: Limits,
}

/// Where the terminal stands.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The place's name as the receipt prints it, 1 to 40 characters.
    pub name: String,
    /// The same for a receipt in English. Default: `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_en: Option<String>,
}

/// Whom the customer may call. The defaults are the number, menu and hours of the public leaflet of October 2024.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Helpline {
    /// Telephone number: digits and hyphens. Default `0120-95-0178`.
    pub number: String,
    /// The key to press after the greeting. Default `5`; leave it empty when there is no menu.
    pub menu: String,
    /// Hours, as printed in Japanese.
    pub hours: String,
    /// Hours, as printed in English.
    pub hours_en: String,
}

impl Default for Helpline {
    fn default() -> Self {
        Self {
            number: "0120-95-0178".to_owned(),
            menu: "5".to_owned(),
            hours: "平日：9時30分～20時00分、土日祝：9時30分～17時30分（年末年始を除く）".to_owned(),
            hours_en: "Mon-Fri 9:30-20:00; Sat, Sun, holidays 9:30-17:30 (closed at New Year)".to_owned(),
        }
    }
}

/// The acceptance host.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Where it answers: `https://NAME:PORT`, nothing behind it.
    pub url: HostUrl,
    /// PEM of the CA of its TLS certificate. No other CA is believed, the machine's own list least of all.
    pub ca: PathBuf,
    /// PEM of the CA of the certificate that signs its answers.
    pub answer_ca: PathBuf,
}

/// The terminal's own keys, one per purpose, so that none can be used for another's.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Client certificate and key of the TLS connection.
    pub tls: KeyFiles,
    /// Countersigns requests.
    pub evidence: KeyFiles,
    /// Signs checkpoints of the device log.
    pub log: KeyFiles,
}

/// A certificate and its private key.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFiles {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// The private key, PKCS#8 PEM, readable by the service's user alone.
    pub key: PathBuf,
}

/// Whose certificates are believed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Folder of the roots of real cards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_anchors: Option<PathBuf>,
    /// Folder of the roots of test cards; used only with `allow_test_roots`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_anchors_test: Option<PathBuf>,
    /// PEM of the CA of terminals: this terminal checks its own request before it records it.
    pub terminal_ca: PathBuf,
}

/// The order of things in a visit, where banks differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct VisitOrder {
    /// Which comes first at the end. Default `receipt-then-card`: who waits for the paper does not forget the card.
    pub return_order: ReturnOrder,
}

/// Which comes first at the end of a visit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReturnOrder {
    /// Print, then give the card back.
    #[default]
    ReceiptThenCard,
    /// Give the card back, then print.
    CardThenReceipt,
}

fn all_languages() -> Vec<Language> {
    Language::ALL.to_vec()
}

/// Cards that are not taken are kept in the machine. An identity card is not the bank's: without this table, never.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retain {
    /// After so many reminders, `card_take_ms_max` apart, 1 to 20.
    pub after_reminders: u8,
    /// Whom the owner calls, as the screen says it: a number that somebody answers who can open the machine.
    pub call: String,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file is too long to be a configuration.
    #[error("{} is longer than {FILE_BYTES_MAX} bytes: is it a configuration file?", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// Not TOML, or not our keys: an unknown, missing or mistyped one.
    #[error("{} is not a configuration", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// The line, the column and what was expected.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Every key is there and has the right type, but it cannot work.
    #[error("{} cannot work:{}", path.display(), listed(problems))]
    Refused {
        /// Which file.
        path: PathBuf,
        /// All reasons, so that one look is enough.
        problems: Vec<Problem>,
    },
    /// The configuration cannot be written as TOML. A bug.
    #[error("the configuration cannot be shown")]
    Show(#[source] toml::ser::Error),
}

/// One reason why a configuration cannot work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, with its tables: `limits.pin_ms_max`.
    pub key: String,
    /// Why its value cannot work, and what could.
    pub reason: String,
}

fn listed(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {}: {}", problem.key, problem.reason);
    }
    text
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`]: unreadable, not TOML, unknown keys, or a value that cannot work.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let failed = |source| ConfigError::Read { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
            return Err(ConfigError::TooLong { path: path.to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let folder = std::path::absolute(path).map_err(failed)?;
        let folder = folder.parent().unwrap_or(Path::new("/"));
        Self::parse(&text, path, folder)
    }

    /// The same from a text. `path` is named in errors, relative paths inside are joined to `folder`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str, path: &Path, folder: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = toml::from_str(text)
            .map_err(|source| ConfigError::Syntax { path: path.to_owned(), source: Box::new(source) })?;
        config.for_each_path(|named| *named = folder.join(&*named));
        if let Printer::Serial { profile, .. } = &mut config.printer {
            devices::join_profile(profile, folder);
        }
        let problems = checks::problems(&config);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Refused { path: path.to_owned(), problems })
        }
    }

    /// What works but deserves a second look, for `config check` and `doctor`.
    pub fn warnings(&self) -> Vec<Problem> {
        checks::warnings(self)
    }

    /// The configuration in effect as TOML: every default written out, paths in full, no secret (see the module).
    ///
    /// # Errors
    /// [`ConfigError::Show`], which would be a bug.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string(self).map_err(ConfigError::Show)
    }

    /// The journal's file.
    pub fn journal_path(&self) -> PathBuf {
        self.state_dir.join("journal.db")
    }

    /// Folder of the requests and answers (CMS) that the terminal keeps for `evidence_keep_days`.
    pub fn evidence_dir(&self) -> PathBuf {
        self.state_dir.join("evidence")
    }

    /// The place's name in a language.
    pub fn place_name(&self, language: Language) -> &str {
        match (language, &self.place.name_en) {
            (Language::En | Language::Th, Some(name)) => name,
            (Language::En | Language::Th, None) | (Language::Ja, _) => &self.place.name,
        }
    }

    fn for_each_path(&mut self, mut act: impl FnMut(&mut PathBuf)) {
        act(&mut self.state_dir);
        act(&mut self.host.ca);
        act(&mut self.host.answer_ca);
        for files in [&mut self.keys.tls, &mut self.keys.evidence, &mut self.keys.log] {
            act(&mut files.certificate);
            act(&mut files.key);
        }
        let folders = [&mut self.trust.card_anchors, &mut self.trust.card_anchors_test];
        folders.into_iter().flatten().for_each(&mut act);
        act(&mut self.trust.terminal_ca);
        match &mut self.card_unit {
            CardUnit::Omron { port, .. } => act(port),
            CardUnit::Pcsc { .. } => {}
        }
        match &mut self.pin_pad {
            PinPad::Socket { path } => act(path),
            PinPad::Serial { port, .. } => act(port),
            PinPad::Console {} | PinPad::Reader {} => {}
        }
        match &mut self.printer {
            Printer::File { dir, .. } => act(dir),
            Printer::Serial { port, .. } => act(port),
        }
    }
}

#[cfg(test)]
mod tests;
