//! Times as they stand in the signed bytes. There is no clock here: every time is an argument.
//!
//! Content carries RFC 3339 in UTC with milliseconds; CMS and certificates carry UTCTime until 2049 and
//! GeneralizedTime from 2050, both to the second (RFC 5280 4.1.2.5, RFC 5652 11.3).

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::asn1::{DecodeError, Element, Reader, element, tag};

/// `2026-11-21T01:02:03.456Z`; anything below a millisecond is cut off.
pub(crate) fn rfc3339_ms(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Reads exactly the form that [`rfc3339_ms`] writes.
pub(crate) fn parse_rfc3339_ms(text: &str) -> Option<Timestamp> {
    let at: Timestamp = text.parse().ok()?;
    (rfc3339_ms(at) == text).then_some(at)
}

/// The same instant without its fraction of a second.
pub(crate) fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// `Time` in DER; `None` outside the years 1950 to 9999.
pub(crate) fn encode_time(at: Timestamp) -> Option<Vec<u8>> {
    match at.to_zoned(TimeZone::UTC).year() {
        1950..=2049 => Some(element(tag::UTC_TIME, at.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())),
        2050..=9999 => {
            Some(element(tag::GENERALIZED_TIME, at.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes()))
        }
        _ => None,
    }
}

/// Takes one `Time`, only in the form that [`encode_time`] writes.
pub(crate) fn take_time(reader: &mut Reader<'_>, what: &'static str) -> Result<Timestamp, DecodeError> {
    let utc = reader.peek() == Some(tag::UTC_TIME);
    let time = reader.take(if utc { tag::UTC_TIME } else { tag::GENERALIZED_TIME }, what)?;
    parse_time(time, utc).ok_or(DecodeError::Value { what })
}

fn parse_time(time: Element<'_>, utc: bool) -> Option<Timestamp> {
    let digits = std::str::from_utf8(time.value).ok()?.strip_suffix('Z')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.len() != if utc { 12 } else { 14 } {
        return None;
    }
    let full = match (utc, digits.get(..2)?) {
        (false, _) => digits.to_owned(),
        // RFC 5280 4.1.2.5.1: YY from 50 is 19YY.
        (true, year) if year >= "50" => format!("19{digits}"),
        (true, _) => format!("20{digits}"),
    };
    let (date, clock) = full.split_at_checked(8)?;
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        date.get(..4)?,
        date.get(4..6)?,
        date.get(6..)?,
        clock.get(..2)?,
        clock.get(2..4)?,
        clock.get(4..)?
    );
    let at: Timestamp = text.parse().ok()?;
    (encode_time(at)?.as_slice() == time.raw).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asn1::single;

    fn round(tag: u8, text: &str) -> Option<Timestamp> {
        let der = element(tag, text.as_bytes());
        take_time(&mut Reader::new(&der), "time").ok()
    }

    #[test]
    fn the_two_forms_meet_at_2050() {
        assert_eq!(round(tag::UTC_TIME, "491231235959Z").unwrap().to_string(), "2049-12-31T23:59:59Z");
        assert_eq!(round(tag::UTC_TIME, "500101000000Z").unwrap().to_string(), "1950-01-01T00:00:00Z");
        assert_eq!(
            round(tag::GENERALIZED_TIME, "20500101000000Z").unwrap().to_string(),
            "2050-01-01T00:00:00Z"
        );
        assert!(round(tag::GENERALIZED_TIME, "20491231235959Z").is_none(), "2049 is UTCTime");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in
            ["2611210102Z", "261121010203+0900", "261121010260Z", "261321010203Z", "26112101020xZ", ""]
        {
            assert!(round(tag::UTC_TIME, text).is_none(), "{text}");
        }
        for text in ["2026-11-21T01:02:03Z", "2026-11-21T01:02:03.4560Z", "2026-11-21t01:02:03.456Z", "x"] {
            assert!(parse_rfc3339_ms(text).is_none(), "{text}");
        }
    }

    #[test]
    fn milliseconds_survive_and_the_rest_is_cut() {
        let at: Timestamp = "2026-11-21T01:02:03.456789Z".parse().unwrap();
        assert_eq!(rfc3339_ms(at), "2026-11-21T01:02:03.456Z");
        assert_eq!(
            parse_rfc3339_ms("2026-11-21T01:02:03.456Z").unwrap().as_millisecond(),
            at.as_millisecond()
        );
        assert_eq!(whole_second(at).to_string(), "2026-11-21T01:02:03Z");
        let encoded = encode_time(at).unwrap();
        assert_eq!(single(&encoded, tag::UTC_TIME, "time").unwrap().value, b"261121010203Z");
    }
}
