//! The host, as seen from the terminal: a thread of its own that turns jobs into exchanges and exchanges into answers.
//!
//! Invariants:
//! - A recorded request is sent again with the identical bytes, or not at all.
//! - Nothing that the host says is believed before its signature is verified against exactly the bytes that were sent.
//! - Every exchange has an end: connecting and answering have deadlines, bodies have a largest size.

mod connection;
mod exchange;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use request::{ExpectedAnswer, TrustAnchor, VerifiedAnswer, verify_answer};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use transaction::{
    Answer, ChallengeAnswer, Decision, Device, EffectNo, Event, Fault, FaultKind, HostAnswer, Refusal,
    Rejection, RequestId, VisitId,
};
use uuid::Uuid;
use wire::{ChallengeRequest, LogCheckpoint, Message as _, ProblemCode};

use crate::clock;
use crate::desks::HostSide;
use crate::queue::{AnswerPaper, Mailbox, Message, Story, chain};
pub(crate) use connection::{Connections, Deadlines, Identity, TlsError, tls};
pub(crate) use exchange::HostError;
use exchange::Reply;

/// A recorded request.
#[derive(Clone)]
pub(crate) struct Recorded {
    pub(crate) request: RequestId,
    /// The file, exactly as it was recorded.
    pub(crate) cms: Arc<[u8]>,
}

/// What the client can be told to do.
pub(crate) enum Job {
    /// Get challenge and terms.
    Challenge { to: EffectNo, visit: VisitId },
    /// Send for the first time.
    Send { to: EffectNo, recorded: Recorded },
    /// Ask, and send again when the host does not know the request.
    AskOrResend { to: EffectNo, recorded: Recorded },
    /// Ask or resend every one of these, then say that it is done.
    Outbox { entries: Vec<Recorded> },
    /// Let the host hold this checkpoint.
    Checkpoint(Box<LogCheckpoint>),
}

/// What the client needs to know.
pub(crate) struct HostSetup {
    pub(crate) authority: String,
    pub(crate) connections: Connections,
    /// Whose signatures under answers are believed.
    pub(crate) answer_anchors: Vec<TrustAnchor>,
    pub(crate) terminal_id: String,
    pub(crate) mailbox: Mailbox,
}

/// The way to the client's thread.
pub(crate) struct HostClient {
    jobs: UnboundedSender<Job>,
}

impl HostClient {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread or no event loop.
    pub(crate) fn start(setup: HostSetup) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let (jobs, inbox) = unbounded_channel();
        std::thread::Builder::new()
            .name("host".to_owned())
            .spawn(move || runtime.block_on(work(setup, inbox)))?;
        Ok(Self { jobs })
    }
}

impl HostSide for HostClient {
    fn give(&self, job: Job) {
        // The thread ends with this handle, not before.
        let _gone = self.jobs.send(job);
    }
}

/// One challenge, for who wants to know whether the host is there: when it was asked for, and when it came.
///
/// # Errors
/// [`HostError`].
pub(crate) fn probe(
    authority: &str,
    connections: &Connections,
) -> Result<(Timestamp, Timestamp, wire::ChallengeAnswer), HostError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    runtime.map_err(HostError::Connect)?.block_on(async {
        let asked_at = clock::now();
        let challenge = fetch_challenge(authority, connections).await?;
        Ok((asked_at, clock::now(), challenge))
    })
}

async fn fetch_challenge(
    authority: &str,
    connections: &Connections,
) -> Result<wire::ChallengeAnswer, HostError> {
    let body = ChallengeRequest::default().to_bytes().map_err(HostError::Write)?;
    let request = exchange::post(authority, wire::PATH_CHALLENGES, wire::MEDIA_JSON, body);
    let reply = connections.exchange(request).await?;
    let bytes = reply.expect(wire::MEDIA_JSON, wire::limits::CHALLENGE_ANSWER_BYTES_MAX)?;
    wire::ChallengeAnswer::parse(&bytes).map_err(HostError::Parse)
}

/// Jobs run side by side: a visit does not wait for an old request.
async fn work(setup: HostSetup, mut inbox: UnboundedReceiver<Job>) {
    let desk = Arc::new(Desk { setup });
    while let Some(job) = inbox.recv().await {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            let started = clock::instant();
            let _told_at_its_end = Done { mailbox: desk.setup.mailbox.clone(), started };
            desk.run(job, started).await;
        });
    }
}

/// Tells that a job is over when it goes out of scope: after a bug in the job, too, so that nobody waits for it.
struct Done {
    mailbox: Mailbox,
    started: Instant,
}

