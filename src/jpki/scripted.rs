//! A channel for tests: a script of commands and answers, or a rule that answers anything.

use std::collections::VecDeque;

use crate::apdu::{Command, Response};
use crate::channel::{Channel, ChannelError};

pub(crate) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// What the script's card does with a command.
pub(crate) enum Then {
    Answer(Vec<u8>),
    Fail(ChannelError),
}

/// Expects exactly these commands in this order.
#[derive(Default)]
pub(crate) struct Script {
    steps: VecDeque<(Vec<u8>, Then)>,
}

impl Script {
    /// Lines `command > answer`, in hex.
    pub(crate) fn new(lines: &str) -> Self {
        Self::default().and(lines)
    }

    pub(crate) fn and(mut self, lines: &str) -> Self {
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let (command, answer) = line.split_once('>').unwrap();
            self.steps.push_back((bytes(command), Then::Answer(bytes(answer))));
        }
        self
    }

    pub(crate) fn answering(mut self, command: &str, answer: Vec<u8>) -> Self {
        self.steps.push_back((bytes(command), Then::Answer(answer)));
        self
    }

    pub(crate) fn failing(mut self, command: &str, error: ChannelError) -> Self {
        self.steps.push_back((bytes(command), Then::Fail(error)));
        self
    }

    /// All of the script happened.
    pub(crate) fn assert_over(&self) {
        assert!(self.steps.is_empty(), "{} commands were not sent", self.steps.len());
    }
}

impl Channel for Script {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        let sent = command.expose_bytes();
        let (expected, then) =
            self.steps.pop_front().unwrap_or_else(|| panic!("not in the script: {sent:02X?}"));
        assert_eq!(*sent, expected, "sent {sent:02X?}, the script has {expected:02X?}");
        match then {
            Then::Answer(answer) => Ok(Response::parse(&answer).unwrap()),
            Then::Fail(error) => Err(error),
        }
    }
}

/// Answers by a rule; counts commands, and those with a PIN.
pub(crate) struct Ruled<F> {
    rule: F,
    pub(crate) sent: usize,
    pub(crate) pins_sent: usize,
}

impl<F: FnMut(&[u8]) -> Result<Vec<u8>, ChannelError>> Ruled<F> {
    pub(crate) fn new(rule: F) -> Self {
        Self { rule, sent: 0, pins_sent: 0 }
    }
}

impl<F: FnMut(&[u8]) -> Result<Vec<u8>, ChannelError>> Channel for Ruled<F> {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        let apdu = command.expose_bytes();
        self.sent += 1;
        // By the bytes, not by the flag: this is what the flag is held against.
        let has_pin = apdu.len() > 5 && apdu[1] == 0x20;
        assert_eq!(has_pin, command.is_sensitive());
        self.pins_sent += usize::from(has_pin);
        let answer = (self.rule)(&apdu)?;
        Response::parse(&answer).map_err(|_| ChannelError::Protocol { what: "no status word", source: None })
    }
}
