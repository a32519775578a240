//! The card unit and the cards in it: a model with the PIN's counter, verified state and power, and its desk.
//!
//! In some runs the reader has a PIN pad of its own: `reader_pad.rs`.
//!
//! The desk behaves as `card_desk.rs` and `card_worker.rs` do: one session at a time; an answer for each order as long as
//! the session lives, none from a session that has ended by itself; a stuck session is waited for only so long. The unit
//! holds no card back: whoever stands before it can pull the card out at any time.
//!
//! What can go wrong: the unit is lost and comes back; reading, checking and signing take too long, never end, or fail with
//! the card's or the reader's fault; the answer to VERIFY is lost after the card counted it; the card is pulled out in the
//! middle; a card is in the wrong way round; taking a card in fails or comes too late.
//!
//! Every VERIFY is counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use transaction::{
    Answer, CardAnswer, CardEvent, Device, EffectNo, Event, Fault, FaultKind, Presence, Refusal,
    RetainAnswer, SafeAnswer, Screen, SignAnswer, Tries, TriesLeft, VerifyAnswer, VisitId,
};

use super::lobby::{Kind, Place};
use super::reader_pad::ReaderPad;
use super::world::{Sabotage, Shared, World};
use crate::card_words::OUT_OF_ORDER;
use crate::desks::CardSide;
use crate::queue::{CardTally, Message, Story};

/// As `card_desk.rs` has it.
const SESSION_END_MS_MAX: u64 = 2_000;

/// Longer than any night, and than all reminders.
const CARD_INSIDE_MAX: std::time::Duration = std::time::Duration::from_secs(4 * 24 * 3_600);

/// How long the unit's own events are on their way.
const EVENT_MS: u64 = 20;

const LOST: [Fault; 2] = [
    Fault { device: Device::CardUnit, kind: FaultKind::Broken, code: "reader-not-found" },
    Fault { device: Device::CardUnit, kind: FaultKind::Transient, code: "card-service-stopped" },
];
const BUSY: Fault = Fault { device: Device::CardUnit, kind: FaultKind::Transient, code: "reader-busy" };
const RESET: Fault = Fault { device: Device::CardUnit, kind: FaultKind::Transient, code: "card-reset" };
const FAILED: Fault = Fault { device: Device::CardUnit, kind: FaultKind::Broken, code: "reader-failed" };

/// A session on its thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Session {
    pub(super) visit: VisitId,
    /// Which card, and which time that one was in.
    card: Option<(usize, u64)>,
    /// An order is being worked on.
    busy: bool,
    /// The thread is stuck in the reader.
    stuck: bool,
    /// Told to end.
    ending: bool,
    /// Over: the card has no power.
    pub(super) over: bool,
    pub(super) commands: u32,
}

/// The unit.
#[derive(Default)]
pub(super) struct Unit {
    pub(super) lost: Option<Fault>,
    /// Whose card is in.
    pub(super) card: Option<usize>,
    /// In the wrong way round, or a chip that is dead.
    mute: bool,
    /// How often a card was put in.
    insertions: u64,
    inserted_at: std::time::Duration,
    /// It was in when the process began.
    left_inside: bool,
    /// Put in while nobody was served.
    put_in_idle: bool,
    watched: bool,
    /// A unit with a shutter would let a card in. (This one has none.)
    lets_in: bool,
    /// This process has powered off what it found.
    made_safe: bool,
    /// So many power-offs are going on.
    powering_off: u32,
    pub(super) sessions: BTreeMap<u32, Session>,
    current: Option<u32>,
    last: Option<u32>,
    count: u32,
    pub(super) pad: ReaderPad,
}

impl Unit {
    /// A card that somebody put in while nobody was served, and left: the machine waits for whoever begins with it.
    pub(super) const fn has_idle_card(&self) -> bool {
        self.card.is_some() && self.put_in_idle
    }

    /// A card that an earlier process left is still in.
    pub(super) const fn has_old_card(&self) -> bool {
        self.left_inside
    }