impl Drop for Done {
    fn drop(&mut self) {
        self.mailbox.post(Message::HostJobDone, Story::default().took(self.started));
    }
}

struct Desk {
    setup: HostSetup,
}

/// How an attempt to deliver a request ended.
enum Delivery {
    Decided(Box<AnswerPaper>),
    Not(HostAnswer, Story),
}

impl Desk {
    async fn run(&self, job: Job, started: Instant) {
        match job {
            Job::Challenge { to, visit } => self.challenge(to, visit, started).await,
            Job::Send { to, recorded } => {
                let delivery = self.send(&recorded).await;
                self.tell(to, delivery, started);
            }
            Job::AskOrResend { to, recorded } => {
                let delivery = self.ask_or_resend(&recorded).await;
                self.tell(to, delivery, started);
            }
            Job::Outbox { entries } => self.outbox(&entries).await,
            Job::Checkpoint(checkpoint) => self.checkpoint(&checkpoint).await,
        }
    }

    async fn challenge(&self, to: EffectNo, visit: VisitId, started: Instant) {
        let asked_at = clock::now();
        match fetch_challenge(&self.setup.authority, &self.setup.connections).await {
            Ok(challenge) => {
                let message = Message::Challenge { to, visit, asked_at, challenge: Box::new(challenge) };
                self.setup.mailbox.post(message, Story::default().took(started));
            }
            Err(error) => {
                let answer = match why(&error) {
                    Why::Unreachable => ChallengeAnswer::Refused(Refusal::HostUnreachable),
                    Why::NotNow => ChallengeAnswer::Refused(Refusal::HostClosed),
                    Why::RefusesUs => ChallengeAnswer::Failed(REFUSED_US),
                    Why::Nonsense => ChallengeAnswer::Failed(ANSWER_INVALID),
                };
                let event = Event::Answer { to, answer: Answer::Challenge(answer) };
                self.setup.mailbox.post(Message::Event(event), Story::of(&error).took(started));
            }
        }
    }

    async fn send(&self, recorded: &Recorded) -> Delivery {
        let body = recorded.cms.to_vec();
        let request = exchange::post(&self.setup.authority, wire::PATH_REGISTRATIONS, wire::MEDIA_CMS, body);
        let reply = self.setup.connections.exchange(request).await;
        self.delivered(recorded, reply)
    }

    async fn ask_or_resend(&self, recorded: &Recorded) -> Delivery {
        let path = format!("{}/{}", wire::PATH_REGISTRATIONS, Uuid::from_bytes(recorded.request.0));
        match self.setup.connections.exchange(exchange::get(&self.setup.authority, &path)).await {
            Ok(Reply::Problem(ProblemCode::UnknownRequest)) => self.send(recorded).await,
            reply => self.delivered(recorded, reply),
        }
    }

    fn delivered(&self, recorded: &Recorded, reply: Result<Reply, HostError>) -> Delivery {
        let der = reply.and_then(|reply| reply.expect(wire::MEDIA_CMS, wire::limits::ANSWER_BYTES_MAX));
        let der = match der {
            Ok(der) => der,
            Err(error) => return not_delivered(&error),
        };
        match self.verify(recorded, &der) {
            Ok(answer) => Delivery::Decided(Box::new(AnswerPaper {
                request: recorded.request,
                decision: decision(answer.content().decision),
                acceptance_number: answer.content().acceptance_number.clone(),
                der,
            })),
            Err(refused) => {
                // What cannot be believed was not said: it is asked for again.
                Delivery::Not(HostAnswer::NoDecision(ANSWER_INVALID), Story::of(&refused))
            }
        }
    }

    fn verify(&self, recorded: &Recorded, der: &[u8]) -> Result<VerifiedAnswer, request::AnswerRefused> {
        let expected = ExpectedAnswer {
            request_id: Uuid::from_bytes(recorded.request.0),
            request_sha256: *wire::Digest::of(&recorded.cms).as_bytes(),
            terminal_id: &self.setup.terminal_id,
        };
        verify_answer(der, &self.setup.answer_anchors, now(), &expected)
    }

    fn tell(&self, to: EffectNo, delivery: Delivery, started: Instant) {
        match delivery {
            Delivery::Decided(paper) => {
                self.setup.mailbox.post(Message::Decided(paper), Story::default().took(started));
            }
            Delivery::Not(answer, story) => {
                let event = Event::Answer { to, answer: Answer::Host(answer) };
                self.setup.mailbox.post(Message::Event(event), story.took(started));
            }
        }
    }

