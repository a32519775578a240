//! Replays a recording, loses power at every moment of it, and judges what a start makes of what is left.

use std::fmt;

use crate::dice::Dice;
use crate::images::{self, Effort};
use crate::medium::Medium;
use crate::oracle::{Contents, Desk, Found};
use crate::recording::Op;

/// What was tried, and what came of it.
#[derive(Debug, Default)]
pub struct Tally {
    pub operations: usize,
    pub writes: usize,
    pub syncs: usize,
    pub moments: usize,
    pub images: u64,
    pub before: u64,
    pub after: u64,
    pub unchanged: u64,
    /// Named corrupt.
    pub corrupt: u64,
    /// Each that was neither as before nor as after, the corrupt ones among them.
    pub wrong: Vec<String>,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, writes, syncs, moments, images, before, after, unchanged, corrupt, wrong } =
            self;
        let third = wrong.len() - usize::try_from(*corrupt).unwrap();
        write!(
            f,
            "{operations} operations recorded, {writes} of them writes and {syncs} syncs; power lost at {moments} moments \
             in {images} ways: {before} as before the commit, {after} as after it, {unchanged} with no commit on the way, \
             {corrupt} corrupt, {third} something else"
        )
    }
}

/// A medium that lies: for the negative control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    None,
    /// This operation, a sync, is answered and not done.
    SyncIgnored(usize),
    /// This operation, a write, is lost although it was synced.
    WriteLost(usize),
}

/// The states after each sync of a recording, by an honest medium and with nothing lost.
pub struct States {
    /// At the beginning, then after each sync, and at the end.
    pub after: Vec<Contents>,
    /// What the process had said by then.
    pub said: Vec<Option<String>>,
}

/// Reads the state after each sync.
pub fn states(ops: &[Op], desk: &mut Desk) -> States {
    let mut medium = Medium::default();
    let mut states = States { after: Vec::new(), said: Vec::new() };
    let mut said = None;
    let mut note = |medium: &Medium, said: &Option<String>| {
        match desk.start(&medium.live()) {
            Found::Contents(contents) => states.after.push(contents),
            Found::Corrupt(why) => panic!("with nothing lost: {why}"),
        }
        states.said.push(said.clone());
    };
    note(&medium, &said);
    for op in ops {
        if let Op::Said(line) = op {
            said = Some(line.clone());
        }
        medium.take(op);
        if op.is_sync() {
            note(&medium, &said);
        }
    }
    note(&medium, &said);
    states
}

/// Loses power at every moment between two syncs. `effort` says how hard to try at the moment before each sync.
pub fn prove(
    ops: &[Op],
    states: &States,
    lie: Lie,
    desk: &mut Desk,
    dice: &mut Dice,
    mut effort: impl FnMut(usize, &Medium) -> Option<Effort>,
) -> Tally {
    let mut tally = Tally {
        operations: ops.len(),
        writes: ops.iter().filter(|op| matches!(op, Op::Write { .. })).count(),
        syncs: ops.iter().filter(|op| op.is_sync()).count(),
        ..Tally::default()
    };
    let mut medium = Medium::default();
    let mut moment = 0;
    let mut lose_power = |medium: &Medium, moment: usize| {
        let Some(effort) = effort(moment, medium) else { return };
        let (before, after) = (&states.after[moment], &states.after[moment + 1]);
        tally.moments += 1;
        images::each(medium, effort, dice, |files| {
            tally.images += 1;
            match desk.start(&files) {
                Found::Contents(found) if before == after && found == *before => tally.unchanged += 1,
                Found::Contents(found) if found == *before => tally.before += 1,
                Found::Contents(found) if found == *after => tally.after += 1,
                Found::Contents(found) => tally.wrong.push(format!(
                    "moment {moment}: rows {:?}; before {:?}; after {:?}",
                    found.rows, before.rows, after.rows
                )),
                Found::Corrupt(why) => {
                    tally.corrupt += 1;
                    tally.wrong.push(format!("moment {moment}: {why}"));
                }
            }
        });
    };
    for (index, op) in ops.iter().enumerate() {
        if op.is_sync() {
            lose_power(&medium, moment);
            moment += 1;
        }
        if lie != Lie::SyncIgnored(index) && lie != Lie::WriteLost(index) {
            medium.take(op);
        }
    }
    lose_power(&medium, moment);
    tally
}
