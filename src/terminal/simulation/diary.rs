//! What happened, in two forms: what was reached at all, for every run; and one line for each event, for a run that is
//! replayed.
//!
//! A line of the machine: virtual time, state before, event, state after, what was recorded, what is done. A line of the
//! world is indented. Ids are cut to four digits: they are the run's own and the same in each replay.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use transaction::{Effect, Event, Numbered, Outcome, Record, Screen};

use crate::queue::Message;

/// What runs have reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Coverage {
    pub(super) states: BTreeSet<&'static str>,
    pub(super) screens: BTreeSet<&'static str>,
    pub(super) records: BTreeSet<&'static str>,
    /// Codes that were told to customers.
    pub(super) codes: BTreeSet<&'static str>,
    /// Classes of outcomes.
    pub(super) outcomes: BTreeSet<&'static str>,
    /// How processes ended.
    pub(super) ends: BTreeSet<&'static str>,
}

impl Coverage {
    pub(super) fn add(&mut self, other: Self) {
        self.states.extend(other.states);
        self.screens.extend(other.screens);
        self.records.extend(other.records);
        self.codes.extend(other.codes);
        self.outcomes.extend(other.outcomes);
        self.ends.extend(other.ends);
    }
}

/// The diary of one run.
#[derive(Default)]
pub(super) struct Diary {
    pub(super) coverage: Coverage,
    pub(super) lines: Option<Vec<String>>,
    /// The line of the event at hand, and what the world did meanwhile.
    line: Option<String>,
    meanwhile: Vec<String>,
}

impl Diary {
    pub(super) fn written() -> Self {
        Self { lines: Some(Vec::new()), ..Self::default() }
    }

    /// Something in the world.
    pub(super) fn world(&mut self, now: Duration, what: impl FnOnce() -> String) {
        let Some(lines) = &mut self.lines else { return };
        let line = format!("{}      {}", time(now), what());
        if self.line.is_some() {
            self.meanwhile.push(line);
        } else {
            lines.push(line);
        }
    }

    pub(super) fn takes(&mut self, now: Duration, state: &'static str, event: &Event) {
        self.coverage.states.insert(state);
        self.turn();
        if self.lines.is_some() {
            self.line = Some(format!("{} {state} {}", time(now), shortened(event)));
        }
    }

    pub(super) fn decided(&mut self, state: &'static str, records: &[Record]) {
        self.coverage.states.insert(state);
        for record in records {
            self.coverage.records.insert(record_name(record));
        }
        if let Some(line) = &mut self.line {
            line.push_str(&format!(" -> {state}"));
            for record in records {
                line.push_str(&format!(" +{}", shortened(record)));
            }
        }
    }

    pub(super) fn does(&mut self, effect: &Numbered<Effect>) {
        if let Some(line) = &mut self.line {
            line.push_str(&match &effect.what {
                Effect::Act(act) => format!(" ={}:{}", effect.no.0, shortened(act)),
                Effect::Release(release) => format!(" ={}:{release:?}", effect.no.0),
            });
        }
    }

    pub(super) fn shows(&mut self, screen: &Screen) {
        self.coverage.screens.insert(screen_name(screen));
    }

    pub(super) fn outcome(&mut self, outcome: Outcome) {
        self.coverage.codes.insert(outcome.code());
        self.coverage.outcomes.insert(outcome.name());
    }

    /// The event at hand is over.
    pub(super) fn turn(&mut self) {
        if let Some(lines) = &mut self.lines {
            lines.extend(self.line.take());
            lines.append(&mut self.meanwhile);
        }
    }
}

fn time(now: Duration) -> String {
    let ms = now.as_millis();
    let (s, m, h) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    format!("+{h:02}:{:02}:{:02}.{:03}", m % 60, s % 60, ms % 1_000)
}

/// The last two bytes of an id, which are random.
pub(super) fn short(id: &[u8; 16]) -> String {
    super::clerk::hex(&id[14..])
}

pub(super) fn brief(message: &Message) -> String {
    match message {
        Message::Event(event) => shortened(event),
        Message::Challenge { to, .. } => format!("Challenge to {}", to.0),
        Message::CardRead { to, tries, .. } => format!("CardRead to {} {tries:?}", to.0),
        Message::Signature { to, .. } => format!("Signature to {}", to.0),
        Message::Decided(paper) => format!("Decided {} {:?}", short(&paper.request.0), paper.decision),
        // Its folder is another one in each run.
        Message::JournalWhole(report) => format!("JournalWhole of {} entries", report.log().entries),
        other => shortened(other),
    }
}

