//! From codes to the words of XFS4IoT, and to what they mean for the row of failures.

use devices::port::{DeviceState, MediaState, PaperState, ReceiptState};
use transaction::{Device, Fault, FaultKind};

/// `common.device`: usable.
pub(super) const ONLINE: &str = DeviceState::Online.word();

/// `common.device`: nothing was heard of it in this process.
pub(super) const STARTING: &str = DeviceState::Starting.word();

/// `media`: stuck.
pub(super) const JAMMED: &str = MediaState::Jammed.word();

/// What a customer, or a card, can bring about as often as they like.
pub(super) const OF_CUSTOMERS: [&str; 13] = [
    "cannot-retain",
    "card-held",
    "card-misbehaved",
    "card-moved",
    "card-mute",
    "card-not-inserted",
    "card-not-taken",
    "card-protocol",
    "card-pulled-out",
    "card-removed",
    "card-reset",
    "card-wrong-size",
    "receipt-too-slow",
];

/// `common.device` of a device that failed with this code.
pub(crate) fn device(code: &str) -> &'static str {
    DeviceState::of(code).word()
}

/// `printer.paper`, where the code says it.
pub(crate) fn paper(code: &str) -> Option<&'static str> {
    match code {
        "paper-out" => Some(PaperState::Out.word()),
        "paper-jammed" => Some(PaperState::Jammed.word()),
        _ => None,
    }
}

/// `media`, where the code says it.
pub(crate) fn media(code: &str) -> Option<&'static str> {
    match code {
        "presenter-occupied" => Some(ReceiptState::Present.word()),
        _ => Some(MediaState::of(code)).filter(|media| *media == MediaState::Jammed).map(MediaState::word),
    }
}

/// A device that is not there, or that waits for a person: to look for it again costs nothing and wears nothing out.
pub(super) fn is_waited_for(fault: Fault) -> bool {
    fault.kind == FaultKind::NeedsOperator || DeviceState::of(fault.code) != DeviceState::HardwareError
}

/// Whether it says nothing against the device.
pub(super) fn of_the_customer(code: &str) -> bool {
    OF_CUSTOMERS.contains(&code)
}

/// The code of a device that is out of service because it keeps failing.
pub(super) const fn keeps_failing(device: Device) -> &'static str {
    match device {
        Device::PinPad => "pin-pad-keeps-failing",
        Device::Printer => "printer-keeps-failing",
        Device::CardUnit | Device::Host | Device::Clock | Device::Terminal => "card-unit-keeps-failing",
    }
}

/// The log's code of a device that works again.
pub(super) fn ready(device: &str) -> &'static str {
    match device {
        "pin-pad" => "pin-pad-ready",
        "printer" => "printer-ready",
        _ => "card-unit-back",
    }
}
