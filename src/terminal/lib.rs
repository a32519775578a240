//! The terminal: the service inside a bank's machine that registers a My Number Card for use as a health-insurance card.
//!
//! ```text
//!             screen, keys        card unit, PIN pad, printer        host
//!                  │                        │                         │
//!   screen ────────┤   card_desk, pin_desk ─┤      host_client ───────┤        adapters and threads
//!                  └───────────┬────────────┴─────────────────────────┘
//!                            queue                                             one queue of letters
//!                              │
//!   runtime: files papers → machine decides → recorder makes durable → dispatch        one thread
//! ```
//!
//! The machine (`transaction`) knows names and codes only. What they stand for lies in the `folder` of the visit, and
//! `paperwork` makes the request from it. `compose.rs` alone names concrete adapters, `clock.rs` alone reads a clock.

pub mod catalogue;
pub mod cli;
pub mod config;
pub mod device_command;
pub mod doctor;
pub mod log_command;
pub mod receipt;

mod card_desk;
mod card_words;
mod card_worker;
mod clock;
mod compose;
mod desks;
mod evidence_files;
mod folder;
mod health;
mod host_client;
mod journal_check;
mod log_words;
mod other_readers;
mod paperwork;
mod pin_desk;
mod print_desk;
mod queue;
mod readiness;
mod recorder;
mod report;
mod runtime;
mod screen;
mod signals;
#[cfg(test)]
mod simulation;
mod timers;

#[cfg(test)]
#[path = "tests/support/mod.rs"]
mod test_support;
