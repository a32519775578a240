//! The talk between terminal and host, as data: JSON bodies, their limits, problem documents, and the names of the API.
//!
//! Invariants:
//! - Nothing out of bounds exists: every leaf is a type of its own that is checked when it is made, from JSON too.
//! - Unknown fields, duplicate fields, trailing bytes and over-long bodies are refused; no input makes this crate panic.
//! - No IO, no clock, no network: the host and the terminal's client bring those.
//!
//! The interface is this project's open reference. It is not the government portal's, which is not published.

mod challenge;
mod checkpoint;
mod leaf;
pub mod limits;
mod problem;

pub use challenge::{ChallengeAnswer, ChallengeRequest, SchemaOne, TermsText, TermsVersion};
pub use checkpoint::LogCheckpoint;
pub use leaf::{Challenge, Digest, EcdsaSignature, Language, TerminalId, TermsName, WireTime};
pub use problem::{Problem, ProblemCode};

/// `POST`: a challenge and the current terms.
pub const PATH_CHALLENGES: &str = "/v1/challenges";
/// `POST`: a signed request (CMS, DER). `GET` on `PATH_REGISTRATIONS/{request_id}`: what became of it.
pub const PATH_REGISTRATIONS: &str = "/v1/registrations";
/// `POST`: the newest signed checkpoint of the terminal's device log.
pub const PATH_LOG_CHECKPOINTS: &str = "/v1/log-checkpoints";
/// `GET`: is the host able to serve.
pub const PATH_HEALTH: &str = "/healthz";
/// `GET`: metrics in OpenMetrics text.
pub const PATH_METRICS: &str = "/metrics";
/// `GET`: the OpenAPI document of this interface.
pub const PATH_OPENAPI: &str = "/v1/openapi.json";

/// Media type of a signed request and of a signed answer (RFC 7193 section 2).
pub const MEDIA_CMS: &str = "application/cms";
/// Media type of JSON bodies.
pub const MEDIA_JSON: &str = "application/json";
/// Media type of problem documents (RFC 9457 section 3).
pub const MEDIA_PROBLEM: &str = "application/problem+json";

/// Why bytes from the other side are not a message.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Longer than any valid message of this kind; not looked into.
    #[error("the body has {len} bytes and at most {max} are taken")]
    TooLong {
        /// Bytes that came.
        len: usize,
        /// Bytes that are taken.
        max: usize,
    },
    /// Not JSON, not of the shape, or a value out of bounds.
    #[error("the body is not a valid {message}")]
    Shape {
        /// Name of the message that was expected.
        message: &'static str,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
}

/// Why a single value is out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} must be {must_be}")]
pub struct OutOfBounds {
    /// The field or the kind of value.
    pub field: &'static str,
    /// The rule, in words.
    pub must_be: &'static str,
}

/// A JSON message with a largest size.
pub trait Message: serde::Serialize + serde::de::DeserializeOwned {
    /// Name for error texts.
    const NAME: &'static str;
    /// Largest body in bytes.
    const BYTES_MAX: usize;

    /// Reads a message from outside.
    ///
    /// # Errors
    /// [`ParseError`] where the bytes are too many, or not exactly one valid message.
    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(ParseError::TooLong { len: bytes.len(), max: Self::BYTES_MAX });
        }
        serde_json::from_slice(bytes).map_err(|source| ParseError::Shape { message: Self::NAME, source })
    }

    /// The body to send.
    ///
    /// # Errors
    /// [`ParseError::Shape`] where a field cannot be written; no message of this crate has such a field.
    fn to_bytes(&self) -> Result<Vec<u8>, ParseError> {
        serde_json::to_vec(self).map_err(|source| ParseError::Shape { message: Self::NAME, source })
    }
}
