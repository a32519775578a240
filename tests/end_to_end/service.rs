//! The service as customers and operators meet it: one visit after the other, languages, help, more time, voice, orders.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use myna_demo::terminal_process::TerminalProcess;
use myna_tests::{World, text};

/// Reads on until a line has `value` in `field`, and returns it.
pub(crate) fn until(world: &World, service: &mut TerminalProcess, field: &str, value: &str) -> Value {
    let mut seen = Vec::new();
    while let Some(line) = service.next_line().unwrap() {
        if line[field] == value {
            return line;
        }
        seen.push(line);
    }
    panic!("no {field} {value} after {seen:#?}\n{}", world.logs());
}

pub(crate) fn screen(world: &World, service: &mut TerminalProcess, name: &str) -> Value {
    until(world, service, "screen", name)
}

pub(crate) fn words(line: &Value) -> String {
    line["words"].to_string()
}

/// From the menu to the question for the PIN, with the card in.
pub(crate) fn to_the_pin(world: &World, service: &mut TerminalProcess) {
    screen(world, service, "menu");
    service.press("confirm");
    screen(world, service, "terms");
    service.press("confirm");
    screen(world, service, "insert-card");
    world.card("insert");
    screen(world, service, "pin");
}

/// From the menu to the result, with the card put in at its time.
pub(crate) fn to_the_result(world: &World, service: &mut TerminalProcess) -> Value {
    to_the_pin(world, service);
    world.press_pad(b"1234E");
    screen(world, service, "receipt")
}

pub(crate) fn take_card_and_result(world: &World, service: &mut TerminalProcess) -> Value {
    screen(world, service, "take-card");
    world.card("remove");
    let mut last = Value::Null;
    while last.get("outcome").is_none() {
        last = service.next_line().unwrap().expect("a result");
    }
    last
}

pub(crate) fn end(service: &mut TerminalProcess) -> std::process::ExitStatus {
    kill(Pid::from_raw(service.pid().cast_signed()), Signal::SIGTERM).unwrap();
    while service.next_line().unwrap().is_some() {}
    service.wait().unwrap()
}

#[test]
fn two_customers_in_a_row_and_then_the_service_is_stopped() {
    let world = World::with_card("valid");
    let mut service = world.service();
    let first = to_the_result(&world, &mut service);
    assert_eq!(text(&first, "result"), "registered", "{}", world.logs());
    service.press("yes");
    let first = take_card_and_result(&world, &mut service);
    let second = to_the_result(&world, &mut service);
    assert_eq!(text(&second, "result"), "already-registered");
    service.press("no");
    let second = take_card_and_result(&world, &mut service);
    assert_eq!((text(&first, "outcome"), text(&second, "outcome")), ("registered", "already-registered"));
    assert_ne!(text(&first, "request_id"), text(&second, "request_id"));
    screen(&world, &mut service, "menu");
    assert!(end(&mut service).success(), "{}", world.logs());
    assert_eq!(world.host_count("SELECT count(*) FROM registration"), 1);
}

/// A program with the screens that died left a machine that nobody could use, and that looked well from outside.
#[test]
fn a_service_whose_keys_are_gone_ends() {
    let world = World::with_card("valid");
    let mut service = world.service();
    screen(&world, &mut service, "menu");
    // Waits for its end with standard input closed.
    assert!(service.wait().unwrap().success(), "{}", world.logs());
    assert!(world.log_codes().contains(&"stop-after-visit".to_owned()), "{:?}", world.log_codes());
}

#[test]
fn a_language_chosen_at_the_terms_is_what_is_agreed_to_and_the_next_customer_begins_anew() {
    let world = World::with_card("valid");
    let mut service = world.service();
    screen(&world, &mut service, "menu");
    service.press("confirm");
    let japanese = screen(&world, &mut service, "terms");
    service.say(&json!({ "language": "en" }));
    let english = screen(&world, &mut service, "terms");
    assert_eq!((text(&japanese, "language"), text(&english, "language")), ("ja", "en"));
    assert!(words(&english).contains("Confirm"));
    service.press("confirm");
    screen(&world, &mut service, "insert-card");
    // After the consent the screens change, and what was agreed to does not.
    service.say(&json!({ "language": "ja" }));
    screen(&world, &mut service, "insert-card");
    world.card("insert");
    screen(&world, &mut service, "pin");
    world.press_pad(b"1234E");
    screen(&world, &mut service, "receipt");
    service.press("no");
    let result = take_card_and_result(&world, &mut service);
    let evidence = std::path::PathBuf::from(text(&result, "evidence"));
    let root = world.state.path("trust-root.pem");
    let content = myna_tests::openssl::cms_verify(&evidence, &root).unwrap();
    let content: Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(text(&content, "terms_language"), "en");

    // Somebody plays with the menu and goes away; the next customer's menu is Japanese again after the visit.
    assert!(words(&screen(&world, &mut service, "menu")).contains("各種お手続き"));
    service.say(&json!({ "language": "en" }));
    assert!(words(&screen(&world, &mut service, "menu")).contains("Procedures"));
    service.press("confirm");
    screen(&world, &mut service, "terms");
    service.press("cancel");
    screen(&world, &mut service, "stopped");
    service.press("confirm");
    assert!(words(&screen(&world, &mut service, "menu")).contains("各種お手続き"));
    assert!(end(&mut service).success());
}

