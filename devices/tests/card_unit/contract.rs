//! The contract of the card unit port against the fake, a virtual reader behind a real `pcscd`, a simulated serial unit,
//! and, behind loud switches, a real reader and a real serial unit with a person who moves a card.

use crate::support::contract::{Hands, ShutterHands, card_unit, unit_with_shutter};
use crate::support::fake::FakeUnit;
use crate::support::namespaces::alone;
use crate::support::reader::{Pcscd, READER, wait_until};
use crate::support::serial_unit::{SerialHands, SerialUnit};
use crate::support::virtual_card::VirtualCard;
use devices::card::{OmronConfig, OmronUnit, PcscConfig, PcscUnit};
use devices::port::CardUnit;

struct FakeHands(FakeUnit);

impl Hands for FakeHands {
    fn insert(&mut self) {
        self.0.insert();
    }

    fn remove(&mut self) {
        self.0.remove();
    }

    fn expect_no_power(&self) {
        assert!(self.0.is_off());
    }
}

impl ShutterHands for FakeHands {
    fn is_inside(&self) -> bool {
        self.0.is_inside()
    }

    fn is_shut(&self) -> bool {
        self.0.is_shut()
    }

    /// Nobody asks whose card it is.
    fn empty_the_bin(&mut self) {}
}

#[test]
fn the_fake_keeps_the_contract() {
    let unit = FakeUnit::default();
    card_unit(&unit, &mut FakeHands(unit.clone()));
}

#[test]
fn the_fake_with_a_shutter_keeps_both_contracts() {
    let unit = FakeUnit::with_shutter();
    card_unit(&unit, &mut FakeHands(unit.clone()));
    unit_with_shutter(&unit, &mut FakeHands(unit.clone()));
}

#[test]
fn the_serial_unit_keeps_the_contract() {
    let world = SerialUnit::with("valid");
    card_unit(&world.unit(), &mut SerialHands(&world));
}

#[test]
fn the_serial_unit_keeps_the_contract_of_units_with_a_shutter() {
    let world = SerialUnit::with("valid");
    unit_with_shutter(&world.unit(), &mut SerialHands(&world));
}

struct VirtualHands(Option<VirtualCard>);

impl Hands for VirtualHands {
    fn insert(&mut self) {
        self.0 = Some(VirtualCard::insert());
    }

    fn remove(&mut self) {
        self.0 = None;
    }

    fn expect_no_power(&self) {
        let card = self.0.as_ref().unwrap();
        // The driver's message arrives a moment after the call returned.
        wait_until("the card has no power", || card.is_off());
    }
}

#[test]
fn a_reader_behind_pcscd_keeps_the_contract() {
    alone(a_reader_behind_pcscd_keeps_the_contract, || {
        let _pcscd = Pcscd::start(true);
        let unit = PcscUnit::new(PcscConfig { reader: Some(READER.to_owned()) });
        card_unit(&unit, &mut VirtualHands(None));
    });
}

struct Person;

impl Person {
    #[expect(clippy::print_stderr, reason = "tells the person what to do")]
    fn asked(&self, what: &str) {
        eprintln!("\n*** {what}, then wait ***");
    }
}

impl Hands for Person {
    fn insert(&mut self) {
        self.asked("put a card INTO the reader");
    }

    fn remove(&mut self) {
        self.asked("take the card OUT of the reader");
    }

    /// A person cannot see it.
    fn expect_no_power(&self) {}
}

/// No PIN is sent and nothing is written. It runs only where somebody asked for it by setting the variable.
#[test]
fn a_real_reader_keeps_the_contract_when_asked_for() {
    const SWITCH: &str = "MYNA_DANGEROUS_REAL_CARD";
    if std::env::var_os(SWITCH).is_none_or(|value| value != "1") {
        return;
    }
    let reader = std::env::var("MYNA_REAL_READER").ok();
    card_unit(&PcscUnit::new(PcscConfig { reader }), &mut Person);
}

/// A person at a real card unit: what it has, it gives back first.
struct PersonAtUnit<'u>(&'u OmronUnit);

impl Hands for PersonAtUnit<'_> {
    fn insert(&mut self) {
        Person.asked("put a card INTO the card unit");
    }

    fn remove(&mut self) {
        self.0.return_card().unwrap();
        Person.asked("take the card");
    }

    /// A person cannot see it.
    fn expect_no_power(&self) {}
}

/// The same for a real card unit on the serial port that the variable names. Shutter and motor move. No PIN is sent, and no
/// card is kept.
#[test]
fn a_real_card_unit_keeps_the_contract_when_asked_for() {
    const SWITCH: &str = "MYNA_DANGEROUS_REAL_CARD_UNIT";
    let Some(port) = std::env::var_os(SWITCH) else { return };
    let unit = OmronUnit::new(OmronConfig::new(port.into()));
    card_unit(&unit, &mut PersonAtUnit(&unit));
}
