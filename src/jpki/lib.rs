//! The card protocol: short APDUs of ISO/IEC 7816-4 and the JPKI applet of the My Number Card, over a [`Channel`].
//!
//! There is no reader in here and no clock: a card is whatever answers [`Channel::transmit`].
//!
//! Invariants:
//! - A [`Card`] that has not had its PIN verified cannot sign; the compiler refuses it.
//! - The PIN lies in one [`PinSlot`] from the first digit to the wipe. VERIFY is built in the slot's own page and sent
//!   from there; no other buffer of this crate ever holds a digit.
//! - VERIFY with data is sent at most once for each call of [`Card::verify`] or [`Card::verify_on_pad`], in the addressing
//!   form that the empty query chose before. No status word and no fault makes this crate send it again.
//! - Every loop over answers of the card has an end that the card cannot move ([`limits`]).
//! - Nothing that the card answers makes this crate panic.
//!
//! A visit, from the first command to the last:
//!
//! ```
//! # fn visit(channel: &mut dyn jpki::Channel, slot: jpki::PinSlot, signed_bytes: &[u8]) -> Result<(), jpki::CardError> {
//! use jpki::{Card, VerifyOutcome};
//!
//! let mut card = Card::select(channel)?;
//! let facts = card.examine()?; // token, certificate, tries left: all that can be done before the PIN
//! // ... the certificate is checked, the request prepared, the customer types the PIN into the slot ...
//! let (slot, outcome) = card.verify(slot); // the slot comes back wiped
//! if let VerifyOutcome::Verified(mut card) = outcome? {
//!     let signature = card.sign(signed_bytes)?;
//!     card.end()?; // and the caller powers the card off
//! }
//! # let _ = (facts, slot); Ok(())
//! # }
//! ```

pub mod apdu;
mod card;
mod channel;
mod der;
mod dialogue;
mod error;
pub mod limits;
mod pad;
pub mod pin;
mod read;
pub mod status;
mod token;

#[cfg(test)]
mod scripted;
#[cfg(test)]
mod unit_tests;

pub use apdu::{Command, Data, Response};
pub use card::{Card, Examined, PinVerified, Selected, Signature, Tries, VerifyOutcome, leave};
pub use channel::{Channel, ChannelError, Metered};
pub use error::{CardError, CardFault, Misuse, Refusal};
pub use pad::{PadLimits, PadOutcome, PadTemplate};
pub use pin::PinSlot;
pub use status::{Meaning, StatusWord};
pub use token::{TokenInfo, TokenKind};
