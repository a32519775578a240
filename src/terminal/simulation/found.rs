//! What the runs have found below the runtime, each once more and by name. What they found in the runtime and in the core
//! stands with these (`runtime/tests.rs`, `src/transaction/tests`).

use jiff::Timestamp;
use journal::{CheckpointKeys, Journal, OpenOptions, Opened};

use super::disk::{self, Plan};
use super::fixture;

fn open(folder: &tempfile::TempDir) -> Result<Opened, journal::JournalError> {
    let fixture = fixture::get();
    let keys: CheckpointKeys = fixture.log_keys();
    let now: Timestamp = fixture.epoch;
    Journal::open(&folder.path().join("journal.db"), &OpenOptions::new(keys, now))
}

/// The tables of a new journal were in its write-ahead log only when that could not be moved, the database got its name
/// without the log, and the next start took it for a damaged one.
#[test]
fn a_disk_that_is_full_while_the_journal_is_made_leaves_none_behind() {
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

/// SQLite's check says of a page that could not be read that it is damaged: one failed read put a whole journal aside, and
/// the machine out of service.
#[test]
fn one_read_that_fails_does_not_make_a_journal_a_damaged_one() {
    let folder = fixture::folder();
    drop(open(&folder).unwrap());
    let mut refused = 0;
    for reads in 0..60 {
        disk::plan(Plan::ReadFails(reads));
        let opened = open(&folder);
        disk::plan(Plan::Fine);
        match opened {
            Ok(Opened::Clean(_)) => {}
            Ok(other) => panic!("read {reads}: {other:?}"),
            Err(_) => refused += 1,
        }
    }
    assert!(matches!(open(&folder).unwrap(), Opened::Clean(_)));
    assert!(refused < 60, "a read that never comes harms nobody");
}
