//! The customer's time: every limit that waits for a person warns before it ends and can be made longer with one key.
//!
//! Invariants (WCAG 2.2, success criterion 2.2.1):
//! - Time is never over before the screen has said so for the whole of [`Limit::Warning`].
//! - One key gives the whole time again, as often as the policy says.

use crate::machine::{Cx, Timer};
use crate::{Act, EffectNo, Limit, Record, Screen};

/// How long a customer may take, and how often that was made longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Patience {
    limit: Limit,
    timer: Timer,
    warned: bool,
    extensions: u8,
}

/// What the end of a deadline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// It was another deadline.
    Other,
    /// The customer is warned; the wait goes on.
    Warned,
    /// The time is over.
    Over,
}

impl Patience {
    /// The time begins.
    pub(crate) fn begin(limit: Limit, cx: &mut Cx) -> Self {
        Self { limit, timer: cx.arm_for_customer(limit), warned: false, extensions: 0 }
    }

    /// The customer has acted.
    pub(crate) fn end(self, cx: &mut Cx) {
        cx.disarm(self.timer);
    }

    /// The whole time again, when something has changed that takes time to take in.
    pub(crate) fn restart(&mut self, cx: &mut Cx) {
        cx.disarm(self.timer);
        self.timer = cx.arm_for_customer(self.limit);
        self.warned = false;
    }

    /// The customer is there and needs longer. True when that is given: after a warning, and not too often.
    pub(crate) fn extend(&mut self, cx: &mut Cx) -> bool {
        if !self.warned || !self.can_extend(cx) {
            return false;
        }
        cx.record(Record::TimeExtended(self.limit));
        self.restart(cx);
        self.extensions = self.extensions.saturating_add(1);
        true
    }

    /// A deadline has ended.
    pub(crate) fn expired(&mut self, timer: EffectNo, screen: Option<Screen>, cx: &mut Cx) -> Waited {
        if !self.timer.is(timer) {
            return Waited::Other;
        }
        if self.warned {
            return Waited::Over;
        }
        self.warned = true;
        cx.record(Record::TimeWarned(self.limit));
        if let Some(screen) = screen {
            cx.act(Act::WarnTime { screen, more: self.can_extend(cx) });
        }
        self.timer = cx.arm_for_customer(Limit::Warning);
        Waited::Warned
    }

    const fn can_extend(&self, cx: &Cx) -> bool {
        self.extensions < cx.policy().time_extensions_max
    }
}
