//! The four answers of a start, and who is refused.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use journal::{
    Batch, CheckpointKeys, CorruptReason, Journal, JournalError, Mark, OpenOptions, Opened,
    SQLITE_VERSION_MIN, word,
};
use rusqlite::Connection;

use crate::support::*;

#[test]
fn no_file_is_fresh() {
    let place = Place::new();
    let Opened::Fresh(mut journal) = open(&place.path()).unwrap() else { panic!("fresh") };
    assert_eq!(journal.last_sequence(), None);
    assert_eq!(journal.last_checkpoint().unwrap(), None);
    assert!(journal.outbox_pending().unwrap().is_empty());
    let committed = journal.commit(&log([entry(0, word!("started"))])).unwrap();
    assert_eq!((committed.last_sequence, committed.unsigned_entries), (Some(1), 1));
}

#[test]
fn whether_somebody_writes_can_be_asked_without_being_in_the_way() {
    let place = Place::new();
    assert!(!journal::is_in_use(&place.path()).unwrap(), "there is none");
    let writer = opened(&place.path());
    assert!(journal::is_in_use(&place.path()).unwrap() && journal::is_in_use(&place.path()).unwrap());
    drop(writer);
    assert!(!journal::is_in_use(&place.path()).unwrap());
    assert!(matches!(open(&place.path()), Ok(Opened::Clean(_))), "the look left no lock behind");
}

#[test]
fn all_visits_over_is_clean() {
    let place = Place::new();
    grow(&mut opened(&place.path()), 0, 3);
    let Opened::Clean(journal) = open(&place.path()).unwrap() else { panic!("clean") };
    assert_eq!(journal.last_sequence(), Some(30));
    assert_eq!(journal.unsigned_entries(), 0);
    assert_eq!(journal.last_checkpoint().unwrap().unwrap().sequence, 30);
}

#[test]
fn a_new_journal_that_was_never_used_is_clean() {
    let place = Place::new();
    drop(opened(&place.path()));
    assert!(matches!(open(&place.path()).unwrap(), Opened::Clean(_)));
}

#[test]
fn a_visit_without_an_end_is_interrupted() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    grow(&mut journal, 0, 1);
    for (n, mark) in [(7, Mark::Opens), (8, Mark::Opens), (7, Mark::Continues), (8, Mark::Closes)] {
        let batch = Batch { records: vec![record(n, mark)], ..log([entry(20 + n, word!("card-inserted"))]) };
        journal.commit(&batch).unwrap();
    }
    // A late record of a visit that is over does not open it again.
    journal.commit(&Batch { records: vec![record(0, Mark::Continues)], ..Batch::default() }).unwrap();
    drop(journal);
    let Opened::Interrupted(journal, open) = open(&place.path()).unwrap() else { panic!("interrupted") };
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].visit, visit(7));
    assert_eq!(open[0].records.len(), 2);
    assert_eq!(open[0].records[0].body, serde_json::json!({ "language": "ja" }));
    assert_eq!(open[0].records[0].at, now());
    assert_eq!(journal.visit_records(visit(0)).unwrap().len(), 3);
}

#[test]
fn a_damaged_file_is_corrupt_and_set_aside() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    grow(&mut journal, 0, 2);
    journal.commit(&Batch { outbox: vec![put(50, cms(50))], ..Batch::default() }).unwrap();
    drop(journal);
    let sql = Connection::open(place.path()).unwrap();
    sql.execute(
        "UPDATE device_log SET entry = replace(entry, 'card-taken', 'card-takem') WHERE seq = 20",
        [],
    )
    .unwrap();
    sql.close().unwrap();
    let damaged = fs::read(place.path()).unwrap();

    let Opened::Corrupt(report) = open(&place.path()).unwrap() else { panic!("corrupt") };
    assert_eq!(report.reason, CorruptReason::Checkpoint);
    assert_eq!(report.next_sequence, Some(21));
    let aside = place.file("journal.db.aside-20261121T010203456Z-next-21-journal-checkpoint-differs");
    assert_eq!(report.set_aside.first(), Some(&aside));
    assert_eq!(fs::read(&aside).unwrap(), damaged);
    assert!(!place.path().exists());
    assert_eq!(report.undecided.len(), 1);
    assert_eq!(report.undecided[0].cms, Some(cms(50)));

    // The next start makes a new one, and its log goes on where the old one ended.
    let Opened::Replaced(mut journal, told) = open(&place.path()).unwrap() else { panic!("replaced") };
    assert_eq!(told, report.reason);
    // Also when the process that set it aside came no further: what was not decided is in the new one already.
    assert_eq!(journal.outbox_pending().unwrap(), report.undecided);
    assert_eq!(fs::read(&aside).unwrap(), damaged);
    let batch =
        Batch { outbox: vec![put(50, cms(50))], ..log([entry(0, word!("journal-checkpoint-differs"))]) };
    assert_eq!(journal.commit(&batch).unwrap().last_sequence, Some(21));
    journal.checkpoint(&signer(), now()).unwrap().unwrap();
    drop(journal);
    let report = journal::verify_log(&place.path(), &keys(), None).unwrap();
    assert_eq!((report.first_sequence, report.last_sequence, report.entries), (21, 21, 1));
}

