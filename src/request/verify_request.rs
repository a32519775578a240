//! The request's verifier: the host's, and the terminal's own before it records anything.

use std::fmt;

use jiff::Timestamp;

use crate::algorithm::{CardAlgorithm, sha256};
use crate::anchor::TrustAnchor;
use crate::card::{CardCertificate, TrustPolicy, check_card_certificate};
use crate::clauses::{self, Purpose};
use crate::cms::{Countersignature, SignedAttributes, SignedFile};
use crate::cms_read::{ReadFile, ReadSigner};
use crate::content::RequestContent;
use crate::file_clauses::{self as file, FileRefused, KnownSigner};
use crate::oids;
use crate::refused::CertificateRefused;

/// Why a request is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum RequestRefused {
    /// The file itself.
    #[error("the request's file is refused")]
    File(#[source] FileRefused),
    /// The content names another certificate than the signer's.
    #[error("the content names another card certificate")]
    OtherCertificate,
    /// The countersigner is not a terminal of ours.
    #[error("the countersigner is not a terminal of ours")]
    Terminal(#[source] CertificateRefused),
    /// The countersigner is another terminal than the content names.
    #[error("countersigned by another terminal than the content names")]
    OtherTerminal,
    /// The card's certificate.
    #[error("the card's certificate is refused")]
    Card(#[source] CertificateRefused),
}

impl RequestRefused {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File(file) => file.code(),
            Self::OtherCertificate => "request-other-certificate",
            Self::Terminal(_) => "request-terminal-untrusted",
            Self::OtherTerminal => "request-other-terminal",
            Self::Card(certificate) => certificate.code(),
        }
    }
}

/// Whom a request is checked against.
#[derive(Debug, Clone, Copy)]
pub struct RequestPolicy<'a> {
    /// Roots for cards.
    pub card: &'a TrustPolicy,
    /// Roots for terminals.
    pub terminal_anchors: &'a [TrustAnchor],
    /// The time at which certificates are judged.
    pub at: Timestamp,
}

/// When certificates are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckTime {
    /// At this time.
    At(Timestamp),
    /// At the request's own signing-time: for a request that arrives late. The terminal's clock made that
    /// time, so only a host that binds it to its challenge may choose this.
    SigningTime,
}

impl From<Timestamp> for CheckTime {
    fn from(at: Timestamp) -> Self {
        Self::At(at)
    }
}

/// A request whose file is whole and whose terminal is ours. Nothing is said about the card's certificate
/// yet, except that its key signed: a host can answer it, be it with a signed refusal.
#[derive(Clone)]
pub struct CountersignedRequest {
    content: RequestContent,
    signing_time: Timestamp,
    card_certificate: Vec<u8>,
    countersigner: Vec<u8>,
    countersigner_authority: Vec<u8>,
    countersigner_serial: Vec<u8>,
    sha256: [u8; 32],
}

/// A request that passed every clause.
#[derive(Debug, Clone)]
pub struct VerifiedRequest {
    request: CountersignedRequest,
    card: CardCertificate,
}

/// Every clause.
///
/// # Errors
/// [`RequestRefused`], by the first clause that does not hold.
pub fn verify_request(der: &[u8], policy: &RequestPolicy<'_>) -> Result<VerifiedRequest, RequestRefused> {
    open_request(der, policy.terminal_anchors, policy.at)?
        .check_card(policy.card, policy.at)
        .map_err(RequestRefused::Card)
}

/// All clauses but those on the card's certificate. `at` is when the terminal's certificate is judged.
///
/// # Errors
/// [`RequestRefused`], never with the variant `Card`.
pub fn open_request(
    der: &[u8],
    terminal_anchors: &[TrustAnchor],
    at: impl Into<CheckTime>,
) -> Result<CountersignedRequest, RequestRefused> {
    let read = file::structure(der).map_err(RequestRefused::File)?;
    let certificates = file::certificates(&read, 2).map_err(RequestRefused::File)?;
    let counter = read
        .signer
        .unsigned
        .countersigner()
        .map_err(|error| RequestRefused::File(FileRefused::Structure(error)))?;
    let card = file::signer_certificate(&certificates, &read.signer).map_err(RequestRefused::File)?;
    let terminal = file::signer_certificate(&certificates, &counter).map_err(RequestRefused::File)?;
    let content = RequestContent::parse(read.content)
        .map_err(|error| RequestRefused::File(FileRefused::Content(error)))?;
    let signing_time = file_holds(der, &read, &counter, &card, &terminal).map_err(RequestRefused::File)?;

    names_its_certificate(&content, &card)?;
    let at = match at.into() {
        CheckTime::At(at) => at,
        CheckTime::SigningTime => signing_time,
    };
    let anchor = clauses::validate(terminal.certificate, terminal_anchors, Purpose::TerminalEvidence, at)
        .map_err(RequestRefused::Terminal)?;
    names_its_terminal(&content, &terminal)?;
    Ok(CountersignedRequest {
        content,
        signing_time,
        card_certificate: card.certificate.der.to_vec(),
        countersigner: terminal.certificate.der.to_vec(),
        countersigner_authority: anchor.key_id.clone(),
        countersigner_serial: terminal.certificate.serial.to_vec(),
        sha256: sha256(der),
    })
}

