//! Many receipts in one process do not make it grow. `MYNA_RECEIPTS=10000` for the full number.

use devices::port::Printer as _;
use devices::printer::{FilePrinter, Paper, Profile, Variant, encode};

use super::support::{Bench, receipt};

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn many_receipts_do_not_make_it_grow() {
    let count: usize = std::env::var("MYNA_RECEIPTS").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    let bench = Bench::new("generic-80");
    bench.ready();
    let receipt = receipt(Variant::Normal);
    let print = |times: usize| {
        for _ in 0..times {
            bench.print(&receipt).unwrap();
            bench.simulator.take_sheets();
        }
    };
    print(50);
    let before = resident_kib();
    print(count);
    let after = resident_kib();
    println!("{count} receipts through driver and simulator: {before} KiB before, {after} KiB after");
    assert!(after <= before + 2_048, "{before} KiB before, {after} KiB after {count} receipts");
}

#[test]
fn a_fonts_pages_are_given_back_after_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let printer = FilePrinter::new(folder.path(), Paper::Mm80, 100).unwrap();
    printer.print(&receipt(Variant::Normal)).unwrap();
    let before = resident_kib();
    for _ in 0..20 {
        printer.print(&receipt(Variant::Large)).unwrap();
        encode(&receipt(Variant::Normal), &Profile::load("raster-58").unwrap());
    }
    let after = resident_kib();
    assert!(after <= before + 2_048, "{before} KiB before, {after} KiB after");
}
