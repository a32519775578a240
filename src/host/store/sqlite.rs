//! The store in one SQLite file: WAL, `synchronous=FULL`, one connection on one thread.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;
use wire::{LogCheckpoint, TerminalId};

use super::group_commit::Writer;
use super::{
    Case, CheckpointKept, DecisionRow, Erased, Found, HeldCheckpoint, InsurerState, IssuedChallenge, Pending,
    Retention, Rule, Settled, Standing, Store, StoreError, TerminalRow, books, schema, settle,
};
use crate::acceptance_number::AcceptanceNumber;
use crate::evidence::SealedEvidence;
use crate::holder::{Holder, HolderHash};

/// First SQLite without the WAL-reset bug that could lose committed pages (3.51.3).
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// Statements kept prepared; more than there are.
const STATEMENTS_CACHED: usize = 64;

/// Hears what the store does; for metrics.
pub trait Observer: Send + Sync {
    /// A batch is durable; `wrote` tells whether it changed anything (else there was no fdatasync).
    fn committed(&self, operations: usize, wrote: bool);
    /// A batch was lost; its operations were told.
    fn commit_failed(&self);
}

/// How to open the store.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The file.
    pub path: PathBuf,
    /// Operations that may wait.
    pub queue_max: usize,
    /// Operations in one commit.
    pub batch_max: usize,
    /// Wait for another process that holds the file.
    pub busy_max: Duration,
    /// Whether terminals must be listed by the operator; else a good certificate is enough.
    pub terminals_listed: bool,
    /// Marks of the holder keys that are configured. Books that need another key are not opened: their holders would not
    /// be found, and be registered a second time.
    pub holder_keys: Vec<HolderHash>,
}

/// The books in SQLite.
pub struct SqliteStore {
    writer: Writer,
    terminals_listed: bool,
}

impl SqliteStore {
    /// Opens or makes the file, checks it, and starts the writer.
    ///
    /// # Errors
    /// [`StoreError::Open`] with the reason.
    pub fn open(settings: &StoreSettings, observer: Arc<dyn Observer>) -> Result<Self, StoreError> {
        let open = |why: String| StoreError::Open { path: settings.path.display().to_string(), why };
        let connection = connect(settings).map_err(open)?;
        let writer = Writer::start(connection, settings.queue_max, settings.batch_max, observer)
            .map_err(|e| open(format!("no thread: {e}")))?;
        Ok(Self { writer, terminals_listed: settings.terminals_listed })
    }
}

fn connect(settings: &StoreSettings) -> Result<Connection, String> {
    let sqlite = |e: rusqlite::Error| e.to_string();
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(format!("SQLite {} can lose committed pages, 3.51.3 is needed", rusqlite::version()));
    }
    // Made here and not by SQLite: the books are for their owner only, from the first moment.
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&settings.path)
        .map_err(|e| e.to_string())?;
    let mut connection = Connection::open(&settings.path).map_err(sqlite)?;
    connection.busy_timeout(settings.busy_max).map_err(sqlite)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(sqlite)?;
    if !mode.eq_ignore_ascii_case("wal") {
        return Err(format!("the file system does not take a write-ahead log (journal mode stays {mode})"));
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(sqlite)?;
    connection.pragma_update(None, "foreign_keys", "ON").map_err(sqlite)?;
    // Erased evidence is overwritten, not just unlinked.
    connection.pragma_update(None, "secure_delete", "ON").map_err(sqlite)?;
    let check: String =
        connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0)).map_err(sqlite)?;
    if check != "ok" {
        return Err(format!("it is damaged: {check}; restore it from a backup"));
    }
    schema::bring_up(&mut connection)?;
    books::match_holder_keys(&mut connection, &settings.holder_keys)?;
    Ok(connection)
}

impl Store for SqliteStore {
    fn issue(&self, challenge: IssuedChallenge) -> Pending<Standing> {
        let listed = self.terminals_listed;
        self.writer.submit(move |connection| settle::issue(connection, &challenge, listed))
    }

    fn settle(&self, case: Case, rule: Rule) -> Pending<Settled> {
        let listed = self.terminals_listed;
        self.writer.submit(move |connection| settle::settle(connection, &case, rule.as_ref(), listed))
    }

    fn answer_of(&self, terminal: &TerminalId, request_id: Uuid, at: Timestamp) -> Pending<Found> {
        let (terminal, listed) = (terminal.clone(), self.terminals_listed);
        self.writer.submit(move |connection| settle::answer_of(connection, &terminal, request_id, at, listed))
    }

    fn keep_checkpoint(&self, checkpoint: LogCheckpoint, at: Timestamp) -> Pending<CheckpointKept> {
        let listed = self.terminals_listed;
        self.writer.submit(move |connection| books::keep_checkpoint(connection, &checkpoint, at, listed))
    }

    fn erase(&self, retention: Retention) -> Pending<Erased> {
        self.writer.submit(move |connection| books::erase(connection, &retention))
    }

    fn ping(&self) -> Pending<()> {
        self.writer.submit(|_| Ok(()))
    }

    fn ended(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self.writer.ended())
    }

    fn terminals(&self) -> Pending<Vec<TerminalRow>> {
        self.writer.submit(books::terminals)
    }

    fn admit_terminal(&self, terminal: TerminalId, at: Timestamp) -> Pending<()> {
        self.writer.submit(move |connection| books::set_terminal(connection, &terminal, false, at))
    }

    fn revoke_terminal(&self, terminal: TerminalId, at: Timestamp) -> Pending<()> {
        self.writer.submit(move |connection| books::set_terminal(connection, &terminal, true, at))
    }

    fn set_insurer(&self, holder: Holder, state: Option<InsurerState>, at: Timestamp) -> Pending<bool> {
        self.writer.submit(move |connection| books::set_insurer(connection, &holder, state, at))
    }

    fn insurer_rows(&self) -> Pending<Vec<(HolderHash, InsurerState, Timestamp)>> {
        self.writer.submit(books::insurer_rows)
    }

    fn cancel(&self, number: AcceptanceNumber, at: Timestamp) -> Pending<bool> {
        self.writer.submit(move |connection| books::cancel(connection, number, at))
    }

    fn decisions(&self, request_id: Uuid) -> Pending<Vec<DecisionRow>> {
        self.writer.submit(move |connection| books::decisions(connection, request_id))
    }

    fn evidence(&self, terminal: TerminalId, request_id: Uuid) -> Pending<Option<SealedEvidence>> {
        self.writer.submit(move |connection| books::evidence(connection, &terminal, request_id))
    }

    fn checkpoint(&self, terminal: TerminalId) -> Pending<Option<HeldCheckpoint>> {
        self.writer.submit(move |connection| books::checkpoint(connection, &terminal))
    }
}
