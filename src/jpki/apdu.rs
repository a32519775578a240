//! Short command and response APDUs (ISO/IEC 7816-4, cases 1 to 4).
//!
//! Invariants:
//! - Whether a command's data is secret is decided where the command is built ([`Data`]), and `Debug` prints it as
//!   `REDACTED`.
//! - The bytes of a secret command exist once: [`Command::expose_bytes`] borrows them, it does not copy them.

use std::borrow::Cow;
use std::fmt;

use crate::limits::{COMMAND_DATA_BYTES_MAX, RESPONSE_DATA_BYTES_MAX};
use crate::status::StatusWord;

/// CLA INS P1 P2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Class.
    pub cla: u8,
    /// Instruction.
    pub ins: u8,
    /// First parameter.
    pub p1: u8,
    /// Second parameter.
    pub p2: u8,
}

impl Header {
    pub(crate) const fn new(cla: u8, ins: u8, p1: u8, p2: u8) -> Self {
        Self { cla, ins, p1, p2 }
    }
}

/// 1 to 255 bytes of command data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortData<'a>(&'a [u8]);

impl<'a> ShortData<'a> {
    /// `None` when `bytes` is empty or longer than 255 bytes.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (1..=COMMAND_DATA_BYTES_MAX).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The length is checked while compiling.
    pub fn fixed<const N: usize>(bytes: &'a [u8; N]) -> Self {
        const { assert!(N >= 1 && N <= COMMAND_DATA_BYTES_MAX) };
        Self(bytes)
    }
}

/// A whole encoded command that lies in the PIN's page. Only [`crate::PinSlot`] makes one.
#[derive(Clone, Copy)]
pub struct InPlace<'a>(&'a [u8]);

impl<'a> InPlace<'a> {
    pub(crate) const fn new(apdu: &'a [u8]) -> Self {
        Self(apdu)
    }
}

/// The data field of a command.
#[derive(Clone, Copy)]
pub enum Data<'a> {
    /// Cases 1 and 2.
    None,
    /// May be shown.
    Plain(ShortData<'a>),
    /// Must never be shown or copied.
    Sensitive(InPlace<'a>),
}

impl fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::None => f.write_str("none"),
            Data::Plain(ShortData(bytes)) => write!(f, "{bytes:02X?}"),
            Data::Sensitive(_) => f.write_str("REDACTED"),
        }
    }
}

/// How many bytes a command asks for: 1 to 256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected(u16);

impl Expected {
    /// All that fits, at most 256 bytes (Le `00`).
    pub const ALL: Self = Self(256);

    /// The next part of `remaining` bytes: at least 1, at most 256.
    pub fn up_to(remaining: usize) -> Self {
        Self(u16::try_from(remaining.clamp(1, RESPONSE_DATA_BYTES_MAX)).unwrap_or(256))
    }

    /// `Le` in one byte: 256 is written as `00`.
    fn le(self) -> u8 {
        u8::try_from(self.0).unwrap_or(0)
    }
}

/// One short command.
///
/// ```compile_fail
/// // A command may borrow the PIN's page: it is not to be kept or doubled.
/// fn copy(command: &jpki::Command<'_>) -> jpki::Command<'static> { command.clone() }
/// ```
#[derive(Debug)]
pub struct Command<'a> {
    header: Header,
    data: Data<'a>,
    expected: Option<Expected>,
}

impl<'a> Command<'a> {
    /// Case 1: no data either way.
    pub const fn case1(header: Header) -> Self {
        Self { header, data: Data::None, expected: None }
    }

    /// Case 2: data comes back.
    pub const fn case2(header: Header, expected: Expected) -> Self {
        Self { header, data: Data::None, expected: Some(expected) }
    }

    /// Case 3: data is sent.
    pub const fn case3(header: Header, data: ShortData<'a>) -> Self {
        Self { header, data: Data::Plain(data), expected: None }
    }

    /// Case 4: data goes both ways.
    pub const fn case4(header: Header, data: ShortData<'a>, expected: Expected) -> Self {
        Self { header, data: Data::Plain(data), expected: Some(expected) }
    }

    /// Case 3 whose bytes stay where they are.
    pub(crate) const fn sensitive(header: Header, apdu: InPlace<'a>) -> Self {
        Self { header, data: Data::Sensitive(apdu), expected: None }
    }

    /// The same command with another `Le`; `None` for one without `Le`, whatever the card says: with one it would be
    /// another command (an empty VERIFY one that waits for a PIN). So also for a secret one, which is never sent again.
    pub(crate) fn with_expected(&self, expected: Expected) -> Option<Self> {
        match (self.data, self.expected) {
            (Data::Sensitive(_), _) | (_, None) => None,
            (data, Some(_)) => Some(Self { header: self.header, data, expected: Some(expected) }),
        }
    }

    /// CLA INS P1 P2, which are never secret.
    pub const fn header(&self) -> Header {
        self.header
    }

    /// Whether the data is secret: such a command must not be traced, copied or sent twice.
    pub const fn is_sensitive(&self) -> bool {
        matches!(self.data, Data::Sensitive(_))
    }

    /// The encoded command, for the reader alone: a PIN in it is exposed. Borrowed, not copied, when it is secret.
    pub fn expose_bytes(&self) -> Cow<'_, [u8]> {
        let plain = match self.data {
            Data::Sensitive(InPlace(apdu)) => return Cow::Borrowed(apdu),
            Data::Plain(ShortData(bytes)) => bytes,
            Data::None => &[],
        };
        let Header { cla, ins, p1, p2 } = self.header;
        let mut apdu = Vec::with_capacity(6 + plain.len());
        apdu.extend([cla, ins, p1, p2]);
        if !plain.is_empty() {
            // At most 255 by ShortData's construction.
            apdu.push(u8::try_from(plain.len()).unwrap_or(u8::MAX));
            apdu.extend(plain);
        }
        apdu.extend(self.expected.map(Expected::le));
        Cow::Owned(apdu)
    }
}

/// What a card answered: data of at most 256 bytes, and the status word.
///
/// `Debug` prints the length of the data only: an answer may hold a certificate, which names a person's key.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    data: Vec<u8>,
    status: StatusWord,
}

/// The bytes are no short response APDU: fewer than 2 or more than 258.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an answer of {bytes} bytes is no short response APDU")]
pub struct NotAResponse {
    /// Bytes received.
    pub bytes: usize,
}

impl Response {
    /// Takes apart what came from the reader.
    ///
    /// # Errors
    /// When there is no status word, or more data than a short command can ask for.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAResponse> {
        match bytes.split_last_chunk::<2>() {
            Some((data, status)) if data.len() <= RESPONSE_DATA_BYTES_MAX => {
                Ok(Self { data: data.to_vec(), status: StatusWord(u16::from_be_bytes(*status)) })
            }
            _ => Err(NotAResponse { bytes: bytes.len() }),
        }
    }

    /// The data, without the status word.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// SW1 SW2.
    pub const fn status(&self) -> StatusWord {
        self.status
    }

    pub(crate) const fn new(data: Vec<u8>, status: StatusWord) -> Self {
        Self { data, status }
    }

    pub(crate) fn into_data(self) -> Vec<u8> {
        self.data
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response {{ {} bytes, {} }}", self.data.len(), self.status)
    }
}
