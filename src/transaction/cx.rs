//! What is true in every state, and what a step collects: records, effects, numbers.
//!
//! Invariant: a number is given out once in a process.

use alloc::{vec, vec::Vec};

use crate::machine::{Broken, Policy};
use crate::{
    Act, CardEvent, Closed, Decision, Effect, EffectNo, Fault, LanguageNo, Limit, Mode, Numbered, Order,
    Pace, Printing, Record, Release, RequestId, Screen,
};

/// Where the card is, as far as the unit has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CardPlace {
    /// Nobody has looked yet: an earlier process may have left one inside.
    Unseen,
    /// Not in the unit.
    Out,
    /// In the unit.
    In,
    /// In the unit, and its chip does not answer.
    InMute,
    /// The unit is lost.
    Unknown(Fault),
}

/// What is true in every state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shared {
    policy: Policy,
    next_no: u32,
    place: CardPlace,
    printing: Printing,
    mode: Mode,
    language: LanguageNo,
    /// Why nobody is served after the present visit.
    closing: Option<Closed>,
}

/// A question whose answer a state awaits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Asked(EffectNo);

/// A deadline that a state has armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Timer(EffectNo);

impl Shared {
    /// Nobody has come yet.
    pub(crate) const fn new(policy: Policy) -> Self {
        Self {
            policy,
            next_no: 0,
            place: CardPlace::Unseen,
            printing: Printing::Possible,
            mode: Mode::Screen,
            language: LanguageNo::OWN,
            closing: None,
        }
    }

    pub(crate) const fn mode(&self) -> Mode {
        self.mode
    }
}

/// Collects what a step records and does.
#[derive(Debug)]
pub(crate) struct Cx {
    pub(crate) shared: Shared,
    pub(crate) records: Vec<Record>,
    pub(crate) effects: Vec<Numbered<Effect>>,
}

impl Cx {
    pub(crate) const fn new(shared: Shared) -> Self {
        Self { shared, records: Vec::new(), effects: Vec::new() }
    }

    pub(crate) const fn policy(&self) -> Policy {
        self.shared.policy
    }

    pub(crate) fn place(&self) -> CardPlace {
        self.shared.place
    }

    pub(crate) fn set_place(&mut self, place: CardPlace) {
        self.shared.place = place;
    }

    pub(crate) fn can_print(&self) -> bool {
        self.shared.printing == Printing::Possible
    }

    pub(crate) fn set_printing(&mut self, printing: Printing) {
        if self.shared.printing != printing {
            self.shared.printing = printing;
            self.record(Record::Printing(printing));
        }
    }

    pub(crate) fn set_mode(&mut self, mode: Mode) {
        self.shared.mode = mode;
        self.record(Record::ModeChosen(mode));
    }

    pub(crate) fn use_language(&mut self, language: LanguageNo) {
        self.shared.language = language;
        self.act(Act::UseLanguage(language));
    }

    /// The next customer begins as every customer does: in the machine's own language, by the screen.
    pub(crate) fn forget_customer(&mut self) {
        self.shared.mode = Mode::Screen;
        if self.shared.language != LanguageNo::OWN {
            self.use_language(LanguageNo::OWN);
        }
    }

    /// Why nobody is served after the present visit.
    pub(crate) fn closing(&self) -> Option<Closed> {
        self.shared.closing
    }

    /// Nobody is served until an operator wants it.
    pub(crate) fn close_for(&mut self, why: Closed) {
        self.shared.closing = Some(why);
    }

    pub(crate) fn ordered(&mut self, order: Order) {
        self.record(Record::Ordered(order));
        match order {
            // What a person must look at first stays the reason.
            Order::StopAfterVisit | Order::StopNow => {
                self.shared.closing = self.shared.closing.or(Some(Closed::Stopped));
            }
            Order::Resume => self.shared.closing = None,
        }
    }

    pub(crate) fn record(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Gives out an effect that has no answer.
    pub(crate) fn act(&mut self, act: Act) {
        self.push(Effect::Act(act));
    }

    /// Gives out an effect whose answer will be awaited.
    pub(crate) fn ask(&mut self, act: Act) -> Asked {
        Asked(self.push(Effect::Act(act)))
    }

    pub(crate) fn release(&mut self, release: Release) {
        self.push(Effect::Release(release));
    }

    pub(crate) fn ask_release(&mut self, release: Release) -> Asked {
        Asked(self.push(Effect::Release(release)))
    }

    pub(crate) fn show(&mut self, screen: Screen) {
        self.act(Act::Show(screen));
    }

    pub(crate) fn arm(&mut self, limit: Limit) -> Timer {
        Timer(self.push(Effect::Act(Act::Arm(limit, Pace::Usual))))
    }

    /// A limit of the customer's: who listens instead of reading has twice the time.
    pub(crate) fn arm_for_customer(&mut self, limit: Limit) -> Timer {
        let pace = match self.shared.mode {
            Mode::Screen => Pace::Usual,
            Mode::Voice => Pace::Slow,
        };
        Timer(self.push(Effect::Act(Act::Arm(limit, pace))))
    }

    pub(crate) fn disarm(&mut self, timer: Timer) {
        self.act(Act::Disarm(timer.0));
    }

    /// The card unit noticed something: the place is kept and the event recorded, whatever the state.
    pub(crate) fn card(&mut self, event: CardEvent) {
        self.record(Record::Card(event));
        self.shared.place = match event {
            CardEvent::Inserted => CardPlace::In,
            CardEvent::Mute => CardPlace::InMute,
            CardEvent::Removed => CardPlace::Out,
            CardEvent::UnitLost(fault) => CardPlace::Unknown(fault),
            // What is inside, the unit says next.
            CardEvent::UnitBack => self.shared.place,
        };
    }

    pub(crate) fn decided(&mut self, request: RequestId, decision: Decision) {
        self.record(Record::Decided { request, decision });
        self.act(Act::FileEvidence(request));
    }

    pub(crate) fn stale(&mut self, to: EffectNo) -> Result<(), Broken> {
        if to.0 >= self.shared.next_no {
            return Err(Broken("an answer quotes an effect that was never given out"));
        }
        self.record(Record::Stale { to });
        Ok(())
    }

    fn push(&mut self, what: Effect) -> EffectNo {
        let no = EffectNo(self.shared.next_no);
        // A process gives out some fifty numbers a visit: four billion are never used up.
        self.shared.next_no = self.shared.next_no.saturating_add(1);
        self.effects.push(Numbered { no, what });
        no
    }

    /// What may be done when nothing else may.
    pub(crate) fn rescue(&mut self) -> Vec<Numbered<Release>> {
        let mut all = vec![Release::ForgetPin, Release::EndCard];
        match self.shared.place {
            CardPlace::Unseen => all.extend([Release::MakeSafe, Release::ReturnCard]),
            CardPlace::In | CardPlace::InMute | CardPlace::Unknown(_) => all.push(Release::ReturnCard),
            CardPlace::Out => {}
        }
        all.push(Release::OutOfService);
        let first = self.shared.next_no;
        (first..).zip(all).map(|(no, what)| Numbered { no: EffectNo(no), what }).collect()
    }
}

impl Asked {
    /// Whether an answer to `to` is the awaited one.
    pub(crate) fn is(self, to: EffectNo) -> bool {
        self.0 == to
    }
}

impl Timer {
    /// Whether it was this deadline that ended.
    pub(crate) fn is(self, timer: EffectNo) -> bool {
        self.0 == timer
    }
}
