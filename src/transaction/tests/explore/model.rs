//! One event through the real machine: its records into the journal, its effects into the world, and every point at
//! which the power may fail in between.

use std::cell::RefCell;
use std::convert::Infallible;

use transaction::*;

use crate::coverage::Coverage;
use crate::fingerprint::numbers;
use crate::journal::Life;
use crate::moves::{How, Label, Move, Next};
use crate::scenarios::Scenario;
use crate::seeded::Bug;
use crate::truth::{self, Finding, Holds, Law};
use crate::world::{
    CARD_FAULT, Few, HOST_FAULT, OWN_FAULT, PAD_FAULT, PRINTER_FAULT, Pass, Pin, Power, Process, Question,
    Told, Up, VISITS_MAX, World, of_request, of_visit, visit,
};

/// A scenario, and a mistake put in on purpose.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) scenario: Scenario,
    pub(crate) bug: Option<Bug>,
    /// Write down what happens in each transition.
    pub(crate) tell: bool,
    /// What has occurred.
    pub(crate) coverage: RefCell<Coverage>,
}

/// A step's records, and whether they had to be durable.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) records: Vec<Record>,
    pub(crate) durable: bool,
}

impl Durable for Book {
    type Error = Infallible;

    fn commit(&mut self, records: &[Record]) -> Result<(), Infallible> {
        self.durable = true;
        self.note(records)
    }

    fn note(&mut self, records: &[Record]) -> Result<(), Infallible> {
        self.records.extend_from_slice(records);
        Ok(())
    }
}

/// A journal that takes nothing.
struct Full;

impl Durable for Full {
    type Error = ();

    fn commit(&mut self, _records: &[Record]) -> Result<(), ()> {
        Err(())
    }

    fn note(&mut self, _records: &[Record]) -> Result<(), ()> {
        Err(())
    }
}

impl World {
    /// The running process.
    pub(crate) fn up(&mut self) -> &mut Up {
        match &mut self.process {
            Process::Up(up) => up,
            Process::Down | Process::Ending => panic!("events and effects need a running process"),
        }
    }
}

impl Up {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            machine: Machine::new(policy),
            question: None,
            timers: Few::EMPTY,
            pass: None,
            pass_again: false,
            at_hand: None,
            pin: Pin::default(),
            alone: 0,
            told: Told::Nothing,
            screen: None,
            reminders: 0,
            empty_pass: false,
        }
    }

    /// Answers to numbers that the machine has forgotten change nothing (a law of its own, asked in every state), so
    /// questions and deadlines that it does not hold any more need not be kept.
    fn forget_what_is_over(&mut self) -> Holds {
        let held = numbers(&self.machine);
        truth::no_deadline_is_left(self, &held)?;
        self.question = self.question.filter(|(no, _)| held.has(no.0));
        Ok(())
    }
}

impl Model {
    /// The event happens: what comes of it, without and with a crash or a failure of the journal.
    pub(crate) fn feed(&self, world: &World, event: Event, mv: Move, out: &mut Vec<Next>) -> Holds {
        if world.left.journal_failures > 0 {
            self.fail_to_commit(world, &event, mv, out)?;
        }
        let (mut after, mut story) = self.step(world, event, mv, out)?;
        if std::mem::take(&mut after.up().empty_pass) {
            // The thread tells itself that there was nothing to do, before it takes anything else.
            let (then, more) = self.step(&after, Event::OutboxPassed { left: 0 }, mv, out)?;
            (after, story) = (then, format!("{story}\n{:>46}{more}", ""));
        }
        out.push(Next { label: Label { mv, how: How::Done }, world: after, story });
        Ok(())
    }

