//! The desk: everything the host does with a terminal's message once TLS has said whose it is. HTTP is in `server/`, the
//! benches call this directly.
//!
//! Invariants:
//! - A request is verified in full before the books are touched.
//! - Nothing is stored for a body whose countersigner is not the terminal that TLS named.
//! - An answer leaves after the commit that holds it.

use std::sync::Arc;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use request::{
    AnswerContent, CheckTime, CountersignedRequest, Decision, EvidenceSigner as _, FileKey, RequestContent,
    RequestRefused, RevocationSource as _, RevocationStatus, TrustAnchor, TrustPolicy,
};
use tokio::sync::Semaphore;
use uuid::Uuid;
use wire::{Challenge, ChallengeAnswer, LogCheckpoint, ProblemCode, TerminalId, WireTime};

use crate::chain::Chain;
use crate::clock::Clock;
use crate::config::Limits;
use crate::evidence::EvidenceVault;
use crate::holder::HolderKeys;
use crate::levers::Levers;
use crate::metrics::{Code, Metrics};
use crate::refusal::Refusal;
use crate::revocation::CrlFiles;
use crate::ruling::{self, CardVerdict, Claim, Outcome};
use crate::store::{
    Case, CheckpointKept, Facts, Found, IssuedChallenge, Retention, Ruling, Settled, Store, StoreError,
};
use crate::terms::Terms;

/// Stable code: the answer certificate is not in force.
const ANSWER_CERTIFICATE: &str = "answer-certificate-not-in-force";

/// Everything the desk works with. [`crate::open_desk`] makes it from a configuration.
pub struct Parts {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The books.
    pub store: Arc<dyn Store>,
    /// Terms texts.
    pub terms: Terms,
    /// Roots for cards.
    pub card_trust: TrustPolicy,
    /// Revocation of cards; none: not checked.
    pub card_crls: Option<CrlFiles>,
    /// Roots for the terminals' evidence certificates.
    pub terminal_anchors: Vec<TrustAnchor>,
    /// Revocation of evidence certificates; none: not checked.
    pub terminal_crls: Option<CrlFiles>,
    /// Keyed hash of the holder.
    pub holder_keys: HolderKeys,
    /// Encryption of evidence.
    pub vault: EvidenceVault,
    /// Signs answers.
    pub answer_key: FileKey,
    /// Limits.
    pub limits: Limits,
    /// Days that evidence is kept.
    pub evidence_keep_days: u32,
    /// Levers, at rest outside test benches.
    pub levers: Arc<Levers>,
}

/// The desk.
pub struct Desk {
    parts: Arc<Parts>,
    verifications: Arc<Semaphore>,
}

/// A request that has been looked at in full.
struct Examined {
    case: Case,
    claim: Claim,
}

