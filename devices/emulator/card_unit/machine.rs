//! The unit's mechanics: where the card is, shutter, way in, bin; and the commands that move it.
//!
//! Invariants:
//! - A card is in one place at a time, and gets to another only by the customer's hand or by a command.
//! - After an error that only an initial reset ends, every other command is answered with it.
//! - A command is counted when it is executed, and only then.

use std::time::Duration;

use super::counts::Counts;
use super::lever::{Effect, Jam, Size, UnitLever, When};
use crate::card::Card;
use crate::slot::Slot;

/// Where the customer's card is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the customer's hand.
    Hand,
    /// Held into the mouth from outside; the way in is closed.
    Offered,
    /// At the mouth, to be taken.
    Mouth,
    /// Inside.
    Inside,
    /// In the bin behind the unit.
    Bin,
}

/// What keeps the unit from working.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ailment {
    None,
    /// Switched on and not reset since.
    NotReset,
    /// Only an initial reset ends it.
    Error([u8; 2]),
    /// A card of the wrong size: it can only be given back.
    WrongSize([u8; 2]),
}

/// Result codes of positive answers.
const NO_CARD: [u8; 2] = *b"00";
const AT_MOUTH: [u8; 2] = *b"01";
const INSIDE: [u8; 2] = *b"02";
const PRESSED: [u8; 2] = *b"10";
const ACTIVE: [u8; 2] = *b"11";

/// What the firmware calls itself: type, version, check sum, and as much again for its memory.
const VERSION: &[u8; 40] = b"SIMULATED-CR010000AB        SIMULATED-ME";

/// A positive answer's result and data, or an error code.
pub(super) type Executed = Result<([u8; 2], Vec<u8>), [u8; 2]>;

/// Things that stick, are held, or are missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levers {
    pub(super) jam: Option<Jam>,
    pub(super) shutter_stuck: bool,
    pub(super) contacts_stuck: bool,
    pub(super) held: bool,
    pub(super) size: Size,
    pub(super) no_atr: bool,
    pub(super) strict: bool,
    pub(super) part: usize,
    pub(super) slow: Duration,
}

impl Default for Levers {
    fn default() -> Self {
        Self {
            jam: None,
            shutter_stuck: false,
            contacts_stuck: false,
            held: false,
            size: Size::Right,
            no_atr: false,
            strict: false,
            part: 320,
            slow: Duration::ZERO,
        }
    }
}

/// The unit with the card's slot in it.
pub(super) struct Machine {
    pub(super) slot: Slot,
    pub(super) place: Place,
    ailment: Ailment,
    pub(super) entry_open: bool,
    pub(super) shutter_open: bool,
    pub(super) pressed: bool,
    pub(super) active: Option<u8>,
    /// What of a chip's answer is still to be fetched.
    pub(super) rest: Vec<u8>,
    pub(super) captured: u16,
    after_power: u8,
    pub(super) levers: Levers,
    faults: Vec<(Effect, When)>,
    pub(super) counts: Counts,
}

