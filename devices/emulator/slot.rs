//! A card in a reader, in process: insertion and removal, power, levers, trace.
//!
//! Invariants:
//! - a card outside has no power, and what is inserted starts without;
//! - a fault happens once, at the APDU it was set for, unless it was set for every one;
//! - nothing in here waits, except `transmit_and_wait`: whoever owns the slot decides how a late answer is late.

use std::io;
use std::path::Path;
use std::time::Duration;

use crate::card::{Card, Switches};
use crate::clock;
use crate::lever::{Effect, Fault, Lever, Trigger};
use crate::timing::Timing;
use crate::trace::Trace;

/// What `garbage` answers; its last two bytes are no status word of any standard.
const GARBAGE: [u8; 11] = [0xA5, 0x5A, 0xC3, 0x3C, 0x0F, 0xF0, 0x99, 0x66, 0x12, 0x34, 0x56];

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These bytes came back. Not necessarily an answer APDU, if a lever says so.
    Answer(Vec<u8>),
    /// The card is out of the reader; nothing came back.
    Removed,
    /// The card lost contact and is back, without power or memory of before; nothing came back.
    Reset,
}

/// What became of a command, and how late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// What.
    pub outcome: Outcome,
    /// How late.
    pub delay: Duration,
}

/// A reader with its card.
pub struct Slot {
    card: Card,
    inserted: bool,
    timing: Timing,
    faults: Vec<Fault>,
    trace: Option<Trace>,
    apdus: u64,
}

impl Slot {
    /// A reader with `card` in it; the persona's levers are pulled.
    #[must_use]
    pub fn new(card: Card) -> Self {
        let mut slot =
            Self { card, inserted: true, timing: Timing::None, faults: Vec::new(), trace: None, apdus: 0 };
        slot.clear_levers();
        slot
    }

    /// Writes each command and answer to the file at `path`, without PINs.
    pub fn trace_to(&mut self, path: &Path) -> io::Result<()> {
        self.trace = Some(Trace::open(path)?);
        self.note("trace begins");
        Ok(())
    }

    /// The card, inside or outside.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The card, to change it.
    pub fn card_mut(&mut self) -> &mut Card {
        &mut self.card
    }

    /// Whether the card is in the reader.
    #[must_use]
    pub fn is_inserted(&self) -> bool {
        self.inserted
    }

    /// Commands that reached the reader since it was made.
    #[must_use]
    pub fn apdus(&self) -> u64 {
        self.apdus
    }

    /// Puts the card in.
    pub fn insert(&mut self) {
        if !self.inserted {
            self.inserted = true;
            self.note("card inserted");
        }
    }

    /// Pulls the card out.
    pub fn remove(&mut self) {
        self.card.power_off();
        if self.inserted {
            self.inserted = false;
            self.note("card removed");
        }
    }

    /// Puts another card where this one was, with its persona's levers instead of those pulled before.
    pub fn exchange_card(&mut self, card: Card) {
        self.note("another card");
        self.card = card;
        self.clear_levers();
    }

    /// The answer to reset: `None` without a card or from one that does not answer.
    #[must_use]
    pub fn atr(&self) -> Option<&[u8]> {
        if self.inserted { self.card.atr() } else { None }
    }

    /// Gives power.
    pub fn power_on(&mut self) {
        if self.inserted {
            self.card.power_on();
            self.note("power on");
        }
    }

    /// Takes power away.
    pub fn power_off(&mut self) {
        self.card.power_off();
        self.note("power off");
    }

    /// Warm reset.
    pub fn reset(&mut self) {
        self.card.reset();
        self.note("warm reset");
    }

    /// Pulls a lever.
    pub fn pull(&mut self, lever: Lever) {
        self.note(&format!("lever {lever}"));
        let switches = self.card.switches();
        match lever {
            Lever::Timing(timing) => self.timing = timing,
            Lever::ExtendedLength(extended_length) => {
                self.card.set_switches(Switches { extended_length, ..switches });
            }
            Lever::ShortIds(short_ids) => self.card.set_switches(Switches { short_ids, ..switches }),
            Lever::FirstCommandFails(first_command_fails) => {
                self.card.set_switches(Switches { first_command_fails, ..switches });
            }
            Lever::Fault(fault) => self.faults.push(fault),
        }
    }

    /// Puts all levers back to the persona's.
    pub fn clear_levers(&mut self) {
        self.timing = Timing::None;
        self.faults.clear();
        self.card.set_switches(Switches::default());
        for lever in self.card.persona().levers.clone() {
            self.pull(lever);
        }
    }

