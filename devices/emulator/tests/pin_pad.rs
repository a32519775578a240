//! The program `pin-pad-simulator`: its identity, its port, its control socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_pin-pad-simulator");

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_before = self.0.kill();
        let _ended_before = self.0.wait();
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Running {
    let mut child = Command::new(PROGRAM)
        .args(["run", "--port", "tty", "--control", "keys"])
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready: PIN pad at tty\n");
    Running(child)
}

fn vector(name: &str) -> Vec<u8> {
    let text = include_str!("../../../docs/pin-pad-vectors.txt");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).unwrap();
    hex::decode(line).unwrap()
}

fn press(folder: &Path, keys: &[u8]) {
    UnixStream::connect(folder.join("keys")).unwrap().write_all(keys).unwrap();
}

/// The host's end of the line.
struct Host {
    port: File,
    last: Option<u8>,
}

impl Host {
    /// The key of the next frame in clear, which is acknowledged; `None` when it is the one before, sent again.
    fn next_key(&mut self) -> Option<u8> {
        let mut frame = [0; 9];
        self.port.read_exact(&mut frame).unwrap();
        assert_eq!(frame[..4], [0xA5, 0x5A, 0x01, 0x84], "{frame:02X?}");
        let acknowledge = [0x01, 0x86, frame[4], 0x00];
        let sum = acknowledge.iter().fold(0xFFFF_u16, |sum, byte| {
            (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum, _| {
                if sum & 0x8000 == 0 { sum << 1 } else { (sum << 1) ^ 0x1021 }
            })
        });
        self.port.write_all(&[&[0xA5, 0x5A], &acknowledge[..], &sum.to_be_bytes()].concat()).unwrap();
        let again = self.last == Some(frame[4]);
        self.last = Some(frame[4]);
        (!again).then_some(frame[6])
    }

    /// The next beat with a key in it.
    fn next_press(&mut self) -> u8 {
        const NONE: u8 = b'.';
        const NONE_TAMPERED: u8 = b'.' ^ 1;
        loop {
            match self.next_key() {
                None | Some(NONE | NONE_TAMPERED) => {}
                Some(key) => return key,
            }
        }
    }
}

#[test]
fn fingers_press_through_the_socket_in_the_order_in_which_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let _pad = run(folder.path(), &["--framing", "clear"]);
    // Before anybody asks: they wait.
    press(folder.path(), b"12");
    press(folder.path(), b"34");
    press(folder.path(), b"E");
    let port = File::options().read(true).write(true).open(folder.path().join("tty")).unwrap();
    let mut host = Host { port, last: None };
    host.port.write_all(&[vector("clear_stop_first"), vector("clear_start")].concat()).unwrap();
    for key in b"1234E" {
        assert_eq!(host.next_press(), *key);
    }
    // A lever is pulled at once, before the keys that wait.
    press(folder.path(), b"5!tamper\n6");
    for key in b"56" {
        assert_eq!(host.next_press(), key ^ 1);
    }
}

#[test]
fn an_identity_is_made_once_and_kept_to_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("pad.key");
    let identity = || {
        let output = Command::new(PROGRAM).args(["identity", "--key"]).arg(&key).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let first = identity();
    assert_eq!(first, identity());
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let words: Vec<&str> = first.split_whitespace().collect();
    assert_eq!((words[0], words[2], words[3].len()), ("public-key", "fingerprint", 64));
    assert!(words[1].starts_with("04") && words[1].len() == 130);

    std::fs::write(&key, hex::encode(vector("identity_private"))).unwrap();
    assert!(identity().contains(&hex::encode(vector("fingerprint"))));
    std::fs::write(&key, "no key").unwrap();
    let refused = Command::new(PROGRAM).args(["identity", "--key"]).arg(&key).output().unwrap();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("pad.key"));
}
