//! The machine: one state at a time, consumed by each event.
//!
//! Invariant: this file decides what holds in every state (where the card is, which numbers were given out); all
//! that depends on the state is in `states/`, one method for each kind of event, without a catch-all.

use alloc::{vec, vec::Vec};

use crate::states::State;
use crate::{
    Act, Answer, CardEvent, Decision, Effect, EffectNo, Event, Fault, Key, Limit, Numbered, Record, Recovery,
    Release, RequestId, Screen, Step, Violation, Visit,
};

/// What the bank may choose about a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Which comes back first.
    pub return_order: ReturnOrder,
}

/// The order of card and receipt at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnOrder {
    /// The receipt is printed, then the card comes back.
    ReceiptThenCard,
    /// The card comes back, and when it is taken the receipt is printed.
    CardThenReceipt,
}

/// Where the card is, as far as the unit has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// One customer's visit at a time, from the start of the process on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    shared: Shared,
    state: State,
}

/// What is true in every state.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shared {
    policy: Policy,
    next_no: u32,
    place: CardPlace,
}

/// A question whose answer a state awaits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked(EffectNo);

/// A deadline that a state has armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer(EffectNo);

/// Our bug, in words; becomes a [`Violation`].
#[derive(Debug)]
pub(crate) struct Broken(&'static str);

/// The state after an event.
pub(crate) type Next = Result<State, Broken>;

/// What a state does with each kind of event. Kinds without a default depend on the state.
pub(crate) trait Await: Into<State> + Sized {
    /// Sorts the event by its kind.
    fn on(self, event: Event, cx: &mut Cx) -> Next {
        match event {
            Event::Start(recovery) => self.start(recovery, cx),
            Event::Begin(visit) => self.begin(visit, cx),
            Event::Key(key) => self.key(key, cx),
            Event::Card(event) => {
                cx.card(event);
                self.card(event, cx)
            }
            Event::Answer { to, answer } => self.answer(to, answer, cx),
            Event::Expired(timer) => self.expired(timer, cx),
            Event::HostDecided { request, decision } => self.decided(request, decision, cx),
            Event::Fault(fault) => self.fault(fault, cx),
            Event::OutboxPassed { left } => self.outbox_passed(left, cx),
        }
    }

    /// A key of the customer.
    fn key(self, key: Key, cx: &mut Cx) -> Next;
    /// The card unit noticed something; place and record are already up to date.
    fn card(self, event: CardEvent, cx: &mut Cx) -> Next;
    /// An effect has an answer.
    fn answer(self, to: EffectNo, answer: Answer, cx: &mut Cx) -> Next;
    /// A deadline is over.
    fn expired(self, timer: EffectNo, cx: &mut Cx) -> Next;

    /// The journal is open: once, in the first state.
    fn start(self, _recovery: Recovery, _cx: &mut Cx) -> Next {
        Err(Broken("started twice"))
    }

    /// The service is chosen: only an idle machine begins a visit, elsewhere it is a second press.
    fn begin(self, visit: Visit, cx: &mut Cx) -> Next {
        cx.record(Record::BeginIgnored(visit));
        Ok(self.into())
    }

    /// A decision is always taken. Where nobody waits for it, taking it is all.
    fn decided(self, request: RequestId, decision: Decision, cx: &mut Cx) -> Next {
        cx.decided(request, decision);
        Ok(self.into())
    }

    /// A fault that answers no question: recorded. What a state depends on fails by its answer or its deadline.
    fn fault(self, fault: Fault, cx: &mut Cx) -> Next {
        cx.record(Record::Fault(fault));
        Ok(self.into())
    }

    /// The outbox works beside the visits.
    fn outbox_passed(self, left: u32, cx: &mut Cx) -> Next {
        cx.record(Record::OutboxPassed { left });
        Ok(self.into())
    }

    /// For keys that mean nothing here.
    fn ignore(self, key: Key, cx: &mut Cx) -> Next {
        cx.record(Record::KeyIgnored(key));
        Ok(self.into())
    }

    /// For what changes nothing.
    fn stay(self) -> Next {
        Ok(self.into())
    }

    /// For an answer that no question of this state has, and for deadlines of states that are over.
    fn stale(self, to: EffectNo, cx: &mut Cx) -> Next {
        cx.stale(to)?;
        Ok(self.into())
    }
}

impl Machine {
    /// A machine that awaits [`Event::Start`].
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { shared: Shared { policy, next_no: 0, place: CardPlace::Unseen }, state: State::first() }
    }

    /// The name of the state: that of its struct.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.state.name()
    }

    /// Gives up: nothing can be recorded any more. What may still be done.
    #[must_use]
    pub fn abandon(self) -> Vec<Numbered<Release>> {
        Cx { shared: self.shared, records: Vec::new(), effects: Vec::new() }.rescue()
    }

    /// Takes one event.
    ///
    /// # Errors
    /// A [`Violation`] when the event cannot happen here: a bug of ours, after which there is no machine.
    pub fn handle(self, event: Event) -> Result<Step, Violation> {
        let state_name = self.state.name();
        let mut cx = Cx { shared: self.shared, records: Vec::new(), effects: Vec::new() };
        match self.state.on(event, &mut cx) {
            Ok(state) => {
                let rescue = cx.rescue();
                Ok(Step::seal(Self { shared: cx.shared, state }, cx.records, cx.effects, rescue))
            }
            Err(Broken(report)) => Err(Violation { state: state_name, report, release: cx.rescue() }),
        }
    }
}

/// Collects what a step records and does.
#[derive(Debug)]
pub(crate) struct Cx {
    shared: Shared,
    records: Vec<Record>,
    effects: Vec<Numbered<Effect>>,
}

impl Cx {
    pub(crate) fn policy(&self) -> Policy {
        self.shared.policy
    }

    pub(crate) fn place(&self) -> CardPlace {
        self.shared.place
    }

    pub(crate) fn set_place(&mut self, place: CardPlace) {
        self.shared.place = place;
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
        Timer(self.push(Effect::Act(Act::Arm(limit))))
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

    fn stale(&mut self, to: EffectNo) -> Result<(), Broken> {
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
    fn rescue(&mut self) -> Vec<Numbered<Release>> {
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

/// The answer's number fits the question and its kind does not.
pub(crate) fn wrong_kind() -> Next {
    Err(Broken("an answer of another kind than the question"))
}
