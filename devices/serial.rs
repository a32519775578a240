//! A serial line, for the thread that owns its device: every read and write has an end.
//!
//! Nothing built on it was tried on real hardware: it is exercised against simulators behind pseudo-terminals only.
//!
//! Invariants:
//! - One owner: a port that another process of ours has open is refused (`port-in-use`), before a byte is sent.
//! - Bytes go from the system straight into the caller's memory: no buffer of this file ever holds one.
//! - A failure names the device, the port and what to do.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;
use tokio_serial::{ClearBuffer, SerialPort as _, SerialPortBuilderExt as _, SerialStream};
pub use tokio_serial::{DataBits, FlowControl, Parity, StopBits};

use crate::port::{Action, Fault, FaultKind};

/// How a port is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialSettings {
    /// The port: `/dev/ttyUSB0`, or better a name that stays with the plug, below `/dev/serial/by-path`.
    pub port: PathBuf,
    /// Bits a second.
    pub baud: u32,
    /// Bits of a character.
    pub data_bits: DataBits,
    /// Check bit. A pseudo-terminal drops it.
    pub parity: Parity,
    /// Stop bits.
    pub stop_bits: StopBits,
    /// Who holds whom back, and by which wires. DTR and DSR are not among them: wire the printer's DTR to CTS.
    pub flow: FlowControl,
}

impl SerialSettings {
    /// 8 data bits, no parity, one stop bit, nobody held back.
    #[must_use]
    pub const fn new(port: PathBuf, baud: u32) -> Self {
        Self {
            port,
            baud,
            data_bits: DataBits::Eight,
            parity: Parity::None,
            stop_bits: StopBits::One,
            flow: FlowControl::None,
        }
    }
}

/// The serial ports that this machine shows, by the names that stay with the plug where there are such.
#[must_use]
pub fn ports() -> Vec<String> {
    let stays = names_in("/dev/serial/by-path", "");
    if !stays.is_empty() {
        return stays;
    }
    ["ttyUSB", "ttyACM", "ttyS"].iter().flat_map(|prefix| names_in("/dev", prefix)).collect()
}

fn names_in(folder: &str, prefix: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path().display().to_string())
        .collect();
    names.sort();
    names
}

/// Why nothing came, or nothing went.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Nothing happened within the limit.
    #[error("nothing within {} ms", limit.as_millis())]
    Silent {
        /// How long was waited.
        limit: Duration,
    },
    /// The port is gone: unplugged, or the simulator ended.
    #[error("the port is gone")]
    Gone,
    /// The system reports an error.
    #[error("the system reports an error of the port")]
    Io(#[source] io::Error),
}

impl From<io::Error> for LineError {
    fn from(error: io::Error) -> Self {
        // EIO: the other side of a pseudo-terminal is closed, or a USB adapter was pulled out.
        match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::WriteZero, _)
            | (_, Some(nix::libc::EIO | nix::libc::ENXIO | nix::libc::ENODEV)) => Self::Gone,
            _ => Self::Io(error),
        }
    }
}

/// An open line. Not for async code: it waits on a runtime of its own.
pub struct Line {
    stream: SerialStream,
    // Dropped after the stream, which is registered with it.
    runtime: Runtime,
    /// The same port, opened once more: the library lends nothing that `poll` takes.
    polled: File,
    port: PathBuf,
    device: &'static str,
}

impl Line {
    /// Opens a port for `device`, as its faults call it.
    ///
    /// # Errors
    /// `port-not-found`, `port-not-permitted`, `port-in-use`, `port-failed`.
    pub fn open(device: &'static str, settings: &SerialSettings) -> Result<Self, Fault> {
        let port = settings.port.as_path();
        let failed = |source: io::Error| refused(device, port, source);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(failed)?;
        let polled = look_at(device, port)?;
        let stream = {
            let _inside = runtime.enter();
            tokio_serial::new(port.to_string_lossy(), settings.baud)
                .data_bits(settings.data_bits)
                .parity(settings.parity)
                .stop_bits(settings.stop_bits)
                .flow_control(settings.flow)
                .open_native_async()
                .map_err(|error| match error.kind {
                    // It is there, as was just seen: what is missing is the lock on it.
                    tokio_serial::ErrorKind::NoDevice => in_use(device, port, Some(error.into())),
                    _ => failed(error.into()),
                })?
        };
        Ok(Self { stream, runtime, polled, port: port.to_owned(), device })
    }

