//! Adapters: one folder for each thing with a cable, behind the ports in [`port`].
//!
//! Invariants:
//! - An adapter knows its device and nothing of a customer's visit.
//! - Adapters are named by the terminal's `compose.rs` only; everybody else sees the ports.

pub mod card;
pub mod pinpad;
pub mod port;
pub mod printer;
pub mod serial;
