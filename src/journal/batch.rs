//! What one commit makes durable, and what the outbox and the records give back.

use jiff::Timestamp;
use uuid::Uuid;

use crate::digest::Digest;
use crate::entry::LogEntry;
use crate::word::{AcceptanceNumber, Word};

/// Bytes of the largest signed request or signed answer.
pub const CMS_BYTES_MAX: usize = 64 * 1_024;
/// Bytes of the largest body of a record, as JSON.
pub const BODY_BYTES_MAX: usize = 4_096;

/// What becomes durable together, or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// Records of visits, in this order.
    pub records: Vec<VisitRecord>,
    /// Changes of the outbox, in this order.
    pub outbox: Vec<OutboxChange>,
    /// Entries of the device log, in this order.
    pub log: Vec<LogEntry>,
}

/// Where a record stands in its visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The visit begins with it: until a record closes it, the next start finds it open.
    Opens,
    /// Neither; also what is recorded about a visit that is over.
    Continues,
    /// The visit is over with it.
    Closes,
}

impl Mark {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Opens => "opens",
            Self::Continues => "continues",
            Self::Closes => "closes",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Opens, Self::Continues, Self::Closes].into_iter().find(|mark| mark.as_str() == word)
    }
}

/// What happened in one visit, for recovery.
#[derive(Debug, Clone)]
pub struct VisitRecord {
    /// Which visit.
    pub visit: Uuid,
    /// When; kept in milliseconds.
    pub at: Timestamp,
    /// What kind of record.
    pub kind: Word,
    /// Ids and codes; at most [`BODY_BYTES_MAX`].
    pub body: serde_json::Value,
    /// Where it stands in the visit.
    pub mark: Mark,
}

/// One change of the outbox.
#[derive(Debug, Clone)]
pub enum OutboxChange {
    /// A signed request must be delivered. The same bytes again change nothing.
    Put {
        /// Which request.
        request_id: Uuid,
        /// Of which visit.
        visit: Uuid,
        /// CMS, DER; at most [`CMS_BYTES_MAX`].
        cms: Vec<u8>,
        /// The host refuses it afterwards, with a signed answer.
        accept_until: Timestamp,
    },
    /// The host decided. The same decision again changes nothing, and the first answer stays.
    Decided {
        /// Which request.
        request_id: Uuid,
        /// The decision.
        decision: Decided,
    },
}

/// A decision of the host, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// Class of the outcome.
    pub outcome: Word,
    /// Stable code.
    pub code: Word,
    /// For an accepted registration.
    pub acceptance_number: Option<AcceptanceNumber>,
    /// The host's signed answer (CMS, DER; at most [`CMS_BYTES_MAX`]); `None` when read after erasure.
    pub answer: Option<Vec<u8>>,
    /// When the terminal took it; kept in milliseconds.
    pub at: Timestamp,
}

/// A request in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Which request.
    pub request_id: Uuid,
    /// Of which visit.
    pub visit: Uuid,
    /// SHA-256 of the signed request; stays after erasure.
    pub sha256: Digest,
    /// The signed request, byte for byte; `None` after erasure.
    pub cms: Option<Vec<u8>>,
    /// The host refuses it afterwards.
    pub accept_until: Timestamp,
    /// What the host decided.
    pub decided: Option<Decided>,
    /// When the evidence was erased.
    pub erased_at: Option<Timestamp>,
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// When.
    pub at: Timestamp,
    /// What kind of record.
    pub kind: Word,
    /// As committed.
    pub body: serde_json::Value,
    /// Where it stands in the visit.
    pub mark: Mark,
}

/// A visit that was not over when the process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenVisit {
    /// Which visit.
    pub visit: Uuid,
    /// Its records, oldest first; the first one opened it.
    pub records: Vec<StoredRecord>,
}

/// A batch is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Sequence number of the newest entry of the device log; `None` when it is empty.
    pub last_sequence: Option<u64>,
    /// Entries of the device log that no checkpoint covers yet.
    pub unsigned_entries: u64,
}

/// What this journal has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Transactions made durable: each waited for one sync of the write-ahead log (`fsync`, or `fdatasync` where SQLite
    /// is built with it). Once in about 1,000 pages SQLite moves that log into the database, which takes more syncs.
    pub commits: u64,
    /// Entries of the device log written.
    pub log_entries: u64,
    /// Records of visits written.
    pub records: u64,
    /// Checkpoints signed and stored.
    pub checkpoints: u64,
}
