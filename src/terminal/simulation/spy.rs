//! What is durable: the journal's tables, read over a connection of the simulation's own.
//!
//! Invariant: it reads, and what it reads was committed. Only [`Spy::damage`] writes, between two processes.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use transaction::{RequestId, VisitId};
use uuid::Uuid;

/// A row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) visit: VisitId,
    pub(super) cms: Option<Vec<u8>>,
    /// Code, acceptance number and file of the decision.
    pub(super) decided: Option<(String, Option<String>, Option<Vec<u8>>)>,
}

/// An entry of the device log, as far as the simulation looks into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) code: String,
    pub(super) step: Option<String>,
    pub(super) visit: Option<Uuid>,
    pub(super) mode: Option<String>,
}

/// The reader.
pub(super) struct Spy {
    connection: Connection,
}

const COLUMNS: &str = "request_id, visit, cms, code, acceptance_number, answer";

impl Spy {
    pub(super) fn open(journal: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // Around `disk.rs`: what fails there fails for the program.
        let connection = Connection::open_with_flags_and_vfs(journal, flags, c"unix").unwrap();
        // The journal is to be found as its process left it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
        Self { connection }
    }

    fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<([u8; 16], Row)> {
        let code: Option<String> = row.get(3)?;
        let answer: Option<Vec<u8>> = row.get(5)?;
        let number: Option<String> = row.get(4)?;
        let id = |text: String| Uuid::parse_str(&text).unwrap().into_bytes();
        let decided = code.map(|code| (code, number, answer));
        Ok((id(row.get(0)?), Row { visit: VisitId(id(row.get(1)?)), cms: row.get(2)?, decided }))
    }

    /// A request in the outbox.
    pub(super) fn request(&self, request: RequestId) -> Option<Row> {
        let id = Uuid::from_bytes(request.0).to_string();
        self.connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE request_id = ?1"))
            .and_then(|mut select| select.query_row([id], Self::row).optional())
            .unwrap()
            .map(|(_, row)| row)
    }

    /// All requests, by their ids.
    pub(super) fn requests(&self) -> Vec<(RequestId, Row)> {
        let all = format!("SELECT {COLUMNS} FROM outbox ORDER BY request_id");
        let mut select = self.connection.prepare(&all).unwrap();
        let rows = select.query_map([], Self::row).unwrap();
        rows.map(|row| row.map(|(id, row)| (RequestId(id), row)).unwrap()).collect()
    }

    /// How many requests have no decision.
    pub(super) fn undecided(&self) -> u32 {
        let count = "SELECT count(*) FROM outbox WHERE decided_ms IS NULL";
        self.connection.prepare_cached(count).unwrap().query_row([], |row| row.get(0)).unwrap()
    }

    /// How many records of this kind the visit has among the newest ones of the journal.
    pub(super) fn records(&self, visit: VisitId, kind: &str) -> u32 {
        let count = "SELECT count(*) FROM (SELECT visit, kind FROM visit_record ORDER BY id DESC LIMIT 40) \
                     WHERE visit = ?1 AND kind = ?2";
        let visit = Uuid::from_bytes(visit.0).to_string();
        let mut select = self.connection.prepare_cached(count).unwrap();
        select.query_row((visit, kind), |row| row.get(0)).unwrap()
    }

    /// Whether the visit was opened and not closed.
    pub(super) fn is_open(&self, visit: VisitId) -> bool {
        let exists = "SELECT EXISTS (SELECT 1 FROM open_visit WHERE visit = ?1)";
        let mut select = self.connection.prepare_cached(exists).unwrap();
        select.query_row([Uuid::from_bytes(visit.0).to_string()], |row| row.get(0)).unwrap()
    }

    /// How many visits are open.
    pub(super) fn open_visits(&self) -> u32 {
        self.connection.query_row("SELECT count(*) FROM open_visit", [], |row| row.get(0)).unwrap()
    }

    /// The code of the newest entry of the device log.
    pub(super) fn last_code(&self) -> Option<String> {
        let newest = "SELECT entry FROM device_log ORDER BY seq DESC LIMIT 1";
        let mut select = self.connection.prepare_cached(newest).unwrap();
        let entry: Option<String> = select.query_row([], |row| row.get(0)).optional().unwrap();
        entry.as_deref().and_then(|entry| text(entry, "code")).map(ToOwned::to_owned)
    }

    /// The code of the oldest entry of the device log.
    pub(super) fn first_code(&self) -> Option<String> {
        let oldest = "SELECT entry FROM device_log ORDER BY seq LIMIT 1";
        let mut select = self.connection.prepare_cached(oldest).unwrap();
        let entry: Option<String> = select.query_row([], |row| row.get(0)).optional().unwrap();
        entry.as_deref().and_then(|entry| text(entry, "code")).map(ToOwned::to_owned)
    }

    /// The whole device log, looked into without parsing: `verify_log` has read every byte of it.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut select = self.connection.prepare("SELECT seq, entry FROM device_log ORDER BY seq").unwrap();
        let mut rows = select.query([]).unwrap();
        let mut entries = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let entry = row.get_ref(1).unwrap().as_str().unwrap();
            let owned = |key| text(entry, key).map(ToOwned::to_owned);
            entries.push(Entry {
                seq: u64::try_from(row.get::<_, i64>(0).unwrap()).unwrap(),
                code: owned("code").unwrap(),
                step: owned("step"),
                visit: text(entry, "visit").map(|visit| Uuid::parse_str(visit).unwrap()),
                mode: owned("mode"),
            });
        }
        entries
    }

    /// Changes one letter in the newest entry of the device log, or in an old one. False: there is no such entry.
    pub(super) fn damage(&self, old: bool) -> bool {
        let back = if old { 100 } else { 0 };
        let edit = "UPDATE device_log SET entry = replace(entry, '\"code\"', '\"kode\"') \
                    WHERE seq = (SELECT max(seq) - ?1 FROM device_log)";
        self.connection.execute(edit, [back]).unwrap() == 1
    }
}

/// The value of a key in a canonical entry, which has neither spaces nor escapes.
fn text<'a>(entry: &'a str, key: &str) -> Option<&'a str> {
    let from = entry.split_once(&format!("\"{key}\":\""))?.1;
    from.split('"').next()
}
