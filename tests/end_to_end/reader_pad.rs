//! The PIN at the card reader's own pad: a real `pcscd`, the driver of `tests/ifd_handler`, and the card in it.

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use myna_demo::configuration::write_configuration;
use myna_demo::customer::{Customer, Visit, Whim};
use myna_tests::{World, number, programs, text};

fn right() -> Customer {
    Customer::with_pin("1234")
}

fn at_pin(whim: Whim) -> Customer {
    Customer { whim: Some(("pin".to_owned(), whim)), ..right() }
}

/// One visit; `see` looks at each screen before the customer acts on it.
fn visit(world: &World, customer: &Customer, see: impl FnMut(&serde_json::Value)) -> Visit {
    let mut terminal = world.terminal();
    customer
        .visit(&mut terminal, &world.hands(), see)
        .unwrap_or_else(|error| panic!("{}\n{}", myna_demo::error::chain(&error), world.logs()))
}

fn ended(visit: &Visit, world: &World) -> (String, String) {
    let field = |field| text(&visit.result, field).to_owned();
    assert_eq!(visit.exit_code == 0, field("outcome") == "registered", "{}", world.logs());
    (field("outcome"), field("code"))
}

fn refused(code: &str) -> (String, String) {
    ("refused".to_owned(), code.to_owned())
}

fn nothing_sent(world: &World) {
    assert_eq!(world.host_count("SELECT count(*) FROM registration"), 0);
    assert!(!world.log_codes().contains(&"request-signed".to_owned()));
}

/// A file of the reader with a pad (`tests/ifd_handler`): `trace` is what passed to and from the card.
fn beside_keys(world: &World, name: &str) -> PathBuf {
    world.hands().pad().with_file_name(name)
}

/// VERIFYs with data that reached the card.
fn verifies(world: &World) -> usize {
    let trace = std::fs::read_to_string(beside_keys(world, "trace")).unwrap();
    trace.lines().filter(|line| line.contains("> 002000") && line.contains("redacted")).count()
}

fn count(world: &World, code: &str) -> usize {
    world.log_codes().iter().filter(|found| *found == code).count()
}

fn names(visit: &Visit) -> Vec<&str> {
    visit.screens.iter().filter_map(|screen| screen["screen"].as_str()).collect()
}

fn doctor(world: &World) -> Output {
    let configuration = write_configuration(&world.state, &world.setup).unwrap();
    let mut command = world.setup.command(&programs().terminal);
    command.arg("doctor").arg("--config").arg(configuration).output().unwrap()
}

/// Waits for what is durable to come about.
fn until(what: &str, limit: Duration, ready: impl Fn() -> bool) {
    const PAUSE: Duration = Duration::from_millis(50);
    let looks = limit.as_millis() / PAUSE.as_millis();
    let seen = (0..looks).any(|_| {
        std::thread::park_timeout(PAUSE);
        ready()
    });
    assert!(seen, "not in time: {what}");
}

#[test]
fn a_card_is_registered_with_the_pin_at_the_reader() {
    let world = World::with_pad("valid");
    let looked = String::from_utf8(doctor(&world).stdout).unwrap();
    assert!(looked.contains("the reader's own: digits never come into this process"), "{looked}");

    let visit = visit(&world, &right(), |_| {});
    assert_eq!(ended(&visit, &world), ("registered".to_owned(), "registered".to_owned()));
    assert!(number(&visit.result, "apdus") <= 13, "{}", visit.result);
    assert_eq!(number(&visit.result, "apdus_after_pin"), 2, "{}", visit.result);
    let pin = visit.screens.iter().find(|screen| screen["screen"] == "pin").unwrap();
    assert_eq!((&pin["at"], &pin["tries_left"]), (&"reader".into(), &3.into()), "{pin}");
    let codes = world.log_codes();
    let at = |code: &str| codes.iter().position(|found| found == code);
    assert!(at("tries-shown") < at("pin-asked-at-reader"), "{codes:?}");
    assert!(at("pin-asked-at-reader") < at("pin-verified"), "{codes:?}");
    assert_eq!((at("pin-entered"), verifies(&world)), (None, 1), "nothing comes from a slot");
}

#[test]
fn a_wrong_pin_at_the_reader_counts_once_and_the_right_one_registers() {
    let world = World::with_pad("valid");
    let customer = Customer { pins: vec!["9999".to_owned(), "1234".to_owned()], ..right() };
    let visit = visit(&world, &customer, |_| {});
    assert_eq!(ended(&visit, &world).0, "registered");
    let shown: Vec<_> = visit
        .screens
        .iter()
        .filter(|screen| screen["screen"] == "pin")
        .map(|screen| (screen["tries_left"].as_u64().unwrap(), screen["wrong_before"] == true))
        .collect();
    assert_eq!((shown, verifies(&world)), (vec![(3, false), (2, true)], 2));
}

#[test]
fn a_pin_of_another_length_at_the_reader_never_reaches_the_card() {
    let world = World::with_pad("valid");
    let customer = Customer { pins: ["12", "12345", "1234"].map(str::to_owned).into(), ..right() };
    let visit = visit(&world, &customer, |_| {});
    assert_eq!(ended(&visit, &world).0, "registered");
    let shown: Vec<_> = visit.screens.iter().filter(|screen| screen["screen"] == "pin").collect();
    assert_eq!(shown.len(), 3);
    assert!(shown.iter().all(|screen| screen["tries_left"] == 3), "{shown:?}");
    assert_eq!(
        (&shown[0]["wrong_length_before"], &shown[1]["wrong_length_before"]),
        (&false.into(), &true.into())
    );
    assert_eq!((count(&world, "pin-not-presented"), verifies(&world)), (2, 1));
}

