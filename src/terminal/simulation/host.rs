//! The host with its own books, and the line to it, as `host_client.rs` presents both to the runtime.
//!
//! The books are kept as the real host keeps them: the answer to a request id and its bytes is decided once and given again
//! for ever; other bytes under the same id are refused, and are a broken promise here.
//!
//! What can go wrong: no connection; the request is lost, the answer is lost, either is late (and arrives after the client
//! has given up and sent again); the host is busy, cannot decide, will not, for once or for a night; it decides against the
//! customer for every reason there is; it tells a decision twice; a job ends without a word; the host's clock and the
//! terminal's differ; the terms change; nothing comes back from the place where checkpoints are held.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use transaction::{
    Answer, ChallengeAnswer, Decision, Device, EffectNo, Event, Fault, FaultKind, HostAnswer, Outcome,
    Refusal, Rejection, RequestId, VisitId,
};
use wire::{Challenge, LogCheckpoint, WireTime};

use super::clerk::Claim;
use super::world::{Sabotage, Shared, World};
use crate::desks::HostSide;
use crate::host_client::{Job, Recorded};
use crate::queue::{AnswerPaper, Message, Story};

/// The card must have signed so soon after the challenge, in seconds.
const CONSENT_BY_S: u32 = 420;
/// The request must arrive within so many days.
const ACCEPT_UNTIL_DAYS: u32 = 1;

const fn fault(kind: FaultKind, code: &'static str) -> Fault {
    Fault { device: Device::Host, kind, code }
}

const UNREACHABLE: Fault = fault(FaultKind::Transient, "host-unreachable");
const BUSY: Fault = fault(FaultKind::Transient, "busy");
const CANNOT_DECIDE: Fault = fault(FaultKind::Transient, "cannot-decide-now");
const INVALID: Fault = fault(FaultKind::NeedsOperator, "answer-invalid");
const REVOKED: Fault = fault(FaultKind::NeedsOperator, "terminal-revoked");
const REFUSED_US: Fault = fault(FaultKind::NeedsOperator, "host-refused-us");
const NOT_HELD: Fault = fault(FaultKind::Transient, "checkpoint-not-held");

/// A decision in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) cms: Vec<u8>,
    pub(super) decision: Decision,
    pub(super) number: Option<String>,
    pub(super) file: Vec<u8>,
    /// How often the host has decided it.
    pub(super) times: u32,
}

struct Issued {
    at: Timestamp,
    terms: String,
    used: bool,
}

/// The host.
#[derive(Default)]
pub(super) struct Host {
    /// By request id.
    pub(super) books: BTreeMap<[u8; 16], Decided>,
    /// Acceptance numbers of active registrations, by person.
    registered: BTreeMap<usize, String>,
    challenges: BTreeMap<[u8; 32], Issued>,
    numbers: u32,
    /// Which version of the terms is in force.
    pub(super) terms: usize,
    /// At night nothing is decided.
    pub(super) night: bool,
    pub(super) held: Option<LogCheckpoint>,
    /// For bugs that are put in on purpose: the request that is left out, and those that this process has sent.
    forgotten: Option<RequestId>,
    pub(super) sent_here: BTreeSet<[u8; 16]>,
}

/// What the client hears of one request.
#[derive(Debug, Clone)]
enum Heard {
    Decided(Box<AnswerPaper>),
    Not(HostAnswer),
}

/// What the host says.
enum Says {
    Answer(RequestId),
    Unknown,
    Not(HostAnswer),
}

/// Whoever asked, until it has been told.
type Waiting = Rc<RefCell<Option<Box<dyn FnOnce(&mut World, Heard)>>>>;

/// The desk.
pub(super) struct SimHost(pub(super) Shared);

