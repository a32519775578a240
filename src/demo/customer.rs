//! The simulated customer: reads the terminal's screens, presses its keys, takes the card, and enters the PIN at the
//! simulated pad, or at the one of the card reader.
//!
//! Invariant: the PIN goes from here to the pad's socket and nowhere else.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::DemoError;
use crate::clock::wait_until;
use crate::reader_stack::CardControl;
use crate::terminal_process::TerminalProcess;

/// How this customer behaves.
#[derive(Clone)]
pub struct Customer {
    /// What they press at the pad, attempt by attempt; when it is used up they cancel.
    pub pins: Vec<String>,
    /// Whether they want a receipt.
    pub receipt: bool,
    /// Whether they go on when only one try is left.
    pub risks_last_try: bool,
    /// What they do instead of going on, and at which screen.
    pub whim: Option<(String, Whim)>,
}

/// Something other than going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whim {
    /// Presses cancel; at the PIN that of the pad.
    Cancel,
    /// Presses cancel at the screen, also while the PIN is entered.
    CancelOnScreen,
    /// Pulls the card out.
    PullCard,
    /// Walks away: does nothing any more.
    WalkAway,
    /// Presses all digits of the PIN, not enter, and pulls the card out.
    TypeAndPullCard,
    /// Presses all digits of the PIN, not enter, and walks away.
    TypeAndWalkAway,
}

/// What the visit ended with, and what was seen on the way.
#[derive(Debug)]
pub struct Visit {
    /// The terminal's result object.
    pub result: Value,
    /// Every screen in order.
    pub screens: Vec<Value>,
    /// The terminal's exit status.
    pub exit_code: i32,
}

impl Customer {
    /// A customer who confirms, enters `pin` once, and takes the card.
    pub fn with_pin(pin: &str) -> Self {
        Self { pins: vec![pin.to_owned()], receipt: true, risks_last_try: true, whim: None }
    }

    /// Lives through one visit. `see` is called with every screen before the customer acts on it.
    ///
    /// # Errors
    /// When the terminal says something that is not of its protocol, or ends without a result.
    pub fn visit(
        &self,
        terminal: &mut TerminalProcess,
        pad: &Path,
        card: &CardControl,
        mut see: impl FnMut(&Value),
    ) -> Result<Visit, DemoError> {
        let mut screens = Vec::new();
        let mut pins = self.pins.iter();
        let mut hands = Hands { pad: pad.to_owned(), card: card.clone() };
        let mut away = false;
        let mut result = None;
        while let Some(line) = terminal.next_line()? {
            if line.get("outcome").is_some() {
                result = Some(line);
                continue;
            }
            let name = line.get("screen").and_then(Value::as_str).unwrap_or_default().to_owned();
            // One dot a digit: not a screen of its own.
            if name == "dots" {
                continue;
            }
            see(&line);
            screens.push(line);
            if away && name != "take-card" {
                continue;
            }
            match &self.whim {
                Some((at, whim)) if *at == name => match whim {
                    Whim::Cancel if name == "pin" => hands.press_pad(b"X")?,
                    Whim::Cancel | Whim::CancelOnScreen => terminal.press("cancel"),
                    Whim::PullCard => hands.pull_card()?,
                    Whim::WalkAway => away = true,
                    Whim::TypeAndPullCard => {
                        hands.press_pad(self.pins.first().map(String::as_bytes).unwrap_or_default())?;
                        hands.pull_card()?;
                    }
                    Whim::TypeAndWalkAway => {
                        hands.press_pad(self.pins.first().map(String::as_bytes).unwrap_or_default())?;
                        away = true;
                    }
                },
                _ => self.act(&name, terminal, &mut pins, &mut hands)?,
            }
        }
        let status = terminal.wait()?;
        let Some(result) = result else {
            return Err(DemoError::NotReady {
                program: "the terminal",
                why: format!("it ended without a result ({status})"),
                log: terminal.log().to_owned(),
            });
        };
        Ok(Visit { result, screens, exit_code: status.code().unwrap_or(-1) })
    }

    fn act<'a>(
        &'a self,
        screen: &str,
        terminal: &mut TerminalProcess,
        pins: &mut impl Iterator<Item = &'a String>,
        hands: &mut Hands,
    ) -> Result<(), DemoError> {
        match screen {
            "terms" => terminal.press("confirm"),
            "insert-card" => hands.insert_card()?,
            "last-try" => terminal.press(if self.risks_last_try { "yes" } else { "no" }),
            "pin" => match pins.next() {
                Some(pin) => {
                    hands.press_pad(pin.as_bytes())?;
                    hands.press_pad(b"E")?;
                }
                None => hands.press_pad(b"X")?,
            },
            "leave-pad" => hands.press_pad(b"X")?,
            "stopped" => terminal.press("confirm"),
            "receipt" => terminal.press(if self.receipt { "yes" } else { "no" }),
            "take-card" => hands.pull_card()?,
            // Waiting screens and messages ask for nothing.
            _ => {}
        }
        Ok(())
    }
}

/// What a customer's hands reach: the pad and the card.
struct Hands {
    pad: PathBuf,
    card: CardControl,
}

impl Hands {
    fn press_pad(&mut self, keys: &[u8]) -> Result<(), DemoError> {
        let talk = |doing| move |source| DemoError::Talk { peer: "the simulated pad", doing, source };
        let connected = wait_until(Duration::from_secs(2), || UnixStream::connect(&self.pad).ok());
        let mut pad = match connected {
            Some(pad) => pad,
            None => UnixStream::connect(&self.pad).map_err(talk("connecting"))?,
        };
        pad.write_all(keys).map_err(talk("pressing keys"))
    }

    fn insert_card(&mut self) -> Result<(), DemoError> {
        self.card.send(&json!({ "do": "insert" })).map(drop)
    }

    fn pull_card(&mut self) -> Result<(), DemoError> {
        self.card.send(&json!({ "do": "remove" })).map(drop)
    }
}
