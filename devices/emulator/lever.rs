//! Levers: what a test or a person makes a card do wrong. One grammar for command line, persona and control socket.
//!
//! ```text
//! timing:none|contact|contactless      how long answers take
//! extended-length:on|off               whether APDUs of extended length are understood
//! sfi:on|off                           whether short EF identifiers are understood
//! 6f00-first:on|off                    6F00 to the first command after each power-on
//! EFFECT@TRIGGER                       a fault, once: EFFECT and TRIGGER below
//!   remove | remove-after | tear       out of the reader: before execution, after it, or in the middle of VERIFY
//!   reset | reset-after                the card loses contact and comes back: before execution or after it
//!   status:XXXX                        this status word instead of the answer, not executed
//!   answer:HEX                         these bytes instead of the answer, executed
//!   garbage                            eleven bytes that make no sense, executed
//!   truncate:N                         only the first N bytes of the answer, executed
//!   delay:MS                           the answer comes MS milliseconds later
//!   N                                  at the N-th APDU from now, 1 = the next
//!   ins:XX or ins:XX/P2                at the next APDU with this INS (and P2), in hex
//!   every                              at every APDU, until cleared
//! ```

use std::fmt;
use std::str::FromStr;

use crate::timing::Timing;

/// The longest delay. Delays at one command add up, and are waited for.
const DELAY_MS_MAX: u64 = 3_600_000;

/// One lever, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lever {
    /// How long answers take.
    Timing(Timing),
    /// Whether APDUs of extended length are understood.
    ExtendedLength(bool),
    /// Whether short EF identifiers are understood.
    ShortIds(bool),
    /// 6F00 to the first command after each power-on.
    FirstCommandFails(bool),
    /// Something goes wrong.
    Fault(Fault),
}

/// What goes wrong, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub effect: Effect,
    /// When.
    pub trigger: Trigger,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The card leaves the reader before it executes the command.
    Remove,
    /// The card executes the command and leaves; the answer is lost.
    RemoveAfter,
    /// The card leaves in the middle: a VERIFY has taken its try and compared nothing.
    Tear,
    /// The card loses contact before it executes the command, and is back at once.
    Reset,
    /// The card executes the command, loses contact and is back at once; the answer is lost.
    ResetAfter,
    /// This status word, nothing executed.
    Status(u16),
    /// These bytes instead of the answer.
    Answer(Vec<u8>),
    /// Bytes that make no sense.
    Garbage,
    /// Only so many bytes of the answer.
    Truncate(usize),
    /// Later by so many milliseconds.
    Delay(u64),
}

/// When a fault happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// At the n-th APDU after the lever was pulled, counted from 1.
    Nth(u64),
    /// At the next APDU with this INS and, if given, this P2.
    Instruction {
        /// INS.
        ins: u8,
        /// P2.
        p2: Option<u8>,
    },
    /// At every APDU.
    Every,
}

/// What was written is not a lever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a lever: {wanted}")]
pub struct LeverFault {
    text: String,
    wanted: &'static str,
}

impl FromStr for Lever {
    type Err = LeverFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|wanted| LeverFault { text: text.to_owned(), wanted })
    }
}

fn parse(text: &str) -> Result<Lever, &'static str> {
    if let Some((effect, trigger)) = text.split_once('@') {
        return Ok(Lever::Fault(Fault { effect: parse_effect(effect)?, trigger: parse_trigger(trigger)? }));
    }
    match text.split_once(':') {
        Some(("timing", name)) => {
            Timing::by_name(name).map(Lever::Timing).ok_or("timing is none, contact or contactless")
        }
        Some(("extended-length", switch)) => on_or_off(switch).map(Lever::ExtendedLength),
        Some(("sfi", switch)) => on_or_off(switch).map(Lever::ShortIds),
        Some(("6f00-first", switch)) => on_or_off(switch).map(Lever::FirstCommandFails),
        _ => Err("expected timing:, extended-length:, sfi:, 6f00-first: or EFFECT@TRIGGER"),
    }
}

fn on_or_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("expected on or off"),
    }
}

