//! The note beside a journal: "at the next start, check all of it". Left by whoever meets damage that a start would not
//! look for.
//!
//! Invariant: it goes away only after the whole journal was checked, or was set aside.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::error::JournalError;
use crate::place;

const SUFFIX: &str = ".check";

/// Leaves the note.
pub(crate) fn leave(journal: &Path) -> Result<(), JournalError> {
    let note = place::beside(journal, SUFFIX);
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&note)
        .map_err(JournalError::file("make", &note))?;
    place::sync_folder(journal)
}

/// When nobody can tell, the journal is checked.
pub(crate) fn is_there(journal: &Path) -> bool {
    place::beside(journal, SUFFIX).try_exists().unwrap_or(true)
}

pub(crate) fn remove(journal: &Path) -> Result<(), JournalError> {
    let note = place::beside(journal, SUFFIX);
    match fs::remove_file(&note) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(JournalError::file("remove", &note)(error))
        }
        _ => Ok(()),
    }
}

/// Makes the next [`crate::Journal::open`] check all of the journal, and set it aside when it is damaged. To be called when
/// [`crate::check_whole`] found damage beside a running service, which then stops when no customer is at the machine.
///
/// # Errors
/// When the file system fails.
pub fn check_at_next_open(journal: &Path) -> Result<(), JournalError> {
    leave(journal)
}
