//! The tables in `docs/operating.md` are those of the program. `UPDATE_DOCS=1 cargo test -p myna-atm --test operating_doc`
//! writes them anew.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use devices::port::{DeviceState, STATES};
use myna_atm::catalogue::{CODES, Catalogue, Class, Language};
use myna_atm::config::{Helpline, Limits};

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating.md")
}

/// Holds what stands between `<!-- name: begin … -->` and `<!-- name: end -->` to `wanted`.
fn hold(name: &str, wanted: &str) {
    let text = fs::read_to_string(document()).unwrap();
    let (before, rest) = text.split_once(&format!("<!-- {name}: begin")).unwrap();
    let (opening, rest) = rest.split_once("-->\n").unwrap();
    let (found, after) = rest.split_once(&format!("<!-- {name}: end -->")).unwrap();
    if found == wanted {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let new = format!("{before}<!-- {name}: begin{opening}-->\n{wanted}<!-- {name}: end -->{after}");
        return fs::write(document(), new).unwrap();
    }
    panic!("docs/operating.md differs from the program in {name:?}; write it anew with UPDATE_DOCS=1");
}

#[test]
fn the_documents_tables_are_those_of_the_program() {
    // One test for all tables: they are in one file, and it may be written.
    hold("codes", &codes());
    hold("limits", &limits());
    hold("texts", &texts());
    hold("states", &states());
    words_are_explained();
}

/// Which codes have which word of `common.device`.
fn states() -> String {
    let mut table = "| `common.device` | codes |\n|---|---|\n".to_owned();
    for state in DeviceState::ALL {
        let codes: Vec<_> = STATES.iter().filter(|(_, of)| *of == state).map(|(code, _)| *code).collect();
        if !codes.is_empty() {
            writeln!(table, "| `{}` | `{}` |", state.word(), codes.join("`, `")).unwrap();
        }
    }
    table
}

/// Each word that a device can have has a row of its own.
fn words_are_explained() {
    let text = fs::read_to_string(document()).unwrap();
    for state in DeviceState::ALL {
        let rows = text.lines().filter(|line| line.starts_with("| | `") || line.starts_with("| `state`"));
        let named = rows.filter(|row| row.contains(&format!("| `{}` |", state.word()))).count();
        assert_eq!(named, 1, "{} has no row of its own in docs/operating.md", state.word());
    }
}

fn codes() -> String {
    let mut table = "| code | kind | line | meaning | what to do |\n|---|---|---|---|---|\n".to_owned();
    for code in CODES {
        let (kind, line) = (code.class.word(), code.line.word());
        writeln!(table, "| `{}` | {kind} | {line} | {} | {} |", code.code, code.meaning, code.action)
            .unwrap();
    }
    table
}

fn limits() -> String {
    let mut table = "| key | default | range | purpose |\n|---|---|---|---|\n".to_owned();
    for limit in Limits::TABLE {
        let range = format!("{} to {}", limit.min, limit.max);
        writeln!(table, "| `{}` | {} | {range} | {} |", limit.name, limit.default, limit.purpose.trim())
            .unwrap();
    }
    table
}

/// What the customer reads, for those who are asked about it on the telephone.
fn texts() -> String {
    use transaction::{Outcome, Refusal, Rejection};
    let mut outcomes = vec![Outcome::Registered, Outcome::AlreadyRegistered, Outcome::Pending];
    outcomes.extend(Refusal::ALL.map(Outcome::Refused));
    outcomes.extend(Rejection::ALL.map(Outcome::Rejected));
    let listed = |class| CODES.iter().filter(|code| code.class == class).count();
    assert!(listed(Class::Result) == 3 && listed(Class::Refused) == Refusal::ALL.len());
    let words = |language| Catalogue::new(language, &Helpline::default()).unwrap();
    let mut table = "| code | 画面 | title | next step |\n|---|---|---|---|\n".to_owned();
    let mut seen = std::collections::BTreeSet::new();
    for outcome in outcomes.iter().filter(|outcome| seen.insert(outcome.code())) {
        let japanese = words(Language::Ja).ending(outcome, &Default::default());
        let english = words(Language::En).ending(outcome, &Default::default());
        let code = outcome.code();
        // As on a screen, where no line is broken by us.
        let title = japanese.title.replace(devices::printer::WORD_END, "");
        writeln!(table, "| `{code}` | {title} | {} | {} |", english.title, english.next).unwrap();
    }
    table
}
