//! One test for each documented fact about the card's answers, and one that nothing makes it panic.

mod life_time;
mod pins;
mod reading;
mod signing;

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

    #[test]
    fn no_text_makes_a_persona_panic(text in ".{0,200}", name in "[a-z-]{1,20}", value in "[^'\n]{0,20}") {
        let _ = Persona::parse("test", &text);
        let _ = Persona::parse("test", &format!("name = 'x'\nsummary = ''\n{name} = '{value}'\n"));
    }
}