/// Debug output with ids and wrappers made short.
fn shortened(value: &impl Debug) -> String {
    let text = format!("{value:?}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("Id([") {
        let Some((numbers, behind)) = after.split_once("])") else { break };
        let bytes: Vec<&str> = numbers.split(", ").collect();
        out.push_str(before);
        let end = bytes.iter().skip(14).filter_map(|byte| byte.parse::<u8>().ok());
        out.extend(end.map(|byte| format!("{byte:02x}")));
        // A visit has two, the visit's own and its request's.
        rest = if before == ", request: Request" { behind.trim_start_matches(" }") } else { behind };
    }
    out.push_str(rest);
    out = out.replace(", request: Request", "/").replace("Visit { id: Visit", "");
    for wrapper in ["Visit", "Request", "EffectNo", "device: ", "kind: ", "code: ", "TriesLeft"] {
        for before in [" ", "("] {
            out = out.replace(&format!("{before}{wrapper}"), before);
        }
    }
    out
}

/// The names of all screens.
pub(super) const SCREENS: [&str; 21] = [
    "Starting",
    "Menu",
    "Connecting",
    "Terms",
    "InsertCard",
    "Reading",
    "LastTry",
    "EnterPin",
    "EnterPinAtReader",
    "LeavePad",
    "Signing",
    "Sending",
    "Result",
    "Stopped",
    "Printing",
    "NoReceipt",
    "TakeCard",
    "TakeFoundCard",
    "Retained",
    "OutOfService",
    "CardUnitDown",
];

pub(super) const fn screen_name(screen: &Screen) -> &'static str {
    match screen {
        Screen::Starting => "Starting",
        Screen::Menu => "Menu",
        Screen::Connecting => "Connecting",
        Screen::Terms => "Terms",
        Screen::InsertCard => "InsertCard",
        Screen::Reading => "Reading",
        Screen::LastTry => "LastTry",
        Screen::EnterPin { .. } => "EnterPin",
        Screen::EnterPinAtReader { .. } => "EnterPinAtReader",
        Screen::LeavePad => "LeavePad",
        Screen::Signing => "Signing",
        Screen::Sending => "Sending",
        Screen::Result { .. } => "Result",
        Screen::Stopped { .. } => "Stopped",
        Screen::Printing => "Printing",
        Screen::NoReceipt => "NoReceipt",
        Screen::TakeCard => "TakeCard",
        Screen::TakeFoundCard => "TakeFoundCard",
        Screen::Retained => "Retained",
        Screen::OutOfService { .. } => "OutOfService",
        Screen::CardUnitDown { .. } => "CardUnitDown",
    }
}

/// Writes the names of all kinds of records, and the name of one.
macro_rules! records {
    ($($name:ident),+ $(,)?) => {
        /// The names of all kinds of records.
        pub(super) const RECORDS: &[&str] = &[$(stringify!($name)),+];

        const fn record_name(record: &Record) -> &'static str {
            match record {
                $(Record::$name { .. } => stringify!($name)),+
            }
        }
    };
}

records! {
    Started,
    VisitInterrupted,
    CardUnitReady,
    CardFoundAtStart,
    FoundCardTaken,
    VisitOpened,
    ChallengeReceived,
    Consented,
    Card,
    CardRead,
    Prepared,
    LastTryAccepted,
    PinEntered,
    PinAskedAtReader,
    PinNotPresented,
    TriesLost,
    PinVerified,
    PinWrong,
    RequestSigned,
    NoDecision,
    Decided,
    ToldPending,
    Stopped,
    ReceiptChosen,
    ReceiptPrinted,
    CardReturning,
    CardTaken,
    CardNotTaken,
    CardRetaining,
    CardRetained,
    CardUnseen,
    VisitClosed,
    Fault,
    TimeWarned,
    TimeExtended,
    HelpShown,
    LanguageChosen,
    ModeChosen,
    Printing,
    Ordered,
    OutOfService,
    OutboxPassed,
    Stale,
    KeyIgnored,
    BeginIgnored,
    TriesShown,
}
