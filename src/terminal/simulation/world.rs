//! The simulated world: its time, what is going to happen in it, and the process that may be killed at any call.
//!
//! Everything runs on one thread in virtual time. What will happen lies in one calendar; [`World::wait`], which is the
//! runtime's wait for its next letter, takes the next happening from it, sets the clock to its time and lets it happen,
//! until there is a letter or the runtime's deadline comes first.
//!
//! Invariants:
//! - A run is its seed: no clock, no chance, no order of a hash table comes in from outside.
//! - Letters to a process that is dead are lost; what was under way in the world goes on.
//! - A broken promise ends the run at once, where it is broken.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use transaction::Event;

use super::card::Unit;
use super::diary::Diary;
use super::dice::Dice;
use super::fixture::{self, Fixture};
use super::host::Host;
use super::lobby::Lobby;
use super::pad::Pad;
use super::printer::Print;
use super::spy::Spy;
use super::truth::Truth;
use super::weather::Weather;
use crate::config::Config;
use crate::queue::{Letter, Message, Story};

/// The world, as every desk holds it.
pub(super) type Shared = Rc<RefCell<World>>;

/// Something that is going to happen.
pub(super) type Happening = Box<dyn FnOnce(&mut World)>;

/// The process was killed: unwinds through the runtime, which must not see it.
pub(super) struct Killed;

/// A promise is broken: unwinds through the runtime as well.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    /// Which promise, a stable word.
    pub(super) promise: &'static str,
    /// What was seen.
    pub(super) what: String,
}

/// Bugs that are put in on purpose: the simulation must find each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    /// The host decides a request again when it comes again.
    HostDecidesTwice,
    /// The card's desk sends VERIFY twice for one entry.
    DeskVerifiesTwice,
    /// The card's desk lets the reader's own pad take a second PIN for one order.
    DeskAsksReaderTwice,
    /// A round over the outbox leaves one request out and says that nothing is left.
    OutboxForgetsOne,
    /// A new process leaves the requests of those before it out of its rounds.
    RestartForgetsOutbox,
    /// The screen says that a pending request is registered.
    ScreenPromises,
    /// The card's desk does not give the card back, and the screen does not ask to take it.
    CardStays,
    /// A new process reads a card that the one before left with power.
    RestartLeavesPower,
    /// A unit with a shutter is not told that no card is wanted any more.
    WayInStaysOpen,
    /// The screen's warning that the time is nearly over is not shown.
    WarningUnseen,
    /// The ledger of the devices bears fifty times the failures that are configured.
    LedgerBearsAll,
}

/// A run does not wait longer for anything than this.
const HAPPENINGS_MAX: u64 = 400_000;

