//! The frames of our own pad protocol, version 1: `docs/pin-pad.md` has every byte.
//!
//! Invariants:
//! - What comes in lies in a locked page and nowhere else, and is wiped before the next frame and at the end.
//! - A frame that is not whole is noise: nothing of it is used. Noise has an end.

use std::time::{Duration, Instant};

use zeroize::Zeroize as _;

use super::wire::{Stop, Wire};
use crate::pinpad::clock;
use crate::pinpad::memory::LockedPage;
use crate::port::Fault;

/// Each frame begins so.
pub(super) const START: [u8; 2] = [0xA5, 0x5A];
/// The protocol's version.
pub(super) const VERSION: u8 = 1;
/// Start, version, type, sequence number, length.
pub(super) const HEAD_BYTES: usize = 6;
/// Behind the payload.
const CHECK_BYTES: usize = 2;
/// The longest payload: identity, ephemeral key and signature.
pub(super) const PAYLOAD_BYTES_MAX: usize = 194;
const FRAME_BYTES_MAX: usize = HEAD_BYTES + PAYLOAD_BYTES_MAX + CHECK_BYTES;

/// Between two bytes of one frame.
const GAP_MS_MAX: Duration = Duration::from_millis(500);
/// So many bytes without the beginning of a frame are noise.
const STRAY_BYTES_MAX: u32 = 64;

/// Types of frames. In clear, [`Kind::IN_CLEAR`] is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Hello = 0x01,
    Identity = 0x02,
    Start = 0x03,
    Key = 0x04,
    Stop = 0x05,
    Acknowledge = 0x06,
}

impl Kind {
    /// Marks a frame of the clear framing, so that neither framing ever takes a frame of the other.
    pub(super) const IN_CLEAR: u8 = 0x80;
}

/// CRC-16 with polynomial 1021, initial value FFFF, nothing reflected, nothing added at the end (CRC-16/IBM-3740).
pub(super) fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

/// Version, type, sequence number and length: what is authenticated beside the payload.
pub(super) fn head(kind: u8, sequence: u8, payload_bytes: usize) -> [u8; 4] {
    // At most PAYLOAD_BYTES_MAX by construction.
    [VERSION, kind, sequence, u8::try_from(payload_bytes).unwrap_or(u8::MAX)]
}

/// A whole frame to the pad. Nothing that goes there is secret.
pub(super) fn frame(kind: u8, sequence: u8, payload: &[u8]) -> Vec<u8> {
    let checked = [&head(kind, sequence, payload.len())[..], payload].concat();
    [&START[..], &checked, &checksum(&checked).to_be_bytes()].concat()
}

/// What was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A whole frame, with its payload in the inbox.
    Frame {
        /// Its type as sent.
        kind: u8,
        /// Its sequence number.
        sequence: u8,
    },
    /// A whole beginning of a frame of another version of the protocol.
    OtherVersion(u8),
    /// Bytes without sense.
    Noise,
}

/// Where bytes of the line come in.
pub(super) struct Inbox {
    page: LockedPage,
    payload_bytes: usize,
}

impl Inbox {
    pub(super) fn new() -> Result<Self, Fault> {
        Ok(Self { page: LockedPage::new()?, payload_bytes: 0 })
    }

    /// Forgets what came last.
    pub(super) fn wipe(&mut self) {
        // The longest frame, and the cell behind it.
        self.part(0, FRAME_BYTES_MAX + 1).zeroize();
        self.payload_bytes = 0;
    }

    /// The last frame's payload, to be opened in its place.
    pub(super) fn payload(&mut self) -> &mut [u8] {
        self.part(HEAD_BYTES, HEAD_BYTES + self.payload_bytes)
    }

    /// One byte of the page that belongs to no frame.
    pub(super) fn cell(&mut self) -> &mut [u8] {
        self.part(FRAME_BYTES_MAX, FRAME_BYTES_MAX + 1)
    }

    /// Reads until a frame is there, or noise.
    pub(super) fn read(&mut self, wire: &mut Wire<'_>, until: Instant) -> Result<Heard, Stop> {
        self.wipe();
        let heard = self.try_read(wire, until);
        if !matches!(heard, Ok(Heard::Frame { .. })) {
            self.wipe();
        }
        heard
    }

    fn try_read(&mut self, wire: &mut Wire<'_>, until: Instant) -> Result<Heard, Stop> {
        if !self.begins(wire, until)? || !self.fill(wire, START.len(), HEAD_BYTES)? {
            return Ok(Heard::Noise);
        }
        let &mut [version, kind, sequence, length] = self.part(START.len(), HEAD_BYTES) else {
            return Ok(Heard::Noise);
        };
        if version != VERSION {
            return Ok(Heard::OtherVersion(version));
        }
        let payload_bytes = usize::from(length);
        let end = HEAD_BYTES + payload_bytes + CHECK_BYTES;
        // With the sum behind them, whole bytes sum up to nothing.
        if payload_bytes > PAYLOAD_BYTES_MAX
            || !self.fill(wire, HEAD_BYTES, end)?
            || checksum(self.part(START.len(), end)) != 0
        {
            return Ok(Heard::Noise);
        }
        self.payload_bytes = payload_bytes;
        Ok(Heard::Frame { kind, sequence })
    }

    /// Waits for the two bytes that begin a frame; `false` when so many others come.
    fn begins(&mut self, wire: &mut Wire<'_>, until: Instant) -> Result<bool, Stop> {
        let [first, second] = START;
        let mut first_was_seen = false;
        for _ in 0..STRAY_BYTES_MAX {
            wire.read(self.part(0, 1), until)?;
            match self.part(0, 1) {
                [byte] if first_was_seen && *byte == second => return Ok(true),
                [byte] => first_was_seen = *byte == first,
                _ => {}
            }
        }
        Ok(false)
    }

    /// The bytes of a frame that has begun; `false` when they do not come. It may end a little after the caller's moment.
    fn fill(&mut self, wire: &mut Wire<'_>, mut from: usize, to: usize) -> Result<bool, Stop> {
        while from < to {
            let until = clock::end_of(clock::instant(), GAP_MS_MAX);
            match wire.read(self.part(from, to), until) {
                Ok(count) => from += count,
                Err(Stop::TimeOver) => return Ok(false),
                Err(stop) => return Err(stop),
            }
        }
        Ok(true)
    }

    /// Inside of the page by construction.
    fn part(&mut self, from: usize, to: usize) -> &mut [u8] {
        self.page.bytes().get_mut(from..to).unwrap_or_default()
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn the_sum_is_the_one_of_the_catalogue() {
        assert_eq!(checksum(b"123456789"), 0x29B1);
        let frame = frame(Kind::Acknowledge as u8, 7, &[]);
        assert_eq!(frame[..6], [0xA5, 0x5A, 0x01, 0x06, 0x07, 0x00]);
        assert_eq!(checksum(&frame[2..]), 0);
    }

    #[test]
    fn a_frame_with_any_bit_changed_does_not_sum_up() {
        let whole = frame(Kind::Start as u8, 0, &[4, 30, 0, 180]);
        for bit in 16..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(checksum(&changed[2..]), 0, "{bit}");
        }
    }
}
