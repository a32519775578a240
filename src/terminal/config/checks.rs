//! What a configuration must satisfy beyond its types: each check says why, so that the file can be put right.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{Config, Problem, limits};

mod devices;

const PLACE_CHARACTERS_MAX: usize = 40;

/// Everything that keeps the configuration from working. Empty: it can.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    names(config, &mut found);
    devices::problems(config, &mut found);
    keys(config, &mut found);
    found.extend(limits::out_of_range(&config.limits));
    relations(config, &mut found);
    customers_time(config, &mut found);
    closures(config, &mut found);
    found
}

/// What works, but probably not as meant.
pub(super) fn warnings(config: &Config) -> Vec<Problem> {
    let mut found = Vec::new();
    let trust = &config.trust;
    if config.allow_test_roots {
        refuse(&mut found, "allow_test_roots", "cards under test roots are accepted: not for the field");
    }
    if config.bench_only {
        refuse(&mut found, "bench_only", "this machine is a bench: not for the field");
    }
    if config.allow_test_roots && trust.card_anchors_test.is_none() {
        refuse(&mut found, "trust.card_anchors_test", "test roots are allowed, but none are named");
    }
    if !config.allow_test_roots && trust.card_anchors.is_none() {
        refuse(
            &mut found,
            "trust.card_anchors",
            "only test roots are named and they are not allowed: every card is refused",
        );
    }
    devices::warnings(config, &mut found);
    found
}

fn refuse(found: &mut Vec<Problem>, key: &str, reason: impl Into<String>) {
    found.push(Problem { key: key.to_owned(), reason: reason.into() });
}

fn names(config: &Config, found: &mut Vec<Problem>) {
    let id = config.terminal_id.as_bytes();
    let id_character = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'-';
    if !(1..=32).contains(&id.len()) || !id.iter().all(id_character) {
        refuse(
            found,
            "terminal_id",
            "1 to 32 of A-Z, 0-9 and '-', as in the subject of the terminal's certificates",
        );
    }
    let names = [("place.name", Some(&config.place.name)), ("place.name_en", config.place.name_en.as_ref())];
    for (key, name) in names.into_iter().filter_map(|(key, name)| Some((key, name?))) {
        if !printable(name) || !(1..=PLACE_CHARACTERS_MAX).contains(&name.chars().count()) {
            refuse(
                found,
                key,
                format!("1 to {PLACE_CHARACTERS_MAX} printable characters, so that the receipt can show it"),
            );
        }
    }
    let languages = &config.languages;
    if languages
        .iter()
        .enumerate()
        .any(|(at, language)| languages.iter().skip(at + 1).any(|other| other == language))
    {
        refuse(found, "languages", "a language is named twice");
    }
    let helpline = &config.helpline;
    let number_character = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    if !(3..=20).contains(&helpline.number.len()) || !helpline.number.bytes().all(number_character) {
        refuse(found, "helpline.number", "3 to 20 digits and hyphens");
    }
    if helpline.menu.len() > 2
        || !helpline.menu.bytes().all(|byte| byte.is_ascii_digit() || b"*#".contains(&byte))
    {
        refuse(found, "helpline.menu", "one or two telephone keys, or empty when there is no menu");
    }
    for (key, hours) in [("helpline.hours", &helpline.hours), ("helpline.hours_en", &helpline.hours_en)] {
        if !printable(hours) || !(1..=100).contains(&hours.chars().count()) {
            refuse(found, key, "1 to 100 printable characters");
        }
    }
}

