//! The full check: everything that a start does not read, because it does not act on it.
//!
//! A start reads what recovery acts on and where the next commits write (`examine.rs`, `footing.rs`); its cost does not grow
//! with the journal. What is old is read here: every page (SQLite's own check), every request with its digests, every
//! record, the whole chain and every checkpoint with its signature.
//!
//! Invariants:
//! - Nothing here writes, and no file is opened past SQLite while another connection may have it open: in one process
//!   the kernel drops all of SQLite's locks on a file when any descriptor of it is closed.
//! - The words for what is wrong are those of a start: [`CorruptReason`].

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::checkpoint::CheckpointKeys;
use crate::error::is_damage;
use crate::open::CorruptReason;
use crate::reader::{ReadError, open_read_only};
use crate::store::{Numbered, from_row, newest};
use crate::tally::Tally;
use crate::verify::{LogBroken, LogReport, follow};
use crate::{outbox, schema, store, visits};

/// A journal in which every check passed.
#[derive(Debug, Clone)]
pub struct WholeReport {
    path: PathBuf,
    log: LogReport,
    rows: Rows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) checkpoints: u64,
    pub(crate) requests: u64,
    undecided: u64,
    records: u64,
    open_visits: u64,
}

impl WholeReport {
    /// Which file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its device log.
    #[must_use]
    pub const fn log(&self) -> &LogReport {
        &self.log
    }

    /// Requests in the outbox.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.rows.requests
    }

    /// Requests without a decision.
    #[must_use]
    pub const fn undecided(&self) -> u64 {
        self.rows.undecided
    }

    /// Records of visits.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.rows.records
    }

    /// Visits that were not over.
    #[must_use]
    pub const fn open_visits(&self) -> u64 {
        self.rows.open_visits
    }
}

impl fmt::Display for WholeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rows { requests, undecided, records, open_visits, .. } = self.rows;
        write!(
            f,
            "{}; {requests} requests, {undecided} without a decision; {records} records, {open_visits} visits open; \
             all pages whole",
            self.log
        )
    }
}

/// A journal is not whole, or could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum NotWhole {
    /// The journal is damaged.
    #[error("{path} is damaged: {detail}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        reason: CorruptReason,
        /// What SQLite said, or which row it is.
        detail: String,
    },
    /// The device log is not what was written.
    #[error("the device log of {path} is not what was written")]
    Log {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        broken: LogBroken,
    },
    /// It could not be read, or its header is damaged.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl NotWhole {
    /// What is wrong, in the word of a start; `None` when the check itself failed.
    #[must_use]
    pub const fn reason(&self) -> Option<CorruptReason> {
        match self {
            Self::Damaged { reason, .. } | Self::Read(ReadError::Damaged { reason, .. }) => Some(*reason),
            Self::Log { broken, .. } => Some(broken.reason()),
            Self::Read(_) => None,
        }
    }
}

/// Checks everything, on a connection of its own that only reads: beside a running service (also from a thread of it),
/// or on a copy. Takes time that grows with the file: call it where nobody waits.
///
/// Damage is reported, not acted on. A service that gets [`NotWhole`] with a reason leaves a note
/// ([`crate::check_at_next_open`]) and stops when no customer is there; the next start sets the journal aside. A service that
/// gets a report may give it to [`crate::Journal::found_whole`].
///
/// While it runs the write-ahead log is not emptied (it is at the next commits): each of the two parts, rows and
/// chain, looks at the journal as it was at one moment.
///
/// # Errors
/// [`NotWhole`] with the first thing found: pages, then rows, then the chain.
pub fn check_whole(path: &Path, keys: &CheckpointKeys) -> Result<WholeReport, NotWhole> {
    let connection = open_read_only(path)?;
    let failed = |source| {
        if is_damage(&source) {
            let (path, detail) = (path.to_owned(), source.to_string());
            return NotWhole::Damaged { path, reason: CorruptReason::Pages, detail };
        }
        ReadError::Database { path: path.to_owned(), source }.into()
    };
    let damaged = |(reason, detail): Damage| NotWhole::Damaged { path: path.to_owned(), reason, detail };
    // One moment for everything that must agree with the tally.
    let moment = connection.unchecked_transaction().map_err(failed)?;
    let rows = all_but_chain(&moment).map_err(failed)?.map_err(damaged)?;
    moment.finish().map_err(failed)?;
    let log = follow(&connection, Some(keys), None)
        .map_err(failed)?
        .map_err(|broken| NotWhole::Log { path: path.to_owned(), broken })?;
    Ok(WholeReport { path: path.to_owned(), log, rows })
}

/// What is wrong, and where.
pub(crate) type Damage = (CorruptReason, String);

/// Pages and rows.
pub(crate) fn all_but_chain(connection: &Connection) -> rusqlite::Result<Result<Rows, Damage>> {
    match pages(connection)? {
        Some(detail) => Ok(Err((CorruptReason::Pages, detail))),
        None => rows(connection),
    }
}

/// What SQLite says about damaged pages; `None` when there are none.
pub(crate) fn pages(connection: &Connection) -> rusqlite::Result<Option<String>> {
    // The quick check does not compare indexes with their table; the outbox is found through its indexes.
    for check in ["PRAGMA quick_check(1)", "PRAGMA integrity_check(outbox)"] {
        let look = || connection.query_row(check, [], |row| row.get::<_, String>(0));
        // SQLite's check calls a page damaged that it could not read. What is damaged is so at a second look.
        if look()? != "ok" {
            let verdict = look()?;
            if verdict != "ok" {
                return Ok(Some(verdict));
            }
        }
    }
    Ok(None)
}

/// Every row of the outbox and of the records, and what the tally says about them.
fn rows(connection: &Connection) -> rusqlite::Result<Result<Rows, Damage>> {
    let damaged = |reason, what: &str| Ok(Err((reason, what.to_owned())));
    let Some(requests) = outbox::count_whole(connection)? else {
        return damaged(CorruptReason::Outbox, "a request differs from its digest");
    };
    let Some(undecided) = outbox::undecided(connection)? else {
        return damaged(CorruptReason::Outbox, "a request without a decision differs from its digest");
    };
    let Some(records) = visits::count_whole(connection)? else {
        return damaged(CorruptReason::VisitRecord, "a record differs from its digest");
    };
    let Some(open) = visits::open_visits(connection)? else {
        return damaged(CorruptReason::VisitRecord, "records of an open visit are missing");
    };
    let (undecided, open_visits) = (outbox::members(&undecided), visits::members(&open));
    let checkpoints = connection
        .query_row("SELECT count(*) FROM device_log_checkpoint", [], |row| row.get(0).map(from_row))?;
    if schema::version(connection)? >= schema::WITH_TALLY {
        let Some(stated) = Tally::read(connection)? else {
            return damaged(CorruptReason::Schema, "the tally is damaged");
        };
        let found = Tally {
            last_seq: newest(connection, Numbered::Entries)?,
            last_hash: store::newest_hash(connection)?,
            checkpoint_seq: newest(connection, Numbered::Checkpoints)?,
            checkpoints,
            records,
            requests,
            undecided,
            open_visits,
            layout: schema::layout(connection)?,
        };
        if let Some((reason, detail)) = stated.differs(&found) {
            return damaged(reason, detail);
        }
    }
    let (undecided, open_visits) = (undecided.count(), open_visits.count());
    Ok(Ok(Rows { checkpoints, requests, undecided, records, open_visits }))
}
