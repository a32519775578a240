//! A powered card in the unit.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use jpki::{Channel, ChannelError, Command, Response};

use super::keeper::{Job, Keeper, Nothing, ended};
use super::unit::late;
use crate::port::{CardSession, Fault};

/// Longer than the longest doing of the unit: an initial reset that is asked for again.
const KEEPER_MAX: Duration = Duration::from_secs(90);
/// COMPUTE DIGITAL SIGNATURE, as JPKI has it: what it makes is evidence.
const SIGN: u8 = 0x2A;

/// One session at a time: who holds the card.
#[derive(Clone, Default)]
pub(super) struct Exclusive {
    held: Arc<(Mutex<bool>, Condvar)>,
}

/// Held until it is dropped.
pub(super) struct Hold {
    held: Arc<(Mutex<bool>, Condvar)>,
}

impl Exclusive {
    /// Waits at most `limit` until nobody else holds it.
    pub(super) fn hold(&self, limit: Duration) -> Option<Hold> {
        let (held, changed) = &*self.held;
        let guard = held.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(guard, limit, |held| *held);
        let (mut guard, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *guard {
            return None;
        }
        *guard = true;
        Some(Hold { held: Arc::clone(&self.held) })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let (held, changed) = &*self.held;
        *held.lock().unwrap_or_else(PoisonError::into_inner) = false;
        changed.notify_one();
    }
}

/// The session; its number is `None` when it was ended.
pub(super) struct OmronSession {
    keeper: Keeper,
    no: Option<u64>,
    _hold: Hold,
}

impl OmronSession {
    pub(super) const fn new(keeper: Keeper, no: u64, hold: Hold) -> Self {
        Self { keeper, no: Some(no), _hold: hold }
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(session) = self.no.take() else { return Ok(()) };
        match self.keeper.ask(KEEPER_MAX, |done| Job::PowerOff { session, done }) {
            Ok(result) => Ok(result?),
            Err(Nothing::Late) => Err(late("powering the card off").into()),
            Err(Nothing::Ended) => Err(ended().into()),
        }
    }
}

impl Channel for OmronSession {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        let failed = |fault: Fault| ChannelError::Reader {
            what: "asking for the unit",
            source: Some(Box::new(fault)),
        };
        let Some(no) = self.no else {
            return Err(ChannelError::Reader { what: "sending a command after power-off", source: None });
        };
        let mut loan = match self.keeper.ask(KEEPER_MAX, Job::Lend) {
            Ok(loan) => loan,
            Err(Nothing::Late) => return Err(failed(late("sending a command").into())),
            Err(Nothing::Ended) => return Err(failed(ended().into())),
        };
        let Some(engine) = loan.engine() else { return Err(failed(ended().into())) };
        let weighty = command.is_sensitive() || command.header().ins == SIGN;
        // Borrowed where it is secret: from the PIN's page into the line.
        engine.exchange(no, &command.expose_bytes(), weighty)
    }
}

impl CardSession for OmronSession {
    fn power_off(mut self: Box<Self>) -> Result<(), Fault> {
        self.end()
    }
}

impl Drop for OmronSession {
    fn drop(&mut self) {
        let _reported_by_power_off_only = self.end();
    }
}
