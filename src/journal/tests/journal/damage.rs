//! Power cuts and damage: the journal is as it was before or after a commit, or says that it is damaged. It never
//! panics, never forgets a request without a decision, and no checkpointed entry disappears without a trace.

use std::fs;
use std::path::{Path, PathBuf};

use journal::{
    Batch, Checkpoint, CorruptReason, Journal, JournalError, Mark, Opened, OutboxEntry, StoredRecord,
    VerifyError, check_whole, verify_log, word,
};
use proptest::prelude::*;
use rusqlite::Connection;
use uuid::Uuid;

use crate::support::*;

const FRAME_BYTES: u64 = 24 + 4_096;

/// All that the terminal acts on after a start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) last_sequence: Option<u64>,
    pub(crate) unsigned_entries: u64,
    pub(crate) pending: Vec<OutboxEntry>,
    pub(crate) open: Vec<(Uuid, Vec<StoredRecord>)>,
}

fn state(journal: &Journal, open: &[journal::OpenVisit]) -> State {
    State {
        last_sequence: journal.last_sequence(),
        unsigned_entries: journal.unsigned_entries(),
        pending: journal.outbox_pending().unwrap(),
        open: open.iter().map(|visit| (visit.visit, visit.records.clone())).collect(),
    }
}

/// The state at a start, or why there is none.
#[derive(Debug)]
pub(crate) enum Start {
    Whole(State),
    Corrupt(CorruptReason, Vec<PathBuf>),
    Refused(#[expect(dead_code, reason = "shown by a failing test")] JournalError),
}

pub(crate) fn start(path: &Path) -> Start {
    match open(path) {
        Ok(Opened::Fresh(_) | Opened::Replaced(..)) => {
            panic!("a journal that was there was taken for a new one")
        }
        Ok(Opened::Clean(journal)) => Start::Whole(state(&journal, &[])),
        Ok(Opened::Interrupted(journal, open)) => Start::Whole(state(&journal, &open)),
        Ok(Opened::Corrupt(report)) => Start::Corrupt(report.reason, report.set_aside),
        Err(error) => Start::Refused(error),
    }
}

/// A journal in the middle of its work, as it lies on the disk: a database with two visits, and a write-ahead log with
/// a third visit that is over, one that is open, and a request without a decision.
struct Work {
    _place: Place,
    database: Vec<u8>,
    wal: Vec<u8>,
    /// Length of the write-ahead log after each commit, and what a start finds then.
    steps: Vec<(usize, State)>,
    held: Checkpoint,
}

impl Work {
    fn new() -> Self {
        let place = Place::new();
        grow(&mut opened(&place.path()), 0, 2);
        let mut journal = opened(&place.path());
        let frozen = Place::new();
        let mut steps = Vec::new();
        let mut held = None;
        let mut note = |journal: &mut Journal, held: &mut Option<Checkpoint>| {
            *held = journal.last_checkpoint().unwrap();
            sweep(frozen.path().parent().unwrap());
            freeze(&place.path(), &frozen.path());
            let length = fs::read(frozen.file("journal.db-wal")).map_or(0, |wal| wal.len());
            let Start::Whole(state) = start(&frozen.path()) else { panic!("a whole journal") };
            steps.push((length, state));
        };
        note(&mut journal, &mut held);
        for n in 2..4 {
            let mut opening = log((0..3).map(|i| entry(n * 10 + i, word!("card-inserted"))));
            opening.records.push(record(n, Mark::Opens));
            opening.outbox.push(put(n, cms(u8::try_from(n).unwrap())));
            journal.commit(&opening).unwrap();
            note(&mut journal, &mut held);
            journal.commit(&Batch { records: vec![record(n, Mark::Continues)], ..Batch::default() }).unwrap();
            note(&mut journal, &mut held);
            if n == 2 {
                let mut closing = log([entry(n * 10 + 3, word!("card-taken"))]);
                closing.outbox.push(decided(n, decision(b"answer")));
                closing.records.push(record(n, Mark::Closes));
                journal.commit(&closing).unwrap();
                note(&mut journal, &mut held);
            }
            journal.checkpoint(&signer(), now()).unwrap().unwrap();
            note(&mut journal, &mut held);
        }
        let database = fs::read(place.path()).unwrap();
        let wal = fs::read(place.file("journal.db-wal")).unwrap();
        drop(journal);
        Self { _place: place, database, wal, steps, held: held.unwrap() }
    }