    /// One event, with every crash on the way.
    fn step(
        &self,
        world: &World,
        event: Event,
        mv: Move,
        out: &mut Vec<Next>,
    ) -> Result<(World, String), Finding> {
        let up = up(world);
        let from = up.machine.state();
        let asked_for_the_last = event == Event::Key(Key::Yes) && up.screen == Some(Screen::LastTry);
        self.coverage.borrow_mut().event(from, &event);
        let event = self.mistaken_event(up, event);
        let step = up.machine.clone().handle(event.clone()).map_err(|violation| Finding {
            law: Law::NoViolation,
            what: format!("in {} on {event:?}: {}", violation.state, violation.report),
        })?;
        let mut book = Book::default();
        let done = match step.commit(&mut book) {
            Ok(done) => done,
            Err(failed) => match failed.error {},
        };
        self.coverage.borrow_mut().leads(from, done.machine.state());
        let effects = self.mistaken_effects(from, &event, done.effects);
        self.mistaken_records(&mut book.records);
        let mut after = world.clone();
        let up = after.up();
        up.machine = done.machine;
        up.pin.last_accepted |= asked_for_the_last;
        let done = Done { from, event, book, effects };
        match self.finish_step(world, &mut after, &done, mv, out) {
            Ok(()) => {
                let story = if self.tell { done.story(&after) } else { String::new() };
                Ok((after, story))
            }
            Err(broken) if self.tell => {
                let mv = short(&mv);
                Err(Finding {
                    what: format!("{mv:<38} {}\n      {}", done.story(&after), broken.what),
                    ..broken
                })
            }
            Err(broken) => Err(broken),
        }
    }

    /// A step's records and effects, with the laws.
    fn finish_step(
        &self,
        world: &World,
        after: &mut World,
        done: &Done,
        mv: Move,
        out: &mut Vec<Next>,
    ) -> Holds {
        let Done { event, book, effects, .. } = done;
        truth::nothing_undoes_it(world, event, effects, after.up().machine.state())?;
        truth::a_lock_is_told(&book.records)?;
        if self.bug != Some(Bug::EffectsBeforeTheRecord) {
            after.journal.take(&book.records, book.durable);
        }
        for record in &book.records {
            truth::record_is_true(world, after.up(), record)?;
            self.remember(after.up(), record);
        }
        let mut outside = true;
        for (place, effect) in effects.iter().enumerate() {
            if outside && world.left.crashes > 0 {
                crashes(after, |kept| Label::crash(mv, place, kept), out);
            }
            outside = self.carry_out(after, *effect, book)?;
        }
        if self.bug == Some(Bug::EffectsBeforeTheRecord) {
            after.journal.take(&book.records, book.durable);
        }
        after.up().forget_what_is_over()?;
        truth::awaits_what_can_come(after.up())?;
        truth::state(after)?;
        for number in 0..VISITS_MAX {
            after.told_stopped[number] &= after.journal.visit(number).life != Life::Closed;
        }
        Ok(())
    }

    /// The records of this event do not become durable, or it is not known that they did: only releases are done.
    fn fail_to_commit(&self, world: &World, event: &Event, mv: Move, out: &mut Vec<Next>) -> Holds {
        for durable in [false, true] {
            let up = up(world);
            let Ok(step) = up.machine.clone().handle(event.clone()) else { return Ok(()) };
            let mut after = world.clone();
            let mut book = Book::default();
            if durable {
                let written = up.machine.clone().handle(event.clone()).map(|step| step.commit(&mut book));
                assert!(written.is_ok_and(|written| written.is_ok()), "the same step again");
                after.journal.take(&book.records, true);
            }
            let Err(failed) = step.commit(&mut Full) else { panic!("a full journal takes nothing") };
            after.left.journal_failures -= 1;
            self.give_up(after, &failed.release, Label { mv, how: How::JournalFails { durable } }, out)?;
        }
        Ok(())
    }

    /// There is no machine any more: what may still be done is done, with a crash at each point.
    pub(crate) fn give_up(
        &self,
        mut world: World,
        release: &[Numbered<Release>],
        label: Label,
        out: &mut Vec<Next>,
    ) -> Holds {
        truth::rescue_is_in_order(release)?;
        for (place, release) in release.iter().enumerate() {
            if world.left.crashes > 0 {
                crashes(&world, |kept| Label::crash(label.mv, place, kept), out);
            }
            self.release(&mut world, None, release.what)?;
        }
        let wait = release.iter().any(|release| release.what == Release::ReturnCard) && world.unit.up;
        world.stop();
        if wait {
            world.process = Process::Ending;
        }
        let story = if self.tell {
            let release: Vec<_> = release.iter().map(|release| format!("!{:?}", release.what)).collect();
            format!("no machine any more ⇒ {}", release.join(" "))
        } else {
            String::new()
        };
        out.push(Next { label, world, story });
        Ok(())
    }

