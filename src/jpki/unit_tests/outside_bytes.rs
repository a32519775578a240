//! Anything that a card may answer gives a result: no panic, no endless dialogue, never a second VERIFY.

use proptest::prelude::*;

use super::{certificate_of, done, slot_with};
use crate::apdu::Response;
use crate::scripted::Ruled;
use crate::{Card, CardError, ChannelError, StatusWord, TokenInfo, VerifyOutcome, der, leave};

/// An answer: mostly with a status word that means something, so that the dialogue gets far.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let status = prop_oneof![
        8 => Just([0x90, 0x00]),
        4 => (0xC0_u8..=0xCF).prop_map(|tries| [0x63, tries]),
        2 => any::<u8>().prop_map(|bytes| [0x61, bytes]),
        2 => any::<u8>().prop_map(|bytes| [0x6C, bytes]),
        1 => prop::sample::select(vec![[0x69, 0x82], [0x69, 0x84], [0x6A, 0x82], [0x6F, 0x00], [0x62, 0x82]]),
        1 => any::<[u8; 2]>(),
    ];
    let data = prop_oneof![
        4 => Just(Vec::new()),
        2 => prop::collection::vec(any::<u8>(), 0..260),
        1 => Just(certificate_of(600)[..256].to_vec()),
        1 => Just(vec![0x20; 160]),
    ];
    prop_oneof![
        20 => (data, status).prop_map(|(data, status)| [data, status.to_vec()].concat()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ]
}

/// Does everything that a caller could, in order, and goes on after wrong PINs.
fn visit(card: &mut dyn crate::Channel) -> Result<(), CardError> {
    let mut selected = Card::select(card)?;
    let _token = selected.token_info();
    let _examined = selected.examine();
    let _tries = selected.tries_left();
    for _ in 0..3 {
        let (slot, outcome) = selected.verify(slot_with("1234"));
        assert!(slot.is_empty());
        match outcome? {
            VerifyOutcome::Verified(mut card) => {
                let _signature = card.sign(&[0x30; 51]);
                return card.end();
            }
            VerifyOutcome::Wrong { card, .. } => selected = card,
            VerifyOutcome::Blocked { card } => return card.end(),
        }
    }
    selected.end()
}

proptest! {
    #[test]
    fn any_answers_end_in_a_result_within_a_bounded_number_of_commands(
        answers in prop::collection::vec(answer(), 1..60),
    ) {
        let mut answers = answers.into_iter().cycle();
        let mut card = Ruled::new(move |_: &[u8]| Ok(answers.next().unwrap()));
        let _result = visit(&mut card);
        let _left = leave(&mut card);
        // The longest is one read of a certificate: 17 commands, each followed up at most 8 times.
        prop_assert!(card.sent < 200, "{}", card.sent);
    }

    #[test]
    fn one_call_of_verify_sends_at_most_one_pin(
        answers in prop::collection::vec(answer(), 1..20),
        fail_at in 0_usize..20,
    ) {
        let mut answers = answers.into_iter().cycle();
        let mut count = 0;
        let mut card = Ruled::new(move |_: &[u8]| {
            count += 1;
            if count > 2 && count == fail_at {
                return Err(ChannelError::CardReset);
            }
            Ok(match count {
                1 => done(Vec::new()),
                2 => vec![0x63, 0xC3],
                _ => answers.next().unwrap(),
            })
        });
        let mut selected = Card::select(&mut card).unwrap();
        selected.tries_left().unwrap();
        let (slot, outcome) = selected.verify(slot_with("1234"));
        prop_assert!(slot.is_empty());
        drop(outcome);
        prop_assert_eq!(card.pins_sent, 1);
    }

    #[test]
    fn any_bytes_parse_or_do_not(bytes in prop::collection::vec(any::<u8>(), 0..300), word in any::<u16>()) {
        let _response = Response::parse(&bytes);
        if let Some(token) = TokenInfo::parse(&bytes) {
            prop_assert!(token.label().bytes().chain(token.model().bytes()).all(|byte| (0x20..0x7F).contains(&byte)));
        }
        if let Some(whole) = der::sequence_bytes(&bytes) {
            prop_assert!((2..=0xFFFF + 4).contains(&whole));
        }
        prop_assert!(!StatusWord(word).to_string().is_empty());
    }
}
