//! Devices on serial lines, and what receipts are: what is taken, and what is refused with which reason.

use super::*;

const LONGER: &str = "card_open_ms_max = 20000\ncard_read_ms_max = 20000\nverify_ms_max = 20000\n\
                      sign_ms_max = 20000\nmake_safe_ms_max = 20000\n";
const UNIT: &str = "kind = \"omron-3s4yr\"\nport = \"/dev/tty0\"\n";
const PAD: &str = "kind = \"serial\"\nport = \"/dev/tty1\"\n";
const FINGERPRINT: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0";
const PRINTER: &str = "kind = \"serial\"\nport = \"/dev/tty2\"\n";

/// The example with a table's contents in the place of its own, and more limits.
fn with_table(table: &str, contents: &str, limits: &str) -> Result<Config, ConfigError> {
    with_tables(&[(table, contents)], limits)
}

fn with_tables(tables: &[(&str, &str)], limits: &str) -> Result<Config, ConfigError> {
    let mut text = EXAMPLE.replace("pin_ms_max = 60000", &format!("pin_ms_max = 60000\n{limits}"));
    for (table, contents) in tables {
        let head = format!("\n[{table}]\n");
        let (before, rest) = text.split_once(&head).unwrap();
        let after = rest.find("\n[").unwrap();
        text = format!("{before}{head}{contents}{}", &rest[after..]);
    }
    parse(&text)
}

fn pad(more: &str) -> Result<Config, ConfigError> {
    with_table("pin_pad", &format!("{PAD}{more}\n"), "")
}

fn on_a_bench(more: &str) -> Result<Config, ConfigError> {
    let text = EXAMPLE.replace("bench_only = false", "bench_only = true");
    parse(&text.replace("kind = \"console\"", &format!("{PAD}{more}")))
}

#[test]
fn a_unit_on_a_line_wants_the_time_for_an_answer_that_was_lost_once() {
    let config = with_table("card_unit", UNIT, LONGER).unwrap();
    let CardUnit::Omron { port, baud, parity, after_power_failure } = &config.card_unit else {
        panic!("the unit was configured")
    };
    assert_eq!((port.as_path(), *baud), (Path::new("/dev/tty0"), 9_600));
    assert_eq!((*parity, *after_power_failure), (Parity::Even, AfterPowerFailure::Hold));
    for name in ["card_open_ms_max", "card_read_ms_max", "verify_ms_max", "sign_ms_max", "make_safe_ms_max"] {
        let limits = LONGER.replace(&format!("{name} = 20000"), &format!("{name} = 19999"));
        let keys = refused_keys(with_table("card_unit", UNIT, &limits));
        let longer_than_the_reading = name == "card_read_ms_max";
        assert_eq!(keys.len(), if longer_than_the_reading { 2 } else { 1 }, "{keys:?}");
        assert!(keys.contains(&format!("limits.{name}")), "{keys:?}");
    }
    let fast = with_table("card_unit", &format!("{UNIT}baud = 38400\n"), LONGER);
    assert_eq!(refused_keys(fast), ["card_unit.baud"]);
}

#[test]
fn a_unit_with_a_bin_may_keep_cards() {
    let retain = ("closed", "[retain]\nafter_reminders = 3\ncall = \"03-0000-0000\"\n");
    let short = with_tables(&[("card_unit", UNIT), retain], LONGER);
    assert_eq!(refused_keys(short), ["limits.retain_ms_max"]);
    let limits = format!("{LONGER}retain_ms_max = 20000\n");
    let config = with_tables(&[("card_unit", UNIT), retain], &limits).unwrap();
    assert_eq!(config.retain.map(|retain| retain.after_reminders), Some(3));
}

#[test]
fn a_pad_that_encrypts_is_known_by_its_fingerprint() {
    let with_colons =
        format!("framing = \"reference\"\nidentity = \"{}:{}\"", &FINGERPRINT[..2], &FINGERPRINT[2..]);
    assert!(pad(&with_colons).unwrap().warnings().is_empty());
    assert_eq!(refused_keys(pad("framing = \"reference\"")), ["pin_pad.identity"]);
    let short = format!("framing = \"reference\"\nidentity = \"{}\"", &FINGERPRINT[1..]);
    assert_eq!(refused_keys(pad(&short)), ["pin_pad.identity"]);
    let prompt = format!("framing = \"reference\"\nidentity = \"{FINGERPRINT}\"\nprompt = \"01\"");
    assert_eq!(refused_keys(pad(&prompt)), ["pin_pad.prompt"]);
    let slow = format!("framing = \"reference\"\nidentity = \"{FINGERPRINT}\"\nbaud = 300");
    assert_eq!(refused_keys(pad(&slow)), ["pin_pad.baud"]);
}

