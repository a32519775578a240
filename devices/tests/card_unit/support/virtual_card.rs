//! A card in the virtual reader: a connection to vsmartcard's driver, and a rule that answers commands.
//!
//! Not a My Number Card: for the reader's sake a card is whatever answers. It says what happened to its power.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::reader::wait_until;

const DRIVER: &str = "127.0.0.1:35963";
const ATR: [u8; 9] = [0x3B, 0xE0, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x45, 0x14];

/// What the card does with a command.
pub(crate) enum Then {
    Answer(Vec<u8>),
    /// Leaves the reader instead of answering.
    Leave,
}

/// What happened to the card, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    PowerOn,
    PowerOff,
    Reset,
    Command(Vec<u8>),
}

/// In the reader while it lives.
pub(crate) struct VirtualCard {
    connection: TcpStream,
    happened: Arc<Mutex<Vec<Happened>>>,
    thread: Option<JoinHandle<()>>,
}

impl VirtualCard {
    /// Answers every command with 9000.
    pub(crate) fn insert() -> Self {
        Self::start(&ATR, |_| Then::Answer(vec![0x90, 0x00]))
    }

    /// Gives noise instead of an answer to reset. (With no answer at all this reader sees no card.)
    pub(crate) fn mute() -> Self {
        Self::start(&[0x00], |_| Then::Answer(vec![0x90, 0x00]))
    }

    pub(crate) fn answering(rule: impl FnMut(&[u8]) -> Then + Send + 'static) -> Self {
        Self::start(&ATR, rule)
    }

    fn start(atr: &'static [u8], mut rule: impl FnMut(&[u8]) -> Then + Send + 'static) -> Self {
        let mut connection = None;
        wait_until("the driver of the virtual reader listens", || {
            connection = TcpStream::connect(DRIVER).ok();
            connection.is_some()
        });
        let connection = connection.unwrap();
        connection.set_nodelay(true).unwrap();
        let happened = Arc::new(Mutex::new(Vec::new()));
        let mut stream = connection.try_clone().unwrap();
        let log = happened.clone();
        let thread = std::thread::spawn(move || {
            while let Some(message) = receive(&mut stream) {
                let (happened, answer) = match message.as_slice() {
                    [0] => (Happened::PowerOff, None),
                    [1] => (Happened::PowerOn, None),
                    [2] => (Happened::Reset, None),
                    [4] => {
                        send(&mut stream, atr);
                        continue;
                    }
                    command => (Happened::Command(command.to_vec()), Some(rule(command))),
                };
                log.lock().unwrap().push(happened);
                match answer {
                    Some(Then::Answer(answer)) => send(&mut stream, &answer),
                    Some(Then::Leave) => break,
                    None => {}
                }
            }
            let _closed_before = stream.shutdown(Shutdown::Both);
        });
        Self { connection, happened, thread: Some(thread) }
    }

    pub(crate) fn happened(&self) -> Vec<Happened> {
        self.happened.lock().unwrap().clone()
    }

    /// Its power was taken after the last command that it got.
    pub(crate) fn is_off(&self) -> bool {
        let happened = self.happened();
        let last_command = happened.iter().rposition(|event| matches!(event, Happened::Command(_)));
        happened.iter().rposition(|event| *event == Happened::PowerOff) > last_command
    }
}

impl Drop for VirtualCard {
    fn drop(&mut self) {
        let _closed_before = self.connection.shutdown(Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn receive(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

fn send(stream: &mut TcpStream, message: &[u8]) {
    let length = u16::try_from(message.len()).unwrap().to_be_bytes();
    let _closed_by_the_driver = stream.write_all(&[&length, message].concat());
}
