//! The tables, and how any connection to them is set up.
//!
//! Invariant: a file whose tables differ from these in one character is not a journal. A journal of another schema
//! version is refused, not guessed at. docs/device-log.md shows these tables: they are an interface.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::digest::Digest;

/// The first schema version that has a tally.
pub(crate) const WITH_TALLY: u32 = 2;

/// In the header of every journal: "MyAJ".
pub const APPLICATION_ID: u32 = 0x4D79_414A;
/// Schema versions that this program reads and writes. A new one is added here, with its step from the one before.
/// Version 1 had no tally; opening such a journal checks all of it and adds one.
pub const SCHEMA_VERSIONS: [u32; 2] = [1, 2];
/// The version of a new journal.
const SCHEMA_VERSION: u32 = 2;

/// SQLite up to 3.51.2 could lose committed pages when the write-ahead log was reset.
pub const SQLITE_VERSION_MIN: i32 = 3_051_003;

/// Bytes of a page: the file is whole pages.
pub(crate) const PAGE_BYTES: u16 = 4_096;

/// The linked SQLite: its number, to be compared with [`SQLITE_VERSION_MIN`], and its name for people.
#[must_use]
pub fn sqlite_version() -> (i32, &'static str) {
    (rusqlite::version_number(), rusqlite::version())
}

/// How long a connection waits for another one of the same file.
const BUSY_MS_MAX: u64 = 5_000;

/// One statement a table of version 1, in the order in which they are created.
const TABLES: [&str; 5] = [
    "CREATE TABLE device_log(
  seq INTEGER PRIMARY KEY,
  entry TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT",
    "CREATE TABLE device_log_checkpoint(
  seq INTEGER PRIMARY KEY,
  statement TEXT NOT NULL,
  signature BLOB NOT NULL
) STRICT",
    "CREATE TABLE outbox(
  request_id TEXT PRIMARY KEY,
  visit TEXT NOT NULL,
  sha256 BLOB NOT NULL,
  cms BLOB,
  accept_until_ms INTEGER NOT NULL,
  row_sha256 BLOB NOT NULL,
  outcome TEXT,
  code TEXT,
  acceptance_number TEXT,
  answer BLOB,
  decided_ms INTEGER,
  erased_ms INTEGER
) STRICT, WITHOUT ROWID",
    "CREATE TABLE visit_record(
  id INTEGER PRIMARY KEY,
  visit TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  mark TEXT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  row_sha256 BLOB NOT NULL
) STRICT",
    "CREATE TABLE open_visit(
  visit TEXT PRIMARY KEY,
  first_record INTEGER NOT NULL,
  records INTEGER NOT NULL
) STRICT, WITHOUT ROWID",
];

/// Found fast: what is not decided, what was decided and is not erased yet.
const INDEXES: [&str; 2] = [
    "CREATE INDEX outbox_undecided ON outbox(accept_until_ms) WHERE decided_ms IS NULL",
    "CREATE INDEX outbox_evidence ON outbox(decided_ms) WHERE erased_ms IS NULL",
];

/// What version 2 added: see `tally.rs`.
const TALLY: &str = "CREATE TABLE tally(
  id INTEGER PRIMARY KEY,
  last_seq INTEGER NOT NULL,
  last_hash BLOB NOT NULL,
  checkpoint_seq INTEGER NOT NULL,
  checkpoints INTEGER NOT NULL,
  records INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  undecided INTEGER NOT NULL,
  undecided_sum BLOB NOT NULL,
  open_visits INTEGER NOT NULL,
  open_visits_sum BLOB NOT NULL,
  layout_sha256 BLOB NOT NULL,
  row_sha256 BLOB NOT NULL
) STRICT";

/// Makes all tables, empty; the tally's row is still missing.
pub(crate) fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    for statement in TABLES.iter().chain(&INDEXES) {
        connection.execute_batch(statement)?;
    }
    add_tally(connection)
}

/// From version 1 to version 2; the tally's row is still missing.
pub(crate) fn add_tally(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TALLY)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)
}

/// The version of this file, as the newest commit has it (the header may be older).
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// True when the file has exactly the tables and indexes of its version.
pub(crate) fn is_exact(connection: &Connection) -> rusqlite::Result<bool> {
    let mut statement =
        connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let tally = (version(connection)? >= WITH_TALLY).then_some(TALLY);
    Ok(found.iter().map(String::as_str).eq(TABLES.into_iter().chain(INDEXES).chain(tally)))
}

/// A digest over all tables and indexes and the page where each begins: SQLite would write into whatever lies at the page
/// that is stated here.
pub(crate) fn layout(connection: &Connection) -> rusqlite::Result<Digest> {
    let mut statement =
        connection.prepare("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema ORDER BY rowid")?;
    let mut rows = statement.query([])?;
    let mut text = String::new();
    while let Some(row) = rows.next()? {
        let root: i64 = row.get(3)?;
        for column in [0, 1, 2, 4] {
            text.push_str(row.get_ref(column)?.as_str().unwrap_or_default());
            text.push('\n');
        }
        text.push_str(&format!("{root}\n"));
    }
    Ok(Digest::of(text.as_bytes()))
}

/// Opens for writing; the file must be there. Closing leaves the write-ahead log as it is, until [`settles`] is called:
/// what is damaged must not be tidied up.
pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    distrust(&connection)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// The database is whole: closing moves the write-ahead log into it, so that one file is left.
pub(crate) fn settles(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)
}

/// A file may come from anywhere: nothing in it is run.
pub(crate) fn distrust(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_millis(BUSY_MS_MAX))?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    Ok(())
}
