//! The customer's keys, read from standard input on a thread of their own.
//!
//! Invariant: while the PIN is entered nothing is read here. Pad and keys may be one and the same terminal; a digit read
//! by the wrong one would lie in a buffer that is not the slot. The gate is closed before the pad begins, and reading
//! happens under the gate.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::read;
use serde::Deserialize;
use transaction::{Event, Key};
use zeroize::Zeroize as _;

use crate::queue::Mailbox;

/// A line of so many bytes, or more, is no key.
const LINE_BYTES_MAX: usize = 64;

/// How a key is written on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// `{"key":"confirm"}`
    Json,
    /// What a person types: Enter, `c`, `y`, `n`.
    Typed,
}

/// The reader's gate.
#[derive(Clone)]
pub(crate) struct Keys {
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
        std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || read_keys(form, &reader, &mailbox))?;
        Ok(Self { gate })
    }

    /// From here on nothing is read.
    pub(crate) fn close(&self) {
        *self.gate.lock() = true;
    }

    /// From here on keys are read again.
    pub(crate) fn open(&self) {
        *self.gate.lock() = false;
        self.gate.opened.notify_all();
    }
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
            if let Some(key) = take(form, &mut line, *byte) {
                mailbox.event(Event::Key(key));
            }
        }
        // Who types the PIN at the wrong place must not leave it here.
        chunk.zeroize();
    }
}

/// One more byte: the key, when it ends a line that is one.
fn take(form: KeyForm, line: &mut Vec<u8>, byte: u8) -> Option<Key> {
    if byte != b'\n' {
        // What is over is not kept.
        if line.len() < LINE_BYTES_MAX {
            line.push(byte);
        }
        return None;
    }
    let key = if line.len() < LINE_BYTES_MAX { parse(form, line) } else { None };
    line.zeroize();
    key
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyLine {
    key: KeyName,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeyName {
    Confirm,
    Cancel,
    Yes,
    No,
}

fn parse(form: KeyForm, line: &[u8]) -> Option<Key> {
    match form {
        KeyForm::Json => serde_json::from_slice::<KeyLine>(line).ok().map(|line| match line.key {
            KeyName::Confirm => Key::Confirm,
            KeyName::Cancel => Key::Cancel,
            KeyName::Yes => Key::Yes,
            KeyName::No => Key::No,
        }),
        KeyForm::Typed => match line.trim_ascii() {
            b"" => Some(Key::Confirm),
            b"c" | b"C" => Some(Key::Cancel),
            b"y" | b"Y" => Some(Key::Yes),
            b"n" | b"N" => Some(Key::No),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_one_spelling_in_json() {
        assert_eq!(parse(KeyForm::Json, br#"{"key":"confirm"}"#), Some(Key::Confirm));
        assert_eq!(parse(KeyForm::Json, br#"{"key":"cancel"}"#), Some(Key::Cancel));
        for line in
            [&br#"{"key":"Confirm"}"#[..], br#"{"key":"confirm","pin":"1234"}"#, b"confirm", b"", b"1234"]
        {
            assert_eq!(parse(KeyForm::Json, line), None);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_no_key_and_the_next_one_is() {
        let mut line = Vec::new();
        let text = format!("y{}n\nn\n", " ".repeat(LINE_BYTES_MAX));
        let keys: Vec<_> = text.bytes().filter_map(|byte| take(KeyForm::Typed, &mut line, byte)).collect();
        assert_eq!(keys, [Key::No]);
    }

    #[test]
    fn a_typed_pin_is_no_key() {
        assert_eq!(parse(KeyForm::Typed, b"1234"), None);
        assert_eq!(parse(KeyForm::Typed, b""), Some(Key::Confirm));
        assert_eq!(parse(KeyForm::Typed, b" y\r"), Some(Key::Yes));
        assert_eq!(parse(KeyForm::Typed, b"n"), Some(Key::No));
        assert_eq!(parse(KeyForm::Typed, b"C"), Some(Key::Cancel));
    }
}
