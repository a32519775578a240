//! Recorded before done, as a type.
//!
//! Invariants:
//! - Nothing outside this file can take an [`Effect`] out of a [`Step`] except through [`Step::commit`]. A failed commit
//!   and a [`Violation`] give out [`Release`]s only.
//! - When one of the effects can be seen from outside or cannot be taken back ([`Act::needs_durable`]), commit returns
//!   after the records are durable, and all records before them. Other steps only hand their records over: they become
//!   durable while the customer reads and the card works, in the same order, and at the latest with the next such step.

use alloc::vec::Vec;

use crate::{Act, Effect, Machine, Numbered, Record, Release};

/// Where records become durable. One implementation exists outside tests: the terminal's journal.
pub trait Durable {
    /// Why records could not be made durable.
    type Error;

    /// Returns after all of these records, or none of them, are durable; and with them all that were noted before.
    ///
    /// # Errors
    /// When they are not durable, or when that is not certain.
    fn commit(&mut self, records: &[Record]) -> Result<(), Self::Error>;

    /// Takes these records, to make them durable soon, in order, and at the latest with the next commit.
    ///
    /// # Errors
    /// When they cannot be taken.
    fn note(&mut self, records: &[Record]) -> Result<(), Self::Error>;
}

/// What came of one event, sealed.
///
/// Effects cannot be taken without a commit:
/// ```compile_fail
/// fn cheat(step: transaction::Step) {
///     let _ = step.effects;
/// }
/// ```
#[must_use = "a step that is not committed loses records and effects"]
#[derive(Debug)]
pub struct Step {
    machine: Machine,
    records: Vec<Record>,
    effects: Vec<Numbered<Effect>>,
    rescue: Vec<Numbered<Release>>,
}

/// A step whose records are durable, as far as its effects need it.
#[must_use]
#[derive(Debug)]
pub struct Committed {
    /// Takes the next event.
    pub machine: Machine,
    /// To be done now, in this order.
    pub effects: Vec<Numbered<Effect>>,
}

/// The records of a step are not durable: release, wait until the card is taken, stop. There is no machine any more.
#[must_use]
#[derive(Debug)]
pub struct CommitFailed<E> {
    /// Why.
    pub error: E,
    /// To be done now, in this order.
    pub release: Vec<Numbered<Release>>,
}

/// An event that cannot happen where it happened: a bug of ours. Release, wait until the card is taken, stop.
/// There is no machine any more.
#[must_use]
#[derive(Debug)]
pub struct Violation {
    /// The state the machine was in.
    pub state: &'static str,
    /// What was wrong.
    pub report: &'static str,
    /// To be done now, in this order.
    pub release: Vec<Numbered<Release>>,
}

impl Step {
    pub(crate) fn seal(
        machine: Machine,
        records: Vec<Record>,
        effects: Vec<Numbered<Effect>>,
        rescue: Vec<Numbered<Release>>,
    ) -> Self {
        Self { machine, records, effects, rescue }
    }

    /// What will be recorded; to be looked at.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The state that the machine will be in.
    #[must_use]
    pub fn state(&self) -> &'static str {
        self.machine.state()
    }

    /// Records what happened, durably when an effect needs it, and gives out machine and effects.
    ///
    /// # Errors
    /// When the records are not durable; see [`CommitFailed`].
    pub fn commit<D: Durable>(self, durable: &mut D) -> Result<Committed, CommitFailed<D::Error>> {
        let needs_durable = self.effects.iter().any(|effect| match &effect.what {
            Effect::Act(act) => Act::needs_durable(act),
            Effect::Release(_) => false,
        });
        let recorded =
            if needs_durable { durable.commit(&self.records) } else { durable.note(&self.records) };
        match recorded {
            Ok(()) => Ok(Committed { machine: self.machine, effects: self.effects }),
            Err(error) => Err(CommitFailed { error, release: self.rescue }),
        }
    }
}
