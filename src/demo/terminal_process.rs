//! The terminal as a process of its own, driven over its line protocol (`register --screen lines`): one JSON object a line
//! for each screen, one for each key.
//!
//! Invariant: the PIN does not travel here; see `customer.rs`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};

use serde_json::Value;

use crate::configuration::{TerminalSetup, write_configuration};
use crate::kept_process::Guard;
use crate::programs::Programs;
use crate::{DemoError, state::State};

/// A running `myna-atm register`.
#[derive(Debug)]
pub struct TerminalProcess {
    child: Child,
    guard: Guard,
    keys: Option<ChildStdin>,
    screens: BufReader<ChildStdout>,
    log: PathBuf,
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
        let guard = Guard::over(&child)?;
        let (Some(keys), Some(screens)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(DemoError::Unexpected { peer: "the terminal", said: "no pipes".to_owned() });
        };
        Ok(Self { child, guard, keys: Some(keys), screens: BufReader::new(screens), log })
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
        self.guard.dismiss();
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When the system cannot tell how it ended.
    pub fn wait(&mut self) -> Result<ExitStatus, DemoError> {
        drop(self.keys.take());
        self.guard.dismiss();
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
