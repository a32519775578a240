//! From the start of the process to an idle machine: any card found is powered off first, then returned.

use crate::machine::{Asked, Await, CardPlace, Cx, Next, Timer, wrong_kind};
use crate::states::{State, consent, taking};
use crate::{
    Act, Answer, CardEvent, Closed, EffectNo, Fault, Key, LanguageNo, Limit, Presence, Record, Recovery,
    Release, SafeAnswer, Screen, Visit,
};

/// The journal is being opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitStart;

/// The card unit is asked to power off any card.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitSafe {
    safe: Asked,
    deadline: Timer,
}

/// The card unit cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitRepair {
    fault: Fault,
    retry: Timer,
}

/// Idle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitCustomer {
    /// Who chose a language and went away leaves the menu in it until then.
    language_back: Option<Timer>,
    /// A card that came in, and nobody began: it goes back, so that it does not meet the next customer's PIN.
    forgotten: Option<Timer>,
}

/// Nobody is served until an operator wants it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct AwaitOrder {
    why: Closed,
}

impl Await for AwaitStart {
    fn screen(&self) -> Option<Screen> {
        None
    }

    fn start(self, recovery: Recovery, cx: &mut Cx) -> Next {
        let open = match recovery {
            Recovery::Fresh | Recovery::Clean => alloc::vec::Vec::new(),
            Recovery::Interrupted(open) => open,
            Recovery::Corrupt(fault) => {
                cx.close_for(Closed::Fault(fault));
                alloc::vec::Vec::new()
            }
        };
        cx.record(Record::Started { interrupted: u32::try_from(open.len()).unwrap_or(u32::MAX) });
        for visit in open {
            cx.record(Record::VisitInterrupted { visit: visit.id, signed: visit.signed });
        }
        cx.show(Screen::Starting);
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
    fn screen(&self) -> Option<Screen> {
        None
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            // The answer that is awaited may be older than this: it is asked for again.
            CardEvent::Inserted | CardEvent::Mute | CardEvent::Removed => {
                cx.disarm(self.deadline);
                Ok(make_safe(cx))
            }
            CardEvent::UnitLost(_) | CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next {
        if !self.safe.is(to) {
            return self.stale(to, cx);
        }
        let Answer::Safe(answer) = answer else { return wrong_kind() };
        cx.disarm(self.deadline);
        match answer {
            SafeAnswer::Safe(found) => match (cx.place(), found) {
                // It looked, and was lost before it was heard.
                (CardPlace::Unknown(fault), Presence::Empty | Presence::CardInside) => Ok(repair(fault, cx)),
                (CardPlace::Unseen | CardPlace::Out | CardPlace::In | CardPlace::InMute, Presence::Empty) => {
                    cx.set_place(CardPlace::Out);
                    cx.record(Record::CardUnitReady);
                    Ok(idle(cx))
                }
                (
                    CardPlace::Unseen | CardPlace::Out | CardPlace::In | CardPlace::InMute,
                    Presence::CardInside,
                ) => {
                    cx.set_place(CardPlace::In);
                    cx.record(Record::CardFoundAtStart);
                    Ok(taking::offer(taking::Whose::Found, cx))
                }
            },
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

impl Await for AwaitRepair {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::CardUnitDown { fault: self.fault })
    }

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

    fn stop_now(self, cx: &mut Cx) -> Next {
        self.stop_soon(cx)
    }

    fn stop_soon(self, cx: &mut Cx) -> Next {
        cx.disarm(self.retry);
        Ok(out_of_service(cx.closing().unwrap_or(Closed::Stopped), cx))
    }
}

impl AwaitCustomer {
    fn leave(self, cx: &mut Cx) {
        for timer in [self.language_back, self.forgotten].into_iter().flatten() {
            cx.disarm(timer);
        }
    }

    /// The card that is inside has so long until its owner begins.
    fn card_came(self, cx: &mut Cx) -> Self {
        let inside = matches!(cx.place(), CardPlace::In | CardPlace::InMute);
        let forgotten = self.forgotten.or_else(|| inside.then(|| cx.arm(Limit::CardTake)));
        Self { forgotten, ..self }
    }

    /// Nobody began: its owner is called, or went away.
    fn give_back(self, cx: &mut Cx) -> Self {
        cx.record(Record::CardNotTaken(None));
        cx.release(Release::ReturnCard);
        cx.act(Act::CallToTakeCard);
        Self { forgotten: None, ..self }.card_came(cx)
    }
}

impl Await for AwaitCustomer {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::Menu)
    }

    fn begin(self, visit: Visit, cx: &mut Cx) -> Next {
        self.leave(cx);
        cx.record(Record::VisitOpened(visit));
        cx.act(Act::LookAtPrinter);
        Ok(consent::fetch_challenge(visit, cx))
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn language(self, language: LanguageNo, cx: &mut Cx) -> Next {
        if let Some(timer) = self.language_back {
            cx.disarm(timer);
        }
        cx.record(Record::LanguageChosen(language));
        cx.use_language(language);
        let language_back = (language != LanguageNo::OWN).then(|| cx.arm(Limit::MenuLanguage));
        Self { language_back, ..self }.show_again(cx)
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            CardEvent::UnitLost(fault) => {
                self.leave(cx);
                Ok(repair(fault, cx))
            }
            CardEvent::Inserted | CardEvent::Mute => Ok(self.card_came(cx).into()),
            CardEvent::Removed => {
                if let Some(timer) = self.forgotten {
                    cx.disarm(timer);
                }
                Ok(Self { forgotten: None, ..self }.into())
            }
            CardEvent::UnitBack => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        if self.forgotten.is_some_and(|forgotten| forgotten.is(timer)) {
            return Ok(self.give_back(cx).into());
        }
        if !self.language_back.is_some_and(|back| back.is(timer)) {
            return self.stale(timer, cx);
        }
        cx.forget_customer();
        Self { language_back: None, ..self }.show_again(cx)
    }

    fn stop_now(self, cx: &mut Cx) -> Next {
        self.stop_soon(cx)
    }

    fn stop_soon(self, cx: &mut Cx) -> Next {
        self.leave(cx);
        Ok(out_of_service(cx.closing().unwrap_or(Closed::Stopped), cx))
    }
}

impl Await for AwaitOrder {
    fn screen(&self) -> Option<Screen> {
        Some(Screen::OutOfService { why: self.why })
    }

    fn key(self, key: Key, cx: &mut Cx) -> Next {
        self.ignore(key, cx)
    }

    fn card(self, event: CardEvent, cx: &mut Cx) -> Next {
        match event {
            // Nobody is served: a card that comes in, or is seen again when the unit is back, goes back.
            CardEvent::Inserted | CardEvent::Mute => {
                cx.release(Release::ReturnCard);
                cx.act(Act::CallToTakeCard);
                self.stay()
            }
            // What is inside, the unit says next.
            CardEvent::UnitBack => {
                cx.release(Release::MakeSafe);
                self.stay()
            }
            CardEvent::Removed | CardEvent::UnitLost(_) => self.stay(),
        }
    }

    fn answer(self, to: EffectNo, _answer: Answer, cx: &mut Cx) -> Next {
        self.stale(to, cx)
    }

    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next {
        self.stale(timer, cx)
    }

    /// Said again: a process that is to end when nobody is served waits for it.
    fn stop_now(self, cx: &mut Cx) -> Next {
        self.show_again(cx)
    }

    fn stop_soon(self, cx: &mut Cx) -> Next {
        self.show_again(cx)
    }

    fn resume(self, cx: &mut Cx) -> Next {
        Ok(make_safe(cx))
    }
}

/// Idle, or out of order when the card unit is lost, or out of service when that is wanted.
pub(super) fn idle(cx: &mut Cx) -> State {
    cx.forget_customer();
    if let Some(why) = cx.closing() {
        return out_of_service(why, cx);
    }
    match cx.place() {
        CardPlace::Unknown(fault) => repair(fault, cx),
        CardPlace::Unseen | CardPlace::Out | CardPlace::In | CardPlace::InMute => {
            cx.show(Screen::Menu);
            AwaitCustomer { language_back: None, forgotten: None }.card_came(cx).into()
        }
    }
}

/// A card that may be inside is let go first: nobody will ask for it.
fn out_of_service(why: Closed, cx: &mut Cx) -> State {
    cx.record(Record::OutOfService(why));
    match cx.place() {
        CardPlace::Out => {}
        CardPlace::In | CardPlace::InMute => cx.release(Release::ReturnCard),
        CardPlace::Unseen | CardPlace::Unknown(_) => {
            cx.release(Release::MakeSafe);
            cx.release(Release::ReturnCard);
        }
    }
    cx.show(Screen::OutOfService { why });
    AwaitOrder { why }.into()
}

fn make_safe(cx: &mut Cx) -> State {
    cx.set_place(CardPlace::Unseen);
    let safe = cx.ask_release(Release::MakeSafe);
    AwaitSafe { safe, deadline: cx.arm(Limit::MakeSafe) }.into()
}

pub(super) fn repair(fault: Fault, cx: &mut Cx) -> State {
    cx.record(Record::Fault(fault));
    if let Some(why) = cx.closing() {
        return out_of_service(why, cx);
    }
    cx.show(Screen::CardUnitDown { fault });
    AwaitRepair { fault, retry: cx.arm(Limit::RepairPause) }.into()
}
