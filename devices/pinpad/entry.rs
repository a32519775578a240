//! One PIN entry over a file descriptor that gives key bytes; the part that all pads share.

use std::os::fd::{AsFd, BorrowedFd};

use jpki::PinSlot;
use jpki::limits::PIN_DIGITS;
use jpki::pin::Landed;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{DEVICE, fault};
use crate::port::{
    Action, CancelToken, Fault, FaultKind, PinEntry, PinOutcome, PinProgress, PinProgressSink,
};

/// What a key byte that is no digit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Takes the last digit away; all of them after too many.
    Backspace,
    /// Takes all digits away.
    Clear,
    /// Confirms; has no effect before all digits are there.
    Enter,
    /// Ends the entry.
    Cancel,
    /// Does nothing.
    Ignored,
}

/// Why an entry ended.
pub(super) enum End {
    Entered,
    Cancelled,
    TimedOut,
    Failed(Fault),
}

/// One entry: what was asked for, and where it is told.
pub(super) struct Entry<'a> {
    pub(super) asked: PinEntry,
    pub(super) progress: &'a PinProgressSink,
    pub(super) cancel: &'a CancelToken,
}

impl Entry<'_> {
    /// Refuses what a slot cannot hold, before a key is read.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if usize::from(self.asked.digits) == PIN_DIGITS {
            return Ok(());
        }
        Err(Fault {
            kind: FaultKind::Broken,
            device: DEVICE,
            code: "pin-length-not-possible",
            action: Action::SoftwareError,
            what: format!("a PIN of {} digits was asked for; a slot holds {PIN_DIGITS}", self.asked.digits),
            source: None,
        })
    }

    /// Waits until `fd` can be read; `Err` when the entry ends before.
    pub(super) fn wait(&self, fd: BorrowedFd<'_>) -> Result<(), End> {
        let limit = PollTimeout::try_from(self.asked.key_ms_max).unwrap_or(PollTimeout::MAX);
        loop {
            let mut waiting =
                [PollFd::new(fd, PollFlags::POLLIN), PollFd::new(self.cancel.as_fd(), PollFlags::POLLIN)];
            match poll(&mut waiting, limit) {
                Ok(0) => return Err(End::TimedOut),
                // The token first: a key that comes with the cancel is too late.
                Ok(_) if self.cancel.is_cancelled() => return Err(End::Cancelled),
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(source) => return Err(End::Failed(pad_failed("waiting for a key", source))),
            }
        }
    }

    /// Reads keys into the slot until the entry ends. The slot is not wiped here.
    pub(super) fn run(&self, keys: impl AsFd, meaning: fn(u8) -> Key, slot: &mut PinSlot) -> End {
        let mut typed = Typed::default();
        loop {
            if let Err(end) = self.wait(keys.as_fd()) {
                return end;
            }
            match nix::unistd::read(&keys, slot.landing()) {
                Ok(0) => return End::Failed(pad_failed("its connection ended", Errno::EPIPE)),
                Ok(_) => {}
                Err(Errno::EINTR | Errno::EAGAIN) => continue,
                Err(source) => return End::Failed(pad_failed("reading a key", source)),
            }
            if let Some(end) = typed.landed(self, meaning, slot) {
                return end;
            }
        }
    }
}

/// What is known of the keys so far beside the digits, which are in the slot.
#[derive(Default)]
pub(super) struct Typed {
    too_many: bool,
}

impl Typed {
    /// Takes the byte in the slot's landing cell as a key, and tells the dots. `Some` when the entry is over.
    pub(super) fn landed(
        &mut self,
        entry: &Entry<'_>,
        meaning: fn(u8) -> Key,
        slot: &mut PinSlot,
    ) -> Option<End> {
        let before = (slot.len(), self.too_many);
        match slot.landed() {
            Landed::Digit if self.too_many => slot.clear(),
            Landed::Digit => {}
            Landed::Full => {
                self.too_many = true;
                slot.clear();
            }
            Landed::Other(byte) => match meaning(byte) {
                Key::Enter if slot.is_complete() => return Some(End::Entered),
                Key::Cancel => return Some(End::Cancelled),
                Key::Backspace if !self.too_many => slot.pop(),
                Key::Backspace | Key::Clear => {
                    self.too_many = false;
                    slot.clear();
                }
                Key::Enter | Key::Ignored => {}
            },
        }
        if (slot.len(), self.too_many) != before {
            let entered = u8::try_from(slot.len()).unwrap_or(u8::MAX);
            (entry.progress)(PinProgress { entered, too_many: self.too_many });
        }
        None
    }
}

/// Gives the slot back, wiped unless the PIN is in it.
pub(super) fn outcome(end: End, mut slot: PinSlot) -> PinOutcome {
    if !matches!(end, End::Entered) {
        slot.clear();
    }
    match end {
        End::Entered => PinOutcome::Entered(slot),
        End::Cancelled => PinOutcome::Cancelled(slot),
        End::TimedOut => PinOutcome::TimedOut(slot),
        End::Failed(fault) => PinOutcome::Fault(slot, fault),
    }
}

/// The pad cannot be read.
pub(super) fn pad_failed(doing: &str, source: Errno) -> Fault {
    fault("pad-failed", FaultKind::Broken, Action::Reset, format!("{doing} failed"), source)
}