#[test]
fn cancel_at_the_reader_ends_the_visit() {
    let world = World::with_pad("valid");
    let visit = visit(&world, &at_pin(Whim::Cancel), |_| {});
    assert_eq!(ended(&visit, &world), refused("cancelled"));
    assert_eq!((count(&world, "pin-not-presented"), verifies(&world)), (1, 0));
    assert!(!names(&visit).contains(&"leave-pad"));
    nothing_sent(&world);
}

#[test]
fn cancel_on_the_screen_waits_for_the_reader_whatever_is_typed_there() {
    // Cancel at the pad, as the screen says.
    let world = World::with_pad("valid");
    let left = visit(&world, &at_pin(Whim::CancelOnScreen), |_| {});
    assert_eq!(ended(&left, &world), refused("cancelled"));
    assert!(names(&left).contains(&"leave-pad"), "{:?}", names(&left));
    assert_eq!(verifies(&world), 0);
    // The right PIN all the same: the card accepts it, and nothing is signed.
    let typed = visit(&world, &at_pin(Whim::CancelOnScreen), |screen| {
        if screen["screen"] == "leave-pad" {
            world.press_pad(b"1234E");
        }
    });
    assert_eq!((ended(&typed, &world), verifies(&world)), (refused("cancelled"), 1));
    assert_eq!(count(&world, "pin-verified"), 1);
    let told = |visit: &Visit| {
        let stopped = visit.screens.iter().find(|screen| screen["screen"] == "stopped").unwrap();
        stopped["tries_left"].clone()
    };
    assert!(told(&left).is_null() && told(&typed).is_null());
    nothing_sent(&world);
}

#[test]
fn who_types_a_wrong_pin_after_cancelling_reads_what_is_left() {
    let world = World::with_pad("valid");
    let wrong = visit(&world, &at_pin(Whim::CancelOnScreen), |screen| {
        if screen["screen"] == "leave-pad" {
            world.press_pad(b"0000E");
        }
    });
    assert_eq!((ended(&wrong, &world), verifies(&world)), (refused("cancelled"), 1));
    let stopped = wrong.screens.iter().find(|screen| screen["screen"] == "stopped").unwrap();
    assert_eq!(stopped["tries_left"], 2, "{stopped}");
    nothing_sent(&world);
}

#[test]
fn who_locks_the_card_after_cancelling_is_told_so() {
    let world = World::with_pad("one-try-left");
    let careful = Customer { risks_last_try: false, ..right() };
    assert_eq!(ended(&visit(&world, &careful, |_| {}), &world), refused("cancelled"));
    assert_eq!((count(&world, "pin-asked-at-reader"), verifies(&world)), (0, 0), "no yes, no entry");
    let locked = visit(&world, &at_pin(Whim::CancelOnScreen), |screen| {
        if screen["screen"] == "leave-pad" {
            world.press_pad(b"0000E");
        }
    });
    assert_eq!((ended(&locked, &world), verifies(&world)), (refused("pin-locked"), 1));
    nothing_sent(&world);
}

#[test]
fn a_card_pulled_out_during_the_entry_at_the_reader_ends_the_visit() {
    let world = World::with_pad("valid");
    let visit = visit(&world, &at_pin(Whim::TypeAndPullCard), |_| {});
    assert_eq!((ended(&visit, &world), verifies(&world)), (refused("card-removed"), 0));
    nothing_sent(&world);
    // The reader serves the next one.
    assert_eq!(text(&world.visit(&right()).result, "outcome"), "registered", "{}", world.logs());
}

/// The customer's time is over first, then, with nobody there, the reader's.
#[test]
fn who_walks_away_from_the_reader_ends_the_visit_when_the_reader_does() {
    let mut world = World::with_pad("valid");
    world.setup.limits =
        ["pin_ms_max = 5000", "notice_ms_max = 5000", "time_warning_ms = 1000"].map(str::to_owned).into();
    let visit = visit(&world, &at_pin(Whim::TypeAndWalkAway), |_| {});
    assert_eq!(ended(&visit, &world), refused("timed-out"));
    let names = names(&visit);
    let at = |name: &str| names.iter().position(|found| *found == name);
    assert!(at("time-warning").is_some() && at("time-warning") < at("leave-pad"), "{names:?}");
    assert_eq!((count(&world, "pin-not-presented"), verifies(&world)), (1, 0));
    nothing_sent(&world);
}

/// The reader waits half a minute for the first key, the customer has longer.
#[test]
fn a_reader_whose_own_time_is_over_is_asked_again() {
    let world = World::with_pad("valid");
    let mut screens = 0;
    let visit = visit(&world, &right(), |screen| {
        if screen["screen"] == "pin" {
            screens += 1;
            let asked = || count(&world, "pin-asked-at-reader") == 2;
            until("the reader is asked again", Duration::from_secs(45), asked);
        }
    });
    assert_eq!((ended(&visit, &world).0.as_str(), screens), ("registered", 1), "the screen stays");
    assert_eq!((count(&world, "pin-not-presented"), verifies(&world)), (1, 1));
}

#[test]
fn a_reader_that_offers_no_pad_is_a_fault_that_says_what_to_do() {
    let world = World::with_pad("valid");
    std::fs::write(beside_keys(&world, "no-pad"), "").unwrap();
    let visit = visit(&world, &right(), |_| {});
    assert_eq!(ended(&visit, &world), ("fault".to_owned(), "pad-not-offered".to_owned()));
    assert_eq!((verifies(&world), count(&world, "pin-asked-at-reader")), (0, 0));
    let looked = doctor(&world);
    let said = String::from_utf8(looked.stdout).unwrap();
    assert!(!looked.status.success() && said.contains("the reader offers no pad for this PIN"), "{said}");
}
