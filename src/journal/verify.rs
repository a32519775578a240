//! Is this device log the one that was written? With the public key alone, on a copy.
//!
//! What is checked, entry by entry in the order of their numbers: the numbers have no gap; each row holds the entry of
//! its number; its bytes are canonical and those of its digest; it carries the digest of the one before; the first one
//! carries zeros. Then every checkpoint: signed by the key, about an entry that is there, with that entry's digest. A
//! chain that was computed anew after an edit ends at a checkpoint. A tail that was cut off together with its
//! checkpoints is found by the checkpoint that the host holds.
//!
//! Invariant: one entry and one checkpoint at a time are in memory, however long the log is.

use std::fmt;
use std::path::Path;

use rusqlite::{Connection, Rows};

use crate::checkpoint::{Checkpoint, CheckpointKeys};
use crate::digest::Digest;
use crate::entry::LoggedEntry;
use crate::open::CorruptReason;
use crate::reader::{ReadError, open_read_only};
use crate::store::from_row;
use crate::word::TerminalId;

/// A log whose every check passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogReport {
    /// Whose log; `None` for an empty one.
    pub terminal_id: Option<TerminalId>,
    /// Sequence number of the first entry; 0 for an empty log.
    pub first_sequence: u64,
    /// Sequence number of the newest entry; 0 for an empty log.
    pub last_sequence: u64,
    /// How many entries there are.
    pub entries: u64,
    /// How many checkpoints there are.
    pub checkpoints: u64,
    /// The newest checkpoint.
    pub last_checkpoint: Option<Checkpoint>,
    /// Entries after the last checkpoint: chained, but a forger could have written them.
    pub unsigned_entries: u64,
    /// The checkpoint that the host holds was given, and agrees.
    pub compared_with_host: bool,
}

impl fmt::Display for LogReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.terminal_id {
            None => write!(f, "the log is empty")?,
            Some(id) => {
                let (first, last) = (self.first_sequence, self.last_sequence);
                write!(
                    f,
                    "{} entries of {id}, {first} to {last}, {} checkpoints",
                    self.entries, self.checkpoints
                )?;
            }
        }
        if self.unsigned_entries > 0 {
            write!(f, "; {} entries after the last checkpoint: not yet signed", self.unsigned_entries)?;
        }
        let host = if self.compared_with_host { "agrees with" } else { "not compared with" };
        write!(f, "; {host} the checkpoint that the host holds")
    }
}

/// Where a log is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogBroken {
    /// The bytes of an entry are not canonical, or not those of its digest.
    #[error("entry {sequence} was edited")]
    Edited {
        /// Which.
        sequence: u64,
    },
    /// An entry does not carry the digest of the one before.
    #[error("entry {sequence} does not follow from the one before: one of the two was edited")]
    Unlinked {
        /// The later of the two.
        sequence: u64,
    },
    /// Entries are missing.
    #[error("entries {} to {} are missing", after + 1, next - 1)]
    Gap {
        /// The last entry before the gap.
        after: u64,
        /// The first entry behind it.
        next: u64,
    },
    /// The beginning is missing.
    #[error("the log begins with entry {sequence}, which had one before it")]
    HeadCutOff {
        /// The first entry that is there.
        sequence: u64,
    },
    /// A row holds the entry of another place.
    #[error("in place of entry {sequence} lies entry {holds}")]
    Swapped {
        /// The place.
        sequence: u64,
        /// What lies there.
        holds: u64,
    },
    /// The end is missing.
    #[error(
        "the log ends with entry {last}, and a checkpoint was signed at entry {checkpoint}: the tail was cut off"
    )]
    CutOff {
        /// The newest entry that is there; 0 in an empty log.
        last: u64,
        /// The entry that was there.
        checkpoint: u64,
    },
    /// The chain is whole, and is not the one that was signed.
    #[error(
        "entries after {after} were rewritten: the checkpoint at entry {checkpoint} was signed over others"
    )]
    Rewritten {
        /// The last entry that is known to be as written; 0 for none.
        after: u64,
        /// The entry of the checkpoint.
        checkpoint: u64,
    },
    /// A checkpoint's statement is not canonical, or lies in the row of another entry.
    #[error("the checkpoint at entry {sequence} was edited")]
    CheckpointEdited {
        /// The row.
        sequence: u64,
    },
    /// A checkpoint is not signed by the key.
    #[error("the checkpoint at entry {sequence} is not signed by the given key")]
    BadSignature {
        /// Entry of the checkpoint.
        sequence: u64,
    },
    /// A checkpoint is about another terminal's log.
    #[error("the checkpoint at entry {sequence} is about the log of {terminal_id}")]
    OtherTerminal {
        /// Entry of the checkpoint.
        sequence: u64,
        /// The terminal it names.
        terminal_id: TerminalId,
    },
    /// The host holds a checkpoint that was taken out of the log.
    #[error("the host holds a checkpoint at entry {sequence} that is missing in the log")]
    CheckpointMissing {
        /// Its entry.
        sequence: u64,
    },
}

