//! Every lever of the simulator, and the code that it ends in. Nothing is printed twice, and everything has an end.

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use devices::port::{DeviceState, PaperState, Printer as _};
use devices::printer::{Profile, Variant};
use emulator::control::send;
use emulator::printer::PrinterCommand;
use proptest::prelude::*;

use super::support::{Bench, LIMITS, driver, now, pulled, receipt, simulator, wait_until};

/// A code of the driver is in the operators' table; a test of the terminal holds every literal to that. Here: the code.
fn fails(bench: &Bench, code: &str) {
    let start = now();
    let fault = bench.print(&receipt(Variant::Normal)).unwrap_err();
    assert_eq!(fault.code, code, "{}", fault.what);
    assert!(fault.device == "printer" && !fault.what.is_empty());
    assert!(start.elapsed() < Duration::from_secs(20), "{code} took {:?}", start.elapsed());
}

fn prints(bench: &Bench) {
    let before = bench.simulator.receipts();
    bench.print(&receipt(Variant::Normal)).unwrap();
    assert_eq!(bench.simulator.receipts(), before + 1);
}

#[test]
fn little_paper_is_a_state_and_no_fault() {
    let bench = Bench::with("generic-80", LIMITS, &["paper:low"]);
    let status = bench.wait_for("low", |status| status.paper == PaperState::Low);
    assert_eq!((status.device, status.code()), (DeviceState::Online, None));
    prints(&bench);
}

#[test]
fn no_paper_before_a_receipt() {
    let bench = Bench::with("generic-80", LIMITS, &["paper:out"]);
    bench.wait_for("out", |status| status.paper == PaperState::Out);
    fails(&bench, "paper-out");
    bench.pull("paper:full");
    bench.ready();
    prints(&bench);
}

#[test]
fn an_open_cover_before_a_receipt() {
    let bench = Bench::with("generic-80", LIMITS, &["cover:open"]);
    let status = bench.wait_for("open", |status| status.code() == Some("cover-open"));
    assert_eq!(status.device, DeviceState::HardwareError);
    fails(&bench, "cover-open");
    bench.pull("cover:closed");
    bench.ready();
    prints(&bench);
}

/// A picture is longer than the printer's buffer: the driver sees it stop, and stops too.
#[test]
fn paper_that_ends_in_the_middle_stops_the_receipt_and_what_is_left_is_cut_off() {
    for (profile, lever, gone, code) in [
        ("raster-80", "paper-out@10000", "paper:full", "paper-out"),
        ("raster-80", "cover-open@10000", "cover:closed", "cover-open"),
        ("custom-vkp80", "paper-out@10000", "paper:full", "paper-out"),
    ] {
        let bench = Bench::at_speed(profile, 460_800);
        bench.ready();
        bench.pull("slow:50000");
        bench.pull(lever);
        fails(&bench, code);
        bench.pull(gone);
        bench.pull("slow:0");
        bench.ready();
        prints(&bench);
        let sheets = bench.simulator.take_sheets();
        let whole = devices::printer::render_bitmap(&receipt(Variant::Normal), bench.profile.format());
        assert_eq!(
            sheets.last().unwrap().rows.len(),
            whole.height() as usize,
            "{profile} {lever}: the next one is whole"
        );
        assert!(sheets.len() >= 2, "{profile} {lever}: the first was cut off, half as it was");
        assert!(!sheets[0].rows.is_empty() && sheets[0] != sheets[1]);
    }
}

#[test]
fn paper_that_ends_after_the_last_byte_leaves_a_receipt_that_nobody_can_tell() {
    for profile in ["generic-80", "epson-tm-t88"] {
        let bench = Bench::new(profile);
        bench.ready();
        // Text is shorter than the buffer: everything is handed over before the printer stops.
        bench.pull("slow:2000");
        bench.pull("paper-out@800");
        fails(&bench, "receipt-unknown");
        assert_eq!(bench.driver.status().paper, PaperState::Out);
        bench.pull("paper:full");
        bench.pull("slow:0");
        bench.ready();
        prints(&bench);
    }
}

#[test]
fn a_cutter_that_is_stuck() {
    for profile in ["generic-80", "raster-80", "custom-vkp80"] {
        let bench = Bench::with(profile, LIMITS, &["cutter:jam"]);
        bench.ready();
        fails(&bench, "cutter-failed");
        assert_eq!(bench.simulator.receipts(), 0);
        bench.wait_for("stuck", |status| status.code() == Some("cutter-failed"));
        bench.pull("cutter:ok");
        bench.ready();
        bench.print(&receipt(Variant::Normal)).unwrap();
        // The one that was not cut off, and this one.
        bench.sheets(2);
    }
}

