//! Both pads through the port, over a real socket and a real pseudo-terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;

use jpki::PinSlot;
use nix::pty::openpty;
use nix::sys::prctl::get_dumpable;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::{Uid, geteuid, setuid, ttyname};
use proptest::prelude::*;

use super::{ConsolePad, SocketPad, harden_process, locked_pin_slot};
use crate::port::{Action, CancelToken, FaultKind, PinEntry, PinOutcome, PinPad, PinProgress};

const ENTRY: PinEntry = PinEntry { digits: 4, key_ms_max: 5_000 };
const HASTY: PinEntry = PinEntry { digits: 4, key_ms_max: 20 };

/// Through the card's own command: the only way out of a slot.
fn pin_in(slot: PinSlot) -> Vec<u8> {
    struct Seen(Vec<u8>);
    impl jpki::Channel for Seen {
        fn transmit(&mut self, command: &jpki::Command<'_>) -> Result<jpki::Response, jpki::ChannelError> {
            if command.is_sensitive() {
                self.0.extend(command.expose_bytes().iter().skip(5));
            }
            let answer = if command.header().ins == 0x20 { [0x63, 0xC3] } else { [0x90, 0x00] };
            Ok(jpki::Response::parse(&answer).unwrap())
        }
    }
    let mut seen = Seen(Vec::new());
    let mut card = jpki::Card::select(&mut seen).unwrap();
    card.tries_left().unwrap();
    let (_, outcome) = card.verify(slot);
    assert!(outcome.is_ok());
    drop(outcome);
    seen.0
}

fn silent() -> Box<dyn Fn(PinProgress) + Send> {
    Box::new(|_| {})
}

fn press(pad: &SocketPad, path: &std::path::Path, keys: &[u8], entry: PinEntry) -> PinOutcome {
    let mut peer = UnixStream::connect(path).unwrap();
    peer.write_all(keys).unwrap();
    let outcome = pad.enter(entry, PinSlot::new(), silent(), &CancelToken::new().unwrap());
    drop(peer);
    outcome
}

fn socket_pad() -> (tempfile::TempDir, std::path::PathBuf, SocketPad) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pad");
    let pad = SocketPad::listen(&path).unwrap();
    (folder, path, pad)
}

#[test]
fn the_bench_pad_takes_four_digits_and_enter() {
    let (_folder, path, pad) = socket_pad();
    for keys in
        [&b"1234E"[..], b"E12E34E", b"9C1234E", b"19B234E", b"1x2 3?4\nE", b"12345B1234E", b"12345C1234E"]
    {
        match press(&pad, &path, keys, ENTRY) {
            PinOutcome::Entered(slot) => assert_eq!(pin_in(slot), b"1234", "{keys:?}"),
            other => panic!("{keys:?}: {other:?}"),
        }
    }
}