    fn lay(&self, place: &Place, database: &[u8], wal: &[u8]) {
        sweep(place.path().parent().unwrap());
        fs::write(place.path(), database).unwrap();
        if !wal.is_empty() {
            fs::write(place.file("journal.db-wal"), wal).unwrap();
        }
    }

    fn last(&self) -> &State {
        &self.steps.last().unwrap().1
    }

    /// What a start must find when the write-ahead log ends after `length` bytes.
    fn after(&self, length: usize) -> &State {
        &self.steps.iter().rev().find(|(end, _)| *end <= length).unwrap_or(&self.steps[0]).1
    }
}

/// A loss that the file alone cannot show is shown by the checkpoint that the host holds.
fn assert_not_silent(path: &Path, found: &State, held: &Checkpoint) {
    if found.last_sequence.is_none_or(|last| last < held.sequence) {
        let verdict = verify_log(path, &keys(), Some(held));
        assert!(matches!(verdict, Err(VerifyError::Broken(_))), "{verdict:?}");
    }
}

#[test]
fn a_write_ahead_log_that_ends_anywhere_gives_the_state_before_or_after_a_commit() {
    let work = Work::new();
    assert_eq!((work.steps.len(), work.last().open.len(), work.last().pending.len()), (8, 1, 1));
    let place = Place::new();
    let lengths = (0..work.wal.len()).step_by(257).chain(work.steps.iter().map(|(end, _)| *end));
    for length in lengths {
        work.lay(&place, &work.database, &work.wal[..length]);
        let Start::Whole(found) = start(&place.path()) else { panic!("{length} bytes") };
        assert_eq!(&found, work.after(length), "{length} bytes");
        assert_not_silent(&place.path(), &found, &work.held);
    }
}

#[test]
fn a_torn_last_transaction_is_gone_and_the_others_are_there() {
    let work = Work::new();
    let place = Place::new();
    let (begin, end) = (work.steps[work.steps.len() - 2].0, work.wal.len());
    for at in (begin..end).step_by(61) {
        // From here on nothing reached the medium, or only this sector did not.
        for reach in [end, (at + 512).min(end)] {
            let mut wal = work.wal.clone();
            wal[at..reach].fill(0);
            if wal == work.wal {
                continue;
            }
            work.lay(&place, &work.database, &wal);
            let Start::Whole(found) = start(&place.path()) else { panic!("byte {at}") };
            assert_eq!(&found, work.after(end - 1), "byte {at}");
        }
    }
}

#[test]
fn damage_to_a_durable_transaction_in_the_write_ahead_log_is_never_silent() {
    let work = Work::new();
    let place = Place::new();
    let last_begins = work.steps[work.steps.len() - 2].0;
    for at in (0..work.wal.len()).step_by(41).chain(0..64) {
        let mut wal = work.wal.clone();
        wal[at] ^= 1;
        work.lay(&place, &work.database, &wal);
        match start(&place.path()) {
            Start::Corrupt(CorruptReason::Wal, aside) => {
                assert!(at < last_begins, "byte {at}");
                assert_eq!(fs::read(&aside[0]).unwrap(), work.database);
                assert_eq!(fs::read(&aside[1]).unwrap(), wal, "byte {at}");
            }
            Start::Whole(found) => {
                assert!(at >= last_begins, "byte {at} of a durable transaction");
                assert_eq!(&found, work.after(last_begins), "byte {at}");
                assert_not_silent(&place.path(), &found, &work.held);
            }
            other => panic!("byte {at}: {other:?}"),
        }
    }
}

#[test]
fn a_checkpoint_of_sqlite_that_was_cut_off_loses_nothing() {
    let work = Work::new();
    let place = Place::new();
    work.lay(&place, &work.database, &work.wal);
    // Closing moves the write-ahead log into the database: these are the pages that were being written.
    assert!(matches!(start(&place.path()), Start::Whole(_)));
    let after = fs::read(place.path()).unwrap();
    for written in (0..after.len()).step_by(1_023) {
        let mut database = after[..written].to_vec();
        database.extend_from_slice(work.database.get(written..).unwrap_or_default());
        work.lay(&place, &database, &work.wal);
        let Start::Whole(found) = start(&place.path()) else { panic!("{written} bytes") };
        assert_eq!(&found, work.last(), "{written} bytes");
    }
}

/// The whole of `Work` in one file.
fn settled(work: &Work) -> (Vec<u8>, State) {
    let place = Place::new();
    work.lay(&place, &work.database, &work.wal);
    let Start::Whole(state) = start(&place.path()) else { panic!("whole") };
    (fs::read(place.path()).unwrap(), state)
}

#[test]
fn a_database_that_was_cut_off_is_corrupt() {
    let work = Work::new();
    let (database, _) = settled(&work);
    let place = Place::new();
    for length in (0..database.len()).step_by(997).chain((0..database.len()).step_by(4_096)) {
        work.lay(&place, &database[..length], &[]);
        match start(&place.path()) {
            Start::Corrupt(_, aside) => assert_eq!(fs::read(&aside[0]).unwrap(), &database[..length]),
            other => panic!("{length} bytes: {other:?}"),
        }
    }
}

/// A visit, from its beginning to its end, and a decision of what was undecided before: all that a terminal writes.
fn live_on(journal: &mut Journal, undecided: &[OutboxEntry]) -> Result<(), JournalError> {
    let n = 200;
    let mut opening = log((0..3).map(|i| entry(n * 10 + i, word!("card-inserted"))));
    opening.records.push(record(n, Mark::Opens));
    opening.outbox.push(put(n, cms(200)));
    journal.commit(&opening)?;
    let mut closing = log([entry(n * 10 + 3, word!("card-taken"))]);
    for request_id in undecided.iter().map(|entry| entry.request_id).chain([visit(n)]) {
        let decision = decision(b"a late answer");
        closing.outbox.push(journal::OutboxChange::Decided { request_id, decision });
    }
    closing.records.push(record(n, Mark::Closes));
    journal.commit(&closing)?;
    journal.checkpoint(&signer(), now()).map(drop)
}

/// What becomes of one change of the file, and the only answers that are right:
/// corrupt at the start; or the same state, and the full check names the damage or nothing at all is changed. Then work
/// goes on, and no row is lost that could be read before.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
pub(crate) enum Answer {
    AtStart,
    ByTheFullCheck,
    NothingIsChanged,
    Refused,
}

pub(crate) fn answer_to(place: &Place, damaged: &[u8], work: &Rows, state: &State, what: &str) -> Answer {
    match open(&place.path()) {
        Ok(Opened::Fresh(_) | Opened::Replaced(..)) => {
            panic!("{what}: a journal that was there was taken for a new one")
        }
        Ok(Opened::Corrupt(report)) => {
            assert_eq!(fs::read(&report.set_aside[0]).unwrap(), damaged, "{what}");
            Answer::AtStart
        }
        Err(JournalError::NotAJournal { .. } | JournalError::SchemaVersion { .. }) => Answer::Refused,
        Err(JournalError::CheckpointNotOurs { .. }) => Answer::AtStart,
        Err(error) => panic!("{what}: {error:?}"),
        Ok(Opened::Clean(journal)) => goes_on(journal, &[], place, work, state, what),
        Ok(Opened::Interrupted(journal, open)) => goes_on(journal, &open, place, work, state, what),
    }
}

/// Keys of rows that are not in both, or not the same.
fn differing<'a>(one: &'a Rows, other: &'a Rows) -> Vec<&'a (&'static str, String)> {
    one.keys().chain(other.keys()).filter(|key| one.get(*key) != other.get(*key)).collect()
}

pub(crate) fn rows_of(database: &[u8]) -> Rows {
    let place = Place::new();
    fs::write(place.path(), database).unwrap();
    rows(&place.path())
}

pub(crate) type Rows = std::collections::BTreeMap<(&'static str, String), String>;

fn goes_on(
    mut journal: Journal,
    open: &[journal::OpenVisit],
    place: &Place,
    work: &Rows,
    expected: &State,
    what: &str,
) -> Answer {
    assert_eq!(&state(&journal, open), expected, "{what}");
    let before = rows(&place.path());
    let answer = match check_whole(&place.path(), &keys()) {
        Ok(_) => {
            let changed = differing(&before, work);
            assert!(changed.is_empty(), "{what}: changed, and nobody says so: {changed:?}");
            Answer::NothingIsChanged
        }
        Err(not_whole) => {
            assert!(not_whole.reason().is_some(), "{what}: {not_whole:?}");
            Answer::ByTheFullCheck
        }
    };
    let lived = live_on(&mut journal, &expected.pending);
    drop(journal);
    let mut path = place.path();
    if let Err(error) = lived {
        // Damage that was met while the journal was open is found by the next start.
        assert!(answer == Answer::ByTheFullCheck, "{what}: {error:?}");
        let Start::Corrupt(_, aside) = start(&path) else { panic!("{what}: {error:?}") };
        path = aside[0].clone();
    }
    let after = rows(&path);
    let decided: Vec<String> = expected.pending.iter().map(|entry| entry.request_id.to_string()).collect();
    for (key, row) in before.iter().filter(|(key, row)| work.get(*key) == Some(*row)) {
        let changes = key.0 == "tally" || key.0 == "open_visit" || decided.contains(&key.1);
        assert!(changes || after.get(key) == Some(row), "{what}: {key:?} was there before the work went on");
    }
    answer
}

#[test]
fn a_flipped_bit_anywhere_in_the_database_is_found_at_the_start_or_by_the_full_check_and_grows_no_worse() {
    let work = Work::new();
    let (database, state) = settled(&work);
    let rows = rows_of(&database);
    let place = Place::new();
    let mut answers = std::collections::BTreeMap::new();
    // Everywhere, and every byte of what SQLite trusts without looking twice: the headers of file and pages.
    let headers = (0..database.len()).filter(|at| at % 4_096 < 16 || *at < 110);
    for at in (0..database.len()).step_by(37).chain(headers) {
        let mut damaged = database.clone();
        damaged[at] ^= 1 << (at * 7 % 8);
        work.lay(&place, &damaged, &[]);
        let answer = answer_to(&place, &damaged, &rows, &state, &format!("byte {at}"));
        let refused = (60..64).contains(&at) || (68..72).contains(&at);
        assert_eq!(answer == Answer::Refused, refused, "byte {at}");
        *answers.entry(answer).or_insert(0) += 1;
    }
    assert!(answers[&Answer::AtStart] > 100 && answers[&Answer::ByTheFullCheck] > 100, "{answers:?}");
    println!("{answers:?}");
}

#[test]
fn every_byte_of_what_recovery_acts_on_is_protected() {
    let work = Work::new();
    let (database, state) = settled(&work);
    let place = Place::new();
    for (table, column) in [
        ("outbox", "request_id"),
        ("outbox", "visit"),
        ("outbox", "sha256"),
        ("outbox", "cms"),
        ("outbox", "row_sha256"),
        ("visit_record", "visit"),
        ("visit_record", "mark"),
        ("visit_record", "kind"),
        ("visit_record", "body"),
        ("visit_record", "row_sha256"),
        ("open_visit", "visit"),
    ] {
        let open = state.open[0].0.to_string();
        let edit = format!(
            "UPDATE {table} SET {column} = CASE typeof({column}) WHEN 'text' THEN replace({column}, substr({column}, 1, 1), '~')
             ELSE zeroblob(length({column})) END WHERE visit = '{open}'"
        );
        work.lay(&place, &database, &[]);
        let sql = Connection::open(place.path()).unwrap();
        assert!(sql.execute(&edit, []).unwrap() > 0, "{table}.{column}");
        sql.close().unwrap();
        let start = start(&place.path());
        assert!(
            matches!(start, Start::Corrupt(CorruptReason::Outbox | CorruptReason::VisitRecord, _)),
            "{table}.{column}: {start:?}"
        );
    }
}

#[test]
fn a_page_in_the_write_ahead_log_is_a_frame() {
    // The steps above rest on it: a commit writes whole frames behind the header.
    for (length, _) in Work::new().steps {
        let length = u64::try_from(length).unwrap();
        assert!(length == 0 || (length - 32).is_multiple_of(FRAME_BYTES), "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn garbage_is_set_aside(
        mut database in proptest::collection::vec(any::<u8>(), 0..6_000),
        wal in proptest::collection::vec(any::<u8>(), 0..6_000),
        header in 0..3_usize,
    ) {
        let place = Place::new();
        drop(opened(&place.path()));
        let good = fs::read(place.path()).unwrap();
        // As it is; behind a good header; behind a good first page.
        let kept = [0, 100, 4_096][header].min(database.len());
        database[..kept].copy_from_slice(&good[..kept]);
        fs::write(place.path(), &database).unwrap();
        fs::write(place.file("journal.db-wal"), &wal).unwrap();
        let Start::Corrupt(_, aside) = start(&place.path()) else { panic!("garbage was taken") };
        prop_assert_eq!(fs::read(&aside[0]).unwrap(), database);
        prop_assert!(wal.is_empty() || fs::read(&aside[1]).unwrap() == wal);
        prop_assert!(verify_log(&aside[0], &keys(), None).is_err());
        prop_assert!(matches!(open(&place.path()).unwrap(), Opened::Replaced(..)));
    }
}
