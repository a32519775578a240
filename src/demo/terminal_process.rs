//! The terminal as a process of its own, driven over its line protocol (`register --screen lines`): one JSON object a line
//! for each screen, one for each key.
//!
//! Invariant: the PIN does not travel here; see `customer.rs`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use serde_json::Value;

use crate::programs::{self, Programs};
use crate::reader_stack::PAD_READER;
use crate::{DemoError, state::State, state::TERMINAL_ID};

/// What a terminal needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct TerminalSetup {
    /// The host's address.
    pub host_url: String,
    /// The socket of the `pcscd` to use.
    pub pcsc_socket: PathBuf,
    /// The bench pad's socket; `None` for the console's own keys.
    pub pad_socket: Option<PathBuf>,
    /// The card is in the reader with a PIN pad of its own, and PINs are typed there.
    pub pin_at_reader: bool,
    /// Screen language, `ja` or `en`.
    pub language: String,
    /// More lines for the configuration's `[limits]`.
    pub limits: Vec<String>,
    /// How many receipts the printer has paper for.
    pub receipts_max: u32,
    /// The filter of its trace output, such as `info` or `trace`.
    pub trace: String,
    /// What starts the terminal, with its arguments, such as a tracer; usually nothing.
    pub under: Vec<String>,
}

impl TerminalSetup {
    /// A command that runs `terminal` under what the setup says, with the reader that it says.
    pub fn command(&self, terminal: &Path) -> Command {
        let mut command = programs::command(&self.under, terminal);
        command.env("PCSCLITE_CSOCK_NAME", &self.pcsc_socket);
        command
    }
}

/// A running `myna-atm register`.
#[derive(Debug)]
pub struct TerminalProcess {
    child: Child,
    keys: Option<ChildStdin>,
    screens: BufReader<ChildStdout>,
    log: PathBuf,
}

/// Writes the terminal's configuration and returns its path.
///
/// # Errors
/// When the file cannot be written.
pub fn write_configuration(state: &State, setup: &TerminalSetup) -> Result<PathBuf, DemoError> {
    let pki = state.pki();
    let pki = pki.display();
    let terminal = state.path("terminal");
    let terminal = terminal.display();
    let pad = match &setup.pad_socket {
        _ if setup.pin_at_reader => "kind = \"reader\"".to_owned(),
        Some(socket) => format!("kind = \"socket\"\npath = \"{}\"", socket.display()),
        None => "kind = \"console\"".to_owned(),
    };
    let text = format!(
        r#"# Written by the demo; see docs/example-myna-atm.toml.
terminal_id = "{TERMINAL_ID}"
state_dir = "{terminal}"
language = "{language}"
allow_test_roots = true
bench_only = true

[place]
name = "デモ用端末"

[helpline]
number = "0120-95-0178"
menu = "5"
hours = "平日 9:30〜20:00、土日祝 9:30〜17:30(年末年始を除く)"

[host]
url = "{host}"
ca = "{pki}/ca/host.crt.pem"
answer_ca = "{pki}/ca/host.crt.pem"

[keys]
tls = {{ certificate = "{pki}/terminals/{TERMINAL_ID}/tls.crt.pem", key = "{pki}/terminals/{TERMINAL_ID}/tls.key.pem" }}
evidence = {{ certificate = "{pki}/terminals/{TERMINAL_ID}/evidence.crt.pem", key = "{pki}/terminals/{TERMINAL_ID}/evidence.key.pem" }}
log = {{ certificate = "{pki}/terminals/{TERMINAL_ID}/log.crt.pem", key = "{pki}/terminals/{TERMINAL_ID}/log.key.pem" }}

[trust]
card_anchors_test = "{pki}/anchors/card-test"
terminal_ca = "{pki}/ca/terminal.crt.pem"

[card_unit]
kind = "pcsc"
reader = "{reader}"

[pin_pad]
{pad}

[printer]
kind = "file"
dir = "{terminal}/receipts"
receipts_max = {receipts_max}

[limits]
{limits}
"#,
        reader = if setup.pin_at_reader { PAD_READER } else { "Virtual PCD 00 00" },
        language = setup.language,
        host = setup.host_url,
        receipts_max = setup.receipts_max,
        limits = setup.limits.join("\n"),
    );
    state.write("terminal/myna-atm.toml", &text)
}

impl TerminalProcess {
    /// Starts one visit with the line protocol.
    ///
    /// # Errors
    /// When the configuration cannot be written or the program not started.
    pub fn start(programs: &Programs, state: &State, setup: &TerminalSetup) -> Result<Self, DemoError> {
        Self::start_as(programs, state, setup, &["register", "--json"])
    }

    /// Starts the service: one visit after the other, with the line protocol.
    ///
    /// # Errors
    /// As [`TerminalProcess::start`].
    pub fn serve(programs: &Programs, state: &State, setup: &TerminalSetup) -> Result<Self, DemoError> {
        Self::start_as(programs, state, setup, &["serve"])
    }

    fn start_as(
        programs: &Programs,
        state: &State,
        setup: &TerminalSetup,
        command: &[&str],
    ) -> Result<Self, DemoError> {
        let configuration = write_configuration(state, setup)?;
        let log = state.path("terminal/terminal.log");
        let errors = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(|source| DemoError::File { doing: "write", path: log.clone(), source })?;
        let mut child = setup
            .command(&programs.terminal)
            .args(command)
            .args([Path::new("--config"), &configuration])
            .args(["--screen", "lines"])
            .env("MYNA_LOG", &setup.trace)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|source| DemoError::Start {
                program: programs.terminal.display().to_string(),
                source,
            })?;
        let (Some(keys), Some(screens)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(DemoError::Unexpected { peer: "the terminal", said: "no pipes".to_owned() });
        };
        Ok(Self { child, keys: Some(keys), screens: BufReader::new(screens), log })
    }

    /// The next line: a screen, or at the end the result. `None` when the terminal has ended.
    ///
    /// # Errors
    /// When the line is not JSON.
    pub fn next_line(&mut self) -> Result<Option<Value>, DemoError> {
        let mut line = String::new();
        let read = self.screens.read_line(&mut line).map_err(|source| DemoError::Talk {
            peer: "the terminal",
            doing: "reading its screen",
            source,
        })?;
        if read == 0 {
            return Ok(None);
        }
        serde_json::from_str(&line)
            .map(Some)
            .map_err(|_| DemoError::Unexpected { peer: "the terminal", said: line.trim().to_owned() })
    }

    /// Presses a key: `confirm`, `cancel`, `yes`, `no`, `more`, `help`. A terminal that has just ended is no error.
    pub fn press(&mut self, key: &str) {
        self.say(&serde_json::json!({ "key": key }));
    }

    /// Says one line of the protocol. A terminal that has just ended is no error.
    pub fn say(&mut self, line: &Value) {
        if let Some(keys) = self.keys.as_mut() {
            let _gone = writeln!(keys, "{line}").and_then(|()| keys.flush());
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote besides screens.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Ends it as a power cut would (SIGKILL).
    pub fn kill(&mut self) {
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the system cannot tell how it ended.
    pub fn wait(&mut self) -> Result<ExitStatus, DemoError> {
        drop(self.keys.take());
        self.child.wait().map_err(|source| DemoError::Talk {
            peer: "the terminal",
            doing: "waiting for its end",
            source,
        })
    }
}

impl Drop for TerminalProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
