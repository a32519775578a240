//! A private `pcscd` with a virtual reader, and a card emulator in it; or with a reader that has a PIN pad of its own, whose
//! driver has the card in it (`tests/ifd_handler`).
//!
//! Invariants:
//! - They run in mount, network and PID namespaces of their own (`unshare`): the virtual reader's driver listens on all
//!   addresses, and there only its own loopback exists; the machine's `pcscd`, if any, is neither stopped nor seen.
//! - Clients outside reach this `pcscd` by its socket's path ([`ReaderStack::pcsc_socket`]), which libpcsclite takes from
//!   the environment variable `PCSCLITE_CSOCK_NAME`.
//! - When the handle is dropped, or this process dies, all of it is gone: the shell inside is process 1 of its PID
//!   namespace and ends when its standard input ends.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::clock::wait_until;
use crate::hands::{CardControl, Hands};
use crate::{DemoError, bench::CardSetup, programs::Programs};

const SCRIPT: &str = include_str!("reader_stack.sh");
const READY_MS_MAX: Duration = Duration::from_secs(10);

/// The name of the reader with a pad.
pub const PAD_READER: &str = "Pad Reader";

/// The running stack.
#[derive(Debug)]
pub struct ReaderStack {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    sockets: tempfile::TempDir,
    log: PathBuf,
    /// The reader has a pad, whose keys move the card, too.
    has_pad: bool,
}

impl ReaderStack {
    /// Starts `pcscd` and the card; returns when both answer. `folder` takes the log and the reader's configuration.
    ///
    /// # Errors
    /// When a process cannot be started or does not get ready; the message names its log.
    pub fn start(programs: &Programs, folder: &Path, card: &CardSetup) -> Result<Self, DemoError> {
        let sockets = sockets()?;
        let mut emulator = vec![programs.card.clone().into_os_string()];
        emulator.extend(["run", "--persona", &card.persona].map(OsString::from));
        let paths =
            [Path::new("--state"), &card.state, Path::new("--pki"), &card.pki, Path::new("--control")];
        emulator.extend(paths.map(OsString::from));
        emulator.push(sockets.path().join("card").into_os_string());
        emulator.extend(card.more.iter().map(OsString::from));
        let configuration = reader_configuration(&programs.vpcd()?);
        let stack = Self::begin(programs, folder, sockets, &configuration, &emulator, false)?;
        stack.wait_for_card()?;
        Ok(stack)
    }

