//! Each persona ends as the table in README says.

use std::path::Path;

use myna_demo::customer::Customer;
use myna_tests::{World, root, text};

/// `| persona | … | outcome | code |` rows of the README's table of cards.
fn rows() -> Vec<(String, String, String)> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let rows: Vec<(String, String, String)> = readme
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [persona, _, outcome, code] = cells.as_slice() else { return None };
            let plain = |cell: &str| cell.trim_matches('`').to_owned();
            Some((plain(persona), plain(outcome), plain(code)))
        })
        .collect();
    assert!(rows.len() >= 16, "the README's table of cards: {rows:?}");
    rows
}

#[test]
fn the_table_names_every_persona() {
    let mut named: Vec<String> = rows().into_iter().map(|(persona, ..)| persona).collect();
    let mut shipped: Vec<String> = std::fs::read_dir(root().join("devices/emulator/personas"))
        .unwrap()
        .filter_map(|entry| Path::new(&entry.unwrap().file_name()).file_stem()?.to_str().map(str::to_owned))
        .collect();
    named.sort();
    shipped.sort();
    assert_eq!(named, shipped);
}

#[test]
fn each_card_ends_as_the_table_says() {
    let rows = rows();
    std::thread::scope(|scope| {
        let checks: Vec<_> = rows
            .iter()
            .map(|row| {
                // Two at a time would do; the machine sorts it out.
                (row, scope.spawn(move || ends_as(row)))
            })
            .collect();
        for ((persona, ..), check) in checks {
            check.join().unwrap_or_else(|_| panic!("persona {persona}"));
        }
    });
}

fn ends_as((persona, outcome, code): &(String, String, String)) {
    let world = World::with_card(persona);
    let visit = world.visit(&Customer::with_pin("1234"));
    let shown = (text(&visit.result, "outcome"), visit.result["code"].as_str().unwrap_or("-"));
    assert_eq!(shown, (outcome.as_str(), code.as_str()), "persona {persona}\n{}", world.logs());
    let taken = visit.screens.iter().any(|screen| screen["screen"] == "take-card");
    assert!(taken || persona == "mute", "persona {persona}: the card comes back");
}
