//! PIN_VERIFY_STRUCTURE of PC/SC part 10, read as strictly as drivers do.

/// What the reader is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Seconds until the first key; at least one.
    pub first_key_s: u8,
    /// Seconds after each key; at least one.
    pub next_key_s: u8,
    /// Fewest digits.
    pub digits_min: u8,
    /// Most digits.
    pub digits_max: u8,
    /// The entry ends by itself with the last possible digit.
    pub ends_at_max: bool,
    /// CLA INS P1 P2.
    pub header: [u8; 4],
}

impl Order {
    /// `None` when it is cut off, or its length is not what it says: drivers do not take it then.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Result<Self, Refused>> {
        let (fixed, apdu) = bytes.split_first_chunk::<19>()?;
        let [timer, timer2, format, block, length_format, most, fewest, validation, _message, ..] = *fixed;
        let announced = u32::from_le_bytes(*fixed.last_chunk::<4>()?);
        if usize::try_from(announced) != Ok(apdu.len()) || apdu.len() < 4 {
            return None;
        }
        let order = Self {
            first_key_s: timer.max(1),
            next_key_s: if timer2 == 0 { timer.max(1) } else { timer2 },
            digits_min: fewest,
            digits_max: most,
            ends_at_max: validation & 0x01 != 0,
            header: *apdu.first_chunk()?,
        };
        // ASCII, left-justified, at no offset; no length field; a block as long as the PIN, or whatever the PIN is.
        let fits = format == 0x82 && length_format == 0x00 && (block == most || block == 0);
        let body_fits = match apdu.get(4..)? {
            [] | [0x00] => true,
            [lc, filler @ ..] => usize::from(*lc) == filler.len() && filler.iter().all(|byte| *byte == 0xFF),
        };
        Some(if fits && body_fits && fewest <= most { Ok(order) } else { Err(Refused) })
    }
}

/// The structure is whole, and asks for what this reader does not do: `6B80`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [u8; 15] =
        [0x1E, 0x1E, 0x82, 0x04, 0x00, 0x04, 0x04, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00];

    fn structure(change: impl Fn(&mut [u8; 15]), apdu: &[u8]) -> Vec<u8> {
        let mut head = HEAD;
        change(&mut head);
        let length = u32::try_from(apdu.len()).unwrap().to_le_bytes();
        [&head[..], &length, apdu].concat()
    }

    #[test]
    fn the_three_forms_that_clients_send_are_taken() {
        let expected = Order {
            first_key_s: 30,
            next_key_s: 30,
            digits_min: 4,
            digits_max: 4,
            ends_at_max: false,
            header: [0x00, 0x20, 0x00, 0x80],
        };
        let filled = structure(|_| {}, &[0x00, 0x20, 0x00, 0x80, 0x04, 0xFF, 0xFF, 0xFF, 0xFF]);
        let unpadded = structure(|head| head[3] = 0, &[0x00, 0x20, 0x00, 0x80, 0x00]);
        let header_only = structure(|head| head[3] = 0, &[0x00, 0x20, 0x00, 0x80]);
        for form in [filled, unpadded, header_only] {
            assert_eq!(Order::parse(&form), Some(Ok(expected.clone())), "{form:02X?}");
        }
    }

    #[test]
    fn what_is_cut_off_is_not_taken_and_what_is_not_done_is_refused() {
        let whole = structure(|_| {}, &[0x00, 0x20, 0x00, 0x80, 0x04, 0xFF, 0xFF, 0xFF, 0xFF]);
        for length in 0..whole.len() {
            assert_eq!(Order::parse(&whole[..length]), None, "{length}");
        }
        assert_eq!(Order::parse(&[&whole[..], &[0]].concat()), None);
        let verify = [0x00, 0x20, 0x00, 0x80];
        for (place, value) in [(2, 0x81), (2, 0x8A), (3, 0x08), (4, 0x01), (5, 0x03)] {
            let order = structure(|head| head[place] = value, &verify);
            assert_eq!(Order::parse(&order), Some(Err(Refused)), "{place}");
        }
    }
}
