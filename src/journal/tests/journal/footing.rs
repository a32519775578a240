//! Where the next commits write is looked at by every start: what is damaged there is named, and nothing is written.

use std::fs;

use journal::{Batch, CorruptReason, Mark, Opened, word};
use rusqlite::Connection;

use crate::support::*;

const PAGE: usize = 4_096;

/// A hundred visits, their evidence erased: there are free pages, and the log has several levels.
fn lived() -> (Place, Vec<u8>) {
    let place = Place::new();
    let mut journal = opened(&place.path());
    grow(&mut journal, 0, 100);
    assert_eq!(journal.erase_evidence(later(1), later(2)).unwrap(), 100);
    let mut batch = log([entry(1_000, word!("card-inserted"))]);
    batch.records.push(record(120, Mark::Opens));
    batch.outbox.push(put(120, cms(120)));
    journal.commit(&batch).unwrap();
    drop(journal);
    let bytes = fs::read(place.path()).unwrap();
    (place, bytes)
}

fn number(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap()
}

fn put_number(bytes: &mut [u8], at: usize, number: usize) {
    bytes[at..at + 4].copy_from_slice(&u32::try_from(number).unwrap().to_be_bytes());
}

/// Opens the journal with other bytes: what it is called, and what is said about it.
fn refusal(place: &Place, bytes: &[u8]) -> String {
    sweep(place.path().parent().unwrap());
    fs::write(place.path(), bytes).unwrap();
    let Opened::Corrupt(report) = open(&place.path()).unwrap() else { panic!("taken") };
    assert_eq!(report.reason, CorruptReason::Pages);
    assert_eq!(fs::read(&report.set_aside[0]).unwrap(), bytes, "it was written to");
    report.detail
}

#[test]
fn a_page_in_use_on_the_list_of_free_pages_is_found() {
    let (place, bytes) = lived();
    let (trunk, total) = (number(&bytes, 32), number(&bytes, 36));
    let list = (trunk - 1) * PAGE;
    let leaves = number(&bytes, list + 4);
    assert!(leaves > 50 && leaves + 1 == total, "{leaves} of {total}");
    // A page of the device log; a page that is on the list twice; one that is not there; a list that leads to itself.
    for leaf in [2, number(&bytes, list + 12), bytes.len() / PAGE + 1] {
        let mut damaged = bytes.clone();
        put_number(&mut damaged, list + 8, leaf);
        assert!(refusal(&place, &damaged).contains("free pages"), "page {leaf}");
    }
    let mut damaged = bytes.clone();
    put_number(&mut damaged, list, trunk);
    assert!(refusal(&place, &damaged).contains("free pages"));
    // Fewer than there are, or more.
    for total in [total - 1, total + 1] {
        let mut damaged = bytes.clone();
        put_number(&mut damaged, 36, total);
        assert!(refusal(&place, &damaged).contains("free pages"));
    }
    // A free page that is not empty: nobody knows whether it is free.
    let mut damaged = bytes.clone();
    damaged[number(&bytes, list + 8) * PAGE - 1] = 1;
    assert!(refusal(&place, &damaged).contains("free pages"));
    // A list that begins at a page in use.
    for page in 2..30 {
        let mut damaged = bytes.clone();
        put_number(&mut damaged, 32, page);
        if page != trunk {
            assert!(refusal(&place, &damaged).contains("free pages"), "page {page}");
        }
    }
}

#[test]
fn a_file_that_is_longer_or_shorter_than_its_header_says_is_found() {
    let (place, bytes) = lived();
    for pages in [bytes.len() / PAGE - 1, bytes.len() / PAGE + 1, 0] {
        let mut damaged = bytes.clone();
        put_number(&mut damaged, 28, pages);
        assert!(refusal(&place, &damaged).contains("size"), "{pages}");
    }
    let mut longer = bytes.clone();
    longer.extend([0; PAGE]);
    assert!(refusal(&place, &longer).contains("size"));
}

#[test]
fn a_page_size_and_a_vacuum_that_this_program_never_sets_are_found() {
    let (place, bytes) = lived();
    for (at, value) in [(16, 0x20), (20, 1), (21, 63), (22, 31), (23, 31), (55, 1), (67, 1)] {
        let mut damaged = bytes.clone();
        damaged[at] = value;
        assert!(refusal(&place, &damaged).contains("header"), "byte {at}");
    }
}

#[test]
fn a_page_header_that_lies_about_its_free_bytes_is_found_where_the_next_rows_go() {
    let (place, bytes) = lived();
    let roots: Vec<(String, u32)> = Connection::open(place.path())
        .unwrap()
        .prepare("SELECT name, rootpage FROM sqlite_schema")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(roots.len(), 8);
    for (name, root) in roots {
        // Down to the page that takes the next row.
        let mut page = usize::try_from(root).unwrap();
        while matches!(bytes[(page - 1) * PAGE], 2 | 5) {
            page = number(&bytes, (page - 1) * PAGE + 8);
        }
        let at = (page - 1) * PAGE;
        // First free block, number of cells, begin of their contents, fragments, the first pointer.
        for byte in [1, 2, 3, 4, 5, 6, 7, 8] {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at + byte] ^= 1 << bit;
                let empty = u16::from_be_bytes([bytes[at + 3], bytes[at + 4]]) == 0;
                if byte == 8 && empty {
                    continue;
                }
                assert!(
                    refusal(&place, &damaged).contains(&format!("page {page},")),
                    "{name}: byte {byte} bit {bit} of page {page}"
                );
            }
        }
    }
}

#[test]
fn a_journal_in_daily_use_is_never_taken_for_a_damaged_one() {
    let place = Place::new();
    // Opened again and again, with requests that are decided at once, late, and whose evidence is erased on the way.
    for round in 0..12_u64 {
        let mut journal = match open(&place.path()).unwrap() {
            Opened::Fresh(journal) | Opened::Clean(journal) => journal,
            other => panic!("round {round}: {other:?}"),
        };
        grow(&mut journal, round * 20, 15);
        for n in 15..20 {
            let size = 100 + usize::try_from(n * 1_700 * (round % 3)).unwrap();
            journal
                .commit(&Batch { outbox: vec![put(round * 20 + n, vec![b'x'; size])], ..Batch::default() })
                .unwrap();
        }
        if round > 0 {
            let late = (15..20).map(|n| decided(round * 20 - 20 + n, decision(b"late"))).collect();
            journal.commit(&Batch { outbox: late, ..Batch::default() }).unwrap();
        }
        if round % 3 == 2 {
            assert!(journal.erase_evidence(later(1), later(2)).unwrap() > 0);
        }
        if round % 4 == 3 {
            // Not closed: the write-ahead log is left.
            let frozen = Place::new();
            freeze(&place.path(), &frozen.path());
            drop(journal);
            sweep(place.path().parent().unwrap());
            freeze(&frozen.path(), &place.path());
        }
    }
    let report = journal::check_whole(&place.path(), &keys()).unwrap();
    assert_eq!((report.requests(), report.undecided()), (240, 5));
}
