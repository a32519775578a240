//! What the tests share: pads, and fingers that press their keys when somebody is asked for a PIN.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::Duration;

use devices::pinpad::serial::{ClearAllowed, Framing, PadIdentity, SerialPadConfig, UicPrompt};
use devices::pinpad::{ConsolePad, SerialPad, SocketPad};
use devices::port::{CancelToken, PinEntry, PinOutcome, PinPad, PinProgress, PinProgressSink};
use devices::serial::SerialSettings;
use emulator::pin_pad::{self as simulated, Identity, Lever, Options, Simulator};
use jpki::PinSlot;
use jpki::pin::Landed;
use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::ttyname;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// An entry for somebody who presses at once.
pub(crate) const ENTRY: PinEntry = PinEntry { digits: 4, key_ms_max: 15_000 };

/// Who presses a pad's keys, with the bytes of the bench pad.
pub(crate) trait Fingers: Send {
    /// Presses when somebody is asked for a PIN, or before where that makes no difference.
    fn press(&mut self, keys: &[u8]);
    /// Presses while nobody is asked; `false` where such keys wait for the next entry, and so are not pressed.
    fn press_ahead(&mut self, keys: &[u8]) -> bool;
    /// The pad has a key that takes the last digit away.
    fn has_backspace(&self) -> bool {
        true
    }
    /// Nothing is left of the entry before.
    fn rest(&mut self) {}
}

/// The outcome's name.
pub(crate) fn name(outcome: &PinOutcome) -> String {
    match outcome {
        PinOutcome::Entered(_) => "entered".to_owned(),
        PinOutcome::Cancelled(_) => "cancelled".to_owned(),
        PinOutcome::TimedOut(_) => "timed out".to_owned(),
        PinOutcome::Fault(_, fault) => fault.code.to_owned(),
    }
}

pub(crate) fn slot_of(outcome: PinOutcome) -> PinSlot {
    match outcome {
        PinOutcome::Entered(slot)
        | PinOutcome::Cancelled(slot)
        | PinOutcome::TimedOut(slot)
        | PinOutcome::Fault(slot, _) => slot,
    }
}

/// Through the card's own command: the only way out of a slot.
pub(crate) fn pin_in(slot: PinSlot) -> Vec<u8> {
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
    assert!(card.verify(slot).1.is_ok());
    seen.0
}

/// One entry in a thread of its own, while `meanwhile` happens; the outcome, and the dots as they were told.
pub(crate) fn enter(
    pad: &dyn PinPad,
    entry: PinEntry,
    token: &CancelToken,
    meanwhile: impl FnOnce(&Receiver<(u8, bool)>),
) -> (PinOutcome, Vec<(u8, bool)>) {
    let (sink, dots) = channel();
    let (copy, all) = channel();
    let progress = Box::new(move |progress: PinProgress| {
        let dots = (progress.entered, progress.too_many);
        let _nobody_looks = (sink.send(dots), copy.send(dots));
    });
    let outcome = std::thread::scope(|scope| {
        let entering = scope.spawn(|| pad.enter(entry, PinSlot::new(), progress, token));
        meanwhile(&dots);
        entering.join().unwrap()
    });
    (outcome, all.try_iter().collect())
}

/// The smallest pad: keys from a channel.
pub(crate) struct FakePad {
    keys: Mutex<Receiver<u8>>,
}

pub(crate) struct FakeFingers(Sender<u8>);

pub(crate) fn fake() -> (FakePad, FakeFingers) {
    let (fingers, keys) = channel();
    (FakePad { keys: Mutex::new(keys) }, FakeFingers(fingers))
}

impl PinPad for FakePad {
    fn enter(
        &self,
        entry: PinEntry,
        mut slot: PinSlot,
        progress: PinProgressSink,
        cancel: &CancelToken,
    ) -> PinOutcome {
        const LOOK_MS: u64 = 5;
        slot.clear();
        if entry.digits != 4 {
            let fault = devices::port::Fault {
                kind: devices::port::FaultKind::Broken,
                device: "PIN pad",
                code: "pin-length-not-possible",
                action: devices::port::Action::SoftwareError,
                what: "a fake".to_owned(),
                source: None,
            };
            return PinOutcome::Fault(slot, fault);
        }
        let keys = self.keys.lock().unwrap();
        let (mut waited_ms, mut too_many) = (0, false);
        loop {
            if cancel.is_cancelled() {
                slot.clear();
                return PinOutcome::Cancelled(slot);
            }
            let key = match keys.recv_timeout(Duration::from_millis(LOOK_MS)) {
                Ok(key) => key,
                Err(RecvTimeoutError::Timeout) if waited_ms < entry.key_ms_max => {
                    waited_ms += LOOK_MS;
                    continue;
                }
                Err(_) => {
                    slot.clear();
                    return PinOutcome::TimedOut(slot);
                }
            };
            waited_ms = 0;
            match slot.push_digit(key) {
                Landed::Digit if too_many => slot.clear(),
                Landed::Digit => {}
                Landed::Full => {
                    too_many = true;
                    slot.clear();
                }
                Landed::Other(b'E') if slot.is_complete() => return PinOutcome::Entered(slot),
                Landed::Other(b'X') => {
                    slot.clear();
                    return PinOutcome::Cancelled(slot);
                }
                Landed::Other(b'B') if !too_many => slot.pop(),
                Landed::Other(b'B' | b'C') => {
                    too_many = false;
                    slot.clear();
                }
                Landed::Other(_) => continue,
            }
            progress(PinProgress { entered: u8::try_from(slot.len()).unwrap(), too_many });
        }
    }
}

