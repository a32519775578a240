//! The reader's own pad: what goes to it, what its answers mean, and that it is asked once.

use std::collections::VecDeque;

use super::SELECT_JPKI;
use crate::apdu::{Command, Response};
use crate::scripted::Script;
use crate::{
    Card, CardError, CardFault, Channel, ChannelError, Metered, Misuse, PadLimits, PadOutcome, PadTemplate,
    StatusWord, Tries,
};

const LIMITS: PadLimits<'_> =
    PadLimits { first_key_s: 30, next_key_s: 20, whole_ms_max: 60_000, cancel: None };
const SHORT_FORM: &str = "00200098 > 63C3";
const LONG_FORM: &str = "00200098 > 6A86\n 00A4020C 02 0018 > 9000\n 00200080 > 63C3";

/// A scripted card in a reader with a pad.
struct Reader {
    card: Script,
    pad: VecDeque<Result<u16, ChannelError>>,
    asked: Vec<PadTemplate>,
}

impl Reader {
    fn new(script: &str, pad: impl IntoIterator<Item = Result<u16, ChannelError>>) -> Self {
        let card = Script::new(&format!("{SELECT_JPKI} > 9000\n {script}"));
        Self { card, pad: pad.into_iter().collect(), asked: Vec::new() }
    }

    fn assert_over(&self) {
        self.card.assert_over();
        assert!(self.pad.is_empty(), "the pad was asked too seldom");
    }
}

impl Channel for Reader {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        assert!(!command.is_sensitive(), "a PIN was sent from here");
        self.card.transmit(command)
    }

    fn offers_pad(&mut self) -> Result<bool, ChannelError> {
        Ok(true)
    }

    fn verify_on_pad(
        &mut self,
        template: &PadTemplate,
        limits: PadLimits<'_>,
    ) -> Result<StatusWord, ChannelError> {
        assert_eq!((limits.first_key_s, limits.next_key_s), (30, 20));
        self.asked.push(template.clone());
        self.pad.pop_front().expect("the pad is asked once").map(StatusWord)
    }
}

/// The outcome's name, and the tries left where it tells them.
fn told(outcome: Result<PadOutcome<'_>, CardError>) -> String {
    match outcome {
        Ok(PadOutcome::Verified(_)) => "verified".to_owned(),
        Ok(PadOutcome::Wrong { tries_left, .. }) => format!("wrong, {tries_left} left"),
        Ok(PadOutcome::Blocked { .. }) => "blocked".to_owned(),
        Ok(PadOutcome::Cancelled { .. }) => "cancelled".to_owned(),
        Ok(PadOutcome::TimedOut { .. }) => "timed out".to_owned(),
        Ok(PadOutcome::WrongLength { .. }) => "wrong length".to_owned(),
        Ok(PadOutcome::Refused { .. }) => "refused".to_owned(),
        Err(error) => {
            format!("{}{}", error.code(), if error.counter_is_unknown() { ", unknown" } else { "" })
        }
    }
}

#[test]
fn every_answer_has_its_meaning_and_the_pad_is_asked_once() {
    let protocol = || ChannelError::Protocol { what: "no status word", source: None };
    let answers = [
        (Ok(0x9000), "verified"),
        (Ok(0x63C2), "wrong, 2 left"),
        (Ok(0x63C0), "blocked"),
        (Ok(0x6983), "blocked"),
        (Ok(0x6984), "blocked"),
        (Ok(0x6400), "timed out"),
        (Ok(0x6401), "cancelled"),
        (Ok(0x6403), "wrong length"),
        (Ok(0x6B80), "refused"),
        // Two PINs that differ are asked for when one is changed only.
        (Ok(0x6402), "card-misbehaved, unknown"),
        (Ok(0x6F00), "card-misbehaved, unknown"),
        (Err(ChannelError::NoPad), "pad-not-offered"),
        (Err(ChannelError::PadKeepsCard), "reader-busy, unknown"),
        (Err(ChannelError::CardRemoved), "card-removed, unknown"),
        (Err(protocol()), "card-protocol, unknown"),
    ];
    for (answer, meaning) in answers {
        let mut reader = Reader::new(SHORT_FORM, [answer]);
        let mut card = Card::select(&mut reader).unwrap();
        assert_eq!(card.tries_left().unwrap(), Tries::Left(3));
        assert_eq!(told(card.verify_on_pad(LIMITS)), meaning);
        reader.assert_over();
    }
}

