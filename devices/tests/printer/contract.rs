//! What every printer keeps: in memory, in a folder, at a serial line.

use std::fs;

use devices::port::{DeviceState, FaultKind, PaperState, Printer};
use devices::printer::serial::{Limits, SerialPrinter};
use devices::printer::{FilePrinter, Paper, Profile, Receipt, Variant};

use super::support::fake::Fake;
use super::support::{Bench, now, receipt, thai, wait_until};

/// A printer, how its paper is taken away, and how many receipts it has printed.
struct Subject<'a> {
    printer: &'a dyn Printer,
    take_paper: &'a dyn Fn(),
    count: &'a dyn Fn() -> usize,
}

/// The contract. The printer has paper for exactly three receipts, or has it taken away.
fn keeps_the_contract(subject: &Subject<'_>) {
    let Subject { printer, take_paper, count } = subject;
    wait_until("a printer that is ready", || (printer.status().device == DeviceState::Online).then_some(()));
    let before = count();

    // The state costs nothing and is that of a printer with paper.
    let start = now();
    let status = printer.status();
    assert!(start.elapsed().as_millis() < 100, "the state is not waited for");
    assert!(matches!(status.paper, PaperState::Full | PaperState::Low | PaperState::Unknown), "{status:?}");
    assert_eq!(status.code(), None);

    // Each receipt is printed once, whatever is on it.
    let receipts: [Receipt; 3] = [receipt(Variant::Normal), receipt(Variant::Large), thai()];
    for (index, receipt) in receipts.iter().enumerate() {
        printer.print(receipt).unwrap();
        assert_eq!(count(), before + index + 1, "one receipt, once");
    }

    // Without paper nothing is printed, and the fault says who repairs it.
    take_paper();
    let status = wait_until("the paper's end", || {
        Some(printer.status()).filter(|status| status.paper == PaperState::Out)
    });
    assert_eq!(status.code(), Some("paper-out"));
    let fault = printer.print(&receipts[0]).unwrap_err();
    assert_eq!((fault.code, fault.device, fault.kind), ("paper-out", "printer", FaultKind::NeedsOperator));
    assert_eq!(fault.action.word(), "clear");
    assert!(!fault.what.is_empty());
    assert_eq!(count(), before + 3, "nothing more came out");
}

#[test]
fn a_printer_in_memory_keeps_it() {
    let fake = Fake::new(3);
    keeps_the_contract(&Subject { printer: &fake, take_paper: &|| {}, count: &|| fake.printed().len() });
}

#[test]
fn a_printer_into_a_folder_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let printer = FilePrinter::new(folder.path(), Paper::Mm80, 3).unwrap();
    let count = || {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().unwrap().ends_with(".png")).count()
    };
    keeps_the_contract(&Subject { printer: &printer, take_paper: &|| {}, count: &count });
}

#[test]
fn a_serial_printer_keeps_it_with_every_profile() {
    for name in Profile::names() {
        let bench = Bench::new(name);
        keeps_the_contract(&Subject {
            printer: &bench.driver,
            take_paper: &|| bench.pull("paper:out"),
            count: &|| bench.simulator.receipts(),
        });
    }
}

/// A real printer, with paper: prints three receipts, then asks for the paper to be taken out, for two minutes.
/// `MYNA_DANGEROUS_REAL_PRINTER=/dev/ttyUSB0`, and `MYNA_REAL_PRINTER_PROFILE` for its profile (generic-80).
#[test]
fn a_real_printer_keeps_it_when_one_is_named() {
    let Some(port) = std::env::var_os("MYNA_DANGEROUS_REAL_PRINTER") else { return };
    let name = std::env::var("MYNA_REAL_PRINTER_PROFILE").unwrap_or_else(|_| "generic-80".to_owned());
    let profile = Profile::load(&name).unwrap();
    let settings = SerialPrinter::settings(port.into(), &profile);
    let printer = SerialPrinter::start(settings, profile, Limits::default()).unwrap();
    // Nobody but a person can count paper.
    for receipt in [receipt(Variant::Normal), receipt(Variant::Large), thai()] {
        printer.print(&receipt).unwrap();
    }
    println!("three receipts are out; take the paper out of the printer now");
    for _ in 0..240 {
        if printer.status().paper == PaperState::Out {
            assert_eq!(printer.print(&thai()).unwrap_err().code, "paper-out");
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(500));
    }
    panic!("the paper was not taken out");
}
