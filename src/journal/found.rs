//! A first look at the files, before SQLite touches them: SQLite would empty the write-ahead log of an empty database.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use crate::error::JournalError;
use crate::open::CorruptReason;
use crate::wal::{self, Wal};
use crate::{place, schema};

const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What lies at the journal's path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// With what its write-ahead log holds.
    Journal(Wal),
    Foreign {
        application_id: u32,
    },
    OtherVersion {
        version: u32,
    },
    Damaged(CorruptReason),
}

/// The first 100 bytes of a database (SQLite file format, section 1.3).
struct Header([u8; 100]);

impl Header {
    fn number(&self, at: usize) -> u32 {
        let bytes = self.0.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
        u32::from_be_bytes(bytes)
    }

    /// File format write and read versions: 2 means that there is a write-ahead log.
    fn is_wal(&self) -> bool {
        self.0.get(18..20) == Some(&[2, 2])
    }
}

/// A look at the files. Nobody may have them open, in this process least of all (`whole.rs` says why).
pub(crate) fn look(path: &Path) -> Result<Found, JournalError> {
    let found = look_at_header(path)?;
    if found != Found::Journal(Wal::default()) {
        return Ok(found);
    }
    let wal = place::beside(path, "-wal");
    let Some(read) = wal::read(&wal)? else { return Ok(Found::Damaged(CorruptReason::Wal)) };
    // With a write-ahead log the last page may be half written: it is in the log.
    if length_of(&wal)? == 0 && !length_of(path)?.is_multiple_of(u64::from(schema::PAGE_BYTES)) {
        return Ok(Found::Damaged(CorruptReason::Pages));
    }
    Ok(Found::Journal(read))
}

/// A look at all but the write-ahead log.
fn look_at_header(path: &Path) -> Result<Found, JournalError> {
    let failed = || JournalError::file("read", path);
    let (length, header) = match File::open(path) {
        Ok(file) => {
            let length = file.metadata().map_err(failed())?.len();
            let mut header = Vec::with_capacity(100);
            file.take(100).read_to_end(&mut header).map_err(failed())?;
            (length, header)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let wal = length_of(&place::beside(path, "-wal"))?;
            let nothing = wal == 0 && length_of(&place::beside(path, "-journal"))? == 0;
            return Ok(if nothing {
                Found::Nothing
            } else {
                Found::Damaged(CorruptReason::WalWithoutDatabase)
            });
        }
        Err(source) => return Err(failed()(source)),
    };
    if length == 0 {
        return Ok(Found::Damaged(CorruptReason::Empty));
    }
    let header = match <[u8; 100]>::try_from(header) {
        Ok(bytes) if bytes.starts_with(MAGIC) => Header(bytes),
        _ => return Ok(Found::Damaged(CorruptReason::NotADatabase)),
    };
    let (version, application_id) = (header.number(60), header.number(68));
    Ok(if application_id != schema::APPLICATION_ID {
        Found::Foreign { application_id }
    } else if !schema::SCHEMA_VERSIONS.contains(&version) {
        Found::OtherVersion { version }
    } else if !header.is_wal() {
        Found::Damaged(CorruptReason::NotWal)
    } else if length_of(&place::beside(path, "-journal"))? > 0 {
        Found::Damaged(CorruptReason::RollbackJournal)
    } else {
        Found::Journal(Wal::default())
    })
}

/// Bytes of a file; 0 when there is none.
fn length_of(path: &Path) -> Result<u64, JournalError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(JournalError::file("look at", path)(source)),
    }
}
