//! What can happen next: everything that customers, devices, network, host, clock and power can do in a state.

use transaction::*;

use crate::model::{Model, crashes};
use crate::truth::{self, Finding, Holds};
use crate::world::{
    CARD_FAULT, Card, HOST_FAULT, Holder, OWN_FAULT, PAD_FAULT, PRINTER_FAULT, Power, Process, Question, Up,
    VISITS_MAX, World, visit,
};

/// All that a reader's pad can say of an entry in which no PIN was presented.
const NOT_PRESENTED: [NotPresented; 4] =
    [NotPresented::Cancelled, NotPresented::TimedOut, NotPresented::WrongLength, NotPresented::Refused];

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Move {
    /// The service manager starts the process; the journal may be found damaged.
    Restart {
        damaged: bool,
    },
    /// The power fails, or the process is killed.
    Crash,
    /// What was noted cannot be made durable while the machine waits.
    JournalFails,
    /// The process has waited for the card and stops.
    Stops,
    /// A customer chooses the service.
    Begin,
    Key(Key),
    PadTouched,
    Language,
    Voice,
    Order(Order),
    Printing(Printing),
    FaultReported,
    /// It is found that a person must look before the next customer.
    Unfit,
    /// Somebody puts a card in.
    CardIn(Holder, u8, bool),
    /// The card leaves the unit.
    CardOut,
    /// The chip stops to answer.
    ChipDies,
    /// The unit says what is inside.
    UnitTells,
    UnitLost,
    UnitBack,
    /// The unit has powered off any card and looked what is inside.
    UnitLooks,
    /// The unit has moved the card into its bin.
    UnitKeeps,
    /// The unit could not do that, and nobody asks any more.
    UnitKeepsNot,
    Answer(Answer),
    /// The card has checked the PIN, and its answer is lost.
    VerifyLost {
        right: bool,
    },
    Deadline(Limit),
    OutboxPause,
    /// A copy of the request arrives, and this is what the host decides, or has decided.
    HostDecides(usize, Decision),
    /// A copy of the request is lost, or the host cannot decide now.
    RequestLost(usize),
    RequestTwice(usize),
    AnswerLost(usize),
    AnswerTwice(usize),
    /// The host's decision arrives.
    Decided(usize),
    /// An attempt of the outbox ends without a decision.
    AttemptFails,
    PassEnds,
}

/// How far a step got.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum How {
    Done,
    /// The power fails after so many of its effects, when so many noted facts are durable.
    Crash {
        effects: u8,
        kept: u8,
    },
    /// Its records cannot be written, or nobody knows whether they are.
    JournalFails {
        durable: bool,
    },
}

/// The name of a transition.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Label {
    pub(crate) mv: Move,
    pub(crate) how: How,
}

/// Who makes a transition happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Devices, host, network and clock do it by themselves, or the owner takes a card that is let out.
    Itself = 0,
    /// A person does something, or something breaks.
    Other = 1,
    /// A crash, or a failure of the journal.
    Crash = 2,
}

/// A transition and where it leads.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) label: Label,
    pub(crate) world: World,
    pub(crate) story: String,
}

impl Label {
    pub(crate) fn done(mv: Move) -> Self {
        Self { mv, how: How::Done }
    }

    pub(crate) fn crash(mv: Move, effects: usize, kept: usize) -> Self {
        let small = |count: usize| u8::try_from(count).unwrap();
        Self { mv, how: How::Crash { effects: small(effects), kept: small(kept) } }
    }

    /// A crash of its own, not within a step.
    pub(crate) fn is_at_rest(self) -> bool {
        self.mv == Move::Crash
    }

