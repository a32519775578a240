//! Applications and their elementary files, as data.

use std::collections::BTreeSet;

/// The applications of the card; the card level (issuer security domain) counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Application {
    /// The state after power-on, and after SELECT of the GlobalPlatform issuer security domain.
    CardLevel,
    /// 公的個人認証AP: the public key infrastructure of individuals.
    Jpki,
    /// 券面事項確認AP: what is printed on the card, as images.
    Surface,
    /// 券面事項入力補助AP: the printed text, to fill in forms.
    Text,
    /// 住基AP: resident register.
    Juki,
    /// 共通カードAP: card number and municipality.
    Common,
}

impl Application {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::CardLevel, Self::Jpki, Self::Surface, Self::Text, Self::Juki, Self::Common];

    /// The application identifier.
    #[must_use]
    pub fn identifier(self) -> &'static [u8] {
        match self {
            Self::CardLevel => &[0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00],
            Self::Jpki => &[0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01],
            Self::Surface => &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x02],
            Self::Text => &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x08],
            Self::Juki => &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x04, 0x01],
            Self::Common => &[0xD3, 0x92, 0x10, 0x00, 0x31, 0x00, 0x01, 0x01, 0x01, 0x00],
        }
    }

    /// The word for it in the counters file, the trace and the control protocol.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CardLevel => "card",
            Self::Jpki => "jpki",
            Self::Surface => "surface",
            Self::Text => "text",
            Self::Juki => "juki",
            Self::Common => "common",
        }
    }
}

/// Who may read a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadRule {
    Free,
    /// One of these PINs of the same application has been verified.
    AnyPin(Vec<u16>),
    Never,
}

impl ReadRule {
    pub(crate) fn allows(&self, verified: &BTreeSet<u16>) -> bool {
        match self {
            Self::Free => true,
            Self::AnyPin(pins) => pins.iter().any(|pin| verified.contains(pin)),
            Self::Never => false,
        }
    }
}

/// What a PIN may consist of; looked at when it is changed, never when it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PinFormat {
    /// Exactly so many digits.
    Digits(usize),
    /// 6 to 16 of A-Z and 0-9.
    Password,
}

impl PinFormat {
    pub(crate) fn right_length(self, value: &[u8]) -> bool {
        match self {
            Self::Digits(length) => value.len() == length,
            Self::Password => (6..=16).contains(&value.len()),
        }
    }

    pub(crate) fn right_characters(self, value: &[u8]) -> bool {
        value.iter().all(|byte| match self {
            Self::Digits(_) => byte.is_ascii_digit(),
            Self::Password => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
        })
    }
}

/// Which private key a key file stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyName {
    Authentication,
    Signature,
    Common,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Transparent {
        bytes: Vec<u8>,
        read: ReadRule,
    },
    Records {
        records: Vec<Vec<u8>>,
        read: ReadRule,
    },
    Pin {
        format: PinFormat,
    },
    /// A private key and the PIN that must have been verified for COMPUTE DIGITAL SIGNATURE.
    SigningKey {
        key: KeyName,
        pin: u16,
    },
    /// A private key for INTERNAL AUTHENTICATE, free to use.
    AuthenticationKey {
        key: KeyName,
    },
    /// A key that no command here uses; it can be selected only.
    OtherKey,
}

/// An elementary file. Its short identifier is the low five bits of its identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) id: u16,
    pub(crate) content: Content,
}

impl File {
    pub(crate) fn free(id: u16, bytes: Vec<u8>) -> Self {
        Self { id, content: Content::Transparent { bytes, read: ReadRule::Free } }
    }

    pub(crate) fn with_pin(id: u16, bytes: Vec<u8>, pins: &[u16]) -> Self {
        Self { id, content: Content::Transparent { bytes, read: ReadRule::AnyPin(pins.to_vec()) } }
    }

    pub(crate) fn locked(id: u16, bytes: Vec<u8>) -> Self {
        Self { id, content: Content::Transparent { bytes, read: ReadRule::Never } }
    }

    pub(crate) fn pin(id: u16, format: PinFormat) -> Self {
        Self { id, content: Content::Pin { format } }
    }

    pub(crate) fn short_id(&self) -> u8 {
        self.id.to_be_bytes()[1] & 0x1F
    }
}

/// The files of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) application: Application,
    pub(crate) files: Vec<File>,
    /// The key that P2 = 00 of COMPUTE DIGITAL SIGNATURE names.
    pub(crate) default_key: Option<u16>,
}

impl Directory {
    pub(crate) fn by_id(&self, id: u16) -> Option<&File> {
        self.files.iter().find(|file| file.id == id)
    }

    pub(crate) fn by_short_id(&self, short: u8) -> Option<&File> {
        self.files.iter().find(|file| file.short_id() == short)
    }
}
