//! Every state decides about every event by name: no arm of a match catches what nobody has thought of.

use std::path::{Path, PathBuf};

/// The files in which events and states are decided.
fn deciding_files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let states = std::fs::read_dir(root.join("states")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        states.chain(["cx.rs", "machine.rs", "patience.rs"].map(|name| root.join(name))).collect();
    files.sort();
    files
}

/// The pattern of an arm that begins on this line: everything before its arrow, without a guard.
fn pattern(line: &str) -> Option<&str> {
    let before = line.split_once("=>")?.0.trim();
    Some(before.split_once(" if ").map_or(before, |(pattern, _)| pattern).trim_start_matches("| ").trim())
}

/// A pattern that takes anything: `_`, or a plain name.
fn catches_all(pattern: &str) -> bool {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !pattern.is_empty() && pattern.chars().all(is_name)
}

#[test]
fn no_arm_catches_all() {
    let files = deciding_files();
    assert!(files.len() >= 9, "{files:?}");
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            let caught = pattern(line).is_some_and(catches_all);
            assert!(!caught, "{}:{}: {}", path.display(), number + 1, line.trim());
        }
    }
}

#[test]
fn an_arm_that_catches_all_is_seen() {
    let seen = |line| pattern(line).is_some_and(catches_all);
    assert!(seen("            _ => self.stay(),"));
    assert!(seen("            other => self.ignore(other, cx),"));
    assert!(seen("            _ if cx.can_print() => self.stay(),"));
    assert!(!seen("            Key::Cancel => self.stop(cx),"));
    assert!(!seen("            Event::Key(key) => self.key(key, cx),"));
    assert!(!seen("            None => self.stay(),"));
}