impl Desk {
    /// Opens the desk.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let verifications = Semaphore::new(usize::try_from(parts.limits.verifications_max).unwrap_or(1));
        Self { parts: Arc::new(parts), verifications: Arc::new(verifications) }
    }

    /// What the desk works with.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Hands out a challenge with the terms in force.
    ///
    /// # Errors
    /// [`Refusal`] for a terminal that may not talk, or when the books cannot be written.
    pub async fn challenge(&self, terminal: &TerminalId) -> Result<ChallengeAnswer, Refusal> {
        let Parts { clock, limits, terms, .. } = &*self.parts;
        let mut bytes = [0; wire::limits::CHALLENGE_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| Refusal::not_now("no random numbers"))?;
        let issued_at = clock.now();
        let after = |duration| issued_at.saturating_add(duration).unwrap_or(issued_at);
        let standing = self
            .parts
            .store
            .issue(IssuedChallenge {
                terminal: terminal.clone(),
                challenge: bytes,
                issued_at,
                consent_by: after(SignedDuration::from_secs(limits.consent_by_s.into())),
                accept_until: after(days(limits.accept_until_days)),
                terms_version: terms.current().version().to_string(),
            })
            .await?;
        if let Some(refusal) = Refusal::of_standing(standing) {
            return Err(refusal);
        }
        self.parts.metrics.challenges.inc();
        Ok(ChallengeAnswer {
            challenge: Challenge::from_bytes(bytes),
            host_time: WireTime::from_timestamp(issued_at)
                .map_err(|_| Refusal::not_now("the clock is wrong"))?,
            consent_by_s: limits.consent_by_s,
            accept_until_days: limits.accept_until_days,
            terms: terms.current().clone(),
        })
    }

    /// Decides a signed request, once; the same bytes get the same answer for ever.
    ///
    /// # Errors
    /// [`Refusal`] when there is no answer; nothing was stored then.
    pub async fn register(&self, terminal: &TerminalId, cms: Bytes) -> Result<Vec<u8>, Refusal> {
        let Parts { clock, metrics, store, .. } = &*self.parts;
        let begun = clock.elapsed();
        let Examined { case, claim } = self.examine(terminal, cms).await?;
        let request_id = case.request_id;
        let rule = rule(self.parts.clone(), claim, &case);
        let settled = store.settle(case, rule).await?;
        metrics.decide_seconds.observe(clock.elapsed().saturating_sub(begun).as_secs_f64());
        match settled {
            Settled::Decided { code, answer } => {
                metrics.decisions.get_or_create(&Code { code }).inc();
                tracing::info!(%terminal, %request_id, decision = code, "decided");
                Ok(answer)
            }
            Settled::Before(answer) => {
                metrics.answered_before.inc();
                tracing::info!(%terminal, %request_id, "answered as before");
                Ok(answer)
            }
            Settled::Conflict => Err(Refusal::new(
                ProblemCode::Conflict,
                "a request with this id came before, with other bytes",
            )),
            Settled::NotNow(why) => Err(Refusal::not_now(why)),
            Settled::Refused(standing) => {
                Err(Refusal::of_standing(standing).unwrap_or_else(|| Refusal::not_now("no decision")))
            }
        }
    }

    /// What became of a request of this terminal.
    ///
    /// # Errors
    /// [`Refusal`] with `unknown-request`, or for a terminal that may not talk.
    pub async fn answer_of(&self, terminal: &TerminalId, request_id: Uuid) -> Result<Vec<u8>, Refusal> {
        let at = self.parts.clock.now();
        match self.parts.store.answer_of(terminal, request_id, at).await? {
            Found::Answer(answer) => Ok(answer),
            Found::Refused(standing) if let Some(refusal) = Refusal::of_standing(standing) => Err(refusal),
            _ => Err(Refusal::new(ProblemCode::UnknownRequest, "no request of this terminal has that id")),
        }
    }

    /// Keeps a checkpoint of the terminal's device log. One that goes back or contradicts is kept as an alarm, and
    /// accepted all the same: the terminal is the last one who should learn what the host thinks of its log.
    ///
    /// # Errors
    /// [`Refusal`] for another terminal's checkpoint, or a terminal that may not talk.
    pub async fn keep_checkpoint(
        &self,
        terminal: &TerminalId,
        checkpoint: LogCheckpoint,
    ) -> Result<(), Refusal> {
        if checkpoint.terminal_id != *terminal {
            return Err(Refusal::new(ProblemCode::NotThisTerminal, "the checkpoint names another terminal"));
        }
        let sequence = checkpoint.sequence;
        let metrics = &self.parts.metrics;
        let alarm = |code| {
            metrics.checkpoint_alarms.get_or_create(&Code { code }).inc();
            tracing::warn!(%terminal, sequence, alarm = code, "log checkpoint does not fit");
            Ok(())
        };
        match self.parts.store.keep_checkpoint(checkpoint, self.parts.clock.now()).await? {
            CheckpointKept::Forward => {
                metrics.checkpoints.inc();
                Ok(())
            }
            CheckpointKept::WentBack => alarm("went-back"),
            CheckpointKept::Contradicts => alarm("contradicts"),
            CheckpointKept::Refused(standing) => Refusal::of_standing(standing).map_or(Ok(()), Err),
        }
    }

    /// Whether the host can decide now.
    ///
    /// # Errors
    /// [`Refusal`] with the reason.
    pub async fn health(&self) -> Result<(), Refusal> {
        self.parts.store.ping().await?;
        let revocation = self.parts.revocation_fault();
        self.parts.metrics.revocation_usable.set(i64::from(revocation.is_none()));
        let fault = revocation.or_else(|| self.parts.answer_fault(self.parts.clock.now()));
        fault.map_or(Ok(()), |code| Err(Refusal::not_now(code)))
    }

    /// Erases what has had its time, in rounds, until nothing is left to erase.
    pub async fn keep_house(&self) {
        let Parts { clock, limits, store, evidence_keep_days, .. } = &*self.parts;
        let now = clock.now();
        let before = |duration: SignedDuration| now.saturating_sub(duration).unwrap_or(now);
        let retention = Retention {
            evidence_before: before(days(*evidence_keep_days)),
            challenges_before: before(days(limits.challenge_keep_days)),
            rows_max: limits.housekeeping_rows_max,
        };
        loop {
            match store.erase(retention).await {
                Ok(erased) if erased.evidence == 0 && erased.challenges == 0 => return,
                Ok(erased) => {
                    self.parts.metrics.evidence_erased.inc_by(erased.evidence as u64);
                    tracing::info!(
                        evidence = erased.evidence,
                        challenges = erased.challenges,
                        "erased after its time"
                    );
                }
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "nothing could be erased");
                    return;
                }
            }
        }
    }

    /// All checks that need no books, on a thread for computing.
    async fn examine(&self, terminal: &TerminalId, cms: Bytes) -> Result<Examined, Refusal> {
        let permit = self.verifications.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Refusal::not_now("the host stops"))?;
        let (parts, terminal) = (self.parts.clone(), terminal.clone());
        tokio::task::spawn_blocking(move || {
            // Held by the work and not by the one who waits: a terminal that hangs up does not make room for more.
            let _permit = permit;
            let begun = parts.clock.elapsed();
            let examined = parts.examine(&terminal, &cms);
            parts.metrics.verify_seconds.observe(parts.clock.elapsed().saturating_sub(begun).as_secs_f64());
            examined
        })
        .await
        .unwrap_or_else(|_| Err(Refusal::not_now("the check did not end")))
    }
}

