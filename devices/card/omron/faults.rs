//! What goes wrong with the unit: its error codes and its line, as faults.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::link::{LinkError, Why};
use crate::card::DEVICE;
use crate::port::{Action, Fault, FaultKind, Reason};
use crate::serial::{Line, LineError};

/// The two characters of a negative answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) [u8; 2]);

/// What a refusal asks of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing: another command may follow.
    GoOn,
    /// Every command but an initial reset is refused from now on.
    Reset,
    /// The same after the power came back: 15 ms later, and no fault of the mechanics.
    ResetAfterPower,
    /// The card can only be given back.
    GiveBack,
    /// The chip has no power any more, or must be given none before it is used again.
    RestartChip,
    /// Somebody has to mend the unit, or this program.
    None,
}

/// A row of the table of error codes.
pub(super) struct Meaning {
    /// The codes that mean the same to us.
    codes: &'static str,
    pub(super) remedy: Remedy,
    pub(super) kind: FaultKind,
    pub(super) code: &'static str,
    pub(super) action: Action,
    pub(super) what: &'static str,
}

const fn row(codes: &'static str, remedy: Remedy, (kind, code, action): Told, what: &'static str) -> Meaning {
    Meaning { codes, remedy, kind, code, action, what }
}

/// How a fault is told, whatever the error code under it.
type Told = (FaultKind, &'static str, Action);

const REFUSED: Told = (FaultKind::Broken, "card-unit-refused", Action::SoftwareError);
const JAMMED: Told = (FaultKind::NeedsOperator, "card-jammed", Action::Clear);
const JAMMED_BEHIND: Told = (FaultKind::NeedsOperator, "card-jammed-behind", Action::Clear);
const SHUTTER: Told = (FaultKind::NeedsOperator, "card-shutter-failed", Action::Maintenance);
const MECHANICS: Told = (FaultKind::NeedsOperator, "card-unit-mechanics", Action::Maintenance);
const PULLED_OUT: Told = (FaultKind::Transient, "card-pulled-out", Action::Suspend);
const POWER: Told = (FaultKind::Transient, "card-unit-lost-power", Action::Reset);
const WRONG_SIZE: Told = (FaultKind::Transient, "card-wrong-size", Action::Clear);
const MOVED: Told = (FaultKind::Transient, "card-moved", Action::Reset);
const SETTINGS: Told = (FaultKind::NeedsOperator, "card-unit-settings-lost", Action::Maintenance);
const STRIPE: Told = (FaultKind::Transient, "card-stripe-failed", Action::SoftwareError);
const NO_CARD: Told = (FaultKind::Transient, "card-removed", Action::Suspend);
const NOT_INSERTED: Told = (FaultKind::Transient, "card-not-inserted", Action::Suspend);
const NOT_TAKEN: Told = (FaultKind::Transient, "card-not-taken", Action::Suspend);
const HELD: Told = (FaultKind::Transient, "card-held", Action::Suspend);
const FIRMWARE: Told = (FaultKind::NeedsOperator, "card-unit-firmware", Action::Maintenance);
const CONTACTS: Told = (FaultKind::NeedsOperator, "card-contacts-failed", Action::Maintenance);
const MUTE: Told = (FaultKind::Transient, "card-mute", Action::Clear);
const PROTOCOL: Told = (FaultKind::Transient, "card-protocol", Action::Suspend);

/// The whole table of the specification, 3.4.2.
static MEANINGS: [Meaning; 33] = [
    row("00", Remedy::None, REFUSED, "it does not know the command"),
    row("01", Remedy::GoOn, REFUSED, "it does not allow the command now"),
    row("02", Remedy::None, REFUSED, "it does not allow the parameter"),
    row("03", Remedy::None, REFUSED, "it has no data to write"),
    row("10", Remedy::Reset, JAMMED, "a card is stuck"),
    row("11", Remedy::Reset, SHUTTER, "the shutter does not move"),
    row("12", Remedy::Reset, MECHANICS, "a sensor is covered or dirty"),
    row("13", Remedy::Reset, MECHANICS, "the motor does not turn"),
    row("14", Remedy::Reset, PULLED_OUT, "the card was pulled out"),
    row("15", Remedy::Reset, JAMMED, "a card is stuck at the mouth"),
    row("16", Remedy::Reset, JAMMED_BEHIND, "a card is stuck before the bin"),
    row("17", Remedy::Reset, MECHANICS, "the motor's encoder fails"),
    row("18", Remedy::ResetAfterPower, POWER, "its power failed"),
    row("19", Remedy::ResetAfterPower, POWER, "it was switched on"),
    row("20", Remedy::GiveBack, WRONG_SIZE, "the card is too long"),
    row("21", Remedy::GiveBack, WRONG_SIZE, "the card is too short, or has a hole"),
    row("32", Remedy::GoOn, MOVED, "the card inside has moved"),
    row("33", Remedy::GoOn, SETTINGS, "its settings memory is damaged"),
    row("40 41 42 43 44 45 46 49", Remedy::GoOn, STRIPE, "the stripe cannot be read, which nobody asked for"),
    row("50 51 52 53 54 55 56", Remedy::GoOn, STRIPE, "the stripe cannot be written, which nobody asked for"),
    row("60", Remedy::GoOn, NO_CARD, "no card is at the mouth"),
    row("61", Remedy::GoOn, NOT_INSERTED, "no card came in time"),
    row("62", Remedy::GoOn, NOT_TAKEN, "the card was not taken in time"),
    row("63", Remedy::GoOn, HELD, "the card was not let go in time"),
    row("64", Remedy::GoOn, HELD, "the card was held during the reset"),
    row("70", Remedy::None, FIRMWARE, "its program is not complete"),
    row("71", Remedy::ResetAfterPower, FIRMWARE, "its program was just loaded"),
    row("80", Remedy::RestartChip, MUTE, "the chip does not answer"),
    row("81", Remedy::Reset, CONTACTS, "the contacts do not move"),
    row("82", Remedy::RestartChip, MUTE, "the chip gives no answer to reset"),
    row("84 85 86", Remedy::RestartChip, PROTOCOL, "chip and unit do not understand each other"),
    row("87", Remedy::RestartChip, MUTE, "the chip is of a kind that it does not know"),
    row("88", Remedy::Reset, MOVED, "the card moved under the contacts"),
];

/// For codes that the table does not have.
static UNKNOWN: Meaning = row(
    "",
    Remedy::None,
    (FaultKind::Broken, "card-unit-unknown-error", Action::Reset),
    "an error that its specification does not have",
);

const SILENT: &str = "card-unit-silent";
const GARBLED: &str = "card-unit-garbled";

impl Refusal {
    /// What it means, and what to do.
    pub(super) fn meaning(self) -> &'static Meaning {
        let is_it = |row: &&Meaning| row.codes.split(' ').any(|code| code.as_bytes() == self.0);
        MEANINGS.iter().find(is_it).unwrap_or(&UNKNOWN)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the unit reports {}: {}", self.0.escape_ascii(), self.meaning().what)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refusal({})", self.0.escape_ascii())
    }
}

