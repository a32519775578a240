//! The one place where a PIN exists in this process.
//!
//! Invariants:
//! - A slot is one page of its own, so that it can be locked in memory without anything else in it, and it never moves:
//!   who takes the slot takes the pointer to the page.
//! - The VERIFY command is built around the digits, in the page. Nothing here copies a digit out of it.
//! - A slot has no `Debug`, `Display`, `Clone`, `PartialEq` or serialisation, and wipes itself when it is dropped.
//!
//! ```compile_fail
//! fn shown<T: std::fmt::Debug>() {}
//! shown::<jpki::PinSlot>();
//! ```
//! ```compile_fail
//! fn doubled<T: Clone>() {}
//! doubled::<jpki::PinSlot>();
//! ```
//! ```compile_fail
//! fn compared<T: PartialEq>() {}
//! compared::<jpki::PinSlot>();
//! ```

use std::ptr::NonNull;

use zeroize::Zeroize;

use crate::apdu::{Command, Header, InPlace};
use crate::limits::PIN_DIGITS;

/// Bytes of the slot's page.
pub const PAGE_BYTES: usize = 4096;

/// Header and Lc stand before the digits.
const PREFIX_BYTES: usize = 5;

/// The VERIFY command, then the cell where a reader of key bytes puts one. The alignment fills the page.
#[repr(C, align(4096))]
struct Page {
    verify: [u8; PREFIX_BYTES + PIN_DIGITS],
    entered: u8,
    landing: [u8; 1],
}

const _: () = assert!(size_of::<Page>() == PAGE_BYTES && align_of::<Page>() == PAGE_BYTES);

impl Zeroize for Page {
    fn zeroize(&mut self) {
        self.verify.zeroize();
        self.entered.zeroize();
        self.landing.zeroize();
    }
}

/// What a key byte turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landed {
    /// A digit, now in the slot.
    Digit,
    /// A digit more than a PIN has; it was thrown away.
    Full,
    /// Not a digit, so no secret.
    Other(u8),
}

/// A slot for one PIN of 4 digits.
pub struct PinSlot {
    page: Box<Page>,
}

impl PinSlot {
    /// An empty slot. Its page is not locked in memory: that is for whoever makes the process's one slot.
    pub fn new() -> Self {
        Self { page: Box::new(Page { verify: [0; PREFIX_BYTES + PIN_DIGITS], entered: 0, landing: [0] }) }
    }

    /// The page, for locking it in memory: [`PAGE_BYTES`] from here on. It stays the same for the life of the slot.
    pub fn page_address(&self) -> NonNull<u8> {
        NonNull::from(&*self.page).cast()
    }

    /// Adds a digit given as ASCII byte, `b'0'` to `b'9'`.
    pub fn push_digit(&mut self, key: u8) -> Landed {
        self.page.landing = [key];
        self.landed()
    }

    /// Takes the last digit away; does nothing when there is none.
    pub fn pop(&mut self) {
        let last = self.page.entered.saturating_sub(1);
        if let Some(digit) = self.page.verify.get_mut(PREFIX_BYTES + usize::from(last)) {
            digit.zeroize();
        }
        self.page.entered = last;
    }

    /// Wipes everything.
    pub fn clear(&mut self) {
        self.page.zeroize();
    }

    /// Digits entered.
    pub fn len(&self) -> usize {
        usize::from(self.page.entered)
    }

    /// No digit was entered.
    pub fn is_empty(&self) -> bool {
        self.page.entered == 0
    }

    /// All digits of a PIN are there. Anything else never reaches a card.
    pub fn is_complete(&self) -> bool {
        self.len() == PIN_DIGITS
    }

    /// Where a pad's driver lets the system write the next key byte, so that no buffer of its own ever holds it.
    pub fn landing(&mut self) -> &mut [u8; 1] {
        &mut self.page.landing
    }

    /// Takes the byte in [`PinSlot::landing`] as a key.
    pub fn landed(&mut self) -> Landed {
        let entered = usize::from(self.page.entered);
        let outcome = if self.page.landing.iter().all(u8::is_ascii_digit) {
            match self.page.verify.get_mut(PREFIX_BYTES + entered) {
                Some(place) => {
                    *place = self.page.landing[0];
                    self.page.entered += 1;
                    Landed::Digit
                }
                None => Landed::Full,
            }
        } else {
            Landed::Other(self.page.landing[0])
        };
        self.page.landing.zeroize();
        outcome
    }

    /// VERIFY `00 20 00 p2 04 digits`, built around the digits. `None` unless all digits are there.
    pub(crate) fn verify_command(&mut self, p2: u8) -> Option<Command<'_>> {
        if !self.is_complete() {
            return None;
        }
        let header = Header::new(0x00, 0x20, 0x00, p2);
        if let Some(prefix) = self.page.verify.first_chunk_mut::<PREFIX_BYTES>() {
            *prefix = [header.cla, header.ins, header.p1, header.p2, PIN_DIGITS as u8];
        }
        Some(Command::sensitive(header, InPlace::new(&self.page.verify)))
    }
}

impl Default for PinSlot {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for PinSlot {
    fn drop(&mut self) {
        self.clear();
    }
}
