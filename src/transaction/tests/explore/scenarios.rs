//! The bounded configurations. Each is explored to the end: nothing stops a search but an empty frontier.
//!
//! What is bounded is said by the numbers here; what is not mentioned (losing, doubling and delaying messages, keys,
//! cards put in and pulled out, deadlines, attempts and passes over the outbox) may happen any number of times.

use std::num::NonZeroU8;

use transaction::*;

use crate::truth::DECISIONS;
use crate::world::{Budget, Holder};

/// The bounds of one exploration.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) policy: Policy,
    /// How often what is bounded may happen.
    pub(crate) budget: Budget,
    pub(crate) cards: &'static [CardKind],
    pub(crate) decisions: &'static [Decision],
    pub(crate) keys: &'static [Key],
    /// The unit lets a card that was read go only when it is told to; otherwise it can be pulled at any moment.
    pub(crate) unit_holds: bool,
    /// Where the PIN is typed.
    pub(crate) pin_at: PinAt,
    /// Cards whose counter goes up by itself.
    pub(crate) counter_moves: bool,
    /// Devices and host refuse and fail; otherwise only deadlines, network and customers make difficulties.
    pub(crate) refusals: bool,
    /// Messages in flight; what would be more is lost.
    pub(crate) in_flight_max: u8,
}

impl Scenario {
    /// The bounds in words.
    pub(crate) fn bounds(&self) -> String {
        let Budget { visits, crashes, journal_failures, damages, side_events, unit_losses, dead_chips } =
            self.budget;
        let unit = if self.unit_holds { "holds a card that was read" } else { "never holds a card" };
        let refusals = if self.refusals { "yes" } else { "no" };
        let pin = match self.pin_at {
            PinAt::Slot => "goes from a pad's slot to the card",
            PinAt::Reader => "is typed at the reader's own pad",
        };
        format!(
            "bounds: visits {visits}, crashes {crashes}, journal failures {journal_failures}, damages {damages}, \
             side events {side_events}, unit losses {unit_losses}, dead chips {dead_chips}, kinds of cards {}, \
             decisions {}, keys {}, messages in flight {}, refusals and faults: {refusals}, the unit {unit}, the PIN {pin}",
            self.cards.len(),
            self.decisions.len(),
            self.keys.len(),
            self.in_flight_max,
        )
    }
}

/// A card that a customer may have: whose it is, tries left (0: blocked), whether its chip is mute.
pub(crate) type CardKind = (Holder, u8, bool);

const KEYS: &[Key] = &[Key::Confirm, Key::Cancel, Key::Yes, Key::No];
/// Without cancel, where a visit that ends before anything was signed is of no interest.
const KEYS_ON: &[Key] = &[Key::Confirm, Key::Yes, Key::No];

const ONE_CARD: &[CardKind] = &[(Holder::Aoi, 3, false)];
const TWO_CARDS: &[CardKind] = &[(Holder::Aoi, 3, false), (Holder::Ren, 1, false)];
const ALL_CARDS: &[CardKind] = &[
    (Holder::Aoi, 3, false),
    (Holder::Ren, 2, false),
    (Holder::Ren, 1, false),
    (Holder::Aoi, 0, false),
    (Holder::Ren, 3, true),
];

const ONE_VISIT: Budget = Budget {
    visits: 1,
    crashes: 0,
    journal_failures: 0,
    damages: 0,
    side_events: 0,
    unit_losses: 0,
    dead_chips: 0,
};

const PLAIN: Policy = Policy {
    return_order: ReturnOrder::ReceiptThenCard,
    retain_after: None,
    time_extensions_max: 0,
    pad_entries_max: 2,
};

const BASE: Scenario = Scenario {
    name: "",
    policy: PLAIN,
    budget: ONE_VISIT,
    cards: TWO_CARDS,
    decisions: &DECISIONS,
    keys: KEYS,
    unit_holds: true,
    pin_at: PinAt::Slot,
    counter_moves: false,
    refusals: true,
    in_flight_max: 2,
};

