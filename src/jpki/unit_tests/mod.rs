//! Tests of the whole dialogue over scripted channels.

mod dialogue;
mod outside_bytes;
mod pad;
mod parts;
mod secrets;

use crate::pin::PinSlot;

pub(crate) const SELECT_JPKI: &str = "00A4040C 0A D392F000260100000001";

pub(crate) fn slot_with(pin: &str) -> PinSlot {
    let mut slot = PinSlot::new();
    for key in pin.bytes() {
        slot.push_digit(key);
    }
    slot
}

/// 160 bytes with the label and model given.
pub(crate) fn token_file(label: &str) -> Vec<u8> {
    let mut file = format!("{label:<32}{:0>32}{:<16}{:0>16}", 1, "E16R01NJ", 20_500_003).into_bytes();
    file.resize(160, 0);
    file
}

/// A DER SEQUENCE of this many bytes in all, which must be more than 259.
pub(crate) fn certificate_of(bytes: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(bytes - 4).unwrap().to_be_bytes();
    let mut certificate = vec![0x30, 0x82, high, low];
    certificate.extend((0..bytes - 4).map(|place| (place % 251) as u8));
    certificate
}

pub(crate) fn done(mut data: Vec<u8>) -> Vec<u8> {
    data.extend([0x90, 0x00]);
    data
}
