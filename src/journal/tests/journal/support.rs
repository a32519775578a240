//! What the tests share: a folder, a key that is made on the spot, and batches with a little of everything.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use journal::{
    Batch, CheckpointKeys, Decided, FileSigner, Journal, JournalError, LogEntry, Mark, OpenOptions, Opened,
    OutboxChange, TerminalId, VisitRecord, Word, word,
};
use p256::SecretKey;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

pub(crate) fn now() -> Timestamp {
    "2026-11-21T01:02:03.456Z".parse().unwrap()
}

pub(crate) fn later(seconds: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_secs(seconds)
}

pub(crate) fn secret_pem(seed: u8) -> String {
    SecretKey::from_slice(&[seed; 32]).unwrap().to_pkcs8_pem(LineEnding::LF).unwrap().to_string()
}

pub(crate) fn public_pem(seed: u8) -> String {
    SecretKey::from_slice(&[seed; 32]).unwrap().public_key().to_public_key_pem(LineEnding::LF).unwrap()
}

pub(crate) fn signer() -> FileSigner {
    FileSigner::from_pem(&secret_pem(7)).unwrap()
}

pub(crate) fn keys() -> CheckpointKeys {
    CheckpointKeys::from_pem(&public_pem(7)).unwrap()
}

pub(crate) fn options() -> OpenOptions {
    OpenOptions::new(keys(), now())
}

pub(crate) fn open(path: &Path) -> Result<Opened, JournalError> {
    Journal::open(path, &options())
}

/// The journal, whatever was found but damage.
pub(crate) fn opened(path: &Path) -> Journal {
    match open(path).unwrap() {
        Opened::Fresh(journal)
        | Opened::Replaced(journal, _)
        | Opened::Clean(journal)
        | Opened::Interrupted(journal, _) => journal,
        Opened::Corrupt(report) => panic!("{report:?}"),
    }
}

pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        // In memory where that is possible: thousands of starts need no real disk.
        Self { folder: tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Names in the folder, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        names(self.folder.path())
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn terminal() -> TerminalId {
    TerminalId::parse("T0001").unwrap()
}

pub(crate) fn entry(n: u64, code: Word) -> LogEntry {
    let at = later(i64::try_from(n).unwrap());
    LogEntry { visit: Some(visit(n / 10)), ..LogEntry::new(at, 1_000 + n, terminal(), code) }
}

pub(crate) fn visit(n: u64) -> Uuid {
    Uuid::from_u128(0x0193_4d2a_7c11_7f00_8000_0000_0000_0000 + u128::from(n))
}

pub(crate) fn log(entries: impl IntoIterator<Item = LogEntry>) -> Batch {
    Batch { log: entries.into_iter().collect(), ..Batch::default() }
}

pub(crate) fn record(n: u64, mark: Mark) -> VisitRecord {
    VisitRecord {
        visit: visit(n),
        at: now(),
        kind: word!("visit-opened"),
        body: serde_json::json!({ "language": "ja" }),
        mark,
    }
}

/// Bytes that are easy to find again in a file.
pub(crate) fn cms(n: u8) -> Vec<u8> {
    format!("signed request number {n:03} ").repeat(120).into_bytes()
}

pub(crate) fn put(n: u64, cms: Vec<u8>) -> OutboxChange {
    OutboxChange::Put { request_id: visit(n), visit: visit(n), cms, accept_until: later(86_400) }
}

pub(crate) fn decision(answer: &[u8]) -> Decided {
    Decided {
        outcome: word!("registered"),
        code: word!("registered"),
        acceptance_number: Some(journal::AcceptanceNumber::parse("4821-0937-5566").unwrap()),
        answer: Some(answer.to_vec()),
        at: now(),
    }
}

pub(crate) fn decided(n: u64, decision: Decided) -> OutboxChange {
    OutboxChange::Decided { request_id: visit(n), decision }
}

/// A journal of `visits` visits of ten entries, each with a checkpoint at its end, all over.
pub(crate) fn grow(journal: &mut Journal, from: u64, visits: u64) {
    for n in from..from + visits {
        let mut opening = log((0..5).map(|i| entry(n * 10 + i, word!("card-inserted"))));
        opening.records.push(record(n, Mark::Opens));
        opening.outbox.push(put(n, cms(u8::try_from(n).unwrap())));
        journal.commit(&opening).unwrap();
        let mut closing = log((5..10).map(|i| entry(n * 10 + i, word!("card-taken"))));
        closing.outbox.push(decided(n, decision(b"signed answer")));
        closing.records.push(record(n, Mark::Closes));
        journal.commit(&closing).unwrap();
        journal.checkpoint(&signer(), later(i64::try_from(n * 10 + 10).unwrap())).unwrap().unwrap();
    }
}

/// Copies the journal as it lies on the disk now: what a power cut would leave.
pub(crate) fn freeze(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let source = format!("{}{suffix}", from.display());
        if Path::new(&source).exists() {
            fs::copy(source, format!("{}{suffix}", to.display())).unwrap();
        }
    }
}

/// Forgets what an attempt before left in a folder that is used many times.
pub(crate) fn sweep(folder: &Path) {
    for name in names(folder) {
        fs::remove_file(folder.join(name)).unwrap();
    }
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        other => format!("{other:?}"),
    }
}

/// The tables of a journal, and the column by which each is ordered.
pub(crate) const TABLES: [(&str, &str); 6] = [
    ("device_log", "seq"),
    ("device_log_checkpoint", "seq"),
    ("outbox", "request_id"),
    ("visit_record", "id"),
    ("open_visit", "visit"),
    ("tally", "id"),
];

/// Every row of a database without a write-ahead log that SQLite can still read, from both ends of each table: by its table
/// and key, as text.
pub(crate) fn rows(path: &Path) -> BTreeMap<(&'static str, String), String> {
    let mut found = BTreeMap::new();
    let uri = format!("file:{}?immutable=1", path.display());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let sql = Connection::open_with_flags(uri, flags).unwrap();
    for (table, key) in TABLES {
        for order in ["ASC", "DESC"] {
            let select = format!("SELECT * FROM {table} NOT INDEXED ORDER BY {key} {order}");
            let Ok(mut statement) = sql.prepare(&select) else { continue };
            let columns = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Ok(Some(row)) = rows.next() {
                let values: Option<Vec<String>> =
                    (0..columns).map(|column| row.get_ref(column).ok().map(shown)).collect();
                let Some(values) = values else { break };
                found.insert((table, values[0].clone()), values.join("|"));
            }
        }
    }
    found
}

/// Bytes that this thread has read from files so far, as the kernel counts them.
pub(crate) fn bytes_read() -> u64 {
    let counters = fs::read_to_string("/proc/thread-self/io").unwrap();
    let line = counters.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap();
    line.parse().unwrap()
}
