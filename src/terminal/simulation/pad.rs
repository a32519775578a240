//! The PIN pad, with the one slot: digits come in one by one, and go to the card by move.
//!
//! What can go wrong: the pad fails in the middle of an entry, of one or of several in a row. What the customer does at it is the customer's affair
//! (`customer.rs`): too slowly, wrong, cancelled, not at all.

use transaction::{Answer, Device, EffectNo, Event, Fault, FaultKind, PinAnswer, Screen};

use super::world::{Shared, World};
use crate::desks::PinSide;
use crate::queue::Message;

const FAILED: Fault = Fault { device: Device::PinPad, kind: FaultKind::Broken, code: "pad-failed" };

/// The pad.
#[derive(Default)]
pub(super) struct Pad {
    /// The answer that is waited for.
    asked: Option<EffectNo>,
    pub(super) slot: Option<[u8; 4]>,
    /// So many entries fail before it works again.
    fails: u32,
}

/// The desk.
pub(super) struct SimPin(pub(super) Shared);

impl PinSide for SimPin {
    fn ask(&mut self, to: EffectNo) {
        let mut world = self.0.borrow_mut();
        world.called("the PIN pad");
        world.pad.stop();
        world.check_pin_is_asked();
        world.pad.asked = Some(to);
        let often = world.weather.card / 4;
        if world.strikes(often) {
            world.pad.fails = world.dice.pick(&[1, 1, 3, 8]);
        }
        if let Some(left) = world.pad.fails.checked_sub(1) {
            world.pad.fails = left;
            world.truth.cause(FAILED.code);
            let ms = world.dice.between(100, 9_000);
            world.after_here(ms, |world| world.pad_answers(PinAnswer::Failed(FAILED)));
        }
    }

    fn forget(&mut self) {
        let mut world = self.0.borrow_mut();
        world.called("the PIN pad");
        world.pad.stop();
    }
}

impl Pad {
    pub(super) fn stop(&mut self) {
        *self = Self { fails: self.fails, ..Self::default() };
    }

    pub(super) const fn is_asked(&self) -> bool {
        self.asked.is_some()
    }
}

impl World {
    /// The customer types a digit, or takes the last one back.
    pub(super) fn type_digits(&mut self, typed: u8) {
        if self.pad.is_asked() && self.lives() {
            self.post(Message::Dots(typed), crate::queue::Story::default());
        }
    }

    /// The customer confirms four digits.
    pub(super) fn enter_pin(&mut self, digits: [u8; 4]) {
        if self.pad.is_asked() && self.lives() {
            let shown = matches!(self.truth.screen, Some(Screen::EnterPin { .. }));
            self.holds("pin-asked-by-screen", shown, || "the pad takes a PIN and no screen asks".to_owned());
            self.pad.slot = Some(digits);
            self.truth.entered_once();
            self.pad_answers(PinAnswer::Entered);
        }
    }

    /// The entry is over.
    pub(super) fn pad_answers(&mut self, answer: PinAnswer) {
        if let Some(to) = self.pad.asked.take() {
            self.event(Event::Answer { to, answer: Answer::Pin(answer) });
        }
    }
}
