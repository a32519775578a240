//! What is true about the visit at hand, and what people were told: kept by the world, compared by `promises.rs`.
//!
//! A reason that the screen gives for the end of a visit must be one of the visit's [`Visit::causes`]: the world notes one
//! whenever it lets something happen that may end a visit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use transaction::{EffectNo, Mode, Outcome, Screen, Visit as Names, VisitId};

use super::rows::Rows;
use crate::catalogue::Language;

/// The visit at hand.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    pub(super) names: Names,
    /// Codes of what happened that may end it.
    pub(super) causes: BTreeSet<&'static str>,
    /// The customer has said yes to the last try, since it was asked.
    pub(super) yes: bool,
    /// SHA-256 of the terms on the screen.
    pub(super) terms: Option<[u8; 32]>,
    /// When the customer confirmed them, by the terminal's clock.
    pub(super) confirmed: Option<Timestamp>,
    /// Since when the customer waits for the host.
    pub(super) sending_since: Option<Duration>,
    /// The unit took the card in, whoever put another one in since.
    pub(super) card_kept: bool,
    /// The card's session of this visit.
    pub(super) session: Option<u32>,
    /// The receipt that was asked for, and its picture when it is out.
    pub(super) print: Option<EffectNo>,
    pub(super) picture: Option<PathBuf>,
    /// Letters that the machine took.
    pub(super) letters: u64,
}

/// The PINs of one visit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pins {
    /// Confirmed by the customer.
    pub(super) entered: u32,
    /// Entries at the reader's own pad that the machine wanted.
    pub(super) asked_at_reader: u32,
    /// VERIFY commands that the machine wanted.
    pub(super) ordered: u32,
    /// VERIFY commands that a card got.
    pub(super) verified: u32,
}

/// What is true.
#[derive(Default)]
pub(super) struct Truth {
    /// On the screen, with the number of times that something was shown, and when.
    pub(super) screen: Option<Screen>,
    pub(super) page: u64,
    pub(super) shown_at: Duration,
    pub(super) warned_at: Option<Duration>,
    /// The machine says that it does not serve, and has no machine inside any more.
    pub(super) halted: bool,
    pub(super) visit: Option<Visit>,
    /// All visits of the run, and their requests.
    pub(super) visits: BTreeMap<[u8; 16], [u8; 16]>,
    /// How often a PIN was confirmed in a visit, and given to a card.
    pub(super) pins: BTreeMap<[u8; 16], Pins>,
    /// What was told about a request: the last word.
    pub(super) told: BTreeMap<[u8; 16], Outcome>,
    /// How the machine serves.
    pub(super) mode: Option<Mode>,
    pub(super) language: Language,
    /// The printer has said that it cannot.
    pub(super) cannot_print: bool,
    /// The state that takes the present event, and the event's kind.
    pub(super) state: &'static str,
    pub(super) expired: bool,
    /// Requests of journals that were set aside, as the last one had them.
    pub(super) set_aside: BTreeMap<[u8; 16], super::spy::Row>,
    /// Most commits of a visit: in fair weather, and in any other.
    pub(super) commits_fair_max: u64,
    pub(super) commits_max: u64,
    /// Visits that began, and that are wanted.
    pub(super) begun: u32,
    pub(super) wanted: u32,
    /// The journal on the disk is damaged where a start looks, and was not set aside yet.
    pub(super) damaged: bool,
    /// One was set aside, and the log of the next one did not say so when it was opened.
    pub(super) untold: bool,
    /// It is damaged where only the full check looks.
    pub(super) damaged_deep: bool,
    /// Journals that were set aside.
    pub(super) asides: usize,
    /// When the letter that is being read was posted, by the terminal's clock.
    pub(super) letter_at: Option<Timestamp>,
    /// Nothing goes wrong any more: the run comes to its end.
    pub(super) calming: bool,
    /// How often devices failed in a row.
    pub(super) rows: Rows,
    /// Codes of devices that were said to keep failing.
    pub(super) kept_failing: BTreeSet<&'static str>,
    /// The run is at its end.
    pub(super) over: bool,
    /// Events since the runtime looked at its post.
    pub(super) unbroken: u32,
}

impl Truth {
    pub(super) fn opened(&mut self, names: Names) {
        self.begun += 1;
        self.visits.insert(names.id.0, names.request.0);
        self.visit = Some(Visit {
            names,
            causes: BTreeSet::new(),
            yes: false,
            terms: None,
            confirmed: None,
            sending_since: None,
            card_kept: false,
            session: None,
            print: None,
            picture: None,
            letters: 0,
        });
    }

    pub(super) fn process_ended(&mut self) {
        self.visit = None;
        self.rows = Rows::default();
        self.kept_failing.clear();
        self.screen = None;
        self.warned_at = None;
        self.halted = false;
        self.mode = None;
        self.language = Language::default();
        self.cannot_print = false;
        self.page += 1;
    }

    /// Something that may end the visit at hand.
    pub(super) fn cause(&mut self, code: &'static str) {
        if let Some(visit) = &mut self.visit {
            visit.causes.insert(code);
        }
    }

    pub(super) fn session(&mut self, number: u32) {
        if let Some(visit) = &mut self.visit {
            visit.session = Some(number);
        }
    }

    /// The customer has confirmed a PIN.
    pub(super) fn entered_once(&mut self) {
        if let Some(id) = self.id() {
            self.pins.entry(id.0).or_default().entered += 1;
        }
    }

    pub(super) fn printed(&mut self, to: EffectNo, picture: Option<PathBuf>) {
        if let Some(visit) = self.visit.as_mut().filter(|visit| visit.print == Some(to)) {
            visit.picture = picture;
        }
    }

    /// Who sees the screen takes the card.
    pub(super) fn asks_to_take_card(&self) -> bool {
        self.halted || matches!(self.screen, Some(Screen::TakeCard | Screen::TakeFoundCard))
    }

    pub(super) fn id(&self) -> Option<VisitId> {
        self.visit.as_ref().map(|visit| visit.names.id)
    }
}