    /// Reads what is there, at least one byte, straight into `into`; waits at most `limit`.
    ///
    /// # Errors
    /// [`LineError`].
    pub fn read(&mut self, into: &mut [u8], limit: Duration) -> Result<usize, LineError> {
        let stream = &mut self.stream;
        let read = self.runtime.block_on(async { tokio::time::timeout(limit, stream.read(into)).await });
        match read {
            Ok(Ok(0)) => Err(LineError::Gone),
            Ok(Ok(count)) => Ok(count),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(LineError::Silent { limit }),
        }
    }

    /// Hands all bytes to the system; waits at most `limit` for a device that holds them back.
    ///
    /// # Errors
    /// [`LineError`]; a part may have been sent.
    pub fn write_all(&mut self, bytes: &[u8], limit: Duration) -> Result<(), LineError> {
        let stream = &mut self.stream;
        let written = self.runtime.block_on(async {
            // No flush: there is no buffer above the system's, and the library's flush waits in the system until all has
            // left, for ever where a device holds it back.
            tokio::time::timeout(limit, stream.write_all(bytes)).await
        });
        match written {
            Ok(done) => Ok(done?),
            Err(_) => Err(LineError::Silent { limit }),
        }
    }

    /// Throws away what came and was not read.
    ///
    /// # Errors
    /// [`LineError::Io`].
    pub fn clear_input(&mut self) -> Result<(), LineError> {
        self.stream.clear(ClearBuffer::Input).map_err(|error| LineError::from(io::Error::from(error)))
    }

    /// Throws away what was written and has not left.
    ///
    /// # Errors
    /// [`LineError::Io`].
    pub fn clear_output(&mut self) -> Result<(), LineError> {
        self.stream.clear(ClearBuffer::Output).map_err(|error| LineError::from(io::Error::from(error)))
    }

    /// Which port it is.
    #[must_use]
    pub fn port(&self) -> &Path {
        &self.port
    }

    /// The fault of a line that failed while `doing` something. `silent` is the code for a device that says nothing.
    #[must_use]
    pub fn fault(&self, silent: &'static str, doing: &str, error: LineError) -> Fault {
        let (kind, code, action) = match &error {
            LineError::Silent { .. } => (FaultKind::Transient, silent, Action::Maintenance),
            LineError::Gone => (FaultKind::Broken, "port-gone", Action::Maintenance),
            LineError::Io(_) => (FaultKind::Broken, "port-failed", Action::Maintenance),
        };
        let what = format!("{doing} on {}: check plug, power and line settings", self.port.display());
        Fault { kind, device: self.device, code, action, what, source: Some(Box::new(error)) }
    }
}

/// For `poll` beside something else, such as a cancel token.
impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.polled.as_fd()
    }
}

/// Opens the port without its settings: tells a port that is missing, or not permitted, from one that is in use.
fn look_at(device: &'static str, port: &Path) -> Result<File, Fault> {
    let flags = (OFlag::O_NOCTTY | OFlag::O_NONBLOCK).bits();
    File::options()
        .read(true)
        .write(true)
        .custom_flags(flags)
        .open(port)
        .map_err(|source| refused(device, port, source))
}

fn in_use(device: &'static str, port: &Path, source: Option<io::Error>) -> Fault {
    Fault {
        kind: FaultKind::NeedsOperator,
        device,
        code: "port-in-use",
        // No other program has to do anything with this port.
        action: Action::Configuration,
        what: format!("{} is open in another process: stop that one", port.display()),
        source: source.map(|source| Box::new(source) as _),
    }
}

