//! A PIN that never comes near this process: the reader's own pad takes it and presents it to the chip.
//!
//! Invariants:
//! - What the reader may send with the PIN in it is one command: VERIFY of the user-authentication PIN. Only this crate
//!   makes a [`PadTemplate`], and only [`crate::Card::verify_on_pad`] lets it out, once for each call.
//! - Whatever came of it, the counter is read again before anything else is verified, unless the card told it.
//!
//! ```compile_fail
//! fn for_another_pin() -> jpki::PadTemplate { jpki::PadTemplate::verify(0x9B) }
//! ```

use std::os::fd::BorrowedFd;

use crate::apdu::Header;
use crate::card::{Card, PinVerified, Selected};
use crate::limits::PIN_DIGITS;

/// Header, Lc, and a place for each digit.
const TEMPLATE_BYTES: usize = 5 + PIN_DIGITS;

/// The command that the pad completes: VERIFY with [`PadTemplate::FILLER`] where the ASCII digits belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PadTemplate {
    apdu: [u8; TEMPLATE_BYTES],
}

impl PadTemplate {
    /// Stands where a digit belongs.
    pub const FILLER: u8 = 0xFF;

    /// `00 20 00 p2 04 FF FF FF FF`.
    pub(crate) fn verify(p2: u8) -> Self {
        let header = Header::new(0x00, 0x20, 0x00, p2);
        let mut apdu = [Self::FILLER; TEMPLATE_BYTES];
        let [cla, ins, p1, p2_place, lc, ..] = &mut apdu;
        (*cla, *ins, *p1, *p2_place) = (header.cla, header.ins, header.p1, header.p2);
        *lc = PIN_DIGITS as u8;
        Self { apdu }
    }

    /// The whole command, without a PIN in it.
    pub const fn apdu(&self) -> &[u8; TEMPLATE_BYTES] {
        &self.apdu
    }

    /// Digits that the customer types: exactly so many.
    pub const fn digits(&self) -> u8 {
        PIN_DIGITS as u8
    }
}

/// How long the customer may take at the pad.
#[derive(Clone, Copy, Debug)]
pub struct PadLimits<'a> {
    /// Until the first key, in seconds. A reader keeps it, and one that keeps no limits of this kind its own.
    pub first_key_s: u8,
    /// After the first key, in seconds.
    pub next_key_s: u8,
    /// Beyond this the reader is given up, in milliseconds: longer than the reader's own limits can add up to.
    pub whole_ms_max: u32,
    /// Becomes readable when nobody waits any more. A reader that waits for keys cannot be stopped: it is given up.
    pub cancel: Option<BorrowedFd<'a>>,
}

/// What came of a PIN entry at the reader.
pub enum PadOutcome<'c> {
    /// The PIN is right; the card can sign.
    Verified(Card<'c, PinVerified>),
    /// The PIN is wrong.
    Wrong {
        /// The card, for another entry or for the end.
        card: Card<'c, Selected>,
        /// At least one.
        tries_left: u8,
    },
    /// The PIN is wrong and that was the last try, or it was locked before.
    Blocked {
        /// The card, for the end.
        card: Card<'c, Selected>,
    },
    /// The customer pressed cancel at the pad; the reader says that no PIN was presented.
    Cancelled {
        /// The card. Its tries must be read before another entry.
        card: Card<'c, Selected>,
    },
    /// The customer did not go on in time; the reader says that no PIN was presented.
    TimedOut {
        /// The card. Its tries must be read before another entry.
        card: Card<'c, Selected>,
    },
    /// Fewer or more digits than a PIN has; the reader says that no PIN was presented.
    WrongLength {
        /// The card. Its tries must be read before another entry.
        card: Card<'c, Selected>,
    },
    /// The reader does not like something in the order, and presented nothing; or the card said so in the reader's words.
    Refused {
        /// The card. Its tries tell which, as far as anything does.
        card: Card<'c, Selected>,
    },
}
