//! Levers of the unit: what a test or a person makes its line and its mechanics do wrong. The levers of the card in it are
//! [`crate::Lever`]'s; both are pulled by the same command.
//!
//! [`LEVERS`] lists them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What can be pulled, for people.
pub const LEVERS: &str = "\
pace:BAUD|off            bytes take as long as they would on a line, both ways
slow:MS                  every command takes so long to execute
noise:N                  N of 10,000 bytes are wrong, each way
silent:on|off            the unit hears nothing: as if it had no power
garbage:on|off           it answers noise to everything
jam:front|rear|off       a card that is moved there gets stuck, until the lever is put back
shutter:stuck|free       the shutter does not move
contacts:stuck|free      the contacts do not move
held:on|off              the customer holds on to a card at the mouth
size:long|short|right    of the card that is put in next
atr:none|any             no chip answers to reset, or each as it does
strict:on|off            in an error state even the sensors are not told
part:N                   an answer of the chip comes in parts of at most N bytes
EFFECT@TRIGGER           once: EFFECT and TRIGGER below
  lost-ack               takes the command and says nothing
  false-ack              acknowledges and takes nothing
  nak                    refuses the command as if it were damaged
  lost-answer            executes, and its answer is lost
  forgets                executes, and neither sends its answer nor keeps it
  bad-check              its answer comes with a wrong check byte, once
  twice                  its answer comes twice
  late:MS                its answer comes so much later
  error:XX               does nothing and answers with this error code
  N                      at the N-th command from now, 1 = the next
  cmd:XX, cmd:XX#N       at the next, or the N-th, command with this code, such as 30, :0 or F1
  every                  at every command, until cleared
";

/// The longest delay.
const MS_MAX: u64 = 3_600_000;

/// One lever, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitLever {
    /// Bits a second; `None`: as fast as this machine is.
    Pace(Option<u32>),
    /// How long every command takes.
    Slow(Duration),
    /// Wrong bytes of 10,000.
    Noise(u32),
    /// Hears nothing.
    Silent(bool),
    /// Answers noise.
    Garbage(bool),
    /// Where a card gets stuck.
    Jam(Option<Jam>),
    /// The shutter does not move.
    ShutterStuck(bool),
    /// The contacts do not move.
    ContactsStuck(bool),
    /// The customer holds on to the card.
    Held(bool),
    /// Of the next card.
    Size(Size),
    /// No chip answers.
    NoAtr(bool),
    /// In an error state even the sensors are not told.
    Strict(bool),
    /// Longest part of a chip's answer, in bytes.
    Part(usize),
    /// Something goes wrong with one command.
    Fault(Effect, When),
}

/// Where a card gets stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jam {
    /// On its way to or from the mouth.
    Front,
    /// On its way to the bin.
    Rear,
}

/// How long a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// As it should be.
    Right,
    /// Too long.
    Long,
    /// Too short.
    Short,
}

/// What goes wrong with one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The acknowledgement is lost.
    LostAck,
    /// The acknowledgement is a lie.
    FalseAck,
    /// Refused as damaged.
    Nak,
    /// The answer is lost.
    LostAnswer,
    /// The answer is lost for good.
    Forgets,
    /// The answer is damaged.
    BadCheck,
    /// The answer comes twice.
    Twice,
    /// The answer comes late.
    Late(Duration),
    /// Not executed, this error code instead.
    Error([u8; 2]),
}

/// When it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At the n-th command, counted from 1.
    Nth(u64),
    /// At the n-th command with this code, counted from 1.
    Command([u8; 2], u64),
    /// At every command.
    Every,
}

impl When {
    /// Whether it is at this command, and whether it is still to come.
    pub(super) fn at(&mut self, code: &[u8]) -> (bool, bool) {
        match self {
            When::Every => (true, true),
            When::Nth(left) => {
                *left = left.saturating_sub(1);
                (*left == 0, *left != 0)
            }
            When::Command(wanted, left) => {
                *left = left.saturating_sub(u64::from(wanted == code));
                (*left == 0, *left != 0)
            }
        }
    }
}

