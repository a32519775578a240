//! One run: a journal of its own, processes one after the other until enough visits were begun, then calm weather until
//! nothing is left to do, then the books.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use journal::{Checkpoint, check_at_next_open, check_whole, verify_log};
use transaction::{Event, Order, Recovery};
use uuid::Uuid;

use super::card::SimCard;
use super::clerk::SimClerk;
use super::diary::{Coverage, Diary};
use super::dice::Dice;
use super::disk::{self, Plan};
use super::fixture::{self, TERMINAL};
use super::host::SimHost;
use super::lobby::Place;
use super::pad::SimPin;
use super::printer::SimPrinter;
use super::seams::{SimClock, SimKey, SimNames, SimPost, SimScreen, SimWitness};
use super::spy::{Entry, Spy};
use super::weather::Weather;
use super::world::{Broken, Killed, Sabotage, Shared, World};
use crate::catalogue::Language;
use crate::compose::{ComposeError, FromJournal, open_journal};
use crate::evidence_files::EvidenceFiles;
use crate::other_readers::OtherReaders;
use crate::paperwork::Office;
use crate::queue::{Message, Story};
use crate::recorder::Scribe;
use crate::runtime::{Ended, Goal, Languages, Parts, Runtime, Stopped, Worked};

/// Calm weather must bring a run to its end within so many minutes of virtual time.
const CALM_MINUTES_MAX: u32 = 3 * 24 * 60;

/// What a run is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot {
    pub(super) seed: u64,
    pub(super) visits: u32,
    pub(super) sabotage: Option<Sabotage>,
    /// One line for each event.
    pub(super) written: bool,
}

/// What a run was.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) runs: u32,
    pub(super) visits: u32,
    pub(super) processes: u32,
    pub(super) kills: u32,
    /// Requests in the host's books.
    pub(super) decided: u32,
    pub(super) entries: u64,
    pub(super) commits_fair_max: u64,
    pub(super) commits_max: u64,
    pub(super) coverage: Coverage,
}

/// How a run ended.
pub(super) struct Finished {
    pub(super) result: Result<Summary, Broken>,
    pub(super) lines: Vec<String>,
}

/// Runs it.
pub(super) fn run(plot: Plot) -> Finished {
    let folder = fixture::folder();
    let world = begin(plot, folder.path());
    let run = Run { world: Rc::clone(&world), plot, office: Rc::new(fixture::get().office()) };
    let result = match catch_unwind(AssertUnwindSafe(|| run.all())) {
        Ok(result) => result,
        Err(payload) => Err(broken(payload)),
    };
    disk::plan(Plan::Fine);
    let mut world = world.borrow_mut();
    world.diary.turn();
    Finished { result, lines: world.diary.lines.take().unwrap_or_default() }
}

fn begin(plot: Plot, folder: &std::path::Path) -> Shared {
    let mut dice = Dice::new(plot.seed);
    let weather = match plot.sabotage {
        // A bug that is there is found in any weather that lets it come about.
        Some(Sabotage::LedgerBearsAll) => Weather { card: 400, printer: 400, ..Weather::default() },
        Some(_) => Weather { kills: true, host: 200, whims: 60, ..Weather::default() },
        None => Weather::draw(&mut dice),
    };
    let mut config = fixture::get().config.clone();
    config.state_dir = folder.to_owned();
    Weather::configure(&mut dice, &mut config);
    let diary = if plot.written { Diary::written() } else { Diary::default() };
    let mut world = World::new(dice, weather, config, diary);
    world.sabotage = plot.sabotage;
    world.truth.wanted = plot.visits;
    Rc::new(RefCell::new(world))
}

/// What unwound, in the words of a promise.
fn broken(payload: Box<dyn std::any::Any + Send>) -> Broken {
    match payload.downcast::<Broken>() {
        Ok(broken) => *broken,
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            Broken { promise: "no-bug", what: format!("a panic: {}", text.unwrap_or_default()) }
        }
    }
}

struct Run {
    world: Shared,
    plot: Plot,
    office: Rc<Office>,
}

/// What became of a process.
enum Gone {
    Killed,
    Ended(Ended),
    /// The journal failed, as planned, and what may still be done is done.
    JournalFailed,
}

