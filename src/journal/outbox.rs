//! The outbox: signed requests until the host has decided, and the evidence of both until it is erased.
//!
//! Invariants:
//! - A request is never replaced by other bytes, a decision never by another decision.
//! - A request without a decision is never erased.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction};
use uuid::Uuid;

use crate::batch::{Decided, OutboxChange, OutboxEntry};
use crate::canonical::milliseconds;
use crate::digest::Digest;
use crate::error::JournalError;
use crate::store::Journal;
use crate::tally::{Members, Tally};
use crate::word::{AcceptanceNumber, Word};

const COLUMNS: &str = "request_id, visit, sha256, cms, accept_until_ms, row_sha256, outcome, code, \
                       acceptance_number, answer, decided_ms, erased_ms";

/// SQLite does not notice a changed byte inside a value; what will be sent is protected by a digest of its own.
fn row_digest(request_id: &str, visit: &str, sha256: &Digest, accept_until_ms: i64) -> Digest {
    Digest::of(format!("{request_id}\n{visit}\n{sha256}\n{accept_until_ms}").as_bytes())
}

/// The digest of a row with a decision, over `undecided`, the one that it had before.
fn decided_digest(undecided: &Digest, decided: &Decided, erased_ms: Option<i64>) -> Digest {
    let (outcome, code, at_ms) = (decided.outcome.as_str(), decided.code.as_str(), milliseconds(decided.at));
    let number = decided.acceptance_number.as_ref().map_or("", AcceptanceNumber::as_str);
    let answer = decided.answer.as_ref().map(|answer| Digest::of(answer).to_string()).unwrap_or_default();
    let erased = erased_ms.map(|ms| ms.to_string()).unwrap_or_default();
    Digest::of(format!("{undecided}\n{outcome}\n{code}\n{number}\n{answer}\n{at_ms}\n{erased}").as_bytes())
}

/// Stands for an undecided request in the tally.
fn member(entry: &OutboxEntry) -> Digest {
    let (request_id, visit) = (entry.request_id.to_string(), entry.visit.to_string());
    row_digest(&request_id, &visit, &entry.sha256, milliseconds(entry.accept_until))
}

/// What the tally says when these requests are the undecided ones.
pub(crate) fn members(undecided: &[OutboxEntry]) -> Members {
    Members::of(undecided.iter().map(member))
}

/// Writes changes; the tally follows.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    changes: &[OutboxChange],
    tally: &mut Tally,
) -> Result<(), JournalError> {
    for change in changes {
        match change {
            OutboxChange::Put { request_id, visit, cms, accept_until } => {
                put(transaction, *request_id, *visit, cms, *accept_until, tally)?;
            }
            OutboxChange::Decided { request_id, decision } => {
                decide(transaction, *request_id, decision, tally)?;
            }
        }
    }
    Ok(())
}

/// Puts requests of another journal that have no decision there.
pub(crate) fn carry(
    transaction: &Transaction<'_>,
    entries: &[OutboxEntry],
    tally: &mut Tally,
) -> Result<(), JournalError> {
    for entry in entries {
        if let Some(cms) = &entry.cms {
            put(transaction, entry.request_id, entry.visit, cms, entry.accept_until, tally)?;
        }
    }
    Ok(())
}

