//! The commands of this card: bytes become one `Command`, and only then is anything executed.
//!
//! Invariant: whatever CLA, INS, P1, P2 and the presence of Lc and Le can decide is decided here, without the
//! card's state. What depends on the state (rights, files, the current application) is decided when executing.

use super::apdu::Apdu;
use super::status::Status;

/// How a command names a file or key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    /// The current elementary file.
    Current,
    /// By short EF identifier, 1..=30.
    Short(u8),
    /// The application's default key (COMPUTE DIGITAL SIGNATURE with P2 = 00).
    Default,
}

/// What SELECT by name shall answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SelectAnswer {
    Nothing,
    FileControlInformation,
}

/// COMPUTE DIGITAL SIGNATURE, P1: who hashes, who wraps, which padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// 00: pads the given 1..=245 bytes as they are (PKCS #1 v1.5, block type 1).
    Verbatim,
    /// 01: SHA-256 in the card, the bare hash under PKCS #1 v1.5.
    HashBare,
    /// 02: a 32-byte hash, DigestInfo added.
    WrapHash,
    /// 03: SHA-256 in the card, DigestInfo added.
    HashAndWrap,
    /// 04: a 32-byte hash under RSASSA-PSS.
    PssOfHash,
    /// 05: SHA-256 in the card, RSASSA-PSS.
    HashAndPss,
}

