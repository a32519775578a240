//! Processes killed and answers lost at the worst moments; then the books of terminal and host are compared.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::print_stdout, reason = "what was shown, in numbers")]
#![allow(missing_docs, reason = "tests")]

mod books;
mod by_hand;
mod clock;
mod compare;
mod faults;
mod kill_points;
mod watched;
