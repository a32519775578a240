//! The only place that reads a clock or waits for time to pass.

use std::time::{Duration, Instant};

/// Wall time, for the dates of certificates that are minted now.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// A stopwatch, for the trace.
#[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
pub(crate) fn start() -> Instant {
    Instant::now()
}

/// Waits where nothing can happen meanwhile: a card that answers late, in process.
#[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
pub(crate) fn wait(time: Duration) {
    if !time.is_zero() {
        std::thread::sleep(time);
    }
}
