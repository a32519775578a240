//! The catalogue is complete, in every language, and says what it must.

use std::collections::BTreeSet;

use transaction::{Device, FaultKind, Refusal, Rejection, TriesLeft};

use super::*;

mod lines;

fn catalogue(language: Language) -> Catalogue {
    Catalogue::new(language, &Helpline::default()).unwrap()
}

fn facts() -> Facts {
    Facts {
        reopens: Some("REOPENS".to_owned()),
        acceptance: Some("A-0001".to_owned()),
        reference: Some("FSHT-JWKX-LYMZ".to_owned()),
        notice_months: 3,
        call: Some("03-0000-0000".to_owned()),
    }
}

fn fault(device: Device, code: &'static str) -> Fault {
    Fault { device, kind: FaultKind::Broken, code }
}

const DEVICES: [Device; 6] =
    [Device::CardUnit, Device::PinPad, Device::Printer, Device::Host, Device::Clock, Device::Terminal];

fn outcomes() -> Vec<Outcome> {
    let mut all = vec![Outcome::Registered, Outcome::AlreadyRegistered, Outcome::Pending];
    all.extend(Refusal::ALL.map(Outcome::Refused));
    all.extend(Rejection::ALL.map(Outcome::Rejected));
    all.extend(DEVICES.map(|device| Outcome::Fault(fault(device, "no-answer"))));
    all
}

fn screens() -> Vec<Screen> {
    let tries = |count| TriesLeft::new(count).unwrap();
    let mut all = vec![
        Screen::Starting,
        Screen::Menu,
        Screen::Connecting,
        Screen::Terms,
        Screen::InsertCard,
        Screen::Reading,
        Screen::LastTry,
        Screen::EnterPin { tries_left: tries(3), wrong_before: false },
        Screen::EnterPin { tries_left: tries(1), wrong_before: true },
        Screen::EnterPinAtReader { tries_left: tries(3), before: EntryBefore::Nothing },
        Screen::EnterPinAtReader { tries_left: tries(1), before: EntryBefore::Wrong },
        Screen::EnterPinAtReader { tries_left: tries(2), before: EntryBefore::WrongLength },
        Screen::LeavePad,
        Screen::Signing,
        Screen::Sending,
        Screen::Printing,
        Screen::NoReceipt,
        Screen::TakeCard,
        Screen::TakeFoundCard,
        Screen::Retained,
        Screen::OutOfService { why: Closed::Stopped },
        Screen::OutOfService { why: Closed::Fault(fault(Device::Terminal, "journal-pages-damaged")) },
        Screen::CardUnitDown { fault: fault(Device::CardUnit, "reader-busy") },
    ];
    for outcome in outcomes() {
        all.push(Screen::Result { outcome, expires_soon: true, receipt: true });
        all.push(Screen::Result { outcome, expires_soon: false, receipt: false });
        all.push(Screen::Stopped { outcome, tries_left: None });
        all.push(Screen::Stopped { outcome, tries_left: Some(tries(1)) });
        all.push(Screen::Stopped { outcome, tries_left: Some(tries(2)) });
    }
    all
}

/// No text that was left out, forgotten to fill in, or marked for isolation, and nothing that a receipt cannot print.
fn assert_sound(text: &str, what: &str) {
    assert!(text.chars().count() >= 2, "{what}: {text:?} is too short");
    assert!(!text.contains(['{', '}', '\u{2068}', '\u{2069}', '\n']), "{what}: {text:?}");
    assert!(!text.starts_with("code-") && !text.starts_with("screen-"), "{what}: {text:?} is a key");
    assert_eq!(devices::printer::missing_glyphs(text), Vec::<char>::new(), "{what}: {text:?}");
}

#[test]
fn every_outcome_says_what_why_and_what_next_in_every_language() {
    for language in Language::ALL {
        for outcome in outcomes() {
            let what = format!("{} {}", language.tag(), outcome.code());
            let Ending { title, explanation, next } = catalogue(language).ending(&outcome, &facts());
            for text in [&title, &explanation, &next] {
                assert_sound(text, &what);
            }
            assert_eq!(BTreeSet::from([&title, &explanation, &next]).len(), 3, "{what} repeats itself");
            assert!(
                unmarked(&title).chars().count() <= if language == Language::Ja { 25 } else { 48 },
                "{what}: {title}"
            );
        }
    }
}

