//! Commits the steps of `workload.rs` to a journal and says after each that it has returned, so that a tracer sees both in
//! one order. `power-loss-driver JOURNAL first` ends without closing the journal, `… second` goes on and closes it;
//! `… open` opens and closes it.
#![allow(missing_docs, unreachable_pub, reason = "a program for one test")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a program for one test")]

use std::io::Write as _;
use std::path::Path;

use journal::{Journal, Opened};

mod workload;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, part] = arguments.as_slice() else { panic!("power-loss-driver JOURNAL first|second|open") };
    let opened = Journal::open(Path::new(path), &workload::options()).unwrap();
    let mut journal = match opened {
        Opened::Fresh(journal) | Opened::Clean(journal) | Opened::Interrupted(journal, _) => journal,
        Opened::Replaced(_, reason) => panic!("{reason}"),
        Opened::Corrupt(report) => panic!("{report:?}"),
    };
    let (steps, first) = workload::steps();
    let mine = match part.as_str() {
        "first" => 0..first,
        "second" => first..steps.len(),
        _ => 0..0,
    };
    let mut out = std::io::stdout().lock();
    for (number, step) in steps.iter().enumerate().take(mine.end).skip(mine.start) {
        step.take(&mut journal).unwrap();
        writeln!(out, "done {}", number + 1).unwrap();
        out.flush().unwrap();
    }
    if part == "first" {
        // As if it were killed: the journal is not closed.
        std::process::exit(0);
    }
}
