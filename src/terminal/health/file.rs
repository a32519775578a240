//! `devices.json` in the state directory: how the devices of the running service are, for operators and their programs.
//!
//! Invariants:
//! - A reader sees the old file or the new one, never half of one. It is not synced: it tells of this process, and nobody
//!   needs it after a crash.
//! - No card, no holder, no PIN and no time of a key is in it. Texts of faults pass the same filter as in the device log.

use std::fs;
use std::io;
use std::path::Path;

use devices::port::PaperState;
use jiff::Timestamp;
use journal::Detail;
use serde::{Deserialize, Serialize};

use super::Health;
use super::words::{JAMMED, ONLINE, STARTING};

/// Its name in the state directory.
pub(crate) const FILE: &str = "devices.json";

/// Beside it, while it is written.
const NEW: &str = "devices.json.new";

/// The version of the form.
const VERSION: u32 = 1;

/// The largest file that is read: some dozens of readers.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Shown {
    version: u32,
    /// When something changed last.
    pub(crate) written_at: Timestamp,
    pub(crate) devices: Vec<ShownDevice>,
}

/// One device of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ShownDevice {
    /// `card-unit`, `pin-pad`, `printer`, `other-reader`.
    pub(crate) device: String,
    /// Of another reader: its name in the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// `common.device`.
    pub(crate) state: String,
    /// `cardReader.media`, `printer.media`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) media: Option<String>,
    /// `printer.paper`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paper: Option<String>,
    /// Since when it is so.
    pub(crate) since: Timestamp,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// The code by which it is out of service.
    pub(crate) out_of_service: Option<String>,
    /// Of this process.
    pub(crate) last_failure: Option<LastFailure>,
}

/// What a device failed with last.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LastFailure {
    pub(crate) at: Timestamp,
    pub(crate) code: String,
    /// What mends it.
    pub(crate) action: Option<String>,
    /// What failed, of what.
    pub(crate) what: Option<String>,
}

impl ShownDevice {
    /// Whether it can be used, as far as anybody knows.
    pub(crate) fn is_usable(&self) -> bool {
        let there = [ONLINE, STARTING].contains(&self.state.as_str());
        let stuck = |word: &Option<String>| word.as_deref() == Some(JAMMED);
        let paper = self.paper.as_deref() != Some(PaperState::Out.word()) && !stuck(&self.paper);
        there && self.out_of_service.is_none() && paper && !stuck(&self.media)
    }
}

impl Health {
    /// For the file.
    pub(crate) fn shown(&self, now: Timestamp) -> Shown {
        let owned = |word: &'static str| word.to_owned();
        let own = [&self.card_unit, &self.pin_pad, &self.printer];
        let devices = own.into_iter().chain(&self.others).map(|state| {
            let last_failure = state.last.as_ref().map(|last| LastFailure {
                at: last.at,
                code: owned(last.code),
                action: last.action.map(owned),
                what: last.what.as_deref().map(|what| Detail::of(what).to_string()),
            });
            ShownDevice {
                device: owned(state.device),
                name: state.name.clone(),
                state: owned(state.words.state),
                media: state.words.media.map(owned),
                paper: state.words.paper.map(owned),
                since: state.since,
                failures: state.failures,
                out_of_service: state.words.out.map(owned),
                last_failure,
            }
        });
        Shown { version: VERSION, written_at: now, devices: devices.collect() }
    }
}

/// Writes it.
///
/// # Errors
/// When the state directory takes no file.
pub(crate) fn publish(state_dir: &Path, shown: &Shown) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(shown)?;
    text.push('\n');
    let new = state_dir.join(NEW);
    fs::write(&new, text)?;
    fs::rename(&new, state_dir.join(FILE))
}

/// Reads it.
///
/// # Errors
/// When there is none, or none that can be understood.
pub(crate) fn read(state_dir: &Path) -> io::Result<Shown> {
    let path = state_dir.join(FILE);
    if fs::metadata(&path)?.len() > FILE_BYTES_MAX {
        return Err(io::Error::other("the file is too long"));
    }
    Ok(serde_json::from_slice(&fs::read(&path)?)?)
}
