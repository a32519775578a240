//! Levers of the printer: one grammar for command line and control socket.
//!
//! ```text
//! paper:full|low|out        the roll
//! cover:open|closed
//! cutter:jam|ok
//! error:fatal|hot|none      an error that stays, or a head that has to cool down
//! presenter:stuck|jam|ok    what is handed out is not taken and cannot be taken back; is stuck; or is taken at once
//! presenter:left            what is handed out lies there until it is taken back
//! power:off|on              off: takes nothing, says nothing, forgets everything
//! silent:on|off             takes everything, says nothing
//! garbage:on|off            bytes at random instead of answers
//! noise:on|off              one byte in a hundred is another, in both directions
//! wrong-speed:on|off        what is printed and what is said makes no sense
//! reports:on|off            whether it reports by itself when it is asked to
//! slow:N                    so many bytes a second; slow:0 as fast as it can
//! FAULT@N                   after N more bytes were carried out: paper-out, cover-open, cutter-jam or power-off
//! ```

use std::fmt;
use std::str::FromStr;

/// One lever, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrinterLever {
    text: String,
    pub(super) pull: Pull,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pull {
    PaperLow(bool),
    PaperOut(bool),
    Cover(bool),
    Cutter(bool),
    Fatal(bool),
    Hot(bool),
    Presenter(Presenter),
    Power(bool),
    Silent(bool),
    Garbage(bool),
    Noise(bool),
    WrongSpeed(bool),
    Reports(bool),
    Slow(u32),
    After(Later, u64),
}

/// What becomes of a receipt that is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presenter {
    Taken,
    Left,
    Stuck,
    Jam,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Later {
    PaperOut,
    CoverOpen,
    CutterJam,
    PowerOff,
}

/// What was written is not a lever.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a lever of the printer")]
pub struct PrinterLeverFault {
    text: String,
}

impl FromStr for PrinterLever {
    type Err = PrinterLeverFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parse(text) {
            Some(pull) => Ok(Self { text: text.to_owned(), pull }),
            None => Err(PrinterLeverFault { text: text.to_owned() }),
        }
    }
}

fn parse(text: &str) -> Option<Pull> {
    if let Some((fault, count)) = text.split_once('@') {
        let later = match fault {
            "paper-out" => Later::PaperOut,
            "cover-open" => Later::CoverOpen,
            "cutter-jam" => Later::CutterJam,
            "power-off" => Later::PowerOff,
            _ => return None,
        };
        return Some(Pull::After(later, count.parse().ok()?));
    }
    let (name, value) = text.split_once(':')?;
    let switch = |on: &str, off: &str| (value == on).then_some(true).or((value == off).then_some(false));
    match (name, value) {
        ("paper", "full") => Some(Pull::PaperOut(false)),
        ("paper", "low") => Some(Pull::PaperLow(true)),
        ("paper", "out") => Some(Pull::PaperOut(true)),
        ("cover", _) => switch("open", "closed").map(Pull::Cover),
        ("cutter", _) => switch("jam", "ok").map(Pull::Cutter),
        ("error", "fatal") => Some(Pull::Fatal(true)),
        ("error", "hot") => Some(Pull::Hot(true)),
        ("error", "none") => Some(Pull::Fatal(false)),
        ("presenter", "stuck") => Some(Pull::Presenter(Presenter::Stuck)),
        ("presenter", "jam") => Some(Pull::Presenter(Presenter::Jam)),
        ("presenter", "left") => Some(Pull::Presenter(Presenter::Left)),
        ("presenter", "ok") => Some(Pull::Presenter(Presenter::Taken)),
        ("power", _) => switch("on", "off").map(Pull::Power),
        ("silent", _) => switch("on", "off").map(Pull::Silent),
        ("garbage", _) => switch("on", "off").map(Pull::Garbage),
        ("noise", _) => switch("on", "off").map(Pull::Noise),
        ("wrong-speed", _) => switch("on", "off").map(Pull::WrongSpeed),
        ("reports", _) => switch("on", "off").map(Pull::Reports),
        ("slow", _) => value.parse().ok().map(Pull::Slow),
        _ => None,
    }
}

impl fmt::Display for PrinterLever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for PrinterLever {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for PrinterLever {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_understood_and_shown_the_same() {
        for text in [
            "paper:full",
            "paper:low",
            "paper:out",
            "cover:open",
            "cover:closed",
            "cutter:jam",
            "cutter:ok",
            "error:fatal",
            "error:hot",
            "error:none",
            "presenter:stuck",
            "presenter:jam",
            "presenter:left",
            "presenter:ok",
            "power:off",
            "power:on",
            "silent:on",
            "garbage:off",
            "noise:on",
            "wrong-speed:on",
            "reports:off",
            "slow:960",
            "slow:0",
            "paper-out@100",
            "cover-open@1",
            "cutter-jam@0",
            "power-off@7",
        ] {
            assert_eq!(text.parse::<PrinterLever>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "paper",
            "paper:",
            "paper:blue",
            "cover:jam",
            "slow:x",
            "slow:-1",
            "die@3",
            "paper-out@",
            "@1",
        ] {
            assert!(text.parse::<PrinterLever>().is_err(), "{text}");
        }
    }
}