impl LogBroken {
    /// The word of a start for it.
    pub(crate) const fn reason(&self) -> CorruptReason {
        match self {
            Self::Edited { .. }
            | Self::Unlinked { .. }
            | Self::Gap { .. }
            | Self::HeadCutOff { .. }
            | Self::Swapped { .. } => CorruptReason::Chain,
            Self::CutOff { .. }
            | Self::Rewritten { .. }
            | Self::CheckpointEdited { .. }
            | Self::BadSignature { .. }
            | Self::OtherTerminal { .. }
            | Self::CheckpointMissing { .. } => CorruptReason::Checkpoint,
        }
    }
}

/// The answer is no, or there is none.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The log is not what was written.
    #[error(transparent)]
    Broken(#[from] LogBroken),
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Verifies a whole log. `held_by_host` is the checkpoint that the host has; without it a tail that was cut off
/// together with its checkpoints cannot be found.
///
/// # Errors
/// [`VerifyError::Broken`] with the first thing found, in the order of the entries.
pub fn verify_log(
    path: &Path,
    keys: &CheckpointKeys,
    held_by_host: Option<&Checkpoint>,
) -> Result<LogReport, VerifyError> {
    let failed = |source| ReadError::Database { path: path.to_owned(), source };
    let connection = open_read_only(path)?;
    if let Some(held) = held_by_host.filter(|held| !keys.signed(held)) {
        return Err(LogBroken::BadSignature { sequence: held.sequence }.into());
    }
    follow(&connection, Some(keys), held_by_host).map_err(failed)?.map_err(Into::into)
}

/// Follows the whole chain. Without `keys` the signatures are not checked, everything else is.
pub(crate) fn follow(
    connection: &Connection,
    keys: Option<&CheckpointKeys>,
    held: Option<&Checkpoint>,
) -> rusqlite::Result<Result<LogReport, LogBroken>> {
    let mut statements =
        connection.prepare("SELECT seq, statement, signature FROM device_log_checkpoint ORDER BY seq")?;
    let mut signed = Signed { rows: statements.query([])?, next: None, keys };
    signed.advance()?;
    let mut walk = Walk { held, ..Walk::default() };
    let mut entries = connection.prepare("SELECT seq, entry, hash FROM device_log ORDER BY seq")?;
    let mut rows = entries.query([])?;
    while let Some(row) = rows.next()? {
        let seq = from_row(row.get(0)?);
        // A row whose values cannot even be read as text and bytes is edited as well.
        let text = row.get_ref(1)?.as_str().unwrap_or_default();
        let hash = row.get_ref(2)?.as_blob().unwrap_or_default();
        let entry = match walk.step(seq, text, hash) {
            Ok(entry) => entry,
            Err(broken) => return Ok(Err(broken)),
        };
        while let Some(checkpoint) = signed.take_until(seq)? {
            if let Err(broken) = checkpoint.and_then(|checkpoint| walk.meet(checkpoint, Some(&entry))) {
                return Ok(Err(broken));
            }
        }
    }
    while let Some(checkpoint) = signed.take_until(u64::MAX)? {
        if let Err(broken) = checkpoint.and_then(|checkpoint| walk.meet(checkpoint, None)) {
            return Ok(Err(broken));
        }
    }
    Ok(walk.end())
}

/// The checkpoints in the order of their entries.
struct Signed<'a> {
    rows: Rows<'a>,
    /// Entry, statement and signature of the next one.
    next: Option<(u64, String, Vec<u8>)>,
    keys: Option<&'a CheckpointKeys>,
}

