//! Everything in the books besides the deciding transaction: terminals, insurer table, checkpoints, retention, look-ups.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};
use uuid::Uuid;
use wire::{Digest, EcdsaSignature, LogCheckpoint, TerminalId, WireTime};

use super::{
    CheckpointKept, DecisionRow, Erased, HeldCheckpoint, InsurerState, Retention, Standing, StoreError,
    TerminalRow, settle,
};
use crate::acceptance_number::AcceptanceNumber;
use crate::evidence::SealedEvidence;
use crate::holder::{Holder, HolderHash};

/// Names the operation in an error.
pub(super) fn operation(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Operation { doing, source: Arc::new(source) }
}

/// A stored time.
pub(super) fn time(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(|_| StoreError::Unexpected("a time"))
}

fn all<T>(
    connection: &Connection,
    doing: &'static str,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut select| select.query_map(parameters, read)?.collect())
        .map_err(operation(doing))
}

pub(super) fn set_terminal(
    connection: &Connection,
    terminal: &TerminalId,
    revoked: bool,
    at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO terminal (terminal_id, revoked, since_ms) VALUES (?1, ?2, ?3)
             ON CONFLICT (terminal_id) DO UPDATE SET revoked = excluded.revoked",
        )
        .and_then(|mut insert| insert.execute(params![terminal.as_str(), revoked, at.as_millisecond()]))
        .map(|_| ())
        .map_err(operation("write a terminal"))
}

pub(super) fn terminals(connection: &Connection) -> Result<Vec<TerminalRow>, StoreError> {
    let sql = "SELECT terminal_id, revoked, since_ms FROM terminal ORDER BY terminal_id";
    let rows = all(connection, "list terminals", sql, (), |row| {
        Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, i64>(2)?))
    })?;
    rows.into_iter()
        .map(|(id, revoked, since)| Ok(TerminalRow { id: terminal_id(&id)?, revoked, since: time(since)? }))
        .collect()
}

fn terminal_id(text: &str) -> Result<TerminalId, StoreError> {
    text.parse().map_err(|_| StoreError::Unexpected("a terminal id"))
}

/// What the insurer says about a holder, under whichever key it was written.
pub(super) fn insurer_of(
    connection: &Connection,
    holder: &Holder,
) -> Result<Option<InsurerState>, StoreError> {
    for hash in holder.hashes() {
        let code: Option<String> = connection
            .prepare_cached("SELECT state FROM insurer WHERE holder_hash = ?1 AND holder_key_id = ?2")
            .and_then(|mut select| {
                select.query_row(params![hash.hash, hash.key_id], |row| row.get(0)).optional()
            })
            .map_err(operation("look the insurer's word up"))?;
        if let Some(code) = code {
            return InsurerState::from_code(&code).map(Some);
        }
    }
    Ok(None)
}

pub(super) fn set_insurer(
    connection: &Connection,
    holder: &Holder,
    state: Option<InsurerState>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let mut before = 0;
    for hash in holder.hashes() {
        before += connection
            .execute(
                "DELETE FROM insurer WHERE holder_hash = ?1 AND holder_key_id = ?2",
                params![hash.hash, hash.key_id],
            )
            .map_err(operation("take the insurer's word back"))?;
    }
    if let Some(state) = state {
        connection
            .execute(
                "INSERT INTO insurer (holder_hash, holder_key_id, state, since_ms) VALUES (?1, ?2, ?3, ?4)",
                params![holder.current.hash, holder.current.key_id, state.code(), at.as_millisecond()],
            )
            .map_err(operation("write the insurer's word"))?;
    }
    Ok(before > 0)
}

/// Holds the configured keys to the books: no active registration and no insurer row is known by a key that is missing,
/// and an id means the same key as ever. A key that is new here is noted.
pub(super) fn match_holder_keys(connection: &mut Connection, marks: &[HolderHash]) -> Result<(), String> {
    let text = |e: rusqlite::Error| e.to_string();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(text)?;
    let in_use: Vec<String> = transaction
        .prepare(
            "SELECT holder_key_id FROM registration WHERE cancelled_ms IS NULL
             UNION SELECT holder_key_id FROM insurer",
        )
        .and_then(|mut select| select.query_map((), |row| row.get(0))?.collect())
        .map_err(text)?;
    if let Some(missing) = in_use.iter().find(|id| marks.iter().all(|mark| mark.key_id != **id)) {
        return Err(format!(
            "holders in it are known by the key {missing}, which [holder] does not name: add it to holder.previous"
        ));
    }
    for HolderHash { key_id, hash } in marks {
        transaction
            .execute("INSERT OR IGNORE INTO holder_key (key_id, mark) VALUES (?1, ?2)", params![key_id, hash])
            .map_err(text)?;
        let noted: [u8; 32] = transaction
            .query_row("SELECT mark FROM holder_key WHERE key_id = ?1", [key_id], |row| row.get(0))
            .map_err(text)?;
        if noted != *hash {
            return Err(format!(
                "the holder key {key_id} is not the key that had this id before: a new key needs a new id"
            ));
        }
    }
    transaction.commit().map_err(text)
}

