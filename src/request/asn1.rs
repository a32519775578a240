//! The little DER this crate writes and reads itself: X.690 sections 8, 10 and 11, single-byte tags only.
//!
//! Invariants: the writer knows one encoding for every value; the reader accepts only definite, minimal
//! lengths. The verifier does not rest on the reader's strictness alone: it rebuilds the whole file with the
//! writer and compares every byte (`verify.rs`).

/// Universal and context tags, as the identifier octet.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    /// `[0]`, constructed.
    pub(crate) const CONTEXT_0: u8 = 0xA0;
    /// `[1]`, constructed.
    pub(crate) const CONTEXT_1: u8 = 0xA1;
    /// `[3]`, constructed.
    pub(crate) const CONTEXT_3: u8 = 0xA3;
}

/// Why bytes are not the DER that was expected; `what` names the element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ends inside the element.
    #[error("{what}: the input ends inside it")]
    Truncated {
        /// The element that was being read.
        what: &'static str,
    },
    /// Another element stands there.
    #[error("{what}: tag {found:#04x} where {expected:#04x} is due")]
    Tag {
        /// The element that was being read.
        what: &'static str,
        /// The identifier octet that the structure demands.
        expected: u8,
        /// The identifier octet in the input.
        found: u8,
    },
    /// The length is indefinite, not minimal, or beyond 2^24.
    #[error("{what}: the length is not in DER form")]
    Length {
        /// The element that was being read.
        what: &'static str,
    },
    /// Bytes follow the last element.
    #[error("{what}: bytes after the last element")]
    Trailing {
        /// The element that should have ended.
        what: &'static str,
    },
    /// The value itself is not allowed there.
    #[error("{what}: the value is not allowed")]
    Value {
        /// The element that was being read.
        what: &'static str,
    },
}

/// One element: identifier, minimal length, value.
pub(crate) fn element(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let mut out = Vec::with_capacity(length.saturating_add(6));
    out.push(tag);
    let bytes = length.to_be_bytes();
    let significant = bytes.iter().skip_while(|byte| **byte == 0).copied();
    if length < 0x80 {
        out.extend(significant.chain((length == 0).then_some(0)));
    } else {
        let significant: Vec<u8> = significant.collect();
        // A usize has at most 8 octets, so the sum stays below 0x89.
        out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
        out.extend(significant);
    }
    out.extend_from_slice(value);
    out
}

/// A constructed element over finished parts, in the order given.
pub(crate) fn constructed(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    element(tag, &parts.concat())
}

/// `SEQUENCE` over finished parts.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    constructed(tag::SEQUENCE, parts)
}

/// `SET OF` (or an implicitly tagged one): X.690 11.6 demands ascending order of the encodings.
pub(crate) fn set_of(tag: u8, mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    element(tag, &parts.concat())
}

/// `OBJECT IDENTIFIER`.
pub(crate) fn oid(oid: const_oid::ObjectIdentifier) -> Vec<u8> {
    element(tag::OID, oid.as_bytes())
}

/// `INTEGER` of a small version number.
pub(crate) fn small_integer(value: u8) -> Vec<u8> {
    debug_assert!(value < 0x80);
    element(tag::INTEGER, &[value])
}

/// The same element under another identifier octet: `IMPLICIT` tagging, and its reversal before a signature.
pub(crate) fn retag(tag: u8, encoded: &[u8]) -> Vec<u8> {
    let mut out = encoded.to_vec();
    if let Some(first) = out.first_mut() {
        *first = tag;
    }
    out
}

/// One element as read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    /// Identifier, length and value.
    pub(crate) raw: &'a [u8],
    /// The value alone.
    pub(crate) value: &'a [u8],
}

impl<'a> Element<'a> {
    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader::new(self.value)
    }
}