impl Run {
    fn all(&self) -> Result<Summary, Broken> {
        while !self.world.borrow().truth.over {
            self.process()?;
        }
        self.close_books()
    }

    /// One process from its start to its end, and the time until the next one.
    fn process(&self) -> Result<(), Broken> {
        let goal = self.prepare();
        let FromJournal { journal, recovery, first_entry } = match self.open() {
            Some(opened) => opened,
            None => return Ok(()),
        };
        let parts = self.parts(journal, first_entry);
        let runtime = Runtime::new(parts, goal);
        let gone = self.live(runtime, recovery)?;
        let mut world = self.world.borrow_mut();
        let end = match &gone {
            Gone::Killed => "killed",
            Gone::JournalFailed => "journal-failed",
            Gone::Ended(Ended::Visit(_)) => "visit",
            Gone::Ended(Ended::NoVisit { .. }) => "no-visit",
            Gone::Ended(Ended::Stopped) => "stopped",
            Gone::Ended(Ended::Delivered { .. }) => "delivered",
        };
        world.diary.turn();
        world.diary.coverage.ends.insert(end);
        let now = world.now();
        world.diary.world(now, || format!("the process is gone: {end}"));
        if let Gone::Ended(Ended::Visit(report)) = &gone {
            world.check_report(report, true);
        }
        world.kills += u32::from(matches!(gone, Gone::Killed));
        world.end_process();
        disk::plan(Plan::Fine);
        world.settle(matches!(gone, Gone::Ended(Ended::Stopped)));
        world.react();
        let down = world.dice.between(1_000, 30_000);
        world.pass(down);
        Ok(())
    }

    /// What will go wrong with this process, and what it is for.
    fn prepare(&self) -> Goal {
        let mut world = self.world.borrow_mut();
        world.begin_process();
        let plan = world.disk_plan();
        disk::plan(plan);
        if world.weather.kills && world.dice.permille(600) {
            let most = world.dice.pick(&[80, 1_500, 12_000]);
            let calls = world.dice.between(0, most);
            world.kill_in(calls);
        }
        let now = world.now();
        world.diary.world(now, || format!("a process begins; disk: {plan:?}"));
        if world.truth.calming {
            return Goal::Serve;
        }
        world.dice.weighted(&[(85, Goal::Serve), (10, Goal::Register), (5, Goal::Deliver)])
    }

    /// Opens the journal as the program does. `None`: the disk failed, and the process ended before it began.
    fn open(&self) -> Option<FromJournal> {
        let mut world = self.world.borrow_mut();
        let damage = world.weather.damage;
        let damages = world.spy.is_some() && world.strikes(damage);
        let deep = damages && world.dice.permille(400);
        if let Some(spy) = world.spy.take() {
            let done = damages && spy.damage(deep);
            world.truth.damaged |= done && !deep;
            world.truth.damaged_deep |= done && deep;
            if world.truth.damaged || world.truth.damaged_deep {
                // Now or some time it is set aside.
                let rows = spy.requests();
                world.truth.set_aside.extend(rows.into_iter().map(|(request, row)| (request.0, row)));
            }
        }
        let opened = open_journal(&world.config, &scribe(), world.wall());
        match opened {
            Ok(opened) => {
                world.spy = Some(Spy::open(&world.config.journal_path()));
                world.settle_damage(&opened.recovery);
                Some(opened)
            }
            Err(error) => {
                let planned = disk::has_failed();
                world.holds("no-bug", planned, || format!("the journal cannot be opened: {}", chain(&error)));
                disk::plan(Plan::Fine);
                if world.config.journal_path().exists() {
                    world.spy = Some(Spy::open(&world.config.journal_path()));
                }
                world.end_process();
                world.pass(5_000);
                None
            }
        }
    }

