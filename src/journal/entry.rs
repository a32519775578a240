//! One entry of the device log, in XFS4IoT words, and its canonical bytes.
//!
//! Invariants:
//! - An entry cannot carry a secret: its fields are numbers, words of the program and bounded texts (`word.rs`).
//! - The canonical bytes are versioned. Version 1 is fixed for ever by a golden test; another form is another version.
//! - [`LoggedEntry::parse`] takes canonical bytes only: what it takes, it would write in the same way.

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use crate::canonical::{Line, instant, milliseconds, parse_instant};
use crate::digest::Digest;
use crate::word::{Detail, Language, TerminalId, Word};

/// Version of the canonical form that is written.
pub const ENTRY_VERSION: u8 = 1;
/// Bytes of the longest canonical entry; a longer one is not looked into.
pub const ENTRY_BYTES_MAX: usize = 2_048;
/// The largest sequence number: the largest whole number that every JSON reader keeps exactly.
pub const SEQUENCE_MAX: u64 = (1 << 53) - 1;

/// Who has to do something (XFS4IoT `Common.ErrorEvent`, `action`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The device must be reset by the program.
    Reset,
    /// An error of a program.
    SoftwareError,
    /// The configuration is wrong.
    Configuration,
    /// Staff at the branch can mend it: paper, a full bin.
    Clear,
    /// An engineer must come.
    Maintenance,
    /// Mends itself.
    Suspend,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Reset,
        Self::SoftwareError,
        Self::Configuration,
        Self::Clear,
        Self::Maintenance,
        Self::Suspend,
    ];

    /// The XFS4IoT word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::SoftwareError => "softwareError",
            Self::Configuration => "configuration",
            Self::Clear => "clear",
            Self::Maintenance => "maintenance",
            Self::Suspend => "suspend",
        }
    }

    /// The action of that XFS4IoT word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}

/// How the customer is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// By the screen.
    Screen,
    /// By the handset.
    Handset,
}

impl Mode {
    /// The word in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Screen => "screen",
            Self::Handset => "handset",
        }
    }

    /// The mode of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Screen, Self::Handset].into_iter().find(|mode| mode.as_str() == word)
    }
}

/// What happened. Place in the log and hash of the entry before are the journal's to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When, by the wall clock. Written in UTC with milliseconds; before 1970 is written as 1970.
    pub at: Timestamp,
    /// Milliseconds since the machine started: order and distance even when the wall clock is set.
    pub boot_ms: u64,
    /// At which terminal.
    pub terminal_id: TerminalId,
    /// During which customer's visit.
    pub visit: Option<Uuid>,
    /// The language the customer chose.
    pub language: Option<Language>,
    /// How the customer is served.
    pub mode: Option<Mode>,
    /// At which step of the visit.
    pub step: Option<Word>,
    /// The stable code of the event, refusal or fault.
    pub code: Word,
    /// XFS4IoT object, for example `cardReader.media`.
    pub object: Option<Word>,
    /// What the object is now, for example `present`.
    pub value: Option<Word>,
    /// Who has to do something.
    pub action: Option<Action>,
    /// Tries left of the PIN.
    pub tries_left: Option<u8>,
    /// SW1 SW2 of the card's answer.
    pub status_word: Option<u16>,
    /// How long it took.
    pub duration_ms: Option<u32>,
    /// How it ended.
    pub outcome: Option<Word>,
    /// A short note for operators.
    pub detail: Option<Detail>,
}

impl LogEntry {
    /// An entry with what every entry has; the rest is absent.
    #[must_use]
    pub fn new(at: Timestamp, boot_ms: u64, terminal_id: TerminalId, code: Word) -> Self {
        Self {
            at,
            boot_ms,
            terminal_id,
            visit: None,
            language: None,
            mode: None,
            step: None,
            code,
            object: None,
            value: None,
            action: None,
            tries_left: None,
            status_word: None,
            duration_ms: None,
            outcome: None,
            detail: None,
        }
    }

