//! What the host says when it does not answer: problem documents (RFC 9457) with a stable code.
//!
//! Invariant: a problem says nothing about a holder, and nothing about another terminal's requests.

use serde::{Deserialize, Serialize};

use crate::{Message, limits};

/// Stable code of a problem. A code is never renamed and never used for something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// The body is not a message of this interface.
    BadRequest,
    /// TLS identity, terminal id and countersigner are not the same terminal.
    NotThisTerminal,
    /// The certificate is good, but the host does not know the terminal.
    TerminalUnknown,
    /// The operator has revoked the terminal.
    TerminalRevoked,
    /// No such address.
    NotFound,
    /// No request of this terminal with that id.
    UnknownRequest,
    /// The address exists, the method does not.
    MethodNotAllowed,
    /// The request took too long to arrive.
    Timeout,
    /// The same request id came before with other bytes.
    Conflict,
    /// The body is larger than any valid one.
    TooLarge,
    /// The content type is not the one of this address.
    UnsupportedMediaType,
    /// The signed object is malformed or a signature in it is wrong.
    BadSignature,
    /// Too many requests at once: come again.
    Busy,
    /// No decision can be made now: come again with the same bytes.
    CannotDecideNow,
}

impl ProblemCode {
    /// All codes.
    pub const ALL: [Self; 14] = [
        Self::BadRequest,
        Self::NotThisTerminal,
        Self::TerminalUnknown,
        Self::TerminalRevoked,
        Self::NotFound,
        Self::UnknownRequest,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::Conflict,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::BadSignature,
        Self::Busy,
        Self::CannotDecideNow,
    ];

    /// The code as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "bad-request",
            Self::NotThisTerminal => "not-this-terminal",
            Self::TerminalUnknown => "terminal-unknown",
            Self::TerminalRevoked => "terminal-revoked",
            Self::NotFound => "not-found",
            Self::UnknownRequest => "unknown-request",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Timeout => "timeout",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::BadSignature => "bad-signature",
            Self::Busy => "busy",
            Self::CannotDecideNow => "cannot-decide-now",
        }
    }

    /// The HTTP status it comes with.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::NotThisTerminal | Self::TerminalUnknown | Self::TerminalRevoked => 403,
            Self::NotFound | Self::UnknownRequest => 404,
            Self::MethodNotAllowed => 405,
            Self::Timeout => 408,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::BadSignature => 422,
            Self::Busy | Self::CannotDecideNow => 503,
        }
    }

    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub const fn come_again(self) -> bool {
        matches!(self, Self::Timeout | Self::Busy | Self::CannotDecideNow)
    }

    const fn title(self) -> &'static str {
        match self {
            Self::BadRequest => "the request is not understood",
            Self::NotThisTerminal => "the request is not this terminal's",
            Self::TerminalUnknown => "the terminal is not known here",
            Self::TerminalRevoked => "the terminal has been revoked",
            Self::NotFound => "there is nothing at this address",
            Self::UnknownRequest => "this terminal has no request with that id",
            Self::MethodNotAllowed => "this address does not take that method",
            Self::Timeout => "the request took too long to arrive",
            Self::Conflict => "the request id is taken by other bytes",
            Self::TooLarge => "the body is too large",
            Self::UnsupportedMediaType => "the content type is not the one of this address",
            Self::BadSignature => "the signed request does not verify",
            Self::Busy => "the host is busy",
            Self::CannotDecideNow => "no decision can be made now",
        }
    }
}

/// A problem document. Its `type` is always the same; the extension member `code` tells problems apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// Always [`Problem::TYPE`]: the kind of problem is told by `code`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same for every problem of one code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// About this occurrence; never about a holder.
    pub detail: String,
    /// Stable code.
    pub code: ProblemCode,
}

impl Problem {
    /// RFC 9457 section 4.2.1.
    pub const TYPE: &str = "about:blank";

    /// A problem with its title and status.
    #[must_use]
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self {
            kind: Self::TYPE.to_owned(),
            title: code.title().to_owned(),
            status: code.status(),
            detail: detail.into(),
            code,
        }
    }
}

impl Message for Problem {
    const NAME: &'static str = "problem document";
    const BYTES_MAX: usize = limits::PROBLEM_BYTES_MAX;
}