/// Reads elements one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// The identifier octet of the next element; `None` at the end.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes the next element, which must carry `tag`.
    pub(crate) fn take(&mut self, tag: u8, what: &'static str) -> Result<Element<'a>, DecodeError> {
        let (&found, after_tag) = self.rest.split_first().ok_or(DecodeError::Truncated { what })?;
        if found != tag {
            return Err(DecodeError::Tag { what, expected: tag, found });
        }
        let (length, after_length) = read_length(after_tag, what)?;
        let value = after_length.get(..length).ok_or(DecodeError::Truncated { what })?;
        let header = self.rest.len() - after_length.len();
        let (raw, rest) = self.rest.split_at(header + length);
        self.rest = rest;
        Ok(Element { raw, value })
    }

    /// Refuses anything after the last element.
    pub(crate) fn end(&self, what: &'static str) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing { what }) }
    }
}

/// The one element that `input` must consist of.
pub(crate) fn single<'a>(input: &'a [u8], tag: u8, what: &'static str) -> Result<Element<'a>, DecodeError> {
    let mut reader = Reader::new(input);
    let element = reader.take(tag, what)?;
    reader.end(what)?;
    Ok(element)
}

/// X.690 10.1: the definite form with the fewest octets; at most three octets are taken.
fn read_length<'a>(input: &'a [u8], what: &'static str) -> Result<(usize, &'a [u8]), DecodeError> {
    let (&first, rest) = input.split_first().ok_or(DecodeError::Truncated { what })?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let octets = usize::from(first & 0x7F);
    if octets == 0 || octets > 3 {
        return Err(DecodeError::Length { what });
    }
    let (digits, rest) = rest.split_at_checked(octets).ok_or(DecodeError::Truncated { what })?;
    let length = digits.iter().fold(0usize, |sum, digit| (sum << 8) | usize::from(*digit));
    let minimal = digits.first() != Some(&0) && length >= 0x80;
    if minimal { Ok((length, rest)) } else { Err(DecodeError::Length { what }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use der::{Decode, Encode};
    use proptest::prelude::*;

    #[test]
    fn lengths_are_minimal_at_every_boundary() {
        for (length, header) in [
            (0usize, vec![0x04, 0x00]),
            (0x7F, vec![0x04, 0x7F]),
            (0x80, vec![0x04, 0x81, 0x80]),
            (0xFF, vec![0x04, 0x81, 0xFF]),
            (0x100, vec![0x04, 0x82, 0x01, 0x00]),
            (0x10000, vec![0x04, 0x83, 0x01, 0x00, 0x00]),
        ] {
            let encoded = element(tag::OCTET_STRING, &vec![0u8; length]);
            assert_eq!(&encoded[..header.len()], &header[..]);
            assert_eq!(single(&encoded, tag::OCTET_STRING, "octets").unwrap().value.len(), length);
        }
    }

    #[test]
    fn other_lengths_and_tails_are_refused() {
        for bad in [
            &[0x04, 0x80, 0x00, 0x00][..],         // indefinite
            &[0x04, 0x81, 0x01, 0xAA],             // not minimal
            &[0x04, 0x82, 0x00, 0x80],             // leading zero
            &[0x04, 0x84, 0x00, 0x00, 0x00, 0x01], // four octets
            &[0x04, 0x02, 0xAA],                   // truncated
            &[0x04, 0x01, 0xAA, 0x00],             // tail
            &[0x05, 0x00],                         // other tag
            &[],
        ] {
            single(bad, tag::OCTET_STRING, "octets").unwrap_err();
        }
    }

    #[test]
    fn sets_are_sorted() {
        let sorted = set_of(tag::SET, vec![small_integer(7), small_integer(3)]);
        assert_eq!(sorted, [0x31, 0x06, 0x02, 0x01, 0x03, 0x02, 0x01, 0x07]);
    }

    proptest! {
        /// The `der` crate is the second reader and writer.
        #[test]
        fn agrees_with_the_der_crate(value in proptest::collection::vec(any::<u8>(), 0..700)) {
            let ours = element(tag::OCTET_STRING, &value);
            let theirs = der::asn1::OctetString::new(value.clone()).unwrap().to_der().unwrap();
            prop_assert_eq!(&ours, &theirs);
        }

        #[test]
        fn accepts_no_header_that_der_refuses(input in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(found) = single(&input, tag::OCTET_STRING, "octets") {
                let theirs = der::asn1::OctetString::from_der(&input).unwrap();
                prop_assert_eq!(found.value, theirs.as_bytes());
            }
        }
    }
}