    pub(super) const fn is_mute(&self) -> bool {
        self.card.is_some() && self.mute
    }
}

/// The desk.
pub(super) struct SimCard(pub(super) Shared);

impl CardSide for SimCard {
    fn make_safe(&mut self, to: Option<EffectNo>) {
        let mut world = self.0.borrow_mut();
        world.called("the card unit");
        world.make_safe(to);
    }

    fn permit_entry(&mut self, permitted: bool) {
        let mut world = self.0.borrow_mut();
        world.called("the card unit");
        world.unit.lets_in = permitted || world.is_sabotaged_by(Sabotage::WayInStaysOpen);
    }

    fn read(&mut self, to: EffectNo, visit: VisitId) {
        let mut world = self.0.borrow_mut();
        world.called("the card unit");
        world.end_session();
        world.read_card(to, visit);
    }

    fn verify(&self, to: EffectNo) {
        let mut world = self.0.borrow_mut();
        world.called("the card unit");
        world.order_verify(to);
    }

    fn verify_on_pad(&mut self, to: EffectNo) {
        let mut world = self.0.borrow_mut();
        world.called("the card unit");
        world.order_verify_on_pad(to);
        if world.is_sabotaged_by(Sabotage::DeskAsksReaderTwice) {
            world.order_verify_on_pad(to);
        }
    }

    fn sign(&self, to: EffectNo, input: Vec<u8>) {
        let mut world = self.0.borrow_mut();
        world.called("the card unit");
        world.order_signature(to, &input);
    }

    fn end(&mut self) {
        let mut world = self.0.borrow_mut();
        world.called("the card unit");
        world.end_session();
    }

    fn return_card(&mut self) {
        let mut world = self.0.borrow_mut();
        world.called("the card unit");
        if world.is_sabotaged_by(Sabotage::CardStays) {
            return;
        }
        world.end_session();
        world.when_session_over(World::when_powered_off);
    }

    fn retain(&mut self, to: EffectNo) {
        let mut world = self.0.borrow_mut();
        world.called("the card unit");
        let wanted = world.config.retain.is_some();
        world.holds("card-comes-back", wanted, || "a card is to be kept, and no bank wants that".to_owned());
        let recorded = world.spy().last_code();
        world.holds("recorded-before-done", recorded.as_deref() == Some("card-retaining"), || {
            format!("a card is to be kept, and the newest entry that is durable is {recorded:?}")
        });
        world.end_session();
        world.when_session_over(move |world| world.take_in(to));
    }

    fn close(&mut self) {
        let mut world = self.0.borrow_mut();
        world.called("the card unit");
        world.end_session();
        world.pass(50);
    }
}

pub(super) fn answer(to: EffectNo, answer: Answer) -> Message {
    Message::Event(Event::Answer { to, answer })
}

/// Safety: what is found when a process begins.
impl World {
    fn make_safe(&mut self, to: Option<EffectNo>) {
        let mut ms = self.dice.between(30, 400);
        if self.strikes(self.weather.card) {
            // Too late for the machine, which asks again.
            ms = self.dice.between(4_000, 9_000);
        }
        self.unit.powering_off += 1;
        self.after_here(ms, move |world| {
            world.unit.powering_off -= 1;
            // Another thread of ours still holds the card.
            let mut sessions = world.unit.sessions.values();
            let held = sessions.any(|session| (session.stuck || session.busy) && !session.over);
            let safe = match world.unit.lost {
                Some(fault) => SafeAnswer::Failed(fault),
                None if held => SafeAnswer::Failed(BUSY),
                None => {
                    world.unit.made_safe = !world.is_sabotaged_by(Sabotage::RestartLeavesPower);
                    if world.unit.made_safe {
                        world.take_power();
                    }
                    SafeAnswer::Safe(world.unit.card.map_or(Presence::Empty, |_| Presence::CardInside))
                }
            };
            if let Some(to) = to {
                world.post(answer(to, Answer::Safe(safe)), Story::default());
            }
            world.begin_watch();
        });
    }

