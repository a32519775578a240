//! From codes to the words of XFS4IoT, and to what they mean for the row of failures.

use devices::port::{DeviceState, PaperState};
use transaction::{Device, Fault, FaultKind};

/// `common.device`: usable.
pub(super) const ONLINE: &str = DeviceState::Online.word();

/// `common.device`: nothing was heard of it in this process.
pub(super) const STARTING: &str = "starting";

const NO_DEVICE: &str = DeviceState::NoDevice.word();
const OFFLINE: &str = DeviceState::Offline.word();

/// `media`: stuck.
pub(super) const JAMMED: &str = "jammed";

/// Codes with a word of their own; every other one is a hardware error.
pub(super) const DEVICES: [(&str, &str); 22] = [
    ("reader-not-found", NO_DEVICE),
    ("reader-not-chosen", NO_DEVICE),
    ("port-not-found", NO_DEVICE),
    ("port-gone", NO_DEVICE),
    ("pad-not-found", NO_DEVICE),
    ("pad-not-offered", NO_DEVICE),
    ("card-service-stopped", OFFLINE),
    ("card-service-refused", OFFLINE),
    ("card-unit-silent", OFFLINE),
    ("pad-silent", OFFLINE),
    ("printer-silent", OFFLINE),
    ("printer-down", OFFLINE),
    ("port-not-permitted", OFFLINE),
    ("reader-busy", DeviceState::DeviceBusy.word()),
    ("port-in-use", DeviceState::DeviceBusy.word()),
    ("card-unit-lost-power", "powerOff"),
    // The device is well; what it works with is not.
    ("receipt-too-slow", ONLINE),
    ("paper-out", ONLINE),
    ("paper-jammed", ONLINE),
    ("presenter-occupied", ONLINE),
    ("card-jammed", ONLINE),
    ("card-jammed-behind", ONLINE),
];

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
    let own = DEVICES.iter().find(|(of, _)| *of == code);
    own.map_or(DeviceState::HardwareError.word(), |(_, word)| word)
}

/// `printer.paper`, where the code says it.
pub(super) fn paper(code: &str) -> Option<&'static str> {
    match code {
        "paper-out" => Some(PaperState::Out.word()),
        "paper-jammed" => Some(PaperState::Jammed.word()),
        _ => None,
    }
}

/// `media`, where the code says it.
pub(crate) fn media(code: &str) -> Option<&'static str> {
    match code {
        "card-jammed" | "card-jammed-behind" => Some(JAMMED),
        "presenter-occupied" => Some("present"),
        _ => None,
    }
}

/// A device that is not there, or that waits for a person: to look for it again costs nothing and wears nothing out.
pub(super) fn is_waited_for(fault: Fault) -> bool {
    fault.kind == FaultKind::NeedsOperator || device(fault.code) != DeviceState::HardwareError.word()
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