#[test]
fn a_pad_in_clear_is_for_a_bench_and_says_so_there() {
    for framing in ["framing = \"clear\"", "framing = \"uic-pp791\"\nprompt = \"01\""] {
        assert_eq!(refused_keys(pad(framing)), ["pin_pad.framing"]);
        let warnings = on_a_bench(framing).unwrap().warnings();
        let warned = warnings.iter().find(|warning| warning.key == "pin_pad.framing").unwrap();
        assert!(warned.reason.contains("reads the PIN"), "{warned:?}");
    }
    let identity = format!("framing = \"clear\"\nidentity = \"{FINGERPRINT}\"");
    assert_eq!(refused_keys(on_a_bench(&identity)), ["pin_pad.identity"]);
    assert_eq!(refused_keys(on_a_bench("framing = \"uic-pp791\"")), ["pin_pad.prompt"]);
    let long = "framing = \"uic-pp791\"\nprompt = \"0123456789abcdefg\"";
    assert_eq!(refused_keys(on_a_bench(long)), ["pin_pad.prompt"]);
}

#[test]
fn only_a_reader_has_a_pad_of_its_own() {
    assert!(with_table("pin_pad", "kind = \"reader\"\n", "").is_ok());
    let unit = [("card_unit", UNIT), ("pin_pad", "kind = \"reader\"\n")];
    assert_eq!(refused_keys(with_tables(&unit, LONGER)), ["pin_pad.kind"]);
}

#[test]
fn a_printer_on_a_line_has_a_profile() {
    let refused = |profile: &str| {
        with_table("printer", &format!("{PRINTER}profile = \"{profile}\"\n"), "").unwrap_err().to_string()
    };
    let missing = refused("own.toml");
    assert!(missing.contains("/etc/myna-atm/own.toml"), "a file lies beside the configuration: {missing}");
    assert!(refused("generic-90").contains("generic-80"), "those that there are");
    let config =
        with_table("printer", &format!("{PRINTER}profile = \"generic-80\"\nflow = \"xon-xoff\"\n"), "");
    let Printer::Serial { profile, flow, .. } = config.unwrap().printer else {
        panic!("a printer on a line")
    };
    assert_eq!((profile.as_str(), flow), ("generic-80", Some(Flow::XonXoff)));
    let none = with_table("printer", &format!("{PRINTER}profile = \"\"\n"), "");
    assert_eq!(refused_keys(none), ["printer.profile"]);
    let odd = with_table("printer", &format!("{PRINTER}profile = \"generic-80\"\nbaud = 9601\n"), "");
    assert_eq!(refused_keys(odd), ["printer.baud"]);
}

#[test]
fn a_port_has_one_device() {
    let printer = PRINTER.replace("tty2", "tty0") + "profile = \"generic-80\"\n";
    let both = with_tables(&[("card_unit", UNIT), ("printer", &printer)], LONGER);
    assert_eq!(refused_keys(both), ["printer.port"]);
    let printer = PRINTER.replace("/dev/tty2", "/dev/../dev/null") + "profile = \"generic-80\"\n";
    let unit = UNIT.replace("/dev/tty0", "/dev/null");
    let by_two_names = with_tables(&[("card_unit", &unit), ("printer", &printer)], LONGER);
    assert_eq!(refused_keys(by_two_names), ["printer.port"]);
}

#[test]
fn the_address_on_a_receipt_is_a_public_page_or_none() {
    assert_eq!(with_table("receipt", "status_page = \"\"\n", "").unwrap().receipt.status_page, "");
    for page in ["http://myna.go.jp/", "https://bank.example/?who=1"] {
        let refused = with_table("receipt", &format!("status_page = \"{page}\"\n"), "");
        assert_eq!(refused_keys(refused), ["receipt.status_page"]);
    }
    let large = with_table("receipt", "size = \"large\"\n", "").unwrap();
    assert_eq!(large.receipt.size, ReceiptSize::Large);
}

#[test]
fn other_readers_are_others() {
    let with_others =
        |others: &str| {
            let named = EXAMPLE.replace("kind = \"pcsc\"", "kind = \"pcsc\"\nreader = \"Slot 00 00\"");
            parse(&named.replace(
                "menu = \"procedures\"",
                &format!("menu = \"procedures\"\nother_readers = {others}"),
            ))
        };
    let config = with_others("[\"Field 01 00\", \"Back 00 00\"]").unwrap();
    assert_eq!(config.other_readers.len(), 2);
    assert!(config.warnings().is_empty());
    assert_eq!(refused_keys(with_others("[\"Slot 00 00\"]")), ["other_readers[0]"]);
    assert_eq!(refused_keys(with_others("[\"A\", \"A\"]")), ["other_readers[1]"]);
    assert_eq!(refused_keys(with_others("[\"A\", \" \"]")), ["other_readers[1]"]);
    for other in ["Slot 00", "Slot 00 00 01"] {
        assert_eq!(refused_keys(with_others(&format!("[\"{other}\"]"))), ["other_readers[0]"], "{other}");
    }
    let unnamed =
        EXAMPLE.replace("menu = \"procedures\"", "menu = \"procedures\"\nother_readers = [\"Field 01 00\"]");
    assert_eq!(refused_keys(parse(&unnamed)), ["card_unit.reader"]);
}
