//! One test for each documented fact about the card's answers, and one that nothing makes it panic.

use std::sync::OnceLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use proptest::prelude::*;

use super::*;
use crate::crypto::PrivateKey;

const SELECT_JPKI: &str = "00A4040C0AD392F000260100000001";
const SELECT_TEXT: &str = "00A4040C0AD3921000310001010408";
const SELECT_SURFACE: &str = "00A4040C0AD3921000310001010402";
const SELECT_JUKI: &str = "00A4040C0AD3921000310001010401";
const SELECT_COMMON: &str = "00A4040C0AD3921000310001010100";
const SELECT_ISD: &str = "00A4040C07A0000001510000";
const VERIFY_1234: &str = "002000980431323334";
const VERIFY_9999: &str = "002000980439393939";
const VERIFY_PASSWORD: &str = "0020009B06414243313233";
const SIGN: &str = "802A0097020102 00";

struct Keys {
    pkcs8: Vec<u8>,
    public: Vec<u8>,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        Keys { pkcs8: pair.as_der().unwrap().as_ref().to_vec(), public: pair.public_key().as_ref().to_vec() }
    })
}

/// As large as a real one, and in the shape that matters to readers: a header that says the length.
fn certificate(bytes: usize) -> Vec<u8> {
    let length = u16::try_from(bytes - 4).unwrap().to_be_bytes();
    [&[0x30, 0x82], length.as_slice(), &vec![0x5C; bytes - 4]].concat()
}

fn material() -> Material {
    let key = || PrivateKey::from_pkcs8(&keys().pkcs8).unwrap();
    Material {
        authentication_certificate: certificate(1590),
        authentication_issuer: certificate(1333),
        authentication_key: key(),
        signature_certificate: certificate(1758),
        signature_issuer: certificate(1318),
        signature_key: key(),
        common_key: key(),
    }
}

fn card_of(persona: &str) -> Card {
    let persona = Persona::find(persona).unwrap();
    let pins = PinMemory::volatile(content::initial_pins(&persona));
    let mut card = Card::assemble(persona, Some(material()), pins);
    card.power_on();
    card
}

fn card() -> Card {
    card_of("valid")
}

/// Sends a command written in hex and gives data and status word.
fn send(card: &mut Card, command: &str) -> (Vec<u8>, u16) {
    let answer = card.process(&hex::decode(command.replace(' ', "")).unwrap());
    let (data, status) = answer.split_at(answer.len() - 2);
    (data.to_vec(), u16::from_be_bytes([status[0], status[1]]))
}

/// Sends commands and compares the status words.
fn expect(card: &mut Card, dialogue: &[(&str, u16)]) {
    for (number, (command, status)) in dialogue.iter().enumerate() {
        assert_eq!(send(card, command).1, *status, "command {number}: {command}");
    }
}

mod applications {
    use super::*;

    #[test]
    fn all_five_and_the_issuer_security_domain_are_selectable() {
        let mut card = card();
        for select in [SELECT_JPKI, SELECT_TEXT, SELECT_SURFACE, SELECT_JUKI, SELECT_COMMON, SELECT_ISD] {
            assert_eq!(send(&mut card, select), (vec![], 0x9000));
        }
    }

    #[test]
    fn an_unknown_name_is_not_found_and_a_beginning_of_one_is() {
        expect(
            &mut card(),
            &[
                ("00A4040C0AD392F000260100000002", 0x6A82),
                ("00A4040C0BD392F00026010000000100", 0x6A82),
                ("00A4040C05D392F00026", 0x9000),
            ],
        );
    }

    #[test]
    fn select_with_le_answers_file_control_information() {
        let (data, status) = send(&mut card(), "00A404000AD392F00026010000000100");
        assert_eq!(status, 0x9000);
        assert_eq!(data[..4], [0x6F, 0x0C, 0x84, 0x0A]);
    }

    #[test]
    fn the_master_file_is_refused_at_card_level_and_changes_nothing_inside() {
        let mut card = card();
        expect(&mut card, &[("00A40000", 0x6A86), (SELECT_JPKI, 0x9000), (VERIFY_1234, 0x9000)]);
        expect(&mut card, &[("00A40000", 0x9000), ("00A40000023F00", 0x6A82), (SIGN, 0x9000)]);
    }

    #[test]
    fn a_phone_has_the_jpki_application_alone() {
        let mut phone = card_of("phone");
        expect(&mut phone, &[(SELECT_JPKI, 0x9000), (SELECT_TEXT, 0x6A82), (SELECT_JPKI, 0x9000)]);
        assert_eq!(send(&mut phone, "00B0860020").0, b"JPKIAPGPSETOKEN                 ");
        expect(&mut phone, &[("00B08A0004", 0x6982), (VERIFY_1234, 0x9000), ("00B08A0004", 0x9000)]);
        expect(&mut phone, &[("80FC0000", 0x9000)]);
    }

