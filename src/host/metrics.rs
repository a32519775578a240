//! Metrics in OpenMetrics text, in a registry of this host's own: two hosts in one process do not mix.
//!
//! Invariant: no label names a holder, a card or a request; terminals are not labels either (there are thousands).

use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::store::Observer;

/// One stable code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Code {
    /// Of an outcome, a problem or an alarm.
    pub code: &'static str,
}

/// Where a request went and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Served {
    /// Route as in the OpenAPI document, or `none`.
    pub route: &'static str,
    /// HTTP status.
    pub status: u16,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// HTTP requests by route and status.
    pub served: Family<Served, Counter>,
    /// Decisions by outcome: `registered`, `already-registered`, or the reason of the rejection.
    pub decisions: Family<Code, Counter>,
    /// Answers given again to the same bytes.
    pub answered_before: Counter,
    /// Problems by code.
    pub problems: Family<Code, Counter>,
    /// Challenges handed out.
    pub challenges: Counter,
    /// Log checkpoints that went forward.
    pub checkpoints: Counter,
    /// Log checkpoints that went back or contradict: somebody should look.
    pub checkpoint_alarms: Family<Code, Counter>,
    /// Commits that wrote something: one fdatasync each.
    pub commits: Counter,
    /// Operations in those commits.
    pub committed: Counter,
    /// Commits that failed.
    pub commit_failures: Counter,
    /// Seconds for checking one request's signatures and certificates.
    pub verify_seconds: Histogram,
    /// Seconds from a whole body to a durable decision.
    pub decide_seconds: Histogram,
    /// Open connections.
    pub connections: Gauge<i64, AtomicI64>,
    /// TLS handshakes that failed, certificates of strangers included.
    pub handshake_failures: Counter,
    /// 1 while the revocation lists of card certificates can be used, or none are configured.
    pub revocation_usable: Gauge<i64, AtomicI64>,
    /// Signed requests erased after their time.
    pub evidence_erased: Counter<u64, AtomicU64>,
}

/// From 0.1 ms to 3.3 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 16))
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("myna_host"),
            served: Family::default(),
            decisions: Family::default(),
            answered_before: Counter::default(),
            problems: Family::default(),
            challenges: Counter::default(),
            checkpoints: Counter::default(),
            checkpoint_alarms: Family::default(),
            commits: Counter::default(),
            committed: Counter::default(),
            commit_failures: Counter::default(),
            verify_seconds: seconds(),
            decide_seconds: seconds(),
            connections: Gauge::default(),
            handshake_failures: Counter::default(),
            revocation_usable: Gauge::default(),
            evidence_erased: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let Self { registry, .. } = self;
        registry.register("requests", "HTTP requests", self.served.clone());
        registry.register("decisions", "Decisions by outcome", self.decisions.clone());
        registry.register("answered_before", "Stored answers given again", self.answered_before.clone());
        registry.register("problems", "Problems by code", self.problems.clone());
        registry.register("challenges", "Challenges handed out", self.challenges.clone());
        registry.register("checkpoints", "Log checkpoints that went forward", self.checkpoints.clone());
        registry.register(
            "checkpoint_alarms",
            "Log checkpoints that went back or contradict",
            self.checkpoint_alarms.clone(),
        );
        registry.register("commits", "Commits that wrote, one fdatasync each", self.commits.clone());
        registry.register("committed_operations", "Operations in those commits", self.committed.clone());
        registry.register("commit_failures", "Commits that failed", self.commit_failures.clone());
        registry.register_with_unit(
            "verify",
            "Checking one request",
            Unit::Seconds,
            self.verify_seconds.clone(),
        );
        registry.register_with_unit(
            "decide",
            "From a whole body to a durable decision",
            Unit::Seconds,
            self.decide_seconds.clone(),
        );
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register(
            "handshake_failures",
            "TLS handshakes that failed",
            self.handshake_failures.clone(),
        );
        registry.register(
            "revocation_usable",
            "1 while revocation can be checked as configured",
            self.revocation_usable.clone(),
        );
        registry.register("evidence_erased", "Signed requests erased", self.evidence_erased.clone());
    }

    /// The text for `/metrics`.
    ///
    /// # Errors
    /// [`std::fmt::Error`] from the encoder.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Metrics {
    fn committed(&self, operations: usize, wrote: bool) {
        if wrote {
            self.commits.inc();
            self.committed.inc_by(u64::try_from(operations).unwrap_or(u64::MAX));
        }
    }

    fn commit_failed(&self) {
        self.commit_failures.inc();
    }
}
