//! What operators read: each record of the machine in the words of the device log.
//!
//! Steps are those of a visit; objects and values are XFS4IoT's where it has one. There is nothing of a card or a holder:
//! no digit, no certificate, no answer of the card beyond its status word.

use journal::{Action, Mark, Word, word};
use transaction::{
    CardEvent, Closed, Decision, Device, Fault, FaultKind, Limit, Mode, NotPresented, Order, Outcome,
    Printing, Record, RequestId, Tries, Visit, VisitId,
};
use uuid::Uuid;

use crate::health;
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
        Record::VisitInterrupted { visit, signed } => interrupted(visit, signed.is_some()),
        Record::CardUnitReady => device(word!("start"), word!("card-unit-ready"), word!("online")),
        Record::CardFoundAtStart => found(word!("card-found-at-start"), word!("present")),
        Record::FoundCardTaken => found(word!("card-taken"), word!("notPresent")),
        Record::Card(event) => card(event),
        Record::NoDecision { fault, .. } => failed(word!("send"), fault),
        Record::Decided { decision, .. } => decided(decision),
        Record::CardNotTaken(visit) => left_behind(visit, word!("card-not-taken"), word!("present")),
        Record::CardRetaining(visit) => left_behind(visit, word!("card-retaining"), word!("present")),
        Record::CardRetained(visit) => {
            // A person must take it out of the bin and see that its owner gets it.
            let line = left_behind(visit, word!("card-retained"), word!("notPresent"));
            Line { action: Some(Action::Clear), ..line }
        }
        Record::Fault(fault) => failed(word!("device"), fault),
        Record::TimeWarned(limit) => time(word!("time-warned"), limit),
        Record::TimeExtended(limit) => time(word!("time-extended"), limit),
        Record::HelpShown => Line::new(word!("menu"), word!("help-shown")),
        Record::LanguageChosen(_) => Line::new(word!("menu"), word!("language-chosen")),
        Record::ModeChosen(Mode::Screen) => Line::new(word!("menu"), word!("handset-hung-up")),
        Record::ModeChosen(Mode::Voice) => Line::new(word!("menu"), word!("handset-taken")),
        Record::Printing(printing) => printer(printing),
        Record::Ordered(order) => Line::new(word!("operator"), ordered(order)),
        Record::OutOfService(why) => out_of_service(why),
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
        Record::CardRead { visit, tries, expires_soon } => card_read(visit, tries, expires_soon),
        Record::Prepared(visit) => step(visit, word!("read-card"), word!("request-prepared")),
        Record::TriesShown { visit, tries_left } => {
            step(visit, word!("pin"), word!("tries-shown")).tries(Tries::Left(tries_left))
        }
        Record::LastTryAccepted(visit) => step(visit, word!("pin"), word!("last-try-accepted")),
        Record::PinEntered(visit) => step(visit, word!("pin"), word!("pin-entered")),
        Record::PinAskedAtReader(visit) => step(visit, word!("pin"), word!("pin-asked-at-reader")),
        Record::PinNotPresented { visit, why, tries } => {
            step(visit, word!("pin"), word!("pin-not-presented")).tries(tries).detail(at_pad(why).to_owned())
        }
        Record::TriesLost { visit, tries } => step(visit, word!("pin"), word!("tries-lost")).tries(tries),
        Record::PinVerified(visit) => step(visit, word!("pin"), word!("pin-verified")),
        Record::PinWrong { visit, tries } => step(visit, word!("pin"), word!("pin-wrong")).tries(tries),
        Record::RequestSigned(visit) => signed(visit),
        Record::ToldPending(visit) => {
            step(visit, word!("result"), word!("told-pending")).ended(Outcome::Pending)
        }
        Record::Stopped { visit, outcome } => ended(visit, word!("result"), outcome),
        Record::ReceiptChosen { visit, wanted } => receipt_chosen(visit, wanted),
        Record::ReceiptPrinted(visit) => step(visit, word!("receipt"), word!("receipt-printed")),
        Record::CardReturning(visit) => step(visit, word!("return-card"), word!("card-returning")),
        Record::CardTaken(visit) => returned(visit, word!("card-taken"), word!("notPresent")),
        Record::CardUnseen(visit) => returned(visit, word!("card-unseen"), word!("unknown")),
        Record::VisitClosed { visit, outcome } => ended(visit, word!("end"), outcome),
    }
}

fn interrupted(visit: VisitId, signed: bool) -> Line {
    let outcome = if signed { word!("pending") } else { word!("interrupted") };
    let line = Line::new(word!("start"), word!("visit-interrupted"));
    Line { visit: Some(visit), outcome: Some(outcome), ..line }
}

fn found(code: Word, media: Word) -> Line {
    Line::new(word!("start"), code).media(media)
}

fn left_behind(visit: Option<VisitId>, code: Word, media: Word) -> Line {
    Line { visit, ..Line::new(word!("return-card"), code).media(media) }
}

fn returned(visit: Visit, code: Word, media: Word) -> Line {
    step(visit, word!("return-card"), code).media(media)
}

/// With the key of the limit in the configuration, for the one who may want to make it longer.
fn time(code: Word, limit: Limit) -> Line {
    Line::new(word!("time"), code).detail(limit.name().to_owned())
}

fn printer(printing: Printing) -> Line {
    match printing {
        Printing::Possible => device(word!("device"), word!("printer-ready"), word!("online")),
        Printing::Impossible(fault) => failed(word!("device"), fault),
    }
}

fn card_read(visit: Visit, tries: Tries, expires_soon: bool) -> Line {
    let detail = format!("certificate expires soon: {expires_soon}");
    step(visit, word!("read-card"), word!("card-read")).tries(tries).detail(detail)
}

