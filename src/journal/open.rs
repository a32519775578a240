//! Opening: four answers with four names, and a damaged file set aside.
//!
//! Invariants:
//! - A file that is there is never taken for a new one: a new journal is made under another name and renamed when it
//!   is complete.
//! - A damaged file is renamed before anything else happens, and never written to.
//! - A new journal is made with the undecided requests of the one set aside last, so that none is forgotten when the
//!   machine or the disk fails between the two.
//! - A file of another program, or of another version of this one, is left where it is.

use std::fs::{self, File, OpenOptions as FileOptions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::batch::{OpenVisit, OutboxEntry, Stats};
use crate::checkpoint::CheckpointKeys;
use crate::error::JournalError;
use crate::examine::{self, Examined, Trouble};
use crate::found::{self, Found};
use crate::lock::Lock;
use crate::store::{Head, Journal};
use crate::{outbox, place, schema};

const OWNER_ONLY: u32 = 0o600;

/// How a journal is opened.
#[derive(Debug, Clone)]
pub struct OpenOptions {
    /// The log keys: the last checkpoint must be signed by one of them, and so must every new one.
    pub keys: CheckpointKeys,
    /// The wall clock: stands in the name of a file that is set aside.
    pub now: Timestamp,
    /// The first sequence number of a new log, when the caller knows of an older log of this terminal (from the host).
    /// At least 1, and at least the one after all that was set aside in the same folder.
    pub first_sequence: u64,
}

impl OpenOptions {
    /// A new log begins with entry 1.
    #[must_use]
    pub const fn new(keys: CheckpointKeys, now: Timestamp) -> Self {
        Self { keys, now, first_sequence: 1 }
    }
}

/// What was found.
#[derive(Debug)]
pub enum Opened {
    /// There was no journal: a new one was made.
    Fresh(Journal),
    /// All visits are over.
    Clean(Journal),
    /// The process ended during these visits.
    Interrupted(Journal, Vec<OpenVisit>),
    /// The journal was damaged and is set aside. There is none now: opening again makes a new one, whose log goes on
    /// after the last sequence number that could be read.
    Corrupt(CorruptReport),
}

/// Why a file is not a whole journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CorruptReason {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The file is not an SQLite database.
    #[error("the file is not a database")]
    NotADatabase,
    /// The header says that the database keeps no write-ahead log.
    #[error("the header says that there is no write-ahead log")]
    NotWal,
    /// A rollback journal lies beside it, which this program never makes.
    #[error("a rollback journal lies beside the database")]
    RollbackJournal,
    /// There is a write-ahead log and no database.
    #[error("there is a write-ahead log without a database")]
    WalWithoutDatabase,
    /// A transaction in the write-ahead log that was durable is broken.
    #[error("the write-ahead log is broken before its end")]
    Wal,
    /// SQLite's check of the pages fails.
    #[error("the pages of the database are damaged")]
    Pages,
    /// The tables are not those of a journal.
    #[error("the tables are not those of a journal")]
    Schema,
    /// The hash chain after the last checkpoint is broken.
    #[error("the device log's chain is broken after the last checkpoint")]
    Chain,
    /// The last checkpoint does not fit the log.
    #[error("the last checkpoint does not fit the device log")]
    Checkpoint,
    /// A request without a decision is damaged.
    #[error("a request in the outbox is damaged")]
    Outbox,
    /// A record of an open visit is damaged.
    #[error("a record of an open visit is damaged")]
    VisitRecord,
}

impl CorruptReason {
    /// Stable code; stands in the name of the file that is set aside.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "journal-empty",
            Self::NotADatabase => "journal-not-a-database",
            Self::NotWal => "journal-not-wal",
            Self::RollbackJournal => "journal-rollback-journal",
            Self::WalWithoutDatabase => "journal-wal-without-database",
            Self::Wal => "journal-wal-broken",
            Self::Pages => "journal-pages-damaged",
            Self::Schema => "journal-schema-differs",
            Self::Chain => "journal-chain-broken",
            Self::Checkpoint => "journal-checkpoint-differs",
            Self::Outbox => "journal-outbox-damaged",
            Self::VisitRecord => "journal-record-damaged",
        }
    }
}

/// A damaged journal that was set aside.
#[derive(Debug)]
pub struct CorruptReport {
    /// Where the journal lay.
    pub path: PathBuf,
    /// Where its files lie now.
    pub set_aside: Vec<PathBuf>,
    /// What is wrong.
    pub reason: CorruptReason,
    /// What SQLite said, for operators; may be empty.
    pub detail: String,
    /// Sequence number for the next log entry, when the log could be read.
    pub next_sequence: Option<u64>,
    /// Requests without a decision that could be read and are whole (digest checked). The new journal is made with them
    /// in its outbox, whenever that succeeds, so that the host decides them.
    pub undecided: Vec<OutboxEntry>,
}

