//! The configuration: what is taken, and what is refused with which reason.

use proptest::prelude::*;

use super::*;

mod devices;

const EXAMPLE: &str = include_str!("../../../docs/example-myna-atm.toml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("myna-atm.toml"), Path::new("/etc/myna-atm"))
}

/// The example with one line's text replaced.
fn with(old: &str, new: &str) -> Result<Config, ConfigError> {
    assert_eq!(EXAMPLE.matches(old).count(), 1, "{old:?} must be in the example exactly once");
    parse(&EXAMPLE.replace(old, new))
}

fn refused_keys(result: Result<Config, ConfigError>) -> Vec<String> {
    match result {
        Err(ConfigError::Refused { problems, .. }) => {
            problems.into_iter().map(|problem| problem.key).collect()
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" | ")
}

#[test]
fn the_example_in_the_docs_is_a_configuration() {
    let config = parse(EXAMPLE).unwrap();
    assert_eq!(config.terminal_id, "T0001");
    assert_eq!(config.host.url.authority(), "registration.example.jp:8443");
    assert_eq!(config.host.ca, Path::new("/etc/myna-atm/trust/host-ca.pem"));
    assert_eq!(config.journal_path(), Path::new("/var/lib/myna-atm/journal.db"));
    assert_eq!(config.place_name(Language::En), "Bayside branch, ATM 1");
    assert_eq!(config.closed.monthly.len(), 1);
    assert!(config.warnings().is_empty());
}

#[test]
fn the_defaults_in_the_example_are_the_defaults() {
    let config = parse(EXAMPLE).unwrap();
    assert_eq!(config.limits, Limits::default());
    let Helpline { number, menu, hours, hours_en } = Helpline::default();
    assert_eq!([number, menu, hours, hours_en], {
        let Helpline { number, menu, hours, hours_en } = config.helpline;
        [number, menu, hours, hours_en]
    });
}

#[test]
fn the_visit_has_the_same_defaults() {
    assert_eq!(Limits::default().of_visit(), transaction::Limits::DEFAULT);
}

#[test]
fn a_certificate_ends_soon_within_three_months_of_the_calendar() {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let now = at("2026-11-21T18:00:00+09:00");
    let limits = Limits::default();
    for (not_after, soon) in [
        ("2026-11-21T17:59:59+09:00", false),
        ("2026-11-21T18:00:00+09:00", true),
        ("2027-02-21T18:00:00+09:00", true),
        ("2027-02-21T18:00:01+09:00", false),
    ] {
        assert_eq!(limits.ends_soon(now, at(not_after)), soon, "{not_after}");
    }
}

#[test]
fn what_is_shown_reads_back_as_the_same() {
    let shown = parse(EXAMPLE).unwrap().to_toml().unwrap();
    let again = parse(&shown).unwrap().to_toml().unwrap();
    assert_eq!(shown, again);
    for limit in Limits::TABLE {
        assert!(shown.contains(&format!("{} = ", limit.name)), "{} is shown with its value", limit.name);
    }
}

#[test]
fn an_unknown_key_is_refused_with_its_line() {
    for (old, new) in [
        ("bench_only = false", "bench = false"),
        ("paper_mm = 80", "paper = 80"),
        ("kind = \"console\"", "kind = \"console\"\nsecret = 1"),
        ("pin_ms_max = 60000", "pin_ms = 60000"),
    ] {
        let error = with(old, new).unwrap_err();
        assert!(matches!(error, ConfigError::Syntax { .. }), "{new}: {error:?}");
        let text = chain(&error);
        assert!(text.contains("unknown") && text.contains("line"), "{text}");
    }
}

#[test]
fn what_cannot_work_is_refused_with_its_key() {
    let cases = [
        ("terminal_id = \"T0001\"", "terminal_id = \"t1\"", "terminal_id"),
        ("name = \"ベイサイド店 1号機\"", "name = \" \"", "place.name"),
        ("number = \"0120-95-0178\"", "number = \"call us\"", "helpline.number"),
        ("paper_mm = 80", "paper_mm = 210", "printer.paper_mm"),
        ("receipts_max = 10000", "receipts_max = 0", "printer.receipts_max"),
        ("key = \"keys/log.key.pem\"", "key = \"keys/tls.key.pem\"", "keys.log.key"),
        ("card_anchors = \"trust/jpki\"", "", "trust"),
        ("pin_ms_max = 60000", "pin_ms_max = 1000000", "limits.pin_ms_max"),
        ("pin_ms_max = 60000", "pin_ms_max = 20000", "limits.pin_ms_max"),
        ("pin_ms_max = 60000", "notice_ms_max = 20000", "limits.notice_ms_max"),
        ("pin_ms_max = 60000", "time_warning_ms = 19999", "limits.time_warning_ms"),
        ("pin_ms_max = 60000", "time_extensions_max = 9", "limits.time_extensions_max"),
        ("pin_ms_max = 60000", "outbox_pause_ms_max = 59999", "limits.outbox_pause_ms_max"),
        ("[closed]", "[retain]\nafter_reminders = 3\ncall = \"03-0000-0000\"\n[closed]", "retain"),
        ("language = \"ja\"", "language = \"ja\"\nlanguages = [\"en\", \"en\"]", "languages"),
        ("host_decision_ms_max = 30000", "host_decision_ms_max = 4000", "limits.host_connect_ms_max"),
        ("host_decision_ms_max = 30000", "resend_pause_ms = 40000", "limits.resend_pause_ms"),
        ("week = 3", "week = 5", "closed.monthly[0].week"),
        ("to = \"01-04 08:00\"", "to = \"12-28 21:00\"", "closed.yearly[0]"),
    ];
    for (old, new, key) in cases {
        assert_eq!(refused_keys(with(old, new)), [key], "{new}");
    }
}

/// Fifteen minutes for a PIN, and a reader that waits half a minute: the visit stopped before the customer's time was over.
#[test]
fn a_reader_is_asked_as_often_as_the_longest_time_for_a_pin_needs() {
    let (ms_max, default) = (900_000, Limits::default());
    let limits = Limits { pin_ms_max: ms_max, ..default };
    assert!(u32::from(limits.pad_entries() - 1) * 30_000 > 2 * ms_max);
    let warned = Limits { pin_ms_max: 5_000, time_warning_ms: 120_000, pad_entries_max: 2, ..default };
    assert!(u32::from(warned.pad_entries() - 1) * 30_000 > 2 * 120_000);
    assert_eq!(u32::from(default.pad_entries()), default.pad_entries_max);
    assert_eq!(Limits { pad_entries_max: 200, ..default }.pad_entries(), 200);
}

#[test]
fn all_reasons_come_at_once() {
    let text = EXAMPLE.replace("\"T0001\"", "\"\"").replace("paper_mm = 80", "paper_mm = 1");
    let error = parse(&text).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("terminal_id") && text.contains("printer.paper_mm"), "{text}");
}

