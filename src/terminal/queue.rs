//! The one queue into the machine's thread: what devices, host, keys and timers have to say.
//!
//! Invariant: no secret passes here. A PIN stays in its slot; the queue hears that one was entered.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use devices::port;
use jiff::Timestamp;
use request::CardCertificate;
use transaction::{
    CardEvent, Decision, Device, EffectNo, Event, Fault, FaultKind, PinAt, RequestId, Tries, VisitId,
};

use crate::catalogue::Language;
use crate::clock::{self, Clock, SystemClock};
use crate::desks::Post;

/// What came, when, and what operators should read beside it.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) at: Timestamp,
    /// When it was posted, on the steady clock.
    pub(crate) posted: Instant,
    pub(crate) message: Message,
    pub(crate) story: Story,
}

impl Letter {
    /// A letter that is posted now.
    pub(crate) fn now(clock: &dyn Clock, message: Message, story: Story) -> Self {
        Self { at: clock.now(), posted: clock.instant(), message, story }
    }
}

/// One message. Those that bring papers (certificate, signature, answer) are filed before the machine hears of them.
#[derive(Debug)]
pub(crate) enum Message {
    /// Nothing to file.
    Event(Event),
    /// The host gave a challenge; it was asked for at `asked_at`.
    Challenge { to: EffectNo, visit: VisitId, asked_at: Timestamp, challenge: Box<wire::ChallengeAnswer> },
    /// The card was read and its certificate holds.
    CardRead { to: EffectNo, visit: VisitId, card: Box<CardCertificate>, tries: Tries, pin_at: PinAt },
    /// The chip signed.
    Signature { to: EffectNo, visit: VisitId, signature: Vec<u8> },
    /// The host decided; its answer is verified.
    Decided(Box<AnswerPaper>),
    /// The receipt is out; where its picture lies, if the printer keeps one.
    Printed { to: EffectNo, picture: Option<PathBuf> },
    /// What the card's session of this visit cost, at its end or on the way.
    CardTally { visit: VisitId, tally: CardTally },
    /// So many digits are in the slot.
    Dots(u8),
    /// The service manager wants the process to end.
    Terminate,
    /// Standard input has ended: whoever had the customer's keys is gone.
    KeysEnded,
    /// The customer chose a language by its name.
    Language(Language),
    /// The unit keeps the card that was not taken, and says where.
    Retained { to: EffectNo, place: String },
    /// The whole journal was read, beside the work: it is damaged.
    JournalDamaged { code: &'static str },
    /// The whole journal was read, beside the work: every check passed.
    JournalWhole(Box<journal::WholeReport>),
    /// The printer told how it is.
    PrinterLooked(port::PrinterStatus),
    /// A reader that does not serve saw something; which one, in the order of the configuration.
    OtherReader { reader: usize, event: port::CardEvent },
    /// The host client has finished a job.
    HostJobDone,
}

/// The host's verified answer.
#[derive(Debug, Clone)]
pub(crate) struct AnswerPaper {
    pub(crate) request: RequestId,
    pub(crate) decision: Decision,
    pub(crate) acceptance_number: Option<String>,
    /// The file, as it came.
    pub(crate) der: Vec<u8>,
}

/// What a card's session cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct CardTally {
    /// Commands sent.
    pub(crate) apdus: u32,
    /// Of these, from the last digit of the PIN to the arrival of the signature.
    pub(crate) apdus_after_pin: u32,
    /// Time in the card and its reader, in microseconds: milliseconds would round every command down.
    pub(crate) card_us: u64,
}

/// For the device log and the trace: what the machine does not need to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Story {
    /// What repairs it, in the words of XFS4IoT.
    pub(crate) action: Option<&'static str>,
    /// What failed, of what.
    pub(crate) what: Option<String>,
    /// The card's status word.
    pub(crate) status_word: Option<u16>,
    /// How long it took.
    pub(crate) duration_ms: Option<u32>,
}

impl Story {
    /// The story of an error, with all that is below it.
    pub(crate) fn of(error: &dyn std::error::Error) -> Self {
        Self { what: Some(chain(error)), ..Self::default() }
    }

    /// The story of a device that cannot be used.
    pub(crate) fn because(reason: &port::Reason) -> Self {
        Self { action: Some(reason.action.word()), what: Some(reason.to_string()), ..Self::default() }
    }

    /// What the other knows, where this one knows nothing.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            action: self.action.or(other.action),
            what: self.what.or(other.what),
            status_word: self.status_word.or(other.status_word),
            duration_ms: self.duration_ms.or(other.duration_ms),
        }
    }

    /// With the time since `start`.
    pub(crate) fn took(self, start: Instant) -> Self {
        Self { duration_ms: Some(clock::ms_since(start)), ..self }
    }
}

/// An error and its sources in one line: the one place where a chain is printed.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        text.push_str(": ");
        text.push_str(&source.to_string());
        below = source.source();
    }
    text
}

/// A device's fault in the core's words, and its story for the log.
pub(crate) fn told(device: Device, fault: &port::Fault) -> (Fault, Story) {
    let kind = match fault.kind {
        port::FaultKind::Transient => FaultKind::Transient,
        port::FaultKind::NeedsOperator => FaultKind::NeedsOperator,
        port::FaultKind::Broken => FaultKind::Broken,
    };
    let story = Story { action: Some(fault.action.word()), ..Story::of(fault) };
    (Fault { device, kind, code: fault.code }, story)
}

/// A card unit's event in the core's words.
pub(crate) fn told_card_event(event: port::CardEvent) -> (Event, Story) {
    let (event, story) = match event {
        port::CardEvent::Inserted => (CardEvent::Inserted, Story::default()),
        port::CardEvent::Removed => (CardEvent::Removed, Story::default()),
        port::CardEvent::Mute => (CardEvent::Mute, Story::default()),
        port::CardEvent::Available => (CardEvent::UnitBack, Story::default()),
        port::CardEvent::Unavailable(fault) => {
            let (fault, story) = told(Device::CardUnit, &fault);
            (CardEvent::UnitLost(fault), story)
        }
    };
    (Event::Card(event), story)
}

/// The way into the queue; every thread has its own copy.
#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    sender: Sender<Letter>,
}

impl Mailbox {
    /// A queue: its way in and its way out.
    pub(crate) fn new() -> (Self, Inbox) {
        let (sender, receiver) = channel();
        (Self { sender }, Inbox { receiver })
    }

    pub(crate) fn post(&self, message: Message, story: Story) {
        // Without a receiver the machine's thread has ended, and there is nobody to tell.
        let _ended = self.sender.send(Letter::now(&SystemClock, message, story));
    }

    pub(crate) fn event(&self, event: Event) {
        self.post(Message::Event(event), Story::default());
    }
}

/// The way out of the queue, for the machine's thread alone.
#[derive(Debug)]
pub(crate) struct Inbox {
    receiver: Receiver<Letter>,
}

impl Post for Inbox {
    fn take(&self) -> Option<Letter> {
        self.receiver.try_recv().ok()
    }

    /// The queue never ends: its owner holds a way in.
    fn next(&self, deadline: Option<Instant>) -> Option<Letter> {
        match deadline {
            None => self.receiver.recv().ok(),
            Some(deadline) => {
                let wait = deadline.saturating_duration_since(clock::instant());
                self.receiver.recv_timeout(wait).ok()
            }
        }
    }
}
