//! The host from outside: real TLS on loopback, certificates and cards of the test PKI, the real store.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod api;
mod decisions;
mod once;
mod process;
mod refusals;
mod support;
