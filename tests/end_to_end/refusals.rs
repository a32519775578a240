//! What the host says no to reaches its customer: each with its own screen, and a next step that works.

use std::process::Command;

use myna_demo::customer::{Customer, Visit};
use myna_tests::{World, programs, text};
use serde_json::Value;

/// One of the host operator's commands.
fn operator(world: &World, arguments: &[&str]) -> String {
    let config = world.state.path("host/host.toml");
    let output = Command::new(&programs().host).args(arguments).arg("--config").arg(config).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn ended(visit: &Visit) -> (&str, &str) {
    (text(&visit.result, "outcome"), text(&visit.result, "code"))
}

/// The words of the screen that told the customer how the visit ended.
fn told(visit: &Visit) -> String {
    let screens = ["stopped", "receipt"];
    let last = visit.screens.iter().rfind(|shown| screens.contains(&text(shown, "screen"))).unwrap();
    last["words"].to_string()
}

#[test]
fn what_the_insurer_says_reaches_the_customer_until_it_is_taken_back() {
    let world = World::with_card("valid");
    let first = world.visit(&Customer::with_pin("1234"));
    assert_eq!(ended(&first), ("registered", "registered"), "{}", world.logs());
    let evidence = std::path::PathBuf::from(text(&first.result, "evidence"));
    let (root, certificate) = (world.state.path("trust-root.pem"), world.state.path("holder.pem"));
    myna_tests::openssl::cms_signer(&evidence, &root, &certificate).unwrap();
    let certificate = certificate.to_str().unwrap();
    operator(&world, &["cancel", text(&first.result, "acceptance_number")]);
    for (code, next) in [("no-insurer-data", "数日後"), ("insurer-blocked", "保険者")] {
        operator(&world, &["insurer", "set", "--certificate", certificate, code]);
        let visit = world.visit(&Customer::with_pin("1234"));
        assert_eq!(ended(&visit), ("refused", code), "{}", world.logs());
        assert_eq!(visit.exit_code, 3);
        assert!(told(&visit).contains(next), "{}", told(&visit));
        assert_eq!(visit.result["acceptance_number"], Value::Null);
        assert!(world.log_codes().contains(&code.to_owned()));
    }
    operator(&world, &["insurer", "remove", "--certificate", certificate]);
    // After a cancellation the same machine registers again.
    let again = world.visit(&Customer::with_pin("1234"));
    assert_eq!(ended(&again), ("registered", "registered"), "{}", world.logs());
    assert_ne!(again.result["acceptance_number"], first.result["acceptance_number"]);
}

#[test]
fn a_terminal_that_the_host_has_revoked_takes_no_card_and_serves_again_when_it_is_restored() {
    let world = World::with_card("valid");
    operator(&world, &["terminal", "revoke", "T0001"]);
    let refused = world.visit(&Customer::with_pin("1234"));
    assert_eq!(ended(&refused), ("fault", "host-refused-us"), "{}", world.logs());
    assert!(!refused.screens.iter().any(|shown| shown["screen"] == "insert-card"), "no card was asked for");
    operator(&world, &["terminal", "restore", "T0001"]);
    let served = world.visit(&Customer::with_pin("1234"));
    assert_eq!(ended(&served), ("registered", "registered"), "{}", world.logs());
}

#[test]
fn a_challenge_that_the_host_has_forgotten_is_told_and_the_next_visit_registers() {
    let world = World::with_card("valid");
    let mut terminal = world.terminal();
    let books = world.state.path("host/host.db");
    let customer = Customer::with_pin("1234");
    // The host's books are restored from before the visit, while its customer looks for the card.
    let visit = customer
        .visit(&mut terminal, &world.hands(), |shown| {
            if shown["screen"] == "insert-card" {
                rusqlite::Connection::open(&books).unwrap().execute("DELETE FROM challenge", ()).unwrap();
            }
        })
        .unwrap();
    assert_eq!(ended(&visit), ("refused", "challenge-unknown"), "{}", world.logs());
    assert!(told(&visit).contains("もう一度"), "{}", told(&visit));
    assert_eq!(world.host_count("SELECT count(*) FROM registration"), 0);
    let again = world.visit(&customer);
    assert_eq!(ended(&again), ("registered", "registered"), "{}", world.logs());
}
