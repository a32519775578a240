//! The machine from outside: whole visits, and the table of every state and every event.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod arms;
mod diagram;
mod found;
mod pad;
mod paths;
mod rescue;
mod support;
mod table;