    fn parts(&self, journal: journal::Journal, first_entry: Option<journal::LogEntry>) -> Parts {
        let fixture = fixture::get();
        let here = || Rc::clone(&self.world);
        let world = self.world.borrow();
        let [own, other] = &fixture.catalogues;
        let mut config = world.config.clone();
        if world.is_sabotaged_by(Sabotage::LedgerBearsAll) {
            config.limits.device_failures_max *= 50;
        }
        Parts {
            languages: Languages { own: own.clone(), others: vec![other.clone()] },
            journal,
            first_entry,
            log_key: Box::new(SimKey { world: here(), key: fixture.log_signer() }),
            scribe: scribe(),
            office: Box::new(SimClerk::new(here(), Rc::clone(&self.office))),
            card: Box::new(SimCard(here())),
            pin: Box::new(SimPin(here())),
            host: Box::new(SimHost(here())),
            printer: Box::new(SimPrinter(here())),
            others: OtherReaders::default(),
            screen: Box::new(SimScreen(here())),
            keys: None,
            evidence: EvidenceFiles::new(world.config.evidence_dir()),
            post: Box::new(SimPost(here())),
            clock: Box::new(SimClock(here())),
            names: Box::new(SimNames(here())),
            witness: Box::new(SimWitness(here())),
            config,
        }
    }

    /// The life of a process. A kill unwinds through the runtime, and the runtime must not notice: it is dropped.
    fn live(&self, mut runtime: Runtime, recovery: Recovery) -> Result<Gone, Broken> {
        let worked = match catch_unwind(AssertUnwindSafe(|| runtime.work(recovery))) {
            Err(payload) if payload.is::<Killed>() => return Ok(Gone::Killed),
            Err(payload) => return Err(broken(payload)),
            Ok(worked) => worked,
        };
        let mut journal_failed = false;
        match &worked {
            Ok(_) => {
                // The last one to close it: the write-ahead log goes into the database.
                self.world.borrow_mut().spy = None;
            }
            Err((Stopped::NotRecorded(_), _)) if disk::has_died() => return Ok(Gone::Killed),
            Err((Stopped::NotRecorded(_), _)) if disk::has_failed() => journal_failed = true,
            Err((stopped, _)) => {
                let what = crate::queue::chain(stopped);
                return Err(Broken { promise: "no-bug", what });
            }
        }
        let worked: Worked = Ok(worked);
        let ended = match catch_unwind(AssertUnwindSafe(|| runtime.end(worked))) {
            Err(payload) if payload.is::<Killed>() => Gone::Killed,
            Err(payload) => return Err(broken(payload)),
            Ok(_) if journal_failed => Gone::JournalFailed,
            Ok(ended) => Gone::Ended(ended),
        };
        let mut world = self.world.borrow_mut();
        if world.spy.is_none() {
            world.spy = Some(Spy::open(&world.config.journal_path()));
        }
        Ok(ended)
    }

    fn close_books(&self) -> Result<Summary, Broken> {
        let mut world = self.world.borrow_mut();
        world.check_card_is_out();
        world.check_books();
        let open = world.spy().open_visits();
        world.holds("log-verifies", open == 0, || format!("{open} visits were never closed"));
        let entries = world.spy().entries();
        world.spy = None;
        let entry_count = world.check_log(&entries);
        let decided = world.host.books.len();
        Ok(Summary {
            runs: 1,
            visits: world.truth.begun,
            processes: world.processes(),
            kills: world.kills,
            decided: u32::try_from(decided).unwrap(),
            entries: entry_count,
            commits_fair_max: world.truth.commits_fair_max,
            commits_max: world.truth.commits_max,
            coverage: std::mem::take(&mut world.diary.coverage),
        })
        .inspect(|summary| assert!(summary.visits >= self.plot.visits))
    }
}

fn chain(error: &ComposeError) -> String {
    crate::queue::chain(error)
}

fn scribe() -> Scribe {
    Scribe {
        terminal_id: journal::TerminalId::parse(TERMINAL).unwrap(),
        language: journal::Language::parse(Language::Ja.tag()).unwrap(),
    }
}