    /// What the rules need to remember of a record.
    fn remember(&self, up: &mut Up, record: &Record) {
        if matches!(record, Record::Stopped { .. } | Record::PinVerified(_) | Record::PinWrong { .. }) {
            up.alone = 0;
        }
        match *record {
            Record::VisitOpened(visit) => up.at_hand = Some(u8::try_from(of_visit(visit.id)).unwrap()),
            Record::TriesShown { tries_left, .. } => up.pin.recorded = tries_left.get(),
            Record::PinVerified(_) | Record::PinNotPresented { .. } => up.pin.checking = false,
            // What was shown does not hold any more.
            Record::PinWrong { .. } | Record::TriesLost { .. } => up.pin = Pin::default(),
            Record::CardReturning(_) | Record::CardFoundAtStart => up.reminders = 0,
            Record::CardNotTaken(_) if self.scenario.policy.retain_after.is_some() => {
                up.reminders = (up.reminders + 1).min(3);
            }
            _ => {}
        }
    }

    /// Does an effect. True when something outside the process is different for it.
    fn carry_out(&self, world: &mut World, effect: Numbered<Effect>, book: &Book) -> Result<bool, Finding> {
        match effect.what {
            Effect::Release(release) => self.release(world, Some(effect.no), release),
            Effect::Act(act) => {
                self.coverage.borrow_mut().act(&act);
                self.act(world, effect.no, act, book)
            }
        }
    }

    fn release(&self, world: &mut World, no: Option<EffectNo>, release: Release) -> Result<bool, Finding> {
        self.coverage.borrow_mut().release(release);
        match release {
            Release::ForgetPin => {
                if let Process::Up(up) = &mut world.process {
                    up.pin.in_slot = false;
                }
                Ok(false)
            }
            Release::EndCard => {
                // A session of an earlier process is not ours to end.
                if let Some(card) = &mut world.unit.inside
                    && matches!(card.power, Power::Selected | Power::Verified)
                {
                    card.power = Power::Off;
                    card.read = false;
                }
                Ok(true)
            }
            Release::MakeSafe => {
                match (&mut world.process, no) {
                    (Process::Up(up), Some(no)) => up.question = Some((no, Question::Safe(None))),
                    (Process::Up(_) | Process::Down | Process::Ending, _) => world.unit.make_safe(),
                }
                Ok(true)
            }
            Release::ReturnCard => {
                if let Process::Up(Up { question: Some((_, Question::Safe(None))), .. }) = &world.process {
                    // The unit does one order after the other.
                    world.unit.make_safe();
                }
                truth::power_is_off_first(world, "a card is let out", &[Power::Off])?;
                world.unit.return_card();
                Ok(true)
            }
            Release::OutOfService => Ok(false),
        }
    }

    fn act(&self, world: &mut World, no: EffectNo, act: Act, book: &Book) -> Result<bool, Finding> {
        match act {
            Act::Show(screen) => return show(world, screen),
            Act::Help(screen) | Act::WarnTime { screen, .. } => {
                truth::speaks_of_the_screen(world.up(), screen)?
            }
            Act::CallToTakeCard | Act::UseLanguage(_) | Act::LookAtPrinter => {}
            Act::Arm(limit, _) => world.up().timers.push((no, limit)),
            Act::Disarm(timer) => world.up().timers.retain(|(armed, _)| armed != timer),
            Act::FetchChallenge(visit) => return ask(world, no, visit, Question::Challenge),
            Act::KeepConsent(visit) => truth::is_at_hand(world.up(), visit)?,
            Act::ReadCard(visit) => return read_card(self, world, no, visit),
            Act::Prepare(visit) => return ask(world, no, visit, Question::Prepare),
            Act::AskPin => {
                truth::pin_may_be_asked(world, up(world))?;
                world.up().question = Some((no, Question::Pin));
            }
            Act::VerifyPin => return verify(world, no, book),
            Act::VerifyOnPad => return verify_on_pad(world, no, book),
            Act::Sign(visit) => return ask(world, no, visit, Question::Sign),
            Act::Send(request) | Act::AskOrResend(request) => return self.send(world, no, request),
            Act::DeliverOutbox => {
                truth::recorded(in_step(book, is_cause_to_deliver), &act)?;
                return self.deliver_outbox(world);
            }
            Act::FileEvidence(request) => {
                truth::recorded(world.journal.visit(of_request(request)).signed, &act)?;
            }
            Act::PrintReceipt { visit, outcome, expires_soon } => {
                let number = of_visit(visit.id);
                truth::recorded(world.journal.visit(number).receipt, &act)?;
                truth::receipt_is_true(world, number, outcome, expires_soon)?;
                return ask(world, no, visit, Question::Print);
            }
            Act::RetainCard => {
                truth::retaining_is_wanted(&self.scenario, world.up())?;
                truth::recorded(in_step(book, is_retaining), &act)?;
                world.unit.retaining = world.unit.up && world.unit.inside.is_some();
                world.up().question = Some((no, Question::Retain(None)));
                return Ok(true);
            }
            Act::Finish { visit, outcome } => {
                let closed = Record::VisitClosed { visit, outcome };
                truth::recorded(in_step(book, |record| *record == closed), &act)?;
                return finish(world);
            }
        }
        Ok(false)
    }