fn parse_effect(text: &str) -> Result<Effect, &'static str> {
    match text.split_once(':') {
        None => match text {
            "remove" => Ok(Effect::Remove),
            "remove-after" => Ok(Effect::RemoveAfter),
            "tear" => Ok(Effect::Tear),
            "reset" => Ok(Effect::Reset),
            "reset-after" => Ok(Effect::ResetAfter),
            "garbage" => Ok(Effect::Garbage),
            _ => Err("unknown effect"),
        },
        Some(("status", word)) => match hex::decode(word).as_deref() {
            Ok([sw1, sw2]) => Ok(Effect::Status(u16::from_be_bytes([*sw1, *sw2]))),
            _ => Err("status: takes four hex digits"),
        },
        // An empty frame means "card gone" to the virtual reader: that is what `remove` is for.
        Some(("answer", bytes)) => match hex::decode(bytes) {
            Ok(bytes) if (1..=65_535).contains(&bytes.len()) => Ok(Effect::Answer(bytes)),
            _ => Err("answer: takes one or more bytes in hex"),
        },
        Some(("truncate", count)) => match count.parse() {
            Ok(count) if count > 0 => Ok(Effect::Truncate(count)),
            _ => Err("truncate: takes a number of bytes, at least 1"),
        },
        Some(("delay", milliseconds)) => match milliseconds.parse() {
            Ok(milliseconds) if milliseconds <= DELAY_MS_MAX => Ok(Effect::Delay(milliseconds)),
            _ => Err("delay: takes milliseconds, at most 3600000 (an hour)"),
        },
        Some(_) => Err("unknown effect"),
    }
}

fn parse_trigger(text: &str) -> Result<Trigger, &'static str> {
    if text == "every" {
        return Ok(Trigger::Every);
    }
    if let Some(instruction) = text.strip_prefix("ins:") {
        let (ins, p2) = match instruction.split_once('/') {
            Some((ins, p2)) => (ins, Some(hex_byte(p2)?)),
            None => (instruction, None),
        };
        return Ok(Trigger::Instruction { ins: hex_byte(ins)?, p2 });
    }
    match text.parse() {
        Ok(n) if n > 0 => Ok(Trigger::Nth(n)),
        _ => Err("the trigger is a number from 1, ins:XX, ins:XX/P2 or every"),
    }
}

fn hex_byte(text: &str) -> Result<u8, &'static str> {
    match hex::decode(text).as_deref() {
        Ok([byte]) => Ok(*byte),
        _ => Err("INS and P2 are two hex digits"),
    }
}

impl fmt::Display for Lever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let switch = |on: &bool| if *on { "on" } else { "off" };
        match self {
            Self::Timing(timing) => write!(f, "timing:{}", timing.name()),
            Self::ExtendedLength(on) => write!(f, "extended-length:{}", switch(on)),
            Self::ShortIds(on) => write!(f, "sfi:{}", switch(on)),
            Self::FirstCommandFails(on) => write!(f, "6f00-first:{}", switch(on)),
            Self::Fault(fault) => write!(f, "{}@{}", fault.effect, fault.trigger),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remove => f.write_str("remove"),
            Self::RemoveAfter => f.write_str("remove-after"),
            Self::Tear => f.write_str("tear"),
            Self::Reset => f.write_str("reset"),
            Self::ResetAfter => f.write_str("reset-after"),
            Self::Status(word) => write!(f, "status:{word:04x}"),
            Self::Answer(bytes) => write!(f, "answer:{}", hex::encode(bytes)),
            Self::Garbage => f.write_str("garbage"),
            Self::Truncate(count) => write!(f, "truncate:{count}"),
            Self::Delay(milliseconds) => write!(f, "delay:{milliseconds}"),
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nth(n) => write!(f, "{n}"),
            Self::Instruction { ins, p2: None } => write!(f, "ins:{ins:02x}"),
            Self::Instruction { ins, p2: Some(p2) } => write!(f, "ins:{ins:02x}/{p2:02x}"),
            Self::Every => f.write_str("every"),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Lever {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl serde::Serialize for Lever {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same() {
        for text in [
            "timing:contact",
            "extended-length:on",
            "sfi:off",
            "6f00-first:on",
            "remove@1",
            "remove-after@12",
            "tear@ins:20",
            "reset@3",
            "reset-after@ins:2a/97",
            "status:6f00@every",
            "answer:639f@2",
            "garbage@4",
            "truncate:1@ins:b0",
            "delay:1500@ins:2a",
        ] {
            assert_eq!(text.parse::<Lever>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_lever_is_refused() {
        for text in [
            "",
            "remove",
            "remove@",
            "remove@0",
            "@1",
            "sfi:maybe",
            "status:6F@1",
            "answer:@1",
            "truncate:0@1",
            "delay:x@1",
            "delay:3600001@1",
            "delay:18446744073709551615@every",
            "remove@ins:2",
            "remove@ins:20/",
            "timing:slow",
            "explode@1",
        ] {
            assert!(text.parse::<Lever>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", effect in "[a-z-]{1,12}(:[0-9a-f]{0,6})?", trigger in ".{0,10}") {
            let _ = text.parse::<Lever>();
            if let Ok(lever) = format!("{effect}@{trigger}").parse::<Lever>() {
                proptest::prop_assert_eq!(lever.to_string().parse(), Ok(lever));
            }
        }
    }
}
