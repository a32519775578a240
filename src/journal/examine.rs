//! Is the journal that was found whole? And what can be read from one that is not.
//!
//! Invariant: nothing here writes to the database or empties its write-ahead log.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, ffi};

use crate::batch::{OpenVisit, OutboxEntry};
use crate::checkpoint::Checkpoint;
use crate::digest::Digest;
use crate::entry::{LoggedEntry, SEQUENCE_MAX};
use crate::error::JournalError;
use crate::open::{CorruptReason, OpenOptions};
use crate::store::{Head, from_row, head_at, last_checkpoint_row, to_row};
use crate::{outbox, place, schema, visits};

/// A salvaged sequence number above this is damage, not a log of this terminal.
const SALVAGED_SEQUENCE_MAX: u64 = SEQUENCE_MAX >> 8;

/// A whole journal.
pub(crate) struct Examined {
    pub(crate) connection: Connection,
    pub(crate) head: Head,
    pub(crate) open_visits: Vec<OpenVisit>,
}

/// Not a whole journal.
pub(crate) enum Trouble {
    Corrupt { reason: CorruptReason, detail: String },
    Refused(JournalError),
}

impl From<CorruptReason> for Trouble {
    fn from(reason: CorruptReason) -> Self {
        Self::Corrupt { reason, detail: String::new() }
    }
}

/// The world's failures are not the file's.
impl From<rusqlite::Error> for Trouble {
    fn from(source: rusqlite::Error) -> Self {
        let of_the_world = matches!(
            source.sqlite_error_code(),
            Some(
                ErrorCode::CannotOpen
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::DiskFull
                    | ErrorCode::FileLockingProtocolFailed
                    | ErrorCode::OutOfMemory
                    | ErrorCode::PermissionDenied
                    | ErrorCode::ReadOnly
                    | ErrorCode::SystemIoFailure
            )
        );
        // A file that ends too early is the file's.
        let ends_early =
            source.sqlite_error().is_some_and(|e| e.extended_code == ffi::SQLITE_IOERR_SHORT_READ);
        if of_the_world && !ends_early {
            return Self::Refused(JournalError::Database { operation: "examine the journal", source });
        }
        Self::Corrupt { reason: CorruptReason::Pages, detail: source.to_string() }
    }
}

