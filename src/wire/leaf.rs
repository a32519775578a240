//! The leaves of the messages. Each is checked when made, so a message that exists is within bounds.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::{OutOfBounds, limits};

/// Serde through `TryFrom<String>` and `Display`, the same way for every leaf.
macro_rules! text_leaf {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = OutOfBounds;

            fn try_from(text: String) -> Result<Self, OutOfBounds> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

/// Name of a terminal: 1 to 32 of `A-Z`, `0-9` and `-`. It is the common name of the terminal's certificates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TerminalId(String);

impl TerminalId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TerminalId {
    type Err = OutOfBounds;

    fn from_str(text: &str) -> Result<Self, OutOfBounds> {
        let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-';
        if (1..=limits::TERMINAL_ID_CHARS_MAX).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(OutOfBounds { field: "terminal_id", must_be: "1 to 32 of A-Z, 0-9 and -" })
    }
}

impl fmt::Display for TerminalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_leaf!(TerminalId);

/// Name of a version of the terms: 1 to 32 of letters, digits, `.`, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TermsName(String);

impl TermsName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TermsName {
    type Err = OutOfBounds;

    fn from_str(text: &str) -> Result<Self, OutOfBounds> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if (1..=limits::TERMS_NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(OutOfBounds {
            field: "version",
            must_be: "1 to 32 letters, digits, dots, hyphens or underscores",
        })
    }
}

impl fmt::Display for TermsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_leaf!(TermsName);

/// Language tag (BCP 47): a language of 2 or 3 small letters, then subtags of 1 to 8 letters or digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

impl Language {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Language {
    type Err = OutOfBounds;

    fn from_str(text: &str) -> Result<Self, OutOfBounds> {
        let mut parts = text.split('-');
        let primary = parts
            .next()
            .is_some_and(|p| matches!(p.len(), 2 | 3) && p.bytes().all(|b| b.is_ascii_lowercase()));
        let subtag = |p: &str| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric());
        if text.len() <= limits::LANGUAGE_CHARS_MAX && primary && parts.all(subtag) {
            return Ok(Self(text.to_owned()));
        }
        Err(OutOfBounds { field: "language", must_be: "a language tag (BCP 47)" })
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
text_leaf!(Language);

/// 32 random bytes of the host; base64 in JSON and in the request's content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Challenge([u8; limits::CHALLENGE_BYTES]);

impl Challenge {
    /// From the host's random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; limits::CHALLENGE_BYTES]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; limits::CHALLENGE_BYTES] {
        &self.0
    }
}

impl FromStr for Challenge {
    type Err = OutOfBounds;

    fn from_str(text: &str) -> Result<Self, OutOfBounds> {
        STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(OutOfBounds { field: "challenge", must_be: "base64 with padding of 32 bytes" })
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}
text_leaf!(Challenge);

/// A SHA-256; 64 small hexadecimal digits in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; limits::DIGEST_BYTES]);

impl Digest {
    /// From the 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; limits::DIGEST_BYTES]) -> Self {
        Self(bytes)
    }

    /// The SHA-256 of `data`.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(data).into())
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; limits::DIGEST_BYTES] {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = OutOfBounds;

    fn from_str(text: &str) -> Result<Self, OutOfBounds> {
        let small = !text.bytes().any(|b| b.is_ascii_uppercase());
        let mut bytes = [0; limits::DIGEST_BYTES];
        if small && hex::decode_to_slice(text, &mut bytes).is_ok() {
            return Ok(Self(bytes));
        }
        Err(OutOfBounds { field: "sha256", must_be: "64 small hexadecimal digits" })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
text_leaf!(Digest);

/// An ECDSA signature on P-256 in DER (`SEQUENCE` of two `INTEGER`, 8 to 72 bytes), base64 in JSON. Only its outline is
/// checked here; whoever has the key verifies it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EcdsaSignature(Vec<u8>);

impl EcdsaSignature {
    /// From DER.
    ///
    /// # Errors
    /// [`OutOfBounds`] where the bytes cannot be one DER `SEQUENCE` of a P-256 signature.
    pub fn from_der(der: &[u8]) -> Result<Self, OutOfBounds> {
        let size = limits::ECDSA_SIGNATURE_BYTES_MIN..=limits::ECDSA_SIGNATURE_BYTES_MAX;
        match der {
            [0x30, len, rest @ ..] if size.contains(&der.len()) && usize::from(*len) == rest.len() => {
                Ok(Self(der.to_vec()))
            }
            _ => Err(OutOfBounds { field: "signature", must_be: "base64 of an ECDSA signature in DER" }),
        }
    }

    /// The DER bytes.
    #[must_use]
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for EcdsaSignature {
    type Err = OutOfBounds;

    fn from_str(text: &str) -> Result<Self, OutOfBounds> {
        Self::from_der(&STANDARD.decode(text).unwrap_or_default())
    }
}

impl fmt::Display for EcdsaSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(&self.0))
    }
}
text_leaf!(EcdsaSignature);

/// A moment in UTC, whole milliseconds: always written `2026-11-21T01:02:03.456Z` (RFC 3339), and read in that form only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WireTime(jiff::Timestamp);

impl WireTime {
    /// `at` with everything below the millisecond cut off.
    ///
    /// # Errors
    /// [`OutOfBounds`] outside the years 1970 to 9999.
    pub fn from_timestamp(at: jiff::Timestamp) -> Result<Self, OutOfBounds> {
        const FIRST_MS: i64 = 0; // 1970-01-01T00:00:00.000Z
        let ms = at.as_millisecond();
        match jiff::Timestamp::from_millisecond(ms) {
            Ok(cut) if ms >= FIRST_MS => Ok(Self(cut)),
            _ => Err(OutOfBounds { field: "time", must_be: "between the years 1970 and 9999" }),
        }
    }

    /// The moment.
    #[must_use]
    pub const fn timestamp(self) -> jiff::Timestamp {
        self.0
    }
}

impl FromStr for WireTime {
    type Err = OutOfBounds;

    fn from_str(text: &str) -> Result<Self, OutOfBounds> {
        // One form only: what is written back must be what was read.
        text.parse::<jiff::Timestamp>()
            .ok()
            .and_then(|at| Self::from_timestamp(at).ok())
            .filter(|at| at.to_string() == text)
            .ok_or(OutOfBounds { field: "time", must_be: "UTC as 2026-11-21T01:02:03.456Z" })
    }
}

impl fmt::Display for WireTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}
text_leaf!(WireTime);