    pub(crate) fn class(self) -> Class {
        match self.how {
            How::Crash { .. } | How::JournalFails { .. } => return Class::Crash,
            How::Done => {}
        }
        match self.mv {
            Move::Crash | Move::JournalFails => Class::Crash,
            Move::Restart { damaged: true }
            | Move::Begin
            | Move::Key(_)
            | Move::PadTouched
            | Move::Language
            | Move::Voice
            | Move::Order(_)
            | Move::Printing(_)
            | Move::FaultReported
            | Move::Unfit
            | Move::CardIn(..)
            | Move::ChipDies
            | Move::UnitLost => Class::Other,
            Move::Restart { damaged: false }
            | Move::Stops
            | Move::CardOut
            | Move::UnitTells
            | Move::UnitBack
            | Move::UnitLooks
            | Move::UnitKeeps
            | Move::UnitKeepsNot
            | Move::Answer(_)
            | Move::VerifyLost { .. }
            | Move::Deadline(_)
            | Move::OutboxPause
            | Move::HostDecides(..)
            | Move::RequestLost(_)
            | Move::RequestTwice(_)
            | Move::AnswerLost(_)
            | Move::AnswerTwice(_)
            | Move::Decided(_)
            | Move::AttemptFails
            | Move::PassEnds => Class::Itself,
        }
    }
}

/// Gives an answer, after what it did to the world.
type Respond<'a> = dyn FnMut(Answer, &dyn Fn(&mut World)) -> Holds + 'a;

fn quiet(out: &mut Vec<Next>, mv: Move, world: World) {
    out.push(Next { label: Label::done(mv), world, story: String::new() });
}

impl Model {
    /// Where everything begins: no journal, no process, an empty unit.
    pub(crate) fn first(&self) -> World {
        World {
            process: Process::Down,
            journal: crate::journal::Journal::FRESH,
            unit: crate::world::Unit {
                up: true,
                untold: false,
                inside: None,
                retaining: false,
                then_return: false,
                last_in_bin: false,
                any_in_bin: false,
            },
            requests: [crate::world::Request::default(); VISITS_MAX],
            told_stopped: [false; VISITS_MAX],
            left: self.scenario.budget,
        }
    }

    /// All transitions of a state.
    pub(crate) fn successors(&self, world: &World, out: &mut Vec<Next>) -> Result<(), Finding> {
        out.clear();
        match &world.process {
            Process::Down => self.restart(world, out)?,
            Process::Ending => ending(world, out),
            Process::Up(up) => {
                truth::late_answers_change_nothing(up, self.bug)?;
                self.answers(world, up, out)?;
                self.deadlines(world, up, out)?;
                self.customer(world, up, out)?;
                self.side_events(world, out)?;
                self.outbox(world, up, out)?;
                self.unit_speaks(world, out)?;
                self.decisions_arrive(world, out)?;
                if world.left.crashes > 0 {
                    crashes(world, |kept| Label::crash(Move::Crash, 0, kept), out);
                }
                if world.left.journal_failures > 0 {
                    let mut after = world.clone();
                    after.left.journal_failures -= 1;
                    let release = up.machine.clone().abandon();
                    self.give_up(after, &release, Label::done(Move::JournalFails), out)?;
                }
            }
        }
        self.unit(world, out);
        self.network(world, out)
    }

    /// An event, after what it does to the world around the machine.
    fn event(
        &self,
        world: &World,
        mv: Move,
        event: Event,
        change: impl FnOnce(&mut World),
        out: &mut Vec<Next>,
    ) -> Holds {
        let mut before = world.clone();
        if matches!(event, Event::Key(_) | Event::Language(_) | Event::Mode(_)) {
            before.up().alone = 0;
        }
        change(&mut before);
        self.feed(&before, event, mv, out)
    }

    fn restart(&self, world: &World, out: &mut Vec<Next>) -> Holds {
        let mut found = vec![false];
        found.extend((world.left.damages > 0 && world.journal.begun()).then_some(true));
        for damaged in found {
            let mut before = world.clone();
            let mut recovery = before.journal.recovery();
            if damaged {
                before.left.damages -= 1;
                before.journal.damage();
                recovery = Recovery::Corrupt(OWN_FAULT);
            }
            before.process = Process::Up(Up::new(self.scenario.policy));
            self.feed(&before, Event::Start(recovery), Move::Restart { damaged }, out)?;
        }
        Ok(())
    }

