//! Calls that may never return, with a limit.
//!
//! PC/SC has no deadlines: a connect blocks as long as another process holds the card. Such a call runs on a thread of its
//! own; when the limit is over the thread is abandoned, never joined, and whatever it gets in the end it must give back.
//!
//! Invariant: there are never more than [`ABANDONED_MAX`] abandoned threads; beyond that a call is refused at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Abandoned threads at one time. Each costs a stack and a connection to the card service.
pub(super) const ABANDONED_MAX: usize = 4;

/// Starts the threads and counts those that run: calls come one after the other, so all but one are abandoned.
#[derive(Clone, Default)]
pub(super) struct Workers {
    running: Arc<AtomicUsize>,
}

/// The call's own view of whether somebody still waits for it.
#[derive(Clone)]
pub(super) struct Wanted {
    given_up: Arc<AtomicBool>,
}

impl Wanted {
    /// Somebody waits.
    pub(super) fn still(&self) -> bool {
        !self.given_up.load(Ordering::Acquire)
    }
}

/// Why there is no result.
#[derive(Debug)]
pub(super) enum NoResult {
    /// It did not return in time; its thread is abandoned.
    Late,
    /// Too many threads are abandoned already; it was not begun.
    TooManyAbandoned,
    /// No thread could be started, or it panicked.
    NoThread,
}

impl Workers {
    /// Runs `call` for at most `limit`. When it comes too late, its result is dropped on its own thread.
    pub(super) fn run<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce(&Wanted) -> T + Send + 'static,
    ) -> Result<T, NoResult> {
        if self.running.load(Ordering::Acquire) >= ABANDONED_MAX {
            return Err(NoResult::TooManyAbandoned);
        }
        let (answer, answers) = mpsc::sync_channel(0);
        let wanted = Wanted { given_up: Arc::new(AtomicBool::new(false)) };
        let given_up = wanted.given_up.clone();
        let running = self.running.clone();
        // Counted off by the thread itself: an abandoned one that returns in the end is none any more.
        self.running.fetch_add(1, Ordering::AcqRel);
        let started = std::thread::Builder::new().name("pcsc-call".to_owned()).spawn(move || {
            let _running = Running(running);
            // A rendezvous: when nobody receives, the result comes back here and is dropped here.
            let _unwanted = answer.send(call(&wanted));
        });
        if started.is_err() {
            self.running.fetch_sub(1, Ordering::AcqRel);
            return Err(NoResult::NoThread);
        }
        answers.recv_timeout(limit).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => {
                given_up.store(true, Ordering::Release);
                NoResult::Late
            }
            mpsc::RecvTimeoutError::Disconnected => NoResult::NoThread,
        })
    }
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
