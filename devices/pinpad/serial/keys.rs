//! One entry with a pad that speaks our own protocol, encrypted or in clear.
//!
//! Invariants:
//! - Each key counts once and in its order: a frame is taken only with the number that is due, the one before is
//!   acknowledged again and ignored, any other ends the entry.
//! - The pad speaks at a steady beat, key or not: a pad that is gone is noticed, and the line does not show when keys are
//!   pressed.
//! - However the entry ends, the pad is told, and what came last is wiped.

use std::time::Duration;

use jpki::PinSlot;
use zeroize::Zeroize as _;

use super::frame::{Heard, Inbox, Kind, frame, head};
use super::trust::{Hello, PadIdentity, Session, TAG_BYTES};
use super::wire::{Stop, Wire};
use super::{Limits, misbehaved, nothing};
use crate::pinpad::entry::{End, Entry, Key, Typed};
use crate::pinpad::{clock, own_fault};
use crate::port::{Action, Fault, FaultKind};

/// The pad speaks every 100 ms; so long without a whole frame, and it is gone. Not shorter: this machine may stand still for a
/// while, and an entry that ends by that is a customer sent away.
const BEAT_MS_MAX: Duration = Duration::from_millis(3_000);
/// Frames are repeated as often when no answer comes.
const ATTEMPTS: u32 = 3;
/// Broken frames in one entry; beyond that the line or the pad is not fit for a PIN.
const NOISE_MAX: u32 = 32;

/// A beat without a key.
const NO_KEY: u8 = b'.';

/// Whether frames are encrypted.
pub(super) enum Cover {
    Sealed(Box<Session>),
    Clear,
}

impl Cover {
    fn kind(&self, kind: Kind) -> u8 {
        match self {
            Cover::Sealed(_) => kind as u8,
            Cover::Clear => kind as u8 | Kind::IN_CLEAR,
        }
    }

    /// A frame to the pad.
    fn frame(&mut self, kind: Kind, sequence: u8, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let as_sent = self.kind(kind);
        match self {
            Cover::Clear => Ok(frame(as_sent, sequence, message)),
            Cover::Sealed(session) => session
                .seal(head(as_sent, sequence, message.len() + TAG_BYTES), message)
                .map(|sealed| frame(as_sent, sequence, &sealed))
                .ok_or_else(library_failed),
        }
    }

    /// The key in a frame of the pad, in its place; `None` when it is not the pad's, or not of this moment.
    fn key<'m>(&mut self, sequence: u8, payload: &'m mut [u8]) -> Option<&'m mut u8> {
        let head = head(self.kind(Kind::Key), sequence, payload.len());
        let message = match self {
            Cover::Clear => payload,
            Cover::Sealed(session) => session.open(head, payload)?,
        };
        match message {
            [key] => Some(key),
            _ => None,
        }
    }
}

/// Makes the pad prove who it is.
pub(super) fn handshake(
    wire: &mut Wire<'_>,
    inbox: &mut Inbox,
    expected: &PadIdentity,
    answer: Duration,
) -> Result<Session, Stop> {
    let place = wire.place();
    let not_trusted = |why| {
        own_fault(
            "pad-not-trusted",
            FaultKind::NeedsOperator,
            Action::Maintenance,
            format!(
                "the PIN pad at {place} is not proven to be the configured one ({why}): was it exchanged?"
            ),
        )
    };
    let hello = Hello::new().map_err(not_trusted)?;
    let greeting = frame(Kind::Hello as u8, 0, hello.public());
    let mut noise = 0;
    for _ in 0..ATTEMPTS {
        wire.send(&greeting)?;
        let until = clock::end_of(clock::instant(), answer);
        let mut refused = None;
        loop {
            match inbox.read(wire, until) {
                Ok(Heard::Frame { kind, sequence: 0 }) if kind == Kind::Identity as u8 => {
                    match hello.agree(inbox.payload(), expected) {
                        Ok(session) => return Ok(session),
                        // It may answer the greeting of an entry that was cancelled just before: ours is still to come then.
                        Err(why) => refused = Some(why),
                    }
                }
                Ok(heard) => unexpected(heard, &mut noise, wire)?,
                Err(Stop::TimeOver) => break,
                Err(stop) => return Err(stop),
            }
        }
        if let Some(why) = refused {
            return Err(not_trusted(why).into());
        }
    }
    Err(nothing(wire, noise, "it does not answer").into())
}

/// Anything but the frame that is waited for: too much of it is a fault.
fn unexpected(heard: Heard, noise: &mut u32, wire: &Wire<'_>) -> Result<(), Fault> {
    if let Heard::OtherVersion(version) = heard {
        return Err(misbehaved(wire, &format!("it speaks version {version} of the protocol")));
    }
    *noise += 1;
    if *noise > NOISE_MAX {
        return Err(misbehaved(wire, "there is more noise than sense on the line"));
    }
    Ok(())
}

/// What is going on in one entry.
pub(super) struct Talk<'t, 'e> {
    pub(super) wire: &'t mut Wire<'e>,
    pub(super) inbox: &'t mut Inbox,
    pub(super) entry: &'t Entry<'e>,
    pub(super) limits: Limits,
}

