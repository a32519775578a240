//! Single moments, chosen by hand: a process killed, an answer lost, a host that cannot decide.

use std::time::Duration;

use serde_json::json;

use myna_demo::customer::{Customer, Whim};
use myna_tests::{World, text};

const REGISTRATIONS: &str = "SELECT count(*) FROM registration";
const UNDECIDED: &str = "SELECT count(*) FROM outbox WHERE answer IS NULL";
const DECIDED: &str = "SELECT count(*) FROM outbox WHERE answer IS NOT NULL";

/// Kills the terminal when its signed request is durable and the host, which is slow, has not answered.
fn killed_between_signature_and_answer(world: &World) {
    world.host_lever(&json!({ "lever": "slow", "ms": 3000 }));
    let mut terminal = world.terminal();
    let pid = nix::unistd::Pid::from_raw(terminal.pid().cast_signed());
    let lived = Customer::with_pin("1234").visit(&mut terminal, &world.hands(), |screen| {
        if screen["screen"] == "sending" {
            // The screen may be a moment ahead of the disk's answer to nobody: the record comes first, by type.
            assert_eq!(world.journal_count(UNDECIDED), 1, "the signed request is durable");
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
    });
    assert!(lived.is_err(), "the terminal died: {lived:?}");
    world.host_lever(&json!({ "lever": "clear" }));
}

fn acceptance_number_at_host(world: &World) -> String {
    let books = rusqlite::Connection::open(world.state.path("host/host.db")).unwrap();
    books.query_row("SELECT acceptance_number FROM registration", [], |row| row.get(0)).unwrap()
}

fn evidence_answer(world: &World) -> String {
    let folder = world.state.path("terminal/evidence");
    let mut answers = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let answer = entry.unwrap().path().join("answer.cms");
        if answer.is_file() {
            answers.push(answer);
        }
    }
    assert_eq!(answers.len(), 1, "one answer: {answers:?}");
    let content = myna_tests::openssl::cms_verify(&answers[0], &world.state.host_root()).unwrap();
    let content: serde_json::Value = serde_json::from_slice(&content).unwrap();
    text(&content, "acceptance_number").to_owned()
}

#[test]
fn killed_between_signature_and_answer_it_is_one_registration() {
    one_registration_after_a_kill(&World::with_card("valid"));
}

/// The unit still has the card inside.
#[test]
fn killed_between_signature_and_answer_on_serial_lines_it_is_one_registration_and_the_unit_gives_the_card_back()
 {
    let world = World::serial("valid");
    one_registration_after_a_kill(&world);
    let unit = world.card_control().send(&json!({ "do": "status" })).unwrap();
    assert_eq!((&unit["place"], &unit["entry_open"]), (&json!("hand"), &json!(false)), "{unit}");
}

fn one_registration_after_a_kill(world: &World) {
    killed_between_signature_and_answer(world);

    // A restart: the card left inside comes back, the request is delivered, the next customer leaves.
    let leaves = Customer { whim: Some(("terms".to_owned(), Whim::Cancel)), ..Customer::with_pin("1234") };
    let visit = world.visit(&leaves);
    assert!(
        visit
            .screens
            .iter()
            .any(|screen| screen["screen"] == "take-card" && screen["found_at_start"] == true),
        "the card left inside is given back: {:?}",
        visit.screens
    );
    let delivered = world.deliver();
    assert!(delivered.status.success(), "{delivered:?}\n{}", world.logs());

    assert_eq!(world.host_count(REGISTRATIONS), 1);
    assert_eq!(world.journal_count(UNDECIDED), 0);
    assert_eq!(world.journal_count(DECIDED), 1);
    assert_eq!(evidence_answer(world), acceptance_number_at_host(world));
}

#[test]
fn a_lost_answer_is_asked_for_again_and_it_is_one_registration() {
    let world = World::with_card("valid");
    world.host_lever(&json!({ "lever": "lose-answer", "count": 1 }));
    let visit = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&visit.result, "outcome"), "registered", "{}", world.logs());
    assert_eq!(world.host_count(REGISTRATIONS), 1);
    assert_eq!(text(&visit.result, "acceptance_number"), acceptance_number_at_host(&world));
}

