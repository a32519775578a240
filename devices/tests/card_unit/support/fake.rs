//! A card unit in memory, to hold the contract itself to something simple. With a shutter and a bin, or without.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use devices::port::{
    Action, CardEvent, CardEventSink, CardSession, CardUnit, CardUnitStatus, DeviceState, Fault, FaultKind,
    MediaState, Presence, Retained, Return, WatchGuard,
};
use jpki::{Channel, ChannelError, Command, Response};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Offered,
    Inside,
    Mouth,
}

#[derive(Default)]
struct Inside {
    card: Option<(u64, Where)>,
    inserted: u64,
    shutter: bool,
    wanted: bool,
    kept: u32,
    held: bool,
    off: bool,
    sink: Option<CardEventSink>,
}

impl Inside {
    /// The card that the unit has.
    fn had(&self) -> Option<u64> {
        self.card.and_then(|(no, place)| (place != Where::Offered).then_some(no))
    }

    /// What a customer holds into the mouth gets in.
    fn take_in(&mut self) {
        if let Some((_, place @ Where::Offered)) = &mut self.card
            && (self.wanted || !self.shutter)
        {
            *place = Where::Inside;
            self.wanted = false;
            self.off = true;
        }
    }
}

/// The unit; clones are the same unit.
#[derive(Clone, Default)]
pub(crate) struct FakeUnit {
    inside: Arc<Mutex<Inside>>,
}

impl FakeUnit {
    pub(crate) fn with_shutter() -> Self {
        let unit = Self::default();
        unit.inside.lock().unwrap().shutter = true;
        unit
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inside) -> T) -> T {
        let mut inside = self.inside.lock().unwrap();
        let before = inside.had();
        let result = change(&mut inside);
        if inside.had() != before {
            tell(&inside);
        }
        result
    }

    pub(crate) fn insert(&self) {
        self.change(|inside| {
            inside.inserted += 1;
            inside.card = Some((inside.inserted, Where::Offered));
            inside.take_in();
        });
    }

    pub(crate) fn remove(&self) {
        self.change(|inside| inside.card = None);
    }

    pub(crate) fn is_off(&self) -> bool {
        self.inside.lock().unwrap().off
    }

    pub(crate) fn is_inside(&self) -> bool {
        matches!(self.inside.lock().unwrap().card, Some((_, Where::Inside)))
    }

    pub(crate) fn is_shut(&self) -> bool {
        let inside = self.inside.lock().unwrap();
        inside.shutter && !inside.wanted
    }
}

fn tell(inside: &Inside) {
    let event = if inside.had().is_some() { CardEvent::Inserted } else { CardEvent::Removed };
    if let Some(sink) = &inside.sink {
        sink(event);
    }
}

fn fault(code: &'static str) -> Fault {
    let kind = FaultKind::Transient;
    Fault { kind, device: "fake", code, action: Action::Suspend, what: code.to_owned(), source: None }
}

impl CardUnit for FakeUnit {
    fn name(&self) -> &str {
        "fake"
    }

    fn watch(&self, sink: CardEventSink) -> Result<WatchGuard, Fault> {
        let unit = self.clone();
        let mut inside = self.inside.lock().unwrap();
        inside.sink = Some(sink);
        tell(&inside);
        Ok(WatchGuard::new(move || unit.inside.lock().unwrap().sink = None))
    }

    fn permit_entry(&self, permitted: bool) {
        self.change(|inside| {
            inside.wanted = permitted;
            inside.take_in();
        });
    }

    fn open(&self, _limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        let mut inside = self.inside.lock().unwrap();
        let card = inside.had().ok_or_else(|| fault("card-removed"))?;
        if inside.held {
            return Err(fault("reader-busy"));
        }
        inside.held = true;
        inside.off = false;
        inside.card = Some((card, Where::Inside));
        Ok(Box::new(FakeSession { unit: self.clone(), card }))
    }

    fn make_safe(&self, _limit: Duration) -> Result<Presence, Fault> {
        let mut inside = self.inside.lock().unwrap();
        inside.off = true;
        inside.wanted = false;
        Ok(if inside.had().is_some() { Presence::PoweredOff } else { Presence::Absent })
    }

    fn return_card(&self) -> Result<Return, Fault> {
        self.change(|inside| {
            let Some(card) = inside.had() else { return Ok(Return::NoCard) };
            inside.card = Some((card, Where::Mouth));
            Ok(Return::TakeIt)
        })
    }

    fn retain(&self) -> Result<Retained, Fault> {
        self.change(|inside| {
            if !inside.shutter {
                return Err(fault("cannot-retain"));
            }
            if inside.had().is_none() {
                return Ok(Retained::NoCard);
            }
            inside.card = None;
            inside.kept += 1;
            Ok(Retained::Kept { place: format!("bin, number {}", inside.kept) })
        })
    }

    fn status(&self) -> CardUnitStatus {
        let present = self.inside.lock().unwrap().had().is_some();
        CardUnitStatus {
            reader: Some("fake".to_owned()),
            device: DeviceState::Online,
            media: if present { MediaState::Present } else { MediaState::NotPresent },
            reason: None,
        }
    }
}

struct FakeSession {
    unit: FakeUnit,
    card: u64,
}

impl Channel for FakeSession {
    fn transmit(&mut self, _command: &Command<'_>) -> Result<Response, ChannelError> {
        if self.unit.inside.lock().unwrap().had() != Some(self.card) {
            return Err(ChannelError::CardRemoved);
        }
        Response::parse(&[0x90, 0x00])
            .map_err(|error| ChannelError::Protocol { what: "fake", source: Some(Box::new(error)) })
    }
}

impl CardSession for FakeSession {
    fn power_off(self: Box<Self>) -> Result<(), Fault> {
        Ok(())
    }
}

impl Drop for FakeSession {
    fn drop(&mut self) {
        let mut inside = self.unit.inside.lock().unwrap();
        inside.held = false;
        inside.off = true;
    }
}
