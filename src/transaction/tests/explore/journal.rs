//! The model of the journal: what a restart finds.
//!
//! Of each record it keeps what recovery, outbox and the rules of the exploration ask for. Steps that were only noted
//! wait in a buffer; a commit writes them first.

use transaction::*;

use crate::world::{Few, VISITS_MAX, of_request, of_visit, visit};

/// The journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Journal {
    /// Something is in it.
    begun: bool,
    visits: [Kept; VISITS_MAX],
    noted: Few<(u8, Fact), 8>,
}

/// What is durable of one visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Kept {
    pub(crate) life: Life,
    /// The signed request is in the outbox.
    pub(crate) signed: bool,
    pub(crate) decided: Option<Decision>,
    /// Of an open visit: that the customer is told that it is pending.
    pub(crate) pending: bool,
    /// Of an open visit: that a receipt will be printed.
    pub(crate) receipt: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Life {
    Unknown,
    Open,
    Closed,
}

/// What a record changes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fact {
    Opened,
    Signed,
    Decided(Decision),
    Pending,
    Receipt,
    Closed,
}

/// Which fact a record is, of which visit.
fn fact(record: &Record) -> Option<(u8, Fact)> {
    let of = |id: VisitId, fact| Some((u8::try_from(of_visit(id)).unwrap(), fact));
    match *record {
        Record::VisitOpened(visit) => of(visit.id, Fact::Opened),
        Record::RequestSigned(visit) => of(visit.id, Fact::Signed),
        Record::ToldPending(visit) => of(visit.id, Fact::Pending),
        Record::ReceiptChosen { visit, wanted: true } => of(visit.id, Fact::Receipt),
        Record::VisitClosed { visit, .. } => of(visit.id, Fact::Closed),
        Record::VisitInterrupted { visit, .. } => of(visit, Fact::Closed),
        Record::Decided { request, decision } => {
            Some((u8::try_from(of_request(request)).unwrap(), Fact::Decided(decision)))
        }
        Record::ReceiptChosen { wanted: false, .. }
        | Record::Started { .. }
        | Record::CardUnitReady
        | Record::CardFoundAtStart
        | Record::FoundCardTaken
        | Record::ChallengeReceived(_)
        | Record::Consented(_)
        | Record::Card(_)
        | Record::CardRead { .. }
        | Record::Prepared(_)
        | Record::LastTryAccepted(_)
        | Record::PinEntered(_)
        | Record::PinVerified(_)
        | Record::PinWrong { .. }
        | Record::NoDecision { .. }
        | Record::Stopped { .. }
        | Record::ReceiptPrinted(_)
        | Record::CardReturning(_)
        | Record::CardTaken(_)
        | Record::CardNotTaken(_)
        | Record::CardRetaining(_)
        | Record::CardRetained(_)
        | Record::CardUnseen(_)
        | Record::Fault(_)
        | Record::TimeWarned(_)
        | Record::TimeExtended(_)
        | Record::HelpShown
        | Record::LanguageChosen(_)
        | Record::ModeChosen(_)
        | Record::Printing(_)
        | Record::Ordered(_)
        | Record::OutOfService(_)
        | Record::OutboxPassed { .. }
        | Record::Stale { .. }
        | Record::KeyIgnored(_)
        | Record::BeginIgnored(_)
        | Record::TriesShown { .. }
        | Record::PinAskedAtReader(_)
        | Record::PinNotPresented { .. }
        | Record::TriesLost { .. } => None,
    }
}

impl Journal {
    pub(crate) const FRESH: Self = Self {
        begun: false,
        visits: [Kept { life: Life::Unknown, signed: false, decided: None, pending: false, receipt: false };
            VISITS_MAX],
        noted: Few::EMPTY,
    };

    /// Takes a step's records.
    pub(crate) fn take(&mut self, records: &[Record], durably: bool) {
        for fact in records.iter().filter_map(fact) {
            self.noted.push(fact);
        }
        if durably {
            self.begun = true;
            self.flush(self.noted.len());
        }
    }

    /// The oldest of what was noted becomes durable.
    pub(crate) fn flush(&mut self, count: usize) {
        self.begun |= count > 0;
        for _ in 0..count {
            let (visit, fact) = self.noted.get(0);
            self.noted.remove(0);
            let kept = &mut self.visits[usize::from(visit)];
            match fact {
                Fact::Opened => kept.life = Life::Open,
                Fact::Signed => kept.signed = true,
                Fact::Decided(decision) => kept.decided = Some(decision),
                Fact::Pending => kept.pending = true,
                Fact::Receipt => kept.receipt = true,
                Fact::Closed => kept.close(),
            }
        }
    }

    pub(crate) fn forget_noted(&mut self) {
        self.noted = Few::EMPTY;
    }

    pub(crate) fn noted(&self) -> usize {
        self.noted.len()
    }

    pub(crate) fn has_noted(&self, visit: usize, fact: Fact) -> bool {
        self.noted.iter().any(|noted| noted == (u8::try_from(visit).unwrap(), fact))
    }

    pub(crate) fn begun(&self) -> bool {
        self.begun
    }

    pub(crate) fn visit(&self, number: usize) -> &Kept {
        &self.visits[number]
    }

    /// What the terminal finds when it opens its journal.
    pub(crate) fn recovery(&self) -> Recovery {
        if !self.begun {
            return Recovery::Fresh;
        }
        let open: Vec<_> = (0..VISITS_MAX)
            .filter(|number| self.visits[*number].life == Life::Open)
            .map(|number| OpenVisit {
                id: visit(number).id,
                signed: self.visits[number].signed.then(|| visit(number).request),
            })
            .collect();
        if open.is_empty() { Recovery::Clean } else { Recovery::Interrupted(open) }
    }

    /// It is damaged and set aside: only the outbox is taken over.
    pub(crate) fn damage(&mut self) {
        for kept in &mut self.visits {
            if kept.life == Life::Open {
                kept.close();
            }
        }
    }

    /// Requests without a decision, one bit each.
    pub(crate) fn outbox(&self) -> u8 {
        let undecided = |kept: &Kept| kept.signed && kept.decided.is_none();
        let bits = self.visits.iter().enumerate().filter(|(_, kept)| undecided(kept));
        bits.fold(0, |all, (number, _)| all | 1 << number)
    }
}

impl Kept {
    fn close(&mut self) {
        self.life = Life::Closed;
        self.pending = false;
        self.receipt = false;
    }
}
