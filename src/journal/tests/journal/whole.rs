//! Old damage: a start does not look for it, the full check names it, and the next start after a note sets the journal aside.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use journal::{
    Batch, CorruptReason, JournalError, LogBroken, Mark, NotWhole, Opened, ReadError, check_at_next_open,
    check_whole, word,
};
use rusqlite::Connection;

use crate::support::*;

/// Thirty visits that are over, of which ten have no evidence any more; one request without a decision.
fn old() -> Place {
    let place = Place::new();
    let mut journal = opened(&place.path());
    grow(&mut journal, 0, 10);
    assert_eq!(journal.erase_evidence(later(1), later(2)).unwrap(), 10);
    grow(&mut journal, 10, 20);
    journal.commit(&Batch { outbox: vec![put(90, cms(90))], ..Batch::default() }).unwrap();
    place
}

fn edit(place: &Place, sql: &str) {
    let connection = Connection::open(place.path()).unwrap();
    connection.pragma_update(None, "secure_delete", true).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.close().unwrap();
}

/// The number of the page at which a tree begins.
fn root(place: &Place, tree: &str) -> usize {
    let connection = Connection::open(place.path()).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    connection.query_row(sql, [tree], |row| row.get::<_, u32>(0)).unwrap().try_into().unwrap()
}

#[test]
fn a_whole_journal_passes_beside_its_writer_and_on_a_copy() {
    let place = old();
    let journal = opened(&place.path());
    let beside = check_whole(&place.path(), &keys()).unwrap();
    drop(journal);
    let copy = check_whole(&place.path(), &keys()).unwrap();
    for report in [beside, copy] {
        assert_eq!((report.requests(), report.undecided()), (31, 1));
        assert_eq!((report.records(), report.open_visits()), (60, 0));
        assert_eq!((report.log().entries, report.log().checkpoints), (300, 30));
        assert_eq!(report.path(), place.path());
        let text = report.to_string();
        assert!(text.starts_with("300 entries of T0001, 1 to 300, 30 checkpoints"), "{text}");
        assert!(
            text.ends_with("31 requests, 1 without a decision; 60 records, 0 visits open; all pages whole"),
            "{text}"
        );
    }
    assert_eq!(place.names(), ["journal.db", "journal.db.lock"]);
}

#[test]
fn what_is_no_journal_is_told_apart() {
    let place = Place::new();
    let missing = check_whole(&place.path(), &keys()).unwrap_err();
    assert!(matches!(missing, NotWhole::Read(ReadError::Missing { .. })) && missing.reason().is_none());
    fs::write(place.path(), "text").unwrap();
    assert_eq!(check_whole(&place.path(), &keys()).unwrap_err().reason(), Some(CorruptReason::NotADatabase));
}

/// Each old damage, and its word. Where the last is false a start goes on even after a note: a checkpoint whose key is not
/// configured any more is no damage.
const OLD: [(&str, CorruptReason, bool); 9] = [
    (
        "UPDATE device_log SET entry = replace(entry, 'card-taken', 'card-takem') WHERE seq = 17",
        CorruptReason::Chain,
        true,
    ),
    ("DELETE FROM device_log WHERE seq = 40", CorruptReason::Chain, true),
    (
        "UPDATE device_log_checkpoint SET statement = statement || ' ' WHERE seq = 20",
        CorruptReason::Checkpoint,
        true,
    ),
    (
        "UPDATE device_log_checkpoint SET signature = x'3006020101020101' WHERE seq = 20",
        CorruptReason::Checkpoint,
        false,
    ),
    ("DELETE FROM device_log_checkpoint WHERE seq = 20", CorruptReason::Checkpoint, true),
    ("UPDATE outbox SET code = 'refused' WHERE rowid_of_old", CorruptReason::Outbox, true),
    ("UPDATE outbox SET answer = zeroblob(length(answer)) WHERE rowid_of_old", CorruptReason::Outbox, true),
    ("DELETE FROM outbox WHERE rowid_of_old", CorruptReason::Outbox, true),
    ("UPDATE visit_record SET body = '{}' WHERE id = 7", CorruptReason::VisitRecord, true),
];

