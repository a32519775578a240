//! What a person at the machine does: what the screen asks for, and now and then what nobody asked for.
//!
//! Whims: any key at any time, the card pulled out, put in too early or the wrong way round, walking away, a wrong PIN, the
//! pad's cancel, a PIN begun and not finished, the card taken late or never, another language, the handset taken or hung
//! up, help, more time. A person has so many whims in one stay, so that a visit has an end.

use transaction::{Event, Key, Mode, NotPresented, PinAnswer, Screen};

use super::lobby::{Customer, Place};
use super::world::World;
use crate::catalogue::Language;
use crate::queue::Message;

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Press(Key),
    Speak(Language),
    Handset(Mode),
    Insert {
        wrong_way: bool,
    },
    TakeCard,
    /// A digit less or more at the pad, up to so many.
    Type(u8),
    Enter {
        right: bool,
    },
    /// At the reader's own pad: Enter before all digits are in.
    EnterTooFew,
    CancelAtPad,
    WalkAway,
}

const WHIMS: [(u32, Deed); 19] = [
    (6, Deed::Press(Key::Cancel)),
    (3, Deed::Press(Key::Confirm)),
    (3, Deed::Press(Key::Yes)),
    (3, Deed::Press(Key::No)),
    (3, Deed::Press(Key::More)),
    (5, Deed::Press(Key::Help)),
    (3, Deed::Speak(Language::En)),
    (2, Deed::Speak(Language::Ja)),
    (2, Deed::Handset(Mode::Voice)),
    (2, Deed::Handset(Mode::Screen)),
    (3, Deed::Insert { wrong_way: false }),
    (1, Deed::Insert { wrong_way: true }),
    (7, Deed::TakeCard),
    (2, Deed::Type(2)),
    (1, Deed::Enter { right: true }),
    (1, Deed::Enter { right: false }),
    (1, Deed::EnterTooFew),
    (3, Deed::CancelAtPad),
    (6, Deed::WalkAway),
];

impl World {
    /// The screen has changed, or somebody has come: what will they do?
    pub(super) fn react(&mut self) {
        let Some(customer) = self.lobby.present else {
            self.expect_somebody();
            return self.somebody_finds_card();
        };
        let Some(screen) = self.truth.screen else { return self.waits_for_machine() };
        if self.strikes(self.weather.whims) {
            let (deed, ms) = (self.dice.weighted(&WHIMS), self.dice.between(0, 30_000));
            self.after(ms, move |world| world.do_whim(customer.stay, deed));
        }
        let page = self.truth.page;
        // Who has waited so long for something to happen does not come back.
        let ms = self.dice.between(200_000, 400_000);
        self.after(ms, move |world| {
            if world.truth.page == page && world.is_here(customer) {
                world.leaves();
            }
        });
        let ms = match self.dice.below(1_000) {
            // Fallen asleep.
            0..20 if self.weather.whims > 0 => return,
            _ if customer.slow => self.dice.between(20_000, 170_000),
            _ => self.dice.between(500, 12_000),
        };
        self.after(ms, move |world| {
            if world.truth.page == page && world.is_here(customer) {
                world.do_what_is_asked(customer, screen);
            }
        });
    }

    /// The time is nearly over, says the screen.
    pub(super) fn hear_warning(&mut self, more: bool) {
        let Some(customer) = self.lobby.present else { return };
        if more && self.dice.permille(700) {
            let (page, ms) = (self.truth.page, self.dice.between(300, 25_000));
            self.after(ms, move |world| {
                if world.truth.page == page && world.is_here(customer) {
                    world.does(Deed::Press(Key::More));
                }
            });
        }
    }

    fn is_here(&self, customer: Customer) -> bool {
        self.lobby.present.is_some_and(|now| now.stay == customer.stay)
    }

    fn do_whim(&mut self, stay: u64, deed: Deed) {
        let Some(customer) = self.lobby.present.as_mut().filter(|customer| customer.stay == stay) else {
            return;
        };
        let Some(left) = customer.whims_left.checked_sub(1) else { return };
        customer.whims_left = left;
        self.does(deed);
    }

    fn do_what_is_asked(&mut self, customer: Customer, screen: Screen) {
        let press = |key| Some(Deed::Press(key));
        let deed = match screen {
            Screen::Menu if customer.began => return self.leaves_with_card(customer),
            Screen::Menu => return self.begins(customer),
            Screen::Terms => press(Key::Confirm),
            Screen::InsertCard => {
                let wrong_way = self.weather.whims > 0 && self.dice.permille(30);
                if self.lobby.people[customer.who].card.place != Place::Hand {
                    return self.leaves();
                }
                Some(Deed::Insert { wrong_way })
            }
            Screen::LastTry => press(if self.weather.whims > 0 {
                self.dice.pick(&[Key::Yes, Key::Yes, Key::No, Key::Confirm])
            } else {
                Key::Yes
            }),
            Screen::EnterPin { .. } | Screen::EnterPinAtReader { .. } => return self.types_pin(customer),
            Screen::LeavePad => return self.leaves_pad(customer),
            Screen::Result { receipt: true, .. } => {
                press(if customer.wants_receipt { Key::Yes } else { Key::No })
            }
            Screen::Result { receipt: false, .. }
            | Screen::Stopped { .. }
            | Screen::NoReceipt
            | Screen::Retained => press(Key::Confirm),
            Screen::TakeCard | Screen::TakeFoundCard => return self.takes_card(customer),
            Screen::OutOfService { .. } | Screen::CardUnitDown { .. } => {
                return self.leaves_with_card(customer);
            }
            Screen::Starting
            | Screen::Connecting
            | Screen::Reading
            | Screen::Signing
            | Screen::Sending
            | Screen::Printing => None,
        };
        if let Some(deed) = deed {
            self.does(deed);
        }
    }

