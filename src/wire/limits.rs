//! Every bound of the interface, units last. Both sides refuse what is beyond; the host may be configured tighter, never wider.

/// Signed request: card certificate, terminal certificate, content and two signatures are about 5 KiB.
pub const REGISTRATION_BYTES_MAX: usize = 16 * 1024;
/// Signed answer of the host: about 2 KiB.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Body of a challenge request: one small object.
pub const CHALLENGE_REQUEST_BYTES_MAX: usize = 1024;
/// Challenge answer: all texts, JSON escapes included.
pub const CHALLENGE_ANSWER_BYTES_MAX: usize = 512 * 1024;
/// Body of a log checkpoint.
pub const LOG_CHECKPOINT_BYTES_MAX: usize = 2 * 1024;
/// A problem document.
pub const PROBLEM_BYTES_MAX: usize = 8 * 1024;

/// Random bytes in a challenge.
pub const CHALLENGE_BYTES: usize = 32;
/// Bytes of a SHA-256.
pub const DIGEST_BYTES: usize = 32;
/// Characters of a terminal id, which is a certificate's common name too.
pub const TERMINAL_ID_CHARS_MAX: usize = 32;
/// Characters of a terms version.
pub const TERMS_NAME_CHARS_MAX: usize = 32;
/// Characters of a language tag (RFC 5646 section 4.4.1).
pub const LANGUAGE_CHARS_MAX: usize = 35;
/// One terms text, UTF-8.
pub const TERMS_TEXT_BYTES_MAX: usize = 16 * 1024;
/// Languages of one terms version.
pub const TERMS_TEXTS_MAX: usize = 16;
/// Smallest DER form of an ECDSA signature: two one-byte integers.
pub const ECDSA_SIGNATURE_BYTES_MIN: usize = 8;
/// Largest DER form of an ECDSA signature on P-256.
pub const ECDSA_SIGNATURE_BYTES_MAX: usize = 72;
/// Largest whole number that every JSON reader keeps exactly (RFC 7493 section 2.2).
pub const JSON_INTEGER_MAX: u64 = (1 << 53) - 1;
/// Longest time from challenge to consent.
pub const CONSENT_BY_S_MAX: u32 = 3600;
/// Longest time from challenge to arrival of the request.
pub const ACCEPT_UNTIL_DAYS_MAX: u32 = 400;

const _: () = assert!(TERMS_TEXTS_MAX * TERMS_TEXT_BYTES_MAX < CHALLENGE_ANSWER_BYTES_MAX);
