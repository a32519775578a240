//! The normal form of a state, as 128 bits.
//!
//! Effects are numbered without end, so two states that differ only in their numbers are one state. A number is nothing
//! but a name: the machine compares it with others for equality. [`Renaming`] is a hasher that replaces each number,
//! which is each `u32` that is written to it, by the rank of its first appearance. The machine writes first, then what
//! the surroundings still owe it, so the same pattern of questions and deadlines gets the same ranks.
//!
//! Invariants:
//! - [`transaction::EffectNo`] is the only `u32` in the machine (a test below reads the sources).
//! - Two streams with different constants are mixed: were they random functions, the chance that any two of n states
//!   share a fingerprint would be below n² / 2^129: for ten million states 1.5 · 10^-25.

use std::hash::{BuildHasher, Hash, Hasher};

/// The fingerprint of a state in its normal form.
pub(crate) fn fingerprint(state: &impl Hash) -> u128 {
    let mut hasher =
        Renaming { left: Lane::new(LEFT), right: Lane::new(RIGHT), words: 0, seen: Seen::default() };
    state.hash(&mut hasher);
    let (left, right) = (hasher.left.end(hasher.words), hasher.right.end(hasher.words));
    u128::from(left) << 64 | u128::from(right)
}

/// The numbers that a machine still holds, and before them the next number that it will give out.
pub(crate) fn numbers(machine: &impl Hash) -> Seen {
    let mut hasher = Numbers(Seen::default());
    machine.hash(&mut hasher);
    hasher.0
}

/// Numbers in the order of their first appearance. A machine holds at most one question and two deadlines.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    len: usize,
    numbers: [u32; 16],
}

impl Seen {
    fn rank(&mut self, number: u32) -> u64 {
        let known = &self.numbers[..self.len];
        let rank = known.iter().position(|seen| *seen == number).unwrap_or_else(|| {
            self.numbers[self.len] = number;
            self.len += 1;
            self.len - 1
        });
        rank as u64
    }

    pub(crate) fn has(&self, number: u32) -> bool {
        self.numbers[..self.len].contains(&number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.numbers[..self.len].iter().copied()
    }
}

/// Constants of one stream.
#[derive(Debug, Clone, Copy)]
struct Mix {
    seed: u64,
    before: u64,
    after: u64,
    add: u64,
    turn: u32,
}

const LEFT: Mix = Mix {
    seed: 0x9e37_79b9_7f4a_7c15,
    before: 0x87c3_7b91_1142_53d5,
    after: 0x4cf5_ad43_2745_937f,
    add: 0x52dc_e729,
    turn: 31,
};
const RIGHT: Mix = Mix {
    seed: 0xd1b5_4a32_d192_ed03,
    before: 0xff51_afd7_ed55_8ccd,
    after: 0xc4ce_b9fe_1a85_ec53,
    add: 0x3849_5ab5,
    turn: 33,
};

/// One stream of 64 bits. For a given state each word leads to another state: nothing is lost before the end.
#[derive(Debug, Clone, Copy)]
struct Lane {
    mix: Mix,
    state: u64,
}

impl Lane {
    const fn new(mix: Mix) -> Self {
        Self { mix, state: mix.seed }
    }

    #[inline(always)]
    fn word(&mut self, word: u64) {
        let word = word.wrapping_mul(self.mix.before).rotate_left(self.mix.turn).wrapping_mul(self.mix.after);
        self.state = (self.state ^ word).rotate_left(27).wrapping_mul(5).wrapping_add(self.mix.add);
    }

