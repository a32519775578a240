//! The reader's own PIN pad: entry and VERIFY are one act, and only the reader ends it.
//!
//! It behaves as `card_worker.rs` and a reader behind it do: after an entry in which no PIN was presented the counter is
//! read again; a reader that is given up keeps the card until its own time is over, and may still present a PIN until then.
//!
//! What can go wrong: the reader waits less long than the customer needs; it comes back at once, again and again; it hangs,
//! or fails, with the PIN counted or not; it says that it presented nothing, and the card has counted; the card is pulled
//! out, or the unit is lost, in the middle. What customers do at it is in `customer.rs`.

use transaction::{
    Answer, EffectNo, Fault, NotPresented, PadAnswer, PinAt, Screen, Tries, TriesLeft, VerifyAnswer,
};

use super::card::{Fate, answer};
use super::world::{Sabotage, World};
use crate::card_words::OUT_OF_ORDER;
use crate::config::PinPad;
use crate::queue::Story;

/// As `card_worker.rs` asks for it: until the first key, and for each other one.
const KEY_MS: u64 = 30_000;

/// The pad.
#[derive(Default)]
pub(super) struct ReaderPad {
    entry: Option<Entry>,
    /// Entries of this process.
    count: u64,
    /// In this session it comes back at once.
    hasty: Option<u32>,
}

/// An entry that is going on.
#[derive(Debug, Clone, Copy)]
struct Entry {
    to: EffectNo,
    session: u32,
    fate: Fate,
    number: u64,
    /// Keys so far: each gives the customer the reader's time again.
    keys: u64,
    /// Nobody waits for it any more.
    given_up: bool,
}

impl World {
    /// Where PINs are typed in this run.
    pub(super) const fn pin_at(&self) -> PinAt {
        match self.config.pin_pad {
            PinPad::Reader {} => PinAt::Reader,
            PinPad::Console {} | PinPad::Socket { .. } | PinPad::Serial { .. } => PinAt::Slot,
        }
    }

    /// Whether the reader waits for keys.
    pub(super) const fn reader_waits(&self) -> bool {
        self.unit.pad.entry.is_some()
    }

    pub(super) fn order_verify_on_pad(&mut self, to: EffectNo) {
        let session = match self.taking_orders() {
            Err(()) => {
                let failed = Answer::Pad(PadAnswer::Failed(OUT_OF_ORDER));
                return self.post(answer(to, failed), Story::default());
            }
            Ok(None) => return,
            Ok(Some(number)) => number,
        };
        self.check_pad_is_asked();
        if let Some(old) = self.unit.pad.entry.take() {
            self.holds("no-surprise-lock", old.given_up, || {
                "the reader is asked for a PIN while it waits for one".to_owned()
            });
            self.session_over(old.session);
        }
        let fate = self.fate();
        self.unit.pad.count += 1;
        let number = self.unit.pad.count;
        self.unit.pad.entry = Some(Entry { to, session, fate, number, keys: 0, given_up: false });
        let often = self.weather.card / 6;
        if self.strikes(often) {
            self.unit.pad.hasty = Some(session);
            self.truth.cause("pad-gives-no-pin");
        }
        if self.unit.pad.hasty == Some(session) {
            let ms = self.dice.between(5, 60);
            self.when_entry_goes_on(ms, |world| world.reader_ends(NotPresented::TimedOut));
        }
        if let Fate::Fails(fault) = fate {
            let ms = self.dice.between(100, 20_000);
            self.when_entry_goes_on(ms, move |world| world.reader_fails(fault));
        }
        self.reader_counts_time();
    }

    /// So much later, unless the entry is over, or another key was pressed.
    fn when_entry_goes_on(&mut self, ms: u64, then: impl FnOnce(&mut Self) + 'static) {
        let Some(entry) = self.unit.pad.entry else { return };
        self.after_here(ms, move |world| {
            let same = |now: Entry| now.number == entry.number && now.keys == entry.keys;
            if world.unit.pad.entry.is_some_and(same) {
                then(world);
            }
        });
    }

    fn reader_counts_time(&mut self) {
        self.when_entry_goes_on(KEY_MS, |world| world.reader_ends(NotPresented::TimedOut));
    }

    /// A key other than those that end the entry.
    pub(super) fn reader_key(&mut self) {
        if let Some(entry) = &mut self.unit.pad.entry {
            entry.keys += 1;
            self.reader_counts_time();
        }
    }

    /// The Enter key. `None`: after fewer or more digits than four.
    pub(super) fn reader_enter(&mut self, digits: Option<[u8; 4]>) {
        let Some(digits) = digits else { return self.reader_ends(NotPresented::WrongLength) };
        let Some(entry) = self.unit.pad.entry.take() else { return };
        let Some(visit) = self.unit.sessions.get(&entry.session).map(|session| session.visit) else { return };
        self.truth.pins.entry(visit.0).or_default().entered += 1;
        let ms = match entry.fate {
            Fate::Late => self.dice.between(8_000, 15_000),
            Fate::Fine | Fate::Never | Fate::Fails(_) => self.dice.between(60, 500),
        };
        self.after_here(ms, move |world| world.reader_presents(entry, digits));
    }

