//! UIC PP791, key by key, in clear: packets of the VISA kind, as its Programmer's Manual PM0103-U describes them.
//!
//! Never tried on a real pad. Taken from the manual: frames, single-byte answers, `72`, `Z2`, `Z42`/`Z43`, and that digits are
//! given out under an authenticated prompt only. Not in it, and chosen here: how a prompt's id stands in `Z2`, what a pad
//! sends for a digit that it withholds (an empty `Z43`, or nothing), and that it acknowledges `72` and `Z2` without more.
//!
//! Invariants:
//! - The byte of a key goes from the system into the slot's landing cell, and counts only when the frame around it is whole
//!   and sums up; otherwise it is wiped. Every other byte goes into a cell of a locked page, and is wiped too: the check byte
//!   tells the key as well.
//! - A key that comes again because our acknowledgement was lost does not count twice: between two keys stands an order that
//!   the pad has acknowledged.

use std::time::{Duration, Instant};

use jpki::PinSlot;
use zeroize::Zeroize as _;

use super::frame::Inbox;
use super::wire::{Stop, Wire};
use super::{Limits, misbehaved, nothing};
use crate::pinpad::entry::{End, Entry, Key, Typed};
use crate::pinpad::{clock, own_fault};
use crate::port::{Action, Fault, FaultKind};

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const EOT: u8 = 0x04;
const ACK: u8 = 0x06;
const NAK: u8 = 0x15;

/// Cancels whatever is going on.
const CANCEL: &[u8] = b"72";
/// Shows a text.
const PROMPT: &[u8] = b"Z2";
/// Reads one key within so many seconds.
const READ_KEY: &[u8] = b"Z42";
/// The key that was read.
const KEY: &[u8] = b"Z43";
/// The pad's key for "none in time".
const NONE_IN_TIME: u8 = b'?';

/// The pad is asked for a key for so long at a time: as long a pad that is gone is not noticed.
const READ_KEY_S: u8 = 5;
/// Beyond what the pad was told to wait.
const LATE_MS_MAX: Duration = Duration::from_millis(2_000);
/// Between two bytes of a frame.
const GAP_MS_MAX: Duration = Duration::from_millis(500);
/// As often as the pad itself repeats: three NAKs end an exchange.
const ATTEMPTS: u32 = 3;
/// Stray bytes and broken frames in one entry.
const NOISE_MAX: u32 = 64;
/// A frame that is not a key is read so far.
const BODY_BYTES_MAX: u32 = 128;

/// The prompt under which the pad reads keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UicPrompt {
    body: Vec<u8>,
}

/// The text is no prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a prompt is 1 to 16 printable ASCII characters")]
pub struct NotAPrompt;

impl UicPrompt {
    /// A prompt that the pad's maker authenticated, by its id: the pad gives digits out under it.
    ///
    /// # Errors
    /// When the id is none.
    pub fn authenticated(id: &str) -> Result<Self, NotAPrompt> {
        const BY_ID: u8 = 0x1D;
        Ok(Self { body: [PROMPT, &[BY_ID], printable(id)?].concat() })
    }

    /// A text of our own. A real pad withholds digits under it; a bench may not.
    ///
    /// # Errors
    /// When the pad cannot show the text.
    pub fn plain(text: &str) -> Result<Self, NotAPrompt> {
        Ok(Self { body: [PROMPT, printable(text)?].concat() })
    }
}

fn printable(text: &str) -> Result<&[u8], NotAPrompt> {
    const CHARACTERS_MAX: usize = 16;
    let fits = (1..=CHARACTERS_MAX).contains(&text.len());
    let fits = fits && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if fits { Ok(text.as_bytes()) } else { Err(NotAPrompt) }
}

/// STX, body, ETX, and the sum of all behind STX.
fn frame(body: &[u8]) -> Vec<u8> {
    let checked = [body, &[ETX]].concat();
    let sum = checked.iter().fold(0, |sum, byte| sum ^ byte);
    [&[STX], &checked[..], &[sum]].concat()
}

/// A frame of the pad.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    /// A key, in the landing cell.
    Key,
    /// The answer to "read a key", without one.
    Withheld,
    /// Something else.
    Other,
    /// Not whole, or the sum is wrong.
    Broken,
}

/// Whether the pad answers at all.
pub(super) fn greet(wire: &mut Wire<'_>, inbox: &mut Inbox, answer: Duration) -> Result<(), Stop> {
    Talk::new(wire, inbox, answer).order(CANCEL, &mut PinSlot::new())
}

/// The procedure of frames and acknowledgements.
pub(super) struct Talk<'t, 'e> {
    wire: &'t mut Wire<'e>,
    inbox: &'t mut Inbox,
    /// How long the pad may take to acknowledge.
    answer: Duration,
    noise: u32,
    /// Orders that the pad has not acknowledged or refused yet.
    outstanding: u32,
}

