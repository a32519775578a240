//! `myna-atm device`: for the person with a screwdriver. What is configured, how it is, and does it work.
//!
//! Invariants:
//! - A test uses no PIN try, sends nothing to the host and writes nothing into the journal.
//! - Digits that are pressed in a test are wiped and never shown.

mod running;
mod trial;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use devices::port::{Action, CardUnit, DeviceState, Fault, Reason, ReceiptState};
use serde::Serialize;
use serde_json::json;

use crate::cli::{AtConfig, with_config};
use crate::config::Config;
use crate::doctor::{Instruments, PadLook};
use crate::{clock, compose};

pub(crate) use trial::test_receipt;

const FAULT: u8 = 1;
/// A look that takes longer says so: a unit that is silent takes its time to be known as that.
const SILENT_LOOK_MAX: Duration = Duration::from_secs(2);

/// Arguments of `myna-atm device`.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    #[command(subcommand)]
    command: DeviceCommand,
}

#[derive(Debug, Subcommand)]
enum DeviceCommand {
    /// What is configured, and which readers and serial ports this machine has.
    List(Form),
    /// How each device is now, in the words of XFS4IoT: as the running service says, else as they are found. Exit status 1
    /// when one cannot be used.
    Status(Form),
    /// Tries one device: prints a test receipt, asks for keys, or reads a card (without PIN).
    #[command(after_long_help = TEST_HELP)]
    Test {
        #[command(flatten)]
        at: AtConfig,
        /// Which.
        #[arg(value_enum)]
        device: DeviceName,
    },
}

const TEST_HELP: &str = "\
Stop the service first: a device has one user. Beside a running service nothing is tried.

Exit status: 0 it works, 1 it does not and why, 2 usage.";

#[derive(Debug, Args)]
struct Form {
    #[command(flatten)]
    at: AtConfig,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DeviceName {
    CardUnit,
    PinPad,
    Printer,
}

/// One device, as it is configured.
#[derive(Debug, Serialize)]
struct Configured {
    device: &'static str,
    kind: &'static str,
    #[serde(rename = "where")]
    place: String,
}

/// One device, as it is.
#[derive(Debug, Serialize)]
struct Status {
    device: &'static str,
    /// `common.device`.
    state: &'static str,
    /// `cardReader.media`, or `printer.media` of one that hands receipts out.
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<&'static str>,
    /// `printer.paper`.
    #[serde(skip_serializing_if = "Option::is_none")]
    paper: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    what: Option<String>,
}

/// Does what was asked.
pub fn run(arguments: &DeviceArgs) -> ExitCode {
    let mut out = io::stdout().lock();
    match &arguments.command {
        DeviceCommand::List(form) => {
            with_config(&form.at.config, |config| list(&config, form.json, &mut out))
        }
        DeviceCommand::Status(form) => {
            with_config(&form.at.config, |config| status(&config, form.json, &mut out))
        }
        DeviceCommand::Test { at, device } => {
            with_config(&at.config, |config| trial::run(&config, *device, &mut out))
        }
    }
}

fn list(config: &Config, json: bool, out: &mut impl Write) -> ExitCode {
    let configured: Vec<_> = compose::device_places(config)
        .into_iter()
        .map(|(device, kind, place)| Configured { device, kind, place })
        .collect();
    let (readers, ports) = compose::found_here();
    let told = if json {
        writeln!(out, "{}", json!({ "configured": configured, "readers": readers, "serial_ports": ports }))
    } else {
        configured
            .iter()
            .try_for_each(|one| writeln!(out, "{:<12} {:<12} {}", one.device, one.kind, one.place))
            .and_then(|()| found(out, "PC/SC readers", &readers))
            .and_then(|()| found(out, "serial ports", &ports))
    };
    ended(told)
}

fn found(out: &mut impl Write, what: &str, names: &[String]) -> io::Result<()> {
    writeln!(out, "{what} of this machine:")?;
    if names.is_empty() {
        writeln!(out, "  none")?;
    }
    names.iter().try_for_each(|name| writeln!(out, "  {name}"))
}

/// A reader that closed the pipe has seen enough.
fn ended(told: io::Result<()>) -> ExitCode {
    let _gone = told;
    ExitCode::SUCCESS
}

impl Status {
    const fn online(device: &'static str) -> Self {
        Self {
            device,
            state: DeviceState::Online.word(),
            media: None,
            paper: None,
            name: None,
            code: None,
            action: None,
            what: None,
        }
    }

