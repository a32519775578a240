//! The one place that reads a clock: the library takes the time as an argument.

use jiff::Timestamp;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the binary's clock; everything else is given the time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