impl<'t, 'e> Talk<'t, 'e> {
    pub(super) fn new(wire: &'t mut Wire<'e>, inbox: &'t mut Inbox, answer: Duration) -> Self {
        Self { wire, inbox, answer, noise: 0, outstanding: 0 }
    }

    /// The whole entry.
    pub(super) fn run(
        &mut self,
        entry: &Entry<'_>,
        limits: Limits,
        prompt: &UicPrompt,
        slot: &mut PinSlot,
    ) -> End {
        let end = self.keys(entry, limits, prompt, slot).unwrap_or_else(|stop| match stop {
            Stop::Ended(end) => end,
            Stop::TimeOver => End::TimedOut,
        });
        slot.landing().zeroize();
        // No acknowledgement may be taken for that of the next entry's first order.
        if self.wire.send(&frame(CANCEL)).is_ok() {
            self.wire.settle(ACK, self.outstanding.saturating_add(1), self.inbox.cell());
        }
        self.inbox.wipe();
        end
    }

    fn keys(
        &mut self,
        entry: &Entry<'_>,
        limits: Limits,
        prompt: &UicPrompt,
        slot: &mut PinSlot,
    ) -> Result<End, Stop> {
        let whole = clock::end_of(clock::instant(), limits.entry);
        self.order(CANCEL, slot)?;
        self.order(&prompt.body, slot)?;
        let key_limit = Duration::from_millis(entry.asked.key_ms_max);
        let mut typed = Typed::default();
        let mut key_at = clock::instant();
        loop {
            let over = whole.min(clock::end_of(key_at, key_limit));
            let left = over.saturating_duration_since(clock::instant());
            if left.is_zero() {
                return Ok(End::TimedOut);
            }
            let seconds = left.as_millis().div_ceil(1_000).clamp(1, u128::from(READ_KEY_S));
            self.order(&[READ_KEY, format!("{seconds:02}").as_bytes()].concat(), slot)?;
            let told = Duration::from_secs(u64::try_from(seconds).unwrap_or(1));
            if !self.key(over, told, slot)? {
                continue;
            }
            key_at = clock::instant();
            if let Some(end) = typed.landed(entry, meaning, slot) {
                return Ok(end);
            }
        }
    }

    /// Waits for the answer to "read a key"; `false` when there was none in time.
    fn key(&mut self, over: Instant, told: Duration, slot: &mut PinSlot) -> Result<bool, Stop> {
        let gone = clock::end_of(clock::instant(), told.saturating_add(LATE_MS_MAX));
        let noise_before = self.noise;
        for _ in 0..ATTEMPTS {
            match self.frame(over.min(gone), slot) {
                Ok(Came::Key) => {
                    self.wire.send(&[ACK])?;
                    if *slot.landing() == [NONE_IN_TIME] {
                        slot.landing().zeroize();
                        return Ok(false);
                    }
                    return Ok(true);
                }
                Ok(Came::Withheld) => {
                    self.wire.send(&[ACK])?;
                    return Err(self.withheld().into());
                }
                Ok(Came::Other) => {
                    self.wire.send(&[ACK])?;
                    return Err(misbehaved(self.wire, "it answers a question that was not asked").into());
                }
                Ok(Came::Broken) => self.wire.send(&[NAK])?,
                // Our own time is over before the pad's.
                Err(Stop::TimeOver) if clock::instant() < gone => return Ok(false),
                Err(Stop::TimeOver) => {
                    return Err(nothing(self.wire, self.noise - noise_before, "it fell silent").into());
                }
                Err(stop) => return Err(stop),
            }
        }
        self.wire.send(&[EOT])?;
        Err(misbehaved(self.wire, "its answer is broken again and again").into())
    }

    /// Sends an order until the pad acknowledges it. A key that comes before that is the last one, repeated.
    fn order(&mut self, body: &[u8], slot: &mut PinSlot) -> Result<(), Stop> {
        let order = frame(body);
        let (mut refused, noise_before) = (false, self.noise);
        for _ in 0..ATTEMPTS {
            self.wire.send(&order)?;
            self.outstanding = self.outstanding.saturating_add(1);
            let until = clock::end_of(clock::instant(), self.answer);
            loop {
                match self.control(until) {
                    Ok(ACK) => {
                        self.outstanding = self.outstanding.saturating_sub(1);
                        return Ok(());
                    }
                    Ok(NAK) => {
                        self.outstanding = self.outstanding.saturating_sub(1);
                        refused = true;
                        break;
                    }
                    Ok(EOT) => return Err(misbehaved(self.wire, "it gave up").into()),
                    Ok(STX) => {
                        let came = self.rest_of_frame(slot)?;
                        slot.landing().zeroize();
                        self.wire.send(&[if came == Came::Broken { NAK } else { ACK }])?;
                        self.noise()?;
                    }
                    Ok(_) => self.noise()?,
                    Err(Stop::TimeOver) => break,
                    Err(stop) => return Err(stop),
                }
            }
        }
        if refused {
            return Err(misbehaved(self.wire, "it refuses what it is told").into());
        }
        Err(nothing(self.wire, self.noise - noise_before, "it does not acknowledge").into())
    }