    /// The levers as they stand.
    #[must_use]
    pub fn levers(&self) -> Vec<Lever> {
        let switches = self.card.switches();
        let settings = [
            Lever::Timing(self.timing),
            Lever::ShortIds(switches.short_ids),
            Lever::ExtendedLength(switches.extended_length),
            Lever::FirstCommandFails(switches.first_command_fails),
        ];
        settings.into_iter().chain(self.faults.iter().cloned().map(Lever::Fault)).collect()
    }

    /// Gives one command APDU to the card. Does not wait: the answer is due after `delay`.
    pub fn transmit(&mut self, command: &[u8]) -> Exchange {
        self.apdus = self.apdus.saturating_add(1);
        let started = clock::start();
        let (outcome, late) = if self.inserted { self.exchange(command) } else { (Outcome::Removed, 0) };
        let answer = match &outcome {
            Outcome::Answer(bytes) => bytes.as_slice(),
            Outcome::Removed | Outcome::Reset => &[],
        };
        let delay = self.timing.delay(command, answer) + Duration::from_millis(late);
        if let Some(trace) = &mut self.trace {
            let shown = matches!(outcome, Outcome::Answer(_)).then_some(answer);
            trace.exchange(self.apdus, command, shown, started.elapsed());
        }
        Exchange { outcome, delay }
    }

    /// Like `transmit`, and waits until the answer is due: for readers in process.
    pub fn transmit_and_wait(&mut self, command: &[u8]) -> Outcome {
        let exchange = self.transmit(command);
        clock::wait(exchange.delay);
        exchange.outcome
    }

    fn exchange(&mut self, command: &[u8]) -> (Outcome, u64) {
        let mut late = 0;
        let mut effect = None;
        for due in self.due(command) {
            match due {
                Effect::Delay(milliseconds) => late = milliseconds.saturating_add(late),
                other => effect = effect.or(Some(other)),
            }
        }
        let outcome = match effect {
            None => self.plain(command),
            Some(effect) => self.faulty(command, effect),
        };
        (outcome, late)
    }

    fn plain(&mut self, command: &[u8]) -> Outcome {
        let answer = self.card.process(command);
        // A card without power, or a mute one, gives nothing: to a reader that is no card.
        if answer.is_empty() { Outcome::Removed } else { Outcome::Answer(answer) }
    }

    fn faulty(&mut self, command: &[u8], effect: Effect) -> Outcome {
        self.note(&format!("{effect} now"));
        match effect {
            Effect::Remove => self.gone(),
            Effect::RemoveAfter => {
                self.plain(command);
                self.gone()
            }
            Effect::Tear => {
                self.card.process_torn(command);
                self.gone()
            }
            Effect::Reset => self.lost_contact(),
            Effect::ResetAfter => {
                self.plain(command);
                self.lost_contact()
            }
            Effect::Status(word) => Outcome::Answer(word.to_be_bytes().to_vec()),
            Effect::Answer(bytes) => {
                self.plain(command);
                Outcome::Answer(bytes)
            }
            Effect::Garbage => {
                self.plain(command);
                Outcome::Answer(GARBAGE.to_vec())
            }
            Effect::Truncate(count) => match self.plain(command) {
                Outcome::Answer(mut bytes) => {
                    bytes.truncate(count);
                    Outcome::Answer(bytes)
                }
                other => other,
            },
            // Taken out by the caller.
            Effect::Delay(_) => self.plain(command),
        }
    }

    fn gone(&mut self) -> Outcome {
        self.remove();
        Outcome::Removed
    }

    fn lost_contact(&mut self) -> Outcome {
        self.card.power_off();
        Outcome::Reset
    }

    /// The effects that happen at `command`; those that happen once are gone afterwards.
    fn due(&mut self, command: &[u8]) -> Vec<Effect> {
        let mut due = Vec::new();
        self.faults.retain_mut(|fault| {
            let (now, again) = match &mut fault.trigger {
                Trigger::Every => (true, true),
                Trigger::Nth(left) => {
                    *left = left.saturating_sub(1);
                    (*left == 0, false)
                }
                Trigger::Instruction { ins, p2 } => {
                    let same_ins = command.get(1) == Some(ins);
                    let same_p2 = p2.is_none() || command.get(3).copied() == *p2;
                    (same_ins && same_p2, false)
                }
            };
            if now {
                due.push(fault.effect.clone());
            }
            again || !now
        });
        due
    }

    fn note(&mut self, what: &str) {
        if let Some(trace) = &mut self.trace {
            trace.note(what);
        }
    }
}
