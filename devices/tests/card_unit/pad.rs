//! A reader's own PIN pad (PC/SC part 10) through a real `pcscd`, whose driver is ours and has the emulated card inside.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::memory::{DISGUISE, PIN, copies};
use crate::support::PATIENCE;
use crate::support::namespaces::alone;
use crate::support::reader::{PAD_READER, Pcscd, READER, wait_until};
use crate::support::virtual_card::VirtualCard;
use devices::card::{PcscConfig, PcscUnit};
use devices::port::{CancelToken, CardUnit, MediaState};
use jpki::{Card, CardError, CardFault, PadLimits, PadOutcome, Tries};

const LIMITS: PadLimits<'_> =
    PadLimits { first_key_s: 20, next_key_s: 20, whole_ms_max: 60_000, cancel: None };

/// A reader with a pad, its card, and fingers.
struct Bench {
    pcscd: Pcscd,
    unit: PcscUnit,
    folder: PathBuf,
}

impl Bench {
    fn with(persona: &str) -> Self {
        let folder = PathBuf::from("/run/pad-reader");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("persona"), persona).unwrap();
        let pcscd = Pcscd::with_pad(&folder);
        let unit = PcscUnit::new(PcscConfig { reader: Some(PAD_READER.to_owned()) });
        wait_until("the reader has seen the card", || unit.status().media == MediaState::Present);
        Self { pcscd, unit, folder }
    }

    fn press(&self, keys: &[u8]) {
        press(&self.folder, keys);
    }

    /// A session of its own: the outcome, and the tries left as the card tells them afterwards.
    fn enter(&self, limits: PadLimits<'_>) -> String {
        let mut session = self.unit.open(PATIENCE).unwrap();
        let mut card = Card::select(&mut *session).unwrap();
        assert!(card.offers_pad().unwrap());
        let before = card.tries_left().unwrap();
        let outcome = told(card.verify_on_pad(limits));
        let powered_off = session.power_off();
        assert_eq!(powered_off.is_ok(), !outcome.starts_with("reader-busy"), "{powered_off:?}");
        format!("{before:?}: {outcome}")
    }

    /// VERIFYs with data that reached the card.
    fn verifies(&self) -> usize {
        let trace = std::fs::read_to_string(self.folder.join("trace")).unwrap();
        trace.lines().filter(|line| line.contains("> 002000") && line.contains("redacted")).count()
    }

    fn tries(&self) -> Tries {
        let mut session = self.unit.open(PATIENCE).unwrap();
        Card::select(&mut *session).unwrap().tries_left().unwrap()
    }
}

fn press(folder: &Path, keys: &[u8]) {
    UnixStream::connect(folder.join("keys")).unwrap().write_all(keys).unwrap();
}

fn told(outcome: Result<PadOutcome<'_>, CardError>) -> String {
    match outcome {
        Ok(PadOutcome::Verified(mut card)) => {
            assert_eq!(card.sign(&[0x30; 51]).unwrap().as_bytes().len(), 256);
            card.end().unwrap();
            "verified".to_owned()
        }
        Ok(PadOutcome::Wrong { tries_left, .. }) => format!("wrong, {tries_left} left"),
        Ok(PadOutcome::Blocked { .. }) => "blocked".to_owned(),
        Ok(PadOutcome::Cancelled { .. }) => "cancelled".to_owned(),
        Ok(PadOutcome::TimedOut { .. }) => "timed out".to_owned(),
        Ok(PadOutcome::WrongLength { .. }) => "wrong length".to_owned(),
        Ok(PadOutcome::Refused { .. }) => "refused".to_owned(),
        Err(error) => {
            format!("{}{}", error.code(), if error.counter_is_unknown() { ", unknown" } else { "" })
        }
    }
}

#[test]
fn right_wrong_and_locked_as_the_card_says() {
    alone(right_wrong_and_locked_as_the_card_says, || {
        let bench = Bench::with("valid");
        assert!(bench.unit.offers_pad(PATIENCE).unwrap());
        let verified_before = bench.verifies();
        for (keys, outcome) in [
            (&b"0000E"[..], "Left(3): wrong, 2 left"),
            (b"1234E", "Left(2): verified"),
            (b"9B12C1Z234E", "Left(3): verified"),
            (b"0000E", "Left(3): wrong, 2 left"),
            (b"0000E", "Left(2): wrong, 1 left"),
            (b"0000E", "Left(1): blocked"),
        ] {
            bench.press(keys);
            assert_eq!(bench.enter(LIMITS), outcome);
        }
        assert_eq!(bench.verifies() - verified_before, 6);
        assert_eq!(bench.tries(), Tries::Blocked);
    });
}

#[test]
fn the_form_without_short_ids_works_too() {
    alone(the_form_without_short_ids_works_too, || {
        let bench = Bench::with("no-sfi");
        bench.press(b"1234E");
        assert_eq!(bench.enter(LIMITS), "Left(3): verified");
    });
}

