//! After the point of no return: the signed request is durable, and goes to the host until there is a decision.
//!
//! Invariants: the keys are off until there is a result; the customer is told what the host signed, or that it is
//! pending, never anything else.

use crate::machine::{Asked, Await, Cx, Next, Timer, wrong_kind};
use crate::states::{State, ending};
use crate::{
    Act, Answer, CardEvent, Decision, EffectNo, HostAnswer, Key, Limit, Outcome, Record, Release, RequestId,
    Screen, Visit,
};

/// The request is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitHostDecision {
    waiting: Waiting,
    sent: Asked,
}

/// The last attempt brought no decision; the next one follows after a pause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitResend {
    waiting: Waiting,
    pause: Timer,
}

/// The result is on the screen: receipt or not?
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitReceiptChoice {
    told: ending::Told,
    deadline: Timer,
}

/// A customer who waits for a decision, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        let told = ending::Told { visit: self.visit, outcome, expires_soon: self.expires_soon };
        cx.show(Screen::Result { outcome, expires_soon: self.expires_soon });
        AwaitReceiptChoice { told, deadline: cx.arm(Limit::ReceiptChoice) }.into()
    }
}

impl Await for AwaitHostDecision {
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
        cx.disarm(self.deadline);
        Ok(ending::receipt_chosen(self.told, wanted, cx))
    }
}

impl Await for AwaitReceiptChoice {
    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Next {
        cx.decided(request, decision);
        if request != self.told.visit.request {
            return self.stay();
        }
        match self.told.outcome {
            // The customer still stands here: the screen changes from pending to the result.
            Outcome::Pending => {
                cx.disarm(self.deadline);
                let told = ending::Told { outcome: decision.into(), ..self.told };
                cx.show(Screen::Result { outcome: told.outcome, expires_soon: told.expires_soon });
                Ok(Self { told, deadline: cx.arm(Limit::ReceiptChoice) }.into())
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
        match key {
            Key::Yes => self.choose(true, cx),
            Key::No => self.choose(false, cx),
            Key::Confirm | Key::Cancel => self.ignore(key, cx),
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
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        Ok(ending::receipt_chosen(self.told, false, cx))
    }
}
