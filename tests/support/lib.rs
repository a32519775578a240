//! The World: host, devices in software, terminal and customer for one test, each the real program, with a state directory of
//! its own, so that tests run side by side.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

pub mod memory;
pub mod openssl;
pub mod receipts;
pub mod watch;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use myna_demo::bench::{Bench, Devices};
use myna_demo::configuration::{TerminalSetup, write_configuration};
use myna_demo::customer::{Customer, Visit};
use myna_demo::hands::{CardControl, Hands};
use myna_demo::host_process::HostProcess;
use myna_demo::programs::Programs;
use myna_demo::reader_stack::ReaderStack;
use myna_demo::serial_stack::{PaperWidth, SerialStack};
use myna_demo::state::State;
use myna_demo::terminal_process::TerminalProcess;

/// The programs, built once if need be: a test of this package does not make cargo build another package's binaries.
pub fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| match Programs::beside_this_one() {
        Ok(programs) => programs,
        Err(_) => {
            let built = Command::new(env!("CARGO"))
                .args(["build", "--locked", "--workspace", "--bins"])
                .current_dir(root())
                .status()
                .expect("cargo runs");
            assert!(built.success(), "the programs build");
            Programs::beside_this_one()
                .expect("all programs and tools (scripts/test puts the tools in place)")
        }
    })
}

/// A terminal that leaks the PIN on purpose, for the search to find (see `leaky_terminal.rs`).
pub fn leaky_terminal() -> PathBuf {
    programs().terminal.with_file_name("leaky-terminal")
}

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

/// Everything that one test needs.
pub struct World {
    pub state: State,
    pub host: Option<HostProcess>,
    pub bench: Bench,
    pub setup: TerminalSetup,
    _folder: tempfile::TempDir,
}

impl World {
    /// A host and a reader with `persona` at hand, not yet inserted.
    pub fn with_card(persona: &str) -> Self {
        Self::with(persona, &[])
    }

    /// As [`World::with_card`], with more arguments for `card-emulator run`.
    pub fn with(persona: &str, emulator_arguments: &[&str]) -> Self {
        Self::at(Devices::Pcsc, persona, emulator_arguments)
    }

    /// A host and devices on serial lines, with `persona` in the customer's hand.
    pub fn serial(persona: &str) -> Self {
        Self::at(Devices::Serial, persona, &[])
    }

    /// As [`World::with_card`], with a reader that has a PIN pad of its own: PINs are typed there.
    pub fn with_pad(persona: &str) -> Self {
        Self::at(Devices::ReaderPad, persona, &[])
    }

    /// A host and devices, with `persona` in the customer's hand, and more arguments for the card's program.
    pub fn at(devices: Devices, persona: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("myna-world-").tempdir().expect("a folder");
        let state = State::open(folder.path()).expect("a state directory");
        let host = HostProcess::start(programs(), &state).expect("a host");
        let more: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let bench = Bench::start(devices, programs(), &state, persona, &more, PaperWidth::Mm80);
        let bench = bench.unwrap_or_else(|error| panic!("{}", myna_demo::error::chain(&error)));
        let mut setup = TerminalSetup::new(host.url(), bench.setup());
        setup.trace = "debug".to_owned();
        Self { state, host: Some(host), bench, setup, _folder: folder }
    }

    /// The customer's hands.
    pub fn hands(&self) -> Hands {
        self.bench.hands()
    }

    /// The control socket of the card, or of the unit that it is in.
    pub fn card_control(&self) -> CardControl {
        self.hands().card().clone()
    }

    /// The reader, of a world that has one.
    pub fn reader(&mut self) -> &mut ReaderStack {
        match &mut self.bench {
            Bench::Pcsc(reader) => reader,
            Bench::Serial(_) => panic!("this world has no reader"),
        }
    }

    /// The devices on serial lines, of a world that has them.
    pub fn lines(&self) -> &SerialStack {
        match &self.bench {
            Bench::Serial(serial) => serial,
            Bench::Pcsc(_) => panic!("this world has no serial lines"),
        }
    }

    /// A terminal process, started for one visit.
    pub fn terminal(&self) -> TerminalProcess {
        self.terminal_of(None)
    }

    /// As [`World::terminal`], with another program in the terminal's place.
    pub fn terminal_of(&self, program: Option<&Path>) -> TerminalProcess {
        let mut programs = programs().clone();
        if let Some(program) = program {
            programs.terminal = program.to_owned();
        }
        TerminalProcess::start(&programs, &self.state, &self.setup).expect("a terminal")
    }

