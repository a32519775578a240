//! VERIFY and the changes of PINs.

use super::*;

#[test]
fn a_query_consumes_nothing_before_and_after_success() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00200098", 0x63C3), ("0020009B", 0x63C5)]);
    expect(&mut card, &[("00200098", 0x63C3), (VERIFY_1234, 0x9000), ("00200098", 0x63C3)]);
    expect(&mut card, &[("00A4020C020018", 0x9000), ("00200080", 0x63C3)]);
}

#[test]
fn wrong_pins_count_down_to_63c0_and_then_6984() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), (VERIFY_9999, 0x63C2), (VERIFY_9999, 0x63C1)]);
    expect(&mut card, &[(VERIFY_9999, 0x63C0), (VERIFY_9999, 0x6984), (VERIFY_1234, 0x6984)]);
    expect(&mut card, &[("00200098", 0x63C0), (VERIFY_PASSWORD, 0x9000)]);
}

#[test]
fn success_gives_all_tries_back() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), (VERIFY_9999, 0x63C2), (VERIFY_1234, 0x9000)]);
    expect(&mut card, &[("00200098", 0x63C3)]);
}

#[test]
fn a_pin_of_another_length_is_a_mismatch_and_no_pin_is_longer_than_16() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00200098053132333435", 0x63C2), ("002000980131", 0x63C1)]);
    expect(&mut card, &[("0020009811 3132333435363738393031323334353637", 0x6700), ("00200098", 0x63C1)]);
}

#[test]
fn the_password_is_compared_byte_by_byte() {
    let mut card = card();
    expect(
        &mut card,
        &[(SELECT_JPKI, 0x9000), ("0020009B06616263313233", 0x63C4), (VERIFY_PASSWORD, 0x9000)],
    );
}

#[test]
fn what_is_no_pin_is_not_verified() {
    let mut card = card();
    expect(
        &mut card,
        &[(SELECT_JPKI, 0x9000), ("00200080", 0x6986), ("00200097", 0x6985), ("0020009D", 0x6A88)],
    );
    expect(
        &mut card,
        &[("0020008A", 0x6981), ("00200000", 0x6A86), (SELECT_ISD, 0x9000), ("00200098", 0x6A88)],
    );
}

#[test]
fn personas_arrive_with_their_counters() {
    let mut card = card_of("one-try-left");
    expect(
        &mut card,
        &[(SELECT_JPKI, 0x9000), ("00200098", 0x63C1), (VERIFY_9999, 0x63C0), (VERIFY_1234, 0x6984)],
    );
    expect(&mut card_of("pin-locked"), &[(SELECT_JPKI, 0x9000), ("00200098", 0x63C0), (VERIFY_1234, 0x6984)]);
    expect(&mut card_of("no-pin"), &[(SELECT_JPKI, 0x9000), ("00200098", 0x63C0), (VERIFY_1234, 0x6984)]);
}

#[test]
fn a_pin_changes_after_it_was_verified_and_only_in_its_form() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00A4020C020018", 0x9000), ("002401800435363738", 0x6982)]);
    expect(&mut card, &[("002000800431323334", 0x9000), ("0024018005 3536373839", 0x6700)]);
    expect(&mut card, &[("002401800435363741", 0x6985), ("002401800435363738", 0x9000)]);
    expect(
        &mut card,
        &[(VERIFY_1234, 0x63C2), ("002000980435363738", 0x9000), ("803200800435363738", 0x6D00)],
    );
}

#[test]
fn the_other_applications_have_pins_that_work() {
    let mut card = card();
    expect(&mut card, &[(SELECT_TEXT, 0x9000), ("00B0810011", 0x6982), ("002000910432333435", 0x9000)]);
    assert_eq!(send(&mut card, "00B0810011").0[..3], [0xFF, 0x10, 0x0C]);
    expect(&mut card, &[("00200092", 0x63C0), ("002000920430303030", 0x6984)]);
    let code_b = "0020 0095 0E 3032303130313230333031323334";
    expect(&mut card, &[(SELECT_TEXT, 0x9000), (SELECT_JUKI, 0x9000), (SELECT_TEXT, 0x9000)]);
    expect(
        &mut card,
        &[("00B0820001", 0x6982), (code_b, 0x9000), ("00B0820001", 0x9000), ("00B0810001", 0x6982)],
    );
    expect(&mut card, &[(SELECT_JUKI, 0x9000), ("00B0820001", 0x6982), ("0020009C0433343536", 0x9000)]);
    expect(&mut card, &[("00B0820001", 0x9000), ("803200800439393939", 0x6981)]);
    expect(&mut card, &[("00A4020C02001C", 0x9000), ("803200800439393939", 0x9000)]);
    expect(&mut card, &[(SELECT_COMMON, 0x9000), ("0020009C0434353637", 0x9000)]);
    expect(
        &mut card,
        &[(SELECT_SURFACE, 0x9000), ("00B0810001", 0x6982), ("0020009106303230313031", 0x9000)],
    );
    expect(&mut card, &[("00B0810001", 0x9000), ("00B0850001", 0x6982)]);
}
