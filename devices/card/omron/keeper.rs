//! The thread that owns the unit and its port. Others ask it by a channel; it looks at the unit by itself in between and
//! tells watchers what has changed.
//!
//! Invariants:
//! - The unit has one owner at each moment. For an exchange with the chip the keeper lends it to the session's thread, so
//!   that a PIN goes from its slot into the line and through nothing else; the loan ends with the exchange, a panic in it
//!   included.
//! - The keeper waits for nobody: an asker that does not wait any more gets nothing, and what cannot be left as it is (a
//!   session that nobody took) is undone.
//! - A watcher is told nothing twice, and nothing after it is gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::OmronConfig;
use super::engine::{Engine, Media, View};
use super::faults::Trouble;
use crate::port::{Action, CardEvent, CardEventSink, CardUnitStatus, FaultKind, Presence, Retained, Return};

const BACK_OFF_FIRST: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);

/// Where an answer goes. A rendezvous: it fails when nobody waits any more.
type Answer<T> = SyncSender<T>;

/// What the keeper is asked for.
pub(super) enum Job {
    Watch(Watcher),
    Unwatch { ended: Arc<AtomicBool>, gone: Answer<()> },
    WantEntry(bool),
    Open(Answer<Result<u64, Trouble>>),
    Lend(Answer<Loan>),
    PowerOff { session: u64, done: Answer<Result<(), Trouble>> },
    MakeSafe(Answer<Result<Presence, Trouble>>),
    Return(Answer<Result<Return, Trouble>>),
    Retain(Answer<Result<Retained, Trouble>>),
    Status(Answer<CardUnitStatus>),
}

/// The way to a keeper. Its thread ends when all ways to it are gone.
#[derive(Clone)]
pub(super) struct Keeper {
    jobs: Sender<Job>,
    /// As the keeper left it, for who cannot wait; `None` before it has looked.
    last: Arc<Mutex<Option<CardUnitStatus>>>,
}

/// Why the keeper gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// It is busy with the unit.
    Late,
    /// Its thread ended: a bug.
    Ended,
}

impl Keeper {
    /// The way to a thread that is not there any more.
    #[cfg(test)]
    pub(super) fn of_an_ended_thread() -> Self {
        Self { jobs: channel().0, last: Arc::default() }
    }

    /// Starts the thread.
    pub(super) fn start(config: OmronConfig) -> std::io::Result<Self> {
        let (jobs, inbox) = channel();
        let last = Arc::default();
        let desk = Desk {
            engine: Some(Box::new(Engine::new(config))),
            inbox,
            watchers: Vec::new(),
            last: Arc::clone(&last),
        };
        std::thread::Builder::new().name("card-unit".to_owned()).spawn(move || desk.run())?;
        Ok(Self { jobs, last })
    }

    /// Asks and waits at most `limit`.
    pub(super) fn ask<T>(&self, limit: Duration, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, Nothing> {
        let (answer, answers) = sync_channel(0);
        self.jobs.send(job(answer)).map_err(|_| Nothing::Ended)?;
        answers.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => Nothing::Late,
            RecvTimeoutError::Disconnected => Nothing::Ended,
        })
    }

    /// Says without waiting.
    pub(super) fn say(&self, job: Job) {
        // A keeper that ended has been reported by whoever asked it.
        let _ended = self.jobs.send(job);
    }

    /// The state as it was left; `None` before anybody has looked.
    pub(super) fn last(&self) -> Option<CardUnitStatus> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The unit, for one exchange.
pub(super) struct Loan {
    engine: Option<Box<Engine>>,
    back: Sender<Box<Engine>>,
}

impl Loan {
    /// The unit. `None` is never seen: the loan ends with it.
    pub(super) fn engine(&mut self) -> Option<&mut Engine> {
        self.engine.as_deref_mut()
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            // Without a keeper the port closes here.
            let _ended = self.back.send(engine);
        }
    }
}

/// Somebody who wants to know.
pub(super) struct Watcher {
    sink: CardEventSink,
    ended: Arc<AtomicBool>,
    told: Told,
}

/// What a watcher was told last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    Unavailable(&'static str),
    Media { media: Media, cards: u32 },
}

impl Watcher {
    /// `ended` is set when nothing more is to be told.
    pub(super) const fn new(sink: CardEventSink, ended: Arc<AtomicBool>) -> Self {
        Self { sink, ended, told: Told::Nothing }
    }

