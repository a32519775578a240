//! The four cases of a command APDU (ISO/IEC 7816-3, 12.1.3), short and extended.
//!
//! Invariant: every byte of the input is accounted for. Bytes that fit no case are `Malformed`, never guessed at.

/// A command APDU taken apart; no meaning is given to the bytes yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Apdu<'a> {
    pub(crate) cla: u8,
    pub(crate) ins: u8,
    pub(crate) p1: u8,
    pub(crate) p2: u8,
    /// The data field; empty in cases 1 and 2.
    pub(crate) data: &'a [u8],
    /// How many answer bytes are asked for (1..=65,536); `None` in cases 1 and 3.
    pub(crate) expected: Option<usize>,
    /// Lc or Le was in extended form.
    pub(crate) extended: bool,
}

/// Not a command APDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Fewer than the four header bytes.
    NoHeader,
    /// Lc, data and Le do not add up.
    Lengths,
}

impl<'a> Apdu<'a> {
    /// Takes `raw` apart.
    pub(crate) fn parse(raw: &'a [u8]) -> Result<Self, Malformed> {
        let Some((&[cla, ins, p1, p2], body)) = raw.split_first_chunk::<4>() else {
            return Err(Malformed::NoHeader);
        };
        let (data, expected, extended): (&[u8], _, _) = match body {
            [] => (&[], None, false),
            [le] => (&[], Some(short_le(*le)), false),
            [0, hi, lo] => (&[], Some(extended_le(*hi, *lo)), true),
            [0, hi, lo, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*hi, *lo]));
                let (data, tail) = rest.split_at_checked(length).ok_or(Malformed::Lengths)?;
                match (length, tail) {
                    (0, _) => return Err(Malformed::Lengths),
                    (_, []) => (data, None, true),
                    (_, [hi, lo]) => (data, Some(extended_le(*hi, *lo)), true),
                    _ => return Err(Malformed::Lengths),
                }
            }
            [0, ..] => return Err(Malformed::Lengths),
            [length, rest @ ..] => {
                let (data, tail) = rest.split_at_checked(usize::from(*length)).ok_or(Malformed::Lengths)?;
                match tail {
                    [] => (data, None, false),
                    [le] => (data, Some(short_le(*le)), false),
                    _ => return Err(Malformed::Lengths),
                }
            }
        };
        Ok(Self { cla, ins, p1, p2, data, expected, extended })
    }
}

fn short_le(le: u8) -> usize {
    if le == 0 { 256 } else { usize::from(le) }
}

fn extended_le(hi: u8, lo: u8) -> usize {
    match u16::from_be_bytes([hi, lo]) {
        0 => 65_536,
        le => usize::from(le),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(raw: &[u8]) -> Result<(usize, Option<usize>, bool), Malformed> {
        Apdu::parse(raw).map(|apdu| (apdu.data.len(), apdu.expected, apdu.extended))
    }

    #[test]
    fn the_four_short_cases() {
        assert_eq!(lengths(&[0, 0x20, 0, 0x80]), Ok((0, None, false)));
        assert_eq!(lengths(&[0, 0xB0, 0, 0, 0]), Ok((0, Some(256), false)));
        assert_eq!(lengths(&[0, 0xB0, 0, 0, 4]), Ok((0, Some(4), false)));
        assert_eq!(lengths(&[0, 0xA4, 2, 0x0C, 2, 0, 0x0A]), Ok((2, None, false)));
        assert_eq!(lengths(&[0, 0xA4, 4, 0, 2, 0xD3, 0x92, 0]), Ok((2, Some(256), false)));
    }

    #[test]
    fn the_three_extended_cases() {
        assert_eq!(lengths(&[0, 0xB0, 0, 0, 0, 0, 0]), Ok((0, Some(65_536), true)));
        assert_eq!(lengths(&[0, 0xB0, 0, 0, 0, 1, 2]), Ok((0, Some(258), true)));
        assert_eq!(lengths(&[0x80, 0xAE, 0, 0, 0, 0, 1, 9]), Ok((1, None, true)));
        assert_eq!(lengths(&[0x80, 0xAE, 0, 0, 0, 0, 1, 9, 1, 0]), Ok((1, Some(256), true)));
    }

    #[test]
    fn what_fits_no_case_is_refused() {
        assert_eq!(lengths(&[]), Err(Malformed::NoHeader));
        assert_eq!(lengths(&[0, 0x20, 0]), Err(Malformed::NoHeader));
        assert_eq!(lengths(&[0, 0x20, 0, 0x80, 4, 0x31]), Err(Malformed::Lengths));
        assert_eq!(lengths(&[0, 0x20, 0, 0x80, 1, 0x31, 0, 0]), Err(Malformed::Lengths));
        assert_eq!(lengths(&[0, 0x20, 0, 0x80, 0, 0]), Err(Malformed::Lengths));
        assert_eq!(lengths(&[0, 0x20, 0, 0x80, 0, 0, 0, 0]), Err(Malformed::Lengths));
    }
}
