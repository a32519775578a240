//! Nothing remembers the PIN: twenty visits, each with a random PIN, everything logged at TRACE, and then a search; behind
//! `pcscd` with a socket as pad, and with card unit, pad and printer on serial lines. The same in twelve visits with the PIN at
//! the card reader's own pad, from where it does not even come into the terminal.
//!
//! Searched: the terminal's output, trace, journal, receipts, evidence and live memory, and the host's files. Looked for:
//! the PIN and fifty decoys in every form that programs write bytes in. A four-digit number occurs by chance, so the PIN
//! is compared with the decoys: a form that no decoy ever takes may not be the PIN's twice, and where decoys occur, the
//! PIN may not beat all of them again and again. Out of scope, because the PIN is theirs to hold: the simulated
//! devices, the simulated customer, `pcscd`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use aho_corasick::AhoCorasick;
use base64::Engine as _;

use myna_demo::bench::Devices;
use myna_demo::customer::{Customer, Whim};
use myna_tests::{World, memory, text};

const DECOYS: usize = 50;
/// Visits at a time: most of a visit is waiting.
const AT_ONCE: usize = 4;
/// In so many visits must the PIN beat all decoys where decoys occur too; by chance that is one run in 51 each time.
const BEATEN_MAX: usize = 4;

/// Distinct four-digit numbers, all drawn alike; the first is the PIN.
fn draw() -> Vec<String> {
    let mut drawn: Vec<String> = Vec::new();
    while drawn.len() <= DECOYS {
        let mut bytes = [0u8; 2];
        getrandom::fill(&mut bytes).unwrap();
        let number = u16::from_be_bytes(bytes);
        let candidate = format!("{:04}", number % 10_000);
        // The top of the range would make some numbers likelier.
        if number < 60_000 && !drawn.contains(&candidate) {
            drawn.push(candidate);
        }
    }
    drawn
}

/// The forms in which programs write four bytes.
fn forms(pin: &str) -> Vec<(&'static str, Vec<u8>)> {
    let digits = pin.as_bytes();
    let list =
        |separator: &str| digits.iter().map(u8::to_string).collect::<Vec<_>>().join(separator).into_bytes();
    let base64 = |before: usize| {
        // The characters that depend on nothing but the PIN, when `before` bytes stand before it in a group of three.
        let padded = [&vec![0u8; before][..], digits, &[0, 0]].concat();
        let encoded = base64::engine::general_purpose::STANDARD.encode(padded);
        encoded.as_bytes()[(before * 8).div_ceil(6)..(before * 8 + 32) / 6].to_vec()
    };
    let verify = |p2: u8| [&[0x00, 0x20, 0x00, p2, 0x04][..], digits].concat();
    let hex_list = |separator: &str| {
        digits.iter().map(|digit| format!("{digit:02x}")).collect::<Vec<_>>().join(separator).into_bytes()
    };
    vec![
        ("text", digits.to_vec()),
        ("hex", hex::encode(digits).into_bytes()),
        ("spaced hex", hex_list(" ")),
        ("hex list", hex_list(", ")),
        ("decimal list", list(", ")),
        ("dense decimal list", list(",")),
        ("base64, first alignment", base64(0)),
        ("base64, second alignment", base64(1)),
        ("base64, third alignment", base64(2)),
        ("VERIFY, short file identifier", verify(0x98)),
        ("VERIFY, current file", verify(0x80)),
        ("VERIFY in hex", hex::encode(verify(0x98)).into_bytes()),
    ]
}

fn binary_coded(pin: &str) -> Vec<u8> {
    hex::decode(pin).unwrap()
}

