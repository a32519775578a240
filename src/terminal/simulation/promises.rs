//! The promises, each at the moment when it could be broken (docs/architecture.md; `mod.rs` has the list).
//!
//! Invariant: what is compared with is the world's own knowledge or the journal's durable content, never what the machine
//! believes.

use devices::printer::Receipt;
use transaction::{Decision, Device, Outcome, Refusal, Screen};
use uuid::Uuid;

use super::diary::short;
use super::world::{Sabotage, World};
use crate::catalogue::Facts;
use crate::host_client::Recorded;
use crate::paperwork::Consented;
use crate::report::Report;
use crate::screen;

/// The runtime's own work, and letters before the one that matters, take a little of the customer's time.
const WAIT_SLACK_MS: u128 = 150;

/// Sent, asked, looked up.
impl World {
    /// Recorded before done: what is sent is durable, byte for byte, and undecided.
    pub(super) fn check_recorded(&mut self, recorded: &Recorded) {
        let row = self.spy().request(recorded.request);
        let same = row.is_some_and(|row| row.cms.as_deref() == Some(&*recorded.cms));
        self.holds("recorded-before-done", same, || {
            format!("request {} is sent and is not in the outbox", short(&recorded.request.0))
        });
    }

    /// What the customer agrees to is what was on the screen, at the time of the key.
    pub(super) fn check_consent(&mut self, consented: &Consented<'_>) {
        let visit = self.truth.visit.as_ref();
        let shown = visit.and_then(|visit| visit.terms);
        let signed = *consented.terms.shown.sha256().as_bytes();
        self.holds("shown-is-signed", shown == Some(signed), || {
            "the terms in the request are not those on the screen".to_owned()
        });
        let confirmed = self.truth.visit.as_ref().and_then(|visit| visit.confirmed);
        self.holds("shown-is-signed", confirmed == Some(consented.consent_time), || {
            format!("consent is dated {}, and the key came at {confirmed:?}", consented.consent_time)
        });
    }
}

/// The PIN.
impl World {
    /// The pad takes a PIN only when the tries that the card has are on the screen.
    pub(super) fn check_pin_is_asked(&mut self) {
        let shown = match self.truth.screen {
            Some(Screen::EnterPin { tries_left, .. }) => Some(tries_left.get()),
            _ => None,
        };
        self.check_tries_shown(shown);
    }

    /// So many tries are on the screen.
    pub(super) fn check_tries_shown(&mut self, shown: Option<u8>) {
        let tries = self.unit.card.map(|who| self.lobby.people[who].card.tries);
        // A card that was pulled out, or exchanged, has told its tries before.
        let same = shown.is_some() && (tries.is_none() || tries == shown || !self.card_is_of_visit());
        self.holds("no-surprise-lock", same, || {
            format!("{shown:?} tries are on the screen, and {tries:?} on the card")
        });
    }

    /// VERIFY: recorded before, once for each entry, and on the last try only after a yes.
    pub(super) fn check_verify(&mut self) {
        let Some(id) = self.truth.id() else {
            self.broken("no-surprise-lock", "a PIN is to be checked and nobody is served".to_owned());
        };
        let pins = self.truth.pins.entry(id.0).or_default();
        pins.ordered += 1;
        let (entered, ordered) = (pins.entered, pins.ordered);
        self.holds("no-surprise-lock", ordered <= entered, || {
            format!("{ordered} times VERIFY for {entered} entries")
        });
        let recorded = self.spy().records(id, "pin-entered");
        self.holds("recorded-before-done", recorded >= ordered.min(9), || {
            format!("VERIFY number {ordered}, and {recorded} entries of a PIN are durable")
        });
        self.check_last_try_wanted();
    }

