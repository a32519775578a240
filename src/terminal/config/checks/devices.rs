//! What a configuration of devices must satisfy.

use std::collections::BTreeMap;

use devices::printer::{Profile, StatusPage};

use super::{printable, refuse};
use crate::config::devices::ports;
use crate::config::{CardUnit, Config, PadFraming, PinPad, Printer, Problem};
use crate::queue::chain;

/// Widths of receipt paper that the layout is made for, in mm.
const PAPER_MM: [u32; 2] = [58, 80];

/// The kernel's limit for the path of a Unix socket, its closing zero included.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Speeds that the card unit finds out by itself, in bits a second.
const UNIT_BAUDS: [u32; 5] = [1_200, 2_400, 4_800, 9_600, 19_200];

/// Speeds that a port of a pad or a printer may have, in bits a second.
const BAUDS: [u32; 9] = [1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200, 230_400];

/// A card unit on a serial line that lost one answer needs so long to give it, in milliseconds: 5.1 s until a command is
/// acknowledged, 14 s until its answer begins.
const UNIT_ANSWER_MS: u32 = 20_000;

/// SHA-256, in hex.
const FINGERPRINT_DIGITS: usize = 64;

/// What a PP791 shows.
const PROMPT_CHARACTERS_MAX: usize = 16;

/// The length of a reader's name in PC/SC, in bytes.
const READER_NAME_BYTES_MAX: usize = 127;

pub(super) fn problems(config: &Config, found: &mut Vec<Problem>) {
    card_unit(config, found);
    pin_pad(config, found);
    printer(config, found);
    receipt(config, found);
    retain(config, found);
    one_user_a_port(config, found);
    other_readers(config, found);
}

pub(super) fn warnings(config: &Config, found: &mut Vec<Problem>) {
    if let PinPad::Serial { framing, .. } = &config.pin_pad
        && framing.is_clear()
    {
        let reason = format!("{}: whoever listens at the pad's line reads the PIN", framing.word());
        refuse(found, "pin_pad.framing", reason);
    }
}

fn card_unit(config: &Config, found: &mut Vec<Problem>) {
    match &config.card_unit {
        CardUnit::Pcsc { .. } => {}
        CardUnit::Omron { baud, .. } => {
            if !UNIT_BAUDS.contains(baud) {
                refuse(
                    found,
                    "card_unit.baud",
                    format!("{baud} is not a speed of this unit: {}", listed(&UNIT_BAUDS)),
                );
            }
            let limits = &config.limits;
            let mut waits = vec![
                ("card_open_ms_max", limits.card_open_ms_max),
                ("card_read_ms_max", limits.card_read_ms_max),
                ("verify_ms_max", limits.verify_ms_max),
                ("sign_ms_max", limits.sign_ms_max),
                ("make_safe_ms_max", limits.make_safe_ms_max),
            ];
            if config.retain.is_some() {
                waits.push(("retain_ms_max", limits.retain_ms_max));
            }
            for (name, value) in waits.into_iter().filter(|(_, value)| *value < UNIT_ANSWER_MS) {
                let reason = format!(
                    "{value} is less than the {UNIT_ANSWER_MS} that a unit on a serial line may need for an answer that was lost once"
                );
                refuse(found, &format!("limits.{name}"), reason);
            }
        }
    }
}

fn pin_pad(config: &Config, found: &mut Vec<Problem>) {
    match &config.pin_pad {
        PinPad::Console {} => {}
        PinPad::Reader {} => {
            if !matches!(config.card_unit, CardUnit::Pcsc { .. }) {
                refuse(found, "pin_pad.kind", "only a PC/SC reader has a pad of its own");
            }
        }
        PinPad::Socket { path } => {
            if !config.bench_only {
                let reason = "a socket as PIN pad needs bench_only = true: the digits pass through buffers that we cannot wipe";
                refuse(found, "pin_pad.kind", reason);
            }
            if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
                let reason = format!("the path of a socket may have {SOCKET_PATH_BYTES_MAX} bytes at most");
                refuse(found, "pin_pad.path", reason);
            }
        }
        PinPad::Serial { baud, framing, identity, prompt, .. } => {
            speed("pin_pad.baud", *baud, found);
            if framing.is_clear() && !config.bench_only {
                let reason =
                    format!("{} needs bench_only = true: the line carries the PIN in clear", framing.word());
                refuse(found, "pin_pad.framing", reason);
            }
            identity_fits(*framing, identity.as_deref(), found);
            prompt_fits(*framing, prompt.as_deref(), found);
        }
    }
}

fn identity_fits(framing: PadFraming, identity: Option<&str>, found: &mut Vec<Problem>) {
    let key = "pin_pad.identity";
    match (framing, identity) {
        (PadFraming::Reference, Some(identity)) => {
            let digits = identity.chars().filter(|sign| !matches!(sign, ':' | ' '));
            if digits.clone().count() != FINGERPRINT_DIGITS
                || !digits.clone().all(|sign| sign.is_ascii_hexdigit())
            {
                let reason = "a pad's fingerprint is 64 hex digits, colons and spaces allowed";
                refuse(found, key, reason);
            }
        }
        (PadFraming::Reference, None) => {
            refuse(found, key, "missing: the fingerprint of the pad\'s public key, 64 hex digits");
        }
        (PadFraming::Clear | PadFraming::UicPp791, Some(_)) => {
            refuse(found, key, "only framing = \"reference\" can prove who the pad is: take it out");
        }
        (PadFraming::Clear | PadFraming::UicPp791, None) => {}
    }
}

