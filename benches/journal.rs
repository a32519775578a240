//! Recovery: opening a journal with 1,000,000 entries, from its last checkpoint; beside it, on the same file, reading it
//! all (`cat`) and SQLite's own check of all pages (`sqlite3`), which is what a start would take if it checked everything.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use journal::{
    AcceptanceNumber, Batch, CheckpointKeys, Decided, FileSigner, Journal, LogEntry, Mark, OpenOptions,
    Opened, OutboxChange, TerminalId, VisitRecord, check_whole, word,
};
use myna_benches::{Stopwatch, head, median, row};
use p256::SecretKey;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use uuid::Uuid;

const ENTRIES: u64 = 1_000_000;
const VISITS: u64 = 60_000;
const VISITS_A_DAY: u64 = 100;
const EVIDENCE_KEEP_DAYS: i64 = 90;
const OPENS: usize = 9;

fn main() {
    let folder = tempfile::Builder::new().prefix("myna-bench-journal-").tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let built = Stopwatch::start();
    build(&path);
    let built = built.elapsed().as_secs_f64();
    let mib = fs::metadata(&path).unwrap().len() / (1 << 20);

    read(&path);
    let warm = median(&mut (0..OPENS).map(|_| open_ms(&path)).collect::<Vec<_>>());
    let cat = read(&path);
    let quick = quick_check(&path);
    let cold = median(&mut (0..OPENS).map(|_| forgotten(&path, open_ms)).collect::<Vec<_>>());
    let cat_cold = forgotten(&path, read);
    let (crashed, wal_kib) = after_a_crash(&path);
    let watch = Stopwatch::start();
    let report = check_whole(&path, &keys()).unwrap();
    let whole = watch.elapsed().as_secs_f64();
    assert!(report.log().entries >= ENTRIES && report.undecided() == 1);

    head();
    let what = format!("start with a journal of {ENTRIES} entries and {VISITS} visits ({mib} MiB)");
    row(
        &format!("{what}, median of {OPENS}"),
        &format!("{warm:.1} ms"),
        &format!("`cat FILE`: {cat:.0} ms; `sqlite3 FILE \"PRAGMA quick_check\"`: {quick:.0} ms"),
    );
    row(
        "the same, nothing of the file in memory",
        &format!("{cold:.1} ms"),
        &format!("`cat FILE`: {cat_cold:.0} ms"),
    );
    row(
        &format!("the same after a crash that left a write-ahead log of {wal_kib} KiB"),
        &format!("{crashed:.1} ms"),
        "",
    );
    let parts = format!(
        "{} entries, {} checkpoints, {} requests",
        report.log().entries,
        report.log().checkpoints,
        report.requests()
    );
    row("the full check of it, in the background and in `doctor`", &format!("{whole:.1} s"), &parts);
    row("(making that journal)", &format!("{built:.0} s"), "");
}

fn secret() -> SecretKey {
    SecretKey::from_slice(&[7; 32]).unwrap()
}

fn keys() -> CheckpointKeys {
    let pem = secret().public_key().to_public_key_pem(LineEnding::LF).unwrap();
    CheckpointKeys::from_pem(&pem).unwrap()
}

