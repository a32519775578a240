//! The printer around the paper: what it receives and keeps, what it carries out, what it says.
//!
//! Invariants:
//! - What is received is carried out in its order, and only while nothing stands in the way; real-time commands are answered
//!   when they come.
//! - No more than [`BUFFER_BYTES`] wait.

use std::collections::VecDeque;

use super::command::{Dialect, Order, Parsed, parse};
use super::lever::{Later, Presenter, Pull};
use super::paper::{Paper, Sheet};

/// The receive buffer; a picture's command is taken out of it as it comes, so it may be longer.
pub(super) const BUFFER_BYTES: usize = 4_096;
/// The longest command: a picture of 2047 rows of 255 bytes is refused by waiting for ever, as the real thing might.
const COMMAND_BYTES_MAX: usize = 600_000;

/// Whose printer it is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Cuts, and the customer tears off.
    Epson,
    /// Like Epson's, with a presenter.
    Citizen,
    /// Full status, presenter.
    Custom,
}

/// What printer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Whose.
    pub family: Family,
    /// Printed width in dots.
    pub dots: usize,
    /// Dots of an inch.
    pub dpi: usize,
}

/// The printer.
#[derive(Debug)]
pub struct Machine {
    model: Model,
    paper: Paper,
    buffer: VecDeque<u8>,
    /// Bytes of a real-time command that has begun.
    real_time: Vec<u8>,
    said: Vec<u8>,
    sensors: Sensors,
    levers: Levers,
    automatic: u8,
    last_automatic: Option<[u8; 4]>,
    presented: bool,
    /// Carried out since it was switched on.
    pub(super) carried_out: u64,
    /// The command at the front has begun, and its rest has not come.
    incomplete: bool,
    later: Vec<(Later, u64)>,
    random: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sensors {
    low: bool,
    out: bool,
    cover: bool,
    cutter_stuck: bool,
    /// The cutter was stuck at a cut.
    cutter_error: bool,
    fatal: bool,
    hot: bool,
    jam: bool,
}

#[derive(Clone, Copy, Debug)]
struct Levers {
    presenter: Presenter,
    powered: bool,
    silent: bool,
    garbage: bool,
    noise: bool,
    wrong_speed: bool,
    reports: bool,
    bytes_per_second: u32,
}

impl Machine {
    /// A printer that is switched on, with paper.
    pub fn new(model: Model) -> Self {
        Self {
            model,
            paper: Paper::new(model.dots, model.dpi),
            buffer: VecDeque::new(),
            real_time: Vec::new(),
            said: Vec::new(),
            sensors: Sensors::default(),
            levers: Levers {
                presenter: Presenter::Taken,
                powered: true,
                silent: false,
                garbage: false,
                noise: false,
                wrong_speed: false,
                reports: true,
                bytes_per_second: 0,
            },
            automatic: 0,
            last_automatic: None,
            presented: false,
            carried_out: 0,
            incomplete: false,
            later: Vec::new(),
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    pub(super) fn pull(&mut self, pull: Pull) {
        match pull {
            Pull::PaperLow(low) => self.sensors.low = low,
            Pull::PaperOut(out) => {
                self.sensors.out = out;
                self.sensors.low = out;
            }
            Pull::Cover(open) => self.sensors.cover = open,
            Pull::Cutter(stuck) => self.sensors.cutter_stuck = stuck,
            Pull::Fatal(fatal) => {
                self.sensors.fatal = fatal;
                self.sensors.hot &= fatal;
            }
            Pull::Hot(hot) => self.sensors.hot = hot,
            Pull::Presenter(presenter) => {
                self.levers.presenter = presenter;
                if presenter == Presenter::Taken {
                    self.sensors.jam = false;
                    self.presented = false;
                }
            }
            Pull::Power(on) => self.power(on),
            Pull::Silent(on) => self.levers.silent = on,
            Pull::Garbage(on) => self.levers.garbage = on,
            Pull::Noise(on) => self.levers.noise = on,
            Pull::WrongSpeed(on) => self.levers.wrong_speed = on,
            Pull::Reports(on) => self.levers.reports = on,
            Pull::Slow(bytes_per_second) => self.levers.bytes_per_second = bytes_per_second,
            Pull::After(later, bytes) => self.later.push((later, self.carried_out + bytes)),
        }
    }

    fn power(&mut self, on: bool) {
        self.levers.powered = on;
        self.buffer.clear();
        self.incomplete = false;
        self.real_time.clear();
        self.said.clear();
        self.automatic = 0;
        self.last_automatic = None;
        self.sensors.cutter_error = false;
        self.paper.power_on();
    }

    /// Whether it takes bytes.
    pub(super) fn has_room(&self) -> bool {
        self.levers.powered && self.buffer.len() < BUFFER_BYTES
            // A command that is not complete needs its rest.
            || self.levers.powered && self.incomplete && self.buffer.len() < COMMAND_BYTES_MAX
    }

    /// Whether it is full, and nothing will make room before somebody comes.
    pub(super) fn is_stuck(&self) -> bool {
        self.levers.powered && !self.has_room() && self.obstacle().is_some()
    }

    /// Takes bytes that there is no room for: they are lost, but for real-time commands.
    pub(super) fn receive_without_room(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let byte = self.disturbed(*byte);
            if let Some(command) = self.real_time_command(byte) {
                self.answer_now(command);
            }
        }
    }

    pub(super) fn bytes_per_second(&self) -> u32 {
        self.levers.bytes_per_second
    }

    /// What was cut off.
    pub fn take_sheets(&mut self) -> Vec<Sheet> {
        self.paper.take_sheets()
    }

    /// Whether something is printed and not cut off.
    pub fn hangs_out(&self) -> bool {
        self.paper.hangs_out()
    }

    /// Whether a receipt lies in the mouth.
    pub fn presented(&self) -> bool {
        self.presented
    }

    /// Takes bytes from the line.
    pub fn receive(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let byte = self.disturbed(*byte);
            if let Some(command) = self.real_time_command(byte) {
                self.answer_now(command);
            }
            let kept = if self.levers.wrong_speed { byte.rotate_left(3) ^ 0x5a } else { byte };
            self.buffer.push_back(kept);
        }
    }

