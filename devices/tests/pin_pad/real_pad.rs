//! The contract against a real pad with a person at it. It runs only where somebody asked for it:
//!
//! ```sh
//! MYNA_DANGEROUS_REAL_PAD=/dev/ttyUSB0 MYNA_REAL_PAD_FRAMING=clear \
//!     cargo test -p devices --test pin_pad a_real_pad -- --nocapture
//! ```
//!
//! `MYNA_REAL_PAD_FRAMING` is a fingerprint, `clear`, or `uic-pp791:ID` with the id of an authenticated prompt;
//! `MYNA_REAL_PAD_BAUD` is 9600 where it is not set, 8 bits without parity. No card is involved; the digits are the ones it
//! asks for, nobody's PIN.

use devices::pinpad::SerialPad;
use devices::pinpad::serial::{ClearAllowed, Framing, PadIdentity, SerialPadConfig, UicPrompt};
use devices::port::{CancelToken, PinEntry, PinOutcome, PinPad as _};
use devices::serial::SerialSettings;
use jpki::PinSlot;

use crate::support::{name, pin_in, slot_of};

fn framing(text: &str) -> Framing {
    let allowed = ClearAllowed::when_bench_only(true).unwrap();
    match text.split_once(':') {
        Some(("uic-pp791", id)) => {
            Framing::UicPp791 { prompt: UicPrompt::authenticated(id).unwrap(), allowed }
        }
        None if text == "clear" => Framing::Clear(allowed),
        _ => Framing::Reference(PadIdentity::from_hex(text).unwrap()),
    }
}

#[expect(clippy::print_stderr, reason = "tells the person what to do")]
fn ask(what: &str) {
    eprintln!("\n*** {what} ***");
}

#[test]
fn a_real_pad_keeps_the_contract_when_asked_for() {
    let Some(port) = std::env::var_os("MYNA_DANGEROUS_REAL_PAD") else { return };
    let baud = std::env::var("MYNA_REAL_PAD_BAUD").map_or(9_600, |baud| baud.parse().unwrap());
    let framing = framing(&std::env::var("MYNA_REAL_PAD_FRAMING").unwrap());
    let pad = SerialPad::new(SerialPadConfig::new(SerialSettings::new(port.into(), baud), framing)).unwrap();
    ask(&format!("the pad, as it tells: {:?}", pad.check().unwrap()));
    let entry = PinEntry { digits: 4, key_ms_max: 30_000 };
    let enter = |entry, token: &CancelToken| pad.enter(entry, PinSlot::new(), Box::new(|_| {}), token);
    let token = || CancelToken::new().unwrap();

    for (keys, ended) in [
        ("press 1 2 3 4 and enter", "entered"),
        ("press 9, clear, 1 2 3 4 and enter", "entered"),
        ("press enter, 1 2, enter, 3 4 and enter", "entered"),
        ("press 1 2 and cancel", "cancelled"),
    ] {
        ask(keys);
        let outcome = enter(entry, &token());
        assert_eq!(name(&outcome), ended, "{keys}");
        if let PinOutcome::Entered(slot) = outcome {
            assert_eq!(pin_in(slot), b"1234", "{keys}");
        }
    }
    ask("press 1 2 3 and enter, then nothing for five seconds");
    let outcome = enter(PinEntry { key_ms_max: 5_000, ..entry }, &token());
    assert_eq!(name(&outcome), "timed out");
    assert!(slot_of(outcome).is_empty());
    ask("press nothing");
    let by_token = token();
    let other = by_token.clone();
    let canceller = std::thread::spawn(move || other.cancel());
    assert_eq!(name(&enter(entry, &by_token)), "cancelled");
    canceller.join().unwrap();
    ask("pull the plug out, now");
    let outcome = enter(entry, &token());
    assert!(["port-gone", "pad-silent"].contains(&name(&outcome).as_str()), "{outcome:?}");
}
