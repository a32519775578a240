//! `myna-atm doctor`: everything that a visit needs, looked at before a customer does; what to do about each finding.
//!
//! Invariants:
//! - Looking changes nothing: no PIN is sent, no request, no receipt; the journal is read, never opened for writing. The
//!   one thing asked of the host is a challenge, which it forgets.
//! - Nothing that identifies the holder of a card in the reader is printed.
//! - A check that cannot look says so and fails; it never counts as good.
//! - The devices of a running service are left alone, for a customer may be at them: what the service says of them counts.

use std::cell::LazyCell;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use devices::card::SocketCheck;
use devices::port::{CardUnit, Fault, PinPad, Printer, Reason};
use jiff::Timestamp;
use jpki::PinSlot;
use serde::Serialize;

use crate::cli::AtConfig;
use crate::config::Config;
use crate::{catalogue, clock, compose};

mod card;
mod certificates;
mod host;
mod machine;
mod peripherals;
mod running;

pub(crate) use card::read_card;

const FAULT: u8 = 1;

/// Arguments of `myna-atm doctor`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Exit status: 0 when nothing fails (warnings allowed), 1 when something does, 2 usage."
)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub(crate) at: AtConfig,
    /// The findings as one JSON object.
    #[arg(long)]
    json: bool,
}

/// What the checks look with; `compose.rs` makes it from the configuration.
pub(crate) struct Instruments {
    pub(crate) card_unit: Arc<dyn CardUnit>,
    /// PC/SC readers that do not serve.
    pub(crate) other_readers: Vec<Arc<dyn CardUnit>>,
    /// Opened when somebody looks at it first, and not where a running service has it.
    pub(crate) printer: LazyCell<OpenedPrinter, Box<dyn FnOnce() -> OpenedPrinter>>,
    /// Opens the pad; a pad may have one user only.
    pub(crate) pin_pad: Box<dyn Fn() -> Result<Arc<dyn PinPad>, Fault>>,
    /// Looks at the pad without an entry; not at one that another process may have.
    pub(crate) pad_look: Box<dyn Fn() -> Result<PadLook, Fault>>,
    /// Memory for digits, locked and wiped.
    pub(crate) pin_slot: fn() -> Result<PinSlot, Fault>,
    pub(crate) pcscd_socket: fn() -> io::Result<SocketCheck>,
    /// Asks the host for a challenge over mutual TLS.
    pub(crate) host: Box<dyn Fn() -> Result<HostProbe, Box<dyn std::error::Error>>>,
}

/// A printer that has told its state, or why there is none.
pub(crate) type OpenedPrinter = Result<Arc<dyn Printer>, Fault>;

/// What a look at the PIN pad told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PadLook {
    /// A keyboard or a socket: there is nothing to ask.
    NotAsked,
    /// It proved that it is the configured one.
    Proven,
    /// It answers; who it is cannot be known.
    Answers,
    /// Its port opens; it has no question but an entry.
    PortOpens,
    /// The reader has a pad for the PIN.
    Offered,
    /// It has none, or none for this PIN.
    NotOffered,
}

/// What the host answered.
#[derive(Clone, Debug)]
pub(crate) struct HostProbe {
    /// This clock, before asking.
    pub(crate) asked_at: Timestamp,
    /// This clock, with the answer.
    pub(crate) came_at: Timestamp,
    /// The host's clock.
    pub(crate) host_time: Timestamp,
    /// The version of the current terms.
    pub(crate) terms_version: String,
}

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// Works, and deserves attention.
    Warn,
    /// No visit can succeed, or not safely.
    Fail,
}

impl Level {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    check: &'static str,
    level: Level,
    /// What was found.
    found: String,
    /// What to do; nothing when all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, found: found.into(), todo: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, found: found.into(), todo: Some(todo.into()) }
    }

    fn fail(check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, found: found.into(), todo: Some(todo.into()) }
    }
}

/// What was found, with the reason why it is not as it should be.
fn because(found: String, reason: Option<&Reason>) -> String {
    match reason {
        Some(reason) => format!("{found}: {reason} ({})", reason.code),
        None => found,
    }
}

/// What the table of codes says to do, which is what operators read beside the same code in the log.
pub(crate) fn to_do(reason: &Reason) -> String {
    to_do_for(reason.code).unwrap_or_else(|| format!("Action: {}.", reason.action.word()))
}

