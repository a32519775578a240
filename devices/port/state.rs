//! How a device is, and why it cannot be used: one code has one word of XFS4IoT, whoever tells it.
//!
//! Invariants:
//! - [`DeviceState::of`] is the only way from a code to a word: adapters, the service's ledger, the device log, `device status`
//!   and `doctor` all take it.
//! - A [`Reason`] says what a [`Fault`] says, its sources included, and can be kept and told again.

use std::error::Error;
use std::fmt;

use super::{Action, Fault};

/// `common.device` of XFS4IoT, as far as units of ours can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Nothing was heard of it yet.
    Starting,
    /// Usable.
    Online,
    /// Its service or its line does not answer, or not so that it can be understood.
    Offline,
    /// It is not connected.
    NoDevice,
    /// Somebody else uses it.
    DeviceBusy,
    /// It lost its power.
    PowerOff,
    /// It reports errors.
    HardwareError,
}

/// Codes with a word of their own; every other one is a hardware error.
pub const STATES: [(&str, DeviceState); 24] = [
    ("card-service-stopped", DeviceState::Offline),
    ("card-service-refused", DeviceState::Offline),
    ("card-unit-silent", DeviceState::Offline),
    ("card-unit-garbled", DeviceState::Offline),
    ("pad-silent", DeviceState::Offline),
    ("printer-silent", DeviceState::Offline),
    ("printer-garbage", DeviceState::Offline),
    ("printer-down", DeviceState::Offline),
    ("port-not-permitted", DeviceState::Offline),
    ("reader-not-found", DeviceState::NoDevice),
    ("reader-not-chosen", DeviceState::NoDevice),
    ("port-not-found", DeviceState::NoDevice),
    ("port-gone", DeviceState::NoDevice),
    ("pad-not-found", DeviceState::NoDevice),
    ("pad-not-offered", DeviceState::NoDevice),
    ("reader-busy", DeviceState::DeviceBusy),
    ("port-in-use", DeviceState::DeviceBusy),
    ("card-unit-lost-power", DeviceState::PowerOff),
    // The device is well; what it works with is not.
    ("receipt-too-slow", DeviceState::Online),
    ("paper-out", DeviceState::Online),
    ("paper-jammed", DeviceState::Online),
    ("presenter-occupied", DeviceState::Online),
    ("card-jammed", DeviceState::Online),
    ("card-jammed-behind", DeviceState::Online),
];

impl DeviceState {
    /// Every word, in the order in which documents have them.
    pub const ALL: [Self; 7] = [
        Self::Starting,
        Self::Online,
        Self::Offline,
        Self::NoDevice,
        Self::DeviceBusy,
        Self::PowerOff,
        Self::HardwareError,
    ];

    /// Of a device that failed with this code.
    #[must_use]
    pub fn of(code: &str) -> Self {
        let own = STATES.iter().find(|(of, _)| *of == code);
        own.map_or(Self::HardwareError, |(_, state)| *state)
    }

    /// The word of XFS4IoT.
    pub const fn word(self) -> &'static str {
        match self {
            DeviceState::Starting => "starting",
            DeviceState::Online => "online",
            DeviceState::Offline => "offline",
            DeviceState::NoDevice => "noDevice",
            DeviceState::DeviceBusy => "deviceBusy",
            DeviceState::PowerOff => "powerOff",
            DeviceState::HardwareError => "hardwareError",
        }
    }
}

/// `cardReader.media` of XFS4IoT, as far as units of ours can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaState {
    /// Cannot be told.
    Unknown,
    /// A card is in the unit.
    Present,
    /// No card is in the unit.
    NotPresent,
    /// A card is stuck.
    Jammed,
}

impl MediaState {
    /// In a unit that failed with this code: what is stuck, or nothing that can be told.
    #[must_use]
    pub fn of(code: &str) -> Self {
        match code {
            "card-jammed" | "card-jammed-behind" => Self::Jammed,
            _ => Self::Unknown,
        }
    }

    /// The word of XFS4IoT.
    pub const fn word(self) -> &'static str {
        match self {
            MediaState::Unknown => "unknown",
            MediaState::Present => "present",
            MediaState::NotPresent => "notPresent",
            MediaState::Jammed => "jammed",
        }
    }
}

/// Why a device cannot be used now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which device, for people, as in [`Fault`].
    pub device: &'static str,
    /// Stable; the catalogue of messages is keyed by it.
    pub code: &'static str,
    /// What repairs it.
    pub action: Action,
    /// What failed, of what, and the errors below it; for operators.
    pub what: String,
}

impl Reason {
    /// How the device is.
    #[must_use]
    pub fn state(&self) -> DeviceState {
        DeviceState::of(self.code)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.device, self.what)
    }
}

impl From<&Fault> for Reason {
    fn from(fault: &Fault) -> Self {
        let mut what = fault.what.clone();
        let mut below = fault.source();
        while let Some(error) = below {
            what = format!("{what}: {error}");
            below = error.source();
        }
        Self { device: fault.device, code: fault.code, action: fault.action, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::FaultKind;

    #[test]
    fn a_reason_says_all_that_its_fault_says() {
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let fault = Fault {
            kind: FaultKind::NeedsOperator,
            device: "printer",
            code: "port-not-permitted",
            action: Action::Configuration,
            what: "/dev/ttyS0 may not be opened".to_owned(),
            source: Some(Box::new(source)),
        };
        let reason = Reason::from(&fault);
        assert_eq!(reason.to_string(), "printer: /dev/ttyS0 may not be opened: permission denied");
        assert_eq!((reason.code, reason.action), (fault.code, fault.action));
        assert_eq!(reason.state(), DeviceState::Offline);
    }

    #[test]
    fn no_code_has_two_words_and_what_is_not_listed_is_a_hardware_error() {
        for (index, (code, state)) in STATES.iter().enumerate() {
            assert!(STATES.iter().skip(index + 1).all(|(other, _)| other != code), "{code} is listed twice");
            assert_eq!(DeviceState::of(code), *state);
        }
        assert_eq!(DeviceState::of("port-failed"), DeviceState::HardwareError);
        assert_eq!(MediaState::of("card-jammed"), MediaState::Jammed);
        assert_eq!(MediaState::of("port-gone"), MediaState::Unknown);
    }
}
