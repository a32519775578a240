//! What the tests of this package share: the contract of a card unit, a private `pcscd`, a virtual card, a simulated serial
//! unit.

pub(crate) mod contract;
pub(crate) mod fake;
pub(crate) mod namespaces;
pub(crate) mod reader;
pub(crate) mod serial_unit;
pub(crate) mod virtual_card;

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use devices::port::{CardEvent, CardUnit, WatchGuard};

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A unit's events as text: `inserted`, `removed`, `mute`, `available`, or the code of a fault.
pub(crate) struct Events {
    events: Receiver<String>,
    guard: Option<WatchGuard>,
}

impl Events {
    pub(crate) fn of(unit: &dyn CardUnit) -> Self {
        let (sink, events) = channel();
        let guard = unit.watch(Box::new(move |event| {
            let text = match event {
                CardEvent::Inserted => "inserted".to_owned(),
                CardEvent::Removed => "removed".to_owned(),
                CardEvent::Mute => "mute".to_owned(),
                CardEvent::Available => "available".to_owned(),
                CardEvent::Unavailable(fault) => fault.code.to_owned(),
            };
            let _test_is_over = sink.send(text);
        }));
        Self { events, guard: Some(guard.unwrap()) }
    }

    #[track_caller]
    pub(crate) fn expect(&self, text: &str) {
        assert_eq!(self.events.recv_timeout(PATIENCE).as_deref(), Ok(text));
    }

    /// The same, where other things may be told before.
    #[track_caller]
    pub(crate) fn expect_after(&self, text: &str, before: &[&str]) {
        loop {
            let told = self.events.recv_timeout(PATIENCE).unwrap();
            if told == text {
                return;
            }
            assert!(before.contains(&told.as_str()), "{told} before {text}");
        }
    }

    /// Nothing happens for a while.
    #[track_caller]
    pub(crate) fn expect_nothing(&self, while_: Duration) {
        assert_eq!(self.events.recv_timeout(while_), Err(RecvTimeoutError::Timeout));
    }

    /// What was told and not looked at.
    pub(crate) fn drain(&self) -> Vec<String> {
        self.events.try_iter().collect()
    }

    /// Ends the watching; nothing comes after it.
    pub(crate) fn end(mut self) {
        drop(self.guard.take());
        assert_eq!(self.events.iter().collect::<Vec<_>>(), Vec::<String>::new());
    }
}
