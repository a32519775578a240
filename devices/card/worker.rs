//! Calls that may never return, with a limit.
//!
//! PC/SC has no deadlines: a connect blocks as long as another process holds the card. Such a call runs on a thread of its
//! own; when the limit is over the thread is abandoned, never joined, and whatever it gets in the end it must give back.
//!
//! Invariant: there are never more than [`ABANDONED_MAX`] abandoned threads; beyond that a call is refused at once.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

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
    /// It did not return in time, or nobody waits any more; its thread is abandoned.
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
        self.run_until(limit, None, call)
    }

    /// As [`Workers::run`]; it is given up as soon as `cancel` becomes readable, too.
    pub(super) fn run_until<T: Send + 'static>(
        &self,
        limit: Duration,
        cancel: Option<BorrowedFd<'_>>,
        call: impl FnOnce(&Wanted) -> T + Send + 'static,
    ) -> Result<T, NoResult> {
        if self.running.load(Ordering::Acquire) >= ABANDONED_MAX {
            return Err(NoResult::TooManyAbandoned);
        }
        // Hangs up when the result is there: what `poll` can wait for beside a cancel.
        let (done, ready) = io::pipe().map_err(|_| NoResult::NoThread)?;
        let (answer, answers) = mpsc::sync_channel(0);
        let wanted = Wanted { given_up: Arc::new(AtomicBool::new(false)) };
        let given_up = wanted.given_up.clone();
        let running = self.running.clone();
        // Counted off by the thread itself: an abandoned one that returns in the end is none any more.
        self.running.fetch_add(1, Ordering::AcqRel);
        let started = std::thread::Builder::new().name("pcsc-call".to_owned()).spawn(move || {
            let _running = Running(running);
            let result = call(&wanted);
            drop(ready);
            // A rendezvous: when nobody receives, the result comes back here and is dropped here.
            let _unwanted = answer.send(result);
        });
        if started.is_err() {
            self.running.fetch_sub(1, Ordering::AcqRel);
            return Err(NoResult::NoThread);
        }
        if wait(done.as_fd(), limit, cancel) {
            // It comes now, or the thread ended without one.
            return answers.recv().map_err(|_| NoResult::NoThread);
        }
        given_up.store(true, Ordering::Release);
        Err(NoResult::Late)
    }
}

/// Whether `done` hung up within `limit`, and before `cancel` became readable.
fn wait(done: BorrowedFd<'_>, limit: Duration, cancel: Option<BorrowedFd<'_>>) -> bool {
    let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
    let mut waiting = vec![PollFd::new(done, PollFlags::POLLIN)];
    waiting.extend(cancel.map(|cancel| PollFd::new(cancel, PollFlags::POLLIN)));
    loop {
        match poll(&mut waiting, limit) {
            // A signal: rare, and the wait begins anew.
            Err(Errno::EINTR) => {}
            Err(_) | Ok(0) => return false,
            Ok(_) => return waiting.first().and_then(PollFd::any).unwrap_or(false),
        }
    }
}

/// Whether a token to give a call up was used already.
pub(super) fn is_readable(cancel: BorrowedFd<'_>) -> bool {
    let mut waiting = [PollFd::new(cancel, PollFlags::POLLIN)];
    poll(&mut waiting, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;
    use crate::port::CancelToken;

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    /// Says where it was dropped, once it is.
    struct Told(mpsc::Sender<&'static str>, &'static str);

    impl Drop for Told {
        fn drop(&mut self) {
            let _test_is_over = self.0.send(self.1);
        }
    }

    #[test]
    fn a_call_that_returns_gives_its_result() {
        assert!(Workers::default().run(LONG, Wanted::still).unwrap());
        let token = CancelToken::new().unwrap();
        assert_eq!(Workers::default().run_until(LONG, Some(token.as_fd()), |_| 7).unwrap(), 7);
    }

    #[test]
    fn a_call_that_nobody_waits_for_any_more_gives_back_what_it_got() {
        for by_cancel in [true, false] {
            let workers = Workers::default();
            let (sink, dropped) = mpsc::channel();
            let (go, gate) = mpsc::channel::<()>();
            let token = CancelToken::new().unwrap();
            if by_cancel {
                token.cancel();
            }
            let limit = if by_cancel { LONG } else { SHORT };
            let answer = workers.run_until(limit, Some(token.as_fd()), move |wanted| {
                let _until_the_test_lets_go = gate.recv();
                assert!(!wanted.still());
                Told(sink, "on its thread")
            });
            assert!(matches!(answer, Err(NoResult::Late)));
            drop(go);
            assert_eq!(dropped.recv_timeout(LONG), Ok("on its thread"));
        }
    }

    #[test]
    fn a_call_that_panics_is_no_result() {
        assert!(matches!(Workers::default().run(LONG, |_| panic!("a bug")), Err(NoResult::NoThread)));
    }
}