impl Fingers for FakeFingers {
    fn press(&mut self, keys: &[u8]) {
        keys.iter().for_each(|key| self.0.send(*key).unwrap());
    }

    fn press_ahead(&mut self, _keys: &[u8]) -> bool {
        false
    }
}

pub(crate) struct SocketFingers(PathBuf);

pub(crate) fn socket(folder: &Path) -> (SocketPad, SocketFingers) {
    let path = folder.join("pad");
    (SocketPad::listen(&path).unwrap(), SocketFingers(path))
}

impl Fingers for SocketFingers {
    fn press(&mut self, keys: &[u8]) {
        UnixStream::connect(&self.0).unwrap().write_all(keys).unwrap();
    }

    fn press_ahead(&mut self, _keys: &[u8]) -> bool {
        false
    }
}

pub(crate) struct ConsoleFingers {
    customer: std::fs::File,
    side: std::fs::File,
}

pub(crate) fn console() -> (ConsolePad, ConsoleFingers) {
    let pair = openpty(None, None).unwrap();
    let path = ttyname(&pair.slave).unwrap();
    let fingers = ConsoleFingers { customer: pair.master.into(), side: pair.slave.into() };
    (ConsolePad::new(path), fingers)
}

impl ConsoleFingers {
    fn type_in(&mut self, keys: &[u8]) {
        let typed: Vec<u8> = keys
            .iter()
            .map(|key| match key {
                b'E' => b'\r',
                b'B' => 0x7F,
                b'C' => 0x15,
                b'X' => 0x1B,
                other => *other,
            })
            .collect();
        self.customer.write_all(&typed).unwrap();
    }
}

impl Fingers for ConsoleFingers {
    fn press(&mut self, keys: &[u8]) {
        while tcgetattr(&self.side).unwrap().local_flags.contains(LocalFlags::ECHO) {
            std::thread::yield_now();
        }
        self.type_in(keys);
    }

    fn press_ahead(&mut self, keys: &[u8]) -> bool {
        self.type_in(keys);
        true
    }
}

/// Which simulated pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Reference,
    Clear,
    Uic,
}

pub(crate) const ALL: [Which; 3] = [Which::Reference, Which::Clear, Which::Uic];

/// A simulated pad, and the driver of it.
pub(crate) struct Bench {
    pub(crate) pad: SerialPad,
    pub(crate) simulator: Simulator,
    pub(crate) framing: Framing,
    _folder: tempfile::TempDir,
}

pub(crate) fn bench(which: Which, levers: &[&str]) -> Bench {
    bench_under(which, levers, UicPrompt::authenticated("01").unwrap())
}

pub(crate) fn bench_under(which: Which, levers: &[&str], prompt: UicPrompt) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("tty");
    let identity = Identity::generate().unwrap();
    let fingerprint = PadIdentity::from_hex(&identity.fingerprint()).unwrap();
    let allowed = ClearAllowed::when_bench_only(true).unwrap();
    let (speaks, framing) = match which {
        Which::Reference => (simulated::Framing::Reference(identity), Framing::Reference(fingerprint)),
        Which::Clear => (simulated::Framing::Clear, Framing::Clear(allowed)),
        Which::Uic => (simulated::Framing::UicPp791, Framing::UicPp791 { prompt, allowed }),
    };
    let mut options = Options::new(speaks);
    options.link = Some(link.clone());
    options.levers = levers.iter().map(|lever| lever.parse().unwrap()).collect();
    options.keys_wait = false;
    let simulator = Simulator::start(options).unwrap();
    let mut config = SerialPadConfig::new(SerialSettings::new(link, 9_600), framing.clone());
    config.answer_ms_max = 1_000;
    Bench { pad: SerialPad::new(config).unwrap(), simulator, framing, _folder: folder }
}

impl Bench {
    /// One entry, with keys pressed when the pad asks for them.
    pub(crate) fn enter(&self, keys: &[u8], entry: PinEntry) -> PinOutcome {
        self.rest();
        let token = CancelToken::new().unwrap();
        let (outcome, _dots) = enter(&self.pad, entry, &token, |dots| {
            // An entry that has failed before anybody was asked hangs up.
            while !self.simulator.wait_until_entering(true, Duration::from_millis(20)) {
                if dots.try_recv() == Err(TryRecvError::Disconnected) {
                    return;
                }
            }
            self.simulator.press(keys);
        });
        outcome
    }

    pub(crate) fn pull(&self, lever: &str) {
        self.simulator.pull(lever.parse::<Lever>().unwrap());
    }

    pub(crate) fn rest(&self) {
        assert!(self.simulator.wait_until_entering(false, PATIENCE), "the pad's last entry does not end");
    }
}

pub(crate) struct SimulatedFingers<'b>(pub(crate) &'b Bench, pub(crate) Which);

impl Fingers for SimulatedFingers<'_> {
    fn press(&mut self, keys: &[u8]) {
        // An entry may have ended before these fingers came: the outcome tells.
        if self.0.simulator.wait_until_entering(true, PATIENCE / 4) {
            self.0.simulator.press(keys);
        }
    }

    fn press_ahead(&mut self, keys: &[u8]) -> bool {
        self.0.simulator.press(keys);
        true
    }

    fn has_backspace(&self) -> bool {
        self.1 != Which::Uic
    }

    fn rest(&mut self) {
        self.0.rest();
    }
}
