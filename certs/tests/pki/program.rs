//! The binary, as a person runs it.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::support::openssl;

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_test-pki")).args(arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_card_is_made_revoked_and_found_on_the_list() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (pki, card) = (path("pki"), path("card"));
    assert_eq!(run(&["create", &pki]).0, Some(0));
    assert_eq!(run(&["terminal", &pki, "T0001"]).1.lines().count(), 6);
    let (status, said, _) = run(&["card", &pki, &card, "--key", "p256", "--ends-days", "-1"]);
    assert_eq!(status, Some(0));
    assert_eq!(said.lines().count(), 3);
    let certificate = path("card/card.crt.der");
    let (lasts, said) = openssl(&["x509", "-in", &certificate, "-noout", "-checkend", "0"]);
    assert!(!lasts, "ended yesterday, says {said}");

    let (status, said, _) = run(&["revoke", &pki, &certificate]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("crl/auth-2.crl.pem"), "{said}");
    let log = path("pki/terminals/T0001/log.crt.pem");
    assert_eq!(run(&["revoke", &pki, &log]).0, Some(0));

    let (_, said, _) = run(&["show", &pki]);
    let line = |name: &str| said.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("terminals/T0001/log.crt.pem").contains("revoked"), "{said}");
    assert!(line("terminals/T0001/tls.crt.pem").contains("until"), "{said}");
    assert!(said.contains("NOT JPKI"), "{said}");
}

#[test]
fn mistakes_are_told_with_the_reason() {
    let directory = TempDir::new().unwrap();
    let nothing = directory.path().join("nothing").to_str().unwrap().to_owned();
    let (status, _, said) = run(&["show", &nothing]);
    assert_eq!(status, Some(1));
    assert!(said.contains("there is no test PKI in"), "{said}");
    assert!(!fs::exists(&nothing).unwrap(), "looking makes nothing");
    let (status, _, said) = run(&["terminal", &nothing, "no/way"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("is not a terminal id"), "{said}");
    assert_eq!(run(&["revoke"]).0, Some(2));
    let (status, said, _) = run(&["--help"]);
    assert_eq!(status, Some(0));
    assert!(said.contains("Never for production") && said.contains("Examples:"), "{said}");
}
