//! The commands of docs/device-log.md, run as they stand there: a log is checked with sqlite3 and openssl alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use journal::{CheckpointKeys, KeyRefused};
use rusqlite::Connection;

use crate::support::*;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/device-log.md");

/// The fenced blocks of one language, in order.
fn blocks(language: &str) -> Vec<String> {
    let text = fs::read_to_string(DOCUMENT).unwrap();
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

struct Desk {
    place: Place,
}

impl Desk {
    /// A running terminal's journal, an authority, and the terminal's log certificate.
    fn new() -> (Self, journal::Journal) {
        let place = Place::new();
        let desk = Self { place };
        fs::write(desk.file("log.key.pem"), secret_pem(7)).unwrap();
        desk.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key.pem -out ca.crt.pem -days 30 -subj /CN=Test");
        fs::write(
            desk.file("extensions"),
            "extendedKeyUsage=1.3.6.1.4.1.32473.1.3\nkeyUsage=digitalSignature\n",
        )
        .unwrap();
        desk.openssl("req -new -key log.key.pem -out log.csr -subj /CN=T0001");
        desk.openssl("x509 -req -in log.csr -CA ca.crt.pem -CAkey ca.key.pem -CAcreateserial -days 30 -extfile extensions -out log.crt.pem");
        let mut journal = opened(&desk.place.path());
        grow(&mut journal, 0, 3);
        (desk, journal)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.file(name)
    }

    fn folder(&self) -> PathBuf {
        self.place.path().parent().unwrap().to_owned()
    }

    fn openssl(&self, arguments: &str) {
        let output =
            Command::new("openssl").args(arguments.split(' ')).current_dir(self.folder()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn run(&self, script: &str) -> Output {
        Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(self.folder())
            .env("JOURNAL", self.place.path())
            .env("COPY", self.file("copy.db"))
            .env("CA", self.file("ca.crt.pem"))
            .env("CERTIFICATE", self.file("log.crt.pem"))
            .output()
            .unwrap()
    }

    fn answer(&self, script: &str) -> String {
        let output = self.run(script);
        assert!(output.status.success(), "{script}\n{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn edit(&self, sql: &str) {
        Connection::open(self.file("copy.db")).unwrap().execute_batch(sql).unwrap();
    }
}

#[test]
fn the_commands_of_the_document_accept_a_whole_log_and_refuse_a_changed_one() {
    let (desk, mut journal) = Desk::new();
    let [copy, certificate, signature, entry, chain] = <[String; 5]>::try_from(blocks("sh")).unwrap();
    desk.answer(&copy);
    assert!(desk.answer(&certificate).contains("log.crt.pem: OK"));
    assert_eq!(desk.answer(&signature), "Verified OK\n");
    let digests = desk.answer(&entry);
    let [stated, computed] = <[&str; 2]>::try_from(digests.lines().collect::<Vec<_>>()).unwrap();
    assert_eq!((stated, stated.len()), (computed, 64));
    assert_eq!(stated, journal.last_checkpoint().unwrap().unwrap().entry_hash.to_string());
    assert_eq!(desk.answer(&chain), "30 entries\n");

    // The terminal was not disturbed.
    grow(&mut journal, 3, 1);

    desk.edit("UPDATE device_log SET entry = replace(entry, 'card-taken', 'card-takem') WHERE seq = 17");
    let output = desk.run(&chain);
    assert_eq!(
        (output.status.success(), &*output.stdout),
        (false, &b"entry 18 does not follow from the one before\n"[..])
    );
    desk.edit("DELETE FROM device_log WHERE seq = 12");
    assert_eq!(desk.run(&chain).stdout, b"gap before 13\n");
    desk.edit("DELETE FROM device_log WHERE seq = 30");
    assert_eq!(desk.answer(&signature), "Verified OK\n");
    fs::remove_file(desk.file("entry.json")).unwrap();
    assert!(!desk.answer_or_nothing(&entry).contains(computed));
    desk.edit("UPDATE device_log_checkpoint SET statement = replace(statement, '2026', '2025')");
    assert!(!desk.run(&signature).status.success());
}

impl Desk {
    fn answer_or_nothing(&self, script: &str) -> String {
        let text = String::from_utf8(self.run(script).stdout).unwrap();
        text.lines().skip(1).collect()
    }
}

#[test]
fn the_document_shows_the_tables_as_they_are() {
    let (desk, journal) = Desk::new();
    drop(journal);
    let sql = Connection::open(desk.place.path()).unwrap();
    let tables: Vec<String> = sql
        .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let shown = blocks("sql").concat();
    assert_eq!(shown.trim(), format!("{};", tables.join(";\n")));
}

#[test]
fn a_log_certificate_is_taken_and_one_for_another_purpose_is_refused() {
    let (desk, _journal) = Desk::new();
    let read = |name: &str| CheckpointKeys::from_pem(&fs::read_to_string(desk.file(name)).unwrap());
    let verified = journal::verify_log(&desk.place.path(), &read("log.crt.pem").unwrap(), None).unwrap();
    assert_eq!(verified.checkpoints, 3);
    assert!(matches!(read("ca.crt.pem"), Err(KeyRefused::OtherPurpose { block: 1 })));
    assert!(Path::new(DOCUMENT).exists());
}
