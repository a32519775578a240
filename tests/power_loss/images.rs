//! Which images of the medium are tried for one moment: all of them where they are few, else those in which a mistake would
//! show first, and some by chance.

use crate::dice::Dice;
use crate::medium::{Fate, Files, Medium};

/// Up to so many pending writes every subset is tried.
const ALL_SUBSETS_MAX: usize = 6;

/// How thorough.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Seams tried for each write that can be torn.
    pub seams: usize,
    /// Subsets by chance, for each moment.
    pub chances: usize,
    /// Of more pending writes than this only so many are left out, left alone or torn, spread over all.
    pub each_max: usize,
}

/// Calls `try_it` with each image of what `medium` may be after a loss of power now.
pub fn each(medium: &Medium, effort: Effort, dice: &mut Dice, mut try_it: impl FnMut(Files)) {
    let count = medium.pending().len();
    // Names that changed and are not durable: none of the changes, all, and each combination of a few.
    let namings = medium.namings();
    assert!(namings < 12, "{namings} names changed and the folder was never synced");
    let name_sets: Vec<u32> =
        if namings <= 3 { (0..1 << namings).collect() } else { vec![0, (1 << namings) - 1] };
    for names in name_sets {
        let happened = |index: usize| names >> index & 1 == 1;
        for fates in fates(medium, effort, dice) {
            try_it(medium.image(&fates, happened));
        }
    }
    if count > 0 {
        try_it(medium.long_and_empty());
    }
}

fn fates(medium: &Medium, effort: Effort, dice: &mut Dice) -> Vec<Vec<Fate>> {
    let pending = medium.pending();
    let count = pending.len();
    let mut all: Vec<Vec<Fate>> = Vec::new();
    if count <= ALL_SUBSETS_MAX {
        all.extend(
            (0..1_u32 << count).map(|subset| (0..count).map(|i| there(subset >> i & 1 == 1)).collect()),
        );
    }
    // Cut off after each write; the first also means: nothing at all.
    all.extend((0..=count).map(|cut| (0..count).map(|i| there(i < cut)).collect()));
    let step = count.div_ceil(effort.each_max).max(1);
    for one in (dice.roll(step)..count).step_by(step) {
        // All but one, and one alone.
        all.push((0..count).map(|i| there(i != one)).collect());
        all.push((0..count).map(|i| there(i == one)).collect());
        let seams = pending[one].seams();
        let mut tried: Vec<u64> = seams.clone();
        while tried.len() > effort.seams {
            tried.remove(dice.roll(tried.len()));
        }
        for seam in tried {
            for fate in [Fate::Before(seam), Fate::Behind(seam)] {
                // The last that was written, and the only one that was not.
                all.push((0..count).map(|i| if i == one { fate } else { there(i < one) }).collect());
                all.push((0..count).map(|i| if i == one { fate } else { Fate::There }).collect());
            }
        }
    }
    for _ in 0..if count > ALL_SUBSETS_MAX { effort.chances } else { 0 } {
        let likely = 1 + dice.roll(9);
        all.push(
            pending
                .iter()
                .map(|pending| {
                    let seams = pending.seams();
                    match (dice.roll(10) < likely, seams.len()) {
                        (true, 1..) if dice.roll(8) == 0 => Fate::Before(seams[dice.roll(seams.len())]),
                        (false, 1..) if dice.roll(8) == 0 => Fate::Behind(seams[dice.roll(seams.len())]),
                        (stays, _) => there(stays),
                    }
                })
                .collect(),
        );
    }
    all
}

fn there(is: bool) -> Fate {
    if is { Fate::There } else { Fate::Missing }
}
