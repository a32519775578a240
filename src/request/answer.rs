//! What the host answers: one canonical JSON object (RFC 8785), schema version 1, signed by the host's key.
//!
//! Invariant: an acceptance number stands in exactly those answers that accept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::canonical::{self, BadField, ContentRefused, SCHEMA_VERSION};
use crate::text;
use crate::time::{parse_rfc3339_ms, rfc3339_ms};

/// Why the host does not register. The codes are part of the format and never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// The certificate ends at no accepted root, is damaged, or is not a user-authentication certificate.
    CertificateUntrusted,
    /// The certificate's time is over.
    CertificateExpired,
    /// The certificate's time has not begun.
    CertificateNotYetValid,
    /// The certificate was revoked.
    CertificateRevoked,
    /// The host never gave this challenge to this terminal.
    ChallengeUnknown,
    /// The challenge has served another request.
    ChallengeUsed,
    /// The request came after the last day on which it could be accepted.
    TooLate,
    /// The customer confirmed or signed after the challenge's time for that.
    ConsentTooLate,
    /// Other terms are in force.
    TermsNotCurrent,
    /// No insurer has sent data for this person yet.
    NoInsurerData,
    /// The insurer has blocked the registration.
    InsurerBlocked,
}

impl RejectReason {
    /// Every reason, in the order of the format's description.
    pub const ALL: [Self; 11] = [
        Self::CertificateUntrusted,
        Self::CertificateExpired,
        Self::CertificateNotYetValid,
        Self::CertificateRevoked,
        Self::ChallengeUnknown,
        Self::ChallengeUsed,
        Self::TooLate,
        Self::ConsentTooLate,
        Self::TermsNotCurrent,
        Self::NoInsurerData,
        Self::InsurerBlocked,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CertificateUntrusted => "certificate-untrusted",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotYetValid => "certificate-not-yet-valid",
            Self::CertificateRevoked => "certificate-revoked",
            Self::ChallengeUnknown => "challenge-unknown",
            Self::ChallengeUsed => "challenge-used",
            Self::TooLate => "too-late",
            Self::ConsentTooLate => "consent-too-late",
            Self::TermsNotCurrent => "terms-not-current",
            Self::NoInsurerData => "no-insurer-data",
            Self::InsurerBlocked => "insurer-blocked",
        }
    }

    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// The host's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Registered by this request.
    Registered,
    /// The holder was registered before; an outcome, not a refusal.
    AlreadyRegistered,
    /// Not registered.
    Rejected(RejectReason),
}

impl Decision {
    /// `registered`, `already-registered` or `rejected`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::AlreadyRegistered => "already-registered",
            Self::Rejected(_) => "rejected",
        }
    }

    /// Whether the holder is registered now.
    pub const fn accepts(self) -> bool {
        matches!(self, Self::Registered | Self::AlreadyRegistered)
    }

    fn from_codes(decision: &str, reason: Option<&str>) -> Option<Self> {
        match (decision, reason) {
            ("registered", None) => Some(Self::Registered),
            ("already-registered", None) => Some(Self::AlreadyRegistered),
            ("rejected", Some(reason)) => RejectReason::from_code(reason).map(Self::Rejected),
            _ => None,
        }
    }
}

/// One answer, before and after signing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerContent {
    /// The request that is answered.
    pub request_id: Uuid,
    /// SHA-256 of the request's whole CMS file.
    pub request_sha256: [u8; 32],
    /// The terminal that sent it.
    pub terminal_id: String,
    /// What was decided.
    pub decision: Decision,
    /// 1..=32 of `[A-Z0-9-]`; present exactly where the decision accepts.
    pub acceptance_number: Option<String>,
    /// When it was decided, host's clock, to the millisecond. Also the signing-time, to the second.
    pub host_time: Timestamp,
    /// Which key of the host hashed the holder, 1..=64 of `[A-Za-z0-9._-]`.
    pub holder_key_id: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    schema_version: u32,
    request_id: String,
    request_sha256: String,
    terminal_id: String,
    decision: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acceptance_number: Option<String>,
    host_time: String,
    holder_key_id: String,
}

impl AnswerContent {
    /// The bytes to be signed (RFC 8785). Time below a millisecond is cut off.
    ///
    /// # Errors
    /// [`ContentRefused::Field`] where a field is outside its range.
    pub fn to_canonical_json(&self) -> Result<Vec<u8>, ContentRefused> {
        let reason = match self.decision {
            Decision::Rejected(reason) => Some(reason.code().to_owned()),
            Decision::Registered | Decision::AlreadyRegistered => None,
        };
        canonical::write(
            &Json {
                schema_version: SCHEMA_VERSION,
                request_id: text::uuid_text(self.request_id),
                request_sha256: hex::encode(self.request_sha256),
                terminal_id: self.terminal_id.clone(),
                decision: self.decision.code().to_owned(),
                reason,
                acceptance_number: self.acceptance_number.clone(),
                host_time: rfc3339_ms(self.host_time),
                holder_key_id: self.holder_key_id.clone(),
            },
            Self::from_json,
        )
    }

    /// Reads content, in its one spelling only.
    ///
    /// # Errors
    /// [`ContentRefused`], by the first thing that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ContentRefused> {
        canonical::read(bytes, Self::from_json)
    }

    fn from_json(json: &Json) -> Result<Self, BadField> {
        canonical::require("schema_version", json.schema_version == SCHEMA_VERSION)?;
        canonical::require("terminal_id", text::is_terminal_id(&json.terminal_id))?;
        canonical::require("holder_key_id", text::is_name(&json.holder_key_id))?;
        let decision =
            Decision::from_codes(&json.decision, json.reason.as_deref()).ok_or(BadField("decision"))?;
        let number = json.acceptance_number.as_deref();
        canonical::require("acceptance_number", number.is_some() == decision.accepts())?;
        canonical::require("acceptance_number", number.is_none_or(text::is_terminal_id))?;
        Ok(Self {
            request_id: text::uuid_v7(&json.request_id).ok_or(BadField("request_id"))?,
            request_sha256: text::sha256(&json.request_sha256).ok_or(BadField("request_sha256"))?,
            terminal_id: json.terminal_id.clone(),
            decision,
            acceptance_number: json.acceptance_number.clone(),
            host_time: parse_rfc3339_ms(&json.host_time).ok_or(BadField("host_time"))?,
            holder_key_id: json.holder_key_id.clone(),
        })
    }
}
