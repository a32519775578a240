//! The diagrams of docs/states.md, made from the same walks and events as the table. That they show every way from state
//! to state that can happen at all, the exhaustive exploration asserts (`tests/explore`).
//!
//! `MYNA_WRITE_DOCS=1 cargo test -p transaction --test visit diagram` writes them; without it the test compares.

use core::num::NonZeroU8;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::support::{Came, VISIT, Walk, policy, tries};
use crate::table::{events, states, variants};
use transaction::*;

const BEGIN: &str = "<!-- made from the table of the tests: begin -->\n";
const END: &str = "<!-- made from the table of the tests: end -->";

/// The files of `states/` in their order, each with its states.
fn files() -> Vec<(&'static str, Vec<&'static str>)> {
    let source = include_str!("../../states.rs");
    let order =
        source.lines().filter_map(|line| line.strip_prefix("//! ")?.split_once(".rs ")).map(|(file, _)| file);
    order
        .map(|file| {
            let import = source.split_once(&format!("\nuse {file}::")).unwrap().1;
            let states = import.split_once(';').unwrap().0.trim_matches(['{', '}']);
            (file, states.split(',').map(str::trim).collect())
        })
        .collect()
}

/// The event in a word or two. `None`: an answer of the wrong kind or with a wrong number, which leads nowhere.
fn kind(walk: &Walk, event: &Event) -> String {
    let text = match event {
        Event::Start(_) => "start",
        Event::Begin(_) => "begin",
        Event::Key(key) => match key {
            Key::Confirm => "confirm",
            Key::Cancel => "cancel",
            Key::Yes => "yes",
            Key::No => "no",
            Key::More => "more time",
            Key::Help => "help",
        },
        Event::Language(_) => "language",
        Event::Mode(_) => "mode",
        Event::PadTouched => "pad touched",
        Event::Order(order) => match order {
            Order::StopAfterVisit | Order::StopNow => "stop",
            Order::Resume => "resume",
        },
        Event::Printing(_) => "printing",
        Event::Card(event) => match event {
            CardEvent::Inserted => "card in",
            CardEvent::Mute => "card mute",
            CardEvent::Removed => "card out",
            CardEvent::UnitLost(_) => "unit lost",
            CardEvent::UnitBack => "unit back",
        },
        Event::Answer { answer, .. } => return answered(answer).to_owned(),
        Event::Expired(timer) => {
            let limit = walk.timers().into_iter().find(|(no, _)| no == timer).map(|(_, limit)| limit);
            return match limit {
                Some(Limit::Warning) => "time over".to_owned(),
                Some(limit) => format!("{limit:?} over"),
                None => "late deadline".to_owned(),
            };
        }
        Event::HostDecided { .. } => "decided",
        Event::Fault(_) => "fault",
        Event::Unfit(_) => "unfit",
        Event::OutboxPassed { .. } => "outbox passed",
    };
    text.to_owned()
}

