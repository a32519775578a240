//! SIGTERM and SIGINT: the service manager wants the process to end.
//!
//! Invariant: a signal does not end the process in the middle of a visit. Before the point of no return the visit is
//! stopped and the card comes back; after it, the request is durable: a customer who still waits is told that it is
//! pending, gets the card and the receipt, and the next start goes on with the request.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigSet, Signal};

use crate::queue::{Mailbox, Message, Story};

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
    /// Turns each into that wish.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn end_the_process(self, mailbox: Mailbox) -> io::Result<()> {
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                while let Ok(signal) = self.0.wait() {
                    tracing::warn!(%signal, "asked to end: after the present visit, which is stopped if it still can be");
                    mailbox.post(Message::Terminate, Story::default());
                }
            })
            .map(drop)
    }

    /// Only notes that there was one: for work that has something to put back before it ends.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn noted(self) -> io::Result<Arc<AtomicBool>> {
        let came = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&came);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                while self.0.wait().is_ok() {
                    note.store(true, Ordering::SeqCst);
                }
            })
            .map(|_| came)
    }
}
