//! Who acts on a code of a device agrees with what its driver says mends it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::codes::{DEVICE_PARTS, Line};
use super::{code, sources};

const ACTIONS: [&str; 6] = ["Clear", "Maintenance", "Reset", "Configuration", "SoftwareError", "Suspend"];

/// Codes that a driver names by a constant: their line's fault is that of `devices/serial.rs`, and its advice is `Maintenance`.
const BY_NAME: [(&str, &str); 4] = [
    ("card-unit-silent", "Maintenance"),
    ("card-unit-garbled", "Maintenance"),
    ("pad-silent", "Maintenance"),
    ("printer-silent", "Maintenance"),
];

/// Codes that the terminal gives, not a driver, with what it says to do.
const OF_THE_TERMINAL: [(&str, &str); 8] = [
    ("card-misbehaved", "Suspend"),
    ("pad-not-offered", "Configuration"),
    ("pad-refused", "Maintenance"),
    ("pad-gives-no-pin", "Maintenance"),
    ("printer-down", "Maintenance"),
    ("card-unit-keeps-failing", "Maintenance"),
    ("pin-pad-keeps-failing", "Maintenance"),
    ("printer-keeps-failing", "Maintenance"),
];

/// Each code of the drivers' sources with the actions that stand beside it: the first one after it, before another code.
fn in_the_drivers() -> BTreeMap<String, BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = vec![root.join("devices/serial.rs"), root.join("devices/port.rs")];
    for folder in ["devices/card", "devices/pinpad", "devices/printer"] {
        sources(&root.join(folder), &mut files);
    }
    files.push(root.join("src/terminal/print_desk.rs"));
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files.iter().filter(|file| !file.components().any(|part| part.as_os_str() == "tests")) {
        let source = std::fs::read_to_string(file).unwrap();
        let product = source.split("mod tests {").next().unwrap_or_default();
        // Literals are every second piece; what follows a code until the next code is its own.
        let pieces: Vec<&str> = product.split('"').collect();
        for (place, piece) in pieces.iter().enumerate().skip(1).step_by(2) {
            if code(piece).is_none() {
                continue;
            }
            let until = pieces.iter().skip(place + 1).enumerate();
            let rest = until.take_while(|(at, piece)| at % 2 == 0 || code(piece).is_none());
            let rest: String = rest.filter(|(at, _)| at % 2 == 0).map(|(_, piece)| *piece).collect();
            let near: String = rest.chars().take(120).collect();
            let words = near.split(|letter: char| !letter.is_alphanumeric());
            if let Some(action) = words.into_iter().find(|word| ACTIONS.contains(word)) {
                found.entry((*piece).to_owned()).or_default().insert(action.to_owned());
            }
        }
    }
    for (code, action) in BY_NAME.into_iter().chain(OF_THE_TERMINAL) {
        found.entry(code.to_owned()).or_default().insert(action.to_owned());
    }
    found
}

/// What `docs/operating.md` says of an action. Of several, the one that needs more.
fn line_of(actions: &BTreeSet<String>) -> Line {
    let of = |action: &String| match action.as_str() {
        "Clear" => Line::First,
        "Suspend" => Line::Nobody,
        _ => Line::Second,
    };
    let lines: Vec<Line> = actions.iter().map(of).collect();
    [Line::Second, Line::First].into_iter().find(|line| lines.contains(line)).unwrap_or(Line::Nobody)
}

#[test]
fn line_and_action_of_every_code_of_a_device_agree() {
    let found = in_the_drivers();
    let mut odd = Vec::new();
    for entry in DEVICE_PARTS.into_iter().flatten() {
        match found.get(entry.code) {
            None => odd.push(format!("{}: no driver says what mends it", entry.code)),
            Some(actions) if line_of(actions) != entry.line => {
                odd.push(format!("{}: line {}, but {actions:?}", entry.code, entry.line.word()));
            }
            Some(_) => {}
        }
    }
    assert_eq!(odd, Vec::<String>::new());
    let port = found.get("port-not-found").unwrap();
    assert_eq!(port.iter().collect::<Vec<_>>(), ["Maintenance"], "the sources are read as they are meant");
    let error = found.get("printer-error").unwrap();
    assert!(error.len() > 2, "{error:?}");
}

#[test]
fn what_is_to_be_done_is_never_to_run_what_says_it() {
    for entry in DEVICE_PARTS.into_iter().flatten() {
        assert!(!entry.action.starts_with("Run `myna-atm doctor`"), "{}", entry.code);
    }
}
