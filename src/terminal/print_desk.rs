//! The printer's desk: one receipt at a time, on a thread of its own.
//!
//! Invariant: no receipt is begun that cannot be out within the time that the machine waits for it.

use std::sync::Arc;
use std::time::Duration;

use devices::port::{self, DeviceState, PaperState, Printer};
use devices::printer::Receipt;
use transaction::{Answer, Device, EffectNo, Event, Fault, FaultKind, PrintAnswer, Printing};

use crate::desks::PrinterSide;
use crate::queue::{Mailbox, Message, Story, told};

const NO_THREADS: Fault = Fault { device: Device::Terminal, kind: FaultKind::Broken, code: "no-threads" };

/// The desk.
pub(crate) struct PrintDesk {
    printer: Arc<dyn Printer>,
    mailbox: Mailbox,
    /// The machine waits no longer for a receipt.
    limit: Duration,
}

impl PrintDesk {
    pub(crate) fn new(printer: Arc<dyn Printer>, mailbox: Mailbox, limit: Duration) -> Self {
        Self { printer, mailbox, limit }
    }
}

impl PrinterSide for PrintDesk {
    fn print(&self, to: EffectNo, receipt: Receipt) {
        let (printer, mailbox, limit) = (Arc::clone(&self.printer), self.mailbox.clone(), self.limit);
        let started = std::thread::Builder::new().name("printer".to_owned()).spawn(move || {
            let printed = in_time(&*printer, &receipt, limit).and_then(|()| printer.print(&receipt));
            match printed {
                Ok(printed) => {
                    mailbox.post(Message::Printed { to, picture: printed.picture }, Story::default());
                }
                Err(fault) => {
                    let (fault, story) = told(Device::Printer, &fault);
                    let answer = Answer::Print(PrintAnswer::Failed(fault));
                    mailbox.post(Message::Event(Event::Answer { to, answer }), story);
                }
            }
        });
        if started.is_err() {
            let answer = Answer::Print(PrintAnswer::Failed(NO_THREADS));
            self.mailbox.event(Event::Answer { to, answer });
        }
    }

    fn look(&self) {
        let (printer, mailbox) = (Arc::clone(&self.printer), self.mailbox.clone());
        let started = std::thread::Builder::new().name("printer-status".to_owned()).spawn(move || {
            let status = printer.status();
            let reason = status.reason.as_ref().filter(|_| printing(&status) != Printing::Possible);
            let story = reason.map(Story::because).unwrap_or_default();
            mailbox.post(Message::PrinterLooked(status), story);
        });
        if started.is_err() {
            self.mailbox.event(Event::Printing(Printing::Impossible(NO_THREADS)));
        }
    }
}

/// A receipt that would still be coming out when the customer has heard that there is none is not begun: the next one would
/// find it.
fn in_time(printer: &dyn Printer, receipt: &Receipt, limit: Duration) -> Result<(), port::Fault> {
    let time = printer.time_for(receipt);
    if time < limit {
        return Ok(());
    }
    let what = format!(
        "the receipt takes {:.1} s on this line, and limits.print_ms_max is {:.1} s: set a faster line, a profile with \
         Japanese letters, or a longer limit",
        time.as_secs_f64(),
        limit.as_secs_f64()
    );
    Err(port::Fault {
        kind: port::FaultKind::NeedsOperator,
        device: "printer",
        code: "receipt-too-slow",
        action: port::Action::Configuration,
        what,
        source: None,
    })
}

/// Whether a receipt can be offered. What cannot be told is tried.
pub(crate) fn printing(status: &port::PrinterStatus) -> Printing {
    let impossible = |kind, code| {
        Printing::Impossible(Fault { device: Device::Printer, kind, code: status.code().unwrap_or(code) })
    };
    match (status.device, status.paper) {
        (DeviceState::Online, PaperState::Out) => impossible(FaultKind::NeedsOperator, "paper-out"),
        (DeviceState::Online, PaperState::Jammed) => impossible(FaultKind::NeedsOperator, "paper-jammed"),
        (DeviceState::Online, PaperState::Unknown | PaperState::Full | PaperState::Low) => Printing::Possible,
        (DeviceState::Starting, _) => Printing::Possible,
        (
            DeviceState::Offline
            | DeviceState::NoDevice
            | DeviceState::DeviceBusy
            | DeviceState::PowerOff
            | DeviceState::HardwareError,
            _,
        ) => impossible(FaultKind::Broken, "printer-down"),
    }
}

#[cfg(test)]
mod tests;