#[test]
fn every_screen_has_a_title_in_every_language() {
    for language in Language::ALL {
        for screen in screens() {
            let shown = catalogue(language).screen(&screen, &facts());
            assert_sound(&shown.title, shown.screen);
            assert!(!shown.text.is_empty(), "{}", shown.screen);
            shown
                .text
                .iter()
                .chain(&shown.question)
                .chain(shown.keys.iter().map(|(_, label)| label))
                .for_each(|text| assert_sound(text, shown.screen));
        }
        assert_sound(&catalogue(language).out_of_service().title, "out-of-service");
    }
}

#[test]
fn help_and_warning_over_every_screen_keep_its_keys() {
    for language in Language::ALL {
        let catalogue = catalogue(language);
        for screen in screens() {
            let shown = catalogue.screen(&screen, &facts());
            let help = catalogue.help(&screen, &facts());
            assert_sound(&help.title, shown.screen);
            help.text.iter().for_each(|text| assert_sound(text, shown.screen));
            assert!(help.text.concat().contains("0120-95-0178"), "{}", shown.screen);
            assert_eq!(help.keys, shown.keys, "{}", shown.screen);

            let warning = catalogue.warning(&screen, true, &facts());
            warning.text.iter().for_each(|text| assert_sound(text, shown.screen));
            assert_eq!(warning.keys.first().map(|(key, _)| *key), Some(Key::More), "{}", shown.screen);
            assert_eq!(warning.keys.get(1..), Some(&shown.keys[..]), "{}", shown.screen);
            let last = catalogue.warning(&screen, false, &facts());
            assert_eq!(last.keys, shown.keys, "no key for more time at the last warning");
        }
    }
}

#[test]
fn a_result_without_a_receipt_does_not_ask_for_one() {
    let screen = Screen::Result { outcome: Outcome::Registered, expires_soon: false, receipt: false };
    let shown = catalogue(Language::Ja).screen(&screen, &facts());
    assert_eq!(shown.question, None);
    assert_eq!(shown.keys, [(Key::Confirm, "確認".to_owned())]);
    assert!(shown.text.concat().contains("明細票を印刷できません"), "{:?}", shown.text);
}

#[test]
fn who_left_a_card_hears_whom_to_call_and_operators_read_why_nobody_is_served() {
    let shown = |screen| catalogue(Language::En).screen(&screen, &facts()).text.concat();
    assert!(shown(Screen::Retained).contains("03-0000-0000"));
    let why = Closed::Fault(fault(Device::Terminal, "journal-chain-broken"));
    assert!(shown(Screen::OutOfService { why }).contains("journal-chain-broken"));
}

#[test]
fn all_languages_have_the_same_keys() {
    let keys = |source: &str| -> BTreeSet<String> {
        let mut message = String::new();
        let mut keys = BTreeSet::new();
        for line in source.lines().filter(|line| line.contains('=') && !line.starts_with('#')) {
            let name = line.split('=').next().unwrap_or_default().trim().to_owned();
            if !line.starts_with(' ') {
                message.clone_from(&name);
            }
            keys.insert(format!("{message} {name}"));
        }
        keys
    };
    assert_eq!(keys(JA), keys(EN));
    assert_eq!(keys(TH), keys(EN));
    assert!(keys(JA).len() > 150);
}

#[test]
fn every_code_of_the_machine_is_in_the_table_once() {
    let listed: Vec<&str> = CODES.iter().map(|code| code.code).collect();
    assert_eq!(listed.len(), listed.iter().collect::<BTreeSet<_>>().len(), "a code is listed twice");
    for outcome in outcomes() {
        assert!(code(outcome.code()).is_some(), "{} is not in the table", outcome.code());
    }
    for entry in CODES {
        assert!(entry.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", entry.code);
        assert!(entry.meaning.ends_with('.') && entry.action.ends_with('.'), "{}", entry.code);
    }
}

/// The kebab-case words of more than one part in the string literals of a file, tests left out.
fn kebab_literals(source: &str) -> Vec<String> {
    let product = source.split("#[cfg(test)]").next().unwrap_or_default();
    let is_kebab = |text: &&str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        plain && text.contains('-') && !text.starts_with('-') && !text.ends_with('-')
    };
    let code_lines = product.lines().filter(|line| !line.trim_start().starts_with("//"));
    code_lines
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(is_kebab)
        .map(str::to_owned)
        .collect()
}

fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.contains("test") {
            found.push(path);
        }
    }
}

#[test]
fn every_code_of_card_and_devices_is_in_the_table() {
    // Names of threads, a device's name, how serde writes names.
    const NO_CODES: [&str; 6] =
        ["pcsc-watch", "pcsc-call", "card-unit", "pin-pad", "kebab-case", "serial-printer"];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["devices/card", "devices/pinpad", "devices/printer", "src/jpki"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 10);
    for file in files.iter().filter(|file| !file.components().any(|part| part.as_os_str() == "tests")) {
        for word in kebab_literals(&std::fs::read_to_string(file).unwrap()) {
            let known = code(&word).is_some() || NO_CODES.contains(&word.as_str());
            assert!(known, "{} has {word:?}: a code without an entry in codes.rs?", file.display());
        }
    }
}

#[test]
fn the_pin_screen_says_what_it_is_not_and_how_many_tries_are_left() {
    let tries = |count| TriesLeft::new(count).unwrap();
    let shown = |language, count, wrong_before| {
        catalogue(language)
            .screen(&Screen::EnterPin { tries_left: tries(count), wrong_before }, &facts())
            .text
            .concat()
    };
    let fresh = shown(Language::Ja, 3, false);
    assert!(fresh.contains("あと3回") && fresh.contains("セキュリティコードではありません"), "{fresh}");
    assert!(!fresh.contains("元に戻りません") && !fresh.contains("違います"));
    let second = shown(Language::Ja, 2, true);
    assert!(second.starts_with("パスワードが違います") && second.contains("元に戻りません"), "{second}");
    assert!(shown(Language::En, 1, false).contains("1 try left"));
    assert!(shown(Language::En, 2, false).contains("2 tries left"));
}

#[test]
fn who_types_at_the_reader_reads_where_and_what_was_wrong() {
    let shown = |language, before| {
        let screen = Screen::EnterPinAtReader { tries_left: TriesLeft::new(2).unwrap(), before };
        catalogue(language).screen(&screen, &facts()).text
    };
    let fresh = shown(Language::En, EntryBefore::Nothing);
    assert!(fresh[0].contains("card reader") && fresh.concat().contains("2 tries left"), "{fresh:?}");
    assert!(!fresh.concat().contains("wrong.") && !fresh.concat().contains("not exactly"));
    assert!(shown(Language::En, EntryBefore::Wrong)[0].starts_with("The PIN was wrong"));
    assert!(shown(Language::En, EntryBefore::WrongLength)[0].contains("not exactly 4 digits"));
    let ja = shown(Language::Ja, EntryBefore::WrongLength);
    assert!(
        ja[0].contains("4桁") && ja[1].contains("カードリーダー") && ja.concat().contains("あと2回"),
        "{ja:?}"
    );
    // Typing at the reader does not tell the machine that somebody is there: only its own key gives more time.
    let screen =
        Screen::EnterPinAtReader { tries_left: TriesLeft::new(2).unwrap(), before: EntryBefore::Nothing };
    let warning = catalogue(Language::En).warning(&screen, true, &facts()).text.concat();
    assert!(warning.contains("press More time") && !warning.contains("go on entering"), "{warning}");
    let leave = catalogue(Language::En).screen(&Screen::LeavePad, &facts());
    assert!(leave.text.concat().contains("Cancel key of the card reader") && leave.keys.is_empty());
}

#[test]
fn a_machine_for_tests_says_so_before_consent_and_with_the_result() {
    let result = Screen::Result { outcome: Outcome::Registered, expires_soon: false, receipt: true };
    for screen in [Screen::Menu, Screen::Terms, result] {
        let first = |test| catalogue(Language::Ja).for_tests(test).screen(&screen, &facts()).text.remove(0);
        assert!(first(true).contains("試験用"));
        assert!(!first(false).contains("試験用"));
    }
}

