//! A card unit with a card inside.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use devices::port::{
    Action, CardEvent, CardEventSink, CardSession, CardUnit, CardUnitStatus, DeviceState, Fault, FaultKind,
    MediaState, Presence, Retained, Return, WatchGuard,
};

/// The unit, which keeps no card. Its customer takes the card as soon as it is given back, unless it is told otherwise.
pub(crate) struct FakeUnit {
    /// The card is taken when it is given back for the n-th time; 0: never.
    taken_at: usize,
    /// The first look for a card waits for this.
    hangs: Option<Mutex<Receiver<()>>>,
    /// What its motor needs to move a card out.
    returns_in: Duration,
    /// So often its motor gets stuck first.
    stuck: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sink: Option<CardEventSink>,
    out: bool,
    lost: bool,
    calls: Vec<&'static str>,
    entry: Vec<bool>,
    stuck: usize,
}

impl Default for FakeUnit {
    fn default() -> Self {
        Self::taken_at(1)
    }
}

impl FakeUnit {
    /// The card is taken when it is given back for the n-th time; 0: never.
    pub(crate) fn taken_at(n: usize) -> Self {
        Self { taken_at: n, hangs: None, returns_in: Duration::ZERO, stuck: 0, state: Mutex::default() }
    }

    /// Its motor needs so long to move a card out.
    pub(crate) fn that_returns_in(returns_in: Duration) -> Self {
        Self { returns_in, ..Self::default() }
    }

    /// The first times that it is to give the card back, it cannot; then it can.
    pub(crate) fn that_sticks(times: usize) -> Self {
        Self { stuck: times, ..Self::taken_at(times + 1) }
    }

    /// With no card inside; one may be put in.
    pub(crate) fn empty(self) -> Self {
        self.state.lock().unwrap().out = true;
        self
    }

    /// It does not come back from its first look, until the other end is dropped.
    pub(crate) fn hanging(mut self) -> (Self, Sender<()>) {
        let (hold, held) = channel();
        self.hangs = Some(Mutex::new(held));
        (self, hold)
    }

    /// What was asked of it, in order.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.state.lock().unwrap().calls.clone()
    }

    /// What it was told of the way in, in order.
    pub(crate) fn entry(&self) -> Vec<bool> {
        self.state.lock().unwrap().entry.clone()
    }

    /// Its plug is pulled.
    pub(crate) fn is_unplugged(&self) {
        let mut state = self.state.lock().unwrap();
        state.lost = true;
        state.tell(CardEvent::Unavailable(unplugged()));
    }

    /// Its plug is put in again.
    pub(crate) fn is_plugged_in(&self) {
        let mut state = self.state.lock().unwrap();
        state.lost = false;
        state.tell(CardEvent::Available);
        state.tell(if state.out { CardEvent::Removed } else { CardEvent::Inserted });
    }

    /// Somebody puts a card in.
    pub(crate) fn put_in(&self) {
        let mut state = self.state.lock().unwrap();
        state.out = false;
        state.tell(CardEvent::Inserted);
    }

    /// It reports something.
    pub(crate) fn report(&self, event: CardEvent) {
        self.state.lock().unwrap().tell(event);
    }
}

/// A fault of a unit.
pub(crate) fn unit_fault(kind: FaultKind, code: &'static str) -> Fault {
    let (device, what) = ("card unit", "a fake's".to_owned());
    Fault { kind, device, code, action: Action::Reset, what, source: None }
}

fn unplugged() -> Fault {
    Fault {
        kind: FaultKind::Broken,
        device: "card unit",
        code: "reader-not-found",
        action: Action::Maintenance,
        what: "the plug of a fake was pulled".to_owned(),
        source: None,
    }
}

impl State {
    fn tell(&self, event: CardEvent) {
        if let Some(sink) = &self.sink {
            sink(event);
        }
    }
}

impl CardUnit for FakeUnit {
    fn name(&self) -> &str {
        "fake"
    }

    fn watch(&self, sink: CardEventSink) -> Result<WatchGuard, Fault> {
        let mut state = self.state.lock().unwrap();
        sink(match (state.lost, state.out) {
            (true, _) => CardEvent::Unavailable(unplugged()),
            (false, true) => CardEvent::Removed,
            (false, false) => CardEvent::Inserted,
        });
        state.sink = Some(sink);
        Ok(WatchGuard::new(|| ()))
    }

    fn permit_entry(&self, permitted: bool) {
        self.state.lock().unwrap().entry.push(permitted);
    }

    fn open(&self, _limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        Err(unit_fault(FaultKind::Broken, "reader-failed"))
    }

    fn make_safe(&self, _limit: Duration) -> Result<Presence, Fault> {
        if let Some(held) = &self.hangs {
            let _the_test_is_over = held.lock().unwrap().recv();
        }
        let mut state = self.state.lock().unwrap();
        state.calls.push("make-safe");
        if state.lost {
            return Err(unplugged());
        }
        Ok(if state.out { Presence::Absent } else { Presence::PoweredOff })
    }

    #[expect(clippy::disallowed_methods, reason = "a motor's time passes by itself")]
    fn return_card(&self) -> Result<Return, Fault> {
        std::thread::sleep(self.returns_in);
        let mut state = self.state.lock().unwrap();
        state.calls.push("return-card");
        if state.out {
            return Ok(Return::NoCard);
        }
        if state.stuck < self.stuck {
            state.stuck += 1;
            return Err(unit_fault(FaultKind::NeedsOperator, "card-jammed"));
        }
        let given = state.calls.iter().filter(|call| **call == "return-card").count();
        if given == self.taken_at {
            state.out = true;
            state.tell(CardEvent::Removed);
        }
        Ok(Return::TakeIt)
    }

    fn status(&self) -> CardUnitStatus {
        CardUnitStatus { reader: None, device: DeviceState::Online, media: MediaState::Unknown, reason: None }
    }
}

/// A unit that can keep a card.
pub(crate) struct KeepingUnit {
    unit: FakeUnit,
    place: &'static str,
    look: Box<dyn Fn() + Send + Sync>,
}

impl KeepingUnit {
    /// Whose cards, once kept, lie in `place`. `look` is called just before it keeps one.
    pub(crate) fn new(unit: FakeUnit, place: &'static str, look: impl Fn() + Send + Sync + 'static) -> Self {
        Self { unit, place, look: Box::new(look) }
    }

    /// What was asked of it, in order.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.unit.calls()
    }

    /// Somebody puts a card in.
    pub(crate) fn put_in(&self) {
        self.unit.put_in();
    }
}

impl CardUnit for KeepingUnit {
    fn name(&self) -> &str {
        self.unit.name()
    }

    fn watch(&self, sink: CardEventSink) -> Result<WatchGuard, Fault> {
        self.unit.watch(sink)
    }

    fn permit_entry(&self, permitted: bool) {
        self.unit.permit_entry(permitted);
    }

    fn open(&self, limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        self.unit.open(limit)
    }

    fn make_safe(&self, limit: Duration) -> Result<Presence, Fault> {
        self.unit.make_safe(limit)
    }

    fn return_card(&self) -> Result<Return, Fault> {
        self.unit.return_card()
    }

    fn retain(&self) -> Result<Retained, Fault> {
        (self.look)();
        let mut state = self.unit.state.lock().unwrap();
        state.calls.push("retain");
        if state.out {
            return Ok(Retained::NoCard);
        }
        state.out = true;
        state.tell(CardEvent::Removed);
        Ok(Retained::Kept { place: self.place.to_owned() })
    }

    fn status(&self) -> CardUnitStatus {
        self.unit.status()
    }
}
