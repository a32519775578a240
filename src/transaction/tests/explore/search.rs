//! Breadth-first search to the end, the graph that it leaves behind, and the shortest way to what it finds.
//!
//! Why not a library: the numbers of effects grow without end, so states must be brought to a normal form before they
//! are compared, and the normal form is easiest in the hasher (`fingerprint.rs`). The rest is this file.
//!
//! Of a visited state only its fingerprint, its parent and a few marks are kept; a way is found again by repeating it.

use std::collections::HashMap;
use std::time::Instant;

use crate::fingerprint::{Mixed, fingerprint};
use crate::model::{Model, short};
use crate::moves::{Class, How, Label, Next};
use crate::truth::{self, Finding, Law};
use crate::world::World;

/// What an exploration came to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) transitions: usize,
    /// Transitions from the first state to the farthest one.
    pub(crate) depth: usize,
    pub(crate) seconds: f64,
}

/// A law that does not hold, and the shortest way there, one line for each event.
#[derive(Debug)]
pub(crate) struct Counterexample {
    pub(crate) law: Law,
    pub(crate) text: String,
}

const CALM: u8 = 1;
const CARD_INSIDE: u8 = 2;

/// The states that were found, by number.
pub(crate) type Known = HashMap<u128, u32, Mixed>;

/// Transitions as numbers: the state they lead to, and in the lowest two bits the class.
#[derive(Default)]
struct Graph {
    parents: Vec<u32>,
    marks: Vec<u8>,
    /// Where the transitions of each state begin.
    begin: Vec<usize>,
    edges: Vec<u32>,
}

impl Graph {
    fn add(&mut self, world: &World, parent: u32) {
        let mut marks = 0;
        if truth::is_calm(world) {
            marks |= CALM;
        }
        if truth::card_is_inside(world) {
            marks |= CARD_INSIDE;
        }
        self.marks.push(marks);
        self.parents.push(parent);
    }

    fn out(&self, state: usize) -> &[u32] {
        let end = self.begin.get(state + 1).copied().unwrap_or(self.edges.len());
        &self.edges[self.begin[state]..end]
    }

    /// Which states can reach one that `is` the goal, over transitions of the allowed classes.
    fn can_reach(&self, is: impl Fn(u8) -> bool, allowed: &[Class]) -> Vec<bool> {
        let mut can: Vec<bool> = self.marks.iter().map(|marks| is(*marks)).collect();
        let allowed = allowed.iter().fold(0u8, |all, class| all | 1 << *class as u8);
        loop {
            let mut changed = false;
            // Most ways lead to states that were found later: backwards, few rounds are needed.
            for state in (0..can.len()).rev() {
                let leads = |edge: &u32| allowed & 1 << (edge & 3) != 0 && can[(edge >> 2) as usize];
                if !can[state] && self.out(state).iter().any(leads) {
                    can[state] = true;
                    changed = true;
                }
            }
            if !changed {
                return can;
            }
        }
    }
}

/// Explores everything, then asks what can still be reached.
pub(crate) fn explore(model: &Model) -> Result<(Explored, Known), Box<Counterexample>> {
    let begun = now();
    let first = model.first();
    let mut known = Known::default();
    let mut graph = Graph::default();
    known.insert(fingerprint(&first), 0);
    graph.add(&first, 0);
    let mut frontier = vec![first];
    let mut state = 0u32;
    let mut explored = Explored::default();
    let mut nexts = Vec::new();
    while !frontier.is_empty() {
        let mut later = Vec::new();
        for world in frontier {
            graph.begin.push(graph.edges.len());
            if let Err(finding) = model.successors(&world, &mut nexts) {
                return Err(counterexample(model, &graph, &known, state, &finding));
            }
            explored.transitions += nexts.len();
            for next in nexts.drain(..) {
                let fresh = u32::try_from(known.len()).unwrap();
                let to = *known.entry(fingerprint(&next.world)).or_insert(fresh);
                if to == fresh {
                    graph.add(&next.world, state);
                    later.push(next.world);
                }
                if to != state {
                    graph.edges.push(to << 2 | next.label.class() as u32);
                }
            }
            state += 1;
        }
        explored.depth += usize::from(!later.is_empty());
        frontier = later;
    }
    explored.states = known.len();
    assert_eq!(explored.states, graph.begin.len(), "every state was expanded");
    ends_well(model, &graph, &known)?;
    explored.seconds = begun.elapsed().as_secs_f64();
    Ok((explored, known))
}

