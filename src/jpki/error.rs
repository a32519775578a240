//! What can go wrong with a card, by how to react: a refusal is a result for the customer, a fault is the world's, a
//! misuse is ours.
//!
//! Invariant: codes are stable; a test holds them fixed.

use crate::channel::ChannelError;
use crate::status::StatusWord;

/// Why a call of [`crate::Card`] failed.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// This card cannot be served: tell the customer.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The card or the reader failed: it may work at the next try.
    #[error(transparent)]
    Fault(#[from] CardFault),
    /// Our bug: the caller broke the order of the dialogue. Nothing was sent.
    #[error(transparent)]
    Violation(#[from] Misuse),
}

/// This card cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The card has no JPKI application.
    #[error("no JPKI application on the card: SELECT answered {status}")]
    NotMyNumberCard {
        /// The answer to SELECT.
        status: StatusWord,
    },
    /// A smartphone's certificate can only be read after its PIN was verified. This flow checks the certificate before
    /// it asks for the PIN, so it does not serve phones.
    #[error("a smartphone, or a certificate that is behind the PIN as on one")]
    Phone,
    /// The application has no user-authentication certificate.
    #[error("no user-authentication certificate on the card")]
    NoCertificate,
    /// A file or the application answers with an error.
    #[error("{what} cannot be read: the card answered {status}")]
    Unreadable {
        /// What was read.
        what: &'static str,
        /// The answer.
        status: StatusWord,
    },
    /// A file does not hold what it should.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// What was read.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The card or the reader failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardFault {
    /// A command other than VERIFY got no answer.
    #[error("no answer to {command}")]
    NoAnswer {
        /// Which command.
        command: &'static str,
        /// Why.
        #[source]
        source: ChannelError,
    },
    /// VERIFY with the PIN got no answer. Whether a try was used up is unknown until the counter is read again; VERIFY
    /// must not be repeated before that.
    #[error("no answer to VERIFY: whether it used up a try is unknown")]
    VerifyUnanswered {
        /// Why.
        #[source]
        source: ChannelError,
    },
    /// VERIFY with the PIN was answered with a status word that says neither yes nor no. Whether a try was used up is
    /// unknown.
    #[error("VERIFY was answered {status}: whether it used up a try is unknown")]
    VerifyUnclear {
        /// The answer.
        status: StatusWord,
    },
    /// The reader has no pad of its own that fits; nothing was sent.
    #[error("the reader has no PIN pad of its own that fits")]
    NoPad,
    /// The card does not tell how many tries are left; without that no PIN is asked for.
    #[error("the card does not tell the tries left: it answered {status}")]
    TriesUnknown {
        /// The answer.
        status: StatusWord,
    },
    /// The card verified the PIN and then did not sign.
    #[error("the card did not sign: it answered {status}")]
    NotSigned {
        /// The answer.
        status: StatusWord,
    },
    /// The closing SELECT was answered with an error: only power-off clears the PIN state.
    #[error("the card did not leave the application: it answered {status}")]
    NotLeft {
        /// The answer.
        status: StatusWord,
    },
}

/// The caller broke the order of the dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misuse {
    /// VERIFY before the tries left were read.
    #[error("VERIFY was asked for before the tries left were read")]
    TriesNotRead,
    /// VERIFY though the card said that it is blocked.
    #[error("VERIFY was asked for though no tries are left")]
    NoTriesLeft,
    /// The slot does not hold a whole PIN.
    #[error("the slot does not hold all digits of a PIN")]
    PinIncomplete,
    /// The card signs 1 to 245 bytes.
    #[error("{bytes} bytes are not what the card signs")]
    SignInputLength {
        /// The length given.
        bytes: usize,
    },
}

impl CardError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            CardError::Refused(refusal) => refusal.code(),
            CardError::Fault(fault) => fault.code(),
            CardError::Violation(misuse) => misuse.code(),
        }
    }

    /// Whether a PIN try may have been used up without our knowing: the counter must be read again, and told anew, before
    /// another PIN is sent.
    pub const fn counter_is_unknown(&self) -> bool {
        matches!(self, CardError::Fault(CardFault::VerifyUnanswered { .. } | CardFault::VerifyUnclear { .. }))
    }

    /// The status word behind it, for the device log.
    pub const fn status(&self) -> Option<StatusWord> {
        match self {
            CardError::Refused(Refusal::NotMyNumberCard { status } | Refusal::Unreadable { status, .. })
            | CardError::Fault(
                CardFault::VerifyUnclear { status }
                | CardFault::TriesUnknown { status }
                | CardFault::NotSigned { status }
                | CardFault::NotLeft { status },
            ) => Some(*status),
            _ => None,
        }
    }
}

impl Refusal {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::NotMyNumberCard { .. } => "not-my-number-card",
            Refusal::Phone => "phone-not-supported",
            Refusal::NoCertificate => "no-certificate",
            Refusal::Unreadable { .. } | Refusal::Damaged { .. } => "card-unreadable",
        }
    }
}

impl CardFault {
    /// The stable code: the channel's where the channel failed.
    pub const fn code(&self) -> &'static str {
        match self {
            CardFault::NoAnswer { source, .. } | CardFault::VerifyUnanswered { source } => source.code(),
            CardFault::NoPad => ChannelError::NoPad.code(),
            CardFault::VerifyUnclear { .. }
            | CardFault::TriesUnknown { .. }
            | CardFault::NotSigned { .. }
            | CardFault::NotLeft { .. } => "card-misbehaved",
        }
    }
}

impl ChannelError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            ChannelError::CardRemoved => "card-removed",
            ChannelError::CardReset => "card-reset",
            ChannelError::NoPad => "pad-not-offered",
            ChannelError::PadKeepsCard => "reader-busy",
            ChannelError::Protocol { .. } => "card-protocol",
            ChannelError::Reader { .. } => "reader-failed",
        }
    }
}

impl Misuse {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Misuse::TriesNotRead => "tries-not-read",
            Misuse::NoTriesLeft => "no-tries-left",
            Misuse::PinIncomplete => "pin-incomplete",
            Misuse::SignInputLength { .. } => "sign-input-length",
        }
    }
}