    /// Whoever was asked answers.
    fn answers(&self, world: &World, up: &Up, out: &mut Vec<Next>) -> Holds {
        let Some((to, question)) = up.question else { return Ok(()) };
        let mut answer = |answer: Answer, change: &dyn Fn(&mut World)| {
            let change = |world: &mut World| {
                world.up().question = None;
                change(world);
            };
            self.event(world, Move::Answer(answer), Event::Answer { to, answer }, change, out)
        };
        let refuses = self.scenario.refusals;
        match question {
            Question::Safe(None) => {
                if world.unit.up {
                    let mut after = world.clone();
                    after.unit.make_safe();
                    let inside = after.unit.inside.is_some();
                    let found = if inside { Presence::CardInside } else { Presence::Empty };
                    after.up().question = Some((to, Question::Safe(Some(found))));
                    quiet(out, Move::UnitLooks, after);
                } else {
                    answer(Answer::Safe(SafeAnswer::Failed(CARD_FAULT)), &|_| {})?;
                }
            }
            Question::Safe(Some(found)) => answer(Answer::Safe(SafeAnswer::Safe(found)), &|_| {})?,
            Question::Challenge => {
                answer(Answer::Challenge(ChallengeAnswer::Received), &|_| {})?;
                if refuses {
                    answer(Answer::Challenge(ChallengeAnswer::Refused(Refusal::HostClosed)), &|_| {})?;
                    answer(Answer::Challenge(ChallengeAnswer::Failed(HOST_FAULT)), &|_| {})?;
                }
            }
            Question::Read => self.card_read(world, refuses, &mut answer)?,
            Question::Prepare => {
                answer(Answer::Prepare(PrepareAnswer::Ready), &|_| {})?;
                if refuses {
                    answer(Answer::Prepare(PrepareAnswer::Refused(Refusal::TookTooLong)), &|_| {})?;
                    answer(Answer::Prepare(PrepareAnswer::Failed(OWN_FAULT)), &|_| {})?;
                }
            }
            Question::Pin => {
                answer(Answer::Pin(PinAnswer::Entered), &|world| world.up().pin.in_slot = true)?;
                if refuses {
                    answer(Answer::Pin(PinAnswer::Cancelled), &|_| {})?;
                    answer(Answer::Pin(PinAnswer::TimedOut), &|_| {})?;
                    answer(Answer::Pin(PinAnswer::Failed(PAD_FAULT)), &|_| {})?;
                }
            }
            Question::Verify { lost } => self.pin_checked(world, to, lost, out)?,
            Question::OnPad { lost } => self.pin_at_pad(world, to, lost, out)?,
            Question::Sign => {
                if let Some(card) = world.unit.inside
                    && card.power == Power::Verified
                {
                    answer(Answer::Sign(SignAnswer::Signed), &|world| {
                        let number = world.up().at_hand.map_or(0, usize::from);
                        world.requests[number].signed_by = Some(card.holder);
                    })?;
                }
                if refuses {
                    answer(Answer::Sign(SignAnswer::Refused(Refusal::CardKeyMismatch)), &|_| {})?;
                    answer(Answer::Sign(SignAnswer::Failed(CARD_FAULT)), &|_| {})?;
                }
            }
            Question::Host(_) => {
                answer(Answer::Host(HostAnswer::NoDecision(HOST_FAULT)), &|_| {})?;
                if refuses {
                    answer(Answer::Host(HostAnswer::WillNot(HOST_FAULT)), &|_| {})?;
                }
            }
            Question::Print => {
                answer(Answer::Print(PrintAnswer::Printed), &|_| {})?;
                if refuses {
                    answer(Answer::Print(PrintAnswer::Failed(PRINTER_FAULT)), &|_| {})?;
                }
            }
            Question::Retain(None) => {
                // It moves the card in a transition of its own.
                let empty = world.unit.inside.is_none();
                if empty && !world.unit.last_in_bin {
                    answer(Answer::Retain(RetainAnswer::NoCard), &|world| world.unit.retain_no_more())?;
                }
                if refuses || !world.unit.up {
                    let failed = RetainAnswer::Failed(CARD_FAULT);
                    answer(Answer::Retain(failed), &|world| world.unit.retain_no_more())?;
                }
            }
            Question::Retain(Some(done)) => answer(Answer::Retain(done), &|_| {})?,
        }
        Ok(())
    }