    fn tell(&mut self, view: &View) {
        let now = match view {
            View::Unusable(trouble) => Told::Unavailable(trouble.code),
            View::Usable { media, cards } => Told::Media { media: *media, cards: *cards },
        };
        if now == self.told {
            return;
        }
        let before = std::mem::replace(&mut self.told, now);
        match view {
            View::Unusable(trouble) => self.event(CardEvent::Unavailable(trouble.clone().into())),
            View::Usable { media, .. } => {
                if matches!(before, Told::Unavailable(_)) {
                    self.event(CardEvent::Available);
                }
                let was_in = matches!(before, Told::Media { media: Media::Present | Media::Mute, .. });
                if was_in && *media != Media::Absent {
                    self.event(CardEvent::Removed);
                }
                self.event(match media {
                    Media::Unknown | Media::Absent => CardEvent::Removed,
                    Media::Present => CardEvent::Inserted,
                    Media::Mute => CardEvent::Mute,
                });
            }
        }
    }

    fn event(&self, event: CardEvent) {
        if !self.ended.load(Ordering::SeqCst) {
            (self.sink)(event);
        }
    }
}

struct Desk {
    /// `None` only while it is lent.
    engine: Option<Box<Engine>>,
    inbox: Receiver<Job>,
    watchers: Vec<Watcher>,
    last: Arc<Mutex<Option<CardUnitStatus>>>,
}

impl Desk {
    fn run(mut self) {
        let mut back_off = BACK_OFF_FIRST;
        loop {
            let Some(engine) = &self.engine else { return };
            let in_trouble = engine.trouble.is_some();
            let pause = if in_trouble { back_off } else { engine.config.pace.look_every };
            match self.inbox.recv_timeout(pause) {
                Ok(job) => self.work(job),
                // Nobody watches and nobody has asked for anything: the unit is left alone.
                Err(RecvTimeoutError::Timeout) if self.watchers.is_empty() => {}
                Err(RecvTimeoutError::Timeout) => {
                    back_off = if in_trouble { (back_off * 2).min(BACK_OFF_MAX) } else { BACK_OFF_FIRST };
                    self.with(Engine::look);
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.tell();
        }
        // The way in does not stay open behind a service that ends.
        self.with(|engine| {
            if engine.entry_open {
                engine.want_entry(false);
            }
        });
    }

    fn work(&mut self, job: Job) {
        match job {
            Job::Watch(watcher) => {
                self.watchers.push(watcher);
                self.with(Engine::look);
            }
            Job::Unwatch { ended, gone } => {
                self.watchers.retain(|watcher| !Arc::ptr_eq(&watcher.ended, &ended));
                answer(&gone, ());
            }
            Job::WantEntry(wanted) => {
                self.with(|engine| engine.want_entry(wanted));
            }
            Job::Open(to) => {
                let Some(opened) = self.with(Engine::open) else { return };
                let session = opened.as_ref().ok().copied();
                if to.send(opened).is_err()
                    && let Some(session) = session
                {
                    self.with(|engine| engine.power_off(session).is_ok());
                }
            }
            Job::Lend(to) => self.lend(&to),
            Job::PowerOff { session, done } => {
                self.serve(&done, |engine| engine.power_off(session));
            }
            Job::MakeSafe(to) => self.serve(&to, Engine::make_safe),
            Job::Return(to) => self.serve(&to, Engine::return_card),
            Job::Retain(to) => self.serve(&to, Engine::retain),
            Job::Status(to) => self.serve(&to, |engine| {
                engine.look();
                engine.status()
            }),
        }
    }

    fn serve<T>(&mut self, to: &Answer<T>, act: impl FnOnce(&mut Engine) -> T) {
        if let Some(result) = self.with(act) {
            answer(to, result);
        }
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Engine) -> T) -> Option<T> {
        let engine = self.engine.as_deref_mut()?;
        let result = act(engine);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(engine.status());
        Some(result)
    }

    /// Lends the unit and waits for it: whoever has it waits for the unit, and every such wait has an end.
    fn lend(&mut self, to: &Answer<Loan>) {
        let (back, returned) = channel();
        let Some(engine) = self.engine.take() else { return };
        let loan = Loan { engine: Some(engine), back };
        // A loan that nobody takes comes back here and ends here.
        drop(to.send(loan));
        self.engine = returned.recv().ok();
        self.with(|_| ());
    }

    fn tell(&mut self) {
        let Some(engine) = &self.engine else { return };
        let view = engine.view();
        // Not looked yet: nothing to tell.
        if matches!(view, View::Usable { media: Media::Unknown, .. }) {
            return;
        }
        for watcher in &mut self.watchers {
            watcher.tell(&view);
        }
    }
}

/// For who still waits.
fn answer<T>(to: &Answer<T>, result: T) {
    let _given_up = to.send(result);
}

/// The keeper's thread ended.
pub(super) fn ended() -> Trouble {
    Trouble::new(
        FaultKind::Broken,
        "card-unit-stopped",
        Action::SoftwareError,
        "the thread that owns the unit ended: restart the service",
    )
}
