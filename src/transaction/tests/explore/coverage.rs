//! What has occurred in an exploration: a law about something that never happens would hold for nothing.

use std::collections::BTreeSet;

use transaction::*;

/// States with the kinds of events that came to them, and kinds of effects that were done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coverage {
    states: Vec<State>,
    acts: u32,
    releases: u32,
}

/// A state of the machine that occurred.
#[derive(Debug, Clone, Copy)]
struct State {
    name: &'static str,
    /// One bit for each kind of event that came.
    events: u32,
    /// One bit for each state that followed, by its place in the list.
    nexts: u32,
}

// As many kinds as the enums have. A new one breaks the build here.
const EVENTS: u32 = 19;
const ACTS: u32 = 23;
const RELEASES: u32 = 5;

impl Coverage {
    pub(crate) fn event(&mut self, state: &'static str, event: &Event) {
        let kind = match event {
            Event::Start(_) => 0,
            Event::Begin(_) => 1,
            Event::Key(_) => 2,
            Event::Language(_) => 3,
            Event::Mode(_) => 4,
            Event::PadTouched => 5,
            Event::Order(_) => 6,
            Event::Printing(_) => 7,
            Event::Card(event) => match event {
                CardEvent::Inserted => 8,
                CardEvent::Mute => 9,
                CardEvent::Removed => 10,
                CardEvent::UnitLost(_) => 11,
                CardEvent::UnitBack => 12,
            },
            Event::Answer { .. } => 13,
            Event::Expired(_) => 14,
            Event::HostDecided { .. } => 15,
            Event::Fault(_) => 16,
            Event::OutboxPassed { .. } => 17,
            Event::Unfit(_) => 18,
        };
        let place = self.place(state);
        self.states[place].events |= 1 << kind;
    }

    pub(crate) fn leads(&mut self, from: &'static str, to: &'static str) {
        let to = self.place(to);
        let from = self.place(from);
        self.states[from].nexts |= 1 << to;
    }

    fn place(&mut self, name: &'static str) -> usize {
        self.states.iter().position(|state| state.name == name).unwrap_or_else(|| {
            self.states.push(State { name, events: 0, nexts: 0 });
            self.states.len() - 1
        })
    }

    pub(crate) fn act(&mut self, act: &Act) {
        let kind = match act {
            Act::Show(_) => 0,
            Act::Help(_) => 1,
            Act::WarnTime { .. } => 2,
            Act::CallToTakeCard => 3,
            Act::UseLanguage(_) => 4,
            Act::Arm(..) => 5,
            Act::Disarm(_) => 6,
            Act::FetchChallenge(_) => 7,
            Act::KeepConsent(_) => 8,
            Act::ReadCard(_) => 9,
            Act::Prepare(_) => 10,
            Act::AskPin => 11,
            Act::VerifyPin => 12,
            Act::Sign(_) => 13,
            Act::Send(_) => 14,
            Act::AskOrResend(_) => 15,
            Act::DeliverOutbox => 16,
            Act::FileEvidence(_) => 17,
            Act::PrintReceipt { .. } => 18,
            Act::LookAtPrinter => 19,
            Act::RetainCard => 20,
            Act::Finish { .. } => 21,
            Act::VerifyOnPad => 22,
        };
        self.acts |= 1 << kind;
    }

    pub(crate) fn release(&mut self, release: Release) {
        let kind = match release {
            Release::ForgetPin => 0,
            Release::EndCard => 1,
            Release::MakeSafe => 2,
            Release::ReturnCard => 3,
            Release::OutOfService => 4,
        };
        self.releases |= 1 << kind;
    }

    /// What occurred in either.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        for state in &other.states {
            let place = self.place(state.name);
            self.states[place].events |= state.events;
        }
        for (from, to) in other.ways() {
            self.leads(from, to);
        }
        self.acts |= other.acts;
        self.releases |= other.releases;
        self
    }

    pub(crate) fn states(&self) -> BTreeSet<&'static str> {
        self.states.iter().map(|state| state.name).collect()
    }

    /// Pairs of a state and a kind of event that occurred.
    pub(crate) fn pairs(&self) -> u32 {
        self.states.iter().map(|state| state.events.count_ones()).sum()
    }

    /// Which state led to which other.
    pub(crate) fn ways(&self) -> BTreeSet<(&'static str, &'static str)> {
        let mut ways = BTreeSet::new();
        for from in &self.states {
            let nexts = (0..self.states.len()).filter(|place| from.nexts & 1 << place != 0);
            ways.extend(nexts.map(|place| (from.name, self.states[place].name)));
        }
        ways.into_iter().filter(|(from, to)| from != to).collect()
    }

    /// Every kind of event came, and every kind of effect was done.
    pub(crate) fn is_complete(&self) -> bool {
        let events = self.states.iter().fold(0, |all, state| all | state.events);
        events.count_ones() == EVENTS
            && self.acts.count_ones() == ACTS
            && self.releases.count_ones() == RELEASES
    }
}
