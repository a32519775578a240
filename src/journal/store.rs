//! The open journal: one writer, one SQLite transaction a batch, each durable when it returns.
//!
//! Invariants:
//! - A batch is durable as a whole or not at all. After a failed commit nothing more is written: only a restart can
//!   find out what is durable.
//! - The head of the hash chain and the tally in memory are those of the file.
//! - Whoever meets damage while the journal is open leaves a note beside it; the next start then checks everything.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use crate::batch::{BODY_BYTES_MAX, Batch, CMS_BYTES_MAX, Committed, OutboxChange, Stats};
use crate::checkpoint::{Checkpoint, CheckpointKeys, CheckpointSigner, statement};
use crate::digest::Digest;
use crate::entry::{LogEntry, LoggedEntry, SEQUENCE_MAX};
use crate::error::JournalError;
use crate::lock::Lock;
use crate::tally::Tally;
use crate::whole::{self, WholeReport};
use crate::word::TerminalId;
use crate::{note, outbox, schema, visits};

/// The newest entry of the chain.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Its sequence number; in an empty log the one before the first.
    pub(crate) seq: u64,
    /// Its digest; in an empty log [`Digest::ZERO`].
    pub(crate) hash: Digest,
    /// Whose log; `None` in an empty log.
    pub(crate) terminal_id: Option<TerminalId>,
    /// Up to here checkpoints cover the log.
    pub(crate) signed_to: u64,
}

impl Head {
    pub(crate) fn of_empty(first_sequence: u64) -> Self {
        let before = first_sequence.clamp(1, SEQUENCE_MAX) - 1;
        Self { seq: before, hash: Digest::ZERO, terminal_id: None, signed_to: before }
    }
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    // Dropped in this order: the database closes before another process may open it.
    pub(crate) connection: Connection,
    pub(crate) _lock: Lock,
    pub(crate) path: PathBuf,
    pub(crate) keys: CheckpointKeys,
    pub(crate) head: Head,
    pub(crate) tally: Tally,
    /// All pages were checked in this process, or made by it.
    pub(crate) whole: bool,
    pub(crate) stats: Stats,
    pub(crate) stopped: bool,
}

impl Journal {
    /// Makes a batch durable: one SQLite transaction, one sync. An empty batch touches nothing.
    ///
    /// # Errors
    /// When it is not durable, or (after [`JournalError::Database`]) when that is not certain: from then on everything
    /// is refused with [`JournalError::Stopped`].
    pub fn commit(&mut self, batch: &Batch) -> Result<Committed, JournalError> {
        check_sizes(batch)?;
        if !(batch.records.is_empty() && batch.outbox.is_empty() && batch.log.is_empty()) {
            let (mut head, mut tally) = (self.head.clone(), self.tally.clone());
            self.transact("commit to the journal", |transaction| {
                visits::write(transaction, &batch.records, &mut tally)?;
                outbox::write(transaction, &batch.outbox, &mut tally)?;
                append(transaction, &mut head, &batch.log)?;
                if !batch.log.is_empty() {
                    (tally.last_seq, tally.last_hash) = (head.seq, head.hash);
                }
                tally.write(transaction)
            })?;
            (self.head, self.tally) = (head, tally);
            self.stats.log_entries += len(&batch.log);
            self.stats.records += len(&batch.records);
        }
        Ok(Committed { last_sequence: self.last_sequence(), unsigned_entries: self.unsigned_entries() })
    }

