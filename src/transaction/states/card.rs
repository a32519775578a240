//! The card comes in and everything that can be known before the PIN is found out: certificate, dates, tries.

use crate::machine::{Asked, Await, CardPlace, Cx, Next, Timer, wrong_kind};
use crate::patience::Patience;
use crate::states::{State, ending, pin};
use crate::{
    Act, Answer, CardAnswer, CardEvent, Device, EffectNo, Fault, Key, Limit, Outcome, PinAt, PrepareAnswer,
    Record, Refusal, Screen, Tries, TriesLeft, Visit,
};

/// The customer is asked for the card.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitCard {
    visit: Visit,
    patience: Patience,
}

/// The customer is asked for the card, and the card unit is away: it gets a moment to come back.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitCardUnit {
    visit: Visit,
    fault: Fault,
    deadline: Timer,
}

/// The card is being read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitCardRead {
    visit: Visit,
    read: Asked,
    deadline: Timer,
}

/// The bytes to be signed are being made. No deadline: this machine's own memory and processor answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitPrepared {
    visit: Visit,
    prepare: Asked,
    tries_left: TriesLeft,
    expires_soon: bool,
    pin_at: PinAt,
}

/// After consent: read the card that is in, or ask for one.
pub(super) fn ask_card(visit: Visit, cx: &mut Cx) -> State {
    match cx.place() {
        CardPlace::In => read_card(visit, cx),
        CardPlace::InMute => ending::stop(visit, Outcome::Refused(Refusal::CardUnreadable), cx),
        CardPlace::Unknown(fault) => {
            cx.show(Screen::InsertCard);
            await_unit(visit, fault, cx)
        }
        CardPlace::Out | CardPlace::Unseen => {
            cx.show(Screen::InsertCard);
            await_card(visit, cx)
        }
    }
}

fn await_card(visit: Visit, cx: &mut Cx) -> State {
    AwaitCard { visit, patience: Patience::begin(Limit::InsertCard, cx) }.into()
}

fn await_unit(visit: Visit, fault: Fault, cx: &mut Cx) -> State {
    AwaitCardUnit { visit, fault, deadline: cx.arm(Limit::MakeSafe) }.into()
}

fn read_card(visit: Visit, cx: &mut Cx) -> State {
    cx.show(Screen::Reading);
    let read = cx.ask(Act::ReadCard(visit));
    AwaitCardRead { visit, read, deadline: cx.arm(Limit::CardRead) }.into()
}

impl AwaitCard {
    fn stop(self, outcome: Outcome, cx: &mut Cx) -> Next {
        self.patience.end(cx);
        Ok(ending::stop(self.visit, outcome, cx))
    }
}

impl Await for AwaitCard {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::InsertCard)
    }

    fn patience(&mut self) -> Option<&mut Patience> {
        Some(&mut self.patience)
    }

    fn time_over(self, cx: &mut Cx) -> Next {
        Ok(ending::stop(self.visit, Outcome::Refused(Refusal::TimedOut), cx))
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        self.stop(Outcome::Refused(Refusal::ServiceStopped), cx)
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Cancel => self.stop(Outcome::Refused(Refusal::Cancelled), cx),
            Key::Confirm | Key::Yes | Key::No | Key::More | Key::Help => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            CardEvent::Inserted => {
                self.patience.end(cx);
                Ok(read_card(self.visit, cx))
            }
            CardEvent::Mute => self.stop(Outcome::Refused(Refusal::CardUnreadable), cx),
            CardEvent::UnitLost(fault) => {
                self.patience.end(cx);
                Ok(await_unit(self.visit, fault, cx))
            }
            CardEvent::Removed | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        self.stale(timer, cx)
    }
}

impl AwaitCardUnit {
    fn stop(self, refusal: Refusal, cx: &mut Cx) -> Next {
        cx.disarm(self.deadline);
        Ok(ending::stop(self.visit, Outcome::Refused(refusal), cx))
    }
}