#[test]
fn what_is_not_four_digits_is_never_entered() {
    let (_folder, path, pad) = socket_pad();
    for keys in [&b""[..], b"E", b"123E", b"12345E", b"123456789E", b"1234", b"1234BE", b"1234CE"] {
        match press(&pad, &path, keys, HASTY) {
            PinOutcome::TimedOut(slot) => assert!(slot.is_empty(), "{keys:?}"),
            other => panic!("{keys:?}: {other:?}"),
        }
    }
    match press(&pad, &path, b"1234X", ENTRY) {
        PinOutcome::Cancelled(slot) => assert!(slot.is_empty()),
        other => panic!("{other:?}"),
    }
    let wrong = PinEntry { digits: 6, key_ms_max: 20 };
    match press(&pad, &path, b"123456E", wrong) {
        PinOutcome::Fault(slot, fault) => {
            assert!(slot.is_empty());
            assert_eq!(fault.code, "pin-length-not-possible");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bench_peer_may_come_late_and_come_again() {
    let (_folder, path, pad) = socket_pad();
    let customer = std::thread::spawn(move || {
        let mut first = UnixStream::connect(&path).unwrap();
        first.write_all(b"12").unwrap();
        drop(first);
        let mut second = UnixStream::connect(&path).unwrap();
        second.write_all(b"34E").unwrap();
        // The pad closes when the entry ends.
        assert_eq!(second.read(&mut [0]).unwrap_or(0), 0);
    });
    match pad.enter(ENTRY, PinSlot::new(), silent(), &CancelToken::new().unwrap()) {
        PinOutcome::Entered(slot) => assert_eq!(pin_in(slot), b"1234"),
        other => panic!("{other:?}"),
    }
    customer.join().unwrap();
}

#[test]
fn cancel_wakes_a_waiting_pad_and_stays() {
    let (_folder, _path, pad) = socket_pad();
    let token = CancelToken::new().unwrap();
    let other = token.clone();
    let canceller = std::thread::spawn(move || other.cancel());
    assert!(matches!(pad.enter(ENTRY, PinSlot::new(), silent(), &token), PinOutcome::Cancelled(_)));
    canceller.join().unwrap();
    assert!(token.is_cancelled());
    assert!(matches!(pad.enter(ENTRY, PinSlot::new(), silent(), &token), PinOutcome::Cancelled(_)));
}

#[test]
fn progress_tells_the_dots() {
    let (_folder, path, pad) = socket_pad();
    let mut peer = UnixStream::connect(&path).unwrap();
    peer.write_all(b"12B23456C1234E").unwrap();
    let (sink, dots) = mpsc::channel();
    let progress = Box::new(move |progress: PinProgress| {
        sink.send((progress.entered, progress.too_many)).unwrap();
    });
    let outcome = pad.enter(ENTRY, PinSlot::new(), progress, &CancelToken::new().unwrap());
    assert!(matches!(outcome, PinOutcome::Entered(_)));
    let seen: Vec<(u8, bool)> = dots.iter().collect();
    let dot = |entered| (entered, false);
    assert_eq!(
        seen,
        [1, 2, 1, 2, 3, 4]
            .map(dot)
            .into_iter()
            .chain([(0, true)])
            .chain([0, 1, 2, 3, 4].map(dot))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_stale_socket_is_replaced_and_another_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pad");
    let stale = std::os::unix::net::UnixListener::bind(&path).unwrap();
    drop(stale);
    let pad = SocketPad::listen(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    drop(pad);
    assert!(!path.exists());
    std::fs::write(&path, "mine").unwrap();
    assert_eq!(SocketPad::listen(&path).err().unwrap().code, "pad-not-found");
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

/// A pseudo-terminal: the customer's side, and the path of the pad's side.
fn terminal() -> (File, File, std::path::PathBuf) {
    let pty = openpty(None, None).unwrap();
    let path = ttyname(&pty.slave).unwrap();
    (File::from(pty.master), File::from(pty.slave), path)
}

fn echoes(terminal: &File) -> bool {
    tcgetattr(terminal)
        .unwrap()
        .local_flags
        .contains(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG)
}

/// Types `keys` when echo is off; the answer is the outcome and what the terminal showed.
fn type_at_console(keys: &'static [u8], entry: PinEntry) -> (PinOutcome, Vec<u8>) {
    let (mut customer, side, path) = terminal();
    let watched = side.try_clone().unwrap();
    // Typed ahead: shown, as echo is still on, and no part of the entry.
    customer.write_all(b"77").unwrap();
    let mut echo = [0; 2];
    customer.read_exact(&mut echo).unwrap();
    assert_eq!(echo, *b"77");
    let typing = std::thread::spawn(move || {
        while echoes(&watched) {
            std::thread::yield_now();
        }
        customer.write_all(keys).unwrap();
        customer
    });
    let outcome = ConsolePad::new(path).enter(entry, PinSlot::new(), silent(), &CancelToken::new().unwrap());
    let mut customer = typing.join().unwrap();
    assert!(echoes(&side), "the terminal is not as before");
    // A mark ends what can be read.
    (&side).write_all(b"#").unwrap();
    let mut shown = Vec::new();
    let mut byte = [0];
    while byte != *b"#" {
        customer.read_exact(&mut byte).unwrap();
        shown.extend(byte);
    }
    (outcome, shown)
}

#[test]
fn the_console_takes_a_pin_without_showing_it() {
    for keys in [&b"1234\r"[..], b"1234\n", b"129\x7f34\n", b"99\x151234\n", b"129\x0834\n"] {
        let (outcome, shown) = type_at_console(keys, ENTRY);
        match outcome {
            PinOutcome::Entered(slot) => assert_eq!(pin_in(slot), b"1234", "{keys:?}"),
            other => panic!("{keys:?}: {other:?}"),
        }
        assert_eq!(shown, b"#");
    }
}

#[test]
fn the_console_is_restored_after_cancel_and_time_over() {
    for keys in [&b"12\x1b"[..], b"12\x03", b"\x04"] {
        let (outcome, shown) = type_at_console(keys, ENTRY);
        assert!(matches!(outcome, PinOutcome::Cancelled(slot) if slot.is_empty()), "{keys:?}");
        assert_eq!(shown, b"#");
    }
    let (outcome, _) = type_at_console(b"123\n", HASTY);
    assert!(matches!(outcome, PinOutcome::TimedOut(slot) if slot.is_empty()));
}

#[test]
fn the_console_is_restored_after_a_panic() {
    let (mut customer, side, path) = terminal();
    let watched = side.try_clone().unwrap();
    let typing = std::thread::spawn(move || {
        while echoes(&watched) {
            std::thread::yield_now();
        }
        customer.write_all(b"1").unwrap();
        customer
    });
    let result = std::panic::catch_unwind(|| {
        let screen = Box::new(|_: PinProgress| panic!("a bug in the screen"));
        ConsolePad::new(path).enter(ENTRY, PinSlot::new(), screen, &CancelToken::new().unwrap())
    });
    assert!(result.is_err());
    assert!(echoes(&side));
    drop(typing.join().unwrap());
}

#[test]
fn the_key_that_stops_output_has_no_effect_during_an_entry() {
    let (mut customer, mut side, path) = terminal();
    let watched = side.try_clone().unwrap();
    let typing = std::thread::spawn(move || {
        while echoes(&watched) {
            std::thread::yield_now();
        }
        // Ctrl-S: whoever writes to the terminal now, the screen with its dots, would be stuck until Ctrl-Q.
        customer.write_all(b"12\x1334\n").unwrap();
        customer
    });
    let outcome = ConsolePad::new(path).enter(ENTRY, PinSlot::new(), silent(), &CancelToken::new().unwrap());
    assert!(matches!(outcome, PinOutcome::Entered(_)));
    let _customer = typing.join().unwrap();
    let (written, has_written) = mpsc::channel();
    std::thread::spawn(move || written.send(side.write_all(b"#")));
    has_written.recv_timeout(std::time::Duration::from_secs(3)).expect("output is stopped").unwrap();
}

#[test]
fn a_file_is_no_console() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let missing = ConsolePad::new(path.clone());
    std::fs::write(&path, "1234\n").unwrap();
    let file = ConsolePad::new(path.clone());
    let enter = |pad: &ConsolePad| pad.enter(ENTRY, PinSlot::new(), silent(), &CancelToken::new().unwrap());
    assert!(matches!(enter(&file), PinOutcome::Fault(_, fault) if fault.code == "pad-not-a-terminal"));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(enter(&missing), PinOutcome::Fault(_, fault) if fault.code == "pad-not-found"));
}

#[test]
fn the_slot_is_locked_in_memory() {
    let slot = locked_pin_slot().unwrap();
    let address = slot.page_address().as_ptr() as usize;
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut inside = false;
    let mut locked_kib = None;
    for line in maps.lines() {
        if let Some((from, to)) = line.split_whitespace().next().and_then(|range| range.split_once('-'))
            && let (Ok(from), Ok(to)) = (usize::from_str_radix(from, 16), usize::from_str_radix(to, 16))
        {
            inside = (from..to).contains(&address);
        }
        if inside && let Some(kib) = line.strip_prefix("Locked:") {
            locked_kib = kib.trim().trim_end_matches(" kB").parse::<u64>().ok();
        }
    }
    assert_eq!(locked_kib, Some(4));
}

/// Runs `body` in a process of its own, for what a process can lose only once. `test` is the test that calls this.
fn alone<T: Fn()>(_test: T, body: impl FnOnce()) {
    const INSIDE: &str = "MYNA_TEST_ALONE";
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let path = std::any::type_name::<T>();
    let (_program, test) = path.split_once("::").unwrap();
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && shown.contains("1 passed"), "{shown}");
}

/// In a process of its own: a hardened one can no longer look at itself, which other tests here do.
#[test]
fn a_hardened_process_leaves_no_core() {
    alone(a_hardened_process_leaves_no_core, || {
        harden_process().unwrap();
        let (soft, hard) = getrlimit(Resource::RLIMIT_CORE).unwrap();
        assert_eq!((soft, hard), (0, 0));
        assert!(!get_dumpable().unwrap());
    });
}

#[test]
fn a_page_that_cannot_be_locked_is_no_place_for_a_pin() {
    alone(a_page_that_cannot_be_locked_is_no_place_for_a_pin, || {
        setrlimit(Resource::RLIMIT_MEMLOCK, 0, 0).unwrap();
        // Root is above the limit.
        if geteuid().is_root() {
            setuid(Uid::from_raw(65_534)).unwrap();
        }
        let fault = locked_pin_slot().err().unwrap();
        assert_eq!((fault.code, fault.kind), ("memory-not-locked", FaultKind::NeedsOperator));
        assert_eq!(fault.action, Action::Configuration);
    });
}

#[test]
fn a_sandbox_that_forbids_the_hardening_is_told() {
    alone(a_sandbox_that_forbids_the_hardening_is_told, || {
        forbid(nix::libc::SYS_prlimit64);
        let fault = harden_process().unwrap_err();
        assert_eq!((fault.code, fault.kind), ("process-not-hardened", FaultKind::NeedsOperator));
        assert_eq!(fault.action, Action::Configuration);
    });
}

/// From here on the kernel answers this one system call with EPERM, as a service manager's filter would (seccomp(2)).
#[expect(unsafe_code, reason = "no crate of ours has seccomp")]
fn forbid(call: nix::libc::c_long) {
    use nix::libc::{
        BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, EPERM, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP,
        SECCOMP_MODE_FILTER, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, prctl, sock_filter, sock_fprog,
    };
    let line = |code: u32, jt, jf, k| sock_filter { code: u16::try_from(code).unwrap(), jt, jf, k };
    let mut program = [
        // The call's number is the first word of seccomp_data.
        line(BPF_LD | BPF_W | BPF_ABS, 0, 0, 0),
        line(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, u32::try_from(call).unwrap()),
        line(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EPERM.cast_unsigned()),
        line(BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW),
    ];
    let filter = sock_fprog { len: 4, filter: program.as_mut_ptr() };
    // SAFETY: both calls read their arguments only, and `filter` points to a program of four lines that outlives them.
    let done = unsafe {
        (
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
            prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &raw const filter),
        )
    };
    assert_eq!(done, (0, 0), "{}", std::io::Error::last_os_error());
}

#[test]
fn a_console_that_hangs_up_during_an_entry_has_failed() {
    let (mut customer, side, path) = terminal();
    let (sink, dots) = mpsc::channel();
    let typing = std::thread::spawn(move || {
        while echoes(&side) {
            std::thread::yield_now();
        }
        customer.write_all(b"12").unwrap();
        // Two digits are in the slot; then somebody pulls the plug.
        let second = dots.iter().any(|progress: PinProgress| progress.entered == 2);
        drop(customer);
        second
    });
    let pad = ConsolePad::new(path);
    let outcome = pad.enter(
        ENTRY,
        PinSlot::new(),
        Box::new(move |dot| sink.send(dot).unwrap()),
        &CancelToken::new().unwrap(),
    );
    assert!(typing.join().unwrap());
    match outcome {
        PinOutcome::Fault(slot, fault) => {
            assert!(slot.is_empty());
            assert_eq!((fault.code, fault.kind), ("pad-failed", FaultKind::Broken));
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_keys_end_with_a_whole_pin_or_an_empty_slot(keys in prop::collection::vec(any::<u8>(), 0..40)) {
        let (_folder, path, pad) = socket_pad();
        let at_once = PinEntry { digits: 4, key_ms_max: 1 };
        match press(&pad, &path, &keys, at_once) {
            PinOutcome::Entered(slot) => prop_assert!(slot.is_complete()),
            PinOutcome::Cancelled(slot) | PinOutcome::TimedOut(slot) => prop_assert!(slot.is_empty()),
            PinOutcome::Fault(_, fault) => prop_assert!(false, "{fault}"),
        }
    }
}

#[test]
fn a_very_long_limit_is_a_limit() {
    let (_folder, path, pad) = socket_pad();
    let patient = PinEntry { digits: 4, key_ms_max: u64::MAX };
    assert!(matches!(press(&pad, &path, b"1234E", patient), PinOutcome::Entered(_)));
}
