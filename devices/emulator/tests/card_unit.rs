//! The card unit's simulator, spoken to by hand: bytes as the specification has them, and its program's control socket.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};

use emulator::card_unit::control::Command as Order;
use emulator::card_unit::{Place, Simulator};
use emulator::{Card, Persona, Slot, clock, control};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::Value;
use tempfile::TempDir;
use test_pki::Pki;

const LONG: u16 = 10_000;
const SHORT: u16 = 100;

/// The host's end of the line.
struct Host(File);

impl Host {
    fn at(port: &Path) -> Self {
        Self(File::options().read(true).write(true).open(port).unwrap())
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// Bytes that come within a limit, at most so many.
    fn hear(&mut self, count: usize, limit_ms: u16) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < count {
            let mut ready = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            if poll(&mut ready, PollTimeout::from(limit_ms)).unwrap() == 0 {
                break;
            }
            let mut byte = [0];
            self.0.read_exact(&mut byte).unwrap();
            all.push(byte[0]);
        }
        all
    }

    /// The frame that comes next: its text.
    fn answer(&mut self) -> Vec<u8> {
        assert_eq!(self.hear(2, LONG), [0x10, 0x02]);
        let mut text = Vec::new();
        loop {
            match self.hear(1, LONG)[..] {
                [0x10] => match self.hear(1, LONG)[..] {
                    [0x10] => text.push(0x10),
                    [0x03] => break,
                    ref other => panic!("10 {other:02X?} in a frame"),
                },
                [byte] => text.push(byte),
                _ => panic!("a frame without an end: {text:02X?}"),
            }
        }
        let sum = text.iter().fold(0x03, |sum, byte| sum ^ byte);
        assert_eq!(self.hear(1, LONG), [sum]);
        text
    }

    /// A whole exchange.
    fn order(&mut self, text: &[u8]) -> Vec<u8> {
        self.send(&frame(text));
        assert_eq!(self.hear(2, LONG), [0x10, 0x06], "{}", text.escape_ascii());
        self.send(&[0x10, 0x05]);
        self.answer()
    }

    fn expect_nothing(&mut self) {
        assert_eq!(self.hear(1, SHORT), Vec::<u8>::new());
    }
}

fn frame(text: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x10, 0x02];
    for byte in text {
        frame.extend(if *byte == 0x10 { &[0x10, 0x10][..] } else { std::slice::from_ref(byte) });
    }
    frame.extend([0x10, 0x03, text.iter().fold(0x03, |sum, byte| sum ^ byte)]);
    frame
}

fn unit(inside: bool) -> (TempDir, Simulator, Host) {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::open_or_create(&folder.path().join("pki"), clock::now()).unwrap();
    let card = Card::load(&Persona::find("bank-card").unwrap(), folder.path(), &pki, clock::now()).unwrap();
    let simulator = Simulator::start(Slot::new(card), &folder.path().join("port"), inside).unwrap();
    let host = Host::at(simulator.port());
    (folder, simulator, host)
}

#[test]
fn a_card_goes_through_the_unit_as_the_specification_says() {
    let (_folder, simulator, mut host) = unit(false);
    assert_eq!(host.order(b"C10"), b"N1019", "everything but a reset is refused after power-on");
    assert_eq!(host.order(b"C020A"), b"P0200");
    assert_eq!(host.order(b"C11"), b"P1100000000000000");

    simulator.insert().unwrap();
    assert_eq!(host.order(b"C10"), b"P1000", "nobody gets in uninvited");
    assert_eq!(host.order(b"C:0"), b"P:000");
    assert_eq!(host.order(b"C10"), b"P1002");
    assert_eq!(host.order(b"C:1"), b"P:102");
    assert!(!simulator.take(), "the unit has it");

    assert_eq!(host.order(b"CF1\x00\x20\x00\x80"), b"NF101", "no chip has power");
    assert_eq!(host.order(b"CC0"), b"PC010");
    assert_eq!(host.order(b"C30"), b"N3001", "the contacts hold it");
    let active = host.order(b"CE00");
    assert_eq!(&active[..5], b"PE011");
    assert!(simulator.state().powered);
    // SELECT of nothing that this card has.
    let exchange: &[u8] = if active[5] == b'1' { b"F1" } else { b"F0" };
    let select = b"\x00\xA4\x04\x0C\x02\x10\x10";
    assert_eq!(host.order(&[b"C", exchange, select].concat()), [b"P", exchange, b"20\x6A\x82"].concat());
    assert_eq!(host.order(b"CC6"), b"PC602");
    assert!(!simulator.state().powered);

    assert_eq!(host.order(b"C30"), b"P3001");
    assert_eq!(host.order(b"C40"), b"P4002");
    assert_eq!(host.order(b"C30"), b"P3001");
    assert_eq!(host.order(b"C41"), b"P4100");
    assert_eq!(host.order(b"CQ0"), b"PQ000001");
    assert_eq!(host.order(b"C41"), b"N4160");
    assert_eq!(simulator.state().place, Place::Bin);
    simulator.insert().unwrap_err();
    assert_eq!(host.order(b"C6A"), b"N6A00");
}

