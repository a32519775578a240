//! 公的個人認証AP: certificates, keys and PINs.

use super::{IssuedPin, Material};
use crate::card::file::{Application, Content, Directory, File, KeyName, PinFormat};
use crate::persona::{Certificate, Persona, PinSpec, Read};

const AUTHENTICATION_PIN: u16 = 0x0018;
const SIGNATURE_PASSWORD: u16 = 0x001B;

pub(super) fn directory(persona: &Persona, material: &Material) -> Directory {
    let files = vec![
        certificate(
            0x0001,
            &material.signature_certificate,
            &persona.signature,
            persona.signature.read.unwrap_or(Read::Pin),
            SIGNATURE_PASSWORD,
        ),
        File::free(0x0002, material.signature_issuer.clone()),
        // Purpose and rights of 0005 and 0010 are unknown; that nobody may read them is assumed.
        File::locked(0x0005, Vec::new()),
        File::free(0x0006, token_information(&persona.token_label)),
        File::free(0x0008, persona.certificates_present.0.clone()),
        File::locked(0x0009, Vec::new()),
        certificate(
            0x000A,
            &material.authentication_certificate,
            &persona.authentication,
            persona.authentication.read.unwrap_or(Read::Free),
            AUTHENTICATION_PIN,
        ),
        File::free(0x000B, material.authentication_issuer.clone()),
        File::locked(0x0010, Vec::new()),
        File { id: 0x0016, content: Content::OtherKey },
        key(0x0017, KeyName::Authentication, AUTHENTICATION_PIN),
        File::pin(AUTHENTICATION_PIN, PinFormat::Digits(4)),
        // 0019, 001C and 001E are known to exist; that they are keys is assumed.
        File { id: 0x0019, content: Content::OtherKey },
        key(0x001A, KeyName::Signature, SIGNATURE_PASSWORD),
        File::pin(SIGNATURE_PASSWORD, PinFormat::Password),
        File { id: 0x001C, content: Content::OtherKey },
        File { id: 0x001E, content: Content::OtherKey },
    ];
    Directory { application: Application::Jpki, files, default_key: None }
}

pub(super) fn pins(persona: &Persona) -> Vec<IssuedPin> {
    vec![
        issued(AUTHENTICATION_PIN, &persona.authentication_pin, 3),
        issued(SIGNATURE_PASSWORD, &persona.signature_password, 5),
    ]
}

fn issued(file: u16, spec: &PinSpec, tries_max: u8) -> IssuedPin {
    let mut pin = IssuedPin::new(Application::Jpki, file, &spec.value, tries_max);
    pin.tries_left = spec.tries_left.unwrap_or(tries_max);
    pin
}

fn certificate(id: u16, der: &[u8], spec: &Certificate, read: Read, pin: u16) -> File {
    let mut bytes = der.to_vec();
    bytes.resize(der.len() + spec.filler_bytes, 0xFF);
    match read {
        Read::Free => File::free(id, bytes),
        Read::Pin => File::with_pin(id, bytes, &[pin]),
    }
}

fn key(id: u16, key: KeyName, pin: u16) -> File {
    File { id, content: Content::SigningKey { key, pin } }
}

/// EF 0006: CK_TOKEN_INFO of PKCS #11 with 32-bit big-endian numbers, 160 bytes. All but the label as on the one
/// card of which a copy is public.
fn token_information(label: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(160);
    bytes.extend(padded::<32>(label, b' '));
    bytes.extend(b"00000000000000000000000000000001");
    bytes.extend(padded::<16>("E16R01NJ", b' '));
    bytes.extend(b"0000000020500003");
    // flags: RNG, LOGIN_REQUIRED, USER_PIN_INITIALIZED, TOKEN_INITIALIZED; sessions; PIN lengths; memory.
    for number in [0x0000_040D, 1, 0, 1, 0, 16, 6, u32::MAX, u32::MAX, u32::MAX, u32::MAX] {
        bytes.extend(u32::to_be_bytes(number));
    }
    bytes.extend(b"0301");
    bytes.extend([b'9'; 16]);
    bytes
}

fn padded<const N: usize>(text: &str, pad: u8) -> [u8; N] {
    let mut field = [pad; N];
    for (slot, byte) in field.iter_mut().zip(text.bytes()) {
        *slot = byte;
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_information_has_its_160_bytes_in_place() {
        let bytes = token_information("JPKIAPICCTOKEN2");
        assert_eq!(bytes.len(), 160);
        assert_eq!(&bytes[..16], b"JPKIAPICCTOKEN2 ");
        assert_eq!(&bytes[64..72], b"E16R01NJ");
        assert_eq!(bytes[96..100], [0, 0, 4, 0x0D]);
        assert_eq!(bytes[116..124], [0, 0, 0, 16, 0, 0, 0, 6]);
        assert_eq!(&bytes[140..], b"03019999999999999999");
    }
}