    /// The service: one visit after the other.
    pub fn service(&self) -> TerminalProcess {
        TerminalProcess::serve(programs(), &self.state, &self.setup).expect("a terminal")
    }

    /// One visit of `customer`.
    pub fn visit(&self, customer: &Customer) -> Visit {
        let mut terminal = self.terminal();
        self.visit_at(customer, &mut terminal)
    }

    /// One visit of `customer` at a terminal that was started before.
    pub fn visit_at(&self, customer: &Customer, terminal: &mut TerminalProcess) -> Visit {
        customer.visit(terminal, &self.hands(), |_| {}).unwrap_or_else(|error| {
            panic!("{}\n{}", myna_demo::error::chain(&error), self.logs());
        })
    }

    /// Presses keys at the simulated pad.
    pub fn press_pad(&self, keys: &[u8]) {
        let mut pad = UnixStream::connect(self.hands().pad()).expect("the pad listens");
        pad.write_all(keys).expect("the pad takes keys");
    }

    /// Puts the card in, or pulls it out: `insert`, `remove`.
    pub fn card(&self, what: &str) {
        self.card_control().send(&serde_json::json!({ "do": what })).expect("the card moves");
    }

    /// All codes in the device log, oldest first.
    pub fn log_codes(&self) -> Vec<String> {
        let page = journal::read_log(&self.state.journal(), &journal::Filter::default()).expect("a log");
        page.entries.iter().map(|logged| logged.entry.code.as_str().to_owned()).collect()
    }

    /// What everything wrote, for a failing test's message.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for log in ["terminal/terminal.log", "host/host.log", "reader.log", "serial.log"] {
            let said = std::fs::read_to_string(self.state.path(log)).unwrap_or_default();
            let tail: Vec<&str> = said.lines().rev().take(40).collect();
            text.push_str(&format!("--- {log}\n"));
            for line in tail.iter().rev() {
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }

    /// Pulls a lever of the host (see docs/host.md).
    pub fn host_lever(&self, lever: &Value) -> Value {
        let socket = myna_demo::host_process::levers_socket(&self.state);
        let mut stream = UnixStream::connect(&socket).expect("the host's levers");
        stream.write_all(format!("{lever}\n").as_bytes()).expect("the lever moves");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("an answer");
        serde_json::from_str(&line).expect("JSON")
    }

    /// Finishes what an earlier process left: `myna-atm deliver`.
    pub fn deliver(&self) -> std::process::Output {
        let configuration = write_configuration(&self.state, &self.setup).expect("a configuration");
        self.setup
            .command(&programs().terminal)
            .arg("deliver")
            .arg("--config")
            .arg(configuration)
            .output()
            .expect("the terminal runs")
    }

    /// Where the host listens: the same address after each restart.
    pub fn host_address(&self) -> String {
        self.setup.host_url.replace("https://localhost", "127.0.0.1")
    }

    /// Restarts the host with the same books, at the same address.
    pub fn restart_host(&mut self) {
        let listen = self.host_address();
        if let Some(host) = self.host.take() {
            host.kill();
        }
        self.host = Some(HostProcess::start_at(programs(), &self.state, &listen, &[]).expect("a host again"));
    }

    /// One number from the host's books.
    pub fn host_count(&self, sql: &str) -> i64 {
        count(&self.state.path("host/host.db"), sql)
    }

    /// One number from the terminal's journal.
    pub fn journal_count(&self, sql: &str) -> i64 {
        count(&self.state.journal(), sql)
    }
}

fn count(database: &Path, sql: &str) -> i64 {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    rusqlite::Connection::open_with_flags(database, flags)
        .expect("the database opens")
        .query_row(sql, [], |row| row.get(0))
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// A line for whoever collects what was proven: on standard output, and in the file that `MYNA_PROOFS` names.
#[allow(clippy::print_stdout, reason = "that is what it is for")]
pub fn prove(line: &str) {
    // On a line of its own, whatever the test runner wrote before.
    println!("\n{line}");
    if let Some(path) = std::env::var_os("MYNA_PROOFS") {
        let file = std::fs::File::options().create(true).append(true).open(path);
        file.and_then(|mut file| writeln!(file, "{line}")).expect("the file of proofs");
    }
}

/// A text field of a result object.
pub fn text<'a>(result: &'a Value, field: &str) -> &'a str {
    result.get(field).and_then(Value::as_str).unwrap_or_else(|| panic!("{field} in {result}"))
}

/// A number of a result object.
pub fn number(result: &Value, field: &str) -> u64 {
    result.get(field).and_then(Value::as_u64).unwrap_or_else(|| panic!("{field} in {result}"))
}