    /// Signs and stores a checkpoint at the newest entry; `None` when the last one covers it already.
    ///
    /// # Errors
    /// When the signer fails or is not the one of the configured keys, or the checkpoint is not durable.
    pub fn checkpoint(
        &mut self,
        signer: &dyn CheckpointSigner,
        now: Timestamp,
    ) -> Result<Option<Checkpoint>, JournalError> {
        let Some(terminal_id) = self.head.terminal_id.clone().filter(|_| self.unsigned_entries() > 0) else {
            return Ok(None);
        };
        let (sequence, entry_hash) = (self.head.seq, self.head.hash);
        let statement = statement(&terminal_id, sequence, &entry_hash, now);
        let signature =
            signer.sign(statement.as_bytes()).map_err(|source| JournalError::Sign { sequence, source })?;
        let checkpoint = Checkpoint::parse(&statement, &signature).ok_or(JournalError::SignerDiffers)?;
        if !self.keys.signed(&checkpoint) {
            return Err(JournalError::SignerDiffers);
        }
        let checkpoints = self.tally.checkpoints + 1;
        let tally = Tally { checkpoint_seq: sequence, checkpoints, ..self.tally.clone() };
        self.transact("store a checkpoint", |transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO device_log_checkpoint(seq, statement, signature) VALUES (?1, ?2, ?3)",
                )
                .and_then(|mut insert| insert.execute((to_row(sequence), &statement, &signature)))
                .map_err(JournalError::database("write a checkpoint"))?;
            tally.write(transaction)
        })?;
        self.tally = tally;
        self.head.signed_to = sequence;
        self.stats.checkpoints += 1;
        Ok(Some(checkpoint))
    }

    /// Runs `work` in one transaction. What the database refuses stops the journal; what `work` refuses does not.
    pub(crate) fn transact<T>(
        &mut self,
        operation: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        if self.stopped {
            return Err(JournalError::Stopped);
        }
        let result = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(JournalError::database(operation))
            .and_then(|transaction| {
                let done = work(&transaction)?;
                transaction.commit().map_err(JournalError::database(operation))?;
                Ok(done)
            });
        match &result {
            Ok(_) => self.stats.commits += 1,
            Err(error @ (JournalError::Database { .. } | JournalError::Damaged { .. })) => {
                self.stopped = true;
                if error.is_damage() {
                    // A disk that does not take it has said so already.
                    let _noted = note::leave(&self.path);
                }
            }
            Err(_) => {}
        }
        result
    }

    /// Makes a journal of version 1 one of this version: all of it was checked.
    pub(crate) fn add_tally(&mut self) -> Result<(), JournalError> {
        let mut tally = self.tally.clone();
        let failed = || JournalError::database("add the tally");
        self.transact("add the tally", |transaction| {
            schema::add_tally(transaction).map_err(failed())?;
            tally.layout = schema::layout(transaction).map_err(failed())?;
            tally.write(transaction)
        })?;
        self.tally = tally;
        self.stats = Stats::default();
        Ok(())
    }

    /// Says that the whole file was checked ([`crate::check_whole`]) while it was open: evidence can be erased without
    /// checking it again. A report about another file says nothing about this one.
    pub fn found_whole(&mut self, report: &WholeReport) {
        self.whole |= report.path() == self.path;
    }

    /// Checks all pages, once a process.
    pub(crate) fn expect_whole_pages(&mut self) -> Result<(), JournalError> {
        if self.whole {
            return Ok(());
        }
        let damage = whole::pages(&self.connection).map_err(JournalError::database("check the pages"))?;
        match damage {
            None => {
                self.whole = true;
                Ok(())
            }
            Some(detail) => {
                self.stopped = true;
                let _noted = note::leave(&self.path);
                Err(JournalError::PagesDamaged { detail })
            }
        }
    }

    /// Where the journal lies.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// What was done since the journal was opened.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }

    /// Sequence number of the newest entry; `None` in an empty log.
    #[must_use]
    pub fn last_sequence(&self) -> Option<u64> {
        self.head.terminal_id.is_some().then_some(self.head.seq)
    }

    /// Entries that no checkpoint covers yet.
    #[must_use]
    pub const fn unsigned_entries(&self) -> u64 {
        self.head.seq.saturating_sub(self.head.signed_to)
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn last_checkpoint(&self) -> Result<Option<Checkpoint>, JournalError> {
        let read = "read the last checkpoint";
        match last_checkpoint_row(&self.connection).map_err(JournalError::database(read))? {
            None => Ok(None),
            Some((_, statement, signature)) => Checkpoint::parse(&statement, &signature)
                .map(Some)
                .ok_or(JournalError::Damaged { table: "device_log_checkpoint" }),
        }
    }
}

