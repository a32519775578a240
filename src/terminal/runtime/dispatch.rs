//! From effects to calls: each effect goes to the desk that does it, and comes back as an answer with its number.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use journal::Checkpoint;
use transaction::{
    Act, Answer, Device, Effect, EffectNo, Event, Fault, FaultKind, HostAnswer, Limit, Mode, Numbered,
    Outcome, Pace, PrepareAnswer, PrintAnswer, Release, RequestId, Screen, Visit,
};
use uuid::Uuid;
use wire::{Digest, EcdsaSignature, LogCheckpoint, TerminalId, WireTime};

use super::{Ended, Goal, Runtime};
use crate::desks::Moment;
use crate::host_client::{Job, Recorded};
use crate::paperwork::Consented;
use crate::queue::{Story, chain};
use crate::readiness;
use crate::receipt;
use crate::report::{Report, WaitsFor, words};
use crate::screen::OUT_OF_SERVICE;

const OUR_BUG: Fault = Fault { device: Device::Terminal, kind: FaultKind::Broken, code: "program-error" };

impl Runtime {
    /// Does one effect.
    pub(super) fn dispatch(&mut self, effect: Numbered<Effect>, at: Timestamp) {
        let Numbered { no, what } = effect;
        match what {
            Effect::Release(release) => self.release(release, Some(no)),
            Effect::Act(act) => {
                if let Some(waits_for) = waits_for(&act) {
                    self.waits_for = waits_for;
                }
                self.act(no, act, at);
            }
        }
    }

    /// Does what is always allowed.
    pub(super) fn release(&mut self, release: Release, no: Option<EffectNo>) {
        match release {
            Release::ForgetPin => self.parts.pin.forget(),
            Release::EndCard => self.parts.card.end(),
            Release::MakeSafe => self.parts.card.make_safe(no),
            Release::ReturnCard => self.parts.card.return_card(),
            Release::OutOfService => {
                tracing::error!(screen = OUT_OF_SERVICE, "screen");
                self.parts.screen.out_of_service();
            }
        }
    }

    fn act(&mut self, no: EffectNo, act: Act, at: Timestamp) {
        match act {
            Act::Show(screen) => self.show(&screen),
            Act::Help(screen) => self.help(&screen),
            Act::WarnTime { screen, more } => self.warn_time(&screen, more),
            Act::CallToTakeCard => self.parts.screen.call_to_take_card(),
            Act::UseLanguage(language) => self.use_language(language),
            Act::LookAtPrinter => self.parts.printer.look(),
            Act::RetainCard => self.parts.card.retain(no),
            Act::Arm(limit, pace) => self.arm(no, limit, pace),
            Act::Disarm(timer) => self.timers.disarm(timer),
            Act::FetchChallenge(visit) => self.fetch_challenge(no, visit),
            Act::KeepConsent(visit) => {
                if let Some(papers) = self.folder.of(visit.id) {
                    papers.consent_time = Some(at);
                }
            }
            Act::ReadCard(visit) => self.parts.card.read(no, visit.id),
            Act::Prepare(visit) => self.prepare(no, visit),
            Act::AskPin => {
                if let Some(keys) = &self.parts.keys {
                    keys.close();
                }
                self.parts.pin.ask(no);
            }
            Act::VerifyPin => self.parts.card.verify(no),
            Act::VerifyOnPad => self.parts.card.verify_on_pad(no),
            Act::Sign(visit) => self.sign(no, visit),
            Act::Send(request) => self.send(no, request, |to, recorded| Job::Send { to, recorded }),
            Act::AskOrResend(request) => {
                self.send(no, request, |to, recorded| Job::AskOrResend { to, recorded })
            }
            Act::DeliverOutbox => self.deliver_outbox(),
            Act::FileEvidence(request) => self.file_evidence(request),
            Act::PrintReceipt { visit, outcome, expires_soon } => {
                self.print(no, visit, outcome, expires_soon)
            }
            Act::Finish { visit, outcome } => self.finish(visit, outcome),
        }
    }

    fn arm(&mut self, no: EffectNo, limit: Limit, pace: Pace) {
        let ms = self.parts.config.limits.of_visit().ms(limit, pace);
        self.timers.arm(no, self.parts.clock.instant() + Duration::from_millis(u64::from(ms)));
    }

    fn fetch_challenge(&mut self, no: EffectNo, visit: Visit) {
        match readiness::not_now(&self.parts.config, &self.parts.journal, self.parts.clock.now()) {
            None => self.give_host(Job::Challenge { to: no, visit: visit.id }),
            Some((answer, story)) => self.answer_self(no, Answer::Challenge(answer), story),
        }
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { wall: self.parts.clock.now(), steady: self.parts.clock.instant() }
    }

