//! The device log for people and for programs: one line an entry.

use jiff::tz::Offset;

use crate::entry::LoggedEntry;

/// In which zone times are shown. The log itself is in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zone {
    /// Coordinated universal time.
    Utc,
    /// Japan standard time, UTC+9 the whole year.
    #[default]
    Jst,
}

impl Zone {
    const fn hours(self) -> i8 {
        match self {
            Self::Utc => 0,
            Self::Jst => 9,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Utc => "UTC",
            Self::Jst => "JST",
        }
    }
}

/// One aligned line without a line end: number, time, step, code, outcome, XFS4IoT object=value, then what is there of
/// tries, status word, duration, action, detail, language, mode, visit.
#[must_use]
pub fn to_text(logged: &LoggedEntry, zone: Zone) -> String {
    let entry = &logged.entry;
    let time =
        Offset::constant(zone.hours()).to_datetime(entry.at).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string();
    let word = |word: &Option<crate::Word>| word.as_ref().map_or("-", |word| word.as_str()).to_owned();
    let object = match (&entry.object, &entry.value) {
        (Some(object), Some(value)) => format!("{object}={value}"),
        (Some(object), None) => object.to_string(),
        (None, Some(value)) => value.to_string(),
        (None, None) => "-".to_owned(),
    };
    let mut line = format!(
        "{:>7}  {time} {}  {:<14} {:<28} {:<18} {object:<30}",
        logged.seq,
        zone.name(),
        word(&entry.step),
        entry.code,
        word(&entry.outcome),
    );
    let more = [
        entry.tries_left.map(|tries| format!("tries={tries}")),
        entry.status_word.map(|status| format!("sw={status:04X}")),
        entry.duration_ms.map(|duration| format!("{duration}ms")),
        entry.action.map(|action| format!("action={}", action.as_str())),
        entry.detail.as_ref().map(|detail| format!("\"{detail}\"")),
        entry.language.as_ref().map(|language| format!("language={language}")),
        entry.mode.map(|mode| format!("mode={}", mode.as_str())),
        entry.visit.map(|visit| format!("visit={visit}")),
    ];
    for part in more.into_iter().flatten() {
        line.push(' ');
        line.push_str(&part);
    }
    line.truncate(line.trim_end().len());
    line
}

/// The canonical bytes without a line end: one JSON object, the very bytes that are hashed.
#[must_use]
pub fn to_json(logged: &LoggedEntry) -> String {
    logged.canonical()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Detail, Digest, LogEntry, TerminalId, word};

    #[test]
    fn lines_are_aligned() {
        let at = "2026-11-21T20:02:03.456Z".parse().unwrap();
        let least = LogEntry::new(at, 1, TerminalId::parse("T0001").unwrap(), word!("started"));
        let more = LogEntry {
            step: Some(word!("pin")),
            code: word!("pin-wrong"),
            object: Some(word!("cardReader.media")),
            value: Some(word!("present")),
            action: Some(Action::Clear),
            tries_left: Some(2),
            status_word: Some(0x63C2),
            duration_ms: Some(41),
            detail: Some(Detail::of("reader 1")),
            ..least.clone()
        };
        let line = |seq, entry: &LogEntry, zone| {
            to_text(&LoggedEntry { seq, prev: Digest::ZERO, entry: entry.clone() }, zone)
        };
        assert_eq!(
            line(7, &least, Zone::Jst),
            "      7  2026-11-22 05:02:03.456 JST  -              started                      -                  -"
        );
        assert_eq!(
            line(1234, &more, Zone::Utc),
            "   1234  2026-11-21 20:02:03.456 UTC  pin            pin-wrong                    -                  \
             cardReader.media=present       tries=2 sw=63C2 41ms action=clear \"reader 1\""
        );
    }
}
