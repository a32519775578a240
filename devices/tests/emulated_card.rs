//! The card protocol against the card emulator, in process: two writers of one specification.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use emulator::{Card as EmulatedCard, Outcome, Persona, Slot, clock};
use jpki::{
    Card, CardError, Channel, ChannelError, Command, Metered, PinSlot, Response, Tries, VerifyOutcome, leave,
};
use test_pki::Pki;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// DER of a SHA-256 DigestInfo up to the hash (RFC 8017, 9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// A slot in process: what a reader would do.
struct InProcess {
    slot: Slot,
    pins: u32,
}

impl Channel for InProcess {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        self.pins += u32::from(command.is_sensitive());
        match self.slot.transmit(&command.expose_bytes()).outcome {
            Outcome::Answer(answer) => Response::parse(&answer).map_err(|error| ChannelError::Protocol {
                what: "no answer APDU",
                source: Some(Box::new(error)),
            }),
            Outcome::Removed => Err(ChannelError::CardRemoved),
            Outcome::Reset => Err(ChannelError::CardReset),
        }
    }
}

/// Cards of one state directory.
struct Cards {
    directory: tempfile::TempDir,
    pki: Pki,
}

impl Cards {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let pki = Pki::open_or_create(&directory.path().join("pki"), clock::now()).unwrap();
        Self { directory, pki }
    }

    fn powered(&self, persona: &str, levers: &[&str]) -> InProcess {
        let persona = Persona::find(persona).unwrap();
        let card = EmulatedCard::load(&persona, self.directory.path(), &self.pki, clock::now()).unwrap();
        let mut slot = Slot::new(card);
        for lever in levers {
            slot.pull(lever.parse().unwrap());
        }
        slot.power_on();
        InProcess { slot, pins: 0 }
    }
}

fn slot_with(pin: &str) -> PinSlot {
    let mut slot = PinSlot::new();
    for digit in pin.bytes() {
        slot.push_digit(digit);
    }
    slot
}

/// What a visit gave: commands sent, the certificate, the signature.
type Visited = (u32, Vec<u8>, Vec<u8>);

fn visit(channel: &mut dyn Channel, pin: &str, input: &[u8]) -> Result<Option<Visited>, CardError> {
    let mut meter = Metered::new(channel);
    let mut card = Card::select(&mut meter)?;
    let examined = card.examine()?;
    if examined.tries == Tries::Blocked {
        card.end()?;
        return Ok(None);
    }
    let (slot, outcome) = card.verify(slot_with(pin));
    assert!(slot.is_empty());
    match outcome? {
        VerifyOutcome::Verified(mut card) => {
            let signature = card.sign(input)?.as_bytes().to_vec();
            card.end()?;
            Ok(Some((meter.sent(), examined.certificate, signature)))
        }
        VerifyOutcome::Wrong { card, .. } | VerifyOutcome::Blocked { card } => {
            card.end()?;
            Ok(None)
        }
    }
}

fn refused(cards: &Cards, persona: &str) -> &'static str {
    let mut channel = cards.powered(persona, &[]);
    let code = visit(&mut channel, "1234", &[0; 51]).map_or_else(|error| error.code(), |_| "none");
    assert_eq!(channel.pins, 0, "{persona}: a PIN was sent to it");
    code
}

#[test]
fn the_chips_signature_verifies_within_the_bounds_of_commands() {
    let cards = Cards::new();
    let message = b"what is signed";
    let input = [&DIGEST_INFO[..], digest(&SHA256, message).as_ref()].concat();
    // A certificate of more than 1,792 bytes costs one command more for each further 256.
    for (persona, levers, most) in [
        ("valid", &[][..], 13),
        ("valid", &["6f00-first:on"][..], 14),
        ("large-certificate", &[][..], 14),
        ("no-sfi", &[][..], 17),
    ] {
        let mut channel = cards.powered(persona, levers);
        let (sent, certificate, signature) = visit(&mut channel, "1234", &input).unwrap().unwrap();
        assert!(sent <= most, "{persona} {levers:?}: {sent}");
        let parsed = Certificate::from_der(&certificate).unwrap();
        let key = parsed.tbs_certificate().subject_public_key_info().subject_public_key.raw_bytes().to_vec();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, &signature).unwrap();
        assert!(channel.slot.card().verified_pins().is_empty(), "{persona}: a PIN stays verified");
    }
}

