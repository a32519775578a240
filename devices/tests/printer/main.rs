//! Printers: one contract for all of them, the serial driver against the simulator with its levers, bytes and pictures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

mod bytes;
mod contract;
mod faults;
mod memory;
mod pictures;
mod presenter;
mod support;
