//! A printer in memory: the smallest thing that keeps the contract.

use std::sync::Mutex;

use devices::port::{
    Action, DeviceState, Fault, FaultKind, PaperState, Printed, Printer, PrinterStatus, Reason,
};
use devices::printer::{Paper, Receipt, render_text};

/// Prints into a list, until its paper is used up.
pub(crate) struct Fake {
    printed: Mutex<Vec<String>>,
    receipts_max: usize,
}

impl Fake {
    pub(crate) fn new(receipts_max: usize) -> Self {
        Self { printed: Mutex::new(Vec::new()), receipts_max }
    }

    pub(crate) fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }
}

fn full() -> Fault {
    Fault {
        kind: FaultKind::NeedsOperator,
        device: "printer",
        code: "paper-out",
        action: Action::Clear,
        what: "the list is full".to_owned(),
        source: None,
    }
}

impl Printer for Fake {
    fn print(&self, receipt: &Receipt) -> Result<Printed, Fault> {
        let mut printed = self.printed.lock().unwrap();
        if printed.len() >= self.receipts_max {
            return Err(full());
        }
        printed.push(render_text(receipt, Paper::Mm80));
        Ok(Printed { picture: None })
    }

    fn status(&self) -> PrinterStatus {
        let out = self.printed.lock().unwrap().len() >= self.receipts_max;
        let paper = if out { PaperState::Out } else { PaperState::Full };
        let reason = out.then(|| Reason::from(&full()));
        PrinterStatus { reason, ..PrinterStatus::new(DeviceState::Online, paper) }
    }
}
