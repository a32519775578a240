//! The PIN and the signature: the last steps that can still be undone by doing nothing.
//!
//! Invariants: the tries left are known and shown before every entry; the last try needs an explicit yes; a PIN is
//! given to the card once, and never again when the answer is lost; who leaves with fewer tries than they came with is told
//! how many, unless an answer was lost. Where the reader has a pad of its own, entry and check are one act: `pad.rs`.

use crate::machine::{Asked, Await, Cx, Next, Timer, wrong_kind};
use crate::patience::Patience;
use crate::states::{State, ending, host, pad};
use crate::{
    Act, Answer, CardEvent, Device, EffectNo, EntryBefore, Fault, Key, Limit, Outcome, PinAnswer, PinAt,
    Record, Refusal, Screen, SignAnswer, Tries, TriesLeft, VerifyAnswer, Visit,
};

/// Whose card is in, with what its certificate asks to be told at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Holder {
    pub(super) visit: Visit,
    pub(super) expires_soon: bool,
    pub(super) pin_at: PinAt,
    /// The PIN's counter when the card came.
    pub(super) tries_at_first: TriesLeft,
    /// What the reader's own pad has brought so far. A yes to the last try does not make it good.
    pub(super) empty: Empty,
}

/// Entries at the reader's own pad in which no PIN was presented, since one was, or since the customer asked for more time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Empty {
    /// The reader's own time was over, in this piece of the customer's.
    pub(super) came_back: u8,
    /// Not as many digits as a PIN has.
    pub(super) wrong_lengths: u8,
}

impl Holder {
    /// Stops; the counter is `left` now, or nobody knows.
    pub(super) fn stop(self, outcome: Outcome, left: Option<TriesLeft>, cx: &mut Cx) -> State {
        let fell = left.filter(|left| *left < self.tries_at_first);
        ending::stop_and_tell(self.visit, outcome, fell, cx)
    }
}

/// Only one try is left: use it?
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitLastTryYes {
    holder: Holder,
    last: TriesLeft,
    before: EntryBefore,
    patience: Patience,
}

/// The customer enters the PIN.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitPin {
    holder: Holder,
    tries_left: TriesLeft,
    wrong_before: bool,
    entry: Asked,
    patience: Patience,
}

/// The card checks the PIN.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitPinVerified {
    holder: Holder,
    verify: Asked,
    deadline: Timer,
    /// Cancelled, or the service is to stop. The card counts all the same: its word is awaited first, so that nobody
    /// leaves with a locked card and does not know.
    unwanted: Option<Refusal>,
}

/// The card signs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitSignature {
    holder: Holder,
    sign: Asked,
    deadline: Timer,
}

/// The first entry of a visit.
pub(super) fn ask_pin(holder: Holder, tries_left: TriesLeft, cx: &mut Cx) -> State {
    enter_or_ask(holder, tries_left, EntryBefore::Nothing, cx)
}

/// The next entry: with the tries that the card told, and after a yes when it is the last one.
pub(super) fn enter_or_ask(holder: Holder, tries_left: TriesLeft, before: EntryBefore, cx: &mut Cx) -> State {
    cx.record(Record::TriesShown { visit: holder.visit, tries_left });
    if tries_left.is_last() {
        cx.show(Screen::LastTry);
        let patience = Patience::begin(Limit::LastTry, cx);
        return AwaitLastTryYes { holder, last: tries_left, before, patience }.into();
    }
    enter(holder, tries_left, before, cx)
}

fn enter(holder: Holder, tries_left: TriesLeft, before: EntryBefore, cx: &mut Cx) -> State {
    match holder.pin_at {
        PinAt::Slot => enter_into_slot(holder, tries_left, before == EntryBefore::Wrong, cx),
        PinAt::Reader => pad::enter(holder, tries_left, before, cx),
    }
}

