//! The thread at the port: it hears, executes, answers, and spoils what the levers want spoiled.
//!
//! Invariant: a command is executed at the first enquiry after it was acknowledged, and at no other.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Shared;
use super::lever::Effect;
use super::wire::{self, ACK, Cue, Ear, NAK};
use crate::clock;
use crate::pseudo_terminal::PseudoTerminal;

/// A command that stops in the middle is refused after so long.
const GAP_MAX: Duration = Duration::from_secs(5);
/// One look at the port, before the simulator looks whether it is to end.
const LOOK: Duration = Duration::from_millis(10);
/// What it says instead of an answer when it speaks garbage.
const GARBAGE_BYTES: usize = 12;

/// A command that was acknowledged.
struct Taken {
    command: Vec<u8>,
    effects: Vec<Effect>,
}

/// The thread's own.
pub(super) struct Service {
    shared: Arc<Shared>,
    port: PathBuf,
    ear: Ear,
    taken: Option<Taken>,
    /// The last answer, for who asks again.
    kept: Option<Vec<u8>>,
    last_byte: Option<Instant>,
}

impl Service {
    pub(super) fn new(shared: Arc<Shared>, port: PathBuf) -> Self {
        Self { shared, port, ear: Ear::default(), taken: None, kept: None, last_byte: None }
    }

