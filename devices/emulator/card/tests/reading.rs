//! READ BINARY, READ RECORD, GET DATA.

use super::*;

#[test]
fn a_certificate_reads_in_chunks_by_selection_and_by_short_id() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00A4020C02000A", 0x9000)]);
    let mut whole = Vec::new();
    for chunk in 0..6 {
        whole.extend(send(&mut card, &format!("00B0{:02X}0000", chunk)).0);
    }
    let (rest, status) = send(&mut card, "00B0060000");
    assert_eq!((rest.len(), status), (1590 - 6 * 256, 0x9000), "the rest, though more was asked for");
    whole.extend(rest);
    assert_eq!(whole, certificate(1590));
    assert_eq!(send(&mut card, "00B08A0004").0, certificate(1590)[..4]);
    assert_eq!(send(&mut card, "00B08AFF02").0.len(), 2);
    // The short identifier made the file current.
    assert_eq!(send(&mut card, "00B0010000").0.len(), 256);
}

#[test]
fn beyond_the_end_is_6b00() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00A4020C020008", 0x9000)]);
    expect(&mut card, &[("00B0000000", 0x9000), ("00B0000300", 0x6B00), ("00B07FFF01", 0x6B00)]);
}

#[test]
fn without_a_current_file_it_is_6986_and_on_a_key_6981() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00B0000004", 0x6986)]);
    for key in ["0017", "0018", "001A", "001B", "0016"] {
        expect(&mut card, &[(&format!("00A4020C02{key}"), 0x9000), ("00B0000004", 0x6981)]);
    }
    expect(&mut card, &[("00A4020C021234", 0x6A82), ("00B09D0004", 0x6A82)]);
}

#[test]
fn the_signature_certificate_needs_the_password_and_the_others_nothing() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00B0810004", 0x6982), (VERIFY_1234, 0x9000)]);
    expect(&mut card, &[("00B0810004", 0x6982), (VERIFY_PASSWORD, 0x9000), ("00B0810004", 0x9000)]);
    for free in ["82", "86", "88", "8A", "8B"] {
        expect(&mut card, &[(&format!("00B0{free}0003"), 0x9000)]);
    }
    expect(&mut card, &[("00B0890001", 0x6982)]);
}

#[test]
fn token_information_and_availability() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000)]);
    assert_eq!(send(&mut card, "00B0860000").0.len(), 160);
    assert_eq!(send(&mut card, "00B0880000").0, [0x8F, 0x8F, 0x00]);
}

#[test]
fn extended_length_is_a_switch() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00B08A00000000", 0x6700)]);
    card.set_switches(Switches { extended_length: true, ..card.switches() });
    let (data, status) = send(&mut card, "00B08A00000000");
    assert_eq!((data.len(), status), (1590, 0x9000));
    expect(&mut card, &[("00840000000100", 0x6985)]);
}

#[test]
fn short_ids_are_a_switch() {
    let mut card = card_of("no-sfi");
    card.set_switches(Switches { short_ids: false, ..card.switches() });
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00B08A0004", 0x6A86), ("00200098", 0x6A86)]);
    expect(&mut card, &[("00A4020C020018", 0x9000), ("00200080", 0x63C3), ("002000800431323334", 0x9000)]);
    expect(&mut card, &[(SIGN, 0x6A86), ("00A4020C020017", 0x9000), ("802A00800101 00", 0x9000)]);
}

#[test]
fn records_and_objects_of_the_card_level() {
    let mut card = card();
    assert_eq!(send(&mut card, "00CA00F200"), (b"20300101".to_vec(), 0x9000));
    assert_eq!(send(&mut card, "00CA5F5100").0, hex::decode("E000FF8131FE4514").unwrap());
    expect(&mut card, &[("00CADF3005", 0x6A88), ("00CA7F2100", 0x6700)]);
    expect(&mut card, &[("00A4020C022F10", 0x6A82), ("00A4020C02001E", 0x9000), ("00B0000001", 0x6981)]);
    expect(&mut card, &[(SELECT_COMMON, 0x9000), ("00CA00F200", 0x6A88)]);
    let (record, status) = send(&mut card, "00B2010C00");
    assert_eq!((record.len(), status), (30, 0x9000));
    expect(&mut card, &[("00B2010400", 0x9000), ("00B2020400", 0x6A83), ("00B0000001", 0x6981)]);
}
