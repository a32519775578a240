//! The console as a PIN pad: a terminal device without echo.
//!
//! Invariants:
//! - The terminal's settings are as before after every end of an entry, a panic included. Signal keys are off during an
//!   entry, so that Ctrl-C cancels it instead of ending the process with echo off.
//! - What was typed before an entry, or after its end, is thrown away.
//! - Neither opening nor setting up the device waits for anybody: not for a carrier on a serial line, not for output that
//!   is held back. Opening it does not make it the process's controlling terminal, whose hang-up would end the process.
//!
//! The kernel's terminal line and whatever shows the terminal (a terminal emulator, a serial line, ssh) see the digits too:
//! this pad is for benches and small installations, not for a bank's lobby.

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use jpki::PinSlot;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::termios::{
    FlushArg, InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, Termios, tcflush, tcgetattr, tcsetattr,
};

use super::entry::{End, Entry, Key, outcome};
use super::fault;
use crate::port::{Action, CancelToken, Fault, FaultKind, PinEntry, PinOutcome, PinPad, PinProgressSink};

/// A pad over a terminal device.
pub struct ConsolePad {
    device: PathBuf,
}

impl ConsolePad {
    /// The terminal device; `/dev/tty` is the process's own. It is opened for each entry, so that nobody else may read from
    /// it at the same time: who reads its lines must pause.
    pub fn new(device: PathBuf) -> Self {
        Self { device }
    }

    fn open(&self) -> Result<Quiet, Fault> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags((OFlag::O_NOCTTY | OFlag::O_NONBLOCK).bits());
        let file = options.open(&self.device).map_err(|source| {
            fault(
                "pad-not-found",
                FaultKind::NeedsOperator,
                Action::Configuration,
                format!("the terminal device {} cannot be opened", self.device.display()),
                source,
            )
        })?;
        Quiet::new(file).map_err(|source| {
            fault(
                "pad-not-a-terminal",
                FaultKind::NeedsOperator,
                Action::Configuration,
                format!("{} is no terminal whose echo can be turned off", self.device.display()),
                source,
            )
        })
    }
}

impl PinPad for ConsolePad {
    fn enter(
        &self,
        entry: PinEntry,
        mut slot: PinSlot,
        progress: PinProgressSink,
        cancel: &CancelToken,
    ) -> PinOutcome {
        slot.clear();
        let entry = Entry { asked: entry, progress: &progress, cancel };
        let end = match entry.check().and_then(|()| self.open()) {
            Ok(quiet) => entry.run(&quiet.terminal, meaning, &mut slot),
            Err(fault) => End::Failed(fault),
        };
        outcome(end, slot)
    }
}

fn meaning(byte: u8) -> Key {
    const CONTROL_C: u8 = 0x03;
    const CONTROL_D: u8 = 0x04;
    const BACKSPACE: u8 = 0x08;
    const CONTROL_U: u8 = 0x15;
    const ESCAPE: u8 = 0x1B;
    const DELETE: u8 = 0x7F;
    match byte {
        b'\r' | b'\n' => Key::Enter,
        BACKSPACE | DELETE => Key::Backspace,
        CONTROL_U => Key::Clear,
        CONTROL_C | CONTROL_D | ESCAPE => Key::Cancel,
        _ => Key::Ignored,
    }
}

/// A terminal without echo, line editing and signal keys, until it is dropped.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn new(terminal: File) -> Result<Self, Errno> {
        let before = tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(
            LocalFlags::ECHO
                | LocalFlags::ECHOE
                | LocalFlags::ECHOK
                | LocalFlags::ECHONL
                | LocalFlags::ICANON
                | LocalFlags::ISIG
                | LocalFlags::IEXTEN,
        );
        // Ctrl-S would hold back the dots, and whoever writes them.
        quiet.input_flags.remove(InputFlags::IXON);
        // A read returns with each key.
        for (index, value) in [(SpecialCharacterIndices::VMIN, 1), (SpecialCharacterIndices::VTIME, 0)] {
            if let Some(place) = quiet.control_chars.get_mut(index as usize) {
                *place = value;
            }
        }
        // What was typed before the entry is no part of it.
        tcflush(&terminal, FlushArg::TCIFLUSH)?;
        // NOW: the arguments that wait for output to drain wait for ever where it is held back.
        tcsetattr(&terminal, SetArg::TCSANOW, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Digits typed after the end must not reach whoever reads this terminal next.
        let _flushed = tcflush(self.terminal.as_fd(), FlushArg::TCIFLUSH);
        let _restored = tcsetattr(self.terminal.as_fd(), SetArg::TCSANOW, &self.before);
    }
}
