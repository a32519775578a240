//! Status words of this card, each with the meaning JICSAP and the public surveys of real cards give it.

/// The two bytes that end every answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub u16);

impl Status {
    /// Done.
    pub const OK: Self = Self(0x9000);
    /// Mismatch of a key whose tries are not counted.
    pub const MISMATCH_UNLIMITED: Self = Self(0x6300);
    /// The non-volatile memory could not be written.
    pub const MEMORY_WRITE: Self = Self(0x6581);
    /// SET SESSION KEY in an application without secure messaging.
    pub const NO_SESSION_KEY: Self = Self(0x66F1);
    /// Lc, Le or the lengths in the data are wrong.
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// Only the basic logical channel exists.
    pub const LOGICAL_CHANNEL: Self = Self(0x6881);
    /// Secure messaging is not provided here.
    pub const SECURE_MESSAGING: Self = Self(0x6882);
    /// The command does not fit the structure of the file, e.g. READ on a key.
    pub const WRONG_FILE_STRUCTURE: Self = Self(0x6981);
    /// A right is missing: a PIN has not been verified.
    pub const SECURITY_STATUS: Self = Self(0x6982);
    /// The key or PIN is blocked (JICSAP: referenced IEF locked).
    pub const BLOCKED: Self = Self(0x6984);
    /// A condition of use is not met: wrong class of key, input of the wrong form.
    pub const CONDITIONS: Self = Self(0x6985);
    /// No file is current.
    pub const NO_CURRENT_FILE: Self = Self(0x6986);
    /// Secure messaging was tried in the JPKI application.
    pub const SECURE_MESSAGING_JPKI: Self = Self(0x69FC);
    /// The function is not supported.
    pub const NOT_SUPPORTED: Self = Self(0x6A81);
    /// No such application or file.
    pub const NOT_FOUND: Self = Self(0x6A82);
    /// No such record.
    pub const RECORD_NOT_FOUND: Self = Self(0x6A83);
    /// P1 or P2 is wrong.
    pub const WRONG_P1_P2: Self = Self(0x6A86);
    /// No such key or data object.
    pub const REFERENCE_NOT_FOUND: Self = Self(0x6A88);
    /// The offset lies outside the file.
    pub const OFFSET: Self = Self(0x6B00);
    /// The instruction is not known.
    pub const INSTRUCTION: Self = Self(0x6D00);
    /// The class is not known.
    pub const CLASS: Self = Self(0x6E00);
    /// No precise diagnosis; one surveyed card answers so to the first command after power-on.
    pub const NO_DIAGNOSIS: Self = Self(0x6F00);

    /// `63Cx`: `left` tries remain; more than 15 are shown as 15.
    #[must_use]
    pub fn tries_left(left: u8) -> Self {
        Self(0x63C0 | u16::from(left.min(15)))
    }

    /// SW1 and SW2.
    #[must_use]
    pub fn bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}