/// What was written is not a lever of the unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a lever of the card unit: {wanted}")]
pub struct UnitLeverFault {
    text: String,
    wanted: &'static str,
}

impl FromStr for UnitLever {
    type Err = UnitLeverFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|wanted| UnitLeverFault { text: text.to_owned(), wanted })
    }
}

fn parse(text: &str) -> Result<UnitLever, &'static str> {
    if let Some((effect, when)) = text.split_once('@') {
        return Ok(UnitLever::Fault(parse_effect(effect)?, parse_when(when)?));
    }
    let (name, value) = text.split_once(':').ok_or("expected NAME:VALUE or EFFECT@TRIGGER")?;
    let either = |on: &str, off: &str| match value {
        value if value == on => Ok(true),
        value if value == off => Ok(false),
        _ => Err("it has two positions; see --help"),
    };
    Ok(match name {
        "pace" if value == "off" => UnitLever::Pace(None),
        "pace" => UnitLever::Pace(Some(number(value, 300, 1_000_000)?)),
        "slow" => UnitLever::Slow(milliseconds(value)?),
        "noise" => UnitLever::Noise(number(value, 0, 10_000)?),
        "silent" => UnitLever::Silent(either("on", "off")?),
        "garbage" => UnitLever::Garbage(either("on", "off")?),
        "jam" => UnitLever::Jam(match value {
            "front" => Some(Jam::Front),
            "rear" => Some(Jam::Rear),
            "off" => None,
            _ => return Err("jam is front, rear or off"),
        }),
        "shutter" => UnitLever::ShutterStuck(either("stuck", "free")?),
        "contacts" => UnitLever::ContactsStuck(either("stuck", "free")?),
        "held" => UnitLever::Held(either("on", "off")?),
        "size" => UnitLever::Size(match value {
            "right" => Size::Right,
            "long" => Size::Long,
            "short" => Size::Short,
            _ => return Err("size is long, short or right"),
        }),
        "atr" => UnitLever::NoAtr(either("none", "any")?),
        "strict" => UnitLever::Strict(either("on", "off")?),
        "part" => UnitLever::Part(usize::try_from(number(value, 1, 320)?).unwrap_or(320)),
        _ => return Err("no such lever"),
    })
}

fn parse_effect(text: &str) -> Result<Effect, &'static str> {
    Ok(match text.split_once(':') {
        None => match text {
            "lost-ack" => Effect::LostAck,
            "false-ack" => Effect::FalseAck,
            "nak" => Effect::Nak,
            "lost-answer" => Effect::LostAnswer,
            "forgets" => Effect::Forgets,
            "bad-check" => Effect::BadCheck,
            "twice" => Effect::Twice,
            _ => return Err("unknown effect"),
        },
        Some(("late", time)) => Effect::Late(milliseconds(time)?),
        Some(("error", code)) => Effect::Error(two(code).ok_or("error: takes two characters")?),
        Some(_) => return Err("unknown effect"),
    })
}

fn parse_when(text: &str) -> Result<When, &'static str> {
    const WANTED: &str = "the trigger is a number from 1, cmd:XX, cmd:XX#N or every";
    let count = |text: &str| text.parse().ok().filter(|n| *n > 0);
    match (text, text.strip_prefix("cmd:")) {
        ("every", _) => Some(When::Every),
        (_, Some(command)) => match command.split_once('#') {
            Some((code, n)) => two(code).zip(count(n)).map(|(code, n)| When::Command(code, n)),
            None => two(command).map(|code| When::Command(code, 1)),
        },
        _ => count(text).map(When::Nth),
    }
    .ok_or(WANTED)
}

fn two(text: &str) -> Option<[u8; 2]> {
    text.as_bytes().try_into().ok().filter(|code: &[u8; 2]| code.iter().all(u8::is_ascii_graphic))
}

fn number(text: &str, least: u32, most: u32) -> Result<u32, &'static str> {
    text.parse().ok().filter(|n| (least..=most).contains(n)).ok_or("the number is not possible")
}

