//! 券面事項確認AP and 券面事項入力補助AP: what is printed on the card, as images and as text.
//!
//! Shapes (tags, sizes, which PIN opens what) are those of published copies; signatures and images are filler. The
//! read rules of the surface application's files 0001, 0002, 0005 and 0006 are not published in detail: assumed.

use super::{BIRTH, BIRTH_ERA, CODE_B, IssuedPin, NUMBER, card_verifiable_certificate, tlv};
use crate::card::file::{Application, Content, Directory, File, KeyName, PinFormat};

const NAME: &str = "試験　花子";
const ADDRESS: &str = "東京都千代田区試験町一丁目２番３号";
const SEX_FEMALE: &str = "2";

// Files of the text application.
const PIN: u16 = 0x0011;
const PIN_BLOCKED: u16 = 0x0012;
const CODE_A_FILE: u16 = 0x0014;
const CODE_B_FILE: u16 = 0x0015;

// Files of the surface application.
const BIRTH_FILE: u16 = 0x0011;
const SURFACE_B: u16 = 0x0012;
const SURFACE_A: u16 = 0x0013;

const KEY: u16 = 0x0016;

pub(super) fn text() -> Directory {
    let number = [[0xFF, 0x10, 0x0C].as_slice(), NUMBER.as_bytes(), &[0xFF, 0xFF]].concat();
    let files = vec![
        File::with_pin(0x0001, number.clone(), &[PIN, CODE_A_FILE]),
        File::with_pin(0x0002, attributes(), &[PIN, CODE_B_FILE]),
        File::with_pin(0x0003, integrity(&number, &attributes()), &[PIN, CODE_A_FILE, CODE_B_FILE]),
        File::free(0x0004, card_verifiable_certificate()),
        File::free(0x0005, basic_data(0xFF40)),
        File::with_pin(0x0006, vec![0xFF; 256], &[PIN, CODE_A_FILE, CODE_B_FILE]),
        File::with_pin(0x0007, basic_data(0xFF50), &[PIN, CODE_A_FILE, CODE_B_FILE]),
        File::free(0x0008, vec![0xFF; 16]),
        File::pin(PIN, PinFormat::Digits(4)),
        File::pin(PIN_BLOCKED, PinFormat::Digits(4)),
        File::pin(CODE_A_FILE, PinFormat::Digits(12)),
        File::pin(CODE_B_FILE, PinFormat::Digits(14)),
        default_key(PIN),
    ];
    Directory { application: Application::Text, files, default_key: Some(KEY) }
}

pub(super) fn surface() -> Directory {
    let files = vec![
        File::with_pin(0x0001, tlv(0xFF10, BIRTH_ERA.as_bytes()), &[BIRTH_FILE, SURFACE_A, SURFACE_B]),
        File::with_pin(0x0002, tlv(0xFF20, &[0x00; 1024]), &[SURFACE_A, SURFACE_B]),
        File::free(0x0003, basic_data(0xFF40)),
        File::free(0x0004, card_verifiable_certificate()),
        File::with_pin(0x0005, tlv(0xFF10, &[0x00; 512]), &[SURFACE_A]),
        File::with_pin(0x0006, vec![0xFF; 256], &[SURFACE_A, SURFACE_B]),
        File::pin(BIRTH_FILE, PinFormat::Digits(6)),
        File::pin(SURFACE_B, PinFormat::Digits(14)),
        File::pin(SURFACE_A, PinFormat::Digits(12)),
        default_key(SURFACE_B),
    ];
    Directory { application: Application::Surface, files, default_key: Some(KEY) }
}

/// Ten tries are published for 照合番号B; assumed for the others that are printed on the card.
pub(super) fn pins() -> Vec<IssuedPin> {
    let mut blocked = IssuedPin::new(Application::Text, PIN_BLOCKED, "0000", 3);
    blocked.tries_left = 0;
    vec![
        IssuedPin::new(Application::Text, PIN, "2345", 3),
        blocked,
        IssuedPin::new(Application::Text, CODE_A_FILE, NUMBER, 10),
        IssuedPin::new(Application::Text, CODE_B_FILE, CODE_B, 10),
        IssuedPin::new(Application::Surface, BIRTH_FILE, BIRTH_ERA, 10),
        IssuedPin::new(Application::Surface, SURFACE_B, CODE_B, 10),
        IssuedPin::new(Application::Surface, SURFACE_A, NUMBER, 10),
    ]
}

/// P2 = 00 of COMPUTE DIGITAL SIGNATURE names a default key here. Which file it lies in and which right it needs is
/// not published: assumed.
fn default_key(pin: u16) -> File {
    File { id: KEY, content: Content::SigningKey { key: KeyName::Common, pin } }
}

/// FF20: name, address, birth, sex in UTF-8, after four 16-bit offsets (assumed: of their tags, from the start).
fn attributes() -> Vec<u8> {
    let fields = [
        tlv(0xDF22, NAME.as_bytes()),
        tlv(0xDF23, ADDRESS.as_bytes()),
        tlv(0xDF24, BIRTH.as_bytes()),
        tlv(0xDF25, SEX_FEMALE.as_bytes()),
    ];
    let body = fields.concat();
    // DF21, its length and its eight bytes; before that FF20 and the length of everything.
    let offsets_bytes = 3 + 8;
    let total = offsets_bytes + body.len();
    let mut offset = tlv(0xFF20, &vec![0; total]).len() - total + offsets_bytes;
    let mut offsets = Vec::new();
    for field in &fields {
        offsets.extend(u16::try_from(offset).unwrap_or(u16::MAX).to_be_bytes());
        offset += field.len();
    }
    tlv(0xFF20, &[tlv(0xDF21, &offsets), body].concat())
}

/// FF30: SHA-256 of the two data files and a signature (filler).
fn integrity(number: &[u8], attributes: &[u8]) -> Vec<u8> {
    let hashes = [number, attributes].map(crate::crypto::sha256);
    tlv(0xFF30, &[tlv(0xDF31, &hashes[0]), tlv(0xDF32, &hashes[1]), tlv(0xDF33, &[0xFF; 256])].concat())
}

/// FF40 or FF50: version, key identifier, signature (filler).
fn basic_data(tag: u16) -> Vec<u8> {
    tlv(
        tag,
        &[tlv(0xDF41, &[0x01, 0x03, 0x0E, 0x01]), tlv(0xDF42, &[0x00; 16]), tlv(0xDF43, &[0xFF; 256])]
            .concat(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_sizes_of_published_copies() {
        let number = [[0xFF, 0x10, 0x0C].as_slice(), NUMBER.as_bytes(), &[0xFF, 0xFF]].concat();
        assert_eq!(number.len(), 17);
        assert_eq!(integrity(&number, &attributes()).len(), 336);
    }

    #[test]
    fn the_offsets_point_at_the_attributes() {
        let file = attributes();
        let start = file.windows(2).position(|two| two == [0xDF, 0x21]).unwrap() + 3;
        for (index, tag) in [0x22, 0x23, 0x24, 0x25].into_iter().enumerate() {
            let at = start + 2 * index;
            let offset = usize::from(u16::from_be_bytes([file[at], file[at + 1]]));
            assert_eq!(file[offset..offset + 2], [0xDF, tag]);
        }
    }
}
