//! The devices that a terminal is tried with, in software: behind a real `pcscd`, or on serial lines. Whoever uses a bench
//! (the demo, a test) puts cards in, presses keys and finds receipts in the same way.

use std::path::PathBuf;

use crate::configuration::{DeviceSetup, PcscPad};
use crate::hands::Hands;
use crate::reader_stack::ReaderStack;
use crate::serial_stack::{PaperWidth, SerialStack};
use crate::state::State;
use crate::{DemoError, programs::Programs};

/// Which devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Devices {
    /// A card in a virtual reader behind a private `pcscd`, a pad that is a socket, receipts as files.
    Pcsc,
    /// A reader with a PIN pad of its own behind a private `pcscd`, receipts as files.
    ReaderPad,
    /// A motorised card unit, a PIN pad and a receipt printer on serial lines.
    Serial,
}

/// Which card the customer has, and how it behaves.
#[derive(Clone, Debug)]
pub struct CardSetup {
    /// A persona's name, or the path of a persona file.
    pub persona: String,
    /// Where cards keep their keys and counters.
    pub state: PathBuf,
    /// The test PKI that issues them.
    pub pki: PathBuf,
    /// Further arguments of the card's program, such as `--timing contact` or `--trace FILE`.
    pub more: Vec<String>,
}

/// Running devices.
#[derive(Debug)]
pub enum Bench {
    /// See [`Devices::Pcsc`] and [`Devices::ReaderPad`].
    Pcsc(ReaderStack),
    /// See [`Devices::Serial`].
    Serial(SerialStack),
}

impl Bench {
    /// Starts the devices; the card is in the customer's hand. `more` are further arguments of the card's program.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start(
        devices: Devices,
        programs: &Programs,
        state: &State,
        persona: &str,
        more: &[String],
        paper: PaperWidth,
    ) -> Result<Self, DemoError> {
        let mut card = CardSetup {
            persona: persona.to_owned(),
            state: state.path("cards"),
            pki: state.pki(),
            more: more.to_owned(),
        };
        let folder = state.path("");
        match devices {
            Devices::Pcsc => {
                card.more.push("--absent".to_owned());
                ReaderStack::start(programs, &folder, &card).map(Self::Pcsc)
            }
            Devices::ReaderPad => ReaderStack::start_with_pad(programs, &folder, &card).map(Self::Pcsc),
            Devices::Serial => SerialStack::start(programs, &folder, &card, paper).map(Self::Serial),
        }
    }

    /// What the terminal's configuration says of them.
    pub fn setup(&self) -> DeviceSetup {
        match self {
            Self::Pcsc(reader) => {
                let pad =
                    if reader.has_pad() { PcscPad::Reader } else { PcscPad::Socket(reader.pad_socket()) };
                DeviceSetup::Pcsc { socket: reader.pcsc_socket(), pad }
            }
            Self::Serial(serial) => DeviceSetup::Serial(serial.ports().clone()),
        }
    }

    /// The customer's.
    pub fn hands(&self) -> Hands {
        match self {
            Self::Pcsc(reader) => reader.hands(),
            Self::Serial(serial) => serial.hands(),
        }
    }

    /// Pictures of the paper, oldest first, where a printer in software keeps them; a terminal that prints into a folder
    /// tells by itself.
    pub fn receipts(&self) -> Vec<PathBuf> {
        match self {
            Self::Pcsc(_) => Vec::new(),
            Self::Serial(serial) => serial.receipts(),
        }
    }

    /// Where receipts are found.
    pub fn receipts_folder(&self, state: &State) -> PathBuf {
        match self {
            Self::Pcsc(_) => state.path("terminal/receipts"),
            Self::Serial(_) => state.path("paper"),
        }
    }
}