    fn prepare(&mut self, no: EffectNo, visit: Visit) {
        let now = self.moment();
        let prepared = match self.folder.of(visit.id) {
            Some(papers) => match (&papers.terms, papers.consent_time, &papers.card) {
                (Some(terms), Some(consent_time), Some(card)) => {
                    let consented = Consented { request: visit.request, terms, consent_time, card };
                    self.parts.office.prepare(&consented, now).map(|prepared| {
                        papers.prepared = Some(prepared);
                    })
                }
                _ => Err((PrepareAnswer::Failed(OUR_BUG), Story::default())),
            },
            None => Err((PrepareAnswer::Failed(OUR_BUG), Story::default())),
        };
        let (answer, story) = match prepared {
            Ok(()) => (PrepareAnswer::Ready, Story::default()),
            Err(refused) => refused,
        };
        self.answer_self(no, Answer::Prepare(answer), story);
    }

    fn sign(&mut self, no: EffectNo, visit: Visit) {
        let input = self.folder.of(visit.id).and_then(|papers| papers.prepared.as_ref());
        match input.map(|prepared| prepared.to_be_signed().as_bytes().to_vec()) {
            Some(input) => self.parts.card.sign(no, input),
            None => {
                let answer = Answer::Sign(transaction::SignAnswer::Failed(OUR_BUG));
                self.answer_self(no, answer, Story::default());
            }
        }
    }

    fn send(&mut self, no: EffectNo, request: RequestId, job: impl FnOnce(EffectNo, Recorded) -> Job) {
        match self.folder.request(request) {
            Some(cms) => {
                let recorded = Recorded { request, cms: Arc::clone(cms) };
                self.give_host(job(no, recorded));
            }
            // It is recorded: the outbox will find it.
            None => self.answer_self(no, Answer::Host(HostAnswer::WillNot(OUR_BUG)), Story::default()),
        }
    }

    fn print(&mut self, no: EffectNo, visit: Visit, outcome: Outcome, expires_soon: bool) {
        if let Some(papers) = self.folder.of(visit.id) {
            papers.print = Some(no);
        }
        let papers = self.folder.visit();
        let facts = receipt::ReceiptFacts {
            at: self.parts.clock.now(),
            request: Uuid::from_bytes(visit.request.0),
            outcome,
            expires_soon,
            acceptance_number: papers.and_then(|papers| papers.acceptance_number.as_deref()),
            terms_version: papers
                .and_then(|papers| papers.terms.as_ref())
                .map(|terms| terms.all.version().as_str()),
        };
        let receipt = match receipt::compose(&self.parts.config, &self.catalogue(), &facts) {
            Ok(receipt) => receipt,
            Err(error) => {
                let fault =
                    Fault { device: Device::Printer, kind: FaultKind::NeedsOperator, code: "not-printable" };
                return self.answer_self(no, Answer::Print(PrintAnswer::Failed(fault)), Story::of(&error));
            }
        };
        self.parts.printer.print(no, receipt);
    }

    fn finish(&mut self, visit: Visit, outcome: Outcome) {
        self.visit_open = false;
        // As the machine's: the next customer begins by the screen.
        self.mode = Mode::Screen;
        self.checkpoint();
        self.erase_old_evidence();
        let report = Box::new(self.report(visit, outcome));
        if self.goal == Goal::Serve {
            self.parts.screen.report(&report);
        } else {
            self.ended = Some(Ended::Visit(report));
            self.linger();
        }
    }

    /// Signs the device log up to here and lets the host hold the signature.
    pub(super) fn checkpoint(&mut self) {
        let checkpoint = self.parts.journal.checkpoint(&*self.parts.log_key, self.parts.clock.now());
        self.noted.unsigned_entries = self.parts.journal.unsigned_entries();
        // That one failed is an entry too: tried again at once, it would fail again, for ever.
        let given_up = if checkpoint.is_ok() { 0 } else { self.noted.unsigned_entries };
        let most = u64::from(self.parts.config.limits.log_entries_per_checkpoint_max);
        self.checkpoint_at = given_up.saturating_add(most);
        let fault =
            |code| Event::Fault(Fault { device: Device::Terminal, kind: FaultKind::NeedsOperator, code });
        match checkpoint {
            Ok(Some(checkpoint)) => match for_host(&checkpoint) {
                Ok(checkpoint) => self.give_host(Job::Checkpoint(Box::new(checkpoint))),
                Err(error) => self.give_self(fault("checkpoint-not-held"), Story::of(&error)),
            },
            Ok(None) => {}
            Err(error) => {
                tracing::error!(error = %chain(&error), "the device log has no new checkpoint");
                self.give_self(fault("checkpoint-failed"), Story::of(&error));
            }
        }
    }

