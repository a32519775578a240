//! The PIN at the reader's own pad: entry and check are one act, and no digit comes near this process.
//!
//! Invariants:
//! - As with the slot: the tries are known and shown before every entry, the last one needs its yes, each entry is recorded
//!   before it begins, and what was lost is never repeated.
//! - A reader that waits for keys cannot be stopped. When nobody wants the entry any more, its word is awaited all the same,
//!   so that nobody leaves with a locked card and does not know; a deadline longer than the reader's own limits ends that.
//! - When the reader says that no PIN was presented, or that it does not like the order, the card's counter decides: fewer
//!   tries than before are recorded and told; more, which no card has without a right PIN, end the visit.
//! - The reader's limits are not the customer's: it is asked again as long as the customer's time is not over, and only so
//!   often, whoever says yes to the last try in between. A row of entries in which nobody touches anything but the reader has an end that neither it nor the card can move.

use crate::machine::{Asked, Await, Cx, Next, Timer, wrong_kind};
use crate::patience::Patience;
use crate::states::State;
use crate::states::pin::{self, Empty, Holder};
use crate::{
    Act, Answer, CardEvent, Device, EffectNo, EntryBefore, Fault, FaultKind, Key, Limit, NotPresented,
    Outcome, PadAnswer, Record, Refusal, Screen, Tries, TriesLeft,
};

/// A reader that comes back again and again and has presented nothing.
const NO_PIN: Fault = Fault { device: Device::PinPad, kind: FaultKind::Transient, code: "pad-gives-no-pin" };

/// A reader that will not, or a card that says so in the reader's words.
const REFUSED: Fault = Fault { device: Device::PinPad, kind: FaultKind::NeedsOperator, code: "pad-refused" };

/// The card has counted, and says neither right nor wrong.
const UNCLEAR: Fault =
    Fault { device: Device::CardUnit, kind: FaultKind::Transient, code: "card-misbehaved" };

/// The customer enters the PIN at the reader's pad, and the card checks it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitPinOnPad {
    holder: Holder,
    tries_left: TriesLeft,
    before: EntryBefore,
    entry: Asked,
    deadline: Timer,
    wish: Wish,
}

/// Whether somebody wants the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Wish {
    /// The customer has so much time.
    Wanted(Patience),
    /// Cancelled, or the time is over, or the service is to stop.
    Unwanted(Refusal),
}

/// Asks for the PIN.
pub(super) fn enter(holder: Holder, tries_left: TriesLeft, before: EntryBefore, cx: &mut Cx) -> State {
    cx.record(Record::PinAskedAtReader(holder.visit));
    cx.show(Screen::EnterPinAtReader { tries_left, before });
    let entry = cx.ask(Act::VerifyOnPad);
    let deadline = cx.arm(Limit::PinOnPad);
    let wish = Wish::Wanted(Patience::begin(Limit::Pin, cx));
    AwaitPinOnPad { holder, tries_left, before, entry, deadline, wish }.into()
}

impl AwaitPinOnPad {
    /// Stops where the counter need not be told: it is full, or locked, or nobody knows it.
    fn stop(self, outcome: Outcome, cx: &mut Cx) -> Next {
        self.stop_with(outcome, None, cx)
    }

    /// Stops; the counter is `left` now.
    fn stop_with(self, outcome: Outcome, left: Option<TriesLeft>, cx: &mut Cx) -> Next {
        self.wish.end(cx);
        cx.disarm(self.deadline);
        Ok(self.holder.stop(outcome, left, cx))
    }

    /// Nobody wants the entry any more; only the reader can end it.
    fn leave(self, refusal: Refusal, cx: &mut Cx) -> State {
        cx.show(Screen::LeavePad);
        Self { wish: Wish::Unwanted(refusal), ..self }.into()
    }

    fn verified(self, cx: &mut Cx) -> Next {
        cx.record(Record::PinVerified(self.holder.visit));
        match self.wish {
            Wish::Unwanted(refusal) => self.stop(Outcome::Refused(refusal), cx),
            Wish::Wanted(patience) => {
                patience.end(cx);
                cx.disarm(self.deadline);
                cx.show(Screen::Signing);
                Ok(pin::verified(self.holder, cx))
            }
        }
    }

    fn wrong(self, tries: Tries, cx: &mut Cx) -> Next {
        cx.record(Record::PinWrong { visit: self.holder.visit, tries });
        match (tries, self.wish) {
            (Tries::Left(left), Wish::Wanted(patience)) => {
                patience.end(cx);
                cx.disarm(self.deadline);
                let holder = Holder { empty: Empty::default(), ..self.holder };
                Ok(pin::enter_or_ask(holder, left, EntryBefore::Wrong, cx))
            }
            (Tries::Left(left), Wish::Unwanted(refusal)) => {
                self.stop_with(Outcome::Refused(refusal), Some(left), cx)
            }
            (Tries::Blocked, Wish::Wanted(_) | Wish::Unwanted(_)) => {
                self.stop(Outcome::Refused(Refusal::PinLocked), cx)
            }
        }
    }

