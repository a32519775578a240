//! What the demo says: each step in a line, and at the end one JSON object.

use serde_json::{Value, json};

use myna_demo::state::State;

/// One line for a person about what happens at `screen`, `None` where nothing needs saying.
pub(crate) fn explain(screen: &str) -> Option<&'static str> {
    Some(match screen {
        "terms" => {
            "The terminal has fetched the terms and a challenge from the host; the customer confirms the terms."
        }
        "insert-card" => {
            "The customer puts the card in: the emulated chip appears in the virtual PC/SC reader."
        }
        "reading" => {
            "SELECT, token label, certificate, tries left: all that can be refused is refused before the PIN."
        }
        "last-try" => "Only one try is left on the card; the customer must say yes before the PIN is asked.",
        "pin" => "The PIN goes from the pad into one page-locked slot, and from there to the chip.",
        "signing" => "The chip checks the PIN and signs; the request is recorded, then sent over mutual TLS.",
        "receipt" => "The host's signed answer was verified and recorded; does the customer want a receipt?",
        "take-card" => "The card is powered off and given back.",
        _ => return None,
    })
}

/// The last line: the terminal's result and where the proof lies.
pub(crate) fn result(result: &Value, state: &State) -> Value {
    let field = |name: &str| result.get(name).cloned().unwrap_or(Value::Null);
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
        "receipt": field("receipt"),
        "journal": state.journal(),
    })
}

/// How to check the newest evidence without trusting anything here, ready to be pasted; nothing when there is none.
pub(crate) fn proof(state: &State) -> Vec<String> {
    let newest = std::fs::read_dir(state.path("terminal/evidence"))
        .into_iter()
        .flatten()
        .flatten()
        // A request id begins with its time: the last name is the newest.
        .max_by_key(std::fs::DirEntry::file_name)
        .map(|entry| entry.path());
    let Some(folder) = newest else { return Vec::new() };
    let verify = |file: &str, root: &std::path::Path| {
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
        format!("Receipts are in {}", state.path("terminal/receipts").display()),
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
