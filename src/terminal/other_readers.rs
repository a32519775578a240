//! The readers that do not serve: each is watched, so that a card that lies there is seen, and nothing more.
//!
//! Invariant: no session is opened there, no command is sent and no power is asked for. What the watch sees is told, and
//! the machine of the visit never hears of it.

use std::sync::Arc;

use devices::port::{CardEvent, CardUnit, WatchGuard};

use crate::queue::{Mailbox, Message, Story};

/// All of them, in the order of the configuration.
#[derive(Default)]
pub(crate) struct OtherReaders {
    readers: Vec<Arc<dyn CardUnit>>,
    mailbox: Option<Mailbox>,
    watches: Vec<WatchGuard>,
}

impl OtherReaders {
    /// Not yet watched.
    pub(crate) fn new(readers: Vec<Arc<dyn CardUnit>>, mailbox: Mailbox) -> Self {
        Self { readers, mailbox: Some(mailbox), watches: Vec::new() }
    }

    /// What the configuration calls them.
    pub(crate) fn names(&self) -> Vec<String> {
        self.readers.iter().map(|reader| reader.name().to_owned()).collect()
    }

    /// Begins to watch them, until this is dropped.
    pub(crate) fn watch(&mut self) {
        let Some(mailbox) = &self.mailbox else { return };
        for (reader, unit) in self.readers.iter().enumerate() {
            let events = mailbox.clone();
            let tell = move |event| events.post(Message::OtherReader { reader, event }, Story::default());
            match unit.watch(Box::new(tell)) {
                Ok(watch) => self.watches.push(watch),
                Err(fault) => {
                    let event = CardEvent::Unavailable(fault);
                    mailbox.post(Message::OtherReader { reader, event }, Story::default());
                }
            }
        }
    }
}
