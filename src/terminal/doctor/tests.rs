//! The doctor: what it finds, and what it says to do.

use std::path::Path;
use std::time::Duration;

use devices::port::{
    Action, CardEventSink, CardSession, CardUnitStatus, DeviceState, FaultKind, MediaState, PaperState,
    Presence, Printed, PrinterStatus, Return, WatchGuard,
};
use devices::printer::Receipt;

use super::*;
use crate::config::{PadFraming, PinPad as PadKind};

/// A card unit that only tells its state.
struct Unit(DeviceState, MediaState);

fn refused() -> Fault {
    Fault {
        kind: FaultKind::Broken,
        device: "card unit",
        code: "reader-busy",
        action: Action::Suspend,
        what: "another program holds the card".to_owned(),
        source: None,
    }
}

impl CardUnit for Unit {
    fn name(&self) -> &str {
        "unit"
    }

    fn watch(&self, _sink: CardEventSink) -> Result<WatchGuard, Fault> {
        Err(refused())
    }

    fn open(&self, _limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        Err(refused())
    }

    fn make_safe(&self, _limit: Duration) -> Result<Presence, Fault> {
        Err(refused())
    }

    fn return_card(&self) -> Result<Return, Fault> {
        Err(refused())
    }

    fn status(&self) -> CardUnitStatus {
        CardUnitStatus {
            reader: Some("Reader 00 00".to_owned()),
            device: self.0,
            media: self.1,
            reason: None,
        }
    }
}

struct Paper(PaperState);

impl Printer for Paper {
    fn print(&self, _receipt: &Receipt) -> Result<Printed, Fault> {
        Err(refused())
    }

    fn status(&self) -> PrinterStatus {
        PrinterStatus::new(DeviceState::Online, self.0)
    }
}

/// A printer that sends nothing but notices, at so many bits a second.
struct Slow(u64);

impl Printer for Slow {
    fn print(&self, _receipt: &Receipt) -> Result<Printed, Fault> {
        Err(refused())
    }

    fn time_for(&self, receipt: &Receipt) -> Duration {
        let letters: usize = receipt.notices.iter().map(String::len).sum();
        Duration::from_millis(letters as u64 * 10_000 / self.0)
    }

    fn status(&self) -> PrinterStatus {
        PrinterStatus::new(DeviceState::Online, PaperState::Full)
    }
}

fn instruments(unit: Unit, paper: PaperState, host: Option<i64>) -> Instruments {
    let at = |ms: i64| Timestamp::from_millisecond(1_795_248_000_000 + ms).unwrap();
    Instruments {
        card_unit: Arc::new(unit),
        other_readers: Vec::new(),
        printer: LazyCell::new(Box::new(move || Ok(Arc::new(Paper(paper))))),
        pin_pad: Box::new(|| panic!("doctor opens no pad")),
        pad_look: Box::new(|| panic!("a console is not asked")),
        pin_slot: devices::pinpad::locked_pin_slot,
        pcscd_socket: || Ok(SocketCheck::WorldWritable("/run/pcscd/pcscd.comm".into())),
        host: Box::new(move || match host {
            Some(host_ms) => Ok(HostProbe {
                asked_at: at(0),
                came_at: at(7),
                host_time: at(host_ms),
                terms_version: "2026-11-01".to_owned(),
            }),
            None => Err(io::Error::from(io::ErrorKind::ConnectionRefused).into()),
        }),
    }
}

/// A terminal whose files are all missing but its state directory.
fn examined(instruments: &Instruments) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../../../docs/example-myna-atm.toml").replace("/var/lib/myna-atm", ".");
    let config = Config::parse(&text, Path::new("f.toml"), folder.path()).unwrap();
    examine(&config, instruments, "2026-11-20T00:00:00Z".parse().unwrap())
}

fn level(findings: &[Finding], check: &str) -> Level {
    let found = findings.iter().filter(|finding| finding.check == check).map(|finding| finding.level);
    found.max().unwrap_or_else(|| panic!("{check} was not looked at"))
}

