//! SIGTERM and SIGINT: the customer's cancel key, pressed by whoever stops the service.
//!
//! Invariant: a signal does not end the process in the middle of a visit. Before the point of no return the visit is
//! cancelled and the card comes back; after it, the visit goes on to its end.

use std::io;

use nix::sys::signal::{SigSet, Signal};
use transaction::{Event, Key};

use crate::queue::Mailbox;

/// The signals that are held back.
pub(crate) struct Held(SigSet);

/// Holds the signals back, in this thread and in all that it will start.
pub(crate) fn hold() -> nix::Result<Held> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.add(Signal::SIGINT);
    set.thread_block()?;
    Ok(Held(set))
}

impl Held {
    /// Turns each into a press of the cancel key.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn press_cancel(self, mailbox: Mailbox) -> io::Result<()> {
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                while let Ok(signal) = self.0.wait() {
                    tracing::warn!(%signal, "asked to stop: the visit is cancelled if it still can be");
                    mailbox.event(Event::Key(Key::Cancel));
                }
            })
            .map(drop)
    }
}
