//! The runtime's side of the devices' health: what the ledger hears, who is told, and the file for operators.

use std::time::{Duration, Instant};

use devices::port::{CardEvent, PrinterStatus};
use jiff::Timestamp;
use transaction::Event;

use super::{Goal, Runtime};
use crate::health;
use crate::log_words::Line;
use crate::print_desk::printing;
use crate::queue::{Story, chain};

/// A printer that was just opened needs a moment until it has told its state.
const FIRST_PRINTER_LOOK: Duration = Duration::from_secs(10);

/// Between two looks at the printer: one that ran out of paper is seen before the next customer comes.
const PRINTER_LOOK_PAUSE: Duration = Duration::from_secs(60);

impl Runtime {
    /// From here on the devices are looked after.
    pub(super) fn watch_devices(&mut self) {
        self.health.begins(self.parts.clock.now());
        match self.goal {
            Goal::Serve => self.printer_look = Some(self.parts.clock.instant() + FIRST_PRINTER_LOOK),
            Goal::Register => {}
            Goal::Deliver => return,
        }
        self.parts.others.watch();
    }

    /// Looks at the printer when it is time. What comes of it is an event like any other.
    pub(super) fn look_at_printer_when_due(&mut self, now: Instant) {
        if self.printer_look.is_some_and(|due| due <= now) {
            self.printer_look = Some(now + PRINTER_LOOK_PAUSE);
            self.parts.printer.look();
        }
    }

    /// The printer told how it is.
    pub(super) fn printer_looked(&mut self, status: PrinterStatus) -> Event {
        let printing = printing(&status);
        self.health.printer_looked(status);
        Event::Printing(self.health.may_print(printing))
    }

    /// A reader that does not serve saw something. The machine need not hear of it; the customer may.
    pub(super) fn other_reader(&mut self, reader: usize, event: &CardEvent, at: Timestamp) {
        let lay_there = self.health.card_at_other_reader();
        for (line, story) in self.health.other_reader(reader, event, at) {
            self.jot(line, at, &story);
        }
        if !lay_there {
            self.tell_of_card_at_other_reader();
        }
    }

    /// Who is asked for a card that lies at the other reader is told so.
    pub(super) fn tell_of_card_at_other_reader(&mut self) {
        if self.asks_for_card && self.health.card_at_other_reader() {
            self.parts.screen.card_at_other_reader();
        }
    }

    fn jot(&mut self, line: Line, at: Timestamp, story: &Story) {
        self.recorder(at, story).jot(line);
    }

    /// Shows operators how the devices are, when that changed. A file that cannot be written stops nobody.
    pub(super) fn publish_devices(&mut self) {
        if !self.health.take_changed() {
            return;
        }
        let shown = self.health.shown(self.parts.clock.now());
        if let Err(error) = health::publish(&self.parts.config.state_dir, &shown) {
            tracing::warn!(error = %chain(&error), "how the devices are cannot be shown in the state directory");
        }
    }
}
