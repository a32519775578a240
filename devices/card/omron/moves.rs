//! Cards that come, go back, and are kept.
//!
//! Invariants:
//! - The way in is open only while a card is wanted and none is there; one wish lets one card in.
//! - A card that got in after the wish was over is given back and not told of: nobody would ever take care of it.
//! - A card is counted as kept only when the unit says so, or when its own counter does.

use super::engine::{Engine, Failure, Media, Over};
use super::faults::{Refusal, Remedy, Trouble};
use super::text::{
    CAPTURE, CAPTURED, DEACTIVATE_AND_RELEASE, Done, FORBID_ENTRY, Order, PERMIT_ENTRY, RETURN, ResetTo,
    STATUS, TAKE_BACK_AND_CAPTURE,
};
use crate::port::{Action, FaultKind, Presence, Retained, Return};

/// A command in the wrong order.
const NOT_NOW: Refusal = Refusal(*b"01");
const NO_CARD_AT_MOUTH: Refusal = Refusal(*b"60");

const OPENING: &str = "opening the way in";
const CLOSING: &str = "closing the way in";
const RETURNING: &str = "giving the card back";
const KEEPING: &str = "keeping the card";

impl Engine {
    /// Does what the place of the card asks for, which the unit has just told.
    pub(super) fn attend(&mut self) -> Result<(), Failure> {
        match (self.place, self.media) {
            (None, _) => {}
            (Some(Done::NoCard), _) => {
                self.media = Media::Absent;
                self.end_session(Over::CardRemoved);
            }
            // At the mouth before anybody has looked: one that was on its way back.
            (Some(Done::AtMouth), Media::Unknown) => self.found(Media::Present),
            // One on its way in is not in; one on its way back is not gone.
            (Some(Done::AtMouth), _) | (Some(_), Media::Present | Media::Mute) => {}
            (Some(_), Media::Absent) if !self.entry_wanted => {
                self.close_entry()?;
                self.run(RETURNING, &RETURN)?;
            }
            (Some(_), Media::Absent | Media::Unknown) => {
                self.close_entry()?;
                let media = self.probe()?;
                self.found(media);
            }
        }
        self.settle_entry()
    }

    /// A card that the unit can only give back.
    pub(super) fn attend_wrong_size(&mut self) -> Result<(), Failure> {
        self.place = Some(Done::Inside);
        self.entry_open = false;
        match self.media {
            Media::Absent if !self.entry_wanted => self.run(RETURNING, &RETURN).map(drop),
            Media::Absent | Media::Unknown => {
                self.found(Media::Mute);
                Ok(())
            }
            Media::Present | Media::Mute => Ok(()),
        }
    }

    fn found(&mut self, media: Media) {
        if self.media == Media::Absent {
            self.cards = self.cards.wrapping_add(1);
        }
        self.media = media;
        self.entry_wanted = false;
    }

    fn settle_entry(&mut self) -> Result<(), Failure> {
        if self.entry_wanted && !self.entry_open && self.place == Some(Done::NoCard) {
            if let Err(failure) = self.run(OPENING, &PERMIT_ENTRY) {
                let Failure::Refused(NOT_NOW) = failure else { return Err(failure) };
                // It is open from before: closed first, it obeys.
                self.run(CLOSING, &FORBID_ENTRY)?;
                self.run(OPENING, &PERMIT_ENTRY)?;
            }
            self.entry_open = true;
        } else if !self.entry_wanted && self.entry_open {
            self.close_entry()?;
            // One may just have slipped in.
            self.run(CLOSING, &STATUS)?;
            if !matches!(self.place, Some(Done::NoCard | Done::AtMouth)) && self.media == Media::Absent {
                self.run(RETURNING, &RETURN)?;
            }
        }
        Ok(())
    }

