//! The simulated customer: reads the terminal's screens, presses its keys, takes the card, and enters the PIN at the
//! simulated pad, or at the one of the card reader.
//!
//! Invariant: the PIN goes from here to the pad's keys (`hands.rs`) and nowhere else.

use serde_json::Value;

use crate::DemoError;
use crate::hands::Hands;
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
        hands: &Hands,
        mut see: impl FnMut(&Value),
    ) -> Result<Visit, DemoError> {
        let mut screens = Vec::new();
        let mut pins = self.pins.iter();
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
                    Whim::Cancel if name == "pin" => hands.press(b"X")?,
                    Whim::Cancel | Whim::CancelOnScreen => terminal.press("cancel"),
                    Whim::PullCard => hands.pull_card()?,
                    Whim::WalkAway => away = true,
                    Whim::TypeAndPullCard => {
                        hands.press(self.pins.first().map(String::as_bytes).unwrap_or_default())?;
                        hands.pull_card()?;
                    }
                    Whim::TypeAndWalkAway => {
                        hands.press(self.pins.first().map(String::as_bytes).unwrap_or_default())?;
                        away = true;
                    }
                },
                _ => self.act(&name, terminal, &mut pins, hands)?,
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
        hands: &Hands,
    ) -> Result<(), DemoError> {
        match screen {
            "terms" => terminal.press("confirm"),
            "insert-card" => hands.insert_card()?,
            "last-try" => terminal.press(if self.risks_last_try { "yes" } else { "no" }),
            "pin" => match pins.next() {
                Some(pin) => {
                    hands.press(pin.as_bytes())?;
                    hands.press(b"E")?;
                }
                None => hands.press(b"X")?,
            },
            "leave-pad" => hands.press(b"X")?,
            "stopped" | "no-receipt" | "retained" => terminal.press("confirm"),
            "receipt" => terminal.press(if self.receipt { "yes" } else { "no" }),
            "take-card" => hands.take_card()?,
            // Waiting screens and messages ask for nothing.
            _ => {}
        }
        Ok(())
    }
}
