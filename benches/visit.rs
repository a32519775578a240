//! A whole visit: APDUs, own time, memory, start-up; beside it OpenSC's login and signature with the same card through
//! the same `pcscd`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]

use std::process::Command;

use myna_benches::{Stopwatch, head, median, row};
use myna_demo::customer::Customer;
use myna_tests::{World, number, text};

const VISITS: usize = 25;

fn main() {
    let trace = std::env::temp_dir().join(format!("myna-bench-{}.apdus", std::process::id()));
    let mut world = World::with("valid", &["--trace", trace.to_str().unwrap()]);
    // As a terminal is run.
    world.setup.trace = "warn".to_owned();
    let (mut own, mut card) = (Vec::new(), Vec::new());
    let (mut resident, mut private) = (Vec::new(), Vec::new());
    let (mut apdus, mut after_pin) = (0, 0);
    for _ in 0..VISITS {
        let mut terminal = world.terminal();
        let pid = terminal.pid();
        let (mut kib, mut private_kib) = (0, 0);
        let visit = Customer::with_pin("1234")
            .visit(&mut terminal, &world.hands(), |screen| {
                if screen["screen"] == "take-card" {
                    (kib, private_kib) = (status_kib(pid, "VmRSS:"), status_kib(pid, "RssAnon:"));
                }
            })
            .unwrap();
        assert!(text(&visit.result, "outcome").ends_with("registered"), "{}", visit.result);
        own.push(visit.result["own_us"].as_f64().unwrap() / 1000.0);
        card.push(number(&visit.result, "card_ms") as f64);
        resident.push(kib as f64 / 1024.0);
        private.push(private_kib as f64 / 1024.0);
        apdus = number(&visit.result, "apdus");
        after_pin = number(&visit.result, "apdus_after_pin");
    }
    let ready = median(&mut (0..VISITS).map(|_| ready_ms(&world)).collect::<Vec<_>>());
    let (opensc_apdus, opensc_ms) = opensc(&world, &trace);
    head();
    let opensc_row =
        format!("OpenSC `pkcs11-tool` login and signature: {opensc_apdus} APDUs, {opensc_ms:.0} ms");
    row("APDUs of a visit", &apdus.to_string(), &opensc_row);
    row("APDUs after the last digit", &after_pin.to_string(), "");
    row("time in the card, median", &format!("{:.1} ms", median(&mut card)), "emulator without delays");
    row("own time on top of card, host and customer, median", &format!("{:.1} ms", median(&mut own)), "");
    let beside = format!("of it private, not mapped code and fonts: {:.1} MiB", median(&mut private));
    row("resident after a visit, median", &format!("{:.1} MiB", median(&mut resident)), &beside);
    row("start to ready, median", &format!("{ready:.0} ms"), &format!("`/bin/true`: {:.1} ms", true_ms()));
    let _gone = std::fs::remove_file(trace);
}

fn status_kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// From the start of the process to its first screen.
fn ready_ms(world: &World) -> f64 {
    let watch = Stopwatch::start();
    let mut terminal = world.terminal();
    terminal.next_line().unwrap().expect("a screen");
    watch.elapsed().as_secs_f64() * 1000.0
}

fn true_ms() -> f64 {
    let watch = Stopwatch::start();
    Command::new("/bin/true").status().unwrap();
    watch.elapsed().as_secs_f64() * 1000.0
}

/// APDUs and milliseconds of OpenSC for a login and one signature, on the same card.
fn opensc(world: &World, trace: &std::path::Path) -> (usize, f64) {
    world.card_control().send(&serde_json::json!({ "do": "insert" })).unwrap();
    let data = world.state.path("data");
    std::fs::write(&data, b"what the card signs").unwrap();
    std::thread::park_timeout(std::time::Duration::from_secs(1));
    let before = commands(trace);
    let watch = Stopwatch::start();
    let mut command = Command::new("pkcs11-tool");
    world.setup.devices.tell(&mut command);
    let signed = command
        .args(["-l", "-p", "1234", "--id", "1", "-s", "-m", "SHA256-RSA-PKCS", "-i"])
        .arg(&data)
        .arg("-o")
        .arg(world.state.path("signature"))
        .output()
        .expect("opensc is installed (scripts/test does that)");
    let elapsed = watch.elapsed().as_secs_f64() * 1000.0;
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    (commands(trace) - before, elapsed)
}

/// Lines of the emulator's trace that are commands.
fn commands(trace: &std::path::Path) -> usize {
    std::fs::read_to_string(trace).unwrap_or_default().lines().filter(|line| line.contains(" > ")).count()
}
