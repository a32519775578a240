//! Opening: four answers with four names, and a damaged file set aside.
//!
//! Invariants:
//! - A file that is there is never taken for a new one: a new journal is made under another name and renamed when it
//!   is complete.
//! - A damaged file is renamed before anything else happens, and never written to.
//! - That a journal was set aside is told at every open until the new one has an entry: a process that ends between the two
//!   keeps nobody in the dark.
//! - A new journal is made with the undecided requests of the one set aside last, so that none is forgotten when the
//!   machine or the disk fails between the two.
//! - What recovery acts on is checked at every open, and so is where the next commits write; the rest of the file by
//!   [`crate::check_whole`], and here when a note asks for it.
//! - A file of another program, or of another version of this one, is left where it is.

use std::fs::{self, File, OpenOptions as FileOptions};
use std::io;
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
use crate::tally::Tally;
use crate::wal::Wal;
use crate::{footing, note, outbox, place, schema};

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
    /// The journal stands for one that was damaged and set aside, and nothing was ever written into it: the first entry of
    /// its log is to say why the log before it ends. Until there is one, every open tells it again.
    Replaced(Journal, CorruptReason),
    /// All visits are over.
    Clean(Journal),
    /// The process ended during these visits.
    Interrupted(Journal, Vec<OpenVisit>),
    /// The journal was damaged and is set aside. There is none now: opening again makes a new one ([`Opened::Replaced`]),
    /// whose log goes on after the last sequence number that could be read.
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
    const ALL: [Self; 12] = [
        Self::Empty,
        Self::NotADatabase,
        Self::NotWal,
        Self::RollbackJournal,
        Self::WalWithoutDatabase,
        Self::Wal,
        Self::Pages,
        Self::Schema,
        Self::Chain,
        Self::Checkpoint,
        Self::Outbox,
        Self::VisitRecord,
    ];

    /// The reason of the journal that was set aside last beside this one, if there is such.
    fn of_aside(journal: &Path) -> Option<Self> {
        let name = place::newest_name_aside(journal)?;
        Self::ALL.into_iter().find(|reason| name.contains(&format!("-{}", reason.code())))
    }

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
                let journal = open_new(path, options, lock)?;
                Ok(match CorruptReason::of_aside(path) {
                    Some(reason) => Opened::Replaced(journal, reason),
                    None => Opened::Fresh(journal),
                })
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
            Found::Journal(wal) => open_found(path, options, lock, wal),
        }
    }
}

/// A journal that was made a moment ago.
fn open_new(path: &Path, options: &OpenOptions, lock: Lock) -> Result<Journal, JournalError> {
    let failed = || JournalError::database("open the new journal");
    let connection = schema::connect(path).map_err(failed())?;
    schema::settles(&connection).map_err(failed())?;
    let tally = Tally::read(&connection).map_err(failed())?;
    let tally = tally.ok_or(JournalError::Damaged { table: "tally" })?;
    note::remove(path)?;
    let first = options.first_sequence.max(place::next_after_aside(path).unwrap_or(1));
    let (path, keys, head) = (path.to_owned(), options.keys.clone(), Head::of_empty(first));
    let stats = Stats::default();
    Ok(Journal { connection, _lock: lock, path, keys, head, tally, whole: true, stats, stopped: false })
}

fn open_found(path: &Path, options: &OpenOptions, lock: Lock, wal: Wal) -> Result<Opened, JournalError> {
    fs::set_permissions(path, fs::Permissions::from_mode(OWNER_ONLY))
        .map_err(JournalError::file("restrict to its owner", path))?;
    if let Some(detail) = footing::damage(path, wal)? {
        return corrupt(path, options, CorruptReason::Pages, detail);
    }
    match examine::examine(path, options, note::is_there(path)) {
        Ok(examined) => go_on(path, options, lock, examined),
        Err(Trouble::Corrupt { reason, detail }) => corrupt(path, options, reason, detail),
        Err(Trouble::Refused(error)) => Err(error),
    }
}

fn go_on(path: &Path, options: &OpenOptions, lock: Lock, examined: Examined) -> Result<Opened, JournalError> {
    let Examined { connection, head, tally, open_visits, lacks_tally, whole } = examined;
    schema::settles(&connection).map_err(JournalError::database("set up the journal"))?;
    let (keys, path) = (options.keys.clone(), path.to_owned());
    let stats = Stats::default();
    let mut journal =
        Journal { connection, _lock: lock, path, keys, head, tally, whole, stats, stopped: false };
    if lacks_tally {
        journal.add_tally()?;
    }
    // Frames of a transaction that was torn by a power cut are gone before new ones are written.
    journal.empty_wal()?;
    if whole {
        note::remove(&journal.path)?;
    }
    let untold = if journal.tally.last_seq == 0 { CorruptReason::of_aside(&journal.path) } else { None };
    Ok(match (untold, open_visits.is_empty()) {
        // A visit has entries: nothing is open where there are none.
        (Some(reason), _) => Opened::Replaced(journal, reason),
        (None, true) => Opened::Clean(journal),
        (None, false) => Opened::Interrupted(journal, open_visits),
    })
}

fn corrupt(
    path: &Path,
    options: &OpenOptions,
    reason: CorruptReason,
    detail: String,
) -> Result<Opened, JournalError> {
    let saved = examine::salvage(path, reason);
    let set_aside = place::set_aside(path, options.now, saved.next_sequence, reason.code())?;
    note::remove(path)?;
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
    // Closing does not say when it could not move the log into the file; the log would not get the new name.
    if found::look(&new)? != Found::Journal(Wal::default()) {
        let source = io::Error::other("it could not be written as a whole");
        return Err(JournalError::file("make", &new)(source));
    }
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
    let mut tally = Tally::of_empty(&transaction).map_err(failed())?;
    outbox::carry(&transaction, undecided, &mut tally)?;
    tally.write(&transaction)?;
    transaction.commit().map_err(failed())?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failed())?;
    connection.close().map_err(|(_, error)| error).map_err(failed())
}
