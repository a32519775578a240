//! The bytes of one receipt for each profile, held to files: what a printer is sent does not change by accident.
//! `UPDATE_DOCS=1 cargo test -p devices --test printer bytes` writes them anew.

use std::fmt::Write as _;
use std::path::Path;

use devices::printer::{Profile, TextMode, Variant, encode};

use super::support::{receipt, thai};

/// Pictures as their size and a sum: their dots are held elsewhere, and would be long.
fn shown(unit: &[u8]) -> String {
    if let [0x1d, 0x76, 0x30, _, x_low, x_high, y_low, y_high, data @ ..] = unit {
        let (x, y) = (u16::from_le_bytes([*x_low, *x_high]), u16::from_le_bytes([*y_low, *y_high]));
        assert_eq!(data.len(), usize::from(x) * usize::from(y));
        // FNV-1a.
        let sum = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        return format!("1d 76 30 00 picture {x} bytes by {y} rows, sum {sum:016x}");
    }
    unit.iter().fold(String::new(), |mut text, byte| {
        let space = if text.is_empty() { "" } else { " " };
        write!(text, "{space}{byte:02x}").unwrap();
        text
    })
}

#[test]
fn each_profiles_bytes_are_those_of_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/printer/bytes");
    for name in Profile::names() {
        let profile = Profile::load(name).unwrap();
        let mut text = String::new();
        for (what, receipt) in [("Japanese", receipt(Variant::Normal)), ("Thai", thai())] {
            writeln!(text, "# {what}").unwrap();
            for unit in encode(&receipt, &profile).units() {
                writeln!(text, "{}", shown(unit)).unwrap();
            }
        }
        let file = folder.join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let held = std::fs::read_to_string(&file).unwrap();
        assert_eq!(held, text, "{name}: its bytes have changed");
    }
}

#[test]
fn every_job_begins_and_ends_as_it_must() {
    for name in Profile::names() {
        let profile = Profile::load(name).unwrap();
        for receipt in [receipt(Variant::Normal), receipt(Variant::Large), thai()] {
            let job = encode(&receipt, &profile);
            let bytes = job.bytes();
            assert_eq!(bytes.len(), job.byte_count());
            assert_eq!(&bytes[..2], [0x1b, 0x40], "{name}");
            if profile.text == TextMode::ShiftJis {
                let at = |what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
                assert!(at(&[0x1c, 0x43, 0x01]).unwrap() < 8, "{name}: FS C follows ESC @");
                assert_eq!(bytes.windows(2).filter(|window| *window == [0x1b, 0x40]).count(), 1);
            }
            let end = [&profile.cut.cut.0[..], &profile.cut.present.0].concat();
            assert!(bytes.ends_with(&end), "{name}");
            for unit in job.units() {
                if unit.starts_with(&[0x1d, 0x76, 0x30]) {
                    assert!(u16::from_le_bytes([unit[6], unit[7]]) <= 256, "{name}");
                }
                for triple in unit.windows(2) {
                    assert!(
                        !matches!(triple, [0x10, 0x04 | 0x05 | 0x14]),
                        "{name}: a command inside {}",
                        shown(unit)
                    );
                }
            }
        }
    }
}
