//! After an entry at a serial pad the PIN is in the slot and nowhere else in the process: neither its digits side by side,
//! nor one of the frames that a single digit came in, on the heap or on a stack.

use std::process::Command;

use devices::pinpad::serial::{ClearAllowed, Framing, PadIdentity, SerialPadConfig, UicPrompt};
use devices::pinpad::{SerialPad, locked_pin_slot};
use devices::port::{CancelToken, PinOutcome, PinPad as _};
use devices::serial::SerialSettings;
use emulator::pin_pad::{self as simulated, Identity, Options, Simulator};

use crate::memory::{DISGUISE, PIN, copies, count};
use crate::support::{ENTRY, name};

/// Which port, and how it is spoken to: the terminal's configuration.
const PORT: &str = "MYNA_TEST_PAD_PORT";
const FRAMING: &str = "MYNA_TEST_PAD_FRAMING";

/// Frames, of all framings, in which a digit of the PIN still stands.
fn frames() -> usize {
    let is_digit = |byte: u8| PIN.contains(&(byte ^ DISGUISE));
    let packet = count(4, |four| four[..3] == *b"Z43" && is_digit(four[3]));
    let in_clear = count(5, |five| matches!(five, [1, 0x84, _, 1, key] if is_digit(*key)));
    packet + in_clear
}

fn be_the_terminal(port: String) {
    let allowed = ClearAllowed::when_bench_only(true).unwrap();
    let framing = match std::env::var(FRAMING).unwrap().as_str() {
        "clear" => Framing::Clear(allowed),
        "uic-pp791" => Framing::UicPp791 { prompt: UicPrompt::authenticated("01").unwrap(), allowed },
        fingerprint => Framing::Reference(PadIdentity::from_hex(fingerprint).unwrap()),
    };
    let pad = SerialPad::new(SerialPadConfig::new(SerialSettings::new(port.into(), 9_600), framing)).unwrap();
    let slot = locked_pin_slot().unwrap();
    assert_eq!((copies(), frames()), (0, 0));
    let outcome = pad.enter(ENTRY, slot, Box::new(|_| {}), &CancelToken::new().unwrap());
    let (found, in_frames) = (copies(), frames());
    let PinOutcome::Entered(mut slot) = outcome else { panic!("{}", name(&outcome)) };
    assert_eq!(found, 1, "the PIN in its slot, and nowhere else");
    assert_eq!(in_frames, 0, "digits in frames");
    slot.clear();
    assert_eq!(copies(), 0);
    // Each search would find it.
    let digit = std::hint::black_box(PIN)[0] ^ DISGUISE;
    let packet = Box::new([b'Z', b'4', b'3', digit]);
    let in_clear = Box::new([1, 0x84, 0, 1, digit]);
    assert!(frames() >= 2, "frames with digits are not found");
    drop(std::hint::black_box((packet, in_clear)));
}

fn search(test: &str, framing: &str, speaks: simulated::Framing) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(speaks);
    options.link = Some(folder.path().join("tty"));
    let simulator = Simulator::start(options).unwrap();
    // The pad has the PIN, so the terminal is a process of its own. Half of it is typed twice: what is corrected is no
    // less secret.
    let [first, second, third, fourth] = PIN.map(|digit| digit ^ DISGUISE);
    simulator.press(&[first, second, b'C', first, second, third, fourth, b'E']);
    let terminal = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(PORT, simulator.port())
        .env(FRAMING, framing)
        .output()
        .unwrap();
    assert!(terminal.status.success(), "{}", String::from_utf8_lossy(&terminal.stderr));
    let shown = String::from_utf8_lossy(&terminal.stdout);
    assert!(shown.contains("1 passed"), "{shown}");
}

#[test]
fn the_encrypted_pad_leaves_the_pin_in_the_slot_only() {
    if let Ok(port) = std::env::var(PORT) {
        return be_the_terminal(port);
    }
    let identity = Identity::generate().unwrap();
    let fingerprint = identity.fingerprint();
    let test = "pin_memory::the_encrypted_pad_leaves_the_pin_in_the_slot_only";
    search(test, &fingerprint, simulated::Framing::Reference(identity));
}

#[test]
fn the_pad_in_clear_leaves_the_pin_in_the_slot_only() {
    if let Ok(port) = std::env::var(PORT) {
        return be_the_terminal(port);
    }
    search(
        "pin_memory::the_pad_in_clear_leaves_the_pin_in_the_slot_only",
        "clear",
        simulated::Framing::Clear,
    );
}

#[test]
fn the_pp791_leaves_the_pin_in_the_slot_only() {
    if let Ok(port) = std::env::var(PORT) {
        return be_the_terminal(port);
    }
    search(
        "pin_memory::the_pp791_leaves_the_pin_in_the_slot_only",
        "uic-pp791",
        simulated::Framing::UicPp791,
    );
}