pub(super) fn insurer_rows(
    connection: &Connection,
) -> Result<Vec<(HolderHash, InsurerState, Timestamp)>, StoreError> {
    let sql =
        "SELECT holder_key_id, holder_hash, state, since_ms FROM insurer ORDER BY since_ms, holder_hash";
    let rows = all(connection, "list the insurer table", sql, (), |row| {
        Ok((HolderHash { key_id: row.get(0)?, hash: row.get(1)? }, row.get::<_, String>(2)?, row.get(3)?))
    })?;
    rows.into_iter()
        .map(|(hash, code, since)| Ok((hash, InsurerState::from_code(&code)?, time(since)?)))
        .collect()
}

pub(super) fn cancel(
    connection: &Connection,
    number: AcceptanceNumber,
    at: Timestamp,
) -> Result<bool, StoreError> {
    connection
        .execute(
            "UPDATE registration SET cancelled_ms = ?1 WHERE acceptance_number = ?2 AND cancelled_ms IS NULL",
            params![at.as_millisecond(), number.to_string()],
        )
        .map(|rows| rows > 0)
        .map_err(operation("cancel a registration"))
}

pub(super) fn decisions(connection: &Connection, request_id: Uuid) -> Result<Vec<DecisionRow>, StoreError> {
    let sql = "SELECT d.terminal_id, d.code, d.decided_ms, d.request_sha256, d.answer, r.acceptance_number,
                      r.cancelled_ms, EXISTS (SELECT 1 FROM evidence e WHERE e.decision_id = d.id)
               FROM decision d LEFT JOIN registration r ON r.decision_id = d.id
               WHERE d.request_id = ?1 ORDER BY d.id";
    type Raw = (String, String, i64, [u8; 32], Vec<u8>, Option<String>, Option<i64>, bool);
    let rows: Vec<Raw> = all(connection, "show a request", sql, [request_id.as_bytes()], |row| {
        Ok((
            row.get(0)?,
            row.get(1)?,
            row.get(2)?,
            row.get(3)?,
            row.get(4)?,
            row.get(5)?,
            row.get(6)?,
            row.get(7)?,
        ))
    })?;
    let number = |text: String| text.parse().map_err(|_| StoreError::Unexpected("an acceptance number"));
    rows.into_iter()
        .map(|(terminal, code, decided, request_sha256, answer, acceptance, cancelled, has_evidence)| {
            Ok(DecisionRow {
                terminal: terminal_id(&terminal)?,
                code,
                decided_at: time(decided)?,
                request_sha256,
                answer,
                acceptance_number: acceptance.map(number).transpose()?,
                cancelled_at: cancelled.map(time).transpose()?,
                has_evidence,
            })
        })
        .collect()
}

pub(super) fn evidence(
    connection: &Connection,
    terminal: &TerminalId,
    request_id: Uuid,
) -> Result<Option<SealedEvidence>, StoreError> {
    connection
        .query_row(
            "SELECT e.key_id, e.nonce, e.sealed FROM evidence e JOIN decision d ON d.id = e.decision_id
             WHERE d.request_id = ?1 AND d.terminal_id = ?2",
            params![request_id.as_bytes(), terminal.as_str()],
            |row| Ok(SealedEvidence { key_id: row.get(0)?, nonce: row.get(1)?, sealed: row.get(2)? }),
        )
        .optional()
        .map_err(operation("read evidence"))
}