#[test]
fn personas_that_cannot_register_are_refused_before_a_pin() {
    let cards = Cards::new();
    assert_eq!(refused(&cards, "bank-card"), "not-my-number-card");
    assert_eq!(refused(&cards, "phone"), "phone-not-supported");
    assert_eq!(refused(&cards, "mute"), "card-removed");
    // Blocked, or without a PIN: no refusal of this layer, but no PIN either.
    assert_eq!(refused(&cards, "pin-locked"), "none");
    assert_eq!(refused(&cards, "no-pin"), "none");
}

#[test]
fn a_wrong_pin_counts_down_to_blocked() {
    let cards = Cards::new();
    let mut channel = cards.powered("valid", &[]);
    let mut card = Card::select(&mut channel).unwrap();
    assert_eq!(card.tries_left().unwrap(), Tries::Left(3));
    for left in [2, 1] {
        let (_, outcome) = card.verify(slot_with("9999"));
        let Ok(VerifyOutcome::Wrong { card: again, tries_left }) = outcome else { panic!("not wrong") };
        assert_eq!(tries_left, left);
        card = again;
    }
    let (_, outcome) = card.verify(slot_with("9999"));
    let Ok(VerifyOutcome::Blocked { mut card }) = outcome else { panic!("not blocked") };
    assert_eq!(card.tries_left().unwrap(), Tries::Blocked);
    card.end().unwrap();

    let mut last = cards.powered("one-try-left", &[]);
    assert_eq!(Card::select(&mut last).unwrap().tries_left().unwrap(), Tries::Left(1));
}

#[test]
fn a_fault_at_any_command_ends_the_visit_with_at_most_one_pin_sent() {
    let cards = Cards::new();
    let mut endings = std::collections::BTreeMap::<String, u32>::new();
    for effect in [
        "remove",
        "remove-after",
        "tear",
        "reset",
        "reset-after",
        "status:6f00",
        "status:6982",
        "status:6c04",
        "status:6104",
        "status:63c1",
        "status:9000",
        "answer:9000",
        "answer:90",
        "garbage",
        "truncate:1",
        "truncate:3",
    ] {
        for persona in ["valid", "no-sfi"] {
            for number in 1..=17 {
                let lever = format!("{effect}@{number}");
                let mut channel = cards.powered(persona, &[&lever]);
                let ending = match visit(&mut channel, "1234", &[0x30; 51]) {
                    Ok(Some(_)) => "signed",
                    Ok(None) => "no signature",
                    Err(error) => error.code(),
                };
                assert!(channel.pins <= 1, "{persona} {lever}: {} PINs", channel.pins);
                *endings.entry(ending.to_owned()).or_default() += 1;
                // What the caller does in every case.
                let _left = leave(&mut channel);
                channel.slot.power_off();
                assert!(channel.slot.card().verified_pins().is_empty(), "{persona} {lever}");
                channel.slot.card_mut().reset_pins().unwrap();
            }
        }
    }
    // Each kind of ending was reached; none of them is our own mistake.
    for code in
        ["signed", "card-removed", "card-reset", "card-protocol", "card-misbehaved", "card-unreadable"]
    {
        assert!(endings.contains_key(code), "{code}: {endings:?}");
    }
    for mistake in ["tries-not-read", "no-tries-left", "pin-incomplete", "sign-input-length"] {
        assert!(!endings.contains_key(mistake), "{endings:?}");
    }
}
