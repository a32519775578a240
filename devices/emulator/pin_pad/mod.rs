//! A PIN pad in software behind a pseudo-terminal: the project's own protocol, encrypted or in clear, and UIC's PP791.
//!
//! Keys are pressed with the bytes of the bench pad (`0` to `9`, `B` backspace, `C` clear, `E` enter, `X` cancel), from the
//! test itself or through a control socket; there `!LEVER` and a line feed pull a lever. Keys that are pressed before an entry
//! wait for it, unless the pad is told to be like a real one, where nobody listens then; what was not used up when an entry
//! ends is forgotten.
//!
//! Invariant: it shares no code with the driver, not even a checksum.

mod identity;
mod lever;
mod reference;
mod uic;

use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use self::identity::Identity;
use self::lever::Levers;
pub use self::lever::{Lever, NotALever, Withholds};
use self::reference::Reference;
use self::uic::Uic;
use crate::clock;
use crate::pseudo_terminal::PseudoTerminal;

/// Between two looks at everything.
const LOOK: Duration = Duration::from_millis(4);
/// Longest text of a lever.
const LEVER_BYTES_MAX: usize = 64;
/// What the lever `garbage` says; among it the beginnings of frames of both kinds.
const GARBAGE: [u8; 16] =
    [0xA5, 0x5A, 0x01, 0xFF, 0x02, 0x5A, 0x34, 0x33, 0x35, 0x00, 0xA5, 0xA5, 0x03, 0x15, 0x7F, 0x80];

/// What the pad speaks.
#[derive(Clone)]
pub enum Framing {
    /// The project's own protocol, encrypted.
    Reference(Identity),
    /// The same with a fixed ephemeral key, for vectors.
    ReferenceFixed {
        /// Who it is.
        identity: Identity,
        /// Its half of every key agreement.
        ephemeral: Identity,
    },
    /// The project's own protocol in clear.
    Clear,
    /// UIC PP791.
    UicPp791,
}

/// How to start a pad.
pub struct Options {
    /// What it speaks.
    pub framing: Framing,
    /// A symbolic link to the port, so that a configuration can name it.
    pub link: Option<PathBuf>,
    /// Where fingers press.
    pub control: Option<PathBuf>,
    /// Levers pulled from the start.
    pub levers: Vec<Lever>,
    /// Keys pressed before an entry wait for it.
    pub keys_wait: bool,
}

impl Options {
    /// A pad whose keys wait, with no link and no control socket.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        Self { framing, link: None, control: None, levers: Vec::new(), keys_wait: true }
    }
}

/// What the pad wants to say, in order.
#[derive(Default)]
pub(crate) struct Said {
    messages: Vec<Vec<u8>>,
    frames: Vec<usize>,
}

impl Said {
    /// A frame, which levers may break.
    fn frame(&mut self, frame: Vec<u8>) {
        self.frames.push(self.messages.len());
        self.messages.push(frame);
    }

    /// Single bytes of a procedure.
    fn bytes(&mut self, bytes: &[u8]) {
        self.messages.push(bytes.to_vec());
    }
}

/// A pad's own doings.
pub(crate) trait Behaviour: Send {
    /// Bytes came from the host.
    fn hear(&mut self, bytes: &[u8], now: Instant, levers: &mut Levers, said: &mut Said);
    /// Time has passed, or keys were pressed.
    fn tick(&mut self, now: Instant, pressed: &mut VecDeque<u8>, levers: &mut Levers, said: &mut Said);
    /// Somebody is asked for a PIN.
    fn is_entering(&self) -> bool;
    /// It lost its power.
    fn unplugged(&mut self);
    /// The lever `noise`: changes a bit of a frame that is due.
    fn garbled(&mut self, frame: &mut [u8], levers: &Levers);
}

enum Deed {
    Press(Vec<u8>),
    Pull(Lever),
}

#[derive(Default)]
struct Seen {
    entering: bool,
    plugged: bool,
    /// Deeds that were done.
    done: u64,
}

/// A running pad; it ends when it is dropped.
pub struct Simulator {
    deeds: Option<Sender<Deed>>,
    asked: Mutex<u64>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    thread: Option<JoinHandle<()>>,
    port: PathBuf,
}

