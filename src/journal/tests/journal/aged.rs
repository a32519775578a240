//! Damage of every kind in a journal that has lived: trees of several levels, erased evidence, free pages, a request
//! without a decision and an open visit. The oracle is the one of `damage.rs`.

use std::collections::BTreeMap;
use std::fs;

use journal::{Batch, Mark, word};

use crate::damage::{Answer, Start, State, answer_to, rows_of, start};
use crate::support::*;

const PAGE: usize = 4_096;

/// A small generator of repeatable numbers (SplitMix64): the seed is printed, and is all that a failure needs.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ mixed >> 31) % u64::try_from(sides).unwrap()).unwrap()
    }
}

struct Aged {
    database: Vec<u8>,
    /// The same file, some visits before.
    older: Vec<u8>,
    state: State,
}

impl Aged {
    fn new() -> Self {
        let place = Place::new();
        grow(&mut opened(&place.path()), 0, 100);
        assert_eq!(opened(&place.path()).erase_evidence(later(1), later(2)).unwrap(), 100);
        grow(&mut opened(&place.path()), 100, 10);
        let older = fs::read(place.path()).unwrap();
        let mut journal = opened(&place.path());
        grow(&mut journal, 110, 10);
        let mut opening = log((1_200..1_203).map(|n| entry(n, word!("card-inserted"))));
        opening.records.push(record(120, Mark::Opens));
        opening.outbox.push(put(120, cms(120)));
        journal.commit(&opening).unwrap();
        journal.commit(&Batch { records: vec![record(120, Mark::Continues)], ..Batch::default() }).unwrap();
        drop(journal);
        let database = fs::read(place.path()).unwrap();
        let Start::Whole(state) = start(&place.path()) else { panic!("whole") };
        let free = u32::from_be_bytes(database[36..40].try_into().unwrap());
        assert!(free > 20, "{free} free pages");
        assert_eq!((state.pending.len(), state.open.len()), (1, 1));
        Self { database, older, state }
    }

    fn pages(&self) -> usize {
        self.database.len() / PAGE
    }

    fn damage(&self, dice: &mut Dice) -> (String, Vec<u8>) {
        let mut damaged = self.database.clone();
        let page = dice.roll(self.pages());
        let (at, other) = (page * PAGE, dice.roll(self.pages()) * PAGE);
        let kind = dice.roll(9);
        let what = match kind {
            0 => {
                let byte = at + dice.roll(16);
                damaged[byte] ^= 1 << dice.roll(8);
                format!("a bit of the header of page {}, byte {byte}", page + 1)
            }
            1 => {
                let byte = at + 8 + dice.roll(100);
                damaged[byte] ^= 1 << dice.roll(8);
                format!("a bit of a pointer in page {}, byte {byte}", page + 1)
            }
            2 => {
                let byte = dice.roll(damaged.len());
                damaged[byte] ^= 1 << dice.roll(8);
                format!("a bit at byte {byte}")
            }
            3 => {
                let sector = at + dice.roll(8) * 512;
                damaged[sector..sector + 512].fill(0);
                format!("no sector at byte {sector}")
            }
            4 => {
                damaged[at..at + PAGE].fill(0);
                format!("no page {}", page + 1)
            }
            5 if at + PAGE <= self.older.len() => {
                damaged[at..at + PAGE].copy_from_slice(&self.older[at..at + PAGE]);
                format!("page {} as it was before", page + 1)
            }
            5 | 6 => {
                damaged.copy_within(other..other + PAGE, at);
                format!("page {} also in place of {}", other / PAGE + 1, page + 1)
            }
            7 => {
                damaged.copy_within(other..other + PAGE, at);
                damaged[other..other + PAGE].copy_from_slice(&self.database[at..at + PAGE]);
                format!("pages {} and {} in each other's place", page + 1, other / PAGE + 1)
            }
            _ => {
                let (from, length) = (dice.roll(damaged.len() - 16), 1 + dice.roll(15));
                for byte in &mut damaged[from..from + length] {
                    *byte = u8::try_from(dice.roll(256)).unwrap();
                }
                format!("noise at byte {from}")
            }
        };
        (what, damaged)
    }
}

#[test]
fn damage_of_every_kind_is_found_at_the_start_or_by_the_full_check_and_grows_no_worse() {
    let aged = Aged::new();
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (seed, rounds) = (number("MYNA_SEED", 20_261_121), number("MYNA_ROUNDS", 400));
    let mut dice = Dice(seed);
    let rows = rows_of(&aged.database);
    let place = Place::new();
    let mut answers = BTreeMap::new();
    for round in 0..rounds {
        let (what, damaged) = aged.damage(&mut dice);
        sweep(place.path().parent().unwrap());
        fs::write(place.path(), &damaged).unwrap();
        let what = format!("seed {seed}, round {round}: {what}");
        let answer = answer_to(&place, &damaged, &rows, &aged.state, &what);
        *answers.entry(answer).or_insert(0) += 1;
    }
    println!("seed {seed}: {answers:?}");
    assert!(answers[&Answer::AtStart] > 50 && answers[&Answer::ByTheFullCheck] > 50, "{answers:?}");
}