impl Machine {
    /// A unit that was just switched on. `inside`: with the card in it, as an earlier visit left it.
    pub(super) fn new(mut slot: Slot, inside: bool) -> Self {
        // In this slot means: under the contacts.
        slot.remove();
        Self {
            slot,
            place: if inside { Place::Inside } else { Place::Hand },
            ailment: Ailment::NotReset,
            entry_open: false,
            shutter_open: false,
            pressed: false,
            active: None,
            rest: Vec::new(),
            captured: 0,
            after_power: b'B',
            levers: Levers::default(),
            faults: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Pulls a lever of mechanics or of single commands; false for one of the line.
    pub(super) fn pull(&mut self, lever: &UnitLever) -> bool {
        let levers = &mut self.levers;
        match lever {
            UnitLever::Jam(jam) => levers.jam = *jam,
            UnitLever::ShutterStuck(on) => levers.shutter_stuck = *on,
            UnitLever::ContactsStuck(on) => levers.contacts_stuck = *on,
            UnitLever::Held(on) => levers.held = *on,
            UnitLever::Size(size) => levers.size = *size,
            UnitLever::NoAtr(on) => levers.no_atr = *on,
            UnitLever::Strict(on) => levers.strict = *on,
            UnitLever::Part(bytes) => levers.part = *bytes,
            UnitLever::Slow(time) => levers.slow = *time,
            UnitLever::Fault(effect, when) => self.faults.push((*effect, *when)),
            UnitLever::Pace(_) | UnitLever::Noise(_) | UnitLever::Silent(_) | UnitLever::Garbage(_) => {
                return false;
            }
        }
        true
    }

    /// Levers of single commands that are still to come.
    pub(super) fn faults(&self) -> impl Iterator<Item = UnitLever> {
        self.faults.iter().map(|(effect, when)| UnitLever::Fault(*effect, *when))
    }

    pub(super) fn clear_levers(&mut self) {
        self.levers = Levers::default();
        self.faults.clear();
    }

    /// What goes wrong with the command that has just come.
    pub(super) fn due(&mut self, command: &[u8]) -> Vec<Effect> {
        let code = command.get(1..3).unwrap_or_default();
        let mut due = Vec::new();
        self.faults.retain_mut(|(effect, when)| {
            let (now, again) = when.at(code);
            if now {
                due.push(*effect);
            }
            again
        });
        due
    }

    /// The customer holds the card into the mouth.
    pub(super) fn offer(&mut self) -> Result<(), &'static str> {
        match self.place {
            Place::Hand => self.place = Place::Offered,
            Place::Offered | Place::Mouth | Place::Inside => {}
            Place::Bin => return Err("the card is in the bin"),
        }
        self.take_in();
        Ok(())
    }

    /// The customer takes the card, where that can be done without force.
    pub(super) fn take(&mut self) -> bool {
        match self.place {
            Place::Hand => true,
            Place::Offered | Place::Mouth => {
                self.place = Place::Hand;
                self.shutter_open = false;
                true
            }
            Place::Inside | Place::Bin => false,
        }
    }

    /// The customer pulls the card out by force.
    pub(super) fn pull_out(&mut self) -> Result<(), &'static str> {
        match self.place {
            Place::Bin => Err("the card is in the bin"),
            Place::Inside => {
                self.torn_out();
                Ok(())
            }
            Place::Hand | Place::Offered | Place::Mouth => {
                self.take();
                Ok(())
            }
        }
    }

    /// The card leaves the inside without a command.
    pub(super) fn torn_out(&mut self) {
        self.slot.remove();
        self.active = None;
        self.pressed = false;
        self.place = Place::Hand;
        self.ailment = Ailment::Error(*b"14");
    }

