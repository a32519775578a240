//! The codes of PIN pads.

use super::Class::Fault;
use super::Code;
use super::Line::Second;
use super::table::of;

/// What this file lists.
pub(super) const PIN_PAD: &[Code] = &[
    of(
        Fault,
        Second,
        "pad-failed",
        "The PIN pad reports an error or is gone.",
        "Check plug and power; then replace it.",
    ),
    of(
        Fault,
        Second,
        "pad-not-found",
        "The PIN pad is not there.",
        "Check plug, power and pin_pad in the configuration.",
    ),
    of(
        Fault,
        Second,
        "pad-not-a-terminal",
        "The console PIN pad has no terminal to read from.",
        "Start the service on a console, or configure another pad.",
    ),
    of(
        Fault,
        Second,
        "pad-silent",
        "The serial PIN pad does not answer, or fell silent in the middle of an entry.",
        "Check plug, power and line settings; then replace it.",
    ),
    of(
        Fault,
        Second,
        "pad-misbehaved",
        "What comes from the serial PIN pad makes no sense, is out of order, or was sent before.",
        "Check the line settings and the cable. Again and again: look for something else on the cable.",
    ),
    of(
        Fault,
        Second,
        "pad-not-trusted",
        "The PIN pad does not prove that it is the one that the configuration names.",
        "Find out who exchanged it. Only then configure the new pad's fingerprint.",
    ),
    of(
        Fault,
        Second,
        "pad-withholds-digits",
        "The PIN pad gives no digits out under the configured prompt.",
        "Configure a prompt that the pad's maker authenticated.",
    ),
    of(
        Fault,
        Second,
        "pad-not-offered",
        "The card reader has no PIN pad of its own that takes a PIN of four digits.",
        "Configure another pad, or a reader with one.",
    ),
    of(
        Fault,
        Second,
        "pad-refused",
        "The card reader refuses to verify a PIN at its own pad, or the card answered in the reader's words (6B80).",
        "With one card only: none. With every card: configure another pad; tell the reader's model.",
    ),
    of(
        Fault,
        Second,
        "pad-gives-no-pin",
        "The card reader's own pad ended its entry again and again and no PIN was presented, more often than customers' time explains.",
        "Try the reader's keys; then replace it, or configure another pad.",
    ),
    of(
        Fault,
        Second,
        "pin-pad-keeps-failing",
        "The PIN pad failed more than `device_failures_max` times in a row; nobody is served. The detail has the last failure.",
        "`myna-atm device status` and the device log have the failures. Mend or replace it, then order `resume`, or start the service again.",
    ),
];
