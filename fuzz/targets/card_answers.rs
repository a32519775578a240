#![no_main]
//! What a card, or something that claims to be one, answers: the dialogue ends, and presents the PIN once at most.

use jpki::{Card, Channel, ChannelError, Command, PinSlot, Response, VerifyOutcome};

struct Scripted<'a> {
    answers: std::slice::Split<'a, u8, fn(&u8) -> bool>,
    presented: usize,
}

impl Channel for Scripted<'_> {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        self.presented += usize::from(command.is_sensitive());
        let Some(answer) = self.answers.next() else { return Err(ChannelError::CardRemoved) };
        Response::parse(answer).map_err(|_| ChannelError::Protocol { what: "not a response", source: None })
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let is_end: fn(&u8) -> bool = |byte| *byte == 0xFE;
    let mut channel = Scripted { answers: bytes.split(is_end), presented: 0 };
    dialogue(&mut channel);
    assert!(channel.presented <= 1);
});

fn dialogue(channel: &mut Scripted<'_>) {
    let Ok(mut card) = Card::select(channel) else { return };
    let _examined = card.examine();
    let mut slot = PinSlot::new();
    for digit in *b"1234" {
        let _full = slot.push_digit(digit);
    }
    let (slot, outcome) = card.verify(slot);
    assert!(slot.is_empty());
    if let Ok(VerifyOutcome::Verified(mut card)) = outcome {
        let _signature = card.sign(&[0; 51]);
        let _ended = card.end();
    }
}
