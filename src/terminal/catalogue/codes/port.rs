//! The codes of serial ports, whatever is plugged in there.

use super::Class::Fault;
use super::Code;
use super::Line::Second;
use super::table::of;

/// What this file lists.
pub(super) const PORT: &[Code] = &[
    of(
        Fault,
        Second,
        "port-not-found",
        "The serial port of a device is not there.",
        "Check plug and power, or the port's name in the configuration.",
    ),
    of(
        Fault,
        Second,
        "port-not-permitted",
        "The serial port of a device may not be opened.",
        "Put the service's user into the group that owns the port (Debian: dialout).",
    ),
    of(
        Fault,
        Second,
        "port-in-use",
        "Another process has the serial port of a device open.",
        "Stop the other process; `fuser PORT` names it.",
    ),
    of(
        Fault,
        Second,
        "port-gone",
        "The serial port of a device went away while it was open.",
        "Check plug and cable; the device is taken back by itself when it returns.",
    ),
    of(
        Fault,
        Second,
        "port-failed",
        "The system reports an error of a serial port, or it takes none of its settings.",
        "Check the settings in the configuration; if they are right, replace the adapter.",
    ),
];