/// Found by random visits: after a clock that had been ahead, requests of the journal set aside before last were carried
/// over instead, and those of the last one forgotten.
#[test]
fn requests_of_the_journal_set_aside_last_go_on_although_the_clock_was_set_back() {
    let place = Place::new();
    let at = |seconds| OpenOptions { now: later(seconds), ..options() };
    for (n, clock) in [(50, 3_600), (51, 0)] {
        let mut journal = opened(&place.path());
        let batch =
            Batch { outbox: vec![put(n, cms(u8::try_from(n).unwrap()))], ..log([entry(n, word!("x"))]) };
        journal.commit(&batch).unwrap();
        drop(journal);
        let sql = Connection::open(place.path()).unwrap();
        sql.execute("UPDATE device_log SET hash = x'00' WHERE seq = (SELECT max(seq) FROM device_log)", [])
            .unwrap();
        sql.close().unwrap();
        assert!(matches!(Journal::open(&place.path(), &at(clock)).unwrap(), Opened::Corrupt(_)));
    }
    let carried: Vec<_> = opened(&place.path()).outbox_pending().unwrap();
    let carried: Vec<_> = carried.iter().map(|entry| entry.request_id).collect();
    assert_eq!(carried, [visit(50), visit(51)]);
}

#[test]
fn what_was_set_aside_is_never_overwritten() {
    let place = Place::new();
    for content in ["first", "second", "third"] {
        fs::write(place.path(), content).unwrap();
        assert!(
            matches!(open(&place.path()).unwrap(), Opened::Corrupt(report) if report.reason == CorruptReason::NotADatabase)
        );
    }
    let aside: Vec<_> = place.names().into_iter().filter(|name| name.contains(".aside-")).collect();
    assert_eq!(aside.len(), 3, "{aside:?}");
    let mut contents: Vec<_> =
        aside.iter().map(|name| fs::read_to_string(place.file(name)).unwrap()).collect();
    contents.sort();
    assert_eq!(contents, ["first", "second", "third"]);
}

#[test]
fn an_empty_file_is_not_a_new_journal() {
    let place = Place::new();
    drop(opened(&place.path()));
    fs::write(place.path(), "").unwrap();
    fs::write(place.file("journal.db-wal"), "frames").unwrap();
    let Opened::Corrupt(report) = open(&place.path()).unwrap() else { panic!("corrupt") };
    assert_eq!(report.reason, CorruptReason::Empty);
    assert_eq!(report.set_aside.len(), 2);
    assert_eq!(fs::read(&report.set_aside[1]).unwrap(), b"frames");
}

#[test]
fn a_write_ahead_log_alone_is_set_aside() {
    let place = Place::new();
    fs::write(place.file("journal.db-wal"), "frames").unwrap();
    let Opened::Corrupt(report) = open(&place.path()).unwrap() else { panic!("corrupt") };
    assert_eq!(report.reason, CorruptReason::WalWithoutDatabase);
    assert_eq!(fs::read(&report.set_aside[0]).unwrap(), b"frames");
    let told = open(&place.path()).unwrap();
    assert!(matches!(told, Opened::Replaced(_, CorruptReason::WalWithoutDatabase)), "{told:?}");
}

#[test]
fn left_overs_of_a_creation_that_was_cut_off_do_not_matter() {
    let place = Place::new();
    fs::write(place.file("journal.db.new"), "half").unwrap();
    fs::write(place.file("journal.db.new-wal"), "half").unwrap();
    assert!(matches!(open(&place.path()).unwrap(), Opened::Fresh(_)));
    assert!(!place.names().iter().any(|name| name.contains(".new")), "{:?}", place.names());
}

