//! The non-volatile memory of the card for PINs: values and tries left.
//!
//! Invariants:
//! - a try is taken and durable (fdatasync) before the PIN is compared, so that neither a pulled plug nor a killed
//!   process gives a free guess;
//! - the file is one page of `PAGE_BYTES`, JSON and spaces, written in place in one write;
//! - one process at a time has the file open (advisory lock): a card cannot be in two readers.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::card::file::Application;

const PAGE_BYTES: usize = 4096;

/// Names a PIN: application and file identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PinName {
    pub(crate) application: Application,
    pub(crate) file: u16,
}

impl std::fmt::Display for PinName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{:04X}", self.application.name(), self.file)
    }
}

/// A PIN as stored. The PINs of these cards are test data printed in the personas; they are no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    pub(crate) value: String,
    pub(crate) tries_left: u8,
    pub(crate) tries_max: u8,
}

/// What became of a presented PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented {
    Right,
    Wrong { tries_left: u8 },
}

/// Why the memory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum PinMemoryFault {
    /// The file cannot be opened, read or written.
    #[error("PIN memory {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process has this card in its reader.
    #[error("PIN memory {} is in use: the same card cannot be in two readers", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The content is not what this program writes.
    #[error("PIN memory {} is damaged; delete the card's directory to mint a new card", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        #[source]
        source: serde_json::Error,
    },
}

/// All PINs of a card, on disk or, for tests and fuzzing, in memory only.
pub(crate) struct PinMemory {
    pins: BTreeMap<String, Pin>,
    file: Option<File>,
}

impl PinMemory {
    /// A memory that is gone with the process.
    pub(crate) fn volatile(initial: impl IntoIterator<Item = (PinName, Pin)>) -> Self {
        Self { pins: initial.into_iter().map(|(name, pin)| (name.to_string(), pin)).collect(), file: None }
    }

    /// Writes a new memory file with `initial`.
    pub(crate) fn create(
        path: &Path,
        initial: impl IntoIterator<Item = (PinName, Pin)>,
    ) -> Result<(), PinMemoryFault> {
        let io = |source| PinMemoryFault::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        let mut memory = Self::volatile(initial);
        memory.file = Some(file);
        memory.store().map_err(io)
    }

    /// Opens the memory file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, PinMemoryFault> {
        let io = |source| PinMemoryFault::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(PinMemoryFault::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let mut page = vec![0; PAGE_BYTES];
        file.read_exact_at(&mut page, 0).map_err(io)?;
        let pins = serde_json::from_slice(&page)
            .map_err(|source| PinMemoryFault::Damaged { path: path.to_owned(), source })?;
        Ok(Self { pins, file: Some(file) })
    }

    /// Tries left; `None` if there is no such PIN.
    pub(crate) fn tries_left(&self, name: PinName) -> Option<u8> {
        self.pins.get(&name.to_string()).map(|pin| pin.tries_left)
    }

    /// All PINs by name, with tries left and the most there can be.
    pub(crate) fn counters(&self) -> impl Iterator<Item = (&str, u8, u8)> {
        self.pins.iter().map(|(name, pin)| (name.as_str(), pin.tries_left, pin.tries_max))
    }

    /// Takes one try, durably. A PIN without tries left must not be presented: that is an error of kind `Other`.
    pub(crate) fn take_try(&mut self, name: PinName) -> io::Result<()> {
        self.change(name, |pin| {
            pin.tries_left = pin.tries_left.checked_sub(1).ok_or(io::Error::other("no try left"))?;
            Ok(())
        })
    }

    /// Compares, after `take_try`; the right value gives all tries back, durably.
    pub(crate) fn compare(&mut self, name: PinName, presented: &[u8]) -> io::Result<Presented> {
        let pin = self.pins.get(&name.to_string()).ok_or(io::Error::other("no such PIN"))?;
        if pin.value.as_bytes() != presented {
            return Ok(Presented::Wrong { tries_left: pin.tries_left });
        }
        self.change(name, |pin| {
            pin.tries_left = pin.tries_max;
            Ok(())
        })?;
        Ok(Presented::Right)
    }

    /// Sets a new value, durably; the counter stays.
    pub(crate) fn set_value(&mut self, name: PinName, value: &str) -> io::Result<()> {
        self.change(name, |pin| {
            value.clone_into(&mut pin.value);
            Ok(())
        })
    }

    /// Sets a new value and gives all tries back, durably.
    pub(crate) fn replace(&mut self, name: PinName, value: &str) -> io::Result<()> {
        if !(1..=16).contains(&value.len()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a PIN has 1 to 16 characters"));
        }
        self.change(name, |pin| {
            value.clone_into(&mut pin.value);
            pin.tries_left = pin.tries_max;
            Ok(())
        })
    }

    /// Puts everything back to `initial`, durably: what the municipal office does.
    pub(crate) fn reset(&mut self, initial: impl IntoIterator<Item = (PinName, Pin)>) -> io::Result<()> {
        self.pins = initial.into_iter().map(|(name, pin)| (name.to_string(), pin)).collect();
        self.store()
    }

    fn change(&mut self, name: PinName, edit: impl FnOnce(&mut Pin) -> io::Result<()>) -> io::Result<()> {
        let pin = self.pins.get_mut(&name.to_string()).ok_or(io::Error::other("no such PIN"))?;
        edit(pin)?;
        self.store()
    }

    fn store(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut page = serde_json::to_vec(&self.pins)?;
        if page.len() >= PAGE_BYTES {
            return Err(io::Error::other("more PINs than fit a page"));
        }
        page.resize(PAGE_BYTES - 1, b' ');
        page.push(b'\n');
        file.write_all_at(&page, 0)?;
        file.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: PinName = PinName { application: Application::Jpki, file: 0x18 };

    fn pin() -> [(PinName, Pin); 1] {
        [(NAME, Pin { value: "1234".to_owned(), tries_left: 3, tries_max: 3 })]
    }

    #[test]
    fn a_taken_try_is_on_disk_before_the_comparison() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pins.json");
        PinMemory::create(&path, pin()).unwrap();
        let mut memory = PinMemory::open(&path).unwrap();
        memory.take_try(NAME).unwrap();
        drop(memory); // the process dies here
        let mut memory = PinMemory::open(&path).unwrap();
        assert_eq!(memory.tries_left(NAME), Some(2));
        memory.take_try(NAME).unwrap();
        assert_eq!(memory.compare(NAME, b"9999").unwrap(), Presented::Wrong { tries_left: 1 });
        memory.take_try(NAME).unwrap();
        assert_eq!(memory.compare(NAME, b"1234").unwrap(), Presented::Right);
        drop(memory);
        assert_eq!(PinMemory::open(&path).unwrap().tries_left(NAME), Some(3));
    }

    #[test]
    fn the_same_card_cannot_be_in_two_readers() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pins.json");
        PinMemory::create(&path, pin()).unwrap();
        let _first = PinMemory::open(&path).unwrap();
        assert!(matches!(PinMemory::open(&path), Err(PinMemoryFault::InUse { .. })));
    }

    #[test]
    fn a_damaged_file_is_said_to_be_damaged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pins.json");
        std::fs::write(&path, vec![b'x'; PAGE_BYTES]).unwrap();
        assert!(matches!(PinMemory::open(&path), Err(PinMemoryFault::Damaged { .. })));
        std::fs::write(&path, b"{}").unwrap();
        assert!(matches!(PinMemory::open(&path), Err(PinMemoryFault::Io { .. })));
    }
}
