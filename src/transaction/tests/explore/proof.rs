//! Runs the explorations: the real machine holds every law in every scenario; every seeded mistake is found.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Mutex;

use crate::coverage::Coverage;
use crate::fingerprint::fingerprint;
use crate::model::Model;
use crate::scenarios::{Scenario, all, at_readers_pad, deep, two_crashes};
use crate::search::{Counterexample, Explored, explore};
use crate::seeded::Bug;

/// As many searches at a time. In memory each has its graph and one frontier of states.
const THREADS: usize = 2;

fn model(scenario: Scenario, bug: Option<Bug>) -> Model {
    Model { scenario, bug, tell: false, coverage: RefCell::default() }
}

/// Past the capture of the test harness: the figures are wanted when all is well, too.
fn say(text: &str) {
    writeln!(std::io::stdout().lock(), "{text}").unwrap();
}

/// Works on all of them, a few at a time; the answers are in the order of the questions.
fn side_by_side<Q: Send, A: Send>(questions: Vec<Q>, answer: impl Fn(Q) -> A + Sync) -> Vec<A> {
    let waiting = Mutex::new(questions.into_iter().enumerate());
    let answers = Mutex::new(Vec::new());
    let work = || {
        loop {
            let next = waiting.lock().unwrap().next();
            let Some((place, question)) = next else { return };
            let answer = answer(question);
            answers.lock().unwrap().push((place, answer));
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(work);
        }
    });
    let mut answers = answers.into_inner().unwrap();
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn explore_scenario(scenario: Scenario) -> (Explored, Coverage) {
    let model = model(scenario, None);
    match explore(&model) {
        Ok((explored, _)) => {
            let Explored { states, transitions, depth, seconds } = explored;
            say(&format!(
                "explored to the end: {}\n  {states} states, {transitions} transitions, depth {depth}, {seconds:.1} s\n  {}",
                model.scenario.name,
                model.scenario.bounds()
            ));
            (explored, model.coverage.into_inner())
        }
        Err(found) => panic!("{}\n{}", model.scenario.name, found.text),
    }
}

fn find(bug: Bug) -> (Bug, Option<Box<Counterexample>>) {
    (bug, explore(&model(bug.scenario(), Some(bug))).err())
}

/// The ways that docs/states.md shows, from state to state.
fn drawn() -> BTreeSet<(&'static str, &'static str)> {
    let page = include_str!("../../../../docs/states.md");
    let arrows = page.lines().filter_map(|line| line.split_once(" --> "));
    arrows
        .map(|(from, to)| (from.trim(), to.split(' ').next().unwrap()))
        .filter(|(from, _)| from.starts_with("Await"))
        .collect()
}

#[test]
fn every_law_holds_and_every_seeded_mistake_is_found() {
    let is_deep = std::env::var("MYNA_EXPLORE").is_ok_and(|wish| wish == "deep");
    let mut scenarios = all();
    if is_deep {
        scenarios.extend(deep());
    }
    let explored = side_by_side(scenarios, explore_scenario);
    let found = side_by_side(Bug::ALL.to_vec(), find);

    let mut stories = String::new();
    for (bug, counterexample) in &found {
        let Some(found) = counterexample else { panic!("{bug:?} is not found") };
        assert_eq!(found.law, bug.breaks(), "{bug:?}\n{}", found.text);
        writeln!(stories, "\nseeded {bug:?}: {}", found.text).unwrap();
    }
    say(&stories);

    let coverage = explored.iter().fold(Coverage::default(), |all, (_, one)| all.and(one));
    let source = include_str!("../../states.rs");
    let listed = source.rsplit_once("states! {").unwrap().1.split_once('}').unwrap().0;
    let states: BTreeSet<_> = listed.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    assert_eq!(coverage.states(), states, "every state of the machine occurs");
    let (ways, drawn) = (coverage.ways(), drawn());
    let missing: Vec<_> = ways.difference(&drawn).collect();
    assert!(missing.is_empty(), "ways from state to state that docs/states.md does not show: {missing:?}");
    assert!(coverage.is_complete(), "every kind of event and effect occurs: {coverage:?}");

    let sum = |of: fn(&Explored) -> usize| explored.iter().map(|(explored, _)| of(explored)).sum::<usize>();
    let depth = explored.iter().map(|(explored, _)| explored.depth).max().unwrap();
    let line = format!(
        "proof 2: {} scenarios explored to the end, {} states, {} transitions, depth {depth}; \
         {} of {} machine states, {} pairs of state and kind of event; 9 laws hold; {} of {} seeded mistakes found",
        explored.len(),
        sum(|explored| explored.states),
        sum(|explored| explored.transitions),
        coverage.states().len(),
        states.len(),
        coverage.pairs(),
        found.len(),
        Bug::ALL.len(),
    );
    say(&line);
    if let Some(path) = std::env::var_os("MYNA_PROOFS") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        writeln!(file.unwrap(), "{line}").unwrap();
    }
}

/// Two states with one fingerprint must have the same future, or the search would have skipped one of them. A long walk
/// at random, which never renames a number, meets only states that the search has met.
#[test]
fn a_walk_at_random_stays_in_what_was_explored() {
    side_by_side(vec![two_crashes(), at_readers_pad()], walk_at_random);
}

fn walk_at_random(scenario: Scenario) {
    let model = model(scenario, None);
    let Ok((_, known)) = explore(&model) else { panic!("the laws hold") };
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut nexts = Vec::new();
    let mut steps = 0;
    for _ in 0..400 {
        let mut world = model.first();
        for _ in 0..400 {
            assert!(model.successors(&world, &mut nexts).is_ok());
            // xorshift64.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let place = usize::try_from(random % nexts.len() as u64).unwrap();
            world = nexts.swap_remove(place).world;
            assert!(known.contains_key(&fingerprint(&world)), "after {steps} steps: {world:?}");
            steps += 1;
        }
    }
    assert_eq!(steps, 160_000);
}
