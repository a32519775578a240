//! A reader's own PIN pad: PC/SC part 10, `FEATURE_VERIFY_PIN_DIRECT`.
//!
//! Tried with a handler of our own behind a real `pcscd` only, never with a real reader.
//!
//! Invariants:
//! - The PIN is in nothing that is built or read here: the reader puts it into the template and sends that itself.
//! - Control codes are those that the reader lists, never constants.
//! - What a reader says of itself is data from outside: bytes that make no sense mean "no pad", never a panic.

use jpki::{PadLimits, PadTemplate, StatusWord};
use pcsc::{Card, Error, ctl_code};

/// CM_IOCTL_GET_FEATURE_REQUEST (part 10, 2.2).
const GET_FEATURE_REQUEST: u32 = 3400;
const FEATURE_VERIFY_PIN_DIRECT: u8 = 0x06;
const FEATURE_IFD_PIN_PROPERTIES: u8 = 0x0A;
const FEATURE_GET_TLV_PROPERTIES: u8 = 0x12;
/// Properties with these tags (part 10, 2.6.14).
const MIN_PIN_SIZE: u8 = 6;
const MAX_PIN_SIZE: u8 = 7;

/// A list of features has 6 bytes for each; drivers refuse a buffer that might be too small.
const ANSWER_BYTES: usize = 256;

/// While the reader waits for a key nothing can stop it, so its own limits are never longer.
const READER_S_MAX: u8 = 30;

/// bmFormatString: sizes in bytes, the PIN 0 bytes behind Lc, left-justified, ASCII.
const FORMAT: u8 = 0x82;
/// The PIN's length is at no place in the command.
const NO_LENGTH_FIELD: u8 = 0x00;
/// Only the Enter key ends the entry: the customer may correct the last digit.
const ENTER_KEY: u8 = 0x02;
/// bNumberMessage: none, or the reader's own.
const NO_MESSAGE: u8 = 0x00;
const MESSAGE_OF_THE_READER: u8 = 0xFF;
/// wLangId of Japanese.
const JAPANESE: u16 = 0x0411;

/// A pad that can verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pad {
    code: u32,
    /// It can show a text of its own.
    display: bool,
}

impl Pad {
    /// Asks the reader what it can do. `None`: it has no pad, or none that takes a PIN of `digits`.
    pub(super) fn discover(card: &Card, digits: u8) -> Result<Option<Self>, Error> {
        let mut answer = [0; ANSWER_BYTES];
        let Some(list) = ask(card, ctl_code(GET_FEATURE_REQUEST.into()), &mut answer)? else {
            return Ok(None);
        };
        let Some(code) = feature(list, FEATURE_VERIFY_PIN_DIRECT) else { return Ok(None) };
        let (pin_properties, tlv_properties) =
            (feature(list, FEATURE_IFD_PIN_PROPERTIES), feature(list, FEATURE_GET_TLV_PROPERTIES));

        let mut display = false;
        if let Some(code) = pin_properties {
            let mut answer = [0; ANSWER_BYTES];
            display = ask(card, code.into(), &mut answer)?.is_some_and(has_display);
        }
        if let Some(code) = tlv_properties {
            let mut answer = [0; ANSWER_BYTES];
            if ask(card, code.into(), &mut answer)?.is_some_and(|properties| !takes(properties, digits)) {
                return Ok(None);
            }
        }
        Ok(Some(Self { code, display }))
    }

    /// Lets the customer type and the card decide. Blocks as long as the reader likes.
    pub(super) fn verify(self, card: &Card, order: &[u8]) -> Result<Option<StatusWord>, Error> {
        let mut answer = [0; ANSWER_BYTES];
        card.control(self.code.into(), order, &mut answer).map(status_word)
    }

    /// PIN_VERIFY_STRUCTURE (part 10, 2.5.2), packed, little-endian.
    pub(super) fn order(self, template: &PadTemplate, limits: PadLimits<'_>) -> Vec<u8> {
        let digits = template.digits();
        let seconds = |wanted: u8| wanted.clamp(1, READER_S_MAX);
        let (message, language) =
            if self.display { (MESSAGE_OF_THE_READER, JAPANESE) } else { (NO_MESSAGE, 0) };
        let apdu = template.apdu();
        let mut order = vec![
            seconds(limits.first_key_s),
            seconds(limits.next_key_s),
            FORMAT,
            // No length in bits, and a block of exactly the digits.
            digits & 0x0F,
            NO_LENGTH_FIELD,
            // wPINMaxExtraDigit: most, then fewest.
            digits,
            digits,
            ENTER_KEY,
            message,
        ];
        order.extend(language.to_le_bytes());
        // bMsgIndex, then bTeoPrologue of T=1, which the driver fills in.
        order.extend([0x00, 0x00, 0x00, 0x00]);
        order.extend(u32::try_from(apdu.len()).unwrap_or(0).to_le_bytes());
        order.extend(apdu);
        order
    }
}

/// One question to the reader; `None` when it, or its driver, does not know such questions.
fn ask<'a>(
    card: &Card,
    code: pcsc::ffi::DWORD,
    answer: &'a mut [u8; ANSWER_BYTES],
) -> Result<Option<&'a [u8]>, Error> {
    match card.control(code, &[], answer) {
        Ok(answer) => Ok(Some(answer)),
        // What drivers answer to a code that they do not know; older ones of pcsc-lite the second.
        Err(Error::UnsupportedFeature | Error::NotTransacted | Error::InvalidParameter) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The control code of a feature: tag, length 4, code big-endian, again and again.
fn feature(list: &[u8], wanted: u8) -> Option<u32> {
    tlv(list).find_map(|(tag, value)| match value.try_into() {
        Ok(code) if tag == wanted => Some(u32::from_be_bytes(code)),
        _ => None,
    })
}

/// Tag, length, value, as far as they are whole.
fn tlv(mut list: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let [tag, length, rest @ ..] = list else { return None };
        let (value, rest) = rest.split_at_checked(usize::from(*length))?;
        list = rest;
        Some((*tag, value))
    })
}

