//! The customer's keys, read from standard input on a thread of their own.
//!
//! Invariant: while the PIN is entered at the same terminal nothing is read here: a digit read by the wrong one would lie
//! in a buffer that is not the slot. The gate is closed before the pad begins, and reading happens under the gate. A
//! program's keys (JSON through a pipe) come from elsewhere; they pass at any time, so that cancel works at the PIN screen
//! too. What counts is where they come from, not how they are written: JSON typed at a terminal waits like any other.

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;
use serde::Deserialize;
use transaction::{Event, Key, Mode, Order};
use zeroize::Zeroize as _;

use crate::catalogue::Language;
use crate::queue::{Mailbox, Message, Story};

/// A line of so many bytes, or more, is no key.
const LINE_BYTES_MAX: usize = 64;

/// How a key is written on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// `{"key":"confirm"}`
    Json,
    /// What a person types: Enter, `c`, `y`, `n`, `+`, `?`, or the tag of a language.
    Typed,
}

/// The reader's gate.
#[derive(Clone)]
pub(crate) struct Keys {
    form: KeyForm,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Keys {
    /// Starts reading.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(form: KeyForm, mailbox: Mailbox) -> io::Result<Self> {
        let gate = Arc::new(Gate::default());
        let reader = Arc::clone(&gate);
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
            read_keys(form, &reader, &mailbox);
            mailbox.post(Message::KeysEnded, Story::default());
        })?;
        Ok(Self { form, gate })
    }

    /// From here on nothing is read from a terminal that may be the pad's.
    pub(crate) fn close(&self) {
        *self.gate.lock() = may_be_the_pads(self.form, io::stdin().is_terminal());
    }

    /// From here on keys are read again.
    pub(crate) fn open(&self) {
        *self.gate.lock() = false;
        self.gate.opened.notify_all();
    }
}

