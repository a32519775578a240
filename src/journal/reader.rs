//! Reading a device log: the live one while the terminal runs, or a copy.
//!
//! Invariant: reading never changes the database nor its write-ahead log. A copy stays as it was; no file appears
//! beside it.

use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use crate::entry::LoggedEntry;
use crate::error::{JournalError, is_damage};
use crate::found::{self, Found};
use crate::open::CorruptReason;
use crate::store::{from_row, to_row};
use crate::{place, schema};

/// Which entries are wanted: those that pass everything that is given.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only entries after this sequence number. To follow a log, ask again with the last number that was read.
    pub after: u64,
    /// Only entries of this time or later, by the terminal's wall clock.
    pub from: Option<Timestamp>,
    /// Only entries before this time.
    pub to: Option<Timestamp>,
    /// Only entries of this visit.
    pub visit: Option<Uuid>,
    /// Only entries with this code.
    pub code: Option<String>,
    /// Only the newest so many of those that pass.
    pub last: Option<usize>,
}

impl Filter {
    fn takes(&self, entry: &LoggedEntry) -> bool {
        self.from.is_none_or(|from| entry.entry.at >= from)
            && self.to.is_none_or(|to| entry.entry.at < to)
            && self.visit.is_none_or(|visit| entry.entry.visit == Some(visit))
            && self.code.as_ref().is_none_or(|code| entry.entry.code.as_str() == code)
    }
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogPage {
    /// Entries that pass the filter, in order.
    pub entries: Vec<LoggedEntry>,
    /// The last sequence number that was looked at, [`Filter::after`] when there was none: where to go on.
    pub last_sequence: u64,
    /// Rows that are not entries (damaged or changed): [`crate::verify_log`] says more.
    pub damaged: Vec<u64>,
}

/// A log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no file.
    #[error("there is no journal at {path}")]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{path} is not a journal of this program")]
    NotAJournal {
        /// Which file.
        path: PathBuf,
    },
    /// The journal was written by another version of this program.
    #[error("{path} has schema version {found}: read it with the version that wrote it")]
    SchemaVersion {
        /// Which file.
        path: PathBuf,
        /// As in its header.
        found: u32,
    },
    /// The file is damaged.
    #[error("{path} is damaged")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        reason: CorruptReason,
    },
    /// The database cannot be read.
    #[error("cannot read the log of {path}")]
    Database {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system failed.
    #[error(transparent)]
    File(#[from] JournalError),
}

/// Reads the entries of a device log that pass `filter`.
///
/// # Errors
/// When the file is not a journal, or cannot be read.
pub fn read_log(path: &Path, filter: &Filter) -> Result<LogPage, ReadError> {
    let failed = |source| ReadError::Database { path: path.to_owned(), source };
    page(&open_read_only(path)?, filter).map_err(failed)
}

fn page(connection: &Connection, filter: &Filter) -> rusqlite::Result<LogPage> {
    // From the new end when only the newest are wanted.
    let order = if filter.last.is_some() { "DESC" } else { "ASC" };
    let mut statement = connection
        .prepare(&format!("SELECT seq, entry FROM device_log WHERE seq > ?1 ORDER BY seq {order}"))?;
    let mut rows = statement.query([to_row(filter.after)])?;
    let mut page = LogPage { last_sequence: filter.after, ..LogPage::default() };
    while filter.last.is_none_or(|most| page.entries.len() < most)
        && let Some(row) = rows.next()?
    {
        let seq = from_row(row.get(0)?);
        page.last_sequence = page.last_sequence.max(seq);
        match row.get_ref(1)?.as_str().ok().and_then(LoggedEntry::parse) {
            Some(entry) if filter.takes(&entry) => page.entries.push(entry),
            Some(_) => {}
            None => page.damaged.push(seq),
        }
    }
    if filter.last.is_some() {
        page.entries.reverse();
        page.damaged.reverse();
    }
    Ok(page)
}

/// Opens a journal for reading: a live one beside its writer, a copy without leaving a trace.
pub(crate) fn open_read_only(path: &Path) -> Result<Connection, ReadError> {
    let failed = |source| ReadError::Database { path: path.to_owned(), source };
    let damaged = |reason| ReadError::Damaged { path: path.to_owned(), reason };
    // A shared index lies beside the database while a process has it open. It may be this process: then nobody but
    // SQLite may open the files.
    let live = path.exists() && place::beside(path, "-shm").exists();
    if !live {
        match found::look(path)? {
            Found::Nothing => return Err(ReadError::Missing { path: path.to_owned() }),
            Found::Foreign { .. } => return Err(ReadError::NotAJournal { path: path.to_owned() }),
            Found::OtherVersion { version } => {
                return Err(ReadError::SchemaVersion { path: path.to_owned(), found: version });
            }
            Found::Damaged(reason) => return Err(damaged(reason)),
            Found::Journal(_) => {}
        }
    }
    let connection = connect(path, live).map_err(failed)?;
    let application: u32 = match connection.query_row("PRAGMA application_id", [], |row| row.get(0)) {
        Err(error) if is_damage(&error) => return Err(damaged(CorruptReason::NotADatabase)),
        read => read.map_err(failed)?,
    };
    let version = schema::version(&connection).map_err(failed)?;
    if application != schema::APPLICATION_ID {
        return Err(ReadError::NotAJournal { path: path.to_owned() });
    }
    if !schema::SCHEMA_VERSIONS.contains(&version) {
        return Err(ReadError::SchemaVersion { path: path.to_owned(), found: version });
    }
    if !schema::is_exact(&connection).map_err(failed)? {
        return Err(damaged(CorruptReason::Schema));
    }
    Ok(connection)
}

fn connect(path: &Path, live: bool) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = if live {
        Connection::open_with_flags(uri(path), flags)?
    } else {
        // Nobody writes: no locks. The index of the write-ahead log, if there is one, is kept in memory.
        let wal = place::beside(path, "-wal").exists();
        let query = if wal { "" } else { "?immutable=1" };
        let connection = Connection::open_with_flags_and_vfs(uri(path) + query, flags, c"unix-none")?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection
    };
    schema::distrust(&connection)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// The path as a `file:` URI: SQLite would take a name that begins with `file:` for one.
fn uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}
