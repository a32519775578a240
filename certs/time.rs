//! Times of certificates: whole seconds, UTCTime, and the end of a day in Japan.

use std::time::Duration;

use der::asn1::UtcTime;
use jiff::{SignedDuration, Timestamp};
use x509_cert::time::Time;

use crate::PkiError;

const SECONDS_PER_DAY: i64 = 86_400;
const JAPAN_OFFSET_S: i64 = 9 * 3_600;

/// `time` as UTCTime, cut to whole seconds.
pub(crate) fn utc_time(time: Timestamp) -> Result<Time, PkiError> {
    let seconds = u64::try_from(time.as_second()).map_err(|_| PkiError::TimeOutOfRange { time })?;
    let utc = UtcTime::from_unix_duration(Duration::from_secs(seconds));
    utc.map(Time::UtcTime).map_err(|_| PkiError::TimeOutOfRange { time })
}

/// `time` moved by whole days.
pub(crate) fn add_days(time: Timestamp, days: i64) -> Result<Timestamp, PkiError> {
    time.checked_add(SignedDuration::from_secs(days.saturating_mul(SECONDS_PER_DAY)))
        .map_err(|_| PkiError::TimeOutOfRange { time })
}

/// The last second of the day in Japan on which `time` falls: 23:59:59 JST, 14:59:59Z.
/// JPKI certificates end there; `None` at the very end of the calendar.
pub fn end_of_day_in_japan(time: Timestamp) -> Option<Timestamp> {
    let day = (time.as_second().checked_add(JAPAN_OFFSET_S)?).div_euclid(SECONDS_PER_DAY);
    let end = day.checked_add(1)?.checked_mul(SECONDS_PER_DAY)?;
    Timestamp::from_second(end.checked_sub(JAPAN_OFFSET_S + 1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_in_japan_ends_at_14_59_59_utc() {
        for (time, end) in [
            ("2026-11-20T15:00:00Z", "2026-11-21T14:59:59Z"),
            ("2026-11-21T01:02:03.456Z", "2026-11-21T14:59:59Z"),
            ("2026-11-21T14:59:59Z", "2026-11-21T14:59:59Z"),
            ("2026-11-21T15:00:00Z", "2026-11-22T14:59:59Z"),
        ] {
            assert_eq!(end_of_day_in_japan(at(time)), Some(at(end)), "{time}");
        }
    }

    #[test]
    fn what_utctime_cannot_say_is_refused() {
        assert!(utc_time(at("2049-12-31T23:59:59Z")).is_ok());
        assert!(matches!(utc_time(at("2050-01-01T00:00:00Z")), Err(PkiError::TimeOutOfRange { .. })));
        assert!(matches!(utc_time(at("1969-12-31T23:59:59Z")), Err(PkiError::TimeOutOfRange { .. })));
    }
}
