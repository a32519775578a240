//! When a receipt is offered, and what is told when none can be.

use devices::port::{Printed, PrinterStatus};
use devices::printer::Value;

use super::*;
use crate::queue::Inbox;
use crate::test_support::{alone, posted, without_threads};

const TO: EffectNo = EffectNo(7);

/// The machine waits so long for a receipt.
const LIMIT: Duration = Duration::from_secs(15);

/// A printer in one state, which prints nothing.
struct Still(DeviceState, PaperState);

impl Printer for Still {
    fn print(&self, _receipt: &Receipt) -> Result<Printed, port::Fault> {
        panic!("nothing is printed here");
    }

    fn status(&self) -> PrinterStatus {
        PrinterStatus::new(self.0, self.1)
    }
}

/// Almost nothing.
fn receipt() -> Receipt {
    Receipt {
        banner: None,
        title: String::new(),
        subtitle: String::new(),
        result: String::new(),
        explanation: Vec::new(),
        rows: vec![devices::printer::Row { label: String::new(), value: Value::code("no-threads") }],
        notices_heading: String::new(),
        notices: Vec::new(),
        helpline: devices::printer::HelpLine {
            heading: String::new(),
            number: String::new(),
            lines: Vec::new(),
        },
        status_page: None,
        footer: Vec::new(),
        variant: devices::printer::Variant::Normal,
    }
}

fn desk(device: DeviceState, paper: PaperState) -> (PrintDesk, Inbox) {
    let (mailbox, inbox) = Mailbox::new();
    (PrintDesk::new(Arc::new(Still(device, paper)), mailbox, LIMIT), inbox)
}

fn told(inbox: &Inbox) -> Printing {
    match posted(inbox) {
        Message::PrinterLooked(status) => printing(&status),
        Message::Event(Event::Printing(printing)) => printing,
        other => panic!("{other:?}"),
    }
}

/// What a look at the printer posts.
fn looked(device: DeviceState, paper: PaperState) -> Printing {
    let (desk, inbox) = desk(device, paper);
    desk.look();
    told(&inbox)
}

#[test]
fn a_receipt_is_offered_where_one_can_come() {
    for (device, paper) in [
        (DeviceState::Online, PaperState::Full),
        (DeviceState::Online, PaperState::Low),
        (DeviceState::Online, PaperState::Unknown),
        (DeviceState::Starting, PaperState::Unknown),
    ] {
        assert_eq!(looked(device, paper), Printing::Possible, "{device:?} {paper:?}");
    }
}

#[test]
fn where_none_can_come_the_reason_says_who_acts() {
    for (device, paper, kind, code) in [
        (DeviceState::Online, PaperState::Out, FaultKind::NeedsOperator, "paper-out"),
        (DeviceState::Online, PaperState::Jammed, FaultKind::NeedsOperator, "paper-jammed"),
        (DeviceState::Offline, PaperState::Unknown, FaultKind::Broken, "printer-down"),
        (DeviceState::NoDevice, PaperState::Full, FaultKind::Broken, "printer-down"),
        (DeviceState::DeviceBusy, PaperState::Unknown, FaultKind::Broken, "printer-down"),
        (DeviceState::PowerOff, PaperState::Unknown, FaultKind::Broken, "printer-down"),
        (DeviceState::HardwareError, PaperState::Unknown, FaultKind::Broken, "printer-down"),
    ] {
        let fault = Fault { device: Device::Printer, kind, code };
        assert_eq!(looked(device, paper), Printing::Impossible(fault), "{device:?} {paper:?}");
    }
}

#[test]
fn without_a_thread_no_receipt_is_offered_and_none_is_printed() {
    alone(without_a_thread_no_receipt_is_offered_and_none_is_printed, || {
        let (desk, inbox) = desk(DeviceState::Online, PaperState::Full);
        without_threads();
        desk.look();
        assert!(matches!(told(&inbox), Printing::Impossible(fault) if fault.code == "no-threads"));
        desk.print(TO, receipt());
        match posted(&inbox) {
            Message::Event(Event::Answer { to: TO, answer: Answer::Print(PrintAnswer::Failed(fault)) }) => {
                assert_eq!(fault.code, "no-threads");
            }
            other => panic!("{other:?}"),
        }
    });
}

/// A printer whose receipts take so long, which prints nothing.
struct Slow(Duration);

impl Printer for Slow {
    fn print(&self, _receipt: &Receipt) -> Result<Printed, port::Fault> {
        Ok(Printed { picture: None })
    }

    fn time_for(&self, _receipt: &Receipt) -> Duration {
        self.0
    }

    fn status(&self) -> PrinterStatus {
        PrinterStatus::new(DeviceState::Online, PaperState::Full)
    }
}

/// On a slow line a receipt came out after the customer had read that there is none, for the next one to find.
#[test]
fn a_receipt_that_cannot_be_out_in_time_is_not_begun() {
    let answer = |time: Duration| {
        let (mailbox, inbox) = Mailbox::new();
        PrintDesk::new(Arc::new(Slow(time)), mailbox, LIMIT).print(TO, receipt());
        posted(&inbox)
    };
    assert!(matches!(answer(LIMIT - Duration::from_millis(1)), Message::Printed { to: TO, .. }));
    let Message::Event(Event::Answer { to: TO, answer: Answer::Print(PrintAnswer::Failed(fault)) }) =
        answer(LIMIT)
    else {
        panic!("begun")
    };
    assert_eq!((fault.device, fault.code), (Device::Printer, "receipt-too-slow"));
}
