//! PIN pads on a serial line.
//!
//! Three framings: our own, encrypted (`docs/pin-pad.md`); the same in clear; and UIC's PP791, which is in clear by nature.
//! None was tried on real hardware: they are exercised against a simulator of ours behind a pseudo-terminal.
//!
//! Invariants:
//! - A framing in clear needs a [`ClearAllowed`], which only a configuration with `bench_only = true` gives: whoever listens at
//!   the line reads the PIN.
//! - A digit is in the slot, or in a page that is locked in memory and wiped; in no other memory of ours.
//! - Whatever happens on the line ends an entry as a fault or as time over, never as Enter.
//! - The port is open during an entry only: a pad that was unplugged and is back serves the next one.

mod frame;
mod keys;
mod trust;
mod uic;
#[cfg(test)]
mod unit_tests;
mod wire;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jpki::PinSlot;

use self::frame::Inbox;
use self::keys::Cover;
pub use self::trust::{NotAFingerprint, PadIdentity};
pub use self::uic::{NotAPrompt, UicPrompt};
use self::wire::{Stop, Wire};
use super::entry::{End, Entry, outcome};
use super::own_fault;
use crate::port::{Action, CancelToken, Fault, FaultKind, PinEntry, PinOutcome, PinPad, PinProgressSink};
use crate::serial::SerialSettings;

/// The code of a pad that says nothing.
const SILENT: &str = "pad-silent";

/// Says that digits may pass over the line in clear: at a bench, with nobody's real PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClearAllowed(());

impl ClearAllowed {
    /// `Some` under `bench_only = true` of the configuration, which is what the argument has to be.
    #[must_use]
    pub const fn when_bench_only(bench_only: bool) -> Option<Self> {
        if bench_only { Some(Self(())) } else { None }
    }
}

/// How the pad speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Our own protocol, encrypted, with a pad that proves who it is.
    Reference(PadIdentity),
    /// Our own protocol in clear.
    Clear(ClearAllowed),
    /// UIC PP791, key by key.
    UicPp791 {
        /// The prompt under which keys are read.
        prompt: UicPrompt,
        /// This pad knows no encryption that a card could undo.
        allowed: ClearAllowed,
    },
}

/// A pad on a serial line.
#[derive(Clone, Debug)]
pub struct SerialPadConfig {
    /// The port and how it is set up.
    pub line: SerialSettings,
    /// How the pad speaks.
    pub framing: Framing,
    /// An entry ends as timed out after so long, however often keys come.
    pub entry_ms_max: u64,
    /// How long a pad may take for its part of the key agreement, three operations on P-256; or to acknowledge an order.
    pub answer_ms_max: u64,
}

impl SerialPadConfig {
    /// Three minutes for an entry, two seconds for an answer.
    #[must_use]
    pub const fn new(line: SerialSettings, framing: Framing) -> Self {
        Self { line, framing, entry_ms_max: 180_000, answer_ms_max: 2_000 }
    }
}

#[derive(Clone, Copy)]
struct Limits {
    entry: Duration,
}

/// What a look at the pad told, without an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PadCheck {
    /// It proved that it is the configured one.
    Proven,
    /// It answers; who it is cannot be known.
    Answers,
    /// The port can be opened; this framing has no question but an entry.
    PortOpens,
}

/// A pad on a serial line.
pub struct SerialPad {
    config: SerialPadConfig,
    /// One entry at a time.
    inbox: Mutex<Inbox>,
}

impl SerialPad {
    /// Does not touch the port yet.
    ///
    /// # Errors
    /// `memory-not-locked`.
    pub fn new(config: SerialPadConfig) -> Result<Self, Fault> {
        Ok(Self { config, inbox: Mutex::new(Inbox::new()?) })
    }

    /// Looks whether the pad is there and is the right one; for the start and for `doctor`. The customer notices nothing.
    ///
    /// # Errors
    /// As an entry.
    pub fn check(&self) -> Result<PadCheck, Fault> {
        let nobody_cancels = CancelToken::new().map_err(|source| {
            super::fault(
                "no-file-descriptors",
                FaultKind::Broken,
                Action::SoftwareError,
                "the PIN pad cannot be looked at".to_owned(),
                source,
            )
        })?;
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wire = Wire::open(&self.config.line, &nobody_cancels)?;
        let checked = match &self.config.framing {
            Framing::Reference(identity) => {
                keys::handshake(&mut wire, &mut inbox, identity, self.answer()).map(|_| PadCheck::Proven)
            }
            Framing::Clear(_) => return Ok(PadCheck::PortOpens),
            Framing::UicPp791 { .. } => {
                uic::greet(&mut wire, &mut inbox, self.answer()).map(|()| PadCheck::Answers)
            }
        };
        checked.map_err(|stop| match stop {
            Stop::Ended(End::Failed(fault)) => fault,
            // Nobody cancels, and every wait of a look ends as a fault of its own.
            Stop::Ended(_) | Stop::TimeOver => silent(&wire, "it does not answer"),
        })
    }

    fn answer(&self) -> Duration {
        Duration::from_millis(self.config.answer_ms_max)
    }

    fn keys(&self, entry: &Entry<'_>, slot: &mut PinSlot) -> End {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = entry.check().and_then(|()| Wire::open(&self.config.line, entry.cancel));
        let mut wire = match opened {
            Ok(wire) => wire,
            Err(fault) => return End::Failed(fault),
        };
        let (wire, inbox) = (&mut wire, &mut *inbox);
        let limits = Limits { entry: Duration::from_millis(self.config.entry_ms_max) };
        let cover = match &self.config.framing {
            Framing::UicPp791 { prompt, .. } => {
                return uic::Talk::new(wire, inbox, self.answer()).run(entry, limits, prompt, slot);
            }
            Framing::Clear(_) => Ok(Cover::Clear),
            Framing::Reference(identity) => keys::handshake(wire, inbox, identity, self.answer())
                .map(|session| Cover::Sealed(Box::new(session))),
        };
        match cover {
            Ok(cover) => keys::Talk { wire, inbox, entry, limits }.run(cover, slot),
            Err(Stop::Ended(end)) => end,
            Err(Stop::TimeOver) => End::TimedOut,
        }
    }
}

impl PinPad for SerialPad {
    fn enter(
        &self,
        entry: PinEntry,
        mut slot: PinSlot,
        progress: PinProgressSink,
        cancel: &CancelToken,
    ) -> PinOutcome {
        slot.clear();
        let end = self.keys(&Entry { asked: entry, progress: &progress, cancel }, &mut slot);
        outcome(end, slot)
    }
}

fn misbehaved(wire: &Wire<'_>, how: &str) -> Fault {
    own_fault(
        "pad-misbehaved",
        FaultKind::Broken,
        Action::Reset,
        format!("the PIN pad at {}: {how}", wire.place()),
    )
}

fn silent(wire: &Wire<'_>, how: &str) -> Fault {
    own_fault(
        SILENT,
        FaultKind::Transient,
        Action::Maintenance,
        format!("the PIN pad at {}: {how}; check plug, power and line settings", wire.place()),
    )
}

/// No whole frame came in time. Bytes without sense are another trouble than none: mostly wrong line settings.
fn nothing(wire: &Wire<'_>, noise: u32, how: &str) -> Fault {
    if noise == 0 {
        return silent(wire, how);
    }
    misbehaved(wire, "what it says makes no sense; check the line settings")
}
