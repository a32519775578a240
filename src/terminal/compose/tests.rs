//! A start over a damaged journal: each kind of damage has its code, in the log, in the name of the file that is set aside
//! and as the reason why nobody is served; and what else keeps a terminal from being put together.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use journal::{Batch, FileSigner, Mark, VisitRecord, word};
use rusqlite::Connection;

use super::*;
use crate::config::Printer as PrinterKind;
use crate::runtime::{Ended, Goal, Runtime};
use crate::test_support::people::undecided;
use crate::test_support::unit::FakeUnit;
use crate::test_support::{codes, configuration};

fn start(config: &Config) -> Result<(Parts, Recovery), ComposeError> {
    compose(config.clone(), ScreenKind::None, Box::new(|_| Arc::new(FakeUnit::default())))
}

fn entry(config: &Config, code: Word) -> LogEntry {
    LogEntry::new(clock::now(), clock::boot_ms(), TerminalId::parse(&config.terminal_id).unwrap(), code)
}

/// Work before and after a checkpoint, with an open visit and a request without a decision.
fn work(config: &Config, journal: &mut Journal) {
    let entries = |codes: &[&'static str]| -> Vec<LogEntry> {
        codes.iter().map(|code| entry(config, Word::or_unknown(code))).collect()
    };
    let signer = FileSigner::from_pem(&fs::read_to_string(&config.keys.log.key).unwrap()).unwrap();
    let opening = VisitRecord {
        visit: Uuid::from_bytes([1; 16]),
        at: clock::now(),
        kind: word!("visit-opened"),
        body: serde_json::json!({}),
        mark: Mark::Opens,
    };
    let log = entries(&["started", "visit-opened"]);
    journal.commit(&Batch { records: vec![opening], outbox: vec![undecided(1)], log }).unwrap();
    journal.checkpoint(&signer, clock::now()).unwrap().unwrap();
    for code in ["card-inserted", "card-read", "tries-shown"] {
        journal.commit(&Batch { log: entries(&[code]), ..Batch::default() }).unwrap();
    }
}

/// The journal of a terminal whose process ended in order, in one file.
fn settled(config: &Config) -> PathBuf {
    let (mut parts, _) = start(config).unwrap();
    work(config, &mut parts.journal);
    config.journal_path()
}

fn sql(journal: &Path, text: &str) {
    let connection = Connection::open(journal).unwrap();
    connection.execute_batch(text).unwrap();
    connection.close().unwrap();
}

/// Turns one bit of a file.
fn flip(path: &Path, at: u64) {
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte[0] ^ 1]).unwrap();
}

/// Starts over what lies there now, and over the new journal after that.
fn assert_set_aside(config: &Config, code: &'static str) {
    let fault = Fault { device: Device::Terminal, kind: FaultKind::NeedsOperator, code };
    // A start that fails before the machine is closed, and one that is killed before that: the next one is told the same.
    let mut without_a_printer = config.clone();
    let dir = PathBuf::from("/proc/no-receipts");
    without_a_printer.printer = PrinterKind::File { dir, paper_mm: 80, receipts_max: 1 };
    assert!(start(&without_a_printer).is_err(), "{code}");
    let (killed, recovery) = start(config).unwrap();
    assert_eq!(recovery, Recovery::Corrupt(fault));
    drop(killed);
    let (parts, recovery) = start(config).unwrap();
    assert_eq!(recovery, Recovery::Corrupt(fault));
    let ended = Runtime::new(parts, Goal::Register).run(recovery);
    assert!(matches!(ended, Ended::NoVisit { code: told } if told == code), "{code}: nobody is served");
    let codes = codes(config);
    assert_eq!(codes.first().map(String::as_str), Some(code), "{codes:?}");
    assert!(codes.contains(&"out-of-service".to_owned()), "{codes:?}");
    let names: Vec<_> =
        fs::read_dir(&config.state_dir).unwrap().map(|file| file.unwrap().file_name()).collect();
    let aside = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy();
        name.contains(".aside-") && name.contains(code)
    };
    assert!(names.iter().any(aside), "{code}: {names:?}");
    // Somebody has looked, and starts the service again.
    let (_, again) = start(config).unwrap();
    assert!(!matches!(again, Recovery::Corrupt(_)), "{code}: {again:?}");
}

/// `spoil` is done to the journal of a terminal that had work.
fn damaged(code: &'static str, spoil: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let journal = settled(&config);
    spoil(&journal);
    assert_set_aside(&config, code);
}

#[test]
fn an_empty_file_is_a_damaged_journal() {
    damaged("journal-empty", |journal| fs::write(journal, "").unwrap());
}

#[test]
fn a_file_of_other_bytes_is_a_damaged_journal() {
    damaged("journal-not-a-database", |journal| fs::write(journal, "something else").unwrap());
}

#[test]
fn a_header_that_knows_no_write_ahead_log_is_damage() {
    // File format write version (SQLite file format, 1.3).
    damaged("journal-not-wal", |journal| flip(journal, 18));
}