#[test]
fn the_pad_gets_the_form_that_the_query_chose_without_a_digit() {
    let mut reader = Reader::new(SHORT_FORM, [Ok(0x9000)]);
    let mut card = Card::select(&mut reader).unwrap();
    card.tries_left().unwrap();
    assert_eq!(told(card.verify_on_pad(LIMITS)), "verified");
    assert_eq!(reader.asked[0].apdu(), b"\x00\x20\x00\x98\x04\xFF\xFF\xFF\xFF");
    assert_eq!(reader.asked[0].digits(), 4);

    // Another file was read since the query: the PIN's file is selected again.
    let script = format!(
        "{LONG_FORM}
         00A4020C 02 000A > 9000
         00B0000000 > 3000 9000
         00A4020C 02 0018 > 9000"
    );
    let mut reader = Reader::new(&script, [Ok(0x63C2)]);
    let mut card = Card::select(&mut reader).unwrap();
    card.tries_left().unwrap();
    let _too_short_for_a_certificate = card.certificate();
    assert_eq!(told(card.verify_on_pad(LIMITS)), "wrong, 2 left");
    assert_eq!(reader.asked[0].apdu(), b"\x00\x20\x00\x80\x04\xFF\xFF\xFF\xFF");
    reader.assert_over();
}

#[test]
fn a_verified_card_signs_and_a_card_of_a_cancelled_entry_must_be_asked_its_tries_again() {
    let signature = "05".repeat(256);
    let script = format!(
        "{SHORT_FORM}
         00200098 > 63C3
         802A0097 02 3100 00 > {signature} 9000"
    );
    let mut reader = Reader::new(&script, [Ok(0x6401), Ok(0x9000)]);
    let mut metered = Metered::new(&mut reader);
    let mut card = Card::select(&mut metered).unwrap();
    assert!(card.offers_pad().unwrap());
    card.tries_left().unwrap();
    let Ok(PadOutcome::Cancelled { mut card }) = card.verify_on_pad(LIMITS) else { panic!("not cancelled") };
    assert_eq!(card.tries_left().unwrap(), Tries::Left(3));
    let Ok(PadOutcome::Verified(mut card)) = card.verify_on_pad(LIMITS) else { panic!("not verified") };
    assert_eq!(card.sign(&[0x31, 0x00]).unwrap().as_bytes(), [5; 256]);
    assert_eq!(metered.sent(), 6);
    reader.assert_over();
}

#[test]
fn the_pad_is_not_asked_before_the_tries_were_read_nor_when_none_are_left() {
    let unread = |outcome: Result<PadOutcome<'_>, CardError>| {
        matches!(outcome, Err(CardError::Violation(Misuse::TriesNotRead)))
    };
    let mut reader = Reader::new("", []);
    assert!(unread(Card::select(&mut reader).unwrap().verify_on_pad(LIMITS)));

    let mut reader = Reader::new(SHORT_FORM, [Ok(0x6400)]);
    let mut card = Card::select(&mut reader).unwrap();
    card.tries_left().unwrap();
    let Ok(PadOutcome::TimedOut { card }) = card.verify_on_pad(LIMITS) else { panic!("not timed out") };
    assert!(unread(card.verify_on_pad(LIMITS)));
    reader.assert_over();

    let mut reader = Reader::new("00200098 > 63C0", []);
    let mut card = Card::select(&mut reader).unwrap();
    assert_eq!(card.tries_left().unwrap(), Tries::Blocked);
    assert!(matches!(card.verify_on_pad(LIMITS), Err(CardError::Violation(Misuse::NoTriesLeft))));
}

#[test]
fn a_channel_without_a_pad_says_so_and_sends_nothing() {
    let mut script = Script::new(&format!("{SELECT_JPKI} > 9000\n {SHORT_FORM}"));
    let mut card = Card::select(&mut script).unwrap();
    assert!(!card.offers_pad().unwrap());
    card.tries_left().unwrap();
    assert!(matches!(card.verify_on_pad(LIMITS), Err(CardError::Fault(CardFault::NoPad))));
    script.assert_over();
}
