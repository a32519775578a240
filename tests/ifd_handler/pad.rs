//! The pad: keys that wait to be read, and one entry.

use std::io::{BufReader, Read as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::order::Order;

/// The longest PIN that this reader takes.
pub(crate) const DIGITS_MAX: usize = 16;
/// `Z`.
const SLEEP: Duration = Duration::from_millis(300);
/// How long a card that was pulled out stays away at least. `pcscd` looks every 400 ms: after a failed reconnect it would take
/// one that came back sooner for absent until it is pulled out again.
const AWAY: Duration = Duration::from_millis(450);

fn pause(time: Duration) {
    let (_open, never) = channel::<()>();
    let _waited = never.recv_timeout(time);
}

/// The keys.
pub(crate) struct Keys {
    pressed: Mutex<Receiver<u8>>,
}

/// How an entry ended.
pub(crate) enum Entry {
    /// Enter was pressed.
    Done(Pin),
    TimedOut,
    Cancelled,
    /// The card was pulled out meanwhile.
    CardGone,
}

/// What was typed.
pub(crate) struct Pin {
    digits: Zeroizing<[u8; DIGITS_MAX]>,
    count: usize,
    /// More were typed than there is room for.
    too_many: bool,
}

impl Pin {
    fn new() -> Self {
        Self { digits: Zeroizing::new([0; DIGITS_MAX]), count: 0, too_many: false }
    }

    fn push(&mut self, digit: u8) {
        match self.digits.get_mut(self.count) {
            Some(place) => {
                *place = digit;
                self.count += 1;
            }
            None => self.too_many = true,
        }
    }

    /// The digits, if there are as many as the order wants.
    pub(crate) fn fitting(&self, order: &Order) -> Option<&[u8]> {
        let wanted = usize::from(order.digits_min)..=usize::from(order.digits_max);
        if self.too_many || !wanted.contains(&self.count) {
            return None;
        }
        self.digits.get(..self.count)
    }
}

impl Keys {
    /// Listens at `socket`. `card` is told of `I` (true) and `R` (false) at once.
    pub(crate) fn listen(
        socket: &Path,
        card: impl Fn(bool) + Send + Sync + Clone + 'static,
    ) -> std::io::Result<Self> {
        let _left_by_an_earlier_pcscd = std::fs::remove_file(socket);
        let listener = UnixListener::bind(socket)?;
        let (sink, pressed) = channel();
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
            for finger in listener.incoming().flatten() {
                read(finger, &sink, &card);
            }
        })?;
        Ok(Self { pressed: Mutex::new(pressed) })
    }

    /// One entry. `present` says whether the card is still there, `pull` takes it out.
    pub(crate) fn enter(&self, order: &Order, present: impl Fn() -> bool, pull: impl Fn()) -> Entry {
        let pressed = self.lock();
        let ended = entry(&pressed, order, present, pull);
        // What was typed for this customer is not for the next one.
        while pressed.try_recv().is_ok() {}
        ended
    }

    fn lock(&self) -> MutexGuard<'_, Receiver<u8>> {
        self.pressed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(pressed: &Receiver<u8>, order: &Order, present: impl Fn() -> bool, pull: impl Fn()) -> Entry {
    let mut pin = Pin::new();
    let mut seconds = order.first_key_s;
    loop {
        let key = match pressed.recv_timeout(Duration::from_secs(seconds.into())) {
            Ok(key) => key,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Entry::TimedOut,
        };
        if key == b'r' {
            pull();
        }
        if !present() {
            return Entry::CardGone;
        }
        seconds = order.next_key_s;
        match key {
            b'0'..=b'9' => {
                pin.push(key);
                if order.ends_at_max && pin.count == usize::from(order.digits_max) {
                    return Entry::Done(pin);
                }
            }
            b'B' => pin.count = pin.count.saturating_sub(1),
            b'C' => pin = Pin::new(),
            b'E' => return Entry::Done(pin),
            b'X' => return Entry::Cancelled,
            b'H' => while pressed.recv().is_ok_and(|key| key != b'U') {},
            // The keys of this time are not lost: they come after it.
            b'Z' => pause(SLEEP),
            _ => {}
        }
    }
}

fn read(finger: UnixStream, sink: &Sender<u8>, card: &impl Fn(bool)) {
    for key in BufReader::new(finger).bytes().map_while(Result::ok) {
        match key {
            b'K' => std::process::abort(),
            b'R' => card(false),
            b'I' => {
                pause(AWAY);
                card(true);
            }
            _ => {}
        }
        // A pull wakes who waits for a key.
        if sink.send(key).is_err() {
            return;
        }
    }
}
