//! When the host is known to be closed: a calendar in Japan Standard Time, asked before a visit begins.
//!
//! The one public calendar of a service behind the same portal is: third Saturday of the month 17:00 to Monday 8:00, and
//! 28 December 21:00 to 4 January 8:00. Whether it holds for the registration is an assumption of whoever configures it;
//! our reference host never closes, so the default is no closure at all.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::{Timestamp, ToSpan, tz::Offset};
use serde::{Deserialize, Serialize};

/// Japan Standard Time. Japan has no summer time, and a machine may lack the time zone database.
pub const JST: Offset = Offset::constant(9);

/// All closures. Default: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Closed {
    /// Every month: `{ week = 3, from = "sat 17:00", to = "mon 08:00" }`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub monthly: Vec<MonthlyClosure>,
    /// Every year: `{ from = "12-28 21:00", to = "01-04 08:00" }`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub yearly: Vec<YearlyClosure>,
}

/// From a weekday of the n-th week of every month to the next such weekday and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MonthlyClosure {
    /// 3: from the third such weekday of the month. 1 to 4, which every month has.
    pub week: i8,
    /// Begin.
    pub from: DayTime,
    /// End: the first such weekday and time after the beginning.
    pub to: DayTime,
}

/// From a day of the year to the next such day and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct YearlyClosure {
    /// Begin.
    pub from: YearDay,
    /// End: in the same year, or in the next when it lies before the beginning.
    pub to: YearDay,
}

/// A weekday and time: `sat 17:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct DayTime {
    day: Weekday,
    time: Time,
}

/// A day of the year and time: `12-28 21:00`. 29 February is refused: most years have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct YearDay {
    month: i8,
    day: i8,
    time: Time,
}

/// A text that is no point of the calendar.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not of the form {wanted:?}")]
pub struct NotInCalendar {
    found: String,
    wanted: &'static str,
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// Closures may touch each other; so many in a row are followed to the end of the last.
const CHAIN_MAX: usize = 16;

impl Closed {
    /// `Some(when it opens)` when the host is closed at `now`.
    pub fn reopens(&self, now: Timestamp) -> Option<Timestamp> {
        let mut local = JST.to_datetime(now);
        let mut end = None;
        for _ in 0..CHAIN_MAX {
            let Some(next) = self.end_of_closure(local) else { break };
            local = next;
            end = JST.to_timestamp(next).ok();
        }
        end
    }

    fn end_of_closure(&self, now: DateTime) -> Option<DateTime> {
        // A closure that runs now began this month or year, or in the one before.
        let months = [Some(now.date()), now.date().checked_sub(1.month()).ok()];
        let years = [Some(now.year()), now.year().checked_sub(1)];
        let monthly =
            self.monthly.iter().flat_map(|closure| months.iter().flatten().map(|month| closure.span(*month)));
        let yearly =
            self.yearly.iter().flat_map(|closure| years.iter().flatten().map(|year| closure.span(*year)));
        monthly.chain(yearly).flatten().filter(|(from, to)| *from <= now && now < *to).map(|(_, to)| to).max()
    }
}

impl MonthlyClosure {
    fn span(&self, month: Date) -> Option<(DateTime, DateTime)> {
        let first = month.nth_weekday_of_month(self.week, self.from.day).ok()?;
        let from = first.to_datetime(self.from.time);
        let days = i64::from(self.from.day.until(self.to.day));
        let days = if days == 0 && self.to.time <= self.from.time { 7 } else { days };
        let to = first.checked_add(days.days()).ok()?.to_datetime(self.to.time);
        Some((from, to))
    }
}

impl YearlyClosure {
    fn span(&self, year: i16) -> Option<(DateTime, DateTime)> {
        let from = self.from.in_year(year)?;
        let to = self.to.in_year(if self.to > self.from { year } else { year.checked_add(1)? })?;
        Some((from, to))
    }
}

impl YearDay {
    fn in_year(&self, year: i16) -> Option<DateTime> {
        Some(Date::new(year, self.month, self.day).ok()?.to_datetime(self.time))
    }
}

fn clock_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

impl TryFrom<String> for DayTime {
    type Error = NotInCalendar;

