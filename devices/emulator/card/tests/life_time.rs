//! How long a verified PIN stays verified.

use super::*;

fn verified() -> Card {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), (VERIFY_1234, 0x9000), (SIGN, 0x9000)]);
    card
}

#[test]
fn one_verify_is_good_for_many_signatures() {
    expect(&mut verified(), &[(SIGN, 0x9000), (SIGN, 0x9000)]);
}

#[test]
fn selecting_the_same_application_keeps_it() {
    expect(&mut verified(), &[(SELECT_JPKI, 0x9000), (SIGN, 0x9000)]);
}

#[test]
fn selecting_another_application_or_the_issuer_security_domain_clears_it() {
    for other in [SELECT_TEXT, SELECT_SURFACE, SELECT_JUKI, SELECT_COMMON, SELECT_ISD] {
        expect(&mut verified(), &[(other, 0x9000), (SELECT_JPKI, 0x9000), (SIGN, 0x6982)]);
    }
}

#[test]
fn an_unsuccessful_select_keeps_it() {
    expect(&mut verified(), &[("00A4040C07A0000003080000", 0x6A82), (SIGN, 0x9000)]);
}

#[test]
fn warm_reset_keeps_it() {
    let mut card = verified();
    card.reset();
    expect(&mut card, &[(SIGN, 0x6A88), (SELECT_JPKI, 0x9000), (SIGN, 0x9000)]);
    card.reset();
    expect(&mut card, &[(SELECT_ISD, 0x9000), (SELECT_JPKI, 0x9000), (SIGN, 0x6982)]);
}

#[test]
fn power_off_clears_it() {
    let mut card = verified();
    card.power_off();
    assert!(card.process(&[0, 0xA4, 0, 0]).is_empty());
    card.power_on();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), (SIGN, 0x6982)]);
}

#[test]
fn both_pins_can_be_verified_at_once_and_are_independent() {
    let mut card = verified();
    expect(&mut card, &[("802A009A0101 00", 0x6982), (VERIFY_PASSWORD, 0x9000), ("802A009A0101 00", 0x9000)]);
    expect(&mut card, &[(VERIFY_9999, 0x63C2), (SIGN, 0x6982), ("802A009A0101 00", 0x9000)]);
}

#[test]
fn the_first_command_after_power_on_may_fail() {
    let mut card = card();
    card.set_switches(Switches { first_command_fails: true, ..card.switches() });
    expect(&mut card, &[(SELECT_JPKI, 0x6F00), (SELECT_JPKI, 0x9000)]);
    card.reset();
    expect(&mut card, &[(SELECT_JPKI, 0x9000)]);
    card.power_off();
    card.power_on();
    expect(&mut card, &[(SELECT_JPKI, 0x6F00)]);
}

#[test]
fn torn_from_the_reader_in_verify_costs_a_try_even_with_the_right_pin() {
    let mut card = card();
    expect(&mut card, &[(SELECT_JPKI, 0x9000)]);
    card.process_torn(&hex::decode(VERIFY_1234).unwrap());
    card.power_on();
    expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00200098", 0x63C2), (SIGN, 0x6982)]);
}
