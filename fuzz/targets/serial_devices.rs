#![no_main]
//! What comes over a serial line from a card unit or a printer, and a printer's profile: read, or refused. A PIN pad's frames
//! are read from the line into the PIN's own page and not from memory: `devices/tests/pin_pad/outside_bytes.rs` has them.

use devices::card::answers_in as unit_answers;
use devices::printer::serial::answers_in as printer_answers;
use devices::printer::{Profile, StatusFamily};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert!(unit_answers(bytes) <= bytes.len());
    for family in [StatusFamily::Epson, StatusFamily::EpsonPresenter, StatusFamily::CustomFull] {
        assert!(printer_answers(bytes, family) <= bytes.len());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _refused = Profile::parse("fuzzed", text);
    }
});