impl Journal {
    /// Opens the journal at `path`; makes a new one when there is none. Only one process can have it.
    ///
    /// # Errors
    /// When the file is in use, is not ours, is of another version, or the file system fails.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Opened, JournalError> {
        let found = rusqlite::version_number();
        if found < schema::SQLITE_VERSION_MIN {
            return Err(JournalError::SqliteTooOld { found, min: schema::SQLITE_VERSION_MIN });
        }
        let lock = Lock::take(path)?;
        match found::look(path)? {
            Found::Nothing => {
                create(path)?;
                let first = options.first_sequence.max(place::next_after_aside(path).unwrap_or(1));
                let connection = schema::connect(path)
                    .and_then(|connection| schema::settles(&connection).map(|()| connection))
                    .map_err(JournalError::database("open the new journal"))?;
                Ok(Opened::Fresh(journal(connection, lock, path, options, Head::of_empty(first))))
            }
            Found::Foreign { application_id } => {
                Err(JournalError::NotAJournal { path: path.to_owned(), application_id })
            }
            Found::OtherVersion { version } => Err(JournalError::SchemaVersion {
                path: path.to_owned(),
                found: version,
                known: &schema::SCHEMA_VERSIONS,
            }),
            Found::Damaged(reason) => corrupt(path, options, reason, String::new()),
            Found::Journal => open_found(path, options, lock),
        }
    }
}

fn open_found(path: &Path, options: &OpenOptions, lock: Lock) -> Result<Opened, JournalError> {
    fs::set_permissions(path, fs::Permissions::from_mode(OWNER_ONLY))
        .map_err(JournalError::file("restrict to its owner", path))?;
    match examine::examine(path, options) {
        Ok(Examined { connection, head, open_visits }) => {
            schema::settles(&connection).map_err(JournalError::database("set up the journal"))?;
            let journal = journal(connection, lock, path, options, head);
            // Frames of a transaction that was torn by a power cut are gone before new ones are written.
            journal.empty_wal()?;
            Ok(if open_visits.is_empty() {
                Opened::Clean(journal)
            } else {
                Opened::Interrupted(journal, open_visits)
            })
        }
        Err(Trouble::Corrupt { reason, detail }) => corrupt(path, options, reason, detail),
        Err(Trouble::Refused(error)) => Err(error),
    }
}

fn journal(
    connection: rusqlite::Connection,
    lock: Lock,
    path: &Path,
    options: &OpenOptions,
    head: Head,
) -> Journal {
    Journal {
        connection,
        _lock: lock,
        path: path.to_owned(),
        keys: options.keys.clone(),
        head,
        stats: Stats::default(),
        stopped: false,
    }
}

fn corrupt(
    path: &Path,
    options: &OpenOptions,
    reason: CorruptReason,
    detail: String,
) -> Result<Opened, JournalError> {
    let saved = examine::salvage(path, reason);
    let set_aside = place::set_aside(path, options.now, saved.next_sequence, reason.code())?;
    Ok(Opened::Corrupt(CorruptReport {
        path: path.to_owned(),
        set_aside,
        reason,
        detail,
        next_sequence: saved.next_sequence,
        undecided: saved.undecided,
    }))
}

/// Makes a complete, empty journal under another name, then gives it its own.
fn create(path: &Path) -> Result<(), JournalError> {
    let new = place::beside(path, ".new");
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let left_over = place::beside(&new, suffix);
        if left_over.exists() {
            fs::remove_file(&left_over).map_err(JournalError::file("remove", &left_over))?;
        }
    }
    FileOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(&new)
        .map_err(JournalError::file("create", &new))?;
    make_tables(&new, &examine::undecided_aside(path))?;
    File::open(&new).and_then(|file| file.sync_all()).map_err(JournalError::file("make durable", &new))?;
    fs::rename(&new, path).map_err(JournalError::file("name the new journal", path))?;
    place::sync_folder(path)
}

fn make_tables(new: &Path, undecided: &[OutboxEntry]) -> Result<(), JournalError> {
    let failed = || JournalError::database("make the tables of a new journal");
    let mut connection = schema::connect(new).map_err(failed())?;
    schema::settles(&connection).map_err(failed())?;
    // Before the first page is written.
    connection.pragma_update(None, "page_size", schema::PAGE_BYTES).map_err(failed())?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed())?;
    let transaction = connection.transaction().map_err(failed())?;
    schema::create(&transaction).map_err(failed())?;
    outbox::carry(&transaction, undecided)?;
    transaction.commit().map_err(failed())?;
    connection.close().map_err(|(_, error)| error).map_err(failed())
}
