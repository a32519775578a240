//! Whatever comes from the line: no panic, no entry without an end, and never an Enter that was not pressed.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use devices::pinpad::SerialPad;
use devices::pinpad::serial::{ClearAllowed, Framing, PadIdentity, SerialPadConfig, UicPrompt};
use devices::port::{CancelToken, PinEntry, PinPad as _};
use devices::serial::SerialSettings;
use jpki::PinSlot;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::ttyname;
use proptest::prelude::*;

use crate::support::{PATIENCE, name, slot_of};

/// Nobody presses anything here: an entry may end at once.
const AT_ONCE: PinEntry = PinEntry { digits: 4, key_ms_max: 60 };

/// The device's end of a line that says `bytes`, piece by piece, each when something came from the driver or a moment passed.
struct Line {
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
    port: PathBuf,
    _open: File,
}

impl Line {
    fn saying(pieces: Vec<Vec<u8>>) -> Self {
        let pair = openpty(None, None).unwrap();
        let mut raw = tcgetattr(&pair.slave).unwrap();
        cfmakeraw(&mut raw);
        tcsetattr(&pair.slave, SetArg::TCSANOW, &raw).unwrap();
        let port = ttyname(&pair.slave).unwrap();
        let mut device = File::from(pair.master);
        let flags = OFlag::from_bits_retain(fcntl(&device, FcntlArg::F_GETFL).unwrap());
        fcntl(&device, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut pieces = pieces.into_iter();
            while !stop.load(Ordering::Acquire) {
                let mut ready = [PollFd::new(device.as_fd(), PollFlags::POLLIN)];
                poll(&mut ready, PollTimeout::from(5_u16)).unwrap();
                let _what_the_driver_says = device.read(&mut [0; 512]);
                if let Some(piece) = pieces.next() {
                    let _the_line_is_full = device.write(&piece);
                }
            }
        });
        Self { over, thread: Some(thread), port, _open: pair.slave.into() }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// One entry at a line that says `pieces`; how it ended. The slot must be empty.
fn end_of(framing: Framing, pieces: Vec<Vec<u8>>) -> String {
    end_within(framing, pieces, AT_ONCE, 20)
}

fn end_within(framing: Framing, pieces: Vec<Vec<u8>>, entry: PinEntry, answer_ms_max: u64) -> String {
    let line = Line::saying(pieces);
    let mut config = SerialPadConfig::new(SerialSettings::new(line.port.clone(), 115_200), framing);
    config.answer_ms_max = answer_ms_max;
    let pad = SerialPad::new(config).unwrap();
    let token = CancelToken::new().unwrap();
    let (done, is_done) = std::sync::mpsc::channel();
    let watched = token.clone();
    // An entry that does not end is ended, and has failed.
    let watchdog = std::thread::spawn(move || {
        let late = is_done.recv_timeout(PATIENCE).is_err();
        watched.cancel();
        late
    });
    let outcome = pad.enter(entry, PinSlot::new(), Box::new(|_| {}), &token);
    done.send(()).unwrap();
    assert!(!watchdog.join().unwrap(), "the entry does not end");
    let ended = name(&outcome);
    assert!(slot_of(outcome).is_empty() || ended == "entered");
    ended
}

fn clear() -> ClearAllowed {
    ClearAllowed::when_bench_only(true).unwrap()
}

fn reference() -> Framing {
    Framing::Reference(
        PadIdentity::from_hex(
            &vector("fingerprint").iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        )
        .unwrap(),
    )
}

fn pp791() -> Framing {
    Framing::UicPp791 { prompt: UicPrompt::authenticated("01").unwrap(), allowed: clear() }
}

fn vector(name: &str) -> Vec<u8> {
    let text = include_str!("../../../docs/pin-pad-vectors.txt");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).unwrap();
    (0..line.len()).step_by(2).map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap()).collect()
}

/// Bit by bit, from the documentation.
fn crc(bytes: &[u8]) -> u16 {
    let mut sum = 0xFFFF_u32;
    for bit in bytes.iter().flat_map(|byte| (0..8).rev().map(move |place| u32::from(byte >> place & 1))) {
        let top = (sum >> 15) ^ bit;
        sum = (sum << 1) & 0xFFFF;
        if top == 1 {
            sum ^= 0x1021;
        }
    }
    u16::try_from(sum).unwrap()
}

fn framed(kind: u8, sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let body = [&[1, kind, sequence, length][..], payload].concat();
    [&[0xA5, 0x5A], &body[..], &crc(&body).to_be_bytes()].concat()
}