    /// The reader says that nothing was presented; the card's counter says whether that is so.
    fn not_presented(self, why: NotPresented, tries: Tries, cx: &mut Cx) -> Next {
        let visit = self.holder.visit;
        cx.record(Record::PinNotPresented { visit, why, tries });
        let Tries::Left(left) = tries else {
            cx.record(Record::TriesLost { visit, tries });
            return self.stop(Outcome::Refused(Refusal::PinLocked), cx);
        };
        let fell = left < self.tries_left;
        if fell {
            cx.record(Record::TriesLost { visit, tries });
        }
        let stop = |outcome, cx: &mut Cx| self.clone().stop_with(outcome, Some(left), cx);
        match (self.wish, why) {
            (Wish::Unwanted(refusal), _) => stop(Outcome::Refused(refusal), cx),
            (Wish::Wanted(_), NotPresented::Cancelled) => stop(Outcome::Refused(Refusal::Cancelled), cx),
            (Wish::Wanted(_), NotPresented::Refused) => {
                stop(Outcome::Fault(if fell { UNCLEAR } else { REFUSED }), cx)
            }
            (Wish::Wanted(_), NotPresented::TimedOut | NotPresented::WrongLength)
                if left > self.tries_left =>
            {
                stop(Outcome::Refused(Refusal::CardUnreadable), cx)
            }
            (Wish::Wanted(patience), NotPresented::TimedOut) => self.came_back(left, patience, cx),
            (Wish::Wanted(patience), NotPresented::WrongLength) => self.wrong_length(left, patience, cx),
        }
    }

    /// Only the reader's patience was over.
    fn came_back(self, left: TriesLeft, patience: Patience, cx: &mut Cx) -> Next {
        let came_back = self.holder.empty.came_back.saturating_add(1);
        if came_back >= cx.policy().pad_entries_max {
            return self.stop_with(Outcome::Fault(NO_PIN), Some(left), cx);
        }
        cx.disarm(self.deadline);
        let holder = Holder { empty: Empty { came_back, ..self.holder.empty }, ..self.holder };
        if left != self.tries_left || left.is_last() {
            patience.end(cx);
            return Ok(pin::enter_or_ask(holder, left, EntryBefore::Nothing, cx));
        }
        // The customer sees the same, with what is left of the customer's time.
        cx.record(Record::PinAskedAtReader(self.holder.visit));
        let entry = cx.ask(Act::VerifyOnPad);
        let deadline = cx.arm(Limit::PinOnPad);
        Ok(Self { holder, entry, deadline, ..self }.into())
    }

    /// The customer did something, and gets the whole time again: only so often.
    fn wrong_length(self, left: TriesLeft, patience: Patience, cx: &mut Cx) -> Next {
        let wrong_lengths = self.holder.empty.wrong_lengths.saturating_add(1);
        if wrong_lengths >= cx.policy().pad_entries_max {
            return self.stop_with(Outcome::Fault(NO_PIN), Some(left), cx);
        }
        cx.disarm(self.deadline);
        patience.end(cx);
        let holder = Holder { empty: Empty { came_back: 0, wrong_lengths }, ..self.holder };
        let before = EntryBefore::WrongLength;
        if left != self.tries_left || left.is_last() {
            return Ok(pin::enter_or_ask(holder, left, before, cx));
        }
        Ok(enter(holder, left, before, cx))
    }
}

impl Wish {
    fn end(self, cx: &mut Cx) {
        match self {
            Self::Wanted(patience) => patience.end(cx),
            Self::Unwanted(_) => {}
        }
    }
}

impl Await for AwaitPinOnPad {
    fn screen(&self) -> Option<Screen> {
        Some(match self.wish {
            Wish::Wanted(_) => Screen::EnterPinAtReader { tries_left: self.tries_left, before: self.before },
            Wish::Unwanted(_) => Screen::LeavePad,
        })
    }

    fn patience(&mut self) -> Option<&mut Patience> {
        match &mut self.wish {
            Wish::Wanted(patience) => Some(patience),
            Wish::Unwanted(_) => None,
        }
    }

    fn time_over(self, cx: &mut Cx) -> Next {
        Ok(self.leave(Refusal::TimedOut, cx))
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        match self.wish {
            Wish::Wanted(patience) => {
                patience.end(cx);
                Ok(self.leave(Refusal::ServiceStopped, cx))
            }
            Wish::Unwanted(_) => self.stay(),
        }
    }

    fn time_renewed(&mut self) {
        self.holder.empty = Empty::default();
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match (key, self.wish) {
            (Key::Cancel, Wish::Wanted(patience)) => {
                patience.end(cx);
                Ok(self.leave(Refusal::Cancelled, cx))
            }
            (Key::Cancel, Wish::Unwanted(_)) => self.ignore(key, cx),
            (
                Key::Confirm | Key::Yes | Key::No | Key::More | Key::Help,
                Wish::Wanted(_) | Wish::Unwanted(_),
            ) => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match pin::interrupted_by(event) {
            Some(outcome) => self.stop(outcome, cx),
            None => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.entry.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Pad(answer) = answer else { return wrong_kind() };
        match answer {
            PadAnswer::Verified => self.verified(cx),
            PadAnswer::Wrong(tries) => self.wrong(tries, cx),
            PadAnswer::NotPresented { why, tries } => self.not_presented(why, tries, cx),
            PadAnswer::Refused(refusal) => self.stop(Outcome::Refused(refusal), cx),
            PadAnswer::Failed(fault) => self.stop(Outcome::Fault(fault), cx),
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        self.wish.end(cx);
        Ok(self.holder.stop(Outcome::Fault(Fault::no_answer(Device::PinPad)), None, cx))
    }
}
