//! A pad that speaks the project's own protocol, encrypted or in clear. Written from `docs/pin-pad.md`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::identity::{Identity, Keys, answer};
use super::lever::Levers;
use super::{Behaviour, Said};

const BEAT: Duration = Duration::from_millis(100);
/// A frame is repeated so often before the pad takes the host for gone.
const RESENDS_MAX: u32 = 50;
/// CLEAR is added to each type in clear.
const CLEAR: u8 = 0x80;
const NO_KEY: u8 = b'.';
/// Nothing that a host sends is longer: a head, a key and a sum.
const FRAME_BYTES_MAX: usize = 80;

/// The pad.
pub(crate) struct Reference {
    identity: Identity,
    /// Fixed, for vectors; otherwise each greeting gets a new one.
    ephemeral: Option<Identity>,
    clear: bool,
    heard: Vec<u8>,
    greeted: Option<(Vec<u8>, Vec<u8>)>,
    keys: Option<Keys>,
    entry: Option<Entry>,
    frames: u32,
}

struct Entry {
    sequence: u64,
    unacknowledged: Option<Vec<u8>>,
    resends: u32,
    next_beat: Instant,
    ends: Instant,
    /// The frame of a key, and in how many frames it is sent again.
    replay: Option<(Vec<u8>, u32)>,
}

impl Reference {
    pub(crate) fn new(identity: Identity, ephemeral: Option<Identity>, clear: bool) -> Self {
        Self {
            identity,
            ephemeral,
            clear,
            heard: Vec::new(),
            greeted: None,
            keys: None,
            entry: None,
            frames: 0,
        }
    }

    fn whole_frames(&mut self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while let Some(at) = self.heard.windows(2).position(|two| two == [0xA5, 0x5A]) {
            self.heard.drain(..at);
            let Some(length) = self.heard.get(5).map(|length| usize::from(*length) + 8) else { break };
            if length > FRAME_BYTES_MAX {
                self.heard.drain(..2);
                continue;
            }
            let Some(frame) = self.heard.get(..length).map(<[u8]>::to_vec) else { break };
            match frame.split_last_chunk::<2>() {
                Some((body, sum)) if crc(body.get(2..).unwrap_or_default()).to_be_bytes() == *sum => {
                    self.heard.drain(..length);
                    frames.push(body.to_vec());
                }
                _ => drop(self.heard.drain(..2)),
            }
        }
        frames
    }