#[test]
fn a_rollback_journal_beside_it_is_damage() {
    damaged("journal-rollback-journal", |journal| {
        fs::write(journal.with_file_name("journal.db-journal"), "pages").unwrap();
    });
}

#[test]
fn a_write_ahead_log_without_its_database_is_damage() {
    damaged("journal-wal-without-database", |journal| {
        fs::rename(journal, journal.with_file_name("journal.db-wal")).unwrap();
    });
}

#[test]
fn a_broken_write_ahead_log_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let (mut parts, _) = start(&config).unwrap();
    work(&config, &mut parts.journal);
    // As a power cut would leave it: nothing was closed.
    let journal = config.journal_path();
    let wal = journal.with_file_name("journal.db-wal");
    let (database, mut frames) = (fs::read(&journal).unwrap(), fs::read(&wal).unwrap());
    drop(parts);
    // In the first page of the first transaction, behind the log's header and the frame's.
    frames[32 + 24 + 200] ^= 1;
    fs::write(&journal, database).unwrap();
    fs::write(&wal, frames).unwrap();
    assert_set_aside(&config, "journal-wal-broken");
}

#[test]
fn a_half_written_page_is_damage() {
    damaged("journal-pages-damaged", |journal| {
        let length = fs::metadata(journal).unwrap().len();
        File::options().write(true).open(journal).unwrap().set_len(length - 100).unwrap();
    });
}

#[test]
fn other_tables_are_damage() {
    damaged("journal-schema-differs", |journal| sql(journal, "CREATE TABLE theirs(x)"));
}

#[test]
fn an_edited_entry_breaks_the_chain() {
    damaged("journal-chain-broken", |journal| {
        let newest = "(SELECT max(seq) FROM device_log)";
        let edit = "UPDATE device_log SET entry = replace(entry, 'T0001', 'T0002')";
        sql(journal, &format!("{edit} WHERE seq = {newest}"));
    });
}

#[test]
fn an_edited_entry_under_the_checkpoint_differs_from_it() {
    damaged("journal-checkpoint-differs", |journal| {
        let signed = "(SELECT max(seq) FROM device_log_checkpoint)";
        let edit = "UPDATE device_log SET entry = replace(entry, 'visit-opened', 'visit-closed')";
        sql(journal, &format!("{edit} WHERE seq = {signed}"));
    });
}

#[test]
fn a_changed_request_without_a_decision_is_damage() {
    damaged("journal-outbox-damaged", |journal| sql(journal, "UPDATE outbox SET cms = zeroblob(64)"));
}

#[test]
fn a_changed_record_of_an_open_visit_is_damage() {
    damaged("journal-record-damaged", |journal| sql(journal, "UPDATE visit_record SET body = '{\"a\":1}'"));
}

/// What was undecided in a journal that can still be read is in the new one.
#[test]
fn an_undecided_request_survives_the_damage_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let journal = settled(&config);
    sql(&journal, "UPDATE device_log SET hash = zeroblob(32) WHERE seq = (SELECT max(seq) FROM device_log)");
    let (parts, recovery) = start(&config).unwrap();
    assert!(matches!(recovery, Recovery::Corrupt(fault) if fault.code == "journal-chain-broken"));
    assert_eq!(parts.journal.outbox_pending().unwrap().len(), 1);
}

#[test]
fn what_keeps_a_terminal_from_starting_has_the_code_of_its_device() {
    let folder = tempfile::tempdir().unwrap();
    let good = configuration(folder.path());
    let code = |change: &dyn Fn(&mut Config)| {
        let mut config = good.clone();
        change(&mut config);
        start(&config).err().map(|error| error.code())
    };
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    assert_eq!(code(&|_| ()), None);
    let receipts = |config: &mut Config| {
        let config::Printer::File { dir, .. } = &mut config.printer else {
            panic!("receipts are files here")
        };
        *dir = in_the_way.join("receipts");
    };
    assert_eq!(code(&receipts), Some("printer-folder"));
    let pad = |config: &mut Config| config.pin_pad = config::PinPad::Socket { path: in_the_way.join("pad") };
    assert_eq!(code(&pad), Some("pad-not-found"));
    let keys = |config: &mut Config| config.keys.evidence.key = config.keys.log.key.clone();
    assert_eq!(code(&keys), Some("cannot-start"));
    let state = |config: &mut Config| config.state_dir = in_the_way.join("state");
    assert_eq!(code(&state), Some("cannot-start"));
}

#[test]
fn where_the_reader_takes_pins_no_other_pad_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = configuration(folder.path());
    let config::PinPad::Socket { path } = &config.pin_pad else { panic!("{:?}", config.pin_pad) };
    let socket = path.clone();
    assert_eq!(pin_at(&config), PinAt::Slot);
    config.pin_pad = config::PinPad::Reader {};
    assert_eq!(pin_at(&config), PinAt::Reader);
    let (parts, _) = start(&config).unwrap();
    assert!(!socket.exists());
    drop(parts);
}
