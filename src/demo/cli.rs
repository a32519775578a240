//! The demo's options.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

const DEFAULT_STATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.demo");

/// Registers a card on this machine, end to end: a card emulator in a virtual PC/SC reader, the real pcscd, the terminal,
/// and the acceptance host over mutual TLS.
///
/// Without options it walks you through one visit on this console (the card's PIN is 1234).
#[derive(Debug, Parser)]
#[command(name = "scripts/demo", after_help = AFTER_HELP)]
pub(crate) struct Options {
    /// Needs no keyboard: a simulated customer does everything. The last line of output is one JSON object.
    #[arg(long)]
    pub(crate) unattended: bool,
    /// Which card the customer has. `card-emulator personas` lists them.
    #[arg(long, value_name = "PERSONA", default_value = "valid")]
    pub(crate) card: String,
    /// What the simulated customer presses at the simulated pad (with --unattended).
    #[arg(long, value_name = "NNNN", default_value = "1234", requires = "unattended")]
    pub(crate) pin: String,
    /// Whether the simulated customer wants a receipt (with --unattended).
    #[arg(long, value_name = "yes|no", default_value = "yes", requires = "unattended")]
    pub(crate) receipt: YesNo,
    /// Where keys, cards, the host's books and the terminal's journal are kept; used again by the next run.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE, hide_default_value = true)]
    pub(crate) state: PathBuf,
    /// The screen's language.
    #[arg(long, value_name = "ja|en", default_value = "ja")]
    pub(crate) language: String,
    /// How long the emulated card takes to answer (assumed figures).
    #[arg(long, value_name = "none|contact|contactless", default_value = "none")]
    pub(crate) timing: String,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    /// Yes.
    Yes,
    /// No.
    No,
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
  scripts/demo --unattended --state \"$(mktemp -d)\" a world of its own";
