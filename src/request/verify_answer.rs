//! The answer's verifier: the terminal believes nothing that did not pass it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::algorithm::CardAlgorithm;
use crate::anchor::TrustAnchor;
use crate::answer::AnswerContent;
use crate::clauses::{self, Purpose};
use crate::cms::{SignedAttributes, SignedFile};
use crate::cms_read::ReadFile;
use crate::file_clauses::{self as file, FileRefused, KnownSigner};
use crate::oids;
use crate::refused::CertificateRefused;
use crate::time::whole_second;

/// Why an answer is not believed.
#[derive(Debug, thiserror::Error)]
pub enum AnswerRefused {
    /// The file itself.
    #[error("the answer's file is refused")]
    File(#[source] FileRefused),
    /// The signer is not our host.
    #[error("the signer is not our host")]
    Host(#[source] CertificateRefused),
    /// The signing-time is not the host time in the content.
    #[error("signing-time and host time differ")]
    SigningTime,
    /// It answers another request, or other bytes of this one, or another terminal.
    #[error("answers another request: {what} differs")]
    OtherRequest {
        /// What differs.
        what: &'static str,
    },
}

impl AnswerRefused {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File(file) => file.code(),
            Self::Host(_) => "answer-host-untrusted",
            Self::SigningTime => "answer-signing-time",
            Self::OtherRequest { .. } => "answer-other-request",
        }
    }
}

/// What the terminal asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedAnswer<'a> {
    /// The request's id.
    pub request_id: Uuid,
    /// SHA-256 of the request's file.
    pub request_sha256: [u8; 32],
    /// The terminal.
    pub terminal_id: &'a str,
}

/// An answer that passed every clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAnswer {
    content: AnswerContent,
}

impl VerifiedAnswer {
    /// What the host decided.
    pub fn content(&self) -> &AnswerContent {
        &self.content
    }
}

/// Every clause. `at` is the time at which the host's certificate is judged: now, on arrival.
///
/// # Errors
/// [`AnswerRefused`], by the first clause that does not hold.
pub fn verify_answer(
    der: &[u8],
    host_anchors: &[TrustAnchor],
    at: Timestamp,
    expected: &ExpectedAnswer<'_>,
) -> Result<VerifiedAnswer, AnswerRefused> {
    let read = file::structure(der).map_err(AnswerRefused::File)?;
    let certificates = file::certificates(&read, 1).map_err(AnswerRefused::File)?;
    let host = file::signer_certificate(&certificates, &read.signer).map_err(AnswerRefused::File)?;
    let content = AnswerContent::parse(read.content)
        .map_err(|error| AnswerRefused::File(FileRefused::Content(error)))?;
    let signing_time = file_holds(der, &read, &host).map_err(AnswerRefused::File)?;
    clauses::validate(host.certificate, host_anchors, Purpose::HostAnswer, at)
        .map_err(AnswerRefused::Host)?;
    signed_when_decided(&content, signing_time)?;
    answers(&content, expected)?;
    Ok(VerifiedAnswer { content })
}

/// The clauses on the file; returns the signing time.
fn file_holds(der: &[u8], read: &ReadFile<'_>, host: &KnownSigner<'_, '_>) -> Result<Timestamp, FileRefused> {
    let signed = &read.signer.signed;
    file::exact_attributes(
        signed,
        &[oids::CONTENT_TYPE, oids::MESSAGE_DIGEST, oids::SIGNING_TIME, oids::SIGNING_CERTIFICATE_V2],
    )?;
    file::exact_attributes(&read.signer.unsigned, &[])?;
    file::content_type(signed)?;
    file::message_digest(signed, host, read.content)?;
    file::signing_certificate(signed, host)?;
    if host.key.algorithm != CardAlgorithm::EcdsaP256Sha256 {
        return Err(FileRefused::Key);
    }
    let signing_time = signed.signing_time().map_err(FileRefused::Structure)?;
    let parts = SignedFile {
        content: read.content,
        signer: &host.signer,
        signing_time,
        signature: read.signer.signature,
        countersignature: None,
    };
    file::encoding(der, &parts)?;
    let attributes = SignedAttributes::of_content(read.content, &host.signer, signing_time)
        .ok_or(FileRefused::Encoding)?;
    file::signature(&attributes, host, read.signer.signature).map_err(FileRefused::Signature)?;
    Ok(signing_time)
}

/// Our rule: the answer is signed when it is decided, so one time stands for both.
fn signed_when_decided(content: &AnswerContent, signing_time: Timestamp) -> Result<(), AnswerRefused> {
    if signing_time == whole_second(content.host_time) { Ok(()) } else { Err(AnswerRefused::SigningTime) }
}

/// Our rule: an answer is believed for exactly the bytes that were sent, and by the terminal that sent them.
fn answers(content: &AnswerContent, expected: &ExpectedAnswer<'_>) -> Result<(), AnswerRefused> {
    let what = if content.request_id != expected.request_id {
        "request id"
    } else if content.request_sha256 != expected.request_sha256 {
        "SHA-256"
    } else if content.terminal_id != expected.terminal_id {
        "terminal"
    } else {
        return Ok(());
    };
    Err(AnswerRefused::OtherRequest { what })
}
