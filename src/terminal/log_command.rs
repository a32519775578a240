//! `myna-atm log`: the device log for bank operations.
//!
//! Invariants:
//! - Reading changes nothing: not the journal of a running terminal, not a copy on another machine.
//! - `verify` needs the copy and the public key only, no configuration; its exit status is the answer.
//! - What goes to standard output is the log or the verdict; everything else goes to standard error.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use journal::{
    Checkpoint, CheckpointKeys, Digest, Filter, KeyRefused, LogPage, ReadError, TerminalId, VerifyError, Zone,
};
use serde_json::json;
use uuid::Uuid;
use wire::Message as _;

use crate::cli::AtConfig;
use crate::config::{Config, ConfigError, JST};
use crate::queue::chain;

/// How often a followed log is looked at.
const FOLLOW_PAUSE: Duration = Duration::from_millis(500);
/// So many entries are shown before following begins.
const FOLLOW_BEFORE: usize = 10;

const FAULT: u8 = 1;
const USAGE: u8 = 2;
const BROKEN: u8 = 3;

/// Arguments of `myna-atm log`.
#[derive(Debug, Args)]
pub struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Prints entries of the device log.
    #[command(after_long_help = "Exit status: 0, 1 when the log cannot be read or an entry is damaged.")]
    Show(Show),
    /// Prints the newest entries and then each new one, until it is stopped.
    Follow(Follow),
    /// Says whether the log is the one that was written: finds edits, gaps, swaps and a cut-off tail.
    #[command(long_about = VERIFY_HELP)]
    Verify(Verify),
}

const VERIFY_HELP: &str = "\
Says whether the log is the one that was written.

Works on a copy of the journal, on any machine, with the terminal's public log key alone:

  myna-host checkpoint --config host.toml T0001 > T0001.json
  myna-atm log verify --journal copy/journal.db --key T0001-log.crt.pem --checkpoint T0001.json

Without --checkpoint (what the host holds) a tail that was cut off together with its checkpoints is not found.

Exit status: 0 intact, 3 broken, 1 cannot be read, 2 usage.";

#[derive(Debug, Args)]
struct Source {
    #[command(flatten)]
    at: AtConfig,
    /// The journal, or a copy of it. Default: the one of the configuration.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Form {
    /// One JSON object a line: the very bytes that are hashed.
    #[arg(long)]
    json: bool,
    /// Times in UTC instead of Japan Standard Time (text only; JSON is always UTC).
    #[arg(long)]
    utc: bool,
}

#[derive(Debug, Args)]
struct Which {
    /// Only this visit.
    #[arg(long, value_name = "UUID")]
    visit: Option<Uuid>,
    /// Only the visit with this reference number, as on the receipt: `FSHT-JWKX-LYMZ`.
    #[arg(long, value_name = "NUMBER", conflicts_with = "visit")]
    reference: Option<String>,
    /// Only entries with this code.
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
}

#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    source: Source,
    /// Only from this time on: `2026-11-21`, `2026-11-21T18:05` (Japan), or with a zone as in RFC 3339.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Timestamp>,
    /// Only before this time.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<Timestamp>,
    #[command(flatten)]
    which: Which,
    /// Only the newest so many.
    #[arg(long, value_name = "COUNT")]
    last: Option<usize>,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Args)]
