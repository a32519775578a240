//! The end without a machine, after a bug or a failed commit: the card is waited for all the same.
//!
//! Invariant: the wait ends when the card is taken, or when nobody can tell whether it is there. A fault that passes does not
//! end it.

use std::time::Duration;

use transaction::{CardEvent, Device, Event, FaultKind, Release};

use super::Runtime;
use crate::queue::Message;

/// A card unit that fails at so many reminders, one after the other, tells nobody any more whether the card was taken. The
/// next process looks for it first of all.
const REMINDERS_IN_VAIN_MAX: u32 = 5;

impl Runtime {
    /// There is no machine any more. The card is waited for, as long as somebody can tell whether it is there: a unit that
    /// is away gets so many reminders to come back, one that is gone for good gets none.
    pub(super) fn wait_for_card_taken(&mut self) {
        let reminder = Duration::from_millis(u64::from(self.parts.config.limits.card_take_ms_max));
        let mut deadline = self.parts.clock.instant() + reminder;
        let (mut in_vain, mut away, mut failed) = (0, false, false);
        while in_vain < REMINDERS_IN_VAIN_MAX {
            let Some(letter) = self.parts.post.next(Some(deadline)) else {
                in_vain = if away || failed { in_vain + 1 } else { 0 };
                failed = false;
                self.release(Release::ReturnCard, None);
                deadline = self.parts.clock.instant() + reminder;
                continue;
            };
            match letter.message {
                Message::Event(Event::Card(CardEvent::UnitLost(fault))) => match fault.kind {
                    FaultKind::Broken => return,
                    FaultKind::Transient | FaultKind::NeedsOperator => away = true,
                },
                Message::Event(Event::Card(CardEvent::Removed)) => return,
                Message::Event(Event::Card(CardEvent::Inserted | CardEvent::Mute | CardEvent::UnitBack)) => {
                    away = false;
                }
                Message::Event(Event::Fault(fault)) => failed |= fault.device == Device::CardUnit,
                _ => {}
            }
        }
    }
}