    /// The next frame; strays before it are noise.
    fn frame(&mut self, until: Instant, slot: &mut PinSlot) -> Result<Came, Stop> {
        loop {
            match self.control(until)? {
                STX => return self.rest_of_frame(slot),
                EOT => return Err(misbehaved(self.wire, "it gave up").into()),
                _ => self.noise()?,
            }
        }
    }

    fn rest_of_frame(&mut self, slot: &mut PinSlot) -> Result<Came, Stop> {
        let mut sum = 0;
        let came = self.body(&mut sum, slot).and_then(|came| {
            let check = self.control(self.soon())?;
            Ok(if check == sum { came } else { Came::Broken })
        });
        sum.zeroize();
        let came = match came {
            Err(Stop::TimeOver) => Ok(Came::Broken),
            came => came,
        };
        if !matches!(came, Ok(Came::Key)) {
            slot.landing().zeroize();
        }
        came
    }

    /// Up to ETX.
    fn body(&mut self, sum: &mut u8, slot: &mut PinSlot) -> Result<Came, Stop> {
        for expected in KEY {
            let byte = self.control(self.soon())?;
            *sum ^= byte;
            if byte != *expected {
                return if byte == ETX { Ok(Came::Other) } else { self.skip_body(sum) };
            }
        }
        // The one byte that may be secret.
        self.wire.read(slot.landing(), self.soon())?;
        let [key] = slot.landing();
        *sum ^= *key;
        if *key == ETX {
            return Ok(Came::Withheld);
        }
        match self.control(self.soon())? {
            ETX => {
                *sum ^= ETX;
                Ok(Came::Key)
            }
            byte => {
                *sum ^= byte;
                self.skip_body(sum)
            }
        }
    }

    fn skip_body(&mut self, sum: &mut u8) -> Result<Came, Stop> {
        for _ in 0..BODY_BYTES_MAX {
            let byte = self.control(self.soon())?;
            *sum ^= byte;
            if byte == ETX {
                return Ok(Came::Other);
            }
        }
        Ok(Came::Broken)
    }

    /// One byte that is no key.
    fn control(&mut self, until: Instant) -> Result<u8, Stop> {
        self.wire.read(self.inbox.cell(), until)?;
        let byte = self.inbox.cell().first().copied().unwrap_or_default();
        self.inbox.cell().zeroize();
        Ok(byte)
    }

    fn soon(&self) -> Instant {
        clock::end_of(clock::instant(), GAP_MS_MAX)
    }

    fn noise(&mut self) -> Result<(), Fault> {
        self.noise += 1;
        if self.noise > NOISE_MAX {
            return Err(misbehaved(self.wire, "there is more noise than sense on the line"));
        }
        Ok(())
    }

    fn withheld(&self) -> Fault {
        own_fault(
            "pad-withholds-digits",
            FaultKind::NeedsOperator,
            Action::Configuration,
            format!(
                "the PIN pad at {} gives no digits out: is the prompt one that its maker authenticated?",
                self.wire.place()
            ),
        )
    }
}

fn meaning(byte: u8) -> Key {
    match byte {
        b'#' => Key::Enter,
        b'*' => Key::Cancel,
        b'/' => Key::Clear,
        // The function keys 'A' to 'C' are printed with nothing that a customer could expect here.
        _ => Key::Ignored,
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn frames_are_those_of_the_manual() {
        assert_eq!(frame(b"Z4230"), [0x02, 0x5A, 0x34, 0x32, 0x33, 0x30, 0x03, 0x5C]);
        assert_eq!(frame(CANCEL), [0x02, 0x37, 0x32, 0x03, 0x06]);
    }

    #[test]
    fn a_prompt_is_short_and_printable() {
        assert_eq!(UicPrompt::plain("ENTER PIN").unwrap().body, b"Z2ENTER PIN");
        assert_eq!(UicPrompt::authenticated("12").unwrap().body, b"Z2\x1D12");
        for text in ["", "12345678901234567", "a\x03b", "暗証番号"] {
            assert_eq!(
                (UicPrompt::plain(text), UicPrompt::authenticated(text)),
                (Err(NotAPrompt), Err(NotAPrompt))
            );
        }
    }
}