fn answered(answer: &Answer) -> &'static str {
    match answer {
        Answer::Safe(SafeAnswer::Safe(Presence::Empty)) => "empty",
        Answer::Safe(SafeAnswer::Safe(Presence::CardInside)) => "card found",
        Answer::Challenge(ChallengeAnswer::Received) => "received",
        Answer::Card(CardAnswer::Read { tries: Tries::Left(_), .. }) => "read",
        Answer::Card(CardAnswer::Read { tries: Tries::Blocked, .. })
        | Answer::Verify(VerifyAnswer::Wrong(Tries::Blocked))
        | Answer::Pad(
            PadAnswer::Wrong(Tries::Blocked) | PadAnswer::NotPresented { tries: Tries::Blocked, .. },
        ) => "locked",
        Answer::Prepare(PrepareAnswer::Ready) => "ready",
        Answer::Pin(PinAnswer::Entered) => "entered",
        Answer::Pin(PinAnswer::Cancelled) => "cancel",
        Answer::Pin(PinAnswer::TimedOut) => "time over",
        Answer::Verify(VerifyAnswer::Verified) | Answer::Pad(PadAnswer::Verified) => "verified",
        Answer::Verify(VerifyAnswer::Wrong(Tries::Left(left)))
        | Answer::Pad(PadAnswer::Wrong(Tries::Left(left)))
            if left.is_last() =>
        {
            "wrong, one try left"
        }
        Answer::Verify(VerifyAnswer::Wrong(Tries::Left(_)))
        | Answer::Pad(PadAnswer::Wrong(Tries::Left(_))) => "wrong",
        Answer::Pad(PadAnswer::NotPresented { why, tries: Tries::Left(_) }) => match why {
            NotPresented::Cancelled => "cancelled at the pad",
            NotPresented::TimedOut => "pad's time over",
            NotPresented::WrongLength => "wrong length",
            NotPresented::Refused => "refused by the pad",
        },
        Answer::Sign(SignAnswer::Signed) => "signed",
        Answer::Host(HostAnswer::NoDecision(_)) => "no decision",
        Answer::Host(HostAnswer::WillNot(_)) => "will not",
        Answer::Print(PrintAnswer::Printed) => "printed",
        Answer::Retain(RetainAnswer::Retained) => "kept",
        Answer::Retain(RetainAnswer::NoCard) => "no card",
        Answer::Challenge(ChallengeAnswer::Refused(_))
        | Answer::Card(CardAnswer::Refused(_))
        | Answer::Prepare(PrepareAnswer::Refused(_))
        | Answer::Verify(VerifyAnswer::Refused(_))
        | Answer::Pad(PadAnswer::Refused(_))
        | Answer::Sign(SignAnswer::Refused(_)) => "refused",
        Answer::Safe(SafeAnswer::Failed(_))
        | Answer::Challenge(ChallengeAnswer::Failed(_))
        | Answer::Card(CardAnswer::Failed(_))
        | Answer::Prepare(PrepareAnswer::Failed(_))
        | Answer::Pin(PinAnswer::Failed(_))
        | Answer::Verify(VerifyAnswer::Failed(_))
        | Answer::Pad(PadAnswer::Failed(_))
        | Answer::Sign(SignAnswer::Failed(_))
        | Answer::Print(PrintAnswer::Failed(_))
        | Answer::Retain(RetainAnswer::Failed(_)) => "failed",
    }
}

/// One way from a state to another.
struct Edge {
    from: &'static str,
    to: &'static str,
    kind: String,
    /// The visit ends before anything was sent.
    stops: bool,
}

/// Walks to where a bank keeps cards, to the last try, and to the end of a service: the table has each state once.
fn more() -> Vec<Walk> {
    let keeps = |return_order| {
        Walk::with(Policy { retain_after: NonZeroU8::new(1), ..policy(return_order) })
            .on(Event::Start(Recovery::Clean))
            .safe(SafeAnswer::Safe(Presence::Empty))
            .on(Event::Begin(VISIT))
            .reach_pin(3)
            .reach_sent()
            .decided(Decision::Registered)
    };
    let reminded = |walk: Walk| walk.expire(Limit::CardTake);
    let kept_first = || reminded(keeps(ReturnOrder::CardThenReceipt).key(Key::Yes));
    let kept_last = || reminded(keeps(ReturnOrder::ReceiptThenCard).key(Key::No));
    let last_try =
        Answer::Card(CardAnswer::Read { tries: tries(1), expires_soon: false, pin_at: PinAt::Slot });
    let at_reader =
        Answer::Card(CardAnswer::Read { tries: tries(3), expires_soon: false, pin_at: PinAt::Reader });
    let out =
        || Walk::begun().reach_pin(3).reach_sent().decided(Decision::Registered).card(CardEvent::Removed);
    vec![
        Walk::begun()
            .answer(Answer::Challenge(ChallengeAnswer::Received))
            .key(Key::Confirm)
            .card(CardEvent::Inserted)
            .answer(last_try),
        kept_first(),
        kept_first().expire(Limit::CardTake),
        kept_first().expire(Limit::CardTake).answer(Answer::Retain(RetainAnswer::Retained)),
        kept_last(),
        kept_last().expire(Limit::CardTake),
        out().key(Key::Yes),
        Walk::begun().reach_pad(1),
        Walk::begun()
            .answer(Answer::Challenge(ChallengeAnswer::Received))
            .key(Key::Confirm)
            .card(CardEvent::Inserted)
            .answer(at_reader),
    ]
}

