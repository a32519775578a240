//! What survives: records of visits, the outbox, and the hash-chained, signed device log, in one SQLite file.
//!
//! The sections below are the contract; `docs/device-log.md` tells an auditor how to check a log without this program.
//!
//! # What is assumed of the medium
//!
//! A sync (`fsync`, `fdatasync`) returns after the bytes are on the medium. A write that was not followed by a sync may
//! be lost, whole or in parts, when power is lost; what was synced before is not touched by it. Where a disk lies about
//! this, the checkpoint that the host holds shows what is missing.
//!
//! # What is promised
//!
//! - [`Journal::commit`] returns after the whole [`Batch`] is durable. When it does not return, the next
//!   [`Journal::open`] finds the batch whole or not at all.
//! - Opening has four answers with four names ([`Opened`]); a damaged file is set aside under another name, never
//!   overwritten and never taken for a new one.
//! - What opening takes does not grow with the journal. It reads what recovery acts on, the end of the chain, the undecided
//!   requests, the open visits, each said a second time by the tally, so that no damaged page hides any of it; and where
//!   the next commits write, so that none of them makes damage worse. What is old is only read, by [`check_whole`]: that
//!   names the same damage in the same words, beside a running service or on a copy. Evidence, the one old thing
//!   that is changed, is not erased before all pages were checked.
//! - The whole log, with every signature, is verified by [`verify_log`], with the public key alone, on a copy.
//! - A [`LogEntry`] cannot hold a PIN, a serial, a name or a card's bytes.
//!
//! There is no clock in here: times are arguments.

mod batch;
mod btree;
mod canonical;
mod checkpoint;
mod digest;
mod entry;
mod error;
mod examine;
mod footing;
mod found;
mod lock;
mod note;
mod open;
mod outbox;
mod pages;
mod place;
mod reader;
mod render;
mod schema;
mod store;
mod tally;
mod verify;
mod visits;
mod wal;
mod whole;
mod word;

pub use batch::{
    BODY_BYTES_MAX, Batch, CMS_BYTES_MAX, Committed, Decided, Mark, OpenVisit, OutboxChange, OutboxEntry,
    Stats, StoredRecord, VisitRecord,
};
pub use checkpoint::{
    CHECKPOINT_VERSION, Checkpoint, CheckpointKeys, CheckpointSigner, FileSigner, KeyRefused, LOG_KEY_USAGE,
    SignFault,
};
pub use digest::Digest;
pub use entry::{Action, ENTRY_BYTES_MAX, ENTRY_VERSION, LogEntry, LoggedEntry, Mode, SEQUENCE_MAX};
pub use error::JournalError;
pub use lock::is_in_use;
pub use note::check_at_next_open;
pub use open::{CorruptReason, CorruptReport, OpenOptions, Opened};
pub use reader::{Filter, LogPage, ReadError, read_log};
pub use render::{Zone, to_json, to_text};
pub use schema::{APPLICATION_ID, SCHEMA_VERSIONS, SQLITE_VERSION_MIN, sqlite_version};
pub use store::Journal;
pub use verify::{LogBroken, LogReport, VerifyError, verify_log};
pub use whole::{NotWhole, WholeReport, check_whole};
pub use word::{
    AcceptanceNumber, BadText, DETAIL_BYTES_MAX, Detail, ID_BYTES_MAX, LANGUAGE_BYTES_MAX, Language,
    TerminalId, WORD_BYTES_MAX, Word, is_word,
};
