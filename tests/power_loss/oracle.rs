//! What the real journal makes of an image, and which answers are right.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use journal::{
    Batch, CheckpointKeys, Journal, LogEntry, Mark, OpenOptions, Opened, TerminalId, VisitRecord, verify_log,
    word,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::medium::Files;

const TABLES: [&str; 6] =
    ["device_log", "device_log_checkpoint", "outbox", "visit_record", "open_visit", "tally"];

/// Everything in a journal: every value of every row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// How many rows each table has.
    pub rows: [usize; 6],
    undecided: usize,
    /// Over all values in their order.
    all: u64,
}

/// What a start made of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Contents(Contents),
    /// Set aside, or not opened at all: why.
    Corrupt(String),
}

/// A place for images.
pub struct Desk {
    folder: tempfile::TempDir,
    options: OpenOptions,
    /// Answers by image: the same bytes are opened once.
    seen: HashMap<u64, Found>,
    pub opened: u64,
}

impl Desk {
    pub fn new(options: OpenOptions) -> Self {
        // In memory where that is possible: the syncs of thousands of starts need no real disk.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { folder, options, seen: HashMap::new(), opened: 0 }
    }

    pub fn keys(&self) -> &CheckpointKeys {
        &self.options.keys
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    fn lay(&self, files: &Files) {
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        for (name, content) in files {
            std::fs::write(self.folder.path().join(name), content).unwrap();
        }
    }

    /// Starts with the image, reads all of it, and works on: a further commit, then the whole chain.
    pub fn start(&mut self, files: &Files) -> Found {
        let mut hasher = DefaultHasher::new();
        files.hash(&mut hasher);
        let image = hasher.finish();
        if let Some(found) = self.seen.get(&image) {
            return found.clone();
        }
        self.lay(files);
        self.opened += 1;
        let found = self.open();
        self.seen.insert(image, found.clone());
        found
    }

    fn open(&self) -> Found {
        let path = self.path();
        let (mut journal, open_visits) = match Journal::open(&path, &self.options) {
            Ok(Opened::Fresh(journal) | Opened::Clean(journal)) => (journal, 0),
            Ok(Opened::Interrupted(journal, open)) => (journal, open.len()),
            Ok(Opened::Replaced(_, reason)) => return Found::Corrupt(reason.to_string()),
            Ok(Opened::Corrupt(report)) => {
                return Found::Corrupt(format!("{}: {}", report.reason, report.detail));
            }
            Err(error) => return Found::Corrupt(error.to_string()),
        };
        let contents = match contents(&path) {
            Ok(contents) => contents,
            Err(error) => return Found::Corrupt(format!("opened, and then: {error}")),
        };
        // What recovery is told is what lies there.
        let undecided = journal.outbox_pending().unwrap();
        assert_eq!((open_visits, undecided.len()), (contents.rows[4], contents.undecided));
        let last = journal.last_sequence().unwrap_or(0);
        assert_eq!(last, u64::try_from(contents.rows[0]).unwrap());
        if let Err(error) = journal.commit(&one_more()) {
            return Found::Corrupt(format!("no further commit: {error}"));
        }
        assert_eq!(journal.outbox_pending().unwrap(), undecided);
        drop(journal);
        match verify_log(&path, self.keys(), None) {
            Ok(report) if report.last_sequence == last + 1 => Found::Contents(contents),
            other => Found::Corrupt(format!("after a further commit: {other:?}")),
        }
    }
}

fn one_more() -> Batch {
    let visit = uuid::Uuid::from_u128(u128::MAX);
    let record = VisitRecord {
        visit,
        at: Timestamp::UNIX_EPOCH,
        kind: word!("visit-opened"),
        body: serde_json::json!({}),
        mark: Mark::Opens,
    };
    let terminal = TerminalId::parse("T0001").unwrap();
    let entry = LogEntry::new(Timestamp::UNIX_EPOCH, 1, terminal, word!("started"));
    Batch { records: vec![record], outbox: Vec::new(), log: vec![entry] }
}

/// Reads every row of every table.
pub fn contents(path: &Path) -> rusqlite::Result<Contents> {
    let sql = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut hasher = DefaultHasher::new();
    let mut counts = [0; 6];
    for (table, count) in TABLES.iter().zip(&mut counts) {
        let mut select = sql.prepare(&format!("SELECT * FROM {table} ORDER BY 1"))?;
        let columns = select.column_count();
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            *count += 1;
            for column in 0..columns {
                match row.get_ref(column)? {
                    ValueRef::Null => 0_u8.hash(&mut hasher),
                    ValueRef::Integer(number) => number.hash(&mut hasher),
                    ValueRef::Real(number) => number.to_bits().hash(&mut hasher),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.hash(&mut hasher),
                }
            }
        }
    }
    let undecided = "SELECT count(*) FROM outbox NOT INDEXED WHERE decided_ms IS NULL";
    let undecided: u32 = sql.query_row(undecided, [], |row| row.get(0))?;
    let undecided = usize::try_from(undecided).unwrap();
    Ok(Contents { rows: counts, undecided, all: hasher.finish() })
}