    fn send(&self, world: &mut World, no: EffectNo, request: RequestId) -> Result<bool, Finding> {
        let number = of_request(request);
        truth::is_at_hand(world.up(), visit(number))?;
        truth::recorded(world.journal.visit(number).signed, &Act::Send(request))?;
        truth::may_be_sent(world, number)?;
        self.emit(world, number);
        world.up().question = Some((no, Question::Host(u8::try_from(number).unwrap())));
        Ok(true)
    }

    /// A copy of a request goes out.
    pub(crate) fn emit(&self, world: &mut World, number: usize) {
        if world.in_flight() < self.scenario.in_flight_max {
            world.requests[number].to_host += 1;
        }
    }

    /// Works on everything in the outbox but the request of the open visit, as the terminal's thread does: one pass at a
    /// time, and what is new meanwhile gets one of its own.
    pub(crate) fn deliver_outbox(&self, world: &mut World) -> Result<bool, Finding> {
        let outbox = world.journal.outbox();
        let up = world.up();
        up.pass_again = up.pass.is_some();
        if up.pass_again {
            return Ok(false);
        }
        let at_hand = up.at_hand.map_or(0, |number| 1 << number);
        let pass = Pass { todo: outbox & !at_hand, left: 0 };
        match pass.current() {
            None => up.empty_pass = true,
            Some(first) => {
                up.pass = Some(pass);
                truth::may_be_sent(world, first)?;
                self.emit(world, first);
            }
        }
        Ok(true)
    }
}

/// The running process.
fn up(world: &World) -> &Up {
    match &world.process {
        Process::Up(up) => up,
        Process::Down | Process::Ending => panic!("events and effects need a running process"),
    }
}

/// The power fails now: of what was noted, any number of the oldest facts may be durable.
pub(crate) fn crashes(world: &World, label: impl Fn(usize) -> Label, out: &mut Vec<Next>) {
    for kept in 0..=world.journal.noted() {
        let mut after = world.clone();
        after.crash(kept);
        out.push(Next { label: label(kept), world: after, story: String::new() });
    }
}

fn ask(world: &mut World, no: EffectNo, visit: Visit, question: Question) -> Result<bool, Finding> {
    truth::is_at_hand(world.up(), visit)?;
    world.up().question = Some((no, question));
    Ok(false)
}

fn read_card(model: &Model, world: &mut World, no: EffectNo, visit: Visit) -> Result<bool, Finding> {
    truth::power_is_off_first(world, "a card is read", &[Power::Off])?;
    if let Some(card) = &mut world.unit.inside
        && world.unit.up
        && !card.mute
    {
        card.power = Power::Selected;
        card.held = model.scenario.unit_holds;
    }
    ask(world, no, visit, Question::Read).map(|_| true)
}

fn verify(world: &mut World, no: EffectNo, book: &Book) -> Result<bool, Finding> {
    truth::pin_may_be_checked(world, up(world))?;
    truth::recorded(in_step(book, is_pin_entered), &Act::VerifyPin)?;
    let up = world.up();
    up.pin = Pin { checking: true, ..Pin::default() };
    up.question = Some((no, Question::Verify { lost: false }));
    Ok(true)
}

