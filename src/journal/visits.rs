//! Records of visits: written by every commit, read by recovery.
//!
//! Invariant: each record carries a digest of itself, because recovery acts on it and SQLite does not notice a
//! changed byte inside a value.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction};
use uuid::Uuid;

use crate::batch::{Mark, OpenVisit, StoredRecord, VisitRecord};
use crate::canonical::milliseconds;
use crate::digest::Digest;
use crate::error::JournalError;
use crate::store::{Journal, from_row};
use crate::tally::{Members, Tally};
use crate::word::Word;

fn digest(visit: &str, at_ms: i64, mark: &str, kind: &str, body: &str) -> Digest {
    Digest::of(format!("{visit}\n{at_ms}\n{mark}\n{kind}\n{body}").as_bytes())
}

/// Stands for an open visit in the tally.
fn member(visit: &str) -> Digest {
    Digest::of(visit.as_bytes())
}

/// What the tally says when these visits are the open ones.
pub(crate) fn members(open: &[OpenVisit]) -> Members {
    Members::of(open.iter().map(|open| member(&open.visit.to_string())))
}

/// Writes records; the tally follows.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    records: &[VisitRecord],
    tally: &mut Tally,
) -> Result<(), JournalError> {
    write_all(transaction, records, tally).map_err(JournalError::database("write a visit's record"))
}

fn write_all(
    transaction: &Transaction<'_>,
    records: &[VisitRecord],
    tally: &mut Tally,
) -> rusqlite::Result<()> {
    for record in records {
        let visit = record.visit.to_string();
        let at_ms = milliseconds(record.at);
        let body = record.body.to_string();
        let (mark, kind) = (record.mark.as_str(), record.kind.as_str());
        let digest = digest(&visit, at_ms, mark, kind, &body);
        let id = transaction
            .prepare_cached(
                "INSERT INTO visit_record(visit, at_ms, mark, kind, body, row_sha256) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .insert((&visit, at_ms, mark, kind, &body, digest.as_bytes()))?;
        tally.records = from_row(id);
        match record.mark {
            Mark::Opens | Mark::Continues => {
                let counted = transaction
                    .prepare_cached("UPDATE open_visit SET records = records + 1 WHERE visit = ?1")?
                    .execute([&visit])?;
                if counted == 0 && record.mark == Mark::Opens {
                    transaction
                        .prepare_cached(
                            "INSERT INTO open_visit(visit, first_record, records) VALUES (?1, ?2, 1)",
                        )?
                        .execute((&visit, id))?;
                    tally.open_visits.add(&member(&visit));
                }
            }
            Mark::Closes => {
                let closed = transaction
                    .prepare_cached("DELETE FROM open_visit WHERE visit = ?1")?
                    .execute([&visit])?;
                if closed == 1 {
                    tally.open_visits.remove(&member(&visit));
                }
            }
        }
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
        let begins: Option<String> = connection
            .prepare_cached("SELECT visit FROM visit_record WHERE id = ?1")?
            .query_row([first], |row| row.get(0))
            .optional()?;
        // None is missing: neither the first nor one whose visit was damaged.
        if begins.as_ref() != Some(&visit)
            || i64::try_from(records.len()) != Ok(count)
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
        "SELECT at_ms, mark, kind, body, row_sha256 FROM visit_record \
         WHERE id >= ?1 AND visit = ?2 ORDER BY id",
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

/// How many records there are, when every row is whole; `Ok(None)` when one is damaged. Reads the whole table.
pub(crate) fn count_whole(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection
        .prepare("SELECT visit, at_ms, mark, kind, body, row_sha256, id FROM visit_record ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut count = 0_u64;
    while let Some(row) = rows.next()? {
        count += 1;
        let text = |column| row.get_ref(column).map(|value| value.as_str().unwrap_or_default());
        let (visit, mark, kind, body) = (text(0)?, text(2)?, text(3)?, text(4)?);
        let digest = digest(visit, row.get(1)?, mark, kind, body);
        // Numbered without a gap, because none is ever removed.
        let whole = row.get_ref(5)?.as_blob().ok() == Some(digest.as_bytes());
        if !whole || from_row(row.get(6)?) != count {
            return Ok(None);
        }
    }
    Ok(Some(count))
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
