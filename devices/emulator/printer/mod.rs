//! A receipt printer in software, at the other end of a serial line in software.
//!
//! - [`command`](self) reads ESC/POS, [`Paper`] prints it, [`Machine`] is everything around that: sensors, buffer, answers.
//! - [`Simulator`] joins a machine to a pseudo-terminal; the control socket and [`Simulator::pull`] pull its levers.
//!
//! It shares no code with the project's driver and encoder: two writers, one specification. Written from Epson's public
//! ESC/POS command reference, Citizen's PMU2300III and Custom's KPM210 manuals. What it does between the commands that
//! are documented (its speed, how full a buffer is when it is busy) is an assumption.

mod command;
mod control;
mod letters;
mod lever;
mod machine;
mod paper;
mod port;

pub use control::Command as PrinterCommand;
pub use lever::{PrinterLever, PrinterLeverFault};
pub use machine::{Family, Machine, Model};
pub use paper::{Paper, Sheet};
pub use port::{Setup, Simulator};
