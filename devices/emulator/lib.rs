//! Hardware in software: a My Number Card (マイナンバーカード) for readers in software, and devices for serial lines in
//! software ([`printer`]).
//!
//! - [`Card`] is the chip: commands in, answers out, counters on disk.
//! - [`Slot`] is the card in a reader: insertion, levers, trace.
//! - [`vpcd`] joins a slot to `pcscd` through vsmartcard's virtual reader; [`control`] is the socket by which a running
//!   card is inserted, pulled out, exchanged and broken.
//! - [`card_unit`] is a motorised card unit on a serial line, with the card in it.
//!
//! [`pin_pad`] is a PIN pad behind a pseudo-terminal.
//!
//! It shares no code with the project's own card protocol: two writers, one specification. What is not published
//! about the real card is an assumption, labelled where it is made and listed in the README.

mod card;
pub mod card_unit;
pub mod clock;
mod content;
pub mod control;
mod crypto;
mod lever;
mod persona;
pub mod pin_pad;
pub mod printer;
pub mod pseudo_terminal;
mod slot;
mod state;
mod timing;
mod trace;
pub mod vpcd;

pub use card::file::Application;
pub use card::status::Status;
pub use card::{Card, Switches};
pub use crypto::{KeyFault, RsaKeyFault};
pub use lever::{Effect, Fault, Lever, LeverFault, Trigger};
pub use persona::{Kind, Persona, PersonaFault};
pub use slot::{Exchange, Outcome, Slot};
pub use state::pins::PinMemoryFault;
pub use state::store::StoreFault;
pub use timing::Timing;