#[test]
fn cancel_time_over_and_too_few_digits_send_nothing() {
    alone(cancel_time_over_and_too_few_digits_send_nothing, || {
        let bench = Bench::with("valid");
        let hasty = PadLimits { first_key_s: 1, next_key_s: 1, ..LIMITS };
        for (keys, outcome) in [
            (&b"12X"[..], "Left(3): cancelled"),
            (b"", "Left(3): timed out"),
            (b"1234", "Left(3): timed out"),
            (b"123E", "Left(3): wrong length"),
            (b"12345E", "Left(3): wrong length"),
        ] {
            bench.press(keys);
            assert_eq!(bench.enter(hasty), outcome, "{keys:?}");
        }
        assert_eq!((bench.verifies(), bench.tries()), (0, Tries::Left(3)));
    });
}

#[test]
fn after_a_cancelled_entry_the_customer_may_begin_again_in_the_same_session() {
    alone(after_a_cancelled_entry_the_customer_may_begin_again_in_the_same_session, || {
        let bench = Bench::with("valid");
        let mut session = bench.unit.open(PATIENCE).unwrap();
        let mut card = Card::select(&mut *session).unwrap();
        card.tries_left().unwrap();
        bench.press(b"X");
        let Ok(PadOutcome::Cancelled { mut card }) = card.verify_on_pad(LIMITS) else {
            panic!("not cancelled")
        };
        assert_eq!(card.tries_left().unwrap(), Tries::Left(3));
        bench.press(b"1234E");
        assert_eq!(told(card.verify_on_pad(LIMITS)), "verified");
        session.power_off().unwrap();
    });
}

#[test]
fn a_card_that_is_pulled_out_during_the_entry_is_removed() {
    alone(a_card_that_is_pulled_out_during_the_entry_is_removed, || {
        let bench = Bench::with("valid");
        bench.press(b"12r");
        assert_eq!(bench.enter(LIMITS), "Left(3): card-removed, unknown");
        wait_until("the reader has seen it go", || bench.unit.status().media == MediaState::NotPresent);
        bench.press(b"I");
        wait_until("the card is back", || bench.unit.status().media == MediaState::Present);
        assert_eq!((bench.verifies(), bench.tries()), (0, Tries::Left(3)));
    });
}

#[test]
fn a_reader_that_does_not_return_is_given_up_and_takes_the_cards_power_when_it_does() {
    alone(a_reader_that_does_not_return_is_given_up_and_takes_the_cards_power_when_it_does, || {
        let bench = Bench::with("valid");
        bench.press(b"H");
        let limits = PadLimits { whole_ms_max: 300, ..LIMITS };
        assert_eq!(bench.enter(limits), "Left(3): reader-busy, unknown");
        let busy = bench.unit.open(Duration::from_millis(200)).err().unwrap();
        assert_eq!(busy.code, "reader-busy");
        // The customer goes on at the pad though nobody waits: the PIN is presented, and its state is gone with the power.
        bench.press(b"U1234E");
        wait_until("the reader serves again", || bench.unit.open(PATIENCE).is_ok());
        assert_eq!(bench.verifies(), 1);
        let trace = std::fs::read_to_string(bench.folder.join("trace")).unwrap();
        let after_verify = trace.split("redacted").last().unwrap();
        assert!(after_verify.contains("# power off"), "{after_verify}");
        assert_eq!(bench.tries(), Tries::Left(3));
    });
}

#[test]
fn cancel_gives_the_reader_up_at_once() {
    alone(cancel_gives_the_reader_up_at_once, || {
        let bench = Bench::with("valid");
        let token = CancelToken::new().unwrap();
        let (other, trace) = (token.clone(), bench.folder.join("trace"));
        let canceller = std::thread::spawn(move || {
            wait_until("the tries are read, which is the last before the entry", || {
                std::fs::read_to_string(&trace).is_ok_and(|trace| trace.contains("> 00200098"))
            });
            // That the reader waits for keys can be seen nowhere.
            let (_nobody_sends, until_then) = std::sync::mpsc::channel::<()>();
            let _time_over = until_then.recv_timeout(Duration::from_millis(700));
            other.cancel();
        });
        let limits = PadLimits { cancel: Some(token.as_fd()), ..LIMITS };
        assert_eq!(bench.enter(limits), "Left(3): reader-busy, unknown");
        canceller.join().unwrap();
        bench.press(b"X");
        wait_until("the reader serves again", || bench.unit.open(PATIENCE).is_ok());
        assert_eq!((bench.verifies(), bench.tries()), (0, Tries::Left(3)));
    });
}

