//! What the unit did, so that a test can see that nothing was done twice.

use std::collections::BTreeMap;

/// What the unit did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commands executed, by their code.
    pub executed: BTreeMap<String, u64>,
    /// Answers said again.
    pub repeats: u64,
    /// Commands refused as damaged.
    pub damaged: u64,
    /// Commands that were acknowledged, and that the host then gave up.
    pub given_up: u64,
    /// What reached the chip: INS and length of each command, in order.
    pub apdus: Vec<(u8, usize)>,
}

impl Counts {
    /// How often a command was executed.
    #[must_use]
    pub fn of(&self, code: &str) -> u64 {
        self.executed.get(code).copied().unwrap_or(0)
    }

    /// VERIFY with a PIN in it.
    #[must_use]
    pub fn verifies(&self) -> usize {
        self.apdus.iter().filter(|(ins, bytes)| *ins == 0x20 && *bytes > 5).count()
    }

    /// COMPUTE DIGITAL SIGNATURE.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.apdus.iter().filter(|(ins, _)| *ins == 0x2A).count()
    }
}