#[test]
fn a_host_that_cannot_decide_is_told_as_it_is_and_delivered_later() {
    let mut world = World::with_card("valid");
    world.setup.limits =
        vec!["host_decision_ms_max = 3000".to_owned(), "host_connect_ms_max = 2000".to_owned()];
    world.host_lever(&json!({ "lever": "cannot-decide" }));
    let visit = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&visit.result, "outcome"), "pending", "{}", world.logs());
    assert_eq!(visit.exit_code, 4);
    assert_eq!(world.host_count(REGISTRATIONS), 0);

    world.host_lever(&json!({ "lever": "clear" }));
    let delivered = world.deliver();
    assert!(delivered.status.success(), "{delivered:?}\n{}", world.logs());
    assert_eq!(world.host_count(REGISTRATIONS), 1);
    assert_eq!(evidence_answer(&world), acceptance_number_at_host(&world));
    // What the customer was told and what became of it stand together: in the log, and in the visit's records.
    let page = journal::read_log(&world.state.journal(), &journal::Filter::default()).unwrap();
    let told = page.entries.iter().find(|logged| logged.entry.code.as_str() == "told-pending").unwrap();
    let visit = told.entry.visit.unwrap();
    let mut of_visit = page.entries.iter().filter(|logged| logged.entry.visit == Some(visit));
    assert_eq!(of_visit.next_back().unwrap().entry.code.as_str(), "registered");
    let together = format!(
        "SELECT count(*) FROM visit_record WHERE visit = '{visit}' AND kind IN ('told-pending', 'registered')"
    );
    assert_eq!(world.journal_count(&together), 2);
}

#[test]
fn a_host_killed_and_restarted_answers_the_same_again() {
    let mut world = World::with_card("valid");
    let first = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&first.result, "outcome"), "registered", "{}", world.logs());
    world.restart_host();
    let second = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&second.result, "outcome"), "already-registered", "{}", world.logs());
    assert_eq!(text(&first.result, "acceptance_number"), text(&second.result, "acceptance_number"));
    assert_eq!(world.host_count(REGISTRATIONS), 1);
}

#[test]
fn a_pcscd_that_crashes_between_two_customers_is_found_again() {
    let mut world = World::with_card("valid");
    let first = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&first.result, "outcome"), "registered", "{}", world.logs());
    let mut terminal = world.terminal();
    let mut crashed = false;
    let hands = world.hands();
    let reader = world.reader();
    let second = Customer::with_pin("1234").visit(&mut terminal, &hands, |screen| {
        if screen["screen"] == "terms" && !crashed {
            crashed = true;
            reader.stop_pcscd().unwrap();
            std::thread::park_timeout(Duration::from_millis(300));
            reader.start_pcscd().unwrap();
        }
    });
    let second = second.unwrap_or_else(|error| panic!("{error}\n{}", world.logs()));
    assert_eq!(text(&second.result, "outcome"), "already-registered", "{}", world.logs());
}

#[test]
fn a_terminal_killed_before_it_files_the_answer_files_it_after_a_restart() {
    let mut world = World::with_card("valid");
    let aim = "rename terminal/evidence/REQUEST/answer.cms #1".parse().unwrap();
    let watch = myna_tests::watch::Watch::new(&world.state.path(""), Some(aim));
    world.setup.under = watch.before().to_vec();
    let mut terminal = world.terminal();
    world.setup.under.clear();
    let customer = Customer::with_pin("1234");
    assert!(customer.visit(&mut terminal, &world.hands(), |_| {}).is_err(), "it died");
    terminal.kill();
    assert!(watch.seen().killed.is_some());

    let leaves = Customer { whim: Some(("terms".to_owned(), Whim::Cancel)), ..Customer::with_pin("1234") };
    world.visit(&leaves);
    assert!(world.deliver().status.success(), "{}", world.logs());
    assert_eq!(world.journal_count(DECIDED), 1);
    // docs/recovering.md: "a folder with request.cms and no answer.cms is a request without a known decision".
    assert_eq!(evidence_answer(&world), acceptance_number_at_host(&world));
}