/// Entry and check in one; what was shown stays shown when the reader presents nothing.
fn verify_on_pad(world: &mut World, no: EffectNo, book: &Book) -> Result<bool, Finding> {
    truth::pin_may_be_asked(world, up(world))?;
    truth::shown_tries_are_the_cards(world, up(world))?;
    truth::recorded(in_step(book, is_asked_at_reader), &Act::VerifyOnPad)?;
    truth::nobody_waits_for_ever(up(world))?;
    let up = world.up();
    up.pin = Pin { checking: true, last_accepted: false, ..up.pin };
    up.question = Some((no, Question::OnPad { lost: false }));
    Ok(true)
}

fn show(world: &mut World, screen: Screen) -> Result<bool, Finding> {
    truth::screen_is_true(world, up(world), screen)?;
    let mut outside = false;
    let at_hand = up(world).at_hand;
    match (screen, at_hand) {
        (Screen::Result { .. }, Some(number)) => {
            truth::result_is_recorded(world, usize::from(number), screen)?;
            world.up().told = Told::Result;
        }
        (Screen::Stopped { .. }, Some(number)) => {
            world.told_stopped[usize::from(number)] = true;
            world.up().told = Told::Stopped;
            outside = true;
        }
        (Screen::EnterPin { tries_left, .. } | Screen::EnterPinAtReader { tries_left, .. }, _) => {
            let up = world.up();
            truth::shown_tries_are_recorded(up, tries_left.get())?;
            up.pin.shown = tries_left.get();
        }
        _ => {}
    }
    world.up().screen = Some(screen);
    Ok(outside)
}

fn finish(world: &mut World) -> Result<bool, Finding> {
    let up = world.up();
    truth::slot_is_empty(up)?;
    up.at_hand = None;
    up.pin = Pin::default();
    up.told = Told::Nothing;
    up.reminders = 0;
    Ok(false)
}

/// A record of this step, made durable before its effects.
fn in_step(book: &Book, wanted: impl Fn(&Record) -> bool) -> bool {
    book.durable && book.records.iter().any(wanted)
}

/// Why the outbox is worked on.
fn is_cause_to_deliver(record: &Record) -> bool {
    matches!(record, Record::Started { .. } | Record::VisitClosed { outcome: Outcome::Pending, .. })
}

fn is_retaining(record: &Record) -> bool {
    matches!(record, Record::CardRetaining(_))
}

fn is_pin_entered(record: &Record) -> bool {
    matches!(record, Record::PinEntered(_))
}

fn is_asked_at_reader(record: &Record) -> bool {
    matches!(record, Record::PinAskedAtReader(_))
}

/// A step that was taken.
struct Done {
    from: &'static str,
    event: Event,
    book: Book,
    effects: Vec<Numbered<Effect>>,
}

impl Done {
    /// One line of a counterexample: states, event, records before the arrow and effects after it.
    fn story(&self, after: &World) -> String {
        let to = match &after.process {
            Process::Up(up) if up.machine.state() != self.from => up.machine.state(),
            Process::Up(_) | Process::Down | Process::Ending => "·",
        };
        let records: Vec<_> = self.book.records.iter().map(short).collect();
        let effect = |effect: &Numbered<Effect>| match effect.what {
            Effect::Act(act) => short(&act),
            Effect::Release(release) => format!("!{release:?}"),
        };
        let effects: Vec<_> = self.effects.iter().map(effect).collect();
        let arrow = if self.book.durable { "⇒" } else { "→" };
        format!("{:<17} {to:<17} {} {arrow} {}", self.from, records.join(" "), effects.join(" "))
    }
}

/// Debug output, made short: the ids of the visits, and faults by their code.
pub(crate) fn short(value: &impl std::fmt::Debug) -> String {
    let mut text = format!("{value:?}");
    for number in 0..VISITS_MAX {
        let visit = visit(number);
        let name = number + 1;
        for (long, brief) in [
            (format!("{visit:?}"), format!("V{name}")),
            (format!("{:?}", visit.request), format!("R{name}")),
            (format!("{:?}", visit.id), format!("V{name}")),
        ] {
            text = text.replace(&long, &brief);
        }
    }
    for fault in [CARD_FAULT, HOST_FAULT, OWN_FAULT, PAD_FAULT, PRINTER_FAULT]
        .into_iter()
        .chain([Device::CardUnit, Device::PinPad].map(Fault::no_answer))
    {
        text = text.replace(&format!("{fault:?}"), &format!("{}-fault", fault.code));
    }
    for tries in 1..=3 {
        text = text.replace(&format!("TriesLeft({tries})"), &tries.to_string());
    }
    text
}
