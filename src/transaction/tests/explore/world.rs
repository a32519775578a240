//! One state of the whole: the machine, and what is around it.
//!
//! Everything is small and inline, so that a state is copied without an allocation and hashed in one go. Where a part
//! is always a function of another, it is not kept here.

use std::hash::{Hash, Hasher};

use transaction::*;

use crate::journal::Journal;

/// As many visits as one run can have.
pub(crate) const VISITS_MAX: usize = 2;

pub(crate) const CARD_FAULT: Fault =
    Fault { device: Device::CardUnit, kind: FaultKind::Broken, code: "card-unit" };
pub(crate) const HOST_FAULT: Fault = Fault { device: Device::Host, kind: FaultKind::Transient, code: "host" };
pub(crate) const PAD_FAULT: Fault =
    Fault { device: Device::PinPad, kind: FaultKind::Broken, code: "pin-pad" };
pub(crate) const PRINTER_FAULT: Fault =
    Fault { device: Device::Printer, kind: FaultKind::NeedsOperator, code: "printer" };
pub(crate) const OWN_FAULT: Fault =
    Fault { device: Device::Terminal, kind: FaultKind::NeedsOperator, code: "terminal" };

/// The visits of a run, by number.
pub(crate) fn visit(number: usize) -> Visit {
    let byte = u8::try_from(number + 1).unwrap();
    Visit { id: VisitId([byte; 16]), request: RequestId([0x80 + byte; 16]) }
}

/// The number of a visit.
pub(crate) fn of_visit(id: VisitId) -> usize {
    usize::from(id.0[0]) - 1
}

/// The number of the visit with this request.
pub(crate) fn of_request(id: RequestId) -> usize {
    usize::from(id.0[0]) - 0x81
}

/// A short list without an allocation. Two lists with the same items are the same, whatever was in them before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Few<T, const MOST: usize> {
    items: [Option<T>; MOST],
}

impl<T: Copy, const MOST: usize> Few<T, MOST> {
    pub(crate) const EMPTY: Self = Self { items: [None; MOST] };

    /// Adds one at the end. A list that is too short is a mistake of the model, not a bound of it.
    pub(crate) fn push(&mut self, item: T) {
        let free = self.items.iter().position(Option::is_none);
        self.items[free.expect("the model's list is too short")] = Some(item);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = T> {
        self.items.iter().map_while(|item| *item)
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }

    pub(crate) fn get(&self, place: usize) -> T {
        self.items[place].expect("there is such an item")
    }

    pub(crate) fn remove(&mut self, place: usize) {
        self.items[place] = None;
        self.items[place..].rotate_left(1);
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(T) -> bool) {
        let kept = *self;
        *self = Self::EMPTY;
        kept.iter().filter(|item| keep(*item)).for_each(|item| self.push(item));
    }
}

impl<T: Copy + Hash, const MOST: usize> Hash for Few<T, MOST> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for item in self.iter() {
            1u8.hash(state);
            item.hash(state);
        }
        0u8.hash(state);
    }
}

/// One state of everything.
#[derive(Debug, Clone, Hash)]
pub(crate) struct World {
    pub(crate) process: Process,
    pub(crate) journal: Journal,
    pub(crate) unit: Unit,
    pub(crate) requests: [Request; VISITS_MAX],
    /// Who was told on the screen that nothing was sent, and whose visit is not known to be closed.
    pub(crate) told_stopped: [bool; VISITS_MAX],
    pub(crate) left: Budget,
}

/// The terminal's process.
#[derive(Debug, Clone, Hash)]
pub(crate) enum Process {
    /// Not running; the service manager starts it.
    Down,
    /// Running.
    Up(Up),
    /// There is no machine any more; the card is waited for, then the process stops.
    Ending,
}

/// A running process.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Up {
    pub(crate) machine: Machine,
    /// What the machine has asked and somebody may still answer.
    pub(crate) question: Option<(EffectNo, Question)>,
    /// Deadlines that the machine awaits.
    pub(crate) timers: Few<(EffectNo, Limit), 3>,
    /// The pass over the outbox that is going on.
    pub(crate) pass: Option<Pass>,
    /// There will be another pass: after a pause, or when this one is over.
    pub(crate) pass_again: bool,
    /// The open visit: its request is the machine's to deliver, not the outbox's.
    pub(crate) at_hand: Option<u8>,
    pub(crate) pin: Pin,
    /// Entries at the reader's own pad that brought no PIN, since a person did anything else.
    pub(crate) alone: u8,
    pub(crate) told: Told,
    pub(crate) screen: Option<Screen>,
    /// Reminders since the card was offered, where they are counted.
    pub(crate) reminders: u8,
    /// A pass over an empty outbox is over; told before anything else.
    pub(crate) empty_pass: bool,
}

/// What was asked, and how far the answer has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// `Some`: the unit has looked, and this is in the queue.
    Safe(Option<Presence>),
    Challenge,
    Read,
    Prepare,
    Pin,
    /// The card has checked it, and the answer is lost.
    Verify {
        lost: bool,
    },
    /// The same, with the entry at the reader's own pad before it.
    OnPad {
        lost: bool,
    },
    Sign,
    Host(u8),
    Print,
    /// `Some`: the unit is done, and this is in the queue.
    Retain(Option<RetainAnswer>),
}

/// A pass over the outbox: one request after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Pass {
    /// Requests still to be done, one bit each; the lowest is being delivered.
    pub(crate) todo: u8,
    /// Requests that stay without a decision.
    pub(crate) left: u8,
}

