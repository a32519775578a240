//! The procedure: a command is taken, executed when the host says so, and its answer may be asked for again.
//!
//! Host: frame. Unit: ACK. Host: ENQ. Unit: executes, sends its answer and keeps it. An ENQ without a command makes it send
//! the kept answer once more.
//!
//! Invariants:
//! - After an ENQ a command is never sent again: the unit may have executed it. What is asked for again is its answer.
//! - Before an ENQ a command may be sent again: the unit executes nothing without one. A command that is given up is
//!   taken back with EOT, so that no later ENQ executes it.
//! - An older answer that the unit kept is not taken for the new one: answers repeat the code of their command. For two
//!   commands with one code in a row the caller puts another between them, where a mistake would matter.
//! - Every wait has an end.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::frame::{DLE, ENQ, EOT, Heard, Receiver, write_frame};
use super::text::{Code, Order, Reply, Takes};
use crate::card::clock;
use crate::serial::{Line, LineError};

/// How long and how often is waited and tried. The defaults are the specification's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// For the unit to acknowledge a command: 5.02 s and its turn-round time of 10 ms, at least.
    pub acknowledge_max: Duration,
    /// For an answer to begin: 10 s at least, the chip's own 10 s included, and 1 s for each of 3 mechanical retries.
    pub answer_max: Duration,
    /// For the rest of a frame that has begun: 3 s at 9600 bits a second.
    pub frame_max: Duration,
    /// What is damaged has ended when nothing comes for so long.
    pub quiet: Duration,
    /// A command is sent at most so often until it is acknowledged.
    pub sends_max: u32,
    /// An answer is asked for at most so often.
    pub asks_max: u32,
    /// Of these, so many may end in silence.
    pub silences_max: u32,
    /// Between two looks at the unit.
    pub look_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            acknowledge_max: Duration::from_millis(5_100),
            answer_max: Duration::from_millis(14_000),
            frame_max: Duration::from_millis(3_000),
            quiet: Duration::from_millis(50),
            sends_max: 5,
            asks_max: 6,
            silences_max: 2,
            look_every: Duration::from_millis(250),
        }
    }
}

