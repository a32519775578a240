//! The chip: power, and one exchange at a time.
//!
//! Invariants:
//! - A command is given to the unit's executing once. When its answer is lost, the unit is asked for the answer; when that
//!   fails too, the session is over and the error says that the answer is not known.
//! - Before a command that uses a try or makes a signature the unit is asked for its status: the answer that it keeps is
//!   then of another command, so that no older answer of the chip can be taken for the one that is waited for; and the
//!   command does not leave when the chip has lost its power meanwhile.

use jpki::{ChannelError, Response};

use super::engine::{Engine, Failure, Media, Over, Session};
use super::faults::{Refusal, Remedy, Trouble};
use super::text::{
    ACTIVATE, Code, DEACTIVATE, DEACTIVATE_AND_RELEASE, Done, EXCHANGE_T0, EXCHANGE_T1, FETCH_MORE, Order,
    PRESS_AND_ACTIVATE, STATUS, TAKE_BACK, Takes,
};
use crate::port::{Action, Fault, FaultKind};

/// Contacts are lifted and pressed anew once when a chip does not answer: dust.
const PRESSES_MAX: u32 = 2;
/// A short answer: 256 bytes and the status word.
const ANSWER_BYTES_MAX: usize = 258;
/// An answer that is longer than one frame has two parts; four are more than the unit's own limit of 320 bytes gives.
const PARTS_MAX: u32 = 4;
/// For a protocol that neither side can choose: as if the unit had said that it does not know the chip.
const NO_PROTOCOL: Refusal = Refusal(*b"87");

const PULLED_OUT: Refusal = Refusal(*b"14");

const OPENING: &str = "powering the card";
const EXCHANGING: &str = "exchanging with the card";
const POWERING_OFF: &str = "powering the card off";