    /// The same with a reader that has a PIN pad of its own. The card is not in it yet.
    ///
    /// # Errors
    /// As [`ReaderStack::start`].
    pub fn start_with_pad(programs: &Programs, folder: &Path, setup: &CardSetup) -> Result<Self, DemoError> {
        let sockets = sockets()?;
        let card = sockets.path().join("reader");
        make_folder(&card)?;
        let file = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| DemoError::File { doing, path, source }
        };
        let (persona, pki) = (card.join("persona"), card.join("pki"));
        std::fs::write(&persona, &setup.persona).map_err(file("write", &persona))?;
        let absent = card.join("absent");
        std::fs::write(&absent, "").map_err(file("write", &absent))?;
        std::os::unix::fs::symlink(&setup.pki, &pki).map_err(file("link", &pki))?;
        let configuration = format!(
            "FRIENDLYNAME \"{PAD_READER}\"\nDEVICENAME {}\nLIBPATH {}\n",
            card.display(),
            programs.pad_driver()?.display()
        );
        let stack = Self::begin(programs, folder, sockets, &configuration, &[], true)?;
        stack.wait_for_card()?;
        Ok(stack)
    }

    /// Starts `pcscd` with this configuration of readers, and the card emulator, if it is one of its own.
    fn begin(
        programs: &Programs,
        folder: &Path,
        sockets: tempfile::TempDir,
        readers: &str,
        emulator: &[OsString],
        has_pad: bool,
    ) -> Result<Self, DemoError> {
        let pcscd_folder = sockets.path().join("pcscd");
        make_folder(&pcscd_folder)?;
        let configuration = folder.join("reader.conf");
        let log = folder.join("reader.log");
        std::fs::write(&configuration, readers).map_err(|source| DemoError::File {
            doing: "write",
            path: configuration.clone(),
            source,
        })?;

        let mut command = Command::new("unshare");
        if !nix::unistd::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command
            .args([
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
                "--propagation",
                "private",
                "sh",
                "-c",
            ])
            .arg(SCRIPT)
            .arg("reader-stack")
            .args([pcscd_folder.as_path(), &programs.pcscd()?, &configuration, &log])
            .args(emulator)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let errors = std::fs::File::create(&log).map_err(|source| DemoError::File {
            doing: "write",
            path: log.clone(),
            source,
        })?;
        let mut child = command
            .stderr(errors)
            .spawn()
            .map_err(|source| DemoError::Start { program: "unshare (util-linux)".to_owned(), source })?;
        let (Some(commands), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(DemoError::Unexpected { peer: "unshare", said: "no pipes".to_owned() });
        };
        let mut stack =
            Self { child, commands: Some(commands), answers: BufReader::new(answers), sockets, log, has_pad };
        stack.expect_ok()?;
        stack.wait_for_pcscd()?;
        Ok(stack)
    }

    /// The socket of this `pcscd`, for `PCSCLITE_CSOCK_NAME`.
    pub fn pcsc_socket(&self) -> PathBuf {
        self.sockets.path().join("pcscd/pcscd.comm")
    }

    /// A folder for sockets, short and gone with the stack.
    pub fn folder(&self) -> &Path {
        self.sockets.path()
    }

    /// What `pcscd` and the card wrote.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Where the terminal's bench pad is to listen.
    pub fn pad_socket(&self) -> PathBuf {
        self.sockets.path().join("pad")
    }

    /// The customer's.
    pub fn hands(&self) -> Hands {
        if self.has_pad {
            Hands::at_pad_of_reader(self.keys())
        } else {
            Hands::at_reader(self.card_socket(), self.pad_socket())
        }
    }

    /// A connection to the card's control socket; a reader with a pad has none.
    pub fn card(&self) -> CardControl {
        CardControl::new(self.card_socket())
    }

    /// Where the card is moved.
    fn card_socket(&self) -> PathBuf {
        if self.has_pad { self.keys() } else { self.sockets.path().join("card") }
    }

    /// Whether PINs are typed at the reader.
    pub const fn has_pad(&self) -> bool {
        self.has_pad
    }

    /// Where the fingers at the reader's own pad press.
    fn keys(&self) -> PathBuf {
        self.sockets.path().join("reader/keys")
    }

    /// Kills `pcscd`, as a crash would. The card stays and reconnects later.
    ///
    /// # Errors
    /// When the stack is gone.
    pub fn stop_pcscd(&mut self) -> Result<(), DemoError> {
        self.order("pcscd-stop")
    }

    /// Starts `pcscd` again after [`ReaderStack::stop_pcscd`].
    ///
    /// # Errors
    /// When the stack is gone or `pcscd` does not get ready.
    pub fn start_pcscd(&mut self) -> Result<(), DemoError> {
        self.order("pcscd-start")?;
        self.wait_for_pcscd()
    }

    fn order(&mut self, word: &str) -> Result<(), DemoError> {
        let Some(commands) = self.commands.as_mut() else { return Err(self.not_ready("it was stopped")) };
        writeln!(commands, "{word}").and_then(|()| commands.flush()).map_err(|source| DemoError::Talk {
            peer: "the reader stack",
            doing: "sending a command",
            source,
        })?;
        self.expect_ok()
    }

    fn expect_ok(&mut self) -> Result<(), DemoError> {
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(|source| DemoError::Talk {
            peer: "the reader stack",
            doing: "reading an answer",
            source,
        })?;
        match line.trim() {
            "ok" => Ok(()),
            "" => Err(self.not_ready(
                "it ended at once (are user namespaces allowed on this machine? root needs none)",
            )),
            other => Err(DemoError::Unexpected { peer: "the reader stack", said: other.to_owned() }),
        }
    }

    fn wait_for_pcscd(&self) -> Result<(), DemoError> {
        let socket = self.pcsc_socket();
        wait_until(READY_MS_MAX, || UnixStream::connect(&socket).ok())
            .map(drop)
            .ok_or_else(|| self.not_ready("no answer on pcscd's socket"))
    }

    fn wait_for_card(&self) -> Result<(), DemoError> {
        let card = self.card_socket();
        wait_until(READY_MS_MAX, || UnixStream::connect(&card).ok())
            .map(drop)
            .ok_or_else(|| self.not_ready("no answer on the card emulator's control socket"))
    }

    fn not_ready(&self, why: &str) -> DemoError {
        let mut said = String::new();
        // The log is short at this point; its last lines say more than we could.
        let tail = std::fs::File::open(&self.log)
            .and_then(|mut file| file.read_to_string(&mut said))
            .map(|_| said.lines().rev().take(3).collect::<Vec<_>>().join(" / "));
        DemoError::NotReady {
            program: "the private pcscd with the card emulator",
            why: format!("{why}; last lines: {}", tail.unwrap_or_default()),
            log: self.log.clone(),
        }
    }
}

impl Drop for ReaderStack {
    fn drop(&mut self) {
        drop(self.commands.take());
        let _ended = self.child.wait();
    }
}

/// Short and of our own: a Unix socket's path may have 107 bytes at most.
fn sockets() -> Result<tempfile::TempDir, DemoError> {
    tempfile::Builder::new().prefix("myna-").tempdir().map_err(|source| DemoError::File {
        doing: "make a folder in",
        path: std::env::temp_dir(),
        source,
    })
}

fn make_folder(path: &Path) -> Result<(), DemoError> {
    std::fs::create_dir(path).map_err(|source| DemoError::File {
        doing: "make",
        path: path.to_owned(),
        source,
    })
}

fn reader_configuration(vpcd: &Path) -> String {
    format!(
        "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x8C7B\nLIBPATH {}\nCHANNELID 0x8C7B\n",
        vpcd.display()
    )
}
