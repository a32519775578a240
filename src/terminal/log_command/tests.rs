//! The log commands, on a journal of their own.

use clap::Parser;
use journal::{Batch, CheckpointSigner, Detail, FileSigner, Journal, LogEntry, OpenOptions, Opened, Word};

use super::*;

#[derive(Parser)]
struct Program {
    #[command(flatten)]
    arguments: LogArgs,
}

/// A log key made once for these tests; it protects nothing.
struct World {
    folder: tempfile::TempDir,
    key: String,
    public: PathBuf,
}

const VISIT: u128 = 7;

impl World {
    /// A journal of three entries with a checkpoint, the middle one about a visit.
    fn new() -> Self {
        use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
        let folder = tempfile::tempdir().unwrap();
        let key = p256::SecretKey::from_slice(&[0x42; 32]).unwrap();
        let public = folder.path().join("log.pem");
        std::fs::write(&public, key.public_key().to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
        let key = key.to_pkcs8_pem(LineEnding::LF).unwrap().to_string();
        let world = Self { folder, key, public };
        let mut journal = world.open();
        let batch =
            Batch { log: vec![entry(0, "started"), signed(1), entry(2, "card-taken")], ..Batch::default() };
        journal.commit(&batch).unwrap();
        journal.checkpoint(&world.signer(), at(3)).unwrap();
        world
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal.db")
    }

    fn signer(&self) -> impl CheckpointSigner {
        FileSigner::from_pem(&self.key).unwrap()
    }

    fn open(&self) -> Journal {
        let keys = CheckpointKeys::from_pem(&std::fs::read_to_string(&self.public).unwrap()).unwrap();
        match Journal::open(&self.path(), &OpenOptions::new(keys, at(0))).unwrap() {
            Opened::Fresh(journal) | Opened::Clean(journal) => journal,
            other => panic!("neither fresh nor clean: {other:?}"),
        }
    }

    /// Exit status and output of a command line behind `log`.
    fn run(&self, line: &str) -> (Result<u8, LogError>, String) {
        let journal = self.path();
        let public = self.public.clone();
        let line =
            line.replace("JOURNAL", journal.to_str().unwrap()).replace("PUBLIC", public.to_str().unwrap());
        let program = Program::try_parse_from(std::iter::once("log").chain(line.split(' '))).unwrap();
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let status = match &program.arguments.command {
            LogCommand::Show(show) => show.run(&mut out, &mut errors),
            LogCommand::Verify(verify) => verify.run(&mut out),
            LogCommand::Follow(_) => panic!("it does not end"),
        };
        (status, String::from_utf8(out).unwrap())
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_248_000 + second).unwrap()
}

fn entry(second: i64, code: &'static str) -> LogEntry {
    LogEntry::new(at(second), 1_000, TerminalId::parse("T0001").unwrap(), Word::new(code).unwrap())
}

fn signed(second: i64) -> LogEntry {
    let detail = Some(Detail::of("FSHT-JWKX-LYMZ"));
    LogEntry { visit: Some(Uuid::from_u128(VISIT)), detail, ..entry(second, "request-signed") }
}

#[test]
fn show_has_one_line_for_each_entry() {
    let (status, text) = World::new().run("show --journal JOURNAL");
    assert_eq!(status.unwrap(), 0);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[0].contains("started") && lines[0].contains("JST"), "{text}");
    assert!(lines[2].contains("card-taken"), "{text}");
}

#[test]
fn show_filters_by_time_visit_reference_code_and_count() {
    let world = World::new();
    let visit = format!("show --journal JOURNAL --visit {}", Uuid::from_u128(VISIT));
    for (line, codes) in [
        (visit.as_str(), &["request-signed"][..]),
        ("show --journal JOURNAL --reference fsht-jwkx-lymz", &["request-signed"]),
        ("show --journal JOURNAL --code started", &["started"]),
        ("show --journal JOURNAL --last 2", &["request-signed", "card-taken"]),
        ("show --journal JOURNAL --from 2026-11-21T17:00:01 --to 2026-11-21T17:00:02", &["request-signed"]),
        ("show --journal JOURNAL --from 2026-11-21T08:00:02Z", &["card-taken"]),
        ("show --journal JOURNAL --from 2026-11-22", &[]),
    ] {
        let (status, text) = world.run(line);
        assert_eq!(status.unwrap(), 0, "{line}");
        assert_eq!(text.lines().count(), codes.len(), "{line}: {text}");
        assert!(codes.iter().all(|code| text.contains(code)), "{line}: {text}");
    }
    let (unknown, _) = world.run("show --journal JOURNAL --reference CCCC-CCCC-CCCC");
    assert!(matches!(unknown.unwrap_err(), LogError::NoSuchReference(_)));
}