impl Engine {
    /// Whether the card inside answers. It is without power afterwards, its contacts pressed for what comes next.
    pub(super) fn probe(&mut self) -> Result<Media, Failure> {
        match self.activate() {
            Ok(_) => self.run(POWERING_OFF, &DEACTIVATE).map(|_| Media::Present),
            Err(Failure::Refused(refusal)) if refusal.meaning().remedy == Remedy::RestartChip => {
                self.release()?;
                Ok(Media::Mute)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Powers the card for a session and gives its number.
    pub(super) fn open(&mut self) -> Result<u64, Trouble> {
        self.looked()?;
        if self.media == Media::Absent || matches!(self.place, None | Some(Done::NoCard)) {
            return Err(removed());
        }
        let activated = match self.place {
            Some(Done::AtMouth) => self.run("taking the card back", &TAKE_BACK).and_then(|_| self.activate()),
            _ => self.activate(),
        };
        match activated {
            Ok(exchange) => {
                self.sessions = self.sessions.wrapping_add(1);
                self.session = Session::Live { no: self.sessions, exchange };
                Ok(self.sessions)
            }
            Err(failure) => {
                let trouble = failure.told(OPENING);
                if self.release().is_ok() {
                    self.look();
                }
                Err(if self.media == Media::Absent { removed() } else { trouble })
            }
        }
    }

    /// Gives power and lets the unit agree on a protocol; gives the command that exchanges.
    fn activate(&mut self) -> Result<Code, Failure> {
        let mut result = Err(Failure::Refused(NO_PROTOCOL));
        for _ in 0..PRESSES_MAX {
            if self.place == Some(Done::Active) {
                self.run(POWERING_OFF, &DEACTIVATE)?;
            }
            let order = if self.place == Some(Done::Pressed) { ACTIVATE } else { PRESS_AND_ACTIVATE };
            result = self.run(OPENING, &order).and_then(|(_, answer)| match answer.first() {
                Some(b'0') => Ok(EXCHANGE_T0),
                Some(b'1') => Ok(EXCHANGE_T1),
                _ => Err(Failure::Refused(NO_PROTOCOL)),
            });
            match &result {
                Err(Failure::Refused(refusal)) if refusal.meaning().remedy == Remedy::RestartChip => {
                    self.release()?;
                }
                _ => break,
            }
        }
        result
    }

    /// Power off and contacts lifted, if the unit lets itself be told.
    fn release(&mut self) -> Result<(), Failure> {
        match self.run(POWERING_OFF, &DEACTIVATE_AND_RELEASE) {
            Ok(_) | Err(Failure::Refused(_)) => Ok(()),
            Err(lost) => Err(lost),
        }
    }

    /// One exchange. `apdu` is written to the line from where it lies.
    pub(super) fn exchange(&mut self, no: u64, apdu: &[u8], weighty: bool) -> Result<Response, ChannelError> {
        let code = match self.session {
            Session::Live { no: live, exchange } if live == no => exchange,
            Session::Over { no: over, why } if over == no => return Err(why.error()),
            _ => return Err(Over::CardReset.error()),
        };
        if weighty {
            match self.run(EXCHANGING, &STATUS) {
                Ok((Done::Active, _)) => {}
                Ok((Done::NoCard, _)) => return Err(self.over(Over::CardRemoved)),
                Ok(_) => return Err(self.over(Over::CardReset)),
                Err(failure) => return Err(self.exchange_failed(failure)),
            }
        }
        let order = Order { code, parameters: apdu, takes: Takes::Usual };
        let answer = match self.run(EXCHANGING, &order).and_then(|part| self.whole(part)) {
            Ok(answer) => answer,
            Err(failure) => return Err(self.exchange_failed(failure)),
        };
        Response::parse(&answer).map_err(|not_one| ChannelError::Protocol {
            what: "its answer is not one",
            source: Some(Box::new(not_one)),
        })
    }

    /// The answer, with the parts that the unit keeps back.
    fn whole(&mut self, (mut done, mut answer): (Done, Vec<u8>)) -> Result<Vec<u8>, Failure> {
        for _ in 0..PARTS_MAX {
            if done != Done::MoreToFetch || answer.len() > ANSWER_BYTES_MAX {
                break;
            }
            let (next, part) = self.run(EXCHANGING, &FETCH_MORE)?;
            done = next;
            answer.extend(part);
        }
        if done == Done::Answered { Ok(answer) } else { Err(Failure::Refused(Refusal(*b"86"))) }
    }

    /// What a failed exchange is to the protocol above. The session is over.
    fn exchange_failed(&mut self, failure: Failure) -> ChannelError {
        let refusal = match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Lost(trouble) => {
                self.over(Over::UnitLost);
                return ChannelError::Reader {
                    what: EXCHANGING,
                    source: Some(Box::new(Fault::from(trouble))),
                };
            }
        };
        let source = Some(Box::new(refusal) as _);
        match (refusal.meaning().remedy, self.where_is_it()) {
            (_, Some(Done::NoCard)) => self.over(Over::CardRemoved),
            _ if refusal == PULLED_OUT => self.over(Over::CardRemoved),
            (Remedy::ResetAfterPower, _) => self.over(Over::CardReset),
            (Remedy::RestartChip, _) => {
                self.over(Over::CardReset);
                ChannelError::Protocol { what: EXCHANGING, source }
            }
            (Remedy::GoOn, Some(Done::Active)) => {
                self.over(Over::CardReset);
                ChannelError::Protocol { what: EXCHANGING, source }
            }
            (Remedy::GoOn, Some(_)) => self.over(Over::CardReset),
            _ => {
                self.over(Over::UnitLost);
                ChannelError::Reader { what: EXCHANGING, source }
            }
        }
    }

    /// Where the card is now; pulled out is nowhere.
    fn where_is_it(&mut self) -> Option<Done> {
        match self.run("looking for the card", &STATUS) {
            Ok((done, _)) => Some(done),
            Err(Failure::Refused(PULLED_OUT)) => Some(Done::NoCard),
            Err(_) => None,
        }
    }

    fn over(&mut self, why: Over) -> ChannelError {
        self.end_session(why);
        why.error()
    }

    /// Ends a session: power off, contacts lifted.
    pub(super) fn power_off(&mut self, no: u64) -> Result<(), Trouble> {
        match self.session {
            Session::Live { no: present, .. } | Session::Over { no: present, .. } if present == no => {}
            // A later one has the card, or an order that gave it back took its power.
            _ => return Ok(()),
        }
        let before = std::mem::replace(&mut self.session, Session::None);
        let result = match self.run(POWERING_OFF, &DEACTIVATE_AND_RELEASE) {
            Ok(_) => Ok(()),
            Err(Failure::Refused(refusal)) if refusal.needs_reset() => self.remedy(POWERING_OFF, refusal),
            Err(Failure::Refused(refusal)) => match self.where_is_it() {
                Some(Done::Active) | None => Err(Trouble::refused(POWERING_OFF, refusal)),
                Some(_) => Ok(()),
            },
            Err(failure) => Err(failure.told(POWERING_OFF)),
        };
        match before {
            // A card that is out has no power.
            Session::Over { why: Over::CardRemoved, .. } => Ok(()),
            _ => result,
        }
    }
}

impl Over {
    fn error(self) -> ChannelError {
        match self {
            Over::CardRemoved => ChannelError::CardRemoved,
            Over::CardReset => ChannelError::CardReset,
            Over::UnitLost => {
                ChannelError::Reader { what: "the unit was lost during the session", source: None }
            }
        }
    }
}

fn removed() -> Trouble {
    Trouble::new(FaultKind::Transient, "card-removed", Action::Suspend, "no card is inside")
}
