//! From challenge and consent to the signed request: what is written, checked and put together between the devices.
//!
//! Invariants:
//! - What was shown is what is signed: the hash in the request is that of the text on the screen.
//! - The terminal verifies its own request as the host will, before it is recorded.
//! - Nothing is dated by a wall clock that jumped since the host's time was compared with it: the steady clock tells.

use jiff::{SignedDuration, Timestamp, ToSpan};
use request::{
    AssembleFault, CardCertificate, EvidenceSigner, Prepared, RequestContent, RequestPolicy, RequestRefused,
    TrustAnchor, TrustPolicy, verify_request,
};
use transaction::{ChallengeAnswer, Device, Fault, FaultKind, PrepareAnswer, Refusal, RequestId, SignAnswer};
use uuid::Uuid;

use crate::card_words;
use crate::catalogue::Language;
use crate::desks::{Clerk, Moment};
use crate::folder::Terms;
use crate::queue::Story;

/// What paperwork needs besides the papers.
pub(crate) struct Office {
    pub(crate) terminal_id: String,
    /// The language of the screens, until the customer chooses another.
    pub(crate) language: Language,
    pub(crate) evidence: Box<dyn EvidenceSigner>,
    pub(crate) card_trust: std::sync::Arc<TrustPolicy>,
    pub(crate) terminal_anchors: Vec<TrustAnchor>,
    pub(crate) clock_skew_ms_max: u32,
}

/// What a request is made of.
pub(crate) struct Consented<'a> {
    pub(crate) request: RequestId,
    pub(crate) terms: &'a Terms,
    pub(crate) consent_time: Timestamp,
    pub(crate) card: &'a CardCertificate,
}

const OUR_FAULT: Fault =
    Fault { device: Device::Terminal, kind: FaultKind::Broken, code: "own-request-invalid" };

impl Office {
    /// `Some`: the wall clock has jumped since the challenge came, and nothing may be dated by it.
    pub(crate) fn jumped(&self, since: Moment, now: Moment) -> Option<(Fault, Story)> {
        let steady = now.steady.saturating_duration_since(since.steady);
        let drift = now.wall.duration_since(since.wall) - SignedDuration::try_from(steady).ok()?;
        if drift.abs() <= SignedDuration::from_millis(i64::from(self.clock_skew_ms_max)) {
            return None;
        }
        let fault = Fault { device: Device::Clock, kind: FaultKind::NeedsOperator, code: "clock-jumped" };
        let what = format!("this clock jumped by {} s during the visit", drift.as_secs());
        Some((fault, Story { what: Some(what), ..Story::default() }))
    }
}

impl Clerk for Office {
    fn take_challenge(
        &self,
        asked_at: Timestamp,
        came: Moment,
        challenge: &wire::ChallengeAnswer,
    ) -> Result<Terms, (ChallengeAnswer, Story)> {
        let host_time = challenge.host_time.timestamp();
        let skew = skew(asked_at, came.wall, host_time);
        if skew > SignedDuration::from_millis(i64::from(self.clock_skew_ms_max)) {
            let fault = Fault { device: Device::Clock, kind: FaultKind::NeedsOperator, code: "clock-skew" };
            let what = format!("this clock and the host's differ by {} s", skew.as_secs());
            return Err((ChallengeAnswer::Failed(fault), Story { what: Some(what), ..Story::default() }));
        }
        let unusable = |what: &str| {
            let fault =
                Fault { device: Device::Host, kind: FaultKind::NeedsOperator, code: "answer-invalid" };
            (ChallengeAnswer::Failed(fault), Story { what: Some(what.to_owned()), ..Story::default() })
        };
        let terms = &challenge.terms;
        let shown =
            Terms::choose(terms, self.language).ok_or_else(|| unusable("the terms have no text"))?.clone();
        let after = |span| {
            host_time.checked_add(span).map_err(|_| unusable("a time of the challenge is out of range"))
        };
        Ok(Terms {
            all: terms.clone(),
            shown,
            challenge: *challenge.challenge.as_bytes(),
            came,
            consent_by: after(i64::from(challenge.consent_by_s).seconds())?,
            accept_until: after(i64::from(challenge.accept_until_days).saturating_mul(24).hours())?,
        })
    }

    fn prepare(&self, consented: &Consented<'_>, now: Moment) -> Result<Prepared, (PrepareAnswer, Story)> {
        if let Some((fault, story)) = self.jumped(consented.terms.came, now) {
            return Err((PrepareAnswer::Failed(fault), story));
        }
        let now = now.wall;
        if now > consented.terms.consent_by {
            return Err((PrepareAnswer::Refused(Refusal::TookTooLong), Story::default()));
        }
        let content = RequestContent {
            request_id: Uuid::from_bytes(consented.request.0),
            terms_version: consented.terms.all.version().to_string(),
            terms_language: consented.terms.shown.language().to_string(),
            terms_sha256: *consented.terms.shown.sha256().as_bytes(),
            consent_time: consented.consent_time,
            terminal_id: self.terminal_id.clone(),
            challenge: consented.terms.challenge,
            certificate_sha256: consented.card.sha256(),
        };
        request::prepare(&content, consented.card, now)
            .map_err(|error| (PrepareAnswer::Failed(OUR_FAULT), Story::of(&error)))
    }

    fn assemble(
        &self,
        prepared: Prepared,
        signature: &[u8],
        terms: &Terms,
        now: Moment,
    ) -> Result<Vec<u8>, (SignAnswer, Story)> {
        if let Some((fault, story)) = self.jumped(terms.came, now) {
            return Err((SignAnswer::Failed(fault), story));
        }
        let signed = prepared.assemble(signature, &*self.evidence).map_err(|error| {
            let answer = match &error {
                AssembleFault::CardSignature(_) => SignAnswer::Refused(Refusal::CardKeyMismatch),
                AssembleFault::Sign(_)
                | AssembleFault::EvidenceCertificate(_)
                | AssembleFault::EvidenceSignature(_) => SignAnswer::Failed(Fault {
                    device: Device::Terminal,
                    kind: FaultKind::NeedsOperator,
                    code: "evidence-key",
                }),
                AssembleFault::Content(_) | AssembleFault::Time => SignAnswer::Failed(OUR_FAULT),
            };
            (answer, Story::of(&error))
        })?;
        let policy =
            RequestPolicy { card: &self.card_trust, terminal_anchors: &self.terminal_anchors, at: now.wall };
        verify_request(signed.der(), &policy).map_err(|refused| match &refused {
            // It was good when it was read: its time ended since.
            RequestRefused::Card(refused) => {
                let (refusal, story) = card_words::refused_certificate(refused);
                (SignAnswer::Refused(refusal), story)
            }
            _ => (SignAnswer::Failed(OUR_FAULT), Story::of(&refused)),
        })?;
        Ok(signed.into_der())
    }
}

/// How far the host's time lies outside the time in which it was asked.
fn skew(asked_at: Timestamp, came_at: Timestamp, host_time: Timestamp) -> SignedDuration {
    if host_time < asked_at {
        asked_at.duration_since(host_time)
    } else if host_time > came_at {
        host_time.duration_since(came_at)
    } else {
        SignedDuration::ZERO
    }
}

#[cfg(test)]
mod tests;
