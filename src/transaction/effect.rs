//! What the machine wants done.
//!
//! There are two classes. An [`Act`] may be seen from outside or moves the visit on, so it leaves a step only after
//! the step's records are durable. A [`Release`] is harmless when unrecorded and harmless when repeated: it forgets
//! the PIN, lets the card go, or says that the machine is out of service.

use crate::{Fault, LanguageNo, Limit, Outcome, Pace, RequestId, TriesLeft, Visit};

/// The number of an effect: grows by one with every effect of a process; an answer quotes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectNo(pub u32);

/// Something with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Numbered<T> {
    /// The number that an answer quotes.
    pub no: EffectNo,
    /// The effect.
    pub what: T,
}

/// One effect, of either class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Only after a commit.
    Act(Act),
    /// Always allowed.
    Release(Release),
}

/// Effects that need durable records before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Put this before the customer. No answer.
    Show(Screen),
    /// Say more about this screen, which stays. No answer.
    Help(Screen),
    /// Say that the time for this screen is nearly over. No answer.
    WarnTime {
        /// The screen, which stays.
        screen: Screen,
        /// [`crate::Key::More`] gives more time; otherwise this was the last time.
        more: bool,
    },
    /// Beep, and speak: take the card. No answer.
    CallToTakeCard,
    /// From here on speak this language. No answer.
    UseLanguage(LanguageNo),
    /// Answer with [`crate::Event::Expired`] when the limit has passed.
    Arm(Limit, Pace),
    /// Forget the deadline of that number. No answer.
    Disarm(EffectNo),
    /// Get challenge, host time and current terms. Answer: [`crate::ChallengeAnswer`].
    FetchChallenge(Visit),
    /// Keep the time of the event being handled as the time of consent. No answer.
    KeepConsent(Visit),
    /// Open the exclusive session, read token, certificate and tries, check the certificate.
    /// Answer: [`crate::CardAnswer`].
    ReadCard(Visit),
    /// Make the bytes that the card will sign. Answer: [`crate::PrepareAnswer`].
    Prepare(Visit),
    /// Let the pad fill the slot. Answer: [`crate::PinAnswer`].
    AskPin,
    /// Give the slot to the card, once. Answer: [`crate::VerifyAnswer`].
    VerifyPin,
    /// Let the reader's own pad take the PIN and present it to the card, once. Until it answers it cannot be stopped: the
    /// end of the session gives it up. Answer: [`crate::PadAnswer`].
    VerifyOnPad,
    /// Let the card sign, assemble, countersign and verify the request. Answer: [`crate::SignAnswer`].
    Sign(Visit),
    /// Send the recorded request for the first time.
    /// Answer: [`crate::Event::HostDecided`] or [`crate::HostAnswer`].
    Send(RequestId),
    /// Ask what became of the request; when the host does not know it, send the identical bytes again.
    /// Answer: [`crate::Event::HostDecided`] or [`crate::HostAnswer`].
    AskOrResend(RequestId),
    /// Do the same for every recorded request without a decision.
    /// Answers: [`crate::Event::HostDecided`] for each, at the end [`crate::Event::OutboxPassed`].
    DeliverOutbox,
    /// Write the evidence of this request (what was sent, what was answered) where operators find it. No answer.
    FileEvidence(RequestId),
    /// Print the receipt. Answer: [`crate::PrintAnswer`].
    PrintReceipt {
        /// Whose.
        visit: Visit,
        /// The result on it.
        outcome: Outcome,
        /// With the notice that the certificate ends soon.
        expires_soon: bool,
    },
    /// Find out whether a receipt could be printed. [`crate::Event::Printing`] tells.
    LookAtPrinter,
    /// Take the card in and keep it. Answer: [`crate::RetainAnswer`].
    RetainCard,
    /// The visit is over and recorded: sign a checkpoint of the device log, report the result. No answer.
    Finish {
        /// Which.
        visit: Visit,
        /// How it ended.
        outcome: Outcome,
    },
}