    fn try_from(text: String) -> Result<Self, NotInCalendar> {
        let parsed = || {
            let (day, time) = text.split_once(' ')?;
            let day = WEEKDAYS.iter().find(|(name, _)| *name == day)?.1;
            Some(Self { day, time: clock_time(time)? })
        };
        parsed().ok_or(NotInCalendar { found: text.clone(), wanted: "sat 17:00" })
    }
}

impl From<DayTime> for String {
    fn from(point: DayTime) -> Self {
        let name = WEEKDAYS.iter().find(|(_, day)| *day == point.day).map_or("", |(name, _)| name);
        format!("{name} {:02}:{:02}", point.time.hour(), point.time.minute())
    }
}

impl TryFrom<String> for YearDay {
    type Error = NotInCalendar;

    fn try_from(text: String) -> Result<Self, NotInCalendar> {
        let parsed = || {
            let (date, time) = text.split_once(' ')?;
            let (month, day) = date.split_once('-')?;
            let point = Self { month: month.parse().ok()?, day: day.parse().ok()?, time: clock_time(time)? };
            // 2023 is no leap year.
            point.in_year(2023).map(|_| point)
        };
        parsed().ok_or(NotInCalendar { found: text.clone(), wanted: "12-28 21:00" })
    }
}

impl From<YearDay> for String {
    fn from(point: YearDay) -> Self {
        format!("{:02}-{:02} {:02}:{:02}", point.month, point.day, point.time.hour(), point.time.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portal() -> Closed {
        toml::from_str(
            "monthly = [{ week = 3, from = \"sat 17:00\", to = \"mon 08:00\" }]\n\
             yearly = [{ from = \"12-28 21:00\", to = \"01-04 08:00\" }]",
        )
        .unwrap()
    }

    fn at(local: &str) -> Timestamp {
        format!("{local}:00+09:00").parse().unwrap()
    }

    #[test]
    fn a_closure_runs_from_its_first_to_its_last_minute() {
        // 21 November 2026 is the third Saturday of its month.
        let cases = [
            ("2026-11-21T16:59", None),
            ("2026-11-21T17:00", Some("2026-11-23T08:00")),
            ("2026-11-22T12:00", Some("2026-11-23T08:00")),
            ("2026-11-23T07:59", Some("2026-11-23T08:00")),
            ("2026-11-23T08:00", None),
            ("2026-11-14T18:00", None),
            ("2026-12-28T20:59", None),
            ("2026-12-28T21:00", Some("2027-01-04T08:00")),
            ("2027-01-03T00:00", Some("2027-01-04T08:00")),
            ("2027-01-04T08:00", None),
        ];
        for (now, reopens) in cases {
            assert_eq!(portal().reopens(at(now)), reopens.map(at), "at {now}");
        }
    }

    #[test]
    fn a_closure_over_the_end_of_the_month_is_found_from_the_next_month() {
        let text = "monthly = [{ week = 4, from = \"sat 17:00\", to = \"fri 08:00\" }]";
        let closed: Closed = toml::from_str(text).unwrap();
        // The fourth Saturday of November 2026 is the 28th.
        assert_eq!(closed.reopens(at("2026-12-01T00:00")), Some(at("2026-12-04T08:00")));
    }

    #[test]
    fn closures_that_touch_are_one() {
        let text = "yearly = [{ from = \"03-01 00:00\", to = \"03-02 00:00\" }, { from = \"03-02 00:00\", to = \"03-03 06:00\" }]";
        let closed: Closed = toml::from_str(text).unwrap();
        assert_eq!(closed.reopens(at("2026-03-01T12:00")), Some(at("2026-03-03T06:00")));
    }

    #[test]
    fn no_calendar_is_never_closed() {
        assert_eq!(Closed::default().reopens(at("2026-11-21T18:00")), None);
    }

    #[test]
    fn what_is_no_point_of_the_calendar_is_refused() {
        for text in
            ["sat", "Sat 17:00", "sat 24:00", "sat 7:00", "sat 17:60", "sat 17:00:00", "", "sat  17:00"]
        {
            assert!(DayTime::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in ["02-29 00:00", "13-01 00:00", "12-32 00:00", "12/28 21:00", "12-28", ""] {
            assert!(YearDay::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