    /// The last try is used after a yes only.
    pub(super) fn check_last_try_wanted(&mut self) {
        let last = self.unit.card.is_some_and(|who| self.lobby.people[who].card.tries == 1);
        let yes = self.truth.visit.as_ref().is_some_and(|visit| visit.yes);
        self.holds("no-surprise-lock", !last || yes || !self.card_is_of_visit(), || {
            "the last try is used and nobody has said yes".to_owned()
        });
    }

    /// A card gets one.
    pub(super) fn count_verify(&mut self, visit: transaction::VisitId) {
        let pins = self.truth.pins.entry(visit.0).or_default();
        pins.verified += 1;
        let pins = *pins;
        self.holds("no-surprise-lock", pins.verified <= pins.entered, || {
            format!("a card got VERIFY {} times for {} entries", pins.verified, pins.entered)
        });
    }
}

/// What people are told.
impl World {
    pub(super) fn check_screen(&mut self, screen: &Screen, facts: &screen::Facts<'_>) {
        match screen {
            Screen::Result { outcome, expires_soon, receipt } => {
                self.check_waited();
                let possible = !self.truth.cannot_print;
                self.holds("told-the-truth", *receipt == possible, || {
                    format!("a receipt is offered: {receipt}, and can be printed: {possible}")
                });
                if *receipt {
                    self.check_receipt_is_offered();
                }
                self.check_told(*outcome, facts.words.acceptance.as_deref());
                self.check_notice(*expires_soon);
            }
            Screen::Stopped { outcome, tries_left } => {
                self.check_stopped(*outcome);
                if let Some(tries_left) = tries_left {
                    self.check_tries_shown(Some(tries_left.get()));
                }
            }
            Screen::Terms => {
                let terms = facts.terms.map(|terms| *terms.shown.sha256().as_bytes());
                let language = facts.terms.map(|terms| terms.shown.language().to_string());
                let wanted = self.truth.language.tag();
                self.holds("shown-is-signed", language.as_deref() == Some(wanted), || {
                    format!("the terms are shown in {language:?}, the customer reads {wanted}")
                });
                if let Some(visit) = &mut self.truth.visit {
                    visit.terms = terms;
                }
            }
            Screen::Sending => {
                let now = self.now();
                if let Some(visit) = &mut self.truth.visit {
                    visit.sending_since.get_or_insert(now);
                }
            }
            Screen::LastTry => {
                if let Some(visit) = &mut self.truth.visit {
                    visit.yes = false;
                }
            }
            Screen::LeavePad => {
                let waits = self.pin_at() == transaction::PinAt::Reader;
                self.holds("told-the-truth", waits, || {
                    "told to press cancel at a reader that has no pad".to_owned()
                });
                if self.truth.expired {
                    self.check_customers_time("AwaitPinOnPad", transaction::Limit::Pin);
                }
            }
            Screen::Retained => {
                let kept = self.truth.visit.as_ref().is_some_and(|visit| visit.card_kept);
                self.holds("told-the-truth", kept, || "a card is said to be kept, and is not".to_owned());
            }
            Screen::Menu => {
                self.check_devices_serve();
                let old = self.unit.has_old_card();
                self.holds("card-comes-back", !old, || {
                    "the menu is shown, and a card of before the start was not given back".to_owned()
                });
            }
            _ => {}
        }
        if facts.request.is_some() && self.truth.visit.is_some() {
            let own = self.truth.visit.as_ref().map(|visit| Uuid::from_bytes(visit.names.request.0));
            self.holds("told-the-truth", facts.request == own, || {
                format!("the screen speaks of request {:?} in the visit of {own:?}", facts.request)
            });
        }
    }

    /// Who waits for the host hears something in time.
    fn check_waited(&mut self) {
        let limit = u128::from(self.config.limits.host_decision_ms_max);
        let since = self.truth.visit.as_mut().and_then(|visit| visit.sending_since.take());
        if let Some(since) = since {
            let waited = (self.now() - since).as_millis();
            self.holds("host-wait", waited <= limit + WAIT_SLACK_MS, || {
                format!("the customer waited {waited} ms for the host, {limit} at most")
            });
        }
    }