    fn close_entry(&mut self) -> Result<(), Failure> {
        if !self.entry_open {
            return Ok(());
        }
        match self.run(CLOSING, &FORBID_ENTRY) {
            // "Not now": the card that came has closed it.
            Ok(_) | Err(Failure::Refused(NOT_NOW)) => {
                self.entry_open = false;
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether a card is wanted.
    pub(super) fn want_entry(&mut self, wanted: bool) {
        self.entry_wanted = wanted;
        self.look();
    }

    /// Takes power from any card found.
    pub(super) fn make_safe(&mut self) -> Result<Presence, Trouble> {
        self.try_again();
        self.entry_wanted = false;
        // The reset takes the power. A connection that begins now begins with one.
        let result = if self.is_fresh() { self.ensure() } else { self.reset(ResetTo::Inside) };
        if let Err(trouble) = result {
            self.trouble = Some(trouble.clone());
            return Err(trouble);
        }
        // Whatever lies there is somebody's.
        self.media = Media::Unknown;
        self.looked()?;
        Ok(match self.media {
            Media::Absent => Presence::Absent,
            Media::Mute => Presence::Mute,
            Media::Present | Media::Unknown => Presence::PoweredOff,
        })
    }

    /// Gives the card back.
    pub(super) fn return_card(&mut self) -> Result<Return, Trouble> {
        self.try_again();
        self.look();
        if let Some(trouble) = self.trouble.clone() {
            if self.is_fresh() {
                return Err(trouble);
            }
            // What can be tried for a card that may be stuck is tried, whatever else is wrong with the unit.
            self.reset(ResetTo::Mouth).map_err(|_| trouble)?;
        }
        self.lift_contacts()?;
        let result = match self.place {
            Some(Done::NoCard | Done::AtMouth) => Ok(()),
            _ => self.run(RETURNING, &RETURN).map(drop),
        };
        match result {
            Ok(()) => {}
            Err(Failure::Refused(refusal)) => {
                self.reset(ResetTo::Mouth).map_err(|_| Trouble::refused(RETURNING, refusal))?;
            }
            Err(failure) => return Err(failure.told(RETURNING)),
        }
        match self.place {
            Some(Done::NoCard) => {
                self.media = Media::Absent;
                Ok(Return::NoCard)
            }
            Some(Done::AtMouth) => Ok(Return::TakeIt),
            _ => Err(stays("the card did not come to the mouth")),
        }
    }

    /// Takes the card back, where it is at the mouth, and lets it fall into the bin.
    pub(super) fn retain(&mut self) -> Result<Retained, Trouble> {
        self.try_again();
        self.looked()?;
        if self.place == Some(Done::NoCard) {
            return Ok(Retained::NoCard);
        }
        self.lift_contacts()?;
        let before = self.captured();
        let at_mouth = self.place == Some(Done::AtMouth);
        let order: Order<'_> = if at_mouth { TAKE_BACK_AND_CAPTURE } else { CAPTURE };
        match self.run(KEEPING, &order) {
            Ok((Done::NoCard, _)) => {
                self.media = Media::Absent;
                let now = self.captured();
                Ok(kept(now))
            }
            Ok(_) => Err(stays("the card did not go into the bin")),
            Err(Failure::Refused(NO_CARD_AT_MOUTH)) => {
                self.media = Media::Absent;
                Ok(Retained::NoCard)
            }
            Err(Failure::Refused(refusal)) if !refusal.needs_reset() => {
                Err(Trouble::refused(KEEPING, refusal))
            }
            // Whether it was kept before the unit failed, its own counter knows.
            Err(failure) => {
                let trouble = failure.told(KEEPING);
                self.look();
                match (self.trouble.is_none().then_some(self.place).flatten(), before, self.captured()) {
                    (Some(Done::NoCard), Some(before), Some(now)) if before == now => Ok(Retained::NoCard),
                    (Some(Done::NoCard), Some(_), Some(now)) => Ok(kept(Some(now))),
                    _ => Err(trouble),
                }
            }
        }
    }

    /// Looks, and gives what is wrong.
    pub(super) fn looked(&mut self) -> Result<(), Trouble> {
        self.look();
        self.trouble.clone().map_or(Ok(()), Err)
    }

    /// Cards in the bin, by the unit's own counter; `None` when it does not say.
    fn captured(&mut self) -> Option<u16> {
        let (_, digits) = self.run("reading the counter of kept cards", &CAPTURED).ok()?;
        std::str::from_utf8(&digits).ok()?.parse().ok()
    }

    /// Lifts contacts that are pressed, and takes the chip's power first. A card cannot move before.
    fn lift_contacts(&mut self) -> Result<(), Trouble> {
        if !matches!(self.place, Some(Done::Pressed | Done::Active)) {
            return Ok(());
        }
        match self.run("lifting the contacts", &DEACTIVATE_AND_RELEASE) {
            Ok(_) => {
                // To whoever still talks to the card it is gone.
                self.end_session(Over::CardRemoved);
                Ok(())
            }
            // What does not move then, its own command tells.
            Err(Failure::Refused(_)) => Ok(()),
            Err(failure) => Err(failure.told("lifting the contacts")),
        }
    }
}

impl Refusal {
    /// Only an initial reset makes the unit do anything again.
    pub(super) fn needs_reset(self) -> bool {
        matches!(self.meaning().remedy, Remedy::Reset | Remedy::ResetAfterPower)
    }
}

fn kept(number: Option<u16>) -> Retained {
    let place = number.map_or_else(
        || "bin behind the card unit".to_owned(),
        |number| format!("bin behind the card unit, number {number:03} by its counter"),
    );
    Retained::Kept { place }
}

fn stays(what: &str) -> Trouble {
    Trouble::new(FaultKind::NeedsOperator, "card-jammed", Action::Clear, what)
}
