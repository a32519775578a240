//! The machine's own thread: takes letters from one queue, lets the machine decide, makes records durable, does effects.
//!
//! Invariants:
//! - Commits happen here, synchronously: no effect of a step begins before its records are durable.
//! - Whatever goes wrong here, a failed commit or a bug, ends with the card back in its owner's hand: release, wait until
//!   it is taken, stop with the reason.

mod card_taken;
mod devices;
mod dispatch;
mod evidence;
mod filing;
mod outbox;
mod screens;
mod shutter;

use std::collections::VecDeque;
use std::num::NonZeroU8;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use jiff::Timestamp;
use journal::{CheckpointSigner, Journal, LogEntry};
use transaction::{
    Act, Device, Durable as _, Effect, Event, Fault, FaultKind, LanguageNo, Machine, Mode, Numbered, Policy,
    Record, Recovery, Release, Screen, Step,
};

use crate::clock::Clock;
use crate::config::Config;
use crate::desks::{CardSide, Clerk, HostSide, Names, PinSide, Post, PrinterSide, Witness};
use crate::evidence_files::EvidenceFiles;
use crate::folder::Folder;
use crate::health::{Health, News, Said};
use crate::other_readers::OtherReaders;
use crate::queue::{Letter, Message, Story, chain};
use crate::recorder::{Noted, Recorder, Scribe};
use crate::report::{Report, Times, WaitsFor};
use crate::screen::{CustomerScreen, Keys};
use crate::timers::Timers;

pub(crate) use screens::Languages;

/// What the machine's thread works with; `compose.rs` puts it together.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) languages: Languages,
    pub(crate) journal: Journal,
    /// To be written with the first step: why the log before this one ends.
    pub(crate) first_entry: Option<LogEntry>,
    pub(crate) log_key: Box<dyn CheckpointSigner>,
    pub(crate) scribe: Scribe,
    pub(crate) office: Box<dyn Clerk>,
    pub(crate) card: Box<dyn CardSide>,
    pub(crate) pin: Box<dyn PinSide>,
    pub(crate) host: Box<dyn HostSide>,
    pub(crate) printer: Box<dyn PrinterSide>,
    pub(crate) others: OtherReaders,
    pub(crate) screen: Box<dyn CustomerScreen>,
    pub(crate) keys: Option<Keys>,
    pub(crate) evidence: EvidenceFiles,
    pub(crate) post: Box<dyn Post>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) names: Box<dyn Names>,
    pub(crate) witness: Box<dyn Witness>,
}

/// What the process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// One visit.
    Register,
    /// One visit after the other, until somebody stops the service.
    Serve,
    /// Deliver what is in the outbox.
    Deliver,
}

/// How the work ended.
pub(crate) enum Ended {
    /// The visit is over.
    Visit(Box<Report>),
    /// No visit took place.
    NoVisit {
        /// Stable code.
        code: &'static str,
    },
    /// The service was stopped, with nobody's visit going on.
    Stopped,
    /// A pass over the outbox is over.
    Delivered {
        /// Requests that still have no decision.
        left: u32,
    },
}

/// The thread's own state.
pub(crate) struct Runtime {
    parts: Parts,
    goal: Goal,
    folder: Folder,
    timers: Timers,
    /// Answers that this thread gives itself; they come before the queue.
    own: VecDeque<Letter>,
    /// Records that become durable while the machine waits.
    noted: Noted,
    waits_for: WaitsFor,
    times: Times,
    host_jobs: u32,
    /// As the card unit last said, `None` when it has not: for the day when there is no machine to ask.
    card_inside: Option<bool>,
    begun: bool,
    visit_open: bool,
    /// The menu is before the customer.
    menu: bool,
    /// The service manager wants the process to end.
    terminating: bool,
    /// The whole journal was read, and is not sound: no visit begins on it again.
    journal_damaged: bool,
    language: LanguageNo,
    /// As the machine serves the present customer, for the log.
    mode: Mode,
    health: Health,
    /// An idle machine's screen, until the machine has heard what the ledger says.
    held: Option<Numbered<Effect>>,
    /// The customer is asked to put the card in.
    asks_for_card: bool,
    /// When the printer is looked at next, besides at the begin of each visit.
    printer_look: Option<Instant>,
    outbox: outbox::Rounds,
    erasure: evidence::Erasure,
    /// So many entries without a signature bring the next checkpoint: more, after one that failed.
    checkpoint_at: u64,
    /// Commits of the journal before the visit at hand.
    commits_before: u64,
    ended: Option<Ended>,
    /// After the end: how long to wait for the host to take the last things.
    linger_until: Option<Instant>,
}

