//! Standard output behind a thread of its own.
//!
//! Invariant: the machine's thread never waits for whoever reads the screens. A reader that is stuck must not keep a card
//! inside, or its PIN verified: deadlines go on, and what it does not read waits here.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// At the end, what is not read by then is not waited for.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

/// Takes a screen at once when it is flushed, and writes it in order.
pub(crate) struct Outlet {
    pieces: Option<Sender<Vec<u8>>>,
    /// Of the screen that is not yet flushed.
    page: Vec<u8>,
    /// Hangs up when everything is written.
    written: Receiver<()>,
}

impl Outlet {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn start(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let (pieces, inbox) = channel::<Vec<u8>>();
        let (alive, written) = channel();
        std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
            let _hangs_up_at_the_end: Sender<()> = alive;
            for piece in inbox {
                // Whoever read the screens is gone: the visit goes on.
                let _gone = out.write_all(&piece).and_then(|()| out.flush());
            }
        })?;
        Ok(Self { pieces: Some(pieces), page: Vec::new(), written })
    }
}

impl Write for Outlet {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.page.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let page = std::mem::take(&mut self.page);
        if let Some(pieces) = &self.pieces {
            pieces.send(page).map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Ok(())
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        drop(self.pieces.take());
        // Hung up is what is waited for; nothing is ever sent.
        let _written = self.written.recv_timeout(LAST_WORDS_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    /// A reader that is stuck until the lock is free.
    struct Stuck(Arc<Mutex<Vec<u8>>>);

    impl Write for Stuck {
        fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(piece);
            Ok(piece.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stuck_reader_stops_nobody_and_loses_nothing() {
        let read = Arc::new(Mutex::new(Vec::new()));
        let mut outlet = Outlet::start(Stuck(Arc::clone(&read))).unwrap();
        let stuck = read.lock().unwrap();
        for screen in 0..1_000 {
            writeln!(outlet, "{screen}").unwrap();
            outlet.flush().unwrap();
        }
        assert!(stuck.is_empty());
        drop(stuck);
        drop(outlet);
        let text = String::from_utf8(read.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1_000);
        assert!(text.ends_with("999\n"));
    }
}
