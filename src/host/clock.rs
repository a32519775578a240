//! The only file of the host that reads a clock.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Time, as the host sees it. Tests bring their own.
pub trait Clock: Debug + Send + Sync {
    /// Wall time in UTC, whole milliseconds: what goes into records and answers.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment, never going back: for measuring only.
    fn elapsed(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Starts measuring now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
