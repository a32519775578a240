//! The conversation with a printer over an open line: questions, answers, bytes of a job.
//!
//! Implemented from Epson's ESC/POS command reference (`DLE EOT`, `DLE ENQ`, `GS a`, `GS r`, `GS ( H`) and Custom's KPM210
//! manual (`DLE EOT 20`), in the order that receiptio's conversation shows; tried against our own simulator only.
//!
//! Invariants:
//! - Every wait has an end.
//! - Nothing is sent faster than the line carries it, so that a question never waits behind more than a piece of a job.
//! - Real-time commands are sent between whole commands only, and only one is outstanding.
//! - An answer that nobody asked for changes nothing but what is known of the printer.

use std::collections::VecDeque;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::super::profile::{Profile, StatusFamily};
use super::Limits;
use super::answers::{Answer, Parser};
use super::clock::{Deadline, now};
use super::condition::Condition;
use crate::port::Fault;
use crate::serial::{Line, LineError, SerialSettings};

/// Sent at once: between two such pieces the printer is listened to.
const PIECE_BYTES: usize = 512;
/// A printer that waits for the rest of a picture is given white, so much at once and so much at most.
const WAKING_BYTES: usize = 2_048;
const WAKING_BYTES_MAX: usize = 65_536;

/// The conversation failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No answer.
    Silent(LineError),
    /// Answers that are none.
    Garbage,
    /// The line itself.
    Line(LineError),
}

impl From<LineError> for Trouble {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Silent { .. } => Self::Silent(error),
            LineError::Gone | LineError::Io(_) => Self::Line(error),
        }
    }
}

pub(super) struct Talk<'p> {
    line: Line,
    profile: &'p Profile,
    limits: Limits,
    parser: Parser,
    heard: VecDeque<Answer>,
    /// What is known of the printer.
    pub(super) condition: Condition,
    /// It has reported by itself: it can be relied on to do so again.
    pub(super) reports: bool,
    baud: u32,
    /// When the line will have carried what was sent.
    free_at: Instant,
    /// Bytes that made no sense, so far.
    pub(super) garbage: u64,
}

impl<'p> Talk<'p> {
    /// Opens the port.
    pub(super) fn open(
        settings: &SerialSettings,
        profile: &'p Profile,
        limits: Limits,
    ) -> Result<Self, Fault> {
        Ok(Self {
            line: Line::open("printer", settings)?,
            profile,
            limits,
            parser: Parser::new(profile.status),
            heard: VecDeque::new(),
            condition: Condition::default(),
            reports: false,
            baud: settings.baud.max(1),
            free_at: now(),
            garbage: 0,
        })
    }

    /// The fault of a conversation that failed while `doing` something.
    pub(super) fn fault(&self, doing: &str, trouble: Trouble) -> Fault {
        match trouble {
            Trouble::Silent(error) | Trouble::Line(error) => self.line.fault("printer-silent", doing, error),
            Trouble::Garbage => Fault {
                kind: crate::port::FaultKind::NeedsOperator,
                device: "printer",
                code: "printer-garbage",
                action: crate::port::Action::Configuration,
                what: format!(
                    "{doing} on {}: its answers make no sense; check speed, parity and profile",
                    self.line.port().display()
                ),
                source: None,
            },
        }
    }

    /// Greets the printer, which may be in the middle of anything, and learns its condition.
    pub(super) fn greet(&mut self) -> Result<(), Trouble> {
        self.line.clear_input()?;
        self.parser.reset();
        self.heard.clear();
        match self.look() {
            // One that was just switched on, or is busy with the end of something, is asked once more.
            Err(Trouble::Silent(_)) => self.look()?,
            other => other?,
        }
        self.synchronise()
    }

    /// Brings the printer into its first state, reporting by itself. It answers real-time questions in the middle of a
    /// picture too, and takes everything else for dots then; so it is given white until it shows that it reads commands.
    /// A printer that something stands in the way of reads none, and is left as it is.
    pub(super) fn synchronise(&mut self) -> Result<(), Trouble> {
        let deadline = Deadline::after(self.limits.wake());
        let mut given = 0;
        loop {
            if self.condition.obstacle().is_some() || self.reads_commands()? {
                return Ok(());
            }
            if given >= WAKING_BYTES_MAX || deadline.is_over() {
                let limit = self.limits.wake();
                return Err(Trouble::Silent(LineError::Silent { limit }));
            }
            for piece in [0; WAKING_BYTES].chunks(PIECE_BYTES) {
                self.keep_pace()?;
                self.send(piece)?;
            }
            given += WAKING_BYTES;
        }
    }

    fn reads_commands(&mut self) -> Result<bool, Trouble> {
        self.listen()?;
        self.heard.clear();
        self.reports = false;
        self.send(&[0x1b, 0x40])?;
        let deadline = Deadline::after(self.limits.answer() + self.on_the_line());
        if self.profile.status == StatusFamily::CustomFull {
            // It has nothing that is answered in the order of the data, but says whether anything waits.
            while self.condition.busy && !deadline.is_over() {
                self.look()?;
            }
            return Ok(!self.condition.busy);
        }
        self.send(&[0x1d, 0x61, 0xff, 0x1d, 0x72, 0x01])?;
        loop {
            match self.hear(deadline.left()) {
                Ok(Answer::Ordered(_)) => return Ok(true),
                // Some know no marker, but report.
                Err(Trouble::Silent(_)) => return Ok(self.reports),
                Ok(Answer::Automatic(_)) => self.reports = true,
                Ok(_) if deadline.is_over() => return Ok(false),
                Ok(_) => {}
                Err(other) => return Err(other),
            }
        }
    }

