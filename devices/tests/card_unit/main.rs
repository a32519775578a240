//! Tests of the card unit port: its contract, and faults of reader, service and other processes through a real `pcscd`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod contract;
#[path = "../shared/memory.rs"]
mod memory;
mod once;
mod pad;
mod pcsc;
mod pin_memory;
mod serial;
mod support;