#[test]
fn the_words_of_the_public_guide_are_used() {
    let ja = catalogue(Language::Ja);
    let shown = |screen: Screen| {
        let shown = ja.screen(&screen, &facts());
        let labels = shown.keys.iter().map(|(_, label)| label.clone());
        [shown.title].into_iter().chain(shown.text).chain(shown.question).chain(labels).collect::<String>()
    };
    assert!(shown(Screen::Menu).starts_with("各種お手続き"));
    assert!(shown(Screen::Menu).contains("マイナンバーカードの健康保険証利用の申込み"));
    assert!(shown(Screen::Menu).contains("健康保険証は不要です"));
    let terms = shown(Screen::Terms);
    assert!(
        terms.starts_with("健康保険証利用の申込み") && terms.contains("「確認」を押してください"),
        "{terms}"
    );
    assert!(terms.contains("取消"));
    let insert = shown(Screen::InsertCard);
    assert!(
        insert.starts_with("マイナンバーカードを入れてください") && insert.contains("ビニールから出して")
    );
    let pin = shown(Screen::EnterPin { tries_left: TriesLeft::new(3).unwrap(), wrong_before: false });
    assert!(pin.starts_with("利用者証明用パスワード(4桁)を入力"), "{pin}");
    let done = shown(Screen::Result { outcome: Outcome::Registered, expires_soon: false, receipt: true });
    assert!(
        done.starts_with("申込みが完了しました") && done.ends_with("明細票は必要ですか？必要不要"),
        "{done}"
    );
    assert!(done.contains("受付番号：A-0001"), "{done}");
    assert!(shown(Screen::TakeCard).starts_with("マイナンバーカードをお返しします"));
}

#[test]
fn the_menu_has_the_name_that_the_model_has() {
    let title = |language, menu| catalogue(language).with_menu(menu).screen(&Screen::Menu, &facts()).title;
    assert_eq!(title(Language::Ja, MenuName::Procedures), "各種お手続き");
    assert_eq!(title(Language::Ja, MenuName::MyNumberCard), "マイナンバーカードでの手続き");
    assert_eq!(title(Language::En, MenuName::MyNumberCard), "My Number Card procedures");
    // The key that follows is the same.
    let key = |menu| catalogue(Language::Ja).with_menu(menu).screen(&Screen::Menu, &facts()).keys;
    assert_eq!(key(MenuName::Procedures), key(MenuName::MyNumberCard));
}

#[test]
fn one_screen_serves_the_locked_card_and_the_card_without_pin() {
    let Ending { explanation, next, .. } =
        catalogue(Language::Ja).ending(&Outcome::Refused(Refusal::PinLocked), &facts());
    let ending = Ending { title: String::new(), explanation: unmarked(&explanation), next: unmarked(&next) };
    assert!(ending.explanation.contains("ロック") && ending.explanation.contains("顔認証"));
    assert!(ending.next.contains("顔認証付きカードリーダー") && ending.next.contains("市区町村の窓口"));
    assert!(ending.next.contains("コンビニエンスストア"));
}

#[test]
fn pending_claims_nothing() {
    for (language, registered) in
        [(Language::Ja, "完了しました"), (Language::En, "was accepted"), (Language::Th, "เรียบร้อยแล้ว")]
    {
        let ending = catalogue(language).ending(&Outcome::Pending, &facts());
        let text = unmarked(&[ending.title, ending.explanation, ending.next].concat());
        assert!(!text.contains(registered), "{text}");
        assert!(text.contains("0120-95-0178"), "{text}");
    }
}

#[test]
fn the_notice_of_expiry_is_shown_only_when_due() {
    let shown = |expires_soon| {
        let screen = Screen::Result { outcome: Outcome::Registered, expires_soon, receipt: true };
        catalogue(Language::Ja).screen(&screen, &facts()).text.concat()
    };
    assert!(shown(true).contains("3か月以内"));
    assert!(!shown(false).contains("か月以内"));
}