    /// A result is that of the books: of the host's, and of the journal's, where it is durable before it is told.
    fn check_told(&mut self, outcome: Outcome, number: Option<&str>) {
        let Some(visit) = &self.truth.visit else {
            self.broken("told-the-truth", format!("{} is told to nobody", outcome.code()));
        };
        let request = visit.names.request;
        let row = self.spy().request(request);
        let books = self.host.books.get(&request.0);
        let decided = books.map(|decided| Outcome::from(decided.decision));
        let (books_number, books) = (books.and_then(|decided| decided.number.clone()), decided);
        let told = outcome.code();
        self.holds("recorded-before-done", row.is_some(), || {
            format!("{told} is told and the request is not durable")
        });
        let recorded = row.and_then(|row| row.decided);
        match outcome {
            Outcome::Pending => self.holds("told-the-truth", recorded.is_none(), || {
                format!("pending is told, and {recorded:?} is durable")
            }),
            Outcome::Registered | Outcome::AlreadyRegistered | Outcome::Rejected(_) => {
                let durable = recorded.is_some_and(|(code, _, _)| code == told);
                self.holds("recorded-before-done", durable, || format!("{told} is told and not durable"));
                let same = books == Some(outcome) && number == books_number.as_deref();
                self.holds("told-the-truth", same, || {
                    format!("{told} {number:?} is told, the host has {books:?} {books_number:?}")
                });
            }
            Outcome::Refused(_) | Outcome::Fault(_) => {
                self.broken("told-the-truth", format!("{told} is told as a result"));
            }
        }
        self.truth.told.insert(request.0, outcome);
        self.diary.outcome(outcome);
    }

    fn check_notice(&mut self, expires_soon: bool) {
        let Some(who) = self.unit.card.filter(|_| self.card_is_of_visit()) else { return };
        let card = if self.lobby.people[who].ends_soon { &self.fixture.short } else { &self.fixture.long };
        let soon = self.config.limits.ends_soon(self.wall(), card.not_after());
        // A clock that jumped by hours between the two looks can stand on the other side of the day.
        self.holds("told-the-truth", soon == expires_soon, || {
            format!("the notice that the certificate ends soon is {expires_soon}, and should be {soon}")
        });
    }

    /// A visit that was stopped sent nothing, and stopped for a reason that was there.
    fn check_stopped(&mut self, outcome: Outcome) {
        let Some(visit) = &self.truth.visit else {
            self.broken("told-the-truth", format!("{} is told to nobody", outcome.code()));
        };
        let (request, code) = (visit.names.request, outcome.code());
        let true_reason = visit.causes.contains(code);
        let causes = visit.causes.clone();
        self.holds("told-the-truth", true_reason, || {
            format!("the visit stopped with {code}, and what happened was {causes:?}")
        });
        let sent = self.spy().request(request).is_some() || self.host.books.contains_key(&request.0);
        self.holds("told-the-truth", !sent, || format!("{code} is told, and the request was sent"));
        self.truth.told.insert(request.0, outcome);
        self.diary.outcome(outcome);
    }

