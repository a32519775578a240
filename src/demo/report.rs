//! What the demo says: each step in a line, and at the end one JSON object.

use std::path::Path;

use serde_json::{Value, json};

use myna_demo::bench::Devices;
use myna_demo::state::State;

/// One line for a person about what happens at `screen`, `None` where nothing needs saying.
pub(crate) fn explain(devices: Devices, screen: &str) -> Option<&'static str> {
    let serial = devices == Devices::Serial;
    Some(match screen {
        "terms" => {
            "The terminal has fetched the terms and a challenge from the host; the customer confirms the terms."
        }
        "insert-card" if serial => {
            "The unit opens its shutter; the customer puts the card in, and the unit draws it in."
        }
        "insert-card" => {
            "The customer puts the card in: the emulated chip appears in the virtual PC/SC reader."
        }
        "reading" => {
            "SELECT, token label, certificate, tries left: all that can be refused is refused before the PIN."
        }
        "last-try" => "Only one try is left on the card; the customer must say yes before the PIN is asked.",
        "pin" if serial => {
            "The PIN comes encrypted from the pad, into one page-locked slot, and from there to the chip."
        }
        "pin" if devices == Devices::ReaderPad => {
            "The PIN goes from the reader's own pad to the chip; no digit comes into the terminal."
        }
        "pin" => "The PIN goes from the pad into one page-locked slot, and from there to the chip.",
        "signing" => "The chip checks the PIN and signs; the request is recorded, then sent over mutual TLS.",
        "receipt" => "The host's signed answer was verified and recorded; does the customer want a receipt?",
        "printing" if serial => {
            "The receipt goes out as ESC/POS; the printer says when the last byte is on paper."
        }
        "take-card" if serial => "The card is powered off, and the unit moves it out; the customer takes it.",
        "take-card" => "The card is powered off and given back.",
        _ => return None,
    })
}

/// The last line: the terminal's result and where the proof lies. `paper` is what came out of a printer that keeps it.
pub(crate) fn result(result: &Value, state: &State, paper: Option<&Path>) -> Value {
    let field = |name: &str| result.get(name).cloned().unwrap_or(Value::Null);
    let receipt = paper.map_or_else(|| field("receipt"), |paper| json!(paper));
    json!({
        "outcome": field("outcome"),
        "code": field("code"),
        "request_id": field("request_id"),
        "acceptance_number": field("acceptance_number"),
        "apdus": field("apdus"),
        "apdus_after_pin": field("apdus_after_pin"),
        "card_ms": field("card_ms"),
        "total_ms": field("total_ms"),
        "evidence": field("evidence"),
        "answer": field("answer"),
        "trust_root": state.trust_root(),
        "host_root": state.host_root(),
        "receipt": receipt,
        "journal": state.journal(),
    })
}

/// How to check the newest evidence without trusting anything here, ready to be pasted; nothing when there is none.
pub(crate) fn proof(state: &State, receipts: &Path) -> Vec<String> {
    let newest = std::fs::read_dir(state.path("terminal/evidence"))
        .into_iter()
        .flatten()
        .flatten()
        // A request id begins with its time: the last name is the newest.
        .max_by_key(std::fs::DirEntry::file_name)
        .map(|entry| entry.path());
    let Some(folder) = newest else { return Vec::new() };
    let verify = |file: &str, root: &Path| {
        format!(
            "  openssl cms -verify -binary -inform DER -purpose any -in {} -CAfile {}",
            folder.join(file).display(),
            root.display()
        )
    };
    vec![
        "Check it with somebody else's tools: what the card signed, what the host answered.".to_owned(),
        verify("request.cms", &state.trust_root()),
        verify("answer.cms", &state.host_root()),
        format!("Receipts are in {}", receipts.display()),
    ]
}

/// Exit status for an outcome, as the terminal's own.
pub(crate) fn exit_code(outcome: &str) -> u8 {
    match outcome {
        "registered" | "already-registered" => 0,
        "refused" => 3,
        "pending" => 4,
        _ => 1,
    }
}
