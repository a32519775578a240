//! The card in the virtual reader of vsmartcard: a client of its driver `vpcd`, which runs inside `pcscd`.
//!
//! The protocol: frames of a 16-bit big-endian length and as many bytes, both ways. A frame of one byte from the
//! driver is a control (0 power off, 1 power on, 2 reset: no reply; 4 ATR: the reply is the ATR), any other is a
//! command APDU. The driver asks for the ATR all the time: that is how it sees whether a card is present. A closed
//! connection is a card pulled out.
//!
//! Speed: the driver sends length and bytes in two small writes, so the second waits for the acknowledgement of
//! the first. A receiver that delays acknowledgements costs 40 ms a command; this one acknowledges at once.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::linux::net::TcpStreamExt;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::card::Card;
use crate::slot::{Exchange, Outcome, Slot};

/// Where the driver of a stock installation listens.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:35963";

/// Between two attempts to reach a `pcscd` that is not there yet.
const RETRY: Duration = Duration::from_millis(20);
/// For one attempt. The driver's queue holds one connection; while it is full, attempts are not answered at all.
const CONNECT_MAX: Duration = Duration::from_millis(250);
/// How long a card that was pulled out or lost contact stays away at least. `pcscd` looks every 400 ms: one that came
/// back sooner would not be missed, and a client would go on with a card that forgot everything.
const AWAY: Duration = Duration::from_millis(450);
/// Longer than any ATR (33 bytes): the driver fails to power such a card up, which is what a mute card looks like.
const NO_ATR: [u8; 34] = [0xFF; 34];

/// A slot that several threads share: one serves the driver, others insert, remove and pull levers.
pub struct Reader {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    slot: Slot,
    /// The open connection, to close it from another thread.
    connection: Option<TcpStream>,
    quit: bool,
}

/// What the driver wants.
#[derive(Debug, PartialEq, Eq)]
enum Frame<'a> {
    PowerOff,
    PowerOn,
    Reset,
    Atr,
    Command(&'a [u8]),
    Unknown,
}

impl<'a> Frame<'a> {
    fn from_bytes(bytes: &'a [u8]) -> Self {
        match bytes {
            [0] => Self::PowerOff,
            [1] => Self::PowerOn,
            [2] => Self::Reset,
            [4] => Self::Atr,
            [] | [_] => Self::Unknown,
            command => Self::Command(command),
        }
    }
}

impl Reader {
    /// Shares `slot`.
    #[must_use]
    pub fn new(slot: Slot) -> Self {
        Self { state: Mutex::new(State { slot, connection: None, quit: false }), changed: Condvar::new() }
    }

    /// Looks at the slot, or pulls its levers. Insertion and removal have methods of their own.
    pub fn with_slot<T>(&self, act: impl FnOnce(&mut Slot) -> T) -> T {
        act(&mut self.lock().slot)
    }

    /// Puts the card in; nothing happens if it is in.
    pub fn insert(&self) {
        self.lock().slot.insert();
        self.changed.notify_all();
    }

    /// Pulls the card out, in the middle of a command too; nothing happens if it is out.
    pub fn remove(&self) {
        let mut state = self.lock();
        state.slot.remove();
        disconnect(&mut state);
        self.changed.notify_all();
    }

    /// Puts another card in the place of this one; to the driver, one card is pulled out and another put in.
    pub fn exchange_card(&self, card: Card) {
        let mut state = self.lock();
        state.slot.exchange_card(card);
        disconnect(&mut state);
        self.changed.notify_all();
    }

    /// Ends `serve`.
    pub fn quit(&self) {
        let mut state = self.lock();
        state.quit = true;
        disconnect(&mut state);
        self.changed.notify_all();
    }

    /// Waits until `quit`.
    pub fn wait_for_quit(&self) {
        let state = self.lock();
        drop(self.changed.wait_while(state, |state| !state.quit));
    }