/// Whether standard input may be where the PIN is typed.
fn may_be_the_pads(form: KeyForm, terminal: bool) -> bool {
    terminal || form == KeyForm::Typed
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the gate is open, and holds it so.
    fn pass(&self) -> MutexGuard<'_, bool> {
        self.opened.wait_while(self.lock(), |closed| *closed).unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_keys(form: KeyForm, gate: &Gate, mailbox: &Mailbox) {
    let stdin = io::stdin();
    let mut line = Vec::with_capacity(LINE_BYTES_MAX);
    let mut chunk = [0_u8; LINE_BYTES_MAX];
    loop {
        let mut waiting = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waiting, PollTimeout::NONE) {
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(_) => return,
        }
        if *gate.lock() {
            // What was typed before is no key any more, and is not kept beside a PIN.
            line.zeroize();
        }
        let open = gate.pass();
        // The pad may have taken what was waiting: look again before a read that could wait.
        let mut waiting = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
        if !matches!(poll(&mut waiting, PollTimeout::ZERO), Ok(ready) if ready > 0) {
            continue;
        }
        let count = match read(stdin.as_fd(), &mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        drop(open);
        for byte in chunk.iter().take(count) {
            if let Some(said) = take(form, &mut line, *byte) {
                mailbox.post(said, Story::default());
            }
        }
        // Who types the PIN at the wrong place must not leave it here.
        chunk.zeroize();
    }
}

/// One more byte: what the line says, when it ends one that says something.
fn take(form: KeyForm, line: &mut Vec<u8>, byte: u8) -> Option<Message> {
    if byte != b'\n' {
        // What is over is not kept.
        if line.len() < LINE_BYTES_MAX {
            line.push(byte);
        }
        return None;
    }
    let said = if line.len() < LINE_BYTES_MAX { parse(form, line) } else { None };
    line.zeroize();
    said
}

/// What a program may say, one object a line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
enum Said {
    /// `{"key":"confirm"}`
    Key(KeyName),
    /// `{"language":"en"}`
    Language(Language),
    /// `{"mode":"voice"}`: the handset was taken, or hung up.
    Mode(ModeName),
    /// `{"order":"stop-after-visit"}`: what the operator wants.
    Order(OrderName),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeyName {
    Confirm,
    Cancel,
    Yes,
    No,
    More,
    Help,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ModeName {
    Screen,
    Voice,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum OrderName {
    StopAfterVisit,
    StopNow,
    Resume,
}

impl From<Said> for Message {
    fn from(said: Said) -> Self {
        Self::Event(match said {
            Said::Language(language) => return Self::Language(language),
            Said::Key(key) => Event::Key(match key {
                KeyName::Confirm => Key::Confirm,
                KeyName::Cancel => Key::Cancel,
                KeyName::Yes => Key::Yes,
                KeyName::No => Key::No,
                KeyName::More => Key::More,
                KeyName::Help => Key::Help,
            }),
            Said::Mode(mode) => Event::Mode(match mode {
                ModeName::Screen => Mode::Screen,
                ModeName::Voice => Mode::Voice,
            }),
            Said::Order(order) => Event::Order(match order {
                OrderName::StopAfterVisit => Order::StopAfterVisit,
                OrderName::StopNow => Order::StopNow,
                OrderName::Resume => Order::Resume,
            }),
        })
    }
}

fn parse(form: KeyForm, line: &[u8]) -> Option<Message> {
    let key = |key| Some(Message::Event(Event::Key(key)));
    match form {
        KeyForm::Json => serde_json::from_slice::<Said>(line).ok().map(Message::from),
        KeyForm::Typed => match line.trim_ascii() {
            b"" => key(Key::Confirm),
            b"c" | b"C" => key(Key::Cancel),
            b"y" | b"Y" => key(Key::Yes),
            b"n" | b"N" => key(Key::No),
            b"+" => key(Key::More),
            b"?" => key(Key::Help),
            other => {
                let tag = std::str::from_utf8(other).ok()?;
                Language::ALL.into_iter().find(|language| language.tag() == tag).map(Message::Language)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(form: KeyForm, line: &[u8]) -> String {
        parse(form, line).map_or_else(|| "nothing".to_owned(), |message| format!("{message:?}"))
    }

    #[test]
    fn what_a_program_says_has_one_spelling() {
        for (line, meant) in [
            (&br#"{"key":"confirm"}"#[..], "Event(Key(Confirm))"),
            (br#"{"key":"cancel"}"#, "Event(Key(Cancel))"),
            (br#"{"key":"more"}"#, "Event(Key(More))"),
            (br#"{"key":"help"}"#, "Event(Key(Help))"),
            (br#"{"language":"en"}"#, "Language(En)"),
            (br#"{"mode":"voice"}"#, "Event(Mode(Voice))"),
            (br#"{"order":"stop-after-visit"}"#, "Event(Order(StopAfterVisit))"),
            (br#"{"order":"resume"}"#, "Event(Order(Resume))"),
        ] {
            assert_eq!(said(KeyForm::Json, line), meant);
        }
        for line in [
            &br#"{"key":"Confirm"}"#[..],
            br#"{"key":"confirm","pin":"1234"}"#,
            br#"{"language":"xx"}"#,
            br#"{"order":"halt"}"#,
            b"confirm",
            b"",
            b"1234",
        ] {
            assert_eq!(said(KeyForm::Json, line), "nothing");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_no_key_and_the_next_one_is() {
        let mut line = Vec::new();
        let text = format!("y{}n\nn\n", " ".repeat(LINE_BYTES_MAX));
        let keys: Vec<_> = text
            .bytes()
            .filter_map(|byte| take(KeyForm::Typed, &mut line, byte))
            .map(|message| format!("{message:?}"))
            .collect();
        assert_eq!(keys, ["Event(Key(No))"]);
    }

    #[test]
    fn a_terminal_waits_while_a_pin_is_entered_and_a_program_does_not() {
        for (form, terminal, waits) in [
            (KeyForm::Typed, true, true),
            (KeyForm::Typed, false, true),
            (KeyForm::Json, true, true),
            (KeyForm::Json, false, false),
        ] {
            assert_eq!(may_be_the_pads(form, terminal), waits, "{form:?}, a terminal: {terminal}");
        }
    }

    #[test]
    fn a_typed_pin_is_no_key() {
        for (typed, meant) in [
            (&b"1234"[..], "nothing"),
            (b"", "Event(Key(Confirm))"),
            (b" y\r", "Event(Key(Yes))"),
            (b"n", "Event(Key(No))"),
            (b"C", "Event(Key(Cancel))"),
            (b"+", "Event(Key(More))"),
            (b"?", "Event(Key(Help))"),
            (b"en", "Language(En)"),
            (b"fr", "nothing"),
        ] {
            assert_eq!(said(KeyForm::Typed, typed), meant);
        }
    }
}
