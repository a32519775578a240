//! The four things that a start can find, each with the real program: fresh, clean, interrupted, corrupt
//! (docs/recovering.md).

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use myna_demo::customer::{Customer, Whim};
use myna_tests::{World, text};

fn leaves_at_the_terms() -> Customer {
    Customer { whim: Some(("terms".to_owned(), Whim::Cancel)), ..Customer::with_pin("1234") }
}

fn aside(world: &World) -> Vec<std::path::PathBuf> {
    let folder = world.state.path("terminal");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut aside: Vec<_> =
        files.filter(|path| path.file_name().unwrap().to_string_lossy().contains(".aside-")).collect();
    aside.sort();
    aside
}

#[test]
fn fresh_then_clean_then_interrupted() {
    let world = World::with_card("valid");
    world.visit(&leaves_at_the_terms());
    let started: Vec<_> = world.log_codes().into_iter().filter(|code| code == "started").collect();
    assert_eq!(started.len(), 1, "fresh");

    world.visit(&leaves_at_the_terms());
    let codes = world.log_codes();
    assert_eq!(codes.iter().filter(|code| *code == "started").count(), 2, "clean");
    assert!(!codes.contains(&"visit-interrupted".to_owned()));

    let mut terminal = world.terminal();
    let pid = nix::unistd::Pid::from_raw(terminal.pid().cast_signed());
    let lived = Customer::with_pin("1234").visit(&mut terminal, &world.hands(), |screen| {
        if screen["screen"] == "pin" {
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
        }
    });
    assert!(lived.is_err());
    let visit = world.visit(&leaves_at_the_terms());
    assert!(visit.screens.iter().any(|screen| screen["found_at_start"] == true), "the card comes back first");
    assert!(world.log_codes().contains(&"visit-interrupted".to_owned()));
}

#[test]
fn corrupt_is_set_aside_and_nobody_is_served_until_somebody_has_looked() {
    let mut world = World::with_card("valid");
    world.setup.limits =
        ["host_decision_ms_max = 3000", "host_connect_ms_max = 2000"].map(str::to_owned).into();
    world.host_lever(&serde_json::json!({ "lever": "cannot-decide" }));
    let pending = world.visit(&Customer::with_pin("1234"));
    assert_eq!(text(&pending.result, "outcome"), "pending");
    world.host_lever(&serde_json::json!({ "lever": "clear" }));
    // Somebody edits the newest entry of the log.
    let journal = world.state.journal();
    let edit = "UPDATE device_log SET entry = replace(entry, 'T0001', 'T0002') \
                WHERE seq = (SELECT max(seq) FROM device_log)";
    rusqlite::Connection::open(&journal).unwrap().execute_batch(edit).unwrap();

    let first = world.visit(&leaves_at_the_terms());
    assert_eq!(
        (text(&first.result, "outcome"), text(&first.result, "code")),
        ("fault", "journal-chain-broken")
    );
    let closed = first.screens.iter().find(|screen| screen["screen"] == "out-of-service").unwrap();
    assert_eq!(text(closed, "code"), "journal-chain-broken", "and it says why");
    assert!(closed["words"].to_string().contains("journal-chain-broken"));
    assert!(!aside(&world).is_empty(), "the damaged file is kept");
    let kept: Vec<_> = aside(&world).iter().map(|path| std::fs::read(path).unwrap()).collect();

    // Somebody has looked, and starts the service again: it serves, and what was undecided is decided.
    let second = world.visit(&Customer::with_pin("1234"));
    assert!(
        ["registered", "already-registered"].contains(&text(&second.result, "outcome")),
        "{}",
        world.logs()
    );
    assert!(world.deliver().status.success());
    assert_eq!(world.journal_count("SELECT count(*) FROM outbox WHERE answer IS NULL"), 0);
    assert_eq!(world.journal_count("SELECT count(*) FROM outbox"), 2, "the undecided request went over");
    assert_eq!(world.host_count("SELECT count(*) FROM registration"), 1);
    let still: Vec<_> = aside(&world).iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(kept, still, "what is set aside is never written to again");
}

#[test]
fn a_file_that_is_no_journal_is_set_aside_whole() {
    let world = World::with_card("valid");
    world.visit(&leaves_at_the_terms());
    let journal = world.state.journal();
    let mut file = std::fs::File::options().read(true).write(true).open(&journal).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(b"no database at all").unwrap();
    let mut before = Vec::new();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.read_to_end(&mut before).unwrap();
    let visit = world.visit(&leaves_at_the_terms());
    assert_eq!(text(&visit.result, "code"), "journal-not-a-database");
    assert!(aside(&world).iter().any(|path| std::fs::read(path).unwrap() == before));
}
