//! Everything on one machine: the acceptance host, a card in a virtual reader behind a private `pcscd`, the terminal,
//! and a customer who does as told. `scripts/demo` shows it to a person; `tests/` builds its worlds from the same parts.
//!
//! Invariants:
//! - The four programs are the real ones, as separate processes. Nothing here links the terminal or the host.
//! - Nothing outlives its handle: every process is killed when its handle is dropped, or when this process dies.
//! - `pcscd` and the card live in a mount, network and PID namespace of their own; the machine's own are not touched.
//! - The PIN reaches the terminal through a simulated pad's socket only: no argument, no environment, no file.

pub mod attended;
pub mod customer;
pub mod error;
pub mod host_process;
pub mod programs;
pub mod reader_stack;
pub mod state;
pub mod terminal_process;

mod clock;

pub use error::DemoError;