/// PIN_PROPERTIES_STRUCTURE: wLcdLayout is not zero.
fn has_display(properties: &[u8]) -> bool {
    matches!(properties, [low, high, _, _] if (*low, *high) != (0, 0))
}

/// Whether the reader takes a PIN of `digits`; a reader that does not say takes what it is told to.
fn takes(properties: &[u8], digits: u8) -> bool {
    tlv(properties).all(|property| match property {
        (MIN_PIN_SIZE, [least]) => *least <= digits,
        (MAX_PIN_SIZE, [most]) => digits <= *most,
        _ => true,
    })
}

/// Exactly SW1 SW2.
fn status_word(answer: &[u8]) -> Option<StatusWord> {
    answer.try_into().ok().map(|bytes| StatusWord(u16::from_be_bytes(bytes)))
}

#[cfg(test)]
mod unit_tests {
    use super::*;
    use jpki::{Card, Channel, ChannelError, Command, Response};
    use proptest::prelude::*;

    const LIMITS: PadLimits<'_> =
        PadLimits { first_key_s: 30, next_key_s: 30, whole_ms_max: 60_000, cancel: None };

    /// What jpki hands to a reader after the query was answered so.
    fn template(query: [u8; 2]) -> PadTemplate {
        struct Reader([u8; 2], Option<PadTemplate>);
        impl Channel for Reader {
            fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
                let header = command.header();
                let answer = match (header.ins, header.p2) {
                    (0x20, 0x98) => self.0,
                    (0x20, _) => [0x63, 0xC3],
                    _ => [0x90, 0x00],
                };
                Ok(Response::parse(&answer).unwrap())
            }
            fn verify_on_pad(
                &mut self,
                template: &PadTemplate,
                _limits: PadLimits<'_>,
            ) -> Result<StatusWord, ChannelError> {
                self.1 = Some(template.clone());
                Ok(StatusWord(0x6401))
            }
        }
        let mut reader = Reader(query, None);
        let mut card = Card::select(&mut reader).unwrap();
        card.tries_left().unwrap();
        assert!(card.verify_on_pad(LIMITS).is_ok());
        reader.1.unwrap()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_structure_is_the_one_of_part_10() {
        let pad = Pad { code: 1, display: false };
        assert_eq!(
            hex(&pad.order(&template([0x6A, 0x86]), LIMITS)),
            "1E 1E 82 04 00 04 04 02 00 00 00 00 00 00 00 09 00 00 00 00 20 00 80 04 FF FF FF FF"
        );
        let with_display = Pad { code: 1, display: true };
        let hasty = PadLimits { first_key_s: 0, next_key_s: 255, ..LIMITS };
        assert_eq!(
            hex(&with_display.order(&template([0x63, 0xC3]), hasty)),
            "01 1E 82 04 00 04 04 02 FF 11 04 00 00 00 00 09 00 00 00 00 20 00 98 04 FF FF FF FF"
        );
    }

    #[test]
    fn features_and_properties_are_found() {
        let list = [0x06, 4, 0x42, 0x33, 0x00, 0x06, 0x0A, 4, 0x42, 0x33, 0x00, 0x0A];
        assert_eq!(feature(&list, FEATURE_VERIFY_PIN_DIRECT), Some(0x4233_0006));
        assert_eq!(feature(&list, FEATURE_IFD_PIN_PROPERTIES), Some(0x4233_000A));
        assert_eq!(feature(&list, FEATURE_GET_TLV_PROPERTIES), None);
        // Cut off, of another length, empty: no feature.
        for broken in [&list[..5], &[0x06, 2, 0x42, 0x33], &[0x06], &[]] {
            assert_eq!(feature(broken, FEATURE_VERIFY_PIN_DIRECT), None, "{broken:02X?}");
        }
        assert!(has_display(&[0x10, 0x02, 0x02, 0x00]));
        assert!(!has_display(&[0x00, 0x00, 0x02, 0x00]) && !has_display(&[0x10]));

        let properties = [1, 2, 0, 0, 2, 1, 2, 3, 1, 0, 6, 1, 4, 7, 1, 0x10, 0x0A, 4, 0, 0, 0, 0];
        assert!(takes(&properties, 4) && takes(&[], 4) && takes(&[6, 1], 4));
        assert!(!takes(&properties, 3) && !takes(&properties, 17));
        assert!(!takes(&[6, 1, 5], 4) && !takes(&[7, 1, 3], 4));
        assert_eq!(status_word(&[0x63, 0xC2]), Some(StatusWord(0x63C2)));
        assert_eq!(status_word(&[0x90]).or(status_word(&[0x90, 0, 0])), None);
    }

    proptest! {
        #[test]
        fn anything_that_a_reader_says_of_itself_is_taken_or_not(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for tag in 0..=255 {
                let _code = feature(&bytes, tag);
            }
            let _takes = (takes(&bytes, 4), has_display(&bytes), status_word(&bytes));
            prop_assert!(tlv(&bytes).count() <= bytes.len() / 2);
        }
    }
}