    fn card_read(&self, world: &World, refuses: bool, answer: &mut Respond<'_>) -> Holds {
        if let Some(card) = world.unit.inside
            && card.power == Power::Selected
        {
            let tries = TriesLeft::new(card.tries).map_or(Tries::Blocked, Tries::Left);
            let (expires_soon, pin_at) = (card.holder == Holder::Ren, self.scenario.pin_at);
            let read = CardAnswer::Read { tries, expires_soon, pin_at };
            answer(Answer::Card(read), &|world| {
                if let Some(card) = &mut world.unit.inside {
                    card.read = true;
                }
            })?;
        }
        if refuses {
            answer(Answer::Card(CardAnswer::Refused(Refusal::CardUnreadable)), &|_| {})?;
            answer(Answer::Card(CardAnswer::Failed(CARD_FAULT)), &|_| {})?;
        }
        Ok(())
    }

    /// The card checks the PIN, right or wrong, and the answer comes or does not.
    fn pin_checked(&self, world: &World, to: EffectNo, lost: bool, out: &mut Vec<Next>) -> Holds {
        let able = world.unit.inside.filter(|card| card.power == Power::Selected && card.tries > 0);
        if let Some(card) = able
            && !lost
        {
            for right in [true, false] {
                let checked = card.checks(right);
                let answer = match (right, TriesLeft::new(checked.tries)) {
                    (true, _) => VerifyAnswer::Verified,
                    (false, left) => VerifyAnswer::Wrong(left.map_or(Tries::Blocked, Tries::Left)),
                };
                let answer = Answer::Verify(answer);
                let change = |world: &mut World| {
                    world.unit.inside = Some(checked);
                    world.up().question = None;
                };
                self.event(world, Move::Answer(answer), Event::Answer { to, answer }, change, out)?;
                let mut after = world.clone();
                // What the machine knows of the counter is outdated, and it knows that.
                after.unit.inside = Some(Card { read: false, ..checked });
                after.up().question = Some((to, Question::Verify { lost: true }));
                quiet(out, Move::VerifyLost { right }, after);
            }
        }
        if self.scenario.refusals {
            for answer in [VerifyAnswer::Refused(Refusal::CardUnreadable), VerifyAnswer::Failed(CARD_FAULT)] {
                let answer = Answer::Verify(answer);
                let change = |world: &mut World| world.up().question = None;
                self.event(world, Move::Answer(answer), Event::Answer { to, answer }, change, out)?;
            }
        }
        Ok(())
    }

    /// A PIN is typed at the reader's pad, right or wrong, and the card checks it; or none is, or none of four digits. The
    /// answer comes or does not. A reader may say that it presented nothing, and the card has counted all the same; a card's
    /// counter may go up by itself.
    fn pin_at_pad(&self, world: &World, to: EffectNo, lost: bool, out: &mut Vec<Next>) -> Holds {
        let mut answer = |answer: PadAnswer, card: Option<Card>| {
            let answer = Answer::Pad(answer);
            let change = |world: &mut World| {
                world.unit.inside = card.or(world.unit.inside);
                let up = world.up();
                up.question = None;
                up.alone = up.alone.saturating_add(1);
            };
            self.event(world, Move::Answer(answer), Event::Answer { to, answer }, change, out)
        };
        if self.scenario.refusals {
            for failed in [PadAnswer::Refused(Refusal::CardUnreadable), PadAnswer::Failed(PAD_FAULT)] {
                answer(failed, None)?;
            }
        }
        let able = world.unit.inside.filter(|card| card.power == Power::Selected && card.tries > 0);
        let Some(card) = able.filter(|_| !lost) else { return Ok(()) };
        let tries = |card: Card| TriesLeft::new(card.tries).map_or(Tries::Blocked, Tries::Left);
        let wrong = card.checks(false);
        answer(PadAnswer::Verified, Some(card.checks(true)))?;
        answer(PadAnswer::Wrong(tries(wrong)), Some(wrong))?;
        let more = self.scenario.counter_moves.then_some(Card { tries: 3, ..card });
        for why in NOT_PRESENTED {
            answer(PadAnswer::NotPresented { why, tries: tries(card) }, None)?;
            if let Some(more) = more.filter(|more| more.tries > card.tries) {
                answer(PadAnswer::NotPresented { why, tries: tries(more) }, Some(more))?;
            }
            if self.scenario.refusals {
                answer(PadAnswer::NotPresented { why, tries: tries(wrong) }, Some(wrong))?;
            }
        }
        for right in [true, false] {
            let mut after = world.clone();
            after.unit.inside = Some(Card { read: false, ..card.checks(right) });
            after.up().question = Some((to, Question::OnPad { lost: true }));
            quiet(out, Move::VerifyLost { right }, after);
        }
        Ok(())
    }