    pub(super) fn linger(&mut self) {
        let limit = Duration::from_millis(u64::from(self.parts.config.limits.outbox_at_end_ms_max));
        self.linger_until = Some(self.parts.clock.instant() + limit);
    }

    pub(super) fn report(&self, visit: Visit, outcome: Outcome) -> Report {
        let (outcome, code) = words(outcome);
        let journal = self.parts.journal.path().to_owned();
        let Some(papers) = self.folder.visit() else { return Report::without_visit(code, journal) };
        let request = Uuid::from_bytes(visit.request.0);
        let total = self.parts.clock.instant().saturating_duration_since(papers.began);
        let card = Duration::from_micros(papers.tally.card_us);
        let waited = papers.card_us_waited.map_or(card, Duration::from_micros).min(self.times.card);
        let own = total
            .saturating_sub(self.times.customer)
            .saturating_sub(self.times.host)
            .saturating_sub(self.times.printer)
            .saturating_sub(waited);
        Report {
            outcome,
            code,
            request_id: Some(request.to_string()),
            acceptance_number: papers.acceptance_number.clone(),
            apdus: papers.tally.apdus,
            apdus_after_pin: papers.tally.apdus_after_pin,
            card_ms: ms(card),
            host_ms: ms(self.times.host),
            customer_ms: ms(self.times.customer),
            printer_ms: ms(self.times.printer),
            total_ms: ms(total),
            commits: self.parts.journal.stats().commits.saturating_sub(self.commits_before),
            own_us: u64::try_from(own.as_micros()).unwrap_or(u64::MAX),
            evidence: Some(self.parts.evidence.request(request)).filter(|_| papers.signed),
            answer: Some(self.parts.evidence.answer(request)).filter(|_| papers.decided),
            receipt: papers.receipt.clone(),
            journal,
        }
    }

    pub(super) fn give_host(&mut self, job: Job) {
        self.host_jobs = self.host_jobs.saturating_add(1);
        self.parts.host.give(job);
    }

    fn answer_self(&mut self, to: EffectNo, answer: Answer, story: Story) {
        self.give_self(Event::Answer { to, answer }, story);
    }
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A checkpoint as the host takes it.
fn for_host(checkpoint: &Checkpoint) -> Result<LogCheckpoint, wire::OutOfBounds> {
    Ok(LogCheckpoint {
        terminal_id: checkpoint.terminal_id.as_str().parse::<TerminalId>()?,
        sequence: checkpoint.sequence,
        entry_hash: Digest::from_bytes(*checkpoint.entry_hash.as_bytes()),
        signed_at: WireTime::from_timestamp(checkpoint.signed_at)?,
        signature: EcdsaSignature::from_der(&checkpoint.signature)?,
    })
}

/// Whom the visit waits for after this effect; `None` when it does not change that.
fn waits_for(act: &Act) -> Option<WaitsFor> {
    match act {
        Act::Show(
            Screen::Terms
            | Screen::InsertCard
            | Screen::LastTry
            | Screen::EnterPin { .. }
            | Screen::EnterPinAtReader { .. }
            | Screen::LeavePad
            | Screen::Result { .. }
            | Screen::Stopped { .. }
            | Screen::NoReceipt
            | Screen::Retained
            | Screen::TakeCard,
        ) => Some(WaitsFor::Customer),
        Act::FetchChallenge(_) | Act::Send(_) | Act::AskOrResend(_) => Some(WaitsFor::Host),
        Act::ReadCard(_) | Act::VerifyPin | Act::Sign(_) | Act::RetainCard => Some(WaitsFor::Card),
        Act::PrintReceipt { .. } => Some(WaitsFor::Printer),
        Act::Prepare(_) => Some(WaitsFor::Itself),
        Act::Show(_)
        | Act::Help(_)
        | Act::WarnTime { .. }
        | Act::CallToTakeCard
        | Act::UseLanguage(_)
        | Act::LookAtPrinter
        | Act::Arm(..)
        | Act::Disarm(_)
        | Act::KeepConsent(_)
        | Act::AskPin
        | Act::VerifyOnPad
        | Act::DeliverOutbox
        | Act::FileEvidence(_)
        | Act::Finish { .. } => None,
    }
}
