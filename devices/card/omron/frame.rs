//! Frames: `10 02` text `10 03` BCC, and the pairs that steer the line.
//!
//! A `10` inside a text is doubled. The BCC is the exclusive or of the text and the `03`; the doubling bytes and the `10`
//! before the `03` are left out of it.
//!
//! Invariants:
//! - A frame is written piece by piece from where its bytes lie: nothing here holds a copy of a text that is sent. Even
//!   the BCC, which is a sum over the digits of a PIN, is wiped.
//! - Any bytes at all may be heard: none makes the receiver stop or grow.

use zeroize::Zeroizing;

pub(super) const DLE: u8 = 0x10;
pub(super) const ENQ: u8 = 0x05;
pub(super) const EOT: u8 = 0x04;
const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const ACK: u8 = 0x06;
const NAK: u8 = 0x15;

/// The longest text of the unit: `P`, command, result, 320 bytes of data.
pub(super) const TEXT_BYTES_MAX: usize = 325;

/// Writes the frame of a text that lies in `parts`.
pub(super) fn write_frame<E>(
    parts: &[&[u8]],
    mut write: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut check = Zeroizing::new(ETX);
    write(&[DLE, STX])?;
    for part in parts {
        for run in part.split_inclusive(|byte| *byte == DLE) {
            *check = run.iter().fold(*check, |check, byte| check ^ byte);
            write(run)?;
            if run.last() == Some(&DLE) {
                write(&[DLE])?;
            }
        }
    }
    let end = Zeroizing::new([DLE, ETX, *check]);
    write(end.as_slice())
}

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// `10 06`.
    Ack,
    /// `10 15`.
    Nak,
    /// A whole text; [`Receiver::text`] has it until the next byte.
    Text,
    /// The end of a frame that is damaged or too long.
    Broken,
    /// A byte, or a pair, that belongs to nothing.
    Noise,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Between,
    Steering,
    Text,
    TextSteering,
    Check,
}

/// Takes bytes one by one.
pub(super) struct Receiver {
    state: State,
    text: [u8; TEXT_BYTES_MAX],
    len: usize,
    check: u8,
    too_long: bool,
}

impl Receiver {
    pub(super) const fn new() -> Self {
        Self { state: State::Between, text: [0; TEXT_BYTES_MAX], len: 0, check: 0, too_long: false }
    }

    /// Takes the next byte of the line.
    pub(super) fn hear(&mut self, byte: u8) -> Option<Heard> {
        match (self.state, byte) {
            (State::Between, DLE) => self.go(State::Steering, None),
            (State::Between, _) => Some(Heard::Noise),
            (State::Steering, ACK) => self.go(State::Between, Some(Heard::Ack)),
            (State::Steering, NAK) => self.go(State::Between, Some(Heard::Nak)),
            (State::Steering | State::TextSteering, STX) => self.begin(),
            // A doubled 10 here is the tail of a text whose beginning was lost.
            (State::Steering, _) => self.go(State::Between, Some(Heard::Noise)),
            (State::Text, DLE) => self.go(State::TextSteering, None),
            (State::Text, byte) => self.keep(byte),
            (State::TextSteering, DLE) => {
                self.state = State::Text;
                self.keep(DLE)
            }
            (State::TextSteering, ETX) => {
                self.check ^= ETX;
                self.go(State::Check, None)
            }
            // The host's own rule: everything else inside a text is ignored. The BCC tells in the end.
            (State::TextSteering, _) => self.go(State::Text, None),
            (State::Check, byte) => {
                let whole = byte == self.check && !self.too_long;
                self.go(State::Between, Some(if whole { Heard::Text } else { Heard::Broken }))
            }
        }
    }

    /// The text that was heard last.
    pub(super) fn text(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    /// Whether a frame has begun and not ended.
    pub(super) const fn is_inside_frame(&self) -> bool {
        matches!(self.state, State::Text | State::TextSteering | State::Check)
    }

    /// Forgets a frame that will not end.
    pub(super) fn reset(&mut self) {
        self.state = State::Between;
        self.len = 0;
    }

    fn begin(&mut self) -> Option<Heard> {
        self.len = 0;
        self.check = 0;
        self.too_long = false;
        self.go(State::Text, None)
    }

    fn keep(&mut self, byte: u8) -> Option<Heard> {
        self.check ^= byte;
        match self.text.get_mut(self.len) {
            Some(place) => {
                *place = byte;
                self.len += 1;
            }
            None => self.too_long = true,
        }
        None
    }

    fn go(&mut self, state: State, heard: Option<Heard>) -> Option<Heard> {
        self.state = state;
        heard
    }
}