impl HostSide for SimHost {
    fn give(&self, job: Job) {
        let mut world = self.0.borrow_mut();
        world.called("the host's line");
        match job {
            Job::Challenge { to, visit } => world.ask_challenge(to, visit),
            Job::Send { to, recorded } => world.deliver(to, recorded, false),
            Job::AskOrResend { to, recorded } => world.deliver(to, recorded, true),
            Job::Outbox { entries } => {
                for recorded in &entries {
                    world.check_recorded(recorded);
                }
                world.round(entries.into());
            }
            Job::Checkpoint(checkpoint) => world.hold_checkpoint(checkpoint),
        }
    }
}

impl World {
    fn job_done(&mut self) {
        self.post(Message::HostJobDone, Story::default());
    }

    /// Twenty to two hundred milliseconds, as long as nothing is wrong.
    fn way(&mut self) -> u64 {
        self.dice.between(20, 200)
    }

    fn host_strikes(&mut self) -> bool {
        self.strikes(self.weather.host)
    }

    fn ask_challenge(&mut self, to: EffectNo, visit: VisitId) {
        let asked_at = self.wall();
        let (there, back) = (self.way(), self.way());
        let unreachable = ChallengeAnswer::Refused(Refusal::HostUnreachable);
        if !self.host_strikes() {
            let here = self.here();
            return self.after(there, move |world| {
                let challenge = world.issue();
                let message = Message::Challenge { to, visit, asked_at, challenge: Box::new(challenge) };
                world.after_in(here, back, move |world| {
                    world.post(message, Story::default());
                    world.job_done();
                });
            });
        }
        let (answer, ms) = match self.dice.below(4) {
            0 => (ChallengeAnswer::Failed(REFUSED_US), there + back),
            1 => (unreachable, there),
            2 => (unreachable, self.dice.between(5_000, 15_000)),
            // Without a word, by a bug of the client's.
            _ => {
                self.truth.cause(Refusal::HostUnreachable.code());
                return self.after_here(there, Self::job_done);
            }
        };
        self.truth.cause(Refusal::HostUnreachable.code());
        self.truth.cause(REFUSED_US.code);
        let answer = Event::Answer { to, answer: Answer::Challenge(answer) };
        self.after_here(ms, move |world| {
            world.event(answer);
            world.job_done();
        });
    }

    fn issue(&mut self) -> wire::ChallengeAnswer {
        let challenge = self.dice.bytes();
        let at = self.right_time();
        let terms = self.fixture.terms[self.host.terms].clone();
        let issued = Issued { at, terms: terms.version().to_string(), used: false };
        self.host.challenges.insert(challenge, issued);
        wire::ChallengeAnswer {
            challenge: Challenge::from_bytes(challenge),
            host_time: WireTime::from_timestamp(at).unwrap(),
            consent_by_s: CONSENT_BY_S,
            accept_until_days: ACCEPT_UNTIL_DAYS,
            terms,
        }
    }

    /// The customer's own request.
    fn deliver(&mut self, to: EffectNo, recorded: Recorded, ask: bool) {
        self.check_recorded(&recorded);
        self.host.sent_here.insert(recorded.request.0);
        let unspoken = self.host_strikes() && self.dice.permille(50);
        self.exchange(recorded, ask, move |world, heard| {
            match heard {
                _ if unspoken => {}
                Heard::Decided(paper) => world.tell_decision(*paper),
                Heard::Not(answer) => world.event(Event::Answer { to, answer: Answer::Host(answer) }),
            }
            world.job_done();
        });
    }

    fn tell_decision(&mut self, paper: AnswerPaper) {
        if self.host_strikes() && self.dice.permille(300) {
            // The same answer once more, by another way.
            let ms = self.dice.between(1, 30_000);
            self.post_after(ms, Message::Decided(Box::new(paper.clone())));
        }
        self.post(Message::Decided(Box::new(paper)), Story::default());
    }

