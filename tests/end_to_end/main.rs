//! Whole visits through the real programs: terminal, host, and devices in software, behind `pcscd` or on serial lines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

mod device;
mod evidence;
mod personas;
mod pin_search;
mod reader_pad;
mod refusals;
mod registers;
mod serial;
mod service;
mod start_up;
