//! The unit, as its one owner sees it: what it was told, what it said last, and how it is brought back.
//!
//! Invariants:
//! - A connection begins with an initial reset that keeps a card inside: whatever an earlier process left, the chip has
//!   no power then, and no card is lost.
//! - An error that only an initial reset ends gets one, and the next only when the unit's sensors show that something
//!   has changed, when somebody asks for the unit, or after it worked again: motors do not run for ever.
//! - Every reset ends the session: the chip forgot what was selected and verified.

use std::time::Duration;

use super::OmronConfig;
use super::faults::{Refusal, Remedy, Trouble};
use super::link::{Link, LinkError};
use super::text::{Code, Done, Order, ResetTo, SENSORS, STATUS, TAKE_BACK_TIME, VERSIONS};
use crate::card::{DEVICE, clock};
use crate::port::{Action, CardUnitStatus, DeviceState, FaultKind, MediaState};
use crate::serial::Line;

/// Between the end of a power failure and the initial reset.
const AFTER_POWER: Duration = Duration::from_millis(15);
/// Resets in a row of a unit that says each time that its power has just come back.
const POWER_RESETS_MAX: u32 = 3;
/// Status, a reset, and the status again.
const LOOKS_MAX: u32 = 3;
/// The card at the mouth was held by hand: the reset is done all the same.
const HELD_AT_RESET: Refusal = Refusal(*b"64");
/// A unit's name in reports is cut to so many characters.
const NAME_CHARACTERS_MAX: usize = 40;

/// What is known of a card in the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// Nobody has looked yet.
    Unknown,
    /// There is none, or one at the mouth that was not taken in.
    Absent,
    /// There is one that answers.
    Present,
    /// There is one that does not.
    Mute,
}

/// What watchers are told of.
#[derive(Clone, Debug)]
pub(super) enum View {
    Unusable(Trouble),
    Usable {
        media: Media,
        /// How many cards came in before this one.
        cards: u32,
    },
}

/// A conversation with a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Session {
    None,
    Live {
        no: u64,
        /// The command that exchanges with this chip.
        exchange: Code,
    },
    Over {
        no: u64,
        why: Over,
    },
}

/// Why a conversation is over before somebody ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    CardRemoved,
    CardReset,
    UnitLost,
}

/// Why a command did not do what it should.
#[derive(Debug)]
pub(super) enum Failure {
    /// The unit said so.
    Refused(Refusal),
    /// The unit says nothing.
    Lost(Trouble),
}

impl Failure {
    /// As a fault. `doing` is what was tried.
    pub(super) fn told(self, doing: &str) -> Trouble {
        match self {
            Failure::Refused(refusal) => Trouble::refused(doing, refusal),
            Failure::Lost(trouble) => trouble,
        }
    }
}

/// The unit.
pub(super) struct Engine {
    pub(super) config: OmronConfig,
    link: Option<Link>,
    /// An initial reset must come before anything else.
    suspect: bool,
    /// An initial reset did not end the present error; the sensors as they were then.
    reset_in_vain: Option<Option<String>>,
    name: Option<String>,
    /// Where the card is, as the unit said last.
    pub(super) place: Option<Done>,
    pub(super) media: Media,
    pub(super) cards: u32,
    pub(super) entry_wanted: bool,
    pub(super) entry_open: bool,
    pub(super) session: Session,
    pub(super) sessions: u64,
    pub(super) trouble: Option<Trouble>,
}

impl Engine {
    pub(super) const fn new(config: OmronConfig) -> Self {
        Self {
            config,
            link: None,
            suspect: true,
            reset_in_vain: None,
            name: None,
            place: None,
            media: Media::Unknown,
            cards: 0,
            entry_wanted: false,
            entry_open: false,
            session: Session::None,
            sessions: 0,
            trouble: None,
        }
    }

    pub(super) fn view(&self) -> View {
        match &self.trouble {
            Some(trouble) => View::Unusable(trouble.clone()),
            None => View::Usable { media: self.media, cards: self.cards },
        }
    }

