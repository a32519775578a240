#![no_main]
//! Commands to the emulated card: whatever comes, it answers two bytes at least, and goes on.

use std::cell::RefCell;

use emulator::{Card, Persona};

thread_local! {
    // Minted once; the folder goes with the process.
    static CARD: RefCell<Option<(Card, tempfile::TempDir)>> = RefCell::new(mint());
}

fn mint() -> Option<(Card, tempfile::TempDir)> {
    let folder = tempfile::tempdir().ok()?;
    let now = emulator::clock::now();
    let pki = test_pki::Pki::open_or_create(&folder.path().join("pki"), now).ok()?;
    let persona = Persona::find("valid").ok()?;
    let card = Card::load(&persona, &folder.path().join("cards"), &pki, now).ok()?;
    Some((card, folder))
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    CARD.with_borrow_mut(|card| {
        let Some((card, _folder)) = card.as_mut() else { return };
        card.power_on();
        for command in bytes.split(|byte| *byte == 0xFE) {
            assert!(card.process(command).len() >= 2);
        }
        card.power_off();
    });
});
