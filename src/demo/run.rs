//! Puts the parts together for one visit, attended or not.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use myna_demo::DemoError;
use myna_demo::attended;
use myna_demo::customer::Customer;
use myna_demo::host_process::HostProcess;
use myna_demo::programs::Programs;
use myna_demo::reader_stack::{CardSetup, ReaderStack};
use myna_demo::state::State;
use myna_demo::terminal_process::{TerminalProcess, TerminalSetup};

use crate::cli::{Options, YesNo};
use crate::report;

/// Runs the demo; the answer is the exit status.
pub(crate) fn run(options: &Options) -> Result<u8, DemoError> {
    let programs = Programs::beside_this_one()?;
    let state = State::open(&options.state)?;
    say("Starting the acceptance host (its own process, mutual TLS on loopback) …");
    let host = HostProcess::start(&programs, &state)?;
    say("Starting a private pcscd with a virtual reader and the card emulator (own network namespace) …");
    let card = CardSetup {
        persona: options.card.clone(),
        state: state.path("cards"),
        pki: state.pki(),
        more: vec!["--absent".to_owned(), "--timing".to_owned(), options.timing.clone()],
    };
    let reader = ReaderStack::start(&programs, &state.path(""), &card)?;
    let mut setup = TerminalSetup {
        host_url: host.url().to_owned(),
        pcsc_socket: reader.pcsc_socket(),
        pad_socket: None,
        pin_at_reader: false,
        language: options.language.clone(),
        limits: Vec::new(),
        receipts_max: 10_000,
        trace: "info".to_owned(),
        under: Vec::new(),
    };
    if !options.unattended {
        let code = attended::visit(&programs, &state, &setup, &reader, |screen| {
            if let Some(line) = report::explain(screen) {
                say(&format!("  » {line}"));
            }
        })?;
        for line in report::proof(&state) {
            say(&line);
        }
        return Ok(code);
    }
    let pad = reader.folder().join("pad");
    setup.pad_socket = Some(pad.clone());
    unattended(options, &programs, &state, &setup, &reader, &pad)
}

fn unattended(
    options: &Options,
    programs: &Programs,
    state: &State,
    setup: &TerminalSetup,
    reader: &ReaderStack,
    pad: &Path,
) -> Result<u8, DemoError> {
    let customer = Customer { receipt: options.receipt == YesNo::Yes, ..Customer::with_pin(&options.pin) };
    let mut terminal = TerminalProcess::start(programs, state, setup)?;
    let visit = customer.visit(&mut terminal, pad, &reader.card(), show)?;
    let result = report::result(&visit.result, state);
    if let Some(receipt) = result.get("receipt").and_then(Value::as_str) {
        say(&format!("The receipt: {}", PathBuf::from(receipt).display()));
    }
    print_line(&result.to_string());
    let outcome = result.get("outcome").and_then(Value::as_str).unwrap_or_default();
    Ok(report::exit_code(outcome))
}

fn show(screen: &Value) {
    let name = screen.get("screen").and_then(Value::as_str).unwrap_or_default();
    let title = screen.pointer("/words/title").and_then(Value::as_str).unwrap_or_default();
    say(&format!("[{name}] {title}"));
    if let Some(line) = report::explain(name) {
        say(&format!("  » {line}"));
    }
}

/// For people: standard error, so that the last line of standard output is the JSON object.
#[expect(clippy::print_stderr, reason = "a command for people")]
fn say(line: &str) {
    eprintln!("{line}");
}

fn print_line(line: &str) {
    // A closed pipe is the reader's choice.
    let _closed = writeln!(std::io::stdout(), "{line}");
}