    /// Any deadline may end at any moment.
    fn deadlines(&self, world: &World, up: &Up, out: &mut Vec<Next>) -> Holds {
        for (place, (no, limit)) in up.timers.iter().enumerate() {
            let change = |world: &mut World| world.up().timers.remove(place);
            self.event(world, Move::Deadline(limit), Event::Expired(no), change, out)?;
        }
        Ok(())
    }

    fn customer(&self, world: &World, up: &Up, out: &mut Vec<Next>) -> Holds {
        if up.machine.state() == "AwaitCustomer" && world.left.visits > 0 {
            let number = usize::from(self.scenario.budget.visits - world.left.visits);
            let change = |world: &mut World| world.left.visits -= 1;
            self.event(world, Move::Begin, Event::Begin(visit(number)), change, out)?;
        }
        for key in self.scenario.keys {
            self.event(world, Move::Key(*key), Event::Key(*key), |_| {}, out)?;
        }
        Ok(())
    }

    /// What may happen beside a visit, bounded in number; that an operator lets the service go on is not.
    fn side_events(&self, world: &World, out: &mut Vec<Next>) -> Holds {
        let Process::Up(up) = &world.process else { return Ok(()) };
        if up.machine.state() == "AwaitOrder" {
            let resume = Order::Resume;
            self.event(world, Move::Order(resume), Event::Order(resume), |_| {}, out)?;
        }
        if world.left.side_events == 0 {
            return Ok(());
        }
        let no_paper = Printing::Impossible(PRINTER_FAULT);
        for (mv, event) in [
            (Move::Key(Key::Help), Event::Key(Key::Help)),
            (Move::Key(Key::More), Event::Key(Key::More)),
            (Move::PadTouched, Event::PadTouched),
            (Move::Language, Event::Language(LanguageNo(1))),
            (Move::Voice, Event::Mode(Mode::Voice)),
            (Move::Order(Order::StopAfterVisit), Event::Order(Order::StopAfterVisit)),
            (Move::Order(Order::StopNow), Event::Order(Order::StopNow)),
            (Move::Order(Order::Resume), Event::Order(Order::Resume)),
            (Move::Printing(no_paper), Event::Printing(no_paper)),
            (Move::Printing(Printing::Possible), Event::Printing(Printing::Possible)),
            (Move::FaultReported, Event::Fault(OWN_FAULT)),
            (Move::Unfit, Event::Unfit(OWN_FAULT)),
        ] {
            self.event(world, mv, event, |world| world.left.side_events -= 1, out)?;
        }
        if let (Some(number), false) = (up.at_hand, up.machine.state() == "AwaitCustomer") {
            // Whoever presses the menu's key again gives the ids of a visit that will never be.
            let change = |world: &mut World| world.left.side_events -= 1;
            self.event(world, Move::Begin, Event::Begin(visit(usize::from(number))), change, out)?;
        }
        Ok(())
    }