    fn begin_watch(&mut self) {
        if !self.unit.watched {
            self.unit.watched = true;
            match self.unit.lost {
                Some(fault) => self.event(Event::Card(CardEvent::UnitLost(fault))),
                None => self.event(Event::Card(self.found())),
            }
        }
    }

    /// The unit's state, as an event.
    fn found(&self) -> CardEvent {
        match (self.unit.card, self.unit.mute) {
            (None, _) => CardEvent::Removed,
            (Some(_), true) => CardEvent::Mute,
            (Some(_), false) => CardEvent::Inserted,
        }
    }

    /// Whether this session's card is the one that is in.
    pub(super) fn session_has_card(&self, number: u32) -> bool {
        let here = self.unit.card.map(|who| (who, self.unit.insertions));
        here.is_some() && self.unit.sessions.get(&number).is_some_and(|session| session.card == here)
    }

    fn take_power(&mut self) {
        if let Some(card) = self.unit.card {
            let card = &mut self.lobby.people[card].card;
            (card.powered, card.verified) = (false, false);
        }
    }

    fn unit_event(&mut self, event: CardEvent) {
        if self.unit.watched {
            self.event_after(EVENT_MS, Event::Card(event));
        }
    }

    /// The unit is lost for so long.
    pub(super) fn lose_unit(&mut self, ms: u64) {
        if self.unit.lost.is_some() {
            return;
        }
        let fault = self.dice.pick(&LOST);
        self.unit.lost = Some(fault);
        // Whoever talks to the card through it hears nothing of it again.
        self.unit.sessions.values_mut().for_each(|session| session.card = None);
        self.truth.cause(fault.code);
        self.diary.world(self.now(), || format!("the card unit is lost: {}", fault.code));
        self.unit_event(CardEvent::UnitLost(fault));
        self.reader_loses_card();
        self.after(ms, World::unit_comes_back);
    }

    pub(super) fn unit_comes_back(&mut self) {
        if self.unit.lost.take().is_some() {
            self.diary.world(self.now(), || "the card unit is back".to_owned());
            self.unit_event(CardEvent::UnitBack);
            self.unit_event(self.found());
        }
    }

    /// A process begins.
    pub(super) fn unit_gets_process(&mut self) {
        self.unit.left_inside = self.unit.card.is_some();
    }

    /// Whoever left a card gets it back, whatever the machine is busy with, and before the next customer is served. The way
    /// in is open while a card is asked for, and only then.
    pub(super) fn check_card(&mut self) {
        let (asked, lets_in) = (self.truth.screen == Some(Screen::InsertCard), self.unit.lets_in);
        let shown = self.truth.screen;
        self.holds("let-in-when-asked", asked == lets_in, || {
            format!("the way in is {}, the screen is {shown:?}", if lets_in { "open" } else { "closed" })
        });
        let inside = self.unit.card.map_or(std::time::Duration::ZERO, |_| self.now() - self.unit.inserted_at);
        self.holds("card-comes-back", inside < CARD_INSIDE_MAX, || "a card is in for days".to_owned());
    }

    /// The threads of the process are gone; whether the card keeps its power is the reader's affair.
    pub(super) fn unit_loses_process(&mut self) {
        self.unit.sessions.clear();
        (self.unit.current, self.unit.last) = (None, None);
        (self.unit.watched, self.unit.made_safe, self.unit.lets_in) = (false, false, false);
        self.unit.powering_off = 0;
        self.unit.pad = ReaderPad::default();
    }

    /// Somebody puts a card in.
    pub(super) fn insert(&mut self, who: usize, wrong_way: bool) {
        if self.unit.card.is_none() && self.lobby.people[who].card.place == Place::Hand {
            self.lobby.people[who].card.place = Place::Slot;
            self.unit.card = Some(who);
            self.unit.insertions += 1;
            self.unit.inserted_at = self.now();
            self.unit.put_in_idle = self.truth.visit.is_none();
            self.unit.mute = wrong_way || self.lobby.people[who].kind == Kind::Mute;
            if self.unit.lost.is_none() {
                self.unit_event(self.found());
            }
        }
    }

