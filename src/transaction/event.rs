//! What can happen to a visit: everything that goes into the machine.
//!
//! Events carry names, numbers and codes only: no bytes of the card, no times, no secrets. What belongs to them
//! (certificate, challenge, signed request) stays in the runtime's folder of the visit.

use alloc::vec::Vec;

use crate::{Decision, EffectNo, Fault, Refusal};

/// Names one customer's visit; random, made by the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct VisitId(pub [u8; 16]);

/// Names one registration request: a UUID of version 7, also its idempotency key at the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub [u8; 16]);

/// A visit and the one request that it may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Visit {
    /// The visit.
    pub id: VisitId,
    /// Its request.
    pub request: RequestId,
}

/// A visit that the journal shows as opened and never closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpenVisit {
    /// The visit.
    pub id: VisitId,
    /// Its request, when it had been signed: it will be delivered.
    pub signed: Option<RequestId>,
}

/// What the journal showed when it was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// There was no journal.
    Fresh,
    /// Every visit in it is closed.
    Clean,
    /// The terminal stopped in the middle of these visits.
    Interrupted(Vec<OpenVisit>),
    /// It was damaged and is set aside. What could be read is delivered, any card found is given back, and nobody is
    /// served until a person has looked.
    Corrupt(Fault),
}

/// The customer's keys, wherever they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// 「確認」
    Confirm,
    /// 「取消」
    Cancel,
    /// 「はい」, 「必要」
    Yes,
    /// 「いいえ」, 「不要」
    No,
    /// More time, when the screen says that it is nearly over.
    More,
    /// What is this? The screen stays, with more words.
    Help,
}

/// A language that the customer chose, by its place in the terminal's list. The machine only passes it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LanguageNo(pub u8);

impl LanguageNo {
    /// The terminal's own: the first of its list.
    pub const OWN: Self = Self(0);
}

/// How the customer is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// By the screen.
    Screen,
    /// By the voice of the handset: everything takes longer, and every limit of the customer's is twice as long.
    Voice,
}

/// What the operator, or the system's service manager, wants of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Serve nobody after the present visit.
    StopAfterVisit,
    /// End the present visit as soon as nothing is lost by it, then serve nobody.
    StopNow,
    /// Serve again.
    Resume,
}

/// Whether a receipt can be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Printing {
    /// As far as the printer says.
    Possible,
    /// Not now: no paper, or no printer.
    Impossible(Fault),
}

/// What the card unit notices by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardEvent {
    /// A card is in, and its chip answers.
    Inserted,
    /// Something is in that does not answer.
    Mute,
    /// The card is out.
    Removed,
    /// The unit cannot be watched any more; where a card is, is unknown.
    UnitLost(Fault),
    /// The unit is back; the next event says whether a card is in.
    UnitBack,
}

/// How often the PIN may still be tried, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TriesLeft(u8);

impl TriesLeft {
    /// `None` for zero: that is [`Tries::Blocked`].
    #[must_use]
    pub const fn new(count: u8) -> Option<Self> {
        if count == 0 { None } else { Some(Self(count)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// One more wrong PIN locks the card.
    #[must_use]
    pub const fn is_last(self) -> bool {
        self.0 == 1
    }
}

/// The state of the PIN's counter on the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tries {
    /// So many tries are left.
    Left(TriesLeft),
    /// Locked, or no PIN was ever set.
    Blocked,
}

/// Whether a card is in the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// No card.
    Empty,
    /// A card, powered off.
    CardInside,
}

/// To [`crate::Release::MakeSafe`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SafeAnswer {
    /// Any card is powered off.
    Safe(Presence),
    /// The unit cannot be used.
    Failed(Fault),
}

/// To [`crate::Act::FetchChallenge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChallengeAnswer {
    /// Challenge and terms are in the folder, and this machine's clock agrees with the host's.
    Received,
    /// The host cannot or will not serve this visit.
    Refused(Refusal),
    /// Host or clock out of order.
    Failed(Fault),
}

/// Where the customer types the PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinAt {
    /// At a pad that fills the slot, from which the card gets it ([`crate::Act::AskPin`], [`crate::Act::VerifyPin`]).
    Slot,
    /// At the card reader's own pad, which presents it to the chip ([`crate::Act::VerifyOnPad`]).
    Reader,
}

/// To [`crate::Act::ReadCard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CardAnswer {
    /// A card that can be used; its certificate is in the folder and was checked.
    Read {
        /// The PIN's counter.
        tries: Tries,
        /// The certificate ends within the time that the customer should be told about.
        expires_soon: bool,
        /// Where the PIN is typed.
        pin_at: PinAt,
    },
    /// A card that cannot be used.
    Refused(Refusal),
    /// The card unit failed.
    Failed(Fault),
}

