//! The device's end of a serial line in software: a pseudo-terminal, 8-bit clean in both directions.
//!
//! What a pseudo-terminal does not have: modem lines (DSR, CTS, DTR), parity, and a speed. A simulator that wants to be slow
//! waits by itself.
//!
//! Invariant: a peer that closes its end may come again; nothing here ends by that.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::ttyname;

/// An open pair, seen from the device.
#[derive(Debug)]
pub struct PseudoTerminal {
    device: File,
    port: PathBuf,
    link: Option<PathBuf>,
}

impl PseudoTerminal {
    /// Opens a pair. `link` gets a symbolic link to the port, so that a configuration can name it beforehand.
    ///
    /// # Errors
    /// When the system has no pair left, or the link cannot be made.
    pub fn open(link: Option<&Path>) -> io::Result<Self> {
        let pair = openpty(None, None)?;
        let mut settings = tcgetattr(&pair.slave)?;
        cfmakeraw(&mut settings);
        tcsetattr(&pair.slave, SetArg::TCSANOW, &settings)?;
        let port = ttyname(&pair.slave)?;
        let device = File::from(pair.master);
        let flags = OFlag::from_bits_retain(fcntl(&device, FcntlArg::F_GETFL)?);
        fcntl(&device, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        if let Some(link) = link {
            match std::fs::remove_file(link) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            std::os::unix::fs::symlink(&port, link)?;
        }
        Ok(Self { device, port, link: link.map(Path::to_owned) })
    }

    /// The port that a driver opens.
    #[must_use]
    pub fn port(&self) -> &Path {
        &self.port
    }

    /// Reads what came, waiting at most `limit`; 0 when nothing did, or when no driver has the port open.
    ///
    /// # Errors
    /// When the pair itself fails.
    pub fn read(&mut self, into: &mut [u8], limit: Duration) -> io::Result<usize> {
        let mut ready = [PollFd::new(self.device.as_fd(), PollFlags::POLLIN)];
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        match poll(&mut ready, limit) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => return Ok(0),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        match self.device.read(into) {
            Ok(count) => Ok(count),
            // EIO: nobody has the port open. The poll came back at once, so wait before the next look.
            Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => {
                crate::clock::wait(CLOSED_PAUSE);
                Ok(0)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Sends bytes to the driver. What it does not take within a second is lost, as on a line.
    ///
    /// # Errors
    /// When the pair itself fails.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.device.write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let mut ready = [PollFd::new(self.device.as_fd(), PollFlags::POLLOUT)];
                    if poll(&mut ready, PollTimeout::from(1_000_u16))? == 0 {
                        return Ok(());
                    }
                }
                Err(error) if error.raw_os_error() == Some(nix::libc::EIO) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Between two looks for a driver.
const CLOSED_PAUSE: Duration = Duration::from_millis(5);

/// For `poll` beside a control socket.
impl AsFd for PseudoTerminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}

impl Drop for PseudoTerminal {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            let _removed = std::fs::remove_file(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(5);

    #[test]
    fn a_driver_that_goes_away_may_come_again() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("tty");
        let mut terminal = PseudoTerminal::open(Some(&link)).unwrap();
        for _ in 0..2 {
            let mut driver = File::options().read(true).write(true).open(&link).unwrap();
            driver.write_all(b"\x10\x04\x11\x13\n").unwrap();
            let mut came = [0; 16];
            let mut count = 0;
            while count < 5 {
                count += terminal.read(&mut came[count..], LONG).unwrap();
            }
            assert_eq!(&came[..count], b"\x10\x04\x11\x13\n");
            terminal.write(b"\x12").unwrap();
            let mut answer = [0; 1];
            driver.read_exact(&mut answer).unwrap();
            assert_eq!(answer, [0x12]);
            drop(driver);
            assert_eq!(terminal.read(&mut came, Duration::from_millis(20)).unwrap(), 0);
        }
        drop(terminal);
        assert!(!link.exists() && std::fs::symlink_metadata(&link).is_err());
    }
}
