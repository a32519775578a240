//! What the runs have found below the runtime, each once more and by name. What they found in the runtime and in the core
//! stands with these (`runtime/tests.rs`, `src/transaction/tests`).

use jiff::Timestamp;
use journal::{
    Batch, CheckpointKeys, Journal, LogEntry, OpenOptions, Opened, OutboxChange, TerminalId, check_whole,
    word,
};

use super::disk::{self, Plan};
use super::fixture::{self, TERMINAL};

fn open(folder: &tempfile::TempDir) -> Result<Opened, journal::JournalError> {
    let fixture = fixture::get();
    let keys: CheckpointKeys = fixture.log_keys();
    let now: Timestamp = fixture.epoch;
    Journal::open(&folder.path().join("journal.db"), &OpenOptions::new(keys, now))
}

/// The tables of a new journal were in its write-ahead log only when that could not be moved, the database got its name
/// without the log, and the next start took it for a damaged one.
#[test]
fn a_full_disk_while_the_journal_is_made_leaves_no_damaged_one_behind() {
    let _held_for_all_journals = fixture::get();
    let mut failed = 0;
    for writes in 0..60 {
        let folder = fixture::folder();
        disk::plan(Plan::WriteFails(writes));
        let first = open(&folder);
        failed += u32::from(first.is_err());
        drop(first);
        disk::plan(Plan::Fine);
        match open(&folder).unwrap() {
            Opened::Fresh(_) | Opened::Clean(_) => {}
            other => panic!("write {writes}: {other:?}"),
        }
    }
    assert!(failed > 5, "the disk was full for {failed} of 60 journals only");
}

/// SQLite's check calls a page damaged that it could not read: one failed read put a whole journal aside, and the machine
/// out of service.
#[test]
fn one_read_that_fails_does_not_make_a_journal_a_damaged_one() {
    let folder = fixture::folder();
    let fixture = fixture::get();
    let (path, keys) = (folder.path().join("journal.db"), fixture.log_keys());
    let Opened::Fresh(mut journal) = open(&folder).unwrap() else { panic!("a new folder") };
    let entry = LogEntry::new(fixture.epoch, 0, TerminalId::parse(TERMINAL).unwrap(), word!("started"));
    for _ in 0..40 {
        journal.commit(&Batch { log: vec![entry.clone(); 20], ..Batch::default() }).unwrap();
    }
    drop(journal);
    let mut failed = 0;
    for reads in 0..200 {
        disk::plan(Plan::ReadFails(reads));
        let opened = open(&folder);
        if let Err(not_whole) = check_whole(&path, &keys) {
            assert!(not_whole.reason().is_none(), "read {reads}: {not_whole}");
        }
        failed += u32::from(disk::has_failed());
        disk::plan(Plan::Fine);
        assert!(matches!(opened, Ok(Opened::Clean(_)) | Err(_)), "read {reads}: {opened:?}");
    }
    assert!(failed > 20, "{failed} reads failed");
    assert!(matches!(open(&folder).unwrap(), Opened::Clean(_)));
}

/// A read that failed while a damaged journal was looked through cost the next one its place: the log began with entry 1
/// again, and the checkpoint that the host held accused it of a tail that was cut off.
#[test]
fn one_read_that_fails_costs_a_damaged_journal_neither_its_place_nor_a_request() {
    let fixture = fixture::get();
    let id = uuid::Uuid::from_u128(7);
    let (mut failed, mut corrupt) = (0, 0);
    for reads in 0..60 {
        let folder = fixture::folder();
        let Opened::Fresh(mut journal) = open(&folder).unwrap() else { panic!("a new folder") };
        let entry = LogEntry::new(fixture.epoch, 0, TerminalId::parse(TERMINAL).unwrap(), word!("started"));
        let accept_until = fixture.epoch;
        let put = OutboxChange::Put { request_id: id, visit: id, cms: b"request".to_vec(), accept_until };
        let batch = Batch { log: vec![entry; 20], outbox: vec![put], ..Batch::default() };
        journal.commit(&batch).unwrap();
        drop(journal);
        let path = folder.path().join("journal.db");
        let edit = "UPDATE device_log SET hash = x'00' WHERE seq = 20";
        rusqlite::Connection::open(&path).unwrap().execute(edit, []).unwrap();

        disk::plan(Plan::ReadFails(reads));
        let first = open(&folder);
        failed += u32::from(disk::has_failed());
        disk::plan(Plan::Fine);
        corrupt += u32::from(matches!(first, Ok(Opened::Corrupt(_))));
        let mut opened = match first {
            Ok(Opened::Corrupt(_)) => open(&folder),
            // The read failed before anything was known.
            Err(_) => open(&folder).and_then(|_| open(&folder)),
            Ok(other) => panic!("read {reads}: {other:?}"),
        };
        let Ok(Opened::Replaced(journal, journal::CorruptReason::Chain)) = &mut opened else {
            panic!("read {reads}: {opened:?}")
        };
        assert_eq!(journal.outbox_pending().unwrap().len(), 1, "read {reads}");
        let again = LogEntry::new(fixture.epoch, 0, TerminalId::parse(TERMINAL).unwrap(), word!("started"));
        let committed = journal.commit(&Batch { log: vec![again], ..Batch::default() }).unwrap();
        assert_eq!(committed.last_sequence, Some(21), "read {reads}");
    }
    assert!(failed > 5 && corrupt > 5, "{failed} reads failed, {corrupt} journals were set aside at once");
}

/// The header of a write-ahead log was torn within its sector, and the journal set aside a journal that was whole: a fault of
/// this simulation's disk.
#[test]
fn what_lies_in_one_sector_is_not_torn() {
    // The header of the log, and that of a frame.
    assert_eq!((disk::torn(32, 0), disk::torn(24, 1024)), (0, 0));
    // A page, at a sector's beginning and behind a frame's header.
    assert_eq!((disk::torn(4_096, 512), disk::torn(4_096, 56)), (2_048, 1_992));
}
