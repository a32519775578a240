//! The steady clock of the pads: the only place that reads it.

use std::time::{Duration, Instant};

/// Now.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(super) fn instant() -> Instant {
    Instant::now()
}

/// The end of a wait that begins at `start`; a wait that is too long for the clock ends in a day.
pub(super) fn end_of(start: Instant, limit: Duration) -> Instant {
    const DAY: Duration = Duration::from_secs(86_400);
    start.checked_add(limit.min(DAY)).unwrap_or(start)
}