    /// Real-time commands are found wherever they stand, inside pictures too.
    fn real_time_command(&mut self, byte: u8) -> Option<[u8; 2]> {
        match self.real_time[..] {
            [0x10] if matches!(byte, 0x04 | 0x05 | 0x14) => {
                self.real_time.push(byte);
                None
            }
            [0x10, function] => {
                self.real_time.clear();
                Some([function, byte])
            }
            _ => {
                self.real_time.clear();
                if byte == 0x10 {
                    self.real_time.push(byte);
                }
                None
            }
        }
    }

    fn answer_now(&mut self, [function, n]: [u8; 2]) {
        match (function, n) {
            (0x04, 20) if self.model.family == Family::Custom => {
                let status = self.full_status();
                self.say(&[0x10, 0x0f]);
                self.say(&status);
            }
            (0x04, 1..=4) if self.model.family != Family::Custom => {
                let status = self.real_time_status(n);
                self.say(&[status]);
            }
            (0x05, 1 | 2) => {
                if !self.sensors.cutter_stuck {
                    self.sensors.cutter_error = false;
                }
                if n == 2 {
                    self.buffer.clear();
                }
            }
            (0x14, 8) => {
                self.buffer.clear();
                self.say(&[0x37, 0x25, 0x00]);
            }
            _ => {}
        }
    }

    /// Carries out at most `budget` bytes of what waits, then reports what has changed.
    pub fn work(&mut self, budget: usize) -> usize {
        let mut done = 0;
        while done < budget && self.levers.powered && self.obstacle().is_none() {
            let dialect = if self.model.family == Family::Custom { Dialect::Custom } else { Dialect::Epson };
            let bytes = self.buffer.make_contiguous();
            let Parsed::Command(order, length) = parse(bytes, self.paper.kanji(), dialect) else {
                self.incomplete = !self.buffer.is_empty();
                break;
            };
            self.incomplete = false;
            self.buffer.drain(..length);
            self.carry_out(order);
            done += length;
            self.carried_out += length as u64;
            self.strike();
        }
        self.report();
        done
    }

