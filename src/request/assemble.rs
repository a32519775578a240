//! Two-phase assembly: everything that can be made before the PIN is made in [`prepare`]; after the chip has
//! signed, [`Prepared::assemble`] only puts the pieces together.
//!
//! No oracle: the card's key also logs its holder in elsewhere. Nothing here takes a digest or signed
//! attributes from outside; what the chip is asked to sign is always the attributes of a [`RequestContent`].

use jiff::Timestamp;

use crate::algorithm::{BadSignature, CardAlgorithm, PublicKey, sha256};
use crate::answer::AnswerContent;
use crate::canonical::ContentRefused;
use crate::card::CardCertificate;
use crate::certificate::{Certificate, NotACertificate};
use crate::clauses::subject_key;
use crate::cms::{Countersignature, SignedAttributes, SignedFile, Signer};
use crate::content::RequestContent;
use crate::evidence::{EvidenceSigner, SignFault};
use crate::time::whole_second;

/// Why a request cannot be prepared: a mistake of the caller.
#[derive(Debug, thiserror::Error)]
pub enum PrepareFault {
    /// The content cannot be written.
    #[error("the content cannot be written")]
    Content(#[source] ContentRefused),
    /// The content names another certificate than the card's.
    #[error("the content names another certificate")]
    OtherCertificate,
    /// The signing time has no encoding: before 1950 or after 9999.
    #[error("the signing time has no encoding")]
    SigningTime,
}

/// Why a file cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssembleFault {
    /// The card's signature does not hold under the card's certificate: another key, or a damaged answer.
    #[error("the card's signature does not hold under its certificate")]
    CardSignature(#[source] BadSignature),
    /// The content cannot be written.
    #[error("the content cannot be written")]
    Content(#[source] ContentRefused),
    /// The evidence key did not sign.
    #[error(transparent)]
    Sign(#[from] SignFault),
    /// The evidence certificate cannot be read, or is not for a P-256 key.
    #[error("the evidence certificate cannot be used")]
    EvidenceCertificate(#[source] Option<NotACertificate>),
    /// The evidence key's signature does not hold under its certificate.
    #[error("the evidence signature does not hold under its certificate")]
    EvidenceSignature(#[source] BadSignature),
    /// The host's time has no encoding: before 1950 or after 9999.
    #[error("the time has no encoding")]
    Time,
}

impl AssembleFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CardSignature(_) => "card-signature-invalid",
            Self::Content(_) | Self::Time => "evidence-content-invalid",
            Self::Sign(_) => "evidence-key-unavailable",
            Self::EvidenceCertificate(_) | Self::EvidenceSignature(_) => "evidence-key-invalid",
        }
    }
}

/// What the chip is given to sign: 51 bytes of `DigestInfo` for RSA, the bare hash for ECDSA. Only
/// [`prepare`] makes one.
pub struct SignInput(Vec<u8>);

impl SignInput {
    /// The bytes for the card.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A request waiting for the card's signature.
pub struct Prepared {
    content: Vec<u8>,
    signer: Signer,
    key: PublicKey,
    signing_time: Timestamp,
    attributes: SignedAttributes,
    input: SignInput,
}

/// The signed and countersigned request, a CMS file in DER.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedRequest(Vec<u8>);

impl SignedRequest {
    /// The file.
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// The file, by value.
    pub fn into_der(self) -> Vec<u8> {
        self.0
    }

    /// SHA-256 of the file: its name in the host's answer.
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

/// Makes everything that the card's signature is made over. `signing_time` is cut to the second.
///
/// # Errors
/// [`PrepareFault`] where the content is out of range or names another certificate.
pub fn prepare(
    content: &RequestContent,
    card: &CardCertificate,
    signing_time: Timestamp,
) -> Result<Prepared, PrepareFault> {
    if content.certificate_sha256 != card.sha256() {
        return Err(PrepareFault::OtherCertificate);
    }
    let content = content.to_canonical_json().map_err(PrepareFault::Content)?;
    let signer = Signer {
        algorithm: card.algorithm(),
        certificate: card.der().to_vec(),
        name: card.issuer_and_serial().to_vec(),
    };
    let signing_time = whole_second(signing_time);
    let attributes =
        SignedAttributes::of_content(&content, &signer, signing_time).ok_or(PrepareFault::SigningTime)?;
    let input = SignInput(signer.algorithm.sign_input(attributes.signed_bytes()));
    Ok(Prepared { content, signer, key: card.key().clone(), signing_time, attributes, input })
}

impl Prepared {
    /// What the chip is to sign.
    pub fn to_be_signed(&self) -> &SignInput {
        &self.input
    }

    /// How the chip is to sign.
    pub fn algorithm(&self) -> CardAlgorithm {
        self.signer.algorithm
    }

    /// Puts the card's signature in, after checking it, and countersigns. The signature is taken as the card
    /// returns it: 256 bytes for RSA; for the hypothetical ECDSA cards `r || s` in fixed length, which is an
    /// assumption.
    ///
    /// # Errors
    /// [`AssembleFault`] where a signature does not hold or the evidence key does not sign.
    pub fn assemble(
        self,
        card_signature: &[u8],
        evidence: &dyn EvidenceSigner,
    ) -> Result<SignedRequest, AssembleFault> {
        let signature = self
            .signer
            .algorithm
            .signature_from_card(card_signature)
            .ok_or(AssembleFault::CardSignature(BadSignature))?;
        self.key
            .verify_canonical(self.attributes.signed_bytes(), &signature)
            .map_err(AssembleFault::CardSignature)?;
        let countersigner = own_signer(evidence)?;
        let attributes = SignedAttributes::of_signature(&signature, &countersigner.signer);
        let countersignature = countersigner.sign(&attributes, evidence)?;
        let file = SignedFile {
            content: &self.content,
            signer: &self.signer,
            signing_time: self.signing_time,
            signature: &signature,
            countersignature: Some(Countersignature {
                signer: &countersigner.signer,
                signature: &countersignature,
            }),
        };
        file.encode().map(SignedRequest).ok_or(AssembleFault::Time)
    }
}

/// The host's answer as a CMS file in DER. Its signing-time is the content's host time, cut to the second.
///
/// # Errors
/// [`AssembleFault`] where the content is out of range or the key does not sign.
pub fn build_answer(content: &AnswerContent, key: &dyn EvidenceSigner) -> Result<Vec<u8>, AssembleFault> {
    let signing_time = whole_second(content.host_time);
    let content = content.to_canonical_json().map_err(AssembleFault::Content)?;
    let own = own_signer(key)?;
    let attributes =
        SignedAttributes::of_content(&content, &own.signer, signing_time).ok_or(AssembleFault::Time)?;
    let signature = own.sign(&attributes, key)?;
    let file = SignedFile {
        content: &content,
        signer: &own.signer,
        signing_time,
        signature: &signature,
        countersignature: None,
    };
    file.encode().ok_or(AssembleFault::Time)
}

/// One of our own machines as a signer.
struct OwnSigner {
    signer: Signer,
    key: PublicKey,
}

fn own_signer(evidence: &dyn EvidenceSigner) -> Result<OwnSigner, AssembleFault> {
    let der = evidence.certificate_der();
    let certificate =
        Certificate::parse(der).map_err(|error| AssembleFault::EvidenceCertificate(Some(error)))?;
    let key = subject_key::read(certificate.key_info)
        .filter(|key| key.algorithm == CardAlgorithm::EcdsaP256Sha256)
        .ok_or(AssembleFault::EvidenceCertificate(None))?;
    let signer =
        Signer { algorithm: key.algorithm, certificate: der.to_vec(), name: certificate.issuer_and_serial() };
    Ok(OwnSigner { signer, key })
}

impl OwnSigner {
    /// Signs, brings the signature into its one encoding and checks it.
    fn sign(
        &self,
        attributes: &SignedAttributes,
        key: &dyn EvidenceSigner,
    ) -> Result<Vec<u8>, AssembleFault> {
        let signature = key.sign(attributes.signed_bytes())?;
        let signature = self
            .signer
            .algorithm
            .canonical_signature(&signature)
            .ok_or(AssembleFault::EvidenceSignature(BadSignature))?;
        self.key
            .verify_canonical(attributes.signed_bytes(), &signature)
            .map_err(AssembleFault::EvidenceSignature)?;
        Ok(signature)
    }
}
