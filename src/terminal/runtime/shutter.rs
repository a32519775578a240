//! The way in for a card: open while the customer is asked for one, and only then.
//!
//! Invariant: whether a card is wanted follows from what is shown, in one place. No state of the machine and no way out of
//! a visit can forget to close: what comes after the question for the card is another screen, or the end of the work.

use transaction::{CardEvent, Screen};

use super::Runtime;

impl Runtime {
    /// Called with every screen, before it is shown.
    pub(super) fn mind_the_way_in(&mut self, screen: &Screen) {
        self.want_card(asks_for_card(screen));
    }

    /// There is nothing more to be shown.
    pub(super) fn close_the_way_in(&mut self) {
        self.want_card(false);
    }

    /// One card is let in for each wish. One that came in while the unit was away may have used it up and be gone again,
    /// unseen; so the wish is told anew when the unit says that it is empty.
    pub(super) fn keep_the_way_in(&mut self, event: CardEvent) {
        match event {
            CardEvent::Removed if self.asks_for_card => self.parts.card.permit_entry(true),
            CardEvent::Removed
            | CardEvent::Inserted
            | CardEvent::Mute
            | CardEvent::UnitLost(_)
            | CardEvent::UnitBack => {}
        }
    }

    fn want_card(&mut self, wanted: bool) {
        if self.asks_for_card != wanted {
            self.asks_for_card = wanted;
            self.parts.card.permit_entry(wanted);
        }
    }
}

const fn asks_for_card(screen: &Screen) -> bool {
    match screen {
        Screen::InsertCard => true,
        Screen::Starting
        | Screen::Menu
        | Screen::Connecting
        | Screen::Terms
        | Screen::Reading
        | Screen::LastTry
        | Screen::EnterPin { .. }
        | Screen::EnterPinAtReader { .. }
        | Screen::LeavePad
        | Screen::Signing
        | Screen::Sending
        | Screen::Result { .. }
        | Screen::Stopped { .. }
        | Screen::Printing
        | Screen::NoReceipt
        | Screen::TakeCard
        | Screen::TakeFoundCard
        | Screen::Retained
        | Screen::OutOfService { .. }
        | Screen::CardUnitDown { .. } => false,
    }
}
