//! A serial card unit in software, with a customer's card, and the driver's unit that talks to it.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use devices::card::{OmronConfig, OmronUnit, Pace};
use devices::port::CardUnit;
use emulator::card_unit::{Place, Simulator, State};
use emulator::{Card, Persona, Slot, clock};
use jpki::{Metered, PinSlot, VerifyOutcome};
use tempfile::TempDir;
use test_pki::Pki;

use super::PATIENCE;
use super::contract::{Hands, ShutterHands};

/// Cards are minted once and copied: keys take their time.
static MINT: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::open_or_create(&folder.path().join("pki"), clock::now()).unwrap();
    for persona in ["valid", "mute", "bank-card"] {
        drop(Card::load(&Persona::find(persona).unwrap(), folder.path(), &pki, clock::now()).unwrap());
    }
    folder
});

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The unit and its world.
pub(crate) struct SerialUnit {
    pub(crate) simulator: Simulator,
    folder: TempDir,
}

/// Shorter than specified: nothing here is slow unless a lever makes it so.
pub(crate) fn quick() -> Pace {
    Pace {
        acknowledge_max: Duration::from_millis(1_000),
        answer_max: Duration::from_millis(3_000),
        frame_max: Duration::from_millis(500),
        quiet: Duration::from_millis(15),
        look_every: Duration::from_millis(10),
        ..Pace::default()
    }
}

impl SerialUnit {
    /// With the card of `persona` in the customer's hand.
    pub(crate) fn with(persona: &str) -> Self {
        Self::start(persona, false)
    }

    /// With the card inside, as an earlier life left it.
    pub(crate) fn with_inside(persona: &str) -> Self {
        Self::start(persona, true)
    }

    fn start(persona: &str, inside: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(MINT.path(), folder.path());
        let pki = Pki::open_or_create(&folder.path().join("pki"), clock::now()).unwrap();
        let card = Card::load(&Persona::find(persona).unwrap(), folder.path(), &pki, clock::now()).unwrap();
        let simulator = Simulator::start(Slot::new(card), &folder.path().join("port"), inside).unwrap();
        Self { simulator, folder }
    }

    /// A driver's unit, with everything as short as tests need it.
    pub(crate) fn unit(&self) -> OmronUnit {
        self.unit_at(quick())
    }

    pub(crate) fn unit_at(&self, pace: Pace) -> OmronUnit {
        OmronUnit::new(OmronConfig { pace, ..OmronConfig::new(self.folder.path().join("port")) })
    }

    /// Pulls levers of the unit.
    pub(crate) fn pull(&self, levers: &[&str]) {
        for lever in levers {
            self.simulator.pull(&lever.parse().unwrap());
        }
    }

    #[track_caller]
    pub(crate) fn expect(&self, what: &str, is: impl Fn(&State) -> bool) {
        assert!(self.simulator.wait(PATIENCE, is), "not in time: {what}: {:?}", self.simulator.state());
    }
}

/// A customer's hands at the simulator.
pub(crate) struct SerialHands<'s>(pub(crate) &'s SerialUnit);

impl Hands for SerialHands<'_> {
    fn insert(&mut self) {
        self.0.simulator.insert().unwrap();
    }

    fn remove(&mut self) {
        // By force where it is inside.
        self.0.simulator.pull_out().unwrap();
    }

    fn expect_no_power(&self) {
        assert!(!self.0.simulator.state().powered);
    }
}

impl ShutterHands for SerialHands<'_> {
    fn is_inside(&self) -> bool {
        self.0.simulator.state().place == Place::Inside
    }

    fn is_shut(&self) -> bool {
        let state = self.0.simulator.state();
        !state.entry_open && !state.shutter_open
    }

    fn empty_the_bin(&mut self) {
        self.0.simulator.empty_bin();
    }
}

/// What a visit took.
pub(crate) struct Visited {
    pub(crate) commands: u32,
    pub(crate) took: Duration,
    pub(crate) after_pin: Duration,
}

/// A whole conversation of a registration with the card in `unit`: everything is read, the PIN verified, something signed.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "measures")]
pub(crate) fn visit(unit: &dyn CardUnit) -> Visited {
    let began = std::time::Instant::now();
    let mut session = unit.open(PATIENCE).unwrap();
    let mut meter = Metered::new(&mut *session);
    let mut card = jpki::Card::select(&mut meter).unwrap();
    let examined = card.examine().unwrap();
    assert!(examined.certificate.len() > 1_000);
    let typed = std::time::Instant::now();
    let (slot, outcome) = card.verify(pin("1234"));
    assert!(slot.is_empty());
    let Ok(VerifyOutcome::Verified(mut card)) = outcome else { panic!("the PIN was not verified") };
    let signature = card.sign(&[0x30; 51]).unwrap();
    let after_pin = typed.elapsed();
    assert_eq!(signature.as_bytes().len(), 256);
    card.end().unwrap();
    let commands = meter.sent();
    session.power_off().unwrap();
    Visited { commands, took: began.elapsed(), after_pin }
}

/// A slot with a PIN in it.
pub(crate) fn pin(digits: &str) -> PinSlot {
    let mut slot = PinSlot::new();
    for digit in digits.bytes() {
        slot.push_digit(digit);
    }
    slot
}