#[test]
fn everything_is_looked_at_and_each_finding_says_what_to_do() {
    let findings =
        examined(&instruments(Unit(DeviceState::Online, MediaState::NotPresent), PaperState::Full, Some(3)));
    for check in [
        "configuration",
        "reader",
        "card",
        "host",
        "clock",
        "calendar",
        "sqlite",
        "disk",
        "printer",
        "pin-pad",
    ] {
        assert_eq!(level(&findings, check), Level::Ok, "{check}");
    }
    assert_eq!(level(&findings, "pcscd-socket"), Level::Warn);
    for check in
        ["cert-tls", "cert-evidence", "cert-log", "roots-cards", "ca-host", "ca-terminals", "journal"]
    {
        assert_eq!(level(&findings, check), Level::Fail, "{check}: its file is missing");
    }
    for finding in &findings {
        assert_eq!(finding.todo.is_some(), finding.level != Level::Ok, "{finding:?}");
    }
}

#[test]
fn a_reader_is_judged_by_its_state() {
    for (device, wanted) in [
        (DeviceState::Online, Level::Ok),
        (DeviceState::Offline, Level::Fail),
        (DeviceState::NoDevice, Level::Fail),
        (DeviceState::DeviceBusy, Level::Fail),
        (DeviceState::HardwareError, Level::Fail),
    ] {
        let findings =
            examined(&instruments(Unit(device, MediaState::NotPresent), PaperState::Full, Some(3)));
        assert_eq!(level(&findings, "reader"), wanted, "{device:?}");
    }
}

/// As [`examined`], with other devices.
fn with_devices(instruments: &Instruments, change: impl FnOnce(&mut Config)) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../../../docs/example-myna-atm.toml").replace("/var/lib/myna-atm", ".");
    let mut config = Config::parse(&text, Path::new("f.toml"), folder.path()).unwrap();
    change(&mut config);
    examine(&config, instruments, "2026-11-20T00:00:00Z".parse().unwrap())
}

fn online(pad_look: fn() -> Result<PadLook, Fault>) -> Instruments {
    let usual = instruments(Unit(DeviceState::Online, MediaState::NotPresent), PaperState::Full, Some(3));
    Instruments { pad_look: Box::new(pad_look), ..usual }
}

#[test]
fn a_pad_is_judged_by_what_it_proves() {
    let level_of = |look: fn() -> Result<PadLook, Fault>, pad: PadKind| {
        level(&with_devices(&online(look), |config| config.pin_pad = pad), "pin-pad")
    };
    let serial = || PadKind::Serial {
        port: "/dev/tty1".into(),
        baud: 9_600,
        framing: PadFraming::Reference,
        identity: None,
        prompt: None,
    };
    assert_eq!(level_of(|| Ok(PadLook::Proven), serial()), Level::Ok);
    assert_eq!(level_of(|| Ok(PadLook::Answers), serial()), Level::Warn);
    assert_eq!(level_of(|| Ok(PadLook::PortOpens), serial()), Level::Warn);
    assert_eq!(level_of(|| Err(refused()), serial()), Level::Fail);
    assert_eq!(level_of(|| Ok(PadLook::Offered), PadKind::Reader {}), Level::Ok);
    assert_eq!(level_of(|| Ok(PadLook::NotOffered), PadKind::Reader {}), Level::Fail);
}

#[test]
fn a_line_that_is_too_slow_for_its_receipts_is_found_before_a_customer_does() {
    let at = |baud: u64| {
        let unit = instruments(Unit(DeviceState::Online, MediaState::NotPresent), PaperState::Full, Some(3));
        examined(&Instruments { printer: LazyCell::new(Box::new(move || Ok(Arc::new(Slow(baud))))), ..unit })
    };
    assert_eq!(level(&at(9_600), "receipt-time"), Level::Ok);
    let slow = at(30);
    assert_eq!(level(&slow, "receipt-time"), Level::Warn);
    let found = slow.iter().find(|finding| finding.check == "receipt-time").unwrap();
    assert!(found.found.contains("25.0 s"), "{found:?}");
}

#[test]
fn other_readers_and_what_lies_on_them_are_told_and_stop_no_visit() {
    for (device, media, wanted) in [
        (DeviceState::Online, MediaState::NotPresent, Level::Ok),
        (DeviceState::Online, MediaState::Present, Level::Warn),
        (DeviceState::NoDevice, MediaState::Unknown, Level::Warn),
    ] {
        let other: Arc<dyn CardUnit> = Arc::new(Unit(device, media));
        let unit = instruments(Unit(DeviceState::Online, MediaState::NotPresent), PaperState::Full, Some(3));
        let findings = examined(&Instruments { other_readers: vec![other], ..unit });
        assert_eq!(level(&findings, "other-reader"), wanted, "{device:?} {media:?}");
    }
}