/// Cancelled before the card's thread came to it: nobody would be there to press cancel at the reader.
#[test]
fn an_entry_that_nobody_wants_any_more_is_not_begun() {
    alone(an_entry_that_nobody_wants_any_more_is_not_begun, || {
        let bench = Bench::with("valid");
        // Were the reader asked, it would have these keys and present them.
        bench.press(b"1234E");
        let token = CancelToken::new().unwrap();
        token.cancel();
        let limits = PadLimits { cancel: Some(token.as_fd()), ..LIMITS };
        assert_eq!(bench.enter(limits), "Left(3): cancelled");
        assert_eq!((bench.verifies(), bench.tries()), (0, Tries::Left(3)));
    });
}

#[test]
fn a_pcscd_that_dies_during_the_entry_is_a_failed_reader() {
    alone(a_pcscd_that_dies_during_the_entry_is_a_failed_reader, || {
        let mut bench = Bench::with("valid");
        let mut session = bench.unit.open(PATIENCE).unwrap();
        let mut card = Card::select(&mut *session).unwrap();
        card.tries_left().unwrap();
        bench.press(b"12K");
        assert_eq!(told(card.verify_on_pad(LIMITS)), "reader-failed, unknown");
        wait_until("pcscd is gone", || bench.pcscd.has_ended());
        assert_eq!(session.power_off().err().map(|fault| fault.code), Some("card-service-stopped"));
    });
}

#[test]
fn a_reader_without_a_pad_falls_back_to_the_other_road() {
    alone(a_reader_without_a_pad_falls_back_to_the_other_road, || {
        let bench = Bench::with("valid");
        std::fs::write(bench.folder.join("no-pad"), "").unwrap();
        assert!(!bench.unit.offers_pad(PATIENCE).unwrap());
        let mut session = bench.unit.open(PATIENCE).unwrap();
        let mut card = Card::select(&mut *session).unwrap();
        assert!(!card.offers_pad().unwrap());
        card.tries_left().unwrap();
        let refused = card.verify_on_pad(LIMITS).err().unwrap();
        assert!(matches!(refused, CardError::Fault(CardFault::NoPad)));
        assert!(!refused.counter_is_unknown());
        // The same session serves a PIN from a slot.
        let mut card = Card::select(&mut *session).unwrap();
        card.tries_left().unwrap();
        let mut slot = jpki::PinSlot::new();
        for digit in b"1234" {
            slot.push_digit(*digit);
        }
        assert!(matches!(card.verify(slot).1, Ok(jpki::VerifyOutcome::Verified(_))));
    });
}

#[test]
fn a_reader_that_lists_other_features_only_has_no_pad() {
    alone(a_reader_that_lists_other_features_only_has_no_pad, || {
        let _pcscd = Pcscd::start(true);
        let _card = VirtualCard::insert();
        let unit = PcscUnit::new(PcscConfig { reader: Some(READER.to_owned()) });
        wait_until("the reader has seen the card", || unit.status().media == MediaState::Present);
        assert!(!unit.offers_pad(PATIENCE).unwrap());
        let mut session = unit.open(PATIENCE).unwrap();
        assert!(!Card::select(&mut *session).unwrap().offers_pad().unwrap());
    });
}

const TERMINAL: &str = "MYNA_TEST_TERMINAL";

fn be_the_terminal() {
    let unit = PcscUnit::new(PcscConfig { reader: Some(PAD_READER.to_owned()) });
    let mut session = unit.open(PATIENCE).unwrap();
    let mut card = Card::select(&mut *session).unwrap();
    card.tries_left().unwrap();
    let outcome = card.verify_on_pad(LIMITS).unwrap();
    assert_eq!(copies(), 0, "the PIN came into the process");
    assert!(matches!(outcome, PadOutcome::Verified(_)));
    session.power_off().unwrap();
    assert_eq!(copies(), 0, "the PIN came into the process");
    // The search would find it.
    let in_clear = Box::new(std::hint::black_box(PIN).map(|digit| digit ^ DISGUISE));
    assert!(copies() > 0, "a PIN that is there is not found");
    drop(std::hint::black_box(in_clear));
}

/// Neither during the entry nor after it, on the heap nor on a stack.
#[test]
fn the_pin_never_comes_into_the_process() {
    alone(the_pin_never_comes_into_the_process, || {
        if std::env::var_os(TERMINAL).is_some() {
            return be_the_terminal();
        }
        // Card and fingers have the PIN, so the terminal is a process of its own.
        let pin = PIN.map(|digit| char::from(digit ^ DISGUISE)).iter().collect::<String>();
        let persona = "/run/other-pin.toml";
        let card = "name = \"other-pin\"\nsummary = \"Another PIN\"\n[authentication-pin]\nvalue";
        std::fs::write(persona, format!("{card} = \"{pin}\"\n")).unwrap();
        let bench = Bench::with(persona);
        let terminal = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "pad::the_pin_never_comes_into_the_process", "--nocapture"])
            .env(TERMINAL, "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        bench.press(format!("{pin}E").as_bytes());
        let terminal = terminal.wait_with_output().unwrap();
        assert!(terminal.status.success(), "{}", String::from_utf8_lossy(&terminal.stderr));
        assert_eq!(bench.verifies(), 1);
    });
}
