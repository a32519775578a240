//! Who signed what: the registration request and the host's answer, built and verified.
//!
//! A request is one self-contained CMS SignedData (RFC 5652): canonical JSON, signed by the card's
//! user-authentication key, countersigned by the terminal. The answer is another, signed by the host. Any CMS
//! tool can check them; `docs/evidence.md` has the commands. The request format is this project's own open
//! reference: no public interface of the government's portal exists for it. The user-authentication
//! certificate carries digitalSignature only, so a request is evidence that this card with its PIN was used
//! over this text, not a legal electronic signature.
//!
//! The terminal calls [`check_card_certificate`] and [`prepare`] before the PIN, [`Prepared::assemble`] after
//! the chip has signed, [`verify_request`] before it records, [`verify_answer`] before it tells the customer
//! anything. The host calls [`open_request`], [`CountersignedRequest::check_card`], a [`RevocationSource`]
//! and [`build_answer`].
//!
//! Invariants:
//! - There is one encoding of a request and of an answer; a file in any other is refused, down to every
//!   single byte.
//! - No interface takes a digest or signed attributes from outside: the card's key also logs its holder in
//!   elsewhere. What the chip signs comes out of [`prepare`] and from nowhere else:
//!
//!   ```compile_fail
//!   let anything = request::SignInput(vec![0; 51]);
//!   ```
//! - There is no clock: every time is an argument.
//! - Verified things have types of their own, which only the verifier makes.

mod algorithm;
mod anchor;
mod answer;
mod asn1;
mod assemble;
mod canonical;
mod card;
mod certificate;
mod clauses;
mod cms;
mod cms_read;
mod content;
mod evidence;
mod file_clauses;
mod oids;
mod pem;
mod refused;
mod revocation;
mod text;
mod time;
mod verify_answer;
mod verify_request;

/// The tests' certificate maker, shared with the tests in `tests/`.
#[cfg(test)]
#[path = "tests/support/mint.rs"]
mod mint;

pub use algorithm::{BadSignature, CardAlgorithm};
pub use anchor::{AnchorKind, AnchorRefused, TrustAnchor, load_anchor_file, load_anchors};
pub use answer::{AnswerContent, Decision, RejectReason};
pub use asn1::DecodeError;
pub use assemble::{AssembleFault, PrepareFault, Prepared, SignInput, SignedRequest, build_answer, prepare};
pub use canonical::{BadField, CONTENT_BYTES_MAX, ContentRefused, SCHEMA_VERSION};
pub use card::{CardCertificate, TrustPolicy, check_card_certificate};
pub use certificate::{CERTIFICATE_BYTES_MAX, NotACertificate};
pub use content::{CHANNEL, PURPOSE, RequestContent};
pub use evidence::{EvidenceSigner, FileKey, KeyFileError, SignFault, check_answer_certificate};
pub use file_clauses::{FILE_BYTES_MAX, FileRefused};
pub use refused::CertificateRefused;
pub use revocation::{CrlRefused, CrlRevocation, RevocationFault, RevocationSource, RevocationStatus};
pub use verify_answer::{AnswerRefused, ExpectedAnswer, VerifiedAnswer, verify_answer};
pub use verify_request::{
    CheckTime, CountersignedRequest, RequestPolicy, RequestRefused, VerifiedRequest, open_request,
    verify_request,
};
