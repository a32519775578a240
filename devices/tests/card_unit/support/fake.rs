//! A card unit in memory, to hold the contract itself to something simple.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use devices::port::{
    Action, CardEvent, CardEventSink, CardSession, CardUnit, CardUnitStatus, DeviceState, Fault, FaultKind,
    MediaState, Presence, Return, WatchGuard,
};
use jpki::{Channel, ChannelError, Command, Response};

#[derive(Default)]
struct Inside {
    card: Option<u64>,
    inserted: u64,
    held: bool,
    off: bool,
    sink: Option<CardEventSink>,
}

/// The unit; clones are the same unit.
#[derive(Clone, Default)]
pub(crate) struct FakeUnit {
    inside: Arc<Mutex<Inside>>,
}

impl FakeUnit {
    fn change(&self, change: impl FnOnce(&mut Inside)) {
        let mut inside = self.inside.lock().unwrap();
        change(&mut inside);
        let event = if inside.card.is_some() { CardEvent::Inserted } else { CardEvent::Removed };
        if let Some(sink) = &inside.sink {
            sink(event);
        }
    }

    pub(crate) fn insert(&self) {
        self.change(|inside| {
            inside.inserted += 1;
            inside.card = Some(inside.inserted);
            inside.off = true;
        });
    }

    pub(crate) fn remove(&self) {
        self.change(|inside| inside.card = None);
    }

    pub(crate) fn is_off(&self) -> bool {
        self.inside.lock().unwrap().off
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
        self.change(|inside| inside.sink = Some(sink));
        Ok(WatchGuard::new(move || unit.inside.lock().unwrap().sink = None))
    }

    fn open(&self, _limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        let mut inside = self.inside.lock().unwrap();
        let card = inside.card.ok_or_else(|| fault("card-removed"))?;
        if inside.held {
            return Err(fault("reader-busy"));
        }
        inside.held = true;
        inside.off = false;
        Ok(Box::new(FakeSession { unit: self.clone(), card }))
    }

    fn make_safe(&self, _limit: Duration) -> Result<Presence, Fault> {
        let mut inside = self.inside.lock().unwrap();
        inside.off = true;
        Ok(if inside.card.is_some() { Presence::PoweredOff } else { Presence::Absent })
    }

    fn return_card(&self) -> Result<Return, Fault> {
        let present = self.inside.lock().unwrap().card.is_some();
        Ok(if present { Return::TakeIt } else { Return::NoCard })
    }

    fn status(&self) -> CardUnitStatus {
        let present = self.inside.lock().unwrap().card.is_some();
        CardUnitStatus {
            reader: Some("fake".to_owned()),
            device: DeviceState::Online,
            media: if present { MediaState::Present } else { MediaState::NotPresent },
        }
    }
}

struct FakeSession {
    unit: FakeUnit,
    card: u64,
}

impl Channel for FakeSession {
    fn transmit(&mut self, _command: &Command<'_>) -> Result<Response, ChannelError> {
        if self.unit.inside.lock().unwrap().card != Some(self.card) {
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
