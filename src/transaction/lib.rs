//! The core: a pure state machine of one customer's visit to the terminal.
//!
//! An [`Event`] goes into [`Machine::handle`], which consumes the machine and gives back a [`Step`]: the records
//! that must be durable, the effects that may then happen, and the next machine, all three sealed until
//! [`Step::commit`] has stored the records. There is no IO, clock, random number or logger in here; the crate is
//! `no_std` so that none can be named.
//!
//! Invariants:
//! - **Recorded before done.** Effects leave a step only through [`Step::commit`], and those that can be seen from
//!   outside only when the record is durable ([`Act::needs_durable`]). Only [`Release`] effects, which give the card back
//!   and forget the PIN, also leave a failed commit and a [`Violation`].
//! - **No secret passes here.** A PIN is never part of an event, an effect, a record or a state: the pad says that
//!   one was entered, the machine says that the card may check it.
//! - **No time passes here.** A deadline is the effect [`Act::Arm`] and the event [`Event::Expired`].
//! - **Answers find their question.** Every effect has a number and every answer quotes it. An answer to a past
//!   effect is recorded as stale and changes nothing. A host's decision is always taken, however late.
//! - **The point of no return** is [`Record::RequestSigned`]: before it, cancel, time over and a pulled card send
//!   nothing; after it the keys are off until there is a result to show.
//! - **The card comes back.** Every state that can hold a card leads to [`Release::ReturnCard`].
#![no_std]

extern crate alloc;

mod code;
mod cx;
mod effect;
mod event;
mod limits;
mod machine;
mod patience;
mod record;
mod states;
mod step;

pub use code::{Decision, Device, Fault, FaultKind, Outcome, Refusal, Rejection};
pub use effect::{Act, Closed, Effect, EffectNo, EntryBefore, Numbered, Release, Screen};
pub use event::{
    Answer, CardAnswer, CardEvent, ChallengeAnswer, Event, HostAnswer, Key, LanguageNo, Mode, NotPresented,
    OpenVisit, Order, PadAnswer, PinAnswer, PinAt, PrepareAnswer, Presence, PrintAnswer, Printing, Recovery,
    RequestId, RetainAnswer, SafeAnswer, SignAnswer, Tries, TriesLeft, VerifyAnswer, Visit, VisitId,
};
pub use limits::{Limit, Limits, Pace};
pub use machine::{Machine, Policy, ReturnOrder};
pub use record::Record;
pub use step::{CommitFailed, Committed, Durable, Step, Violation};
