//! UIC PP791, as far as its public Programmer's Manual tells how it reads single keys.
//!
//! Assumed, because the manual does not say or we have not seen it: an authenticated prompt is `Z2`, 1D or 1E, and an id; a digit
//! that is withheld is an empty `Z43` or no answer at all; `72` and `Z2` are acknowledged and nothing more.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::lever::{Levers, Withholds};
use super::{Behaviour, Said};

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const EOT: u8 = 0x04;
const ACK: u8 = 0x06;
const NAK: u8 = 0x15;

/// The manual: the pad waits so long for ACK, and repeats twice.
const ACKNOWLEDGE: Duration = Duration::from_secs(5);
const REPEATS_MAX: u32 = 2;
const NAKS_MAX: u32 = 3;
const FRAME_BYTES_MAX: usize = 300;

/// The pad.
#[derive(Default)]
pub(crate) struct Uic {
    heard: Vec<u8>,
    /// The prompt was one of the maker's.
    authenticated: bool,
    /// A prompt is shown: somebody may press.
    prompted: bool,
    reading_until: Option<Instant>,
    sent: Option<Sent>,
    frames: u32,
}

struct Sent {
    frame: Vec<u8>,
    again_at: Instant,
    repeats: u32,
    naks: u32,
}

impl Uic {
    fn order(&mut self, body: &[u8], now: Instant) {
        match body {
            b"72" | b"Z1" => {
                self.prompted = false;
                self.reading_until = None;
                self.sent = None;
            }
            [b'Z', b'2', prompt @ ..] => {
                self.prompted = true;
                self.authenticated = matches!(prompt, [0x1D | 0x1E, ..]);
            }
            [b'Z', b'4', b'2', seconds @ ..] => {
                let seconds = std::str::from_utf8(seconds).ok().and_then(|text| text.parse().ok());
                self.reading_until = seconds.map(|seconds| now + Duration::from_secs(seconds));
            }
            _ => {}
        }
    }

    fn send(&mut self, body: &[u8], now: Instant, levers: &Levers, said: &mut Said) {
        let sum = body.iter().fold(ETX, |sum, byte| sum ^ byte);
        let frame = [&[STX], body, &[ETX, sum]].concat();
        if levers.repeat {
            said.frame(frame.clone());
        }
        said.frame(frame.clone());
        self.sent = Some(Sent { frame, again_at: now + ACKNOWLEDGE, repeats: 0, naks: 0 });
    }

    /// A key of the bench as one of this pad; `None` when it is withheld.
    fn given_out(&self, key: u8, levers: &Levers) -> Option<u8> {
        match key {
            b'0'..=b'9' if !self.authenticated && levers.withholds != Withholds::Never => None,
            b'E' => Some(b'#'),
            b'X' => Some(b'*'),
            b'C' => Some(b'/'),
            other => Some(other),
        }
    }

    fn negative(&mut self, said: &mut Said) {
        let Some(sent) = &mut self.sent else { return };
        sent.naks += 1;
        if sent.naks >= NAKS_MAX {
            self.sent = None;
            return said.bytes(&[EOT]);
        }
        said.frame(sent.frame.clone());
    }
}

impl Behaviour for Uic {
    fn hear(&mut self, bytes: &[u8], now: Instant, levers: &mut Levers, said: &mut Said) {
        self.heard.extend_from_slice(bytes);
        while let Some(first) = self.heard.first().copied() {
            if first != STX {
                self.heard.remove(0);
                match first {
                    ACK | EOT => self.sent = None,
                    NAK => self.negative(said),
                    _ => {}
                }
                continue;
            }
            let Some(end) = self.heard.iter().position(|byte| *byte == ETX) else {
                if self.heard.len() > FRAME_BYTES_MAX {
                    self.heard.clear();
                }
                return;
            };
            if self.heard.len() < end + 2 {
                return;
            }
            let frame: Vec<u8> = self.heard.drain(..end + 2).collect();
            let body = frame.get(1..end).unwrap_or_default();
            let sum = body.iter().fold(ETX, |sum, byte| sum ^ byte);
            if levers.refuses || frame.last() != Some(&sum) {
                said.bytes(&[NAK]);
            } else {
                said.bytes(&[ACK]);
                self.order(body, now);
            }
        }
    }

    fn tick(&mut self, now: Instant, pressed: &mut VecDeque<u8>, levers: &mut Levers, said: &mut Said) {
        if let Some(sent) = &mut self.sent {
            if now < sent.again_at {
                return;
            }
            sent.repeats += 1;
            if sent.repeats > REPEATS_MAX {
                self.sent = None;
                return said.bytes(&[EOT]);
            }
            sent.again_at = now + ACKNOWLEDGE;
            return said.frame(sent.frame.clone());
        }
        let Some(until) = self.reading_until else { return };
        if let Some(key) = pressed.pop_front() {
            match self.given_out(key, levers) {
                Some(key) => {
                    self.reading_until = None;
                    self.send(&[b'Z', b'4', b'3', key], now, levers, said);
                    levers.key_sent();
                }
                None if levers.withholds == Withholds::Empty => {
                    self.reading_until = None;
                    self.send(b"Z43", now, levers, said);
                }
                None => {}
            }
        } else if now >= until {
            self.reading_until = None;
            self.send(b"Z43?", now, levers, said);
        }
    }

    fn is_entering(&self) -> bool {
        self.prompted
    }

    fn unplugged(&mut self) {
        *self = Self { frames: self.frames, ..Self::default() };
    }

    fn garbled(&mut self, frame: &mut [u8], levers: &Levers) {
        self.frames = self.frames.wrapping_add(1);
        if levers.noise_every.is_some_and(|every| self.frames.is_multiple_of(every))
            && let Some(byte) = frame.get_mut(2)
        {
            *byte ^= 0x10;
        }
    }
}
