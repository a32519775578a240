//! What a start reads does not grow with the journal.

use std::fs;

use journal::{Batch, Journal, Mark, Opened, word};

use crate::support::*;

/// Adds `entries` entries of a hundred a commit, with a visit and a decided request in every twentieth part, all under a
/// checkpoint; then ten entries, a request without a decision and an open visit.
fn make(entries: u64) -> Place {
    let place = Place::new();
    let mut journal = opened(&place.path());
    for hundred in 0..entries / 100 {
        let mut batch = log((0..100).map(|n| entry(hundred * 100 + n, word!("card-inserted"))));
        for n in hundred * 5..hundred * 5 + 5 {
            batch.records.extend([record(n, Mark::Opens), record(n, Mark::Closes)]);
            batch.outbox.extend([put(n, cms(1)), decided(n, decision(b"signed answer"))]);
        }
        journal.commit(&batch).unwrap();
        if hundred % 10 == 9 {
            assert_eq!(journal.erase_evidence(later(1), later(2)).unwrap(), 50);
        }
    }
    journal.checkpoint(&signer(), now()).unwrap().unwrap();
    let mut tail = log((0..10).map(|n| entry(entries + n, word!("card-inserted"))));
    tail.records.push(record(entries, Mark::Opens));
    tail.outbox.push(put(entries, cms(2)));
    journal.commit(&tail).unwrap();
    place
}

/// Bytes that a start reads, all of them: by SQLite and past it.
fn read_by_start(place: &Place) -> u64 {
    let before = bytes_read();
    let opened = open(&place.path()).unwrap();
    let read = bytes_read() - before;
    let Opened::Interrupted(journal, open) = opened else { panic!("interrupted") };
    assert_eq!((open.len(), journal.unsigned_entries()), (1, 10));
    assert_eq!(journal.outbox_pending().unwrap().len(), 1);
    read
}

fn entries(journal: &Journal) -> u64 {
    journal.last_sequence().unwrap()
}

#[test]
fn a_start_reads_the_tail_only() {
    let (small, large) = (make(1_000), make(20_000));
    let sizes = [&small, &large].map(|place| fs::metadata(place.path()).unwrap().len());
    assert!(sizes[1] > 10 * sizes[0], "{sizes:?}");
    let read = [&small, &large].map(read_by_start);
    println!("files of {sizes:?} bytes, {read:?} of them read by a start");
    // A level more of each tree, and its neighbours: not a part of the file.
    assert!(read[1] < read[0] + 40 * 4_096, "{read:?}");
    assert!(read[1] < sizes[1] / 10, "{read:?} of {sizes:?}");
    assert_eq!(entries(&opened(&large.path())), 20_010);

    // The full check reads all of it.
    let before = bytes_read();
    journal::check_whole(&large.path(), &keys()).unwrap();
    assert!(bytes_read() - before > sizes[1]);
}

#[test]
fn a_start_reads_more_with_what_is_undecided_and_nothing_else() {
    let place = make(2_000);
    let before = read_by_start(&place);
    let mut journal = opened(&place.path());
    for n in 0..50 {
        journal.commit(&Batch { outbox: vec![put(10_000 + n, cms(3))], ..Batch::default() }).unwrap();
    }
    drop(journal);
    let read = bytes_read();
    let journal = opened(&place.path());
    let grown = bytes_read() - read;
    assert_eq!(journal.outbox_pending().unwrap().len(), 51);
    assert!(grown > before + 50 * 3_000, "{grown} {before}");
}
