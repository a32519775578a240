//! What the card signs: one canonical JSON object (RFC 8785), schema version 1.
//!
//! Invariant: bytes and value determine each other. Parsing accepts only the bytes that writing produces, so
//! there is no second spelling of a request.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::canonical::{self, BadField, ContentRefused};
use crate::text;
use crate::time::{parse_rfc3339_ms, rfc3339_ms};

/// What the customer applies for; the same in every request.
pub const PURPOSE: &str = "健康保険証利用の申込み";
/// Where the application was made; the same in every request.
pub const CHANNEL: &str = "bank-atm";

/// One registration request, before and after signing. Purpose, channel and schema version are constants of
/// the format and therefore no fields.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestContent {
    /// `UUIDv7`; also the idempotency key at the host.
    pub request_id: Uuid,
    /// Version of the terms shown, 1..=64 of `[A-Za-z0-9._-]`.
    pub terms_version: String,
    /// Language of the text shown, BCP 47.
    pub terms_language: String,
    /// SHA-256 of the text shown, UTF-8.
    pub terms_sha256: [u8; 32],
    /// When the customer confirmed the terms, to the millisecond.
    pub consent_time: Timestamp,
    /// The terminal, 1..=32 of `[A-Z0-9-]`.
    pub terminal_id: String,
    /// The host's challenge.
    pub challenge: [u8; 32],
    /// SHA-256 of the card's certificate.
    pub certificate_sha256: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    schema_version: u32,
    request_id: String,
    purpose: String,
    channel: String,
    terms_version: String,
    terms_language: String,
    terms_sha256: String,
    consent_time: String,
    terminal_id: String,
    challenge: String,
    certificate_sha256: String,
}

impl RequestContent {
    /// The bytes to be signed (RFC 8785). Time below a millisecond is cut off.
    ///
    /// # Errors
    /// [`ContentRefused::Field`] where a field is outside its range.
    pub fn to_canonical_json(&self) -> Result<Vec<u8>, ContentRefused> {
        canonical::write(
            &Json {
                schema_version: canonical::SCHEMA_VERSION,
                request_id: text::uuid_text(self.request_id),
                purpose: PURPOSE.to_owned(),
                channel: CHANNEL.to_owned(),
                terms_version: self.terms_version.clone(),
                terms_language: self.terms_language.clone(),
                terms_sha256: hex::encode(self.terms_sha256),
                consent_time: rfc3339_ms(self.consent_time),
                terminal_id: self.terminal_id.clone(),
                challenge: text::base64_text(&self.challenge),
                certificate_sha256: hex::encode(self.certificate_sha256),
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
        canonical::require("schema_version", json.schema_version == canonical::SCHEMA_VERSION)?;
        canonical::require("purpose", json.purpose == PURPOSE)?;
        canonical::require("channel", json.channel == CHANNEL)?;
        canonical::require("terms_version", text::is_name(&json.terms_version))?;
        canonical::require("terms_language", text::is_language(&json.terms_language))?;
        canonical::require("terminal_id", text::is_terminal_id(&json.terminal_id))?;
        Ok(Self {
            request_id: text::uuid_v7(&json.request_id).ok_or(BadField("request_id"))?,
            terms_version: json.terms_version.clone(),
            terms_language: json.terms_language.clone(),
            terms_sha256: text::sha256(&json.terms_sha256).ok_or(BadField("terms_sha256"))?,
            consent_time: parse_rfc3339_ms(&json.consent_time).ok_or(BadField("consent_time"))?,
            terminal_id: json.terminal_id.clone(),
            challenge: text::bytes32(&json.challenge).ok_or(BadField("challenge"))?,
            certificate_sha256: text::sha256(&json.certificate_sha256)
                .ok_or(BadField("certificate_sha256"))?,
        })
    }
}

/// Without the certificate's hash, which names the holder's certificate.
impl fmt::Debug for RequestContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContent")
            .field("request_id", &self.request_id)
            .field("terminal_id", &self.terminal_id)
            .field("terms_version", &self.terms_version)
            .field("terms_language", &self.terms_language)
            .field("consent_time", &self.consent_time)
            .finish_non_exhaustive()
    }
}
