//! Printers that hand their receipts out.

use devices::port::{Printer as _, ReceiptState};
use devices::printer::Variant;
use devices::printer::serial::Limits;

use super::support::{Bench, LIMITS, receipt};

const BOTH: [&str; 2] = ["citizen-pmu2300", "custom-vkp80"];

#[test]
fn a_receipt_lies_in_the_mouth_until_it_is_taken() {
    for profile in BOTH {
        let bench = Bench::with(profile, LIMITS, &["presenter:left"]);
        bench.ready();
        assert_eq!(bench.driver.status().media, ReceiptState::NotPresent);
        bench.print(&receipt(Variant::Normal)).unwrap();
        let status = bench.wait_for("presented", |status| status.media == ReceiptState::Present);
        assert_eq!((status.device.word(), status.code()), ("online", None));
        bench.pull("presenter:ok");
        bench.wait_for("taken", |status| status.media == ReceiptState::NotPresent);
    }
}

#[test]
fn what_nobody_takes_is_taken_back() {
    for profile in BOTH {
        let limits = Limits { take_ms_max: 300, ..LIMITS };
        let bench = Bench::with(profile, limits, &["presenter:left"]);
        bench.ready();
        bench.print(&receipt(Variant::Normal)).unwrap();
        bench.wait_for("presented", |status| status.media == ReceiptState::Present);
        bench.wait_for("taken back", |status| status.media == ReceiptState::Retracted);
        assert!(!bench.simulator.with_machine(|machine| machine.presented()));
    }
}

#[test]
fn the_last_customers_receipt_is_taken_back_before_the_next_is_printed() {
    for profile in BOTH {
        let bench = Bench::with(profile, LIMITS, &["presenter:left"]);
        bench.ready();
        bench.print(&receipt(Variant::Normal)).unwrap();
        bench.wait_for("presented", |status| status.media == ReceiptState::Present);
        bench.print(&receipt(Variant::Normal)).unwrap();
        assert_eq!(bench.simulator.receipts(), 2);
    }
}

#[test]
fn a_mouth_that_cannot_be_emptied_gives_nothing_more_away() {
    for profile in BOTH {
        let bench = Bench::with(profile, LIMITS, &["presenter:stuck"]);
        bench.ready();
        bench.print(&receipt(Variant::Normal)).unwrap();
        assert_eq!(bench.code(&receipt(Variant::Normal)), "presenter-occupied");
        assert_eq!(bench.simulator.receipts(), 1);
        bench.pull("presenter:ok");
        bench.wait_for("taken", |status| status.media == ReceiptState::NotPresent);
        bench.print(&receipt(Variant::Normal)).unwrap();
    }
}

#[test]
fn a_jam_is_paper_that_is_stuck() {
    for profile in BOTH {
        let bench = Bench::with(profile, LIMITS, &["presenter:jam"]);
        bench.ready();
        assert_eq!(bench.code(&receipt(Variant::Normal)), "paper-jammed");
        let status = bench.wait_for("jammed", |status| status.media == ReceiptState::Jammed);
        assert_eq!(status.code(), Some("paper-jammed"));
        bench.pull("presenter:ok");
        bench.ready();
        bench.print(&receipt(Variant::Normal)).unwrap();
    }
}
