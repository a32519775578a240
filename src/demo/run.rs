//! Puts the parts together for one visit, attended or not.

use std::io::Write as _;
use std::path::Path;

use serde_json::Value;

use myna_demo::DemoError;
use myna_demo::attended;
use myna_demo::bench::{Bench, Devices};
use myna_demo::configuration::{DeviceSetup, PcscPad, TerminalSetup};
use myna_demo::customer::Customer;
use myna_demo::host_process::HostProcess;
use myna_demo::programs::Programs;
use myna_demo::serial_stack::PaperWidth;
use myna_demo::state::State;
use myna_demo::terminal_process::TerminalProcess;

use crate::cli::{Options, ReceiptSize, YesNo};
use crate::report;

/// Runs the demo; the answer is the exit status.
pub(crate) fn run(options: &Options) -> Result<u8, DemoError> {
    let programs = Programs::beside_this_one()?;
    let state = State::open(&options.state)?;
    say("Starting the acceptance host (its own process, mutual TLS on loopback) …");
    let host = HostProcess::start(&programs, &state)?;
    let devices = Devices::from(options.devices);
    say(match devices {
        Devices::Pcsc => {
            "Starting a private pcscd with a virtual reader and the card emulator (own network namespace) …"
        }
        Devices::ReaderPad => {
            "Starting a private pcscd with a reader that has a PIN pad of its own (own network namespace) …"
        }
        Devices::Serial => {
            "Starting card unit, PIN pad and receipt printer in software, each at a pseudo-terminal …"
        }
    });
    let paper = PaperWidth::from(options.paper);
    let timing = ["--timing".to_owned(), options.timing.clone()];
    let bench = Bench::start(devices, &programs, &state, &options.card, &timing, paper)?;
    let mut setup = TerminalSetup::new(host.url(), bench.setup());
    setup.language = options.language.tag().to_owned();
    setup.paper_mm = paper.mm();
    if options.receipt_size == ReceiptSize::Large {
        setup.tables = "[receipt]\nsize = \"large\"\n".to_owned();
    }
    if options.unattended {
        unattended(options, &programs, &state, &setup, &bench)
    } else {
        attended(devices, &programs, &state, setup, &bench)
    }
}

fn attended(
    devices: Devices,
    programs: &Programs,
    state: &State,
    mut setup: TerminalSetup,
    bench: &Bench,
) -> Result<u8, DemoError> {
    if let DeviceSetup::Pcsc { pad: pad @ PcscPad::Socket(_), .. } = &mut setup.devices {
        // This console's own keys.
        *pad = PcscPad::Console;
    }
    let code = attended::visit(programs, state, &setup, &bench.hands(), |screen| {
        if let Some(line) = report::explain(devices, screen) {
            say(&format!("  » {line}"));
        }
    })?;
    for line in report::proof(state, &bench.receipts_folder(state)) {
        say(&line);
    }
    Ok(code)
}

fn unattended(
    options: &Options,
    programs: &Programs,
    state: &State,
    setup: &TerminalSetup,
    bench: &Bench,
) -> Result<u8, DemoError> {
    let customer = Customer { receipt: options.receipt == YesNo::Yes, ..Customer::with_pin(&options.pin) };
    let before = bench.receipts().len();
    let mut terminal = TerminalProcess::start(programs, state, setup)?;
    let see = |screen: &Value| show(options.devices.into(), screen);
    let visit = customer.visit(&mut terminal, &bench.hands(), see)?;
    let paper = bench.receipts().split_off(before);
    let result = report::result(&visit.result, state, paper.last().map(AsRef::as_ref));
    if let Some(receipt) = result.get("receipt").and_then(Value::as_str) {
        say(&format!("The receipt: {}", Path::new(receipt).display()));
    }
    print_line(&result.to_string());
    let outcome = result.get("outcome").and_then(Value::as_str).unwrap_or_default();
    Ok(report::exit_code(outcome))
}

fn show(devices: Devices, screen: &Value) {
    let name = screen.get("screen").and_then(Value::as_str).unwrap_or_default();
    let title = screen.pointer("/words/title").and_then(Value::as_str).unwrap_or_default();
    say(&format!("[{name}] {title}"));
    if let Some(line) = report::explain(devices, name) {
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