/// How the work came to its end: as wanted, with what may still be done, or by a panic.
pub(crate) type Worked = std::thread::Result<Result<Ended, (Stopped, Vec<Release>)>>;

/// Why the machine is gone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stopped {
    #[error("what happened cannot be recorded")]
    NotRecorded(#[source] crate::recorder::RecordError),
    #[error("a bug: in {state}, {report}")]
    Violation { state: &'static str, report: &'static str },
    #[error("a bug: the machine's thread panicked")]
    Panic,
}

impl Stopped {
    const fn code(&self) -> &'static str {
        match self {
            Self::NotRecorded(_) => "journal-failed",
            Self::Violation { .. } | Self::Panic => "program-error",
        }
    }
}

impl Runtime {
    pub(crate) fn new(parts: Parts, goal: Goal) -> Self {
        let limits = &parts.config.limits;
        Self {
            checkpoint_at: u64::from(limits.log_entries_per_checkpoint_max),
            health: Health::new(limits.device_failures_max, &parts.others.names()),
            held: None,
            asks_for_card: false,
            printer_look: None,
            parts,
            goal,
            folder: Folder::default(),
            timers: Timers::default(),
            own: VecDeque::new(),
            noted: Noted::default(),
            waits_for: WaitsFor::Itself,
            times: Times::default(),
            host_jobs: 0,
            card_inside: None,
            begun: false,
            visit_open: false,
            menu: false,
            terminating: false,
            journal_damaged: false,
            language: LanguageNo::OWN,
            mode: Mode::Screen,
            outbox: outbox::Rounds::default(),
            erasure: evidence::Erasure::default(),
            commits_before: 0,
            ended: None,
            linger_until: None,
        }
    }

    /// Works until the goal is reached, or until nothing can be done any more.
    pub(crate) fn run(mut self, recovery: Recovery) -> Ended {
        let worked = catch_unwind(AssertUnwindSafe(|| self.work(recovery)));
        self.end(worked)
    }

    /// The end of the work, whichever it was.
    pub(crate) fn end(mut self, worked: Worked) -> Ended {
        self.close_the_way_in();
        let (stopped, release) = match worked {
            Ok(Ok(ended)) => {
                // What came after the end of the goal: its result is durable already, and stands.
                self.flush_at_end();
                self.parts.card.close();
                return ended;
            }
            Ok(Err(stopped)) => stopped,
            Err(_) => {
                let mut release = vec![Release::ForgetPin, Release::EndCard];
                match self.card_inside {
                    None => release.extend([Release::MakeSafe, Release::ReturnCard]),
                    Some(true) => release.push(Release::ReturnCard),
                    Some(false) => {}
                }
                release.push(Release::OutOfService);
                (Stopped::Panic, release)
            }
        };
        tracing::error!(error = %chain(&stopped), "this terminal stops");
        for release in &release {
            self.release(*release, None);
        }
        self.record_stop(&stopped);
        if release.contains(&Release::ReturnCard) {
            self.wait_for_card_taken();
        }
        self.parts.card.close();
        Ended::NoVisit { code: stopped.code() }
    }

    /// A bug of ours goes into the device log, with all that was noted before it; a journal that failed takes nothing.
    fn record_stop(&mut self, stopped: &Stopped) {
        let code = match stopped {
            Stopped::NotRecorded(_) => return,
            Stopped::Violation { .. } | Stopped::Panic => stopped.code(),
        };
        let fault = Fault { device: Device::Terminal, kind: FaultKind::Broken, code };
        let story = Story::of(stopped);
        let mut recorder = Recorder { present: None, ..self.recorder(self.parts.clock.now(), &story) };
        if let Err(error) = recorder.commit(&[Record::Fault(fault)]) {
            tracing::error!(error = %chain(&error), "why this terminal stops is not in its log");
        }
    }