/// How often each number occurs, by place and form, over all visits.
#[derive(Default)]
struct Findings {
    cells: BTreeMap<(String, &'static str), Cell>,
}

#[derive(Default, Debug)]
struct Cell {
    decoys_total: usize,
    pin_total: usize,
    visits_with_pin: usize,
    visits_won_by_pin: usize,
}

impl Findings {
    /// Counts every form of every number in what `places` hold after one visit.
    fn add(&mut self, numbers: &[String], places: &[(String, Vec<u8>)]) {
        let mut patterns = Vec::new();
        let mut meaning = Vec::new();
        for (index, number) in numbers.iter().enumerate() {
            for (form, bytes) in forms(number) {
                patterns.push(bytes);
                meaning.push((index, form));
            }
            patterns.push(binary_coded(number));
            meaning.push((index, "BCD"));
        }
        let search = AhoCorasick::new(&patterns).unwrap();
        for (place, bytes) in places {
            let mut counts: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
            for found in search.find_overlapping_iter(bytes) {
                let (index, form) = meaning[found.pattern().as_usize()];
                // Two bytes occur everywhere by chance; they mean something only where records are.
                if form == "BCD" && place != "journal" && place != "evidence" {
                    continue;
                }
                counts.entry(form).or_insert_with(|| vec![0; numbers.len()])[index] += 1;
            }
            for (form, counts) in counts {
                let cell = self.cells.entry((place.clone(), form)).or_default();
                let best_decoy = counts[1..].iter().max().copied().unwrap_or(0);
                cell.decoys_total += counts[1..].iter().sum::<usize>();
                cell.pin_total += counts[0];
                cell.visits_with_pin += usize::from(counts[0] > 0);
                cell.visits_won_by_pin += usize::from(counts[0] > best_decoy);
            }
        }
    }

    /// Places and forms in which the PIN is more than chance.
    fn leaks(&self) -> Vec<String> {
        self.cells
            .iter()
            .filter(|(_, cell)| {
                (cell.decoys_total == 0 && cell.visits_with_pin >= 2) || cell.visits_won_by_pin >= BEATEN_MAX
            })
            .map(|((place, form), cell)| format!("{place}, as {form}: {cell:?}"))
            .collect()
    }
}

/// Visits of each kind: right, wrong, cancelled, pulled, time over.
const fn visits(devices: Devices) -> [usize; 5] {
    match devices {
        Devices::Pcsc | Devices::Serial => [8, 4, 3, 3, 2],
        // The reader's own time is half a minute.
        Devices::ReaderPad => [4, 3, 2, 2, 1],
    }
}

/// What the customer does in each of the visits.
fn behaviours(devices: Devices, pin: &str) -> Vec<(&'static str, Customer)> {
    let [rights, wrongs, cancels, pulls, times] = visits(devices);
    let right = Customer::with_pin(pin);
    let keys = |keys: String| Customer { pins: vec![keys], ..Customer::with_pin(pin) };
    let at_pin = |whim| Customer { whim: Some(("pin".to_owned(), whim)), ..Customer::with_pin(pin) };
    let mut all = vec![("right", right); rights];
    // A wrong one, that is: the card has another. Then the customer cancels.
    all.extend(vec![("wrong", Customer::with_pin(pin)); wrongs]);
    // All digits, no enter: cancel with the slot full.
    all.extend(vec![("cancelled", keys(format!("{pin}X"))); cancels]);
    all.extend(vec![("pulled", at_pin(Whim::TypeAndPullCard)); pulls]);
    all.extend(vec![("time over", at_pin(Whim::TypeAndWalkAway)); times]);
    all
}

fn files_below(folder: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, into);
        } else {
            into.extend(std::fs::read(&path).unwrap_or_default());
            into.push(b'\n');
        }
    }
}

fn file(path: PathBuf) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}

/// Everything that a visit leaves behind, by name.
fn traces(world: &World, memory: Vec<u8>, output: Vec<u8>) -> Vec<(String, Vec<u8>)> {
    let state = &world.state;
    let mut journal = file(state.journal());
    journal.extend(file(state.path("terminal/journal.db-wal")));
    let devices = file(state.path("terminal/devices.json"));
    let (mut receipts, mut evidence, mut host) = (Vec::new(), Vec::new(), Vec::new());
    files_below(&world.bench.receipts_folder(state), &mut receipts);
    files_below(&state.path("terminal/evidence"), &mut evidence);
    files_below(&state.path("host"), &mut host);
    let trace = file(state.path("terminal/terminal.log"));
    [
        ("memory", memory),
        ("output", output),
        ("trace", trace),
        ("journal", journal),
        ("devices", devices),
        ("receipts", receipts),
        ("evidence", evidence),
        ("host", host),
    ]
    .into_iter()
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .collect()
}