#[test]
fn the_line_is_that_of_the_control_matrix() {
    let (_folder, simulator, mut host) = unit(true);
    host.send(&[0x10, 0x05]);
    host.expect_nothing();
    assert_eq!(host.order(b"C02"), b"P0202");
    // The last answer is repeated as often as it is asked for, and nothing is executed by that.
    for _ in 0..3 {
        host.send(&[0x10, 0x05]);
        assert_eq!(host.answer(), b"P0202");
    }
    assert_eq!((simulator.counts().of("02"), simulator.counts().repeats), (1, 3));

    let mut damaged = frame(b"C30");
    damaged[3] ^= 1;
    host.send(&damaged);
    assert_eq!(host.hear(2, LONG), [0x10, 0x15]);
    // A command that is taken is given up by the next one, and by an interruption.
    host.send(&frame(b"C30"));
    assert_eq!(host.hear(2, LONG), [0x10, 0x06]);
    host.send(&frame(b"C31"));
    assert_eq!(host.hear(2, LONG), [0x10, 0x06]);
    host.send(&[0x10, 0x04, 0x10, 0x05]);
    assert_eq!(host.answer(), b"P0202");
    assert_eq!(simulator.state().place, Place::Inside);
    // Noise between commands is nothing.
    host.send(b"abc\x10\x06\x10\x15\x10");
    host.send(b"\x10");
    assert_eq!(host.order(b"C10"), b"P1002");
}

#[test]
fn busy_it_hears_nothing_but_an_interruption() {
    let (_folder, simulator, mut host) = unit(true);
    assert_eq!(host.order(b"C02"), b"P0202");
    simulator.pull(&"late:300@cmd:10".parse().unwrap());
    host.send(&frame(b"C10"));
    assert_eq!(host.hear(2, LONG), [0x10, 0x06]);
    host.send(&[0x10, 0x05, 0x10, 0x05]);
    host.send(&frame(b"C30"));
    assert_eq!(host.answer(), b"P1002");
    host.expect_nothing();
    simulator.pull(&"late:60000@cmd:10".parse().unwrap());
    host.send(&frame(b"C10"));
    assert_eq!(host.hear(2, LONG), [0x10, 0x06]);
    host.send(&[0x10, 0x05]);
    host.expect_nothing();
    host.send(&[0x10, 0x04]);
    host.expect_nothing();
    assert_eq!(host.order(b"C30"), b"P3001");
}

#[test]
fn force_and_power_failures_leave_the_unit_waiting_for_a_reset() {
    let (_folder, simulator, mut host) = unit(true);
    assert_eq!(host.order(b"C020B"), b"P0202");
    assert_eq!(host.order(b"CC0"), b"PC010");
    simulator.pull_out().unwrap();
    assert_eq!(host.order(b"C10"), b"N1014");
    assert_eq!(host.order(b"C30"), b"N3014");
    assert_eq!(host.order(b"C11"), b"P1100000000000000", "the sensors are told all the same");
    simulator.pull(&"strict:on".parse().unwrap());
    assert_eq!(host.order(b"C11"), b"N1114");
    assert_eq!(host.order(b"C02"), b"P0200");

    simulator.insert().unwrap();
    assert_eq!(host.order(b"C:0"), b"P:000");
    simulator.power_cut();
    host.send(&[0x10, 0x05]);
    host.expect_nothing();
    assert_eq!(host.order(b"C10"), b"N1019");
    assert_eq!(simulator.state().place, Place::Mouth, "as it was told with its last reset that told");
}

/// What the program answers to one command.
fn told(socket: &Path, order: &str) -> Value {
    let order: Order = serde_json::from_str(order).unwrap();
    control::send(socket, &order).unwrap()
}

#[test]
fn the_program_serves_port_and_control_socket() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (port, socket) = (at("port"), folder.path().join("control"));
    let mut program = Command::new(env!("CARGO_BIN_EXE_card-unit-simulator"))
        .args([
            "run",
            "--port",
            &port,
            "--state",
            &at("cards"),
            "--pki",
            &at("pki"),
            "--persona",
            "bank-card",
        ])
        .args(["--lever", "slow:1", "--control", socket.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("ready: persona bank-card"), "{line}");

    let mut host = Host::at(Path::new(&port));
    assert_eq!(host.order(b"C02"), b"P0200");
    assert_eq!(told(&socket, r#"{"do":"insert"}"#)["ok"], true);
    assert_eq!(told(&socket, r#"{"do":"status"}"#)["place"], "offered");
    assert_eq!(host.order(b"C:0"), b"P:000");
    let status = told(&socket, r#"{"do":"status"}"#);
    assert_eq!((&status["place"], &status["inserted"]), (&Value::from("inside"), &Value::from(true)));
    assert_eq!(status["executed"][":0"], 1);
    assert_eq!(status["levers"][0], "slow:1");
    assert_eq!(told(&socket, r#"{"do":"take"}"#)["ok"], false);
    assert_eq!(told(&socket, r#"{"do":"persona","name":"mute"}"#)["ok"], false);
    assert_eq!(host.order(b"C30"), b"P3001");
    assert_eq!(told(&socket, r#"{"do":"remove"}"#)["ok"], true);
    assert_eq!(told(&socket, r#"{"do":"persona","name":"mute"}"#)["ok"], true);
    assert_eq!(told(&socket, r#"{"do":"lever","pull":"6f00-first:on"}"#)["ok"], true);
    assert_eq!(told(&socket, r#"{"do":"clear-levers"}"#)["ok"], true);
    assert_eq!(told(&socket, r#"{"do":"unplug"}"#)["ok"], true);
    assert_eq!(told(&socket, r#"{"do":"plug"}"#)["ok"], true);
    assert_eq!(told(&socket, r#"{"do":"quit"}"#)["ok"], true);
    assert!(program.wait().unwrap().success());
    assert!(!socket.exists() && std::fs::symlink_metadata(&port).is_err());
}