fn packet(body: &[u8]) -> Vec<u8> {
    let checked = [body, &[0x03]].concat();
    let sum = checked.iter().fold(0, |sum, byte| sum ^ byte);
    [&[0x02], &checked[..], &[sum]].concat()
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}

/// Whole frames of our own protocol among noise, with any key but Enter.
fn our_frames(kind_of_key: u8) -> impl Strategy<Value = Vec<Vec<u8>>> {
    let key = prop::sample::select(b"0123456789BC.?\x00\xFF".to_vec());
    let one = prop_oneof![
        6 => (any::<bool>(), key).prop_map(move |(_, key)| vec![key]),
        1 => any_bytes(),
    ];
    let frames = prop::collection::vec((one, 0_u8..12), 0..12);
    frames.prop_map(move |frames| {
        let mut sequence = 0_u8;
        frames
            .into_iter()
            .map(|(payload, kind)| match kind {
                // Mostly in order, so that keys get through.
                0..=7 => {
                    sequence = sequence.wrapping_add(1);
                    framed(kind_of_key, sequence.wrapping_sub(1), &payload)
                }
                8 => framed(kind_of_key, sequence.wrapping_add(7), &payload),
                9 => framed(0x02, 0, &payload),
                _ => payload,
            })
            .collect()
    })
}

/// What a PP791 might say, with any key but Enter and Cancel.
fn uic_packets() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let key = prop::sample::select(b"0123456789/?ABC\x03\x02\xFF".to_vec());
    let one = prop_oneof![
        6 => key.prop_map(|key| [&[0x06][..], &packet(&[b'Z', b'4', b'3', key])].concat()),
        1 => Just(vec![0x15]),
        1 => Just(packet(b"Z43")),
        1 => any_bytes().prop_map(|body| packet(&body)),
        1 => any_bytes(),
        3 => Just(vec![0x06]),
    ];
    prop::collection::vec(one, 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_bytes_end_an_entry_and_enter_nothing(pieces in prop::collection::vec(any_bytes(), 0..10)) {
        for framing in [reference(), Framing::Clear(clear()), pp791()] {
            let ended = end_of(framing, pieces.clone());
            prop_assert!(ended == "timed out" || ended.starts_with("pad-"), "{ended}");
        }
    }

    #[test]
    fn frames_in_clear_without_enter_never_enter(pieces in our_frames(0x84)) {
        let ended = end_of(Framing::Clear(clear()), pieces);
        prop_assert!(ended == "timed out" || ended.starts_with("pad-"), "{ended}");
    }

    #[test]
    fn frames_of_a_pad_without_its_key_never_enter(pieces in our_frames(0x04), answers in 0_usize..3) {
        // The right answer to another greeting, then keys.
        let answer = vector("frame_identity");
        let replayed = std::iter::repeat_n(answer, answers);
        let ended = end_of(reference(), replayed.chain(pieces).collect());
        prop_assert!(ended.starts_with("pad-"), "{ended}");
    }

    #[test]
    fn packets_without_enter_never_enter(pieces in uic_packets()) {
        let ended = end_of(pp791(), pieces);
        prop_assert!(ended == "timed out" || ended.starts_with("pad-"), "{ended}");
    }
}

/// The generators above can say what a pad says: with Enter, the same frames do enter.
#[test]
fn the_frames_made_here_are_understood() {
    let keys = |make: fn((u8, u8)) -> Vec<u8>, keys: &[u8]| -> Vec<Vec<u8>> {
        (0..).zip(keys.iter().copied()).map(make).collect()
    };
    let clear_frames = keys(|(sequence, key)| framed(0x84, sequence, &[key]), b"1234E");
    let patient = PinEntry { key_ms_max: 10_000, ..AT_ONCE };
    assert_eq!(end_within(Framing::Clear(clear()), clear_frames, patient, 2_000), "entered");
    let mut packets = vec![vec![0x06], vec![0x06]];
    packets.extend(keys(|(_, key)| [&[0x06][..], &packet(&[b'Z', b'4', b'3', key])].concat(), b"1234#"));
    assert_eq!(end_within(pp791(), packets, patient, 2_000), "entered");
    assert_eq!(framed(0x84, 1, b"7"), vector("clear_key_1"));
}

#[test]
fn an_entry_at_a_line_of_endless_bytes_has_an_end() {
    for byte in [0x00, 0x02, 0x03, 0x06, 0x15, 0xA5, 0xFF] {
        for framing in [reference(), Framing::Clear(clear()), pp791()] {
            let ended = end_of(framing, vec![vec![byte; 256]; 2_000]);
            assert!(ended == "timed out" || ended.starts_with("pad-"), "{byte:02X}: {ended}");
        }
    }
}