    /// Serves the port until the unit is switched off.
    pub(super) fn run(mut self, terminal: PseudoTerminal) {
        let mut terminal = Some(terminal);
        loop {
            let (quit, plugged) = {
                let inner = self.shared.lock();
                (inner.quit, inner.plugged)
            };
            if quit {
                return;
            }
            match (&mut terminal, plugged) {
                (Some(open), true) => {
                    if let Err(error) = self.serve(open) {
                        tracing::warn!(error = &error as &dyn std::error::Error, "the port failed");
                        clock::wait(LOOK);
                    }
                }
                (Some(_), false) => {
                    terminal = None;
                    self.ear.give_up();
                }
                (None, true) => match PseudoTerminal::open(Some(&self.port)) {
                    Ok(opened) => terminal = Some(opened),
                    Err(error) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "no port");
                        clock::wait(LOOK);
                    }
                },
                (None, false) => {
                    self.shared.wait(LOOK, |state| state.plugged);
                }
            }
        }
    }

    /// One look at the port.
    fn serve(&mut self, terminal: &mut PseudoTerminal) -> io::Result<()> {
        let came = self.hear(terminal, LOOK)?;
        if std::mem::take(&mut self.shared.lock().power_failed) {
            self.ear.give_up();
            self.taken = None;
            self.kept = None;
        }
        let mut came = came.into_iter();
        while let Some(byte) = came.next() {
            self.last_byte = Some(clock::start());
            match self.ear.hear(byte) {
                Some(Cue::Command(command)) => self.take(terminal, command)?,
                Some(Cue::Damaged) => {
                    self.shared.lock().machine.counts.damaged += 1;
                    self.taken = None;
                    self.say(terminal, &NAK)?;
                }
                Some(Cue::Enquiry) if self.taken.is_some() => {
                    self.execute(terminal, came.as_slice())?;
                    break;
                }
                Some(Cue::Enquiry) => self.repeat(terminal)?,
                Some(Cue::Interrupt) => {
                    let given_up = u64::from(self.taken.take().is_some());
                    self.shared.lock().machine.counts.given_up += given_up;
                }
                // A command that begins takes the place of one that waits.
                None if self.ear.is_inside() => self.taken = None,
                None => {}
            }
        }
        if self.ear.is_inside() && self.last_byte.is_some_and(|last| last.elapsed() > GAP_MAX) {
            self.ear.give_up();
            self.say(terminal, &NAK)?;
        }
        Ok(())
    }

    fn take(&mut self, terminal: &mut PseudoTerminal, command: Vec<u8>) -> io::Result<()> {
        let effects = self.shared.lock().machine.due(&command);
        let has = |effect| effects.contains(&effect);
        if has(Effect::Nak) {
            self.taken = None;
            return self.say(terminal, &NAK);
        }
        if has(Effect::FalseAck) {
            self.taken = None;
            return self.say(terminal, &ACK);
        }
        let lost = has(Effect::LostAck);
        self.taken = Some(Taken { command, effects });
        if lost { Ok(()) } else { self.say(terminal, &ACK) }
    }

    /// Says the last answer again.
    fn repeat(&self, terminal: &mut PseudoTerminal) -> io::Result<()> {
        let Some(kept) = &self.kept else { return Ok(()) };
        self.shared.lock().machine.counts.repeats += 1;
        self.say(terminal, &wire::frame(kept))
    }

    /// Executes what waits. `meanwhile` came with the order to.
    fn execute(&mut self, terminal: &mut PseudoTerminal, meanwhile: &[u8]) -> io::Result<()> {
        let Some(Taken { command, effects }) = self.taken.take() else { return Ok(()) };
        let mut error = None;
        let mut late = Duration::ZERO;
        for effect in &effects {
            match effect {
                Effect::Error(code) => error = Some(*code),
                Effect::Late(time) => late = *time,
                _ => {}
            }
        }
        let (text, takes) = self.shared.act(|inner| inner.machine.execute(&command, error));
        if !self.busy(terminal, takes + late, meanwhile)? {
            return Ok(());
        }
        let mut frame = wire::frame(&text);
        if effects.contains(&Effect::Forgets) {
            self.kept = None;
            return Ok(());
        }
        self.kept = Some(text);
        if effects.contains(&Effect::LostAnswer) {
            return Ok(());
        }
        if effects.contains(&Effect::BadCheck)
            && let Some(check) = frame.last_mut()
        {
            *check ^= 0x55;
        }
        self.say(terminal, &frame)?;
        if effects.contains(&Effect::Twice) { self.say(terminal, &frame) } else { Ok(()) }
    }

    /// Is busy; false when the host breaks it off. Everything else that comes meanwhile is ignored.
    fn busy(&self, terminal: &mut PseudoTerminal, time: Duration, meanwhile: &[u8]) -> io::Result<bool> {
        let started = clock::start();
        let mut ear = Ear::default();
        if meanwhile.iter().any(|byte| ear.hear(*byte) == Some(Cue::Interrupt)) {
            return Ok(false);
        }
        loop {
            let left = time.saturating_sub(started.elapsed());
            if left.is_zero() || self.shared.lock().quit {
                return Ok(true);
            }
            let came = self.hear(terminal, left.min(LOOK))?;
            if came.into_iter().any(|byte| ear.hear(byte) == Some(Cue::Interrupt)) {
                return Ok(false);
            }
        }
    }

    /// What comes over the line: paced, spoiled, or not heard at all.
    fn hear(&self, terminal: &mut PseudoTerminal, limit: Duration) -> io::Result<Vec<u8>> {
        let mut bytes = [0; 256];
        let count = terminal.read(&mut bytes, limit)?;
        let mut bytes = bytes.get(..count).unwrap_or_default().to_vec();
        let mut inner = self.shared.lock();
        if inner.line.silent {
            return Ok(Vec::new());
        }
        for byte in &mut bytes {
            *byte = inner.line.noise.pass(*byte);
        }
        let pace = inner.line.baud;
        drop(inner);
        clock::wait(on_the_line(pace, bytes.len()));
        Ok(bytes)
    }

    fn say(&self, terminal: &mut PseudoTerminal, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.shared.lock();
        let line = &mut inner.line;
        let bytes: Vec<u8> = if line.garbage {
            (0..GARBAGE_BYTES).map(|_| line.noise.any()).collect()
        } else {
            bytes.iter().map(|byte| line.noise.pass(*byte)).collect()
        };
        let pace = line.baud;
        drop(inner);
        clock::wait(on_the_line(pace, bytes.len()));
        terminal.write(&bytes)
    }
}

/// How long bytes are on a line: a start bit, eight, parity, a stop bit.
fn on_the_line(baud: Option<u32>, bytes: usize) -> Duration {
    const BITS: u64 = 11;
    let Some(baud) = baud else { return Duration::ZERO };
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    Duration::from_micros(bytes.saturating_mul(BITS * 1_000_000) / u64::from(baud.max(1)))
}