/// To [`crate::Act::Prepare`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrepareAnswer {
    /// The bytes to be signed are in the folder.
    Ready,
    /// The request would not be accepted any more.
    Refused(Refusal),
    /// This machine failed.
    Failed(Fault),
}

/// To [`crate::Act::AskPin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinAnswer {
    /// Four digits are in the slot.
    Entered,
    /// The customer pressed the pad's cancel key.
    Cancelled,
    /// The pad's limit between keys passed.
    TimedOut,
    /// The pad failed.
    Failed(Fault),
}

/// To [`crate::Act::VerifyPin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VerifyAnswer {
    /// The card accepts the PIN.
    Verified,
    /// The card refuses it.
    Wrong(Tries),
    /// The card is gone or unusable; whether the try was counted is unknown, and it is never repeated.
    Refused(Refusal),
    /// The card unit failed; whether the try was counted is unknown, and it is never repeated.
    Failed(Fault),
}

/// To [`crate::Act::VerifyOnPad`]. Where no PIN was presented, says the reader, the card's counter was read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PadAnswer {
    /// The card accepts the PIN.
    Verified,
    /// The card refuses it.
    Wrong(Tries),
    /// The entry ended before a PIN was presented.
    NotPresented {
        /// Why.
        why: NotPresented,
        /// The PIN's counter now.
        tries: Tries,
    },
    /// The card is gone or unusable; whether a try was counted is unknown, and it is never repeated.
    Refused(Refusal),
    /// Reader or card unit failed; whether a try was counted is unknown, and it is never repeated.
    Failed(Fault),
}

/// Why the reader's pad presented no PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotPresented {
    /// The customer pressed the pad's cancel key.
    Cancelled,
    /// The reader's limit until or between keys passed.
    TimedOut,
    /// The customer ended the entry with fewer or more digits than a PIN has.
    WrongLength,
    /// The reader did not like something in the order, or the card answered a VERIFY with the reader's word for that: from
    /// here the two cannot be told apart, but by the counter.
    Refused,
}

/// To [`crate::Act::Sign`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SignAnswer {
    /// The signed request is in the folder and passes the host's own verification.
    Signed,
    /// The card is gone, or what it made is no signature of its certificate.
    Refused(Refusal),
    /// Card unit or evidence key failed.
    Failed(Fault),
}

/// To [`crate::Act::Send`] and [`crate::Act::AskOrResend`] when there is no decision.
/// A decision is [`Event::HostDecided`], which needs no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostAnswer {
    /// No connection, no answer, or "not now": to be tried again.
    NoDecision(Fault),
    /// The host will not take this request from this terminal as things are: an operator must act.
    WillNot(Fault),
}

/// To [`crate::Act::PrintReceipt`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrintAnswer {
    /// The receipt is out.
    Printed,
    /// It is not.
    Failed(Fault),
}

/// To [`crate::Act::RetainCard`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetainAnswer {
    /// The unit keeps the card.
    Retained,
    /// There was none any more.
    NoCard,
    /// The card is where it was.
    Failed(Fault),
}

/// The answer to one effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is documented at its own type")]
pub enum Answer {
    Safe(SafeAnswer),
    Challenge(ChallengeAnswer),
    Card(CardAnswer),
    Prepare(PrepareAnswer),
    Pin(PinAnswer),
    Verify(VerifyAnswer),
    Pad(PadAnswer),
    Sign(SignAnswer),
    Host(HostAnswer),
    Print(PrintAnswer),
    Retain(RetainAnswer),
}

/// Everything that can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The first event of a process: the journal is open.
    Start(Recovery),
    /// A customer chose the service.
    Begin(Visit),
    /// A key was pressed.
    Key(Key),
    /// The customer chose a language.
    Language(LanguageNo),
    /// The customer took or hung up the handset.
    Mode(Mode),
    /// A key of the PIN pad was pressed: somebody is there. Which key, and how many, is not told.
    PadTouched,
    /// The operator wants something.
    Order(Order),
    /// The printer can, or cannot.
    Printing(Printing),
    /// A person must look at this machine before the next customer: found beside the work.
    Unfit(Fault),
    /// The card unit noticed something.
    Card(CardEvent),
    /// An effect has an answer.
    Answer {
        /// The number of the effect.
        to: EffectNo,
        /// What came of it.
        answer: Answer,
    },
    /// The deadline armed by this effect is over.
    Expired(EffectNo),
    /// A signed and verified decision of the host, from whichever attempt to get one.
    HostDecided {
        /// The request it is about.
        request: RequestId,
        /// What was decided.
        decision: Decision,
    },
    /// A device reported a fault by itself, or while doing something that has no answer.
    Fault(Fault),
    /// A pass over the outbox ended.
    OutboxPassed {
        /// Requests that still have no decision.
        left: u32,
    },
}