/// A command this card knows, with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    SelectApplication { name: &'a [u8], answer: SelectAnswer },
    SelectFile { id: u16 },
    SelectMasterFile { named: bool },
    ReadBinary { file: Reference, offset: usize, expected: usize },
    ReadRecord { file: Reference, record: u8, expected: usize },
    Verify { pin: Reference, value: Option<&'a [u8]> },
    ChangeReferenceData { value: &'a [u8] },
    ChangeKey { value: &'a [u8] },
    GetChallenge { expected: usize, extended: bool },
    InternalAuthenticate { key: Reference, challenge: &'a [u8] },
    ComputeSignature { scheme: Scheme, key: Reference, input: &'a [u8] },
    GetData { tag: u16, expected: usize },
    SetSessionKey,
    TerminalCertificate,
    EndOfSession,
    Personalisation,
    SecureMessaging,
}

impl<'a> Command<'a> {
    /// Gives `apdu` its meaning, or says why it has none.
    pub(crate) fn from_apdu(apdu: &Apdu<'a>) -> Result<Self, Status> {
        match apdu.cla {
            0x00 => Self::interindustry(apdu),
            0x80 => Self::proprietary(apdu),
            // Bits 4 and 3: secure messaging; bits 2 and 1: logical channel (ISO/IEC 7816-4, 5.4.1).
            0x01..=0x0F | 0x81..=0x8F => {
                if apdu.cla & 0x03 == 0 {
                    Ok(Self::SecureMessaging)
                } else {
                    Err(Status::LOGICAL_CHANNEL)
                }
            }
            // The further interindustry classes carry the channels 4 to 19.
            0x40..=0x7F => Err(Status::LOGICAL_CHANNEL),
            _ => Err(Status::CLASS),
        }
    }

    fn interindustry(apdu: &Apdu<'a>) -> Result<Self, Status> {
        match apdu.ins {
            0x20 => Self::verify(apdu),
            0x24 => {
                parameters(apdu, 0x01, 0x80)?;
                Ok(Self::ChangeReferenceData { value: required(apdu.data)? })
            }
            0x84 => {
                parameters(apdu, 0x00, 0x00)?;
                no_data(apdu)?;
                Ok(Self::GetChallenge { expected: expected(apdu)?, extended: apdu.extended })
            }
            0x88 => Self::internal_authenticate(apdu),
            0xA4 => Self::select(apdu),
            0xB0 => Self::read_binary(apdu),
            0xB2 => Self::read_record(apdu),
            0xCA => {
                no_data(apdu)?;
                Ok(Self::GetData { tag: u16::from_be_bytes([apdu.p1, apdu.p2]), expected: expected(apdu)? })
            }
            _ => Err(Status::INSTRUCTION),
        }
    }

    fn proprietary(apdu: &Apdu<'a>) -> Result<Self, Status> {
        match apdu.ins {
            0x2A => Self::compute_signature(apdu),
            0x32 => {
                parameters(apdu, 0x00, 0x80)?;
                Ok(Self::ChangeKey { value: required(apdu.data)? })
            }
            0x8A => Ok(Self::Personalisation),
            0xA2 => match (apdu.p1, apdu.p2) {
                (0x00, 0xC1) => Ok(Self::TerminalCertificate),
                _ => Err(Status::WRONG_P1_P2),
            },
            0xAE => Ok(Self::SetSessionKey),
            0xFC => Ok(Self::EndOfSession),
            _ => Err(Status::INSTRUCTION),
        }
    }

    fn select(apdu: &Apdu<'a>) -> Result<Self, Status> {
        match (apdu.p1, apdu.p2) {
            (0x04, 0x00) => {
                Ok(Self::SelectApplication { name: apdu.data, answer: SelectAnswer::FileControlInformation })
            }
            (0x04, 0x0C) => Ok(Self::SelectApplication { name: apdu.data, answer: SelectAnswer::Nothing }),
            (0x02, 0x0C) => match apdu.data {
                [hi, lo] => Ok(Self::SelectFile { id: u16::from_be_bytes([*hi, *lo]) }),
                _ => Err(Status::WRONG_LENGTH),
            },
            (0x00, 0x00 | 0x0C) => Ok(Self::SelectMasterFile { named: !apdu.data.is_empty() }),
            _ => Err(Status::WRONG_P1_P2),
        }
    }

    fn read_binary(apdu: &Apdu<'a>) -> Result<Self, Status> {
        let (file, offset) = if apdu.p1 & 0x80 == 0 {
            (Reference::Current, u16::from_be_bytes([apdu.p1, apdu.p2]))
        } else {
            (short_reference(apdu.p1)?, u16::from(apdu.p2))
        };
        no_data(apdu)?;
        Ok(Self::ReadBinary { file, offset: usize::from(offset), expected: expected(apdu)? })
    }

    fn read_record(apdu: &Apdu<'a>) -> Result<Self, Status> {
        // P2: bits 8..4 short EF identifier or 0, bits 3..1 = 100 "the record numbered P1".
        if apdu.p2 & 0x07 != 0x04 {
            return Err(Status::NOT_SUPPORTED);
        }
        let file = match apdu.p2 >> 3 {
            0 => Reference::Current,
            31 => return Err(Status::WRONG_P1_P2),
            short => Reference::Short(short),
        };
        no_data(apdu)?;
        Ok(Self::ReadRecord { file, record: apdu.p1, expected: expected(apdu)? })
    }

    fn verify(apdu: &Apdu<'a>) -> Result<Self, Status> {
        let pin = key_reference(apdu.p2)?;
        if apdu.p1 != 0 {
            return Err(Status::WRONG_P1_P2);
        }
        match (apdu.data, apdu.expected) {
            ([], None) => Ok(Self::Verify { pin, value: None }),
            (value @ [_, ..], None) if value.len() <= 16 => Ok(Self::Verify { pin, value: Some(value) }),
            _ => Err(Status::WRONG_LENGTH),
        }
    }

    fn internal_authenticate(apdu: &Apdu<'a>) -> Result<Self, Status> {
        let key = key_reference(apdu.p2)?;
        if apdu.p1 != 0 {
            return Err(Status::WRONG_P1_P2);
        }
        let challenge = required(apdu.data)?;
        if challenge.len() > 255 || apdu.expected.is_none() {
            return Err(Status::WRONG_LENGTH);
        }
        Ok(Self::InternalAuthenticate { key, challenge })
    }

    fn compute_signature(apdu: &Apdu<'a>) -> Result<Self, Status> {
        let scheme = match apdu.p1 {
            0x00 => Scheme::Verbatim,
            0x01 => Scheme::HashBare,
            0x02 => Scheme::WrapHash,
            0x03 => Scheme::HashAndWrap,
            0x04 => Scheme::PssOfHash,
            0x05 => Scheme::HashAndPss,
            _ => return Err(Status::WRONG_P1_P2),
        };
        let key = if apdu.p2 == 0 { Reference::Default } else { key_reference(apdu.p2)? };
        let input = required(apdu.data)?;
        if apdu.expected.is_none() {
            return Err(Status::WRONG_LENGTH);
        }
        Ok(Self::ComputeSignature { scheme, key, input })
    }
}

/// 80 = the current file, 80 + n = the file with short identifier n.
fn key_reference(p2: u8) -> Result<Reference, Status> {
    match p2 {
        0x80 => Ok(Reference::Current),
        _ => short_reference(p2),
    }
}

fn short_reference(parameter: u8) -> Result<Reference, Status> {
    match parameter {
        0x81..=0x9E => Ok(Reference::Short(parameter & 0x1F)),
        _ => Err(Status::WRONG_P1_P2),
    }
}

fn parameters(apdu: &Apdu<'_>, p1: u8, p2: u8) -> Result<(), Status> {
    if (apdu.p1, apdu.p2) == (p1, p2) { Ok(()) } else { Err(Status::WRONG_P1_P2) }
}

fn required(data: &[u8]) -> Result<&[u8], Status> {
    if data.is_empty() { Err(Status::WRONG_LENGTH) } else { Ok(data) }
}

fn no_data(apdu: &Apdu<'_>) -> Result<(), Status> {
    if apdu.data.is_empty() { Ok(()) } else { Err(Status::WRONG_LENGTH) }
}

fn expected(apdu: &Apdu<'_>) -> Result<usize, Status> {
    apdu.expected.ok_or(Status::WRONG_LENGTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &[u8]) -> Result<Command<'_>, Status> {
        Command::from_apdu(&Apdu::parse(raw).unwrap())
    }

    #[test]
    fn verify_is_a_query_without_lc_and_le() {
        let query = Command::Verify { pin: Reference::Current, value: None };
        assert_eq!(parse(&[0, 0x20, 0, 0x80]), Ok(query));
        let by_short_id = Command::Verify { pin: Reference::Short(0x18), value: None };
        assert_eq!(parse(&[0, 0x20, 0, 0x98]), Ok(by_short_id));
        assert_eq!(parse(&[0, 0x20, 0, 0x80, 0]), Err(Status::WRONG_LENGTH));
        assert_eq!(parse(&[0, 0x20, 1, 0x80]), Err(Status::WRONG_P1_P2));
        assert_eq!(parse(&[0, 0x20, 0, 0x00]), Err(Status::WRONG_P1_P2));
    }

    #[test]
    fn read_binary_takes_a_15_bit_offset_or_a_short_id_with_an_8_bit_offset() {
        let far = Command::ReadBinary { file: Reference::Current, offset: 0x7FFF, expected: 256 };
        assert_eq!(parse(&[0, 0xB0, 0x7F, 0xFF, 0]), Ok(far));
        let short = Command::ReadBinary { file: Reference::Short(10), offset: 255, expected: 1 };
        assert_eq!(parse(&[0, 0xB0, 0x8A, 0xFF, 1]), Ok(short));
        for wrong in [0x80, 0x9F, 0xAA] {
            assert_eq!(parse(&[0, 0xB0, wrong, 0, 1]), Err(Status::WRONG_P1_P2));
        }
    }

    #[test]
    fn classes_channels_and_secure_messaging_are_told_apart() {
        assert_eq!(parse(&[0x01, 0xA4, 0, 0]), Err(Status::LOGICAL_CHANNEL));
        assert_eq!(parse(&[0x83, 0x2A, 0, 0]), Err(Status::LOGICAL_CHANNEL));
        assert_eq!(parse(&[0x41, 0xA4, 0, 0]), Err(Status::LOGICAL_CHANNEL));
        assert_eq!(parse(&[0x08, 0xB0, 0, 0, 0]), Ok(Command::SecureMessaging));
        assert_eq!(parse(&[0xB0, 0xB0, 0, 0, 0]), Err(Status::CLASS));
        assert_eq!(parse(&[0x00, 0xC0, 0, 0, 0]), Err(Status::INSTRUCTION));
    }

    #[test]
    fn the_signature_schemes_are_p1_00_to_05() {
        for p1 in 0..=5 {
            assert!(matches!(parse(&[0x80, 0x2A, p1, 0x80, 1, 0, 0]), Ok(Command::ComputeSignature { .. })));
        }
        assert_eq!(parse(&[0x80, 0x2A, 6, 0x80, 1, 0, 0]), Err(Status::WRONG_P1_P2));
        assert_eq!(parse(&[0x80, 0x2A, 0, 0x80, 1, 0]), Err(Status::WRONG_LENGTH));
    }
}