    /// Asks for everything.
    pub(super) fn look(&mut self) -> Result<(), Trouble> {
        if self.profile.status == StatusFamily::CustomFull {
            return self.ask(20);
        }
        (1..=4).try_for_each(|n| self.ask(n))
    }

    fn ask(&mut self, n: u8) -> Result<(), Trouble> {
        self.listen()?;
        self.heard.clear();
        self.send(&[0x10, 0x04, n])?;
        let deadline = Deadline::after(self.limits.answer() + self.on_the_line());
        let mut garbage = false;
        loop {
            match self.hear(deadline.left()) {
                Ok(Answer::RealTime(byte)) => {
                    self.condition.real_time(n, self.profile.status, byte);
                    return Ok(());
                }
                Ok(Answer::Full(_)) => return Ok(()),
                Ok(Answer::Garbage) => garbage = true,
                Ok(_) => {}
                Err(Trouble::Silent(error)) => {
                    return Err(if garbage { Trouble::Garbage } else { Trouble::Silent(error) });
                }
                Err(other) => return Err(other),
            }
            if deadline.is_over() {
                // It talks without end, and never says what it was asked.
                return Err(Trouble::Garbage);
            }
        }
    }

    /// The next answer, which is also taken into the condition.
    pub(super) fn hear(&mut self, limit: Duration) -> Result<Answer, Trouble> {
        let deadline = Deadline::after(limit);
        loop {
            if let Some(answer) = self.heard.pop_front() {
                return Ok(answer);
            }
            let left = deadline.left();
            if left.is_zero() {
                return Err(Trouble::Silent(LineError::Silent { limit }));
            }
            self.read(left)?;
        }
    }

    fn read(&mut self, limit: Duration) -> Result<(), Trouble> {
        let mut bytes = [0; 256];
        let count = self.line.read(&mut bytes, limit)?;
        for byte in bytes.iter().take(count) {
            let Some(answer) = self.parser.take(*byte) else { continue };
            match answer {
                Answer::Automatic(status) => {
                    self.reports = true;
                    self.condition.automatic(self.profile.status, status);
                }
                Answer::Full(status) => self.condition.full(status),
                Answer::Garbage => self.garbage += 1,
                _ => {}
            }
            self.heard.push_back(answer);
        }
        Ok(())
    }

    /// Takes in what has come, without waiting.
    pub(super) fn listen(&mut self) -> Result<(), Trouble> {
        // A printer that sends without end is not listened to for longer than this.
        for _ in 0..16 {
            let mut ready = [PollFd::new(self.line.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, PollTimeout::ZERO) {
                Ok(count) if count > 0 => self.read(Duration::from_millis(20))?,
                _ => break,
            }
        }
        Ok(())
    }

    /// What came in and nobody waits for is forgotten.
    pub(super) fn forget(&mut self) {
        self.heard.clear();
    }

    /// Sends bytes.
    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.line.write_all(bytes, self.limits.stall())?;
        let carried = Duration::from_micros(bytes.len() as u64 * 10_000_000 / u64::from(self.baud));
        self.free_at = self.free_at.max(now()) + carried;
        Ok(())
    }

    /// How long the line still carries what was sent.
    fn on_the_line(&self) -> Duration {
        self.free_at.saturating_duration_since(now())
    }

    /// Listens until the line has carried what was sent.
    fn keep_pace(&mut self) -> Result<(), Trouble> {
        loop {
            self.listen()?;
            let left = self.on_the_line();
            if left.is_zero() || self.condition.obstacle().is_some() {
                return Ok(());
            }
            let mut ready = [PollFd::new(self.line.as_fd(), PollFlags::POLLIN)];
            let limit = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
            // An error shows when it is read.
            let _woken = poll(&mut ready, limit);
        }
    }

    /// Sends whole commands in pieces, listening between them; stops when something stands in the way. How many bytes
    /// were sent.
    pub(super) fn send_unit(&mut self, unit: &[u8]) -> (usize, Result<(), Trouble>) {
        let mut sent = 0;
        for piece in unit.chunks(PIECE_BYTES) {
            if let Err(trouble) = self.keep_pace() {
                return (sent, Err(trouble));
            }
            if self.condition.obstacle().is_some() {
                return (sent, Ok(()));
            }
            if let Err(trouble) = self.send(piece) {
                return (sent, Err(trouble));
            }
            sent += piece.len();
        }
        (sent, Ok(()))
    }

    /// Throws away what the system has not sent yet.
    pub(super) fn drop_output(&mut self) {
        // What cannot be thrown away is sent, and the printer is told to throw it away.
        let _refused = self.line.clear_output();
    }

    /// For `poll` beside the orders.
    pub(super) fn line(&self) -> &Line {
        &self.line
    }
}
