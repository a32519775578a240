//! What the unit tests of the terminal share: one test PKI, a configuration, fakes at the ports, and tests that need a
//! process of their own.
//!
//! Invariant: the fakes stand at ports only (`devices::port`, `desks`). What is between them is the product.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

pub(crate) mod card;
pub(crate) mod pad_unit;
pub(crate) mod people;
pub(crate) mod unit;

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use test_pki::Pki;

use crate::clock;
use crate::config::Config;
use crate::desks::Post as _;
use crate::queue::{Inbox, Message};

/// Making a PKI takes RSA keys: one for all tests of this binary. It has the terminals T0001 and T0002.
pub(crate) fn pki() -> &'static Pki {
    static MADE: OnceLock<(tempfile::TempDir, Pki)> = OnceLock::new();
    let (_folder, pki) = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::open_or_create(folder.path(), clock::now()).unwrap();
        for id in ["T0001", "T0002"] {
            pki.terminal(id).unwrap();
        }
        (folder, pki)
    });
    pki
}

/// A configuration in `folder`, with test keys, and a host where nobody listens.
pub(crate) fn configuration(folder: &Path) -> Config {
    let pki = pki().layout().root().display();
    let key = |name: &str| {
        let files = format!("{pki}/terminals/T0001/{name}");
        format!("{{ certificate = \"{files}.crt.pem\", key = \"{files}.key.pem\" }}")
    };
    let (tls, evidence, log) = (key("tls"), key("evidence"), key("log"));
    let text = format!(
        r#"
terminal_id = "T0001"
state_dir = "state"
allow_test_roots = true
bench_only = true
[place]
name = "ベンチ"
[host]
url = "https://localhost:1"
ca = "{pki}/ca/host.crt.pem"
answer_ca = "{pki}/ca/host.crt.pem"
[keys]
tls = {tls}
evidence = {evidence}
log = {log}
[trust]
card_anchors_test = "{pki}/anchors/card-test"
terminal_ca = "{pki}/ca/terminal.crt.pem"
[pin_pad]
kind = "socket"
path = "pad"
[printer]
kind = "file"
dir = "receipts"
[limits]
outbox_at_end_ms_max = 1000
"#
    );
    let mut config = Config::parse(&text, Path::new("test.toml"), folder).unwrap();
    // Shorter than any file may say: nobody reads the notices here.
    (config.limits.notice_ms_max, config.limits.time_warning_ms) = (200, 100);
    config
}

/// The codes in the device log, oldest first.
pub(crate) fn codes(config: &Config) -> Vec<String> {
    log(config).iter().map(|entry| entry.code.as_str().to_owned()).collect()
}

/// The entries of the device log, oldest first.
pub(crate) fn log(config: &Config) -> Vec<journal::LogEntry> {
    let page = journal::read_log(&config.journal_path(), &journal::Filter::default()).unwrap();
    page.entries.into_iter().map(|logged| logged.entry).collect()
}

/// The next thing that a desk posts, with a limit for the test.
pub(crate) fn posted(inbox: &Inbox) -> Message {
    let limit = std::time::Duration::from_secs(20);
    inbox.next(Some(clock::instant() + limit)).expect("something is posted in time").message
}

/// From here on the system gives this process no thread. To be called in a process of its own: root is above the limit, so
/// that it has to go.
pub(crate) fn without_threads() {
    use nix::sys::resource::{Resource, setrlimit};
    use nix::unistd::{Uid, geteuid, setuid};
    setrlimit(Resource::RLIMIT_NPROC, 0, 0).unwrap();
    if geteuid().is_root() {
        setuid(Uid::from_raw(65_534)).unwrap();
    }
    std::thread::Builder::new().spawn(|| ()).map(drop).expect_err("threads can still be had");
}

/// Runs `body` in a process of its own, for what a process can lose only once: rights, limits. `test` is the test function
/// that calls this.
pub(crate) fn alone<T: Fn()>(_test: T, body: impl FnOnce()) {
    const INSIDE: &str = "MYNA_TEST_ALONE";
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let path = std::any::type_name::<T>();
    let (_program, test) = path.split_once("::").unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let shown =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("1 passed"), "{test} was not found: {shown}");
}