fn put(
    transaction: &Transaction<'_>,
    request_id: Uuid,
    visit: Uuid,
    cms: &[u8],
    accept_until: Timestamp,
    tally: &mut Tally,
) -> Result<(), JournalError> {
    let sha256 = Digest::of(cms);
    if let Some(there) = get(transaction, request_id)? {
        return if there.sha256 == sha256 {
            Ok(())
        } else {
            Err(JournalError::RequestDiffers { request_id })
        };
    }
    let (request_id, visit) = (request_id.to_string(), visit.to_string());
    let accept_until_ms = milliseconds(accept_until);
    let row_sha256 = row_digest(&request_id, &visit, &sha256, accept_until_ms);
    let row = (&request_id, &visit, sha256.as_bytes(), cms, accept_until_ms, row_sha256.as_bytes());
    transaction
        .prepare_cached(
            "INSERT INTO outbox(request_id, visit, sha256, cms, accept_until_ms, row_sha256) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut insert| insert.execute(row))
        .map_err(JournalError::database("write the outbox"))?;
    tally.requests += 1;
    tally.undecided.add(&row_sha256);
    Ok(())
}

fn decide(
    transaction: &Transaction<'_>,
    request_id: Uuid,
    decision: &Decided,
    tally: &mut Tally,
) -> Result<(), JournalError> {
    let there = get(transaction, request_id)?.ok_or(JournalError::RequestUnknown { request_id })?;
    if let Some(before) = &there.decided {
        let same = before.outcome == decision.outcome
            && before.code == decision.code
            && before.acceptance_number == decision.acceptance_number;
        return if same { Ok(()) } else { Err(JournalError::DecisionDiffers { request_id }) };
    }
    let before = member(&there);
    let row_sha256 = decided_digest(&before, decision, None);
    transaction
        .prepare_cached(
            "UPDATE outbox SET outcome = ?2, code = ?3, acceptance_number = ?4, answer = ?5, decided_ms = ?6, \
             row_sha256 = ?7 WHERE request_id = ?1",
        )
        .and_then(|mut update| {
            update.execute((
                request_id.to_string(),
                decision.outcome.as_str(),
                decision.code.as_str(),
                decision.acceptance_number.as_ref().map(AcceptanceNumber::as_str),
                &decision.answer,
                milliseconds(decision.at),
                row_sha256.as_bytes(),
            ))
        })
        .map_err(JournalError::database("write the outbox"))?;
    tally.undecided.remove(&before);
    Ok(())
}

fn erase(transaction: &Transaction<'_>, request_id: &str, erased_ms: i64) -> Result<(), JournalError> {
    let damaged = || JournalError::Damaged { table: "outbox" };
    let there = get(transaction, Uuid::parse_str(request_id).map_err(|_| damaged())?)?.ok_or_else(damaged)?;
    let decided = Decided { answer: None, ..there.decided.clone().ok_or_else(damaged)? };
    let row_sha256 = decided_digest(&member(&there), &decided, Some(erased_ms));
    transaction
        .prepare_cached(
            "UPDATE outbox SET cms = NULL, answer = NULL, erased_ms = ?2, row_sha256 = ?3 WHERE request_id = ?1",
        )
        .and_then(|mut update| update.execute((request_id, erased_ms, row_sha256.as_bytes())))
        .map_err(JournalError::database("erase evidence"))?;
    Ok(())
}

/// A row as SQLite gives it.
struct Raw {
    request_id: String,
    visit: String,
    sha256: Vec<u8>,
    cms: Option<Vec<u8>>,
    accept_until_ms: i64,
    row_sha256: Vec<u8>,
    outcome: Option<String>,
    code: Option<String>,
    acceptance_number: Option<String>,
    answer: Option<Vec<u8>>,
    decided_ms: Option<i64>,
    erased_ms: Option<i64>,
}

impl Raw {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            request_id: row.get(0)?,
            visit: row.get(1)?,
            sha256: row.get(2)?,
            cms: row.get(3)?,
            accept_until_ms: row.get(4)?,
            row_sha256: row.get(5)?,
            outcome: row.get(6)?,
            code: row.get(7)?,
            acceptance_number: row.get(8)?,
            answer: row.get(9)?,
            decided_ms: row.get(10)?,
            erased_ms: row.get(11)?,
        })
    }

    /// `None` when the row is damaged: bytes that are not those of the digest are never sent.
    fn entry(self) -> Option<OutboxEntry> {
        let sha256 = Digest::from(<[u8; 32]>::try_from(self.sha256).ok()?);
        let undecided = row_digest(&self.request_id, &self.visit, &sha256, self.accept_until_ms);
        let decided = match (self.outcome, self.code, self.decided_ms) {
            (Some(outcome), Some(code), Some(at)) => Some(Decided {
                outcome: Word::stored(&outcome)?,
                code: Word::stored(&code)?,
                acceptance_number: match self.acceptance_number {
                    Some(number) => Some(AcceptanceNumber::parse(&number).ok()?),
                    None => None,
                },
                answer: self.answer,
                at: Timestamp::from_millisecond(at).ok()?,
            }),
            (None, None, None) => None,
            _ => return None,
        };
        let states = |digest: &Digest| digest.as_bytes().as_slice() == self.row_sha256;
        // A row that version 1 decided still has the digest that it had before.
        let whole = (states(&undecided)
            || decided
                .as_ref()
                .is_some_and(|decided| states(&decided_digest(&undecided, decided, self.erased_ms))))
            && self.cms.as_ref().is_none_or(|cms| Digest::of(cms) == sha256);
        // What is not decided is whole.
        let complete = decided.is_some() || (self.cms.is_some() && self.erased_ms.is_none());
        let erased_at = match self.erased_ms {
            Some(at) => Some(Timestamp::from_millisecond(at).ok()?),
            None => None,
        };
        (whole && complete).then_some(OutboxEntry {
            request_id: Uuid::parse_str(&self.request_id).ok()?,
            visit: Uuid::parse_str(&self.visit).ok()?,
            sha256,
            cms: self.cms,
            accept_until: Timestamp::from_millisecond(self.accept_until_ms).ok()?,
            decided,
            erased_at,
        })
    }
}

