//! What a printer can do: `profiles/*.toml`, built in by name, or a file of the bank's.
//!
//! Invariant: a profile that was read is one that the encoder and the driver can serve; what makes no sense is refused when
//! it is read, with the reason.

use std::path::Path;

use serde::Deserialize;

use super::format::Format;

const BUILT_IN: [(&str, &str); 7] = [
    ("epson-tm-t88", include_str!("profiles/epson-tm-t88.toml")),
    ("generic-80", include_str!("profiles/generic-80.toml")),
    ("generic-58", include_str!("profiles/generic-58.toml")),
    ("raster-80", include_str!("profiles/raster-80.toml")),
    ("raster-58", include_str!("profiles/raster-58.toml")),
    ("citizen-pmu2300", include_str!("profiles/citizen-pmu2300.toml")),
    ("custom-vkp80", include_str!("profiles/custom-vkp80.toml")),
];

/// A printer's abilities. `devices/printer/README.md` explains each key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// Its name in the configuration.
    pub name: String,
    /// The printer, for people.
    pub title: String,
    /// The documents that the profile was written from.
    pub source: String,
    /// Dots of an inch.
    pub dpi: u32,
    /// The printed width in dots.
    pub dots: u32,
    /// The printed width in columns of 12 dots.
    pub columns: usize,
    /// What it can set in its own letters.
    pub text: TextMode,
    /// `ESC t`: the page of its single bytes.
    #[serde(default)]
    pub code_page: Option<u8>,
    /// `ESC R`: the international set; 8 is Japan, whose `\` is ¥ and whose `~` is a line above.
    #[serde(default)]
    pub international: Option<u8>,
    /// Rows of a picture in one command, 1 to 256.
    pub band_rows: u32,
    /// How it prints QR codes.
    pub qr: QrCommand,
    /// Cutting, and handing out.
    pub cut: CutAndPresent,
    /// How it says that a receipt is out.
    pub completion: Completion,
    /// How it reports its state.
    pub status: StatusFamily,
    /// Throws away what it has received and not printed, in hex.
    #[serde(default)]
    pub clear: Bytes,
    /// The serial line as it comes from the factory.
    pub line: LineDefaults,
}

/// What a printer can set in its own letters. Everything else is sent as a picture, line by line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextMode {
    /// Nothing is: the receipt is one picture.
    Raster,
    /// ASCII.
    Ascii,
    /// ASCII and JIS X 0208 in Shift_JIS.
    ShiftJis,
}

/// How a QR code is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QrCommand {
    /// As a picture.
    Raster,
    /// `GS ( k`, levels of correction from 48.
    GsK,
    /// `GS ( k`, levels of correction from 49 with 48 for "choose".
    GsKCustom,
}

/// Cutting, and handing out, in hex.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutAndPresent {
    /// Feeds to the cutter and cuts.
    pub cut: Bytes,
    /// Sent once before a receipt: how the presenter is to behave.
    #[serde(default)]
    pub setup: Bytes,
    /// Hands out, where cutting does not do it.
    #[serde(default)]
    pub present: Bytes,
    /// Takes back what nobody took.
    #[serde(default)]
    pub retract: Bytes,
}

/// How a printer says that everything before is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completion {
    /// `GS ( H` function 48: an id comes back after what was sent before it.
    ProcessId,
    /// `GS r 1`: its answer comes in the order of the data.
    Marker,
    /// The full status says that nothing waits and no motor turns.
    Idle,
}

/// How a printer reports its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatusFamily {
    /// `DLE EOT` 1 to 4, and `GS a` by itself.
    Epson,
    /// The same with a presenter: paper at its sensor, its jam.
    EpsonPresenter,
    /// `DLE EOT 20`: six bytes.
    CustomFull,
}

/// The serial line as it comes from the factory: 8 data bits, no parity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineDefaults {
    /// Bits a second.
    pub baud: u32,
    /// Who holds whom back.
    pub flow: Flow,
}

/// Flow control of a serial line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// Nobody is held back.
    None,
    /// By the wires RTS and CTS; the printer's DTR goes to CTS.
    RtsCts,
    /// By the bytes 11h and 13h.
    XonXoff,
}

/// Bytes, written in hex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pairs = text.split_whitespace().map(|pair| u8::from_str_radix(pair, 16).map_err(|_| pair));
        pairs
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(|pair| serde::de::Error::custom(format!("{pair:?} is no byte in hex")))
    }
}

