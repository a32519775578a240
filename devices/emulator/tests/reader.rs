//! The card in a reader: levers, trace, control socket, and the virtual reader's protocol against a driver in the test.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use emulator::control::{self, Command, Desk};
use emulator::vpcd::Reader;
use emulator::{Card, Outcome, Persona, Slot, clock};
use serde_json::{Value, json};
use test_pki::Pki;

const SELECT_JPKI: [u8; 15] = [0x00, 0xA4, 0x04, 0x0C, 10, 0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0, 0, 0, 1];
const QUERY: [u8; 4] = [0x00, 0x20, 0x00, 0x98];
const VERIFY_1234: [u8; 9] = [0x00, 0x20, 0x00, 0x98, 4, 0x31, 0x32, 0x33, 0x34];
const VERIFY_9999: [u8; 9] = [0x00, 0x20, 0x00, 0x98, 4, 0x39, 0x39, 0x39, 0x39];
const READ_AVAILABILITY: [u8; 5] = [0x00, 0xB0, 0x88, 0x00, 0x00];
const SIGN: [u8; 7] = [0x80, 0x2A, 0x00, 0x97, 1, 0x55, 0x00];

/// The test PKI and one minted card, shared by the tests that run at the same time: keys take long to make.
struct Template {
    directory: tempfile::TempDir,
    pki: Pki,
}

impl Template {
    fn get() -> Arc<Self> {
        static SHARED: Mutex<Weak<Template>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(template) = shared.upgrade() {
            return template;
        }
        let directory = tempfile::tempdir().unwrap();
        let pki = Pki::open_or_create(&directory.path().join("pki"), clock::now()).unwrap();
        drop(Card::load(&Persona::find("valid").unwrap(), directory.path(), &pki, clock::now()).unwrap());
        let template = Arc::new(Self { directory, pki });
        *shared = Arc::downgrade(&template);
        template
    }
}

/// One test's cards.
struct Home {
    directory: tempfile::TempDir,
    template: Arc<Template>,
}