fn milliseconds(text: &str) -> Result<Duration, &'static str> {
    let time: Option<u64> = text.parse().ok().filter(|ms| *ms <= MS_MAX);
    time.map(Duration::from_millis).ok_or("it takes milliseconds, at most 3600000 (an hour)")
}

impl fmt::Display for UnitLever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = |on: &bool, is: &'static str, is_not: &'static str| if *on { is } else { is_not };
        match self {
            Self::Pace(None) => f.write_str("pace:off"),
            Self::Pace(Some(baud)) => write!(f, "pace:{baud}"),
            Self::Slow(time) => write!(f, "slow:{}", time.as_millis()),
            Self::Noise(wrong) => write!(f, "noise:{wrong}"),
            Self::Silent(on) => write!(f, "silent:{}", position(on, "on", "off")),
            Self::Garbage(on) => write!(f, "garbage:{}", position(on, "on", "off")),
            Self::Jam(None) => f.write_str("jam:off"),
            Self::Jam(Some(Jam::Front)) => f.write_str("jam:front"),
            Self::Jam(Some(Jam::Rear)) => f.write_str("jam:rear"),
            Self::ShutterStuck(on) => write!(f, "shutter:{}", position(on, "stuck", "free")),
            Self::ContactsStuck(on) => write!(f, "contacts:{}", position(on, "stuck", "free")),
            Self::Held(on) => write!(f, "held:{}", position(on, "on", "off")),
            Self::Size(Size::Right) => f.write_str("size:right"),
            Self::Size(Size::Long) => f.write_str("size:long"),
            Self::Size(Size::Short) => f.write_str("size:short"),
            Self::NoAtr(on) => write!(f, "atr:{}", position(on, "none", "any")),
            Self::Strict(on) => write!(f, "strict:{}", position(on, "on", "off")),
            Self::Part(bytes) => write!(f, "part:{bytes}"),
            Self::Fault(effect, when) => write!(f, "{effect}@{when}"),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LostAck => f.write_str("lost-ack"),
            Self::FalseAck => f.write_str("false-ack"),
            Self::Nak => f.write_str("nak"),
            Self::LostAnswer => f.write_str("lost-answer"),
            Self::Forgets => f.write_str("forgets"),
            Self::BadCheck => f.write_str("bad-check"),
            Self::Twice => f.write_str("twice"),
            Self::Late(time) => write!(f, "late:{}", time.as_millis()),
            Self::Error(code) => write!(f, "error:{}", code.escape_ascii()),
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nth(n) => write!(f, "{n}"),
            Self::Command(code, 1) => write!(f, "cmd:{}", code.escape_ascii()),
            Self::Command(code, n) => write!(f, "cmd:{}#{n}", code.escape_ascii()),
            Self::Every => f.write_str("every"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same() {
        for text in [
            "pace:9600",
            "pace:off",
            "slow:20",
            "noise:100",
            "silent:on",
            "garbage:off",
            "jam:front",
            "jam:rear",
            "jam:off",
            "shutter:stuck",
            "contacts:free",
            "held:on",
            "size:long",
            "size:right",
            "atr:none",
            "strict:on",
            "part:100",
            "lost-ack@1",
            "nak@cmd:F1#3",
            "false-ack@cmd:F1",
            "nak@2",
            "lost-answer@every",
            "bad-check@cmd::0",
            "twice@3",
            "forgets@2",
            "late:1500@cmd:41",
            "error:10@cmd:30",
        ] {
            assert_eq!(text.parse::<UnitLever>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "jam",
            "jam:left",
            "pace:1",
            "noise:10001",
            "slow:-1",
            "part:0",
            "lost-ack@0",
            "lost-ack@cmd:F",
            "nak@cmd:F1#0",
            "error:1@1",
            "late:x@1",
            "explode@1",
            "@",
            "silent:maybe",
            "error:10@",
            "late:3600001@1",
        ] {
            assert!(text.parse::<UnitLever>().is_err(), "{text}");
        }
    }
}
