//! The port to the books: what the host remembers, and the one transaction in which it decides.
//!
//! Invariants:
//! - A future of this port resolves to `Ok` only after what it tells is durable.
//! - `settle` is one transaction: whatever happens, a request id ends with one stored answer or with none.
//! - The port speaks of the host's matters only, no SQL and no SQLite in it: another engine can stand behind it. Such an
//!   engine may run a transaction again, therefore a [`Rule`] can be called more than once and has no effects.

mod books;
mod group_commit;
mod schema;
mod settle;
mod sqlite;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;
use wire::{LogCheckpoint, TerminalId};

use crate::acceptance_number::AcceptanceNumber;
use crate::evidence::SealedEvidence;
use crate::holder::{Holder, HolderHash};

pub use sqlite::{Observer, SqliteStore, StoreSettings};

/// An answer of the store, given when it is durable.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Why the store did not do it. Nothing was written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be opened or brought up.
    #[error("cannot open the database {path}: {why}")]
    Open {
        /// The file.
        path: String,
        /// Why not.
        why: String,
    },
    /// One operation failed.
    #[error("the store could not {doing}")]
    Operation {
        /// Which operation.
        doing: &'static str,
        /// From SQLite.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The rule could not come to a ruling.
    #[error("no ruling")]
    Rule(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// The batch that held the operation could not be committed.
    #[error("the commit failed")]
    Commit(#[source] Arc<rusqlite::Error>),
    /// The disk was full or broken in the middle of the batch, and SQLite took back all of it.
    #[error("the batch was rolled back")]
    RolledBack,
    /// More operations are waiting than are allowed to.
    #[error("the store is busy")]
    Busy,
    /// The store has stopped.
    #[error("the store has stopped")]
    Stopped,
    /// A row does not hold what the host wrote.
    #[error("the database holds something unexpected: {0}")]
    Unexpected(&'static str),
}

/// What the books say about a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may talk.
    Good,
    /// The operator has not listed it.
    Unknown,
    /// The operator has revoked it.
    Revoked,
}

/// A challenge as it is handed out.
#[derive(Clone, Debug)]
pub struct IssuedChallenge {
    /// For whom.
    pub terminal: TerminalId,
    /// The random bytes.
    pub challenge: [u8; 32],
    /// When.
    pub issued_at: Timestamp,
    /// The card must have signed by then.
    pub consent_by: Timestamp,
    /// The request must have arrived by then.
    pub accept_until: Timestamp,
    /// The terms that went with it.
    pub terms_version: String,
}

/// What the books say about the challenge in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChallengeState {
    /// Never given to this terminal, or forgotten.
    Unknown,
    /// Another request has it.
    Used,
    /// Free to be used, under these conditions.
    Open {
        /// When it was handed out.
        issued_at: Timestamp,
        /// The card must have signed by then.
        consent_by: Timestamp,
        /// The request must have arrived by then.
        accept_until: Timestamp,
        /// The terms that went with it.
        terms_version: String,
    },
}

/// What stands against a holder at the insurer; filled by the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum InsurerState {
    /// The insurer's data is not there yet.
    NoInsurerData,
    /// The insurer has a block on the holder.
    InsurerBlocked,
}

impl InsurerState {
    /// Stable code; the reason code of the rejection.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoInsurerData => "no-insurer-data",
            Self::InsurerBlocked => "insurer-blocked",
        }
    }

    fn from_code(code: &str) -> Result<Self, StoreError> {
        [Self::NoInsurerData, Self::InsurerBlocked]
            .into_iter()
            .find(|state| state.code() == code)
            .ok_or(StoreError::Unexpected("an insurer state"))
    }
}

/// A verified request that waits for its decision.
#[derive(Debug)]
pub struct Case {
    /// From whom: TLS identity, terminal id and countersigner are this one.
    pub terminal: TerminalId,
    /// The request.
    pub request_id: Uuid,
    /// SHA-256 of its bytes.
    pub request_sha256: [u8; 32],
    /// The challenge in it.
    pub challenge: [u8; 32],
    /// The holder, when the certificate is one that names a holder.
    pub holder: Option<Holder>,
    /// Its bytes, sealed.
    pub evidence: SealedEvidence,
    /// When it arrived.
    pub arrived_at: Timestamp,
}

/// What a ruling rests on, read in the transaction that will hold it.
#[derive(Debug)]
pub struct Facts {
    /// The challenge of the request.
    pub challenge: ChallengeState,
    /// The insurer's word on the holder.
    pub insurer: Option<InsurerState>,
    /// The number under which the holder is registered already.
    pub registered: Option<AcceptanceNumber>,
    /// A number that is free, for a new registration.
    pub free_number: AcceptanceNumber,
}