    #[test]
    fn a_bank_card_has_none_and_a_mute_card_says_nothing() {
        expect(&mut card_of("bank-card"), &[(SELECT_JPKI, 0x6A82), (SELECT_ISD, 0x6A82)]);
        let mut mute = card_of("mute");
        assert_eq!(mute.atr(), None);
        assert!(mute.process(&hex::decode(SELECT_JPKI).unwrap()).is_empty());
    }
}

mod reading {
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
        expect(
            &mut card,
            &[("00A4020C020018", 0x9000), ("00200080", 0x63C3), ("002000800431323334", 0x9000)],
        );
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
}

mod pins {
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
        expect(
            &mut card,
            &[(SELECT_JPKI, 0x9000), ("00200098053132333435", 0x63C2), ("002000980131", 0x63C1)],
        );
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
        expect(
            &mut card_of("pin-locked"),
            &[(SELECT_JPKI, 0x9000), ("00200098", 0x63C0), (VERIFY_1234, 0x6984)],
        );
        expect(&mut card_of("no-pin"), &[(SELECT_JPKI, 0x9000), ("00200098", 0x63C0), (VERIFY_1234, 0x6984)]);
    }

    #[test]
    fn a_pin_changes_after_it_was_verified_and_only_in_its_form() {
        let mut card = card();
        expect(
            &mut card,
            &[(SELECT_JPKI, 0x9000), ("00A4020C020018", 0x9000), ("002401800435363738", 0x6982)],
        );
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
}

mod life_time {
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
        expect(
            &mut card,
            &[("802A009A0101 00", 0x6982), (VERIFY_PASSWORD, 0x9000), ("802A009A0101 00", 0x9000)],
        );
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
}

mod signing {
    use super::*;

    #[test]
    fn the_signature_over_a_digest_info_is_accepted_by_an_independent_verifier() {
        let message = b"message";
        let info = "3031300d060960864801650304020105000420".to_owned()
            + &hex::encode(crate::crypto::sha256(message));
        for (select, key) in [("00A4020C020017", "80"), ("00A4020C020006", "97")] {
            let mut card = card();
            expect(&mut card, &[(SELECT_JPKI, 0x9000), (VERIFY_1234, 0x9000), (select, 0x9000)]);
            let (signature, status) = send(&mut card, &format!("802A00{key}33{info}00"));
            assert_eq!((signature.len(), status), (256, 0x9000));
            let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &keys().public);
            public.verify(message, &signature).unwrap();
        }
    }

    #[test]
    fn wrong_parameters_and_lengths_have_their_status_words() {
        let mut card = card();
        expect(&mut card, &[(SELECT_JPKI, 0x9000), (VERIFY_1234, 0x9000), ("802A06970101 00", 0x6A86)]);
        expect(&mut card, &[("802A02970101 00", 0x6985), ("802A04970101 00", 0x6985)]);
        expect(&mut card, &[(&format!("802A0097F6{}00", "00".repeat(246)), 0x6700)]);
        expect(&mut card, &[(&format!("802A0097F5{}00", "00".repeat(245)), 0x9000)]);
        expect(
            &mut card,
            &[("802A00970101", 0x6700), ("802A00970101 FF", 0x6700), ("802A00000101 00", 0x6A86)],
        );
        expect(
            &mut card,
            &[("802A00980101 00", 0x6985), ("802A008A0101 00", 0x6981), ("802A009D0101 00", 0x6A88)],
        );
    }

    #[test]
    fn the_common_application_signs_a_challenge_for_anybody() {
        let mut card = card();
        expect(&mut card, &[(SELECT_COMMON, 0x9000), ("00880099", 0x6700)]);
        let (signature, status) = send(&mut card, "00880099 04 01020304 00");
        assert_eq!((signature.len(), status), (256, 0x9000));
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &keys().public);
        public.verify(&[1, 2, 3, 4], &signature).unwrap();
        expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00880097 01 01 00", 0x6985)]);
    }

    #[test]
    fn the_default_key_exists_in_the_text_and_surface_applications() {
        let mut card = card();
        expect(
            &mut card,
            &[(SELECT_TEXT, 0x9000), ("802A00000101 00", 0x6982), ("002000910432333435", 0x9000)],
        );
        expect(&mut card, &[("802A00000101 00", 0x9000), (SELECT_JUKI, 0x9000), ("802A00000101 00", 0x6A86)]);
    }
}

mod other_commands {
    use super::*;

