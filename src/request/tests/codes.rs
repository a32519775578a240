//! The stable codes. Screens, logs and operators' scripts know them: none changes its meaning, none is
//! dropped.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use jiff::Timestamp;
use request::{
    AnswerRefused, AssembleFault, BadSignature, CertificateRefused, ContentRefused, DecodeError, FileRefused,
    NotACertificate, RequestRefused, RevocationFault, SignFault,
};

const AT: Timestamp = Timestamp::UNIX_EPOCH;
const DECODE: DecodeError = DecodeError::Trailing { what: "test" };

#[test]
fn certificate_codes() {
    use CertificateRefused as C;
    let table: Vec<String> = [
        C::NotACertificate(NotACertificate::Structure(DECODE)),
        C::Version,
        C::Serial,
        C::SignatureAlgorithm,
        C::UniqueId,
        C::DoubleExtension,
        C::UnreadableExtension,
        C::UnknownCriticalExtension,
        C::NoAuthorityKeyId,
        C::UnknownIssuer,
        C::UnknownGeneration,
        C::TestRootNotAllowed,
        C::AuthorityNameOrSerial,
        C::Signature(BadSignature),
        C::AnchorNotInForce,
        C::Key,
        C::KeyUsage,
        C::ExtendedKeyUsage,
        C::Authority,
        C::Policy,
        C::NotYetValid { not_before: AT },
        C::Expired { not_after: AT },
    ]
    .iter()
    .map(|it| format!("{} {} {}", it.clause(), it.code(), it.reject_reason().code()))
    .collect();
    let expected = "\
not-a-certificate certificate-damaged certificate-untrusted
version certificate-untrusted certificate-untrusted
serial certificate-untrusted certificate-untrusted
signature-algorithm certificate-untrusted certificate-untrusted
unique-id certificate-untrusted certificate-untrusted
double-extension certificate-untrusted certificate-untrusted
unreadable-extension certificate-untrusted certificate-untrusted
unknown-critical-extension certificate-untrusted certificate-untrusted
no-authority-key-id certificate-untrusted certificate-untrusted
unknown-issuer certificate-untrusted certificate-untrusted
unknown-generation certificate-untrusted certificate-untrusted
test-root-not-allowed certificate-test-root certificate-untrusted
authority-name-or-serial certificate-untrusted certificate-untrusted
signature certificate-damaged certificate-untrusted
anchor-not-in-force certificate-untrusted certificate-untrusted
key certificate-untrusted certificate-untrusted
key-usage certificate-untrusted certificate-untrusted
extended-key-usage certificate-untrusted certificate-untrusted
authority certificate-untrusted certificate-untrusted
policy certificate-untrusted certificate-untrusted
not-yet-valid certificate-not-yet-valid certificate-not-yet-valid
expired certificate-expired certificate-expired";
    assert_eq!(table.join("\n"), expected);
}

#[test]
fn file_request_and_answer_codes() {
    use FileRefused as F;
    let files = [
        F::TooLong { bytes: 1 },
        F::Structure(DECODE),
        F::Certificates,
        F::NotACertificate(NotACertificate::Structure(DECODE)),
        F::Key,
        F::Attributes,
        F::ContentType,
        F::MessageDigest,
        F::SigningCertificate,
        F::Content(ContentRefused::NotCanonical),
        F::Encoding,
        F::Signature(BadSignature),
        F::Countersignature(BadSignature),
    ];
    assert_eq!(
        files.map(|it| it.code()).join(" "),
        "file-too-long file-structure file-certificates file-certificates file-certificates file-attributes \
         file-attributes file-digest file-signing-certificate file-content file-encoding file-signature \
         file-countersignature"
    );
    let requests = [
        RequestRefused::File(F::Encoding),
        RequestRefused::OtherCertificate,
        RequestRefused::Terminal(CertificateRefused::Policy),
        RequestRefused::OtherTerminal,
        RequestRefused::Card(CertificateRefused::Expired { not_after: AT }),
    ];
    assert_eq!(
        requests.map(|it| it.code()).join(" "),
        "file-encoding request-other-certificate request-terminal-untrusted request-other-terminal \
         certificate-expired"
    );
    let answers = [
        AnswerRefused::File(F::Encoding),
        AnswerRefused::Host(CertificateRefused::Policy),
        AnswerRefused::SigningTime,
        AnswerRefused::OtherRequest { what: "test" },
    ];
    assert_eq!(
        answers.map(|it| it.code()).join(" "),
        "file-encoding answer-host-untrusted answer-signing-time answer-other-request"
    );
}

#[test]
fn fault_codes() {
    let assembling = [
        AssembleFault::CardSignature(BadSignature),
        AssembleFault::Content(ContentRefused::NotCanonical),
        AssembleFault::Sign(SignFault("test".into())),
        AssembleFault::EvidenceCertificate(None),
        AssembleFault::EvidenceSignature(BadSignature),
        AssembleFault::Time,
    ];
    assert_eq!(
        assembling.map(|it| it.code()).join(" "),
        "card-signature-invalid evidence-content-invalid evidence-key-unavailable evidence-key-invalid \
         evidence-key-invalid evidence-content-invalid"
    );
    let revocation = [
        RevocationFault::NoList,
        RevocationFault::NotYet { this_update: AT },
        RevocationFault::Stale { next_update: AT },
        RevocationFault::Source("test".into()),
    ];
    assert_eq!(
        revocation.map(|it| it.code()).join(" "),
        "revocation-list-missing revocation-list-not-yet-valid revocation-list-stale \
         revocation-source-unavailable"
    );
}

/// What an error says never repeats what its source says.
#[test]
fn errors_tell_their_part_only() {
    let refused =
        RequestRefused::Terminal(CertificateRefused::NotACertificate(NotACertificate::Structure(DECODE)));
    let mut chain = vec![refused.to_string()];
    let mut source = std::error::Error::source(&refused);
    while let Some(error) = source {
        chain.push(error.to_string());
        source = error.source();
    }
    assert_eq!(
        chain.join(": "),
        "the countersigner is not a terminal of ours: the bytes are not a certificate: not the structure of a \
         certificate: test: bytes after the last element"
    );
}