    /// The canonical bytes (version 1) of this entry at its place: one JSON object as RFC 8785 writes it; absent
    /// fields are left out.
    #[must_use]
    pub fn canonical(&self, seq: u64, prev: &Digest) -> String {
        let mut line = Line::new();
        line.maybe_text("action", self.action.map(Action::as_str));
        line.number("boot_ms", self.boot_ms.min(SEQUENCE_MAX));
        line.text("code", self.code.as_str());
        line.maybe_text("detail", self.detail.as_ref().map(Detail::as_str));
        line.maybe_number("duration_ms", self.duration_ms);
        line.number("entry", u64::from(ENTRY_VERSION));
        line.maybe_text("language", self.language.as_ref().map(Language::as_str));
        line.maybe_text("mode", self.mode.map(Mode::as_str));
        line.maybe_text("object", self.object.as_ref().map(Word::as_str));
        line.maybe_text("outcome", self.outcome.as_ref().map(Word::as_str));
        line.text("prev", &prev.to_string());
        line.number("seq", seq);
        line.maybe_text("status_word", self.status_word.map(|word| format!("{word:04X}")).as_deref());
        line.maybe_text("step", self.step.as_ref().map(Word::as_str));
        line.text("terminal_id", self.terminal_id.as_str());
        line.maybe_number("tries_left", self.tries_left.map(u32::from));
        line.text("utc", &instant(self.at));
        line.maybe_text("value", self.value.as_ref().map(Word::as_str));
        line.maybe_text("visit", self.visit.map(|visit| visit.to_string()).as_deref());
        line.end()
    }
}

/// An entry as it lies in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEntry {
    /// Its place: grows by one with every entry.
    pub seq: u64,
    /// SHA-256 of the canonical bytes of the entry before; 32 zero bytes in the first entry of a file.
    pub prev: Digest,
    /// What happened.
    pub entry: LogEntry,
}

/// Fields as they stand in the canonical bytes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw<'a> {
    action: Option<&'a str>,
    boot_ms: u64,
    code: &'a str,
    detail: Option<&'a str>,
    duration_ms: Option<u32>,
    entry: u8,
    language: Option<&'a str>,
    mode: Option<&'a str>,
    object: Option<&'a str>,
    outcome: Option<&'a str>,
    prev: &'a str,
    seq: u64,
    status_word: Option<&'a str>,
    step: Option<&'a str>,
    terminal_id: &'a str,
    tries_left: Option<u8>,
    utc: &'a str,
    value: Option<&'a str>,
    visit: Option<&'a str>,
}

/// `None` stays; a value that is there must be taken.
fn each<T>(text: Option<&str>, take: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    text.map_or(Some(None), |text| take(text).map(Some))
}

impl LoggedEntry {
    /// The canonical bytes.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.entry.canonical(self.seq, &self.prev)
    }

    /// Takes canonical bytes; `None` for anything else, one changed byte included (except in a value, where only
    /// the chain can tell).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > ENTRY_BYTES_MAX {
            return None;
        }
        let raw: Raw<'_> = serde_json::from_str(text).ok()?;
        let known_version = raw.entry == ENTRY_VERSION && raw.seq <= SEQUENCE_MAX;
        let parsed = Self {
            seq: raw.seq,
            prev: Digest::parse(raw.prev)?,
            entry: LogEntry {
                at: parse_instant(raw.utc)?,
                boot_ms: raw.boot_ms,
                terminal_id: TerminalId::parse(raw.terminal_id).ok()?,
                visit: each(raw.visit, |text| Uuid::parse_str(text).ok())?,
                language: each(raw.language, |text| Language::parse(text).ok())?,
                mode: each(raw.mode, Mode::from_word)?,
                step: each(raw.step, Word::stored)?,
                code: Word::stored(raw.code)?,
                object: each(raw.object, Word::stored)?,
                value: each(raw.value, Word::stored)?,
                action: each(raw.action, Action::from_word)?,
                tries_left: raw.tries_left,
                status_word: each(raw.status_word, |text| u16::from_str_radix(text, 16).ok())?,
                duration_ms: raw.duration_ms,
                outcome: each(raw.outcome, Word::stored)?,
                detail: each(raw.detail, Detail::stored)?,
            },
        };
        (known_version && parsed.canonical() == text).then_some(parsed)
    }

    /// SHA-256 of the canonical bytes: what the next entry carries.
    #[must_use]
    pub fn hash(&self) -> Digest {
        Digest::of(self.canonical().as_bytes())
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn utc_ms(&self) -> i64 {
        milliseconds(self.entry.at)
    }
}

#[cfg(test)]
mod tests;
