//! The port of the unit.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::OmronConfig;
use super::faults::Trouble;
use super::keeper::{Job, Keeper, Nothing, Watcher, ended};
use super::session::{Exclusive, OmronSession};
use crate::card::DEVICE;
use crate::port::{
    Action, CardEventSink, CardSession, CardUnit, CardUnitStatus, Fault, FaultKind, Presence, Reason,
    Retained, Return, WatchGuard,
};

/// The code of a unit that did not come to an end.
const LATE: &str = "no-answer";

/// How long the unit may take to tell its state before the last one known is given.
const STATUS_MS_MAX: Duration = Duration::from_millis(1_000);
/// The same where none is known: the first thing that a unit does is an initial reset, which moves motors.
const FIRST_STATUS_MS_MAX: Duration = Duration::from_millis(30_000);
/// A card on its way back or into the bin, with an initial reset when the unit needs one.
const MOVE_MS_MAX: Duration = Duration::from_millis(90_000);
/// For a watcher to be forgotten.
const UNWATCH_MS_MAX: Duration = Duration::from_millis(1_000);

/// A motorised card unit with a shutter.
pub struct OmronUnit {
    config: OmronConfig,
    name: String,
    keeper: Mutex<Option<Keeper>>,
    exclusive: Exclusive,
}

impl OmronUnit {
    /// Does not touch the unit yet.
    #[must_use]
    pub fn new(config: OmronConfig) -> Self {
        let name = config.line.port.display().to_string();
        Self { config, name, keeper: Mutex::new(None), exclusive: Exclusive::default() }
    }

    /// The keeper, started with the first thing that anybody asks for.
    fn keeper(&self) -> Result<Keeper, Fault> {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        match &*keeper {
            Some(keeper) => Ok(keeper.clone()),
            None => match Keeper::start(self.config.clone()) {
                Ok(started) => Ok(keeper.insert(started).clone()),
                Err(source) => Err(Fault {
                    kind: FaultKind::Broken,
                    device: DEVICE,
                    code: "no-threads",
                    action: Action::SoftwareError,
                    what: "the thread that owns the unit cannot be started".to_owned(),
                    source: Some(Box::new(source)),
                }),
            },
        }
    }

    fn ask<T>(
        &self,
        doing: &str,
        limit: Duration,
        job: impl FnOnce(std::sync::mpsc::SyncSender<T>) -> Job,
    ) -> Result<T, Fault> {
        self.keeper()?.ask(limit, job).map_err(|nothing| match nothing {
            Nothing::Late => late(doing).into(),
            Nothing::Ended => ended().into(),
        })
    }
}

impl CardUnit for OmronUnit {
    fn name(&self) -> &str {
        &self.name
    }

    fn watch(&self, sink: CardEventSink) -> Result<WatchGuard, Fault> {
        let over = Arc::new(AtomicBool::new(false));
        let watcher = Watcher::new(sink, Arc::clone(&over));
        let keeper = self.keeper()?;
        // Its first event comes from there: a unit that is silent takes its time to be known as that.
        keeper.say(Job::Watch(watcher));
        Ok(WatchGuard::new(move || {
            over.store(true, Ordering::SeqCst);
            // Waited for, so that a sink is not called any more when its guard is gone. A keeper that is busy calls
            // none: it looks at `over` first.
            let _late = keeper.ask(UNWATCH_MS_MAX, |gone| Job::Unwatch { ended: over, gone });
        }))
    }

    fn permit_entry(&self, permitted: bool) {
        if let Ok(keeper) = self.keeper() {
            keeper.say(Job::WantEntry(permitted));
        }
    }

    fn open(&self, limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        const DOING: &str = "reserving the card";
        let Some(hold) = self.exclusive.hold(limit) else { return Err(busy(DOING).into()) };
        let no = self.ask(DOING, limit, Job::Open)??;
        Ok(Box::new(OmronSession::new(self.keeper()?, no, hold)))
    }

    fn make_safe(&self, limit: Duration) -> Result<Presence, Fault> {
        const DOING: &str = "powering off a card found in the unit";
        let Some(_hold) = self.exclusive.hold(limit) else { return Err(busy(DOING).into()) };
        Ok(self.ask(DOING, limit, Job::MakeSafe)??)
    }

    fn return_card(&self) -> Result<Return, Fault> {
        Ok(self.ask("giving the card back", MOVE_MS_MAX, Job::Return)??)
    }

    fn retain(&self) -> Result<Retained, Fault> {
        Ok(self.ask("keeping the card", MOVE_MS_MAX, Job::Retain)??)
    }

    fn status(&self) -> CardUnitStatus {
        const DOING: &str = "asking for the status";
        let known = match self.keeper() {
            Ok(keeper) => keeper.last(),
            Err(fault) => return CardUnitStatus::unusable(Reason::from(&fault)),
        };
        let limit = if known.is_some() { STATUS_MS_MAX } else { FIRST_STATUS_MS_MAX };
        let answer = self.ask(DOING, limit, Job::Status);
        // A unit in the middle of a movement is as it was.
        answer.unwrap_or_else(|fault| match known {
            Some(known) if fault.code == LATE => known,
            Some(_) | None => CardUnitStatus::unusable(Reason::from(&fault)),
        })
    }
}

/// Somebody else has the card.
fn busy(doing: &str) -> Trouble {
    let what = format!("{doing}: another session holds the card");
    Trouble::new(FaultKind::Transient, "reader-busy", Action::Suspend, &what)
}

/// The unit is still doing something, or is waited for in vain: watchers are told as soon as that is known.
pub(super) fn late(doing: &str) -> Trouble {
    let what = format!("{doing}: the unit did not come to an end in time");
    Trouble::new(FaultKind::Broken, LATE, Action::Reset, &what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_keeper_that_ended_is_told_as_that_and_nobody_waits() {
        let unit = OmronUnit::new(OmronConfig::new(PathBuf::from("/dev/no-such-port")));
        *unit.keeper.lock().unwrap() = Some(Keeper::of_an_ended_thread());
        let fault = unit.make_safe(Duration::from_secs(60)).unwrap_err();
        assert_eq!((fault.code, fault.action), ("card-unit-stopped", Action::SoftwareError));
        assert_eq!(unit.return_card().unwrap_err().code, "card-unit-stopped");
        let reason = unit.status().reason.unwrap();
        assert_eq!((reason.code, reason.action), ("card-unit-stopped", Action::SoftwareError));
    }
}