    /// A round over the outbox: one request after the other.
    fn round(&mut self, mut entries: VecDeque<Recorded>) {
        if self.is_sabotaged_by(Sabotage::OutboxForgetsOne) {
            let forgotten = self.host.forgotten.get_or_insert(entries[0].request);
            entries.retain(|recorded| recorded.request != *forgotten);
        }
        if self.is_sabotaged_by(Sabotage::RestartForgetsOutbox) {
            entries.retain(|recorded| self.host.sent_here.contains(&recorded.request.0));
        }
        if self.host_strikes() && self.dice.permille(50) {
            // Without a word, by a bug of the client's.
            return self.after_here(100, Self::job_done);
        }
        self.next_of_round(entries, 0);
    }

    fn next_of_round(&mut self, mut entries: VecDeque<Recorded>, left: u32) {
        let Some(recorded) = entries.pop_front() else {
            self.event(Event::OutboxPassed { left });
            return self.job_done();
        };
        self.exchange(recorded, true, move |world, heard| {
            let left = match heard {
                Heard::Decided(paper) => {
                    world.tell_decision(*paper);
                    left
                }
                Heard::Not(_) => left + 1,
            };
            world.next_of_round(entries, left);
        });
    }

    /// One exchange: with `ask` the host is asked first, and gets the bytes when it does not know them.
    fn exchange(&mut self, recorded: Recorded, ask: bool, tell: impl FnOnce(&mut Self, Heard) + 'static) {
        let waiting: Waiting = Rc::new(RefCell::new(Some(Box::new(tell))));
        let unreachable = Heard::Not(HostAnswer::NoDecision(UNREACHABLE));
        let timeout = u64::from(self.config.limits.host_answer_ms_max);
        let (mut there, mut back) = (Some(self.way()), Some(self.way()));
        if self.host_strikes() {
            match self.dice.below(5) {
                0 => there = None,
                1 => back = None,
                2 => there = Some(self.dice.between(5_000, 20_000)),
                3 => back = Some(self.dice.between(5_000, 20_000)),
                _ => {
                    let waiting = Rc::clone(&waiting);
                    return self.after_here(10, move |world| world.tell(&waiting, unreachable));
                }
            }
        }
        let given_up = Rc::clone(&waiting);
        self.after_here(timeout, move |world| world.tell(&given_up, unreachable));
        let (Some(there), here) = (there, self.here()) else { return };
        self.after(there, move |world| {
            let says = if ask { world.asked(recorded.request) } else { world.received(&recorded.cms) };
            let Some(back) = back else { return };
            world.after_in(here, back, move |world| match says {
                Says::Unknown => {
                    let tell = waiting.borrow_mut().take();
                    if let Some(tell) = tell {
                        world.exchange(recorded, false, tell);
                    }
                }
                Says::Answer(request) => {
                    let heard = world.paper(request);
                    world.tell(&waiting, heard);
                }
                Says::Not(answer) => world.tell(&waiting, Heard::Not(answer)),
            });
        });
    }

    fn tell(&mut self, waiting: &Waiting, heard: Heard) {
        let tell = waiting.borrow_mut().take();
        if let Some(tell) = tell {
            tell(self, heard);
        }
    }

    fn paper(&self, request: RequestId) -> Heard {
        let decided = &self.host.books[&request.0];
        Heard::Decided(Box::new(AnswerPaper {
            request,
            decision: decided.decision,
            acceptance_number: decided.number.clone(),
            der: decided.file.clone(),
        }))
    }

    // The host.

    fn asked(&mut self, request: RequestId) -> Says {
        if self.host_strikes() {
            return Says::Not(HostAnswer::NoDecision(BUSY));
        }
        if self.host.books.contains_key(&request.0) { Says::Answer(request) } else { Says::Unknown }
    }