/// Runs the visits at `devices` with `terminal` (the product, or one that leaks on purpose) and returns what was found.
fn search(devices: Devices, terminal: Option<&Path>) -> Findings {
    let findings = Mutex::new(Findings::default());
    let to_come = Mutex::new(0..visits(devices).iter().sum::<usize>());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(visit) = to_come.lock().unwrap().next() else { break };
                    let numbers = draw();
                    let places = visit_and_look(devices, terminal, visit, &numbers[0]);
                    findings.lock().unwrap().add(&numbers, &places);
                }
            });
        }
    });
    findings.into_inner().unwrap()
}

/// One of the visits, in a world of its own: what one leaves is not mixed with another's. Answers what it left.
fn visit_and_look(
    devices: Devices,
    terminal: Option<&Path>,
    visit: usize,
    pin: &str,
) -> Vec<(String, Vec<u8>)> {
    let (kind, customer) = behaviours(devices, pin).swap_remove(visit);
    let card_pin = if kind == "wrong" { other_than(pin) } else { pin.to_owned() };
    let mut world = world_with(devices, &card_pin);
    world.setup.trace = "trace".to_owned();
    world.setup.limits =
        ["pin_ms_max = 5000", "notice_ms_max = 5000", "time_warning_ms = 1000"].map(str::to_owned).into();
    let mut process = world.terminal_of(terminal);
    let pid = process.pid();
    let mut memory = Vec::new();
    let mut asked = false;
    let lived = customer
        .visit(&mut process, &world.hands(), |screen| {
            let name = screen["screen"].as_str().unwrap_or_default();
            asked |= name == "pin";
            // The PIN was in use; now the terminal waits for the customer, and must have forgotten it.
            if asked && ["receipt", "stopped", "take-card"].contains(&name) {
                memory = memory::writable(pid);
            }
        })
        .unwrap_or_else(|error| panic!("{kind}: {}\n{}", myna_demo::error::chain(&error), world.logs()));
    let expected = if kind == "right" { "registered" } else { "refused" };
    assert_eq!(text(&lived.result, "outcome"), expected, "{kind}: {}\n{}", lived.result, world.logs());
    assert!(memory::unreadable() || !memory.is_empty(), "{kind}: the memory was looked at");
    let output = format!("{:?} {}", lived.screens, lived.result).into_bytes();
    traces(&world, memory, output)
}

/// The card has this PIN.
fn world_with(devices: Devices, pin: &str) -> World {
    if devices == Devices::ReaderPad {
        // The reader's keys set no PIN: the card is made with it.
        let folder = tempfile::tempdir().unwrap();
        let persona = folder.path().join("random-pin.toml");
        let text = format!(
            "name = \"random-pin\"\nsummary = \"A random PIN\"\n[authentication-pin]\nvalue = \"{pin}\"\n"
        );
        std::fs::write(&persona, text).unwrap();
        return World::with_pad(persona.to_str().unwrap());
    }
    let world = World::at(devices, "valid", &[]);
    let set = world.card_control().send(&serde_json::json!({ "do": "pin", "value": pin })).unwrap();
    assert_eq!(set["ok"], true, "{set}");
    world
}

fn other_than(pin: &str) -> String {
    if pin == "0000" { "0001".to_owned() } else { "0000".to_owned() }
}

#[test]
fn pin_search_finds_nothing_after_twenty_visits() {
    assert_finds_nothing(Devices::Pcsc);
}

#[test]
fn pin_search_finds_nothing_after_twenty_visits_on_serial_lines() {
    assert_finds_nothing(Devices::Serial);
}

#[test]
fn pin_search_finds_nothing_after_twelve_visits_with_the_pin_at_the_reader() {
    assert_finds_nothing(Devices::ReaderPad);
}

fn assert_finds_nothing(devices: Devices) {
    let findings = search(devices, None);
    assert!(!findings.cells.is_empty(), "decoys occur by chance: the search sees something");
    let leaks = findings.leaks();
    assert!(leaks.is_empty(), "the PIN was found: {leaks:#?}");
}

#[test]
fn pin_search_finds_a_terminal_that_leaks() {
    let leaks = search(Devices::Pcsc, Some(&myna_tests::leaky_terminal())).leaks();
    let found = |place: &str| leaks.iter().any(|leak| leak.starts_with(place));
    assert!(found("trace"), "the line in the trace: {leaks:#?}");
    assert!(memory::unreadable() || found("memory"), "the buffer that is not wiped: {leaks:#?}");
}
