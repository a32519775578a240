//! `myna-atm device test`: one device is tried, by the person who stands there.
//!
//! Invariants:
//! - Nothing is tried beside a running service: a device has one user, and a visit may be going on.
//! - A device that cannot be used is told at once, with its own fault; nobody waits before it.
//! - A card that was put in is given back, whether it was read or not.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use devices::port::{CancelToken, CardUnit, Fault, MediaState, PinEntry, PinOutcome, PinPad, Reason, Return};
use devices::printer::Receipt;
use jiff::Timestamp;
use jpki::PinSlot;
use transaction::Outcome;
use uuid::Uuid;

use super::{DeviceName, FAULT, not_offered, with_patience};
use crate::catalogue::{Catalogue, Language};
use crate::config::Config;
use crate::doctor::{self, Instruments, PadLook};
use crate::queue::chain;
use crate::{clock, compose, receipt, signals};

/// Between two looks whether a card is in.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// A person at the machine needs so long at most for one key or one card.
const PERSON_LIMIT: Duration = Duration::from_secs(60);
const PIN_DIGITS: u8 = 4;

const SERVICE_RUNS: &str = "the service runs, and a device has one user: stop it (systemctl stop myna-atm), then try again; \
                            `device status` tells how the devices are meanwhile";

/// Why a test failed, for the person who stands there.
pub(super) type Failed = String;

/// Tries one device and says how it went.
pub(super) fn run(config: &Config, device: DeviceName, out: &mut impl Write) -> ExitCode {
    match test(config, device, out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            say(out, &format!("FAILED: {failed}"));
            ExitCode::from(FAULT)
        }
    }
}

fn test(config: &Config, device: DeviceName, out: &mut impl Write) -> Result<(), Failed> {
    match journal::is_in_use(&config.journal_path()) {
        Ok(false) => {}
        Ok(true) => return Err(SERVICE_RUNS.to_owned()),
        Err(error) => {
            return Err(format!(
                "whether the service runs cannot be told: {}: run this as the service's user",
                chain(&error)
            ));
        }
    }
    // Before any thread is started: who ends this must not leave a card's way in open.
    let ended = signals::hold().map_err(io::Error::from).and_then(signals::Held::noted);
    let ended = ended.map_err(|error| chain(&error))?;
    let instruments = compose::instruments(config);
    match device {
        DeviceName::Printer => test_printer(config, &instruments, out),
        DeviceName::PinPad => test_pin_pad(&instruments, out),
        DeviceName::CardUnit => {
            let open_limit = Duration::from_millis(u64::from(config.limits.card_open_ms_max));
            test_card_unit(&*instruments.card_unit, open_limit, &ended, out)
        }
    }
}

/// Device, port, code, and what to do.
fn because(reason: &Reason) -> Failed {
    let (code, action) = (reason.code, reason.action.word());
    format!("{reason} ({code}, action: {action}); to do: {}", doctor::to_do(reason))
}

fn failed(fault: &Fault) -> Failed {
    because(&Reason::from(fault))
}

