//! A motorised card unit in software: Omron 3S4YR at the other end of a pseudo-terminal, with the emulated card in it.
//!
//! - [`Simulator`] is the unit: a port for a driver, hands for a customer, levers for what goes wrong.
//! - [`control`] lets another program have hands and levers.
//!
//! Written from the Omron 3S4YR data transmission specification, revision A4, as summarised, and from nothing of the
//! driver. What the specification leaves open is an assumption, listed in the README. A real unit was never seen.

mod chip;
pub mod control;
mod counts;
mod lever;
mod machine;
mod noise;
mod service;
mod wire;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use counts::Counts;
pub use lever::{Effect, Jam, LEVERS, Size, UnitLever, UnitLeverFault, When};
pub use machine::Place;

use crate::card::Card;
use crate::pseudo_terminal::PseudoTerminal;
use crate::slot::Slot;
use machine::Machine;
use noise::Noise;
use service::Service;

/// The unit with the customer's card. It runs until it is dropped.
pub struct Simulator {
    shared: Arc<Shared>,
    port: PathBuf,
    thread: Option<JoinHandle<()>>,
}

/// What can be seen of the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Where the card is.
    pub place: Place,
    /// A card that is offered would be taken in.
    pub entry_open: bool,
    /// The shutter is open.
    pub shutter_open: bool,
    /// The contacts lie on the chip.
    pub pressed: bool,
    /// The chip has power.
    pub powered: bool,
    /// The unit's counter of cards in the bin.
    pub captured: u16,
    /// The port is there.
    pub plugged: bool,
}

struct Shared {
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Inner {
    machine: Machine,
    line: LineLevers,
    plugged: bool,
    /// The power failed since the thread at the port looked last.
    power_failed: bool,
    quit: bool,
}

struct LineLevers {
    noise: Noise,
    baud: Option<u32>,
    silent: bool,
    garbage: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic of another thread leaves nothing half done here.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn act<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        let result = act(&mut self.lock());
        self.changed.notify_all();
        result
    }

    fn wait(&self, limit: Duration, until: impl Fn(&State) -> bool) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), limit, |inner| !inner.quit && !until(&inner.state()));
        until(&waited.unwrap_or_else(PoisonError::into_inner).0.state())
    }
}

impl Inner {
    fn state(&self) -> State {
        let machine = &self.machine;
        State {
            place: machine.place,
            entry_open: machine.entry_open,
            shutter_open: machine.shutter_open,
            pressed: machine.pressed,
            powered: machine.slot.card().is_powered(),
            captured: machine.captured,
            plugged: self.plugged,
        }
    }
}

impl Simulator {
    /// Switches the unit on; `port` becomes a link to its port. The card is in the customer's hand, or `inside` as an
    /// earlier visit left it.
    ///
    /// # Errors
    /// When there is no pseudo-terminal, or no thread.
    pub fn start(slot: Slot, port: &Path, inside: bool) -> io::Result<Self> {
        let terminal = PseudoTerminal::open(Some(port))?;
        let line = LineLevers { noise: Noise::new(1), baud: None, silent: false, garbage: false };
        let inner = Inner {
            machine: Machine::new(slot, inside),
            line,
            plugged: true,
            power_failed: false,
            quit: false,
        };
        let shared = Arc::new(Shared { inner: Mutex::new(inner), changed: Condvar::new() });
        let service = Service::new(Arc::clone(&shared), port.to_owned());
        let thread = std::thread::Builder::new()
            .name("card-unit-sim".to_owned())
            .spawn(move || service.run(terminal))?;
        Ok(Self { shared, port: port.to_owned(), thread: Some(thread) })
    }

    /// What a driver opens.
    #[must_use]
    pub fn port(&self) -> &Path {
        &self.port
    }

    /// What can be seen.
    #[must_use]
    pub fn state(&self) -> State {
        self.shared.lock().state()
    }

    /// Waits until the unit's state is as wanted; false when it is not in time.
    #[must_use]
    pub fn wait(&self, limit: Duration, until: impl Fn(&State) -> bool) -> bool {
        self.shared.wait(limit, until)
    }