impl Parts {
    fn examine(&self, terminal: &TerminalId, cms: &[u8]) -> Result<Examined, Refusal> {
        let arrived_at = self.clock.now();
        // A request may arrive days after it was signed, when certificates have run out since: they are judged at the
        // signing-time, and `ruling` holds that time to the window of the challenge.
        let opened =
            request::open_request(cms, &self.terminal_anchors, CheckTime::SigningTime).map_err(refused)?;
        if opened.terminal_id() != terminal.as_str() {
            return Err(Refusal::new(
                ProblemCode::NotThisTerminal,
                "the request is countersigned by another terminal",
            ));
        }
        self.check_countersigner(&opened, arrived_at)?;
        let content = opened.content().clone();
        let signed_at = opened.signing_time();
        let request_sha256 = opened.sha256();
        let (card, holder) = match opened.check_card(&self.card_trust, signed_at) {
            Err(refused) => {
                tracing::info!(%terminal, clause = refused.clause(), "card certificate refused");
                (CardVerdict::Refused(refused.reject_reason()), None)
            }
            Ok(verified) => {
                let card = verified.card();
                let holder = self.holder_keys.holder(card.authority_key_id(), card.serial());
                (self.revocation_verdict(card, arrived_at), Some(holder))
            }
        };
        let evidence = self.vault.seal(content.request_id, cms).map_err(|error| {
            tracing::error!(error = %Chain(&error), "evidence cannot be sealed");
            Refusal::not_now("evidence cannot be kept")
        })?;
        Ok(Examined {
            claim: claim(&content, signed_at, arrived_at, card),
            case: Case {
                terminal: terminal.clone(),
                request_id: content.request_id,
                request_sha256,
                challenge: content.challenge,
                holder,
                evidence,
                arrived_at,
            },
        })
    }

    fn revocation_verdict(&self, card: &request::CardCertificate, at: Timestamp) -> CardVerdict {
        if self.levers.cannot_decide() {
            return CardVerdict::CannotTell("a lever of the test bench is pulled");
        }
        let Some(crls) = &self.card_crls else { return CardVerdict::Good };
        match crls.status(card, at) {
            Ok(RevocationStatus::Good) => CardVerdict::Good,
            Ok(RevocationStatus::Revoked { .. }) => {
                CardVerdict::Refused(request::RejectReason::CertificateRevoked)
            }
            Err(fault) => {
                tracing::error!(error = %Chain(&fault), "revocation cannot be checked");
                CardVerdict::CannotTell(fault.code())
            }
        }
    }

    /// The countersigner's certificate must not be on the terminal CA's list.
    fn check_countersigner(&self, opened: &CountersignedRequest, at: Timestamp) -> Result<(), Refusal> {
        let Some(crls) = &self.terminal_crls else { return Ok(()) };
        let (issuer, serial) = (opened.countersigner_authority_key_id(), opened.countersigner_serial());
        match crls.status_of(issuer, serial, at) {
            Ok(RevocationStatus::Good) => Ok(()),
            Ok(RevocationStatus::Revoked { .. }) => Err(Refusal::new(
                ProblemCode::TerminalRevoked,
                "the terminal's evidence certificate is revoked",
            )),
            Err(fault) => {
                tracing::error!(error = %Chain(&fault), "the terminals' revocation list cannot be used");
                Err(Refusal::not_now(fault.code()))
            }
        }
    }