fn say(out: &mut impl Write, text: &str) {
    // Nobody reads: the test goes on, and its exit status tells.
    let _gone = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn test_printer(config: &Config, instruments: &Instruments, out: &mut impl Write) -> Result<(), Failed> {
    let printer = with_patience(|| instruments.printer.as_ref()).map_err(failed)?;
    let receipt = test_receipt(config, config.language, clock::now()).map_err(|error| chain(&*error))?;
    say(out, "printing a test receipt");
    let printed = printer.print(&receipt).map_err(|fault| failed(&fault))?;
    match printed.picture {
        Some(picture) => say(out, &format!("printed; its picture is {}", picture.display())),
        None => say(out, "printed: look at it"),
    }
    Ok(())
}

/// A receipt with everything on it that says twice that it is none.
pub(crate) fn test_receipt(
    config: &Config,
    language: Language,
    at: Timestamp,
) -> Result<Receipt, Box<dyn std::error::Error>> {
    let texts = Catalogue::new(language, &config.helpline)?.for_tests(true);
    let config = Config { allow_test_roots: true, ..config.clone() };
    let facts = receipt::ReceiptFacts {
        at,
        outcome: Outcome::Registered,
        expires_soon: true,
        request: Uuid::nil(),
        acceptance_number: Some("0000-0000-0000"),
        terms_version: None,
    };
    Ok(receipt::compose(&config, &texts, &facts)?)
}

fn test_pin_pad(instruments: &Instruments, out: &mut impl Write) -> Result<(), Failed> {
    match (instruments.pad_look)().map_err(|fault| failed(&fault))? {
        PadLook::NotOffered => return Err(because(&not_offered())),
        PadLook::Offered => {
            say(
                out,
                "the reader offers a pad for the PIN; its keys reach a card only, so that trying them takes a visit",
            );
            return Ok(());
        }
        PadLook::Proven => say(out, "the pad is the configured one"),
        PadLook::NotAsked | PadLook::Answers | PadLook::PortOpens => {}
    }
    let pad = (instruments.pin_pad)().map_err(|fault| failed(&fault))?;
    let slot = (instruments.pin_slot)().map_err(|fault| failed(&fault))?;
    try_keys(&*pad, slot, out)
}

pub(super) fn try_keys(pad: &dyn PinPad, slot: PinSlot, out: &mut impl Write) -> Result<(), Failed> {
    let cancel = CancelToken::new().map_err(|error| chain(&error))?;
    say(
        out,
        "press four digits, none of them a PIN of yours, and Enter; what you press is not shown and not kept",
    );
    let key_ms_max = u64::try_from(PERSON_LIMIT.as_millis()).unwrap_or(u64::MAX);
    let entry = PinEntry { digits: PIN_DIGITS, key_ms_max };
    match pad.enter(entry, slot, Box::new(|_| ()), &cancel) {
        PinOutcome::Entered(mut slot) => {
            slot.clear();
            say(out, "four digits and Enter came; they are wiped");
            Ok(())
        }
        PinOutcome::Cancelled(_) => {
            say(out, "the pad's cancel key came: the pad answers; its digits were not tried");
            Ok(())
        }
        PinOutcome::TimedOut(_) => Err(format!("no key came for {} s", PERSON_LIMIT.as_secs())),
        PinOutcome::Fault(_, fault) => Err(failed(&fault)),
    }
}

pub(super) fn test_card_unit(
    unit: &dyn CardUnit,
    open_limit: Duration,
    ended: &AtomicBool,
    out: &mut impl Write,
) -> Result<(), Failed> {
    if let Some(reason) = with_patience(|| unit.status()).reason {
        return Err(because(&reason));
    }
    unit.permit_entry(true);
    say(out, "put a card in; no PIN is asked for and no try is used");
    if let Err(failed) = wait_for_card(unit, ended) {
        unit.permit_entry(false);
        // The unit's answer comes after it has obeyed; a card that got in meanwhile goes back.
        return match unit.status().media {
            MediaState::Present => match unit.return_card() {
                Ok(_) => Err(format!("{failed}; a card that came in is given back")),
                Err(fault) => Err(format!("{failed}; a card came in: {}", self::failed(&fault))),
            },
            MediaState::NotPresent | MediaState::Unknown | MediaState::Jammed => Err(failed),
        };
    }
    let read = doctor::read_card(unit, open_limit);
    let returned = unit.return_card();
    if let Ok(text) = &read {
        say(out, text);
    }
    // A card that is stuck has its own fault; every other one lies at the mouth now.
    match &returned {
        Ok(Return::NoCard) | Err(_) => {}
        Ok(_) => say(out, "take the card"),
    }
    match (read, returned) {
        (Ok(_), Ok(_)) => Ok(()),
        (Err(read), Ok(_)) => Err(read),
        (Ok(_), Err(fault)) => Err(failed(&fault)),
        (Err(read), Err(fault)) => Err(format!("{read}; {}", failed(&fault))),
    }
}

fn wait_for_card(unit: &dyn CardUnit, ended: &AtomicBool) -> Result<(), Failed> {
    let deadline = clock::instant() + PERSON_LIMIT;
    loop {
        let status = unit.status();
        match (&status.reason, status.media) {
            (Some(reason), _) => return Err(because(reason)),
            (None, MediaState::Present) => return Ok(()),
            (None, MediaState::NotPresent | MediaState::Unknown | MediaState::Jammed) => {}
        }
        if ended.load(Ordering::SeqCst) {
            return Err("ended by a signal".to_owned());
        }
        if clock::instant() > deadline {
            return Err(format!("no card came within {} s", PERSON_LIMIT.as_secs()));
        }
        clock::pause(LOOK_PAUSE);
    }
}