    /// Another card in the customer's hand. One in the bin stays there, and is nobody's any more.
    pub(super) fn exchange_card(&mut self, card: Card) -> Result<(), &'static str> {
        if matches!(self.place, Place::Mouth | Place::Inside) {
            return Err("the unit has the card");
        }
        self.place = Place::Hand;
        self.slot.exchange_card(card);
        Ok(())
    }

    /// Somebody empties the bin; the card is with its owner again.
    pub(super) fn empty_bin(&mut self) {
        if self.place == Place::Bin {
            self.place = Place::Hand;
        }
    }

    /// The power fails and is back.
    pub(super) fn power_cut(&mut self) {
        self.without_power();
        self.entry_open = false;
        if self.place == Place::Inside {
            match self.after_power {
                b'A' => {}
                b'C' => self.drop_into_bin(),
                _ => self.place = Place::Mouth,
            }
        }
        self.ailment = Ailment::NotReset;
    }

    fn take_in(&mut self) {
        if !(self.entry_open && self.place == Place::Offered) {
            return;
        }
        self.entry_open = false;
        self.shutter_open = false;
        self.place = Place::Inside;
        self.ailment = match (self.levers.jam, self.levers.size) {
            (Some(Jam::Front), _) => Ailment::Error(*b"10"),
            (_, Size::Right) => Ailment::None,
            (_, Size::Long) => Ailment::WrongSize(*b"20"),
            (_, Size::Short) => Ailment::WrongSize(*b"21"),
        };
    }

    fn drop_into_bin(&mut self) {
        self.place = Place::Bin;
        self.captured = (self.captured + 1) % 1_000;
    }

    /// Chip and contacts.
    pub(super) fn without_power(&mut self) {
        self.slot.remove();
        self.active = None;
        self.pressed = false;
        self.rest.clear();
    }

    /// Answers a command with an error, with all that goes with such an error.
    fn fail(&mut self, code: [u8; 2]) {
        match &code {
            [b'1', b'8' | b'9'] => {
                self.without_power();
                self.ailment = Ailment::NotReset;
            }
            [b'1', _] | b"81" | b"88" => self.ailment = Ailment::Error(code),
            b"20" | b"21" => self.ailment = Ailment::WrongSize(code),
            b"80" | b"82" => self.deactivate(),
            _ => {}
        }
    }

    /// Executes a whole command, and gives the text of its answer and how much later it comes.
    pub(super) fn execute(&mut self, command: &[u8], error: Option<[u8; 2]>) -> (Vec<u8>, Duration) {
        let (code, parameters) = command.get(1..).and_then(<[u8]>::split_first_chunk).unwrap_or((b"??", &[]));
        let mut late = self.levers.slow;
        let executed = match error {
            Some(error) => {
                self.fail(error);
                Err(error)
            }
            None => {
                *self.counts.executed.entry(String::from_utf8_lossy(code).into_owned()).or_default() += 1;
                self.obey(code, parameters, &mut late)
            }
        };
        let text = match executed {
            Ok((result, data)) => [b"P", &code[..], &result, &data].concat(),
            Err(error) => [b"N", &code[..], &error].concat(),
        };
        (text, late)
    }

    fn obey(&mut self, code: &[u8; 2], parameters: &[u8], late: &mut Duration) -> Executed {
        let is_reset = matches!(code, [b'0', b'0'..=b'6']) && code != b"03";
        match self.ailment {
            _ if is_reset => return self.reset(code[1], parameters),
            Ailment::None => {}
            Ailment::NotReset => return Err(*b"19"),
            Ailment::Error(_) if code == b"11" && !self.levers.strict => {}
            Ailment::Error(error) => return Err(error),
            Ailment::WrongSize(_) if code == b"30" => self.ailment = Ailment::None,
            Ailment::WrongSize(error) => return Err(error),
        }
        match code {
            b"10" => Ok(self.here()),
            b"11" => Ok((self.here().0, self.sensors())),
            b":0" => self.permit(),
            b":1" => {
                self.entry_open = false;
                self.shutter_open = false;
                Ok(self.here())
            }
            b"30" => self.give_back(),
            b"31" => self.capture(),
            b"40" | b"41" => self.take_back(code == b"41"),
            b"Q0" => Ok((self.here().0, format!("{:03}", self.captured).into_bytes())),
            b"Q1" => {
                self.captured = 0;
                Ok(self.here())
            }
            b"V0" => Ok((self.here().0, VERSION.to_vec())),
            b"W0" | b"W1" | b"W2" | b"R3" => match parameters {
                [b'0'..=b'9', b'0'..=b'9'] => Ok(self.here()),
                _ => Err(*b"02"),
            },
            _ => self.obey_chip(code, parameters, late),
        }
    }

    /// The result that tells where the card is.
    pub(super) fn here(&self) -> ([u8; 2], Vec<u8>) {
        let result = match self.place {
            Place::Hand | Place::Offered | Place::Bin => NO_CARD,
            Place::Mouth => AT_MOUTH,
            Place::Inside if self.active.is_some() => ACTIVE,
            Place::Inside if self.pressed => PRESSED,
            Place::Inside => INSIDE,
        };
        (result, Vec::new())
    }

    fn sensors(&self) -> Vec<u8> {
        let inside = self.place == Place::Inside;
        let front = self.place == Place::Mouth || (inside && self.levers.jam == Some(Jam::Front));
        let rear = inside && self.levers.jam != Some(Jam::Front);
        let seen = [
            front,
            false,
            inside,
            false,
            rear,
            self.shutter_open,
            false,
            self.place == Place::Offered,
            self.pressed,
            self.active.is_some(),
            false,
            false,
        ];
        seen.iter().map(|seen| b'0' + u8::from(*seen)).collect()
    }

    fn reset(&mut self, kind: u8, parameters: &[u8]) -> Executed {
        match parameters {
            [] | [b'0' | b'2'..=b'9'] => {}
            [b'0' | b'2'..=b'9', after @ b'A'..=b'C'] => self.after_power = *after,
            _ => return Err(*b"02"),
        }
        self.without_power();
        self.entry_open = false;
        self.shutter_open = self.place == Place::Mouth;
        self.ailment = Ailment::None;
        if self.levers.shutter_stuck {
            return self.broken(*b"11");
        }
        if self.levers.contacts_stuck {
            return self.broken(*b"81");
        }
        let to_bin = kind == b'1' || kind == b'5';
        match self.place {
            Place::Inside if self.levers.jam == Some(Jam::Front) => return self.broken(*b"10"),
            Place::Inside if to_bin => return self.capture(),
            Place::Inside if kind == b'0' || kind == b'4' => return self.give_back(),
            Place::Mouth if kind == b'0' || kind == b'4' => {}
            Place::Mouth if self.levers.held => return Err(*b"64"),
            Place::Mouth => return self.take_back(to_bin),
            _ => {}
        }
        Ok(self.here())
    }

    fn permit(&mut self) -> Executed {
        if self.entry_open || matches!(self.place, Place::Mouth | Place::Inside) {
            return Err(*b"01");
        }
        if self.levers.shutter_stuck {
            return self.broken(*b"11");
        }
        self.entry_open = true;
        self.shutter_open = true;
        self.take_in();
        Ok((NO_CARD, Vec::new()))
    }

    fn give_back(&mut self) -> Executed {
        match self.place {
            Place::Inside if self.pressed => return Err(*b"01"),
            Place::Inside if self.levers.shutter_stuck => return self.broken(*b"11"),
            Place::Inside if self.levers.jam == Some(Jam::Front) => return self.broken(*b"10"),
            Place::Inside => {
                self.place = Place::Mouth;
                self.shutter_open = true;
            }
            _ => {}
        }
        Ok(self.here())
    }

    fn capture(&mut self) -> Executed {
        match self.place {
            Place::Inside if self.pressed => Err(*b"01"),
            Place::Inside if self.levers.jam == Some(Jam::Rear) => self.broken(*b"16"),
            Place::Inside => {
                self.drop_into_bin();
                Ok(self.here())
            }
            _ => Err(*b"01"),
        }
    }

    fn take_back(&mut self, into_bin: bool) -> Executed {
        match self.place {
            Place::Mouth if self.levers.held => Err(*b"63"),
            Place::Mouth if self.levers.jam == Some(Jam::Front) => self.broken(*b"15"),
            Place::Mouth => {
                self.place = Place::Inside;
                self.shutter_open = false;
                if into_bin { self.capture() } else { Ok(self.here()) }
            }
            Place::Inside => Ok(self.here()),
            _ => Err(*b"60"),
        }
    }

    /// An error that only an initial reset ends.
    pub(super) fn broken<T>(&mut self, error: [u8; 2]) -> Result<T, [u8; 2]> {
        self.ailment = Ailment::Error(error);
        Err(error)
    }
}
