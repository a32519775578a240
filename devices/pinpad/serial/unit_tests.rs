//! The driver's half of our own protocol against the vectors of `docs/pin-pad-vectors.txt`, which neither half wrote.

use std::collections::BTreeMap;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};

#[path = "../../tests/shared/memory.rs"]
#[expect(dead_code, reason = "the PIN of other tests is in it too")]
mod memory;

use super::frame::{Kind, frame, head};
use super::trust::{Hello, NotTrusted, PadIdentity, TAG_BYTES};

fn vectors() -> BTreeMap<&'static str, Vec<u8>> {
    include_str!("../../../docs/pin-pad-vectors.txt")
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, value)| (name, hex::decode(value).unwrap()))
        .collect()
}

fn hello(vectors: &BTreeMap<&str, Vec<u8>>) -> Hello {
    Hello::of(PrivateKey::from_private_key(&ECDH_P256, &vectors["host_private"]).unwrap()).unwrap()
}

fn payload(frame: &[u8]) -> &[u8] {
    &frame[6..frame.len() - 2]
}

#[test]
fn an_encrypted_entry_is_the_one_of_the_vectors() {
    let vectors = vectors();
    let identity = PadIdentity::from_hex(&hex::encode(&vectors["fingerprint"])).unwrap();
    let hello = hello(&vectors);
    assert_eq!(frame(Kind::Hello as u8, 0, hello.public()), vectors["frame_hello"]);
    let mut session = hello.agree(payload(&vectors["frame_identity"]), &identity).unwrap();

    let order = [4, 30, 0, 180];
    let sealed = session.seal(head(Kind::Start as u8, 0, order.len() + TAG_BYTES), &order).unwrap();
    assert_eq!(frame(Kind::Start as u8, 0, &sealed), vectors["frame_start"]);
    for (sequence, key) in (0..).zip(b".7E") {
        let mut came = payload(&vectors[format!("frame_key_{sequence}").as_str()]).to_vec();
        let head = head(Kind::Key as u8, sequence, came.len());
        // Not in another place of the order, and not with another head.
        assert!(session.open([1, Kind::Key as u8, sequence + 1, 17], &mut came.clone()).is_none());
        assert_eq!(session.open(head, &mut came).as_deref(), Some(&[*key][..]));
        // The same frame again opens nothing.
        let mut again = payload(&vectors[format!("frame_key_{sequence}").as_str()]).to_vec();
        assert!(session.open(head, &mut again).is_none());
    }
    assert_eq!(frame(Kind::Acknowledge as u8, 1, &[]), vectors["frame_acknowledge_1"]);
    let sealed = session.seal(head(Kind::Stop as u8, 1, 1 + TAG_BYTES), &[0]).unwrap();
    assert_eq!(frame(Kind::Stop as u8, 1, &sealed), vectors["frame_stop"]);
}

#[test]
fn frames_in_clear_are_those_of_the_vectors() {
    let vectors = vectors();
    let clear = |kind: Kind, sequence, payload: &[u8]| frame(kind as u8 | Kind::IN_CLEAR, sequence, payload);
    assert_eq!(clear(Kind::Stop, 0, &[0]), vectors["clear_stop_first"]);
    assert_eq!(clear(Kind::Start, 0, &[4, 30, 0, 180]), vectors["clear_start"]);
    assert_eq!(clear(Kind::Key, 1, b"7"), vectors["clear_key_1"]);
    assert_eq!(clear(Kind::Acknowledge, 1, &[]), vectors["clear_acknowledge_1"]);
    assert_eq!(clear(Kind::Stop, 1, &[0]), vectors["clear_stop"]);
}

#[test]
fn an_answer_with_any_byte_changed_is_not_trusted() {
    let vectors = vectors();
    let identity = PadIdentity::from_hex(&hex::encode(&vectors["fingerprint"])).unwrap();
    let answer = payload(&vectors["frame_identity"]);
    for place in 0..answer.len() {
        let mut changed = answer.to_vec();
        changed[place] ^= 0x01;
        assert!(hello(&vectors).agree(&changed, &identity).is_err(), "{place}");
    }
    for length in [0, 1, 65, 130, 193] {
        let refused = hello(&vectors).agree(&answer[..length], &identity).err();
        assert_eq!(refused, Some(NotTrusted::Length), "{length}");
    }
    let other = PadIdentity::from_hex(&"00".repeat(32)).unwrap();
    assert_eq!(hello(&vectors).agree(answer, &other).err(), Some(NotTrusted::OtherPad));
    // An answer to another greeting.
    assert_eq!(Hello::new().unwrap().agree(answer, &identity).err(), Some(NotTrusted::Signature));
}

#[test]
fn a_fingerprint_is_64_hex_digits() {
    let plain = "9e91647b9de34b068143697b15a0eb1ae6d00a3db5945a0cbeb1a87d78e602f7";
    let identity = PadIdentity::from_hex(plain).unwrap();
    assert_eq!(identity.to_string(), plain);
    let with_colons =
        plain.to_uppercase().as_bytes().chunks(2).map(String::from_utf8_lossy).collect::<Vec<_>>().join(":");
    assert_eq!(PadIdentity::from_hex(&with_colons), Ok(identity));
    for text in ["", "9e", &plain[1..], &plain.replace('9', "g")] {
        assert!(PadIdentity::from_hex(text).is_err(), "{text}");
    }
}

/// What is looked for lies in memory in disguise only.
const DISGUISE: u8 = 0xA5;

/// In a process of its own: other tests here hold the same keys.
#[test]
fn no_key_of_an_entry_is_left_in_memory() {
    const CHILD: &str = "MYNA_TEST_KEYS";
    if std::env::var_os(CHILD).is_some() {
        return look_for_keys();
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "pinpad::serial::unit_tests::no_key_of_an_entry_is_left_in_memory", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && shown.contains("1 passed"), "{shown}");
}

fn look_for_keys() {
    let text = include_str!("../../../docs/pin-pad-vectors.txt");
    let disguised = |name: &str| -> Vec<u8> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = ")).unwrap();
        (0..line.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&line[at..at + 2], 16).unwrap() ^ DISGUISE)
            .collect()
    };
    let secrets = ["shared_secret", "key_to_pad", "key_from_pad", "host_private"].map(disguised);
    let found = || {
        secrets.each_ref().map(|secret| {
            // The first half of a key: a whole one is spread over the rounds of AES.
            memory::count(16, |bytes| {
                bytes.iter().zip(secret).all(|(byte, hidden)| byte ^ DISGUISE == *hidden)
            })
        })
    };
    let (answer, fingerprint) = (disguised("frame_identity"), disguised("fingerprint"));
    let plain = |hidden: &[u8]| -> Vec<u8> { hidden.iter().map(|byte| byte ^ DISGUISE).collect() };
    let identity = PadIdentity::from_hex(&hex::encode(plain(&fingerprint))).unwrap();
    assert_eq!(found(), [0; 4]);
    {
        let private = zeroize::Zeroizing::new(plain(&secrets[3]));
        let hello = Hello::of(PrivateKey::from_private_key(&ECDH_P256, &private).unwrap()).unwrap();
        drop(private);
        let mut session = hello.agree(payload(&plain(&answer)), &identity).unwrap();
        session.seal(head(Kind::Start as u8, 0, 1 + TAG_BYTES), &[0]).unwrap();
        let [shared, to_pad, from_pad, own] = found();
        assert_eq!((shared, own), (0, 0), "left after the agreement");
        assert!(to_pad > 0 && from_pad > 0, "keys that are there are not found");
    }
    assert_eq!(found(), [0; 4], "left after the entry");
}