#[test]
fn time_is_announced_before_it_is_over_and_one_key_gives_it_again() {
    let mut world = World::with_card("valid");
    world.setup.limits = [
        "terms_ms_max = 20000",
        "insert_card_ms_max = 10000",
        "pin_ms_max = 5000",
        "notice_ms_max = 5000",
        "time_warning_ms = 4000",
    ]
    .map(str::to_owned)
    .into();
    let mut service = world.service();
    to_the_pin(&world, &mut service);
    let warning = screen(&world, &mut service, "time-warning");
    assert_eq!((text(&warning, "of"), &warning["more"]), ("pin", &json!(true)));
    service.press("more");
    screen(&world, &mut service, "pin");
    // A key of the pad is as good: whoever types has not gone away.
    screen(&world, &mut service, "time-warning");
    world.press_pad(b"1");
    screen(&world, &mut service, "pin");
    service.press("help");
    let help = screen(&world, &mut service, "help");
    assert_eq!(text(&help, "of"), "pin");
    assert!(words(&help).contains("4桁の数字"), "{help}");
    screen(&world, &mut service, "time-warning");
    let stopped = screen(&world, &mut service, "stopped");
    assert_eq!(text(&stopped, "code"), "timed-out");
    // Nobody reads the reason either: the card comes back all the same.
    screen(&world, &mut service, "time-warning");
    let result = take_card_and_result(&world, &mut service);
    assert_eq!(text(&result, "code"), "timed-out");
    assert!(end(&mut service).success());
    let codes = world.log_codes();
    let count = |code: &str| codes.iter().filter(|found| *found == code).count();
    assert_eq!((count("time-warned"), count("time-extended"), count("help-shown")), (4, 2, 1), "{codes:?}");
}

#[test]
fn by_voice_there_is_twice_the_time() {
    let mut world = World::with_card("valid");
    world.setup.limits =
        ["terms_ms_max = 20000", "notice_ms_max = 5000", "time_warning_ms = 4000"].map(str::to_owned).into();
    let mut service = world.service();
    screen(&world, &mut service, "menu");
    service.say(&json!({ "mode": "voice" }));
    screen(&world, &mut service, "menu");
    service.press("confirm");
    screen(&world, &mut service, "terms");
    service.press("cancel");
    screen(&world, &mut service, "stopped");
    screen(&world, &mut service, "time-warning");
    service.press("confirm");
    screen(&world, &mut service, "menu");
    assert!(end(&mut service).success());
    let page = journal::read_log(&world.state.journal(), &journal::Filter::default()).unwrap();
    let at = |code: &str| page.entries.iter().find(|logged| logged.entry.code.as_str() == code).unwrap();
    let waited = at("time-warned").entry.boot_ms - at("cancelled").entry.boot_ms;
    // 5 s less 4 s of warning, twice.
    assert!((2_000..4_000).contains(&waited), "{waited} ms from the notice to its warning");
    assert_eq!(at("cancelled").entry.mode, Some(journal::Mode::Handset));
}

#[test]
fn an_operator_stops_the_service_after_the_visit_and_lets_it_go_on() {
    let world = World::with_card("valid");
    let mut service = world.service();
    screen(&world, &mut service, "menu");
    service.press("confirm");
    screen(&world, &mut service, "terms");
    service.say(&json!({ "order": "stop-after-visit" }));
    service.press("confirm");
    screen(&world, &mut service, "insert-card");
    world.card("insert");
    screen(&world, &mut service, "pin");
    world.press_pad(b"1234E");
    let result = screen(&world, &mut service, "receipt");
    assert_eq!(text(&result, "result"), "registered", "the visit goes on to its end");
    service.press("no");
    take_card_and_result(&world, &mut service);
    let closed = screen(&world, &mut service, "out-of-service");
    assert_eq!(text(&closed, "code"), "stopped");
    service.press("confirm");
    service.say(&json!({ "order": "resume" }));
    screen(&world, &mut service, "menu");
    assert!(end(&mut service).success());
}