    /// A receipt says what is known when it is printed, in the customer's language.
    pub(super) fn check_receipt(&mut self, receipt: &Receipt) {
        let Some(visit) = &self.truth.visit else {
            self.broken("told-the-truth", "a receipt for nobody".to_owned());
        };
        let names = visit.names;
        let wanted = self.spy().records(names.id, "receipt-wanted");
        self.holds("recorded-before-done", wanted > 0, || "a receipt that nobody wanted".to_owned());
        let decided = self.spy().request(names.request).and_then(|row| row.decided);
        let books = self.host.books.get(&names.request.0).filter(|_| decided.is_some()).cloned();
        let outcome = books.as_ref().map_or(Outcome::Pending, |books| books.decision.into());
        let number = books.and_then(|books| books.number);
        let language = self.truth.language;
        let own = self.fixture.catalogues.iter().find(|catalogue| catalogue.language() == language).unwrap();
        let title = own.ending(&outcome, &Facts::default()).title == receipt.result;
        self.holds("told-the-truth", title, || {
            format!("the receipt says {}, known is {}", receipt.result, outcome.code())
        });
        let reference = crate::receipt::reference(Uuid::from_bytes(names.request.0));
        let has = |text: &str| receipt.rows.iter().any(|row| row.value.text() == text);
        let numbers = has(&reference) && number.as_deref().is_none_or(has);
        self.holds("told-the-truth", numbers, || "the receipt lacks a number".to_owned());
        let acceptances = receipt.rows.iter().filter(|row| row.value.text().starts_with("A-0")).count();
        self.holds("told-the-truth", acceptances == usize::from(number.is_some()), || {
            format!("the receipt has {acceptances} acceptance numbers, {number:?} is known")
        });
    }

    /// The result for programs. Where the process serves one visit it is seen at its end: what was decided since the result
    /// is not in it.
    pub(super) fn check_report(&mut self, report: &Report, at_end: bool) {
        let Some(visit) = self.truth.visit.take() else {
            self.broken("told-the-truth", "a report about no visit".to_owned());
        };
        let digits = self.pad.slot.is_some();
        self.holds("pin-forgotten", !digits, || "the visit is over, and a PIN is in the slot".to_owned());
        let request = visit.names.request;
        let still_open = self.spy().is_open(visit.names.id);
        self.holds("recorded-before-done", !still_open, || {
            "a visit is reported that is not durably closed".to_owned()
        });
        let row = self.spy().request(request);
        let signed = row.is_some();
        self.holds("told-the-truth", report.evidence.is_some() == signed, || {
            format!("the report names evidence: {:?}, a request is durable: {signed}", report.evidence)
        });
        let decided = row.is_some_and(|row| row.decided.is_some());
        let later = at_end && report.answer.is_none();
        self.holds("told-the-truth", later || report.answer.is_some() == decided, || {
            format!("the report names an answer: {:?}, a decision is durable: {decided}", report.answer)
        });
        let told = self.truth.told.get(&request.0).map(|told| told.code());
        // Who was told that it is pending may have gone before it was decided.
        let same = told == Some(report.code) || (told == Some("pending") && decided);
        self.holds("told-the-truth", same, || format!("{} is reported, {told:?} was told", report.code));
        let own = report.apdus == 0 || Some(report.apdus / 100) == visit.session;
        self.holds("told-the-truth", own, || {
            format!("{} commands are those of another visit's card", report.apdus)
        });
        let own = report.receipt.is_none() || report.receipt == visit.picture;
        self.holds("told-the-truth", own, || {
            format!("the report names receipt {:?}, this visit's is {:?}", report.receipt, visit.picture)
        });
        self.check_commits(report.commits, visit.letters);
    }

    fn check_commits(&mut self, commits: u64, letters: u64) {
        let fair = self.weather.is_fair() && !self.truth.calming;
        let limit = if fair { super::COMMITS_FAIR_MAX } else { super::COMMITS_MAX };
        self.holds("commits", commits <= limit, || {
            format!("{commits} commits in one visit of {letters} letters, {limit} at most")
        });
        let most = if fair { &mut self.truth.commits_fair_max } else { &mut self.truth.commits_max };
        *most = (*most).max(commits);
    }
}

impl World {
    /// Whether the card that is in is the one that the visit has read.
    fn card_is_of_visit(&self) -> bool {
        self.truth
            .visit
            .as_ref()
            .and_then(|visit| visit.session)
            .is_some_and(|number| self.session_has_card(number))
    }