fn refused(device: &'static str, port: &Path, source: io::Error) -> Fault {
    let shown = port.display();
    let (kind, code, action, what) = match (source.kind(), source.raw_os_error()) {
        (io::ErrorKind::ResourceBusy, _) | (_, Some(nix::libc::EBUSY)) => {
            return in_use(device, port, Some(source));
        }
        (io::ErrorKind::NotFound, _) => (
            FaultKind::Broken,
            "port-not-found",
            Action::Maintenance,
            format!("{shown} is not there: check plug and power, or the port's name in the configuration"),
        ),
        (io::ErrorKind::PermissionDenied, _) => (
            FaultKind::NeedsOperator,
            "port-not-permitted",
            Action::Configuration,
            format!("{shown} may not be opened: put the service's user into the group that owns the port"),
        ),
        _ => (
            FaultKind::Broken,
            "port-failed",
            Action::Maintenance,
            format!("{shown} cannot be opened: is it a serial port, and are its settings possible?"),
        ),
    };
    Fault { kind, device, code, action, what, source: Some(Box::new(source)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::pty::openpty;
    use std::io::{Read as _, Write as _};

    const SOON: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(5);

    /// The device's side of a pseudo-terminal, and the port's name.
    fn pseudo_terminal() -> (File, PathBuf) {
        let pair = openpty(None, None).unwrap();
        let name = nix::unistd::ttyname(&pair.slave).unwrap();
        (File::from(pair.master), name)
    }

    fn code(opened: Result<Line, Fault>) -> &'static str {
        opened.map_or_else(|fault| fault.code, |_| "opened")
    }

    #[test]
    fn bytes_go_both_ways_all_256_of_them() {
        let (mut device, port) = pseudo_terminal();
        let mut line = Line::open("printer", &SerialSettings::new(port, 9_600)).unwrap();
        let all: Vec<u8> = (0..=255).collect();
        line.write_all(&all, LONG).unwrap();
        let mut came = vec![0; 256];
        device.read_exact(&mut came).unwrap();
        assert_eq!(came, all);
        device.write_all(&all).unwrap();
        let mut came = Vec::new();
        let mut piece = [0; 100];
        while came.len() < 256 {
            let count = line.read(&mut piece, LONG).unwrap();
            came.extend_from_slice(&piece[..count]);
        }
        assert_eq!(came, all);
    }

    #[test]
    fn a_device_that_says_nothing_is_waited_for_no_longer_than_the_limit() {
        let (_device, port) = pseudo_terminal();
        let mut line = Line::open("printer", &SerialSettings::new(port, 9_600)).unwrap();
        let error = line.read(&mut [0; 8], SOON).unwrap_err();
        assert!(matches!(error, LineError::Silent { limit } if limit == SOON));
        assert_eq!(line.fault("printer-silent", "asking", error).code, "printer-silent");
    }

    #[test]
    fn a_device_that_takes_nothing_is_waited_for_no_longer_than_the_limit() {
        let (_device, port) = pseudo_terminal();
        let mut line = Line::open("printer", &SerialSettings::new(port, 9_600)).unwrap();
        let error = line.write_all(&vec![0x55; 1 << 20], SOON).unwrap_err();
        assert!(matches!(error, LineError::Silent { .. }), "{error:?}");
    }

    #[test]
    fn a_port_that_is_pulled_out_is_gone() {
        let (device, port) = pseudo_terminal();
        let mut line = Line::open("printer", &SerialSettings::new(port, 9_600)).unwrap();
        drop(device);
        assert!(matches!(line.read(&mut [0; 8], LONG), Err(LineError::Gone)));
    }

    #[test]
    fn what_cannot_be_opened_says_what_to_do() {
        let settings = |port: &str| SerialSettings::new(PathBuf::from(port), 9_600);
        let missing = Line::open("printer", &settings("/dev/no-such-port")).err().unwrap();
        assert_eq!((missing.code, missing.device), ("port-not-found", "printer"));
        assert!(missing.to_string().contains("/dev/no-such-port"), "{missing}");
        assert_eq!(code(Line::open("printer", &settings("/dev/null"))), "port-failed");

        let (_device, port) = pseudo_terminal();
        let first = Line::open("printer", &SerialSettings::new(port.clone(), 9_600)).unwrap();
        assert_eq!(code(Line::open("PIN pad", &SerialSettings::new(port.clone(), 9_600))), "port-in-use");
        drop(first);
        assert_eq!(code(Line::open("PIN pad", &SerialSettings::new(port, 9_600))), "opened");
    }

    #[test]
    fn a_port_that_goes_away_and_one_that_may_not_be_opened_are_told_apart() {
        let (_device, port) = pseudo_terminal();
        let line = Line::open("printer", &SerialSettings::new(port, 9_600)).unwrap();
        let gone = line.fault("printer-silent", "asking", LineError::from(io::Error::from_raw_os_error(5)));
        assert_eq!((gone.code, gone.action), ("port-gone", Action::Maintenance));
        // Root may open everything: the system's word is given here.
        let refusal = io::Error::from(io::ErrorKind::PermissionDenied);
        let closed = refused("printer", Path::new("/dev/ttyS0"), refusal);
        assert_eq!((closed.code, closed.action), ("port-not-permitted", Action::Configuration));
        assert!(closed.to_string().contains("group that owns the port"), "{closed}");
    }

    #[test]
    fn what_was_not_read_can_be_thrown_away() {
        let (mut device, port) = pseudo_terminal();
        let mut line = Line::open("printer", &SerialSettings::new(port, 9_600)).unwrap();
        device.write_all(b"old").unwrap();
        line.read(&mut [0; 1], LONG).unwrap();
        line.clear_input().unwrap();
        device.write_all(b"n").unwrap();
        let mut next = [0; 8];
        assert_eq!(line.read(&mut next, LONG).unwrap(), 1);
        assert_eq!(next[0], b'n');
    }
}
