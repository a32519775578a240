//! What must be durable before the effects of a step may happen.
//!
//! A record says what happened, with ids and codes only. The runtime's [`crate::Durable`] turns each into the
//! journal's forms: the visit's record, the outbox and the device log.

use crate::{
    CardEvent, Closed, Decision, EffectNo, Fault, Key, LanguageNo, Limit, Mode, NotPresented, Order, Outcome,
    Printing, RequestId, Tries, TriesLeft, Visit, VisitId,
};

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Record {
    /// The process started.
    Started {
        /// How many visits were found open.
        interrupted: u32,
    },
    /// A visit found open at start: it is closed by this record.
    VisitInterrupted {
        /// Which.
        visit: VisitId,
        /// Its request had been signed and will be delivered.
        signed: Option<RequestId>,
    },
    /// The card unit is safe to use.
    CardUnitReady,
    /// A card was found inside at start-up, and powered off.
    CardFoundAtStart,
    /// The card found at start-up was taken.
    FoundCardTaken,
    /// A customer began.
    VisitOpened(Visit),
    /// Challenge and terms are here.
    ChallengeReceived(Visit),
    /// The customer confirmed the terms shown.
    Consented(Visit),
    /// The card unit noticed something.
    Card(CardEvent),
    /// The card can be used.
    CardRead {
        /// Whose.
        visit: Visit,
        /// The PIN's counter.
        tries: Tries,
        /// The certificate ends soon.
        expires_soon: bool,
    },
    /// The bytes to be signed are made.
    Prepared(Visit),
    /// The customer wants to use the last try.
    LastTryAccepted(Visit),
    /// Four digits were entered, and the card will be asked to check them.
    PinEntered(Visit),
    /// The customer is asked for the PIN at the reader's own pad, which will present it to the card.
    PinAskedAtReader(Visit),
    /// The reader says that its pad presented no PIN.
    PinNotPresented {
        /// Whose.
        visit: Visit,
        /// Why.
        why: NotPresented,
        /// The PIN's counter now.
        tries: Tries,
    },
    /// The card has fewer tries than before an entry in which, says the reader, no PIN was presented.
    TriesLost {
        /// Whose.
        visit: Visit,
        /// The PIN's counter now.
        tries: Tries,
    },
    /// The card accepted the PIN.
    PinVerified(Visit),
    /// The card refused the PIN.
    PinWrong {
        /// Whose.
        visit: Visit,
        /// The PIN's counter now.
        tries: Tries,
    },
    /// The point of no return: the signed request is durable with this record and will be delivered.
    RequestSigned(Visit),
    /// An attempt to deliver the request brought no decision.
    NoDecision {
        /// Which request.
        request: RequestId,
        /// Why.
        fault: Fault,
    },
    /// The host decided; its signed answer is durable with this record.
    Decided {
        /// Which request.
        request: RequestId,
        /// What.
        decision: Decision,
    },
    /// The customer is told that the decision is pending.
    ToldPending(Visit),
    /// The visit ended before anything was sent.
    Stopped {
        /// Which.
        visit: Visit,
        /// Why.
        outcome: Outcome,
    },
    /// The question for a receipt was answered, or its time is over (not wanted).
    ReceiptChosen {
        /// Whose.
        visit: Visit,
        /// A receipt will be printed.
        wanted: bool,
    },
    /// The receipt is out.
    ReceiptPrinted(Visit),
    /// The card is being given back.
    CardReturning(Visit),
    /// The customer has the card.
    CardTaken(Visit),
    /// The customer did not take the card in time and is reminded.
    CardNotTaken(Option<VisitId>),
    /// The card was not taken in spite of all reminders, and the unit is asked to keep it.
    CardRetaining(Option<VisitId>),
    /// The unit keeps the card.
    CardRetained(Option<VisitId>),
    /// The visit ended while the card unit was lost: whether the card is out, a person must look.
    CardUnseen(Visit),
    /// A visit is over.
    VisitClosed {
        /// Which.
        visit: Visit,
        /// How it ended.
        outcome: Outcome,
    },
    /// Something failed.
    Fault(Fault),
    /// The customer was told that the time is nearly over.
    TimeWarned(Limit),
    /// The customer wanted more time.
    TimeExtended(Limit),
    /// The customer wanted to know more about what is on the screen.
    HelpShown,
    /// The customer chose a language.
    LanguageChosen(LanguageNo),
    /// The customer took or hung up the handset.
    ModeChosen(Mode),
    /// Whether receipts can be printed has changed.
    Printing(Printing),
    /// The operator wants something.
    Ordered(Order),
    /// From here on nobody is served.
    OutOfService(Closed),
    /// A pass over the outbox ended.
    OutboxPassed {
        /// Requests still without a decision.
        left: u32,
    },
    /// An answer or deadline came for an effect that is over; nothing was done with it.
    Stale {
        /// The effect.
        to: EffectNo,
    },
    /// A key was pressed where it has no meaning; nothing was done.
    KeyIgnored(Key),
    /// The service was chosen during a visit; nothing was done.
    BeginIgnored(Visit),
    /// Tries before the PIN, as shown to the customer.
    TriesShown {
        /// Whose.
        visit: Visit,
        /// The number shown.
        tries_left: TriesLeft,
    },
}
