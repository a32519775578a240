//! The clerk: the real office takes challenges and writes what is signed; what is put together at the end is a text.
//!
//! The text stands for the signed, countersigned file. It is different for every signature of a card, so that a request
//! that was made twice is seen, and it says what the host needs to know: whose card, which challenge, which terms, when.
//!
//! Invariant: what was shown is what is signed. The terms that go into the request are compared with those on the screen
//! when the customer confirmed, and the time of consent with the time of the key.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;
use request::Prepared;
use transaction::{ChallengeAnswer, Device, PrepareAnswer, Refusal, RequestId, SignAnswer};
use uuid::Uuid;

use super::lobby::Kind;
use super::world::{Shared, World};
use crate::desks::{Clerk, Moment};
use crate::folder::Terms;
use crate::paperwork::{Consented, Office};
use crate::queue::Story;

/// The signed request, as the simulated host reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) request: RequestId,
    /// Whose card, by its place among the people.
    pub(super) who: usize,
    pub(super) challenge: [u8; 32],
    pub(super) terms: String,
    pub(super) signed_ms: i64,
    /// Which of the card's signatures.
    pub(super) signature: u64,
}

impl Claim {
    fn write(&self) -> Vec<u8> {
        let Self { request, who, challenge, terms, signed_ms, signature } = self;
        let request = Uuid::from_bytes(request.0);
        let challenge = hex(challenge);
        format!("simulated\n{request}\n{who}\n{challenge}\n{terms}\n{signed_ms}\n{signature}\n").into_bytes()
    }

    /// Reads what [`Claim::write`] wrote; `None` for anything else.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(bytes).ok()?.lines();
        if lines.next()? != "simulated" {
            return None;
        }
        Some(Self {
            request: RequestId(Uuid::parse_str(lines.next()?).ok()?.into_bytes()),
            who: lines.next()?.parse().ok()?,
            challenge: unhex(lines.next()?)?,
            terms: lines.next()?.to_owned(),
            signed_ms: lines.next()?.parse().ok()?,
            signature: lines.next()?.parse().ok()?,
        })
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..32).map_while(byte).collect();
    bytes.try_into().ok()
}

/// The end of what the card is given to sign, which is a digest.
pub(super) fn short_digest(input: &[u8]) -> String {
    hex(&input[input.len().saturating_sub(16)..])
}

/// The desk.
pub(super) struct SimClerk {
    world: Shared,
    office: Rc<Office>,
    /// Who prepared what, by the digest that the card signs.
    prepared: RefCell<BTreeMap<String, Claim>>,
}

impl SimClerk {
    pub(super) const fn new(world: Shared, office: Rc<Office>) -> Self {
        Self { world, office, prepared: RefCell::new(BTreeMap::new()) }
    }
}

impl Clerk for SimClerk {
    fn take_challenge(
        &self,
        asked_at: Timestamp,
        came: Moment,
        challenge: &wire::ChallengeAnswer,
    ) -> Result<Terms, (ChallengeAnswer, Story)> {
        let mut world = self.world.borrow_mut();
        world.called("the office");
        let taken = self.office.take_challenge(asked_at, came, challenge);
        if let Err((ChallengeAnswer::Failed(fault), _)) = &taken {
            let host_time = challenge.host_time.timestamp();
            let apart = [asked_at, came.wall].map(|at| at.duration_since(host_time).abs());
            let apart = apart.into_iter().max().unwrap();
            world.holds("told-the-truth", fault.device == Device::Clock && apart.as_secs() >= 10, || {
                format!("the challenge was not taken ({}), the clocks are {apart:?} apart", fault.code)
            });
            world.truth.cause(fault.code);
        }
        taken
    }

    fn prepare(&self, consented: &Consented<'_>, now: Moment) -> Result<Prepared, (PrepareAnswer, Story)> {
        let mut world = self.world.borrow_mut();
        world.called("the office");
        world.check_consent(consented);
        let prepared = self.office.prepare(consented, now).inspect_err(|(answer, _)| {
            // That these two are true when they are said has tests of its own. Anything else is a bug of ours.
            if let PrepareAnswer::Refused(Refusal::TookTooLong) = answer {
                world.truth.cause(Refusal::TookTooLong.code());
            }
            if let Some((fault, _)) = self.office.jumped(consented.terms.came, now) {
                world.truth.cause(fault.code);
            }
        })?;
        let digest = short_digest(prepared.to_be_signed().as_bytes());
        let claim = Claim {
            request: consented.request,
            who: usize::MAX,
            challenge: consented.terms.challenge,
            terms: consented.terms.all.version().to_string(),
            signed_ms: now.wall.as_millisecond(),
            signature: 0,
        };
        self.prepared.borrow_mut().insert(digest, claim);
        Ok(prepared)
    }

    fn assemble(
        &self,
        prepared: Prepared,
        signature: &[u8],
        terms: &Terms,
        now: Moment,
    ) -> Result<Vec<u8>, (SignAnswer, Story)> {
        let mut world = self.world.borrow_mut();
        world.called("the office");
        if let Some((fault, story)) = self.office.jumped(terms.came, now) {
            world.truth.cause(fault.code);
            return Err((SignAnswer::Failed(fault), story));
        }
        let digest = short_digest(prepared.to_be_signed().as_bytes());
        let known = self.prepared.borrow_mut().remove(&digest);
        self.put_together(&mut world, &digest, signature, known)
    }
}

impl SimClerk {
    fn put_together(
        &self,
        world: &mut World,
        digest: &str,
        signature: &[u8],
        known: Option<Claim>,
    ) -> Result<Vec<u8>, (SignAnswer, Story)> {
        let text = std::str::from_utf8(signature).unwrap_or_default();
        let mut parts = text.split(':');
        let who = parts.next().and_then(|who| who.parse::<usize>().ok());
        let count = parts.next().and_then(|count| count.parse::<u64>().ok());
        let (Some(who), Some(count), Some(signed), Some(claim)) = (who, count, parts.next(), known) else {
            world.broken("shown-is-signed", format!("{text} is no signature over anything prepared"));
        };
        world.holds("shown-is-signed", signed == digest, || {
            format!("the card signed {signed}, and {digest} was prepared")
        });
        if world.lobby.people[who].kind == Kind::KeyMismatch {
            return Err((SignAnswer::Refused(Refusal::CardKeyMismatch), Story::default()));
        }
        Ok(Claim { who, signature: count, ..claim }.write())
    }
}