    /// The entry ends, and no PIN was presented.
    pub(super) fn reader_ends(&mut self, why: NotPresented) {
        let Some(entry) = self.unit.pad.entry.take() else { return };
        if let Fate::Never = entry.fate {
            return self.stuck(entry.session);
        }
        let ms = self.dice.between(20, 100);
        self.after_here(ms, move |world| world.reader_tells_nothing_presented(entry, why));
    }

    fn reader_fails(&mut self, fault: Fault) {
        if let Some(entry) = self.unit.pad.entry.take() {
            self.reader_tells(entry, PadAnswer::Failed(fault));
        }
    }

    /// The card was pulled out, or the unit is lost: the reader notices it while it waits.
    pub(super) fn reader_loses_card(&mut self) {
        self.when_entry_goes_on(300, |world| world.reader_ends(NotPresented::TimedOut));
    }

    /// The session is to end. True when the reader waits, and keeps the card until its own time is over.
    pub(super) fn give_reader_up(&mut self, session: u32) -> bool {
        let Some(entry) = &mut self.unit.pad.entry else { return false };
        if entry.session != session {
            return false;
        }
        entry.given_up = true;
        let to = entry.to;
        let failed = PadAnswer::Failed(Fault::no_answer(transaction::Device::PinPad));
        self.post(answer(to, Answer::Pad(failed)), Story::default());
        true
    }

    fn reader_presents(&mut self, entry: Entry, digits: [u8; 4]) {
        let Some(visit) = self.unit.sessions.get(&entry.session).filter(|session| !session.over) else {
            return;
        };
        let visit = visit.visit;
        let who = match self.card_of(entry.session, Fate::Fine) {
            Ok(who) => who,
            Err(because) => return self.reader_tells(entry, lost(because)),
        };
        // The card may have counted although its answer is lost.
        let counted = matches!(entry.fate, Fate::Fine | Fate::Late) || self.dice.permille(500);
        let mut said = counted.then(|| self.card_verifies(who, digits, visit));
        if counted && self.is_sabotaged_by(Sabotage::DeskVerifiesTwice) {
            said = Some(self.card_verifies(who, digits, visit));
        }
        if let Some(session) = self.unit.sessions.get_mut(&entry.session) {
            session.commands += 1;
        }
        let often = self.weather.card;
        let lies = self.strikes(often);
        match (entry.fate, said) {
            (Fate::Fails(fault), _) => self.reader_tells(entry, PadAnswer::Failed(fault)),
            (Fate::Never, _) | (Fate::Fine | Fate::Late, None) => self.stuck(entry.session),
            (Fate::Fine | Fate::Late, Some(VerifyAnswer::Wrong(_))) if lies => {
                self.reader_tells_nothing_presented(entry, NotPresented::TimedOut);
            }
            (Fate::Fine | Fate::Late, Some(VerifyAnswer::Wrong(tries))) => {
                self.reader_tells(entry, PadAnswer::Wrong(tries));
            }
            (Fate::Fine | Fate::Late, Some(VerifyAnswer::Verified)) => {
                self.reader_tells(entry, PadAnswer::Verified);
            }
            (Fate::Fine | Fate::Late, Some(VerifyAnswer::Refused(_) | VerifyAnswer::Failed(_))) => {
                unreachable!("a card says yes or no")
            }
        }
    }

    fn reader_tells_nothing_presented(&mut self, entry: Entry, why: NotPresented) {
        let told = match self.card_of(entry.session, Fate::Fine) {
            Ok(who) => {
                let tries = self.lobby.people[who].card.tries;
                let tries = TriesLeft::new(tries).map_or(Tries::Blocked, Tries::Left);
                PadAnswer::NotPresented { why, tries }
            }
            Err(because) => lost(because),
        };
        self.reader_tells(entry, told);
    }

    fn reader_tells(&mut self, entry: Entry, told: PadAnswer) {
        if entry.given_up {
            return self.session_over(entry.session);
        }
        self.post(answer(entry.to, Answer::Pad(told)), Story::default());
        match told {
            PadAnswer::Verified | PadAnswer::Wrong(_) | PadAnswer::NotPresented { .. } => {
                self.order_done(entry.session);
            }
            PadAnswer::Refused(_) | PadAnswer::Failed(_) => self.session_over(entry.session),
        }
    }

    /// The reader's pad is asked only with the card's tries on the screen, recorded before, and for the last try after a yes
    /// of its own.
    fn check_pad_is_asked(&mut self) {
        let shown = match self.truth.screen {
            Some(Screen::EnterPinAtReader { tries_left, .. }) => Some(tries_left.get()),
            _ => None,
        };
        self.check_tries_shown(shown);
        let Some(id) = self.truth.id() else {
            self.broken("no-surprise-lock", "a PIN is asked for and nobody is served".to_owned());
        };
        let pins = self.truth.pins.entry(id.0).or_default();
        pins.asked_at_reader += 1;
        let asked = pins.asked_at_reader;
        let recorded = self.spy().records(id, "pin-asked-at-reader");
        self.holds("recorded-before-done", recorded >= asked.min(9), || {
            format!("the reader is asked for the {asked}. time, and {recorded} are durable")
        });
        self.check_last_try_wanted();
    }
}

fn lost(because: Result<transaction::Refusal, Fault>) -> PadAnswer {
    match because {
        Ok(refusal) => PadAnswer::Refused(refusal),
        Err(fault) => PadAnswer::Failed(fault),
    }
}
