//! Can one go on with the journal that was found? And what can be read from one that is not whole.
//!
//! What is read is what recovery acts on, and its cost does not grow with the journal: the schema, the chain from the last
//! checkpoint on, the undecided requests, the open visits; and the tally, which says how many of them there must be, which,
//! and where the chain ends (`tally.rs`). Where the next commits write was looked at before (`footing.rs`). The rest is
//! read by the full check (`whole.rs`), or here when somebody left a note that says so (`note.rs`).
//!
//! Invariant: nothing here writes to the database or empties its write-ahead log.

use std::path::Path;

use rusqlite::Connection;

use crate::batch::{OpenVisit, OutboxEntry};
use crate::checkpoint::Checkpoint;
use crate::digest::Digest;
use crate::entry::{LoggedEntry, SEQUENCE_MAX};
use crate::error::{JournalError, is_damage};
use crate::open::{CorruptReason, OpenOptions};
use crate::store::{Head, Numbered, from_row, head_at, last_checkpoint_row, newest, to_row};
use crate::tally::Tally;
use crate::verify::follow;
use crate::whole::{self, Rows};
use crate::{outbox, place, schema, visits};

/// A salvaged sequence number above this is damage, not a log of this terminal.
const SALVAGED_SEQUENCE_MAX: u64 = SEQUENCE_MAX >> 8;

/// A journal that can be gone on with.
pub(crate) struct Examined {
    pub(crate) connection: Connection,
    pub(crate) head: Head,
    /// As the file has it; of a file of version 1, what it would say.
    pub(crate) tally: Tally,
    pub(crate) open_visits: Vec<OpenVisit>,
    /// A file of version 1: the tally must be added.
    pub(crate) lacks_tally: bool,
    /// All of it was checked.
    pub(crate) whole: bool,
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
        if is_damage(&source) {
            return Self::Corrupt { reason: CorruptReason::Pages, detail: source.to_string() };
        }
        Self::Refused(JournalError::Database { operation: "examine the journal", source })
    }
}

/// Examines what recovery acts on; with `all`, and in a file that has no tally, everything.
pub(crate) fn examine(path: &Path, options: &OpenOptions, all: bool) -> Result<Examined, Trouble> {
    let connection = schema::connect(path)?;
    if !schema::is_exact(&connection)? {
        return Err(CorruptReason::Schema.into());
    }
    let lacks_tally = schema::version(&connection)? < schema::WITH_TALLY;
    let whole = all || lacks_tally;
    let rows = if whole { Some(check_all(&connection)?) } else { None };
    let head = check_chain(&connection, path, options)?;
    let undecided = outbox::undecided(&connection)?.ok_or(CorruptReason::Outbox)?;
    let open_visits = visits::open_visits(&connection)?.ok_or(CorruptReason::VisitRecord)?;
    let stated = if lacks_tally { None } else { Tally::read(&connection)? };
    // Counting requests and checkpoints would read them all.
    let counted = rows.map(|rows| (rows.checkpoints, rows.requests));
    let (checkpoints, requests) =
        counted.or(stated.as_ref().map(|stated| (stated.checkpoints, stated.requests))).unwrap_or_default();
    let found = Tally {
        // An empty log begins with what the caller says.
        last_seq: head.terminal_id.as_ref().map_or(0, |_| head.seq),
        last_hash: head.hash,
        checkpoint_seq: newest(&connection, Numbered::Checkpoints)?,
        checkpoints,
        records: newest(&connection, Numbered::Records)?,
        requests,
        undecided: outbox::members(&undecided),
        open_visits: visits::members(&open_visits),
        layout: schema::layout(&connection)?,
    };
    if !lacks_tally {
        let stated = stated.ok_or(CorruptReason::Schema)?;
        if let Some((reason, detail)) = stated.differs(&found) {
            return Err(Trouble::Corrupt { reason, detail: detail.to_owned() });
        }
    }
    Ok(Examined { connection, head, tally: found, open_visits, lacks_tally, whole })
}

/// Everything that a start does not look at otherwise. Signatures of old checkpoints are left to those who verify the log:
/// a renewed key must not make a whole journal a damaged one.
fn check_all(connection: &Connection) -> Result<Rows, Trouble> {
    let rows = whole::all_but_chain(connection)?;
    let rows = rows.map_err(|(reason, detail)| Trouble::Corrupt { reason, detail })?;
    let log = follow(connection, None, None)?;
    log.map_err(|broken| Trouble::Corrupt { reason: broken.reason(), detail: broken.to_string() })?;
    Ok(rows)
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

/// Looks twice: a read that fails once costs neither the log's place nor a request.
pub(crate) fn salvage(path: &Path, reason: CorruptReason) -> Salvaged {
    let (mut saved, again) = (look(path, reason), look(path, reason));
    saved.next_sequence = saved.next_sequence.max(again.next_sequence);
    for entry in again.undecided {
        if saved.undecided.iter().all(|known| known.request_id != entry.request_id) {
            saved.undecided.push(entry);
        }
    }
    saved
}

fn look(path: &Path, reason: CorruptReason) -> Salvaged {
    let connection = if READABLE.contains(&reason) { schema::connect(path).ok() } else { None };
    let Some(connection) =
        connection.filter(|connection| connection.pragma_update(None, "query_only", true).is_ok())
    else {
        return Salvaged::default();
    };
    let tallied = Tally::read(&connection).ok().flatten().map_or(0, |tally| tally.last_seq);
    let next_sequence = [Numbered::Entries, Numbered::Checkpoints]
        .into_iter()
        .filter_map(|table| newest(&connection, table).ok())
        .chain([tallied])
        .max()
        .filter(|newest| (1..=SALVAGED_SEQUENCE_MAX).contains(newest))
        .map(|newest| newest + 1);
    Salvaged { next_sequence, undecided: outbox::salvage(&connection) }
}