    pub(super) fn status(&self) -> CardUnitStatus {
        let reader = self.link.is_some().then(|| self.name.clone()).flatten();
        if let Some(trouble) = &self.trouble {
            return CardUnitStatus { reader, ..CardUnitStatus::unusable(trouble.reason()) };
        }
        let media = match self.media {
            Media::Unknown => MediaState::Unknown,
            Media::Present | Media::Mute => MediaState::Present,
            Media::Absent => MediaState::NotPresent,
        };
        CardUnitStatus { reader, device: DeviceState::Online, media, reason: None }
    }

    /// Looks at the unit and does what its state asks for.
    pub(super) fn look(&mut self) {
        self.trouble = self.try_look().err();
    }

    fn try_look(&mut self) -> Result<(), Trouble> {
        const DOING: &str = "asking for the status";
        self.ensure()?;
        let mut last = None;
        for _ in 0..LOOKS_MAX {
            match self.run(DOING, &STATUS).and_then(|_| self.attend()) {
                Ok(()) => {
                    self.reset_in_vain = None;
                    return Ok(());
                }
                Err(Failure::Lost(trouble)) => return Err(trouble),
                Err(Failure::Refused(refusal)) => {
                    last = Some(refusal);
                    if refusal.meaning().remedy == Remedy::GiveBack {
                        return self.attend_wrong_size().map_err(|failure| failure.told(DOING));
                    }
                    self.remedy(DOING, refusal)?;
                }
            }
        }
        Err(last.map_or_else(|| never_looked(DOING), |refusal| Trouble::refused(DOING, refusal)))
    }

    /// Does what an error asks for; `Err` when nothing more is to be done.
    pub(super) fn remedy(&mut self, doing: &str, refusal: Refusal) -> Result<(), Trouble> {
        match refusal.meaning().remedy {
            Remedy::GoOn | Remedy::GiveBack | Remedy::RestartChip => Ok(()),
            Remedy::ResetAfterPower => {
                clock::pause(AFTER_POWER);
                self.reset(self.config.after_power_failure.reset_to())
            }
            Remedy::Reset => self.reset_once(doing, refusal),
            Remedy::None => Err(Trouble::refused(doing, refusal)),
        }
    }

    fn reset_once(&mut self, doing: &str, refusal: Refusal) -> Result<(), Trouble> {
        let sensors = self.sensors();
        if let Some(before) = &self.reset_in_vain
            && (sensors.is_none() || *before == sensors)
        {
            return Err(self.stuck(doing, refusal));
        }
        self.reset_in_vain = Some(sensors);
        self.reset(ResetTo::Inside)
    }

    fn stuck(&self, doing: &str, refusal: Refusal) -> Trouble {
        let trouble = Trouble::refused(doing, refusal);
        match self.reset_in_vain.as_ref().and_then(Option::as_deref) {
            Some(sensors) => trouble.with(&format!("an initial reset did not help; sensors {sensors}")),
            None => trouble.with("an initial reset did not help"),
        }
    }

    /// Sensors as digits: front, -, middle, -, rear, shutter, stripe, width, contacts, chip, motor, -.
    fn sensors(&mut self) -> Option<String> {
        let (_, digits) = self.run("reading the sensors", &SENSORS).ok()?;
        String::from_utf8(digits).ok()
    }

    /// Somebody asks for the unit: an error that was left alone gets its initial reset again.
    pub(super) fn try_again(&mut self) {
        self.reset_in_vain = None;
    }

    /// Has the port open and the unit reset.
    pub(super) fn ensure(&mut self) -> Result<(), Trouble> {
        if self.link.is_none() {
            let line = Line::open(DEVICE, &self.config.line)?;
            self.link = Some(Link::new(line, self.config.pace));
            self.suspect = true;
            self.media = Media::Unknown;
        }
        if self.suspect {
            self.reset(ResetTo::Inside)?;
            self.introduce().map_err(|failure| failure.told("setting the unit up"))?;
        }
        Ok(())
    }