    /// What was executed, and what reached the chip.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.lock().machine.counts.clone()
    }

    /// Looks at the card and its reader, or pulls their levers. To move the card there are hands.
    pub fn with_slot<T>(&self, act: impl FnOnce(&mut Slot) -> T) -> T {
        self.shared.act(|inner| act(&mut inner.machine.slot))
    }

    /// The customer holds the card into the mouth, until the unit takes it in or [`Simulator::take`].
    ///
    /// # Errors
    /// When the customer has no card.
    pub fn insert(&self) -> Result<(), &'static str> {
        self.shared.act(|inner| inner.machine.offer())
    }

    /// The customer takes the card if it is at the mouth; false when the unit has it.
    pub fn take(&self) -> bool {
        self.shared.act(|inner| inner.machine.take())
    }

    /// The customer pulls the card out by force, wherever it is.
    ///
    /// # Errors
    /// When it is in the bin.
    pub fn pull_out(&self) -> Result<(), &'static str> {
        self.shared.act(|inner| inner.machine.pull_out())
    }

    /// The customer wants the card: waits at most `patience` until it can be taken, then pulls.
    ///
    /// # Errors
    /// When it is in the bin.
    pub fn remove(&self, patience: Duration) -> Result<(), &'static str> {
        if self.wait(patience, |state| state.place != Place::Inside) && self.take() {
            return Ok(());
        }
        self.pull_out()
    }

    /// Puts another card into the customer's hand.
    ///
    /// # Errors
    /// When the unit has the one before.
    pub fn exchange_card(&self, card: Card) -> Result<(), &'static str> {
        self.shared.act(|inner| inner.machine.exchange_card(card))
    }

    /// Somebody empties the bin and gives the card back.
    pub fn empty_bin(&self) {
        self.shared.act(|inner| inner.machine.empty_bin());
    }

    /// The power fails and comes back.
    pub fn power_cut(&self) {
        self.shared.act(|inner| {
            inner.machine.power_cut();
            inner.power_failed = true;
        });
    }

    /// Pulls the plug of the line, or puts it back. The unit itself keeps its power.
    pub fn plug(&self, plugged: bool) {
        self.shared.act(|inner| inner.plugged = plugged);
    }

    /// Pulls a lever of the unit.
    pub fn pull(&self, lever: &UnitLever) {
        self.shared.act(|inner| {
            let line = &mut inner.line;
            match lever {
                UnitLever::Pace(baud) => line.baud = *baud,
                UnitLever::Noise(wrong) => line.noise.wrong_of_10_000 = *wrong,
                UnitLever::Silent(on) => line.silent = *on,
                UnitLever::Garbage(on) => line.garbage = *on,
                other => drop(inner.machine.pull(other)),
            }
        });
    }

    /// Noise from here on is that of `seed`.
    pub fn seed(&self, seed: u64) {
        self.shared.act(|inner| inner.line.noise.seed(seed));
    }

    /// Puts all levers back, the card's to its persona's.
    pub fn clear_levers(&self) {
        self.shared.act(|inner| {
            inner.line = LineLevers { noise: Noise::new(1), baud: None, silent: false, garbage: false };
            inner.machine.clear_levers();
            inner.machine.slot.clear_levers();
        });
    }

    /// The levers of the unit that are not in their usual place.
    #[must_use]
    pub fn levers(&self) -> Vec<UnitLever> {
        let inner = self.shared.lock();
        let (line, levers) = (&inner.line, inner.machine.levers);
        let mut all = vec![
            UnitLever::Pace(line.baud),
            UnitLever::Noise(line.noise.wrong_of_10_000),
            UnitLever::Silent(line.silent),
            UnitLever::Garbage(line.garbage),
            UnitLever::Slow(levers.slow),
            UnitLever::Jam(levers.jam),
            UnitLever::ShutterStuck(levers.shutter_stuck),
            UnitLever::ContactsStuck(levers.contacts_stuck),
            UnitLever::Held(levers.held),
            UnitLever::Size(levers.size),
            UnitLever::NoAtr(levers.no_atr),
            UnitLever::Strict(levers.strict),
            UnitLever::Part(levers.part),
        ];
        let usual = ["pace:off", "noise:0", "slow:0", "jam:off", "size:right", "atr:any", "part:320"];
        all.retain(|lever| {
            let text = lever.to_string();
            !usual.contains(&text.as_str()) && !text.ends_with(":off") && !text.ends_with(":free")
        });
        all.extend(inner.machine.faults());
        all
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.act(|inner| inner.quit = true);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