impl Home {
    fn new() -> Self {
        let template = Template::get();
        let directory = tempfile::tempdir().unwrap();
        let (from, to) =
            (template.directory.path().join("cards/valid"), directory.path().join("cards/valid"));
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        Self { directory, template }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn card(&self, persona: &str) -> Card {
        Card::load(&Persona::find(persona).unwrap(), self.path(), &self.template.pki, clock::now()).unwrap()
    }

    fn slot(&self, persona: &str) -> Slot {
        let mut slot = Slot::new(self.card(persona));
        slot.power_on();
        slot
    }
}

fn answer(slot: &mut Slot, command: &[u8]) -> Vec<u8> {
    match slot.transmit_and_wait(command) {
        Outcome::Answer(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn faults_happen_once_at_their_apdu() {
    let home = Home::new();
    let mut slot = home.slot("valid");
    slot.pull("status:6f42@2".parse().unwrap());
    slot.pull("garbage@3".parse().unwrap());
    slot.pull("truncate:1@ins:b0".parse().unwrap());
    slot.pull("answer:639f@ins:20/98".parse().unwrap());
    assert_eq!(answer(&mut slot, &SELECT_JPKI), [0x90, 0x00]);
    assert_eq!(answer(&mut slot, &SELECT_JPKI), [0x6F, 0x42]);
    assert_eq!(answer(&mut slot, &SELECT_JPKI).len(), 11);
    assert_eq!(answer(&mut slot, &READ_AVAILABILITY), [0x8F]);
    assert_eq!(answer(&mut slot, &READ_AVAILABILITY), [0x8F, 0x8F, 0x00, 0x90, 0x00]);
    assert_eq!(answer(&mut slot, &QUERY), [0x63, 0x9F]);
    assert_eq!(answer(&mut slot, &QUERY), [0x63, 0xC3]);
    assert_eq!(slot.apdus(), 7);
}

#[test]
fn removal_before_after_and_in_the_middle_of_verify_differ_in_the_counter() {
    let home = Home::new();
    let mut slot = home.slot("valid");
    for (lever, tries_left) in [("remove@2", 3), ("remove-after@2", 2), ("tear@2", 1)] {
        slot.pull(lever.parse().unwrap());
        answer(&mut slot, &SELECT_JPKI);
        assert_eq!(slot.transmit_and_wait(&VERIFY_9999), Outcome::Removed, "{lever}");
        assert!(!slot.is_inserted());
        assert_eq!(slot.atr(), None);
        assert_eq!(slot.transmit_and_wait(&QUERY), Outcome::Removed);
        slot.insert();
        slot.power_on();
        answer(&mut slot, &SELECT_JPKI);
        assert_eq!(answer(&mut slot, &QUERY), [0x63, 0xC0 + tries_left], "{lever}");
    }
}

#[test]
fn a_card_that_lost_contact_has_forgotten_everything() {
    let home = Home::new();
    let mut slot = home.slot("valid");
    slot.pull("reset@3".parse().unwrap());
    answer(&mut slot, &SELECT_JPKI);
    answer(&mut slot, &VERIFY_1234);
    assert_eq!(slot.transmit_and_wait(&SIGN), Outcome::Reset);
    assert!(slot.is_inserted());
    slot.power_on();
    answer(&mut slot, &SELECT_JPKI);
    assert_eq!(answer(&mut slot, &SIGN), [0x69, 0x82]);
}

#[test]
fn levers_of_the_persona_hold_from_the_start_and_come_back_when_cleared() {
    let home = Home::new();
    let mut slot = home.slot("no-sfi");
    answer(&mut slot, &SELECT_JPKI);
    assert_eq!(answer(&mut slot, &QUERY), [0x6A, 0x86]);
    slot.pull("sfi:on".parse().unwrap());
    assert_eq!(answer(&mut slot, &QUERY), [0x63, 0xC3]);
    slot.clear_levers();
    assert_eq!(answer(&mut slot, &QUERY), [0x6A, 0x86]);
}

#[test]
fn delays_are_told_not_waited_for() {
    let home = Home::new();
    let mut slot = home.slot("valid");
    slot.pull("timing:contact".parse().unwrap());
    slot.pull("delay:60000@2".parse().unwrap());
    assert!(slot.transmit(&SELECT_JPKI).delay > Duration::from_millis(10));
    assert!(slot.transmit(&QUERY).delay > Duration::from_millis(60_000));
}

#[test]
fn the_trace_has_every_apdu_and_no_pin() {
    let home = Home::new();
    let mut slot = home.slot("valid");
    let path = home.path().join("trace");
    slot.trace_to(&path).unwrap();
    answer(&mut slot, &SELECT_JPKI);
    answer(&mut slot, &VERIFY_1234);
    let trace = std::fs::read_to_string(&path).unwrap();
    assert!(trace.contains("> 00A4040C0AD392F000260100000001\n"), "{trace}");
    assert!(trace.contains("> 00200098 [5 bytes redacted]\n"), "{trace}");
    assert!(trace.contains("< 9000"), "{trace}");
    assert!(!trace.contains("31323334"), "{trace}");
}

/// The driver's side of the virtual reader.
struct Driver {
    listener: TcpListener,
}

impl Driver {
    fn new() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    fn card_arrives(&self) -> TcpStream {
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }
}

fn say(stream: &mut TcpStream, frames: &[&[u8]]) {
    let bytes: Vec<u8> =
        frames.iter().flat_map(|frame| [&[0, u8::try_from(frame.len()).unwrap()], *frame].concat()).collect();
    stream.write_all(&bytes).unwrap();
}

fn hear(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

fn is_gone(stream: &mut TcpStream) -> bool {
    !matches!(stream.read(&mut [0]), Ok(count) if count > 0)
}

fn serve(slot: Slot, driver: &Driver) -> Arc<Reader> {
    let reader = Arc::new(Reader::new(slot));
    let served = Arc::clone(&reader);
    let address = driver.listener.local_addr().unwrap();
    std::thread::spawn(move || served.serve(address));
    reader
}

#[test]
fn the_driver_gets_an_atr_whenever_it_asks_and_answers_to_commands() {
    let home = Home::new();
    let driver = Driver::new();
    let reader = serve(Slot::new(home.card("valid")), &driver);
    let mut card = driver.card_arrives();
    // Two controls in one segment, as the driver sends them.
    say(&mut card, &[&[2], &[4]]);
    assert_eq!(hear(&mut card)[..2], [0x3B, 0xE0]);
    say(&mut card, &[&[1], &[4], &SELECT_JPKI]);
    assert_eq!(hear(&mut card)[..2], [0x3B, 0xE0]);
    assert_eq!(hear(&mut card), [0x90, 0x00]);
    say(&mut card, &[&VERIFY_1234, &SIGN]);
    assert_eq!(hear(&mut card), [0x90, 0x00]);
    assert_eq!(hear(&mut card).len(), 258);
    // Power off and on: everything is forgotten.
    say(&mut card, &[&[0], &[1], &SELECT_JPKI, &SIGN]);
    assert_eq!(hear(&mut card), [0x90, 0x00]);
    assert_eq!(hear(&mut card), [0x69, 0x82]);
    reader.quit();
    assert!(is_gone(&mut card));
}

#[test]
fn a_card_pulled_out_closes_the_connection_even_while_it_thinks() {
    let home = Home::new();
    let driver = Driver::new();
    let reader = serve(Slot::new(home.card("valid")), &driver);
    let mut card = driver.card_arrives();
    reader.with_slot(|slot| slot.pull("delay:60000@1".parse().unwrap()));
    say(&mut card, &[&[1], &SELECT_JPKI]);
    while reader.with_slot(|slot| slot.apdus()) == 0 {
        std::thread::yield_now();
    }
    reader.remove();
    assert!(is_gone(&mut card));
    reader.insert();
    let mut card = driver.card_arrives();
    // A command without power is no business of a card: the driver must see that it was gone.
    say(&mut card, &[&SELECT_JPKI]);
    assert!(is_gone(&mut card));
    let mut card = driver.card_arrives();
    say(&mut card, &[&[1], &SELECT_JPKI]);
    assert_eq!(hear(&mut card), [0x90, 0x00]);
}

#[test]
fn a_mute_card_is_present_and_cannot_be_powered() {
    let home = Home::new();
    let driver = Driver::new();
    let _reader = serve(Slot::new(home.card("mute")), &driver);
    let mut card = driver.card_arrives();
    say(&mut card, &[&[4]]);
    assert!(hear(&mut card).len() > 33, "longer than an ATR can be");
}

#[test]
fn the_control_socket_obeys_and_tells() {
    let home = Home::new();
    let driver = Driver::new();
    let reader = serve(Slot::new(home.card("valid")), &driver);
    let socket = home.path().join("control");
    let listener = control::listen(&socket).unwrap();
    let desk = Desk::new(reader, home.path().to_owned(), home.template.pki.clone());
    std::thread::spawn(move || desk.serve(&listener));
    let tell = |text: &str| -> Value {
        let command: Command = serde_json::from_str(text).unwrap();
        control::send(&socket, &command).unwrap()
    };

    let mut card = driver.card_arrives();
    say(&mut card, &[&[1], &SELECT_JPKI, &VERIFY_9999]);
    assert_eq!(hear(&mut card), [0x90, 0x00]);
    assert_eq!(hear(&mut card), [0x63, 0xC2]);
    assert_eq!(tell(r#"{"do":"counters"}"#)["counters"]["jpki/0018"], json!({"left": 2, "max": 3}));
    assert_eq!(tell(r#"{"do":"pin","value":"4821"}"#), json!({"ok": true}));
    assert_eq!(tell(r#"{"do":"counters"}"#)["counters"]["jpki/0018"]["left"], 3);
    say(&mut card, &[&[0x00, 0x20, 0x00, 0x98, 4, 0x34, 0x38, 0x32, 0x31]]);
    assert_eq!(hear(&mut card), [0x90, 0x00]);
    assert_eq!(tell(r#"{"do":"unblock"}"#), json!({"ok": true}));
    say(&mut card, &[&VERIFY_1234]);
    assert_eq!(hear(&mut card), [0x90, 0x00]);

    let status = tell(r#"{"do":"status"}"#);
    assert_eq!((&status["powered"], &status["verified"]), (&json!(true), &json!(["jpki/0018"])));

    assert_eq!(tell(r#"{"do":"lever","pull":"status:6982@1"}"#), json!({"ok": true}));
    say(&mut card, &[&SELECT_JPKI]);
    assert_eq!(hear(&mut card), [0x69, 0x82]);

    for _ in 0..2 {
        assert_eq!(tell(r#"{"do":"remove"}"#), json!({"ok": true}));
    }
    assert!(is_gone(&mut card));
    let status = tell(r#"{"do":"status"}"#);
    assert_eq!((&status["persona"], &status["inserted"]), (&json!("valid"), &json!(false)));
    assert_eq!((&status["powered"], &status["verified"]), (&json!(false), &json!([])));
    assert_eq!(tell(r#"{"do":"persona","name":"nobody"}"#)["ok"], false);
    assert_eq!(tell(r#"{"do":"persona","name":"phone"}"#), json!({"ok": true}));
    for _ in 0..2 {
        assert_eq!(tell(r#"{"do":"insert"}"#), json!({"ok": true}));
    }
    let mut phone = driver.card_arrives();
    say(&mut phone, &[&[4]]);
    assert_eq!(hear(&mut phone)[..2], [0x3B, 0x88]);

    let mut raw = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    raw.write_all(b"nonsense\n").unwrap();
    let mut line = [0; 11];
    raw.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"{\"error\":\"e");
    assert_eq!(tell(r#"{"do":"quit"}"#), json!({"ok": true}));
    // What a killed process leaves behind does not stop the next one.
    assert!(control::listen(&home.path().join("control")).is_err(), "still in use");
}
