//! `myna-atm device`: listed, looked at and tried with the real programs.

use std::process::{Command, Output};

use myna_demo::configuration::write_configuration;
use myna_demo::terminal_process::TerminalProcess;
use myna_tests::{World, programs};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn device(world: &World, arguments: &[&str]) -> Output {
    started(world, arguments).wait_with_output().unwrap()
}

fn started(world: &World, arguments: &[&str]) -> std::process::Child {
    let configuration = write_configuration(&world.state, &world.setup).unwrap();
    let mut command = Command::new(&programs().terminal);
    world.setup.devices.tell(&mut command);
    command
        .arg("device")
        .args(arguments)
        .arg("--config")
        .arg(configuration)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn devices_are_listed_and_looked_at() {
    let world = World::with_card("valid");
    let listed = text(&device(&world, &["list"]));
    for word in ["card-unit", "pcsc", "pin-pad", "socket", "printer", "Virtual PCD 00 00"] {
        assert!(listed.contains(word), "{word} is not in {listed}");
    }
    let looked = device(&world, &["status", "--json"]);
    assert!(looked.status.success(), "{}", text(&looked));
    let looked: Value = serde_json::from_slice(&looked.stdout).unwrap();
    let unit = &looked["devices"][0];
    assert_eq!((&unit["state"], &unit["media"]), (&"online".into(), &"notPresent".into()), "{looked}");
    world.card("insert");
    // pcscd looks at its readers a few times a second.
    let pause = std::time::Duration::from_millis(100);
    let seen = (0..50).any(|_| {
        std::thread::park_timeout(pause);
        text(&device(&world, &["status"])).contains("media=present")
    });
    assert!(seen, "the card is seen");
}

#[test]
fn the_card_unit_is_tried_with_a_card_and_without_its_pin() {
    let world = World::with_card("valid");
    let trying = started(&world, &["test", "card-unit"]);
    std::thread::park_timeout(std::time::Duration::from_millis(300));
    world.card("insert");
    let tried = trying.wait_with_output().unwrap();
    assert!(tried.status.success(), "{}", text(&tried));
    assert!(text(&tried).contains("3 PIN tries left"), "{}", text(&tried));
    let counters = world.card_control().send(&serde_json::json!({ "do": "counters" })).unwrap();
    assert_eq!(counters["counters"]["jpki/0018"]["left"], 3, "{counters}");
}

#[test]
fn the_pad_is_tried_and_its_digits_are_not_shown() {
    let world = World::with_card("valid");
    let trying = started(&world, &["test", "pin-pad"]);
    for _ in 0..100 {
        if std::os::unix::net::UnixStream::connect(world.hands().pad()).is_ok() {
            break;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(20));
    }
    world.press_pad(b"8357E");
    let tried = trying.wait_with_output().unwrap();
    assert!(tried.status.success(), "{}", text(&tried));
    assert!(text(&tried).contains("wiped") && !text(&tried).contains("8357"), "{}", text(&tried));
}

#[test]
fn the_printer_prints_a_receipt_that_says_it_is_a_test() {
    let world = World::with_card("valid");
    let tried = device(&world, &["test", "printer"]);
    assert!(tried.status.success(), "{}", text(&tried));
    let receipt = std::fs::read_to_string(world.state.path("terminal/receipts/receipt-000001.txt")).unwrap();
    assert!(receipt.contains("試験用"), "{receipt}");
}

/// As [`device`], with a change of the configuration's text.
fn device_with(world: &World, arguments: &[&str], change: impl FnOnce(String) -> String) -> Output {
    let configuration = write_configuration(&world.state, &world.setup).unwrap();
    let text = std::fs::read_to_string(&configuration).unwrap();
    std::fs::write(&configuration, change(text)).unwrap();
    let mut command = Command::new(&programs().terminal);
    world.setup.devices.tell(&mut command);
    command.arg("device").args(arguments).arg("--config").arg(configuration).output().unwrap()
}

#[test]
fn a_port_that_is_missing_or_in_use_is_told_at_once_with_what_to_do() {
    let world = World::serial("valid");
    let port = world.lines().ports().card_unit.display().to_string();
    let wrong = |text: String| text.replace(&port, "/dev/no-such-port");
    let tried = device_with(&world, &["test", "card-unit"], wrong);
    let said = text(&tried);
    assert_eq!(tried.status.code(), Some(1), "{said}");
    for part in ["FAILED: card unit: /dev/no-such-port", "port-not-found", "Check plug and power"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(!said.contains("put a card in"), "{said}");

    // Another program has the printer's.
    let settings = devices::serial::SerialSettings::new(world.lines().ports().printer.clone(), 115_200);
    let held = devices::serial::Line::open("printer", &settings).unwrap();
    let looked = device(&world, &["status", "--json"]);
    let looked: Value = serde_json::from_slice(&looked.stdout).unwrap();
    let printer = &looked["devices"][2];
    assert_eq!(
        (&printer["state"], &printer["code"]),
        (&"deviceBusy".into(), &"port-in-use".into()),
        "{looked}"
    );
    let tried = device(&world, &["test", "printer"]);
    assert_eq!(tried.status.code(), Some(1), "{}", text(&tried));
    assert!(text(&tried).contains("Stop the other process"), "{}", text(&tried));
    drop(held);
    assert!(device(&world, &["test", "printer"]).status.success());
}

#[test]
fn a_look_that_takes_long_says_that_it_looks() {
    let world = World::serial("valid");
    assert!(!text(&device(&world, &["status"])).contains("looking"), "this one is quick");
    world.lines().pull_printer_lever("silent:on").unwrap();
    let looked = device(&world, &["status"]);
    let errors = String::from_utf8_lossy(&looked.stderr);
    assert!(errors.contains("looking …"), "{errors}");
    assert!(text(&looked).contains("printer-silent"), "{}", text(&looked));
}

#[test]
fn nothing_is_tried_beside_a_running_service() {
    let world = World::with_card("valid");
    let mut service = world.service();
    until(&world, &mut service, "screen", "menu");
    let tried = device(&world, &["test", "printer"]);
    assert_eq!(tried.status.code(), Some(1), "{}", text(&tried));
    assert!(text(&tried).contains("FAILED: the service runs"), "{}", text(&tried));
    assert!(!world.state.path("terminal/receipts/receipt-000001.txt").exists(), "nothing was printed");
    kill(Pid::from_raw(service.pid().cast_signed()), Signal::SIGTERM).unwrap();
    while service.next_line().unwrap().is_some() {}
    assert!(service.wait().unwrap().success(), "{}", world.logs());
}

/// The service with the other slot of the virtual reader as its card unit: the card's own slot serves nobody.
fn service_beside_the_card(world: &mut World) -> TerminalProcess {
    // Whoever starts the terminal writes its configuration first.
    let configuration = world.state.path("terminal/myna-atm.toml");
    let turn = "sed -i -e '1i other_readers = [\"Virtual PCD 00 00\"]' -e 's/^reader = .*/reader = \"Virtual PCD 00 01\"/'";
    let script = format!("{turn} {} && exec \"$@\"", configuration.display());
    world.setup.under = ["sh", "-c", &script, "sh"].map(str::to_owned).to_vec();
    world.service()
}

fn until(world: &World, service: &mut TerminalProcess, field: &str, value: &str) -> Value {
    while let Some(line) = service.next_line().unwrap() {
        if line[field] == value {
            return line;
        }
    }
    panic!("no {field} {value}\n{}", world.logs());
}

/// What `device status` says beside the service, whose configuration stays as it is.
fn status(world: &World) -> Value {
    let mut command = Command::new(&programs().terminal);
    world.setup.devices.tell(&mut command);
    let output = command
        .args(["device", "status", "--json", "--config"])
        .arg(world.state.path("terminal/myna-atm.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The status when it has `media` at the other reader: `pcscd` looks a few times a second, and the file follows.
fn seen_at_other(world: &World, media: &str) -> Value {
    let pause = std::time::Duration::from_millis(100);
    for _ in 0..50 {
        let status = status(world);
        if status["devices"][3]["media"] == media {
            return status;
        }
        std::thread::park_timeout(pause);
    }
    panic!("{media} is never seen: {}\n{}", status(world), world.logs());
}

#[test]
fn a_card_at_the_other_reader_is_seen_told_and_left_alone() {
    let mut world = World::with_card("valid");
    let mut service = service_beside_the_card(&mut world);
    until(&world, &mut service, "screen", "menu");
    service.press("confirm");
    until(&world, &mut service, "screen", "terms");
    service.press("confirm");
    until(&world, &mut service, "screen", "insert-card");
    world.card("insert");
    let notice = until(&world, &mut service, "notice", "card-at-other-reader");
    assert_eq!(notice["words"]["title"], "カードが別の読み取り口にあります", "{notice}");
    let seen = seen_at_other(&world, "present");
    assert_eq!((&seen["service"], &seen["devices"][0]["media"]), (&"running".into(), &"notPresent".into()));
    assert_eq!(seen["devices"][3]["name"], "Virtual PCD 00 00");
    let card = world.card_control().send(&serde_json::json!({ "do": "status" })).unwrap();
    assert_eq!((&card["inserted"], &card["apdus"]), (&true.into(), &0.into()), "nobody talked to it: {card}");

    world.card("remove");
    seen_at_other(&world, "notPresent");
    service.press("cancel");
    until(&world, &mut service, "screen", "stopped");
    service.press("confirm");
    until(&world, &mut service, "screen", "menu");
    kill(Pid::from_raw(service.pid().cast_signed()), Signal::SIGTERM).unwrap();
    while service.next_line().unwrap().is_some() {}
    assert!(service.wait().unwrap().success(), "{}", world.logs());
    let stopped = status(&world);
    assert_eq!(
        (&stopped["service"], &stopped["devices"][3]["media"]),
        (&"stopped".into(), &"notPresent".into())
    );
}
