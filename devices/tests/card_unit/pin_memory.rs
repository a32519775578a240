//! No copy of a PIN is left in the process after VERIFY went through the PC/SC library, or over a serial card unit's line:
//! neither on the heap nor on a stack, not even the ones that are no longer used.

use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;

use crate::memory::{DISGUISE, PIN, copies, is_pin};
use crate::support::PATIENCE;
use crate::support::namespaces::alone;
use crate::support::reader::{Pcscd, READER, wait_until};
use crate::support::serial_unit::{SerialUnit, quick};
use crate::support::virtual_card::{Happened, Then, VirtualCard};
use devices::card::{OmronConfig, OmronUnit, PcscConfig, PcscUnit};
use devices::port::{CardUnit, MediaState};
use jpki::{Card, PinSlot, VerifyOutcome};

const TERMINAL: &str = "MYNA_TEST_TERMINAL";

fn be_the_terminal(unit: &dyn CardUnit) {
    wait_until("the unit has seen the card", || unit.status().media == MediaState::Present);
    assert_eq!(copies(), 0);
    let mut session = unit.open(PATIENCE).unwrap();
    let mut card = Card::select(&mut *session).unwrap();
    card.tries_left().unwrap();
    let mut slot = PinSlot::new();
    for digit in black_box(PIN) {
        slot.landing()[0] = digit ^ DISGUISE;
        slot.landed();
    }
    assert!(copies() > 0, "a PIN that is there is not found");
    let (slot, outcome) = card.verify(slot);
    assert!(matches!(outcome, Ok(VerifyOutcome::Verified(_))));
    assert_eq!(copies(), 0, "copies of the PIN are left");
    drop((slot, outcome));
    session.power_off().unwrap();
    assert_eq!(copies(), 0, "copies of the PIN are left");
}

/// The card has the PIN, so the terminal is a process of its own: the same test once more.
fn terminal_of(test: &str, value: &str) -> std::process::Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(TERMINAL, value)
        .output()
        .unwrap()
}

#[test]
fn no_copy_of_the_pin_is_left_in_the_process() {
    alone(no_copy_of_the_pin_is_left_in_the_process, || {
        if std::env::var_os(TERMINAL).is_some() {
            return be_the_terminal(&PcscUnit::new(PcscConfig { reader: Some(READER.to_owned()) }));
        }
        let _pcscd = Pcscd::start(true);
        let card = VirtualCard::answering(|command| match command {
            [_, 0x20, _, _] => Then::Answer(vec![0x63, 0xC3]),
            _ => Then::Answer(vec![0x90, 0x00]),
        });
        let terminal = terminal_of("pin_memory::no_copy_of_the_pin_is_left_in_the_process", "1");
        assert!(terminal.status.success(), "{}", String::from_utf8_lossy(&terminal.stderr));
        let verified = |event: &Happened| matches!(event, Happened::Command(apdu) if apdu.len() == 9 && is_pin(&apdu[5..]));
        assert!(card.happened().iter().any(verified), "the PIN never reached the card");
    });
}

/// Once with all going well, once with a VERIFY that must be sent to the unit again, and its answer asked for again.
#[test]
fn no_copy_of_the_pin_is_left_by_the_serial_unit() {
    if let Some(port) = std::env::var_os(TERMINAL) {
        let config = OmronConfig { pace: quick(), ..OmronConfig::new(PathBuf::from(port)) };
        return be_the_terminal(&OmronUnit::new(config));
    }
    for levers in [&[][..], &["nak@cmd:F1#3", "lost-ack@cmd:F1#4", "bad-check@cmd:F1#5"]] {
        let world = SerialUnit::with_inside("valid");
        let digits: String = PIN.iter().map(|digit| char::from(digit ^ DISGUISE)).collect();
        world.simulator.with_slot(|slot| slot.card_mut().set_authentication_pin(&digits)).unwrap();
        // SELECT and the tries come before the VERIFY.
        world.pull(levers);
        let port = world.simulator.port().to_str().unwrap();
        let terminal = terminal_of("pin_memory::no_copy_of_the_pin_is_left_by_the_serial_unit", port);
        assert!(terminal.status.success(), "{}", String::from_utf8_lossy(&terminal.stderr));
        assert_eq!(world.simulator.counts().verifies(), 1, "the PIN never reached the card");
    }
}
