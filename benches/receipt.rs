//! A receipt, from its contents to the bytes that a printer is sent; beside it ImageMagick, which sets the same text as a
//! picture of the same width.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench"
)]

use std::process::Command;

use devices::printer::{Profile, Receipt, encode, render_text};
use myna_atm::catalogue::Language;
use myna_atm::config::ReceiptSize;
use myna_benches::{Stopwatch, head, median, row};

const TIMES: usize = 40;

fn receipt(language: Language) -> Receipt {
    myna_tests::receipts::whole(language, ReceiptSize::Normal)
}

fn milliseconds(mut act: impl FnMut()) -> f64 {
    let mut all: Vec<f64> = (0..TIMES)
        .map(|_| {
            let watch = Stopwatch::start();
            act();
            watch.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    median(&mut all)
}

/// The same words in the same width, set by somebody else's program; its start is part of it.
fn image_magick(receipt: &Receipt, profile: &Profile) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let text = render_text(receipt, profile.format());
    milliseconds(|| {
        let done = Command::new("convert")
            .args(["-font", "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", "-pointsize", "25"])
            .args(["-size", &format!("{}x2000", profile.dots), "xc:white", "-annotate", "+0+30"])
            .arg(&text)
            .arg("-monochrome")
            .arg(folder.path().join("out.png"))
            .status()
            .expect("imagemagick and fonts-noto-cjk are installed (scripts/bench does that)");
        assert!(done.success());
    })
}

fn main() {
    head();
    for (language, name) in [
        (Language::Ja, "generic-80"),
        (Language::Ja, "raster-80"),
        (Language::Ja, "raster-58"),
        (Language::En, "generic-80"),
        (Language::Th, "generic-80"),
        (Language::Th, "raster-80"),
    ] {
        let profile = Profile::load(name).unwrap();
        let receipt = receipt(language);
        let time = milliseconds(|| drop(encode(&receipt, &profile)));
        let job = encode(&receipt, &profile);
        let bytes = job.byte_count();
        let what = format!("receipt to bytes, `{}`, {name}, median of {TIMES}", language.tag());
        let seconds = |baud: f64| bytes as f64 * 10.0 / baud;
        let size = format!(
            "{bytes} bytes: {:.1} s at 9600 bit/s, {:.1} s at 115200; {} mm of paper",
            seconds(9_600.0),
            seconds(115_200.0),
            job.length_mm()
        );
        row(&what, &format!("{time:.1} ms"), &size);
    }
    let (receipt, profile) = (receipt(Language::Ja), Profile::load("raster-80").unwrap());
    let theirs = image_magick(&receipt, &profile);
    row("the same words as a picture by ImageMagick, its start included", &format!("{theirs:.0} ms"), "");
}