    /// Serves the driver at `address` until `quit`: connects while a card is in, again and again while there is no
    /// driver. Blocks; give it a thread.
    pub fn serve(&self, address: SocketAddr) {
        let mut reported = false;
        while self.wait_for_card() {
            match TcpStream::connect_timeout(&address, CONNECT_MAX) {
                Ok(stream) => {
                    tracing::info!(%address, "card is in the virtual reader");
                    reported = false;
                    match self.serve_connection(stream) {
                        Ok(()) => self.pause(AWAY),
                        Err(error) => {
                            tracing::info!(error = &error as &dyn std::error::Error, "the driver has gone");
                        }
                    }
                }
                Err(error) => {
                    if !reported {
                        tracing::info!(%address, error = &error as &dyn std::error::Error, "no driver yet: trying on");
                        reported = true;
                    }
                }
            }
            self.pause(RETRY);
        }
    }

    /// Waits until a card is in; `false` to quit.
    fn wait_for_card(&self) -> bool {
        let state = self.lock();
        let state = self
            .changed
            .wait_while(state, |state| !state.quit && !state.slot.is_inserted())
            .unwrap_or_else(PoisonError::into_inner);
        !state.quit
    }

    /// `Ok` if the card ended the connection, an error if the driver did.
    fn serve_connection(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        {
            let mut state = self.lock();
            if state.quit || !state.slot.is_inserted() {
                return Ok(());
            }
            state.connection = Some(stream.try_clone()?);
        }
        let mut buffer = Vec::new();
        let result = loop {
            match read_frame(&mut stream, &mut buffer).and_then(|()| self.handle(&buffer)) {
                Ok(Reaction::Send(bytes)) => {
                    if let Err(error) = write_frame(&mut stream, &bytes) {
                        break Err(error);
                    }
                }
                Ok(Reaction::Nothing) => {}
                Ok(Reaction::Disconnect) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let mut state = self.lock();
        let pulled_out = state.connection.is_none();
        disconnect(&mut state);
        state.slot.power_off();
        if pulled_out { Ok(()) } else { result }
    }

    fn handle(&self, frame: &[u8]) -> io::Result<Reaction> {
        let mut state = self.lock();
        let exchange = match Frame::from_bytes(frame) {
            Frame::PowerOff => {
                state.slot.power_off();
                return Ok(Reaction::Nothing);
            }
            Frame::PowerOn => {
                state.slot.power_on();
                return Ok(Reaction::Nothing);
            }
            Frame::Reset => {
                state.slot.reset();
                return Ok(Reaction::Nothing);
            }
            Frame::Atr => return Ok(Reaction::Send(state.slot.atr().unwrap_or(&NO_ATR).to_vec())),
            Frame::Unknown => return Ok(Reaction::Nothing),
            Frame::Command(command) => state.slot.transmit(command),
        };
        let Exchange { outcome, delay } = exchange;
        if !delay.is_zero() {
            // Whoever pulls the card out meanwhile need not wait for the answer, and the answer is lost.
            let gone =
                |state: &mut State| state.slot.is_inserted() && state.connection.is_some() && !state.quit;
            state =
                self.changed.wait_timeout_while(state, delay, gone).unwrap_or_else(PoisonError::into_inner).0;
            if state.connection.is_none() {
                return Ok(Reaction::Disconnect);
            }
        }
        Ok(match outcome {
            Outcome::Answer(bytes) => Reaction::Send(bytes),
            Outcome::Removed | Outcome::Reset => Reaction::Disconnect,
        })
    }

    fn pause(&self, time: Duration) {
        let state = self.lock();
        drop(self.changed.wait_timeout_while(state, time, |state| !state.quit));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic of another thread leaves nothing half done here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Reaction {
    Send(Vec<u8>),
    Nothing,
    Disconnect,
}

fn disconnect(state: &mut State) {
    if let Some(stream) = state.connection.take() {
        // Fails only if the driver was quicker.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Reads exactly one frame: two controls may lie in one segment, one frame in two.
fn read_frame(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut length = [0; 2];
    read_exactly(stream, &mut length)?;
    buffer.clear();
    buffer.resize(usize::from(u16::from_be_bytes(length)), 0);
    read_exactly(stream, buffer)
}

/// The kernel falls back to delayed acknowledgements by itself: the wish is renewed before every read.
fn read_exactly(stream: &mut TcpStream, mut rest: &mut [u8]) -> io::Result<()> {
    while !rest.is_empty() {
        stream.set_quickack(true)?;
        match stream.read(rest) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => rest = rest.get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn write_frame(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let length = u16::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.write_all(&[length.to_be_bytes().as_slice(), bytes].concat())
}
