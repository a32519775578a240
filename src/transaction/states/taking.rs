//! The card on its way back: offered, called for, and only where the bank wants it kept.
//!
//! Invariants:
//! - A card is offered until it is taken, or until nobody can see it any more, or until the unit keeps it.
//! - The unit is asked to keep a card only after the record of it is durable, and only after the reminders that the bank
//!   configured. What the unit then says decides: a card that it could not keep is offered again; when it says nothing,
//!   nobody knows where the card is, and that is recorded.

use crate::machine::{Asked, Await, CardPlace, Cx, Next, Timer, wrong_kind};
use crate::states::ending::{self, AfterCard, Told};
use crate::states::{State, start};
use crate::{
    Act, Answer, CardEvent, Decision, Device, EffectNo, Fault, Key, Limit, Record, Release, RequestId,
    RetainAnswer, Screen, VisitId,
};

/// Whose card it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Whose {
    /// Found at start-up; its owner may be far.
    Found,
    /// The present customer's.
    Customer {
        told: Told,
        /// What is left to do when the card is out.
        then: AfterCard,
    },
}

/// The card is offered to its owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitCardTaken {
    whose: Whose,
    reminder: Timer,
    /// Counted only where they end.
    reminders: u8,
}

/// The unit takes the card in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitRetained {
    whose: Whose,
    /// It left its place: nobody is asked any more to take it.
    gone: bool,
    retain: Asked,
    deadline: Timer,
}

/// Gives the card back to its owner.
pub(super) fn offer(whose: Whose, cx: &mut Cx) -> State {
    if let Whose::Customer { told, .. } = whose {
        cx.record(Record::CardReturning(told.visit));
    }
    cx.release(Release::ReturnCard);
    cx.show(whose.screen());
    AwaitCardTaken { whose, reminder: cx.arm_for_customer(Limit::CardTake), reminders: 0 }.into()
}

impl Whose {
    const fn screen(self) -> Screen {
        match self {
            Self::Found => Screen::TakeFoundCard,
            Self::Customer { .. } => Screen::TakeCard,
        }
    }

    const fn visit(self) -> Option<VisitId> {
        match self {
            Self::Found => None,
            Self::Customer { told, .. } => Some(told.visit.id),
        }
    }

    fn taken(self, cx: &mut Cx) -> Next {
        cx.record(match self {
            Self::Found => Record::FoundCardTaken,
            Self::Customer { told, .. } => Record::CardTaken(told.visit),
        });
        Ok(self.go_on(cx))
    }

    /// Nobody can see any more whether it was taken.
    fn unseen(self, cx: &mut Cx) -> Next {
        match self {
            Self::Found => {}
            Self::Customer { told, .. } => cx.record(Record::CardUnseen(told.visit)),
        }
        Ok(self.go_on(cx))
    }

    fn go_on(self, cx: &mut Cx) -> State {
        match self {
            Self::Found => start::idle(cx),
            Self::Customer { told, then } => ending::after_card(told, then, cx),
        }
    }

    /// A receipt that is still to come says what is known by then.
    fn decided(self, request: RequestId, decision: Decision) -> Self {
        match self {
            Self::Customer { told, then } => {
                Self::Customer { told: then.told(told, request, decision), then }
            }
            Self::Found => self,
        }
    }
}

impl AwaitCardTaken {
    fn remind(self, cx: &mut Cx) -> State {
        cx.record(Record::CardNotTaken(self.whose.visit()));
        cx.release(Release::ReturnCard);
        cx.act(Act::CallToTakeCard);
        let counted = u8::from(cx.policy().retain_after.is_some());
        Self {
            reminder: cx.arm_for_customer(Limit::CardTake),
            reminders: self.reminders.saturating_add(counted),
            ..self
        }
        .into()
    }

    fn retain(self, cx: &mut Cx) -> State {
        cx.record(Record::CardRetaining(self.whose.visit()));
        let retain = cx.ask(Act::RetainCard);
        AwaitRetained { whose: self.whose, gone: false, retain, deadline: cx.arm(Limit::Retain) }.into()
    }
}