impl Simulator {
    /// Opens the port and answers at it from now on.
    ///
    /// # Errors
    /// When port or control socket cannot be made.
    pub fn start(options: Options) -> io::Result<Self> {
        let terminal = PseudoTerminal::open(options.link.as_deref())?;
        let port = options.link.clone().unwrap_or_else(|| terminal.port().to_owned());
        let listener = options.control.as_deref().map(listen).transpose()?;
        let (deeds, inbox) = channel();
        let seen = Arc::new((Mutex::new(Seen { plugged: true, ..Seen::default() }), Condvar::new()));
        let mut levers = Levers::default();
        options.levers.iter().for_each(|lever| levers.pull(*lever));
        let pad: Box<dyn Behaviour> = match options.framing {
            Framing::Reference(identity) => Box::new(Reference::new(identity, None, false)),
            Framing::ReferenceFixed { identity, ephemeral } => {
                Box::new(Reference::new(identity, Some(ephemeral), false))
            }
            // The identity is of no use in clear.
            Framing::Clear => Box::new(Reference::new(Identity::generate()?, None, true)),
            Framing::UicPp791 => Box::new(Uic::default()),
        };
        let body = Body {
            pad,
            terminal: Some(terminal),
            link: options.link,
            levers,
            pressed: VecDeque::new(),
            keys_wait: options.keys_wait,
            late: VecDeque::new(),
            hands: Hands { listener, control: options.control, connections: Vec::new() },
            inbox,
            seen: Arc::clone(&seen),
        };
        let thread = std::thread::Builder::new().name("pin-pad".to_owned()).spawn(move || body.live())?;
        Ok(Self { deeds: Some(deeds), asked: Mutex::new(0), seen, thread: Some(thread), port })
    }

    /// The port that a driver opens.
    #[must_use]
    pub fn port(&self) -> &Path {
        &self.port
    }

    /// Presses keys: bytes of the bench pad.
    pub fn press(&self, keys: &[u8]) {
        self.ask(Deed::Press(keys.to_vec()));
    }

    /// Pulls a lever.
    pub fn pull(&self, lever: Lever) {
        self.ask(Deed::Pull(lever));
    }

    /// Waits until an entry is going on, or none; `false` when that takes longer than `limit`.
    pub fn wait_until_entering(&self, entering: bool, limit: Duration) -> bool {
        self.wait(limit, |seen| seen.entering == entering)
    }

