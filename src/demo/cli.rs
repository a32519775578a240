//! The demo's options.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use myna_demo::bench::Devices;
use myna_demo::serial_stack::PaperWidth;

const DEFAULT_STATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.demo");

/// Registers a card on this machine, end to end: a card in software, in a virtual PC/SC reader behind the real pcscd or in a
/// motorised unit on a serial line, the terminal, and the acceptance host over mutual TLS.
///
/// Without options it walks you through one visit on this console (the card's PIN is 1234).
#[derive(Debug, Parser)]
#[command(name = "scripts/demo", after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// Needs no keyboard: a simulated customer does everything. The last line of output is one JSON object.
    #[arg(long)]
    pub(crate) unattended: bool,
    /// The terminal's devices, in software: a card reader behind pcscd and receipts as files; the same with a reader that has
    /// a PIN pad of its own; or card unit, PIN pad and receipt printer on serial lines.
    #[arg(long, value_name = "pcsc|reader-pad|serial", default_value = "pcsc")]
    pub(crate) devices: DeviceKind,
    /// Which card the customer has. `card-emulator personas` lists them.
    #[arg(long, value_name = "PERSONA", default_value = "valid", value_parser = persona)]
    pub(crate) card: String,
    /// What the simulated customer presses at the simulated pad (with --unattended).
    #[arg(long, value_name = "NNNN", default_value = "1234", requires = "unattended", value_parser = four_digits)]
    pub(crate) pin: String,
    /// Whether the simulated customer wants a receipt (with --unattended).
    #[arg(long, value_name = "yes|no", default_value = "yes", requires = "unattended")]
    pub(crate) receipt: YesNo,
    /// Where keys, cards, the host's books and the terminal's journal are kept; used again by the next run.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE, hide_default_value = true)]
    pub(crate) state: PathBuf,
    /// The language of screen and receipt.
    #[arg(long, value_name = "ja|en|th", default_value = "ja")]
    pub(crate) language: Tongue,
    /// How large the receipt is printed.
    #[arg(long, value_name = "normal|large", default_value = "normal")]
    pub(crate) receipt_size: ReceiptSize,
    /// Width of the receipt's paper in mm.
    #[arg(long, value_name = "58|80", default_value = "80")]
    pub(crate) paper: Paper,
    /// How long the emulated card takes to answer (assumed figures); not with a reader that has a pad.
    #[arg(long, value_name = "none|contact|contactless", default_value = "none")]
    pub(crate) timing: String,
}

/// A card that there is.
fn persona(name: &str) -> Result<String, String> {
    emulator::Persona::find(name).map(|_| name.to_owned()).map_err(|error| error.to_string())
}

/// Something to press that may be a PIN.
fn four_digits(text: &str) -> Result<String, &'static str> {
    let fits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err("a PIN has four digits") }
}

impl Options {
    /// What cannot go together.
    ///
    /// # Errors
    /// Why.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.devices == DeviceKind::ReaderPad && self.timing != "none" {
            return Err(
                "--timing is for the card emulator; the card in the reader with a pad has no time of its own",
            );
        }
        Ok(())
    }
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// The devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceKind {
    /// Behind `pcscd`.
    Pcsc,
    /// Behind `pcscd`, with a pad at the reader.
    ReaderPad,
    /// On serial lines.
    Serial,
}

impl From<DeviceKind> for Devices {
    fn from(kind: DeviceKind) -> Self {
        match kind {
            DeviceKind::Pcsc => Self::Pcsc,
            DeviceKind::ReaderPad => Self::ReaderPad,
            DeviceKind::Serial => Self::Serial,
        }
    }
}

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tongue {
    /// Japanese.
    Ja,
    /// English.
    En,
    /// Thai.
    Th,
}

impl Tongue {
    /// As the configuration has it.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
            Self::Th => "th",
        }
    }
}

/// How large a receipt is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReceiptSize {
    /// As usual.
    Normal,
    /// For who sees badly.
    Large,
}

/// Width of the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Paper {
    /// 58 mm.
    #[value(name = "58")]
    Mm58,
    /// 80 mm.
    #[value(name = "80")]
    Mm80,
}

impl From<Paper> for PaperWidth {
    fn from(paper: Paper) -> Self {
        match paper {
            Paper::Mm58 => Self::Mm58,
            Paper::Mm80 => Self::Mm80,
        }
    }
}

const AFTER_HELP: &str = "\
The JSON object: outcome (registered, already-registered, refused, pending, fault), code, request_id,
acceptance_number, apdus, apdus_after_pin, card_ms, total_ms, evidence, answer, trust_root, host_root,
receipt, journal.
Exit status: 0 registered or already registered, 3 refused, 4 pending, 1 fault, 2 usage.

Examples:
  scripts/demo                                   walk through one registration
  scripts/demo --unattended                      register; the second time: already registered
  scripts/demo --unattended --card expired       see what a customer with an expired certificate sees
  scripts/demo --unattended --pin 0000           a wrong PIN (the card counts, as a real one would)
  scripts/demo --unattended --devices serial     with card unit, PIN pad and printer on serial lines
  scripts/demo --unattended --devices reader-pad with the PIN at the card reader's own pad
  scripts/demo --unattended --state \"$(mktemp -d)\" a world of its own";