impl Await for AwaitCardUnit {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::InsertCard)
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        self.stop(Refusal::ServiceStopped, cx)
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Cancel => self.stop(Refusal::Cancelled, cx),
            Key::Confirm | Key::Yes | Key::No | Key::More | Key::Help => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            CardEvent::Inserted => {
                cx.disarm(self.deadline);
                Ok(read_card(self.visit, cx))
            }
            CardEvent::Mute => self.stop(Refusal::CardUnreadable, cx),
            CardEvent::Removed => {
                cx.disarm(self.deadline);
                Ok(await_card(self.visit, cx))
            }
            // What is inside, the unit says next.
            CardEvent::UnitBack | CardEvent::UnitLost(_) => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        Ok(ending::stop(self.visit, Outcome::Fault(self.fault), cx))
    }
}

impl AwaitCardRead {
    fn stop(self, outcome: Outcome, cx: &mut Cx) -> Next {
        cx.disarm(self.deadline);
        Ok(ending::stop(self.visit, outcome, cx))
    }
}

impl Await for AwaitCardRead {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::Reading)
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        self.stop(Outcome::Refused(Refusal::ServiceStopped), cx)
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Cancel => self.stop(Outcome::Refused(Refusal::Cancelled), cx),
            Key::Confirm | Key::Yes | Key::No | Key::More | Key::Help => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            CardEvent::Removed => self.stop(Outcome::Refused(Refusal::CardRemoved), cx),
            CardEvent::Mute => self.stop(Outcome::Refused(Refusal::CardUnreadable), cx),
            CardEvent::UnitLost(fault) => self.stop(Outcome::Fault(fault), cx),
            CardEvent::Inserted | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.read.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Card(answer) = answer else { return wrong_kind() };
        match answer {
            CardAnswer::Read { tries, expires_soon, pin_at } => {
                cx.record(Record::CardRead { visit: self.visit, tries, expires_soon });
                match tries {
                    Tries::Blocked => self.stop(Outcome::Refused(Refusal::PinLocked), cx),
                    Tries::Left(tries_left) => {
                        cx.disarm(self.deadline);
                        let prepare = cx.ask(Act::Prepare(self.visit));
                        let visit = self.visit;
                        Ok(AwaitPrepared { visit, prepare, tries_left, expires_soon, pin_at }.into())
                    }
                }
            }
            CardAnswer::Refused(refusal) => self.stop(Outcome::Refused(refusal), cx),
            CardAnswer::Failed(fault) => self.stop(Outcome::Fault(fault), cx),
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if !self.deadline.is(timer) {
            return self.stale(timer, cx);
        }
        Ok(ending::stop(self.visit, Outcome::Fault(Fault::no_answer(Device::CardUnit)), cx))
    }
}

impl Await for AwaitPrepared {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::Reading)
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        Ok(ending::stop(self.visit, Outcome::Refused(Refusal::ServiceStopped), cx))
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        match key {
            Key::Cancel => Ok(ending::stop(self.visit, Outcome::Refused(Refusal::Cancelled), cx)),
            Key::Confirm | Key::Yes | Key::No | Key::More | Key::Help => self.ignore(key, cx),
        }
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            CardEvent::Removed => Ok(ending::stop(self.visit, Outcome::Refused(Refusal::CardRemoved), cx)),
            CardEvent::Mute => Ok(ending::stop(self.visit, Outcome::Refused(Refusal::CardUnreadable), cx)),
            CardEvent::UnitLost(fault) => Ok(ending::stop(self.visit, Outcome::Fault(fault), cx)),
            CardEvent::Inserted | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.prepare.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Prepare(answer) = answer else { return wrong_kind() };
        match answer {
            PrepareAnswer::Ready => {
                cx.record(Record::Prepared(self.visit));
                let Self { visit, expires_soon, pin_at, tries_left, .. } = self;
                let tries_at_first = tries_left;
                let empty = pin::Empty::default();
                let holder = pin::Holder { visit, expires_soon, pin_at, tries_at_first, empty };
                Ok(pin::ask_pin(holder, tries_left, cx))
            }
            PrepareAnswer::Refused(refusal) => Ok(ending::stop(self.visit, Outcome::Refused(refusal), cx)),
            PrepareAnswer::Failed(fault) => Ok(ending::stop(self.visit, Outcome::Fault(fault), cx)),
        }
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        self.stale(timer, cx)
    }
}
