//! Recorded before done, as a type.
//!
//! Invariant: nothing outside this file can take an [`Effect`] out of a [`Step`] except through [`Step::commit`],
//! which returns after the records are durable. A failed commit and a [`Violation`] give out [`Release`]s only.

use alloc::vec::Vec;

use crate::{Effect, Machine, Numbered, Record, Release};

/// Where records become durable. One implementation exists outside tests: the terminal's journal.
pub trait Durable {
    /// Why records could not be made durable.
    type Error;

    /// Returns after all of these records, or none of them, are durable.
    ///
    /// # Errors
    /// When they are not durable, or when that is not certain.
    fn commit(&mut self, records: &[Record]) -> Result<(), Self::Error>;
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

/// A step whose records are durable.
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

    /// Makes the records durable and gives out machine and effects. A step without records touches no store.
    ///
    /// # Errors
    /// When the records are not durable; see [`CommitFailed`].
    pub fn commit<D: Durable>(self, durable: &mut D) -> Result<Committed, CommitFailed<D::Error>> {
        if !self.records.is_empty()
            && let Err(error) = durable.commit(&self.records)
        {
            return Err(CommitFailed { error, release: self.rescue });
        }
        Ok(Committed { machine: self.machine, effects: self.effects })
    }
}
