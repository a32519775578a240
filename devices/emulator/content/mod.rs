//! What is on the card: the files of each application, the objects at card level, the PINs.
//!
//! Everything but keys and certificates is synthetic and the same on every card; no value is a real person's.

mod card_level;
mod jpki;
mod printed;
mod register;

use crate::card::file::{Application, Directory};
use crate::crypto::PrivateKey;
use crate::persona::{Kind, Persona};
use crate::state::pins::{Pin, PinName};

/// The holder's made-up personal number (12 digits), which is also 照合番号A.
const NUMBER: &str = "123456789018";
/// 照合番号B: era year, month and day of birth; year of expiry; security code.
const CODE_B: &str = "02010120301234";
/// Era year, month and day of birth (the second year of Heisei, 1 January).
const BIRTH_ERA: &str = "020101";
const BIRTH: &str = "19900101";
const EXPIRY: &str = "20300101";
/// Municipality code (Chiyoda, Tokyo).
const MUNICIPALITY: &str = "13101";

/// The card's own keys and certificates (DER).
pub(crate) struct Material {
    pub(crate) authentication_certificate: Vec<u8>,
    pub(crate) authentication_issuer: Vec<u8>,
    pub(crate) authentication_key: PrivateKey,
    pub(crate) signature_certificate: Vec<u8>,
    pub(crate) signature_issuer: Vec<u8>,
    pub(crate) signature_key: PrivateKey,
    pub(crate) common_key: PrivateKey,
}

/// The applications that `persona`'s card has, with their files.
pub(crate) fn directories(persona: &Persona, material: Option<&Material>) -> Vec<Directory> {
    let card_level =
        Directory { application: Application::CardLevel, files: card_level::files(), default_key: None };
    match (persona.kind, material) {
        (Kind::OtherCard | Kind::Mute, _) | (_, None) => Vec::new(),
        (Kind::Phone, Some(material)) => vec![card_level, jpki::directory(persona, material)],
        (Kind::MyNumberCard, Some(material)) => vec![
            card_level,
            jpki::directory(persona, material),
            printed::surface(),
            printed::text(),
            register::juki(),
            register::common(),
        ],
    }
}

/// The objects that GET DATA finds at card level.
pub(crate) fn data_objects(persona: &Persona) -> Vec<(u16, Vec<u8>)> {
    match persona.kind {
        Kind::MyNumberCard => card_level::objects(&persona.atr.0),
        Kind::Phone | Kind::OtherCard | Kind::Mute => Vec::new(),
    }
}

/// The PINs as the card is issued.
pub(crate) fn initial_pins(persona: &Persona) -> Vec<(PinName, Pin)> {
    let pins = match persona.kind {
        Kind::OtherCard | Kind::Mute => Vec::new(),
        Kind::Phone => jpki::pins(persona),
        Kind::MyNumberCard => {
            let mut pins = jpki::pins(persona);
            pins.extend(printed::pins());
            pins.extend(register::pins());
            pins
        }
    };
    pins.into_iter()
        .map(|pin| {
            let name = PinName { application: pin.application, file: pin.file };
            (name, Pin { value: pin.value, tries_left: pin.tries_left, tries_max: pin.tries_max })
        })
        .collect()
}

/// One PIN as issued.
struct IssuedPin {
    application: Application,
    file: u16,
    value: String,
    tries_left: u8,
    tries_max: u8,
}

impl IssuedPin {
    fn new(application: Application, file: u16, value: &str, tries_max: u8) -> Self {
        Self { application, file, value: value.to_owned(), tries_left: tries_max, tries_max }
    }
}

/// BER-TLV with a tag of one or two bytes and a length of one to three.
fn tlv(tag: u16, value: &[u8]) -> Vec<u8> {
    let [high, low] = tag.to_be_bytes();
    let mut bytes = if high == 0 { vec![low] } else { vec![high, low] };
    match (u8::try_from(value.len()), u16::try_from(value.len())) {
        (Ok(length), _) if length < 0x80 => bytes.push(length),
        (Ok(length), _) => bytes.extend([0x81, length]),
        (_, Ok(length)) => {
            bytes.push(0x82);
            bytes.extend(length.to_be_bytes());
        }
        // No file of this card is that long.
        _ => bytes.push(0),
    }
    bytes.extend_from_slice(value);
    bytes
}

/// A card-verifiable certificate in shape only: body and signature are filler.
fn card_verifiable_certificate() -> Vec<u8> {
    tlv(0x7F21, &[tlv(0x5F4E, &[0x00; 297]), tlv(0x5F37, &[0xFF; 256])].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_in_one_to_three_bytes() {
        assert_eq!(tlv(0x84, &[1, 2]), [0x84, 2, 1, 2]);
        assert_eq!(tlv(0xFF20, &[0; 0x80])[..4], [0xFF, 0x20, 0x81, 0x80]);
        assert_eq!(tlv(0x7F21, &[0; 0x233])[..5], [0x7F, 0x21, 0x82, 0x02, 0x33]);
    }

    #[test]
    fn the_card_verifiable_certificate_has_the_size_seen_on_real_cards() {
        assert_eq!(card_verifiable_certificate().len(), 568);
    }
}