/// Those of every test run.
pub(crate) fn all() -> Vec<Scenario> {
    let keeps = Policy { retain_after: NonZeroU8::new(1), ..PLAIN };
    let two_visits = Scenario { cards: ONE_CARD, keys: KEYS_ON, unit_holds: false, refusals: false, ..BASE };
    vec![
        Scenario {
            name: "one visit, a crash, a journal that fails, one that is damaged, a unit that is lost",
            budget: Budget { crashes: 1, journal_failures: 1, damages: 1, unit_losses: 1, ..ONE_VISIT },
            ..BASE
        },
        Scenario {
            name: "one visit, every card, a unit that lets it be pulled, a chip that dies, a unit that is lost, a crash",
            budget: Budget { crashes: 1, unit_losses: 1, dead_chips: 1, ..ONE_VISIT },
            cards: ALL_CARDS,
            unit_holds: false,
            ..BASE
        },
        Scenario {
            name: "two visits, two crashes",
            budget: Budget { visits: 2, crashes: 2, ..ONE_VISIT },
            keys: &[Key::Confirm],
            ..two_visits.clone()
        },
        Scenario {
            name: "two visits, receipts, a crash",
            budget: Budget { visits: 2, crashes: 1, ..ONE_VISIT },
            ..two_visits
        },
        Scenario {
            name: "the card comes before the receipt and may be kept, a unit that is lost, a crash",
            policy: Policy { return_order: ReturnOrder::CardThenReceipt, ..keeps },
            budget: Budget { crashes: 1, unit_losses: 1, ..ONE_VISIT },
            cards: ONE_CARD,
            ..BASE
        },
        Scenario {
            name: "a card that is not taken is kept, a unit that is lost, a crash",
            policy: keeps,
            budget: Budget { crashes: 1, unit_losses: 1, ..ONE_VISIT },
            cards: ONE_CARD,
            ..BASE
        },
        Scenario {
            name: "the card comes before the receipt and may be kept, a side event",
            policy: Policy { return_order: ReturnOrder::CardThenReceipt, time_extensions_max: 1, ..keeps },
            budget: Budget { side_events: 1, ..ONE_VISIT },
            cards: ONE_CARD,
            ..BASE
        },
        Scenario {
            name: "two side events, more time, a unit that is lost",
            policy: Policy { time_extensions_max: 1, ..PLAIN },
            budget: Budget { side_events: 2, unit_losses: 1, ..ONE_VISIT },
            cards: ONE_CARD,
            ..BASE
        },
        Scenario {
            name: "a side event, more time, a unit that is lost, a crash",
            policy: Policy { time_extensions_max: 1, ..PLAIN },
            budget: Budget { side_events: 1, unit_losses: 1, crashes: 1, ..ONE_VISIT },
            cards: ONE_CARD,
            ..BASE
        },
        two_crashes(),
        at_readers_pad(),
        Scenario {
            name: "a PIN at the reader's own pad, a card whose counter goes up and down by itself, more time",
            policy: Policy { time_extensions_max: 1, ..PLAIN },
            cards: ONE_CARD,
            pin_at: PinAt::Reader,
            counter_moves: true,
            ..BASE
        },
        Scenario {
            name: "a PIN at the reader's own pad, two side events, more time",
            policy: Policy { time_extensions_max: 1, ..PLAIN },
            budget: Budget { side_events: 2, ..ONE_VISIT },
            cards: ONE_CARD,
            pin_at: PinAt::Reader,
            ..BASE
        },
    ]
}

/// The same where the reader has a pad of its own, for the mistakes that can be made there.
pub(crate) fn at_readers_pad() -> Scenario {
    Scenario {
        name: "a PIN at the reader's own pad, a unit that is lost, a crash",
        budget: Budget { crashes: 1, unit_losses: 1, ..ONE_VISIT },
        pin_at: PinAt::Reader,
        ..BASE
    }
}

/// The smallest with everything that a promise is about: seeded mistakes are looked for in it.
pub(crate) fn two_crashes() -> Scenario {
    Scenario {
        name: "one visit, every card, two crashes",
        budget: Budget { crashes: 2, ..ONE_VISIT },
        cards: ALL_CARDS,
        ..BASE
    }
}

/// The same questions with larger bounds, for whoever has some minutes.
pub(crate) fn deep() -> Vec<Scenario> {
    let keeps = Policy { retain_after: NonZeroU8::new(2), ..PLAIN };
    vec![
        Scenario {
            name: "deep: one visit, every card, everything once",
            budget: Budget {
                crashes: 1,
                journal_failures: 1,
                damages: 1,
                unit_losses: 1,
                dead_chips: 1,
                ..ONE_VISIT
            },
            cards: ALL_CARDS,
            ..BASE
        },
        Scenario {
            name: "deep: two visits with two cards, a crash, three messages in flight",
            budget: Budget { visits: 2, crashes: 1, ..ONE_VISIT },
            keys: KEYS_ON,
            unit_holds: false,
            refusals: false,
            in_flight_max: 3,
            ..BASE
        },
        Scenario {
            name: "deep: the card comes before the receipt and may be kept, two cards, two losses, a crash",
            policy: Policy { return_order: ReturnOrder::CardThenReceipt, ..keeps },
            budget: Budget { crashes: 1, unit_losses: 2, ..ONE_VISIT },
            ..BASE
        },
        Scenario {
            name: "deep: three side events, two times more time, a unit that is lost, a crash",
            policy: Policy { time_extensions_max: 2, ..PLAIN },
            budget: Budget { side_events: 3, unit_losses: 1, crashes: 1, ..ONE_VISIT },
            cards: ONE_CARD,
            ..BASE
        },
        Scenario {
            name: "deep: three crashes, two losses, a journal that fails",
            budget: Budget { crashes: 3, unit_losses: 2, journal_failures: 1, ..ONE_VISIT },
            ..BASE
        },
    ]
}