impl Pass {
    /// The request being delivered.
    pub(crate) fn current(self) -> Option<usize> {
        (self.todo != 0).then(|| self.todo.trailing_zeros() as usize)
    }

    pub(crate) fn without_current(self) -> Self {
        Self { todo: self.todo & self.todo.wrapping_sub(1), ..self }
    }
}

/// What the rules of the PIN need to remember.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Pin {
    /// Tries that were recorded as shown, for the next entry.
    pub(crate) recorded: u8,
    /// Tries that were on the screen, for the next entry.
    pub(crate) shown: u8,
    /// The customer wants to use the last try.
    pub(crate) last_accepted: bool,
    /// Four digits are in the slot.
    pub(crate) in_slot: bool,
    /// The card was asked to check, and the machine does not know what came of it.
    pub(crate) checking: bool,
}

/// What the customer of the open visit was told about the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Told {
    Nothing,
    Stopped,
    Result,
}

/// The card unit, as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Unit {
    /// It can be talked to.
    pub(crate) up: bool,
    /// It will say what is inside.
    pub(crate) untold: bool,
    pub(crate) inside: Option<Card>,
    /// It was asked to take the card in and is not done.
    pub(crate) retaining: bool,
    /// After that it will let the card out, if there still is one.
    pub(crate) then_return: bool,
    /// The last card that was inside lies in the bin.
    pub(crate) last_in_bin: bool,
    /// There is a card in the bin.
    pub(crate) any_in_bin: bool,
}

/// A card in the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Card {
    pub(crate) holder: Holder,
    /// The PIN's counter; zero is blocked.
    pub(crate) tries: u8,
    pub(crate) mute: bool,
    pub(crate) power: Power,
    /// The unit does not let it out.
    pub(crate) held: bool,
    /// What this process read is of this card.
    pub(crate) read: bool,
}

/// The chip's power and the applet's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Power {
    Off,
    /// In a session of this process.
    Selected,
    /// In a session of this process, and the PIN is verified.
    Verified,
    /// Left on by a process that is gone, perhaps with the PIN verified.
    LeftOn,
}

/// Whose card it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    Aoi,
    /// Whose certificate ends soon.
    Ren,
}

/// A request, outside the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Request {
    /// Whose card signed it.
    pub(crate) signed_by: Option<Holder>,
    /// What the host has decided.
    pub(crate) decided: Option<Decision>,
    /// Copies on the way to the host.
    pub(crate) to_host: u8,
    /// Copies of the answer on the way to the terminal.
    pub(crate) to_terminal: u8,
}

/// What may still happen of what is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    pub(crate) visits: u8,
    pub(crate) crashes: u8,
    pub(crate) journal_failures: u8,
    pub(crate) damages: u8,
    pub(crate) side_events: u8,
    pub(crate) unit_losses: u8,
    pub(crate) dead_chips: u8,
}

impl Card {
    /// The card checks a PIN.
    pub(crate) fn checks(self, right: bool) -> Self {
        if right {
            Self { tries: 3, power: Power::Verified, ..self }
        } else {
            Self { tries: self.tries - 1, ..self }
        }
    }
}

impl Unit {
    /// It cannot be talked to any more: its orders are forgotten, and its card has no power.
    pub(crate) fn lose(&mut self) {
        self.up = false;
        self.untold = false;
        self.retaining = false;
        self.then_return = false;
        if let Some(card) = &mut self.inside {
            card.power = Power::Off;
            card.read = false;
        }
    }

    /// Any card is powered off, and earlier orders are done or dropped.
    pub(crate) fn make_safe(&mut self) {
        if !self.up {
            return;
        }
        self.retain_no_more();
        if let Some(card) = &mut self.inside {
            card.power = Power::Off;
            card.read = false;
        }
    }

    /// It could not keep the card, or need not any more.
    pub(crate) fn retain_no_more(&mut self) {
        self.retaining = false;
        if std::mem::take(&mut self.then_return) {
            self.return_card();
        }
    }

    /// Lets the card go; when there is none, it says so.
    pub(crate) fn return_card(&mut self) {
        match &mut self.inside {
            _ if !self.up => {}
            _ if self.retaining => self.then_return = true,
            Some(card) => card.held = false,
            None => self.untold = true,
        }
    }
}

impl World {
    pub(crate) fn in_flight(&self) -> u8 {
        self.requests.iter().map(|request| request.to_host + request.to_terminal).sum()
    }

    /// The process is gone: with it its sessions, its connections and what it only had in memory.
    pub(crate) fn stop(&mut self) {
        self.process = Process::Down;
        self.journal.forget_noted();
        for request in &mut self.requests {
            request.to_terminal = 0;
        }
        self.unit.untold = false;
        if let Some(card) = &mut self.unit.inside {
            card.read = false;
            card.power = match card.power {
                Power::Off => Power::Off,
                Power::Selected | Power::Verified | Power::LeftOn => Power::LeftOn,
            };
        }
    }

    /// The machine's power fails, or its process is killed; of what was noted, so many steps' facts were durable.
    pub(crate) fn crash(&mut self, kept: usize) {
        self.left.crashes -= 1;
        self.journal.flush(kept);
        self.stop();
    }

    /// Another one took or has put in a card: the unit will say so, if it can.
    pub(crate) fn unit_changed(&mut self) {
        self.unit.untold = self.unit.up && matches!(self.process, Process::Up(_));
    }
}