/// A journal that was damaged.
impl World {
    /// Damage is found by the start that meets it, or by the full check; nothing else is ever taken for damage.
    fn settle_damage(&mut self, recovery: &Recovery) {
        let corrupt = matches!(recovery, Recovery::Corrupt(_));
        let (shallow, deep) = (self.truth.damaged, self.truth.damaged_deep);
        let asides = self.asides();
        let set_aside = asides > self.truth.asides;
        self.holds("no-bug", set_aside || !shallow, || {
            format!("a damaged journal was found {recovery:?}, and not set aside")
        });
        self.holds("no-bug", !set_aside || shallow || deep, || "a whole journal was set aside".to_owned());
        if set_aside {
            self.truth.asides = asides;
            (self.truth.damaged, self.truth.damaged_deep, self.truth.untold) = (false, false, true);
        }
        let untold = self.truth.untold;
        self.holds("no-bug", untold || !corrupt, || format!("a whole journal was found {recovery:?}"));
        // The log's first entry goes to the disk with the step that closes the machine, and not before.
        let first = self.spy.as_ref().and_then(Spy::first_code);
        let told = first.is_some_and(|code| code.starts_with("journal-"));
        self.holds("no-bug", corrupt || told || !untold, || {
            format!("a journal was set aside, and the next start found {recovery:?}: nobody was told")
        });
        self.truth.untold = untold && !told;
        if self.truth.damaged_deep || (self.weather.damage > 0 && self.dice.permille(100)) {
            let ms = self.dice.between(500, 5_000);
            self.after_here(ms, Self::check_journal);
        }
    }

    fn asides(&self) -> usize {
        let names = std::fs::read_dir(&self.config.state_dir).unwrap().map(|file| file.unwrap().file_name());
        names
            .filter(|name| {
                name.to_string_lossy().contains(".aside-") && !name.to_string_lossy().ends_with("-wal")
            })
            .count()
    }

    /// The check beside the work, as `journal_check.rs` does it; somebody comes and starts the service again.
    fn check_journal(&mut self) {
        match check_whole(&self.config.journal_path(), &self.fixture.log_keys()) {
            Ok(report) => {
                let deep = self.truth.damaged_deep;
                self.holds("log-verifies", !deep, || "damage passed the full check".to_owned());
                self.post(Message::JournalWhole(Box::new(report)), Story::default());
            }
            Err(not_whole) => {
                let Some(reason) = not_whole.reason() else { return };
                let deep = self.truth.damaged_deep;
                let what = crate::queue::chain(&not_whole);
                self.holds("no-bug", deep, || format!("a whole journal is called damaged: {what}"));
                check_at_next_open(&self.config.journal_path()).unwrap();
                self.post(Message::JournalDamaged { code: reason.code() }, Story::default());
                let ms = self.dice.between(10_000, 60_000);
                self.after_here(ms, Self::terminate);
            }
        }
    }
}

/// The end of a run.
impl World {
    /// A visit begins: after the last one that is wanted the weather clears up.
    pub(super) fn count_visit(&mut self) {
        if self.truth.begun >= self.truth.wanted && !self.truth.calming {
            self.truth.calming = true;
            self.lobby.closed = true;
            self.diary.world(self.now(), || "from here on nothing goes wrong any more".to_owned());
            self.clear_up();
            self.forget_kill();
            self.after(60_000, |world| world.watch(0));
        }
    }

    /// Once a minute: is there anything left to do?
    fn watch(&mut self, minutes: u32) {
        let card = self.unit.card;
        self.holds("card-comes-back", minutes < CALM_MINUTES_MAX || card.is_none(), || {
            format!("the card of person {card:?} does not come back")
        });
        let undecided = self.spy.as_ref().map_or(0, Spy::undecided);
        self.holds("outbox-goes-on", minutes < CALM_MINUTES_MAX || undecided == 0, || {
            format!("{undecided} requests still have no decision")
        });
        let state = self.truth.state;
        self.holds("always-goes-on", minutes < CALM_MINUTES_MAX, || format!("the machine stays in {state}"));
        let idle = self.truth.state == "AwaitCustomer" && self.lobby.present.is_none();
        if idle && self.unit.has_idle_card() {
            // Nobody comes any more who would find it.
            self.pull(Place::Bank);
        }
        let quiet = self.lives() && self.is_quiet();
        if quiet && self.truth.state == "AwaitCustomer" {
            self.terminate();
        } else if self.truth.state == "AwaitOrder" {
            self.event(Event::Order(Order::Resume));
        }
        if !self.truth.over {
            self.after(60_000, move |world| world.watch(minutes + 1));
        }
    }