/// The laws about what can still be reached.
fn ends_well(model: &Model, graph: &Graph, known: &Known) -> Result<(), Box<Counterexample>> {
    let lost = |can: &[bool]| can.iter().position(|can| !can).map(|state| u32::try_from(state).unwrap());
    let out = graph.can_reach(|marks| marks & CARD_INSIDE == 0, &[Class::Itself]);
    if let Some(state) = lost(&out) {
        let what = "the card stays inside unless a person helps".to_owned();
        return Err(counterexample(model, graph, known, state, &Finding { law: Law::CardComesBack, what }));
    }
    let calm = graph.can_reach(|marks| marks & CALM != 0, &[Class::Itself]);
    if let Some(state) = lost(&calm) {
        let what = "both sides can never agree any more unless a person helps".to_owned();
        return Err(counterexample(model, graph, known, state, &Finding { law: Law::BothSidesAgree, what }));
    }
    Ok(())
}

/// The way to a state, repeated to be told.
fn counterexample(
    model: &Model,
    graph: &Graph,
    known: &Known,
    state: u32,
    finding: &Finding,
) -> Box<Counterexample> {
    let mut way = vec![state];
    while let Some(last) = way.last().copied().filter(|last| *last != 0) {
        way.push(graph.parents[last as usize]);
    }
    way.reverse();
    let mut prints = vec![0; way.len()];
    for (print, state) in known {
        if let Some(place) = way.iter().position(|on_the_way| on_the_way == state) {
            prints[place] = *print;
        }
    }
    let teller = Model { tell: true, ..model.clone() };
    let mut world = model.first();
    let mut text = format!("{:?} does not hold after {} events:", finding.law, way.len() - 1);
    for (place, print) in prints.iter().enumerate().skip(1) {
        let mut nexts = Vec::new();
        let told = teller.successors(&world, &mut nexts);
        assert!(told.is_ok(), "no law is broken on the way");
        let next = nexts.into_iter().find(|next| fingerprint(&next.world) == *print);
        let next = next.expect("the way can be repeated");
        text.push_str(&line(place, &next));
        world = next.world;
    }
    let told = teller.successors(&world, &mut Vec::new());
    let what = told.err().map_or_else(|| finding.what.clone(), |finding| finding.what);
    text.push_str(&format!("\n   ✗  {what}"));
    Box::new(Counterexample { law: finding.law, text })
}

/// One event of a way.
fn line(place: usize, next: &Next) -> String {
    let Label { mv, how } = next.label;
    let mv = short(&mv);
    match how {
        How::Done => format!("\n{place:>4}  {mv:<38} {}", next.story),
        How::Crash { effects, kept } if next.label.is_at_rest() => {
            format!("\n{place:>4}  {mv:<38} (of what was noted, {kept} facts are kept; effects: {effects})")
        }
        How::Crash { effects, kept } => {
            format!(
                "\n{place:>4}  {mv:<38} CRASH after its record and {effects} effects, {kept} noted facts kept"
            )
        }
        How::JournalFails { durable } => {
            format!(
                "\n{place:>4}  {mv:<38} THE JOURNAL FAILS (durable all the same: {durable}) {}",
                next.story
            )
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long an exploration takes is printed, and decides nothing"
)]
fn now() -> Instant {
    Instant::now()
}