fn signer() -> FileSigner {
    FileSigner::from_pem(&secret().to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap()
}

fn open(path: &Path) -> Journal {
    match Journal::open(path, &OpenOptions::new(keys(), Timestamp::UNIX_EPOCH)).unwrap() {
        Opened::Fresh(journal) | Opened::Clean(journal) | Opened::Interrupted(journal, _) => journal,
        Opened::Replaced(_, reason) => panic!("{reason}"),
        Opened::Corrupt(report) => panic!("{report:?}"),
    }
}

/// Visits as a terminal writes them, one after the other; evidence goes after ninety days, a day at a time. In memory where
/// that is possible, then copied: a real disk would take a quarter of an hour for the syncs.
fn build(path: &Path) {
    let memory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let making = memory.path().join("journal.db");
    let mut journal = open(&making);
    let signer = signer();
    let began: Timestamp = "2026-11-21T00:00:00Z".parse().unwrap();
    let mut entries = 0;
    for n in 0..VISITS {
        let at = began + SignedDuration::from_secs((n * 86_400 / VISITS_A_DAY).cast_signed());
        let until = (n + 1) * ENTRIES / VISITS;
        journal.commit(&visit(n, at, until - entries)).unwrap();
        entries = until;
        journal.checkpoint(&signer, at).unwrap();
        if n % VISITS_A_DAY == 0 {
            journal.erase_evidence(at - SignedDuration::from_hours(24 * EVIDENCE_KEEP_DAYS), at).unwrap();
        }
    }
    // What recovery acts on: a visit in the middle of its work.
    let mut last = visit(VISITS, began, 12);
    last.outbox.pop();
    last.records.pop();
    journal.commit(&last).unwrap();
    drop(journal);
    fs::copy(&making, path).unwrap();
    fs::File::open(path).unwrap().sync_all().unwrap();
}

fn visit(n: u64, at: Timestamp, entries: u64) -> Batch {
    let id = Uuid::from_u128(0x0193_4d2a_7c11_7f00_8000_0000_0000_0000 + u128::from(n));
    let terminal = TerminalId::parse("T0001").unwrap();
    let entry = |n| LogEntry {
        visit: Some(id),
        step: Some(word!("reading")),
        object: Some(word!("cardReader.media")),
        value: Some(word!("present")),
        duration_ms: Some(12),
        ..LogEntry::new(at, 1_000 + n, terminal.clone(), word!("card-inserted"))
    };
    let record = |mark| VisitRecord {
        visit: id,
        at,
        kind: word!("request-signed"),
        body: serde_json::json!({ "request": id.to_string(), "outcome": null }),
        mark,
    };
    // As large as a request with a 2048-bit card key and its answer (tests/vectors/request).
    let bytes = |length: usize| id.as_bytes().iter().copied().cycle().take(length).collect::<Vec<_>>();
    let put = OutboxChange::Put { request_id: id, visit: id, cms: bytes(2_897), accept_until: at };
    let decision = Decided {
        outcome: word!("registered"),
        code: word!("registered"),
        acceptance_number: Some(AcceptanceNumber::parse("4821-0937-5566").unwrap()),
        answer: Some(bytes(1_194)),
        at,
    };
    Batch {
        records: [Mark::Opens, Mark::Continues, Mark::Continues, Mark::Closes].map(record).to_vec(),
        outbox: vec![put, OutboxChange::Decided { request_id: id, decision }],
        log: (0..entries).map(entry).collect(),
    }
}

fn open_ms(path: &Path) -> f64 {
    let watch = Stopwatch::start();
    let journal = open(path);
    let elapsed = watch.elapsed().as_secs_f64() * 1000.0;
    assert!(journal.last_sequence().is_some_and(|last| last > ENTRIES));
    assert_eq!(journal.outbox_pending().unwrap().len(), 1);
    elapsed
}

/// Milliseconds that another program takes.
fn timed(mut command: Command) -> f64 {
    let watch = Stopwatch::start();
    let status = command.stdout(Stdio::null()).status().expect("installed (scripts/bench does that)");
    assert!(status.success(), "{command:?}");
    watch.elapsed().as_secs_f64() * 1000.0
}

fn read(path: &Path) -> f64 {
    let mut cat = Command::new("cat");
    cat.arg(path);
    timed(cat)
}

fn quick_check(path: &Path) -> f64 {
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg("-readonly").arg(path).arg("PRAGMA quick_check");
    timed(sqlite)
}

/// `measure` with nothing of the file in the system's memory: `dd` asks for that, of this file alone.
fn forgotten(path: &Path, measure: fn(&Path) -> f64) -> f64 {
    let mut dd = Command::new("dd");
    dd.arg(format!("of={}", path.display())).args([
        "oflag=nocache",
        "conv=notrunc,fdatasync",
        "count=0",
        "status=none",
    ]);
    timed(dd);
    measure(path)
}

/// A start with what a process left that was killed in the middle of its work.
fn after_a_crash(path: &Path) -> (f64, u64) {
    let wal = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    let left = path.with_file_name("left-wal");
    let mut journal = open(path);
    let before = fs::read(path).unwrap();
    let at = Timestamp::UNIX_EPOCH;
    let mut n = VISITS + 1;
    while fs::metadata(wal(path)).map_or(0, |wal| wal.len()) < 3 << 20 {
        journal.commit(&visit(n, at, 16)).unwrap();
        journal.checkpoint(&signer(), at).unwrap();
        n += 1;
    }
    fs::copy(wal(path), &left).unwrap();
    drop(journal);
    fs::write(path, before).unwrap();
    fs::rename(&left, wal(path)).unwrap();
    let kib = fs::metadata(wal(path)).unwrap().len() / 1024;
    (open_ms(path), kib)
}
