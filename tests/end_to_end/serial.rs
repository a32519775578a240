//! Whole visits with card unit, PIN pad and receipt printer on serial lines: what a customer and the log see of a unit that
//! takes cards in, of paper that is not there, and of devices that fail in the middle.

use serde_json::{Value, json};

use myna_demo::customer::{Customer, Visit, Whim};
use myna_tests::{World, number, text};

use super::service::{end, screen, take_card_and_result, to_the_pin, to_the_result, until, words};

const REGISTRATIONS: &str = "SELECT count(*) FROM registration";

fn at(screen: &str, whim: Whim) -> Customer {
    Customer { whim: Some((screen.to_owned(), whim)), ..Customer::with_pin("1234") }
}

/// What the customer saw at `name`.
fn saw<'a>(visit: &'a Visit, name: &str) -> &'a Value {
    let seen = visit.screens.iter().find(|screen| screen["screen"] == name);
    seen.unwrap_or_else(|| panic!("no {name} in {:#?}", visit.screens))
}

fn unit(world: &World) -> Value {
    world.card_control().send(&json!({ "do": "status" })).unwrap()
}

/// The texts of the printed paper, as the printer in software read its own dots' source: oldest first.
fn paper(world: &World) -> Vec<String> {
    let pictures = world.bench.receipts();
    pictures.iter().map(|picture| std::fs::read_to_string(picture.with_extension("txt")).unwrap()).collect()
}

fn entry(world: &World, code: &str) -> journal::LogEntry {
    let page = journal::read_log(&world.state.journal(), &journal::Filter::default()).unwrap();
    let found = page.entries.into_iter().map(|logged| logged.entry).find(|entry| entry.code.as_str() == code);
    found.unwrap_or_else(|| panic!("no {code} in {:?}\n{}", world.log_codes(), world.logs()))
}

#[test]
fn a_card_is_registered_the_second_time_says_so_and_the_paper_has_the_number() {
    let world = World::serial("valid");
    let first = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&first.result, "outcome"), "registered", "{}", world.logs());
    assert_eq!((number(&first.result, "apdus"), number(&first.result, "apdus_after_pin")), (13, 2));
    let second = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&second.result, "outcome"), "already-registered", "{}", world.logs());
    let acceptance = text(&first.result, "acceptance_number");
    assert_eq!(acceptance, text(&second.result, "acceptance_number"));
    let paper = paper(&world);
    assert_eq!(paper.len(), 2);
    for receipt in &paper {
        assert!(receipt.contains(acceptance), "{receipt}");
    }
    let unit = unit(&world);
    assert_eq!((&unit["place"], &unit["entry_open"]), (&json!("hand"), &json!(false)), "{unit}");
    assert_eq!((&unit["verifies"], &unit["signatures"]), (&json!(2), &json!(2)), "one a visit: {unit}");
}

#[test]
fn a_wrong_pin_counts_once_and_the_right_one_registers() {
    let world = World::serial("valid");
    let pins = vec!["9999".to_owned(), "1234".to_owned()];
    let visit = world.visit(&Customer { pins, receipt: false, ..Customer::with_pin("1234") });
    assert_eq!(text(&visit.result, "outcome"), "registered", "{}", world.logs());
    let asked = visit.screens.iter().filter(|screen| screen["screen"] == "pin");
    let tries: Vec<u64> = asked.filter_map(|screen| screen["tries_left"].as_u64()).collect();
    assert_eq!(tries, [3, 2]);
    assert!(paper(&world).is_empty(), "nobody wanted a receipt");
}

#[test]
fn who_cancels_before_the_card_leaves_a_closed_way_in() {
    let world = World::serial("valid");
    let mut service = world.service();
    screen(&world, &mut service, "menu");
    assert_eq!(unit(&world)["entry_open"], false, "nobody is served");
    service.press("confirm");
    screen(&world, &mut service, "terms");
    service.press("confirm");
    screen(&world, &mut service, "insert-card");
    assert!(eventually(|| unit(&world)["entry_open"] == true), "a card is asked for");
    service.press("cancel");
    let stopped = screen(&world, &mut service, "stopped");
    assert_eq!(text(&stopped, "code"), "cancelled");
    assert!(eventually(|| unit(&world)["entry_open"] == false), "and not any more");
    // Whoever holds a card to the mouth now keeps it.
    world.card("insert");
    service.press("confirm");
    screen(&world, &mut service, "menu");
    assert_eq!(unit(&world)["place"], "offered");
    assert!(end(&mut service).success());
    assert_eq!(world.host_count(REGISTRATIONS), 0);
}

fn eventually(so: impl Fn() -> bool) -> bool {
    (0..100).any(|_| {
        std::thread::park_timeout(std::time::Duration::from_millis(30));
        so()
    })
}

#[test]
fn a_card_that_is_not_taken_is_called_for_until_it_is() {
    let mut world = World::serial("valid");
    world.setup.limits = vec!["card_take_ms_max = 2000".to_owned()];
    let mut service = world.service();
    to_the_result(&world, &mut service);
    service.press("no");
    screen(&world, &mut service, "take-card");
    for _ in 0..2 {
        until(&world, &mut service, "cue", "take-card");
    }
    assert_eq!(unit(&world)["place"], "mouth");
    world.card("remove");
    screen(&world, &mut service, "menu");
    assert!(end(&mut service).success());
    assert!(world.log_codes().iter().filter(|code| *code == "card-not-taken").count() >= 2);
    assert!(!world.log_codes().contains(&"card-retained".to_owned()), "nobody configured it");
}

