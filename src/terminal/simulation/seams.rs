//! The seams between the runtime and the world that are not devices: screen, witness, clock, post, names.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use journal::{CheckpointSigner, FileSigner, SignFault};
use transaction::{
    Act, CardEvent, Effect, Event, Key, Limit, Mode, Numbered, Order, Pace, Printing, Refusal, RequestId,
    Screen, Step, Visit, VisitId,
};

use super::world::{Sabotage, Shared, World};
use crate::catalogue::Catalogue;
use crate::clock::Clock;
use crate::desks::{Names, Post, Witness};
use crate::queue::{Letter, Story};
use crate::report::Report;
use crate::screen::{CustomerScreen, Facts};

/// What people see.
pub(super) struct SimScreen(pub(super) Shared);

impl CustomerScreen for SimScreen {
    fn show(&mut self, screen: &Screen, facts: &Facts<'_>) {
        let mut world = self.0.borrow_mut();
        world.called("the screen");
        let screen = world.sabotaged(*screen);
        world.check_screen(&screen, facts);
        world.check_out_of_service(&screen);
        world.diary.shows(&screen);
        let hidden = screen == Screen::TakeCard && world.is_sabotaged_by(Sabotage::CardStays);
        world.truth.screen = Some(screen).filter(|_| !hidden);
        world.truth.page += 1;
        world.truth.shown_at = world.now();
        world.truth.warned_at = None;
        world.truth.halted = false;
        if screen == Screen::Sending && world.weather.kills && world.dice.permille(60) {
            let calls = world.dice.between(0, 80);
            world.kill_in(calls);
        }
        if matches!(screen, Screen::OutOfService { .. }) {
            world.resume_later();
        }
        world.react();
    }

    fn out_of_service(&mut self) {
        let mut world = self.0.borrow_mut();
        world.called("the screen");
        world.truth.screen = None;
        world.truth.halted = true;
        world.truth.page += 1;
        world.react();
    }

    fn dots(&mut self, entered: u8) {
        let mut world = self.0.borrow_mut();
        world.called("the screen");
        world.holds("no-surprise-lock", entered <= 4, || format!("{entered} dots for four digits"));
    }

    fn help(&mut self, screen: &Screen, _facts: &Facts<'_>) {
        let mut world = self.0.borrow_mut();
        world.called("the screen");
        let hidden = world.is_sabotaged_by(Sabotage::CardStays);
        let same = world.truth.screen == Some(*screen) || hidden;
        world.holds("told-the-truth", same, || format!("help is about {screen:?}, which is not shown"));
    }

    fn warn_time(&mut self, screen: &Screen, more: bool, _facts: &Facts<'_>) {
        let mut world = self.0.borrow_mut();
        world.called("the screen");
        let same = world.truth.screen == Some(*screen);
        world.holds("told-the-truth", same, || format!("{screen:?} is nearly over, and is not shown"));
        if !world.is_sabotaged_by(Sabotage::WarningUnseen) {
            world.truth.warned_at = Some(world.now());
        }
        world.hear_warning(more);
    }

    fn call_to_take_card(&mut self) {
        let mut world = self.0.borrow_mut();
        world.called("the screen");
        world.react();
    }

    fn card_at_other_reader(&mut self) {
        self.0.borrow_mut().called("the screen");
    }

    fn speak(&mut self, catalogue: Arc<Catalogue>) {
        let mut world = self.0.borrow_mut();
        world.called("the screen");
        world.truth.language = catalogue.language();
    }

    fn report(&mut self, report: &Report) {
        let mut world = self.0.borrow_mut();
        world.called("the screen");
        world.check_report(report, false);
    }
}

/// So many events without a look at the post, and there is no end to them.
const TALK_MAX: u32 = 1_000;

/// Sees every step.
pub(super) struct SimWitness(pub(super) Shared);

impl Witness for SimWitness {
    fn takes(&mut self, state: &'static str, event: &Event, _story: &Story) {
        let mut world = self.0.borrow_mut();
        world.called("the machine");
        let now = world.now();
        world.diary.takes(now, state, event);
        world.truth.state = state;
        world.truth.expired = matches!(event, Event::Expired(_));
        world.truth.unbroken += 1;
        let talk = world.truth.unbroken;
        world.holds("always-goes-on", talk < TALK_MAX, || {
            "the machine talks to itself and to nobody else".to_owned()
        });
        world.note_event(state, event);
        world.rows_take(event);
    }

    fn decided(&mut self, step: &Step) {
        let mut world = self.0.borrow_mut();
        world.diary.decided(step.state(), step.records());
        world.rows_decided(step.records());
        world.check_time(step.state());
        world.follow_mode(step.state());
        world.truth.state = step.state();
        // Here the process knows what it will record, and nothing is recorded yet.
        world.called("the machine");
    }

    fn does(&mut self, effect: &Numbered<Effect>) {
        let mut world = self.0.borrow_mut();
        world.diary.does(effect);
        if let (Effect::Act(Act::PrintReceipt { .. }), Some(visit)) = (&effect.what, &mut world.truth.visit) {
            visit.print = Some(effect.no);
        }
        // Here it is recorded, as far as it has to be, and not done.
        world.called("the machine");
    }
}

/// The states in which a person is waited for, and their limits.
const PATIENCE: [(&str, Limit); 6] = [
    ("AwaitConsent", Limit::Terms),
    ("AwaitCard", Limit::InsertCard),
    ("AwaitLastTryYes", Limit::LastTry),
    ("AwaitPin", Limit::Pin),
    ("AwaitReceiptChoice", Limit::ReceiptChoice),
    ("AwaitNoticeRead", Limit::Notice),
];