    fn obey(&mut self, frame: &[u8], now: Instant, levers: &Levers, said: &mut Said) {
        let Some((&[_, _, version, kind, sequence, _], payload)) = frame.split_first_chunk::<6>() else {
            return;
        };
        let head = frame.get(2..6).unwrap_or_default();
        if version != 1 || (kind & CLEAR != 0) != self.clear {
            return;
        }
        match kind & !CLEAR {
            0x01 if !self.clear => self.greet(payload, levers, said),
            0x03 => {
                let text = self.text(head, payload);
                if let Some([_digits, _key_s, high, low]) = text.as_deref()
                    && self.entry.is_none()
                {
                    let seconds = u16::from_be_bytes([*high, *low]);
                    self.entry = Some(Entry {
                        sequence: 0,
                        unacknowledged: None,
                        resends: 0,
                        next_beat: now,
                        ends: now + Duration::from_secs(seconds.into()),
                        replay: None,
                    });
                }
            }
            0x05 if self.text(head, payload).is_some() => self.entry = None,
            0x06 => {
                if let Some(entry) = &mut self.entry
                    && entry.sequence.checked_sub(1).is_some_and(|last| last.to_le_bytes()[0] == sequence)
                {
                    entry.unacknowledged = None;
                    entry.resends = 0;
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, head: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
        if self.clear { Some(payload.to_vec()) } else { self.keys.as_mut()?.open(head, payload) }
    }

    fn greet(&mut self, host: &[u8], levers: &Levers, said: &mut Said) {
        if let Some((before, frame)) = &self.greeted
            && before == host
        {
            return said.frame(frame.clone());
        }
        self.entry = None;
        let other = Identity::generate().unwrap_or_else(|_| self.identity.clone());
        let name = if levers.other_identity { &other } else { &self.identity };
        let signer = if levers.other_identity || levers.forged_signature { &other } else { &self.identity };
        let ephemeral = match &self.ephemeral {
            Some(fixed) => Some(fixed.clone()),
            None => Identity::generate().ok(),
        };
        let agreed = ephemeral.and_then(|ephemeral| answer(name, signer, &ephemeral, host));
        let Some((payload, keys)) = agreed else { return };
        let frame = framed(version(levers), 0x02, 0, &payload);
        self.keys = Some(keys);
        self.greeted = Some((host.to_vec(), frame.clone()));
        said.frame(frame);
    }

    fn beat(&mut self, now: Instant, pressed: &mut VecDeque<u8>, levers: &mut Levers, said: &mut Said) {
        let Some(entry) = &mut self.entry else { return };
        if now < entry.next_beat {
            return;
        }
        entry.next_beat = now + BEAT;
        if let Some(frame) = entry.unacknowledged.clone() {
            entry.resends += 1;
            if entry.resends > RESENDS_MAX {
                self.entry = None;
                return;
            }
            return said.frame(frame);
        }
        if now >= entry.ends {
            self.entry = None;
            return;
        }
        if let Some((frame, left)) = entry.replay.take() {
            if left == 0 {
                return said.frame(frame);
            }
            entry.replay = Some((frame, left - 1));
        }
        let key = pressed.pop_front().unwrap_or(NO_KEY);
        let kind = if self.clear { 0x04 | CLEAR } else { 0x04 };
        let sequence = entry.sequence.to_le_bytes()[0];
        let length = if self.clear { 1 } else { 17 };
        let version = version(levers);
        let payload = match &mut self.keys {
            _ if self.clear => Some(vec![key]),
            Some(keys) => keys.seal(&[version, kind, sequence, length], &[key]),
            None => None,
        };
        let Some(mut payload) = payload else { return };
        if levers.tamper
            && let Some(byte) = payload.first_mut()
        {
            *byte ^= 0x01;
        }
        let frame = framed(version, kind, sequence, &payload);
        entry.sequence += 1;
        entry.unacknowledged = Some(frame.clone());
        if key != NO_KEY {
            levers.key_sent();
            if levers.replay && entry.replay.is_none() {
                entry.replay = Some((frame.clone(), 2));
            }
        }
        if levers.repeat {
            said.frame(frame.clone());
        }
        said.frame(frame);
    }
}

impl Behaviour for Reference {
    fn hear(&mut self, bytes: &[u8], now: Instant, levers: &mut Levers, said: &mut Said) {
        self.heard.extend_from_slice(bytes);
        for frame in self.whole_frames() {
            self.obey(&frame, now, levers, said);
        }
    }

    fn tick(&mut self, now: Instant, pressed: &mut VecDeque<u8>, levers: &mut Levers, said: &mut Said) {
        self.beat(now, pressed, levers, said);
    }

    fn is_entering(&self) -> bool {
        self.entry.is_some()
    }

    fn unplugged(&mut self) {
        self.entry = None;
        self.keys = None;
        self.greeted = None;
        self.heard.clear();
    }

    fn garbled(&mut self, frame: &mut [u8], levers: &Levers) {
        self.frames = self.frames.wrapping_add(1);
        if levers.noise_every.is_some_and(|every| self.frames.is_multiple_of(every))
            && let Some(byte) = frame.get_mut(7)
        {
            *byte ^= 0x10;
        }
    }
}

fn version(levers: &Levers) -> u8 {
    if levers.other_version { 2 } else { 1 }
}

fn framed(version: u8, kind: u8, sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap_or(u8::MAX);
    let mut frame = vec![0xA5, 0x5A, version, kind, sequence, length];
    frame.extend_from_slice(payload);
    let sum = crc(frame.get(2..).unwrap_or_default());
    frame.extend(sum.to_be_bytes());
    frame
}

/// By remainders of four bits at a time.
fn crc(bytes: &[u8]) -> u16 {
    const REMAINDERS: [u16; 16] = [
        0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7, 0x8108, 0x9129, 0xA14A, 0xB16B,
        0xC18C, 0xD1AD, 0xE1CE, 0xF1EF,
    ];
    let mut sum = 0xFFFF_u16;
    for nibble in bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0F]) {
        let index = usize::from((sum >> 12) as u8 ^ nibble);
        sum = (sum << 4) ^ REMAINDERS.get(index).copied().unwrap_or_default();
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::clock;

    fn vectors() -> BTreeMap<&'static str, Vec<u8>> {
        include_str!("../../../docs/pin-pad-vectors.txt")
            .lines()
            .filter_map(|line| line.split_once(" = "))
            .map(|(name, value)| (name, hex::decode(value).unwrap()))
            .collect()
    }

    /// One entry: what the pad says to what the vectors' host says.
    fn entry(pad: &mut Reference, from_host: &[&[u8]], acknowledge: &[u8]) -> Vec<Vec<u8>> {
        let mut levers = Levers::default();
        let mut said = Said::default();
        let mut now = clock::start();
        for bytes in from_host {
            // In two pieces, after noise.
            pad.hear(&[0xA5, 0x00], now, &mut levers, &mut said);
            let (first, second) = bytes.split_at(bytes.len() / 2);
            pad.hear(first, now, &mut levers, &mut said);
            pad.hear(second, now, &mut levers, &mut said);
        }
        let mut pressed = VecDeque::new();
        for key in [None, Some(b'7'), Some(b'E')] {
            pressed.extend(key);
            pad.tick(now, &mut pressed, &mut levers, &mut said);
            now += BEAT;
            let mut heard = acknowledge.to_vec();
            heard[4] =
                u8::try_from(said.messages.iter().filter(|frame| frame[3] & 0x7F == 4).count() - 1).unwrap();
            let sum = crc(&heard[2..6]).to_be_bytes();
            heard.splice(6.., sum);
            pad.hear(&heard, now, &mut levers, &mut said);
        }
        said.messages
    }

    #[test]
    fn an_encrypted_entry_is_the_one_of_the_vectors() {
        let vectors = vectors();
        let identity = Identity::from_scalar(&vectors["identity_private"]).unwrap();
        assert_eq!(identity.public_key(), vectors["identity_public"]);
        assert_eq!(identity.fingerprint(), hex::encode(&vectors["fingerprint"]));
        let ephemeral = Identity::from_scalar(&vectors["pad_private"]).unwrap();
        let mut pad = Reference::new(identity, Some(ephemeral), false);
        let from_host = [&vectors["frame_hello"][..], &vectors["frame_start"]];
        let said = entry(&mut pad, &from_host, &vectors["frame_acknowledge_1"]);
        let expected =
            ["frame_identity", "frame_key_0", "frame_key_1", "frame_key_2"].map(|name| vectors[name].clone());
        assert_eq!(said, expected);
        assert!(pad.is_entering());
        pad.hear(&vectors["frame_stop"], clock::start(), &mut Levers::default(), &mut Said::default());
        assert!(!pad.is_entering());
    }

    #[test]
    fn an_entry_in_clear_is_the_one_of_the_vectors() {
        let vectors = vectors();
        let mut pad = Reference::new(Identity::generate().unwrap(), None, true);
        let from_host = [&vectors["clear_stop_first"][..], &vectors["clear_start"]];
        let said = entry(&mut pad, &from_host, &vectors["clear_acknowledge_1"]);
        assert_eq!(said, ["clear_key_0", "clear_key_1", "clear_key_2"].map(|name| vectors[name].clone()));
        pad.hear(&vectors["clear_stop"], clock::start(), &mut Levers::default(), &mut Said::default());
        assert!(!pad.is_entering());
    }

    #[test]
    fn each_framing_is_deaf_to_the_other() {
        let vectors = vectors();
        let mut said = Said::default();
        let mut sealed = Reference::new(Identity::generate().unwrap(), None, false);
        sealed.hear(&vectors["clear_start"], clock::start(), &mut Levers::default(), &mut said);
        let mut clear = Reference::new(Identity::generate().unwrap(), None, true);
        clear.hear(&vectors["frame_hello"], clock::start(), &mut Levers::default(), &mut said);
        assert!(!sealed.is_entering() && !clear.is_entering() && said.messages.is_empty());
    }
}
