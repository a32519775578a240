//! Text forms inside the canonical JSON: one spelling per value.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

/// A name or version: 1..=64 of `[A-Za-z0-9._-]`.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The shape of a BCP 47 tag: subtags of 1..=8 letters or digits, the first of 2..=3 letters, 35 in all.
pub(crate) fn is_language(text: &str) -> bool {
    let mut subtags = text.split('-');
    let primary = subtags.next().is_some_and(|tag| {
        (2..=3).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphabetic())
    });
    primary
        && text.len() <= 35
        && subtags
            .all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Terminal ids and acceptance numbers: 1..=32 of `[A-Z0-9-]`.
pub(crate) fn is_terminal_id(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Lower-case, hyphenated.
pub(crate) fn uuid_text(id: Uuid) -> String {
    id.hyphenated().to_string()
}

/// Only version 7, only in the spelling of [`uuid_text`].
pub(crate) fn uuid_v7(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    let exact =
        id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122 && uuid_text(id) == text;
    exact.then_some(id)
}

/// 64 lower-case hex digits.
pub(crate) fn sha256(text: &str) -> Option<[u8; 32]> {
    let bytes: [u8; 32] = hex::decode(text).ok()?.try_into().ok()?;
    (hex::encode(bytes) == text).then_some(bytes)
}

/// Base64 with the standard alphabet and padding.
pub(crate) fn base64_text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// 32 bytes in base64.
pub(crate) fn bytes32(text: &str) -> Option<[u8; 32]> {
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    (base64_text(&bytes) == text).then_some(bytes)
}
