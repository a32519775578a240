//! A pad for benches: key bytes over a Unix socket. Not for use with customers: the terminal accepts it only with
//! `bench_only = true` in its configuration.
//!
//! The pad listens at a path from its making on. For each entry it accepts one connection, which may have been waiting,
//! and closes it when the entry ends. The peer sends one byte for each key and gets no answer:
//!
//! | byte | key |
//! |---|---|
//! | `0` to `9` | digit |
//! | `B` | backspace |
//! | `C` | clear: all digits are taken away |
//! | `E` | enter: confirms; no effect before all digits are there |
//! | `X` | cancel |
//!
//! Other bytes are ignored. A peer that closes the connection in the middle of an entry may connect again: the digits
//! stay, and so does the time limit between keys.

use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use jpki::PinSlot;

use super::entry::{End, Entry, Key, outcome};
use super::fault;
use crate::port::{Action, CancelToken, Fault, FaultKind, PinEntry, PinOutcome, PinPad, PinProgressSink};

/// A pad that a program can press keys at.
pub struct SocketPad {
    listener: UnixListener,
    path: PathBuf,
}

impl SocketPad {
    /// Listens at `path`, which only the same user can reach. A socket left there by an earlier process is removed.
    ///
    /// # Errors
    /// `pad-not-found`, when the path cannot be listened at.
    pub fn listen(path: &Path) -> Result<Self, Fault> {
        let not_possible = |source| {
            fault(
                "pad-not-found",
                FaultKind::NeedsOperator,
                Action::Configuration,
                format!("the bench pad cannot listen at {}", path.display()),
                source,
            )
        };
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            std::fs::remove_file(path).map_err(not_possible)?;
        }
        let listener = UnixListener::bind(path).map_err(not_possible)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(not_possible)?;
        // A connection that goes away between poll and accept must not block the entry.
        listener.set_nonblocking(true).map_err(not_possible)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    fn keys(&self, entry: &Entry<'_>, slot: &mut PinSlot) -> End {
        if let Err(fault) = entry.check() {
            return End::Failed(fault);
        }
        loop {
            if let Err(end) = entry.wait(self.listener.as_fd()) {
                return end;
            }
            let peer = match self.listener.accept() {
                Ok((peer, _)) => peer,
                Err(gone) if gone.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(source) => {
                    let what = "accepting a connection failed".to_owned();
                    return End::Failed(fault("pad-failed", FaultKind::Broken, Action::Reset, what, source));
                }
            };
            match entry.run(&peer, meaning, slot) {
                // The peer hung up: another may come.
                End::Failed(_) => {}
                end => return end,
            }
        }
    }
}

impl PinPad for SocketPad {
    fn enter(
        &self,
        entry: PinEntry,
        mut slot: PinSlot,
        progress: PinProgressSink,
        cancel: &CancelToken,
    ) -> PinOutcome {
        slot.clear();
        let end = self.keys(&Entry { asked: entry, progress: &progress, cancel }, &mut slot);
        outcome(end, slot)
    }
}

impl Drop for SocketPad {
    fn drop(&mut self) {
        let _removed = std::fs::remove_file(&self.path);
    }
}

fn meaning(byte: u8) -> Key {
    match byte {
        b'B' => Key::Backspace,
        b'C' => Key::Clear,
        b'E' => Key::Enter,
        b'X' => Key::Cancel,
        _ => Key::Ignored,
    }
}
