//! A journal of version 1, as the program wrote it that knew no other, is gone on with; a damaged one is not.

use std::fs;

use journal::{CorruptReason, Mark, Opened, check_whole, verify_log, word};
use rusqlite::Connection;

use crate::support::*;

/// Five visits, of which three have no evidence any more; a sixth that is open, its request without a decision; no tally.
const VERSION_1: &[u8] = include_bytes!("v1.db");

fn version_1() -> Place {
    let place = Place::new();
    fs::write(place.path(), VERSION_1).unwrap();
    place
}

fn version(place: &Place) -> u32 {
    let sql = Connection::open(place.path()).unwrap();
    sql.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_journal_of_version_1_goes_on() {
    let place = version_1();
    assert_eq!(version(&place), 1);
    let Opened::Interrupted(mut journal, visits) = open(&place.path()).unwrap() else {
        panic!("interrupted")
    };
    assert_eq!((visits[0].visit, visits[0].records.len()), (visit(5), 2));
    assert_eq!(journal.outbox_pending().unwrap()[0].cms, Some(cms(5)));
    assert_eq!((journal.last_sequence(), journal.unsigned_entries()), (Some(53), 3));
    let mut batch = log([entry(53, word!("card-taken"))]);
    batch.outbox.push(decided(5, decision(b"answer")));
    batch.records.push(record(5, Mark::Closes));
    journal.commit(&batch).unwrap();
    assert_eq!(journal.erase_evidence(later(1), later(2)).unwrap(), 3);
    drop(journal);

    assert_eq!(version(&place), 2);
    let report = check_whole(&place.path(), &keys()).unwrap();
    assert_eq!((report.requests(), report.undecided(), report.records()), (6, 0, 13));
    assert_eq!((report.log().entries, report.log().checkpoints), (54, 5));
    assert!(matches!(open(&place.path()).unwrap(), Opened::Clean(_)));
}

#[test]
fn a_copy_of_version_1_is_read_and_stays_as_it_is() {
    let place = version_1();
    assert_eq!(verify_log(&place.path(), &keys(), None).unwrap().entries, 53);
    assert_eq!(check_whole(&place.path(), &keys()).unwrap().requests(), 6);
    assert_eq!(fs::read(place.path()).unwrap(), VERSION_1);
}

#[test]
fn the_first_start_checks_all_of_a_journal_of_version_1() {
    let place = version_1();
    let sql = Connection::open(place.path()).unwrap();
    sql.execute("UPDATE device_log SET entry = replace(entry, 'card-taken', 'card-takem') WHERE seq = 7", [])
        .unwrap();
    sql.close().unwrap();
    let Opened::Corrupt(report) = open(&place.path()).unwrap() else { panic!("corrupt") };
    assert_eq!((report.reason, report.undecided.len()), (CorruptReason::Chain, 1));
}

#[test]
fn an_upgrade_that_was_cut_off_is_done_again_or_is_done() {
    let place = version_1();
    let frozen = Place::new();
    let journal = opened(&place.path());
    freeze(&place.path(), &frozen.path());
    drop(journal);
    for copy in [&place, &frozen] {
        let Opened::Interrupted(journal, _) = open(&copy.path()).unwrap() else { panic!("interrupted") };
        assert_eq!(journal.outbox_pending().unwrap().len(), 1);
    }
}