impl Act {
    /// Whether it can be seen from outside, or not be taken back, so that the record that it will happen must be durable
    /// before it does. What the machine only shows, asks or reads harms nobody when the power fails after it.
    #[must_use]
    pub const fn needs_durable(&self) -> bool {
        match self {
            // Each can use up a try.
            Self::VerifyPin
            | Self::VerifyOnPad
            | Self::Send(_)
            | Self::AskOrResend(_)
            | Self::DeliverOutbox
            | Self::FileEvidence(_)
            | Self::PrintReceipt { .. }
            | Self::RetainCard
            | Self::Finish { .. } => true,
            // What the customer is told of a result stands.
            Self::Show(screen) => matches!(screen, Screen::Result { .. }),
            Self::Help(_)
            | Self::WarnTime { .. }
            | Self::CallToTakeCard
            | Self::UseLanguage(_)
            | Self::LookAtPrinter
            | Self::Arm(..)
            | Self::Disarm(_)
            | Self::FetchChallenge(_)
            | Self::KeepConsent(_)
            | Self::ReadCard(_)
            | Self::Prepare(_)
            | Self::AskPin
            | Self::Sign(_) => false,
        }
    }
}

/// Effects that are allowed even when nothing could be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Release {
    /// Stop the pad and wipe the slot. No answer.
    ForgetPin,
    /// Leave the applet, so that the PIN's state is gone, and power the card off. No answer.
    EndCard,
    /// Power off any card found in the unit. Answer: [`crate::SafeAnswer`].
    MakeSafe,
    /// Eject the card, or ask to take it. No answer: [`crate::CardEvent::Removed`] says that it is gone.
    ReturnCard,
    /// Tell everybody that this machine does not serve. No answer.
    OutOfService,
}

/// What the customer sees. The terminal has the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Screen {
    /// The machine has just begun, and looks whether a card was left inside.
    Starting,
    /// The menu entry that begins a visit.
    Menu,
    /// The host is being asked for the terms.
    Connecting,
    /// The terms, to be confirmed.
    Terms,
    /// Put the card in.
    InsertCard,
    /// The card is being read.
    Reading,
    /// One more wrong PIN locks the card: go on?
    LastTry,
    /// Enter the PIN.
    EnterPin {
        /// How many tries are left.
        tries_left: TriesLeft,
        /// The PIN entered just before was wrong.
        wrong_before: bool,
    },
    /// Enter the PIN at the card reader's own pad.
    EnterPinAtReader {
        /// How many tries are left.
        tries_left: TriesLeft,
        /// How the entry just before ended.
        before: EntryBefore,
    },
    /// The visit ends as soon as the reader's pad lets go: press cancel there.
    LeavePad,
    /// The card checks the PIN and signs.
    Signing,
    /// The request is on its way; the keys are off.
    Sending,
    /// The result, and whether a receipt is wanted.
    Result {
        /// The result.
        outcome: Outcome,
        /// The certificate ends soon.
        expires_soon: bool,
        /// A receipt can be had.
        receipt: bool,
    },
    /// The visit ended before anything was sent: why, and what to do next.
    Stopped {
        /// The reason.
        outcome: Outcome,
        /// How many tries the PIN has left, where they became fewer during the visit and the card has told how many.
        tries_left: Option<TriesLeft>,
    },
    /// The receipt is being printed.
    Printing,
    /// No receipt could be printed; the result stands.
    NoReceipt,
    /// Take the card.
    TakeCard,
    /// A card was found inside at start-up: take it.
    TakeFoundCard,
    /// The card was not taken and is kept in the machine: whom to call.
    Retained,
    /// Nobody is served until an operator wants it.
    OutOfService {
        /// Why.
        why: Closed,
    },
    /// The card unit is out of order; nothing can be begun.
    CardUnitDown {
        /// What is wrong with it.
        fault: Fault,
    },
}

/// How the entry of a PIN before the present one ended, as far as the customer should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryBefore {
    /// There was none, or nothing is to be said of it.
    Nothing,
    /// The PIN was wrong.
    Wrong,
    /// It had more or fewer digits than a PIN has, and was not presented.
    WrongLength,
}

/// Why nobody is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Closed {
    /// An operator wants it so.
    Stopped,
    /// A person must look first.
    Fault(Fault),
}