/// Everything but the runtime.
pub(super) struct World {
    pub(super) dice: Dice,
    pub(super) weather: Weather,
    pub(super) sabotage: Option<Sabotage>,
    pub(super) fixture: Arc<Fixture>,
    pub(super) config: Config,
    pub(super) unit: Unit,
    pub(super) pad: Pad,
    pub(super) printer: Print,
    pub(super) host: Host,
    pub(super) lobby: Lobby,
    pub(super) truth: Truth,
    pub(super) diary: Diary,
    pub(super) spy: Option<Spy>,
    /// Number of the living process; `None` while there is none.
    process: Option<u32>,
    processes: u32,
    kill_in: Option<u32>,
    pub(super) kills: u32,
    now: Duration,
    base: Instant,
    /// The terminal's wall clock is so much ahead of the right time.
    clock_off_ms: i64,
    sequence: u64,
    happened: u64,
    calendar: BTreeMap<(Duration, u64), Happening>,
    mail: VecDeque<Letter>,
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "any point on the steady clock will do as the first")]
    pub(super) fn new(dice: Dice, weather: Weather, config: Config, diary: Diary) -> Self {
        Self {
            unit: Unit::default(),
            pad: Pad::default(),
            printer: Print::default(),
            host: Host::default(),
            lobby: Lobby::default(),
            truth: Truth::default(),
            sabotage: None,
            fixture: fixture::get(),
            spy: None,
            process: None,
            processes: 0,
            kill_in: None,
            kills: 0,
            now: Duration::ZERO,
            base: Instant::now(),
            clock_off_ms: 0,
            sequence: 0,
            happened: 0,
            calendar: BTreeMap::new(),
            mail: VecDeque::new(),
            dice,
            weather,
            config,
            diary,
        }
    }

    // Time.

    /// On the steady clock, since the beginning of the run.
    pub(super) const fn now(&self) -> Duration {
        self.now
    }

    pub(super) fn instant(&self) -> Instant {
        self.base + self.now
    }

    /// The right time, as the host has it.
    pub(super) fn right_time(&self) -> Timestamp {
        self.fixture.epoch + SignedDuration::try_from(self.now).unwrap()
    }

    /// The terminal's wall clock, in whole milliseconds.
    pub(super) fn wall(&self) -> Timestamp {
        let wall = self.right_time() + SignedDuration::from_millis(self.clock_off_ms);
        Timestamp::from_millisecond(wall.as_millisecond()).unwrap()
    }

    /// Sets the terminal's wall clock so much ahead of the right time.
    pub(super) fn set_clock_off(&mut self, ms: i64) {
        self.diary.world(self.now, || format!("the wall clock jumps: {ms} ms ahead of the right time"));
        self.clock_off_ms = ms;
    }

    // The calendar.

    /// This will happen, whoever lives then.
    pub(super) fn after(&mut self, ms: u64, happening: impl FnOnce(&mut Self) + 'static) {
        self.sequence += 1;
        let at = self.now + Duration::from_millis(ms);
        self.calendar.insert((at, self.sequence), Box::new(happening));
    }

    /// This will happen when the same process lives then: it is the process's own doing.
    pub(super) fn after_here(&mut self, ms: u64, happening: impl FnOnce(&mut Self) + 'static) {
        self.after_in(self.process, ms, happening);
    }

    /// The same for what was asked by an earlier one, perhaps: an answer reaches nobody but who asked.
    pub(super) fn after_in(
        &mut self,
        process: Option<u32>,
        ms: u64,
        happening: impl FnOnce(&mut Self) + 'static,
    ) {
        self.after(ms, move |world| {
            if process.is_some() && world.process == process {
                happening(world);
            }
        });
    }

    /// Posts a letter to the runtime, if there is one.
    pub(super) fn post(&mut self, message: Message, story: Story) {
        if self.process.is_some() {
            self.diary.world(self.now, || format!("posts {}", super::diary::brief(&message)));
            let letter = Letter { at: self.wall(), posted: self.instant(), message, story };
            self.mail.push_back(letter);
        }
    }

    pub(super) fn event(&mut self, event: Event) {
        self.post(Message::Event(event), Story::default());
    }

    /// Posts a letter later, to the same process.
    pub(super) fn post_after(&mut self, ms: u64, message: Message) {
        self.after_here(ms, move |world| world.post(message, Story::default()));
    }

    pub(super) fn event_after(&mut self, ms: u64, event: Event) {
        self.post_after(ms, Message::Event(event));
    }

    /// A letter that is there already. The work before it took its time, so that letters gather.
    pub(super) fn take(&mut self) -> Option<Letter> {
        if self.dice.permille(150) {
            let until = self.now + Duration::from_millis(self.dice.between(1, 8));
            self.pass_until(until);
        }
        self.mail.pop_front()
    }

    /// The next letter, or `None` when the deadline comes first.
    pub(super) fn wait(&mut self, deadline: Option<Duration>) -> Option<Letter> {
        loop {
            if let Some(letter) = self.mail.pop_front() {
                return Some(letter);
            }
            match (self.calendar.first_key_value().map(|((at, _), _)| *at), deadline) {
                (Some(at), deadline) if deadline.is_none_or(|deadline| at <= deadline) => self.happen(at),
                (_, Some(deadline)) => {
                    self.now = self.now.max(deadline);
                    return None;
                }
                (Some(_) | None, None) => {
                    self.broken("always-goes-on", "the machine waits and nothing will ever happen".to_owned())
                }
            }
        }
    }

    /// Time passes, with or without a process.
    pub(super) fn pass(&mut self, ms: u64) {
        self.pass_until(self.now + Duration::from_millis(ms));
    }

    fn pass_until(&mut self, until: Duration) {
        while let Some(at) = self.calendar.first_key_value().map(|((at, _), _)| *at).filter(|at| *at <= until)
        {
            self.happen(at);
        }
        self.now = self.now.max(until);
    }

    fn happen(&mut self, at: Duration) {
        self.now = self.now.max(at);
        self.happened += 1;
        if self.happened > HAPPENINGS_MAX {
            self.broken("always-goes-on", "the run does not come to its end".to_owned());
        }
        self.check_card();
        if let Some((_, happening)) = self.calendar.pop_first() {
            happening(self);
        }
    }

    // The process.

    /// A process begins.
    pub(super) fn begin_process(&mut self) {
        self.processes += 1;
        self.process = Some(self.processes);
        self.mail.clear();
        self.kill_in = None;
        self.unit_gets_process();
    }

    /// The process is gone, and with it all that only it knew.
    pub(super) fn end_process(&mut self) {
        self.process = None;
        self.mail.clear();
        self.kill_in = None;
        self.unit_loses_process();
        self.pad.stop();
        self.host.sent_here.clear();
        self.truth.process_ended();
    }

    /// It will not be killed after all.
    pub(super) fn forget_kill(&mut self) {
        self.kill_in = None;
        super::disk::spare();
    }

    /// Which process lives.
    pub(super) const fn here(&self) -> Option<u32> {
        self.process
    }

    pub(super) const fn processes(&self) -> u32 {
        self.processes
    }

    pub(super) const fn lives(&self) -> bool {
        self.process.is_some()
    }

    /// The process will be killed at so many calls into the world from now.
    pub(super) fn kill_in(&mut self, calls: u64) {
        self.kill_in = Some(u32::try_from(calls).unwrap_or(u32::MAX));
    }

    /// The process calls into the world: it may be its last call.
    pub(super) fn called(&mut self, by: &'static str) {
        let died_on_disk = super::disk::has_died();
        match &mut self.kill_in {
            Some(left) if *left > 0 && !died_on_disk => *left -= 1,
            None if !died_on_disk => {}
            Some(_) | None => {
                self.diary.world(self.now, || format!("the process is killed, in a call of {by}"));
                self.kill_in = None;
                resume_unwind(Box::new(Killed));
            }
        }
    }

    /// The service manager wants the process to end, and kills it when it does not.
    pub(super) fn terminate(&mut self) {
        if self.process.is_some() {
            self.post(Message::Terminate, Story::default());
            self.after_here(300_000, |world| {
                // A customer is waited for, a card that nobody takes, and a unit that may have one.
                let card = world.unit.card.is_some() || world.unit.lost.is_some();
                let waits = card || world.truth.visit.is_some();
                let state = world.truth.state;
                world.holds("stops-when-asked", waits, || format!("the process does not end, in {state}"));
                world.kill_in(0);
            });
        }
    }

    // Promises.

    /// A promise is broken.
    pub(super) fn broken(&mut self, promise: &'static str, what: String) -> ! {
        self.diary.world(self.now, || format!("BROKEN {promise}: {what}"));
        resume_unwind(Box::new(Broken { promise, what }));
    }

    /// Unless this holds, a promise is broken.
    pub(super) fn holds(&mut self, promise: &'static str, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken(promise, what());
        }
    }

    /// The reader of the journal; there is one as long as there is a journal.
    pub(super) fn spy(&self) -> &Spy {
        self.spy.as_ref().unwrap()
    }

    /// In a run of bugs put in on purpose: this one.
    pub(super) fn is_sabotaged_by(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }
}