/// Keeps a checkpoint if it goes forward; sets it aside as an alarm if it goes back or contradicts.
pub(super) fn keep_checkpoint(
    connection: &Connection,
    checkpoint: &LogCheckpoint,
    at: Timestamp,
    terminals_listed: bool,
) -> Result<CheckpointKept, StoreError> {
    match settle::standing(connection, &checkpoint.terminal_id, at, terminals_listed)? {
        Standing::Good => {}
        refused => return Ok(CheckpointKept::Refused(refused)),
    }
    let sequence =
        i64::try_from(checkpoint.sequence).map_err(|_| StoreError::Unexpected("a sequence number"))?;
    let held: Option<(i64, [u8; 32])> = connection
        .prepare_cached("SELECT sequence, entry_hash FROM checkpoint WHERE terminal_id = ?1")
        .and_then(|mut select| {
            select
                .query_row([checkpoint.terminal_id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(operation("look a checkpoint up"))?;
    let kept = match held {
        Some((held, _)) if sequence < held => CheckpointKept::WentBack,
        Some((held, hash)) if sequence == held && &hash != checkpoint.entry_hash.as_bytes() => {
            CheckpointKept::Contradicts
        }
        _ => CheckpointKept::Forward,
    };
    let sql = match kept {
        CheckpointKept::WentBack => {
            "INSERT INTO checkpoint_alarm (terminal_id, sequence, entry_hash, signed_ms, signature, received_ms, kind)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'went-back')"
        }
        CheckpointKept::Contradicts => {
            "INSERT INTO checkpoint_alarm (terminal_id, sequence, entry_hash, signed_ms, signature, received_ms, kind)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'contradicts')"
        }
        _ => {
            "INSERT OR REPLACE INTO checkpoint (terminal_id, sequence, entry_hash, signed_ms, signature, received_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        }
    };
    connection
        .prepare_cached(sql)
        .and_then(|mut insert| {
            insert.execute(params![
                checkpoint.terminal_id.as_str(),
                sequence,
                checkpoint.entry_hash.as_bytes(),
                checkpoint.signed_at.timestamp().as_millisecond(),
                checkpoint.signature.as_der(),
                at.as_millisecond(),
            ])
        })
        .map_err(operation("write a checkpoint"))?;
    Ok(kept)
}

pub(super) fn checkpoint(
    connection: &Connection,
    terminal: &TerminalId,
) -> Result<Option<HeldCheckpoint>, StoreError> {
    type Raw = (i64, [u8; 32], i64, Vec<u8>, i64, i64);
    let raw: Option<Raw> = connection
        .query_row(
            "SELECT sequence, entry_hash, signed_ms, signature, received_ms,
                    (SELECT count(*) FROM checkpoint_alarm a WHERE a.terminal_id = c.terminal_id)
             FROM checkpoint c WHERE terminal_id = ?1",
            [terminal.as_str()],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)),
        )
        .optional()
        .map_err(operation("read a checkpoint"))?;
    let Some((sequence, entry_hash, signed, signature, received, alarms)) = raw else { return Ok(None) };
    let out_of_bounds = |_| StoreError::Unexpected("a checkpoint");
    Ok(Some(HeldCheckpoint {
        checkpoint: LogCheckpoint {
            terminal_id: terminal.clone(),
            sequence: u64::try_from(sequence).map_err(|_| StoreError::Unexpected("a sequence number"))?,
            entry_hash: Digest::from_bytes(entry_hash),
            signed_at: WireTime::from_timestamp(time(signed)?).map_err(out_of_bounds)?,
            signature: EcdsaSignature::from_der(&signature).map_err(out_of_bounds)?,
        },
        received_at: time(received)?,
        alarms: u64::try_from(alarms).unwrap_or_default(),
    }))
}

pub(super) fn erase(connection: &Connection, retention: &Retention) -> Result<Erased, StoreError> {
    let round = |sql: &str, before: Timestamp| {
        connection
            .prepare_cached(sql)
            .and_then(|mut delete| delete.execute(params![before.as_millisecond(), retention.rows_max]))
            .map_err(operation("erase what has had its time"))
    };
    Ok(Erased {
        evidence: round(
            "DELETE FROM evidence WHERE decision_id IN
             (SELECT decision_id FROM evidence WHERE stored_ms < ?1 ORDER BY stored_ms LIMIT ?2)",
            retention.evidence_before,
        )?,
        challenges: round(
            "DELETE FROM challenge WHERE challenge IN
             (SELECT challenge FROM challenge WHERE accept_until_ms < ?1 ORDER BY accept_until_ms LIMIT ?2)",
            retention.challenges_before,
        )?,
    })
}
