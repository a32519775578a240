//! The people: each with one card, for the whole run. They come one after the other, stand before the machine, and go.
//!
//! Nobody knows what the machine is doing but by its screen. A person who goes away leaves what is in the machine; the
//! next one finds it, and the screen that is on.

use std::time::Duration;

use transaction::{Refusal, Rejection};

use super::world::World;

/// What a card is, besides one that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Good,
    /// A chip that does not answer.
    Mute,
    NotMyNumber,
    Phone,
    Unreadable,
    NoCertificate,
    Damaged,
    Expired,
    NotYetValid,
    Untrusted,
    TestRoot,
    /// Its key is not that of its certificate.
    KeyMismatch,
}

impl Kind {
    const ODD: [Self; 11] = [
        Self::Mute,
        Self::NotMyNumber,
        Self::Phone,
        Self::Unreadable,
        Self::NoCertificate,
        Self::Damaged,
        Self::Expired,
        Self::NotYetValid,
        Self::Untrusted,
        Self::TestRoot,
        Self::KeyMismatch,
    ];

    /// What the terminal says when it reads it.
    pub(super) const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Good | Self::KeyMismatch => None,
            Self::Mute | Self::Unreadable => Some(Refusal::CardUnreadable),
            Self::NotMyNumber => Some(Refusal::NotMyNumberCard),
            Self::Phone => Some(Refusal::PhoneNotSupported),
            Self::NoCertificate => Some(Refusal::NoCertificate),
            Self::Damaged => Some(Refusal::CertificateDamaged),
            Self::Expired => Some(Refusal::CertificateExpired),
            Self::NotYetValid => Some(Refusal::CertificateNotYetValid),
            Self::Untrusted => Some(Refusal::CertificateUntrusted),
            Self::TestRoot => Some(Refusal::CertificateTestRoot),
        }
    }
}

/// Where a card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// With its owner.
    Hand,
    /// In the machine.
    Slot,
    /// Kept by the machine.
    Bin,
    /// Somebody else took it, and the bank has it.
    Bank,
}

/// A card.
#[derive(Debug, Clone, Copy)]
pub(super) struct Card {
    pub(super) place: Place,
    /// The PIN's counter.
    pub(super) tries: u8,
    pub(super) powered: bool,
    pub(super) verified: bool,
    pub(super) signatures: u64,
}

/// A person with a card.
#[derive(Debug, Clone, Copy)]
pub(super) struct Person {
    pub(super) kind: Kind,
    pub(super) pin: [u8; 4],
    pub(super) card: Card,
    pub(super) ends_soon: bool,
    /// What the host has against the registration.
    pub(super) verdict: Option<Rejection>,
}

/// Who stands before the machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Customer {
    pub(super) who: usize,
    /// Which stay at the machine.
    pub(super) stay: u64,
    /// How many wrong PINs come before the right one.
    pub(super) wrong_pins: u32,
    pub(super) wants_receipt: bool,
    pub(super) wants_language: bool,
    pub(super) wants_voice: bool,
    /// Needs longer than the machine gives.
    pub(super) slow: bool,
    /// Has begun a visit.
    pub(super) began: bool,
    /// Keys, and other whims, that are left in this stay.
    pub(super) whims_left: u32,
}

/// Everybody.
#[derive(Default)]
pub(super) struct Lobby {
    pub(super) people: Vec<Person>,
    pub(super) present: Option<Customer>,
    stays: u64,
    coming: bool,
    /// Nobody comes before then.
    pub(super) closed_until: Duration,
    /// Nobody comes any more.
    pub(super) closed: bool,
    /// The machine has given the card in it back.
    pub(super) offered: bool,
}

impl World {
    /// Sees to it that somebody comes, when nobody is there.
    pub(super) fn expect_somebody(&mut self) {
        if self.lobby.present.is_some() || self.lobby.coming || self.lobby.closed {
            return;
        }
        self.lobby.coming = true;
        let night = self.lobby.closed_until.saturating_sub(self.now());
        let ms = u64::try_from(night.as_millis()).unwrap_or(u64::MAX) + self.dice.between(1_000, 60_000);
        self.after(ms, World::arrives);
    }

    fn arrives(&mut self) {
        self.lobby.coming = false;
        if self.lobby.present.is_some() || self.lobby.closed {
            return;
        }
        let who = self.who_comes();
        self.lobby.stays += 1;
        let fair = self.weather.whims == 0;
        let customer = Customer {
            who,
            stay: self.lobby.stays,
            wrong_pins: if fair { 0 } else { self.dice.weighted(&[(80, 0), (10, 1), (5, 2), (5, 3)]) },
            wants_receipt: self.dice.permille(400),
            wants_language: !fair && self.dice.permille(100),
            wants_voice: !fair && self.dice.permille(60),
            slow: !fair && self.dice.permille(60),
            began: false,
            whims_left: 25,
        };
        self.lobby.present = Some(customer);
        self.diary.world(self.now(), || format!("person {who} comes"));
        self.react();
    }

    fn who_comes(&mut self) -> usize {
        let with_card = |person: &Person| person.card.place == Place::Hand;
        let old: Vec<usize> = (0..self.lobby.people.len())
            .rev()
            .take(40)
            .filter(|at| with_card(&self.lobby.people[*at]))
            .collect();
        if !old.is_empty() && self.dice.permille(350) {
            let who = self.dice.pick(&old);
            if self.dice.permille(150) {
                self.cancel_registration(who);
            }
            return who;
        }
        let odd = self.strikes(self.weather.odd_cards);
        let kind = if odd && self.dice.permille(600) { self.dice.pick(&Kind::ODD) } else { Kind::Good };
        let tries = if odd { self.dice.pick(&[0, 1, 1, 2, 3]) } else { 3 };
        let verdicts = [Rejection::NoInsurerData, Rejection::InsurerBlocked, Rejection::CertificateRevoked];
        let judged = self.weather.rejections && self.dice.permille(100);
        let verdict = judged.then(|| self.dice.pick(&verdicts));
        let digits: [u8; 4] = self.dice.bytes();
        self.lobby.people.push(Person {
            kind,
            pin: digits.map(|digit| b'0' + digit % 10),
            card: Card { place: Place::Hand, tries, powered: false, verified: false, signatures: 0 },
            ends_soon: self.dice.permille(200),
            verdict,
        });
        self.lobby.people.len() - 1
    }

    /// Whoever is there goes away, with or without the card.
    pub(super) fn leaves(&mut self) {
        if let Some(customer) = self.lobby.present.take() {
            self.diary.world(self.now(), || format!("person {} goes away", customer.who));
            self.expect_somebody();
            self.somebody_finds_card();
        }
    }

    /// A card that the machine offers and whose owner is gone: some time somebody takes it to the bank.
    pub(super) fn somebody_finds_card(&mut self) {
        if self.lobby.present.is_none() && self.truth.asks_to_take_card() {
            let ms = self.dice.between(10_000, 300_000);
            self.after(ms, |world| {
                if world.lives() && world.truth.asks_to_take_card() && world.lobby.present.is_none() {
                    world.pull(Place::Bank);
                }
            });
        }
    }
}