#[test]
fn json_lines_are_objects_in_utc() {
    let (_, text) = World::new().run("show --journal JOURNAL --json --last 1");
    let entry: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(entry["code"], "card-taken");
    assert!(!text.contains("JST"));
}

#[test]
fn an_intact_log_verifies_with_the_public_key_alone() {
    let world = World::new();
    let (status, text) = world.run("verify --journal JOURNAL --key PUBLIC");
    assert_eq!(status.unwrap(), 0);
    assert!(text.starts_with("intact: 3 entries of T0001"), "{text}");
    let (_, json) = world.run("verify --journal JOURNAL --key PUBLIC --json");
    let verdict: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&verdict["intact"], &verdict["entries"]), (&json!(true), &json!(3)));
}

#[test]
fn a_tail_that_was_cut_off_is_found_by_what_the_host_holds() {
    let world = World::new();
    let held = {
        let journal = world.open();
        let checkpoint = journal.last_checkpoint().unwrap().unwrap();
        let later = Checkpoint { sequence: checkpoint.sequence + 1, ..checkpoint };
        let signature = world.signer().sign(later.statement().as_bytes()).unwrap();
        json!({
            "terminal_id": "T0001",
            "sequence": later.sequence,
            "entry_hash": later.entry_hash.to_string(),
            "signed_at": "2026-11-21T08:00:03.000Z",
            "signature": base64(&signature),
        })
    };
    let file = world.folder.path().join("held.json");
    std::fs::write(&file, held.to_string()).unwrap();
    let line = format!("verify --journal JOURNAL --key PUBLIC --checkpoint {}", file.display());
    let (status, text) = world.run(&line);
    assert_eq!(status.unwrap(), BROKEN, "{text}");
    assert!(text.starts_with("broken: ") && text.contains("cut off"), "{text}");
}

#[test]
fn a_wrong_key_and_a_missing_file_are_told_apart() {
    let world = World::new();
    let (missing, _) = world.run("verify --journal /nonexistent/journal.db --key PUBLIC");
    assert!(matches!(missing.unwrap_err(), LogError::Log(ReadError::Missing { .. })));
    let (no_key, _) = world.run("verify --journal JOURNAL --key JOURNAL");
    assert!(matches!(no_key.unwrap_err(), LogError::File { .. } | LogError::Key { .. }));
    let (no_checkpoint, _) = world.run("verify --journal JOURNAL --key PUBLIC --checkpoint PUBLIC");
    assert!(matches!(no_checkpoint.unwrap_err(), LogError::Checkpoint { .. }));
}

#[test]
fn times_are_of_japan_unless_they_say_otherwise() {
    let utc = |text: &str| parse_time(text).map(|at| at.to_string());
    assert_eq!(utc("2026-11-21").unwrap(), "2026-11-20T15:00:00Z");
    assert_eq!(utc("2026-11-21T18:05").unwrap(), "2026-11-21T09:05:00Z");
    assert_eq!(utc("2026-11-21 18:05:30").unwrap(), "2026-11-21T09:05:30Z");
    assert_eq!(utc("2026-11-21T18:05:00+09:00").unwrap(), "2026-11-21T09:05:00Z");
    for text in ["", "yesterday", "2026-13-01", "18:05"] {
        assert!(parse_time(text).is_err(), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_time_panic(text in "[-0-9T :.+Z]{0,30}|\\PC{0,20}") {
        let _ = parse_time(&text);
    }
}

/// Base64 with padding (RFC 4648), as on the wire.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for sign in 0..4 {
            let index = (word >> (18 - 6 * sign)) as usize & 63;
            text.push(if sign > chunk.len() { '=' } else { char::from(SIGNS[index]) });
        }
    }
    text
}
