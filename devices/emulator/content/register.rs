//! 住基AP and 共通カードAP: the resident register's file and the card's own number.

use super::{EXPIRY, IssuedPin, MUNICIPALITY};
use crate::card::file::{Application, Content, Directory, File, KeyName, PinFormat, ReadRule};

const PIN: u16 = 0x001C;
const SERIAL: &str = "000000020500003";

pub(super) fn juki() -> Directory {
    let files = vec![
        // The resident record code is a secret of its own: filler.
        File::with_pin(0x0002, b"00000000000".to_vec(), &[PIN]),
        File::pin(PIN, PinFormat::Digits(4)),
    ];
    Directory { application: Application::Juki, files, default_key: None }
}

pub(super) fn common() -> Directory {
    let record =
        [[0x01, 0x1C].as_slice(), SERIAL.as_bytes(), MUNICIPALITY.as_bytes(), EXPIRY.as_bytes()].concat();
    let files = vec![
        File { id: 0x0001, content: Content::Records { records: vec![record], read: ReadRule::Free } },
        File { id: 0x0019, content: Content::AuthenticationKey { key: KeyName::Common } },
        File::pin(PIN, PinFormat::Digits(4)),
    ];
    Directory { application: Application::Common, files, default_key: None }
}

/// The number of tries of these PINs is not published: three are assumed.
pub(super) fn pins() -> Vec<IssuedPin> {
    vec![
        IssuedPin::new(Application::Juki, PIN, "3456", 3),
        IssuedPin::new(Application::Common, PIN, "4567", 3),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_a_simple_tlv_of_28_digits() {
        let common = common();
        let Content::Records { records, .. } = &common.files[0].content else { panic!("not records") };
        assert_eq!(records[0].len(), 30);
        assert_eq!(records[0][..2], [0x01, 0x1C]);
        assert!(records[0][2..].iter().all(u8::is_ascii_digit));
    }
}