impl Await for AwaitCardTaken {
    fn screen(&self) -> Option<Screen> {
        Some(self.whose.screen())
    }

    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Next {
        cx.decided(request, decision);
        Ok(Self { whose: self.whose.decided(request, decision), ..self }.into())
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match (event, self.whose) {
            (CardEvent::Removed, whose) => {
                cx.disarm(self.reminder);
                whose.taken(cx)
            }
            (CardEvent::UnitLost(fault), Whose::Found) => {
                cx.disarm(self.reminder);
                Ok(start::repair(fault, cx))
            }
            (
                CardEvent::UnitLost(_) | CardEvent::Inserted | CardEvent::Mute | CardEvent::UnitBack,
                Whose::Found | Whose::Customer { .. },
            ) => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.reminder.is(timer) {
            return self.stale(timer, cx);
        }
        match cx.place() {
            CardPlace::In | CardPlace::InMute => {
                let enough = cx.policy().retain_after.is_some_and(|most| self.reminders >= most.get());
                Ok(if enough { self.retain(cx) } else { self.remind(cx) })
            }
            // Nobody can see any more whether it was taken, or it went while the unit was away.
            CardPlace::Unknown(_) | CardPlace::Out | CardPlace::Unseen => self.whose.unseen(cx),
        }
    }
}

impl AwaitRetained {
    fn failed(self, fault: Fault, cx: &mut Cx) -> Next {
        cx.record(Record::Fault(fault));
        match cx.place() {
            CardPlace::In | CardPlace::InMute => Ok(offer(self.whose, cx)),
            CardPlace::Unknown(_) | CardPlace::Out | CardPlace::Unseen => self.whose.unseen(cx),
        }
    }
}

impl Await for AwaitRetained {
    fn screen(&self) -> Option<Screen> {
        (!self.gone).then(|| self.whose.screen())
    }

    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Next {
        cx.decided(request, decision);
        Ok(Self { whose: self.whose.decided(request, decision), ..self }.into())
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, _cx: &mut Cx) -> Next {
        match event {
            // Taken at the last moment, or on its way into the bin: the unit's answer tells which.
            CardEvent::Removed => Ok(Self { gone: true, ..self }.into()),
            CardEvent::Inserted | CardEvent::Mute => Ok(Self { gone: false, ..self }.into()),
            CardEvent::UnitLost(_) | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.retain.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Retain(answer) = answer else { return wrong_kind() };
        cx.disarm(self.deadline);
        match answer {
            RetainAnswer::Retained => {
                cx.set_place(CardPlace::Out);
                cx.record(Record::CardRetained(self.whose.visit()));
                Ok(match self.whose {
                    Whose::Found => start::idle(cx),
                    Whose::Customer { told, then } => ending::notice(told, ending::Page::Retained, then, cx),
                })
            }
            RetainAnswer::NoCard => {
                cx.set_place(CardPlace::Out);
                self.whose.taken(cx)
            }
            RetainAnswer::Failed(fault) => self.failed(fault, cx),
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        // It may still move the card, now or later: a person, or the next look into the unit, finds out where it is.
        let fault = Fault::no_answer(Device::CardUnit);
        match (cx.place(), self.whose) {
            (CardPlace::In | CardPlace::InMute, Whose::Found) => {
                cx.set_place(CardPlace::Unknown(fault));
                return Ok(start::repair(fault, cx));
            }
            (CardPlace::In | CardPlace::InMute, Whose::Customer { .. }) => {
                cx.set_place(CardPlace::Unknown(fault))
            }
            (
                CardPlace::Unknown(_) | CardPlace::Out | CardPlace::Unseen,
                Whose::Found | Whose::Customer { .. },
            ) => {}
        }
        cx.record(Record::Fault(fault));
        self.whose.unseen(cx)
    }
}