/// Requests without a decision, the one that ends first first, found through their index. `Ok(None)`: a row is damaged, or
/// the index leads to one that is decided, or the other index does not know as many.
pub(crate) fn undecided(connection: &Connection) -> rusqlite::Result<Option<Vec<OutboxEntry>>> {
    // The other index has them too, and a decision changes both.
    let indexed: usize = connection.query_row(
        "SELECT count(*) FROM outbox INDEXED BY outbox_evidence WHERE decided_ms IS NULL AND erased_ms IS NULL",
        [],
        |row| row.get::<_, u32>(0).map(|count| usize::try_from(count).unwrap_or(usize::MAX)),
    )?;
    let entries: Vec<Option<OutboxEntry>> = connection
        .prepare(&format!(
            "SELECT {COLUMNS} FROM outbox INDEXED BY outbox_undecided WHERE decided_ms IS NULL \
             ORDER BY accept_until_ms, request_id"
        ))?
        .query_map([], |row| Raw::of(row).map(Raw::entry))?
        .collect::<Result<_, _>>()?;
    if entries.len() != indexed {
        return Ok(None);
    }
    Ok(entries.into_iter().map(|entry| entry.filter(|entry| entry.decided.is_none())).collect())
}

/// Requests without a decision in a damaged file: whatever the index or the table still leads to, from both ends.
pub(crate) fn salvage(connection: &Connection) -> Vec<OutboxEntry> {
    let mut found: Vec<OutboxEntry> = Vec::new();
    for (way, order) in [
        ("INDEXED BY outbox_undecided", "accept_until_ms"),
        ("INDEXED BY outbox_undecided", "accept_until_ms DESC"),
        ("NOT INDEXED", "request_id"),
        ("NOT INDEXED", "request_id DESC"),
    ] {
        let sql = format!("SELECT {COLUMNS} FROM outbox {way} WHERE decided_ms IS NULL ORDER BY {order}");
        let Ok(mut statement) = connection.prepare(&sql) else { continue };
        let Ok(mut rows) = statement.query([]) else { continue };
        // Up to the damage; the other ways lead around it.
        while let Ok(Some(row)) = rows.next() {
            let entry = Raw::of(row).ok().and_then(Raw::entry).filter(|entry| entry.decided.is_none());
            found.extend(entry.filter(|new| found.iter().all(|old| old.request_id != new.request_id)));
        }
    }
    found.sort_by_key(|entry| (entry.accept_until, entry.request_id));
    found
}

