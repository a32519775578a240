//! What stands in the frames: commands of the host, answers of the unit.

use std::fmt;
use std::time::Duration;

use super::faults::Refusal;

/// The two characters that name a command; the answer repeats them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(pub(super) [u8; 2]);

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C{}", self.0.escape_ascii())
    }
}

/// How long the unit may take to do something, before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// What every command may take; the chip's own 10 s are within it.
    Usual,
    /// Longer by what is waited for a person.
    Longer(Duration),
}

/// A command with its parameters, which lie wherever their owner keeps them.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    pub(super) code: Code,
    pub(super) parameters: &'a [u8],
    pub(super) takes: Takes,
}

/// How long a card at the mouth is pulled at before the unit gives up, in the unit's own form.
const TAKE_BACK_S_MAX: &[u8; 2] = b"05";
const TAKE_BACK_MAX: Duration = Duration::from_secs(5);

/// The status: where the card is, what state the contacts have.
pub(super) const STATUS: Order<'_> = order(*b"10");
/// Twelve digits, one a sensor.
pub(super) const SENSORS: Order<'_> = order(*b"11");
/// Opens the way in. Returns at once; the status tells when a card came.
pub(super) const PERMIT_ENTRY: Order<'_> = order(*b":0");
/// Closes it.
pub(super) const FORBID_ENTRY: Order<'_> = order(*b":1");
/// To where the customer can take it.
pub(super) const RETURN: Order<'_> = order(*b"30");
/// Into the bin behind the unit.
pub(super) const CAPTURE: Order<'_> = order(*b"31");
/// From the mouth back to the inside.
pub(super) const TAKE_BACK: Order<'_> = longer(*b"40");
/// From the mouth into the bin.
pub(super) const TAKE_BACK_AND_CAPTURE: Order<'_> = longer(*b"41");
/// How long the two before may pull.
pub(super) const TAKE_BACK_TIME: Order<'_> = with(*b"W2", TAKE_BACK_S_MAX);
/// Cards in the bin, by the unit's own count.
pub(super) const CAPTURED: Order<'_> = order(*b"Q0");
/// Forty characters: type and version of the firmware.
pub(super) const VERSIONS: Order<'_> = order(*b"V0");
/// Presses the contacts and resets the chip; the unit chooses the protocol itself.
pub(super) const PRESS_AND_ACTIVATE: Order<'_> = with(*b"G1", b"0");
/// The same with contacts that are pressed.
pub(super) const ACTIVATE: Order<'_> = with(*b"E0", b"0");
/// Takes the power from the chip.
pub(super) const DEACTIVATE: Order<'_> = order(*b"C3");
/// The same, and lifts the contacts.
pub(super) const DEACTIVATE_AND_RELEASE: Order<'_> = order(*b"C6");
/// One exchange with the chip, T=0.
pub(super) const EXCHANGE_T0: Code = Code(*b"F0");
/// One exchange with the chip, T=1.
pub(super) const EXCHANGE_T1: Code = Code(*b"F1");
/// The next part of an answer that is longer than one frame.
pub(super) const FETCH_MORE: Order<'_> = order(*b"F3");

const fn order(code: [u8; 2]) -> Order<'static> {
    with(code, &[])
}

const fn with(code: [u8; 2], parameters: &'static [u8]) -> Order<'static> {
    Order { code: Code(code), parameters, takes: Takes::Usual }
}

const fn longer(code: [u8; 2]) -> Order<'static> {
    Order { takes: Takes::Longer(TAKE_BACK_MAX), ..order(code) }
}

/// What an initial reset does with a card inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResetTo {
    /// It stays inside; one at the mouth is taken in.
    Inside,
    /// It goes to the mouth.
    Mouth,
}

impl ResetTo {
    /// `parameters` are what [`super::AfterPowerFailure`] gives.
    pub(super) const fn order(self, parameters: &[u8]) -> Order<'_> {
        let code = match self {
            ResetTo::Inside => Code(*b"02"),
            ResetTo::Mouth => Code(*b"00"),
        };
        Order { code, parameters, takes: Takes::Longer(TAKE_BACK_MAX) }
    }
}

/// The two characters of a positive answer: where the card is, or what came of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    NoCard,
    AtMouth,
    /// Inside; contacts lifted.
    Inside,
    /// Inside; contacts pressed, chip without power.
    Pressed,
    /// Inside; the chip has power.
    Active,
    /// The chip's answer is complete.
    Answered,
    /// More of it is to be fetched.
    MoreToFetch,
    /// Anything else.
    Other([u8; 2]),
}

impl Done {
    const fn of(result: [u8; 2]) -> Self {
        match &result {
            b"00" => Done::NoCard,
            b"01" => Done::AtMouth,
            b"02" | b"04" => Done::Inside,
            b"10" => Done::Pressed,
            b"11" => Done::Active,
            b"20" => Done::Answered,
            b"21" => Done::MoreToFetch,
            _ => Done::Other(result),
        }
    }

    /// Whether it says where the card is.
    pub(super) const fn is_a_place(self) -> bool {
        matches!(self, Done::NoCard | Done::AtMouth | Done::Inside | Done::Pressed | Done::Active)
    }
}

/// An answer of the unit.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: Code,
    pub(super) verdict: Result<Done, Refusal>,
    pub(super) data: Vec<u8>,
}

impl Reply {
    /// `None` for a text that is no answer.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let ([kind, c1, c2, r1, r2], data) = text.split_first_chunk::<5>()?;
        let result = [*r1, *r2];
        let verdict = match kind {
            b'P' => Ok(Done::of(result)),
            b'N' => Err(Refusal(result)),
            _ => return None,
        };
        Some(Self { code: Code([*c1, *c2]), verdict, data: data.to_vec() })
    }
}
