//! The health of every device, as the machine's thread hears of it: how it is in the words of XFS4IoT, what it failed with
//! last, how many failures in a row, and whether it is out of service.
//!
//! Pure: it is told what passes the runtime (events, and what the machine recorded of them), and answers with what must be
//! done and logged. `file.rs` shows it to operators.
//!
//! Invariants:
//! - A row of failures ends with a good use: a card that was read, checked or signed with, a PIN that was entered, a receipt
//!   that came out, a card at another reader. "Back again" ends none: a device that comes and goes keeps failing.
//! - A row also ends when an operator says `resume`: a person has looked.
//! - Who is away costs one failure, however often it is looked for: a device that was unplugged is taken back whenever it
//!   returns. Outages that are six hours apart are not in a row: a unit that is switched off every night is no failing one,
//!   on days without a customer either.
//! - What a customer or a card can bring about is no failure of the device: nobody closes a machine with an odd card. So
//!   nothing of a card's session counts against the card unit, whatever it looks like from here, nor anything else of it while
//!   a card is inside: what really fails fails without that card, too. Nor does it count against a reader's pad that somebody
//!   keeps it waiting, or that it refuses what may be the card's refusal.
//! - An answer that came too late for the machine is no good use, and no second failure either: the deadline was one.
//! - Nothing here is a time or a number of a key.

mod file;
mod others;
mod said;
mod state;
mod words;

use devices::port::{Action, MediaState, PaperState, PrinterStatus, ReceiptState};
use jiff::Timestamp;
use transaction::{
    CardEvent, Device, Event, Fault, FaultKind, Outcome, Presence, Printing, Record, SafeAnswer,
};

use crate::log_words::{self, Line};
use crate::queue::Story;
pub(crate) use file::{Shown, ShownDevice, publish, read};
pub(crate) use said::Said;
use state::{State, Way};
use words::{JAMMED, ONLINE, STARTING};
pub(crate) use words::{device as device_word, media as media_word, paper as paper_word};

/// What follows from what was heard.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// The machine must hear of it.
    pub(crate) event: Option<(Event, Story)>,
    /// A change of a device's state that no record of the machine tells.
    pub(crate) line: Option<Line>,
    /// Records that need no entry: the log has their fault, and nothing changed since.
    pub(crate) told: Vec<Record>,
}

/// The ledger.
#[derive(Debug)]
pub(crate) struct Health {
    card_unit: State,
    pin_pad: State,
    printer: State,
    /// The readers that do not serve.
    others: Vec<State>,
    failures_max: u32,
    /// As far as the unit has told, a card is inside.
    card_inside: bool,
    /// In this visit the reader's pad was asked in more than one piece of the customer's time in a row: after a yes to the last
    /// try, or after a try that went missing. A customer, or a card, can make such a row as long as they like.
    asked_anew: bool,
    /// What the printer said of itself, for the event that comes of it.
    looked: Option<PrinterStatus>,
}

impl Health {
    /// Of a process that has not begun; `others` are the readers that do not serve.
    pub(crate) fn new(failures_max: u32, others: &[String]) -> Self {
        let now = Timestamp::UNIX_EPOCH;
        let media = Some(MediaState::Unknown.word());
        let paper = Some(PaperState::Unknown.word());
        let other = |name: &String| State::new("other-reader", media, None, now).named(name);
        Self {
            card_unit: State::new("card-unit", media, None, now),
            pin_pad: State::new("pin-pad", None, None, now),
            printer: State::new("printer", None, paper, now),
            others: others.iter().map(other).collect(),
            failures_max,
            card_inside: false,
            asked_anew: false,
            looked: None,
        }
    }

    /// The process begins.
    pub(crate) fn begins(&mut self, now: Timestamp) {
        self.all().for_each(|state| state.since = now);
    }