fn printable(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

fn keys(config: &Config, found: &mut Vec<Problem>) {
    let keys = [
        ("keys.tls", &config.keys.tls),
        ("keys.evidence", &config.keys.evidence),
        ("keys.log", &config.keys.log),
    ];
    let mut seen: BTreeSet<&PathBuf> = BTreeSet::new();
    for (name, files) in keys {
        for (part, path) in [("certificate", &files.certificate), ("key", &files.key)] {
            if !seen.insert(path) {
                let reason =
                    "the same file is named twice: each purpose has a key and a certificate of its own";
                refuse(found, &format!("{name}.{part}"), reason);
            }
        }
    }
    if config.trust.card_anchors.is_none() && config.trust.card_anchors_test.is_none() {
        refuse(
            found,
            "trust",
            "card_anchors or card_anchors_test must be named: without roots every card is refused",
        );
    }
}

fn relations(config: &Config, found: &mut Vec<Problem>) {
    let limits = &config.limits;
    let mut at_most = |small: (&str, u32), large: (&str, u32), reason: &str| {
        if small.1 > large.1 {
            let reason = format!("{} is more than {} ({}): {reason}", small.1, large.0, large.1);
            refuse(found, &format!("limits.{}", small.0), reason);
        }
    };
    at_most(
        ("card_open_ms_max", limits.card_open_ms_max),
        ("card_read_ms_max", limits.card_read_ms_max),
        "opening the session is part of reading",
    );
    at_most(
        ("host_connect_ms_max", limits.host_connect_ms_max),
        ("challenge_ms_max", limits.challenge_ms_max),
        "connecting is part of asking for the challenge",
    );
    at_most(
        ("host_connect_ms_max", limits.host_connect_ms_max),
        ("host_decision_ms_max", limits.host_decision_ms_max),
        "no request could arrive before the customer is told that it is pending",
    );
    at_most(
        ("host_connect_ms_max", limits.host_connect_ms_max),
        ("host_answer_ms_max", limits.host_answer_ms_max),
        "connecting is part of the exchange",
    );
    at_most(
        ("resend_pause_ms", limits.resend_pause_ms),
        ("host_decision_ms_max", limits.host_decision_ms_max),
        "a lost request could not be sent again while the customer waits",
    );
}

/// WCAG 2.2, success criterion 2.2.1: warned at least 20 seconds before the end, and extended at least ten times.
fn customers_time(config: &Config, found: &mut Vec<Problem>) {
    let limits = &config.limits;
    let waits = [
        ("terms_ms_max", limits.terms_ms_max),
        ("insert_card_ms_max", limits.insert_card_ms_max),
        ("last_try_ms_max", limits.last_try_ms_max),
        ("pin_ms_max", limits.pin_ms_max),
        ("receipt_choice_ms_max", limits.receipt_choice_ms_max),
        ("notice_ms_max", limits.notice_ms_max),
    ];
    for (name, value) in waits.into_iter().filter(|(_, value)| *value <= limits.time_warning_ms) {
        let reason = format!(
            "{value} is not more than time_warning_ms ({}): the customer would be warned before there was time to act",
            limits.time_warning_ms
        );
        refuse(found, &format!("limits.{name}"), reason);
    }
    if !config.bench_only {
        if limits.time_warning_ms < 20_000 {
            let reason = "less than 20 seconds to ask for more time are allowed on a bench only (WCAG 2.2.1)";
            refuse(found, "limits.time_warning_ms", reason);
        }
        if limits.time_extensions_max < 10 {
            let reason = "fewer than 10 extensions are allowed on a bench only (WCAG 2.2.1)";
            refuse(found, "limits.time_extensions_max", reason);
        }
    }
    if limits.outbox_pause_ms > limits.outbox_pause_ms_max {
        refuse(found, "limits.outbox_pause_ms_max", "the longest pause is shorter than the shortest");
    }
}

fn closures(config: &Config, found: &mut Vec<Problem>) {
    for (index, closure) in config.closed.monthly.iter().enumerate() {
        if !(1..=4).contains(&closure.week) {
            refuse(
                found,
                &format!("closed.monthly[{index}].week"),
                "1 to 4: a fifth week is not in every month",
            );
        }
    }
    for (index, closure) in config.closed.yearly.iter().enumerate() {
        if closure.from == closure.to {
            refuse(
                found,
                &format!("closed.yearly[{index}]"),
                "it ends when it begins: a whole year is no closure",
            );
        }
    }
}
