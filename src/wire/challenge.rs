//! `POST /v1/challenges`: what a visit begins with. The challenge ties the customer's consent to this host, this terminal
//! and a time; the terms come with it, so that what is shown is what the host will accept.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Challenge, Digest, Language, Message, OutOfBounds, TermsName, WireTime, limits};

/// Version number of a message's shape. Only 1 exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct SchemaOne;

impl TryFrom<u32> for SchemaOne {
    type Error = OutOfBounds;

    fn try_from(number: u32) -> Result<Self, OutOfBounds> {
        if number == 1 { Ok(Self) } else { Err(OutOfBounds { field: "schema", must_be: "1" }) }
    }
}

impl From<SchemaOne> for u32 {
    fn from(_: SchemaOne) -> Self {
        1
    }
}

/// Asks for a challenge. The terminal is known by its TLS certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeRequest {
    /// Shape of this message.
    pub schema: SchemaOne,
}

impl Message for ChallengeRequest {
    const NAME: &'static str = "challenge request";
    const BYTES_MAX: usize = limits::CHALLENGE_REQUEST_BYTES_MAX;
}

/// A challenge, good for one request of the terminal that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "RawChallengeAnswer")]
pub struct ChallengeAnswer {
    /// Goes into the request's content.
    pub challenge: Challenge,
    /// The host's clock when the challenge was made.
    pub host_time: WireTime,
    /// Seconds from `host_time` within which the card must have signed; 1 to [`limits::CONSENT_BY_S_MAX`].
    pub consent_by_s: u32,
    /// Days from `host_time` within which the request must arrive; 1 to [`limits::ACCEPT_UNTIL_DAYS_MAX`].
    pub accept_until_days: u32,
    /// The terms in force.
    pub terms: TermsVersion,
}

impl Message for ChallengeAnswer {
    const NAME: &'static str = "challenge answer";
    const BYTES_MAX: usize = limits::CHALLENGE_ANSWER_BYTES_MAX;
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChallengeAnswer {
    challenge: Challenge,
    host_time: WireTime,
    consent_by_s: u32,
    accept_until_days: u32,
    terms: TermsVersion,
}

impl TryFrom<RawChallengeAnswer> for ChallengeAnswer {
    type Error = OutOfBounds;

    fn try_from(raw: RawChallengeAnswer) -> Result<Self, OutOfBounds> {
        if !(1..=limits::CONSENT_BY_S_MAX).contains(&raw.consent_by_s) {
            return Err(OutOfBounds { field: "consent_by_s", must_be: "1 to 3600 seconds" });
        }
        if !(1..=limits::ACCEPT_UNTIL_DAYS_MAX).contains(&raw.accept_until_days) {
            return Err(OutOfBounds { field: "accept_until_days", must_be: "1 to 400 days" });
        }
        Ok(Self {
            challenge: raw.challenge,
            host_time: raw.host_time,
            consent_by_s: raw.consent_by_s,
            accept_until_days: raw.accept_until_days,
            terms: raw.terms,
        })
    }
}

/// One version of the terms in all its languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "RawTermsVersion")]
pub struct TermsVersion {
    /// Its name.
    version: TermsName,
    /// 1 to [`limits::TERMS_TEXTS_MAX`] texts, no language twice.
    texts: Vec<TermsText>,
}

impl TermsVersion {
    /// Puts a version together.
    ///
    /// # Errors
    /// [`OutOfBounds`] for no text, too many, or a language twice.
    pub fn new(version: TermsName, texts: Vec<TermsText>) -> Result<Self, OutOfBounds> {
        let languages: BTreeSet<&Language> = texts.iter().map(|text| &text.language).collect();
        if texts.is_empty() || texts.len() > limits::TERMS_TEXTS_MAX || languages.len() != texts.len() {
            return Err(OutOfBounds { field: "texts", must_be: "1 to 16 texts, one a language" });
        }
        Ok(Self { version, texts })
    }

    /// The version's name.
    #[must_use]
    pub const fn version(&self) -> &TermsName {
        &self.version
    }

    /// All texts.
    #[must_use]
    pub fn texts(&self) -> &[TermsText] {
        &self.texts
    }

    /// The text in one language.
    #[must_use]
    pub fn text(&self, language: &str) -> Option<&TermsText> {
        self.texts.iter().find(|text| text.language.as_str() == language)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTermsVersion {
    version: TermsName,
    texts: Vec<TermsText>,
}

impl TryFrom<RawTermsVersion> for TermsVersion {
    type Error = OutOfBounds;

    fn try_from(raw: RawTermsVersion) -> Result<Self, OutOfBounds> {
        Self::new(raw.version, raw.texts)
    }
}

/// The terms in one language. `sha256` is always the SHA-256 of `text`: a message where it is not is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "RawTermsText")]
pub struct TermsText {
    language: Language,
    sha256: Digest,
    text: String,
}

impl TermsText {
    /// Takes a text and hashes it.
    ///
    /// # Errors
    /// [`OutOfBounds`] for an empty or over-long text, or control characters other than a line feed: what cannot be
    /// shown cannot be agreed to.
    pub fn new(language: Language, text: String) -> Result<Self, OutOfBounds> {
        let fits = (1..=limits::TERMS_TEXT_BYTES_MAX).contains(&text.len());
        if !fits || text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(OutOfBounds {
                field: "text",
                must_be: "1 to 16384 bytes without control characters",
            });
        }
        Ok(Self { language, sha256: Digest::of(text.as_bytes()), text })
    }

    /// Its language.
    #[must_use]
    pub const fn language(&self) -> &Language {
        &self.language
    }

    /// SHA-256 of the text's UTF-8 bytes; it goes into the request's content.
    #[must_use]
    pub const fn sha256(&self) -> &Digest {
        &self.sha256
    }

    /// What the customer is shown.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTermsText {
    language: Language,
    sha256: Digest,
    text: String,
}

impl TryFrom<RawTermsText> for TermsText {
    type Error = OutOfBounds;

    fn try_from(raw: RawTermsText) -> Result<Self, OutOfBounds> {
        let made = Self::new(raw.language, raw.text)?;
        if made.sha256 != raw.sha256 {
            return Err(OutOfBounds { field: "sha256", must_be: "the SHA-256 of the text" });
        }
        Ok(made)
    }
}