#[test]
fn less_time_than_people_need_is_for_benches() {
    let short = "pin_ms_max = 5000\ntime_warning_ms = 1000\ntime_extensions_max = 0";
    let text = EXAMPLE.replace("pin_ms_max = 60000", short);
    let both = ["limits.time_warning_ms", "limits.time_extensions_max"];
    assert_eq!(refused_keys(parse(&text)), both);
    assert!(parse(&text.replace("bench_only = false", "bench_only = true")).is_ok());
}

#[test]
fn a_socket_as_pin_pad_needs_a_bench() {
    let pad = "kind = \"socket\"\npath = \"pad.sock\"";
    assert_eq!(refused_keys(with("kind = \"console\"", pad)), ["pin_pad.kind"]);
    let text = EXAMPLE.replace("kind = \"console\"", pad).replace("bench_only = false", "bench_only = true");
    let config = parse(&text).unwrap();
    let PinPad::Socket { path } = &config.pin_pad else { panic!("the socket was configured") };
    assert_eq!(path, Path::new("/etc/myna-atm/pad.sock"));
    assert_eq!(config.warnings().first().map(|warning| warning.key.as_str()), Some("bench_only"));
}

#[test]
fn test_roots_without_leave_are_a_warning() {
    let config = with("card_anchors = \"trust/jpki\"", "card_anchors_test = \"trust/test\"").unwrap();
    assert_eq!(config.warnings().len(), 1);
    assert!(config.warnings()[0].reason.contains("every card is refused"));
}

