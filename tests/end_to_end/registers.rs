//! The main job: a card is registered, once.

use myna_demo::customer::{Customer, Whim};
use myna_tests::{World, number, text};

#[test]
fn a_card_is_registered_and_the_second_time_says_so() {
    let world = World::with_card("valid");
    let first = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&first.result, "outcome"), "registered", "{}", world.logs());
    assert_eq!(first.exit_code, 0);
    assert!(std::path::Path::new(text(&first.result, "receipt")).is_file());

    let second = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&second.result, "outcome"), "already-registered");
    assert_eq!(second.exit_code, 0);
    assert_eq!(text(&first.result, "acceptance_number"), text(&second.result, "acceptance_number"));
    assert_ne!(text(&first.result, "request_id"), text(&second.result, "request_id"));
}

#[test]
fn a_registration_takes_thirteen_apdus_and_two_after_the_pin() {
    let world = World::with_card("valid");
    let visit = world.visit(&Customer::with_pin("1234"));
    assert!(number(&visit.result, "apdus") <= 13, "{}", visit.result);
    assert_eq!(number(&visit.result, "apdus_after_pin"), 2, "{}", visit.result);
}

#[test]
fn without_short_file_identifiers_it_takes_seventeen_and_three() {
    let world = World::with("valid", &["--no-sfi"]);
    let visit = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&visit.result, "outcome"), "registered", "{}", world.logs());
    assert!(number(&visit.result, "apdus") <= 17, "{}", visit.result);
    assert_eq!(number(&visit.result, "apdus_after_pin"), 3, "{}", visit.result);
}

#[test]
fn a_wrong_pin_counts_once_and_the_right_one_registers() {
    let world = World::with_card("valid");
    let customer =
        Customer { pins: vec!["9999".to_owned(), "1234".to_owned()], ..Customer::with_pin("1234") };
    let visit = world.visit(&customer);
    assert_eq!(text(&visit.result, "outcome"), "registered", "{}", world.logs());
    let tries: Vec<u64> = visit
        .screens
        .iter()
        .filter(|screen| screen["screen"] == "pin")
        .filter_map(|screen| screen["tries_left"].as_u64())
        .collect();
    assert_eq!(tries, [3, 2], "the customer sees the tries left before each entry");
}

#[test]
fn the_last_try_needs_a_yes() {
    let world = World::with_card("one-try-left");
    let careful = Customer { risks_last_try: false, ..Customer::with_pin("1234") };
    let visit = world.visit(&careful);
    assert_eq!(text(&visit.result, "outcome"), "refused");
    assert!(!visit.screens.iter().any(|screen| screen["screen"] == "pin"), "the PIN was not asked");

    let daring = Customer::with_pin("1234");
    assert_eq!(text(&world.visit(&daring).result, "outcome"), "registered", "{}", world.logs());
}

#[test]
fn three_wrong_pins_lock_and_the_way_out_is_shown() {
    let world = World::with_card("valid");
    let wrong = Customer { pins: vec!["0000".to_owned(); 3], ..Customer::with_pin("0000") };
    let visit = world.visit(&wrong);
    assert_eq!(text(&visit.result, "outcome"), "refused");
    assert_eq!(text(&visit.result, "code"), "pin-locked");
    let again = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&again.result, "code"), "pin-locked");
    assert!(
        !again.screens.iter().any(|screen| screen["screen"] == "pin"),
        "the PIN is not asked of a locked card"
    );
}

#[test]
fn a_pin_of_another_length_never_reaches_the_card() {
    let world = World::with_card("valid");
    // "12E" and "E" are not accepted by the pad; the customer then clears and enters the right one.
    let customer = Customer { pins: vec!["12EC1234".to_owned()], ..Customer::with_pin("1234") };
    let visit = world.visit(&customer);
    assert_eq!(text(&visit.result, "outcome"), "registered", "{}", world.logs());
    let counters = world.card_control().send(&serde_json::json!({ "do": "counters" })).unwrap();
    assert!(counters.to_string().contains('3'), "no try was used: {counters}");
}

#[test]
fn cancelling_sends_nothing() {
    for screen in ["terms", "insert-card", "pin"] {
        let world = World::with_card("valid");
        let customer =
            Customer { whim: Some((screen.to_owned(), Whim::Cancel)), ..Customer::with_pin("1234") };
        let visit = world.visit(&customer);
        assert_eq!(text(&visit.result, "outcome"), "refused", "at {screen}: {}", world.logs());
        assert_eq!(text(&visit.result, "code"), "cancelled", "at {screen}");
        assert_eq!(visit.exit_code, 3);
        assert_eq!(world.host_count("SELECT count(*) FROM registration"), 0, "at {screen}");
    }
}

#[test]
fn a_card_pulled_out_at_the_pin_ends_the_visit() {
    let world = World::with_card("valid");
    let customer = Customer { whim: Some(("pin".to_owned(), Whim::PullCard)), ..Customer::with_pin("1234") };
    let visit = world.visit(&customer);
    assert_eq!(text(&visit.result, "outcome"), "refused", "{}", world.logs());
    assert_eq!(text(&visit.result, "code"), "card-removed");
    assert_eq!(world.host_count("SELECT count(*) FROM registration"), 0);
}
