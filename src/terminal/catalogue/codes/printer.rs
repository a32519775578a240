//! The codes of receipt printers. No code here undoes or delays a registration.

use super::Class::Fault;
use super::Code;
use super::Line::{First, Second};
use super::table::of;

/// What this file lists.
pub(super) const PRINTER: &[Code] = &[
    of(
        Fault,
        First,
        "paper-out",
        "No paper: the roll is empty, or the folder of receipts is full.",
        "Put in paper; empty the folder of receipts.",
    ),
    of(
        Fault,
        First,
        "paper-jammed",
        "Paper is stuck in the receipt printer or its presenter.",
        "Take it out.",
    ),
    of(
        Fault,
        Second,
        "printer-down",
        "The receipt printer does not answer or reports an error; no receipt is offered.",
        "Check plug, power and line; `myna-atm doctor` says which.",
    ),
    of(
        Fault,
        Second,
        "receipt-too-slow",
        "The receipt would not be out in time on this line, so it was not begun.",
        "Set a faster line, a profile with Japanese letters, or a longer `limits.print_ms_max`.",
    ),
    of(
        Fault,
        Second,
        "printer-failed",
        "A receipt could not be printed.",
        "Check the printer, or the folder of receipts: its rights and its disk.",
    ),
    of(
        Fault,
        Second,
        "printer-folder",
        "The folder of receipts cannot be made.",
        "Check printer.dir and its rights.",
    ),
    of(
        Fault,
        First,
        "receipt-unknown",
        "A receipt was begun and nobody can tell whether it is out; the driver never prints it a second time.",
        "Look what hangs out of the printer and take it away. The registration is not affected.",
    ),
    of(Fault, First, "cover-open", "The receipt printer's cover is open.", "Close it."),
    of(
        Fault,
        First,
        "cutter-failed",
        "The receipt printer's cutter is stuck; the last receipt was printed and not cut off.",
        "Open the cover, free the cutter, close the cover. If it comes again: maintenance.",
    ),
    of(
        Fault,
        First,
        "presenter-occupied",
        "A receipt lies in the printer's mouth, and the printer does not take it back; nothing is printed behind it.",
        "Take it out.",
    ),
    of(
        Fault,
        Second,
        "printer-error",
        "The receipt printer reports an error of its own. The device log says which; a hot head cools down by itself.",
        "Switch the printer off and on. If it comes again: maintenance.",
    ),
    of(
        Fault,
        Second,
        "printer-silent",
        "The receipt printer says nothing; no receipt is offered, and it is asked again with growing pauses.",
        "Check plug, power and the settings of the line.",
    ),
    of(
        Fault,
        Second,
        "printer-garbage",
        "What the receipt printer answers makes no sense.",
        "Check speed and parity of the line and the printer's profile: they must be those of the printer's switches.",
    ),
    of(
        Fault,
        Second,
        "printer-keeps-failing",
        "The receipt printer failed more than `device_failures_max` times in a row; no receipt is offered. The detail has the last failure.",
        "`myna-atm device status` and the device log have the failures. Mend or replace it, then order `resume`, or start the service again.",
    ),
];
