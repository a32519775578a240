//! `myna-atm device`: for the person with a screwdriver. What is configured, how it is, and does it work.
//!
//! Invariants:
//! - A test uses no PIN try, sends nothing to the host and writes nothing into the journal.
//! - Digits that are pressed in a test are wiped and never shown.

mod running;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use devices::port::{CancelToken, CardUnit, Fault, MediaState, PinEntry, PinOutcome, ReceiptState};
use devices::printer::Receipt;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use transaction::Outcome;
use uuid::Uuid;

use crate::catalogue::{Catalogue, Language};
use crate::cli::{AtConfig, with_config};
use crate::compose;
use crate::config::Config;
use crate::doctor::{self, Instruments, PadLook};
use crate::queue::chain;
use crate::{clock, receipt};

const FAULT: u8 = 1;
/// Between two looks whether a card is in.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// A person at the machine needs so long at most for one key or one card.
const PERSON_LIMIT: Duration = Duration::from_secs(60);
const PIN_DIGITS: u8 = 4;

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
Stop the service first: a device has one user. Exit status: 0 it works, 1 it does not and why, 2 usage.";

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
            with_config(&at.config, |config| match test(&config, *device, &mut out) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failed) => {
                    let _gone = writeln!(out, "FAILED: {failed}");
                    ExitCode::from(FAULT)
                }
            })
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
            state: "online",
            media: None,
            paper: None,
            name: None,
            code: None,
            action: None,
            what: None,
        }
    }

    fn failed(device: &'static str, fault: &Fault) -> Self {
        Self {
            state: "hardwareError",
            code: Some(fault.code),
            action: Some(fault.action.word()),
            what: Some(chain(fault)),
            ..Self::online(device)
        }
    }

    fn of_unit(device: &'static str, unit: &dyn CardUnit) -> Self {
        let status = unit.status();
        let name = status.reader.unwrap_or_else(|| unit.name().to_owned());
        let (state, media) = (status.device.word(), Some(status.media.word()));
        Self { state, media, name: Some(name), ..Self::online(device) }
    }

    /// Whether a visit cannot do with it as it is.
    fn is_bad(&self) -> bool {
        self.state != "online" || self.code.is_some()
    }
}

fn statuses(instruments: &Instruments) -> Vec<Status> {
    let printer = match &instruments.printer {
        Ok(printer) => {
            let status = printer.status();
            let media = (status.media != ReceiptState::NotSupported).then(|| status.media.word());
            let (state, paper) = (status.device.word(), Some(status.paper.word()));
            Status { state, media, paper, code: status.reason, ..Status::online("printer") }
        }
        Err(fault) => Status::failed("printer", fault),
    };
    let pad = match (instruments.pad_look)() {
        Ok(PadLook::NotOffered) => Status {
            state: "noDevice",
            code: Some("pad-not-offered"),
            action: Some("configuration"),
            what: Some("the reader offers no pad for this PIN".to_owned()),
            ..Status::online("pin-pad")
        },
        Ok(
            PadLook::NotAsked | PadLook::Proven | PadLook::Answers | PadLook::PortOpens | PadLook::Offered,
        ) => Status::online("pin-pad"),
        Err(fault) => Status::failed("pin-pad", &fault),
    };
    let others = instruments.other_readers.iter().map(|unit| Status::of_unit("other-reader", &**unit));
    [Status::of_unit("card-unit", &*instruments.card_unit), pad, printer].into_iter().chain(others).collect()
}

