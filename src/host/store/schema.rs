//! Tables of the books, version 2.
//!
//! Invariants: times are milliseconds since 1970 UTC; no table holds a certificate, a serial number or a name; the signed
//! requests are in `evidence` only, and sealed there.

use rusqlite::Connection;

/// Written into the file's header, so that another program's file is not taken for ours: "mynH".
pub(super) const APPLICATION_ID: i64 = 0x6d79_6e48;
/// Version of the tables below. Files of version 1 had no `holder_key` and are given it.
pub(super) const VERSION: i64 = 2;

const TABLES: &str = "
CREATE TABLE terminal (
    terminal_id TEXT PRIMARY KEY,
    revoked INTEGER NOT NULL,
    since_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE challenge (
    challenge BLOB PRIMARY KEY,
    terminal_id TEXT NOT NULL,
    issued_ms INTEGER NOT NULL,
    consent_by_ms INTEGER NOT NULL,
    accept_until_ms INTEGER NOT NULL,
    terms_version TEXT NOT NULL,
    consumed_by BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX challenge_by_end ON challenge (accept_until_ms);

-- Never erased: a request id must get the same answer for ever.
CREATE TABLE decision (
    id INTEGER PRIMARY KEY,
    terminal_id TEXT NOT NULL,
    request_id BLOB NOT NULL,
    request_sha256 BLOB NOT NULL,
    code TEXT NOT NULL,
    answer BLOB NOT NULL,
    decided_ms INTEGER NOT NULL,
    UNIQUE (request_id, terminal_id)
) STRICT;

CREATE TABLE registration (
    acceptance_number TEXT PRIMARY KEY,
    holder_key_id TEXT NOT NULL,
    holder_hash BLOB NOT NULL,
    decision_id INTEGER NOT NULL REFERENCES decision (id),
    registered_ms INTEGER NOT NULL,
    cancelled_ms INTEGER
) STRICT, WITHOUT ROWID;
-- One active registration a holder; after a cancellation there may be another.
CREATE UNIQUE INDEX registration_active ON registration (holder_hash, holder_key_id) WHERE cancelled_ms IS NULL;
CREATE INDEX registration_by_decision ON registration (decision_id);

CREATE TABLE evidence (
    decision_id INTEGER PRIMARY KEY REFERENCES decision (id),
    key_id TEXT NOT NULL,
    nonce BLOB NOT NULL,
    sealed BLOB NOT NULL,
    stored_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX evidence_by_age ON evidence (stored_ms);

CREATE TABLE insurer (
    holder_hash BLOB NOT NULL,
    holder_key_id TEXT NOT NULL,
    state TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    PRIMARY KEY (holder_hash, holder_key_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoint (
    terminal_id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    entry_hash BLOB NOT NULL,
    signed_ms INTEGER NOT NULL,
    signature BLOB NOT NULL,
    received_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Checkpoints that went back or contradicted: a log that was cut or replaced.
CREATE TABLE checkpoint_alarm (
    id INTEGER PRIMARY KEY,
    terminal_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    entry_hash BLOB NOT NULL,
    signed_ms INTEGER NOT NULL,
    signature BLOB NOT NULL,
    received_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX checkpoint_alarm_by_terminal ON checkpoint_alarm (terminal_id);
";

const SINCE_VERSION_2: &str = "
-- Which key an id means: the keyed hash of a fixed text.
CREATE TABLE holder_key (
    key_id TEXT PRIMARY KEY,
    mark BLOB NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Makes the tables in an empty file, and what is missing in an older one; refuses a file of another program or another version.
pub(super) fn bring_up(connection: &mut Connection) -> Result<(), String> {
    let text = |e: rusqlite::Error| e.to_string();
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(text)?;
    let number =
        |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(text);
    let (application, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0)).map_err(text)?;
    match (application, version, tables) {
        (APPLICATION_ID, VERSION, _) => Ok(()),
        (0, 0, 0) => {
            transaction.execute_batch(TABLES).map_err(text)?;
            transaction.execute_batch(SINCE_VERSION_2).map_err(text)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(text)?;
            transaction.pragma_update(None, "user_version", VERSION).map_err(text)?;
            transaction.commit().map_err(text)
        }
        (APPLICATION_ID, 1, _) => {
            transaction.execute_batch(SINCE_VERSION_2).map_err(text)?;
            transaction.pragma_update(None, "user_version", VERSION).map_err(text)?;
            transaction.commit().map_err(text)
        }
        (APPLICATION_ID, other, _) => {
            Err(format!("its tables have version {other}, this program knows {VERSION}"))
        }
        _ => Err("it is another program's database".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_version_1_gets_what_it_lacks_and_a_newer_one_is_refused() {
        let mut old = Connection::open_in_memory().unwrap();
        old.execute_batch(TABLES).unwrap();
        old.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        bring_up(&mut old).unwrap();
        old.execute("INSERT INTO holder_key VALUES ('a', x'00')", ()).unwrap();
        bring_up(&mut old).unwrap();
        old.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert!(bring_up(&mut old).unwrap_err().contains("this program knows 2"));
    }
}
