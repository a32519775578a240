//! Every stable code that a visit, a device or the host can end in: what it means and who does what about it.
//!
//! The codes are an interface: the device log, receipts and the bank's monitoring key on them. What the customer reads is
//! in the language files; here is the operators' side, in English. `docs/operating.md` shows this table, and a test
//! keeps it there.

mod card;
mod journal;
mod pin_pad;
mod port;
mod printer;
mod table;

/// The files of the table.
const PARTS: [&[Code]; 6] =
    [table::GENERAL, card::CARD, journal::JOURNAL, pin_pad::PIN_PAD, port::PORT, printer::PRINTER];

/// Those of them that devices give.
#[cfg(test)]
pub(super) const DEVICE_PARTS: [&[Code]; 4] = [card::CARD, pin_pad::PIN_PAD, port::PORT, printer::PRINTER];

/// All codes.
pub const CODES: &[Code] = &joined::<{ count() }>();

const fn count() -> usize {
    let mut count = 0;
    let mut parts: &[&[Code]] = &PARTS;
    while let Some((part, rest)) = parts.split_first() {
        count += part.len();
        parts = rest;
    }
    count
}

const fn joined<const COUNT: usize>() -> [Code; COUNT] {
    let mut all =
        [Code { code: "", class: Class::Fault, line: Line::Nobody, meaning: "", action: "" }; COUNT];
    let mut left: &mut [Code] = &mut all;
    let mut parts: &[&[Code]] = &PARTS;
    while let Some((part, rest)) = parts.split_first() {
        let (place, further) = left.split_at_mut(part.len());
        place.copy_from_slice(part);
        left = further;
        parts = rest;
    }
    all
}

/// What kind of an end a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request has a good end, or will have one.
    Result,
    /// The terminal said no before anything was sent.
    Refused,
    /// The host said no, with its signature.
    Rejected,
    /// A device, the host or the machine failed.
    Fault,
    /// Our own bug: the machine let the card go and stopped.
    Violation,
}

impl Class {
    /// As in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Fault => "fault",
            Self::Violation => "violation",
        }
    }
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nobody at the bank: the customer has been told what to do.
    Nobody,
    /// Whoever is at the machine (XFS4IoT action `clear`).
    First,
    /// Maintenance or the operators of the service.
    Second,
}

impl Line {
    /// As in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nobody => "-",
            Self::First => "first",
            Self::Second => "second",
        }
    }
}

/// A stable code.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The code, kebab-case. Never renamed or reused.
    pub code: &'static str,
    /// What kind of an end it is.
    pub class: Class,
    /// Who acts.
    pub line: Line,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub action: &'static str,
}

/// The entry of a code.
pub fn code(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|entry| entry.code == code)
}