    /// Takes what an event said, with what the machine recorded of it.
    pub(crate) fn hear(&mut self, said: Said, records: &[Record], story: &Story, at: Timestamp) -> News {
        if records.iter().any(|record| matches!(record, Record::Stale { .. })) {
            return News::default();
        }
        for record in records {
            match record {
                Record::VisitOpened(_) => self.asked_anew = false,
                Record::LastTryAccepted(_) | Record::TriesLost { .. } => self.asked_anew = true,
                _ => {}
            }
        }
        match said {
            Said::Nothing => News::default(),
            Said::Unit(event) => self.unit(event, story, at),
            Said::Safe(SafeAnswer::Safe(found)) => self.unit_is_safe(found, at),
            Said::Safe(SafeAnswer::Failed(fault)) => self.failed(fault, Way::Looked, story, at),
            Said::InSession(fault) => self.failed(fault, Way::Session, story, at),
            Said::Used(device) => self.used(device, at),
            Said::Answered(device) => {
                if let Some(state) = self.of(device) {
                    state.is_up(at);
                }
                News::default()
            }
            Said::CameBack(device) => match stopped_by(device, records) {
                Some(fault) if self.asked_anew => self.failed(fault, Way::Session, story, at),
                Some(fault) => self.failed(fault, Way::Used, story, at),
                None => self.hear(Said::Answered(device), records, story, at),
            },
            Said::Refused(device) => match stopped_by(device, records) {
                Some(fault) => self.failed(fault, Way::Session, story, at),
                None => News::default(),
            },
            Said::Failed(fault) => self.failed(fault, Way::Used, story, at),
            Said::Printing(printing) => self.printing(printing, story, at, records),
            Said::TimeOver => match unanswered(records) {
                Some((fault, way)) => self.failed(fault, way, story, at),
                None => News::default(),
            },
            Said::Resumed => self.resumed(at),
        }
    }

