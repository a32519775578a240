//! Random visits: the real runtime, with its recorder, its journal in SQLite, dispatch, filing, outbox rounds and timers,
//! in a simulated world and in virtual time. Hundreds of thousands of visits, and after every step the promises.
//!
//! # What is real, what is simulated
//!
//! Real: everything behind the seams of `desks.rs`, `clock.rs` and `screen.rs`, the core, the journal's file and its
//! recovery, the texts of receipts, the copies of the evidence, the office that takes challenges and writes what is signed.
//! Simulated: the card and its unit, the PIN pad, the printer, the host with its own books and the line to it, the people
//! and what they see and press, the operator, the clocks, the disk's failures. One thread, no waiting: the runtime's wait
//! for its next letter takes the next happening from a calendar and sets the clock to it (`world.rs`).
//!
//! Cryptography is not what is tried here and has its own tests (`fixture.rs` says what stands for it); the device log is
//! signed and verified for real.
//!
//! # What goes wrong
//!
//! A run has weather (`weather.rs`): some kinds of trouble in it are frequent, some rare, some absent; in one run of eight
//! there is none. Nothing goes wrong that the ports could not tell: the world's desks keep to the contracts of the real
//! ones.
//!
//! | what | how it fails | where |
//! |---|---|---|
//! | process | killed at any call into the world: between two letters, between deciding and recording, between recording and doing, between noting and flushing; ended by the service manager, and killed when it does not end | `world.rs` |
//! | disk | full from one write on; a sync fails though the bytes are there; killed in the middle of a write; a read fails | `disk.rs` |
//! | journal | damaged while nobody looks, where a start sees it or only the full check; a log key that does not sign | `run.rs`, `seams.rs` |
//! | card, unit | slow, stuck, failing, answer to VERIFY lost, unit lost and back, card pulled out, wrong way round, other cards, locked, one try left | `card.rs` |
//! | PIN pad | fails during an entry | `pad.rs` |
//! | reader's own pad | ends an entry before the customer does, comes back at once, hangs, fails; says that it presented nothing, and the card has counted | `reader_pad.rs` |
//! | printer | no paper, jam, down, late, never; each of unit, pad and printer more often in a row than is borne | `printer.rs` |
//! | host | unreachable, request lost, answer lost, either late, busy, cannot decide, will not, for once or for a night; tells twice; every reason to reject | `host.rs` |
//! | people | any key at any time, card pulled, forgotten, put in early, wrong PINs, walking away, other languages, the handset | `customer.rs` |
//! | bank | stop after the visit, stop now, resume, damaged journal found beside the work, closed hours, retained cards, full outbox | `weather.rs` |
//! | clocks | the wall clock jumps by seconds, minutes, hours, and back | `weather.rs` |
//!
//! Not simulated: what a power cut does to bytes that were not synced (`tests/crash`, the journal's own tests), two cards
//! at once, a second terminal.
//!
//! # What is checked
//!
//! Each word is one that a failing run names (`promises.rs`, `seams.rs`, `run.rs`).
//!
//! - `recorded-before-done`: what is sent, verified, printed, retained or told as a result was durable before, as the
//!   journal's file shows it over another connection.
//! - `decided-once`, `identical-bytes`, `books-agree`: at the end of the run every request of the terminal is in the host's
//!   books and every request of the host in the terminal's, decided once, with the same decision, number and bytes; never
//!   did other bytes come under the same id.
//! - `told-the-truth`: each result, reason, receipt and report is compared with the books, the journal and what happened.
//! - `card-comes-back`, `powered-off-first`: nothing is read or given back before this process powered it off; at the end
//!   no card is in the machine.
//! - `let-in-when-asked`: a unit with a shutter is told to let a card in while the screen asks for one, and only then.
//! - `no-surprise-lock`, `pin-asked-by-screen`, `pin-before-signature`, `pin-forgotten`: the PIN is asked with the card's
//!   real tries on the screen; VERIFY once an entry, the last try only after a yes; each VERIFY that a card gets is counted;
//!   no digit is left when the visit is over.
//! - `shown-is-signed`: the terms on the screen when the key was pressed, and the time of the key, are in the request.
//! - `host-wait`, `warned-in-time`: nobody waits for the host longer than configured; nobody's time is over without the
//!   whole warning, nor before all of it was given.
//! - `log-verifies`: the device log verifies, against the checkpoint that the host holds; each visit in it is opened once
//!   and closed once, one at a time; each entry says how the customer was served.
//! - `failing-device-said`: nobody is served by a card unit or a PIN pad, and no receipt is offered by a printer, that failed
//!   more than `device_failures_max` times in a row; and `told-the-truth`: it is said of none that did not.
//! - `commits`: a visit waits for the disk at most so often.
//! - `always-goes-on`, `outbox-goes-on`, `stops-when-asked`, `no-bug`: no panic, no violation, no fault of the terminal's own
//!   making, no run that comes to no end, no process that does not end when its service manager wants it to.
//!
//! # How to use it
//!
//! `docs/testing.md`, section "Random visits".

