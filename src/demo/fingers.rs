//! A person's keys, carried from this console to a simulated pad while a PIN is asked for.
//!
//! Invariants:
//! - The digits go from the console to the pad's socket, one by one; they are neither shown nor kept.
//! - The console is put back as it was, whenever this ends.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use crate::DemoError;
use crate::hands::Hands;

/// Between two looks whether the PIN is still asked for.
const LOOK_MS: u16 = 50;
const PIN_DIGITS: usize = 4;

/// Carries keys until it is dropped, or until the entry is over.
pub(crate) struct Fingers {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The console without echo, a key at a time.
struct Console {
    tty: File,
    before: Termios,
}

impl Console {
    fn open() -> std::io::Result<Self> {
        let tty = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&tty)?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
        tcsetattr(&tty, SetArg::TCSAFLUSH, &silent)?;
        Ok(Self { tty, before })
    }

    /// The next key, if one comes soon.
    fn key(&mut self) -> std::io::Result<Option<u8>> {
        let mut waiting = [PollFd::new(self.tty.as_fd(), PollFlags::POLLIN)];
        if poll(&mut waiting, PollTimeout::from(LOOK_MS))? == 0 {
            return Ok(None);
        }
        let mut key = [0];
        self.tty.read_exact(&mut key)?;
        Ok(Some(key[0]))
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // A console that is gone needs nothing.
        let _gone = tcsetattr(&self.tty, SetArg::TCSADRAIN, &self.before);
    }
}

impl Fingers {
    /// Begins to carry.
    ///
    /// # Errors
    /// When there is no console.
    pub(crate) fn begin(hands: Hands) -> Result<Self, DemoError> {
        let console = Console::open().map_err(|source| DemoError::File {
            doing: "read keys from",
            path: "/dev/tty".into(),
            source,
        })?;
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        let thread = std::thread::spawn(move || carry(console, &hands, &told));
        Ok(Self { over, thread: Some(thread) })
    }
}

impl Drop for Fingers {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn carry(mut console: Console, hands: &Hands, over: &AtomicBool) {
    let mut entered = 0_usize;
    while !over.load(Ordering::SeqCst) {
        let typed = match console.key() {
            Ok(Some(typed)) => typed,
            Ok(None) => continue,
            Err(_) => return,
        };
        let Some(key) = pad_key(typed) else { continue };
        if hands.press(&[key]).is_err() {
            return;
        }
        match key {
            b'E' if entered == PIN_DIGITS => return,
            b'X' => return,
            b'C' => entered = 0,
            b'B' => entered = entered.saturating_sub(1),
            b'0'..=b'9' => entered += 1,
            _ => {}
        }
    }
}

/// The pad's key for what was typed, as the console's own pad has it.
const fn pad_key(typed: u8) -> Option<u8> {
    match typed {
        b'0'..=b'9' => Some(typed),
        b'\n' | b'\r' => Some(b'E'),
        0x08 | 0x7f => Some(b'B'),
        // Ctrl-U.
        0x15 => Some(b'C'),
        // Ctrl-C, Ctrl-D, Escape.
        0x03 | 0x04 | 0x1b => Some(b'X'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::pad_key;

    #[test]
    fn what_a_person_types_becomes_the_pads_keys() {
        let typed = [b'7', b'\n', 0x7f, 0x15, 0x1b, b'a'];
        assert_eq!(typed.map(pad_key), [Some(b'7'), Some(b'E'), Some(b'B'), Some(b'C'), Some(b'X'), None]);
    }
}
