//! The file printer, tried in a folder of its own.

use super::super::page::tests::sample;
use super::*;

fn printer(receipts_max: u32) -> (tempfile::TempDir, FilePrinter) {
    let folder = tempfile::tempdir().unwrap();
    let printer = FilePrinter::new(&folder.path().join("receipts"), Paper::Mm80, receipts_max).unwrap();
    (folder, printer)
}

#[test]
fn a_receipt_is_a_picture_and_a_text() {
    let (_folder, printer) = printer(10);
    let picture = printer.print(&sample()).unwrap().picture.unwrap();
    assert!(picture.ends_with("receipt-000001.png"));

    let decoder = png::Decoder::new(io::BufReader::new(File::open(&picture).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let dots = render_bitmap(&sample(), Paper::Mm80);
    assert_eq!((reader.info().width, reader.info().height), (576, dots.height()));
    assert_eq!(reader.info().bit_depth, png::BitDepth::One);
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    // In PNG a set bit is white; ours are black.
    assert!(bytes.iter().zip(dots.rows().flatten()).all(|(file, ours)| *file == !ours));

    let text = fs::read_to_string(picture.with_extension("txt")).unwrap();
    assert_eq!(text, render_text(&sample(), Paper::Mm80));
    let second = printer.print(&sample()).unwrap().picture.unwrap();
    assert!(second.ends_with("receipt-000002.png"));
    let names = fs::read_dir(picture.parent().unwrap()).unwrap().count();
    assert_eq!(names, 4, "no drafts are left");
}

#[test]
fn the_paper_runs_low_and_then_out() {
    let (_folder, printer) = printer(10);
    let mut seen = Vec::new();
    for _ in 0..10 {
        seen.push(printer.status().paper);
        printer.print(&sample()).unwrap();
    }
    assert_eq!(seen.iter().filter(|paper| **paper == PaperState::Low).count(), 1);
    let status = printer.status();
    assert_eq!((status.device, status.paper), (DeviceState::Online, PaperState::Out));
    assert_eq!(status.code(), Some("paper-out"));
    let fault = printer.print(&sample()).unwrap_err();
    assert_eq!(
        (fault.code, fault.action, fault.kind),
        ("paper-out", Action::Clear, FaultKind::NeedsOperator)
    );
}

#[test]
fn a_folder_that_vanishes_or_cannot_be_made_is_a_fault() {
    let (folder, printer) = printer(10);
    fs::remove_dir_all(folder.path().join("receipts")).unwrap();
    assert_eq!(printer.print(&sample()).unwrap_err().code, "printer-failed");
    assert_eq!(printer.status().device, DeviceState::HardwareError);

    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let fault = FilePrinter::new(&file.join("receipts"), Paper::Mm58, 1).unwrap_err();
    assert_eq!((fault.code, fault.action), ("printer-folder", Action::Configuration));
}

#[test]
fn half_a_receipt_is_none() {
    let (folder, printer) = printer(10);
    // The picture's draft cannot be made where a folder has its name.
    let receipts = folder.path().join("receipts");
    fs::create_dir(receipts.join(".receipt-000001.png.part")).unwrap();
    assert_eq!(printer.print(&sample()).unwrap_err().code, "printer-failed");
    assert!(!receipts.join("receipt-000001.txt").exists());
}
