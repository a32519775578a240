//! The transaction that decides, and what a terminal reads and writes around it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;
use wire::TerminalId;

use super::books::{insurer_of, operation, time};
use super::{Case, ChallengeState, Facts, Found, IssuedChallenge, Ruling, Settled, Standing, StoreError};
use crate::acceptance_number::AcceptanceNumber;
use crate::holder::Holder;

/// Numbers tried before giving up; each is taken with a chance of registrations / 10^11.
const NUMBER_TRIES_MAX: usize = 16;

/// Writes a challenge down for a terminal in good standing.
pub(super) fn issue(
    connection: &Connection,
    challenge: &IssuedChallenge,
    terminals_listed: bool,
) -> Result<Standing, StoreError> {
    let standing = standing(connection, &challenge.terminal, challenge.issued_at, terminals_listed)?;
    if standing == Standing::Good {
        connection
            .prepare_cached(
                "INSERT INTO challenge (challenge, terminal_id, issued_ms, consent_by_ms, accept_until_ms, terms_version)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    challenge.challenge,
                    challenge.terminal.as_str(),
                    challenge.issued_at.as_millisecond(),
                    challenge.consent_by.as_millisecond(),
                    challenge.accept_until.as_millisecond(),
                    challenge.terms_version,
                ])
            })
            .map_err(operation("write a challenge"))?;
    }
    Ok(standing)
}

/// The one-transaction rule. See [`super::Store::settle`].
pub(super) fn settle(
    connection: &Connection,
    case: &Case,
    rule: &(dyn Fn(&Facts) -> Result<Ruling, StoreError> + Send + Sync),
    terminals_listed: bool,
) -> Result<Settled, StoreError> {
    match standing(connection, &case.terminal, case.arrived_at, terminals_listed)? {
        Standing::Good => {}
        refused => return Ok(Settled::Refused(refused)),
    }
    if let Some((sha256, answer)) = stored(connection, &case.terminal, case.request_id)? {
        return Ok(if sha256 == case.request_sha256 { Settled::Before(answer) } else { Settled::Conflict });
    }
    let facts = facts(connection, case)?;
    match rule(&facts)? {
        Ruling::NotNow(why) => Ok(Settled::NotNow(why)),
        Ruling::Decide { code, registers, answer } => {
            write(connection, case, &facts, code, registers, &answer)?;
            Ok(Settled::Decided { code, answer })
        }
    }
}

/// What became of a request of this terminal.
pub(super) fn answer_of(
    connection: &Connection,
    terminal: &TerminalId,
    request_id: Uuid,
    at: Timestamp,
    terminals_listed: bool,
) -> Result<Found, StoreError> {
    match standing(connection, terminal, at, terminals_listed)? {
        Standing::Good => {}
        refused => return Ok(Found::Refused(refused)),
    }
    Ok(stored(connection, terminal, request_id)?.map_or(Found::Nothing, |(_, answer)| Found::Answer(answer)))
}

/// Whether a terminal may talk. One that is known by its certificate is written down when it first comes.
pub(super) fn standing(
    connection: &Connection,
    terminal: &TerminalId,
    at: Timestamp,
    terminals_listed: bool,
) -> Result<Standing, StoreError> {
    let revoked: Option<bool> = connection
        .prepare_cached("SELECT revoked FROM terminal WHERE terminal_id = ?1")
        .and_then(|mut select| select.query_row([terminal.as_str()], |row| row.get(0)).optional())
        .map_err(operation("look a terminal up"))?;
    match revoked {
        Some(true) => Ok(Standing::Revoked),
        Some(false) => Ok(Standing::Good),
        None if terminals_listed => Ok(Standing::Unknown),
        None => super::books::set_terminal(connection, terminal, false, at).map(|()| Standing::Good),
    }
}

/// SHA-256 of a request that has been decided, and the answer.
type StoredDecision = ([u8; 32], Vec<u8>);

