//! The one place of these tests that reads a clock: for images a second, which no test depends on.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "this is clock.rs")]
pub fn instant() -> Instant {
    Instant::now()
}
