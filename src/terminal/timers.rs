//! The deadlines that the machine has armed, on the steady clock.

use std::time::Instant;

use transaction::EffectNo;

/// Few at a time: a visit has at most two.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    armed: Vec<(Instant, EffectNo)>,
}

impl Timers {
    pub(crate) fn arm(&mut self, no: EffectNo, at: Instant) {
        self.armed.push((at, no));
    }

    pub(crate) fn disarm(&mut self, no: EffectNo) {
        self.armed.retain(|(_, armed)| *armed != no);
    }

    /// When the first one ends.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.armed.iter().map(|(at, _)| *at).min()
    }

    /// Takes the one that ended first, if any has ended.
    pub(crate) fn take_expired(&mut self, now: Instant) -> Option<EffectNo> {
        let first = self.armed.iter().copied().filter(|(at, _)| *at <= now).min()?;
        self.disarm(first.1);
        Some(first.1)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any point on the steady clock will do")]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn deadlines_end_in_their_order() {
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        timers.arm(EffectNo(1), after(30));
        timers.arm(EffectNo(2), after(10));
        timers.arm(EffectNo(3), after(20));
        timers.disarm(EffectNo(3));
        assert_eq!(timers.next(), Some(after(10)));
        assert_eq!(timers.take_expired(after(5)), None);
        assert_eq!(timers.take_expired(after(40)), Some(EffectNo(2)));
        assert_eq!(timers.take_expired(after(40)), Some(EffectNo(1)));
        assert_eq!(timers.take_expired(after(40)), None);
    }
}
