//! Card unit, PIN pad and receipt printer in software, each a process of its own at a pseudo-terminal.
//!
//! Invariants:
//! - No `pcscd` and no namespace: nothing of the machine is needed, seen or touched.
//! - When the handle is dropped, or this process dies, all of it is gone.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::hands::{CardControl, Hands};
use crate::kept_process::KeptProcess;
use crate::{DemoError, bench::CardSetup, programs::Programs};

/// How wide the paper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaperWidth {
    /// 58 mm.
    Mm58,
    /// 80 mm.
    Mm80,
}

impl PaperWidth {
    /// In mm.
    pub const fn mm(self) -> u32 {
        match self {
            Self::Mm58 => 58,
            Self::Mm80 => 80,
        }
    }

    /// The profile of a printer with such paper and Japanese letters.
    pub const fn profile(self) -> &'static str {
        match self {
            Self::Mm58 => "generic-58",
            Self::Mm80 => "generic-80",
        }
    }
}

/// What a configuration says of the three.
#[derive(Clone, Debug)]
pub struct SerialPorts {
    /// The card unit's.
    pub card_unit: PathBuf,
    /// The PIN pad's.
    pub pin_pad: PathBuf,
    /// Fingerprint of the pad's identity.
    pub pad_identity: String,
    /// The printer's.
    pub printer: PathBuf,
    /// The printer's profile.
    pub profile: &'static str,
}

/// The running simulators.
#[derive(Debug)]
pub struct SerialStack {
    _card_unit: KeptProcess,
    _pin_pad: KeptProcess,
    _printer: KeptProcess,
    sockets: tempfile::TempDir,
    ports: SerialPorts,
    paper: PathBuf,
    log: PathBuf,
}

impl SerialStack {
    /// Starts the three; returns when each is at its port. `folder` takes log, the pad's identity and the printed paper.
    ///
    /// # Errors
    /// When a simulator is not built, or ends instead of serving; the message names its log.
    pub fn start(
        programs: &Programs,
        folder: &Path,
        card: &CardSetup,
        width: PaperWidth,
    ) -> Result<Self, DemoError> {
        // Short and of our own: a Unix socket's path may have 107 bytes at most.
        let sockets = tempfile::Builder::new().prefix("myna-").tempdir().map_err(|source| {
            DemoError::File { doing: "make a folder in", path: std::env::temp_dir(), source }
        })?;
        let at = |name: &str| sockets.path().join(name);
        let (paper, key, log) = (folder.join("paper"), folder.join("pin-pad.key"), folder.join("serial.log"));
        let ports = SerialPorts {
            card_unit: at("card-unit"),
            pin_pad: at("pin-pad"),
            pad_identity: identity(&programs.pin_pad, &key)?,
            printer: at("printer"),
            profile: width.profile(),
        };

        let mut unit = Command::new(&programs.card_unit);
        unit.arg("run").arg("--port").arg(&ports.card_unit).arg("--control").arg(at("card"));
        unit.args(["--persona", &card.persona]).arg("--state").arg(&card.state).arg("--pki").arg(&card.pki);
        unit.args(&card.more);
        let mut pad = Command::new(&programs.pin_pad);
        pad.arg("run").arg("--port").arg(&ports.pin_pad).arg("--control").arg(at("pad"));
        pad.args(["--framing", "reference"]).arg("--key").arg(&key);
        let mut printer = Command::new(&programs.printer);
        printer.arg("run").arg("--port").arg(&ports.printer).arg("--control").arg(at("paper"));
        printer.arg("--out").arg(&paper).args(["--paper", &width.mm().to_string()]);

        Ok(Self {
            _card_unit: KeptProcess::start("the simulated card unit", &unit, &log)?,
            _pin_pad: KeptProcess::start("the simulated PIN pad", &pad, &log)?,
            _printer: KeptProcess::start("the simulated printer", &printer, &log)?,
            sockets,
            ports,
            paper,
            log,
        })
    }

    /// For the terminal's configuration.
    pub const fn ports(&self) -> &SerialPorts {
        &self.ports
    }

    /// The customer's.
    pub fn hands(&self) -> Hands {
        Hands::at_unit(self.socket("card"), self.socket("pad"))
    }

    /// Pulls a lever of the card unit, or of the card in it.
    ///
    /// # Errors
    /// When the simulator is gone or knows no such lever.
    pub fn pull_unit_lever(&self, lever: &str) -> Result<(), DemoError> {
        obeyed(self.hands().card().send(&json!({ "do": "lever", "pull": lever }))?)
    }

    /// Pulls a lever of the printer.
    ///
    /// # Errors
    /// As [`SerialStack::pull_unit_lever`].
    pub fn pull_printer_lever(&self, lever: &str) -> Result<(), DemoError> {
        let printer = CardControl::new(self.socket("paper"));
        obeyed(printer.send(&json!({ "do": "lever", "pull": lever }))?)
    }

    /// Pulls a lever of the pad, which does not answer.
    ///
    /// # Errors
    /// When the simulator is gone.
    pub fn pull_pad_lever(&self, lever: &str) -> Result<(), DemoError> {
        self.hands().press(format!("!{lever}\n").as_bytes())
    }

    /// Pictures of the printed paper, oldest first.
    pub fn receipts(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(&self.paper).into_iter().flatten().flatten();
        let mut pictures: Vec<PathBuf> = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
            .collect();
        pictures.sort();
        pictures
    }

    /// What the simulators complained of.
    pub fn log(&self) -> &Path {
        &self.log
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.sockets.path().join(name)
    }
}

fn obeyed(answer: Value) -> Result<(), DemoError> {
    if answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(());
    }
    Err(DemoError::Unexpected { peer: "the simulated device", said: answer.to_string() })
}

/// The fingerprint that a configuration names; the key is made when there is none.
fn identity(program: &Path, key: &Path) -> Result<String, DemoError> {
    let output = Command::new(program)
        .arg("identity")
        .arg("--key")
        .arg(key)
        .output()
        .map_err(|source| DemoError::Start { program: program.display().to_string(), source })?;
    let said = String::from_utf8_lossy(&output.stdout);
    let fingerprint = said.lines().find_map(|line| line.strip_prefix("fingerprint "));
    fingerprint.map(str::to_owned).ok_or_else(|| DemoError::Unexpected {
        peer: "the simulated PIN pad",
        said: format!("{said}{}", String::from_utf8_lossy(&output.stderr)),
    })
}