    fn of(&mut self, device: Device) -> Option<&mut State> {
        match device {
            Device::CardUnit => Some(&mut self.card_unit),
            Device::PinPad => Some(&mut self.pin_pad),
            Device::Printer => Some(&mut self.printer),
            Device::Host | Device::Clock | Device::Terminal => None,
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut State> {
        [&mut self.card_unit, &mut self.pin_pad, &mut self.printer].into_iter().chain(&mut self.others)
    }

    fn unit(&mut self, event: CardEvent, story: &Story, at: Timestamp) -> News {
        let (media, news) = match event {
            CardEvent::UnitLost(fault) => {
                // The event is recorded: a fault beside it would say the same. So would the event beside a look that
                // failed before it came.
                let known = self.card_unit.is_told(fault.code);
                let mut news = self.failed(fault, Way::Lost, story, at);
                news.told.push(Record::Fault(fault));
                news.told.extend(known.then_some(Record::Card(event)));
                let stuck = self.card_unit.words.media.filter(|media| *media == JAMMED);
                (stuck.unwrap_or(MediaState::Unknown.word()), news)
            }
            CardEvent::UnitBack => {
                self.card_unit.is_up(at);
                (MediaState::Unknown.word(), News::default())
            }
            CardEvent::Inserted | CardEvent::Mute => {
                self.card_inside = true;
                (MediaState::Present.word(), News::default())
            }
            CardEvent::Removed => {
                self.card_inside = false;
                (MediaState::NotPresent.word(), News::default())
            }
        };
        self.card_unit.is_heard(at);
        self.card_unit.say(at, |words| words.media = Some(media));
        news
    }

    fn unit_is_safe(&mut self, found: Presence, at: Timestamp) -> News {
        let media = match found {
            Presence::Empty => MediaState::NotPresent,
            Presence::CardInside => MediaState::Present,
        };
        self.card_inside = found == Presence::CardInside;
        self.card_unit.is_up(at);
        self.card_unit.say(at, |words| words.media = Some(media.word()));
        News::default()
    }

    fn printing(&mut self, printing: Printing, story: &Story, at: Timestamp, records: &[Record]) -> News {
        let looked = self.looked.take();
        let before = self.printer.words;
        let mut news = News::default();
        match printing {
            Printing::Possible => self.printer.is_up(at),
            Printing::Impossible(fault) if fault.device != Device::Printer => return news,
            Printing::Impossible(fault) if self.printer.words.out == Some(fault.code) => {}
            Printing::Impossible(fault) => news = self.failed(fault, Way::Lost, story, at),
        }
        if let Some(status) = looked {
            self.printer.say(at, |words| {
                words.state = status.device.word();
                words.paper = Some(status.paper.word());
                words.media =
                    Some(status.media.word()).filter(|_| status.media != ReceiptState::NotSupported);
            });
        }
        if !records.iter().any(|record| matches!(record, Record::Printing(_))) {
            let now = self.printer.words;
            let back = now.state == ONLINE && !matches!(before.state, ONLINE | STARTING);
            let paper = now.paper.filter(|paper| before.paper != Some(paper));
            // At the first look enough paper is no change.
            let paper = paper.filter(|paper| before.state != STARTING || *paper == PaperState::Low.word());
            news.line = paper
                .map(log_words::paper)
                .or_else(|| back.then(|| log_words::device_ready(words::ready("printer"))));
        }
        news
    }

    /// A good use: the row of failures ends.
    fn used(&mut self, device: Device, at: Timestamp) -> News {
        let Some(state) = self.of(device) else { return News::default() };
        let back = !matches!(state.words.state, ONLINE | STARTING);
        state.is_up(at);
        state.row_ends();
        let line = back.then(|| log_words::device_ready(words::ready(state.device)));
        News { line, ..News::default() }
    }

    /// It failed, perhaps once too often.
    fn failed(&mut self, fault: Fault, way: Way, story: &Story, at: Timestamp) -> News {
        let failures_max = self.failures_max;
        let excused = self.card_inside && fault.device == Device::CardUnit;
        let Some(state) = self.of(fault.device) else { return News::default() };
        let known = state.is_told(fault.code);
        let counted = state.failed(fault, way, excused, story, at);
        if !counted || state.failures <= failures_max || state.words.out.is_some() {
            let told = !counted && way == Way::Looked && known;
            return News {
                told: told.then_some(Record::Fault(fault)).into_iter().collect(),
                ..News::default()
            };
        }
        let code = words::keeps_failing(fault.device);
        state.say(at, |words| words.out = Some(code));
        let what = story.what.as_deref().unwrap_or("no more is known");
        let story = Story {
            action: Some(Action::Maintenance.word()),
            what: Some(format!("{} failures in a row, last {}: {what}", state.failures, fault.code)),
            ..Story::default()
        };
        let out = Fault { device: fault.device, kind: FaultKind::NeedsOperator, code };
        let event = match fault.device {
            Device::Printer => Event::Printing(Printing::Impossible(out)),
            Device::CardUnit | Device::PinPad | Device::Host | Device::Clock | Device::Terminal => {
                Event::Unfit(out)
            }
        };
        News { event: Some((event, story)), ..News::default() }
    }

    fn resumed(&mut self, at: Timestamp) -> News {
        for state in self.all() {
            state.row_ends();
            state.say(at, |words| words.out = None);
        }
        News::default()
    }

    /// A printer that is out of service prints nothing, whatever it says of itself.
    pub(crate) fn may_print(&self, printing: Printing) -> Printing {
        match (printing, self.printer.words.out) {
            (Printing::Possible, Some(code)) => {
                let kind = FaultKind::NeedsOperator;
                Printing::Impossible(Fault { device: Device::Printer, kind, code })
            }
            (Printing::Possible | Printing::Impossible(_), _) => printing,
        }
    }

    /// The printer said how it is; the event that comes of it is told next.
    pub(crate) fn printer_looked(&mut self, status: PrinterStatus) {
        self.looked = Some(status);
    }

    /// Whether operators should see something else than what they saw last.
    pub(crate) fn take_changed(&mut self) -> bool {
        let mut changed = false;
        for state in self.all() {
            changed |= std::mem::take(&mut state.changed);
        }
        changed
    }
}

/// The fault of this device that ended the visit.
fn stopped_by(device: Device, records: &[Record]) -> Option<Fault> {
    records.iter().find_map(|record| match record {
        Record::Stopped { outcome: Outcome::Fault(fault), .. } if fault.device == device => Some(*fault),
        _ => None,
    })
}

/// The device that did not answer in time, as the machine recorded it when a deadline was over. A visit that stops by it was
/// in a card's session.
fn unanswered(records: &[Record]) -> Option<(Fault, Way)> {
    let found = records.iter().find_map(|record| match record {
        Record::Fault(fault) => Some((*fault, Way::Used)),
        Record::Stopped { outcome: Outcome::Fault(fault), .. } => Some((*fault, Way::Session)),
        _ => None,
    });
    found.filter(|(fault, _)| *fault == Fault::no_answer(fault.device))
}

#[cfg(test)]
mod tests;