fn to_do_for(code: &str) -> Option<String> {
    let entry = catalogue::code(code)?;
    Some(format!("{} ({})", entry.action.replace('`', ""), who(entry.line)))
}

const fn who(line: catalogue::Line) -> &'static str {
    match line {
        catalogue::Line::Nobody => "nobody has to act",
        catalogue::Line::First => "first line",
        catalogue::Line::Second => "second line",
    }
}

/// Looks at everything and tells; the exit status is the worst finding.
pub fn run(arguments: &DoctorArgs, config: &Config) -> ExitCode {
    let findings = examine(config, &compose::instruments(config), clock::now());
    let mut out = io::stdout().lock();
    let told = if arguments.json { tell_json(&findings, &mut out) } else { tell_text(&findings, &mut out) };
    let failed = findings.iter().any(|finding| finding.level == Level::Fail);
    // A reader that closed the pipe has seen enough; the status still tells.
    if told.is_err() || !failed { ExitCode::from(u8::from(failed)) } else { ExitCode::from(FAULT) }
}

fn examine(config: &Config, instruments: &Instruments, now: Timestamp) -> Vec<Finding> {
    let mut findings = configuration(config);
    findings.extend(match journal::is_in_use(&config.journal_path()) {
        Ok(false) => devices(config, instruments, now),
        Ok(true) => running::devices(config),
        Err(error) => vec![running::unknown(&error)],
    });
    if card::uses_pcscd(config) {
        findings.extend(card::pcscd_socket(instruments));
    }
    findings.extend(host::host(instruments, config));
    findings.extend(host::calendar(config, now));
    findings.extend(certificates::own(config, now));
    findings.extend(certificates::roots(config, now));
    findings.extend(machine::journal(config));
    findings.extend(machine::sqlite());
    findings.extend(machine::disk(config));
    findings.extend(machine::memory());
    findings
}

/// Looked at by ourselves: nobody else has them.
fn devices(config: &Config, instruments: &Instruments, now: Timestamp) -> Vec<Finding> {
    let mut findings = card::reader(instruments);
    findings.extend(card::card(instruments, config));
    findings.extend(card::other_readers(instruments));
    findings.extend(peripherals::pin_pad(instruments, config));
    findings.extend(peripherals::printer(instruments));
    findings.extend(peripherals::receipt_time(instruments, config, now));
    findings
}

/// What is found of the devices alone.
#[cfg(test)]
pub(crate) fn found_of_devices(instruments: &Instruments) -> Vec<String> {
    let parts = [
        card::reader(instruments),
        card::other_readers(instruments),
        peripherals::printer(instruments),
        vec![peripherals::asked_pad(instruments)],
    ];
    parts.into_iter().flatten().map(|finding| finding.found).collect()
}

fn configuration(config: &Config) -> Vec<Finding> {
    let warnings = config.warnings();
    let mut findings: Vec<Finding> = warnings
        .into_iter()
        .map(|warning| {
            Finding::warn(
                "configuration",
                format!("{}: {}", warning.key, warning.reason),
                "Intended? Then leave it.",
            )
        })
        .collect();
    for name in [Some(&config.place.name), config.place.name_en.as_ref()].into_iter().flatten() {
        let missing = devices::printer::missing_glyphs(name);
        if !missing.is_empty() {
            let found =
                format!("the receipt cannot print {} of place {name:?}", missing.iter().collect::<String>());
            findings.push(Finding::warn(
                "configuration",
                found,
                "Spell the place with characters of JIS X 0208.",
            ));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            "configuration",
            format!("terminal {}, {}", config.terminal_id, config.place.name),
        ));
    }
    findings
}

fn tell_text(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    for finding in findings {
        writeln!(out, "{:<5} {:<14} {}", finding.level.word(), finding.check, finding.found)?;
        if let Some(todo) = &finding.todo {
            writeln!(out, "{:<20}   to do: {todo}", "")?;
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    writeln!(out, "{} ok, {} warnings, {} failed", count(Level::Ok), count(Level::Warn), count(Level::Fail))
}

fn tell_json(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    writeln!(out, "{}", serde_json::json!({ "worst": worst, "findings": findings }))
}

#[cfg(test)]
mod tests;
