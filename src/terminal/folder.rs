//! The papers of a visit: what the machine's small names stand for.
//!
//! Invariant: papers are filed by name before the machine hears of them, and found by the same name; a late paper of an
//! earlier visit never lands in the present one's folder.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use request::{CardCertificate, Prepared};
use transaction::{EffectNo, RequestId, Visit, VisitId};
use wire::{TermsText, TermsVersion};

use crate::catalogue::Language;
use crate::desks::Moment;
use crate::queue::{AnswerPaper, CardTally};

/// Everything that is kept between two events.
#[derive(Default)]
pub(crate) struct Folder {
    visit: Option<VisitPapers>,
    /// Signed requests on their way, by request id.
    requests: BTreeMap<[u8; 16], Arc<[u8]>>,
    /// Verified answers that are not yet filed, by request id.
    answers: BTreeMap<[u8; 16], AnswerPaper>,
}

/// The papers of the visit at hand, in the order in which they come.
pub(crate) struct VisitPapers {
    pub(crate) visit: Visit,
    pub(crate) began: Instant,
    pub(crate) terms: Option<Terms>,
    pub(crate) consent_time: Option<Timestamp>,
    pub(crate) card: Option<CardCertificate>,
    pub(crate) prepared: Option<Prepared>,
    pub(crate) acceptance_number: Option<String>,
    /// The request was signed, recorded and filed.
    pub(crate) signed: bool,
    /// The host decided.
    pub(crate) decided: bool,
    /// The receipt that is wanted.
    pub(crate) print: Option<EffectNo>,
    pub(crate) receipt: Option<PathBuf>,
    /// What the card's session cost so far.
    pub(crate) tally: CardTally,
    /// Of its time, what passed before the signature; afterwards nobody waits for the card.
    pub(crate) card_us_waited: Option<u64>,
}

/// The terms in the language in which they are shown, and the challenge that came with them.
pub(crate) struct Terms {
    pub(crate) all: TermsVersion,
    /// The text before the customer: what is hashed into the request.
    pub(crate) shown: TermsText,
    pub(crate) challenge: [u8; 32],
    /// When the challenge came, on both of this machine's clocks.
    pub(crate) came: Moment,
    /// The card must have signed by then, by the host's clock.
    pub(crate) consent_by: Timestamp,
    /// The request must have arrived by then, by the host's clock.
    pub(crate) accept_until: Timestamp,
}

impl Terms {
    /// The text for who reads this language: its own, or the first one.
    pub(crate) fn choose(all: &TermsVersion, language: Language) -> Option<&TermsText> {
        all.text(language.tag()).or_else(|| all.texts().first())
    }

    /// The customer chose a language, before the consent.
    pub(crate) fn show_in(&mut self, language: Language) {
        if let Some(text) = Self::choose(&self.all, language) {
            self.shown = text.clone();
        }
    }
}

impl Folder {
    /// A new visit; the papers of the one before are thrown away. Requests without a decision are in the journal.
    pub(crate) fn open(&mut self, visit: Visit, began: Instant) {
        self.requests.clear();
        self.visit = Some(VisitPapers {
            visit,
            began,
            terms: None,
            consent_time: None,
            card: None,
            prepared: None,
            acceptance_number: None,
            signed: false,
            decided: false,
            print: None,
            receipt: None,
            tally: CardTally::default(),
            card_us_waited: None,
        });
    }

    /// The present visit's papers.
    pub(crate) fn visit(&self) -> Option<&VisitPapers> {
        self.visit.as_ref()
    }

    /// The present visit's papers, to file something.
    pub(crate) fn visit_mut(&mut self) -> Option<&mut VisitPapers> {
        self.visit.as_mut()
    }

    /// The papers of this visit, when it is the present one.
    pub(crate) fn of(&mut self, visit: VisitId) -> Option<&mut VisitPapers> {
        self.visit.as_mut().filter(|papers| papers.visit.id == visit)
    }

    /// Files a signed request. Whether the visit still waits for it the machine decides.
    pub(crate) fn file_request(&mut self, request: RequestId, cms: Arc<[u8]>) {
        self.requests.insert(request.0, cms);
    }

    /// The signed request is recorded, and where operators find it.
    pub(crate) fn request_filed(&mut self, request: RequestId) {
        if let Some(papers) = self.visit.as_mut().filter(|papers| papers.visit.request == request) {
            papers.signed = true;
        }
    }

    /// Files a verified answer.
    pub(crate) fn file_answer(&mut self, answer: AnswerPaper) {
        if let Some(papers) = self.visit.as_mut().filter(|papers| papers.visit.request == answer.request) {
            papers.acceptance_number.clone_from(&answer.acceptance_number);
            papers.decided = true;
        }
        self.answers.insert(answer.request.0, answer);
    }

    /// A signed request.
    pub(crate) fn request(&self, request: RequestId) -> Option<&Arc<[u8]>> {
        self.requests.get(&request.0)
    }

    /// A verified answer.
    pub(crate) fn answer(&self, request: RequestId) -> Option<&AnswerPaper> {
        self.answers.get(&request.0)
    }

    /// Request and answer are where they belong; they need not be kept here any longer.
    pub(crate) fn forget(&mut self, request: RequestId) {
        self.requests.remove(&request.0);
        self.answers.remove(&request.0);
    }
}
