//! Reading a log: filters, following a running terminal, files that are none.

use std::fs;

use journal::{Filter, LogEntry, ReadError, Zone, read_log, to_json, to_text, word};
use rusqlite::Connection;

use crate::support::*;

fn sequences(place: &Place, filter: &Filter) -> Vec<u64> {
    read_log(&place.path(), filter).unwrap().entries.iter().map(|entry| entry.seq).collect()
}

#[test]
fn filters_pass_what_they_say() {
    let place = Place::new();
    grow(&mut opened(&place.path()), 0, 3);
    let all = Filter::default();
    assert_eq!(sequences(&place, &all), (1..=30).collect::<Vec<_>>());
    assert_eq!(sequences(&place, &Filter { after: 28, ..all.clone() }), [29, 30]);
    assert_eq!(sequences(&place, &Filter { from: Some(later(27)), ..all.clone() }), [28, 29, 30]);
    assert_eq!(sequences(&place, &Filter { to: Some(later(2)), ..all.clone() }), [1, 2]);
    assert_eq!(
        sequences(&place, &Filter { visit: Some(visit(1)), ..all.clone() }),
        (11..=20).collect::<Vec<_>>()
    );
    let code = Some("card-taken".to_owned());
    assert_eq!(
        sequences(&place, &Filter { code: code.clone(), last: Some(6), ..all.clone() }),
        [20, 26, 27, 28, 29, 30]
    );
    assert_eq!(sequences(&place, &Filter { code: Some("card".to_owned()), ..all.clone() }), [0; 0]);
    assert_eq!(sequences(&place, &Filter { last: Some(0), ..all }), [0; 0]);
}

#[test]
fn a_running_terminal_is_followed() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    journal.commit(&log([entry(0, word!("started"))])).unwrap();
    let mut filter = Filter::default();
    let mut seen = Vec::new();
    for n in 1..5 {
        let page = read_log(&place.path(), &filter).unwrap();
        seen.extend(page.entries.iter().map(|entry| entry.seq));
        filter.after = page.last_sequence;
        journal.commit(&log([entry(n, word!("card-inserted"))])).unwrap();
    }
    drop(journal);
    // The terminal stopped: what is new is still read.
    seen.extend(sequences(&place, &filter));
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    filter.after = 5;
    let page = read_log(&place.path(), &filter).unwrap();
    assert_eq!((page.entries.len(), page.last_sequence), (0, 5));
}

#[test]
fn json_is_the_bytes_that_are_hashed() {
    let place = Place::new();
    let with_all =
        LogEntry { tries_left: Some(1), outcome: Some(word!("refused")), ..entry(0, word!("pin-wrong")) };
    opened(&place.path()).commit(&log([with_all])).unwrap();
    let page = read_log(&place.path(), &Filter::default()).unwrap();
    let stored: String = Connection::open(place.path())
        .unwrap()
        .query_row("SELECT entry FROM device_log", [], |row| row.get(0))
        .unwrap();
    assert_eq!(to_json(&page.entries[0]), stored);
    assert!(to_text(&page.entries[0], Zone::Jst).contains("2026-11-21 10:02:03.456 JST"));
}

#[test]
fn a_damaged_row_is_named_and_the_others_are_read() {
    let place = Place::new();
    grow(&mut opened(&place.path()), 0, 1);
    Connection::open(place.path())
        .unwrap()
        .execute("UPDATE device_log SET entry = 'x' WHERE seq = 4", [])
        .unwrap();
    let page = read_log(&place.path(), &Filter::default()).unwrap();
    assert_eq!((page.entries.len(), page.damaged), (9, vec![4]));
    let page = read_log(&place.path(), &Filter { last: Some(9), ..Filter::default() }).unwrap();
    assert_eq!((page.entries.len(), page.damaged), (9, vec![4]));
}

#[test]
fn files_that_are_no_journal_say_so_and_stay() {
    let place = Place::new();
    let read = || read_log(&place.path(), &Filter::default()).unwrap_err();
    assert!(matches!(read(), ReadError::Missing { .. }));
    assert!(place.names().is_empty());
    fs::write(place.path(), "text").unwrap();
    assert!(matches!(read(), ReadError::Damaged { .. }));
    fs::remove_file(place.path()).unwrap();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("CREATE TABLE theirs(x)").unwrap();
    assert!(matches!(read(), ReadError::NotAJournal { .. }));
    other.pragma_update(None, "application_id", journal::APPLICATION_ID).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(read(), ReadError::SchemaVersion { found: 99, .. }));
    other.pragma_update(None, "user_version", 1).unwrap();
    other.pragma_update(None, "journal_mode", "WAL").unwrap();
    other.close().unwrap();
    assert!(matches!(read(), ReadError::Damaged { reason: journal::CorruptReason::Schema, .. }));
}

#[test]
fn a_name_with_signs_that_mean_something_in_a_uri_is_a_name() {
    let place = Place::new();
    let path = place.file("file:100%?mode=memory#あ.db");
    grow(&mut opened(&path), 0, 1);
    assert_eq!(read_log(&path, &Filter::default()).unwrap().entries.len(), 10);
}