    /// Hands a deed over and waits until it is done, so that what follows finds it so.
    fn ask(&self, deed: Deed) {
        let number = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            *asked += 1;
            if let Some(deeds) = &self.deeds {
                let _the_pad_has_ended = deeds.send(deed);
            }
            *asked
        };
        self.wait(Duration::from_secs(10), |seen| seen.done >= number);
    }

    fn wait(&self, limit: Duration, so: impl Fn(&Seen) -> bool) -> bool {
        let (seen, changed) = &*self.seen;
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, _) =
            changed.wait_timeout_while(seen, limit, |seen| !so(seen)).unwrap_or_else(PoisonError::into_inner);
        so(&seen)
    }

    /// Waits until the pad ends by itself, which it does not.
    pub fn join(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.deeds = None;
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

/// The pad on its thread.
struct Body {
    pad: Box<dyn Behaviour>,
    terminal: Option<PseudoTerminal>,
    link: Option<PathBuf>,
    levers: Levers,
    pressed: VecDeque<u8>,
    keys_wait: bool,
    /// What is said when its time has come.
    late: VecDeque<(Instant, Vec<u8>)>,
    hands: Hands,
    inbox: Receiver<Deed>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Body {
    fn live(mut self) {
        let mut was_entering = false;
        loop {
            let mut done = 0;
            loop {
                match self.inbox.try_recv() {
                    Ok(deed) => {
                        self.act(deed);
                        done += 1;
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            for deed in self.hands.deeds() {
                self.act(deed);
            }
            if self.listen_and_speak().is_err() {
                return;
            }
            let entering = self.pad.is_entering();
            if was_entering && !entering {
                self.pressed.clear();
            }
            was_entering = entering;
            self.tell(entering, done);
        }
    }

    fn tell(&self, entering: bool, done: u64) {
        let (seen, changed) = &*self.seen;
        let mut seen: MutexGuard<'_, Seen> = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.entering = entering;
        seen.plugged = self.terminal.is_some();
        seen.done += done;
        changed.notify_all();
    }

    fn act(&mut self, deed: Deed) {
        match deed {
            Deed::Press(keys) if self.keys_wait || self.pad.is_entering() => self.pressed.extend(keys),
            Deed::Press(_) => {}
            Deed::Pull(Lever::Unplug) => {
                self.terminal = None;
                self.pad.unplugged();
            }
            Deed::Pull(Lever::Plug) => {
                if self.terminal.is_none() {
                    self.terminal = PseudoTerminal::open(self.link.as_deref()).ok();
                }
            }
            Deed::Pull(lever) => self.levers.pull(lever),
        }
    }

    fn listen_and_speak(&mut self) -> io::Result<()> {
        let Some(terminal) = &mut self.terminal else {
            clock::wait(LOOK);
            return Ok(());
        };
        let mut bytes = [0; 256];
        let count = terminal.read(&mut bytes, LOOK)?;
        let now = clock::start();
        let mut said = Said::default();
        if count > 0 {
            self.pad.hear(bytes.get(..count).unwrap_or_default(), now, &mut self.levers, &mut said);
        }
        let was_silent = self.levers.silent;
        self.pad.tick(now, &mut self.pressed, &mut self.levers, &mut said);
        for (place, mut message) in said.messages.into_iter().enumerate() {
            if said.frames.contains(&place) {
                self.pad.garbled(&mut message, &self.levers);
            }
            // The key with which it falls silent is its last word.
            if was_silent {
                continue;
            }
            let message = if self.levers.garbage { GARBAGE.to_vec() } else { message };
            self.late.push_back((now + Duration::from_millis(self.levers.slow_ms), message));
        }
        while let Some((due, _)) = self.late.front()
            && *due <= clock::start()
        {
            if let Some((_, message)) = self.late.pop_front() {
                terminal.write(&message)?;
            }
        }
        Ok(())
    }
}

/// Who presses through the control socket, in the order in which they came.
struct Hands {
    listener: Option<UnixListener>,
    control: Option<PathBuf>,
    connections: Vec<Hand>,
}

struct Hand {
    stream: UnixStream,
    /// The beginning of a lever's text.
    lever: Option<Vec<u8>>,
    gone: bool,
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let listener = crate::control::listen(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

impl Hands {
    fn deeds(&mut self) -> Vec<Deed> {
        if let Some(listener) = &self.listener {
            while let Ok((stream, _)) = listener.accept() {
                if stream.set_nonblocking(true).is_ok() {
                    self.connections.push(Hand { stream, lever: None, gone: false });
                }
            }
        }
        let deeds = self.connections.iter_mut().flat_map(Hand::deeds).collect();
        self.connections.retain(|hand| !hand.gone);
        deeds
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        if let Some(path) = &self.control {
            let _removed = std::fs::remove_file(path);
        }
    }
}

impl Hand {
    fn deeds(&mut self) -> Vec<Deed> {
        let mut bytes = [0; 256];
        let count = match self.stream.read(&mut bytes) {
            Ok(0) => {
                self.gone = true;
                return Vec::new();
            }
            Ok(count) => count,
            Err(error) => {
                self.gone = error.kind() != io::ErrorKind::WouldBlock;
                return Vec::new();
            }
        };
        let mut deeds = Vec::new();
        for byte in bytes.into_iter().take(count) {
            match (&mut self.lever, byte) {
                (None, b'!') => self.lever = Some(Vec::new()),
                (None, key) => deeds.push(Deed::Press(vec![key])),
                (Some(text), b'\n') => {
                    match String::from_utf8_lossy(text).trim().parse() {
                        Ok(lever) => deeds.push(Deed::Pull(lever)),
                        Err(error) => {
                            tracing::warn!(error = &error as &dyn std::error::Error, "control socket")
                        }
                    }
                    self.lever = None;
                }
                (Some(text), _) if text.len() >= LEVER_BYTES_MAX => self.lever = None,
                (Some(text), byte) => text.push(byte),
            }
        }
        deeds
    }
}
