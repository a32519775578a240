//! The line of a pad, read into memory that the caller chooses, until a moment or a cancel.

use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::SILENT;
use crate::pinpad::entry::{End, pad_failed};
use crate::pinpad::{DEVICE, clock};
use crate::port::{CancelToken, Fault};
use crate::serial::{Line, LineError, SerialSettings};

/// What the line may need to take a frame.
const WRITE_MS_MAX: Duration = Duration::from_millis(1_000);
/// For the last acknowledgements of an entry.
const SETTLE_MS_MAX: Duration = Duration::from_millis(300);
/// What `poll` saw may be gone again: then the next look waits.
const LOOK_MS_MAX: Duration = Duration::from_millis(20);

/// Why nothing more was read.
pub(super) enum Stop {
    /// It is time.
    TimeOver,
    /// The entry is over.
    Ended(End),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Stop::Ended(End::Failed(fault))
    }
}

/// An open line and the token that ends every wait at it.
pub(super) struct Wire<'a> {
    line: Line,
    cancel: &'a CancelToken,
}

impl<'a> Wire<'a> {
    /// Opens the port; what came before is none of ours.
    pub(super) fn open(settings: &SerialSettings, cancel: &'a CancelToken) -> Result<Self, Fault> {
        let mut line = Line::open(DEVICE, settings)?;
        line.clear_input().map_err(|error| line.fault(SILENT, "clearing the line", error))?;
        Ok(Self { line, cancel })
    }

    /// Reads what is there, at least one byte, straight into `into`, which is not empty. Bytes that are there are read after
    /// `until` too: who reads on and on counts them, or looks at the time.
    pub(super) fn read(&mut self, into: &mut [u8], until: Instant) -> Result<usize, Stop> {
        loop {
            self.wait(until)?;
            match self.line.read(into, LOOK_MS_MAX) {
                Ok(count) => return Ok(count),
                Err(LineError::Silent { .. }) => {}
                Err(error) => return Err(self.line.fault(SILENT, "reading a key", error).into()),
            }
        }
    }

    fn wait(&self, until: Instant) -> Result<(), Stop> {
        loop {
            let left = until.saturating_duration_since(clock::instant());
            // Up to the next millisecond, so that no wait of nothing is repeated until the moment comes.
            let limit = PollTimeout::try_from(left.saturating_add(Duration::from_micros(999)))
                .unwrap_or(PollTimeout::MAX);
            let mut waiting = [
                PollFd::new(self.line.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.cancel.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut waiting, limit) {
                // The token first: a key that comes with the cancel is too late.
                Ok(_) if self.cancel.is_cancelled() => return Err(Stop::Ended(End::Cancelled)),
                // What came in time counts, even if this thread was late.
                Ok(1..) => return Ok(()),
                Ok(_) if left.is_zero() => return Err(Stop::TimeOver),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(source) => return Err(pad_failed("waiting for a key", source).into()),
            }
        }
    }

    /// Waits until the byte that ends an exchange came so often, cancelled or not, so that it is not taken for the answer to
    /// another one later.
    pub(super) fn settle(&mut self, byte: u8, mut times: u32, into: &mut [u8]) {
        let until = clock::end_of(clock::instant(), SETTLE_MS_MAX);
        while times > 0 && clock::instant() < until {
            match self.line.read(into, LOOK_MS_MAX) {
                Ok(_) if into.first() == Some(&byte) => times -= 1,
                Ok(_) | Err(LineError::Silent { .. }) => {}
                Err(_) => return,
            }
        }
    }

    /// Sends bytes, none of which is secret.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.line
            .write_all(bytes, WRITE_MS_MAX)
            .map_err(|error| self.line.fault(SILENT, "sending to the pad", error))
    }

    /// For operators: which pad is meant.
    pub(super) fn place(&self) -> String {
        self.line.port().display().to_string()
    }
}
