//! The outbox beside the visits: round after round until every signed request has its decision.
//!
//! Invariants:
//! - One round at a time. The request of the visit at hand is the machine's, not the round's.
//! - After a round that left something the next one comes later, each time twice as long, up to a limit; a decision, or a
//!   new request in the outbox, brings it back to the shortest pause.

use std::sync::Arc;
use std::time::{Duration, Instant};

use transaction::{Device, Event, Fault, FaultKind, RequestId};

use super::{Ended, Goal, Runtime};
use crate::host_client::{Job, Recorded};
use crate::queue::Story;

/// The rounds.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// How many requests the round that is going on has.
    running: Option<u32>,
    /// When the next one begins.
    again: Option<Instant>,
    /// Rounds in a row that brought no decision.
    fruitless: u32,
    /// What the last round left.
    left: u32,
}

impl Rounds {
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.running.is_none() && self.again.is_some_and(|again| again <= now)
    }

    pub(super) fn again(&self) -> Option<Instant> {
        self.again.filter(|_| self.running.is_none())
    }

    /// Sets when the next round begins. One that was asked for while the last went on is for a new request: that does not
    /// wait behind the old ones, and those come soon again with it.
    fn after(&mut self, left: u32, now: Instant, shortest: Duration, longest: Duration) {
        let pause = self.pause(left, shortest, longest);
        if self.again.is_some() {
            self.fruitless = 0;
        }
        self.again = Some(self.again.map_or(now + pause, |asked| asked.min(now + pause)));
    }

    /// How long until the next round: `shortest` doubled for each fruitless one, up to `longest`.
    fn pause(&mut self, left: u32, shortest: Duration, longest: Duration) -> Duration {
        self.fruitless = if left == self.left { self.fruitless.saturating_add(1) } else { 0 };
        self.left = left;
        shortest.saturating_mul(1_u32.checked_shl(self.fruitless).unwrap_or(u32::MAX)).min(longest)
    }
}

impl Runtime {
    /// Works on everything in the outbox but the request of the visit at hand, which the machine delivers.
    pub(super) fn deliver_outbox(&mut self) {
        self.outbox.again = None;
        if self.outbox.running.is_some() {
            // What is new since the round began gets one of its own.
            self.outbox.again = Some(self.parts.clock.instant());
            return;
        }
        let at_hand = self.folder.visit().filter(|_| self.visit_open).map(|papers| papers.visit.request.0);
        let pending = match self.parts.journal.outbox_pending() {
            Ok(pending) => pending,
            Err(error) => {
                let fault = Fault {
                    device: Device::Terminal,
                    kind: FaultKind::NeedsOperator,
                    code: "journal-failed",
                };
                if self.goal == Goal::Deliver && self.ended.is_none() {
                    self.ended = Some(Ended::NoVisit { code: fault.code });
                }
                // What cannot be read now may be read later.
                self.next_round(self.outbox.left);
                return self.give_self(Event::Fault(fault), Story::of(&error));
            }
        };
        let entries: Vec<_> = pending
            .into_iter()
            .filter(|entry| Some(*entry.request_id.as_bytes()) != at_hand)
            .filter_map(|entry| {
                Some(Recorded {
                    request: RequestId(entry.request_id.into_bytes()),
                    cms: Arc::from(entry.cms?),
                })
            })
            .collect();
        if entries.is_empty() {
            return self.give_self(Event::OutboxPassed { left: 0 }, Story::default());
        }
        self.outbox.running = Some(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        self.give_host(Job::Outbox { entries });
    }

    /// What follows a round: another one, later, while something is left.
    pub(super) fn outbox_passed(&mut self, left: u32) {
        self.outbox.running = None;
        if self.goal == Goal::Deliver && self.ended.is_none() {
            self.ended = Some(Ended::Delivered { left });
            self.checkpoint();
            self.linger();
        }
        if left > 0 {
            self.next_round(left);
        }
    }

    fn next_round(&mut self, left: u32) {
        let ms = |limit| Duration::from_millis(u64::from(limit));
        let limits = &self.parts.config.limits;
        let (shortest, longest) = (ms(limits.outbox_pause_ms), ms(limits.outbox_pause_ms_max));
        let now = self.parts.clock.instant();
        self.outbox.after(left, now, shortest, longest);
    }

    /// A job of the host's desk is over. A round that ended without a word, by a bug in it, is over all the same.
    pub(super) fn host_job_done(&mut self) {
        self.host_jobs = self.host_jobs.saturating_sub(1);
        if self.host_jobs == 0
            && let Some(left) = self.outbox.running
        {
            self.give_self(Event::OutboxPassed { left }, Story::default());
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any point on the steady clock will do")]
mod tests {
    use super::*;

    #[test]
    fn fruitless_rounds_come_later_and_later_and_a_decision_brings_them_back() {
        let (shortest, longest) = (Duration::from_secs(60), Duration::from_secs(3_600));
        let mut rounds = Rounds::default();
        let seconds: Vec<u64> =
            [2, 2, 2, 2, 2, 2, 2, 2, 1, 1].map(|left| rounds.pause(left, shortest, longest).as_secs()).into();
        assert_eq!(seconds, [60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 60, 120]);
    }

    #[test]
    fn a_request_that_came_during_a_round_does_not_wait_behind_the_old_ones() {
        let (shortest, longest) = (Duration::from_secs(60), Duration::from_secs(3_600));
        let now = Instant::now();
        let mut rounds = Rounds { fruitless: 5, left: 2, again: Some(now), ..Rounds::default() };
        rounds.after(2, now, shortest, longest);
        assert_eq!(rounds.again(), Some(now));
        assert_eq!(rounds.fruitless, 0);
        rounds.again = None;
        rounds.after(2, now, shortest, longest);
        assert_eq!(rounds.again(), Some(now + shortest * 2));
    }

    #[test]
    fn a_pause_never_overflows() {
        let mut rounds = Rounds { fruitless: u32::MAX, left: 1, ..Rounds::default() };
        let longest = Duration::from_secs(3_600);
        assert_eq!(rounds.pause(1, Duration::from_secs(60), longest), longest);
    }
}
