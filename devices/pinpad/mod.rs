//! PIN pads, and the memory that a PIN lies in.
//!
//! Invariants:
//! - A key byte is written by the system straight into the [`jpki::PinSlot`], or into a page that is locked in memory and
//!   wiped: no other buffer of ours ever holds a digit.
//! - Every end of an entry but "entered" gives the slot back wiped.
//! - When keys were pressed is never recorded: the rhythm gives a PIN away.

mod clock;
mod console;
mod entry;
mod memory;
pub mod serial;
mod socket;
#[cfg(test)]
mod unit_tests;

pub use console::ConsolePad;
pub use memory::{harden_process, locked_pin_slot};
pub use serial::SerialPad;
pub use socket::SocketPad;

use crate::port::{Action, Fault, FaultKind};

/// What faults of this folder call their device.
const DEVICE: &str = "PIN pad";

fn fault(
    code: &'static str,
    kind: FaultKind,
    action: Action,
    what: String,
    source: impl std::error::Error + Send + Sync + 'static,
) -> Fault {
    Fault { kind, device: DEVICE, code, action, what, source: Some(Box::new(source)) }
}

/// As [`fault`], for what has no error below it.
fn own_fault(code: &'static str, kind: FaultKind, action: Action, what: String) -> Fault {
    Fault { kind, device: DEVICE, code, action, what, source: None }
}