    /// Somebody takes the card out.
    pub(super) fn pull(&mut self, to: Place) {
        if let Some(who) = self.unit.card {
            self.take_power();
            self.unit.card = None;
            self.unit.left_inside = false;
            self.lobby.people[who].card.place = to;
            self.truth.cause(Refusal::CardRemoved.code());
            if self.unit.lost.is_none() {
                self.unit_event(CardEvent::Removed);
            }
            self.reader_loses_card();
        }
    }
}

/// What becomes of an order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Fine,
    Late,
    Never,
    Fails(Fault),
}

/// One session.
impl World {
    pub(super) fn fate(&mut self) -> Fate {
        if !self.strikes(self.weather.card) {
            return Fate::Fine;
        }
        let fate = self.dice.pick(&[Fate::Late, Fate::Never, Fate::Fails(RESET), Fate::Fails(FAILED)]);
        self.truth.cause(match fate {
            Fate::Fails(fault) => fault.code,
            Fate::Fine | Fate::Late | Fate::Never => "no-answer",
        });
        fate
    }

    fn read_card(&mut self, to: EffectNo, visit: VisitId) {
        let safe = self.unit.made_safe;
        self.holds("powered-off-first", safe, || "a card is read that nobody has powered off".to_owned());
        self.unit.count += 1;
        let number = self.unit.count;
        let card = self.unit.card.map(|who| (who, self.unit.insertions));
        let (stuck, ending, over) = (false, false, false);
        let session = Session { visit, card, busy: true, stuck, ending, over, commands: 0 };
        self.unit.sessions.insert(number, session);
        (self.unit.current, self.unit.last) = (Some(number), Some(number));
        self.truth.session(number);
        let fate = match self.fate() {
            Fate::Fails(RESET) => Fate::Fails(BUSY),
            other => other,
        };
        if let Fate::Fails(BUSY) = fate {
            self.truth.cause(BUSY.code);
        }
        if let Some(who) = self.unit.card.filter(|_| self.unit.lost.is_none() && !self.unit.mute) {
            self.lobby.people[who].card.powered = true;
        }
        let ms = match fate {
            Fate::Late => self.dice.between(10_000, 25_000),
            Fate::Never => return self.stuck(number),
            Fate::Fine | Fate::Fails(_) => self.dice.between(150, 1_500),
        };
        self.after_here(ms, move |world| world.card_is_read(number, to, fate));
    }

    /// The card of this session, unless it is out or the unit is lost.
    pub(super) fn card_of(&mut self, number: u32, fate: Fate) -> Result<usize, Result<Refusal, Fault>> {
        if let Some(fault) = self.unit.lost {
            self.truth.cause(fault.code);
            return Err(Err(fault));
        }
        let card = self.unit.sessions.get(&number).and_then(|session| session.card);
        let here = self.unit.card.map(|who| (who, self.unit.insertions));
        let Some((who, _)) = card.filter(|_| card == here) else {
            self.truth.cause(Refusal::CardRemoved.code());
            return Err(Ok(Refusal::CardRemoved));
        };
        if self.unit.mute {
            self.truth.cause(Refusal::CardUnreadable.code());
            return Err(Ok(Refusal::CardUnreadable));
        }
        match fate {
            Fate::Fails(fault) => Err(Err(fault)),
            Fate::Fine | Fate::Late | Fate::Never => Ok(who),
        }
    }

