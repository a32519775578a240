//! One device of the ledger: its words, and its row of failures.

use devices::port::MediaState;
use jiff::{SignedDuration, Timestamp};
use transaction::Fault;

use super::others::Brake;
use super::words::{self, JAMMED, ONLINE, STARTING};
use crate::queue::Story;

/// Between two outages of one row.
const ROW_PAUSE_MAX: SignedDuration = SignedDuration::from_hours(6);

/// One device.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) device: &'static str,
    /// Of another reader: its name in the configuration.
    pub(super) name: Option<String>,
    pub(super) words: Words,
    /// Since when these words are true.
    pub(super) since: Timestamp,
    /// What it failed with last, in this process.
    pub(super) last: Option<Last>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// When the row had its last.
    failed_at: Timestamp,
    condition: Condition,
    /// Of another reader: what the log has had of it.
    pub(super) brake: Brake,
    /// The code that the log has of its present outage.
    told: Option<&'static str>,
    /// Something changed that operators have not seen yet.
    pub(super) changed: bool,
}

/// How it is, in the words of XFS4IoT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words {
    /// `common.device`.
    pub(super) state: &'static str,
    pub(super) media: Option<&'static str>,
    pub(super) paper: Option<&'static str>,
    /// The code by which it is out of service.
    pub(super) out: Option<&'static str>,
}

/// A failure.
#[derive(Debug, Clone)]
pub(super) struct Last {
    pub(super) code: &'static str,
    pub(super) action: Option<&'static str>,
    pub(super) what: Option<String>,
    pub(super) at: Timestamp,
}

/// What the next failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    /// Usable, as far as anybody knows: it is a new failure.
    Up,
    /// It is there, and the last use failed: the next one that fails is one more.
    Failed,
    /// It is waited for, or a person is: one failure, until it is back.
    Away,
}

/// How the machine heard of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The device told of itself.
    Lost,
    /// It was looked at, which costs no customer anything.
    Looked,
    /// It was used, for a customer.
    Used,
    /// It was used for a customer, and what came of it can be the customer's doing, or the card's.
    Session,
}

impl State {
    pub(super) fn new(
        device: &'static str,
        media: Option<&'static str>,
        paper: Option<&'static str>,
        now: Timestamp,
    ) -> Self {
        Self {
            device,
            name: None,
            words: Words { state: STARTING, media, paper, out: None },
            since: now,
            last: None,
            failures: 0,
            failed_at: now,
            condition: Condition::Up,
            brake: Brake::default(),
            told: None,
            changed: true,
        }
    }

    pub(super) fn named(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    /// Changes words; the time of the last change is theirs.
    pub(super) fn say(&mut self, at: Timestamp, change: impl FnOnce(&mut Words)) {
        let before = self.words;
        change(&mut self.words);
        if self.words != before {
            (self.since, self.changed) = (at, true);
        }
    }

    /// As far as anybody knows it can be used.
    pub(super) fn is_up(&mut self, at: Timestamp) {
        (self.condition, self.told) = (Condition::Up, None);
        self.say(at, |words| {
            words.state = ONLINE;
            if words.media == Some(JAMMED) {
                words.media = Some(MediaState::Unknown.word());
            }
        });
    }

    /// Whether the log has this of it, and nothing else since.
    pub(super) fn is_told(&self, code: &str) -> bool {
        self.told == Some(code)
    }

    /// It reported something: that says nothing against what failed.
    pub(super) fn is_heard(&mut self, at: Timestamp) {
        if self.condition == Condition::Up {
            self.is_up(at);
        }
    }

    /// A good use, or a person who has looked: the row is over.
    pub(super) fn row_ends(&mut self) {
        self.changed |= self.failures > 0;
        self.failures = 0;
    }

    /// It failed; true when that is one more in the row. `excused`: a card is inside, which may be what ails it.
    pub(super) fn failed(
        &mut self,
        fault: Fault,
        way: Way,
        excused: bool,
        story: &Story,
        at: Timestamp,
    ) -> bool {
        self.changed |= self.last.as_ref().map(|last| last.code) != Some(fault.code);
        self.last = Some(Last { code: fault.code, action: story.action, what: story.what.clone(), at });
        // A visit that ends by a fault is another entry than a device that cannot be used.
        self.told = Some(fault.code).filter(|_| !matches!(way, Way::Used | Way::Session));
        let of_the_customer = words::of_the_customer(fault.code);
        if way == Way::Session || (of_the_customer && way == Way::Used) {
            return false;
        }
        let waits = words::is_waited_for(fault);
        let counts = match (way, self.condition) {
            (Way::Lost, condition) => condition == Condition::Up,
            (Way::Looked, condition) => condition == Condition::Up || !waits,
            (Way::Used | Way::Session, condition) => condition != Condition::Away,
        };
        self.condition = match (way, self.condition) {
            // Not as long as it is excused: what follows without the card is the first that counts.
            (_, condition) if excused => condition,
            (Way::Used | Way::Session, Condition::Away) => Condition::Away,
            (Way::Used | Way::Session, Condition::Up | Condition::Failed) => Condition::Failed,
            (Way::Lost | Way::Looked, _) if waits => Condition::Away,
            (Way::Lost | Way::Looked, _) => Condition::Failed,
        };
        self.say(at, |words| {
            words.state = words::device(fault.code);
            words.paper = words::paper(fault.code).or(words.paper);
            words.media = words::media(fault.code).or(words.media);
        });
        if !counts || of_the_customer || excused {
            return false;
        }
        if way != Way::Used && at.duration_since(self.failed_at) > ROW_PAUSE_MAX {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        (self.failed_at, self.changed) = (at, true);
        true
    }
}
