//! The program when it cannot begin: one word for monitoring, the story on standard error.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests")]

use std::process::Command;

#[test]
fn what_cannot_be_put_together_says_so_in_the_result_and_why_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    // The example as it is, at a machine that has none of its files.
    let example = include_str!("../../../docs/example-myna-atm.toml");
    let state = folder.path().join("state").display().to_string();
    let text = example.replace("/var/lib/myna-atm", &state);
    let config = folder.path().join("myna-atm.toml");
    std::fs::write(&config, text).unwrap();
    let run = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_myna-atm");
        Command::new(program).args(arguments).arg("--config").arg(&config).output().unwrap()
    };
    let output = run(&["register", "--json", "--screen", "lines"]);
    assert_eq!(output.status.code(), Some(1));
    let last = String::from_utf8(output.stdout).unwrap().lines().last().unwrap().to_owned();
    let result: serde_json::Value = serde_json::from_str(&last).unwrap();
    assert_eq!((&result["outcome"], &result["code"]), (&"fault".into(), &"cannot-start".into()));
    let why = |stderr: Vec<u8>| {
        let why = String::from_utf8(stderr).unwrap();
        assert!(
            why.starts_with("myna-atm: cannot-start: cannot read ") && why.contains("keys/log.crt.pem"),
            "{why}"
        );
    };
    why(output.stderr);
    for command in ["serve", "deliver"] {
        let output = run(&[command]);
        assert_eq!(output.status.code(), Some(1), "{command}");
        why(output.stderr);
    }
}