#[test]
fn a_host_is_a_name_and_a_port_over_tls() {
    let good = [
        ("https://localhost:8443", "localhost", 8443),
        ("https://localhost:8443/", "localhost", 8443),
        ("https://host.example.jp", "host.example.jp", 443),
        ("https://127.0.0.1:1", "127.0.0.1", 1),
        ("https://[::1]:443", "::1", 443),
        ("https://[::1]", "::1", 443),
    ];
    for (text, name, port) in good {
        let url = HostUrl::try_from(text.to_owned()).unwrap();
        assert_eq!((url.name(), url.port()), (name, port), "{text}");
        assert_eq!(HostUrl::try_from(url.to_string()).unwrap(), url);
    }
    let bad = [
        ("http://localhost", UrlRefused::NotHttps),
        ("localhost:1", UrlRefused::NotHttps),
        ("https://user:secret@localhost", UrlRefused::UserInfo),
        ("https://localhost/v1", UrlRefused::Path),
        ("https://localhost?x", UrlRefused::Path),
        ("https://localhost:0", UrlRefused::Port),
        ("https://localhost:65536", UrlRefused::Port),
        ("https://localhost:", UrlRefused::Port),
        ("https://localhost:+1", UrlRefused::Port),
        ("https://", UrlRefused::Name),
        ("https://[::1", UrlRefused::Name),
        ("https://[localhost]", UrlRefused::Name),
        ("https://ho st", UrlRefused::Name),
    ];
    for (text, why) in bad {
        assert_eq!(HostUrl::try_from(text.to_owned()), Err(why), "{text}");
    }
}

#[test]
fn a_url_with_a_password_is_never_shown() {
    let error = with("https://registration", "https://bank:hunter2@registration").unwrap_err();
    assert!(error.to_string().contains("is not a configuration"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.toml");
    let error = Config::load(&missing).unwrap_err();
    assert!(matches!(&error, ConfigError::Read { path, .. } if *path == missing));
    let long = folder.path().join("long.toml");
    std::fs::write(&long, "#".repeat(70_000)).unwrap();
    assert!(matches!(Config::load(&long).unwrap_err(), ConfigError::TooLong { .. }));
}

#[test]
fn paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("atm.toml");
    std::fs::write(&file, EXAMPLE).unwrap();
    let config = Config::load(&file).unwrap();
    assert_eq!(config.keys.log.key, folder.path().join("keys/log.key.pem"));
    assert_eq!(config.state_dir, Path::new("/var/lib/myna-atm"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = parse(&text);
        let _ = HostUrl::try_from(text.clone());
        let _ = DayTime::try_from(text.clone());
        let _ = YearDay::try_from(text);
    }

    #[test]
    fn no_changed_example_makes_it_panic(at in 0..EXAMPLE.len(), byte in any::<u8>()) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        bytes[at] = byte;
        if let Ok(text) = String::from_utf8(bytes) {
            let _ = parse(&text);
        }
    }

    #[test]
    fn no_calendar_makes_it_panic(now in -377_705_023_201i64..253_402_207_200, week in any::<i8>()) {
        let mut closed = parse(EXAMPLE).unwrap().closed;
        closed.monthly[0].week = week;
        let _ = closed.reopens(jiff::Timestamp::from_second(now).unwrap());
    }
}
