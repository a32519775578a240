//! The thread that owns the port: opens it, takes orders, watches, recovers, and opens it again.

use std::io::{PipeReader, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::super::profile::Profile;
use super::clock::{Deadline, now};
use super::print::{self, Failure};
use super::talk::{Talk, Trouble};
use super::{BEGUN, Down, Known, Limits, NAME, Order, Shared, WAITING};
use crate::port::{Action, DeviceState, PaperState, PrinterStatus, Reason, ReceiptState};
use crate::serial::SerialSettings;

pub(super) struct Owner {
    pub(super) settings: SerialSettings,
    pub(super) profile: Arc<Profile>,
    pub(super) limits: Limits,
    pub(super) shared: Arc<Shared>,
    pub(super) orders: Receiver<Order>,
    pub(super) bell: PipeReader,
    /// The last receipt was not taken, and was taken back.
    pub(super) retracted: bool,
}

/// Why serving a printer ended.
enum End {
    /// Nobody wants it any more.
    Ended,
    /// It has to be begun anew.
    Lost(Down),
}

/// A receipt failed, and what is left of it is still in the printer.
struct Remains {
    begun: bool,
}

impl Owner {
    pub(super) fn run(mut self) {
        let profile = Arc::clone(&self.profile);
        let mut back_off = self.first_back_off();
        // A receipt that was begun before the line was lost has remains in the printer.
        let mut remains = None;
        loop {
            let lost = match Talk::open(&self.settings, &profile, self.limits) {
                Err(fault) => Down::of(&fault),
                Ok(mut talk) => match talk.greet() {
                    Err(trouble) => Down::of(&talk.fault("greeting the printer", trouble)),
                    Ok(()) => {
                        back_off = self.first_back_off();
                        match self.serve(&mut talk, &mut remains) {
                            End::Ended => return,
                            End::Lost(down) => down,
                        }
                    }
                },
            };
            self.go_down(lost);
            if !self.pause(back_off) {
                return;
            }
            back_off = (back_off * 2).min(Duration::from_millis(self.limits.back_off_ms_max.into()));
        }
    }

    fn first_back_off(&self) -> Duration {
        Duration::from_millis(self.limits.back_off_ms_first.into())
    }

    /// Serves a printer that answers.
    fn serve(&mut self, talk: &mut Talk<'_>, remains: &mut Option<Remains>) -> End {
        let mut id = 0_u32;
        let mut presented_since = None;
        self.retracted = false;
        loop {
            if let Some(left) = remains.take() {
                match print::recover(talk, &self.profile, left.begun) {
                    Ok(true) => {}
                    Ok(false) => *remains = Some(left),
                    Err(trouble) => {
                        *remains = Some(left);
                        return End::Lost(Down::of(
                            &talk.fault("recovering after a failed receipt", trouble),
                        ));
                    }
                }
            } else if talk.condition.obstacle().is_some_and(|obstacle| obstacle.definite) {
                // Reported without a receipt of ours: taken back in the same way, with nothing to cut off.
                *remains = Some(Remains { begun: false });
            }
            self.publish(talk);
            match self.orders.try_recv() {
                Ok(order) => {
                    id = id.wrapping_add(1);
                    if let Some(end) = self.obey(talk, order, id, remains) {
                        return end;
                    }
                    presented_since = talk.condition.presented.then(now);
                    continue;
                }
                Err(TryRecvError::Disconnected) => return End::Ended,
                Err(TryRecvError::Empty) => {}
            }
            if let Err(trouble) = self.watch(talk, &mut presented_since) {
                return End::Lost(Down::of(&talk.fault("watching the printer", trouble)));
            }
        }
    }

    /// Prints a receipt, unless whoever wants it has given up.
    fn obey(
        &mut self,
        talk: &mut Talk<'_>,
        order: Order,
        id: u32,
        remains: &mut Option<Remains>,
    ) -> Option<End> {
        let mine = order.stage.compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire);
        if mine.is_err() {
            return None;
        }
        self.retracted = false;
        let printed = print::print(talk, &self.profile, &self.limits, self.settings.baud, &order.job, id);
        let (result, down) = match printed {
            Ok(()) => (Ok(()), None),
            Err(Failure { fault, begun, lost }) => {
                if begun {
                    *remains = Some(Remains { begun });
                }
                let down = lost.then(|| Down::of(&fault));
                (Err(fault), down)
            }
        };
        self.publish(talk);
        if let Some(down) = &down {
            self.go_down(down.clone());
        }
        // Whoever waited too long is gone.
        let _gone = order.reply.send(result);
        down.map(End::Lost)
    }

    /// Waits for an order, for news from the printer, or until it is time to ask.
    fn watch(&mut self, talk: &mut Talk<'_>, presented_since: &mut Option<Instant>) -> Result<(), Trouble> {
        let poll_limit = Duration::from_millis(self.limits.poll_ms.into());
        match self.wait(Some(talk.line().as_fd()), poll_limit) {
            Woken::Bell => self.hush(),
            Woken::Line => {
                talk.listen()?;
                talk.forget();
            }
            Woken::Time => {
                talk.look()?;
                talk.forget();
            }
        }
        let take_limit = Duration::from_millis(self.limits.take_ms_max.into());
        match (talk.condition.presented, *presented_since) {
            (false, _) => *presented_since = None,
            (true, None) => *presented_since = Some(now()),
            (true, Some(since)) if now().saturating_duration_since(since) >= take_limit => {
                talk.send(&self.profile.cut.retract.0)?;
                self.retracted = true;
                *presented_since = None;
            }
            (true, Some(_)) => {}
        }
        Ok(())
    }

    /// Waits before a new attempt, or until somebody wants a receipt; orders that come meanwhile are refused with the reason. `false`: nobody wants it any more.
    fn pause(&mut self, time: Duration) -> bool {
        let deadline = Deadline::after(time);
        let mut rung = false;
        loop {
            match self.orders.try_recv() {
                Ok(order) => {
                    let known = self.shared.known();
                    if let Some(down) = known.down {
                        let _gone = order.reply.send(Err(down.fault()));
                    }
                }
                Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) if rung || deadline.is_over() => return true,
                Err(TryRecvError::Empty) => {
                    if matches!(self.wait(None, deadline.left()), Woken::Bell) {
                        self.hush();
                        rung = true;
                    }
                }
            }
        }
    }

    fn wait(&self, line: Option<BorrowedFd<'_>>, limit: Duration) -> Woken {
        let bell = PollFd::new(self.bell.as_fd(), PollFlags::POLLIN);
        let line = line.map(|line| PollFd::new(line, PollFlags::POLLIN));
        let mut ready: Vec<PollFd<'_>> = [Some(bell), line].into_iter().flatten().collect();
        // Rounded up: a limit of less than a millisecond must not spin.
        let limit = PollTimeout::try_from(limit + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        match poll(&mut ready, limit) {
            Ok(0) | Err(_) => Woken::Time,
            Ok(_) if ready.first().and_then(PollFd::any).unwrap_or(false) => Woken::Bell,
            Ok(_) => Woken::Line,
        }
    }

    /// Takes one ring off the bell.
    fn hush(&mut self) {
        // At the end of the driver there is nothing to read, and the orders say so.
        let _ended = self.bell.read(&mut [0; 1]);
    }

    fn publish(&self, talk: &Talk<'_>) {
        let obstacle = talk.condition.obstacle();
        let occupied = talk.condition.presented && self.profile.cut.retract.0.is_empty();
        let reason = obstacle
            .map(|obstacle| (obstacle.code, obstacle.action, obstacle.what))
            .or(occupied.then_some(("presenter-occupied", Action::Clear, "a receipt lies in the mouth")));
        let reason = reason.map(|(code, action, what)| {
            let what = format!("{}: {what}", self.settings.port.display());
            Reason { device: NAME, code, action, what }
        });
        let media = match talk.condition.media() {
            _ if !self.profile.has_presenter() => ReceiptState::NotSupported,
            ReceiptState::NotPresent if self.retracted => ReceiptState::Retracted,
            other => other,
        };
        let device = reason.as_ref().map_or(DeviceState::Online, Reason::state);
        let status = PrinterStatus { device, paper: talk.condition.paper(), media, reason };
        self.shared.set(Known { status, down: None });
    }

    fn go_down(&self, down: Down) {
        let media =
            if self.profile.has_presenter() { ReceiptState::Unknown } else { ReceiptState::NotSupported };
        let status = PrinterStatus {
            device: down.reason.state(),
            paper: PaperState::Unknown,
            media,
            reason: Some(down.reason.clone()),
        };
        self.shared.set(Known { status, down: Some(down) });
    }
}

enum Woken {
    Bell,
    Line,
    Time,
}
