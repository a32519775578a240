//! The one place of this package that reads a clock or sleeps.

use std::time::{Duration, Instant};

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "this is clock.rs")]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Calls `ready` every few milliseconds until it answers `Some`, or `limit` is over (`None`).
///
/// For what gives no event of its own, such as another process's socket appearing.
#[expect(clippy::disallowed_methods, reason = "this is clock.rs")]
pub(crate) fn wait_until<T>(limit: Duration, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = ready() {
            return Some(found);
        }
        if start.elapsed() >= limit {
            return None;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}