    fn received(&mut self, cms: &[u8]) -> Says {
        let Some(claim) = Claim::read(cms) else {
            self.broken("identical-bytes", "the host got bytes that nobody signed".to_owned());
        };
        let request = claim.request;
        self.diary.world(self.now(), || format!("the host has {}", super::diary::short(&request.0)));
        if let Some(before) = self.host.books.get(&request.0) {
            let same = before.cms == cms;
            self.holds("identical-bytes", same, || "a request came again with other bytes".to_owned());
            if !self.is_sabotaged_by(Sabotage::HostDecidesTwice) {
                return Says::Answer(request);
            }
        }
        if self.host.night {
            return Says::Not(HostAnswer::NoDecision(CANNOT_DECIDE));
        }
        if self.host_strikes() {
            return Says::Not(self.dice.pick(&[
                HostAnswer::NoDecision(CANNOT_DECIDE),
                HostAnswer::NoDecision(BUSY),
                HostAnswer::NoDecision(INVALID),
                HostAnswer::WillNot(REVOKED),
            ]));
        }
        self.decide(&claim, cms);
        Says::Answer(request)
    }

    fn decide(&mut self, claim: &Claim, cms: &[u8]) {
        let decision = self.ruling(claim);
        let number = match decision {
            Decision::Registered | Decision::AlreadyRegistered => {
                Some(self.host.registered[&claim.who].clone())
            }
            Decision::Rejected(_) => None,
        };
        let code = Outcome::from(decision).code();
        let times = self.host.books.get(&claim.request.0).map_or(0, |before| before.times) + 1;
        self.diary.world(self.now(), || format!("the host decides: {code}, {number:?}"));
        let file = format!("answer {code} {number:?} {}", super::clerk::hex(&claim.request.0)).into_bytes();
        let decided = Decided { cms: cms.to_vec(), decision, number, file, times };
        self.host.books.insert(claim.request.0, decided);
        self.holds("decided-once", times == 1, || format!("one request was decided {times} times"));
    }

    /// The real reasons, and now and then one of those that need a visit of their own to come about.
    fn ruling(&mut self, claim: &Claim) -> Decision {
        if self.weather.rejections && self.dice.permille(60) {
            return Decision::Rejected(self.dice.pick(&Rejection::ALL));
        }
        let now = self.right_time();
        let current = self.fixture.terms[self.host.terms].version().to_string();
        let Some(issued) = self.host.challenges.get_mut(&claim.challenge) else {
            return Decision::Rejected(Rejection::ChallengeUnknown);
        };
        if std::mem::replace(&mut issued.used, true) {
            return Decision::Rejected(Rejection::ChallengeUsed);
        }
        let since = |at: Timestamp| now.duration_since(at);
        let signed_at = Timestamp::from_millisecond(claim.signed_ms).unwrap();
        if since(issued.at) > SignedDuration::from_hours(24 * i64::from(ACCEPT_UNTIL_DAYS)) {
            return Decision::Rejected(Rejection::TooLate);
        }
        if signed_at.duration_since(issued.at) > SignedDuration::from_secs(i64::from(CONSENT_BY_S)) {
            return Decision::Rejected(Rejection::ConsentTooLate);
        }
        if issued.terms != claim.terms || claim.terms != current {
            return Decision::Rejected(Rejection::TermsNotCurrent);
        }
        if let Some(verdict) = self.lobby.people[claim.who].verdict {
            return Decision::Rejected(verdict);
        }
        if self.host.registered.contains_key(&claim.who) {
            return Decision::AlreadyRegistered;
        }
        self.host.numbers += 1;
        let number = format!("A-{:06}", self.host.numbers);
        self.host.registered.insert(claim.who, number);
        Decision::Registered
    }

    /// Somebody gives the registration up elsewhere, and may register again.
    pub(super) fn cancel_registration(&mut self, who: usize) {
        self.host.registered.remove(&who);
    }

    fn hold_checkpoint(&mut self, checkpoint: Box<LogCheckpoint>) {
        let (there, back) = (self.way(), self.way());
        if self.host_strikes() {
            return self.after_here(there + back, |world| {
                world.event(Event::Fault(NOT_HELD));
                world.job_done();
            });
        }
        let here = self.here();
        self.after(there, move |world| {
            let newer = world.host.held.as_ref().is_none_or(|held| held.sequence < checkpoint.sequence);
            if newer {
                world.host.held = Some(*checkpoint);
            }
            world.after_in(here, back, Self::job_done);
        });
    }
}