#[test]
fn a_unit_on_a_line_needs_no_pcscd() {
    let findings = with_devices(&online(|| Ok(PadLook::NotAsked)), |config| {
        config.card_unit = crate::config::CardUnit::Omron {
            port: "/dev/tty0".into(),
            baud: 9_600,
            parity: crate::config::Parity::Even,
            after_power_failure: crate::config::AfterPowerFailure::Hold,
        };
    });
    assert!(findings.iter().all(|finding| finding.check != "pcscd-socket"));
    assert_eq!(level(&findings, "reader"), Level::Ok);
}

#[test]
fn a_card_that_cannot_be_opened_and_a_host_out_of_reach_fail_with_the_reason() {
    let findings =
        examined(&instruments(Unit(DeviceState::Online, MediaState::Present), PaperState::Out, None));
    let found = |check: &str| findings.iter().find(|finding| finding.check == check).unwrap();
    assert_eq!((found("card").level, found("host").level), (Level::Fail, Level::Fail));
    assert!(found("card").found.contains("another program"));
    assert!(
        found("host").found.contains("https://registration.example.jp:8443")
            && found("host").found.contains("refused")
    );
    assert_eq!(found("printer").level, Level::Warn, "a visit works without receipts");
}

#[test]
fn a_clock_that_is_off_fails() {
    let findings = examined(&instruments(
        Unit(DeviceState::Online, MediaState::NotPresent),
        PaperState::Full,
        Some(60_000),
    ));
    assert_eq!(level(&findings, "clock"), Level::Fail);
}

#[test]
fn text_is_a_table_and_json_has_the_same() {
    let findings = vec![
        Finding::ok("reader", "Reader 00 00: online"),
        Finding::fail("host", "https://h: no route", "Check the line."),
    ];
    let mut text = Vec::new();
    tell_text(&findings, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(
        text,
        "ok    reader         Reader 00 00: online\n\
         FAIL  host           https://h: no route\n\
         \u{20}                      to do: Check the line.\n\
         1 ok, 0 warnings, 1 failed\n"
    );
    let mut json = Vec::new();
    tell_json(&findings, &mut json).unwrap();
    let told: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(told["worst"], "fail");
    assert_eq!(told["findings"][1]["todo"], "Check the line.");
    assert!(told["findings"][0].get("todo").is_none());
}

/// A look at the pad in the middle of an entry made the customer's visit fail.
#[test]
fn the_devices_of_a_running_service_are_left_alone_and_its_own_word_counts() {
    let folder = tempfile::tempdir().unwrap();
    let text = include_str!("../../../docs/example-myna-atm.toml").replace("/var/lib/myna-atm", "state");
    let text = text.replace("kind = \"console\"", "kind = \"reader\"");
    let config = Config::parse(&text, Path::new("f.toml"), folder.path()).unwrap();
    std::fs::create_dir(folder.path().join("state")).unwrap();
    let touched = || Instruments {
        printer: LazyCell::new(Box::new(|| panic!("the printer is left alone"))),
        ..online(|| panic!("the pad is left alone"))
    };
    let examined =
        |instruments: &Instruments| examine(&config, instruments, "2026-11-20T00:00:00Z".parse().unwrap());
    let lock = std::fs::File::create(folder.path().join("state/journal.db.lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(level(&examined(&touched()), "devices"), Level::Warn, "it has said nothing yet");
    let now = "2026-11-20T00:00:00Z".parse().unwrap();
    crate::health::publish(&config.state_dir, &crate::health::Health::new(5, &[]).shown(now)).unwrap();
    let findings = examined(&touched());
    for check in ["reader", "pin-pad", "printer"] {
        let found = findings.iter().find(|finding| finding.check == check).unwrap();
        assert!(found.level == Level::Ok && found.found.contains("says the running service"), "{found:?}");
    }
    drop(lock);
    assert_eq!(level(&examined(&online(|| Ok(PadLook::Offered))), "pin-pad"), Level::Ok);
}