impl Talk<'_, '_> {
    /// The whole entry.
    pub(super) fn run(&mut self, mut cover: Cover, slot: &mut PinSlot) -> End {
        let end = self.keys(&mut cover, slot).unwrap_or_else(|stop| match stop {
            Stop::Ended(end) => end,
            Stop::TimeOver => End::TimedOut,
        });
        self.inbox.wipe();
        // A pad that does not hear it ends by itself, as nobody acknowledges its keys.
        if let Ok(stop) = cover.frame(Kind::Stop, 1, &[0]) {
            let _the_end_is_known = self.wire.send(&stop);
        }
        end
    }

    fn keys(&mut self, cover: &mut Cover, slot: &mut PinSlot) -> Result<End, Stop> {
        let begun = clock::instant();
        let whole = clock::end_of(begun, self.limits.entry);
        let key_limit = Duration::from_millis(self.entry.asked.key_ms_max);
        if let Cover::Clear = cover {
            // Whatever an entry before this one left going on.
            self.wire.send(&frame(cover.kind(Kind::Stop), 0, &[0]))?;
        }
        let start = cover.frame(Kind::Start, 0, &self.order())?;
        self.wire.send(&start)?;
        let (mut typed, mut beats, mut attempts, mut noise) = (Typed::default(), 0_u64, 1, 0);
        let (mut heard_at, mut key_at, mut noise_before) = (begun, begun, 0);
        loop {
            let over = whole.min(clock::end_of(key_at, key_limit));
            let gone = clock::end_of(heard_at, BEAT_MS_MAX);
            if clock::instant() >= over {
                return Ok(End::TimedOut);
            }
            let heard = match self.inbox.read(self.wire, over.min(gone)) {
                Err(Stop::TimeOver) if clock::instant() < gone => continue,
                Err(Stop::TimeOver) if beats == 0 && attempts < ATTEMPTS => {
                    attempts += 1;
                    heard_at = clock::instant();
                    self.wire.send(&start)?;
                    continue;
                }
                Err(Stop::TimeOver) => {
                    return Err(nothing(self.wire, noise - noise_before, "it fell silent").into());
                }
                other => other?,
            };
            match heard {
                Heard::Frame { kind, sequence } if kind == cover.kind(Kind::Key) => {
                    let due = beats.to_le_bytes()[0];
                    if sequence != due && beats == 0 {
                        // In clear, a beat of an entry before this one: the pad has not heard of its end yet.
                        unexpected(Heard::Noise, &mut noise, self.wire)?;
                        continue;
                    }
                    if sequence != due {
                        self.repeated(cover, sequence, beats)?;
                        continue;
                    }
                    let pressed = self.take(cover, sequence, slot)?;
                    beats += 1;
                    (heard_at, noise_before) = (clock::instant(), noise);
                    if !pressed {
                        continue;
                    }
                    key_at = heard_at;
                    if let Some(end) = typed.landed(self.entry, meaning, slot) {
                        return Ok(end);
                    }
                }
                other => unexpected(other, &mut noise, self.wire)?,
            }
        }
    }

    /// What the pad is told of the entry: the number of digits, and limits of its own in seconds, for the case that we are gone.
    fn order(&self) -> [u8; 4] {
        let seconds = |ms: u64| ms.div_ceil(1_000);
        let key_s = u8::try_from(seconds(self.entry.asked.key_ms_max)).unwrap_or(u8::MAX);
        let whole_ms = u64::try_from(self.limits.entry.as_millis()).unwrap_or(u64::MAX);
        let [high, low] = u16::try_from(seconds(whole_ms)).unwrap_or(u16::MAX).to_be_bytes();
        [self.entry.asked.digits, key_s.max(1), high, low]
    }

    /// Moves the key of a frame into the slot's landing cell and acknowledges it; `false` for a beat without a key.
    fn take(&mut self, cover: &mut Cover, sequence: u8, slot: &mut PinSlot) -> Result<bool, Stop> {
        let Some(key) = cover.key(sequence, self.inbox.payload()) else {
            return Err(misbehaved(self.wire, "a frame is not of this pad and this moment").into());
        };
        let pressed = *key != NO_KEY;
        if pressed {
            slot.landing().copy_from_slice(std::slice::from_ref(key));
        }
        key.zeroize();
        self.inbox.wipe();
        self.acknowledge(cover, sequence)?;
        Ok(pressed)
    }

    /// The frame before the one that is due comes again when our acknowledgement was lost. Any other is out of order.
    /// However often it comes, the limits of the entry hold.
    fn repeated(&mut self, cover: &Cover, sequence: u8, due: u64) -> Result<(), Fault> {
        let before = due.checked_sub(1).map(|before| before.to_le_bytes()[0]);
        if before != Some(sequence) {
            return Err(misbehaved(self.wire, "a frame is out of order: lost, or sent by somebody else"));
        }
        self.acknowledge(cover, sequence)
    }

    fn acknowledge(&mut self, cover: &Cover, sequence: u8) -> Result<(), Fault> {
        self.wire.send(&frame(cover.kind(Kind::Acknowledge), sequence, &[]))
    }
}

fn meaning(byte: u8) -> Key {
    match byte {
        b'B' => Key::Backspace,
        b'C' => Key::Clear,
        b'E' => Key::Enter,
        b'X' => Key::Cancel,
        _ => Key::Ignored,
    }
}

fn library_failed() -> Fault {
    own_fault(
        "pad-failed",
        FaultKind::Broken,
        Action::SoftwareError,
        "the cryptographic library does not seal".to_owned(),
    )
}