    fn flush_at_end(&mut self) {
        if let Err(error) = self.noted.flush(&mut self.parts.journal) {
            tracing::error!(error = %chain(&error), "the last entries are not in the log");
        }
        self.publish_devices();
    }

    pub(crate) fn work(&mut self, recovery: Recovery) -> Result<Ended, (Stopped, Vec<Release>)> {
        let mut machine = Machine::new(policy(&self.parts.config));
        self.parts.first_entry.take().into_iter().for_each(|entry| self.noted.begins_with(entry));
        self.give_self(Event::Start(recovery), Story::default());
        self.complete_evidence();
        self.watch_devices();
        loop {
            if self.is_over()
                && let Some(ended) = self.ended.take()
            {
                return Ok(ended);
            }
            let letter = match self.next_letter() {
                Ok(letter) => letter,
                Err(stopped) => return Err((stopped, whats(&machine.abandon()))),
            };
            let Some(Letter { at, message, story, .. }) = letter else { continue };
            let Some((event, story)) = self.file(at, message, story) else { continue };
            let passed = match event {
                Event::OutboxPassed { left } => Some(left),
                _ => None,
            };
            machine = self.step(machine, event, at, &story)?;
            if let Some(left) = passed {
                self.outbox_passed(left);
            }
        }
    }

    fn step(
        &mut self,
        machine: Machine,
        event: Event,
        at: Timestamp,
        story: &Story,
    ) -> Result<Machine, (Stopped, Vec<Release>)> {
        self.parts.witness.takes(machine.state(), &event, story);
        // What a step records was done in the mode before it, but for the change itself.
        self.mode = match event {
            Event::Mode(mode) => mode,
            _ => machine.mode(),
        };
        let said = Said::by(&event);
        let step = machine.handle(event).map_err(|violation| {
            let stopped = Stopped::Violation { state: violation.state, report: violation.report };
            (stopped, whats(&violation.release))
        })?;
        self.parts.witness.decided(&step);
        let News { event: news, line, told } = self.health.hear(said, step.records(), story, at);
        let mut recorder = Recorder { told, ..self.recorder(at, story) };
        line.into_iter().for_each(|line| recorder.jot(line));
        let committed = step
            .commit(&mut recorder)
            .map_err(|failed| (Stopped::NotRecorded(failed.error), whats(&failed.release)))?;
        if self.noted.unsigned_entries >= self.checkpoint_at {
            self.checkpoint();
        }
        for effect in committed.effects {
            if news.is_some() && shows_idle(&effect) {
                self.held = Some(effect);
            } else {
                self.does(effect, at);
            }
        }
        let Some((event, story)) = news else { return Ok(committed.machine) };
        self.hears_at_once(committed.machine, event, &story)
    }

    /// The machine hears of a device that keeps failing before anybody sees an idle machine: the menu of one that serves
    /// nobody is not shown for a moment, and no visit begins at it. Where nothing else is shown, what was held is.
    fn hears_at_once(
        &mut self,
        machine: Machine,
        event: Event,
        story: &Story,
    ) -> Result<Machine, (Stopped, Vec<Release>)> {
        let now = self.parts.clock.now();
        let machine = self.step(machine, event, now, story)?;
        if let Some(held) = self.held.take() {
            self.does(held, now);
        }
        Ok(machine)
    }

    fn does(&mut self, effect: Numbered<Effect>, at: Timestamp) {
        self.parts.witness.does(&effect);
        self.dispatch(effect, at);
    }

    /// The journal, for what happened at `at`.
    fn recorder<'a>(&'a mut self, at: Timestamp, story: &'a Story) -> Recorder<'a> {
        Recorder {
            journal: &mut self.parts.journal,
            scribe: &self.parts.scribe,
            folder: &self.folder,
            at,
            boot_ms: self.parts.clock.boot_ms(),
            present: self.folder.visit().filter(|_| self.visit_open).map(|papers| papers.visit.id),
            mode: self.mode,
            story,
            told: Vec::new(),
            noted: &mut self.noted,
        }
    }

