//! Pages as SQLite would see them, read past it: the newest committed copy in the write-ahead log, else the database.
//!
//! Invariant: used only before SQLite opens the files. The kernel drops SQLite's locks on a file when another descriptor
//! of it is closed in the same process.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::error::JournalError;
use crate::place;
use crate::schema::PAGE_BYTES;
use crate::wal::Wal;

/// Bytes of a page.
pub(crate) const SIZE: usize = PAGE_BYTES as usize;

/// One page.
pub(crate) type Page = [u8; SIZE];

/// The pages of a journal that nobody is writing.
pub(crate) struct Pages {
    database: File,
    /// Pages of the database file itself.
    in_file: u64,
    log: Option<File>,
    wal: Wal,
}

impl Pages {
    pub(crate) fn open(journal: &Path, wal: Wal) -> Result<Self, JournalError> {
        let failed = || JournalError::file("read", journal);
        let database = File::open(journal).map_err(failed())?;
        let in_file = database.metadata().map_err(failed())?.len() / u64::from(PAGE_BYTES);
        let log = if wal.newest.is_empty() {
            None
        } else {
            let path = place::beside(journal, "-wal");
            Some(File::open(&path).map_err(JournalError::file("read", &path))?)
        };
        Ok(Self { database, in_file, log, wal })
    }

    /// How many pages the newest commit left, by the log; by the length of the file when there is none.
    pub(crate) fn count(&self) -> u64 {
        self.wal.pages.map_or(self.in_file, u64::from)
    }

    /// Page `number`, from 1; `None` when there is none.
    pub(crate) fn read(&self, number: u32) -> io::Result<Option<Page>> {
        let mut page = [0; SIZE];
        let read = match (&self.log, self.wal.newest.get(&number)) {
            (Some(log), Some(at)) => log.read_exact_at(&mut page, *at),
            _ if number == 0 || u64::from(number) > self.count().min(self.in_file) => return Ok(None),
            _ => self.database.read_exact_at(&mut page, u64::from(number - 1) * u64::from(PAGE_BYTES)),
        };
        match read {
            Ok(()) => Ok(Some(page)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}