/// A profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileFault {
    /// There is neither a built-in profile nor a file of that name.
    #[error("{name}: no such profile; built in are {}, others are files ending in .toml", Profile::names().join(", "))]
    Unknown {
        /// As it was written.
        name: String,
    },
    /// The file cannot be read.
    #[error("cannot read the printer profile {path}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no profile.
    #[error("{name} is no printer profile")]
    Syntax {
        /// Which.
        name: String,
        /// Where, and why.
        source: Box<toml::de::Error>,
    },
    /// It contradicts itself.
    #[error("printer profile {name}: {what}")]
    Impossible {
        /// Which.
        name: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl Profile {
    /// The names of those that are built in.
    pub fn names() -> Vec<&'static str> {
        BUILT_IN.iter().map(|(name, _)| *name).collect()
    }

    /// A built-in profile by its name, or one from a file ending in `.toml`.
    ///
    /// # Errors
    /// When there is none, or it makes no sense.
    pub fn load(name_or_path: &str) -> Result<Self, ProfileFault> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(name, text);
        }
        let path = Path::new(name_or_path);
        if path.extension().is_none_or(|extension| extension != "toml") {
            return Err(ProfileFault::Unknown { name: name_or_path.to_owned() });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| ProfileFault::Read { path: name_or_path.to_owned(), source })?;
        Self::parse(name_or_path, &text)
    }

    /// Reads a profile; `name` is for the fault.
    ///
    /// # Errors
    /// When it makes no sense.
    pub fn parse(name: &str, text: &str) -> Result<Self, ProfileFault> {
        let profile: Self = toml::from_str(text)
            .map_err(|source| ProfileFault::Syntax { name: name.to_owned(), source: Box::new(source) })?;
        match profile.objection() {
            None => Ok(profile),
            Some(what) => Err(ProfileFault::Impossible { name: name.to_owned(), what }),
        }
    }

    fn objection(&self) -> Option<&'static str> {
        let custom = self.status == StatusFamily::CustomFull;
        let rules = [
            (!(100..=600).contains(&self.dpi), "dpi must be 100 to 600"),
            (
                !(200..=2_040).contains(&self.dots),
                "dots must be 200 to 2040: the smallest receipt, the widest picture",
            ),
            (!(16..=170).contains(&self.columns), "columns must be 16 to 170"),
            (self.columns > self.dots as usize / 12, "columns of 12 dots must fit into dots"),
            (!(1..=256).contains(&self.band_rows), "band-rows must be 1 to 256"),
            (self.line.baud == 0, "line.baud must not be 0"),
            (self.cut.cut.0.is_empty(), "cut.cut must not be empty: a receipt must come off"),
            (
                (self.completion == Completion::Idle) != custom,
                "completion idle goes with status custom-full, and with nothing else",
            ),
        ];
        rules.into_iter().find_map(|(broken, what)| broken.then_some(what))
    }

    /// What a receipt is set for.
    pub fn format(&self) -> Format {
        Format { dots: self.dots, dpi: self.dpi, columns: self.columns }
    }

    /// Whether it hands receipts out, so that one may lie in its mouth.
    pub fn has_presenter(&self) -> bool {
        self.status != StatusFamily::Epson
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_built_in_profiles_can_be_served() {
        for name in Profile::names() {
            let profile = Profile::load(name).unwrap();
            assert_eq!(profile.name, name);
            assert!(
                profile.source.len() > 20 && profile.title.len() > 5,
                "{name} says what it was written from"
            );
        }
    }

    #[test]
    fn a_file_of_the_banks_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, include_str!("profiles/generic-58.toml").replace("dots = 384", "dots = 420"))
            .unwrap();
        assert_eq!(Profile::load(path.to_str().unwrap()).unwrap().dots, 420);
        let missing = Profile::load("/no/such/file.toml").unwrap_err();
        assert!(matches!(missing, ProfileFault::Read { .. }), "{missing}");
        let unknown = Profile::load("epson").unwrap_err().to_string();
        assert!(unknown.contains("epson-tm-t88"), "{unknown}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        let text = include_str!("profiles/generic-80.toml");
        for (from, to, reason) in [
            ("dpi = 203", "dpi = 20", "dpi must be"),
            ("dots = 576", "dots = 100", "dots must be"),
            ("columns = 48", "columns = 60", "must fit into dots"),
            ("band-rows = 128", "band-rows = 257", "band-rows must be"),
            ("band-rows = 128", "band-rows = 0", "band-rows must be"),
            ("completion = \"marker\"", "completion = \"idle\"", "completion idle"),
            ("cut = \"1d 56 42 00\"", "cut = \"\"", "come off"),
            ("cut = \"1d 56 42 00\"", "cut = \"zz\"", "is no printer profile"),
            ("name =", "nom =", "is no printer profile"),
        ] {
            assert!(text.contains(from), "{from}");
            let fault = Profile::parse("own", &text.replace(from, to)).unwrap_err().to_string();
            assert!(fault.contains(reason), "{to}: {fault}");
        }
    }
}