    /// The next letter: this thread's own first, then a deadline that is over, then the queue. Before it waits, what was
    /// noted becomes durable.
    fn next_letter(&mut self) -> Result<Option<Letter>, Stopped> {
        if let Some(letter) = self.own.pop_front() {
            return Ok(Some(letter));
        }
        let now = self.parts.clock.instant();
        if let Some(no) = self.timers.take_expired(now) {
            return Ok(Some(self.letter(Event::Expired(no), Story::default())));
        }
        if self.outbox.is_due(now) {
            self.deliver_outbox();
        }
        self.look_at_printer_when_due(now);
        let deadlines = [self.timers.next(), self.outbox.again(), self.linger_until, self.printer_look];
        let deadline = deadlines.into_iter().flatten().min();
        if let Some(letter) = self.parts.post.take() {
            return Ok(Some(letter));
        }
        self.noted.flush(&mut self.parts.journal).map_err(Stopped::NotRecorded)?;
        self.publish_devices();
        let letter = self.parts.post.next(deadline);
        if self.visit_open {
            // A letter that came during the flush had to wait for us, not we for it.
            let until = letter.as_ref().map_or_else(|| self.parts.clock.instant(), |letter| letter.posted);
            self.times.add(self.waits_for, until.saturating_duration_since(now));
        }
        Ok(letter)
    }

    fn give_self(&mut self, event: Event, story: Story) {
        let letter = self.letter(event, story);
        self.own.push_back(letter);
    }

    fn letter(&self, event: Event, story: Story) -> Letter {
        Letter::now(&*self.parts.clock, Message::Event(event), story)
    }

    /// The goal is reached, and the host has taken what there was for it, or its time is over.
    fn is_over(&self) -> bool {
        self.ended.is_some()
            && self.own.is_empty()
            && (self.host_jobs == 0
                || self.linger_until.is_some_and(|until| until <= self.parts.clock.instant()))
    }

    /// The customer chose the service. (Of a terminal that serves one visit, whoever started it did.)
    fn begin(&mut self) {
        self.begun = true;
        self.visit_open = true;
        self.menu = false;
        let visit = self.parts.names.visit(self.parts.clock.now());
        self.times = Times::default();
        self.commits_before = self.parts.journal.stats().commits;
        self.folder.open(visit, self.parts.clock.instant());
        self.give_self(Event::Begin(visit), Story::default());
    }
}

/// The screens in whose place a machine that is idle shows that it serves nobody.
const fn shows_idle(effect: &Numbered<Effect>) -> bool {
    matches!(effect.what, Effect::Act(Act::Show(Screen::Menu | Screen::CardUnitDown { .. })))
}

/// When the pad was touched is the rhythm of a PIN: no trace of it, at no level.
fn traced(event: &Event) -> bool {
    *event != Event::PadTouched
}

/// Tells the trace.
pub(crate) struct Trace;

impl Witness for Trace {
    fn takes(&mut self, state: &'static str, event: &Event, story: &Story) {
        if traced(event) {
            tracing::debug!(state, ?event, what = story.what, "event");
        }
    }

    fn decided(&mut self, _step: &Step) {}

    fn does(&mut self, effect: &Numbered<Effect>) {
        tracing::trace!(?effect, "effect");
    }
}

fn whats(release: &[Numbered<Release>]) -> Vec<Release> {
    release.iter().map(|release| release.what).collect()
}

fn policy(config: &Config) -> Policy {
    let return_order = match config.visit.return_order {
        crate::config::ReturnOrder::ReceiptThenCard => transaction::ReturnOrder::ReceiptThenCard,
        crate::config::ReturnOrder::CardThenReceipt => transaction::ReturnOrder::CardThenReceipt,
    };
    Policy {
        return_order,
        retain_after: config.retain.as_ref().and_then(|retain| NonZeroU8::new(retain.after_reminders)),
        time_extensions_max: u8::try_from(config.limits.time_extensions_max).unwrap_or(u8::MAX),
        pad_entries_max: config.limits.pad_entries(),
    }
}

#[cfg(test)]
mod tests;
