//! What GET DATA finds while no application is selected, and the one file that can be selected there.
//!
//! Tags and forms are those of a surveyed card; the values are synthetic. Whether an answer repeats the tag is not
//! published except where the tag is part of the object: assumed.

use super::{EXPIRY, MUNICIPALITY, card_verifiable_certificate, tlv};
use crate::card::file::{Content, File};

/// 1.2.840.114283: GlobalPlatform; DER content of the object identifier 1.2.840.114283.1.
const GLOBAL_PLATFORM_RECOGNITION: [u8; 7] = [0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x01];

pub(super) fn files() -> Vec<File> {
    vec![File { id: 0x001E, content: Content::OtherKey }]
}

pub(super) fn objects(atr: &[u8]) -> Vec<(u16, Vec<u8>)> {
    vec![
        (0x0042, vec![0x00; 16]),
        (0x0045, b"JPTESTCARD000001".to_vec()),
        (0x0066, tlv(0x66, &tlv(0x73, &tlv(0x06, &GLOBAL_PLATFORM_RECOGNITION)))),
        (0x00F0, MUNICIPALITY.as_bytes().to_vec()),
        (0x00F2, EXPIRY.as_bytes().to_vec()),
        (0x00F7, vec![0x00; 16]),
        (0x00F8, card_verifiable_certificate()),
        (0x7F21, card_verifiable_certificate()),
        // The ATR without its first byte, TS.
        (0x5F51, atr.get(1..).unwrap_or_default().to_vec()),
    ]
}
