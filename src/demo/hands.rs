//! What a customer's hands reach: the card at the machine's mouth, and the keys of its PIN pad.
//!
//! Both benches have the same words for them. The card: JSON lines on a control socket. The keys: one byte a key.
//!
//! Invariant: the PIN goes from here to the pad's socket and nowhere else.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::DemoError;
use crate::clock::wait_until;

/// Nothing simulated is so slow.
const ANSWER_MS_MAX: Duration = Duration::from_secs(10);
/// The bench pad is there only while a PIN is asked for.
const PAD_MS_MAX: Duration = Duration::from_secs(2);

/// A customer's hands, or a tester's.
#[derive(Clone, Debug)]
pub struct Hands {
    card: CardControl,
    pad: PathBuf,
    motorised: bool,
}

impl Hands {
    /// Hands at a reader whose card lies open.
    pub(crate) fn at_reader(card: PathBuf, pad: PathBuf) -> Self {
        Self { card: CardControl::new(card), pad, motorised: false }
    }

    /// Hands at a reader with a pad of its own, whose keys move the card, too.
    pub(crate) fn at_pad_of_reader(keys: PathBuf) -> Self {
        Self { card: CardControl { socket: keys.clone(), by_keys: true }, pad: keys, motorised: false }
    }

    /// Hands at a unit that takes the card in.
    pub(crate) fn at_unit(card: PathBuf, pad: PathBuf) -> Self {
        Self { card: CardControl::new(card), pad, motorised: true }
    }

    /// The control socket of the card, or of the unit that it is in.
    pub const fn card(&self) -> &CardControl {
        &self.card
    }

    /// Where the pad's keys are pressed.
    pub fn pad(&self) -> &Path {
        &self.pad
    }

    /// Puts the card in; a unit with a shutter takes it when it wants one.
    ///
    /// # Errors
    /// When the simulated card is gone.
    pub fn insert_card(&self) -> Result<(), DemoError> {
        self.card.told("insert")
    }

    /// Takes the card that is given back, as soon as it is there.
    ///
    /// # Errors
    /// When the simulated card is gone.
    pub fn take_card(&self) -> Result<(), DemoError> {
        self.card.told("remove")
    }

    /// Pulls the card out, whatever the machine is doing with it.
    ///
    /// # Errors
    /// When the simulated card is gone.
    pub fn pull_card(&self) -> Result<(), DemoError> {
        self.card.told(if self.motorised { "pull" } else { "remove" })
    }

    /// Presses keys, one byte each.
    ///
    /// # Errors
    /// When nobody listens at the pad.
    pub fn press(&self, keys: &[u8]) -> Result<(), DemoError> {
        let talk = |doing| move |source| DemoError::Talk { peer: "the simulated pad", doing, source };
        let connected = wait_until(PAD_MS_MAX, || UnixStream::connect(&self.pad).ok());
        let mut pad = match connected {
            Some(pad) => pad,
            None => UnixStream::connect(&self.pad).map_err(talk("connecting"))?,
        };
        pad.write_all(keys).map_err(talk("pressing keys"))
    }
}

/// A control socket: one JSON object a line each way (see the emulator's README).
#[derive(Clone, Debug)]
pub struct CardControl {
    socket: PathBuf,
    /// By keys of a reader with a pad, which give no answer and know `insert` and `remove` only.
    by_keys: bool,
}

impl CardControl {
    pub(crate) const fn new(socket: PathBuf) -> Self {
        Self { socket, by_keys: false }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Sends one command and returns the answer.
    ///
    /// # Errors
    /// When the simulator is gone or answers something that is not JSON.
    pub fn send(&self, command: &Value) -> Result<Value, DemoError> {
        let talk = |doing| move |source| DemoError::Talk { peer: "the simulated device", doing, source };
        let mut stream = UnixStream::connect(&self.socket).map_err(talk("connecting"))?;
        if self.by_keys {
            return press(stream, command);
        }
        stream.set_read_timeout(Some(ANSWER_MS_MAX)).map_err(talk("setting a limit"))?;
        stream.write_all(format!("{command}\n").as_bytes()).map_err(talk("sending a command"))?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).map_err(talk("reading the answer"))?;
        serde_json::from_str(&line)
            .map_err(|_| DemoError::Unexpected { peer: "the simulated device", said: line.trim().to_owned() })
    }

    /// A command of one word, whose answer nobody needs: a card that is gone already cannot be pulled out, say.
    fn told(&self, what: &str) -> Result<(), DemoError> {
        self.send(&json!({ "do": what })).map(drop)
    }
}

fn press(mut keys: UnixStream, command: &Value) -> Result<Value, DemoError> {
    let key = match command.get("do").and_then(Value::as_str) {
        Some("insert") => b"I",
        Some("remove") => b"R",
        Some(_) | None => {
            let said = format!("no key is {command}");
            return Err(DemoError::Unexpected { peer: "the reader's keys", said });
        }
    };
    let talk = |source| DemoError::Talk { peer: "the reader's keys", doing: "pressing one", source };
    keys.write_all(key).map_err(talk)?;
    Ok(Value::Null)
}
