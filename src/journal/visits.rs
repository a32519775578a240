//! Records of visits: written by every commit, read by recovery.
//!
//! Invariant: each record carries a digest of itself, because recovery acts on it and SQLite does not notice a
//! changed byte inside a value.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use uuid::Uuid;

use crate::batch::{Mark, OpenVisit, StoredRecord, VisitRecord};
use crate::canonical::milliseconds;
use crate::digest::Digest;
use crate::error::JournalError;
use crate::store::Journal;
use crate::word::Word;

fn digest(visit: &str, at_ms: i64, mark: &str, kind: &str, body: &str) -> Digest {
    Digest::of(format!("{visit}\n{at_ms}\n{mark}\n{kind}\n{body}").as_bytes())
}

pub(crate) fn write(transaction: &Transaction<'_>, records: &[VisitRecord]) -> Result<(), JournalError> {
    write_all(transaction, records).map_err(JournalError::database("write a visit's record"))
}

fn write_all(transaction: &Transaction<'_>, records: &[VisitRecord]) -> rusqlite::Result<()> {
    for record in records {
        let visit = record.visit.to_string();
        let at_ms = milliseconds(record.at);
        let body = record.body.to_string();
        let (mark, kind) = (record.mark.as_str(), record.kind.as_str());
        let digest = digest(&visit, at_ms, mark, kind, &body);
        transaction
            .prepare_cached(
                "INSERT INTO visit_record(visit, at_ms, mark, kind, body, row_sha256) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute((&visit, at_ms, mark, kind, &body, digest.as_bytes()))?;
        let keep_open = match record.mark {
            Mark::Opens => {
                "INSERT INTO open_visit(visit, first_record, records) VALUES (?1, last_insert_rowid(), 1) \
                 ON CONFLICT(visit) DO UPDATE SET records = records + 1"
            }
            Mark::Continues => "UPDATE open_visit SET records = records + 1 WHERE visit = ?1",
            Mark::Closes => "DELETE FROM open_visit WHERE visit = ?1",
        };
        transaction.prepare_cached(keep_open)?.execute([&visit])?;
    }
    Ok(())
}

/// Visits that are not over, oldest first. `Ok(None)`: a row is damaged.
pub(crate) fn open_visits(connection: &Connection) -> rusqlite::Result<Option<Vec<OpenVisit>>> {
    let mut statement =
        connection.prepare("SELECT visit, first_record, records FROM open_visit ORDER BY first_record")?;
    let mut rows = statement.query([])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        let (visit, first, count): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (Ok(id), Some(records)) = (Uuid::parse_str(&visit), records(connection, &visit, first)?) else {
            return Ok(None);
        };
        // None is missing: neither the first nor one whose visit was damaged.
        if i64::try_from(records.len()) != Ok(count)
            || records.first().is_none_or(|first| first.mark != Mark::Opens)
        {
            return Ok(None);
        }
        open.push(OpenVisit { visit: id, records });
    }
    Ok(Some(open))
}

/// The records of one visit from row `first` on, oldest first. `Ok(None)`: a row is damaged.
fn records(connection: &Connection, visit: &str, first: i64) -> rusqlite::Result<Option<Vec<StoredRecord>>> {
    let mut statement = connection.prepare_cached(
        "SELECT at_ms, mark, kind, body, row_sha256 FROM visit_record WHERE id >= ?1 AND visit = ?2 ORDER BY id",
    )?;
    let mut rows = statement.query((first, visit))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let (at_ms, stored): (i64, Vec<u8>) = (row.get(0)?, row.get(4)?);
        let (mark, kind, body): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        if digest(visit, at_ms, &mark, &kind, &body).as_bytes().as_slice() != stored {
            return Ok(None);
        }
        let record = (|| {
            Some(StoredRecord {
                at: Timestamp::from_millisecond(at_ms).ok()?,
                kind: Word::stored(&kind)?,
                body: serde_json::from_str(&body).ok()?,
                mark: Mark::from_word(&mark)?,
            })
        })();
        let Some(record) = record else { return Ok(None) };
        records.push(record);
    }
    Ok(Some(records))
}

impl Journal {
    /// All records of a visit, oldest first; empty for an unknown one. Reads the whole table: for operators and tests.
    ///
    /// # Errors
    /// When a row is damaged or cannot be read.
    pub fn visit_records(&self, visit: Uuid) -> Result<Vec<StoredRecord>, JournalError> {
        records(&self.connection, &visit.to_string(), 0)
            .map_err(JournalError::database("read a visit's records"))?
            .ok_or(JournalError::Damaged { table: "visit_record" })
    }
}
