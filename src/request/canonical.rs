//! Canonical JSON (RFC 8785) for the two contents, with the rule that bytes and value determine each other.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Version of both contents' schema.
pub const SCHEMA_VERSION: u32 = 1;
/// Longest content in bytes; today's have about 540.
pub const CONTENT_BYTES_MAX: usize = 2048;

/// Why bytes are not content, or a value cannot become one.
#[derive(Debug, thiserror::Error)]
pub enum ContentRefused {
    /// Longer than the format allows.
    #[error("content has {bytes} bytes, the format allows {CONTENT_BYTES_MAX}")]
    TooLong {
        /// Length in bytes.
        bytes: usize,
    },
    /// Not JSON of this shape: fields missing, unknown, double or of another type.
    #[error("content is not JSON of the expected shape")]
    Shape(#[source] serde_json::Error),
    /// A field holds a value outside its range.
    #[error("content has a field outside its range")]
    Field(#[source] BadField),
    /// The same value spelled in another way than RFC 8785 prescribes.
    #[error("content is not in canonical form")]
    NotCanonical,
}

/// A field whose value is outside its range; names the field and never repeats the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("field {0}")]
pub struct BadField(pub &'static str);

pub(crate) fn require(field: &'static str, holds: bool) -> Result<(), BadField> {
    if holds { Ok(()) } else { Err(BadField(field)) }
}

/// Writes `json`; `check` is the reader's own check, the one place that knows the ranges.
pub(crate) fn write<J: Serialize, T>(
    json: &J,
    check: impl FnOnce(&J) -> Result<T, BadField>,
) -> Result<Vec<u8>, ContentRefused> {
    check(json).map_err(ContentRefused::Field)?;
    serde_json_canonicalizer::to_vec(json).map_err(ContentRefused::Shape)
}

/// Reads a value from its one spelling.
pub(crate) fn read<J: Serialize + DeserializeOwned, T>(
    bytes: &[u8],
    convert: impl FnOnce(&J) -> Result<T, BadField>,
) -> Result<T, ContentRefused> {
    if bytes.len() > CONTENT_BYTES_MAX {
        return Err(ContentRefused::TooLong { bytes: bytes.len() });
    }
    let json: J = serde_json::from_slice(bytes).map_err(ContentRefused::Shape)?;
    let value = convert(&json).map_err(ContentRefused::Field)?;
    if serde_json_canonicalizer::to_vec(&json).map_err(ContentRefused::Shape)? == bytes {
        Ok(value)
    } else {
        Err(ContentRefused::NotCanonical)
    }
}
