//! The books of both sides as they lie on the disk, read with SQLite and nothing of ours.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What the host keeps.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostBooks {
    pub(crate) decisions: Vec<Decision>,
    pub(crate) registrations: Vec<Registration>,
    /// Decisions that have their sealed request.
    pub(crate) evidence: Vec<i64>,
}

/// One decision of the host.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) id: i64,
    pub(crate) request: Uuid,
    pub(crate) sha256: Vec<u8>,
    pub(crate) code: String,
    pub(crate) answer: Vec<u8>,
}

/// One registration at the host.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    pub(crate) number: String,
    pub(crate) holder: Vec<u8>,
    pub(crate) decision: i64,
    pub(crate) active: bool,
}

/// What the terminal keeps of its requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct TerminalBooks {
    pub(crate) outbox: Vec<Kept>,
}

/// One request in the terminal's outbox.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) request: Uuid,
    pub(crate) sha256: Vec<u8>,
    /// SHA-256 of the bytes themselves; `None` when they are erased.
    pub(crate) bytes_sha256: Option<Vec<u8>>,
    pub(crate) decided: Option<Decided>,
}

/// The decision as the terminal keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    pub(crate) code: String,
    pub(crate) number: Option<String>,
    pub(crate) answer: Option<Vec<u8>>,
}

impl HostBooks {
    /// Reads the books of a host, which may be running.
    pub(crate) fn read(database: &Path) -> Self {
        let books = open(database);
        Self {
            decisions: rows(
                &books,
                "SELECT id, request_id, request_sha256, code, answer FROM decision",
                |row| {
                    Ok(Decision {
                        id: row.get(0)?,
                        request: Uuid::from_slice(&row.get::<_, Vec<u8>>(1)?).expect("16 bytes"),
                        sha256: row.get(2)?,
                        code: row.get(3)?,
                        answer: row.get(4)?,
                    })
                },
            ),
            registrations: rows(
                &books,
                "SELECT acceptance_number, holder_hash, decision_id, cancelled_ms IS NULL FROM registration",
                |row| {
                    Ok(Registration {
                        number: row.get(0)?,
                        holder: row.get(1)?,
                        decision: row.get(2)?,
                        active: row.get(3)?,
                    })
                },
            ),
            evidence: rows(&books, "SELECT decision_id FROM evidence", |row| row.get(0)),
        }
    }

    /// The decisions about `request`: one, where all is well.
    pub(crate) fn about(&self, request: Uuid) -> Vec<&Decision> {
        self.decisions.iter().filter(|decision| decision.request == request).collect()
    }

    /// The acceptance number that a decision gave.
    pub(crate) fn number_of(&self, decision: &Decision) -> Option<&str> {
        let given = self.registrations.iter().find(|registration| registration.decision == decision.id);
        given.map(|registration| registration.number.as_str())
    }
}

impl TerminalBooks {
    /// Reads the books of a terminal.
    pub(crate) fn read(journal: &Path) -> Self {
        let kept = |row: &Row<'_>| {
            let code: Option<String> = row.get(3)?;
            let (number, answer) = (row.get(4)?, row.get(5)?);
            Ok(Kept {
                request: row.get::<_, String>(0)?.parse().expect("a request's id"),
                sha256: row.get(1)?,
                bytes_sha256: row.get::<_, Option<Vec<u8>>>(2)?.map(|bytes| Sha256::digest(bytes).to_vec()),
                decided: code.map(|code| Decided { code, number, answer }),
            })
        };
        let sql = "SELECT request_id, sha256, cms, code, acceptance_number, answer FROM outbox";
        Self { outbox: rows(&open(journal), sql, kept) }
    }

    /// Reads the books that a killed terminal left, from a copy: opening the original would change what the next start
    /// finds. Without a journal they are empty.
    pub(crate) fn read_left_behind(journal: &Path) -> Self {
        if !journal.exists() {
            return Self::default();
        }
        let folder = tempfile::tempdir().expect("a folder");
        let copy = folder.path().join("journal.db");
        copy_database(journal, &copy);
        Self::read(&copy)
    }

    /// What is kept of `request`.
    pub(crate) fn about(&self, request: Uuid) -> Option<&Kept> {
        self.outbox.iter().find(|kept| kept.request == request)
    }
}

/// Copies a database that nobody is writing, with its write-ahead log.
pub(crate) fn copy_database(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let beside = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            std::path::PathBuf::from(name)
        };
        if beside(from).exists() {
            std::fs::copy(beside(from), beside(to)).expect("a copy");
        }
    }
}

fn open(database: &Path) -> Connection {
    let books = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .unwrap_or_else(|error| panic!("{}: {error}", database.display()));
    books.busy_timeout(std::time::Duration::from_secs(5)).expect("a limit");
    books
}

fn rows<T>(books: &Connection, sql: &str, read: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let mut select = books.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let rows = select.query_map([], |row| read(row)).unwrap_or_else(|error| panic!("{sql}: {error}"));
    rows.collect::<rusqlite::Result<_>>().unwrap_or_else(|error| panic!("{sql}: {error}"))
}