fn receipt_chosen(visit: Visit, wanted: bool) -> Line {
    let code = if wanted { word!("receipt-wanted") } else { word!("receipt-declined") };
    step(visit, word!("receipt"), code)
}

/// How an entry ended, in the reader's words.
const fn at_pad(why: NotPresented) -> &'static str {
    match why {
        NotPresented::Cancelled => "cancelled at the reader's pad",
        NotPresented::TimedOut => "the reader's own time was over",
        NotPresented::WrongLength => "not as many digits as a PIN has",
        NotPresented::Refused => "status 6B80: refused by the reader, or by the card",
    }
}

fn ordered(order: Order) -> Word {
    match order {
        Order::StopAfterVisit => word!("stop-after-visit"),
        Order::StopNow => word!("stop-now"),
        Order::Resume => word!("resume"),
    }
}

fn out_of_service(why: Closed) -> Line {
    let line = device(word!("operator"), word!("out-of-service"), word!("offline"));
    match why {
        Closed::Stopped => line,
        Closed::Fault(fault) => Line { action: Some(action(fault)), ..line.detail(fault.code.to_owned()) },
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
        CardEvent::UnitLost(fault) => lost(fault.code),
        CardEvent::UnitBack => device(step, word!("card-unit-back"), word!("online")),
    }
}

/// A device cannot be used, or failed: how it is, or what is stuck in it or missing.
fn unusable(step: Word, at: Device, code: &'static str) -> Line {
    let printer = at == Device::Printer;
    let media = if printer { word!("printer.media") } else { word!("cardReader.media") };
    let own = [(word!("printer.paper"), health::paper_word(code)), (media, health::media_word(code))];
    let own = own.into_iter().find_map(|(object, value)| Some((object, value?)));
    let (object, value) = own.unwrap_or((word!("common.device"), health::device_word(code)));
    let line = Line::new(step, Word::or_unknown(code));
    Line { object: Some(object), value: Some(Word::or_unknown(value)), ..line }
}

fn lost(code: &'static str) -> Line {
    unusable(word!("device"), Device::CardUnit, code)
}

/// A device works again, which no record of the machine tells.
pub(crate) fn device_ready(code: &'static str) -> Line {
    device(word!("device"), Word::or_unknown(code), word!("online"))
}

/// The printer's paper changed, and a receipt can be printed all the same.
pub(crate) fn paper(state: &'static str) -> Line {
    let line = Line::new(word!("device"), word!("printer-paper"));
    let action = (state == "low").then_some(Action::Clear);
    Line { object: Some(word!("printer.paper")), value: Some(Word::or_unknown(state)), action, ..line }
}

/// What a reader that does not serve can report.
#[derive(Debug, Clone, Copy)]
pub(crate) enum OtherReader {
    /// It is watched.
    Ready,
    /// It cannot be watched, by this code.
    Lost(&'static str),
    /// A card lies there.
    CardIn,
    /// No card lies there any more.
    CardOut,
}

/// A reader that does not serve reported something.
pub(crate) fn other_reader(what: OtherReader, name: &str) -> Line {
    let step = word!("device");
    let line = match what {
        OtherReader::Ready => device(step, word!("other-reader-ready"), word!("online")),
        OtherReader::Lost(code) => lost(code),
        OtherReader::CardIn => Line::new(step, word!("card-at-other-reader")).media(word!("present")),
        OtherReader::CardOut => Line::new(step, word!("card-out-of-other-reader")).media(word!("notPresent")),
    };
    line.detail(format!("other reader {name}"))
}

fn failed(step: Word, fault: Fault) -> Line {
    let line = match fault.device {
        Device::CardUnit | Device::PinPad | Device::Printer => {
            let line = unusable(step, fault.device, fault.code);
            // This code alone does not say whose it is, and no device tells of it.
            let detail = (fault == Fault::no_answer(fault.device)).then(|| fault.device.name().to_owned());
            Line { detail, ..line }
        }
        // No devices of XFS4IoT: which one, and how to react, in our own words.
        Device::Host | Device::Clock | Device::Terminal => Line {
            object: Some(Word::or_unknown(fault.device.name())),
            value: Some(Word::or_unknown(fault.kind.name())),
            ..Line::new(step, Word::or_unknown(fault.code))
        },
    };
    Line { action: Some(action(fault)), ..line }
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

/// What happens during a visit without naming it: the entry belongs to the visit that is going on.
pub(crate) fn of_present_visit(record: &Record) -> bool {
    matches!(
        record,
        Record::TimeWarned(_)
            | Record::TimeExtended(_)
            | Record::HelpShown
            | Record::LanguageChosen(_)
            | Record::ModeChosen(_)
            | Record::Card(_)
    )
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
        | Record::PinAskedAtReader(visit)
        | Record::PinNotPresented { visit, .. }
        | Record::TriesLost { visit, .. }
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
        | Record::CardRetaining(_)
        | Record::CardRetained(_)
        | Record::Fault(_)
        | Record::TimeWarned(_)
        | Record::TimeExtended(_)
        | Record::HelpShown
        | Record::LanguageChosen(_)
        | Record::ModeChosen(_)
        | Record::Printing(_)
        | Record::Ordered(_)
        | Record::OutOfService(_)
        | Record::OutboxPassed { .. }
        | Record::Stale { .. }
        | Record::KeyIgnored(_)
        | Record::BeginIgnored(_) => None,
    }
}

/// The kind of the record that recovery looks for: a request was signed.
pub(crate) const REQUEST_SIGNED: &str = "request-signed";