    fn card_is_read(&mut self, number: u32, to: EffectNo, fate: Fate) {
        let Some(session) = self.unit.sessions.get_mut(&number) else { return };
        session.commands += 9;
        let visit = session.visit;
        let read = self.card_of(number, fate).and_then(|who| {
            let refusal = self.lobby.people[who].kind.refusal();
            refusal.map_or(Ok(who), |refusal| Err(Ok(refusal)))
        });
        match read {
            Ok(who) => {
                let person = &self.lobby.people[who];
                let fixture = Arc::clone(&self.fixture);
                let card = if person.ends_soon { &fixture.short } else { &fixture.long };
                let tries = TriesLeft::new(person.card.tries).map_or(Tries::Blocked, Tries::Left);
                if person.card.tries == 0 {
                    self.truth.cause(Refusal::PinLocked.code());
                }
                let card = Box::new(card.clone());
                let message = Message::CardRead { to, visit, card, tries, pin_at: self.pin_at() };
                self.post(message, Story::default());
                self.order_done(number);
            }
            Err(because) => {
                if let Ok(refusal) = because {
                    self.truth.cause(refusal.code());
                }
                let because = match because {
                    Ok(refusal) => CardAnswer::Refused(refusal),
                    Err(fault) => CardAnswer::Failed(fault),
                };
                self.post(answer(to, Answer::Card(because)), Story::default());
                self.session_over(number);
            }
        }
    }

    /// The session that takes orders, when its thread is free.
    pub(super) fn taking_orders(&mut self) -> Result<Option<u32>, ()> {
        let Some(number) = self.unit.current else { return Err(()) };
        let Some(session) = self.unit.sessions.get_mut(&number) else { return Ok(None) };
        if session.over || session.stuck {
            // It has said why, or never will: an order to it gets no answer.
            self.truth.cause("no-answer");
            return Ok(None);
        }
        session.busy = true;
        Ok(Some(number))
    }

    fn order_verify(&mut self, to: EffectNo) {
        let number = match self.taking_orders() {
            Err(()) => {
                return self
                    .post(answer(to, Answer::Verify(VerifyAnswer::Failed(OUT_OF_ORDER))), Story::default());
            }
            Ok(None) => return,
            Ok(Some(number)) => number,
        };
        self.check_verify();
        let fate = self.fate();
        // The card may have counted although its answer is lost.
        let counted = matches!(fate, Fate::Fine | Fate::Late) || self.dice.permille(500);
        let ms = match fate {
            Fate::Late => self.dice.between(8_000, 15_000),
            Fate::Fine | Fate::Never | Fate::Fails(_) => self.dice.between(60, 500),
        };
        self.after_here(20, move |world| {
            // Taken by move: what comes after finds it empty, and what forgets it now is too late.
            let digits = world.pad.slot.take();
            world.after_here(ms, move |world| {
                world.pin_is_checked(number, to, fate, digits.filter(|_| counted))
            });
            if digits.is_none() {
                world.pin_was_wiped(number, to);
            }
        });
    }

    /// Wiped in the meantime: the machine does not wait for the answer any more.
    fn pin_was_wiped(&mut self, number: u32, to: EffectNo) {
        let bug = Fault { device: Device::Terminal, kind: FaultKind::Broken, code: "pin-incomplete" };
        self.post(answer(to, Answer::Verify(VerifyAnswer::Failed(bug))), Story::default());
        self.session_over(number);
    }

    fn pin_is_checked(&mut self, number: u32, to: EffectNo, fate: Fate, digits: Option<[u8; 4]>) {
        let Some(visit) =
            self.unit.sessions.get(&number).filter(|session| !session.over).map(|session| session.visit)
        else {
            return;
        };
        let who = match self.card_of(number, Fate::Fine) {
            Ok(who) => who,
            Err(because) => {
                let because = match because {
                    Ok(refusal) => VerifyAnswer::Refused(refusal),
                    Err(fault) => VerifyAnswer::Failed(fault),
                };
                self.post(answer(to, Answer::Verify(because)), Story::default());
                return self.session_over(number);
            }
        };
        let mut said = None;
        if let Some(digits) = digits {
            said = Some(self.card_verifies(who, digits, visit));
            if self.is_sabotaged_by(Sabotage::DeskVerifiesTwice) {
                said = Some(self.card_verifies(who, digits, visit));
            }
        }
        if let Some(session) = self.unit.sessions.get_mut(&number) {
            session.commands += 1;
        }
        match (fate, said) {
            (Fate::Fails(fault), _) => {
                self.post(answer(to, Answer::Verify(VerifyAnswer::Failed(fault))), Story::default());
                self.session_over(number);
            }
            (Fate::Fine | Fate::Late, Some(said)) => {
                self.post(answer(to, Answer::Verify(said)), Story::default());
                self.order_done(number);
            }
            (Fate::Never, _) | (Fate::Fine | Fate::Late, None) => self.stuck(number),
        }
    }