impl Signed<'_> {
    fn advance(&mut self) -> rusqlite::Result<()> {
        self.next = match self.rows.next()? {
            Some(row) => Some((
                from_row(row.get(0)?),
                row.get_ref(1)?.as_str().unwrap_or_default().to_owned(),
                row.get_ref(2)?.as_blob().unwrap_or_default().to_vec(),
            )),
            None => None,
        };
        Ok(())
    }

    /// The next one, when it is about an entry up to `sequence`.
    fn take_until(&mut self, sequence: u64) -> rusqlite::Result<Option<Result<Checkpoint, LogBroken>>> {
        let Some((at, statement, signature)) = self.next.take_if(|next| next.0 <= sequence) else {
            return Ok(None);
        };
        self.advance()?;
        let parsed = Checkpoint::parse(&statement, &signature).filter(|checkpoint| checkpoint.sequence == at);
        Ok(Some(match parsed {
            None => Err(LogBroken::CheckpointEdited { sequence: at }),
            Some(checkpoint) if self.keys.is_some_and(|keys| !keys.signed(&checkpoint)) => {
                Err(LogBroken::BadSignature { sequence: at })
            }
            Some(checkpoint) => Ok(checkpoint),
        }))
    }
}

/// The walk along the chain.
#[derive(Default)]
struct Walk<'a> {
    held: Option<&'a Checkpoint>,
    /// The log has a checkpoint at the entry of the one that the host holds.
    met_held: bool,
    before: Option<(u64, Digest)>,
    terminal_id: Option<TerminalId>,
    first: u64,
    entries: u64,
    checkpoints: u64,
    newest: Option<Checkpoint>,
    signed_to: u64,
}

impl Walk<'_> {
    fn step(&mut self, sequence: u64, text: &str, stored: &[u8]) -> Result<LoggedEntry, LogBroken> {
        if let Some((after, _)) = self.before
            && sequence != after + 1
        {
            return Err(LogBroken::Gap { after, next: sequence });
        }
        let hash = Digest::of(text.as_bytes());
        let entry = LoggedEntry::parse(text).ok_or(LogBroken::Edited { sequence })?;
        if entry.seq != sequence {
            return Err(LogBroken::Swapped { sequence, holds: entry.seq });
        }
        if hash.as_bytes().as_slice() != stored {
            return Err(LogBroken::Edited { sequence });
        }
        match self.before {
            None if entry.prev != Digest::ZERO => return Err(LogBroken::HeadCutOff { sequence }),
            Some((_, before)) if entry.prev != before => return Err(LogBroken::Unlinked { sequence }),
            None => self.first = sequence,
            Some(_) => {}
        }
        self.before = Some((sequence, hash));
        if let Some(held) = self.held {
            self.compare(held, &entry, hash)?;
        }
        self.terminal_id = Some(entry.entry.terminal_id.clone());
        self.entries += 1;
        Ok(entry)
    }

    /// A checkpoint, with the entry at which the walk is when that is its own.
    fn meet(&mut self, checkpoint: Checkpoint, entry: Option<&LoggedEntry>) -> Result<(), LogBroken> {
        if let (Some(entry), Some((_, hash))) = (entry, self.before)
            && entry.seq == checkpoint.sequence
        {
            self.compare(&checkpoint, entry, hash)?;
            self.signed_to = checkpoint.sequence;
        }
        self.met_held |= self.held.is_some_and(|held| held.sequence == checkpoint.sequence);
        self.checkpoints += 1;
        self.newest = Some(checkpoint);
        Ok(())
    }

    fn compare(&self, checkpoint: &Checkpoint, entry: &LoggedEntry, hash: Digest) -> Result<(), LogBroken> {
        let sequence = checkpoint.sequence;
        if sequence != entry.seq {
            return Ok(());
        }
        if checkpoint.entry_hash != hash {
            return Err(LogBroken::Rewritten { after: self.signed_to, checkpoint: sequence });
        }
        if checkpoint.terminal_id != entry.entry.terminal_id {
            return Err(LogBroken::OtherTerminal { sequence, terminal_id: checkpoint.terminal_id.clone() });
        }
        Ok(())
    }

    fn end(self) -> Result<LogReport, LogBroken> {
        let last = self.before.map_or(0, |(sequence, _)| sequence);
        for checkpoint in self.newest.iter().chain(self.held) {
            let sequence = checkpoint.sequence;
            if sequence > last {
                return Err(LogBroken::CutOff { last, checkpoint: sequence });
            }
            // Before the first entry, where no entry met it.
            if sequence < self.first {
                return Err(LogBroken::CheckpointMissing { sequence });
            }
        }
        if let Some(held) = self.held.filter(|_| !self.met_held) {
            return Err(LogBroken::CheckpointMissing { sequence: held.sequence });
        }
        Ok(LogReport {
            terminal_id: self.terminal_id,
            first_sequence: self.first,
            last_sequence: last,
            entries: self.entries,
            checkpoints: self.checkpoints,
            unsigned_entries: self.entries.min(last - self.signed_to),
            last_checkpoint: self.newest,
            compared_with_host: self.held.is_some(),
        })
    }
}
