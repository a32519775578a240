//! The terminal's clocks: the only place that reads one.
//!
//! Everything else gets its times as arguments, so that a test can say what time it is. The machine's thread asks its
//! [`Clock`], which in a simulation is the simulation's. Deadlines and durations are on the steady clock; the wall clock is
//! for what is written down, and may jump.
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

/// Waits where there is no event to wait for: a person's hands, looked for by a command line.
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// What time it is, for the machine's thread.
pub(crate) trait Clock {
    /// The wall clock, in whole milliseconds.
    fn now(&self) -> Timestamp;

    /// The steady clock.
    fn instant(&self) -> Instant;

    /// Milliseconds since the machine booted.
    fn boot_ms(&self) -> u64;
}

/// The system's clocks.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    fn instant(&self) -> Instant {
        instant()
    }

    fn boot_ms(&self) -> u64 {
        boot_ms()
    }
}
