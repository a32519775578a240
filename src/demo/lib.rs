//! Everything on one machine: the acceptance host, devices in software (a card in a virtual reader behind a private `pcscd`,
//! or card unit, PIN pad and printer on serial lines), the terminal, and a customer who does as told. `scripts/demo` shows it to a person; `tests/` builds its worlds from the same parts.
//!
//! Invariants:
//! - The programs are the real ones, as separate processes. Nothing here links the terminal or the host.
//! - Nothing outlives its handle: every process is killed when its handle is dropped, or when this process dies.
//! - `pcscd` and the card live in a mount, network and PID namespace of their own; the machine's own are not touched.
//! - The PIN reaches the terminal through a simulated pad only: no argument, no environment, no file of the terminal's.

pub mod attended;
pub mod bench;
pub mod configuration;
pub mod customer;
pub mod error;
pub mod hands;
pub mod host_process;
pub mod programs;
pub mod reader_stack;
pub mod serial_stack;
pub mod state;
pub mod terminal_process;

mod clock;
mod fingers;
mod kept_process;

pub use error::DemoError;
