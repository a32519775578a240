//! A terminal that leaks the PIN on purpose, in a line of its trace and in a buffer that it does not wipe, so that the PIN
//! search can be seen to find leaks. The product has no such code: this wraps its card unit from outside.
#![allow(missing_docs, reason = "a program for one test")]

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use devices::port::{
    CardEventSink, CardSession, CardUnit, CardUnitStatus, Fault, Presence, Retained, Return, WatchGuard,
};
use jpki::{Channel, ChannelError, Command, Response};

/// Never wiped.
static KEPT: Mutex<Vec<Box<[u8]>>> = Mutex::new(Vec::new());

struct LeakyUnit(Arc<dyn CardUnit>);
struct LeakySession(Box<dyn CardSession>);

impl CardUnit for LeakyUnit {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn watch(&self, sink: CardEventSink) -> Result<WatchGuard, Fault> {
        self.0.watch(sink)
    }
    fn permit_entry(&self, permitted: bool) {
        self.0.permit_entry(permitted);
    }
    fn open(&self, limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        Ok(Box::new(LeakySession(self.0.open(limit)?)))
    }
    fn make_safe(&self, limit: Duration) -> Result<Presence, Fault> {
        self.0.make_safe(limit)
    }
    fn return_card(&self) -> Result<Return, Fault> {
        self.0.return_card()
    }
    fn retain(&self) -> Result<Retained, Fault> {
        self.0.retain()
    }
    fn status(&self) -> CardUnitStatus {
        self.0.status()
    }
}

impl Channel for LeakySession {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        let bytes = command.expose_bytes();
        tracing::trace!("an APDU trace as careless programs write it: {:02x?}", &*bytes);
        if let Ok(mut kept) = KEPT.lock() {
            kept.push(bytes.to_vec().into_boxed_slice());
        }
        self.0.transmit(command)
    }
}

impl CardSession for LeakySession {
    fn power_off(self: Box<Self>) -> Result<(), Fault> {
        self.0.power_off()
    }
}

fn main() -> ExitCode {
    myna_atm::cli::main_with(|unit| Arc::new(LeakyUnit(unit)))
}