mod campaign;
mod card;
mod clerk;
mod controls;
mod customer;
mod diary;
mod dice;
mod disk;
mod fixture;
mod found;
mod host;
mod lobby;
mod pad;
mod printer;
mod promises;
mod reader_pad;
mod rows;
mod run;
mod seams;
mod spy;
mod truth;
mod weather;
mod world;

use campaign::{Campaign, VISITS_A_RUN, variable};
use run::{Plot, run};

/// Durable commits of a visit in fair weather, at most: measured over a million visits.
const COMMITS_FAIR_MAX: u64 = 13;

/// Durable commits of a visit in any weather, at most. Each key of a customer and each answer of a device can cost one;
/// how many there are in a visit the model of a customer bounds (25 whims), and the runs measure.
const COMMITS_MAX: u64 = 80;

/// The size of CI.
const VISITS: u64 = 100_000;

/// The base seed of CI: the same visits at every commit. `scripts/soak` has fresh ones.
const BASE_SEED: u64 = 20_261_121;

/// As many visits as CI has time for; or, with `MYNA_SOAK_SECONDS`, as the seconds allow.
#[test]
fn a_hundred_thousand_visits() {
    let visits = variable("MYNA_VISITS").unwrap_or(VISITS);
    let campaign = Campaign {
        base: variable("MYNA_BASE_SEED").unwrap_or(BASE_SEED),
        visits,
        seconds: variable("MYNA_SOAK_SECONDS"),
    };
    let total = campaign.run();
    if campaign.seconds.is_none() {
        assert!(u64::from(total.visits) >= visits);
    }
    if u64::from(total.visits) >= VISITS {
        total.coverage.assert_whole();
    }
}

/// With `MYNA_SEED`: that run, step by step. Without: that a seed is a run, whoever runs it and whatever ran before.
#[test]
fn replay() {
    let _held_for_all_runs = fixture::get();
    if let Some(seed) = variable("MYNA_SEED") {
        let finished = run(Plot { seed, visits: VISITS_A_RUN, sabotage: None, written: true });
        for line in &finished.lines {
            println!("{line}");
        }
        match finished.result {
            Ok(summary) => println!("{summary:?}"),
            Err(broken) => panic!("seed {seed}: {}: {}", broken.promise, broken.what),
        }
        return;
    }
    for seed in 1..=12 {
        let plot = Plot { seed, visits: 25, sabotage: None, written: true };
        let once = run(plot);
        let again = std::thread::spawn(move || run(plot)).join().unwrap();
        let differs = once.lines.iter().zip(&again.lines).position(|(one, other)| one != other);
        assert_eq!(differs.map(|at| (&once.lines[at], &again.lines[at])), None, "seed {seed}");
        assert_eq!(once.lines.len(), again.lines.len(), "seed {seed}");
        assert!(once.lines.len() > 400, "seed {seed}: {} lines", once.lines.len());
    }
}
