//! What a person with a screwdriver is told, and that one fault has one word wherever it is told.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use devices::port::{
    CancelToken, CardEventSink, CardSession, CardUnitStatus, FaultKind, MediaState, PaperState, PinEntry,
    PinOutcome, PinPad, PinProgressSink, Presence, Printed, Printer, PrinterStatus, Return, WatchGuard,
};
use devices::printer::Receipt;
use jpki::PinSlot;
use transaction::{CardEvent, Device, Printing, Record};

use super::*;
use crate::catalogue::{CODES, Class};
use crate::health::{Health, Said};
use crate::queue::Story;
use crate::test_support::configuration;
use crate::{doctor, log_words};

fn fault(code: &'static str) -> Fault {
    Fault {
        kind: FaultKind::Broken,
        device: "card unit",
        code,
        action: Action::Maintenance,
        what: "/dev/ttyS9 is not there".to_owned(),
        source: None,
    }
}

/// A unit that shows one state after the other, whose card does not open.
struct Unit {
    statuses: Mutex<VecDeque<CardUnitStatus>>,
    said: Mutex<Vec<&'static str>>,
}

impl Unit {
    fn new(statuses: impl IntoIterator<Item = CardUnitStatus>) -> Self {
        Self { statuses: Mutex::new(statuses.into_iter().collect()), said: Mutex::new(Vec::new()) }
    }

    fn hears(&self, what: &'static str) {
        self.said.lock().unwrap().push(what);
    }
}

impl CardUnit for Unit {
    fn name(&self) -> &str {
        "/dev/ttyS9"
    }

    fn watch(&self, _sink: CardEventSink) -> Result<WatchGuard, Fault> {
        Err(fault("no-threads"))
    }

    fn permit_entry(&self, permitted: bool) {
        self.hears(if permitted { "open" } else { "closed" });
    }

    fn open(&self, _limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        Err(fault("card-mute"))
    }

    fn make_safe(&self, _limit: Duration) -> Result<Presence, Fault> {
        Ok(Presence::Absent)
    }

    fn return_card(&self) -> Result<Return, Fault> {
        self.hears("returned");
        Ok(Return::TakeIt)
    }

    fn status(&self) -> CardUnitStatus {
        let mut statuses = self.statuses.lock().unwrap();
        let next = statuses.pop_front().unwrap();
        if statuses.is_empty() {
            statuses.push_back(next.clone());
        }
        next
    }
}

fn online(media: MediaState) -> CardUnitStatus {
    CardUnitStatus { reader: None, device: DeviceState::Online, media, reason: None }
}

fn away(code: &'static str) -> CardUnitStatus {
    CardUnitStatus::unusable(Reason::from(&fault(code)))
}

/// How a trial of the unit ends, what is said, and what the unit was told.
fn tried(statuses: impl IntoIterator<Item = CardUnitStatus>) -> (Result<(), String>, String, String) {
    tried_until(false, statuses)
}

/// The same, with the process asked to end at the beginning.
fn tried_until(
    ended: bool,
    statuses: impl IntoIterator<Item = CardUnitStatus>,
) -> (Result<(), String>, String, String) {
    let unit = Unit::new(statuses);
    let mut out = Vec::new();
    let ended = trial::test_card_unit(&unit, Duration::ZERO, &AtomicBool::new(ended), &mut out);
    let said = unit.said.lock().unwrap().join(" ");
    (ended, String::from_utf8(out).unwrap(), said)
}

#[test]
fn a_unit_that_cannot_be_used_is_told_at_once_and_no_card_is_asked_for() {
    let (ended, out, said) = tried([away("port-not-found")]);
    let failed = ended.unwrap_err();
    for part in ["card unit", "/dev/ttyS9", "port-not-found", "maintenance", "Check plug and power"] {
        assert!(failed.contains(part), "{part} is not in {failed}");
    }
    assert_eq!((out.as_str(), said.as_str()), ("", ""));

    let (ended, out, said) = tried([online(MediaState::NotPresent), away("port-gone")]);
    assert!(ended.unwrap_err().contains("port-gone"), "also while a card is waited for");
    assert!(out.starts_with("put a card in"), "{out}");
    assert_eq!(said, "open closed");
}

