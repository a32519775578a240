//! The contract of the card unit port against the fake, a virtual reader behind a real `pcscd`, and, behind a loud
//! switch, a real reader with a person who moves a card.

use crate::support::contract::{Hands, card_unit};
use crate::support::fake::FakeUnit;
use crate::support::namespaces::alone;
use crate::support::reader::{Pcscd, READER, wait_until};
use crate::support::virtual_card::VirtualCard;
use devices::card::{PcscConfig, PcscUnit};

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

#[test]
fn the_fake_keeps_the_contract() {
    let unit = FakeUnit::default();
    card_unit(&unit, &mut FakeHands(unit.clone()));
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