    /// A pass over the outbox goes on beside everything else.
    fn outbox(&self, world: &World, up: &Up, out: &mut Vec<Next>) -> Holds {
        let Some(pass) = up.pass else {
            if up.pass_again {
                let mut after = world.clone();
                self.deliver_outbox(&mut after)?;
                if std::mem::take(&mut after.up().empty_pass) {
                    self.feed(&after, Event::OutboxPassed { left: 0 }, Move::OutboxPause, out)?;
                } else {
                    quiet(out, Move::OutboxPause, after);
                }
            }
            return Ok(());
        };
        if pass.current().is_some() {
            let mut after = world.clone();
            self.attempt_over(
                &mut after,
                crate::world::Pass { left: pass.left + 1, ..pass.without_current() },
            );
            quiet(out, Move::AttemptFails, after);
            return Ok(());
        }
        let left = u32::from(pass.left);
        let change = |world: &mut World| {
            let up = world.up();
            up.pass = None;
            // What the thread does when the machine has taken the event.
            up.pass_again |= left > 0 && self.bug != Some(crate::seeded::Bug::OutboxGivesUp);
        };
        self.event(world, Move::PassEnds, Event::OutboxPassed { left }, change, out)
    }

    /// An attempt of the pass is over: the next request follows.
    fn attempt_over(&self, world: &mut World, pass: crate::world::Pass) {
        world.up().pass = Some(pass);
        if let Some(number) = pass.current() {
            self.emit(world, number);
        }
    }

    fn unit_speaks(&self, world: &World, out: &mut Vec<Next>) -> Holds {
        let unit = &world.unit;
        if unit.untold && unit.up {
            let event = match unit.inside {
                None => CardEvent::Removed,
                Some(card) if card.mute => CardEvent::Mute,
                Some(_) => CardEvent::Inserted,
            };
            let change = |world: &mut World| world.unit.untold = false;
            self.event(world, Move::UnitTells, Event::Card(event), change, out)?;
        }
        if unit.up && world.left.unit_losses > 0 {
            let change = |world: &mut World| {
                world.left.unit_losses -= 1;
                world.unit.lose();
            };
            let event = Event::Card(CardEvent::UnitLost(CARD_FAULT));
            self.event(world, Move::UnitLost, event, change, out)?;
        }
        if !unit.up {
            let change = |world: &mut World| {
                world.unit.up = true;
                world.unit.untold = true;
            };
            self.event(world, Move::UnitBack, Event::Card(CardEvent::UnitBack), change, out)?;
        }
        Ok(())
    }

    /// What happens in the unit without a word.
    fn unit(&self, world: &World, out: &mut Vec<Next>) {
        let unit = &world.unit;
        let mut change = |mv: Move, change: &dyn Fn(&mut World)| {
            let mut after = world.clone();
            change(&mut after);
            after.unit_changed();
            quiet(out, mv, after);
        };
        if unit.untold {
            // One change is told before the next.
            return;
        }
        let moves_a_card = match &world.process {
            Process::Up(up) => matches!(up.question, Some((_, Question::Retain(_)))),
            Process::Down | Process::Ending => false,
        };
        match unit.inside {
            None if !unit.retaining && !moves_a_card => {
                for (holder, tries, mute) in self.scenario.cards {
                    change(Move::CardIn(*holder, *tries, *mute), &|world| {
                        world.unit.inside = Some(Card {
                            holder: *holder,
                            tries: *tries,
                            mute: *mute,
                            power: Power::Off,
                            held: false,
                            read: false,
                        });
                        world.unit.last_in_bin = false;
                    });
                }
            }
            None => {}
            Some(card) => {
                if !card.held {
                    change(Move::CardOut, &|world| world.unit.inside = None);
                }
                if !card.mute && world.left.dead_chips > 0 {
                    change(Move::ChipDies, &|world| {
                        world.left.dead_chips -= 1;
                        world.unit.inside = Some(Card { mute: true, power: Power::Off, read: false, ..card });
                    });
                }
            }
        }
        if unit.retaining && unit.up {
            self.retaining_ends(world, out);
        }
    }

    /// The card goes into the bin, or does not.
    fn retaining_ends(&self, world: &World, out: &mut Vec<Next>) {
        let mut after = world.clone();
        let question = match &mut after.process {
            Process::Up(Up { question: Some((_, question @ Question::Retain(None))), .. }) => Some(question),
            Process::Up(_) | Process::Down | Process::Ending => None,
        };
        if question.is_none() {
            let mut not = world.clone();
            not.unit.retain_no_more();
            quiet(out, Move::UnitKeepsNot, not);
        }
        if world.unit.inside.is_some() {
            if let Some(question) = question {
                *question = Question::Retain(Some(RetainAnswer::Retained));
            }
            after.unit.inside = None;
            after.unit.last_in_bin = true;
            after.unit.any_in_bin = true;
            after.unit.retain_no_more();
            after.unit_changed();
            quiet(out, Move::UnitKeeps, after);
        }
    }

