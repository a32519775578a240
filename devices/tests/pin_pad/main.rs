//! Tests of the PIN pad port: one contract for every pad, each lever of the simulated pad, any bytes from the line, and a
//! search of this process's memory after an entry.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod contract;
mod levers;
#[path = "../shared/memory.rs"]
mod memory;
mod outside_bytes;
mod pin_memory;
mod real_pad;
mod support;