    fn end(self, words: u64) -> u64 {
        let mut end = self.state ^ words;
        end = (end ^ (end >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        end = (end ^ (end >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        end ^ (end >> 33)
    }
}

struct Renaming {
    left: Lane,
    right: Lane,
    words: u64,
    seen: Seen,
}

impl Renaming {
    #[inline(always)]
    fn word(&mut self, word: u64) {
        self.left.word(word);
        self.right.word(word);
        self.words += 1;
    }
}

impl Hasher for Renaming {
    fn finish(&self) -> u64 {
        self.left.end(self.words)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.word(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    fn write_u32(&mut self, number: u32) {
        let rank = self.seen.rank(number);
        self.word(rank);
    }

    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.word(value as u64);
    }
}

/// Collects the numbers and forgets everything else.
struct Numbers(Seen);

impl Hasher for Numbers {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u8(&mut self, _value: u8) {}

    fn write_u32(&mut self, number: u32) {
        self.0.rank(number);
    }

    fn write_usize(&mut self, _value: usize) {}

    fn write_isize(&mut self, _value: isize) {}
}

/// For maps from fingerprints: they are mixed already.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mixed;

/// Takes the lower half of a fingerprint as it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AsItIs(u64);

impl BuildHasher for Mixed {
    type Hasher = AsItIs;

    fn build_hasher(&self) -> AsItIs {
        AsItIs(0)
    }
}

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, fingerprint: u128) {
        self.0 = fingerprint as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transaction::EffectNo;

    #[test]
    fn only_the_pattern_of_the_numbers_counts() {
        let print = |numbers: &[u32]| {
            let numbers: Vec<_> = numbers.iter().map(|no| (7u8, EffectNo(*no), "code")).collect();
            fingerprint(&numbers)
        };
        assert_eq!(print(&[5, 9, 5]), print(&[1, 0, 1]));
        assert_ne!(print(&[5, 9, 5]), print(&[5, 9, 9]));
        assert_ne!(print(&[5, 9, 5]), print(&[5, 5, 9]));
        assert_ne!(print(&[5]), print(&[5, 5]));
    }

    #[test]
    fn everything_else_counts() {
        assert_ne!(fingerprint(&(1u8, 2u8)), fingerprint(&(2u8, 1u8)));
        assert_ne!(fingerprint(&"ab"), fingerprint(&"ba"));
        assert_ne!(fingerprint(&Some(0u8)), fingerprint(&None::<u8>));
        assert_ne!(fingerprint(&[0u8; 16]), fingerprint(&[0u8; 17]));
    }

    /// A `u32` that is not a number of an effect would be renamed too, and states that differ would be taken for one.
    #[test]
    fn the_machine_has_no_other_u32_than_numbers() {
        let sources = [
            include_str!("../../cx.rs"),
            include_str!("../../machine.rs"),
            include_str!("../../patience.rs"),
            include_str!("../../states.rs"),
            include_str!("../../states/card.rs"),
            include_str!("../../states/consent.rs"),
            include_str!("../../states/ending.rs"),
            include_str!("../../states/host.rs"),
            include_str!("../../states/pad.rs"),
            include_str!("../../states/pin.rs"),
            include_str!("../../states/start.rs"),
            include_str!("../../states/taking.rs"),
        ];
        let allowed = [
            // The next number.
            "next_no: u32,",
            // In an event, not in a state.
            "fn outbox_passed(self, left: u32, cx: &mut Cx) -> Next {",
            // In a record, not in a state.
            "cx.record(Record::Started { interrupted: u32::try_from(open.len()).unwrap_or(u32::MAX) });",
        ];
        let words = sources.iter().flat_map(|source| source.lines()).map(str::trim);
        let found: Vec<_> = words.filter(|line| line.contains("u32") || line.contains("char")).collect();
        assert_eq!(found, allowed);
        // What a state holds of other files: codes, events and limits have no u32 in what a state keeps of them.
        let effect = include_str!("../../effect.rs");
        assert_eq!(effect.matches("u32").count(), 1, "EffectNo");
        let code = include_str!("../../code.rs");
        assert_eq!(code.matches("u32").count(), 0);
        let event = include_str!("../../event.rs");
        assert_eq!(event.matches("u32").count(), 1, "OutboxPassed, which no state keeps");
    }
}