#[test]
fn where_the_bank_wants_it_a_forgotten_card_is_kept_and_the_log_says_where() {
    let mut world = World::serial("valid");
    world.setup.limits = vec!["card_take_ms_max = 2000".to_owned()];
    world.setup.tables = "[retain]\nafter_reminders = 1\ncall = \"03-0000-0000\"\n".to_owned();
    let mut service = world.service();
    to_the_result(&world, &mut service);
    service.press("no");
    screen(&world, &mut service, "take-card");
    until(&world, &mut service, "cue", "take-card");
    let retained = screen(&world, &mut service, "retained");
    assert!(words(&retained).contains("03-0000-0000"), "{retained}");
    service.press("confirm");
    let result = until(&world, &mut service, "outcome", "registered");
    assert!(result["acceptance_number"].is_string());
    screen(&world, &mut service, "menu");
    assert!(end(&mut service).success());
    let unit = unit(&world);
    assert_eq!((&unit["place"], &unit["captured"]), (&json!("bin"), &json!(1)), "{unit}");
    let kept = entry(&world, "card-retained");
    let place = kept.detail.as_ref().unwrap().as_str();
    assert!(place.contains("number 001"), "{place}");
    let codes = world.log_codes();
    let at = |code: &str| codes.iter().position(|found| found == code).unwrap();
    assert!(at("card-not-taken") < at("card-retaining") && at("card-retaining") < at("card-retained"));
    assert!(!codes.contains(&"card-taken".to_owned()));
}

#[test]
fn without_paper_no_receipt_is_offered_and_the_number_is_on_the_screen() {
    let world = World::serial("valid");
    world.lines().pull_printer_lever("paper:out").unwrap();
    let mut service = world.service();
    let told = to_the_result(&world, &mut service);
    assert_eq!((text(&told, "result"), &told["receipt"]), ("registered", &json!(false)), "{told}");
    assert!(words(&told).contains(text(&told, "acceptance_number")), "{told}");
    service.press("confirm");
    let result = take_card_and_result(&world, &mut service);
    assert_eq!(text(&result, "outcome"), "registered");
    assert!(end(&mut service).success());
    assert!(paper(&world).is_empty());
    assert!(world.log_codes().contains(&"paper-out".to_owned()), "{:?}", world.log_codes());
}

#[test]
fn a_printer_that_dies_in_the_middle_costs_the_receipt_alone() {
    let world = World::serial("valid");
    world.lines().pull_printer_lever("power-off@500").unwrap();
    let visit = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&visit.result, "outcome"), "registered", "{}", world.logs());
    assert_eq!(world.host_count(REGISTRATIONS), 1);
    let told = saw(&visit, "no-receipt");
    assert!(words(told).contains(text(&visit.result, "acceptance_number")), "{told}");
    assert!(paper(&world).is_empty());
    entry(&world, "receipt-unknown");
    assert_eq!(unit(&world)["place"], "hand");
}

#[test]
fn a_card_pulled_out_while_it_is_read_ends_the_visit_and_the_next_one_is_served() {
    let world = World::serial("valid");
    // Slow enough that a hand is faster.
    world.lines().pull_unit_lever("slow:150").unwrap();
    let visit = world.visit(&at("reading", Whim::PullCard));
    assert_eq!(text(&visit.result, "code"), "card-removed", "{}", world.logs());
    assert_eq!(world.host_count(REGISTRATIONS), 0);
    world.lines().pull_unit_lever("slow:0").unwrap();
    let again = world.visit(&Customer { receipt: false, ..Customer::with_pin("1234") });
    assert_eq!(text(&again.result, "outcome"), "registered", "{}", world.logs());
}

#[test]
fn a_card_that_gets_stuck_on_its_way_out_is_in_the_log_and_comes_out_when_it_is_free() {
    let mut world = World::serial("valid");
    world.setup.limits = ["card_take_ms_max = 2000", "repair_pause_ms = 500"].map(str::to_owned).into();
    let mut service = world.service();
    to_the_result(&world, &mut service);
    world.lines().pull_unit_lever("jam:front").unwrap();
    service.press("no");
    screen(&world, &mut service, "take-card");
    // Nobody can be told to take it: the visit is over, its result stands, and the machine serves nobody.
    until(&world, &mut service, "outcome", "registered");
    let down = screen(&world, &mut service, "card-unit-down");
    assert_eq!(text(&down, "code"), "card-jammed");
    assert_eq!(unit(&world)["place"], "inside");
    world.lines().pull_unit_lever("jam:off").unwrap();
    let found = screen(&world, &mut service, "take-card");
    assert_eq!(found["found_at_start"], true, "{found}");
    world.card("remove");
    screen(&world, &mut service, "menu");
    assert!(end(&mut service).success());
    assert_eq!(entry(&world, "card-jammed").action, Some(journal::Action::Clear));
    entry(&world, "card-unseen");
}

#[test]
fn a_pad_that_is_unplugged_ends_the_visit_and_the_card_comes_back() {
    let world = World::serial("valid");
    let mut service = world.service();
    to_the_pin(&world, &mut service);
    world.press_pad(b"12");
    until(&world, &mut service, "screen", "dots");
    world.lines().pull_pad_lever("unplug").unwrap();
    let stopped = screen(&world, &mut service, "stopped");
    assert_eq!(text(&stopped, "result"), "fault", "{stopped}");
    service.press("confirm");
    let result = take_card_and_result(&world, &mut service);
    assert_eq!(text(&result, "outcome"), "fault");
    // Plugged in again it serves the next customer, without a restart.
    world.lines().pull_pad_lever("plug").unwrap();
    let told = to_the_result(&world, &mut service);
    assert_eq!(text(&told, "result"), "registered", "{}", world.logs());
    service.press("no");
    take_card_and_result(&world, &mut service);
    assert!(end(&mut service).success());
    entry(&world, text(&result, "code"));
    assert_eq!(unit(&world)["verifies"], 1, "none for the entry that was lost");
}
