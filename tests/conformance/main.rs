//! Other people's programs against ours: Debian's OpenSC with the card emulator, through a real `pcscd` as with a real card;
//! and those that read receipts (`printer`).
//!
//! The names of these tests begin with `conformance`, so that `scripts/test fast` can leave them out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

mod printer;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use myna_demo::bench::CardSetup;
use myna_demo::reader_stack::ReaderStack;
use myna_demo::state::State;
use myna_tests::programs;

/// A card in the reader, and a folder for files.
struct Bench {
    reader: ReaderStack,
    state: State,
    _folder: tempfile::TempDir,
}

impl Bench {
    fn with_card(persona: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("myna-opensc-").tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let card = CardSetup {
            persona: persona.to_owned(),
            state: state.path("cards"),
            pki: state.pki(),
            more: Vec::new(),
        };
        let reader = ReaderStack::start(programs(), &state.path(""), &card).unwrap();
        let bench = Self { reader, state, _folder: folder };
        bench.wait_for_card();
        bench
    }

    /// `pcscd` looks for a card every few tenths of a second.
    fn wait_for_card(&self) {
        for _ in 0..50 {
            let listed = self.run("opensc-tool", &["-l"]);
            if said(&listed).contains("0    Yes") {
                return;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(100));
        }
        panic!("the card did not appear: {}", std::fs::read_to_string(self.reader.log()).unwrap_or_default());
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program)
            .args(arguments)
            .env("PCSCLITE_CSOCK_NAME", self.reader.pcsc_socket())
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error} (scripts/test installs opensc)"))
    }

    fn accept(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(output.status.success(), "{program} {arguments:?}: {}", said(&output));
        said(&output)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.state.path(name)
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn utf8(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn conformance_opensc_names_the_card() {
    let bench = Bench::with_card("valid");
    assert!(bench.accept("opensc-tool", &["-n"]).to_lowercase().contains("jpki"));
}

#[test]
fn conformance_pkcs15_lists_keys_pins_and_certificates() {
    let bench = Bench::with_card("valid");
    let dump = bench.accept("pkcs15-tool", &["-D"]);
    for object in [
        "PIN [User Authentication PIN]",
        "PIN [Digital Signature PIN]",
        "Private RSA Key [User Authentication Key]",
        "Private RSA Key [Digital Signature Key]",
        "X.509 Certificate [User Authentication Certificate]",
        "X.509 Certificate [Digital Signature Certificate]",
    ] {
        assert!(dump.contains(object), "{object} in {dump}");
    }
    assert!(dump.contains("Tries left     : 3"), "{dump}");
}

#[test]
fn conformance_pkcs11_signs_and_openssl_verifies() {
    let bench = Bench::with_card("valid");
    let (data, signature, certificate, key) =
        (bench.path("data"), bench.path("signature"), bench.path("certificate.pem"), bench.path("key.pem"));
    std::fs::write(&data, b"what the card signs").unwrap();
    bench.accept("pkcs15-tool", &["--read-certificate", "1", "-o", utf8(&certificate)]);
    let sign = ["-l", "-p", "1234", "--id", "1", "-s", "-m", "SHA256-RSA-PKCS", "-i", utf8(&data), "-o"];
    bench.accept("pkcs11-tool", &[&sign[..], &[utf8(&signature)]].concat());
    bench.accept("openssl", &["x509", "-in", utf8(&certificate), "-pubkey", "-noout", "-out", utf8(&key)]);
    let verify = ["dgst", "-sha256", "-verify", utf8(&key), "-signature", utf8(&signature), utf8(&data)];
    assert!(bench.accept("openssl", &verify).contains("Verified OK"));
}

#[test]
fn conformance_the_certificate_chains_to_the_test_root() {
    let bench = Bench::with_card("valid");
    let certificate = bench.path("certificate.pem");
    bench.accept("pkcs15-tool", &["--read-certificate", "1", "-o", utf8(&certificate)]);
    let root = bench.state.trust_root();
    let verify = ["verify", "-purpose", "any", "-CAfile", utf8(&root), utf8(&certificate)];
    assert!(bench.accept("openssl", &verify).contains("OK"));
}

#[test]
fn conformance_a_wrong_pin_counts_down() {
    let bench = Bench::with_card("valid");
    for left in ["2", "1"] {
        let login = bench.run("pkcs11-tool", &["-l", "-p", "9999", "--id", "1", "-O"]);
        assert!(said(&login).contains("CKR_PIN_INCORRECT"), "{}", said(&login));
        let dump = bench.accept("pkcs15-tool", &["--list-pins"]);
        assert!(dump.contains(&format!("Tries left     : {left}")), "{left} left: {dump}");
    }
    bench.accept("pkcs11-tool", &["-l", "-p", "1234", "-O"]);
    let dump = bench.accept("pkcs15-tool", &["--list-pins"]);
    assert!(dump.contains("Tries left     : 3"), "the right PIN resets the counter: {dump}");
}
