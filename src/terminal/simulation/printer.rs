//! The printer: paper that runs out, a jam, a printer that is down, and receipts that come late or never.
//!
//! A receipt that the process has handed over is printed although the process dies. Each receipt is read before it is
//! printed (`promises.rs`).

use std::path::PathBuf;

use devices::printer::Receipt;
use transaction::{Answer, Device, EffectNo, Event, Fault, FaultKind, PrintAnswer, Printing};

use super::world::{Shared, World};
use crate::desks::PrinterSide;
use crate::queue::{Message, Story};

const fn fault(kind: FaultKind, code: &'static str) -> Fault {
    Fault { device: Device::Printer, kind, code }
}

const TROUBLES: [Fault; 3] = [
    fault(FaultKind::NeedsOperator, "paper-out"),
    fault(FaultKind::NeedsOperator, "paper-jammed"),
    fault(FaultKind::Broken, "printer-down"),
];

/// The printer.
#[derive(Default)]
pub(super) struct Print {
    pub(super) trouble: Option<Fault>,
    count: u32,
}

/// The desk.
pub(super) struct SimPrinter(pub(super) Shared);

impl PrinterSide for SimPrinter {
    fn print(&self, to: EffectNo, receipt: Receipt) {
        let mut world = self.0.borrow_mut();
        world.called("the printer");
        world.check_receipt(&receipt);
        world.print(to);
    }

    fn look(&self) {
        let mut world = self.0.borrow_mut();
        world.called("the printer");
        let ms = world.dice.between(5, 200);
        world.after_here(ms, World::tell_printing);
    }
}

impl World {
    fn print(&mut self, to: EffectNo) {
        let mut ms = self.dice.between(1_500, 5_000);
        let strikes = self.strikes(self.weather.printer);
        if strikes {
            match self.dice.below(3) {
                // Late, so that the customer hears first that there is none.
                0 => ms = self.dice.between(14_000, 40_000),
                // Never: the printer's thread is stuck.
                1 => return,
                _ => self.printer.trouble = Some(self.dice.pick(&TROUBLES)),
            }
        }
        self.after_here(ms, move |world| {
            if let Some(fault) = world.printer.trouble {
                let answer = Answer::Print(PrintAnswer::Failed(fault));
                return world.post(Message::Event(Event::Answer { to, answer }), Story::default());
            }
            world.printer.count += 1;
            let picture = Some(PathBuf::from(format!("receipt-{}-{}.png", to.0, world.printer.count)));
            world.truth.printed(to, picture.clone());
            world.post(Message::Printed { to, picture }, Story::default());
        });
    }

    fn tell_printing(&mut self) {
        let printing = self.printer.trouble.map_or(Printing::Possible, Printing::Impossible);
        self.event(Event::Printing(printing));
    }

    /// Something is wrong with the printer, for so long.
    pub(super) fn printer_fails(&mut self, ms: u64) {
        self.printer.trouble = Some(self.dice.pick(&TROUBLES));
        // Some printers tell by themselves.
        if self.dice.permille(500) {
            self.tell_printing();
        }
        self.after(ms, World::printer_works);
    }

    pub(super) fn printer_works(&mut self) {
        if self.printer.trouble.take().is_some() && self.dice.permille(500) {
            self.tell_printing();
        }
    }
}