    fn is_quiet(&self) -> bool {
        let undecided = self.spy.as_ref().map_or(0, Spy::undecided);
        self.unit.card.is_none() && self.lobby.present.is_none() && undecided == 0
    }

    /// A process has ended: was it the last one?
    fn settle(&mut self, stopped: bool) {
        self.truth.over = self.truth.calming && stopped && self.is_quiet() && !self.truth.damaged_deep;
    }

    /// The device log: signed, chained, and each visit's entries in their place.
    fn check_log(&mut self, entries: &[Entry]) -> u64 {
        let first = entries.first().map_or(0, |entry| entry.seq);
        let held = self.host.held.as_ref().filter(|held| held.sequence >= first).map(|held| Checkpoint {
            terminal_id: journal::TerminalId::parse(held.terminal_id.as_str()).unwrap(),
            sequence: held.sequence,
            entry_hash: journal::Digest::from(*held.entry_hash.as_bytes()),
            signed_at: held.signed_at.timestamp(),
            signature: held.signature.as_der().to_vec(),
        });
        let verified = verify_log(&self.config.journal_path(), &self.fixture.log_keys(), held.as_ref());
        let report = match verified {
            Ok(report) => report,
            Err(error) => self.broken("log-verifies", crate::queue::chain(&error)),
        };
        let same = report.entries == u64::try_from(entries.len()).unwrap();
        self.holds("log-verifies", same, || "the log has other entries than were verified".to_owned());
        self.check_visits(entries);
        report.entries
    }

    /// One visit at a time; each opened once and closed once; nothing of a visit outside it but its request's way.
    fn check_visits(&mut self, entries: &[Entry]) {
        let mut open: Option<Uuid> = None;
        let mut mode = Handset::HungUp;
        for entry in entries {
            let step = entry.step.as_deref().unwrap_or_default();
            let known = entry.visit.is_none_or(|visit| self.truth.visits.contains_key(visit.as_bytes()));
            self.holds("log-verifies", known, || format!("entry {} is of an unknown visit", entry.seq));
            let of_open = entry.visit.is_none() || entry.visit == open;
            let good = match entry.code.as_str() {
                "visit-opened" => open.is_none() && entry.visit.is_some(),
                // Of a visit of the process before.
                "visit-interrupted" => entry.visit.is_some() && (open.is_none() || of_open),
                _ => of_open || step == "send",
            };
            self.holds("log-verifies", good, || {
                format!("entry {} ({}) is not of the visit that is open", entry.seq, entry.code)
            });
            mode = mode.after(entry);
            let said =
                entry.mode.as_deref().filter(|_| entry.visit == open && entry.code != "visit-interrupted");
            self.holds("log-verifies", said.is_none_or(|said| mode.fits(said)), || {
                format!("entry {} ({}) says {said:?}, the handset is {mode:?}", entry.seq, entry.code)
            });
            if entry.code == "visit-opened" {
                open = entry.visit;
            } else if step == "end" || entry.code == "visit-interrupted" {
                open = None;
                mode = Handset::HungUp;
            }
        }
        self.holds("log-verifies", open.is_none(), || "the last visit is not closed in the log".to_owned());
    }
}

/// How customers are served, as the log tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handset {
    HungUp,
    Taken,
    /// Where a language was chosen at the menu, the menu goes back to the screen some time, and the log does not say when.
    Unknown,
}

impl Handset {
    fn after(self, entry: &Entry) -> Self {
        match (entry.code.as_str(), entry.visit, self) {
            ("handset-taken", Some(_), _) | ("handset-taken", None, Self::HungUp) => Self::Taken,
            ("handset-hung-up" | "started", _, _) => Self::HungUp,
            // The machine becomes idle: whoever comes is served by the screen.
            ("card-unit-ready" | "card-taken" | "card-retained" | "out-of-service", None, _) => Self::HungUp,
            ("language-chosen", None, _) => Self::Unknown,
            _ => self,
        }
    }

    fn fits(self, said: &str) -> bool {
        match self {
            Self::HungUp => said == "screen",
            Self::Taken => said == "handset",
            Self::Unknown => true,
        }
    }
}
