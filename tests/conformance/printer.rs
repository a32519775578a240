//! The receipt as other people's programs read it: an ESC/POS interpreter (npos), a reader of QR codes (zbar), and optical
//! recognition of Japanese and Thai (tesseract).

use std::path::{Path, PathBuf};
use std::process::Command;

use devices::printer::{Format, Paper, Profile, Receipt, encode, render_bitmap, render_text};
use myna_atm::catalogue::Language;
use myna_atm::config::ReceiptSize;
use myna_tests::receipts::whole as receipt;
use serde_json::Value;

fn picture(folder: &Path, receipt: &Receipt, format: impl Into<Format>) -> PathBuf {
    let path = folder.join("receipt.png");
    let file = std::fs::File::create(&path).unwrap();
    render_bitmap(receipt, format).write_png(file).unwrap();
    path
}

fn said(program: &str, arguments: &[&std::ffi::OsStr]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error} (scripts/test installs it)"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What npos finds in the bytes for a profile.
fn npos(receipt: &Receipt, profile: &Profile) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job");
    std::fs::write(&file, encode(receipt, profile).bytes()).unwrap();
    let tools = myna_tests::root().join("target/tools/npos");
    let script = myna_tests::root().join("tests/conformance/escpos.js");
    serde_json::from_str(&said("node", &[script.as_os_str(), tools.as_os_str(), file.as_os_str()])).unwrap()
}

/// Lines without the spaces that align them, and without rules.
fn words(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| line.chars().any(|character| !"-=*─━".contains(character)))
        .collect()
}

#[test]
fn conformance_npos_reads_our_text_line_by_line() {
    for name in ["generic-80", "generic-58", "epson-tm-t88", "citizen-pmu2300"] {
        let profile = Profile::load(name).unwrap();
        for language in [Language::Ja, Language::En] {
            let receipt = receipt(language, ReceiptSize::Normal);
            let found = npos(&receipt, &profile);
            let ours = render_text(&receipt, profile.format());
            assert_eq!(words(found["text"].as_str().unwrap()), words(&ours), "{name} {}", language.tag());
            if name != "generic-58" {
                assert_eq!(found["codes"], serde_json::json!(["https://myna.go.jp/"]), "{name}");
                assert_eq!(found["pictures"], serde_json::json!([]), "{name}");
            }
            let commands = found["commands"].as_array().unwrap();
            assert_eq!(commands[0], "ESC@", "{name}");
            assert_eq!(commands.last().unwrap(), "GSV", "{name}");
        }
    }
}

#[test]
fn conformance_npos_reads_our_pictures_dot_by_dot() {
    for name in ["raster-80", "raster-58"] {
        let profile = Profile::load(name).unwrap();
        for language in Language::ALL {
            let receipt = receipt(language, ReceiptSize::Normal);
            let found = npos(&receipt, &profile);
            let whole = profile.dots as usize / 8;
            let bands = found["pictures"].as_array().unwrap().iter();
            let theirs: String = bands.flat_map(|band| rows_of(band, whole)).collect();
            let ours: Vec<u8> = render_bitmap(&receipt, profile.format()).rows().flatten().copied().collect();
            assert!(theirs == hex::encode(ours), "{name} {}", language.tag());
            assert_eq!(found["text"], "", "{name}");
        }
    }
}

/// The rows of a band in hex, each with the white at its right that is not sent.
fn rows_of(band: &Value, whole: usize) -> Vec<String> {
    let width = 2 * usize::try_from(band["width"].as_u64().unwrap()).unwrap();
    let rows = band["rows"].as_str().unwrap().as_bytes().chunks_exact(width);
    rows.map(|row| format!("{:0<1$}", std::str::from_utf8(row).unwrap(), 2 * whole)).collect()
}

#[test]
fn conformance_zbar_reads_the_code() {
    let folder = tempfile::tempdir().unwrap();
    for language in Language::ALL {
        for variant in [ReceiptSize::Normal, ReceiptSize::Large] {
            for paper in [Paper::Mm58, Paper::Mm80] {
                let path = picture(folder.path(), &receipt(language, variant), paper);
                let found = said("zbarimg", &["-q".as_ref(), "--raw".as_ref(), path.as_os_str()]);
                assert_eq!(found.trim(), "https://myna.go.jp/", "{} {variant:?} {paper:?}", language.tag());
            }
        }
    }
}

/// The share of the receipt that tesseract reads: of all runs of four characters, spaces and rules left out, those that are
/// anywhere in what it read. What stands in frames and behind small signs it often passes over.
fn share_recognised(receipt: &Receipt, paper: Paper, language: &str) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let path = picture(folder.path(), receipt, paper);
    let arguments =
        [path.as_os_str(), "-".as_ref(), "-l".as_ref(), language.as_ref(), "--psm".as_ref(), "6".as_ref()];
    // A long vowel with its ring may be one character or two.
    let plain = |text: &str| -> Vec<char> {
        text.replace("\u{e4d}\u{e32}", "\u{e33}").chars().filter(|c| c.is_alphanumeric()).collect()
    };
    let read: String = plain(&said("tesseract", &arguments)).into_iter().collect();
    let wanted = plain(&render_text(receipt, paper));
    let found = wanted.windows(4).filter(|run| read.contains(&run.iter().collect::<String>())).count();
    found as f64 / (wanted.len() - 3) as f64
}

#[test]
fn conformance_tesseract_reads_japanese() {
    for variant in [ReceiptSize::Normal, ReceiptSize::Large] {
        for paper in [Paper::Mm58, Paper::Mm80] {
            let share = share_recognised(&receipt(Language::Ja, variant), paper, "jpn");
            println!("Japanese, {variant:?}, {paper:?}: {:.0} % recognised", share * 100.0);
            assert!(share > 0.85, "{variant:?} {paper:?}: {share}");
        }
    }
}

#[test]
fn conformance_tesseract_reads_thai() {
    for variant in [ReceiptSize::Normal, ReceiptSize::Large] {
        for paper in [Paper::Mm58, Paper::Mm80] {
            let share = share_recognised(&receipt(Language::Th, variant), paper, "tha");
            println!("Thai, {variant:?}, {paper:?}: {:.0} % recognised", share * 100.0);
            assert!(share > 0.65, "{variant:?} {paper:?}: {share}");
        }
    }
}
