//! The length of a DER object from its first bytes; all that the card dialogue needs of ASN.1.

/// The whole length of a DER SEQUENCE, header included, from its first bytes. `None` when they are no definite-length
/// SEQUENCE in the shortest form, or too few to tell.
pub(crate) fn sequence_bytes(start: &[u8]) -> Option<usize> {
    const SEQUENCE: u8 = 0x30;
    let (header, content) = match start {
        [SEQUENCE, length @ 0x00..=0x7F, ..] => (2, usize::from(*length)),
        [SEQUENCE, 0x81, length @ 0x80..=0xFF, ..] => (3, usize::from(*length)),
        [SEQUENCE, 0x82, high @ 0x01..=0xFF, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        _ => return None,
    };
    Some(header + content)
}