pub(crate) fn examine(path: &Path, options: &OpenOptions) -> Result<Examined, Trouble> {
    let connection = schema::connect(path)?;
    if !schema::is_exact(&connection)? {
        return Err(CorruptReason::Schema.into());
    }
    // The quick check does not compare indexes with their table; the outbox is found through its indexes.
    for check in ["PRAGMA quick_check(1)", "PRAGMA integrity_check(outbox)"] {
        let verdict: String = connection.query_row(check, [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(Trouble::Corrupt { reason: CorruptReason::Pages, detail: verdict });
        }
    }
    let head = check_chain(&connection, path, options)?;
    if outbox::undecided(&connection)?.iter().any(Option::is_none) {
        return Err(CorruptReason::Outbox.into());
    }
    let open_visits = visits::open_visits(&connection)?.ok_or(CorruptReason::VisitRecord)?;
    Ok(Examined { connection, head, open_visits })
}

/// The chain from the last checkpoint to the newest entry; everything when there is no checkpoint.
fn check_chain(connection: &Connection, path: &Path, options: &OpenOptions) -> Result<Head, Trouble> {
    let checkpoint = match last_checkpoint_row(connection)? {
        None => None,
        Some((seq, statement, signature)) => Some(
            Checkpoint::parse(&statement, &signature)
                .filter(|checkpoint| checkpoint.sequence == seq)
                .ok_or(CorruptReason::Checkpoint)?,
        ),
    };
    let from = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.sequence);
    let mut statement =
        connection.prepare("SELECT seq, entry, hash FROM device_log WHERE seq >= ?1 ORDER BY seq")?;
    let mut rows = statement.query([to_row(from)])?;
    let mut head: Option<Head> = None;
    while let Some(row) = rows.next()? {
        let (seq, text, stored) =
            (from_row(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?);
        let entry = LoggedEntry::parse(&text).ok_or(CorruptReason::Chain)?;
        let hash = Digest::of(text.as_bytes());
        let linked = match (&head, &checkpoint) {
            (Some(before), _) => before.seq + 1 == seq && before.hash == entry.prev,
            (None, Some(checkpoint)) => {
                if checkpoint.sequence != seq
                    || checkpoint.entry_hash != hash
                    || checkpoint.terminal_id != entry.entry.terminal_id
                {
                    return Err(CorruptReason::Checkpoint.into());
                }
                true
            }
            (None, None) => entry.prev == Digest::ZERO,
        };
        if !linked || entry.seq != seq || hash.as_bytes().as_slice() != stored {
            return Err(CorruptReason::Chain.into());
        }
        let signed_to = head.as_ref().map_or_else(
            || checkpoint.as_ref().map_or(seq.saturating_sub(1), |checkpoint| checkpoint.sequence),
            |before| before.signed_to,
        );
        head = Some(head_at(&entry, hash, signed_to));
    }
    match (head, checkpoint) {
        (None, Some(_)) => Err(CorruptReason::Checkpoint.into()),
        (None, None) => {
            let first = options.first_sequence.max(place::next_after_aside(path).unwrap_or(1));
            Ok(Head::of_empty(first))
        }
        (Some(_), Some(checkpoint)) if !options.keys.signed(&checkpoint) => {
            Err(Trouble::Refused(JournalError::CheckpointNotOurs {
                path: path.to_owned(),
                sequence: checkpoint.sequence,
            }))
        }
        (Some(head), _) => Ok(head),
    }
}

/// What could be read from a damaged journal.
#[derive(Default)]
pub(crate) struct Salvaged {
    pub(crate) next_sequence: Option<u64>,
    pub(crate) undecided: Vec<OutboxEntry>,
}

/// Damage behind which a database can be read. Where the header is damaged SQLite might repair in its own way, and drop
/// the write-ahead log.
const READABLE: [CorruptReason; 7] = [
    CorruptReason::Wal,
    CorruptReason::Pages,
    CorruptReason::Schema,
    CorruptReason::Chain,
    CorruptReason::Checkpoint,
    CorruptReason::Outbox,
    CorruptReason::VisitRecord,
];

/// The requests without a decision in the journal that was set aside last, as far as they can be read.
pub(crate) fn undecided_aside(journal: &Path) -> Vec<OutboxEntry> {
    let Some((aside, name)) = place::newest_aside(journal) else { return Vec::new() };
    let Some(reason) = READABLE.into_iter().find(|reason| name.contains(reason.code())) else {
        return Vec::new();
    };
    let undecided = salvage(&aside, reason).undecided;
    // Reading made it. When it cannot be removed it is of no use to anybody and does no harm.
    let _removed = std::fs::remove_file(place::beside(&aside, "-shm"));
    undecided
}

pub(crate) fn salvage(path: &Path, reason: CorruptReason) -> Salvaged {
    let connection = if READABLE.contains(&reason) { schema::connect(path).ok() } else { None };
    let Some(connection) =
        connection.filter(|connection| connection.pragma_update(None, "query_only", true).is_ok())
    else {
        return Salvaged::default();
    };
    let newest = |table: &str| {
        connection
            .query_row(&format!("SELECT max(seq) FROM {table}"), [], |row| row.get::<_, Option<i64>>(0))
            .ok()
            .flatten()
            .map(from_row)
    };
    let next_sequence = newest("device_log")
        .max(newest("device_log_checkpoint"))
        .filter(|newest| *newest <= SALVAGED_SEQUENCE_MAX)
        .map(|newest| newest + 1);
    let undecided = outbox::undecided(&connection).unwrap_or_default().into_iter().flatten().collect();
    Salvaged { next_sequence, undecided }
}