    #[test]
    fn challenges_are_random_and_as_long_as_asked_for() {
        let mut card = card();
        let (first, status) = send(&mut card, "0084000000");
        assert_eq!((first.len(), status), (256, 0x9000));
        assert_ne!(send(&mut card, "0084000000").0, first);
        assert_eq!(send(&mut card, "0084000008").0.len(), 8);
        expect(&mut card, &[(SELECT_JPKI, 0x9000), ("0084000008", 0x9000), ("0084000108", 0x6A86)]);
    }

    #[test]
    fn what_belongs_to_secure_messaging_and_to_the_issuer_is_refused_as_seen() {
        let mut card = card();
        expect(&mut card, &[(SELECT_JPKI, 0x9000), ("80AE000001 00", 0x6982), ("08B0000004", 0x69FC)]);
        expect(
            &mut card,
            &[("80A20000", 0x6A86), ("80A200AE", 0x6A86), ("80A28000", 0x6A86), ("80A200B6", 0x6A86)],
        );
        expect(&mut card, &[("80A200C1 01 00", 0x6700), ("80FC0000", 0x6700)]);
        expect(&mut card, &[(SELECT_JUKI, 0x9000), ("80AE000001 00", 0x6982), ("08B0000004", 0x6882)]);
        expect(&mut card, &[(SELECT_SURFACE, 0x9000), ("80AE000001 00", 0x66F1)]);
        expect(&mut card, &[(SELECT_COMMON, 0x9000), ("80AE000001 00", 0x66F1)]);
    }

    /// Commands that OpenSC 0.23 was seen to send before it asks for the JPKI application.
    #[test]
    fn the_probes_of_other_drivers_are_refused_and_disturb_nothing() {
        let mut card = card();
        for probe in [
            "00A4040009A0000003080000100000",
            "00A4040006D27600012401",
            "00A4040006A00000000101",
            "00A4040007A0000000790100",
            "00A4040007627601FF000000",
            "00CADF3005",
            "00CB3FFF035C017E08",
            "00A4000C023F00",
            "00A4080C022F00",
            "80CA9F7F00",
            "B0F0000000",
            "80F60000",
            "00C0000000",
            "0070000001",
        ] {
            let (data, status) = send(&mut card, probe);
            assert!(data.is_empty(), "{probe}");
            let clean = [0x6A82, 0x6A86, 0x6A88, 0x6D00, 0x6E00].contains(&status);
            assert!(clean, "{probe}: {status:04X}");
        }
        expect(&mut card, &[(SELECT_JPKI, 0x9000), ("00200098", 0x63C3)]);
    }
}

#[test]
fn built_in_personas_all_load() {
    assert_eq!(Persona::names().len(), 19);
    for name in Persona::names() {
        let persona = Persona::find(&name).unwrap();
        assert!(!persona.summary.is_empty(), "{name}");
        card_of(&name);
    }
    assert!(matches!(Persona::find("nobody"), Err(crate::PersonaFault::Unknown { .. })));
    assert!(matches!(Persona::find("./nobody.toml"), Err(crate::PersonaFault::Read { .. })));
    for wrong in
        ["", "name = 'A B'\nsummary = ''", "name='x'\nsummary=''\natr='3B'", "name='x'\nsummary=''\nage=3"]
    {
        assert!(Persona::parse("test", wrong).is_err(), "{wrong}");
    }
}

/// Commands near the ones that exist are more telling than noise alone.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        0x20u8, 0x24, 0x2A, 0x32, 0x84, 0x88, 0x8A, 0xA2, 0xA4, 0xAE, 0xB0, 0xB2, 0xCA,
    ]);
    let class = prop::sample::select(vec![0x00u8, 0x80, 0x08, 0x01]);
    let near = (class, known, any::<u8>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..24)).prop_map(
        |(cla, ins, p1, p2, data)| {
            let length = u8::try_from(data.len()).unwrap();
            [[cla, ins, p1, p2].as_slice(), &[length], &data, &[0]].concat()
        },
    );
    let select = prop::sample::select(vec![SELECT_JPKI, SELECT_TEXT, SELECT_COMMON, SELECT_ISD, VERIFY_1234])
        .prop_map(|text| hex::decode(text).unwrap());
    prop_oneof![near, select, prop::collection::vec(any::<u8>(), 0..300)]
}

proptest! {
    #[test]
    fn nothing_makes_it_panic_or_fall_silent(
        commands in prop::collection::vec(command(), 1..40),
        short_ids: bool,
        extended_length: bool,
    ) {
        let mut card = card();
        card.set_switches(Switches { short_ids, extended_length, first_command_fails: false });
        for command in commands {
            let answer = card.process(&command);
            prop_assert!(answer.len() >= 2);
        }
        for (name, left, max) in card.counters() {
            prop_assert!(left <= max, "{name}");
        }
    }
}
