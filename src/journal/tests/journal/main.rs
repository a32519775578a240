//! The journal from outside: what it promises, and what tries to break it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod aged;
mod auditor;
mod commits;
mod damage;
mod footing;
mod opens;
mod reads;
mod support;
mod tail;
mod upgrades;
mod verifies;
mod whole;
