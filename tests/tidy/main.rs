//! The rules of the house, as tests: what a reviewer would otherwise have to remember.
//!
//! `docs/architecture.md` states them in words; its tables are read here, so that they cannot drift.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

mod arrows;
mod documents;
mod requirements;
mod source;
mod tree;
