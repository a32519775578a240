//! What the machine's thread works with, as traits: one desk for each thing in the world.
//!
//! Each has the real one, which hands the work to threads of its own, and the simulation's, which does it in simulated
//! time (`simulation/`). What comes of the work comes back as letters.
//!
//! Invariant: no call here waits for a device, for the host or for a person.

use std::time::Instant;

use devices::printer::Receipt;
use jiff::Timestamp;
use request::Prepared;
use transaction::{
    ChallengeAnswer, Effect, EffectNo, Event, Numbered, PrepareAnswer, SignAnswer, Step, Visit, VisitId,
};

use crate::folder::Terms;
use crate::host_client::Job;
use crate::paperwork::Consented;
use crate::queue::{Letter, Story};

/// The card unit.
pub(crate) trait CardSide {
    /// Powers off any card found, then begins to watch the unit. The answer to `to`, if anybody asks, says what was found.
    fn make_safe(&mut self, to: Option<EffectNo>);

    /// Whether the customer is asked for a card: a unit with a shutter lets one in then, and no other.
    fn permit_entry(&mut self, permitted: bool);

    /// Opens a session and reads the card.
    fn read(&mut self, to: EffectNo, visit: VisitId);

    /// Lets the card check the PIN in the slot, once.
    fn verify(&self, to: EffectNo);

    /// Lets the reader's own pad take the PIN and present it to the card, once. The end of the session gives the reader up.
    fn verify_on_pad(&mut self, to: EffectNo);

    /// Lets the card sign.
    fn sign(&self, to: EffectNo, input: Vec<u8>);

    /// Ends the session, if there is one: applet left, power off.
    fn end(&mut self);

    /// Gives the card back, when its session has ended and a power-off that is going on is done.
    fn return_card(&mut self);

    /// Takes a card that was not taken in, to keep it.
    fn retain(&mut self, to: EffectNo);

    /// At the end of the process.
    fn close(&mut self);
}

/// The PIN pad.
pub(crate) trait PinSide {
    /// Lets the customer enter a PIN; the answer to `to` says how that ended.
    fn ask(&mut self, to: EffectNo);

    /// Stops the pad and wipes the slot.
    fn forget(&mut self);
}

/// The host.
pub(crate) trait HostSide {
    /// Gives out a job. Each job's end is told with [`crate::queue::Message::HostJobDone`].
    fn give(&self, job: Job);
}

/// The printer.
pub(crate) trait PrinterSide {
    /// Prints; the answer to `to` says what came of it.
    fn print(&self, to: EffectNo, receipt: Receipt);

    /// Finds out whether a receipt could be printed, and posts it.
    fn look(&self);
}

/// Who writes, checks and puts together what is signed.
pub(crate) trait Clerk {
    /// Takes the host's challenge when the clocks agree.
    ///
    /// # Errors
    /// The answer for the machine, and its story.
    fn take_challenge(
        &self,
        asked_at: Timestamp,
        came: Moment,
        challenge: &wire::ChallengeAnswer,
    ) -> Result<Terms, (ChallengeAnswer, Story)>;

    /// Makes the bytes that the card will sign.
    ///
    /// # Errors
    /// The answer for the machine, and its story.
    fn prepare(&self, consented: &Consented<'_>, now: Moment) -> Result<Prepared, (PrepareAnswer, Story)>;

    /// Puts the signed request together, countersigns it, and verifies it as the host will.
    ///
    /// # Errors
    /// The answer for the machine, and its story.
    fn assemble(
        &self,
        prepared: Prepared,
        signature: &[u8],
        terms: &Terms,
        now: Moment,
    ) -> Result<Vec<u8>, (SignAnswer, Story)>;
}

/// One moment on both clocks: a jump of the wall clock shows where the two drift apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) wall: Timestamp,
    pub(crate) steady: Instant,
}

/// The way out of the queue.
pub(crate) trait Post {
    /// The next letter, if one is there already.
    fn take(&self) -> Option<Letter>;

    /// The next letter, or `None` when the deadline comes first.
    fn next(&self, deadline: Option<Instant>) -> Option<Letter>;
}

/// Gives names to visits.
pub(crate) trait Names {
    /// A visit and its request that have never been before.
    fn visit(&mut self, now: Timestamp) -> Visit;
}

/// Sees what the machine does, and changes nothing: the trace of the program.
pub(crate) trait Witness {
    /// In this state the machine takes this event.
    fn takes(&mut self, state: &'static str, event: &Event, story: &Story);

    /// What came of it, before it is recorded.
    fn decided(&mut self, step: &Step);

    /// This is done now: what had to be recorded before it is durable.
    fn does(&mut self, effect: &Numbered<Effect>);
}