    /// One VERIFY, as the card counts it.
    pub(super) fn card_verifies(&mut self, who: usize, digits: [u8; 4], visit: VisitId) -> VerifyAnswer {
        self.count_verify(visit);
        let person = &mut self.lobby.people[who];
        let card = &mut person.card;
        if card.tries == 0 {
            return VerifyAnswer::Wrong(Tries::Blocked);
        }
        if digits == person.pin {
            card.tries = 3;
            card.verified = true;
            return VerifyAnswer::Verified;
        }
        card.tries -= 1;
        let left = card.tries;
        if left == 0 {
            self.truth.cause(Refusal::PinLocked.code());
        }
        VerifyAnswer::Wrong(TriesLeft::new(left).map_or(Tries::Blocked, Tries::Left))
    }

    fn order_signature(&mut self, to: EffectNo, input: &[u8]) {
        let number = match self.taking_orders() {
            Err(()) => {
                return self
                    .post(answer(to, Answer::Sign(SignAnswer::Failed(OUT_OF_ORDER))), Story::default());
            }
            Ok(None) => return,
            Ok(Some(number)) => number,
        };
        let fate = self.fate();
        let ms = match fate {
            Fate::Late => self.dice.between(12_000, 20_000),
            Fate::Never => return self.stuck(number),
            Fate::Fine | Fate::Fails(_) => self.dice.between(100, 900),
        };
        let digest = super::clerk::short_digest(input);
        self.after_here(ms, move |world| world.card_signs(number, to, fate, &digest));
    }

    fn card_signs(&mut self, number: u32, to: EffectNo, fate: Fate, digest: &str) {
        let Some(visit) = self.unit.sessions.get(&number).map(|session| session.visit) else { return };
        match self.card_of(number, fate) {
            Ok(who) => {
                let verified = self.lobby.people[who].card.verified;
                self.holds("pin-before-signature", verified, || {
                    "a card is asked to sign and its PIN was not verified".to_owned()
                });
                let person = &mut self.lobby.people[who];
                person.card.signatures += 1;
                let signature = format!("{who}:{}:{digest}", person.card.signatures).into_bytes();
                if person.kind == Kind::KeyMismatch {
                    self.truth.cause(Refusal::CardKeyMismatch.code());
                }
                if let Some(session) = self.unit.sessions.get_mut(&number) {
                    session.commands += 1;
                }
                self.post_tally(number);
                self.post(Message::Signature { to, visit, signature }, Story::default());
                self.order_done(number);
            }
            Err(because) => {
                let because = match because {
                    Ok(refusal) => SignAnswer::Refused(refusal),
                    Err(fault) => SignAnswer::Failed(fault),
                };
                self.post(answer(to, Answer::Sign(because)), Story::default());
                self.session_over(number);
            }
        }
    }

    pub(super) fn stuck(&mut self, number: u32) {
        if let Some(session) = self.unit.sessions.get_mut(&number) {
            session.stuck = true;
        }
        // Some time somebody shakes the reader.
        let ms = self.dice.between(20_000, 90_000);
        self.after_here(ms, move |world| world.session_over(number));
    }

    pub(super) fn order_done(&mut self, number: u32) {
        let Some(session) = self.unit.sessions.get_mut(&number) else { return };
        session.busy = false;
        if session.ending {
            self.after_here(15, move |world| world.session_over(number));
        }
    }