#[test]
fn errors_that_stay_and_errors_that_go() {
    for (lever, kind) in [("error:fatal", "Broken"), ("error:hot", "Transient")] {
        let bench = Bench::new("generic-80");
        bench.ready();
        bench.pull(lever);
        bench.wait_for("error", |status| status.code() == Some("printer-error"));
        let fault = bench.print(&receipt(Variant::Normal)).unwrap_err();
        assert_eq!((fault.code, format!("{:?}", fault.kind).as_str()), ("printer-error", kind));
        bench.pull("error:none");
        bench.ready();
        prints(&bench);
    }
}

#[test]
fn silence_before_a_receipt() {
    let bench = Bench::with("generic-80", LIMITS, &["silent:on"]);
    let status = bench.wait_for("silent", |status| status.code() == Some("printer-silent"));
    assert_eq!(status.device, DeviceState::Offline);
    fails(&bench, "printer-silent");
    bench.pull("silent:off");
    bench.ready();
    prints(&bench);
}

#[test]
fn what_is_wanted_is_looked_for_before_the_pause_is_over() {
    let limits = devices::printer::serial::Limits { back_off_ms_first: 60_000, ..LIMITS };
    let bench = Bench::with("generic-80", limits, &["silent:on"]);
    assert_eq!(bench.driver.settled(super::support::LONG).code(), Some("printer-silent"));
    bench.pull("silent:off");
    // Not this receipt, which does not wait, but the next.
    fails(&bench, "printer-silent");
    bench.ready();
    prints(&bench);
}

#[test]
fn silence_after_a_receipt_was_begun() {
    let bench = Bench::new("generic-80");
    bench.ready();
    bench.pull("slow:1000");
    let (printed, ()) = std::thread::scope(|scope| {
        let printed = scope.spawn(|| bench.code(&receipt(Variant::Normal)));
        wait_until("the first bytes", || {
            bench.simulator.with_machine(|machine| machine.hangs_out()).then_some(())
        });
        bench.pull("silent:on");
        (printed.join().unwrap(), ())
    });
    assert_eq!(printed, "receipt-unknown");
    bench.pull("silent:off");
    bench.pull("slow:0");
    bench.ready();
    prints(&bench);
}

#[test]
fn a_printer_that_dies_in_the_middle_and_comes_back() {
    for profile in ["generic-80", "raster-80", "custom-vkp80"] {
        let bench = Bench::new(profile);
        bench.ready();
        bench.pull("power-off@700");
        fails(&bench, "receipt-unknown");
        bench.wait_for("away", |status| status.device == DeviceState::Offline);
        bench.pull("power:on");
        bench.ready();
        prints(&bench);
    }
}

#[test]
fn the_wrong_speed_is_told_from_silence() {
    let bench = Bench::with("generic-80", LIMITS, &["wrong-speed:on"]);
    bench.wait_for("garbage", |status| status.code() == Some("printer-garbage"));
    fails(&bench, "printer-garbage");
    bench.pull("wrong-speed:off");
    bench.ready();
    prints(&bench);
}

#[test]
fn answers_at_random_end_in_a_fault() {
    let bench = Bench::new("generic-80");
    bench.ready();
    bench.pull("garbage:on");
    let start = now();
    let code = bench.code(&receipt(Variant::Normal));
    assert_ne!(code, "printed");
    assert!(start.elapsed() < Duration::from_secs(20));
    bench.pull("garbage:off");
    bench.ready();
    prints(&bench);
}

#[test]
fn noise_on_the_line_has_an_end_and_never_prints_twice() {
    let bench = Bench::new("generic-80");
    bench.ready();
    bench.pull("noise:on");
    for _ in 0..4 {
        let before = bench.simulator.receipts();
        let start = now();
        let code = bench.code(&receipt(Variant::Normal));
        assert!(start.elapsed() < Duration::from_secs(20), "{code}");
        // What was begun once may be cut off in pieces by a bad byte; it is not begun again.
        assert!(bench.simulator.receipts() <= before + 3, "{code}");
        wait_until("the next try", || (bench.driver.status().device != DeviceState::Starting).then_some(()));
    }
    bench.pull("noise:off");
    bench.ready();
    prints(&bench);
}

#[test]
fn a_slow_printer_is_waited_for() {
    let bench = Bench::with("generic-80", LIMITS, &["slow:2000"]);
    bench.ready();
    prints(&bench);
}

#[test]
fn a_printer_that_never_reports_by_itself_is_asked() {
    let bench = Bench::with("generic-80", LIMITS, &["reports:off"]);
    bench.ready();
    prints(&bench);
    bench.pull("cover:open");
    bench.wait_for("open", |status| status.code() == Some("cover-open"));
    bench.pull("cover:closed");
    bench.ready();
    bench.pull("slow:2000");
    bench.pull("cover-open@800");
    fails(&bench, "receipt-unknown");
}

