//! From letters to events: papers are filed, and what can be decided on paper is decided, before the machine hears of it.

use std::sync::Arc;

use jiff::Timestamp;
use request::CardCertificate;
use transaction::{
    Answer, CardAnswer, CardEvent, ChallengeAnswer, Device, EffectNo, Event, Fault, FaultKind, Key, Order,
    PinAnswer, PrintAnswer, RetainAnswer, SignAnswer, VisitId,
};

use super::{Goal, Runtime};
use crate::card_words::SLOT_LOST;
use crate::desks::Moment;
use crate::queue::{Message, Story};

impl Runtime {
    /// Files a letter's papers. `None` when the machine need not hear of it.
    pub(super) fn file(&mut self, at: Timestamp, message: Message, story: Story) -> Option<(Event, Story)> {
        match message {
            Message::Event(event) => self.heard(event).map(|event| (event, story)),
            Message::Challenge { to, visit, asked_at, challenge } => {
                let (answer, more) = self.file_challenge(visit, asked_at, at, &challenge);
                Some((Event::Answer { to, answer: Answer::Challenge(answer) }, story.and(more)))
            }
            Message::CardRead { to, visit, card, tries, pin_at } => {
                let expires_soon = self.file_card(visit, *card, at);
                let answer = Answer::Card(CardAnswer::Read { tries, expires_soon, pin_at });
                Some((Event::Answer { to, answer }, story))
            }
            Message::Signature { to, visit, signature } => {
                let (answer, more) = self.file_signature(visit, &signature);
                Some((Event::Answer { to, answer: Answer::Sign(answer) }, story.and(more)))
            }
            Message::Decided(paper) => {
                let event = Event::HostDecided { request: paper.request, decision: paper.decision };
                self.folder.file_answer(*paper);
                Some((event, story))
            }
            Message::Printed { to, picture } => {
                // One that comes late is not the receipt of the customer who stands here now.
                if let Some(papers) = self.folder.visit_mut().filter(|papers| papers.print == Some(to)) {
                    papers.receipt = picture;
                }
                Some((Event::Answer { to, answer: Answer::Print(PrintAnswer::Printed) }, story))
            }
            Message::CardTally { visit, tally } => {
                if let Some(papers) = self.folder.of(visit) {
                    papers.tally = tally;
                }
                None
            }
            Message::Dots(entered) => {
                self.parts.screen.dots(entered);
                Some((Event::PadTouched, story))
            }
            Message::Language(language) => Some((Event::Language(self.language_no(language)?), story)),
            Message::Terminate => {
                self.terminating = true;
                Some((Event::Order(Order::StopNow), story))
            }
            Message::KeysEnded => self.keys_ended(story),
            Message::Retained { to, place } => Some(retained(to, place, story)),
            Message::JournalDamaged { code } => {
                self.journal_damaged = true;
                let fault = Fault { device: Device::Terminal, kind: FaultKind::NeedsOperator, code };
                Some((Event::Unfit(fault), story))
            }
            Message::JournalWhole(report) => {
                self.journal_is_whole(&report);
                None
            }
            Message::PrinterLooked(status) => Some((self.printer_looked(status), story)),
            Message::OtherReader { reader, event } => {
                self.other_reader(reader, &event, at);
                None
            }
            Message::HostJobDone => {
                self.host_job_done();
                None
            }
        }
    }

    /// What this thread does about an event before the machine hears of it.
    fn heard(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Answer { answer: Answer::Pin(answer), .. } => {
                self.keys_open();
                if answer == PinAnswer::Failed(SLOT_LOST) {
                    self.end_for_the_slot();
                }
            }
            Event::Order(Order::Resume) if self.journal_damaged => {
                tracing::error!(
                    "not resumed: the journal is damaged; start this program again, which sets it aside"
                );
                return None;
            }
            Event::Order(Order::Resume) if self.terminating => {
                tracing::warn!("not resumed: this process is to end");
                return None;
            }
            Event::Printing(printing) => return Some(Event::Printing(self.health.may_print(printing))),
            Event::Card(card) => {
                self.card_inside = Some(card != CardEvent::Removed);
                self.keep_the_way_in(card);
            }
            Event::Key(Key::Confirm) if self.menu => {
                // The menu's one key: the visit that it begins gets its name here.
                self.begin();
                return None;
            }
            _ => {}
        }
        Some(event)
    }

    fn file_challenge(
        &mut self,
        visit: VisitId,
        asked_at: Timestamp,
        came_at: Timestamp,
        challenge: &wire::ChallengeAnswer,
    ) -> (ChallengeAnswer, Story) {
        let came = Moment { wall: came_at, steady: self.parts.clock.instant() };
        let taken = self.parts.office.take_challenge(asked_at, came, challenge);
        self.clock_compared(taken.is_ok());
        match taken {
            Ok(mut terms) => {
                terms.show_in(self.catalogue().language());
                if let Some(papers) = self.folder.of(visit) {
                    papers.terms = Some(terms);
                }
                (ChallengeAnswer::Received, Story::default())
            }
            Err(refused) => refused,
        }
    }

    /// Whether its certificate ends soon.
    fn file_card(&mut self, visit: VisitId, card: CardCertificate, at: Timestamp) -> bool {
        let expires_soon = self.parts.config.limits.ends_soon(at, card.not_after());
        if let Some(papers) = self.folder.of(visit) {
            papers.card = Some(card);
        }
        expires_soon
    }

    fn file_signature(&mut self, visit: VisitId, signature: &[u8]) -> (SignAnswer, Story) {
        let now = self.moment();
        let papers = self.folder.of(visit).and_then(|papers| {
            papers.card_us_waited = Some(papers.tally.card_us);
            Some((papers.visit.request, papers.prepared.take()?, papers.terms.as_ref()?))
        });
        // A signature for a visit that is over: the machine will call it stale.
        let Some((request, prepared, terms)) = papers else { return (SignAnswer::Signed, Story::default()) };
        match self.parts.office.assemble(prepared, signature, terms, now) {
            Ok(cms) => {
                self.folder.file_request(request, Arc::from(cms));
                (SignAnswer::Signed, Story::default())
            }
            Err(refused) => refused,
        }
    }

    /// The PIN's page is with a call that does not come back. Only a new process has a new one: after this visit this one
    /// ends, and whoever started it starts it again.
    fn end_for_the_slot(&mut self) {
        tracing::error!("the PIN's page is with a call that hangs: this process ends after the visit");
        self.terminating = true;
        self.give_self(Event::Order(Order::StopAfterVisit), Story::default());
    }

    fn keys_open(&self) {
        if let Some(keys) = &self.parts.keys {
            keys.open();
        }
    }

    /// Nobody can press anything any more: whoever starts this service again starts the screen, too. A visit that is going on
    /// ends as its times do. The one visit of a process ends by itself.
    fn keys_ended(&mut self, story: Story) -> Option<(Event, Story)> {
        match self.goal {
            Goal::Serve => {
                tracing::warn!(
                    "standard input has ended, so no key can come: the service ends after the visit"
                );
                self.terminating = true;
                Some((Event::Order(Order::StopAfterVisit), story))
            }
            Goal::Register | Goal::Deliver => None,
        }
    }
}

/// Where the card lies goes into the log, for the person who comes for it.
fn retained(to: EffectNo, place: String, story: Story) -> (Event, Story) {
    let place = Story { what: Some(place), ..Story::default() };
    (Event::Answer { to, answer: Answer::Retain(RetainAnswer::Retained) }, place.and(story))
}