#[test]
fn where_this_place_cannot_serve_the_two_others_are_named() {
    for (language, reader, portal) in
        [(Language::Ja, "カードリーダー", "マイナポータル"), (Language::En, "card reader", "Mynaportal")]
    {
        let next = catalogue(language).ending(&Outcome::Refused(Refusal::HostUnreachable), &facts()).next;
        let next = unmarked(&next);
        assert!(next.contains(reader) && next.contains(portal), "{next}");
        // The portal may be what is closed.
        let next =
            unmarked(&catalogue(language).ending(&Outcome::Refused(Refusal::HostClosed), &facts()).next);
        assert!(next.contains(reader), "{next}");
    }
}

#[test]
fn who_registers_reads_that_it_may_take_time_and_that_the_insurers_procedure_must_be_finished() {
    let shown = |language, outcome| {
        let screen = Screen::Result { outcome, expires_soon: false, receipt: true };
        catalogue(language).screen(&screen, &facts()).text.concat()
    };
    for outcome in [Outcome::Registered, Outcome::AlreadyRegistered, Outcome::Pending] {
        assert!(shown(Language::Ja, outcome).contains("マイナ保険証で受診いただけないことがあります"));
        assert!(shown(Language::En, outcome).contains("If your insurer has changed"));
    }
    assert!(shown(Language::Ja, Outcome::Registered).contains("少々お時間をいただく場合がございます"));
    let refused = shown(Language::Ja, Outcome::Rejected(Rejection::InsurerBlocked));
    assert!(!refused.contains("マイナ保険証で受診"), "{refused}");
}

#[test]
fn closed_says_until_when_if_that_is_known() {
    let closed = Outcome::Refused(Refusal::HostClosed);
    assert!(catalogue(Language::En).ending(&closed, &facts()).explanation.contains("from REOPENS"));
    let unknown = Facts { reopens: None, ..facts() };
    assert!(!catalogue(Language::Ja).ending(&closed, &unknown).explanation.contains("none"));
}

#[test]
fn an_unknown_text_is_its_key_and_no_panic() {
    assert_eq!(catalogue(Language::Ja).label("receipt-nothing"), "receipt-nothing");
}

#[test]
fn words_that_end_are_marked_on_receipts_and_nowhere_else() {
    let result = Screen::Result { outcome: Outcome::Registered, expires_soon: true, receipt: true };
    for language in Language::ALL {
        let texts = catalogue(language).for_tests(true);
        let shown = [
            texts.help(&result, &facts()),
            texts.warning(&result, true, &facts()),
            texts.card_at_other_reader(),
            texts.out_of_service(),
        ];
        for shown in screens().iter().map(|screen| texts.screen(screen, &facts())).chain(shown) {
            let said = serde_json::to_string(&shown).unwrap();
            assert!(!said.contains([WORD_END, '|']), "{said}");
        }
        assert!(!texts.help_label().contains([WORD_END, '|']));
    }
    let title = |language| catalogue(language).ending(&Outcome::Registered, &facts()).title;
    assert_eq!(title(Language::Th), "ส่ง\u{200b}คำขอ\u{200b}เรียบร้อยแล้ว");
    assert_eq!(title(Language::En), "Application completed");
}

/// Thai shows no ends of words: without a mark, a line would have to be broken by guess.
#[test]
fn no_thai_text_of_a_receipt_runs_on_without_a_mark() {
    const RUN_MAX: usize = 16;
    let texts = catalogue(Language::Th);
    let endings = outcomes().into_iter().flat_map(|outcome| {
        let Ending { title, explanation, next } = texts.ending(&outcome, &facts());
        [title, explanation, next]
    });
    let notices = texts.notices(&Outcome::Registered, true, 3);
    let labels = TH.lines().filter_map(|line| line.strip_prefix("receipt-")?.split_once(" = "));
    let labels = labels.map(|(key, _)| texts.label(&format!("receipt-{key}")));
    for text in endings.chain(notices).chain(labels) {
        for run in text.split([WORD_END, ' ', '(', ')', ':', '\u{a0}']) {
            // Marks above and below take no width.
            let wide = run
                .chars()
                .filter(|c| !matches!(c, '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'));
            let thai = run.chars().any(|c| matches!(c, 'ก'..='๛'));
            assert!(!thai || wide.count() <= RUN_MAX, "{run} in {text}");
        }
    }
}
