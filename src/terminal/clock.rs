//! The terminal's clock: the only place that reads one.
//!
//! Everything else gets its times as arguments, so that a test can say what time it is.
#![expect(clippy::disallowed_methods, reason = "this is the file that the others are sent to")]

use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};

/// The wall clock, cut to the millisecond: what is recorded can be written and read back without loss.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A point on the steady clock, for deadlines and durations.
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Milliseconds since this machine booted, sleep included; 0 when the system does not say.
pub(crate) fn boot_ms() -> u64 {
    clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map(|time| u64::try_from(Duration::from(time).as_millis()).unwrap_or(0))
        .unwrap_or(0)
}

/// Whole milliseconds since `start`.
pub(crate) fn ms_since(start: Instant) -> u32 {
    u32::try_from(instant().saturating_duration_since(start).as_millis()).unwrap_or(u32::MAX)
}