#[test]
fn old_damage_is_left_to_the_full_check_and_then_to_the_next_start() {
    for (sql, reason, set_aside) in OLD {
        let place = old();
        edit(&place, &sql.replace("rowid_of_old", &format!("request_id = '{}'", visit(15))));
        // Not what recovery acts on: the start goes on, and so does the work.
        let Opened::Clean(mut journal) = open(&place.path()).unwrap() else { panic!("{sql}") };
        journal.commit(&log([entry(300, word!("card-inserted"))])).unwrap();
        let not_whole = check_whole(&place.path(), &keys()).unwrap_err();
        assert_eq!(not_whole.reason(), Some(reason), "{sql}: {not_whole:?}");
        drop(journal);

        check_at_next_open(&place.path()).unwrap();
        match open(&place.path()).unwrap() {
            Opened::Corrupt(report) => {
                assert!(set_aside && report.reason == reason, "{sql}: {report:?}");
                assert_eq!((report.undecided.len(), report.next_sequence), (1, Some(302)), "{sql}");
                let Opened::Replaced(journal, told) = open(&place.path()).unwrap() else { panic!("{sql}") };
                assert_eq!(told, reason, "{sql}");
                assert_eq!(journal.outbox_pending().unwrap(), report.undecided, "{sql}");
            }
            Opened::Clean(_) => assert!(!set_aside, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
        assert!(!place.names().contains(&"journal.db.check".to_owned()), "{sql}");
    }
}

#[test]
fn the_full_check_says_which_entry() {
    let place = old();
    edit(&place, OLD[0].0);
    let not_whole = check_whole(&place.path(), &keys()).unwrap_err();
    assert!(
        matches!(not_whole, NotWhole::Log { broken: LogBroken::Edited { sequence: 17 }, .. }),
        "{not_whole:?}"
    );
}

#[test]
fn a_note_beside_a_whole_journal_goes_away() {
    let place = old();
    check_at_next_open(&place.path()).unwrap();
    assert!(place.names().contains(&"journal.db.check".to_owned()));
    assert!(matches!(open(&place.path()).unwrap(), Opened::Clean(_)));
    assert_eq!(place.names(), ["journal.db", "journal.db.lock"]);
}

#[test]
fn an_index_that_hides_the_undecided_request_is_found_at_the_start_and_the_request_is_not_lost() {
    let place = old();
    let at = (root(&place, "outbox_undecided") - 1) * 4_096;
    let mut bytes = fs::read(place.path()).unwrap();
    // An empty page of an index, whose form is perfect.
    bytes[at..at + 4_096].fill(0);
    bytes[at..at + 8].copy_from_slice(&[10, 0, 0, 0, 0, 0x10, 0, 0]);
    fs::write(place.path(), &bytes).unwrap();
    let Opened::Corrupt(report) = open(&place.path()).unwrap() else { panic!("corrupt") };
    assert_eq!(report.reason, CorruptReason::Outbox);
    assert_eq!(report.undecided.len(), 1);
    assert_eq!(opened(&place.path()).outbox_pending().unwrap()[0].cms, Some(cms(90)));
}

#[test]
fn pages_that_were_never_written_are_found_at_the_start_where_recovery_acts_on_them() {
    let place = Place::new();
    grow(&mut opened(&place.path()), 0, 30);
    let older = fs::read(place.path()).unwrap();
    let mut journal = opened(&place.path());
    let mut batch = log([entry(300, word!("card-inserted"))]);
    batch.records.push(record(90, Mark::Opens));
    batch.outbox.push(put(90, cms(90)));
    journal.commit(&batch).unwrap();
    drop(journal);
    let newer = fs::read(place.path()).unwrap();
    let mut found = Vec::new();
    for at in (0..older.len()).step_by(4_096).filter(|at| older[*at..*at + 4_096] != newer[*at..*at + 4_096])
    {
        let mut lost = newer.clone();
        lost[at..at + 4_096].copy_from_slice(&older[at..at + 4_096]);
        sweep(place.path().parent().unwrap());
        fs::write(place.path(), lost).unwrap();
        match open(&place.path()).unwrap() {
            Opened::Corrupt(report) => found.push(report.reason),
            other => panic!("page {} lost, and nobody says so: {other:?}", at / 4_096 + 1),
        }
    }
    // The first page, the log's last two, the outbox, its two indexes, the record, the open visit, and the tally.
    assert_eq!(found.len(), 9, "{found:?}");
    for reason in [CorruptReason::Chain, CorruptReason::Outbox, CorruptReason::VisitRecord] {
        assert!(found.contains(&reason), "{found:?}");
    }
}

#[test]
fn a_tail_cut_off_after_the_last_checkpoint_is_found_at_the_start() {
    let place = old();
    opened(&place.path()).commit(&log((300..305).map(|n| entry(n, word!("card-inserted"))))).unwrap();
    edit(&place, "DELETE FROM device_log WHERE seq > 302");
    let Opened::Corrupt(report) = open(&place.path()).unwrap() else { panic!("corrupt") };
    assert_eq!((report.reason, report.next_sequence), (CorruptReason::Chain, Some(306)));
}

/// Lets an old request with evidence go on at a page that is not its own, which a start does not look at.
fn damage_old_evidence(place: &Place) {
    let mut bytes = fs::read(place.path()).unwrap();
    let text = b"signed request number 015";
    let holds = |page: &[u8]| page.windows(text.len()).any(|window| window == text);
    // The row begins in a page of the tree (first byte 10, a leaf), and goes on in one whose first bytes are a page number.
    let pages: Vec<usize> =
        (0..bytes.len()).step_by(4_096).filter(|at| holds(&bytes[*at..at + 4_096])).collect();
    let leaf = *pages.iter().find(|at| bytes[**at] == 10).unwrap();
    let rest = *pages.iter().find(|at| bytes[**at] == 0).unwrap();
    let number = u32::try_from(rest / 4_096 + 1).unwrap().to_be_bytes();
    let pointer = bytes[leaf..leaf + 4_096].windows(4).position(|window| window == number).unwrap();
    bytes[leaf + pointer + 3] ^= 1;
    fs::write(place.path(), &bytes).unwrap();
}

#[test]
fn evidence_is_not_erased_from_pages_that_are_damaged() {
    let place = old();
    damage_old_evidence(&place);
    let Opened::Clean(mut journal) = open(&place.path()).unwrap() else { panic!("clean") };
    // A report about another journal says nothing about this one.
    let other = old();
    journal.found_whole(&check_whole(&other.path(), &keys()).unwrap());
    let before = rows(&place.path());
    let error = journal.erase_evidence(later(1), later(2)).unwrap_err();
    assert!(matches!(error, JournalError::PagesDamaged { .. }), "{error:?}");
    assert!(matches!(journal.commit(&log([entry(300, word!("one"))])), Err(JournalError::Stopped)));
    drop(journal);
    assert_eq!(rows(&place.path()), before);
    let Opened::Corrupt(report) = open(&place.path()).unwrap() else { panic!("corrupt") };
    assert_eq!((report.reason, report.undecided.len()), (CorruptReason::Pages, 1));
}

#[test]
fn evidence_is_erased_after_the_full_check_without_reading_the_file_again() {
    let place = old();
    let mut journal = opened(&place.path());
    let report = check_whole(&place.path(), &keys()).unwrap();
    journal.found_whole(&report);
    let before = bytes_read();
    assert_eq!(journal.erase_evidence(later(1), later(2)).unwrap(), 20);
    let erasing = bytes_read() - before;

    let place = old();
    let mut journal = opened(&place.path());
    let before = bytes_read();
    assert_eq!(journal.erase_evidence(later(1), later(2)).unwrap(), 20);
    let checking = bytes_read() - before - erasing;
    let file = fs::metadata(place.path()).unwrap().len();
    assert!(checking > file / 2, "{checking} bytes read for the check of {file}");
}

/// In one process the kernel drops all of SQLite's locks on a file when any descriptor of it is closed. Then another
/// program would take itself for the last one, and remove the write-ahead log under the terminal.
#[test]
fn the_full_check_in_the_terminals_own_process_leaves_the_terminal_its_locks() {
    let place = old();
    let mut journal = opened(&place.path());
    journal.commit(&log([entry(300, word!("one"))])).unwrap();
    let wal = place.file("journal.db-wal");
    let before = fs::metadata(&wal).unwrap().ino();
    let path = place.path();
    std::thread::spawn(move || check_whole(&path, &keys()).unwrap()).join().unwrap();
    let other =
        Command::new("sqlite3").arg(place.path()).arg("SELECT count(*) FROM device_log").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&other.stdout).trim(), "301", "{other:?}");
    assert_eq!(fs::metadata(&wal).unwrap().ino(), before, "the write-ahead log was removed");
    journal.commit(&log([entry(301, word!("two"))])).unwrap();
    let frozen = Place::new();
    freeze(&place.path(), &frozen.path());
    assert_eq!(opened(&frozen.path()).last_sequence(), Some(302));
}

#[test]
fn a_terminal_works_on_while_it_is_checked() {
    let place = old();
    let mut journal = opened(&place.path());
    let path = place.path();
    let checks = std::thread::spawn(move || {
        (0..5).map(|_| check_whole(&path, &keys()).unwrap().log().entries).collect::<Vec<_>>()
    });
    let mut n = 300;
    while !checks.is_finished() {
        journal.commit(&log([entry(n, word!("card-inserted"))])).unwrap();
        n += 1;
    }
    let seen = checks.join().unwrap();
    assert!(seen.is_sorted() && seen.iter().all(|entries| (300..=n).contains(entries)), "{seen:?} {n}");
}
