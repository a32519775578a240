//! After the point of no return: the signed request is durable, and goes to the host until there is a decision.
//!
//! Invariants: the keys are off until there is a result; the customer is told what the host signed, or that it is
//! pending, never anything else.

use crate::machine::{Asked, Await, Cx, Next, Timer, wrong_kind};
use crate::patience::Patience;
use crate::states::{State, ending};
use crate::{
    Act, Answer, CardEvent, Decision, EffectNo, HostAnswer, Key, Limit, Outcome, Printing, Record, Release,
    RequestId, Screen, Visit,
};

/// The request is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitHostDecision {
    waiting: Waiting,
    sent: Asked,
}

/// The last attempt brought no decision; the next one follows after a pause.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitResend {
    waiting: Waiting,
    pause: Timer,
}

/// The result is on the screen: receipt or not?
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitReceiptChoice {
    told: ending::Told,
    /// A receipt can be had.
    receipt: bool,
    patience: Patience,
}

/// A customer who waits for a decision, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Waiting {
    visit: Visit,
    expires_soon: bool,
    deadline: Timer,
}

/// The point of no return.
pub(super) fn signed(visit: Visit, expires_soon: bool, cx: &mut Cx) -> State {
    cx.record(Record::RequestSigned(visit));
    cx.release(Release::EndCard);
    cx.show(Screen::Sending);
    let sent = cx.ask(Act::Send(visit.request));
    let deadline = cx.arm(Limit::HostDecision);
    cx.act(Act::FileEvidence(visit.request));
    AwaitHostDecision { waiting: Waiting { visit, expires_soon, deadline }, sent }.into()
}

impl Waiting {
    /// A decision: of this visit's request it is the result, of an older one it is only taken.
    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Option<State> {
        cx.decided(request, decision);
        if request != self.visit.request {
            return None;
        }
        cx.disarm(self.deadline);
        Some(self.tell(decision.into(), cx))
    }

    fn pending(self, cx: &mut Cx) -> State {
        cx.record(Record::ToldPending(self.visit));
        self.tell(Outcome::Pending, cx)
    }

    fn tell(self, outcome: Outcome, cx: &mut Cx) -> State {
        tell(
            ending::Told { visit: self.visit, outcome, expires_soon: self.expires_soon, tries_left: None },
            cx,
        )
    }
}

/// Shows the result, and asks for the receipt where one can be printed.
fn tell(told: ending::Told, cx: &mut Cx) -> State {
    let receipt = cx.can_print();
    cx.show(result(told, receipt));
    AwaitReceiptChoice { told, receipt, patience: Patience::begin(Limit::ReceiptChoice, cx) }.into()
}

const fn result(told: ending::Told, receipt: bool) -> Screen {
    Screen::Result { outcome: told.outcome, expires_soon: told.expires_soon, receipt }
}

impl Await for AwaitHostDecision {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::Sending)
    }

    /// The request is durable: the outbox goes on with it after the next start.
    fn stop_now(self, cx: &mut Cx) -> Next {
        cx.disarm(self.waiting.deadline);
        Ok(self.waiting.pending(cx))
    }

    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Next {
        match self.waiting.decided(request, decision, cx) {
            Some(next) => Ok(next),
            None => self.stay(),
        }
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, _cx: &mut Cx) -> Next {
        match event {
            CardEvent::Inserted
            | CardEvent::Mute
            | CardEvent::Removed
            | CardEvent::UnitLost(_)
            | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.sent.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Host(answer) = answer else { return wrong_kind() };
        let request = self.waiting.visit.request;
        match answer {
            HostAnswer::NoDecision(fault) => {
                cx.record(Record::NoDecision { request, fault });
                let pause = cx.arm(Limit::ResendPause);
                Ok(AwaitResend { waiting: self.waiting, pause }.into())
            }
            HostAnswer::WillNot(fault) => {
                cx.record(Record::NoDecision { request, fault });
                cx.disarm(self.waiting.deadline);
                Ok(self.waiting.pending(cx))
            }
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.waiting.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        Ok(self.waiting.pending(cx))
    }
}

impl Await for AwaitResend {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::Sending)
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        cx.disarm(self.waiting.deadline);
        cx.disarm(self.pause);
        Ok(self.waiting.pending(cx))
    }

    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Next {
        match self.waiting.decided(request, decision, cx) {
            Some(next) => {
                cx.disarm(self.pause);
                Ok(next)
            }
            None => self.stay(),
        }
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, _cx: &mut Cx) -> Next {
        match event {
            CardEvent::Inserted
            | CardEvent::Mute
            | CardEvent::Removed
            | CardEvent::UnitLost(_)
            | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if self.pause.is(timer) {
            let sent = cx.ask(Act::AskOrResend(self.waiting.visit.request));
            return Ok(AwaitHostDecision { waiting: self.waiting, sent }.into());
        }
        if self.waiting.deadline.is(timer) {
            cx.disarm(self.pause);
            return Ok(self.waiting.pending(cx));
        }
        self.stale(timer, cx)
    }
}

impl AwaitReceiptChoice {
    fn choose(self, wanted: bool, cx: &mut Cx) -> Next {
        self.patience.end(cx);
        Ok(ending::receipt_chosen(self.told, wanted, cx))
    }
}

impl Await for AwaitReceiptChoice {
    fn screen(&self) -> Option<Screen> {
        Some(result(self.told, self.receipt))
    }

    fn patience(&mut self) -> Option<&mut Patience> {
        Some(&mut self.patience)
    }

    fn time_over(self, cx: &mut Cx) -> Next {
        Ok(ending::receipt_chosen(self.told, false, cx))
    }

    /// The question is withdrawn, or comes back, with the printer. The new screen has no warning on it: its time begins.
    fn printing(mut self, printing: Printing, cx: &mut Cx) -> Next {
        cx.set_printing(printing);
        if self.receipt == cx.can_print() {
            return self.stay();
        }
        self.receipt = cx.can_print();
        self.patience.restart(cx);
        self.show_again(cx)
    }

    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Next {
        cx.decided(request, decision);
        if request != self.told.visit.request {
            return self.stay();
        }
        match self.told.outcome {
            // The customer still stands here: the screen changes from pending to the result.
            Outcome::Pending => {
                self.patience.end(cx);
                Ok(tell(ending::Told { outcome: decision.into(), ..self.told }, cx))
            }
            // The same decision by another way.
            Outcome::Registered
            | Outcome::AlreadyRegistered
            | Outcome::Rejected(_)
            | Outcome::Refused(_)
            | Outcome::Fault(_) => self.stay(),
        }
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match (key, self.receipt) {
            (Key::Yes, true) => self.choose(true, cx),
            (Key::No, true) | (Key::Confirm | Key::No, false) => self.choose(false, cx),
            (Key::Confirm | Key::Cancel | Key::More | Key::Help, true)
            | (Key::Yes | Key::Cancel | Key::More | Key::Help, false) => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, _cx: &mut Cx) -> Next {
        match event {
            CardEvent::Inserted
            | CardEvent::Mute
            | CardEvent::Removed
            | CardEvent::UnitLost(_)
            | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        self.stale(timer, cx)
    }
}