    fn failed(device: &'static str, fault: &Fault) -> Self {
        let reason = Reason::from(fault);
        Self { state: reason.state().word(), ..Self::online(device) }.because(Some(&reason))
    }

    fn because(self, reason: Option<&Reason>) -> Self {
        Self {
            code: reason.map(|reason| reason.code),
            action: reason.map(|reason| reason.action.word()),
            what: reason.map(Reason::to_string),
            ..self
        }
    }

    fn of_unit(device: &'static str, unit: &dyn CardUnit) -> Self {
        let status = unit.status();
        let name = status.reader.unwrap_or_else(|| unit.name().to_owned());
        let (state, media) = (status.device.word(), Some(status.media.word()));
        Self { state, media, name: Some(name), ..Self::online(device) }.because(status.reason.as_ref())
    }

    /// Whether a visit cannot do with it as it is.
    fn is_bad(&self) -> bool {
        self.state != DeviceState::Online.word() || self.code.is_some()
    }
}

fn statuses(instruments: &Instruments) -> Vec<Status> {
    let printer = match &*instruments.printer {
        Ok(printer) => {
            let status = printer.status();
            let media = (status.media != ReceiptState::NotSupported).then(|| status.media.word());
            let (state, paper) = (status.device.word(), Some(status.paper.word()));
            Status { state, media, paper, ..Status::online("printer") }.because(status.reason.as_ref())
        }
        Err(fault) => Status::failed("printer", fault),
    };
    let pad = match (instruments.pad_look)() {
        Ok(PadLook::NotOffered) => {
            let reason = not_offered();
            Status { state: reason.state().word(), ..Status::online("pin-pad") }.because(Some(&reason))
        }
        Ok(
            PadLook::NotAsked | PadLook::Proven | PadLook::Answers | PadLook::PortOpens | PadLook::Offered,
        ) => Status::online("pin-pad"),
        Err(fault) => Status::failed("pin-pad", &fault),
    };
    let others = instruments.other_readers.iter().map(|unit| Status::of_unit("other-reader", &**unit));
    [Status::of_unit("card-unit", &*instruments.card_unit), pad, printer].into_iter().chain(others).collect()
}

/// The card reader has no pad that takes the PIN.
fn not_offered() -> Reason {
    Reason {
        device: "PIN pad",
        code: "pad-not-offered",
        action: Action::Configuration,
        what: "the reader offers no pad for this PIN".to_owned(),
    }
}

/// Does what may take long, and says on standard error that it does.
fn with_patience<T>(look: impl FnOnce() -> T) -> T {
    let (done, waits) = channel::<()>();
    // Without a thread it takes as long, and says nothing.
    let says = std::thread::Builder::new().name("patience".to_owned()).spawn(move || {
        if waits.recv_timeout(SILENT_LOOK_MAX) == Err(RecvTimeoutError::Timeout) {
            let _gone = writeln!(io::stderr(), "looking …");
        }
    });
    let seen = look();
    drop(done);
    let _said = says.map(std::thread::JoinHandle::join);
    seen
}

fn status(config: &Config, json: bool, out: &mut impl Write) -> ExitCode {
    if let Some(told) = running::status(config, json, clock::now(), out) {
        return told;
    }
    let statuses = with_patience(|| statuses(&compose::instruments(config)));
    let told = if json {
        writeln!(out, "{}", json!({ "service": "stopped", "devices": statuses }))
    } else {
        statuses.iter().try_for_each(|one| tell(one, out))
    };
    let _gone = told;
    if statuses.iter().any(Status::is_bad) { ExitCode::from(FAULT) } else { ExitCode::SUCCESS }
}

fn tell(one: &Status, out: &mut impl Write) -> io::Result<()> {
    let words = [("media", one.media), ("paper", one.paper)];
    let words = words.into_iter().filter_map(|(object, value)| Some(format!("{object}={}", value?)));
    let rest = words.chain(one.name.clone()).chain(one.code.map(str::to_owned)).collect::<Vec<_>>().join(" ");
    writeln!(out, "{:<12} {:<14} {rest}", one.device, one.state)?;
    match (&one.what, one.action) {
        (Some(what), Some(action)) => writeln!(out, "{:<12} {what} (action: {action})", ""),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
