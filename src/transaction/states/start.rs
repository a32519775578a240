//! From the start of the process to an idle machine: any card found is powered off first, then returned.

use crate::machine::{Asked, Await, CardPlace, Cx, Next, Timer, wrong_kind};
use crate::states::{State, consent};
use crate::{
    Act, Answer, CardEvent, EffectNo, Fault, Key, Limit, Presence, Record, Recovery, Release, SafeAnswer,
    Screen, Visit,
};

/// The journal is being opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitStart;

/// The card unit is asked to power off any card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitSafe {
    safe: Asked,
    deadline: Timer,
}

/// A card found at start-up is on its way back to its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitFoundCardTaken {
    reminder: Timer,
}

/// The card unit cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitRepair {
    retry: Timer,
}

/// Idle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitCustomer;

impl Await for AwaitStart {
    fn start(self, recovery: Recovery, cx: &mut Cx) -> Next {
        let open = match recovery {
            Recovery::Fresh | Recovery::Clean => alloc::vec::Vec::new(),
            Recovery::Interrupted(open) => open,
        };
        cx.record(Record::Started { interrupted: u32::try_from(open.len()).unwrap_or(u32::MAX) });
        for visit in open {
            cx.record(Record::VisitInterrupted { visit: visit.id, signed: visit.signed });
        }
        let next = make_safe(cx);
        cx.act(Act::DeliverOutbox);
        Ok(next)
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
        self.stale(timer, cx)
    }
}

impl Await for AwaitSafe {
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
        if !self.safe.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Safe(answer) = answer else { return wrong_kind() };
        cx.disarm(self.deadline);
        match answer {
            SafeAnswer::Safe(Presence::Empty) => {
                cx.set_place(CardPlace::Out);
                cx.record(Record::CardUnitReady);
                Ok(idle(cx))
            }
            SafeAnswer::Safe(Presence::CardInside) => {
                cx.set_place(CardPlace::In);
                cx.record(Record::CardFoundAtStart);
                cx.release(Release::ReturnCard);
                cx.show(Screen::TakeFoundCard);
                Ok(AwaitFoundCardTaken { reminder: cx.arm(Limit::CardTake) }.into())
            }
            SafeAnswer::Failed(fault) => Ok(repair(fault, cx)),
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        Ok(repair(Fault::no_answer(crate::Device::CardUnit), cx))
    }
}

impl Await for AwaitFoundCardTaken {
    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            CardEvent::Removed => {
                cx.disarm(self.reminder);
                cx.record(Record::FoundCardTaken);
                Ok(idle(cx))
            }
            CardEvent::UnitLost(fault) => {
                cx.disarm(self.reminder);
                Ok(repair(fault, cx))
            }
            CardEvent::Inserted | CardEvent::Mute | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.reminder.is(timer) {
            return self.stale(timer, cx);
        }
        cx.record(Record::CardNotTaken(None));
        cx.release(Release::ReturnCard);
        Ok(Self { reminder: cx.arm(Limit::CardTake) }.into())
    }
}

impl Await for AwaitRepair {
    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            CardEvent::UnitBack => {
                cx.disarm(self.retry);
                Ok(make_safe(cx))
            }
            CardEvent::Inserted | CardEvent::Mute | CardEvent::Removed | CardEvent::UnitLost(_) => {
                self.stay()
            }
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.retry.is(timer) {
            return self.stale(timer, cx);
        }
        Ok(make_safe(cx))
    }
}

impl Await for AwaitCustomer {
    fn begin(self, visit: Visit, cx: &mut Cx) -> Next {
        cx.record(Record::VisitOpened(visit));
        Ok(consent::fetch_challenge(visit, cx))
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            CardEvent::UnitLost(fault) => Ok(repair(fault, cx)),
            CardEvent::Inserted | CardEvent::Mute | CardEvent::Removed | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        self.stale(timer, cx)
    }
}

/// Idle, or out of order when the card unit is lost.
pub(super) fn idle(cx: &mut Cx) -> State {
    match cx.place() {
        CardPlace::Unknown(fault) => repair(fault, cx),
        CardPlace::Unseen | CardPlace::Out | CardPlace::In | CardPlace::InMute => {
            cx.show(Screen::Menu);
            AwaitCustomer.into()
        }
    }
}

fn make_safe(cx: &mut Cx) -> State {
    let safe = cx.ask_release(Release::MakeSafe);
    AwaitSafe { safe, deadline: cx.arm(Limit::MakeSafe) }.into()
}

fn repair(fault: Fault, cx: &mut Cx) -> State {
    cx.record(Record::Fault(fault));
    cx.show(Screen::CardUnitDown { fault });
    AwaitRepair { retry: cx.arm(Limit::RepairPause) }.into()
}
