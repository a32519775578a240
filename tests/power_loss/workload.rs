//! What the driver commits, step by step: visits as a terminal records them, until SQLite has moved its write-ahead log
//! into the database by itself, then a restart, evidence that is erased, and more visits.
//!
//! Invariant: nothing here depends on a clock or on chance. The test computes from the same steps what must be in the
//! journal after each of them.

use jiff::{SignedDuration, Timestamp};
use journal::{
    AcceptanceNumber, Batch, CheckpointKeys, Decided, FileSigner, Journal, JournalError, LogEntry, Mark,
    OpenOptions, OutboxChange, TerminalId, VisitRecord, word,
};
use p256::SecretKey;
use p256::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use uuid::Uuid;

/// Visits of the first process: SQLite empties its log on the way (it does so after a thousand pages).
const FIRST: u64 = 56;
/// Visits of the second one.
const SECOND: u64 = 4;
/// Visits of the first process whose evidence the second one erases.
const ERASED: u64 = 12;

/// One thing that becomes durable as a whole or not at all.
pub enum Step {
    Commit(Box<Batch>),
    Checkpoint(Timestamp),
    Erase { before: Timestamp, at: Timestamp },
}

impl Step {
    pub fn take(&self, journal: &mut Journal) -> Result<(), JournalError> {
        match self {
            Self::Commit(batch) => journal.commit(batch).map(drop),
            Self::Checkpoint(at) => journal.checkpoint(&signer(), *at).map(drop),
            Self::Erase { before, at } => journal.erase_evidence(*before, *at).map(drop),
        }
    }
}

/// All steps of both processes, and how many are the first one's.
pub fn steps() -> (Vec<Step>, usize) {
    let mut steps = Vec::new();
    for n in 0..FIRST {
        visit(n, &mut steps);
    }
    // In the middle of a visit the first process ends without a word.
    steps.pop();
    let first = steps.len();
    steps.push(Step::Erase { before: at(ERASED * 60), at: at(FIRST * 60) });
    for n in FIRST..FIRST + SECOND {
        visit(n, &mut steps);
    }
    (steps, first)
}

pub fn options() -> OpenOptions {
    let pem = secret().public_key().to_public_key_pem(LineEnding::LF).unwrap();
    OpenOptions::new(CheckpointKeys::from_pem(&pem).unwrap(), at(0))
}

fn secret() -> SecretKey {
    SecretKey::from_slice(&[7; 32]).unwrap()
}

fn signer() -> FileSigner {
    FileSigner::from_pem(&secret().to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap()
}

fn at(seconds: u64) -> Timestamp {
    let start: Timestamp = "2026-11-21T01:02:03.456Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds.cast_signed())
}

/// The commits of a visit: signed, decided and over. Every twentieth is followed by a checkpoint; every seventh is decided
/// only with the next visit.
fn visit(n: u64, steps: &mut Vec<Step>) {
    let id = |n: u64| Uuid::from_u128(0x0193_4d2a_7c11_7f00_8000_0000_0000_0000 + u128::from(n));
    let entry = |second: u64, code| LogEntry {
        visit: Some(id(n)),
        ..LogEntry::new(at(n * 60 + second), n * 60_000, TerminalId::parse("T0001").unwrap(), code)
    };
    let record = |mark| VisitRecord {
        visit: id(n),
        at: at(n * 60),
        kind: word!("request-signed"),
        body: serde_json::json!({ "request": id(n).to_string() }),
        mark,
    };
    let decided = |n: u64| OutboxChange::Decided {
        request_id: id(n),
        decision: Decided {
            outcome: word!("registered"),
            code: word!("registered"),
            acceptance_number: Some(AcceptanceNumber::parse("4821-0937-5566").unwrap()),
            answer: Some(format!("signed answer {n} ").repeat(70).into_bytes()),
            at: at(n * 60 + 9),
        },
    };
    let late = |n: u64| n % 7 == 6;
    steps.push(Step::Commit(Box::new(Batch {
        records: vec![record(Mark::Opens)],
        outbox: Vec::new(),
        log: vec![entry(0, word!("card-inserted"))],
    })));
    let put = OutboxChange::Put {
        request_id: id(n),
        visit: id(n),
        cms: format!("signed request {n} ").repeat(160).into_bytes(),
        accept_until: at(n * 60 + 86_400),
    };
    steps.push(Step::Commit(Box::new(Batch {
        records: vec![record(Mark::Continues)],
        outbox: vec![put],
        log: vec![entry(3, word!("pin-entered")), entry(5, word!("request-signed"))],
    })));
    let mut last = Batch {
        records: vec![record(Mark::Closes)],
        outbox: Vec::new(),
        log: vec![entry(9, word!("decided")), entry(12, word!("card-taken"))],
    };
    last.outbox.extend(n.checked_sub(1).filter(|before| late(*before)).map(decided));
    last.outbox.extend((!late(n)).then(|| decided(n)));
    steps.push(Step::Commit(Box::new(last)));
    if n % 20 == 19 {
        steps.push(Step::Checkpoint(at(n * 60 + 13)));
    }
}