    /// The reasons that are there when a visit begins.
    pub(super) fn note_standing_causes(&mut self) {
        if let Some(fault) = self.unit.lost {
            self.truth.cause(fault.code);
        }
        if self.unit.is_mute() {
            self.truth.cause(Refusal::CardUnreadable.code());
        }
        if self.config.closed.reopens(self.wall()).is_some() {
            self.truth.cause(Refusal::HostClosed.code());
        }
        if self.spy().undecided() >= self.config.limits.outbox_entries_max {
            self.truth.cause("outbox-full");
        }
    }

    /// The card's place, at the end of the run.
    pub(super) fn check_card_is_out(&mut self) {
        let inside = self.unit.card;
        self.holds("card-comes-back", inside.is_none(), || {
            format!("at the end the card of person {inside:?} is in the machine")
        });
    }

    /// The books of terminal and host, at the end of the run: none lost, none double, none different.
    pub(super) fn check_books(&mut self) {
        let mut rows = self.truth.set_aside.clone();
        rows.extend(self.spy().requests().into_iter().map(|(request, row)| (request.0, row)));
        for (request, row) in &rows {
            let Some((code, number, file)) = &row.decided else {
                self.broken("books-agree", format!("request {} has no decision", short(request)));
            };
            let Some(books) = self.host.books.get(request).cloned() else {
                self.broken("books-agree", format!("the host does not know request {}", short(request)));
            };
            let same = Outcome::from(books.decision).code() == code
                && books.number == *number
                && file.as_deref().is_none_or(|file| file == books.file)
                && row.cms.as_deref().is_none_or(|cms| cms == books.cms);
            self.holds("books-agree", same, || {
                format!("request {}: {code} {number:?} here, {books:?} there", short(request))
            });
            let visit = self.truth.visits.get(&row.visit.0);
            self.holds("books-agree", visit == Some(request), || "a request of another visit".to_owned());
        }
        let (here, there) = (rows.len(), self.host.books.len());
        self.holds("books-agree", here == there, || format!("{here} requests here, {there} there"));
        let told = self.truth.told.clone();
        for (request, outcome) in told {
            let books = self.host.books.get(&request).map(|books| Outcome::from(books.decision));
            let fits = match outcome {
                Outcome::Pending => books.is_some(),
                Outcome::Refused(_) | Outcome::Fault(_) => books.is_none(),
                other => books == Some(other),
            };
            self.holds("told-the-truth", fits, || {
                format!("{} was told about {}, the host has {books:?}", outcome.code(), short(&request))
            });
        }
        let double = self.host.books.values().filter(|books| books.times != 1).count();
        self.holds("decided-once", double == 0, || format!("{double} requests were decided more than once"));
        self.check_numbers();
    }

    /// No acceptance number was given to two registrations.
    fn check_numbers(&mut self) {
        let new = self.host.books.values().filter(|books| books.decision == Decision::Registered);
        let mut numbers: Vec<_> = new.filter_map(|books| books.number.clone()).collect();
        let all = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        let once = numbers.len();
        self.holds("decided-once", once == all, || "a number was given twice".to_owned());
    }

    /// In a run of a bug put in on purpose the customer is told too much.
    pub(super) fn sabotaged(&self, screen: Screen) -> Screen {
        match screen {
            Screen::Result { outcome: Outcome::Pending, expires_soon, receipt }
                if self.is_sabotaged_by(Sabotage::ScreenPromises) =>
            {
                Screen::Result { outcome: Outcome::Registered, expires_soon, receipt }
            }
            other => other,
        }
    }

    /// A fault of the terminal itself is one of our bugs, but for those that come from outside.
    pub(super) fn check_own_fault(&mut self, fault: transaction::Fault) {
        let ours = fault.device == Device::Terminal
            && ["program-error", "own-request-invalid", "card-step-out-of-order", "pin-slot-lost"]
                .contains(&fault.code);
        self.holds("no-bug", !ours, || format!("the terminal says of itself: {}", fault.code));
    }
}