fn prompt_fits(framing: PadFraming, prompt: Option<&str>, found: &mut Vec<Problem>) {
    let key = "pin_pad.prompt";
    match (framing, prompt) {
        (PadFraming::UicPp791, Some(prompt)) => {
            let printable = prompt.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
            if !printable || !(1..=PROMPT_CHARACTERS_MAX).contains(&prompt.len()) {
                refuse(found, key, format!("1 to {PROMPT_CHARACTERS_MAX} printable ASCII characters"));
            }
        }
        (PadFraming::UicPp791, None) => {
            refuse(found, key, "missing: the id of a prompt that the pad\'s maker authenticated");
        }
        (PadFraming::Reference | PadFraming::Clear, Some(_)) => {
            refuse(found, key, "only framing = \"uic-pp791\" has prompts: take it out");
        }
        (PadFraming::Reference | PadFraming::Clear, None) => {}
    }
}

fn printer(config: &Config, found: &mut Vec<Problem>) {
    match &config.printer {
        Printer::File { paper_mm, receipts_max, .. } => {
            if !PAPER_MM.contains(paper_mm) {
                let reason = format!("{paper_mm} mm is no width of receipt paper: 58 or 80");
                refuse(found, "printer.paper_mm", reason);
            }
            if *receipts_max == 0 {
                refuse(found, "printer.receipts_max", "no receipt could ever be printed");
            }
        }
        Printer::Serial { profile, baud, .. } => {
            if let Some(baud) = baud {
                speed("printer.baud", *baud, found);
            }
            if let Err(fault) = Profile::load(profile) {
                refuse(found, "printer.profile", chain(&fault));
            }
        }
    }
}

fn receipt(config: &Config, found: &mut Vec<Problem>) {
    let page = &config.receipt.status_page;
    // The label is the catalogue's; here the address alone is looked at.
    if !page.is_empty()
        && let Err(error) = StatusPage::new("page", page)
    {
        refuse(found, "receipt.status_page", error.to_string());
    }
}

fn retain(config: &Config, found: &mut Vec<Problem>) {
    let Some(retain) = &config.retain else { return };
    if !(1..=20).contains(&retain.after_reminders) {
        refuse(found, "retain.after_reminders", "1 to 20: without a reminder no card is kept");
    }
    if !printable(&retain.call) || !(3..=60).contains(&retain.call.chars().count()) {
        refuse(found, "retain.call", "3 to 60 printable characters, so that the screen can say whom to call");
    }
    match &config.card_unit {
        CardUnit::Pcsc { .. } => {
            let reason = "a reader behind pcscd holds no card back: it cannot keep one";
            refuse(found, "retain", reason);
        }
        CardUnit::Omron { .. } => {}
    }
}

fn one_user_a_port(config: &Config, found: &mut Vec<Problem>) {
    let mut users = BTreeMap::new();
    for (key, port) in ports(&config.card_unit, &config.pin_pad, &config.printer) {
        // A port has several names: below `by-path`, below `by-id`, and its own.
        let own_name = port.canonicalize().unwrap_or_else(|_| port.clone());
        if let Some(other) = users.insert(own_name, key) {
            let reason = format!("{} is named by {other}, too: a port has one device", port.display());
            refuse(found, key, reason);
        }
    }
}

fn other_readers(config: &Config, found: &mut Vec<Problem>) {
    if let (CardUnit::Pcsc { reader: None }, false) = (&config.card_unit, config.other_readers.is_empty()) {
        let reason = "missing: there are other readers, so the one that serves must be named";
        refuse(found, "card_unit.reader", reason);
    }
    let serving = match &config.card_unit {
        CardUnit::Pcsc { reader } => reader.as_deref(),
        CardUnit::Omron { .. } => None,
    };
    for (index, name) in config.other_readers.iter().enumerate() {
        let key = format!("other_readers[{index}]");
        if !printable(name) || name.len() > READER_NAME_BYTES_MAX {
            refuse(
                found,
                &key,
                format!("1 to {READER_NAME_BYTES_MAX} printable bytes, as `device list` prints them"),
            );
        }
        // A reader is chosen by the beginning of its name: pcscd puts numbers behind it that may change.
        if serving.is_some_and(|serving| name.starts_with(serving) || serving.starts_with(name.as_str())) {
            let reason = "this may be the reader that serves (card_unit.reader): neither name may begin with the other";
            refuse(found, &key, reason);
        }
        if config.other_readers.iter().take(index).any(|earlier| earlier == name) {
            refuse(found, &key, "a reader is named twice");
        }
    }
}

fn speed(key: &str, baud: u32, found: &mut Vec<Problem>) {
    if !BAUDS.contains(&baud) {
        refuse(found, key, format!("{baud} is not a speed of a serial line: {}", listed(&BAUDS)));
    }
}

fn listed(speeds: &[u32]) -> String {
    speeds.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
