//! The real terminal through visits, host, card and customer around it: a first start, a registration with a receipt, a
//! customer who leaves, a request without an answer, and its delivery by another process.

use serde_json::json;

use myna_demo::customer::{Customer, Whim};
use myna_tests::{World, text};

use crate::clock;
use crate::dice::Dice;
use crate::images::Effort;
use crate::oracle::Desk;
use crate::proof::{Lie, prove, states};
use crate::recording::{self, Op};

/// Runs `live` with each process of the terminal traced, and adds what it did.
fn traced(world: &mut World, ops: &mut Vec<Op>, live: impl FnOnce(&World)) {
    let log = world.state.path("terminal.strace");
    world.setup.under = recording::tracer(&log);
    live(world);
    world.setup.under.clear();
    recording::read(&log, &world.state.journal(), ops);
}

fn record(world: &mut World) -> Vec<Op> {
    let mut ops = Vec::new();
    traced(world, &mut ops, |world| {
        let visit = world.visit(&Customer::with_pin("1234"));
        assert_eq!(text(&visit.result, "outcome"), "registered", "{}", world.logs());
        assert!(visit.result["receipt"].is_string(), "{}", visit.result);
    });
    traced(world, &mut ops, |world| {
        let leaves = Customer { whim: Some(("pin".to_owned(), Whim::Cancel)), ..Customer::with_pin("1234") };
        let visit = world.visit(&leaves);
        assert_eq!(text(&visit.result, "code"), "cancelled", "{}", world.logs());
    });
    world.setup.limits =
        vec!["host_decision_ms_max = 1500".to_owned(), "host_connect_ms_max = 1000".to_owned()];
    traced(world, &mut ops, |world| {
        world.host_lever(&json!({ "lever": "cannot-decide" }));
        let visit = world.visit(&Customer::with_pin("1234"));
        assert_eq!(text(&visit.result, "outcome"), "pending", "{}", world.logs());
        world.host_lever(&json!({ "lever": "clear" }));
    });
    traced(world, &mut ops, |world| {
        let delivered = world.deliver();
        assert!(delivered.status.success(), "{delivered:?}\n{}", world.logs());
    });
    ops
}

#[test]
fn power_lost_at_any_moment_of_a_terminals_life_leaves_a_journal_as_before_or_as_after_the_commit() {
    let mut world = World::with_card("valid");
    let ops = record(&mut world);
    let certificate = world.state.path("pki/terminals/T0001/log.crt.pem");
    let keys = journal::CheckpointKeys::from_pem(&std::fs::read_to_string(certificate).unwrap()).unwrap();
    let mut desk = Desk::new(journal::OpenOptions::new(keys, jiff::Timestamp::UNIX_EPOCH));
    let states = states(&ops, &mut desk);
    // The recording is complete: with nothing lost the medium holds what the terminal left.
    let last = states.after.last().unwrap();
    let real = crate::oracle::contents(&world.state.journal()).unwrap();
    assert_eq!(last, &real);
    assert!(last.rows[0] > 40 && last.rows[2] == 2 && last.rows[4] == 0, "{last:?}");

    let start = clock::instant();
    let before = desk.opened;
    let usual = Effort { seams: 2, chances: 12, each_max: 24 };
    let mut dice = Dice(crate::seed());
    let tally = prove(&ops, &states, Lie::None, &mut desk, &mut dice, |_, m| Some(crate::effort(usual, m)));
    crate::report("power loss, four processes of a terminal", &tally, desk.opened - before, start);
    assert!(tally.wrong.is_empty(), "seed {}: {:#?}", crate::seed(), tally.wrong);
    assert!(tally.moments > 30 && tally.before > 300 && tally.after > 30, "{tally}");
}
