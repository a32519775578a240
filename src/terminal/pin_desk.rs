//! The PIN pad's desk: lets the pad fill the slot, and forgets what is in it.
//!
//! Invariants:
//! - There is one slot. It lies in its place, or it is with the pad, or with the card; nobody copies it.
//! - After [`PinSide::forget`] no digit is left: the pad is stopped, and whatever comes back from it is wiped before it is
//!   put in its place.
//! - Digits, their number and their timing are never traced.

use std::sync::mpsc::{SendError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use devices::port::{CancelToken, PinEntry, PinOutcome, PinPad};
use jpki::PinSlot;
use transaction::{Answer, Device, EffectNo, Event, Fault, FaultKind, PinAnswer};

use crate::card_words::{OUT_OF_ORDER, SLOT_LOST};
use crate::desks::PinSide;
use crate::queue::{Mailbox, Message, Story, told};

/// A user-authentication PIN has so many digits.
const PIN_DIGITS: u8 = 4;

/// Where the slot lies when nobody works with it.
#[derive(Clone)]
pub(crate) struct SlotPlace {
    slot: Arc<Mutex<Option<PinSlot>>>,
}

impl SlotPlace {
    /// The process's one slot, in its place.
    pub(crate) fn new(slot: PinSlot) -> Self {
        Self { slot: Arc::new(Mutex::new(Some(slot))) }
    }

    /// Takes the slot; `None` when somebody else has it.
    pub(crate) fn take(&self) -> Option<PinSlot> {
        self.lock().take()
    }

    /// Puts the slot back, with what is in it.
    pub(crate) fn put_back(&self, slot: PinSlot) {
        *self.lock() = Some(slot);
    }

    fn wipe(&self) {
        if let Some(slot) = self.lock().as_mut() {
            slot.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<PinSlot>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The desk.
pub(crate) struct PinDesk {
    pad: Arc<dyn PinPad>,
    place: SlotPlace,
    mailbox: Mailbox,
    /// A backstop: the machine's own limit warns and ends first.
    key_ms_max: u64,
    entry: Option<CancelToken>,
}

impl PinDesk {
    pub(crate) fn new(pad: Arc<dyn PinPad>, place: SlotPlace, mailbox: Mailbox, key_ms_max: u64) -> Self {
        Self { pad, place, mailbox, key_ms_max, entry: None }
    }

    fn start(&mut self, to: EffectNo) -> Result<(), Fault> {
        let broken = |code| Fault { device: Device::PinPad, kind: FaultKind::Broken, code };
        let cancel = CancelToken::new().map_err(|_| broken("no-file-descriptors"))?;
        let entry = PinEntry { digits: PIN_DIGITS, key_ms_max: self.key_ms_max };
        let (pad, place, mailbox) = (Arc::clone(&self.pad), self.place.clone(), self.mailbox.clone());
        let of_entry = cancel.clone();
        // The slot is handed over when there is somebody to take it: a thread that cannot be started would take it along.
        let (hand, taken) = channel::<PinSlot>();
        std::thread::Builder::new()
            .name("pin-pad".to_owned())
            .spawn(move || {
                let Ok(slot) = taken.recv() else { return };
                let dots = mailbox.clone();
                let progress = Box::new(move |progress: devices::port::PinProgress| {
                    dots.post(Message::Dots(progress.entered), Story::default());
                });
                let outcome = pad.enter(entry, slot, progress, &of_entry);
                let (answer, story) = settle(&place, outcome, &of_entry);
                mailbox.post(Message::Event(Event::Answer { to, answer: Answer::Pin(answer) }), story);
            })
            .map_err(|_| broken("no-threads"))?;
        let slot = self.place.take().ok_or(SLOT_LOST)?;
        self.entry = Some(cancel);
        if let Err(SendError(slot)) = hand.send(slot) {
            // Its thread ended before it began; the machine's own deadline tells.
            self.place.put_back(slot);
        }
        Ok(())
    }
}

impl PinSide for PinDesk {
    fn ask(&mut self, to: EffectNo) {
        self.forget();
        if let Err(fault) = self.start(to) {
            let answer = Answer::Pin(PinAnswer::Failed(fault));
            self.mailbox.event(Event::Answer { to, answer });
        }
    }

    fn forget(&mut self) {
        if let Some(entry) = self.entry.take() {
            entry.cancel();
        }
        self.place.wipe();
    }
}

/// Where PINs are typed at the card reader, which gives them to the chip: there is no pad to ask, and nothing to forget.
pub(crate) struct AtReader {
    pub(crate) mailbox: Mailbox,
}

impl PinSide for AtReader {
    /// A bug: the machine knows from the card's answer where the PIN is typed.
    fn ask(&mut self, to: EffectNo) {
        self.mailbox.event(Event::Answer { to, answer: Answer::Pin(PinAnswer::Failed(OUT_OF_ORDER)) });
    }

    fn forget(&mut self) {}
}

/// Puts the slot back. Under the same lock as [`PinSide::forget`]'s wipe: whichever comes second wipes.
fn settle(place: &SlotPlace, outcome: PinOutcome, cancel: &CancelToken) -> (PinAnswer, Story) {
    let mut at_its_place = place.lock();
    let (mut slot, answer, story) = match outcome {
        PinOutcome::Entered(slot) => (slot, PinAnswer::Entered, Story::default()),
        PinOutcome::Cancelled(slot) => (slot, PinAnswer::Cancelled, Story::default()),
        PinOutcome::TimedOut(slot) => (slot, PinAnswer::TimedOut, Story::default()),
        PinOutcome::Fault(slot, fault) => {
            let (fault, story) = told(Device::PinPad, &fault);
            (slot, PinAnswer::Failed(fault), story)
        }
    };
    if cancel.is_cancelled() || answer != PinAnswer::Entered {
        slot.clear();
    }
    *at_its_place = Some(slot);
    (answer, story)
}

#[cfg(test)]
mod tests;
