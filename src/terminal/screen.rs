//! What the customer sees and presses.
//!
//! Invariants:
//! - The PIN does not pass here: the pad takes it, the screen learns how many digits there are.
//! - A screen shows what the machine says and decides nothing.

mod console;
mod keys;
mod lines;
mod outlet;

use std::sync::Arc;

use transaction::Screen;
use uuid::Uuid;

use crate::catalogue::{self, Catalogue, Language};
use crate::folder::Terms;
use crate::report::Report;
pub(crate) use console::Console;
pub(crate) use keys::{KeyForm, Keys};
pub(crate) use lines::Lines;
pub(crate) use outlet::Outlet;

/// What a screen may show besides its own.
#[derive(Default)]
pub(crate) struct Facts<'a> {
    /// The terms to be confirmed.
    pub(crate) terms: Option<&'a Terms>,
    /// The present visit's request.
    pub(crate) request: Option<Uuid>,
    /// What the words speak of.
    pub(crate) words: catalogue::Facts,
    /// The languages that the customer may choose instead of the present one.
    pub(crate) languages: Vec<Language>,
}

/// A screen.
pub(crate) trait CustomerScreen {
    /// Shows one screen instead of the one before.
    fn show(&mut self, screen: &Screen, facts: &Facts<'_>);

    /// Says that this machine does not serve.
    fn out_of_service(&mut self);

    /// Shows how many digits of the PIN there are.
    fn dots(&mut self, entered: u8);

    /// Says more about a screen, which stays.
    fn help(&mut self, screen: &Screen, facts: &Facts<'_>);

    /// Says that the time for a screen, which stays, is nearly over; with `more` one key gives the whole time again.
    fn warn_time(&mut self, screen: &Screen, more: bool, facts: &Facts<'_>);

    /// Beeps, and speaks where there is a voice: take the card.
    fn call_to_take_card(&mut self);

    /// Says, over the screen that asks for it, that a card lies at a reader that does not serve.
    fn card_at_other_reader(&mut self);

    /// From here on in this language.
    fn speak(&mut self, catalogue: Arc<Catalogue>);

    /// A visit is over, and others follow.
    fn report(&mut self, report: &Report);
}

/// The stable name of a screen, in the line protocol and in traces.
pub(crate) const fn name(screen: &Screen) -> &'static str {
    match screen {
        Screen::Starting => "starting",
        Screen::Menu => "menu",
        Screen::Connecting => "connecting",
        Screen::Terms => "terms",
        Screen::InsertCard => "insert-card",
        Screen::Reading => "reading",
        Screen::LastTry => "last-try",
        Screen::EnterPin { .. } | Screen::EnterPinAtReader { .. } => "pin",
        Screen::LeavePad => "leave-pad",
        Screen::Signing => "signing",
        Screen::Sending => "sending",
        Screen::Result { .. } => "receipt",
        Screen::Stopped { .. } => "stopped",
        Screen::Printing => "printing",
        Screen::NoReceipt => "no-receipt",
        Screen::TakeCard | Screen::TakeFoundCard => "take-card",
        Screen::Retained => "retained",
        Screen::OutOfService { .. } => OUT_OF_SERVICE,
        Screen::CardUnitDown { .. } => "card-unit-down",
    }
}

/// The stable name of the help over a screen.
pub(crate) const HELP: &str = "help";

/// The stable name of the warning over a screen.
pub(crate) const TIME_WARNING: &str = "time-warning";

/// The stable name of the notice that the card lies at the other reader.
pub(crate) const CARD_AT_OTHER_READER: &str = "card-at-other-reader";

/// The stable name of the screen of a machine that does not serve.
pub(crate) const OUT_OF_SERVICE: &str = "out-of-service";

/// For work without a customer.
pub(crate) struct Silent;

impl CustomerScreen for Silent {
    fn show(&mut self, _screen: &Screen, _facts: &Facts<'_>) {}

    fn out_of_service(&mut self) {}

    fn dots(&mut self, _entered: u8) {}

    fn help(&mut self, _screen: &Screen, _facts: &Facts<'_>) {}

    fn warn_time(&mut self, _screen: &Screen, _more: bool, _facts: &Facts<'_>) {}

    fn call_to_take_card(&mut self) {}

    fn card_at_other_reader(&mut self) {}

    fn speak(&mut self, _catalogue: Arc<Catalogue>) {}

    fn report(&mut self, _report: &Report) {}
}
