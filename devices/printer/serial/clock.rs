//! The only place of this driver that reads a clock.

use std::time::{Duration, Instant};

/// Now, on the steady clock.
#[expect(clippy::disallowed_methods, reason = "this is the driver's clock")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// The end of a wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    pub(super) fn after(limit: Duration) -> Self {
        Self(now() + limit)
    }

    /// What is left of it; zero when it is over.
    pub(super) fn left(self) -> Duration {
        self.0.saturating_duration_since(now())
    }

    pub(super) fn is_over(self) -> bool {
        self.left().is_zero()
    }
}
