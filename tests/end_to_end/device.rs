//! `myna-atm device`: listed, looked at and tried with the real programs.

use std::process::{Command, Output};

use myna_demo::terminal_process::write_configuration;
use myna_tests::{World, programs};

fn device(world: &World, arguments: &[&str]) -> Output {
    started(world, arguments).wait_with_output().unwrap()
}

fn started(world: &World, arguments: &[&str]) -> std::process::Child {
    let configuration = write_configuration(&world.state, &world.setup).unwrap();
    Command::new(&programs().terminal)
        .arg("device")
        .args(arguments)
        .arg("--config")
        .arg(configuration)
        .env("PCSCLITE_CSOCK_NAME", &world.setup.pcsc_socket)
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
    let looked: serde_json::Value = serde_json::from_slice(&looked.stdout).unwrap();
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
    let counters = world.reader.card().send(&serde_json::json!({ "do": "counters" })).unwrap();
    assert_eq!(counters["counters"]["jpki/0018"]["left"], 3, "{counters}");
}

#[test]
fn the_pad_is_tried_and_its_digits_are_not_shown() {
    let world = World::with_card("valid");
    let trying = started(&world, &["test", "pin-pad"]);
    for _ in 0..100 {
        if std::os::unix::net::UnixStream::connect(world.pad()).is_ok() {
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