/// What came instead of what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Why {
    #[error("it is silent")]
    Silent,
    #[error("it did not understand")]
    NotUnderstood,
    #[error("what it says cannot be understood")]
    Garbled,
    #[error("it repeats an older answer")]
    OlderAnswer,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// Nothing was executed.
    #[error("the unit took no command")]
    NotTaken(#[source] Why),
    /// It may have been executed.
    #[error("the unit took a command and gave no answer")]
    Unanswered(#[source] Why),
    /// The port itself failed; what was executed is not known.
    #[error(transparent)]
    Line(#[from] LineError),
}

/// A line with a unit at its other end.
pub(super) struct Link {
    line: Line,
    pace: Pace,
    receiver: Receiver,
    /// Read from the port and not looked at.
    ahead: [u8; 64],
    next: Range<usize>,
}

enum Fetched {
    Reply(Reply),
    /// The unit kept another command's answer: it has not taken this one.
    OfAnother,
}

impl Link {
    pub(super) const fn new(line: Line, pace: Pace) -> Self {
        Self { line, pace, receiver: Receiver::new(), ahead: [0; 64], next: 0..0 }
    }

    /// The port, for faults.
    pub(super) const fn line(&self) -> &Line {
        &self.line
    }

    /// Has the unit execute `order`, at most once.
    pub(super) fn execute(&mut self, order: &Order<'_>) -> Result<Reply, LinkError> {
        // The second round is for a unit that seemed to acknowledge and did not.
        for _ in 0..2 {
            self.hand_over(order)?;
            match self.fetch(order)? {
                Fetched::Reply(reply) => return Ok(reply),
                Fetched::OfAnother => {}
            }
        }
        Err(LinkError::NotTaken(Why::OlderAnswer))
    }

    /// Sends a command until the unit has it.
    fn hand_over(&mut self, order: &Order<'_>) -> Result<(), LinkError> {
        let mut silences = 0;
        let mut why = Why::Silent;
        for send in 0..self.pace.sends_max {
            self.settle(send > 0)?;
            self.send(order)?;
            match self.await_acknowledge()? {
                Acknowledge::Yes => return Ok(()),
                // An answer to this very command without an acknowledgement: the one before was taken, and something
                // on the line looked like an ENQ to the unit.
                Acknowledge::Answer(code) if send > 0 && code == order.code => {
                    return Err(LinkError::Unanswered(Why::OlderAnswer));
                }
                Acknowledge::Answer(_) => why = Why::OlderAnswer,
                Acknowledge::No => why = Why::NotUnderstood,
                Acknowledge::Garbled => why = Why::Garbled,
                Acknowledge::Silent => {
                    why = Why::Silent;
                    silences += 1;
                    if silences >= self.pace.silences_max {
                        break;
                    }
                }
            }
        }
        self.write(&[DLE, EOT])?;
        Err(LinkError::NotTaken(why))
    }

    /// Has the command executed and gets its answer, however often that must be asked for.
    fn fetch(&mut self, order: &Order<'_>) -> Result<Fetched, LinkError> {
        let mut silences = 0;
        let mut why = Why::Silent;
        for _ in 0..self.pace.asks_max {
            self.write(&[DLE, ENQ])?;
            let limit = self.pace.answer_max
                + match order.takes {
                    Takes::Usual => Duration::ZERO,
                    Takes::Longer(time) => time,
                };
            why = match self.await_answer(limit)? {
                Ok(reply) if reply.code == order.code => return Ok(Fetched::Reply(reply)),
                Ok(_) => return Ok(Fetched::OfAnother),
                Err(why) => why,
            };
            if why == Why::Silent {
                silences += 1;
                if silences >= self.pace.silences_max {
                    break;
                }
            } else {
                self.settle(true)?;
            }
        }
        Err(LinkError::Unanswered(why))
    }

    fn await_acknowledge(&mut self) -> Result<Acknowledge, LinkError> {
        let until = clock::after(self.pace.acknowledge_max);
        let mut last = Acknowledge::Silent;
        loop {
            let damaged = last == Acknowledge::Garbled;
            match self.hear(until, damaged)? {
                Some(Heard::Ack) => return Ok(Acknowledge::Yes),
                Some(Heard::Nak) => return Ok(Acknowledge::No),
                // Come late, or come twice: what is waited for comes after it.
                Some(Heard::Text) => {
                    let reply = Reply::parse(self.receiver.text());
                    last = reply.map_or(Acknowledge::Garbled, |reply| Acknowledge::Answer(reply.code));
                }
                Some(Heard::Broken | Heard::Noise) => last = Acknowledge::Garbled,
                None => return Ok(last),
            }
        }
    }

    fn await_answer(&mut self, limit: Duration) -> Result<Result<Reply, Why>, LinkError> {
        let until = clock::after(limit);
        let mut noise = false;
        loop {
            match self.hear(until, noise)? {
                Some(Heard::Text) => {
                    return Ok(Reply::parse(self.receiver.text()).ok_or(Why::Garbled));
                }
                Some(Heard::Broken) => return Ok(Err(Why::Garbled)),
                // A second acknowledgement, or a refusal of what was noise to the unit: the answer is still to come.
                Some(Heard::Ack | Heard::Nak) => {}
                Some(Heard::Noise) => noise = true,
                None => return Ok(Err(if noise { Why::Garbled } else { Why::Silent })),
            }
        }
    }

    /// The next thing heard, or `None` when nothing whole comes in time. After something `damaged` nothing more is
    /// expected when it becomes quiet.
    fn hear(&mut self, until: Instant, damaged: bool) -> Result<Option<Heard>, LinkError> {
        let mut frame_until = None;
        loop {
            while let Some(byte) = self.next_byte() {
                if let Some(heard) = self.receiver.hear(byte) {
                    return Ok(Some(heard));
                }
            }
            let limit = if self.receiver.is_inside_frame() {
                clock::left(*frame_until.get_or_insert_with(|| clock::after(self.pace.frame_max)))
            } else if damaged {
                clock::left(until).min(self.pace.quiet)
            } else {
                clock::left(until)
            };
            if limit.is_zero() || !self.read(limit)? {
                let was_inside = self.receiver.is_inside_frame();
                self.receiver.reset();
                return Ok(was_inside.then_some(Heard::Broken));
            }
        }
    }

    /// Waits until the line is quiet, and throws away what comes until then: late, doubled, damaged. Without a reason to
    /// expect something it does not wait.
    fn settle(&mut self, expecting: bool) -> Result<(), LinkError> {
        const AT_ONCE: Duration = Duration::from_millis(1);
        let until = clock::after(self.pace.acknowledge_max);
        let mut quiet = if expecting { self.pace.quiet } else { AT_ONCE };
        while !clock::left(until).is_zero() && self.read(quiet)? {
            quiet = self.pace.quiet;
        }
        self.next = 0..0;
        self.receiver.reset();
        Ok(())
    }

    /// Reads what comes; false when nothing does.
    fn read(&mut self, limit: Duration) -> Result<bool, LinkError> {
        match self.line.read(&mut self.ahead, limit) {
            Ok(count) => {
                self.next = 0..count;
                Ok(true)
            }
            Err(LineError::Silent { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn next_byte(&mut self) -> Option<u8> {
        self.next.next().and_then(|at| self.ahead.get(at).copied())
    }

    /// From the parameters' own place into the system, piece by piece.
    fn send(&mut self, order: &Order<'_>) -> Result<(), LinkError> {
        let Code(code) = order.code;
        write_frame(&[b"C", &code, order.parameters], |piece| self.write(piece))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        Ok(self.line.write_all(bytes, self.pace.acknowledge_max)?)
    }
}

/// What came where an acknowledgement should.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Acknowledge {
    Yes,
    No,
    Silent,
    Garbled,
    /// An answer, and nothing after it.
    Answer(Code),
}
