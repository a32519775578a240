//! Status words and what they mean on this card.
//!
//! The map is total: a status word that is in no table means [`Meaning::Unknown`]. The words are those of JICSAP 1.1
//! (table 25) and ISO/IEC 7816-4; most have never been reported from a real card.

use std::fmt;

/// SW1 SW2.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusWord(pub u16);

/// What a status word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is explained by its sentence in `text`")]
pub enum Meaning {
    Done,
    /// `61xx`: GET RESPONSE will give this many bytes (256 for `6100`).
    MoreData(u16),
    OutputFailure,
    EndOfFile,
    FileLocked,
    MismatchUnlimited,
    /// `63Cx`: a mismatch, or the answer to an empty VERIFY: so many tries are left. `63C0` means blocked.
    TriesLeft(u8),
    FileControlFailure,
    MemoryFailure,
    SessionKeyNotPossible,
    WrongLength,
    ChannelNotSupported,
    SecureMessagingNotSupported,
    WrongFileStructure,
    SecurityNotSatisfied,
    AuthenticationBlocked,
    KeyLocked,
    ConditionsNotSatisfied,
    NoCurrentFile,
    SecureMessagingObjectMissing,
    SecureMessagingObjectWrong,
    SecureMessagingRefused,
    WrongData,
    FunctionNotSupported,
    NotFound,
    RecordNotFound,
    NoSpace,
    LengthAgainstTlv,
    WrongParameters,
    LengthAgainstParameters,
    KeyNotFound,
    OffsetBeyondFile,
    /// `6Cxx`: the same command again with this Le (256 for `6C00`).
    WrongLe(u16),
    InstructionNotSupported,
    ClassNotSupported,
    SelfDiagnosis,
    Unknown,
}

impl StatusWord {
    /// `9000`.
    pub const DONE: Self = Self(0x9000);

    /// What it says.
    pub fn meaning(self) -> Meaning {
        let [sw1, sw2] = self.0.to_be_bytes();
        let count = if sw2 == 0 { 256 } else { u16::from(sw2) };
        match (sw1, sw2) {
            (0x61, _) => Meaning::MoreData(count),
            (0x6C, _) => Meaning::WrongLe(count),
            (0x63, 0xC0..=0xCF) => Meaning::TriesLeft(sw2 & 0x0F),
            _ => self.fixed_meaning(),
        }
    }

    const fn fixed_meaning(self) -> Meaning {
        match self.0 {
            0x9000 => Meaning::Done,
            0x6281 => Meaning::OutputFailure,
            0x6282 => Meaning::EndOfFile,
            0x6283 => Meaning::FileLocked,
            0x6300 => Meaning::MismatchUnlimited,
            0x6400 => Meaning::FileControlFailure,
            0x6581 => Meaning::MemoryFailure,
            0x66F1 => Meaning::SessionKeyNotPossible,
            0x6700 => Meaning::WrongLength,
            0x6881 => Meaning::ChannelNotSupported,
            0x6882 => Meaning::SecureMessagingNotSupported,
            0x6981 => Meaning::WrongFileStructure,
            0x6982 => Meaning::SecurityNotSatisfied,
            0x6983 => Meaning::AuthenticationBlocked,
            0x6984 => Meaning::KeyLocked,
            0x6985 => Meaning::ConditionsNotSatisfied,
            0x6986 => Meaning::NoCurrentFile,
            0x6987 => Meaning::SecureMessagingObjectMissing,
            0x6988 => Meaning::SecureMessagingObjectWrong,
            0x69FC => Meaning::SecureMessagingRefused,
            0x6A80 => Meaning::WrongData,
            0x6A81 => Meaning::FunctionNotSupported,
            0x6A82 => Meaning::NotFound,
            0x6A83 => Meaning::RecordNotFound,
            0x6A84 => Meaning::NoSpace,
            0x6A85 => Meaning::LengthAgainstTlv,
            0x6A86 => Meaning::WrongParameters,
            0x6A87 => Meaning::LengthAgainstParameters,
            0x6A88 => Meaning::KeyNotFound,
            0x6B00 => Meaning::OffsetBeyondFile,
            0x6D00 => Meaning::InstructionNotSupported,
            0x6E00 => Meaning::ClassNotSupported,
            0x6F00 => Meaning::SelfDiagnosis,
            _ => Meaning::Unknown,
        }
    }
}

impl Meaning {
    /// In words, for logs and people who repair things.
    pub const fn text(self) -> &'static str {
        match self {
            Meaning::Done => "done",
            Meaning::MoreData(_) => "more data waits",
            Meaning::OutputFailure => "the data put out may be damaged",
            Meaning::EndOfFile => "the file ended before the length asked for",
            Meaning::FileLocked => "the application is locked",
            Meaning::MismatchUnlimited => "mismatch, tries are not limited",
            Meaning::TriesLeft(0) => "no tries left",
            Meaning::TriesLeft(_) => "tries left",
            Meaning::FileControlFailure => "file control information is damaged",
            Meaning::MemoryFailure => "writing to the chip's memory failed",
            Meaning::SessionKeyNotPossible => "this application takes no session key",
            Meaning::WrongLength => "wrong length",
            Meaning::ChannelNotSupported => "logical channels are not supported",
            Meaning::SecureMessagingNotSupported => "secure messaging is not supported",
            Meaning::WrongFileStructure => "the command does not fit the kind of file",
            Meaning::SecurityNotSatisfied => "security status not satisfied",
            Meaning::AuthenticationBlocked => "authentication method blocked",
            Meaning::KeyLocked => "the referenced PIN or key is locked",
            Meaning::ConditionsNotSatisfied => "conditions of use not satisfied",
            Meaning::NoCurrentFile => "no file is current",
            Meaning::SecureMessagingObjectMissing => "a secure messaging object is missing",
            Meaning::SecureMessagingObjectWrong => "a secure messaging object is wrong",
            Meaning::SecureMessagingRefused => "secure messaging is refused in this application",
            Meaning::WrongData => "wrong data",
            Meaning::FunctionNotSupported => "function not supported",
            Meaning::NotFound => "file or application not found",
            Meaning::RecordNotFound => "record not found",
            Meaning::NoSpace => "no space in the file",
            Meaning::LengthAgainstTlv => "the length does not fit the TLV structure",
            Meaning::WrongParameters => "wrong P1 or P2",
            Meaning::LengthAgainstParameters => "the length does not fit P1 and P2",
            Meaning::KeyNotFound => "referenced key or object not found",
            Meaning::OffsetBeyondFile => "offset beyond the end of the file",
            Meaning::WrongLe(_) => "wrong Le",
            Meaning::InstructionNotSupported => "instruction not supported",
            Meaning::ClassNotSupported => "class not supported",
            Meaning::SelfDiagnosis => "the chip's self-diagnosis failed",
            Meaning::Unknown => "meaning unknown",
        }
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X} ({})", self.0, self.meaning().text())
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
