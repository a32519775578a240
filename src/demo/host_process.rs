//! The acceptance host as a process of its own, on a loopback port that the system chooses.
//!
//! Invariant: the process ends when the handle is dropped; its books stay in the state directory.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::kept_process::Guard;
use crate::programs::{self, Programs};
use crate::{DemoError, state::State};

/// A running `myna-host serve`.
#[derive(Debug)]
pub struct HostProcess {
    child: Child,
    guard: Guard,
    url: String,
    log: PathBuf,
}

impl HostProcess {
    /// Writes the host's configuration, starts it and waits until it says where it listens.
    ///
    /// # Errors
    /// When it cannot be started or ends before it listens; the message names its log.
    pub fn start(programs: &Programs, state: &State) -> Result<Self, DemoError> {
        Self::start_at(programs, state, "127.0.0.1:0", &[])
    }

    /// As [`HostProcess::start`], at an address of the caller's and with environment variables set.
    ///
    /// # Errors
    /// As [`HostProcess::start`].
    pub fn start_at(
        programs: &Programs,
        state: &State,
        listen: &str,
        environment: &[(&str, &str)],
    ) -> Result<Self, DemoError> {
        Self::start_under(&[], programs, state, listen, environment)
    }

    /// As [`HostProcess::start_at`], run by another program: `before` is its command line, such as `strace -f`.
    ///
    /// # Errors
    /// As [`HostProcess::start`].
    pub fn start_under(
        before: &[String],
        programs: &Programs,
        state: &State,
        listen: &str,
        environment: &[(&str, &str)],
    ) -> Result<Self, DemoError> {
        let configuration = write_configuration(state, listen)?;
        let log = state.path("host/host.log");
        let errors = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(|source| DemoError::File { doing: "write", path: log.clone(), source })?;
        let mut child = programs::command(before, &programs.host)
            .args([Path::new("serve"), Path::new("--config"), &configuration])
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|source| DemoError::Start { program: programs.host.display().to_string(), source })?;
        let mut guard = Guard::over(&child)?;
        let said = first_line(&mut child)?;
        let Some(url) = said.split_whitespace().find(|word| word.starts_with("https://")) else {
            guard.dismiss();
            let _killed = child.kill();
            let _ended = child.wait();
            return Err(DemoError::NotReady { program: "the host", why: format!("it said '{said}'"), log });
        };
        let url = url.replace("127.0.0.1", "localhost");
        Ok(Self { child, guard, url, log })
    }

    /// Where it listens, `https://localhost:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it wrote.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a crash would (SIGKILL).
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for HostProcess {
    fn drop(&mut self) {
        self.guard.dismiss();
        let _killed = self.child.kill();
        let _ended = self.child.wait();
    }
}

fn first_line(child: &mut Child) -> Result<String, DemoError> {
    let mut line = String::new();
    if let Some(output) = child.stdout.take() {
        BufReader::new(output).read_line(&mut line).map_err(|source| DemoError::Talk {
            peer: "the host",
            doing: "waiting until it listens",
            source,
        })?;
    }
    Ok(line.trim().to_owned())
}

/// Where the host's levers listen, when a test wants to pull them.
pub fn levers_socket(state: &State) -> PathBuf {
    state.path("host/levers")
}

/// Writes the configuration of a host that listens at `listen` and returns its path.
///
/// # Errors
/// When the file cannot be written.
pub fn write_configuration(state: &State, listen: &str) -> Result<PathBuf, DemoError> {
    state.write("host/host.toml", &configuration(state, listen))
}

fn configuration(state: &State, listen: &str) -> String {
    let pki = state.pki();
    let pki = pki.display();
    let host = state.path("host");
    let host = host.display();
    format!(
        r#"# Written by the demo; see docs/host.md.
listen = "{listen}"
database = "{host}/host.db"
bench_only = true
allow_test_roots = true

[tls]
certificate = "{pki}/host/tls.crt.pem"
key = "{pki}/host/tls.key.pem"
terminal_ca = "{pki}/ca/terminal.crt.pem"
terminal_crl = "{pki}/crl/terminal.crl.pem"

[answer]
certificate = "{pki}/host/answer.crt.pem"
key = "{pki}/host/answer.key.pem"

[holder]
key_id = "holder-1"
key_file = "{pki}/host/holder.key"

[evidence]
key_file = "{pki}/host/evidence.key"
keep_days = 365

[trust]
card_anchors_test = "{pki}/anchors/card-test"
terminal_ca = "{pki}/ca/terminal.crt.pem"
terminal_crl = "{pki}/crl/terminal.crl.pem"

[revocation]
crls = ["{pki}/crl/auth-1.crl.pem", "{pki}/crl/auth-2.crl.pem"]

[levers]
socket = "{levers}"
"#,
        levers = levers_socket(state).display(),
    )
}