struct Follow {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, Args)]
struct Verify {
    #[command(flatten)]
    source: Source,
    /// PEM of the log certificate or public key; several, after a renewal. Default: the configuration's.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The checkpoint that the host holds, as `myna-host checkpoint` prints it.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The verdict as a JSON object.
    #[arg(long)]
    json: bool,
}

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
enum LogError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Log(#[from] ReadError),
    #[error("cannot read {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} holds no key for the log", path.display())]
    Key { path: PathBuf, source: KeyRefused },
    #[error("{} is no checkpoint of the host", path.display())]
    Checkpoint { path: PathBuf, source: wire::ParseError },
    #[error("{} names what no journal has", path.display())]
    NotOfAJournal { path: PathBuf },
    #[error("no visit has the reference number {0}")]
    NoSuchReference(String),
    #[error("cannot write the output")]
    Output(#[source] io::Error),
}

/// Runs a `log` command; the result is the exit status.
pub fn run(arguments: &LogArgs) -> ExitCode {
    let mut out = io::stdout().lock();
    let mut errors = io::stderr().lock();
    let done = match &arguments.command {
        LogCommand::Show(show) => show.run(&mut out, &mut errors),
        LogCommand::Follow(follow) => follow.run(&mut out, &mut errors),
        LogCommand::Verify(verify) => verify.run(&mut out),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        // Whoever read the output has seen enough.
        Err(LogError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when even this fails.
            let _ = writeln!(errors, "myna-atm: {}", chain(&error));
            ExitCode::from(if matches!(error, LogError::Config(_)) { USAGE } else { FAULT })
        }
    }
}

impl Source {
    fn journal(&self) -> Result<PathBuf, LogError> {
        match &self.journal {
            Some(path) => Ok(path.clone()),
            None => Ok(Config::load(&self.at.config)?.journal_path()),
        }
    }
}

impl Which {
    fn filter(&self, journal: &Path) -> Result<Filter, LogError> {
        let visit = match &self.reference {
            None => self.visit,
            Some(reference) => Some(visit_of(journal, reference)?),
        };
        Ok(Filter { visit, code: self.code.clone(), ..Filter::default() })
    }
}

/// The entry of the signature carries the reference number, so that a receipt leads to its visit.
fn visit_of(journal: &Path, reference: &str) -> Result<Uuid, LogError> {
    let wanted = reference.trim().to_ascii_uppercase();
    let signed = Filter { code: Some("request-signed".to_owned()), ..Filter::default() };
    let page = journal::read_log(journal, &signed)?;
    let found = page.entries.iter().rev().map(|logged| &logged.entry).find(|entry| {
        entry.detail.as_ref().is_some_and(|detail| detail.as_str().split(' ').any(|part| part == wanted))
    });
    found.and_then(|entry| entry.visit).ok_or(LogError::NoSuchReference(wanted))
}

impl Show {
    fn run(&self, out: &mut dyn Write, errors: &mut dyn Write) -> Result<u8, LogError> {
        let journal = self.source.journal()?;
        let filter = Filter { from: self.from, to: self.to, last: self.last, ..self.which.filter(&journal)? };
        let page = journal::read_log(&journal, &filter)?;
        self.form.print(&page, out)?;
        Ok(if tell_damage(&page, errors) { FAULT } else { 0 })
    }
}

impl Follow {
    fn run(&self, out: &mut dyn Write, errors: &mut dyn Write) -> Result<u8, LogError> {
        let journal = self.source.journal()?;
        let mut filter = Filter { last: Some(FOLLOW_BEFORE), ..self.which.filter(&journal)? };
        loop {
            let page = journal::read_log(&journal, &filter)?;
            self.form.print(&page, out)?;
            tell_damage(&page, errors);
            filter.after = page.last_sequence;
            filter.last = None;
            // Nothing unparks this thread: it is a pause that a signal ends with the process.
            std::thread::park_timeout(FOLLOW_PAUSE);
        }
    }
}

impl Form {
    fn print(&self, page: &LogPage, out: &mut dyn Write) -> Result<(), LogError> {
        let zone = if self.utc { Zone::Utc } else { Zone::Jst };
        for entry in &page.entries {
            let line = if self.json { journal::to_json(entry) } else { journal::to_text(entry, zone) };
            writeln!(out, "{line}").map_err(LogError::Output)?;
        }
        out.flush().map_err(LogError::Output)
    }
}

fn tell_damage(page: &LogPage, errors: &mut dyn Write) -> bool {
    for sequence in &page.damaged {
        // Nobody is left to tell when even this fails.
        let _ = writeln!(errors, "myna-atm: entry {sequence} is damaged; `myna-atm log verify` says more");
    }
    !page.damaged.is_empty()
}

impl Verify {
    fn run(&self, out: &mut dyn Write) -> Result<u8, LogError> {
        let journal = self.source.journal()?;
        let key = match &self.key {
            Some(path) => path.clone(),
            None => Config::load(&self.source.at.config)?.keys.log.certificate,
        };
        let keys = CheckpointKeys::from_pem(&read(&key)?)
            .map_err(|source| LogError::Key { path: key.clone(), source })?;
        let held = self.checkpoint.as_deref().map(held_by_host).transpose()?;
        match journal::verify_log(&journal, &keys, held.as_ref()) {
            Ok(report) => {
                let verdict = json!({
                    "intact": true,
                    "terminal_id": report.terminal_id.as_ref().map(TerminalId::as_str),
                    "first_sequence": report.first_sequence,
                    "last_sequence": report.last_sequence,
                    "entries": report.entries,
                    "checkpoints": report.checkpoints,
                    "unsigned_entries": report.unsigned_entries,
                    "compared_with_host": report.compared_with_host,
                });
                self.tell(&verdict, &format!("intact: {report}"), out)?;
                Ok(0)
            }
            Err(VerifyError::Broken(broken)) => {
                let verdict = json!({ "intact": false, "broken": broken.to_string() });
                self.tell(&verdict, &format!("broken: {broken}"), out)?;
                Ok(BROKEN)
            }
            Err(VerifyError::Read(error)) => Err(error.into()),
        }
    }

    fn tell(&self, verdict: &serde_json::Value, text: &str, out: &mut dyn Write) -> Result<(), LogError> {
        let told = if self.json { writeln!(out, "{verdict}") } else { writeln!(out, "{text}") };
        told.map_err(LogError::Output)
    }
}

fn read(path: &Path) -> Result<String, LogError> {
    std::fs::read_to_string(path).map_err(|source| LogError::File { path: path.to_owned(), source })
}

/// Reads what `myna-host checkpoint` printed.
fn held_by_host(path: &Path) -> Result<Checkpoint, LogError> {
    let held = wire::LogCheckpoint::parse(read(path)?.trim().as_bytes())
        .map_err(|source| LogError::Checkpoint { path: path.to_owned(), source })?;
    let ours = || {
        Some(Checkpoint {
            terminal_id: TerminalId::parse(held.terminal_id.as_str()).ok()?,
            sequence: held.sequence,
            entry_hash: Digest::parse(&held.entry_hash.to_string())?,
            signed_at: held.signed_at.timestamp(),
            signature: held.signature.as_der().to_vec(),
        })
    };
    ours().ok_or_else(|| LogError::NotOfAJournal { path: path.to_owned() })
}

/// A time with a zone as in RFC 3339, or a date or time in Japan without one.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    let wanted = "a date (2026-11-21), a time in Japan (2026-11-21T18:05), or RFC 3339 with a zone";
    let in_japan = |local: DateTime| JST.to_timestamp(local).map_err(|error| error.to_string());
    if let Ok(exact) = text.parse::<Timestamp>() {
        return Ok(exact);
    }
    if !text.contains(['T', ' ']) {
        return text
            .parse::<Date>()
            .map_err(|_| format!("not {wanted}"))
            .and_then(|day| in_japan(day.into()));
    }
    text.parse::<DateTime>().map_err(|_| format!("not {wanted}")).and_then(in_japan)
}

#[cfg(test)]
mod tests;