    /// Faults whose time has come.
    fn strike(&mut self) {
        let now = self.carried_out;
        let (due, later) = self.later.drain(..).partition(|(_, at)| *at <= now);
        self.later = later;
        let due: Vec<(Later, u64)> = due;
        for (fault, _) in due {
            match fault {
                Later::PaperOut => self.pull(Pull::PaperOut(true)),
                Later::CoverOpen => self.pull(Pull::Cover(true)),
                Later::CutterJam => self.pull(Pull::Cutter(true)),
                Later::PowerOff => self.pull(Pull::Power(false)),
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Initialise => {
                self.automatic = 0;
                self.paper.carry_out(order);
            }
            Order::AutomaticStatus(n) => {
                self.automatic = n;
                self.last_automatic = None;
            }
            Order::Ordered(1 | 49) => {
                let status = if self.sensors.low { 0x03 } else { 0x00 };
                self.say(&[status]);
            }
            Order::Ordered(_) => self.say(&[0x00]),
            Order::Identify(66) => self.say(b"\x5fSIMULATOR\0"),
            Order::Identify(67) => self.say(b"\x5fPAPER-AND-INK\0"),
            Order::ProcessId(id) => {
                self.say(&[0x37, 0x22]);
                self.say(&id);
                self.say(&[0]);
            }
            Order::Cut(_) if self.sensors.cutter_stuck => self.sensors.cutter_error = true,
            Order::Cut(_) => {
                let something = self.paper.hangs_out();
                self.paper.carry_out(order);
                if self.model.family == Family::Citizen && something {
                    self.hand_out();
                }
            }
            Order::Present => self.hand_out(),
            Order::Retract => {
                if self.levers.presenter != Presenter::Stuck {
                    self.presented = false;
                }
            }
            other => self.paper.carry_out(other),
        }
    }

    fn hand_out(&mut self) {
        match self.levers.presenter {
            Presenter::Taken | Presenter::Left | Presenter::Stuck => self.presented = true,
            Presenter::Jam => self.sensors.jam = true,
        }
    }

    /// The customer, who takes what is handed out at once: called after the host had time to see it.
    pub(super) fn take_receipt(&mut self) {
        if self.levers.presenter == Presenter::Taken {
            self.presented = false;
        }
    }

    fn obstacle(&self) -> Option<()> {
        let Sensors { out, cover, cutter_error, fatal, hot, jam, .. } = self.sensors;
        (out || cover || cutter_error || fatal || hot || jam).then_some(())
    }

    fn real_time_status(&self, n: u8) -> u8 {
        let Sensors { low, out, cover, cutter_error, fatal, hot, jam, .. } = self.sensors;
        let bits = match n {
            1 => bit(self.obstacle().is_some(), 0x08),
            2 => {
                let error = cutter_error || fatal || hot || jam;
                bit(cover, 0x04) | bit(out, 0x20) | bit(error, 0x40)
            }
            3 => bit(jam, 0x04) | bit(cutter_error, 0x08) | bit(fatal, 0x20) | bit(hot, 0x40),
            _ => bit(low, 0x0c) | bit(out, 0x60),
        };
        0x12 | bits
    }

    fn automatic_status(&self) -> [u8; 4] {
        let Sensors { low, out, cover, cutter_error, fatal, hot, jam, .. } = self.sensors;
        let citizen = self.model.family == Family::Citizen;
        let first = 0x10 | bit(self.obstacle().is_some(), 0x08) | bit(cover, 0x20);
        let second = bit(jam, 0x04) | bit(cutter_error, 0x08) | bit(fatal, 0x20) | bit(hot, 0x40);
        let end = if citizen { bit(out, 0x04) | bit(self.presented, 0x08) } else { bit(out, 0x0c) };
        [first, second, bit(low, 0x03) | end, 0x0f]
    }

    fn full_status(&self) -> [u8; 4] {
        let Sensors { low, out, cover, cutter_error, fatal, hot, jam, .. } = self.sensors;
        // The question itself is in the buffer, but for its last byte.
        let waiting = self.buffer.len() > 2 && self.obstacle().is_none();
        let paper = bit(out, 0x01) | bit(low, 0x04) | bit(self.presented, 0x20);
        let user = bit(cover, 0x02) | bit(waiting, 0x04);
        [paper, user, bit(hot, 0x01) | bit(jam, 0x40), bit(cutter_error, 0x01) | bit(fatal, 0x04)]
    }

    fn report(&mut self) {
        if self.automatic == 0 || !self.levers.reports || self.model.family == Family::Custom {
            return;
        }
        let status = self.automatic_status();
        if self.last_automatic != Some(status) {
            self.last_automatic = Some(status);
            self.say(&status);
        }
    }

    fn say(&mut self, bytes: &[u8]) {
        let Levers { silent, garbage, wrong_speed, powered, .. } = self.levers;
        if silent || !powered {
            return;
        }
        for byte in bytes {
            let byte = if garbage {
                // The highest byte of the generator's state.
                (self.next_random() >> 56) as u8
            } else if wrong_speed {
                0x80 | byte.rotate_left(2)
            } else {
                self.disturbed(*byte)
            };
            self.said.push(byte);
        }
    }

    /// What it has said and was not sent yet.
    pub fn take_said(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.said)
    }

    fn disturbed(&mut self, byte: u8) -> u8 {
        if !self.levers.noise || !self.next_random().is_multiple_of(100) {
            return byte;
        }
        (self.next_random() >> 48) as u8
    }

    /// The same every time: a failure can be seen again.
    fn next_random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

const fn bit(set: bool, bits: u8) -> u8 {
    if set { bits } else { 0 }
}

#[cfg(test)]
mod tests;