fn status(config: &Config, json: bool, out: &mut impl Write) -> ExitCode {
    if let Some(told) = running::status(config, json, clock::now(), out) {
        return told;
    }
    let statuses = statuses(&compose::instruments(config));
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

/// Why a test failed, for the person who stands there.
type Failed = String;

fn test(config: &Config, device: DeviceName, out: &mut impl Write) -> Result<(), Failed> {
    let instruments = compose::instruments(config);
    match device {
        DeviceName::Printer => test_printer(config, &instruments, out),
        DeviceName::PinPad => test_pin_pad(&instruments, out),
        DeviceName::CardUnit => test_card_unit(config, &instruments, out),
    }
}

fn say(out: &mut impl Write, text: &str) {
    // Nobody reads: the test goes on, and its exit status tells.
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn test_printer(config: &Config, instruments: &Instruments, out: &mut impl Write) -> Result<(), Failed> {
    let printer = instruments.printer.as_ref().map_err(|fault| chain(fault))?;
    let receipt = test_receipt(config, config.language, clock::now()).map_err(|error| chain(&*error))?;
    say(out, "printing a test receipt");
    let printed = printer.print(&receipt).map_err(|fault| chain(&fault))?;
    match printed.picture {
        Some(picture) => say(out, &format!("printed; its picture is {}", picture.display())),
        None => say(out, "printed: look at it"),
    }
    Ok(())
}

/// A receipt with everything on it that says twice that it is none.
pub(crate) fn test_receipt(
    config: &Config,
    language: Language,
    at: Timestamp,
) -> Result<Receipt, Box<dyn std::error::Error>> {
    let texts = Catalogue::new(language, &config.helpline)?.for_tests(true);
    let config = Config { allow_test_roots: true, ..config.clone() };
    let facts = receipt::ReceiptFacts {
        at,
        outcome: Outcome::Registered,
        expires_soon: true,
        request: Uuid::nil(),
        acceptance_number: Some("0000-0000-0000"),
        terms_version: None,
    };
    Ok(receipt::compose(&config, &texts, &facts)?)
}

fn test_pin_pad(instruments: &Instruments, out: &mut impl Write) -> Result<(), Failed> {
    match (instruments.pad_look)().map_err(|fault| chain(&fault))? {
        PadLook::NotOffered => return Err("the reader offers no pad for this PIN".to_owned()),
        PadLook::Offered => {
            say(
                out,
                "the reader offers a pad for the PIN; its keys reach a card only, so that trying them takes a visit",
            );
            return Ok(());
        }
        PadLook::Proven => say(out, "the pad is the configured one"),
        PadLook::NotAsked | PadLook::Answers | PadLook::PortOpens => {}
    }
    let pad = (instruments.pin_pad)().map_err(|fault| chain(&fault))?;
    let slot = (instruments.pin_slot)().map_err(|fault| chain(&fault))?;
    let cancel = CancelToken::new().map_err(|error| chain(&error))?;
    say(
        out,
        "press four digits, none of them a PIN of yours, and Enter; what you press is not shown and not kept",
    );
    let key_ms_max = u64::try_from(PERSON_LIMIT.as_millis()).unwrap_or(u64::MAX);
    let entry = PinEntry { digits: PIN_DIGITS, key_ms_max };
    let outcome = pad.enter(entry, slot, Box::new(|_| ()), &cancel);
    match outcome {
        PinOutcome::Entered(mut slot) => {
            slot.clear();
            say(out, "four digits and Enter came; they are wiped");
            Ok(())
        }
        PinOutcome::Cancelled(_) => Err("the pad's cancel key was pressed: the pad answers".to_owned()),
        PinOutcome::TimedOut(_) => Err(format!("no key came for {} s", PERSON_LIMIT.as_secs())),
        PinOutcome::Fault(_, fault) => Err(chain(&fault)),
    }
}

fn test_card_unit(config: &Config, instruments: &Instruments, out: &mut impl Write) -> Result<(), Failed> {
    let unit = &instruments.card_unit;
    unit.permit_entry(true);
    say(out, "put a card in; no PIN is asked for and no try is used");
    let deadline = clock::instant() + PERSON_LIMIT;
    while unit.status().media != MediaState::Present {
        if clock::instant() > deadline {
            unit.permit_entry(false);
            return Err(format!("no card came within {} s", PERSON_LIMIT.as_secs()));
        }
        clock::pause(LOOK_PAUSE);
    }
    let limit = Duration::from_millis(u64::from(config.limits.card_open_ms_max));
    let read = doctor::read_card(&**unit, limit);
    let returned = unit.return_card().map_err(|fault| chain(&fault));
    say(out, &read?);
    returned?;
    say(out, "take the card");
    Ok(())
}
