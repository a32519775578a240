//! What the terminal is told: its configuration file, and its environment.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::reader_stack::PAD_READER;
use crate::serial_stack::SerialPorts;
use crate::{DemoError, programs, state::State, state::TERMINAL_ID};

/// What a terminal needs to know of its surroundings.
#[derive(Clone, Debug)]
pub struct TerminalSetup {
    /// The host's address.
    pub host_url: String,
    /// Its devices.
    pub devices: DeviceSetup,
    /// Language of screen and receipt: `ja`, `en` or `th`.
    pub language: String,
    /// More lines for the configuration's `[limits]`.
    pub limits: Vec<String>,
    /// More tables for the configuration, as TOML.
    pub tables: String,
    /// How many receipts a printer into a folder has paper for.
    pub receipts_max: u32,
    /// Width of the paper of a printer into a folder, in mm.
    pub paper_mm: u32,
    /// The filter of its trace output, such as `info` or `trace`.
    pub trace: String,
    /// What starts the terminal, with its arguments, such as a tracer; usually nothing.
    pub under: Vec<String>,
}

/// The terminal's devices.
#[derive(Clone, Debug)]
pub enum DeviceSetup {
    /// A reader behind `pcscd`, and receipts as files.
    Pcsc {
        /// The socket of the `pcscd` to use.
        socket: PathBuf,
        /// Where PINs are typed.
        pad: PcscPad,
    },
    /// Card unit, PIN pad and printer on serial lines.
    Serial(SerialPorts),
}

/// Where PINs are typed at a bench behind `pcscd`.
#[derive(Clone, Debug)]
pub enum PcscPad {
    /// At the console's own keys.
    Console,
    /// At a socket where the terminal listens.
    Socket(PathBuf),
    /// At the reader's own pad.
    Reader,
}

/// The unit's moves and repetitions need longer than a reader's answers: see `devices/card/README.md`.
const SERIAL_LIMITS: [(&str, u32); 6] = [
    ("card_open_ms_max", 20_000),
    ("card_read_ms_max", 20_000),
    ("verify_ms_max", 20_000),
    ("sign_ms_max", 20_000),
    ("make_safe_ms_max", 20_000),
    ("retain_ms_max", 20_000),
];

/// The virtual reader's slot that has the card.
const VIRTUAL_READER: &str = "Virtual PCD 00 00";

/// In Thai a receipt is a picture, and a slower line would carry it for a minute.
const PRINTER_BAUD: u32 = 115_200;

impl TerminalSetup {
    /// As a terminal of the demo: in Japanese, with paper of 80 mm.
    pub fn new(host_url: &str, devices: DeviceSetup) -> Self {
        Self {
            host_url: host_url.to_owned(),
            devices,
            language: "ja".to_owned(),
            limits: Vec::new(),
            tables: String::new(),
            receipts_max: 10_000,
            paper_mm: 80,
            trace: "info".to_owned(),
            under: Vec::new(),
        }
    }

    /// A command that runs `terminal` under what the setup says, with the reader that it says.
    pub fn command(&self, terminal: &Path) -> Command {
        let mut command = programs::command(&self.under, terminal);
        self.devices.tell(&mut command);
        command
    }

    /// The lines of `[limits]`: what a serial unit needs, where the setup does not say otherwise.
    fn all_limits(&self) -> String {
        let mut limits = self.limits.clone();
        if let DeviceSetup::Serial(_) = self.devices {
            let said = |name: &str| self.limits.iter().any(|line| line.starts_with(name));
            let longer = SERIAL_LIMITS.iter().filter(|(name, _)| !said(name));
            limits.extend(longer.map(|(name, ms)| format!("{name} = {ms}")));
        }
        limits.join("\n")
    }
}

impl DeviceSetup {
    /// What stands in the environment of a program that uses them.
    pub fn tell(&self, command: &mut Command) {
        if let Self::Pcsc { socket, .. } = self {
            command.env("PCSCLITE_CSOCK_NAME", socket);
        }
    }

    fn tables(&self, receipts: &Path, receipts_max: u32, paper_mm: u32) -> String {
        match self {
            Self::Pcsc { pad, .. } => {
                let (reader, pad) = match pad {
                    PcscPad::Socket(socket) => {
                        (VIRTUAL_READER, format!("kind = \"socket\"\npath = \"{}\"", socket.display()))
                    }
                    PcscPad::Console => (VIRTUAL_READER, "kind = \"console\"".to_owned()),
                    PcscPad::Reader => (PAD_READER, "kind = \"reader\"".to_owned()),
                };
                format!(
                    r#"[card_unit]
kind = "pcsc"
reader = "{reader}"

[pin_pad]
{pad}

[printer]
kind = "file"
dir = "{dir}"
receipts_max = {receipts_max}
paper_mm = {paper_mm}
"#,
                    dir = receipts.display(),
                )
            }
            Self::Serial(ports) => format!(
                r#"[card_unit]
kind = "omron-3s4yr"
port = "{card_unit}"

[pin_pad]
kind = "serial"
port = "{pin_pad}"
framing = "reference"
identity = "{identity}"

[printer]
kind = "serial"
port = "{printer}"
profile = "{profile}"
baud = {PRINTER_BAUD}
"#,
                card_unit = ports.card_unit.display(),
                pin_pad = ports.pin_pad.display(),
                identity = ports.pad_identity,
                printer = ports.printer.display(),
                profile = ports.profile,
            ),
        }
    }
}

/// Writes the terminal's configuration and returns its path.
///
/// # Errors
/// When the file cannot be written.
pub fn write_configuration(state: &State, setup: &TerminalSetup) -> Result<PathBuf, DemoError> {
    let pki = state.pki();
    let pki = pki.display();
    let terminal = state.path("terminal");
    let devices = setup.devices.tables(&terminal.join("receipts"), setup.receipts_max, setup.paper_mm);
    let terminal = terminal.display();
    let text = format!(
        r#"# Written by the demo; see docs/example-myna-atm.toml.
terminal_id = "{TERMINAL_ID}"
state_dir = "{terminal}"
language = "{language}"
allow_test_roots = true
bench_only = true

[place]
name = "デモ用端末"
name_en = "Demo terminal"

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

{devices}
{tables}
[limits]
{limits}
"#,
        language = setup.language,
        host = setup.host_url,
        tables = setup.tables,
        limits = setup.all_limits(),
    );
    state.write("terminal/myna-atm.toml", &text)
}