    /// Asks for the unit's name and tells it our time limit. Neither is worth a fault when it does not want to.
    fn introduce(&mut self) -> Result<(), Failure> {
        match self.run("asking for the version", &VERSIONS) {
            Ok((_, version)) => self.name = Some(name_of(&version)),
            Err(Failure::Refused(_)) => self.name = Some(name_of(b"")),
            Err(lost) => return Err(lost),
        }
        match self.run("setting the time for taking a card back", &TAKE_BACK_TIME) {
            Ok(_) | Err(Failure::Refused(_)) => Ok(()),
            Err(lost) => Err(lost),
        }
    }

    /// Whether the next thing that the unit gets is an initial reset.
    pub(super) const fn is_fresh(&self) -> bool {
        self.link.is_none() || self.suspect
    }

    /// Initial reset: shutter, motor and contacts are tried out, the chip loses its power.
    pub(super) fn reset(&mut self, to: ResetTo) -> Result<(), Trouble> {
        const DOING: &str = "initial reset";
        self.end_session(Over::CardReset);
        self.entry_open = false;
        let parameters = self.config.after_power_failure.parameters();
        let mut result = Ok(());
        for _ in 0..POWER_RESETS_MAX {
            match self.run(DOING, &to.order(parameters)) {
                Ok(_) => {
                    self.suspect = false;
                    return Ok(());
                }
                Err(Failure::Lost(trouble)) => return Err(trouble),
                // It stays where the customer holds it.
                Err(Failure::Refused(HELD_AT_RESET)) => {
                    self.suspect = false;
                    self.place = Some(Done::AtMouth);
                    return Ok(());
                }
                Err(Failure::Refused(refusal)) => {
                    // The unit is there; what ails it, its status tells from now on.
                    self.suspect = false;
                    result = Err(Trouble::refused(DOING, refusal));
                    if refusal.meaning().remedy != Remedy::ResetAfterPower {
                        break;
                    }
                    clock::pause(AFTER_POWER);
                }
            }
        }
        result
    }

    /// Has the unit execute one command, at most once, and remembers where it says that the card is.
    pub(super) fn run(&mut self, doing: &str, order: &Order<'_>) -> Result<(Done, Vec<u8>), Failure> {
        let Some(link) = self.link.as_mut() else { return Err(Failure::Lost(not_open(doing))) };
        match link.execute(order) {
            Ok(reply) => {
                let done = reply.verdict.map_err(Failure::Refused)?;
                if done.is_a_place() {
                    self.place = Some(done);
                }
                Ok((done, reply.data))
            }
            Err(error) => {
                let port_failed = matches!(error, LinkError::Line(_));
                let trouble = Trouble::lost(doing, link.line(), error);
                self.suspect = true;
                self.end_session(Over::UnitLost);
                if port_failed {
                    self.link = None;
                }
                Err(Failure::Lost(trouble))
            }
        }
    }

    /// The present session, if there is one, is over.
    pub(super) fn end_session(&mut self, why: Over) {
        if let Session::Live { no, .. } = self.session {
            self.session = Session::Over { no, why };
        }
    }
}

fn not_open(doing: &str) -> Trouble {
    Trouble::new(FaultKind::Broken, "port-gone", Action::Maintenance, &format!("{doing}: the port is gone"))
}

fn never_looked(doing: &str) -> Trouble {
    Trouble::new(FaultKind::Broken, "card-unit-silent", Action::Maintenance, doing)
}

/// The name for people, from the version that the unit gives: 40 characters, of which the first 14 are type and version
/// of its program.
fn name_of(version: &[u8]) -> String {
    let text: String = version.iter().map(|byte| char::from(*byte)).filter(char::is_ascii_graphic).collect();
    let shown: String = text.chars().take(14).collect();
    let name = format!("Omron 3S4YR {shown}");
    name.trim_end().chars().take(NAME_CHARACTERS_MAX).collect()
}