fn enter_into_slot(holder: Holder, tries_left: TriesLeft, wrong_before: bool, cx: &mut Cx) -> State {
    cx.show(Screen::EnterPin { tries_left, wrong_before });
    let entry = cx.ask(Act::AskPin);
    let patience = Patience::begin(Limit::Pin, cx);
    AwaitPin { holder, tries_left, wrong_before, entry, patience }.into()
}

/// What a card event means as long as nothing is signed: `None` is nothing.
pub(super) fn interrupted_by(event: CardEvent) -> Option<Outcome> {
    match event {
        CardEvent::Removed => Some(Outcome::Refused(Refusal::CardRemoved)),
        CardEvent::Mute => Some(Outcome::Refused(Refusal::CardUnreadable)),
        CardEvent::UnitLost(fault) => Some(Outcome::Fault(fault)),
        CardEvent::Inserted | CardEvent::UnitBack => None,
    }
}

/// The card accepted the PIN, and the visit goes on.
pub(super) fn verified(holder: Holder, cx: &mut Cx) -> State {
    let sign = cx.ask(Act::Sign(holder.visit));
    AwaitSignature { holder, sign, deadline: cx.arm(Limit::Sign) }.into()
}

fn stop(holder: Holder, deadline: Timer, outcome: Outcome, cx: &mut Cx) -> Next {
    cx.disarm(deadline);
    Ok(ending::stop(holder.visit, outcome, cx))
}

impl AwaitLastTryYes {
    fn stop(self, outcome: Outcome, cx: &mut Cx) -> Next {
        self.patience.end(cx);
        Ok(self.holder.stop(outcome, Some(self.last), cx))
    }
}

impl Await for AwaitLastTryYes {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::LastTry)
    }

    fn patience(&mut self) -> Option<&mut Patience> {
        Some(&mut self.patience)
    }

    fn time_over(self, cx: &mut Cx) -> Next {
        Ok(self.holder.stop(Outcome::Refused(Refusal::TimedOut), Some(self.last), cx))
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        self.stop(Outcome::Refused(Refusal::ServiceStopped), cx)
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Yes => {
                self.patience.end(cx);
                cx.record(Record::LastTryAccepted(self.holder.visit));
                Ok(enter(self.holder, self.last, self.before, cx))
            }
            Key::No | Key::Cancel => self.stop(Outcome::Refused(Refusal::Cancelled), cx),
            // 「確認」 is pressed by habit: it is not the explicit yes.
            Key::Confirm | Key::More | Key::Help => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match interrupted_by(event) {
            Some(outcome) => self.stop(outcome, cx),
            None => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        self.stale(timer, cx)
    }
}

impl AwaitPin {
    fn stop(self, outcome: Outcome, cx: &mut Cx) -> Next {
        self.patience.end(cx);
        Ok(self.holder.stop(outcome, Some(self.tries_left), cx))
    }
}