/// How many requests there are, when every row is whole; `Ok(None)` when one is damaged. Reads the whole table.
pub(crate) fn count_whole(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare(&format!("SELECT {COLUMNS} FROM outbox NOT INDEXED"))?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        if Raw::of(row)?.entry().is_none() {
            return Ok(None);
        }
        count += 1;
    }
    Ok(Some(count))
}

fn get(connection: &Connection, request_id: Uuid) -> Result<Option<OutboxEntry>, JournalError> {
    let row = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE request_id = ?1"))
        .and_then(|mut select| select.query_row([request_id.to_string()], Raw::of).optional())
        .map_err(JournalError::database("read the outbox"))?;
    row.map(|raw| raw.entry().ok_or(JournalError::Damaged { table: "outbox" })).transpose()
}

impl Journal {
    /// Requests without a decision, the one that ends first first.
    ///
    /// # Errors
    /// When a row is damaged or cannot be read.
    pub fn outbox_pending(&self) -> Result<Vec<OutboxEntry>, JournalError> {
        undecided(&self.connection)
            .map_err(JournalError::database("read the outbox"))?
            .ok_or(JournalError::Damaged { table: "outbox" })
    }

    /// One request, with its decision.
    ///
    /// # Errors
    /// When the row is damaged or cannot be read.
    pub fn outbox_get(&self, request_id: Uuid) -> Result<Option<OutboxEntry>, JournalError> {
        get(&self.connection, request_id)
    }

    /// Erases the evidence (request and answer) of decisions taken before `decided_before`, and says of how many.
    /// What stays: ids, digest, decision, acceptance number, times. The bytes are overwritten in the database, and the
    /// write-ahead log that may still hold them is emptied (when a reader is in the way: at the next call or start).
    ///
    /// Erasing gives pages back, those of old rows that a start does not look at. A page that is given back wrongly would
    /// be overwritten by what comes next. So all pages are checked first, unless this process knows them to be whole
    /// ([`Journal::found_whole`]); that reads the whole file.
    ///
    /// # Errors
    /// When it is not durable, or pages are damaged: then nothing is erased and the journal takes nothing more.
    pub fn erase_evidence(&mut self, decided_before: Timestamp, now: Timestamp) -> Result<u64, JournalError> {
        let failed = || JournalError::database("erase evidence");
        let due = "decided_ms < ?1 AND erased_ms IS NULL";
        let any: bool = self
            .connection
            .prepare_cached(&format!("SELECT EXISTS (SELECT 1 FROM outbox WHERE {due})"))
            .and_then(|mut select| select.query_row([milliseconds(decided_before)], |row| row.get(0)))
            .map_err(failed())?;
        if !any {
            return Ok(0);
        }
        self.expect_whole_pages()?;
        let erased = self.transact("erase evidence", |transaction| {
            let due: Vec<String> = transaction
                .prepare(&format!("SELECT request_id FROM outbox WHERE {due}"))
                .and_then(|mut select| {
                    select.query_map([milliseconds(decided_before)], |row| row.get(0))?.collect()
                })
                .map_err(failed())?;
            due.iter().try_for_each(|request_id| erase(transaction, request_id, milliseconds(now)))?;
            Ok(due.len())
        })?;
        self.empty_wal()?;
        Ok(u64::try_from(erased).unwrap_or(u64::MAX))
    }

    /// Moves the write-ahead log into the database and empties it, when no reader is in the way.
    pub(crate) fn empty_wal(&self) -> Result<(), JournalError> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(JournalError::database("empty the write-ahead log"))
    }
}