#[test]
fn a_card_that_cannot_be_read_is_given_back_all_the_same() {
    let (ended, out, said) = tried([online(MediaState::NotPresent), online(MediaState::Present)]);
    assert!(ended.unwrap_err().contains("ttyS9"));
    assert!(out.ends_with("take the card\n"), "{out}");
    assert_eq!(said, "open returned");
}

/// The unit stayed open behind a test that was ended, and swallowed the next card.
#[test]
fn who_ends_the_test_leaves_no_open_way_in_and_no_card_inside() {
    let (ended, _, said) = tried_until(true, [online(MediaState::NotPresent)]);
    assert!(ended.unwrap_err().contains("signal"));
    assert_eq!(said, "open closed");
    let states = [MediaState::NotPresent, MediaState::NotPresent, MediaState::Present].map(online);
    let (ended, _, said) = tried_until(true, states);
    assert!(ended.unwrap_err().contains("is given back"));
    assert_eq!(said, "open closed returned");
}

/// A pad at which cancel is pressed.
struct Cancelled;

impl PinPad for Cancelled {
    fn enter(&self, _: PinEntry, slot: PinSlot, _: PinProgressSink, _: &CancelToken) -> PinOutcome {
        PinOutcome::Cancelled(slot)
    }
}

#[test]
fn a_pad_whose_cancel_key_comes_answers() {
    let mut out = Vec::new();
    assert_eq!(trial::try_keys(&Cancelled, PinSlot::new(), &mut out), Ok(()));
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("the pad answers"), "{out}");
}

#[test]
fn nothing_is_tried_beside_a_running_service() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    std::fs::create_dir_all(&config.state_dir).unwrap();
    let held = std::fs::File::create(config.state_dir.join("journal.db.lock")).unwrap();
    held.lock().unwrap();
    for device in [DeviceName::Printer, DeviceName::PinPad, DeviceName::CardUnit] {
        let mut out = Vec::new();
        let code = trial::run(&config, device, &mut out);
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(FAULT)));
        let out = String::from_utf8(out).unwrap();
        assert!(out.starts_with("FAILED: the service runs") && out.contains("stop it"), "{out}");
    }
    assert!(!config.state_dir.join("receipts").exists(), "nothing was printed");
}

/// A printer that cannot be used.
struct Down(Reason);

impl Printer for Down {
    fn print(&self, _receipt: &Receipt) -> Result<Printed, Fault> {
        Err(fault(self.0.code))
    }

    fn status(&self) -> PrinterStatus {
        let reason = Some(self.0.clone());
        PrinterStatus { reason, ..PrinterStatus::new(self.0.state(), PaperState::Unknown) }
    }
}

fn instruments(code: &'static str) -> Instruments {
    Instruments {
        card_unit: std::sync::Arc::new(Unit::new([away(code)])),
        other_readers: vec![std::sync::Arc::new(Unit::new([away(code)]))],
        printer: std::cell::LazyCell::new(Box::new(move || {
            Ok(std::sync::Arc::new(Down(Reason::from(&fault(code)))))
        })),
        pin_pad: Box::new(move || Err(fault(code))),
        pad_look: Box::new(move || Err(fault(code))),
        pin_slot: devices::pinpad::locked_pin_slot,
        pcscd_socket: || Err(io::Error::from(io::ErrorKind::NotFound)),
        host: Box::new(|| Err("nobody asks".into())),
    }
}

/// The words of `common.device` that the log has of this fault of a device, by each way to it.
fn in_the_log(device: Device, code: &'static str) -> Vec<String> {
    let fault = transaction::Fault { device, kind: transaction::FaultKind::Broken, code };
    let mut records = vec![Record::Fault(fault)];
    match device {
        Device::CardUnit => records.push(Record::Card(CardEvent::UnitLost(fault))),
        Device::Printer => records.push(Record::Printing(Printing::Impossible(fault))),
        Device::PinPad | Device::Host | Device::Clock | Device::Terminal => {}
    }
    let lines = records.iter().map(log_words::line);
    let of_device = lines.filter(|line| line.object.as_ref().unwrap().as_str() == "common.device");
    of_device.map(|line| line.value.unwrap().to_string()).collect()
}