/// A ruling over the facts.
#[derive(Clone, Debug)]
pub enum Ruling {
    /// A decision with the signed answer.
    Decide {
        /// Stable code of the outcome, for the books and metrics.
        code: &'static str,
        /// Registers the holder under [`Facts::free_number`].
        registers: bool,
        /// The signed answer.
        answer: Vec<u8>,
    },
    /// Not now: nothing is written.
    NotNow(&'static str),
}

/// Makes a ruling over the facts. No effects; may be called again.
pub type Rule = Arc<dyn Fn(&Facts) -> Result<Ruling, StoreError> + Send + Sync>;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Decided now; durable.
    Decided {
        /// Stable code of the outcome.
        code: &'static str,
        /// The signed answer.
        answer: Vec<u8>,
    },
    /// The same bytes came before: the same answer.
    Before(Vec<u8>),
    /// The request id came before with other bytes.
    Conflict,
    /// No decision now; nothing was written.
    NotNow(&'static str),
    /// The terminal may not talk; nothing was written.
    Refused(Standing),
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The signed answer.
    Answer(Vec<u8>),
    /// Nothing under that id for this terminal.
    Nothing,
    /// The terminal may not talk.
    Refused(Standing),
}

/// How a log checkpoint fits to the one that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointKept {
    /// Newer, or the same again.
    Forward,
    /// Its sequence is below the held one's: kept aside as an alarm.
    WentBack,
    /// Same sequence, another hash: kept aside as an alarm.
    Contradicts,
    /// The terminal may not talk.
    Refused(Standing),
}

/// A terminal in the operator's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalRow {
    /// Its id.
    pub id: TerminalId,
    /// Whether it is revoked.
    pub revoked: bool,
    /// When it was first seen or listed.
    pub since: Timestamp,
}

/// A decision in the operator's view: nothing in it names a holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRow {
    /// From which terminal.
    pub terminal: TerminalId,
    /// Stable code of the outcome.
    pub code: String,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// SHA-256 of the request.
    pub request_sha256: [u8; 32],
    /// The signed answer.
    pub answer: Vec<u8>,
    /// The registration's number, when this request made it.
    pub acceptance_number: Option<AcceptanceNumber>,
    /// When that registration was cancelled.
    pub cancelled_at: Option<Timestamp>,
    /// Whether the evidence is still held.
    pub has_evidence: bool,
}

/// A held checkpoint, with the alarms that the terminal has raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldCheckpoint {
    /// The newest.
    pub checkpoint: LogCheckpoint,
    /// When it arrived.
    pub received_at: Timestamp,
    /// How many checkpoints went back or contradicted.
    pub alarms: u64,
}

/// What one round of housekeeping erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Sealed requests.
    pub evidence: usize,
    /// Challenges.
    pub challenges: usize,
}

/// Up to when things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Evidence of decisions before this is erased.
    pub evidence_before: Timestamp,
    /// Challenges that could be used until before this are erased.
    pub challenges_before: Timestamp,
    /// Most rows of each kind in one go.
    pub rows_max: u32,
}

/// The books.
pub trait Store: Send + Sync {
    /// Writes a challenge down.
    fn issue(&self, challenge: IssuedChallenge) -> Pending<Standing>;
    /// The one transaction: same bytes, the stored answer; other bytes, conflict; else consume the challenge, rule, store.
    fn settle(&self, case: Case, rule: Rule) -> Pending<Settled>;
    /// What became of a request of this terminal.
    fn answer_of(&self, terminal: &TerminalId, request_id: Uuid, at: Timestamp) -> Pending<Found>;
    /// Keeps a log checkpoint if it goes forward, else an alarm.
    fn keep_checkpoint(&self, checkpoint: LogCheckpoint, at: Timestamp) -> Pending<CheckpointKept>;
    /// Erases what has had its time.
    fn erase(&self, retention: Retention) -> Pending<Erased>;
    /// Resolves when the store has worked off what came before: it lives.
    fn ping(&self) -> Pending<()>;
    /// Resolves when the store cannot work any more, which is a bug: the process is to end and be started again.
    fn ended(&self) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Operator: all terminals.
    fn terminals(&self) -> Pending<Vec<TerminalRow>>;
    /// Operator: lists a terminal, or takes back its revocation.
    fn admit_terminal(&self, terminal: TerminalId, at: Timestamp) -> Pending<()>;
    /// Operator: revokes a terminal, seen before or not.
    fn revoke_terminal(&self, terminal: TerminalId, at: Timestamp) -> Pending<()>;
    /// Operator: what the insurer says about a holder; `None` takes it away. Tells whether something was there before.
    fn set_insurer(&self, holder: Holder, state: Option<InsurerState>, at: Timestamp) -> Pending<bool>;
    /// Operator: the insurer table.
    fn insurer_rows(&self) -> Pending<Vec<(HolderHash, InsurerState, Timestamp)>>;
    /// Operator: ends a registration, as after a cancellation at the insurer. Tells whether it was active.
    fn cancel(&self, number: AcceptanceNumber, at: Timestamp) -> Pending<bool>;
    /// Operator: the decisions under a request id, of all terminals.
    fn decisions(&self, request_id: Uuid) -> Pending<Vec<DecisionRow>>;
    /// Operator: the sealed request.
    fn evidence(&self, terminal: TerminalId, request_id: Uuid) -> Pending<Option<SealedEvidence>>;
    /// Operator: the held checkpoint of a terminal.
    fn checkpoint(&self, terminal: TerminalId) -> Pending<Option<HeldCheckpoint>>;
}