/// The walks of the table and some more, and each of them one event longer: what a state holds decides where it leads.
fn walks() -> Vec<Walk> {
    let table = states().into_iter().chain(variants().into_iter().map(|(_, walk)| walk));
    let table: Vec<_> = table.chain(more()).collect();
    let mut longer = Vec::new();
    for walk in &table {
        for (_, event) in events(walk) {
            if let Came::Step { .. } = walk.try_event(event.clone()) {
                longer.push(walk.clone().on(event));
            }
        }
    }
    table.into_iter().chain(longer).collect()
}

fn edges() -> Vec<Edge> {
    let mut edges = Vec::new();
    for walk in walks() {
        let from = walk.machine.state();
        for (_, event) in events(&walk) {
            let kind = kind(&walk, &event);
            let Came::Step { to, records, .. } = walk.try_event(event) else { continue };
            let stops = records.iter().any(|record| matches!(record, Record::Stopped { .. }));
            if to != from {
                edges.push(Edge { from, to, kind, stops });
            }
        }
    }
    edges
}

/// Labels in the order of their first appearance, each once.
fn merged(labels: &[&str]) -> String {
    let mut once: Vec<&str> = Vec::new();
    for label in labels {
        if !once.contains(label) {
            once.push(label);
        }
    }
    once.join(", ")
}

fn draw(lines: &BTreeMap<(usize, usize), Vec<&str>>, name: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for ((from, to), labels) in lines {
        writeln!(text, "    {} --> {} : {}", name(*from), name(*to), merged(labels)).unwrap();
    }
    text
}

fn diagrams() -> String {
    let files = files();
    let names: Vec<&str> = files.iter().flat_map(|(_, states)| states.iter().copied()).collect();
    let place = |state: &str| names.iter().position(|name| *name == state).unwrap();
    let file = |state: &str| files.iter().position(|(_, states)| states.contains(&state)).unwrap();
    let edges = edges();

    let mut between: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for edge in edges.iter().filter(|edge| file(edge.from) != file(edge.to)) {
        let label = if edge.stops { "stopped" } else { edge.kind.as_str() };
        between.entry((file(edge.from), file(edge.to))).or_default().push(label);
    }
    let mut text = String::from("\n## Between the files\n\n```mermaid\nstateDiagram-v2\n    [*] --> start\n");
    text.push_str(&draw(&between, |file| files[file].0.to_owned()));
    text.push_str("```\n");

    for (number, (name, _)) in files.iter().enumerate() {
        let mut within: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for edge in edges.iter().filter(|edge| file(edge.from) == number) {
            within.entry((place(edge.from), place(edge.to))).or_default().push(&edge.kind);
        }
        write!(text, "\n## {name}.rs\n\n```mermaid\nstateDiagram-v2\n").unwrap();
        if number == 0 {
            text.push_str("    [*] --> AwaitStart\n");
        }
        text.push_str(&draw(&within, |state| names[state].to_owned()));
        text.push_str("```\n");
    }
    text.push('\n');
    text
}

#[test]
fn the_diagram_is_that_of_the_machine() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/states.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let drawn = diagrams();
    if std::env::var_os("MYNA_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{drawn}{END}{after}")).unwrap();
        return;
    }
    let write = "MYNA_WRITE_DOCS=1 cargo test -p transaction --test visit diagram";
    assert_eq!(written, drawn, "docs/states.md is not up to date; {write}");
}

#[test]
fn every_state_is_in_a_file_of_the_diagram() {
    let in_files: Vec<_> = files().into_iter().flat_map(|(_, states)| states).collect();
    let mut listed: Vec<_> = states().iter().map(|walk| walk.machine.state()).collect();
    let mut sorted = in_files.clone();
    sorted.sort_unstable();
    listed.sort_unstable();
    assert_eq!(sorted, listed);
}
