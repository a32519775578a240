//! What can only be tried from inside: how the connection is set up, and a disk that is full.

use std::path::Path;

use p256::SecretKey;
use p256::pkcs8::{EncodePublicKey as _, LineEnding};

use crate::{
    Batch, CheckpointKeys, Journal, JournalError, LogEntry, OpenOptions, Opened, TerminalId, verify_log, word,
};

fn keys() -> CheckpointKeys {
    let key = SecretKey::from_slice(&[7; 32]).unwrap().public_key();
    CheckpointKeys::from_pem(&key.to_public_key_pem(LineEnding::LF).unwrap()).unwrap()
}

fn open(path: &Path) -> Journal {
    match Journal::open(path, &OpenOptions::new(keys(), jiff::Timestamp::UNIX_EPOCH)).unwrap() {
        Opened::Fresh(journal) | Opened::Clean(journal) => journal,
        other => panic!("{other:?}"),
    }
}

fn batch(entries: usize) -> Batch {
    let entry = LogEntry::new(
        jiff::Timestamp::UNIX_EPOCH,
        1,
        TerminalId::parse("T0001").unwrap(),
        word!("card-inserted"),
    );
    Batch { log: vec![entry; entries], ..Batch::default() }
}

#[test]
fn every_connection_waits_for_the_medium() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let journal = open(&folder.path().join("journal.db"));
        let pragma = |name: &str| -> String {
            journal
                .connection
                .query_row(&format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"), [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!((pragma("journal_mode").as_str(), pragma("synchronous").as_str()), ("wal", "2"));
        assert_eq!((pragma("secure_delete").as_str(), pragma("cell_size_check").as_str()), ("1", "1"));
    }
}

#[test]
fn a_full_disk_stops_the_journal_and_a_restart_finds_what_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    let mut journal = open(&path);
    journal.commit(&batch(3)).unwrap();
    journal.connection.pragma_update(None, "max_page_count", 12).unwrap();
    let error = loop {
        match journal.commit(&batch(50)) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, JournalError::Database { .. }), "{error:?}");
    let before = journal.last_sequence();
    assert!(matches!(journal.commit(&batch(1)), Err(JournalError::Stopped)));
    assert_eq!(journal.last_sequence(), before);
    drop(journal);

    let mut journal = open(&path);
    assert_eq!(journal.last_sequence(), before);
    journal.commit(&batch(1)).unwrap();
    drop(journal);
    assert_eq!(Some(verify_log(&path, &keys(), None).unwrap().entries - 1), before);
}
