//! The steady clock of the card units: deadlines, and the one pause that a protocol asks for.
#![expect(clippy::disallowed_methods, reason = "this is the file that the others are sent to")]

use std::time::{Duration, Instant};

/// A deadline that far from now.
pub(super) fn after(time: Duration) -> Instant {
    Instant::now() + time
}

/// What is left until a deadline; nothing when it is over.
pub(super) fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// Waits, where nothing can happen meanwhile.
pub(super) fn pause(time: Duration) {
    std::thread::sleep(time);
}
