//! What operators read: each record of the machine in the words of the device log.
//!
//! Steps are those of a visit; objects and values are XFS4IoT's where it has one. There is nothing of a card or a holder:
//! no digit, no certificate, no answer of the card beyond its status word.

use journal::{Action, Mark, Word, word};
use transaction::{CardEvent, Decision, Fault, FaultKind, Outcome, Record, RequestId, Tries, Visit, VisitId};
use uuid::Uuid;

use crate::receipt;

/// One entry, without what every entry has (time, terminal, language).
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) visit: Option<VisitId>,
    pub(crate) step: Option<Word>,
    pub(crate) code: Word,
    pub(crate) object: Option<Word>,
    pub(crate) value: Option<Word>,
    pub(crate) tries_left: Option<u8>,
    pub(crate) outcome: Option<Word>,
    /// Who mends it, where the device itself did not say.
    pub(crate) action: Option<Action>,
    pub(crate) detail: Option<String>,
}

impl Line {
    fn new(step: Word, code: Word) -> Self {
        Self {
            visit: None,
            step: Some(step),
            code,
            object: None,
            value: None,
            tries_left: None,
            outcome: None,
            action: None,
            detail: None,
        }
    }

    fn media(self, value: Word) -> Self {
        Self { object: Some(word!("cardReader.media")), value: Some(value), ..self }
    }

    fn tries(self, tries: Tries) -> Self {
        let tries_left = match tries {
            Tries::Left(left) => left.get(),
            Tries::Blocked => 0,
        };
        Self { tries_left: Some(tries_left), ..self }
    }

    fn ended(self, outcome: Outcome) -> Self {
        Self { outcome: Some(Word::or_unknown(outcome.name())), ..self }
    }

