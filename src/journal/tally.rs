//! The tally: one row that says a second time what recovery acts on, so that no single damaged page can hide any of it.
//!
//! SQLite finds rows through pages that carry no checksum. A page of an index, or the end of a tree, can be damaged so that
//! rows are not found any more and nothing looks wrong. Reading the whole file at every start would show it, at a cost
//! that grows with all that ever was. The tally shows it at the cost of one row: a start counts and sums what it found,
//! and both must agree.
//!
//! Invariants:
//! - Every transaction that changes what is tallied writes the tally too.
//! - The row carries a digest of itself, and lies in a page of its own.

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};

use crate::digest::Digest;
use crate::error::JournalError;
use crate::open::CorruptReason;
use crate::schema;
use crate::store::{from_row, to_row};

/// How many there are, and which: the sum does not depend on the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Members {
    count: u64,
    /// Their digests, combined with exclusive or: what came and went leaves nothing.
    sum: Digest,
}

impl Members {
    pub(crate) const NONE: Self = Self { count: 0, sum: Digest::ZERO };

    pub(crate) fn of(members: impl IntoIterator<Item = Digest>) -> Self {
        let mut all = Self::NONE;
        members.into_iter().for_each(|member| all.add(&member));
        all
    }

    pub(crate) fn add(&mut self, member: &Digest) {
        self.count += 1;
        self.sum = self.sum.xor(member);
    }

    pub(crate) fn remove(&mut self, member: &Digest) {
        // Below nothing there is only a bug; the sums then differ at the next start.
        self.count = self.count.saturating_sub(1);
        self.sum = self.sum.xor(member);
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }
}

/// What recovery must find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Number of the newest entry of the device log; 0 in an empty one.
    pub(crate) last_seq: u64,
    /// Its digest; zeros in an empty log.
    pub(crate) last_hash: Digest,
    /// Entry of the newest checkpoint; 0 when there is none.
    pub(crate) checkpoint_seq: u64,
    /// Checkpoints; a start does not count them.
    pub(crate) checkpoints: u64,
    /// Records of visits: the number of the newest.
    pub(crate) records: u64,
    /// Requests in the outbox; a start does not count them.
    pub(crate) requests: u64,
    /// Requests without a decision.
    pub(crate) undecided: Members,
    /// Visits that are not over.
    pub(crate) open_visits: Members,
    /// Tables and indexes, and at which page each begins.
    pub(crate) layout: Digest,
}

const COLUMNS: &str = "last_seq, last_hash, checkpoint_seq, checkpoints, records, requests, undecided, undecided_sum, \
                       open_visits, open_visits_sum, layout_sha256, row_sha256";

impl Tally {
    /// Of a new journal.
    pub(crate) fn of_empty(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            last_seq: 0,
            last_hash: Digest::ZERO,
            checkpoint_seq: 0,
            checkpoints: 0,
            records: 0,
            requests: 0,
            undecided: Members::NONE,
            open_visits: Members::NONE,
            layout: schema::layout(connection)?,
        })
    }

    /// The first thing in which `found` differs from what this says must be there.
    pub(crate) fn differs(&self, found: &Self) -> Option<(CorruptReason, &'static str)> {
        if self.layout != found.layout {
            return Some((CorruptReason::Schema, "a table begins at another page than the tally says"));
        }
        if (self.last_seq, self.last_hash) != (found.last_seq, found.last_hash) {
            return Some((CorruptReason::Chain, "the newest entry is not the one of the tally"));
        }
        if (self.checkpoint_seq, self.checkpoints) != (found.checkpoint_seq, found.checkpoints) {
            return Some((CorruptReason::Checkpoint, "the checkpoints are not those of the tally"));
        }
        if self.requests != found.requests {
            return Some((CorruptReason::Outbox, "the outbox has not as many requests as the tally says"));
        }
        if self.undecided != found.undecided {
            return Some((CorruptReason::Outbox, "the undecided requests are not those of the tally"));
        }
        if self.records != found.records {
            return Some((CorruptReason::VisitRecord, "the newest record is not the one of the tally"));
        }
        (self.open_visits != found.open_visits)
            .then_some((CorruptReason::VisitRecord, "the open visits are not those of the tally"))
    }

    fn digest(&self) -> Digest {
        let Self {
            last_seq,
            last_hash,
            checkpoint_seq,
            checkpoints,
            records,
            requests,
            undecided,
            open_visits,
            layout,
        } = self;
        let (undecided, open) = (
            format!("{} {}", undecided.count, undecided.sum),
            format!("{} {}", open_visits.count, open_visits.sum),
        );
        let text = format!(
            "{last_seq} {last_hash}\n{checkpoint_seq} {checkpoints}\n{records}\n{requests}\n{undecided}\n{open}\n{layout}"
        );
        Digest::of(text.as_bytes())
    }

    /// Writes it with what changed it.
    pub(crate) fn write(&self, transaction: &Transaction<'_>) -> Result<(), JournalError> {
        let digest = self.digest();
        let row = (
            to_row(self.last_seq),
            self.last_hash.as_bytes(),
            to_row(self.checkpoint_seq),
            to_row(self.checkpoints),
            to_row(self.records),
            to_row(self.requests),
            to_row(self.undecided.count),
            self.undecided.sum.as_bytes(),
            to_row(self.open_visits.count),
            self.open_visits.sum.as_bytes(),
            self.layout.as_bytes(),
            digest.as_bytes(),
        );
        transaction
            .prepare_cached(&format!(
                "INSERT OR REPLACE INTO tally(id, {COLUMNS}) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
            ))
            .and_then(|mut statement| statement.execute(row))
            .map_err(JournalError::database("write the tally"))?;
        Ok(())
    }

    /// The tally of a file; `Ok(None)` when there is none or it is damaged.
    pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        connection
            .query_row(&format!("SELECT {COLUMNS} FROM tally WHERE id = 1"), [], Self::of)
            .optional()
            .map(Option::flatten)
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let digest = |column| {
            Ok::<_, rusqlite::Error>(
                <[u8; 32]>::try_from(row.get::<_, Vec<u8>>(column)?).ok().map(Digest::from),
            )
        };
        let (last_hash, undecided, open, layout) = (digest(1)?, digest(7)?, digest(9)?, digest(10)?);
        let stated = digest(11)?;
        let (Some(last_hash), Some(undecided), Some(open), Some(layout)) =
            (last_hash, undecided, open, layout)
        else {
            return Ok(None);
        };
        let tally = Self {
            last_seq: from_row(row.get(0)?),
            last_hash,
            checkpoint_seq: from_row(row.get(2)?),
            checkpoints: from_row(row.get(3)?),
            records: from_row(row.get(4)?),
            requests: from_row(row.get(5)?),
            undecided: Members { count: from_row(row.get(6)?), sum: undecided },
            open_visits: Members { count: from_row(row.get(8)?), sum: open },
            layout,
        };
        Ok(Some(tally).filter(|tally| stated == Some(tally.digest())))
    }
}
