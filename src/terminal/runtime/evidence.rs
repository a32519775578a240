//! The evidence of requests: copies for operators, and its erasure when its time is over.
//!
//! Invariants:
//! - Nothing is erased from a journal whose pages were not all checked in this process: erasing writes old pages.
//! - Nothing is erased by a clock that the host's challenge did not agree with: what is gone cannot be brought back.
//! - That something could not be erased stops no visit.

use std::time::{Duration, Instant};

use transaction::{Device, Event, Fault, FaultKind, RequestId};
use uuid::Uuid;

use super::Runtime;
use crate::evidence_files::{EvidenceError, days_before};
use crate::queue::{Story, chain};

/// Between two erasures: evidence is kept for days.
const ERASE_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// When old evidence is erased.
#[derive(Debug, Default)]
pub(super) struct Erasure {
    /// The whole journal was checked in this process.
    journal_is_whole: bool,
    /// The host's last challenge agreed with this machine's clock: a clock that is wrong erases too early.
    clock_is_right: bool,
    last: Option<Instant>,
}

impl Erasure {
    fn is_due(&self, now: Instant) -> bool {
        self.journal_is_whole
            && self.clock_is_right
            && self.last.is_none_or(|last| now.saturating_duration_since(last) >= ERASE_PAUSE)
    }
}

impl Runtime {
    /// What a challenge says about this machine's clock.
    pub(super) fn clock_compared(&mut self, agrees: bool) {
        self.erasure.clock_is_right = agrees;
    }

    /// The check beside the work is over, and everything passed.
    pub(super) fn journal_is_whole(&mut self, report: &journal::WholeReport) {
        self.parts.journal.found_whole(report);
        self.erasure.journal_is_whole = true;
        if !self.visit_open {
            self.erase_old_evidence();
        }
    }

    /// An earlier process may have ended between a decision and its copy: a copy without an answer is to mean that there
    /// is no decision.
    pub(super) fn complete_evidence(&mut self) {
        for id in self.parts.evidence.without_answer() {
            let kept = self.parts.journal.outbox_get(id).ok().flatten();
            let Some(answer) = kept.and_then(|entry| entry.decided?.answer) else { continue };
            if let Err(error) = self.parts.evidence.write(id, None, Some(&answer)) {
                self.evidence_not_filed(&error);
            }
        }
    }

    /// Erases what was kept long enough; once a day, and never while a customer waits.
    pub(super) fn erase_old_evidence(&mut self) {
        let now = self.parts.clock.instant();
        if !self.erasure.is_due(now) {
            return;
        }
        self.erasure.last = Some(now);
        let wall = self.parts.clock.now();
        let until = days_before(wall, self.parts.config.limits.evidence_keep_days);
        if let Err(error) = self.parts.journal.erase_evidence(until, wall) {
            tracing::warn!(error = %chain(&error), "old evidence was not erased from the journal");
        }
        if let Err(error) = self.parts.evidence.erase_older(until) {
            tracing::warn!(error = %chain(&error), "old copies of evidence were not erased");
        }
    }

    pub(super) fn file_evidence(&mut self, request: RequestId) {
        let id = Uuid::from_bytes(request.0);
        let cms = self.folder.request(request).map(|cms| cms.to_vec());
        let answer = self.folder.answer(request).map(|answer| answer.der.clone());
        let cms = match cms {
            Some(cms) => Some(cms),
            // Signed by an earlier process.
            None => self.parts.journal.outbox_get(id).ok().flatten().and_then(|entry| entry.cms),
        };
        if let Err(error) = self.parts.evidence.write(id, cms.as_deref(), answer.as_deref()) {
            self.evidence_not_filed(&error);
        }
        self.folder.request_filed(request);
        if answer.is_some() {
            self.folder.forget(request);
        }
    }

    fn evidence_not_filed(&mut self, error: &EvidenceError) {
        let fault =
            Fault { device: Device::Terminal, kind: FaultKind::NeedsOperator, code: "evidence-not-filed" };
        self.give_self(Event::Fault(fault), Story::of(error));
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any point on the steady clock will do")]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_erased_once_a_day_and_only_where_journal_and_clock_were_checked() {
        let start = Instant::now();
        let mut erasure = Erasure::default();
        assert!(!erasure.is_due(start));
        erasure.journal_is_whole = true;
        assert!(!erasure.is_due(start), "the clock was compared with nothing");
        erasure.clock_is_right = true;
        assert!(erasure.is_due(start));
        erasure.last = Some(start);
        assert!(!erasure.is_due(start + ERASE_PAUSE - Duration::from_secs(1)));
        assert!(erasure.is_due(start + ERASE_PAUSE));
    }
}
