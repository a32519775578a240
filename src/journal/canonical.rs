//! How canonical bytes are written: one JSON object on one line, as RFC 8785 would write it.
//!
//! Invariant: every text that comes here is printable ASCII without `"` and `\` (`word.rs`, hexadecimal, dates), so
//! nothing needs escaping; keys are written in the order in which the caller names them, which is alphabetical.

use std::fmt::Write as _;

use jiff::Timestamp;

/// Milliseconds since 1970. A clock before 1970 is not set; RFC 3339 could not write a year before 0 either.
pub(crate) fn milliseconds(at: Timestamp) -> i64 {
    at.as_millisecond().max(0)
}

/// `2026-11-21T01:02:03.456Z`.
pub(crate) fn instant(at: Timestamp) -> String {
    // Digits behind the milliseconds are cut off.
    at.max(Timestamp::UNIX_EPOCH).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The opposite of [`instant`]; `None` for every other way to write it.
pub(crate) fn parse_instant(text: &str) -> Option<Timestamp> {
    let at: Timestamp = text.parse().ok()?;
    (instant(at) == text).then_some(at)
}

/// One JSON object in the making.
pub(crate) struct Line(String);

impl Line {
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(self.0, "\"{key}\":");
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        let _ = write!(self.0, "\"{value}\"");
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        let _ = write!(self.0, "{value}");
    }

    pub(crate) fn maybe_text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    pub(crate) fn maybe_number(&mut self, key: &str, value: Option<u32>) {
        if let Some(value) = value {
            self.number(key, u64::from(value));
        }
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_one_way() {
        let at: Timestamp = "2026-11-21T01:02:03.4567Z".parse().unwrap();
        assert_eq!(instant(at), "2026-11-21T01:02:03.456Z");
        assert_eq!(instant(Timestamp::MIN), "1970-01-01T00:00:00.000Z");
        assert_eq!(instant(Timestamp::MAX), "9999-12-30T22:00:00.999Z");
        for other in
            ["2026-11-21T01:02:03Z", "2026-11-21t01:02:03.456Z", "2026-11-21T10:02:03.456+09:00", "x"]
        {
            assert_eq!(parse_instant(other), None);
        }
    }
}