    /// What the network and the host do.
    fn network(&self, world: &World, out: &mut Vec<Next>) -> Holds {
        let free = world.in_flight() < self.scenario.in_flight_max;
        for number in 0..VISITS_MAX {
            let request = &world.requests[number];
            if request.to_host > 0 {
                for decision in self.host_may_decide(world, number) {
                    truth::host_decides_once(request.decided, decision)?;
                    let mut after = world.clone();
                    let request = &mut after.requests[number];
                    request.decided = Some(decision);
                    request.to_host -= 1;
                    if !matches!(world.process, Process::Down) {
                        request.to_terminal += 1;
                    }
                    quiet(out, Move::HostDecides(number, decision), after);
                }
                let mut lost = world.clone();
                lost.requests[number].to_host -= 1;
                quiet(out, Move::RequestLost(number), lost);
                if free {
                    let mut twice = world.clone();
                    twice.requests[number].to_host += 1;
                    quiet(out, Move::RequestTwice(number), twice);
                }
            }
            if request.to_terminal > 0 {
                let mut lost = world.clone();
                lost.requests[number].to_terminal -= 1;
                quiet(out, Move::AnswerLost(number), lost);
                if free {
                    let mut twice = world.clone();
                    twice.requests[number].to_terminal += 1;
                    quiet(out, Move::AnswerTwice(number), twice);
                }
            }
        }
        Ok(())
    }

    /// What the host can decide about a request: the same again; or anything that is true of its card's holder.
    fn host_may_decide(&self, world: &World, number: usize) -> Vec<Decision> {
        let request = &world.requests[number];
        if let Some(decided) = request.decided
            && self.bug != Some(crate::seeded::Bug::HostDecidesAgain)
        {
            return vec![decided];
        }
        let registered_before = world.requests.iter().enumerate().any(|(other, earlier)| {
            other != number
                && earlier.signed_by == request.signed_by
                && earlier.decided == Some(Decision::Registered)
        });
        let possible = |decision: &Decision| *decision != Decision::Registered || !registered_before;
        self.scenario.decisions.iter().copied().filter(possible).collect()
    }

    /// The host's decision arrives at the terminal, by whichever attempt.
    fn decisions_arrive(&self, world: &World, out: &mut Vec<Next>) -> Holds {
        for number in 0..VISITS_MAX {
            let request = &world.requests[number];
            let Some(decision) = request.decided.filter(|_| request.to_terminal > 0) else { continue };
            let event = Event::HostDecided { request: visit(number).request, decision };
            let change = |world: &mut World| {
                world.requests[number].to_terminal -= 1;
                self.attempt_decided(world, number);
            };
            self.event(world, Move::Decided(number), event, change, out)?;
        }
        Ok(())
    }

    /// The attempt that got the decision is over.
    fn attempt_decided(&self, world: &mut World, number: usize) {
        let up = world.up();
        if let Some((_, Question::Host(asked))) = up.question
            && usize::from(asked) == number
        {
            up.question = None;
            return;
        }
        if let Some(pass) = up.pass.filter(|pass| pass.current() == Some(number)) {
            self.attempt_over(world, pass.without_current());
        }
    }
}

/// The process waits for the card, as long as somebody can tell whether it is there.
fn ending(world: &World, out: &mut Vec<Next>) {
    let gone = world.unit.inside.is_none() || !world.unit.up;
    if gone {
        let mut after = world.clone();
        after.stop();
        quiet(out, Move::Stops, after);
    }
    if world.left.crashes > 0 {
        crashes(world, |kept| Label::crash(Move::Crash, 0, kept), out);
    }
    if world.unit.up && world.left.unit_losses > 0 {
        let mut after = world.clone();
        after.left.unit_losses -= 1;
        after.unit.lose();
        quiet(out, Move::UnitLost, after);
    }
}