    /// Why no answer can be signed at `at`. Terminals refuse an answer under a certificate that is not in force, and an
    /// answer that was stored could never be signed again.
    fn answer_fault(&self, at: Timestamp) -> Option<&'static str> {
        let refused = request::check_answer_certificate(self.answer_key.certificate_der(), at).err()?;
        tracing::error!(error = %refused, "the answer certificate cannot be used");
        Some(ANSWER_CERTIFICATE)
    }

    /// Why revocation cannot be checked now; nothing when it can, or need not.
    fn revocation_fault(&self) -> Option<&'static str> {
        let at = self.clock.now();
        let fault = |crls: &CrlFiles, anchors: &[TrustAnchor]| {
            let in_force = anchors.iter().filter(|anchor| in_force(anchor, at));
            in_force.into_iter().find_map(|anchor| crls.status_of(anchor.key_id(), &[0], at).err())
        };
        let cards = self.card_crls.as_ref().and_then(|crls| fault(crls, self.card_trust.anchors()));
        let terminals = self.terminal_crls.as_ref().and_then(|crls| fault(crls, &self.terminal_anchors));
        cards.or(terminals).map(|fault| fault.code())
    }
}

fn in_force(anchor: &TrustAnchor, at: Timestamp) -> bool {
    let (from, to) = anchor.validity();
    (from..=to).contains(&at)
}

fn days(days: u32) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

fn claim(content: &RequestContent, signed_at: Timestamp, arrived_at: Timestamp, card: CardVerdict) -> Claim {
    Claim {
        signed_at,
        consented_at: content.consent_time,
        arrived_at,
        terms_version: content.terms_version.clone(),
        terms_language: content.terms_language.clone(),
        terms_sha256: content.terms_sha256,
        card,
    }
}

/// What the store asks inside its transaction: decide over the facts, and sign.
fn rule(parts: Arc<Parts>, claim: Claim, case: &Case) -> crate::store::Rule {
    let (request_id, request_sha256, terminal_id) =
        (case.request_id, case.request_sha256, case.terminal.to_string());
    let skew = SignedDuration::from_millis(parts.limits.clock_skew_ms_max.into());
    let no_answer = parts.answer_fault(claim.arrived_at);
    Arc::new(move |facts: &Facts| {
        if let Some(why) = no_answer {
            return Ok(Ruling::NotNow(why));
        }
        let decision = match ruling::decide(&claim, facts, &parts.terms, skew) {
            Outcome::Decided(decision) => decision,
            Outcome::NotNow(why) => return Ok(Ruling::NotNow(why)),
        };
        let acceptance_number = match decision {
            Decision::Registered => Some(facts.free_number),
            Decision::AlreadyRegistered => facts.registered,
            Decision::Rejected(_) => None,
        };
        let content = AnswerContent {
            request_id,
            request_sha256,
            terminal_id: terminal_id.clone(),
            decision,
            acceptance_number: acceptance_number.map(|number| number.to_string()),
            host_time: claim.arrived_at,
            holder_key_id: parts.holder_keys.current_id().to_owned(),
        };
        let answer = request::build_answer(&content, &parts.answer_key)
            .map_err(|error| StoreError::Rule(Arc::new(error)))?;
        Ok(Ruling::Decide {
            code: outcome_code(decision),
            registers: decision == Decision::Registered,
            answer,
        })
    })
}

/// `registered`, `already-registered`, or the reason of the rejection.
fn outcome_code(decision: Decision) -> &'static str {
    match decision {
        Decision::Rejected(reason) => reason.code(),
        accepted => accepted.code(),
    }
}

/// A request that does not verify: said with its stable code, so that an engineer can find the clause.
fn refused(refused: RequestRefused) -> Refusal {
    let code = match refused {
        RequestRefused::Terminal(_) | RequestRefused::OtherTerminal => ProblemCode::NotThisTerminal,
        _ => ProblemCode::BadSignature,
    };
    tracing::info!(refused = refused.code(), error = %Chain(&refused), "request refused");
    Refusal::new(code, refused.code())
}
