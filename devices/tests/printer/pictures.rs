//! What is on the paper: the same dots as in our own picture, and the same words.

use devices::printer::{Profile, TextMode, Variant, render_bitmap, render_text};

use super::support::{Bench, receipt, thai, words};

#[test]
fn a_printer_of_pictures_shows_our_picture_dot_by_dot() {
    for name in ["raster-80", "raster-58", "custom-vkp80"] {
        let bench = Bench::new(name);
        bench.ready();
        for receipt in [receipt(Variant::Normal), receipt(Variant::Large), thai()] {
            bench.print(&receipt).unwrap();
            let sheet = bench.sheets(1).remove(0);
            let ours = render_bitmap(&receipt, bench.profile.format());
            assert_eq!((sheet.width, sheet.rows.len()), (ours.width() as usize, ours.height() as usize));
            for (y, (theirs, ours)) in sheet.rows.iter().zip(ours.rows()).enumerate() {
                assert!(theirs == ours, "{name}: row {y} differs");
            }
            assert!(sheet.text.is_empty());
        }
    }
}

#[test]
fn a_printer_with_letters_shows_our_words_line_by_line() {
    for name in Profile::names() {
        let bench = Bench::new(name);
        if bench.profile.text == TextMode::Raster {
            continue;
        }
        bench.ready();
        let receipt = receipt(Variant::Normal);
        bench.print(&receipt).unwrap();
        let sheet = bench.sheets(1).remove(0);
        let text = render_text(&receipt, bench.profile.format());
        assert_eq!(words(sheet.text.into_iter()), words(text.lines().map(str::to_owned)), "{name}");
        // Only the code may be a picture.
        let side = 33 * 6;
        let (pictures, codes): (usize, &[&str]) =
            if name == "generic-58" { (side, &[]) } else { (0, &["https://myna.go.jp/"]) };
        assert_eq!(
            (sheet.picture_rows, &sheet.codes[..]),
            (pictures, codes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>().as_slice()),
            "{name}"
        );
    }
}

#[test]
fn a_line_with_a_character_that_the_printer_lacks_is_a_picture_and_the_others_are_not() {
    let bench = Bench::new("generic-80");
    bench.ready();
    let mut receipt = receipt(Variant::Normal);
    // ① is in some printers' letters, and in others' not.
    receipt.notices = vec!["①番の窓口へ。".to_owned(), "二番の窓口へ。".to_owned()];
    bench.print(&receipt).unwrap();
    let sheet = bench.sheets(1).remove(0);
    let text = sheet.text.join("\n");
    assert!(!text.contains("番の窓口へ。\n・二") && !text.contains('①'), "{text}");
    assert!(text.contains("・二番の窓口へ。"), "{text}");
    // One line of letters of 24 dots, with room for marks above and below.
    assert_eq!(sheet.picture_rows, 37);
}

#[test]
fn thai_is_pictures_on_a_japanese_printer_and_numbers_are_letters() {
    let bench = Bench::new("generic-80");
    bench.ready();
    bench.print(&thai()).unwrap();
    let sheet = bench.sheets(1).remove(0);
    let text = sheet.text.join("\n");
    assert!(text.contains("0120-95-0178") && text.contains("https://myna.go.jp/"), "{text}");
    assert!(!text.contains('?') && sheet.picture_rows > 200, "{text}");
}

#[test]
fn nothing_reaches_beyond_the_paper_with_any_profile() {
    // What is too wide goes on below at the printer's own will: then there are more lines than were set.
    for name in Profile::names() {
        let profile = Profile::load(name).unwrap();
        for receipt in [receipt(Variant::Normal), receipt(Variant::Large), thai()] {
            let bytes = devices::printer::encode(&receipt, &profile).bytes();
            let line_feeds = bytes.iter().filter(|byte| **byte == b'\n').count();
            if profile.text == TextMode::Raster {
                continue;
            }
            let bench = Bench::new(name);
            bench.ready();
            bench.print(&receipt).unwrap();
            let sheet = bench.sheets(1).remove(0);
            assert!(sheet.text.len() <= line_feeds, "{name}: {:#?}", sheet.text);
        }
    }
}