    async fn outbox(&self, entries: &[Recorded]) {
        let mut left: u32 = 0;
        for recorded in entries {
            let started = clock::instant();
            match self.ask_or_resend(recorded).await {
                Delivery::Decided(paper) => {
                    self.setup.mailbox.post(Message::Decided(paper), Story::default().took(started));
                }
                Delivery::Not(_, story) => {
                    tracing::info!(request = %Uuid::from_bytes(recorded.request.0), ?story, "still no decision");
                    left = left.saturating_add(1);
                }
            }
        }
        self.setup.mailbox.event(Event::OutboxPassed { left });
    }

    /// The host holds checkpoints for the day when somebody cuts off a log. A visit is not held up by it.
    async fn checkpoint(&self, checkpoint: &LogCheckpoint) {
        let sent = match checkpoint.to_bytes() {
            Ok(body) => {
                let path = wire::PATH_LOG_CHECKPOINTS;
                let request = exchange::post(&self.setup.authority, path, wire::MEDIA_JSON, body);
                self.setup.connections.exchange(request).await.and_then(Reply::expect_nothing)
            }
            Err(error) => Err(HostError::Write(error)),
        };
        if let Err(error) = sent {
            let fault = host_fault(FaultKind::Transient, "checkpoint-not-held");
            tracing::warn!(error = %chain(&error), "the host does not hold the newest checkpoint");
            self.setup.mailbox.post(Message::Event(Event::Fault(fault)), Story::of(&error));
        }
    }
}

fn now() -> Timestamp {
    clock::now()
}

/// What an exchange that failed says about the host.
enum Why {
    /// It was not reached, or the line broke.
    Unreachable,
    /// It answered: not now.
    NotNow,
    /// It answered, and does not take this terminal or what it sent.
    RefusesUs,
    /// It answered with nothing of the interface.
    Nonsense,
}

fn why(error: &HostError) -> Why {
    match error {
        HostError::Problem(code) if code.come_again() => Why::NotNow,
        HostError::Problem(code) => {
            tracing::error!(code = code.as_str(), "the host refuses this terminal");
            Why::RefusesUs
        }
        HostError::Parse(_) | HostError::Unexpected { .. } | HostError::TooLong { .. } => Why::Nonsense,
        HostError::Connect(_)
        | HostError::Tls(_)
        | HostError::Exchange(_)
        | HostError::Timeout { .. }
        | HostError::Write(_)
        | HostError::Build(_) => Why::Unreachable,
    }
}

fn not_delivered(error: &HostError) -> Delivery {
    let answer = match why(error) {
        Why::Unreachable => HostAnswer::NoDecision(host_fault(FaultKind::Transient, "host-unreachable")),
        Why::NotNow => HostAnswer::NoDecision(host_fault(FaultKind::Transient, "host-closed")),
        Why::RefusesUs => HostAnswer::WillNot(REFUSED_US),
        Why::Nonsense => HostAnswer::NoDecision(ANSWER_INVALID),
    };
    Delivery::Not(answer, Story::of(error))
}

/// The host's own code is in the story.
const REFUSED_US: Fault = host_fault(FaultKind::NeedsOperator, "host-refused-us");

const ANSWER_INVALID: Fault = host_fault(FaultKind::NeedsOperator, "answer-invalid");

const fn host_fault(kind: FaultKind, code: &'static str) -> Fault {
    Fault { device: Device::Host, kind, code }
}

fn decision(decision: request::Decision) -> Decision {
    use request::RejectReason as Reason;
    let rejection = match decision {
        request::Decision::Registered => return Decision::Registered,
        request::Decision::AlreadyRegistered => return Decision::AlreadyRegistered,
        request::Decision::Rejected(reason) => match reason {
            Reason::CertificateUntrusted => Rejection::CertificateUntrusted,
            Reason::CertificateExpired => Rejection::CertificateExpired,
            Reason::CertificateNotYetValid => Rejection::CertificateNotYetValid,
            Reason::CertificateRevoked => Rejection::CertificateRevoked,
            Reason::ChallengeUnknown => Rejection::ChallengeUnknown,
            Reason::ChallengeUsed => Rejection::ChallengeUsed,
            Reason::TooLate => Rejection::TooLate,
            Reason::ConsentTooLate => Rejection::ConsentTooLate,
            Reason::TermsNotCurrent => Rejection::TermsNotCurrent,
            Reason::NoInsurerData => Rejection::NoInsurerData,
            Reason::InsurerBlocked => Rejection::InsurerBlocked,
        },
    };
    Decision::Rejected(rejection)
}

#[cfg(test)]
mod tests;