    /// At the menu.
    fn begins(&mut self, customer: Customer) {
        if let Some(present) = &mut self.lobby.present {
            present.began = true;
        }
        if customer.wants_voice {
            self.does(Deed::Handset(Mode::Voice));
        }
        if customer.wants_language {
            self.does(Deed::Speak(Language::En));
        }
        self.does(Deed::Press(Key::Confirm));
        // A language that was chosen shows the menu again, and a key that was lost is pressed once more.
        let ms = self.dice.between(3_000, 9_000);
        self.after(ms, move |world| {
            if world.truth.screen == Some(Screen::Menu) && world.is_here(customer) {
                world.react();
            }
        });
    }

    fn types_pin(&mut self, customer: Customer) {
        let wrong = customer.wrong_pins > 0;
        if let Some(present) = &mut self.lobby.present {
            present.wrong_pins = present.wrong_pins.saturating_sub(1);
        }
        if self.weather.whims > 0 && self.dice.permille(40) {
            return self.does(Deed::CancelAtPad);
        }
        let too_few = self.weather.whims > 0 && self.dice.permille(40);
        let (page, pause) = (self.truth.page, self.dice.between(100, 1_500));
        for digit in 1..=4_u8 {
            let ms = pause * u64::from(digit);
            self.after(ms, move |world| {
                if world.truth.page == page && world.is_here(customer) {
                    world.does(Deed::Type(digit));
                    if digit == 3 && too_few {
                        world.does(Deed::EnterTooFew);
                    }
                    if digit == 4 {
                        world.does(Deed::Enter { right: !wrong });
                    }
                }
            });
        }
    }

    /// The reader still waits for a PIN that nobody wants any more.
    fn leaves_pad(&mut self, customer: Customer) {
        match self.dice.below(10) {
            0..7 => self.does(Deed::CancelAtPad),
            7..9 => self.types_pin(customer),
            // It ends by itself.
            _ => {}
        }
    }

    fn takes_card(&mut self, customer: Customer) {
        let owner = self.unit.card == Some(customer.who);
        if owner && self.weather.whims > 0 && self.dice.permille(50) {
            // Forgotten.
            return self.leaves();
        }
        if owner || self.dice.permille(500) {
            return self.does(Deed::TakeCard);
        }
        // Somebody else's: not everybody touches it.
        self.leaves();
    }

    fn leaves_with_card(&mut self, customer: Customer) {
        if self.unit.card == Some(customer.who) {
            self.does(Deed::TakeCard);
        }
        self.leaves();
    }

    fn does(&mut self, deed: Deed) {
        let Some(customer) = self.lobby.present else { return };
        self.diary.world(self.now(), || format!("person {}: {deed:?}", customer.who));
        match deed {
            Deed::Press(key) => self.event(Event::Key(key)),
            Deed::Speak(language) => self.post(Message::Language(language), crate::queue::Story::default()),
            Deed::Handset(mode) => self.event(Event::Mode(mode)),
            Deed::Insert { wrong_way } => self.insert(customer.who, wrong_way),
            Deed::TakeCard => {
                let mine = self.unit.card == Some(customer.who);
                self.pull(if mine { Place::Hand } else { Place::Bank });
            }
            Deed::Type(digits) => {
                self.type_digits(digits);
                self.reader_key();
            }
            Deed::Enter { right } if self.reader_waits() => {
                self.reader_enter(Some(self.digits(customer, right)));
            }
            Deed::Enter { right } => self.enter_pin(self.digits(customer, right)),
            Deed::EnterTooFew => self.reader_enter(None),
            Deed::CancelAtPad => {
                if self.reader_waits() {
                    self.truth.cause(transaction::Refusal::Cancelled.code());
                    self.reader_ends(NotPresented::Cancelled);
                }
                if self.pad.is_asked() {
                    self.truth.cause(transaction::Refusal::Cancelled.code());
                    self.pad_answers(PinAnswer::Cancelled);
                }
            }
            Deed::WalkAway => self.leaves(),
        }
    }

    /// Of the card that is in, when it is one's own.
    fn digits(&self, customer: Customer, right: bool) -> [u8; 4] {
        let [first, rest @ ..] = self.lobby.people[customer.who].pin;
        let [second, third, fourth] = rest;
        if right {
            [first, second, third, fourth]
        } else {
            [b'0' + (first - b'0' + 1) % 10, second, third, fourth]
        }
    }

    /// Before a machine that shows nothing, or says that it does not serve: who has a card in it does not wait for ever.
    fn waits_for_machine(&mut self) {
        let Some(customer) = self.lobby.present else { return };
        let (page, ms) = (self.truth.page, self.dice.between(2_000, 60_000));
        let forgets = self.weather.whims > 0 && self.dice.permille(300);
        self.after(ms, move |world| match (world.truth.page == page && world.is_here(customer), forgets) {
            (false, _) => {}
            (true, true) => world.leaves(),
            (true, false) => world.leaves_with_card(customer),
        });
    }
}