#[test]
fn a_port_that_vanishes_and_returns_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("printer");
    let profile = Profile::load("generic-80").unwrap();
    let model = emulator::printer::Model { family: emulator::printer::Family::Epson, dots: 576, dpi: 203 };
    let plug = || {
        let setup = emulator::printer::Setup { model, link: Some(link.clone()), out: None };
        emulator::printer::Simulator::start(setup).unwrap()
    };
    let simulator = plug();
    let driver = driver(&simulator, &profile, LIMITS);
    let bench = Bench { simulator, driver, profile };
    bench.ready();
    prints(&bench);

    let Bench { simulator, driver, profile } = bench;
    drop(simulator);
    let gone = wait_until("gone", || Some(driver.status()).filter(|status| status.reason.is_some()));
    assert_eq!(gone.device, DeviceState::NoDevice);
    let reason = gone.reason.unwrap();
    assert!(reason.state() == gone.device && reason.to_string().contains("check plug"), "{reason}");
    let code = driver.print(&receipt(Variant::Normal)).unwrap_err().code;
    assert!(matches!(code, "port-gone" | "port-not-found"), "{code}");

    let bench = Bench { simulator: plug(), driver, profile };
    bench.ready();
    prints(&bench);
}

#[test]
fn a_port_that_vanishes_in_the_middle_leaves_a_receipt_that_nobody_can_tell() {
    let bench = Bench::with("raster-80", LIMITS, &["slow:20000"]);
    bench.ready();
    let Bench { simulator, driver, .. } = bench;
    let code = std::thread::scope(|scope| {
        let printed = scope.spawn(|| driver.print(&receipt(Variant::Normal)).unwrap_err().code);
        wait_until("the first rows", || simulator.with_machine(|machine| machine.hangs_out()).then_some(()));
        drop(simulator);
        printed.join().unwrap()
    });
    assert_eq!(code, "receipt-unknown");
}

#[test]
fn a_printer_in_the_middle_of_a_picture_is_brought_out_of_it() {
    let profile = Profile::load("generic-80").unwrap();
    let simulator = simulator(&profile);
    // A job of another program that was not finished: 70 rows are announced, and nothing follows.
    let mut port = std::fs::File::options().write(true).open(simulator.port()).unwrap();
    port.write_all(&[0x1d, 0x76, 0x30, 0, 72, 0, 70, 0]).unwrap();
    drop(port);
    let driver = driver(&simulator, &profile, LIMITS);
    let bench = Bench { simulator, driver, profile };
    bench.ready();
    prints(&bench);
}

#[test]
fn the_control_socket_pulls_levers() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("control");
    let listener = UnixListener::bind(&socket).unwrap();
    let bench = Bench::new("generic-80");
    bench.ready();
    std::thread::scope(|scope| {
        let served = scope.spawn(|| bench.simulator.control(&listener));
        let told = send(&socket, &PrinterCommand::Lever { pull: pulled("paper:out") }).unwrap();
        assert_eq!(told["ok"], true);
        fails(&bench, "paper-out");
        let status = send(&socket, &PrinterCommand::Status).unwrap();
        assert_eq!((status["ok"].as_bool(), status["receipts"].as_u64()), (Some(true), Some(0)));
        send(&socket, &PrinterCommand::Quit).unwrap();
        served.join().unwrap();
    });
}

proptest! {
    // Each case is a printer of its own, so there are few; the parser alone is tried with thousands.
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 0, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_printer_does_a_receipt_has_an_end(
        levers in proptest::collection::vec(
            prop_oneof![
                Just("paper:low"), Just("paper-out@300"), Just("cover-open@900"), Just("cutter:jam"), Just("error:hot"),
                Just("silent:on"), Just("garbage:on"), Just("noise:on"), Just("wrong-speed:on"), Just("reports:off"),
                Just("slow:3000"), Just("power-off@500"),
            ],
            1..4,
        ),
    ) {
        let bench = Bench::new("generic-80");
        bench.ready();
        levers.iter().for_each(|lever| bench.pull(lever));
        let start = now();
        let code = bench.code(&receipt(Variant::Normal));
        prop_assert!(start.elapsed() < Duration::from_secs(20), "{levers:?}: {code} after {:?}", start.elapsed());
        let harmless = |lever: &&str| matches!(*lever, "paper:low" | "reports:off" | "slow:3000" | "noise:on");
        prop_assert!(code != "printed" || levers.iter().all(harmless), "{levers:?}");
        prop_assert!(bench.simulator.receipts() <= 3);
    }
}