fn stored(
    connection: &Connection,
    terminal: &TerminalId,
    request_id: Uuid,
) -> Result<Option<StoredDecision>, StoreError> {
    connection
        .prepare_cached(
            "SELECT request_sha256, answer FROM decision WHERE request_id = ?1 AND terminal_id = ?2",
        )
        .and_then(|mut select| {
            select
                .query_row(params![request_id.as_bytes(), terminal.as_str()], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()
        })
        .map_err(operation("look a request up"))
}

fn facts(connection: &Connection, case: &Case) -> Result<Facts, StoreError> {
    let holder = case.holder.as_ref();
    Ok(Facts {
        challenge: challenge_state(connection, case)?,
        insurer: holder.map(|holder| insurer_of(connection, holder)).transpose()?.flatten(),
        registered: holder.map(|holder| registered(connection, holder)).transpose()?.flatten(),
        free_number: free_number(connection)?,
    })
}

fn challenge_state(connection: &Connection, case: &Case) -> Result<ChallengeState, StoreError> {
    type Row = (i64, i64, i64, String, Option<Vec<u8>>);
    let row: Option<Row> = connection
        .prepare_cached(
            "SELECT issued_ms, consent_by_ms, accept_until_ms, terms_version, consumed_by FROM challenge
             WHERE challenge = ?1 AND terminal_id = ?2",
        )
        .and_then(|mut select| {
            select
                .query_row(params![case.challenge, case.terminal.as_str()], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })
                .optional()
        })
        .map_err(operation("look a challenge up"))?;
    Ok(match row {
        None => ChallengeState::Unknown,
        Some((.., Some(_))) => ChallengeState::Used,
        Some((issued, consent_by, accept_until, terms_version, None)) => ChallengeState::Open {
            issued_at: time(issued)?,
            consent_by: time(consent_by)?,
            accept_until: time(accept_until)?,
            terms_version,
        },
    })
}

fn registered(connection: &Connection, holder: &Holder) -> Result<Option<AcceptanceNumber>, StoreError> {
    for hash in holder.hashes() {
        let number: Option<String> = connection
            .prepare_cached(
                "SELECT acceptance_number FROM registration
                 WHERE holder_hash = ?1 AND holder_key_id = ?2 AND cancelled_ms IS NULL",
            )
            .and_then(|mut select| {
                select.query_row(params![hash.hash, hash.key_id], |row| row.get(0)).optional()
            })
            .map_err(operation("look a registration up"))?;
        if let Some(number) = number {
            return number.parse().map(Some).map_err(|_| StoreError::Unexpected("an acceptance number"));
        }
    }
    Ok(None)
}

fn free_number(connection: &Connection) -> Result<AcceptanceNumber, StoreError> {
    for _ in 0..NUMBER_TRIES_MAX {
        let random = getrandom::u64().map_err(|e| StoreError::Rule(std::sync::Arc::new(e)))?;
        let number = AcceptanceNumber::from_random(random);
        let taken = connection
            .prepare_cached("SELECT 1 FROM registration WHERE acceptance_number = ?1")
            .and_then(|mut select| select.exists([number.to_string()]))
            .map_err(operation("look for a free number"))?;
        if !taken {
            return Ok(number);
        }
    }
    Err(StoreError::Unexpected("acceptance numbers have run out"))
}

fn write(
    connection: &Connection,
    case: &Case,
    facts: &Facts,
    code: &str,
    registers: bool,
    answer: &[u8],
) -> Result<(), StoreError> {
    let at = case.arrived_at.as_millisecond();
    connection
        .prepare_cached("UPDATE challenge SET consumed_by = ?1 WHERE challenge = ?2 AND terminal_id = ?3 AND consumed_by IS NULL")
        .and_then(|mut update| {
            update.execute(params![case.request_id.as_bytes(), case.challenge, case.terminal.as_str()])
        })
        .map_err(operation("consume a challenge"))?;
    connection
        .prepare_cached(
            "INSERT INTO decision (terminal_id, request_id, request_sha256, code, answer, decided_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                case.terminal.as_str(),
                case.request_id.as_bytes(),
                case.request_sha256,
                code,
                answer,
                at
            ])
        })
        .map_err(operation("write a decision"))?;
    let decision = connection.last_insert_rowid();
    if registers {
        let Some(holder) = &case.holder else {
            return Err(StoreError::Unexpected("a ruling that registers nobody"));
        };
        connection
            .prepare_cached(
                "INSERT INTO registration (acceptance_number, holder_key_id, holder_hash, decision_id, registered_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut insert| {
                let named = &holder.current;
                insert.execute(params![facts.free_number.to_string(), named.key_id, named.hash, decision, at])
            })
            .map_err(operation("write a registration"))?;
    }
    let evidence = &case.evidence;
    connection
        .prepare_cached("INSERT INTO evidence (decision_id, key_id, nonce, sealed, stored_ms) VALUES (?1, ?2, ?3, ?4, ?5)")
        .and_then(|mut insert| insert.execute(params![decision, evidence.key_id, evidence.nonce, evidence.sealed, at]))
        .map(|_| ())
        .map_err(operation("write evidence"))
}