pub(crate) fn last_checkpoint_row(
    connection: &Connection,
) -> rusqlite::Result<Option<(u64, String, Vec<u8>)>> {
    connection
        .query_row(
            "SELECT seq, statement, signature FROM device_log_checkpoint ORDER BY seq DESC LIMIT 1",
            [],
            |row| Ok((from_row(row.get(0)?), row.get(1)?, row.get(2)?)),
        )
        .optional()
}

/// The greatest number in a table whose rows are numbered; 0 in an empty one.
pub(crate) fn newest(connection: &Connection, table: Numbered) -> rusqlite::Result<u64> {
    let sql = match table {
        Numbered::Entries => "SELECT max(seq) FROM device_log",
        Numbered::Checkpoints => "SELECT max(seq) FROM device_log_checkpoint",
        Numbered::Records => "SELECT max(id) FROM visit_record",
    };
    let newest: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(newest.map_or(0, from_row))
}

/// The digest of the newest entry as it is stored; zeros in an empty log.
pub(crate) fn newest_hash(connection: &Connection) -> rusqlite::Result<Digest> {
    let hash: Option<Vec<u8>> = connection
        .query_row("SELECT hash FROM device_log ORDER BY seq DESC LIMIT 1", [], |row| row.get(0))
        .optional()?;
    let hash = hash.and_then(|hash| <[u8; 32]>::try_from(hash).ok());
    Ok(hash.map_or(Digest::ZERO, Digest::from))
}

/// Tables whose rows are numbered.
#[derive(Clone, Copy)]
pub(crate) enum Numbered {
    Entries,
    Checkpoints,
    Records,
}

fn append(transaction: &Transaction<'_>, head: &mut Head, entries: &[LogEntry]) -> Result<(), JournalError> {
    let failed = || JournalError::database("write the device log");
    let mut insert = transaction
        .prepare_cached("INSERT INTO device_log(seq, entry, hash) VALUES (?1, ?2, ?3)")
        .map_err(failed())?;
    for entry in entries {
        let seq = head.seq + 1;
        if seq > SEQUENCE_MAX {
            return Err(JournalError::LogFull);
        }
        let text = entry.canonical(seq, &head.hash);
        let hash = Digest::of(text.as_bytes());
        insert.execute((to_row(seq), &text, hash.as_bytes())).map_err(failed())?;
        *head = Head { seq, hash, terminal_id: Some(entry.terminal_id.clone()), signed_to: head.signed_to };
    }
    Ok(())
}

/// The head after `entry`.
pub(crate) fn head_at(entry: &LoggedEntry, hash: Digest, signed_to: u64) -> Head {
    Head { seq: entry.seq, hash, terminal_id: Some(entry.entry.terminal_id.clone()), signed_to }
}

fn check_sizes(batch: &Batch) -> Result<(), JournalError> {
    let check = |what: &'static str, bytes: usize, max: usize| {
        if bytes > max { Err(JournalError::TooLarge { what, bytes, max }) } else { Ok(()) }
    };
    for record in &batch.records {
        check("the body of a record", record.body.to_string().len(), BODY_BYTES_MAX)?;
    }
    for change in &batch.outbox {
        match change {
            OutboxChange::Put { cms, .. } => check("a signed request", cms.len(), CMS_BYTES_MAX)?,
            OutboxChange::Decided { decision, .. } => {
                check("a signed answer", decision.answer.as_ref().map_or(0, Vec::len), CMS_BYTES_MAX)?;
            }
        }
    }
    Ok(())
}

fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// Sequence numbers are at most [`SEQUENCE_MAX`], which SQLite's signed integers hold.
pub(crate) fn to_row(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// A negative number in a file is damage; it becomes one that no entry has.
pub(crate) fn from_row(seq: i64) -> u64 {
    u64::try_from(seq).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
