//! One receipt with everything on it, for those who look at receipts: tests against other people's programs, and benches.

use std::path::Path;

use devices::printer::Receipt;
use myna_atm::catalogue::{Catalogue, Language};
use myna_atm::config::{Config, ReceiptSize};
use myna_atm::receipt::{ReceiptFacts, compose};
use transaction::Outcome;

/// The receipt of a registration at the terminal of the example configuration.
pub fn whole(language: Language, size: ReceiptSize) -> Receipt {
    let example = crate::root().join("docs/example-myna-atm.toml");
    let text = std::fs::read_to_string(example).expect("the example");
    let mut config = Config::parse(&text, Path::new("f.toml"), Path::new("/etc")).expect("a configuration");
    config.receipt.size = size;
    let catalogue = Catalogue::new(language, &config.helpline).expect("a catalogue");
    let facts = ReceiptFacts {
        at: "2026-11-21T09:05:00Z".parse().expect("a time"),
        outcome: Outcome::Registered,
        expires_soon: true,
        request: uuid::Uuid::from_bytes([0x5e; 16]),
        acceptance_number: Some("A-0000123456"),
        terms_version: Some("2026-11-01"),
    };
    compose(&config, &catalogue, &facts).expect("a receipt")
}
