//! Every way to change a log, done with SQL on a copy, is found.

use std::fs;
use std::path::PathBuf;

use journal::{
    Checkpoint, CheckpointKeys, CheckpointSigner as _, Digest, LogBroken, LogReport, LoggedEntry,
    VerifyError, verify_log, word,
};
use rusqlite::Connection;

use crate::support::*;

struct Copy {
    place: Place,
    held: Checkpoint,
}

impl Copy {
    /// Three visits: entries 1 to 30, checkpoints at 10, 20 and 30, and two entries that are not signed.
    fn new() -> Self {
        let place = Place::new();
        let mut journal = opened(&place.path());
        grow(&mut journal, 0, 3);
        journal.commit(&log((30..32).map(|n| entry(n, word!("card-inserted"))))).unwrap();
        let held = journal.last_checkpoint().unwrap().unwrap();
        drop(journal);
        Self { place, held }
    }

    fn edited(sql: &str) -> Self {
        let copy = Self::new();
        copy.sql().execute_batch(sql).unwrap();
        copy
    }

    fn path(&self) -> PathBuf {
        self.place.path()
    }

    fn sql(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    fn verify(&self, held: Option<&Checkpoint>) -> Result<LogReport, LogBroken> {
        verify_log(&self.path(), &keys(), held).map_err(|error| match error {
            VerifyError::Broken(broken) => broken,
            VerifyError::Read(error) => panic!("{error:?}"),
        })
    }

    fn broken(&self) -> LogBroken {
        self.verify(None).unwrap_err()
    }

    /// What somebody without the key would do: change entry `edit`, then compute all digests behind it anew.
    fn rewrite(&self, edit: u64, change: impl Fn(&str) -> String) {
        let sql = self.sql();
        let mut rows: Vec<(u32, String)> = sql
            .prepare("SELECT seq, entry FROM device_log ORDER BY seq")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let mut prev = Digest::ZERO;
        for (seq, text) in &mut rows {
            let mut entry = LoggedEntry::parse(text).unwrap();
            entry.prev = prev;
            *text = entry.canonical();
            if u64::from(*seq) == edit {
                *text = change(text);
            }
            prev = Digest::of(text.as_bytes());
            sql.execute(
                "UPDATE device_log SET entry = ?2, hash = ?3 WHERE seq = ?1",
                (*seq, &*text, prev.as_bytes()),
            )
            .unwrap();
        }
    }
}

#[test]
fn an_untouched_log_passes() {
    let copy = Copy::new();
    let report = copy.verify(Some(&copy.held)).unwrap();
    assert_eq!((report.entries, report.first_sequence, report.last_sequence), (32, 1, 32));
    assert_eq!((report.checkpoints, report.unsigned_entries), (3, 2));
    assert_eq!(report.last_checkpoint.as_ref(), Some(&copy.held));
    assert_eq!(
        report.to_string(),
        "32 entries of T0001, 1 to 32, 3 checkpoints; 2 entries after the last checkpoint: not yet signed; \
         agrees with the checkpoint that the host holds"
    );
}

#[test]
fn an_empty_log_passes() {
    let place = Place::new();
    drop(opened(&place.path()));
    let report = verify_log(&place.path(), &keys(), None).unwrap();
    assert_eq!((report.entries, report.unsigned_entries, report.terminal_id), (0, 0, None));
}

#[test]
fn an_edit_is_found() {
    let edit = "UPDATE device_log SET entry = replace(entry, 'card-taken', 'card-takem') WHERE seq = 17";
    assert_eq!(Copy::edited(edit).broken(), LogBroken::Edited { sequence: 17 });
}

#[test]
fn an_edited_digest_is_found() {
    let edit = "UPDATE device_log SET hash = zeroblob(32) WHERE seq = 17";
    assert_eq!(Copy::edited(edit).broken(), LogBroken::Edited { sequence: 17 });
}

#[test]
fn other_spelling_is_an_edit() {
    let edit = "UPDATE device_log SET entry = replace(entry, ',', ', ') WHERE seq = 17";
    assert_eq!(Copy::edited(edit).broken(), LogBroken::Edited { sequence: 17 });
}

#[test]
fn a_type_that_is_not_text_is_an_edit() {
    let edit = "UPDATE device_log SET entry = CAST(x'ff00ff' AS TEXT) WHERE seq = 17";
    assert_eq!(Copy::edited(edit).broken(), LogBroken::Edited { sequence: 17 });
}

#[test]
fn an_edit_with_its_digest_is_found_by_the_next_entry() {
    let copy = Copy::new();
    let sql = copy.sql();
    let text: String =
        sql.query_row("SELECT entry FROM device_log WHERE seq = 17", [], |row| row.get(0)).unwrap();
    let text = text.replace("card-taken", "card-takem");
    let hash = Digest::of(text.as_bytes());
    sql.execute("UPDATE device_log SET entry = ?1, hash = ?2 WHERE seq = 17", (text, hash.as_bytes()))
        .unwrap();
    drop(sql);
    assert_eq!(copy.broken(), LogBroken::Unlinked { sequence: 18 });
}

#[test]
fn a_chain_that_was_computed_anew_ends_at_the_next_checkpoint() {
    let copy = Copy::new();
    copy.rewrite(17, |text| text.replace("card-taken", "card-takem"));
    assert_eq!(copy.broken(), LogBroken::Rewritten { after: 10, checkpoint: 20 });
}

#[test]
fn a_chain_and_statement_that_were_computed_anew_end_at_the_signature() {
    let copy = Copy::new();
    copy.rewrite(17, |text| text.replace("card-taken", "card-takem"));
    let sql = copy.sql();
    for seq in [20_u32, 30] {
        let hash: Vec<u8> =
            sql.query_row("SELECT hash FROM device_log WHERE seq = ?1", [seq], |row| row.get(0)).unwrap();
        let hash = Digest::from(<[u8; 32]>::try_from(hash).unwrap());
        let checkpoint = Checkpoint { sequence: u64::from(seq), entry_hash: hash, ..copy.held.clone() };
        sql.execute(
            "UPDATE device_log_checkpoint SET statement = ?2 WHERE seq = ?1",
            (seq, checkpoint.statement()),
        )
        .unwrap();
    }
    drop(sql);
    assert_eq!(copy.broken(), LogBroken::BadSignature { sequence: 20 });
}

#[test]
fn a_chain_computed_anew_with_all_checkpoints_removed_is_found_with_the_hosts() {
    let copy = Copy::new();
    copy.rewrite(17, |text| text.replace("card-taken", "card-takem"));
    copy.sql().execute_batch("DELETE FROM device_log_checkpoint").unwrap();
    assert_eq!(copy.verify(None).unwrap().unsigned_entries, 32);
    let broken = copy.verify(Some(&copy.held)).unwrap_err();
    assert_eq!(broken, LogBroken::Rewritten { after: 0, checkpoint: 30 });
}

#[test]
fn a_gap_is_found() {
    let copy = Copy::edited("DELETE FROM device_log WHERE seq BETWEEN 15 AND 16");
    let broken = copy.broken();
    assert_eq!(broken, LogBroken::Gap { after: 14, next: 17 });
    assert_eq!(broken.to_string(), "entries 15 to 16 are missing");
}

#[test]
fn a_gap_that_was_closed_is_found() {
    let copy = Copy::edited(
        "DELETE FROM device_log WHERE seq = 15;
         UPDATE device_log SET seq = -seq WHERE seq > 15;
         UPDATE device_log SET seq = -seq - 1 WHERE seq < 0;",
    );
    assert_eq!(copy.broken(), LogBroken::Swapped { sequence: 15, holds: 16 });
}

#[test]
fn a_missing_beginning_is_found() {
    assert_eq!(
        Copy::edited("DELETE FROM device_log WHERE seq < 12").broken(),
        LogBroken::HeadCutOff { sequence: 12 }
    );
}

#[test]
fn a_beginning_that_was_made_anew_is_found() {
    let copy = Copy::edited("DELETE FROM device_log WHERE seq < 12");
    copy.rewrite(0, str::to_owned);
    assert_eq!(copy.broken(), LogBroken::Rewritten { after: 0, checkpoint: 20 });
}

#[test]
fn a_swap_is_found() {
    let copy = Copy::edited(
        "UPDATE device_log SET seq = -1 WHERE seq = 15;
         UPDATE device_log SET seq = 15 WHERE seq = 16;
         UPDATE device_log SET seq = 16 WHERE seq = -1;",
    );
    assert_eq!(copy.broken(), LogBroken::Swapped { sequence: 15, holds: 16 });
}

#[test]
fn a_tail_that_was_cut_off_is_found_by_the_last_checkpoint() {
    let copy = Copy::edited("DELETE FROM device_log WHERE seq > 27");
    assert_eq!(copy.broken(), LogBroken::CutOff { last: 27, checkpoint: 30 });
}

#[test]
fn a_tail_that_was_cut_off_with_its_checkpoints_is_found_with_the_hosts() {
    let copy = Copy::edited(
        "DELETE FROM device_log WHERE seq > 20; DELETE FROM device_log_checkpoint WHERE seq > 20;",
    );
    assert_eq!(copy.verify(None).unwrap().last_sequence, 20);
    assert_eq!(copy.verify(Some(&copy.held)).unwrap_err(), LogBroken::CutOff { last: 20, checkpoint: 30 });
}

#[test]
fn a_log_that_was_emptied_is_found_with_the_hosts() {
    let copy = Copy::edited("DELETE FROM device_log; DELETE FROM device_log_checkpoint;");
    assert_eq!(copy.verify(None).unwrap().entries, 0);
    assert_eq!(copy.verify(Some(&copy.held)).unwrap_err(), LogBroken::CutOff { last: 0, checkpoint: 30 });
}

#[test]
fn entries_that_were_added_behind_the_last_checkpoint_are_reported_as_not_signed() {
    let copy = Copy::new();
    let sql = copy.sql();
    let hash: Vec<u8> =
        sql.query_row("SELECT hash FROM device_log WHERE seq = 32", [], |row| row.get(0)).unwrap();
    let prev = Digest::from(<[u8; 32]>::try_from(hash).unwrap());
    let forged = entry(32, word!("card-taken")).canonical(33, &prev);
    let hash = Digest::of(forged.as_bytes());
    sql.execute("INSERT INTO device_log VALUES (33, ?1, ?2)", (forged, hash.as_bytes())).unwrap();
    drop(sql);
    let report = copy.verify(Some(&copy.held)).unwrap();
    assert_eq!(report.unsigned_entries, 3);
    assert!(report.to_string().contains("3 entries after the last checkpoint: not yet signed"), "{report}");
}

#[test]
fn edits_of_checkpoints_are_found() {
    let replaced =
        "UPDATE device_log_checkpoint SET statement = replace(statement, ':20,', ':21,') WHERE seq = 20";
    assert_eq!(Copy::edited(replaced).broken(), LogBroken::CheckpointEdited { sequence: 20 });
    let spelled = "UPDATE device_log_checkpoint SET statement = statement || ' ' WHERE seq = 20";
    assert_eq!(Copy::edited(spelled).broken(), LogBroken::CheckpointEdited { sequence: 20 });
    let dated =
        "UPDATE device_log_checkpoint SET statement = replace(statement, '2026', '2025') WHERE seq = 20";
    assert_eq!(Copy::edited(dated).broken(), LogBroken::BadSignature { sequence: 20 });
    let signature = "UPDATE device_log_checkpoint SET signature = x'3006020101020101' WHERE seq = 20";
    assert_eq!(Copy::edited(signature).broken(), LogBroken::BadSignature { sequence: 20 });
    let borrowed = "UPDATE device_log_checkpoint
                    SET signature = (SELECT signature FROM device_log_checkpoint WHERE seq = 30) WHERE seq = 20";
    assert_eq!(Copy::edited(borrowed).broken(), LogBroken::BadSignature { sequence: 20 });
    let moved = "UPDATE device_log_checkpoint SET seq = 21 WHERE seq = 20";
    assert_eq!(Copy::edited(moved).broken(), LogBroken::CheckpointEdited { sequence: 21 });
}

#[test]
fn a_checkpoint_that_was_taken_out_is_found_with_the_hosts() {
    let copy = Copy::edited("DELETE FROM device_log_checkpoint WHERE seq = 30");
    assert_eq!(copy.verify(None).unwrap().unsigned_entries, 12);
    assert_eq!(copy.verify(Some(&copy.held)).unwrap_err(), LogBroken::CheckpointMissing { sequence: 30 });
}

#[test]
fn the_hosts_checkpoint_must_be_signed_and_of_this_terminal() {
    let copy = Copy::new();
    let forged = Checkpoint { sequence: 31, ..copy.held.clone() };
    assert_eq!(copy.verify(Some(&forged)).unwrap_err(), LogBroken::BadSignature { sequence: 31 });
    let mut other =
        Checkpoint { terminal_id: journal::TerminalId::parse("T0002").unwrap(), ..copy.held.clone() };
    other.signature = signer().sign(other.statement().as_bytes()).unwrap();
    let broken = copy.verify(Some(&other)).unwrap_err();
    assert!(matches!(broken, LogBroken::OtherTerminal { sequence: 30, .. }), "{broken}");
}

#[test]
fn another_key_does_not_do() {
    let copy = Copy::new();
    let other = CheckpointKeys::from_pem(&public_pem(8)).unwrap();
    let error = verify_log(&copy.path(), &other, None).unwrap_err();
    assert!(matches!(error, VerifyError::Broken(LogBroken::BadSignature { sequence: 10 })), "{error}");
}

#[test]
fn every_single_flipped_bit_of_an_entry_a_digest_or_a_checkpoint_is_found() {
    let copy = Copy::new();
    let sql = copy.sql();
    for (table, column) in [
        ("device_log", "entry"),
        ("device_log", "hash"),
        ("device_log_checkpoint", "statement"),
        ("device_log_checkpoint", "signature"),
    ] {
        let read =
            format!("SELECT CAST({column} AS BLOB), typeof({column}) = 'text' FROM {table} WHERE seq = 20");
        let (good, text): (Vec<u8>, bool) =
            sql.query_row(&read, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let value = if text { "CAST(?1 AS TEXT)" } else { "?1" };
        let write = format!("UPDATE {table} SET {column} = {value} WHERE seq = 20");
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            sql.execute(&write, [&bad]).unwrap();
            assert!(copy.verify(None).is_err(), "{column}, byte {at}");
        }
        sql.execute(&write, [&good]).unwrap();
        copy.verify(None).unwrap();
    }
}

#[test]
fn a_copy_is_verified_with_and_without_its_write_ahead_log_and_stays_as_it_was() {
    let place = Place::new();
    let mut journal = opened(&place.path());
    grow(&mut journal, 0, 2);
    let copies = Place::new();
    freeze(&place.path(), &copies.path());
    assert_eq!(copies.names(), ["journal.db", "journal.db-wal"]);
    let before: Vec<_> = copies.names().iter().map(|name| fs::read(copies.file(name)).unwrap()).collect();
    assert_eq!(verify_log(&copies.path(), &keys(), None).unwrap().entries, 20);
    let after: Vec<_> = copies.names().iter().map(|name| fs::read(copies.file(name)).unwrap()).collect();
    assert_eq!(copies.names(), ["journal.db", "journal.db-wal"]);
    assert!(before == after);

    // Without the write-ahead log it is a whole, older log; the host's checkpoint shows what is missing.
    fs::remove_file(copies.file("journal.db-wal")).unwrap();
    assert_eq!(verify_log(&copies.path(), &keys(), None).unwrap().entries, 0);
    let held = journal.last_checkpoint().unwrap().unwrap();
    let error = verify_log(&copies.path(), &keys(), Some(&held)).unwrap_err();
    assert!(matches!(error, VerifyError::Broken(LogBroken::CutOff { last: 0, checkpoint: 20 })), "{error}");
    assert_eq!(copies.names(), ["journal.db"]);

    // And the live one, beside its writer.
    assert_eq!(verify_log(&place.path(), &keys(), Some(&held)).unwrap().entries, 20);
}
