//! Pages: nothing is clipped, whatever the receipt says.

use proptest::prelude::*;

use super::super::{
    Bitmap, DateStyle, HelpLine, Paper, Receipt, Row, StatusPage, Value, Variant, render_bitmap, render_text,
};

/// A receipt with everything on it.
pub(in super::super) fn sample() -> Receipt {
    let row = |label: &str, value: Value| Row { label: label.to_owned(), value };
    Receipt {
        banner: Some("【試験用】申込みではありません".to_owned()),
        title: "マイナンバーカードの健康保険証利用の申込み".to_owned(),
        subtitle: "ご利用明細票".to_owned(),
        result: "申込みが完了しました".to_owned(),
        explanation: vec!["マイナンバーカードを健康保険証として利用するための申込みを受け付けました。".to_owned()],
        rows: vec![
            row("日時", Value::moment(jiff::civil::date(2026, 11, 21).at(18, 5, 9, 0), DateStyle::Japanese)),
            row("設置場所", Value::place("ベイサイド店 1号機").unwrap()),
            row("端末番号", Value::terminal("T0001").unwrap()),
            row("受付番号", Value::acceptance("A-0000123456").unwrap()),
            row("照会番号", Value::reference([0x5e; 16])),
            row("利用規約", Value::terms_version("2026-11-01").unwrap()),
        ],
        notices_heading: "ご確認ください".to_owned(),
        notices: vec![
            "転職・転居等により保険者が変わり手続きが終了していない場合などには、マイナ保険証で受診いただけないことがあります。".to_owned(),
            "医療機関・薬局を受診されるときは、マイナンバーカードを忘れずにお持ちください。".to_owned(),
        ],
        helpline: HelpLine {
            heading: "マイナンバー総合フリーダイヤル".to_owned(),
            number: "0120-95-0178".to_owned(),
            lines: vec![
                "5番を選択のうえ、音声ガイダンスにしたがってお進みください".to_owned(),
                "平日：9時30分～20時00分、土日祝：9時30分～17時30分（年末年始を除く）".to_owned(),
            ],
        },
        footer: vec!["この明細票は公開の参照実装が作成したもので、行政機関が発行したものではありません。".to_owned()],
        status_page: Some(
            StatusPage::new("マイナポータル（公開ページ）：登録の状況を確かめられます", "https://myna.go.jp/").unwrap(),
        ),
        variant: Variant::Normal,
    }
}

fn black_in(dots: &Bitmap, columns: std::ops::Range<u32>) -> usize {
    let count = |x: u32| (0..dots.height()).filter(|y| dots.is_black(x, *y)).count();
    columns.map(count).sum()
}

#[test]
fn the_picture_is_as_wide_as_the_paper_and_its_margins_are_white() {
    for (paper, margin) in [(Paper::Mm58, 8), (Paper::Mm80, 14)] {
        let dots = render_bitmap(&sample(), paper);
        assert_eq!(dots.width(), paper.dots());
        assert!((700..2900).contains(&dots.height()), "{} dots", dots.height());
        // No glyph is cut off: nothing stands in the margins, or at the very top and bottom.
        assert_eq!(black_in(&dots, 0..margin), 0);
        assert_eq!(black_in(&dots, dots.width() - margin..dots.width()), 0);
        assert!(
            dots.rows()
                .take(10)
                .chain(dots.rows().skip(dots.height() as usize - 10))
                .flatten()
                .all(|byte| *byte == 0)
        );
    }
}

#[test]
fn the_result_is_the_largest_writing() {
    let with = sample();
    let without = Receipt { result: String::new(), ..sample() };
    let lines = |receipt: &Receipt| render_bitmap(receipt, Paper::Mm80).height();
    // One line of 52 dots with its leading; a body line has 25.
    assert!(lines(&with) - lines(&without) > 60);
}

#[test]
fn ink_is_neither_missing_nor_everywhere() {
    let dots = render_bitmap(&Receipt { banner: None, status_page: None, ..sample() }, Paper::Mm80);
    let share = black_in(&dots, 0..dots.width()) as f64 / f64::from(dots.width() * dots.height());
    assert!((0.04..0.25).contains(&share), "{share}");
}

#[test]
fn the_same_receipt_is_the_same_picture() {
    assert_eq!(render_bitmap(&sample(), Paper::Mm58), render_bitmap(&sample(), Paper::Mm58));
}

#[test]
fn the_text_has_every_row_and_notice() {
    for paper in [Paper::Mm58, Paper::Mm80] {
        let receipt = sample();
        let text = render_text(&receipt, paper);
        let flat: String = text.lines().map(str::trim).collect();
        for row in &receipt.rows {
            assert!(flat.contains(&row.label) && flat.contains(row.value.text()), "{row:?} in\n{text}");
        }
        for sentence in receipt.notices.iter().chain(&receipt.helpline.lines).chain(&receipt.footer) {
            let closed_up = sentence.replace(' ', "");
            assert!(flat.replace(' ', "").contains(&closed_up), "{sentence} in\n{text}");
        }
        for line in text.lines() {
            let columns: usize = line.chars().map(super::super::line_break::columns).sum();
            assert!(columns <= paper.columns() && !line.ends_with(' '), "{line:?}");
        }
    }
}

#[test]
fn a_row_too_long_for_one_line_is_set_on_two() {
    let mut receipt = sample();
    receipt.rows[1].value = Value::place(&"長".repeat(40)).unwrap();
    let dots = render_bitmap(&receipt, Paper::Mm58);
    assert_eq!(black_in(&dots, 0..8) + black_in(&dots, 376..384), 0);
    assert!(dots.height() > render_bitmap(&sample(), Paper::Mm58).height());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_sentence_stays_between_the_margins(text in "[ -~あ-んア-ン一-龠、。「」]{1,120}") {
        let mut receipt = sample();
        receipt.result = text.chars().take(30).collect();
        receipt.notices.push(text);
        let dots = render_bitmap(&receipt, Paper::Mm58);
        prop_assert_eq!(black_in(&dots, 0..6) + black_in(&dots, 378..384), 0);
    }
}