#[test]
fn a_version_that_is_not_listed_is_refused_and_left_alone() {
    let place = Place::new();
    drop(opened(&place.path()));
    Connection::open(place.path()).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(place.path()).unwrap();
    let error = open(&place.path()).unwrap_err();
    assert!(matches!(error, JournalError::SchemaVersion { found: 99, .. }), "{error}");
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let place = Place::new();
    Connection::open(place.path()).unwrap().execute_batch("CREATE TABLE theirs(x)").unwrap();
    let before = fs::read(place.path()).unwrap();
    let error = open(&place.path()).unwrap_err();
    assert!(matches!(error, JournalError::NotAJournal { application_id: 0, .. }), "{error}");
    assert_eq!(fs::read(place.path()).unwrap(), before);
}

#[test]
fn another_table_is_not_a_journal() {
    let place = Place::new();
    drop(opened(&place.path()));
    Connection::open(place.path())
        .unwrap()
        .execute_batch("CREATE TRIGGER t AFTER INSERT ON device_log BEGIN DELETE FROM outbox; END")
        .unwrap();
    assert!(
        matches!(open(&place.path()).unwrap(), Opened::Corrupt(report) if report.reason == CorruptReason::Schema)
    );
}

#[test]
fn a_second_process_is_told_what_to_do() {
    let place = Place::new();
    let first = opened(&place.path());
    let error = open(&place.path()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, JournalError::InUse { .. }), "{text}");
    assert!(
        text.contains(&std::process::id().to_string()) && text.contains("stop that terminal first"),
        "{text}"
    );
    drop(first);
    assert!(matches!(open(&place.path()).unwrap(), Opened::Clean(_)));
}

#[test]
fn only_the_owner_can_read_any_of_its_files() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    grow(&mut journal, 0, 1);
    for name in place.names() {
        let mode = fs::metadata(place.file(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    drop(journal);
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let _journal = opened(&place.path());
    assert_eq!(fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_stopped_terminal_leaves_one_file_to_copy() {
    let place = Place::new();
    grow(&mut opened(&place.path()), 0, 1);
    assert_eq!(place.names(), ["journal.db", "journal.db.lock"]);
}

#[test]
fn a_checkpoint_of_an_unknown_key_is_refused_and_the_former_key_can_be_kept() {
    let place = Place::new();
    grow(&mut opened(&place.path()), 0, 1);
    let renewed = |pem: String| OpenOptions::new(CheckpointKeys::from_pem(&pem).unwrap(), now());
    let error = Journal::open(&place.path(), &renewed(public_pem(8))).unwrap_err();
    assert!(matches!(error, JournalError::CheckpointNotOurs { sequence: 10, .. }), "{error}");
    let both = renewed(format!("{}{}", public_pem(8), public_pem(7)));
    assert!(matches!(Journal::open(&place.path(), &both).unwrap(), Opened::Clean(_)));
}

#[test]
fn a_new_log_can_begin_after_what_the_host_knows() {
    let place = Place::new();
    let options = OpenOptions { first_sequence: 500, ..options() };
    for _ in 0..2 {
        let (Opened::Fresh(journal) | Opened::Clean(journal)) =
            Journal::open(&place.path(), &options).unwrap()
        else {
            panic!("empty")
        };
        assert_eq!((journal.last_sequence(), journal.unsigned_entries()), (None, 0));
    }
    let Opened::Clean(mut journal) = Journal::open(&place.path(), &options).unwrap() else { panic!("clean") };
    assert_eq!(journal.commit(&log([entry(0, word!("started"))])).unwrap().last_sequence, Some(500));
    assert_eq!(journal.unsigned_entries(), 1);
    drop(journal);
    assert_eq!(opened(&place.path()).unsigned_entries(), 1);
}

#[test]
fn the_linked_sqlite_does_not_lose_committed_pages() {
    assert!(rusqlite::version_number() >= SQLITE_VERSION_MIN, "{}", rusqlite::version());
}

/// A process that set a journal aside, and ended before it had told anybody, left the next one a clean, new journal.
#[test]
fn that_a_journal_was_set_aside_is_told_until_the_new_one_says_it() {
    let place = Place::new();
    grow(&mut opened(&place.path()), 0, 1);
    fs::write(place.path(), "this is no database").unwrap();
    assert!(matches!(open(&place.path()).unwrap(), Opened::Corrupt(_)));
    for _ in 0..3 {
        let told = open(&place.path()).unwrap();
        assert!(matches!(told, Opened::Replaced(_, CorruptReason::NotADatabase)), "{told:?}");
    }
    opened(&place.path()).commit(&log([entry(0, word!("started"))])).unwrap();
    assert!(matches!(open(&place.path()).unwrap(), Opened::Clean(_)));
}
