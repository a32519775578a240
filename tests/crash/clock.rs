//! The one place of these tests that reads a clock.

use std::time::Instant;

/// A moment, to measure from.
#[expect(clippy::disallowed_methods, reason = "this is clock.rs")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