/// The word that the running service shows.
fn in_the_ledger(device: Device, code: &'static str, place: usize) -> String {
    let fault = transaction::Fault { device, kind: transaction::FaultKind::Broken, code };
    let mut health = Health::new(5, &[]);
    let at = clock::now();
    health.hear(Said::by(&transaction::Event::Fault(fault)), &[], &Story::default(), at);
    health.shown(at).devices.swap_remove(place).state
}

#[test]
fn one_fault_has_one_word_on_every_path() {
    let codes = CODES.iter().filter(|code| code.class == Class::Fault).map(|code| code.code);
    for code in codes {
        let word = DeviceState::of(code).word();
        let told: Vec<_> = statuses(&instruments(code));
        assert_eq!(told.len(), 4);
        for one in &told {
            assert_eq!((one.state, one.code), (word, Some(code)), "device status of {}", one.device);
            assert!(one.what.as_ref().unwrap().contains("/dev/ttyS9") && one.action.is_some(), "{one:?}");
            assert!(one.is_bad());
        }
        let found = doctor::found_of_devices(&instruments(code));
        assert_eq!(found.len(), 4);
        for found in found {
            assert!(found.contains(word) && found.contains(code), "doctor: {found}");
        }
        for (place, device) in [Device::CardUnit, Device::PinPad, Device::Printer].into_iter().enumerate() {
            for logged in in_the_log(device, code) {
                assert_eq!(logged, word, "{code} in the log");
            }
            // What customers bring about changes nothing in the ledger.
            let shown = in_the_ledger(device, code, place);
            assert!([word, "starting"].contains(&shown.as_str()), "{code} in the ledger: {shown}");
        }
    }
    assert_eq!(in_the_log(Device::PinPad, "port-in-use"), ["deviceBusy"]);
    assert_eq!(in_the_log(Device::Printer, "paper-out"), [""; 0], "that is printer.paper");
    assert_eq!(in_the_ledger(Device::PinPad, "port-in-use", 1), "deviceBusy");
}

#[test]
fn the_status_in_text_and_json_says_why() {
    let told = statuses(&instruments("port-not-permitted"));
    let mut out = Vec::new();
    told.iter().for_each(|one| tell(one, &mut out).unwrap());
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("card-unit    offline        media=unknown /dev/ttyS9 port-not-permitted"), "{out}");
    assert!(out.contains("card unit: /dev/ttyS9 is not there (action: maintenance)"), "{out}");
    let json = serde_json::to_value(&told).unwrap();
    for device in 0..4 {
        assert_eq!(
            (&json[device]["code"], &json[device]["action"]),
            (&json!("port-not-permitted"), &json!("maintenance"))
        );
    }
}

#[test]
fn the_printers_profile_is_listed_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let printer = crate::config::Printer::Serial {
        port: "/dev/ttyS8".into(),
        profile: "generic-80".to_owned(),
        baud: None,
        flow: None,
    };
    let config = Config { printer, ..configuration(folder.path()) };
    let mut out = Vec::new();
    list(&config, false, &mut out);
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains("/dev/ttyS8, generic-80 ("), "{out}");
}

#[test]
fn what_is_to_be_done_fits_what_is_wrong() {
    for (code, advice) in [
        ("port-not-found", "Check plug and power"),
        ("port-not-permitted", "into the group that owns the port"),
        ("port-in-use", "Stop the other process"),
        ("reader-not-found", "Check the reader's plug"),
        ("card-service-stopped", "Start pcscd"),
    ] {
        let todo = doctor::to_do(&Reason::from(&fault(code)));
        assert!(todo.contains(advice) && todo.ends_with("(second line)"), "{code}: {todo}");
    }
}
