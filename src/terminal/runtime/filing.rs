//! From letters to events: papers are filed, and what can be decided on paper is decided, before the machine hears of it.

use std::sync::Arc;

use jiff::Timestamp;
use request::CardCertificate;
use transaction::{
    Answer, CardAnswer, CardEvent, ChallengeAnswer, EffectNo, Event, PrintAnswer, SignAnswer, Tries, VisitId,
};

use super::Runtime;
use crate::clock;
use crate::queue::{Message, Story};

impl Runtime {
    /// Files a letter's papers. `None` when the machine need not hear of it.
    pub(super) fn file(&mut self, at: Timestamp, message: Message, story: Story) -> Option<(Event, Story)> {
        match message {
            Message::Event(event) => {
                match event {
                    Event::Answer { answer: Answer::Pin(_), .. } => self.keys_open(),
                    Event::Card(card) => self.card_inside = card != CardEvent::Removed,
                    _ => {}
                }
                Some((event, story))
            }
            Message::Challenge { to, visit, asked_at, challenge } => {
                let (answer, more) = self.file_challenge(visit, asked_at, at, &challenge);
                Some((Event::Answer { to, answer: Answer::Challenge(answer) }, story.and(more)))
            }
            Message::CardRead { to, visit, card, tries } => {
                Some((self.file_card(to, visit, *card, tries, at), story))
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
                if let Some(papers) = self.folder.visit_mut() {
                    papers.receipt = picture;
                }
                Some((Event::Answer { to, answer: Answer::Print(PrintAnswer::Printed) }, story))
            }
            Message::CardTally(tally) => {
                if let Some(papers) = self.folder.visit_mut() {
                    papers.tally = tally;
                }
                None
            }
            Message::Dots(entered) => {
                self.parts.screen.dots(entered);
                None
            }
            Message::HostJobDone => {
                self.host_jobs = self.host_jobs.saturating_sub(1);
                None
            }
        }
    }

    fn file_challenge(
        &mut self,
        visit: VisitId,
        asked_at: Timestamp,
        came_at: Timestamp,
        challenge: &wire::ChallengeAnswer,
    ) -> (ChallengeAnswer, Story) {
        match self.parts.office.take_challenge(asked_at, came_at, challenge) {
            Ok(terms) => {
                if let Some(papers) = self.folder.of(visit) {
                    papers.terms = Some(terms);
                }
                (ChallengeAnswer::Received, Story::default())
            }
            Err(refused) => refused,
        }
    }

    fn file_card(
        &mut self,
        to: EffectNo,
        visit: VisitId,
        card: CardCertificate,
        tries: Tries,
        at: Timestamp,
    ) -> Event {
        let expires_soon = self.parts.config.limits.ends_soon(at, card.not_after());
        if let Some(papers) = self.folder.of(visit) {
            papers.card = Some(card);
        }
        Event::Answer { to, answer: Answer::Card(CardAnswer::Read { tries, expires_soon }) }
    }

    fn file_signature(&mut self, visit: VisitId, signature: &[u8]) -> (SignAnswer, Story) {
        let prepared = self.folder.of(visit).and_then(|papers| {
            papers.card_us_waited = Some(papers.tally.card_us);
            Some((papers.visit.request, papers.prepared.take()?))
        });
        // A signature for a visit that is over: the machine will call it stale.
        let Some((request, prepared)) = prepared else { return (SignAnswer::Signed, Story::default()) };
        match self.parts.office.assemble(prepared, signature, clock::now()) {
            Ok(cms) => {
                self.folder.file_request(request, Arc::from(cms));
                (SignAnswer::Signed, Story::default())
            }
            Err(refused) => refused,
        }
    }

    fn keys_open(&self) {
        if let Some(keys) = &self.parts.keys {
            keys.open();
        }
    }
}