impl Error for Refusal {}

/// A fault that several can be told of.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) kind: FaultKind,
    pub(super) code: &'static str,
    action: Action,
    what: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Trouble {
    /// Of our own finding.
    pub(super) fn new(kind: FaultKind, code: &'static str, action: Action, what: &str) -> Self {
        Self { kind, code, action, what: what.to_owned(), source: None }
    }

    /// The unit refused something while `doing`.
    pub(super) fn refused(doing: &str, refusal: Refusal) -> Self {
        let Meaning { kind, code, action, .. } = *refusal.meaning();
        Self { kind, code, action, what: doing.to_owned(), source: Some(Arc::new(refusal)) }
    }

    /// The line failed while `doing`.
    pub(super) fn lost(doing: &str, line: &Line, error: LinkError) -> Self {
        let error = match error {
            LinkError::Line(error @ (LineError::Gone | LineError::Io(_))) => {
                return line.fault(SILENT, doing, error).into();
            }
            other => other,
        };
        let (code, advice) = match &error {
            LinkError::NotTaken(Why::Silent) | LinkError::Unanswered(Why::Silent) | LinkError::Line(_) => {
                (SILENT, "check plug, power and line settings")
            }
            LinkError::NotTaken(_) | LinkError::Unanswered(_) => (GARBLED, "check cable, speed and parity"),
        };
        Self {
            kind: FaultKind::Broken,
            code,
            action: Action::Maintenance,
            what: format!("{doing} on {}: {advice}", line.port().display()),
            source: Some(Arc::new(error)),
        }
    }

    /// More that helps who comes to mend it.
    pub(super) fn with(mut self, more: &str) -> Self {
        self.what = format!("{}; {more}", self.what);
        self
    }

    /// The same, to be told of a unit that has it.
    pub(super) fn reason(&self) -> Reason {
        Reason::from(&Fault::from(self.clone()))
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        let Fault { kind, code, action, what, source, .. } = fault;
        Self { kind, code, action, what, source: source.map(Arc::from) }
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        let Trouble { kind, code, action, what, source } = trouble;
        let source = source.map(|source| Box::new(Shared(source)) as Box<dyn Error + Send + Sync>);
        Self { kind, device: DEVICE, code, action, what, source }
    }
}

/// An error that several faults have as their source.
#[derive(Debug)]
struct Shared(Arc<dyn Error + Send + Sync>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
