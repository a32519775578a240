//! A motorised card unit on a serial line: Omron 3S4YR-MVFW(DL)-0xx.
//!
//! Implemented from the Omron 3S4YR data transmission specification, revision A4 (1999), as summarised; exercised only
//! against our own simulator. Nothing of it was tried on hardware. See `devices/card/README.md`.
//!
//! - [`frame`]: bytes of the line. [`link`]: who says what when. [`text`]: commands and answers.
//! - [`engine`]: the unit, with [`moves`] of cards and [`chip`]. [`faults`]: what goes wrong.
//! - [`keeper`]: the thread that owns the unit. [`unit`] and [`session`]: the port.

mod chip;
mod engine;
mod faults;
mod frame;
mod keeper;
mod link;
mod moves;
mod session;
mod text;
mod unit;
#[cfg(test)]
mod unit_tests;

/// What a line says, put together and read; how many answers it was. For `fuzz/`.
#[doc(hidden)]
#[must_use]
pub fn answers_in(bytes: &[u8]) -> usize {
    let mut receiver = frame::Receiver::new();
    let is_answer = |byte: &&u8| {
        receiver.hear(**byte) == Some(frame::Heard::Text) && text::Reply::parse(receiver.text()).is_some()
    };
    bytes.iter().filter(is_answer).count()
}

use std::path::PathBuf;

pub use link::Pace;
pub use unit::OmronUnit;

use crate::serial::{Parity, SerialSettings};
use text::ResetTo;

/// Bits a second, unless the configuration says otherwise. The unit finds 1200 to 19200 out by itself.
const BAUD: u32 = 9_600;

/// What the unit does by itself with a card inside when its power fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AfterPowerFailure {
    /// It keeps the card; the terminal gives it back when it runs again.
    #[default]
    Hold,
    /// It gives the card back at once, if it has the power stored for that.
    Return,
}

impl AfterPowerFailure {
    /// The parameters of an initial reset: turn-round time 10 ms, and this choice.
    const fn parameters(self) -> &'static [u8] {
        match self {
            AfterPowerFailure::Hold => b"0A",
            AfterPowerFailure::Return => b"0B",
        }
    }

    /// Where a card belongs when the power is back.
    const fn reset_to(self) -> ResetTo {
        match self {
            AfterPowerFailure::Hold => ResetTo::Inside,
            AfterPowerFailure::Return => ResetTo::Mouth,
        }
    }
}

/// Which unit, and how it is talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmronConfig {
    /// Its line. 8 data bits, even parity, one stop bit, as specified.
    pub line: SerialSettings,
    /// What it does when its power fails.
    pub after_power_failure: AfterPowerFailure,
    /// How long is waited for it. Shorter than specified is for simulators.
    pub pace: Pace,
}

impl OmronConfig {
    /// As specified, at 9600 bits a second.
    #[must_use]
    pub fn new(port: PathBuf) -> Self {
        Self {
            line: SerialSettings { parity: Parity::Even, ..SerialSettings::new(port, BAUD) },
            after_power_failure: AfterPowerFailure::default(),
            pace: Pace::default(),
        }
    }
}
