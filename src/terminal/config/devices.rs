//! What hangs at the terminal: card unit, PIN pad, printer, and the receipt that comes out of it.
//!
//! Invariant: a serial port is named in one place only, so that no device takes another's line (`checks.rs`).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Speed of the card unit's and the pad's line, in bits a second.
const BAUD: u32 = 9_600;

/// The card unit.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CardUnit {
    /// A reader behind `pcscd`.
    Pcsc {
        /// The reader's name as PC/SC lists it. Default: the only reader there is; two are a fault.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reader: Option<String>,
    },
    /// A motorised unit on a serial line: Omron 3S4YR. It takes the card in and can keep it.
    #[serde(rename = "omron-3s4yr")]
    Omron {
        /// The port, by a name that stays with the plug: `/dev/serial/by-path/…`.
        port: PathBuf,
        /// Bits a second: 1200, 2400, 4800, 9600 or 19200; the unit finds it out at its first reset. Default 9600.
        #[serde(default = "baud")]
        baud: u32,
        /// Check bit of the line. Default `even`, as specified.
        #[serde(default)]
        parity: Parity,
        /// What the unit does by itself with a card inside when its power fails. Default `hold`: the terminal gives it back.
        #[serde(default)]
        after_power_failure: AfterPowerFailure,
    },
}

impl Default for CardUnit {
    fn default() -> Self {
        Self::Pcsc { reader: None }
    }
}

/// Check bit of a serial line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parity {
    /// An even number of ones.
    #[default]
    Even,
    /// No check bit.
    None,
}

/// What a unit does with a card inside when its power fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AfterPowerFailure {
    /// It keeps the card until the terminal gives it back.
    #[default]
    Hold,
    /// It gives the card back at once, if it has the power stored for that.
    Return,
}

/// The PIN pad.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PinPad {
    /// The keyboard of the terminal's console, without echo.
    // With braces: serde would let unknown keys pass beside a variant without fields.
    Console {},
    /// A Unix socket that sends key bytes: for tests and the demo. Needs `bench_only = true`, because the digits pass
    /// through the kernel's socket buffers.
    Socket {
        /// The socket; the terminal listens there.
        path: PathBuf,
    },
    /// The pad of the PC/SC reader itself, which gives the PIN to the chip: no digit comes into this process.
    Reader {},
    /// A pad on a serial line.
    Serial {
        /// The port, by a name that stays with the plug: `/dev/serial/by-path/…`.
        port: PathBuf,
        /// Bits a second. Default 9600.
        #[serde(default = "baud")]
        baud: u32,
        /// How the pad speaks: `reference`, or with `bench_only = true` also `clear` and `uic-pp791`.
        framing: PadFraming,
        /// With `reference`: SHA-256 over the pad's public key, 64 hex digits, as its maker or `pin-pad-simulator identity`
        /// prints it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity: Option<String>,
        /// With `uic-pp791`: the id of the prompt that the pad's maker authenticated, 1 to 16 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        prompt: Option<String>,
    },
}

impl Default for PinPad {
    fn default() -> Self {
        Self::Console {}
    }
}

/// How a serial pad speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PadFraming {
    /// Our own protocol, encrypted, with a pad that proves who it is (`docs/pin-pad.md`).
    Reference,
    /// The same in clear: whoever listens at the line reads the PIN.
    Clear,
    /// UIC PP791, in clear by nature.
    UicPp791,
}

impl PadFraming {
    /// As the configuration writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Clear => "clear",
            Self::UicPp791 => "uic-pp791",
        }
    }

    /// Whether digits pass over the line as they are.
    #[must_use]
    pub const fn is_clear(self) -> bool {
        match self {
            Self::Reference => false,
            Self::Clear | Self::UicPp791 => true,
        }
    }
}

/// The receipt printer.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Printer {
    /// Receipts as files: a picture and a text for each.
    File {
        /// Folder of the receipts. Made when missing.
        dir: PathBuf,
        /// Width of the paper in mm, 58 or 80, at 203 dots per inch. Default 80.
        #[serde(default = "paper_mm")]
        paper_mm: u32,
        /// How many receipts the folder may hold; then the paper is `out`. Default 10,000.
        #[serde(default = "receipts_max")]
        receipts_max: u32,
    },
    /// An ESC/POS printer on a serial line.
    Serial {
        /// The port, by a name that stays with the plug: `/dev/serial/by-path/…`.
        port: PathBuf,
        /// What the printer can do: a built-in profile by its name, or the path of a file ending in `.toml`.
        profile: String,
        /// Bits a second. Default: the profile's, which is the factory's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        baud: Option<u32>,
        /// Who holds whom back: `none`, `rts-cts` or `xon-xoff`. Default: the profile's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flow: Option<Flow>,
    },
}

/// Flow control of a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// Nobody is held back.
    None,
    /// By the wires RTS and CTS.
    RtsCts,
    /// By the bytes 11h and 13h.
    XonXoff,
}

/// How the bank wants its receipts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReceiptPaper {
    /// How large everything is: `normal` or `large`. Default `normal`.
    pub size: ReceiptSize,
    /// The public page whose address the code on the receipt is, the same for everybody: `https://` and nothing of a visit in
    /// it; empty for no code. Default: the portal's address as the ministry's guide prints it.
    pub status_page: String,
}

impl Default for ReceiptPaper {
    fn default() -> Self {
        Self { size: ReceiptSize::default(), status_page: "https://myna.go.jp/".to_owned() }
    }
}

/// How large a receipt is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReceiptSize {
    /// As receipts are.
    #[default]
    Normal,
    /// For eyes that do not see well.
    Large,
}

const fn baud() -> u32 {
    BAUD
}

const fn paper_mm() -> u32 {
    80
}

const fn receipts_max() -> u32 {
    10_000
}

/// A profile that is a file lies beside the configuration; one that is a name stays a name.
pub(super) fn join_profile(profile: &mut String, folder: &Path) {
    if Path::new(profile.as_str()).extension().is_some_and(|extension| extension == "toml") {
        *profile = folder.join(&*profile).display().to_string();
    }
}

/// The serial ports that are named, each with the key that names it.
pub(super) fn ports(
    card_unit: &CardUnit,
    pin_pad: &PinPad,
    printer: &Printer,
) -> Vec<(&'static str, PathBuf)> {
    let card_unit = match card_unit {
        CardUnit::Omron { port, .. } => Some(("card_unit.port", port)),
        CardUnit::Pcsc { .. } => None,
    };
    let pin_pad = match pin_pad {
        PinPad::Serial { port, .. } => Some(("pin_pad.port", port)),
        PinPad::Console {} | PinPad::Reader {} | PinPad::Socket { .. } => None,
    };
    let printer = match printer {
        Printer::Serial { port, .. } => Some(("printer.port", port)),
        Printer::File { .. } => None,
    };
    let named = [card_unit, pin_pad, printer].into_iter().flatten();
    named.map(|(key, port)| (key, port.clone())).collect()
}
