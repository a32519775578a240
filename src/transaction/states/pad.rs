//! The PIN at the reader's own pad: entry and check are one act, and no digit comes near this process.
//!
//! Invariants:
//! - As with the slot: the tries are known and shown before every entry, the last one needs its yes, each entry is recorded
//!   before it begins, and what was lost is never repeated.
//! - A reader that waits for keys cannot be stopped. When nobody wants the entry any more, its word is awaited all the same,
//!   so that nobody leaves with a locked card and does not know; a deadline longer than the reader's own limits ends that.
//! - When the reader says that no PIN was presented, the card's counter decides: fewer tries than before are recorded and
//!   told.
//! - The reader's limits are not the customer's: it is asked again as long as the customer's time is not over, and only so
//!   often, whoever says yes to the last try in between.

use crate::machine::{Asked, Await, Cx, Next, Timer, wrong_kind};
use crate::patience::Patience;
use crate::states::pin::{self, Holder};
use crate::states::{State, ending};
use crate::{
    Act, Answer, CardEvent, Device, EffectNo, EntryBefore, Fault, FaultKind, Key, Limit, NotPresented,
    Outcome, PadAnswer, Record, Refusal, Screen, Tries, TriesLeft,
};

/// A reader that comes back again and again and has presented nothing.
const NO_PIN: Fault = Fault { device: Device::PinPad, kind: FaultKind::Transient, code: "pad-gives-no-pin" };

/// The customer enters the PIN at the reader's pad, and the card checks it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitPinOnPad {
    holder: Holder,
    tries_left: TriesLeft,
    before: EntryBefore,
    /// Entries in which no PIN was presented, since one was, or since the customer asked for more time.
    empty: u8,
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

/// Asks for the PIN. `empty`: so many entries before it brought none.
pub(super) fn enter(
    holder: Holder,
    tries_left: TriesLeft,
    before: EntryBefore,
    empty: u8,
    cx: &mut Cx,
) -> State {
    cx.record(Record::PinAskedAtReader(holder.visit));
    cx.show(Screen::EnterPinAtReader { tries_left, before });
    let entry = cx.ask(Act::VerifyOnPad);
    let deadline = cx.arm(Limit::PinOnPad);
    let wish = Wish::Wanted(Patience::begin(Limit::Pin, cx));
    AwaitPinOnPad { holder, tries_left, before, empty, entry, deadline, wish }.into()
}

impl AwaitPinOnPad {
    fn stop(self, outcome: Outcome, cx: &mut Cx) -> Next {
        self.wish.end(cx);
        cx.disarm(self.deadline);
        Ok(ending::stop(self.holder.visit, outcome, cx))
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
                Ok(pin::enter_or_ask(self.holder, left, EntryBefore::Wrong, 0, cx))
            }
            (Tries::Left(_), Wish::Unwanted(refusal)) => self.stop(Outcome::Refused(refusal), cx),
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
        if left < self.tries_left {
            cx.record(Record::TriesLost { visit, tries });
        }
        match (self.wish, why) {
            (Wish::Unwanted(refusal), _) => self.stop(Outcome::Refused(refusal), cx),
            (Wish::Wanted(_), NotPresented::Cancelled) => self.stop(Outcome::Refused(Refusal::Cancelled), cx),
            (Wish::Wanted(patience), NotPresented::TimedOut) => {
                self.ask_again(left, EntryBefore::Nothing, patience, cx)
            }
            (Wish::Wanted(patience), NotPresented::WrongLength) => {
                self.ask_again(left, EntryBefore::WrongLength, patience, cx)
            }
        }
    }

    fn ask_again(self, left: TriesLeft, before: EntryBefore, patience: Patience, cx: &mut Cx) -> Next {
        let empty = self.empty.saturating_add(1);
        if empty >= cx.policy().pad_entries_max {
            return self.stop(Outcome::Fault(NO_PIN), cx);
        }
        cx.disarm(self.deadline);
        if left != self.tries_left || left.is_last() {
            patience.end(cx);
            return Ok(pin::enter_or_ask(self.holder, left, before, empty, cx));
        }
        if before != EntryBefore::Nothing {
            patience.end(cx);
            return Ok(enter(self.holder, left, before, empty, cx));
        }
        // Only the reader's patience was over: the customer sees the same, with what is left of the customer's time.
        cx.record(Record::PinAskedAtReader(self.holder.visit));
        let entry = cx.ask(Act::VerifyOnPad);
        let deadline = cx.arm(Limit::PinOnPad);
        Ok(Self { empty, entry, deadline, ..self }.into())
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

    /// Another piece of the customer's time.
    fn more(mut self, key: Option<Key>, cx: &mut Cx) -> Next {
        if self.patience().is_some_and(|patience| patience.extend(cx)) {
            self.empty = 0;
            return self.show_again(cx);
        }
        match key {
            Some(key) => self.ignore(key, cx),
            None => self.stay(),
        }
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
        Ok(ending::stop(self.holder.visit, Outcome::Fault(Fault::no_answer(Device::PinPad)), cx))
    }
}
