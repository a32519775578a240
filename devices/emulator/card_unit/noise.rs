//! A line that spoils some bytes, the same ones for the same seed.

/// Spoils so many of 10,000 bytes.
#[derive(Debug)]
pub(super) struct Noise {
    state: u64,
    pub(super) wrong_of_10_000: u32,
}

impl Noise {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed, wrong_of_10_000: 0 }
    }

    /// Starts anew from `seed`.
    pub(super) const fn seed(&mut self, seed: u64) {
        self.state = seed;
    }

    /// A byte after its way over the line.
    pub(super) fn pass(&mut self, byte: u8) -> u8 {
        if self.wrong_of_10_000 == 0 {
            return byte;
        }
        let drawn = self.draw();
        if drawn % 10_000 < u64::from(self.wrong_of_10_000) {
            let [other, ..] = (drawn >> 32).to_le_bytes();
            if other == byte { !byte } else { other }
        } else {
            byte
        }
    }

    /// Any byte.
    pub(super) fn any(&mut self) -> u8 {
        let [byte, ..] = self.draw().to_le_bytes();
        byte
    }

    /// SplitMix64, by its published constants.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