impl Await for AwaitPin {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::EnterPin { tries_left: self.tries_left, wrong_before: self.wrong_before })
    }

    fn patience(&mut self) -> Option<&mut Patience> {
        Some(&mut self.patience)
    }

    fn time_over(self, cx: &mut Cx) -> Next {
        Ok(self.holder.stop(Outcome::Refused(Refusal::TimedOut), Some(self.tries_left), cx))
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        self.stop(Outcome::Refused(Refusal::ServiceStopped), cx)
    }

    fn pad_touched(self, cx: &mut Cx) -> Next {
        self.more(None, cx)
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Cancel => self.stop(Outcome::Refused(Refusal::Cancelled), cx),
            Key::Confirm | Key::Yes | Key::No | Key::More | Key::Help => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match interrupted_by(event) {
            Some(outcome) => self.stop(outcome, cx),
            None => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.entry.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Pin(answer) = answer else { return wrong_kind() };
        match answer {
            PinAnswer::Entered => {
                self.patience.end(cx);
                cx.record(Record::PinEntered(self.holder.visit));
                cx.show(Screen::Signing);
                let verify = cx.ask(Act::VerifyPin);
                let deadline = cx.arm(Limit::Verify);
                Ok(AwaitPinVerified { holder: self.holder, verify, deadline, unwanted: None }.into())
            }
            PinAnswer::Cancelled => self.stop(Outcome::Refused(Refusal::Cancelled), cx),
            PinAnswer::TimedOut => self.stop(Outcome::Refused(Refusal::TimedOut), cx),
            PinAnswer::Failed(fault) => self.stop(Outcome::Fault(fault), cx),
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        self.stale(timer, cx)
    }
}

impl AwaitPinVerified {
    fn unwanted(self, refusal: Refusal) -> State {
        Self { unwanted: self.unwanted.or(Some(refusal)), ..self }.into()
    }
}

impl Await for AwaitPinVerified {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::Signing)
    }

    fn stop_now(self, _cx: &mut Cx) -> Next {
        Ok(self.unwanted(Refusal::ServiceStopped))
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Cancel => Ok(self.unwanted(Refusal::Cancelled)),
            Key::Confirm | Key::Yes | Key::No | Key::More | Key::Help => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match interrupted_by(event) {
            Some(outcome) => stop(self.holder, self.deadline, outcome, cx),
            None => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.verify.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Verify(answer) = answer else { return wrong_kind() };
        let visit = self.holder.visit;
        match answer {
            VerifyAnswer::Verified => {
                cx.record(Record::PinVerified(visit));
                if let Some(refusal) = self.unwanted {
                    return stop(self.holder, self.deadline, Outcome::Refused(refusal), cx);
                }
                cx.disarm(self.deadline);
                Ok(verified(self.holder, cx))
            }
            VerifyAnswer::Wrong(tries) => {
                cx.record(Record::PinWrong { visit, tries });
                match (tries, self.unwanted) {
                    (Tries::Left(left), None) => {
                        cx.disarm(self.deadline);
                        Ok(enter_or_ask(self.holder, left, EntryBefore::Wrong, cx))
                    }
                    (Tries::Left(left), Some(refusal)) => {
                        cx.disarm(self.deadline);
                        Ok(self.holder.stop(Outcome::Refused(refusal), Some(left), cx))
                    }
                    (Tries::Blocked, _) => {
                        stop(self.holder, self.deadline, Outcome::Refused(Refusal::PinLocked), cx)
                    }
                }
            }
            VerifyAnswer::Refused(refusal) => stop(self.holder, self.deadline, Outcome::Refused(refusal), cx),
            VerifyAnswer::Failed(fault) => stop(self.holder, self.deadline, Outcome::Fault(fault), cx),
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        Ok(ending::stop(self.holder.visit, Outcome::Fault(Fault::no_answer(Device::CardUnit)), cx))
    }
}

impl Await for AwaitSignature {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::Signing)
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        stop(self.holder, self.deadline, Outcome::Refused(Refusal::ServiceStopped), cx)
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Cancel => stop(self.holder, self.deadline, Outcome::Refused(Refusal::Cancelled), cx),
            Key::Confirm | Key::Yes | Key::No | Key::More | Key::Help => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match interrupted_by(event) {
            Some(outcome) => stop(self.holder, self.deadline, outcome, cx),
            None => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.sign.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Sign(answer) = answer else { return wrong_kind() };
        match answer {
            SignAnswer::Signed => {
                cx.disarm(self.deadline);
                Ok(host::signed(self.holder.visit, self.holder.expires_soon, cx))
            }
            SignAnswer::Refused(refusal) => stop(self.holder, self.deadline, Outcome::Refused(refusal), cx),
            SignAnswer::Failed(fault) => stop(self.holder, self.deadline, Outcome::Fault(fault), cx),
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        Ok(ending::stop(self.holder.visit, Outcome::Fault(Fault::no_answer(Device::CardUnit)), cx))
    }
}