    fn end_session(&mut self) {
        let Some(number) = self.unit.current.take() else { return };
        let Some(session) = self.unit.sessions.get_mut(&number) else { return };
        session.ending = true;
        if self.give_reader_up(number) {
            return;
        }
        let Some(session) = self.unit.sessions.get_mut(&number) else { return };
        if !session.busy && !session.over {
            self.after_here(15, move |world| world.session_over(number));
        }
    }

    /// However a session ends, the applet is left and the card powered off.
    pub(super) fn session_over(&mut self, number: u32) {
        let Some(session) = self.unit.sessions.get_mut(&number).filter(|session| !session.over) else {
            return;
        };
        session.over = true;
        session.commands += 1;
        if self.unit.last == Some(number) {
            self.take_power();
        }
        self.post_tally(number);
    }

    /// The number of the session stands in the count, so that a count of another session is seen.
    fn post_tally(&mut self, number: u32) {
        let Some(session) = self.unit.sessions.get(&number) else { return };
        let tally = CardTally { apdus: number * 100 + session.commands, apdus_after_pin: 0, card_us: 900 };
        self.post(Message::CardTally { visit: session.visit, tally }, Story::default());
    }

    /// When the last session is over, or the wait for that is.
    fn when_session_over(&mut self, then: impl FnOnce(&mut Self) + 'static) {
        let until = self.now() + std::time::Duration::from_millis(SESSION_END_MS_MAX);
        self.poll_session(until, Box::new(then));
    }

    fn poll_session(&mut self, until: std::time::Duration, then: super::world::Happening) {
        let last = self.unit.last.and_then(|number| self.unit.sessions.get(&number));
        if last.is_none_or(|session| session.over) || self.now() >= until {
            self.after_here(5, then);
        } else {
            self.after_here(40, move |world| world.poll_session(until, then));
        }
    }

    /// A power-off that is going on comes first, or the wait for it ends.
    fn when_powered_off(&mut self) {
        let until =
            self.now() + std::time::Duration::from_millis(u64::from(self.config.limits.make_safe_ms_max));
        self.poll_power(until);
    }

    fn poll_power(&mut self, until: std::time::Duration) {
        if self.unit.powering_off == 0 || self.now() >= until {
            self.return_card();
        } else {
            self.after_here(40, move |world| world.poll_power(until));
        }
    }

    fn return_card(&mut self) {
        if let Some(fault) = self.unit.lost {
            return self.event(Event::Fault(fault));
        }
        let Some(who) = self.unit.card else { return self.event(Event::Card(CardEvent::Removed)) };
        // What could not be powered off in time is given back all the same.
        let stuck = self.unit.sessions.values().any(|session| !session.over) || self.unit.powering_off > 0;
        let powered = self.lobby.people[who].card.powered;
        self.holds("powered-off-first", stuck || !powered, || "a card is given back with power".to_owned());
        self.lobby.offered = true;
    }

    fn take_in(&mut self, to: EffectNo) {
        let fate = self.fate();
        let ms = match fate {
            Fate::Late => self.dice.between(14_000, 20_000),
            Fate::Fine | Fate::Never | Fate::Fails(_) => self.dice.between(500, 3_000),
        };
        self.after_here(ms, move |world| {
            let kept = match (world.unit.lost, world.unit.card, fate) {
                (Some(fault), ..) | (None, Some(_), Fate::Fails(fault)) => RetainAnswer::Failed(fault),
                (None, None, _) => RetainAnswer::NoCard,
                (None, Some(_), Fate::Never) => return,
                (None, Some(_), Fate::Fine | Fate::Late) => {
                    world.pull(Place::Bin);
                    if let Some(visit) = &mut world.truth.visit {
                        visit.card_kept = true;
                    }
                    let place = "bin 2".to_owned();
                    return world.post_after(EVENT_MS, Message::Retained { to, place });
                }
            };
            world.post(answer(to, Answer::Retain(kept)), Story::default());
        });
    }
}