#[test]
fn sigterm_ends_a_service_that_was_stopped_before() {
    let world = World::with_card("valid");
    let mut service = world.service();
    screen(&world, &mut service, "menu");
    service.say(&json!({ "order": "stop-after-visit" }));
    screen(&world, &mut service, "out-of-service");
    kill(Pid::from_raw(service.pid().cast_signed()), Signal::SIGTERM).unwrap();
    while service.next_line().unwrap().is_some() {}
    assert!(service.wait().unwrap().success(), "{}", world.logs());
}

#[test]
fn sigterm_before_the_signature_stops_the_visit_and_gives_the_card_back() {
    let world = World::with_card("valid");
    let mut service = world.service();
    to_the_pin(&world, &mut service);
    kill(Pid::from_raw(service.pid().cast_signed()), Signal::SIGTERM).unwrap();
    let stopped = screen(&world, &mut service, "stopped");
    assert_eq!(text(&stopped, "code"), "service-stopped");
    service.press("confirm");
    let result = take_card_and_result(&world, &mut service);
    assert_eq!(text(&result, "code"), "service-stopped");
    screen(&world, &mut service, "out-of-service");
    assert!(service.wait().unwrap().success());
    assert_eq!(world.host_count("SELECT count(*) FROM decision"), 0);
}

#[test]
fn sigterm_while_the_host_is_awaited_tells_pending_and_the_next_start_goes_on() {
    let world = World::with_card("valid");
    world.host_lever(&json!({ "lever": "slow", "ms": 4000 }));
    let mut service = world.service();
    to_the_pin(&world, &mut service);
    world.press_pad(b"1234E");
    screen(&world, &mut service, "sending");
    kill(Pid::from_raw(service.pid().cast_signed()), Signal::SIGTERM).unwrap();
    let told = screen(&world, &mut service, "receipt");
    assert_eq!(text(&told, "result"), "pending");
    service.press("no");
    let result = take_card_and_result(&world, &mut service);
    assert_eq!(text(&result, "outcome"), "pending");
    while service.next_line().unwrap().is_some() {}
    assert!(service.wait().unwrap().success(), "{}", world.logs());
    world.host_lever(&json!({ "lever": "clear" }));
    assert!(world.deliver().status.success());
    assert_eq!(world.host_count("SELECT count(*) FROM registration"), 1);
    assert_eq!(world.journal_count("SELECT count(*) FROM outbox WHERE answer IS NULL"), 0);
}

#[test]
fn without_paper_no_receipt_is_offered_and_the_result_is_on_the_screen() {
    let world = World::with_card("valid");
    // The folder of the receipts is full.
    let configuration = world.state.path("terminal/receipts");
    std::fs::create_dir_all(&configuration).unwrap();
    let mut world = world;
    world.setup.receipts_max = 1;
    let mut service = world.service();
    to_the_result(&world, &mut service);
    service.press("yes");
    take_card_and_result(&world, &mut service);
    let told = to_the_result(&world, &mut service);
    assert_eq!(told["receipt"], json!(false), "{told}");
    assert!(told["words"]["question"].is_null());
    assert!(told["acceptance_number"].is_string());
    service.press("confirm");
    let result = take_card_and_result(&world, &mut service);
    assert_eq!((text(&result, "outcome"), &result["receipt"]), ("already-registered", &Value::Null));
    screen(&world, &mut service, "menu");
    assert!(end(&mut service).success());
    assert!(world.log_codes().contains(&"paper-out".to_owned()));
}

#[test]
fn a_card_that_is_not_taken_is_called_for_until_it_is() {
    let mut world = World::with_card("valid");
    world.setup.limits = vec!["card_take_ms_max = 2000".to_owned()];
    let mut service = world.service();
    to_the_result(&world, &mut service);
    service.press("no");
    screen(&world, &mut service, "take-card");
    for _ in 0..2 {
        until(&world, &mut service, "cue", "take-card");
    }
    world.card("remove");
    screen(&world, &mut service, "menu");
    assert!(end(&mut service).success());
    assert!(world.log_codes().iter().filter(|code| *code == "card-not-taken").count() >= 2);
}