/// The clauses on the file, in the order from cheap and telling to dear; returns the signing time.
fn file_holds(
    der: &[u8],
    read: &ReadFile<'_>,
    counter: &ReadSigner<'_>,
    card: &KnownSigner<'_, '_>,
    terminal: &KnownSigner<'_, '_>,
) -> Result<Timestamp, FileRefused> {
    let signed = &read.signer.signed;
    file::exact_attributes(
        signed,
        &[oids::CONTENT_TYPE, oids::MESSAGE_DIGEST, oids::SIGNING_TIME, oids::SIGNING_CERTIFICATE_V2],
    )?;
    file::exact_attributes(&read.signer.unsigned, &[oids::COUNTERSIGNATURE])?;
    file::exact_attributes(&counter.signed, &[oids::MESSAGE_DIGEST, oids::SIGNING_CERTIFICATE_V2])?;
    file::exact_attributes(&counter.unsigned, &[])?;
    file::content_type(signed)?;
    file::message_digest(signed, card, read.content)?;
    file::signing_certificate(signed, card)?;
    file::message_digest(&counter.signed, terminal, read.signer.signature)?;
    file::signing_certificate(&counter.signed, terminal)?;
    terminal_key(terminal)?;

    let signing_time = signed.signing_time().map_err(FileRefused::Structure)?;
    let parts = SignedFile {
        content: read.content,
        signer: &card.signer,
        signing_time,
        signature: read.signer.signature,
        countersignature: Some(Countersignature { signer: &terminal.signer, signature: counter.signature }),
    };
    file::encoding(der, &parts)?;

    let attributes = SignedAttributes::of_content(read.content, &card.signer, signing_time)
        .ok_or(FileRefused::Encoding)?;
    file::signature(&attributes, card, read.signer.signature).map_err(FileRefused::Signature)?;
    let attributes = SignedAttributes::of_signature(read.signer.signature, &terminal.signer);
    file::signature(&attributes, terminal, counter.signature).map_err(FileRefused::Countersignature)?;
    Ok(signing_time)
}

/// Our rule: countersignatures are made with P-256 and SHA-256.
fn terminal_key(terminal: &KnownSigner<'_, '_>) -> Result<(), FileRefused> {
    if terminal.key.algorithm == CardAlgorithm::EcdsaP256Sha256 { Ok(()) } else { Err(FileRefused::Key) }
}

/// Our rule: the content names the certificate whose key signed it.
fn names_its_certificate(content: &RequestContent, card: &KnownSigner<'_, '_>) -> Result<(), RequestRefused> {
    if content.certificate_sha256 == sha256(card.certificate.der) {
        Ok(())
    } else {
        Err(RequestRefused::OtherCertificate)
    }
}

/// Our rule: the terminal in the content is the one in the countersigner's certificate.
fn names_its_terminal(
    content: &RequestContent,
    terminal: &KnownSigner<'_, '_>,
) -> Result<(), RequestRefused> {
    if terminal.certificate.common_name() == Some(content.terminal_id.as_str()) {
        Ok(())
    } else {
        Err(RequestRefused::OtherTerminal)
    }
}

impl CountersignedRequest {
    /// The remaining clauses: profile, path and dates of the card's certificate.
    ///
    /// # Errors
    /// [`CertificateRefused`], by the first clause that does not hold.
    pub fn check_card(
        &self,
        policy: &TrustPolicy,
        at: Timestamp,
    ) -> Result<VerifiedRequest, CertificateRefused> {
        let card = check_card_certificate(&self.card_certificate, policy, at)?;
        Ok(VerifiedRequest { request: self.clone(), card })
    }

    /// What was signed.
    pub fn content(&self) -> &RequestContent {
        &self.content
    }

    /// When it was signed, by the terminal's clock, to the second.
    pub fn signing_time(&self) -> Timestamp {
        self.signing_time
    }

    /// The terminal that countersigned; the same in the content and in its certificate.
    pub fn terminal_id(&self) -> &str {
        &self.content.terminal_id
    }

    /// The countersigner's certificate, DER.
    pub fn countersigner_der(&self) -> &[u8] {
        &self.countersigner
    }

    /// Key identifier of the authority that issued the countersigner's certificate, for
    /// [`crate::CrlRevocation::status_of`].
    pub fn countersigner_authority_key_id(&self) -> &[u8] {
        &self.countersigner_authority
    }

    /// Serial number of the countersigner's certificate, the INTEGER's value octets.
    pub fn countersigner_serial(&self) -> &[u8] {
        &self.countersigner_serial
    }

    /// SHA-256 of the file.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }
}

/// Without anything that names the holder.
impl fmt::Debug for CountersignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountersignedRequest")
            .field("content", &self.content)
            .field("signing_time", &self.signing_time)
            .finish_non_exhaustive()
    }
}

impl VerifiedRequest {
    /// What was signed, by whom countersigned.
    pub fn request(&self) -> &CountersignedRequest {
        &self.request
    }

    /// What was signed.
    pub fn content(&self) -> &RequestContent {
        &self.request.content
    }

    /// The card's certificate.
    pub fn card(&self) -> &CardCertificate {
        &self.card
    }
}