    fn detail(self, detail: String) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

/// The line of a record.
pub(crate) fn line(record: &Record) -> Line {
    match *record {
        Record::Started { interrupted } => {
            Line::new(word!("start"), word!("started")).detail(format!("open visits found: {interrupted}"))
        }
        Record::VisitInterrupted { visit, signed } => {
            let line = Line::new(word!("start"), word!("visit-interrupted"));
            let outcome = if signed.is_some() { word!("pending") } else { word!("interrupted") };
            Line { visit: Some(visit), outcome: Some(outcome), ..line }
        }
        Record::CardUnitReady => device(word!("start"), word!("card-unit-ready"), word!("online")),
        Record::CardFoundAtStart => {
            Line::new(word!("start"), word!("card-found-at-start")).media(word!("present"))
        }
        Record::FoundCardTaken => Line::new(word!("start"), word!("card-taken")).media(word!("notPresent")),
        Record::Card(event) => card(event),
        Record::NoDecision { fault, .. } => failed(word!("send"), fault),
        Record::Decided { decision, .. } => decided(decision),
        Record::CardNotTaken(visit) => {
            let line = Line::new(word!("return-card"), word!("card-not-taken")).media(word!("present"));
            Line { visit, ..line }
        }
        Record::Fault(fault) => failed(word!("device"), fault),
        Record::OutboxPassed { left } => {
            Line::new(word!("outbox"), word!("outbox-passed")).detail(format!("without decision: {left}"))
        }
        Record::Stale { to } => {
            Line::new(word!("device"), word!("stale-answer")).detail(format!("effect {}", to.0))
        }
        Record::KeyIgnored(_) => Line::new(word!("menu"), word!("key-ignored")),
        Record::BeginIgnored(_) => Line::new(word!("menu"), word!("begin-ignored")),
        Record::VisitOpened(visit) => step(visit, word!("menu"), word!("visit-opened")),
        Record::ChallengeReceived(visit) => step(visit, word!("terms"), word!("challenge-received")),
        Record::Consented(visit) => step(visit, word!("terms"), word!("consented")),
        Record::CardRead { visit, tries, expires_soon } => {
            step(visit, word!("read-card"), word!("card-read"))
                .tries(tries)
                .detail(format!("certificate expires soon: {expires_soon}"))
        }
        Record::Prepared(visit) => step(visit, word!("read-card"), word!("request-prepared")),
        Record::TriesShown { visit, tries_left } => {
            step(visit, word!("pin"), word!("tries-shown")).tries(Tries::Left(tries_left))
        }
        Record::LastTryAccepted(visit) => step(visit, word!("pin"), word!("last-try-accepted")),
        Record::PinEntered(visit) => step(visit, word!("pin"), word!("pin-entered")),
        Record::PinVerified(visit) => step(visit, word!("pin"), word!("pin-verified")),
        Record::PinWrong { visit, tries } => step(visit, word!("pin"), word!("pin-wrong")).tries(tries),
        Record::RequestSigned(visit) => signed(visit),
        Record::ToldPending(visit) => {
            step(visit, word!("result"), word!("told-pending")).ended(Outcome::Pending)
        }
        Record::Stopped { visit, outcome } => ended(visit, word!("result"), outcome),
        Record::ReceiptChosen { visit, wanted: true } => {
            step(visit, word!("receipt"), word!("receipt-wanted"))
        }
        Record::ReceiptChosen { visit, wanted: false } => {
            step(visit, word!("receipt"), word!("receipt-declined"))
        }
        Record::ReceiptPrinted(visit) => step(visit, word!("receipt"), word!("receipt-printed")),
        Record::CardReturning(visit) => step(visit, word!("return-card"), word!("card-returning")),
        Record::CardTaken(visit) => {
            step(visit, word!("return-card"), word!("card-taken")).media(word!("notPresent"))
        }
        Record::CardUnseen(visit) => {
            step(visit, word!("return-card"), word!("card-unseen")).media(word!("unknown"))
        }
        Record::VisitClosed { visit, outcome } => ended(visit, word!("end"), outcome),
    }
}

fn step(visit: Visit, step: Word, code: Word) -> Line {
    Line { visit: Some(visit.id), ..Line::new(step, code) }
}

fn ended(visit: Visit, at: Word, outcome: Outcome) -> Line {
    let line = step(visit, at, Word::or_unknown(outcome.code())).ended(outcome);
    match outcome {
        Outcome::Fault(fault) => Line { action: Some(action(fault)), ..line },
        Outcome::Registered
        | Outcome::AlreadyRegistered
        | Outcome::Rejected(_)
        | Outcome::Refused(_)
        | Outcome::Pending => line,
    }
}

/// The reference number is on the receipt: by it operators find the visit that a customer calls about.
fn signed(visit: Visit) -> Line {
    let reference = receipt::reference(Uuid::from_bytes(visit.request.0));
    step(visit, word!("sign"), word!("request-signed")).detail(reference)
}

fn device(step: Word, code: Word, value: Word) -> Line {
    Line { object: Some(word!("common.device")), value: Some(value), ..Line::new(step, code) }
}

fn card(event: CardEvent) -> Line {
    let step = word!("device");
    match event {
        CardEvent::Inserted => Line::new(step, word!("card-inserted")).media(word!("present")),
        CardEvent::Removed => Line::new(step, word!("card-out")).media(word!("notPresent")),
        CardEvent::Mute => Line {
            object: Some(word!("cardReader.chipPower")),
            value: Some(word!("hardwareError")),
            ..Line::new(step, word!("card-mute"))
        },
        CardEvent::UnitLost(fault) => device(step, Word::or_unknown(fault.code), word!("offline")),
        CardEvent::UnitBack => device(step, word!("card-unit-back"), word!("online")),
    }
}

fn failed(step: Word, fault: Fault) -> Line {
    Line {
        object: Some(Word::or_unknown(fault.device.name())),
        value: Some(Word::or_unknown(fault.kind.name())),
        action: Some(action(fault)),
        ..Line::new(step, Word::or_unknown(fault.code))
    }
}

/// What mends a fault that came without a word of its device.
const fn action(fault: Fault) -> Action {
    match fault.kind {
        FaultKind::Transient => Action::Suspend,
        FaultKind::NeedsOperator | FaultKind::Broken => Action::Maintenance,
    }
}

fn decided(decision: Decision) -> Line {
    let outcome = Outcome::from(decision);
    Line::new(word!("send"), Word::or_unknown(outcome.code())).ended(outcome)
}

/// The request that a record is about, where it does not name the visit: the visit is found by it.
pub(crate) fn about(record: &Record) -> Option<RequestId> {
    match *record {
        Record::NoDecision { request, .. } | Record::Decided { request, .. } => Some(request),
        _ => None,
    }
}

/// What recovery must know of a record, besides its line: its place in which visit, and the request it is about.
pub(crate) fn recovery(record: &Record) -> Option<(VisitId, Option<RequestId>, Mark)> {
    match *record {
        Record::VisitOpened(visit) => Some((visit.id, None, Mark::Opens)),
        Record::RequestSigned(visit) => Some((visit.id, Some(visit.request), Mark::Continues)),
        Record::VisitClosed { visit, .. } => Some((visit.id, Some(visit.request), Mark::Closes)),
        Record::VisitInterrupted { visit, signed } => Some((visit, signed, Mark::Closes)),
        Record::ChallengeReceived(visit)
        | Record::Consented(visit)
        | Record::CardRead { visit, .. }
        | Record::Prepared(visit)
        | Record::TriesShown { visit, .. }
        | Record::LastTryAccepted(visit)
        | Record::PinEntered(visit)
        | Record::PinVerified(visit)
        | Record::PinWrong { visit, .. }
        | Record::ToldPending(visit)
        | Record::Stopped { visit, .. }
        | Record::ReceiptChosen { visit, .. }
        | Record::ReceiptPrinted(visit)
        | Record::CardReturning(visit)
        | Record::CardTaken(visit)
        | Record::CardUnseen(visit) => Some((visit.id, None, Mark::Continues)),
        Record::Started { .. }
        | Record::CardUnitReady
        | Record::CardFoundAtStart
        | Record::FoundCardTaken
        | Record::Card(_)
        | Record::NoDecision { .. }
        | Record::Decided { .. }
        | Record::CardNotTaken(_)
        | Record::Fault(_)
        | Record::OutboxPassed { .. }
        | Record::Stale { .. }
        | Record::KeyIgnored(_)
        | Record::BeginIgnored(_) => None,
    }
}

/// The kind of the record that recovery looks for: a request was signed.
pub(crate) const REQUEST_SIGNED: &str = "request-signed";
