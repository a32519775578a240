//! From a visit's result to a receipt.

use std::path::Path;

use devices::printer::{Bitmap, Paper, render_bitmap, render_text};
use transaction::{Refusal, Rejection};

use super::*;
use crate::catalogue::Language;

const EXAMPLE: &str = include_str!("../../../docs/example-myna-atm.toml");

fn config(test: bool) -> Config {
    let text = EXAMPLE.replace("allow_test_roots = false", &format!("allow_test_roots = {test}"));
    Config::parse(&text, Path::new("f.toml"), Path::new("/etc")).unwrap()
}

fn facts(outcome: Outcome) -> ReceiptFacts<'static> {
    ReceiptFacts {
        at: "2026-11-21T09:05:00Z".parse().unwrap(),
        outcome,
        expires_soon: true,
        request: Uuid::from_bytes([0x5e; 16]),
        acceptance_number: Some("A-0000123456"),
        terms_version: Some("2026-11-01"),
    }
}

fn composed(language: Language, outcome: Outcome, test: bool) -> Receipt {
    let config = config(test);
    let catalogue = Catalogue::new(language, &config.helpline).unwrap();
    compose(&config, &catalogue, &facts(outcome)).unwrap()
}

/// The text without line breaks and indents, so that a sentence can be looked for.
fn flat(receipt: &Receipt) -> String {
    render_text(receipt, Paper::Mm80).lines().map(str::trim).collect::<String>()
}

fn black_beyond(dots: &Bitmap, margin: u32) -> bool {
    let columns = (0..margin).chain(dots.width() - margin..dots.width());
    columns.flat_map(|x| (0..dots.height()).map(move |y| (x, y))).any(|(x, y)| dots.is_black(x, y))
}

#[test]
fn a_japanese_receipt_has_every_row_and_notice() {
    let text = flat(&composed(Language::Ja, Outcome::Registered, false));
    for part in [
        "申込みが完了しました",
        "2026年11月21日 18:05",
        "ベイサイド店 1号機",
        "T0001",
        "A-0000123456",
        "LYLY-LYLY-LYLY",
        "2026-11-01",
        "マイナ保険証で受診いただけないことがあります。",
        "3か月以内に、電子証明書の有効期限が切れます。",
        "マイナンバーカードを忘れずにお持ちください。",
        "0120-95-0178",
        "5番を選択のうえ、",
        "平日：9時30分～20時00分、",
        "（公開ページ）",
        "https://myna.go.jp/",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("コード") && !text.contains("試験用"), "{text}");
}

#[test]
fn an_english_receipt_has_every_row_and_notice() {
    let receipt = composed(Language::En, Outcome::AlreadyRegistered, false);
    let text = render_text(&receipt, Paper::Mm80).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "Already registered",
        "21 November 2026, 18:05",
        "Bayside branch, ATM 1",
        "Acceptance number A-0000123456",
        "Reference number LYLY-LYLY-LYLY",
        "expires within 3 months",
        "If your insurer has changed",
        "Press 5",
        "Mon-Fri 9:30-20:00",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.chars().any(|character| ('ぁ'..='ヶ').contains(&character)), "{text}");
}

#[test]
fn a_thai_receipt_has_every_row_and_notice() {
    let receipt = composed(Language::Th, Outcome::Registered, false);
    let text = render_text(&receipt, Paper::Mm80).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "ส่งคำขอเรียบร้อยแล้ว",
        "21 พฤศจิกายน 2569 (2026) 18:05 น.",
        "Bayside branch, ATM 1",
        "หมายเลขรับคำขอ A-0000123456",
        "หมายเลขอ้างอิง LYLY-LYLY-LYLY",
        "ภายใน 3 เดือน",
        "Mon-Fri 9:30-20:00",
        "https://myna.go.jp/",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.chars().any(|character| ('ぁ'..='ヶ').contains(&character)), "{text}");
}

#[test]
fn a_status_page_is_printed_as_configured_or_not_at_all() {
    let with = |status_page: &str| {
        let mut config = config(false);
        config.receipt.status_page = status_page.to_owned();
        let catalogue = Catalogue::new(Language::Ja, &config.helpline).unwrap();
        compose(&config, &catalogue, &facts(Outcome::Registered))
    };
    assert!(flat(&with("https://bank.example/myna").unwrap()).contains("https://bank.example/myna"));
    let none = with("").unwrap();
    assert!(none.status_page.is_none() && !flat(&none).contains("https://"));
    assert!(with("https://bank.example/?card=1").is_err(), "a query could carry who the customer is");
}

#[test]
fn large_print_is_the_same_receipt_and_larger() {
    let mut config = config(false);
    config.receipt.size = ReceiptSize::Large;
    let catalogue = Catalogue::new(Language::Ja, &config.helpline).unwrap();
    let large = compose(&config, &catalogue, &facts(Outcome::Registered)).unwrap();
    let normal = composed(Language::Ja, Outcome::Registered, false);
    assert_eq!(flat(&large), flat(&normal));
    let height = |receipt: &Receipt| render_bitmap(receipt, Paper::Mm80).height();
    assert!(height(&large) * 10 > height(&normal) * 13, "{} and {}", height(&large), height(&normal));
}

#[test]
fn a_test_machine_says_twice_that_it_is_one() {
    let test = composed(Language::Ja, Outcome::Registered, true);
    let text = flat(&test);
    assert!(text.contains("【試験用】申込みではありません") && text.contains("参照実装"), "{text}");
    let real = composed(Language::Ja, Outcome::Registered, false);
    assert!(real.banner.is_none() && real.footer.is_empty());
}

#[test]
fn pending_promises_nothing_and_says_where_to_look() {
    let text = flat(&composed(Language::Ja, Outcome::Pending, false));
    assert!(!text.contains("完了しました"), "{text}");
    assert!(
        text.contains("結果はまだ分かりません") && text.contains("「登録済」") && text.contains("pending"),
        "{text}"
    );
}

#[test]
fn a_rejection_has_its_code_and_no_promise() {
    let text = flat(&composed(Language::Ja, Outcome::Rejected(Rejection::NoInsurerData), false));
    assert!(text.contains("no-insurer-data") && !text.contains("マイナ保険証で"), "{text}");
}

#[test]
fn a_number_that_is_none_is_not_printed() {
    let config = config(false);
    let catalogue = Catalogue::new(Language::Ja, &config.helpline).unwrap();
    let facts = ReceiptFacts { acceptance_number: Some("山田 太郎"), ..facts(Outcome::Registered) };
    assert!(
        compose(&config, &catalogue, &facts).unwrap_err().to_string().ends_with("is no acceptance number")
    );
}

#[test]
fn every_outcome_fits_on_both_papers_in_every_language() {
    let mut outcomes = vec![Outcome::Registered, Outcome::AlreadyRegistered, Outcome::Pending];
    outcomes.extend(Refusal::ALL.map(Outcome::Refused));
    outcomes.extend(Rejection::ALL.map(Outcome::Rejected));
    for language in Language::ALL {
        for outcome in &outcomes {
            for paper in [Paper::Mm58, Paper::Mm80] {
                let dots = render_bitmap(&composed(language, *outcome, true), paper);
                assert!(!black_beyond(&dots, 7), "{} {}", language.tag(), outcome.code());
                assert!((700..3600).contains(&dots.height()), "{} dots", dots.height());
            }
        }
    }
}

#[test]
fn the_reference_is_the_same_on_screen_and_paper() {
    let id = Uuid::from_bytes([0x5e; 16]);
    assert!(flat(&composed(Language::Ja, Outcome::Registered, false)).contains(&reference(id)));
}
