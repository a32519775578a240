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

fn digest(visit: &str, at_ms: i64, kind: &str, body: &str) -> Digest {
    Digest::of(format!("{visit}\n{at_ms}\n{kind}\n{body}").as_bytes())
}

pub(crate) fn write(transaction: &Transaction<'_>, records: &[VisitRecord]) -> Result<(), JournalError> {
    write_all(transaction, records).map_err(JournalError::database("write a visit's record"))
}

fn write_all(transaction: &Transaction<'_>, records: &[VisitRecord]) -> rusqlite::Result<()> {
    for record in records {
        let visit = record.visit.to_string();
        let at_ms = milliseconds(record.at);
        let body = record.body.to_string();
        let digest = digest(&visit, at_ms, record.kind.as_str(), &body);
        transaction
            .prepare_cached(
                "INSERT INTO visit_record(visit, at_ms, kind, body, sha256) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((&visit, at_ms, record.kind.as_str(), &body, digest.as_bytes()))?;
        match record.mark {
            Mark::Opens => {
                transaction
                    .prepare_cached("INSERT OR IGNORE INTO open_visit(visit, first_record) VALUES (?1, ?2)")?
                    .execute((&visit, transaction.last_insert_rowid()))?;
            }
            Mark::Continues => {}
            Mark::Closes => {
                transaction.prepare_cached("DELETE FROM open_visit WHERE visit = ?1")?.execute([&visit])?;
            }
        }
    }
    Ok(())
}

/// Visits that are not over, oldest first. `Ok(None)`: a row is damaged.
pub(crate) fn open_visits(connection: &Connection) -> rusqlite::Result<Option<Vec<OpenVisit>>> {
    let mut statement =
        connection.prepare("SELECT visit, first_record FROM open_visit ORDER BY first_record")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let mut open = Vec::new();
    for row in rows {
        let (visit, first) = row?;
        let records = records(connection, &visit, first)?;
        let (Ok(visit), Some(records)) = (Uuid::parse_str(&visit), records) else {
            return Ok(None);
        };
        if records.is_empty() {
            return Ok(None);
        }
        open.push(OpenVisit { visit, records });
    }
    Ok(Some(open))
}

/// The records of one visit from row `first` on, oldest first. `Ok(None)`: a row is damaged.
fn records(connection: &Connection, visit: &str, first: i64) -> rusqlite::Result<Option<Vec<StoredRecord>>> {
    let mut statement = connection.prepare_cached(
        "SELECT at_ms, kind, body, sha256 FROM visit_record WHERE id >= ?1 AND visit = ?2 ORDER BY id",
    )?;
    let rows = statement.query_map((first, visit), |row| {
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, String>(2)?,
            row.get::<_, Vec<u8>>(3)?,
        ))
    })?;
    let mut records = Vec::new();
    for row in rows {
        let (at_ms, kind, body, stored) = row?;
        if digest(visit, at_ms, &kind, &body).as_bytes().as_slice() != stored {
            return Ok(None);
        }
        let (Ok(at), Some(kind), Ok(body)) =
            (Timestamp::from_millisecond(at_ms), Word::stored(&kind), serde_json::from_str(&body))
        else {
            return Ok(None);
        };
        records.push(StoredRecord { at, kind, body });
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
