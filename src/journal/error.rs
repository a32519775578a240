//! Why the journal could not do what it was asked.

use std::path::PathBuf;

use rusqlite::{ErrorCode, ffi};
use uuid::Uuid;

use crate::checkpoint::SignFault;

/// The world fails, or a batch asks for what cannot be. Nothing of the operation is durable, except where it says so.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The SQLite in this program has a bug that loses committed data.
    #[error(
        "SQLite {found} is linked and {min} is needed (numbers as SQLITE_VERSION_NUMBER): build with the bundled SQLite"
    )]
    SqliteTooOld {
        /// Linked.
        found: i32,
        /// Needed.
        min: i32,
    },
    /// Another process has the journal.
    #[error(
        "the journal {path} is in use by process {process}: stop that terminal first, or give this one a state_dir of its own"
    )]
    InUse {
        /// Which journal.
        path: PathBuf,
        /// The process, as it wrote itself down; `unknown` when it did not.
        process: String,
    },
    /// The file belongs to another program; it is left alone.
    #[error(
        "{path} is a database of another program (application id {application_id:#010x}): name another state_dir"
    )]
    NotAJournal {
        /// Which file.
        path: PathBuf,
        /// As in its header.
        application_id: u32,
    },
    /// The journal was written by another version of this program; it is left alone.
    #[error(
        "the journal {path} has schema version {found} and this program knows {known:?}: run the version that wrote it"
    )]
    SchemaVersion {
        /// Which journal.
        path: PathBuf,
        /// As in its header.
        found: u32,
        /// Listed in this program.
        known: &'static [u32],
    },
    /// The chain is whole and agrees with the last checkpoint, but none of the configured keys signed that.
    #[error(
        "the last checkpoint (entry {sequence}) of {path} is not signed by a configured log key: \
         after a renewal keep the former certificate in the same file; else somebody changed the journal"
    )]
    CheckpointNotOurs {
        /// Which journal.
        path: PathBuf,
        /// Entry of the checkpoint.
        sequence: u64,
    },
    /// A file operation failed.
    #[error("cannot {operation} {path}")]
    File {
        /// What was tried.
        operation: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database failed.
    #[error("cannot {operation}")]
    Database {
        /// What was tried.
        operation: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A commit failed before; whether it is durable only a restart finds out.
    #[error("the journal stopped after a failed commit: restart the terminal")]
    Stopped,
    /// A part of a batch is larger than the journal takes.
    #[error("{what} has {bytes} bytes and at most {max} are taken")]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// Another request lies in the outbox under the same id.
    #[error("the outbox has other bytes for request {request_id}")]
    RequestDiffers {
        /// Which.
        request_id: Uuid,
    },
    /// A decision about a request that was never put into the outbox.
    #[error("the outbox has no request {request_id}")]
    RequestUnknown {
        /// Which.
        request_id: Uuid,
    },
    /// The host decided twice, and differently.
    #[error("request {request_id} was decided before, and differently")]
    DecisionDiffers {
        /// Which.
        request_id: Uuid,
    },
    /// A stored row cannot be read: the file was damaged while it was open.
    #[error("a row of {table} is damaged: restart the terminal, which examines the journal")]
    Damaged {
        /// In which table.
        table: &'static str,
    },
    /// The pages of the file are damaged.
    #[error("the pages of the journal are damaged ({detail}): restart the terminal, which examines it")]
    PagesDamaged {
        /// What SQLite said.
        detail: String,
    },
    /// The log is full: sequence numbers end here.
    #[error("the device log has no sequence number left")]
    LogFull,
    /// The log key did not sign.
    #[error("the checkpoint at entry {sequence} was not signed")]
    Sign {
        /// Entry of the checkpoint.
        sequence: u64,
        /// Why.
        #[source]
        source: SignFault,
    },
    /// The signer's signature is not one of the configured keys': key and certificate do not belong together.
    #[error(
        "the log key made a signature that its certificate does not confirm: check [keys] log in the configuration"
    )]
    SignerDiffers,
}

impl JournalError {
    /// True when the file is damaged, and not the world around it.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } | Self::PagesDamaged { .. } => true,
            Self::Database { source, .. } => is_damage(source),
            _ => false,
        }
    }

    /// For `map_err`.
    pub(crate) fn database(operation: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Database { operation, source }
    }

    /// For `map_err`.
    pub(crate) fn file(
        operation: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::File { operation, path: path.to_owned(), source }
    }
}

/// True when SQLite says that the file is damaged; false when the world around it failed.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    let Some(code) = error.sqlite_error_code() else {
        // A value of another type than its column has.
        return true;
    };
    // A file that ends too early is the file's.
    let ends_early = error.sqlite_error().is_some_and(|e| e.extended_code == ffi::SQLITE_IOERR_SHORT_READ);
    let of_the_world = matches!(
        code,
        ErrorCode::CannotOpen
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
    );
    ends_early || !of_the_world
}
