//! One writer: a lock file beside the journal, held as long as the journal is open. Readers do not need it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::error::JournalError;
use crate::place;

/// Held: the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(journal: &Path) -> Result<Self, JournalError> {
        let path = place::beside(journal, ".lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(JournalError::file("open", &path))?;
        match take_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::InUse { path: journal.to_owned(), process: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(JournalError::file("lock", &path)(source)),
        }
        // The number only helps the message above; the lock does not depend on it.
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| write!(file, "{}", std::process::id()));
        written.map_err(JournalError::file("write", &path))?;
        Ok(Self { _file: file })
    }
}

/// A look of [`is_in_use`] holds the lock for some microseconds: that is no other process that has the journal.
fn take_lock(file: &File) -> Result<(), TryLockError> {
    const LOOKS_MAX: u32 = 1_000;
    for _ in 0..LOOKS_MAX {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            done => return done,
        }
    }
    file.try_lock()
}

/// Whether a process has this journal open for writing.
///
/// # Errors
/// When that cannot be told, as for another user.
pub fn is_in_use(journal: &Path) -> io::Result<bool> {
    let file = match File::open(place::beside(journal, ".lock")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(16).read_to_string(&mut text);
    match read {
        Ok(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => text,
        _ => "unknown".to_owned(),
    }
}