impl World {
    fn note_event(&mut self, state: &'static str, event: &Event) {
        if let Some(visit) = &mut self.truth.visit {
            visit.letters += 1;
        }
        match event {
            Event::Key(Key::Cancel) => self.truth.cause(Refusal::Cancelled.code()),
            Event::Order(Order::StopNow) => self.truth.cause(Refusal::ServiceStopped.code()),
            Event::Card(CardEvent::Removed) => self.truth.cause(Refusal::CardRemoved.code()),
            Event::Card(CardEvent::Mute) => self.truth.cause(Refusal::CardUnreadable.code()),
            Event::Card(CardEvent::UnitLost(fault)) => self.truth.cause(fault.code),
            Event::Key(Key::No) if state == "AwaitLastTryYes" => self.truth.cause(Refusal::Cancelled.code()),
            Event::Key(Key::Yes) if state == "AwaitLastTryYes" => {
                if let Some(visit) = &mut self.truth.visit {
                    visit.yes = true;
                }
            }
            Event::Key(Key::Confirm) if state == "AwaitConsent" => {
                let at = self.truth.letter_at;
                if let Some(visit) = &mut self.truth.visit {
                    visit.confirmed = at;
                }
            }
            Event::Mode(mode) => self.truth.mode = Some(*mode),
            Event::Printing(printing) => self.truth.cannot_print = *printing != Printing::Possible,
            Event::Fault(fault) | Event::Unfit(fault) => self.check_own_fault(*fault),
            _ => {}
        }
    }

    fn pace(&self) -> Pace {
        if self.truth.mode == Some(Mode::Voice) { Pace::Slow } else { Pace::Usual }
    }

    /// A person's time is over: they had all of it, and were warned.
    fn check_time(&mut self, after: &'static str) {
        let before = self.truth.state;
        let limit = PATIENCE.iter().find(|(state, _)| *state == before).map(|(_, limit)| *limit);
        let (true, Some(limit), true) = (self.truth.expired, limit, before != after) else { return };
        self.check_customers_time(before, limit);
    }

    /// At the reader's pad the state stays; the screen tells that the time is over.
    pub(super) fn check_customers_time(&mut self, before: &'static str, limit: Limit) {
        let limits = self.config.limits.of_visit();
        let twice = if self.pace() == Pace::Slow { 2 } else { 1 };
        let least = |ms: u32| Duration::from_millis(u64::from(ms) * twice);
        let warned = self.truth.warned_at.map(|at| self.now() - at);
        let in_time = warned.is_some_and(|warned| warned >= least(limits.time_warning_ms));
        self.holds("warned-in-time", in_time, || format!("time over in {before}, warned {warned:?} ago"));
        let had = self.now() - self.truth.shown_at;
        self.holds("warned-in-time", had >= least(limits.whole_ms(limit)), || {
            format!("time over in {before} after {had:?}")
        });
        self.truth.cause(Refusal::TimedOut.code());
    }

    /// The next customer is served by the screen, as every customer is at first.
    fn follow_mode(&mut self, after: &'static str) {
        let before = self.truth.state;
        let idle = ["AwaitCustomer", "AwaitRepair", "AwaitOrder"].contains(&after);
        if idle && (before != after || self.truth.expired) {
            self.truth.mode = None;
        }
    }
}

/// The log key: it signs for real, when it signs.
pub(super) struct SimKey {
    pub(super) world: Shared,
    pub(super) key: FileSigner,
}

impl CheckpointSigner for SimKey {
    fn sign(&self, statement: &[u8]) -> Result<Vec<u8>, SignFault> {
        let mut world = self.world.borrow_mut();
        world.called("the log key");
        let often = world.weather.log_key;
        if world.strikes(often) {
            return Err(SignFault { what: "the token is gone".to_owned() });
        }
        self.key.sign(statement)
    }
}

/// What time it is.
pub(super) struct SimClock(pub(super) Shared);

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let mut world = self.0.borrow_mut();
        world.called("the clock");
        world.wall()
    }

    fn instant(&self) -> Instant {
        let mut world = self.0.borrow_mut();
        world.called("the clock");
        world.instant()
    }

    fn boot_ms(&self) -> u64 {
        let mut world = self.0.borrow_mut();
        world.called("the clock");
        u64::try_from(world.now().as_millis()).unwrap()
    }
}

/// Brings letters, and lets time pass.
pub(super) struct SimPost(pub(super) Shared);

impl Post for SimPost {
    fn take(&self) -> Option<Letter> {
        let mut world = self.0.borrow_mut();
        world.called("the post");
        world.diary.turn();
        world.truth.unbroken = 0;
        let letter = world.take();
        world.truth.letter_at = letter.as_ref().map(|letter| letter.at);
        letter
    }

    fn next(&self, deadline: Option<Instant>) -> Option<Letter> {
        let mut world = self.0.borrow_mut();
        // Here what was noted is durable.
        world.called("the post");
        world.diary.turn();
        let start = world.instant() - world.now();
        let letter = world.wait(deadline.map(|deadline| deadline.saturating_duration_since(start)));
        world.truth.letter_at = letter.as_ref().map(|letter| letter.at);
        letter
    }
}

/// Names from the run's own chance.
pub(super) struct SimNames(pub(super) Shared);

impl Names for SimNames {
    fn visit(&mut self, now: Timestamp) -> Visit {
        let mut world = self.0.borrow_mut();
        world.called("the names");
        let millis = u64::try_from(now.as_millisecond()).unwrap();
        let request = uuid::Builder::from_unix_timestamp_millis(millis, &world.dice.bytes()).into_uuid();
        let visit = Visit { id: VisitId(world.dice.bytes()), request: RequestId(request.into_bytes()) };
        world.truth.opened(visit);
        world.note_standing_causes();
        world.clouds();
        world.count_visit();
        visit
    }
}
