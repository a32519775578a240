//! Runs the commands of `docs/evidence.md`, word for word, on evidence made here, and on evidence with a
//! flipped byte.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use std::path::Path;
use std::process::{Command, Output};

use request::build_answer;
use sha2::{Digest as _, Sha256};
use support::mint::{self, Key, Spec, card_spec, service_spec};
use support::{Machine, World};

const TERMS: &str = "健康保険証利用の申込みについて、次のことに同意します。\n";

/// The fenced commands of the document, in order, block by block.
fn blocks() -> Vec<String> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/evidence.md");
    let text = std::fs::read_to_string(document).unwrap();
    let blocks: Vec<_> =
        text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect();
    assert!(blocks.len() >= 8, "the document lost its commands");
    blocks
}

fn commands() -> String {
    blocks().concat()
}

/// The one block with these words in it.
fn block_with(words: &str) -> String {
    let mut found = blocks().into_iter().filter(|block| block.contains(words));
    let block = found.next().expect("the block is there");
    assert!(found.next().is_none(), "{words}: more than one block");
    block
}

fn pem(der: &[u8]) -> String {
    use der::pem::{LineEnding, encode_string};
    encode_string("CERTIFICATE", LineEnding::LF, der).unwrap()
}

/// The auditor's folder.
fn folder(world: &World) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let card = world.card_certificate();
    let mut content = world.content(&card);
    content.terms_sha256 = Sha256::digest(TERMS).into();
    let request = world.request_with(&content);
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("request.der", request.der());
    write("answer.der", &world.answer(&request));
    write("terms.txt", TERMS.as_bytes());
    write("card-root.pem", pem(card.anchor().der()).as_bytes());
    write("terminal-root.pem", pem(world.terminal_anchors.first().unwrap().der()).as_bytes());
    write("host-root.pem", pem(world.host_anchors.first().unwrap().der()).as_bytes());
    folder
}

fn run(folder: &Path, script: &str) -> Output {
    Command::new("sh").arg("-euc").arg(script).current_dir(folder).env("LC_ALL", "C").output().unwrap()
}

#[test]
fn the_documented_commands_accept_evidence_of_every_kind_of_card() {
    for file in ["card-rsa", "card-p256", "card-p384"] {
        let world = World::long_lived().with_card(file);
        let folder = folder(&world);
        let output = run(folder.path(), &commands());
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{file}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains(r#""purpose":"健康保険証利用の申込み""#), "{text}");
        assert!(text.contains(r#""decision":"registered""#), "{text}");
        assert!(text.contains("Verified OK"), "{text}");
        let content = std::fs::read(folder.path().join("content.json")).unwrap();
        request::RequestContent::parse(&content).unwrap();
    }
}

/// Places the bytes of `needle` in `haystack` and flips one byte in their middle.
fn flip(haystack: &mut [u8], needle: &[u8]) {
    let at = haystack.windows(needle.len()).position(|window| window == needle).expect("it is there");
    *haystack.get_mut(at + needle.len() / 2).unwrap() ^= 0x01;
}

#[test]
fn openssl_and_we_refuse_a_flip_in_content_attributes_signature_or_certificate() {
    let world = World::long_lived();
    let folder = folder(&world);
    let original = std::fs::read(folder.path().join("request.der")).unwrap();
    let command =
        "openssl cms -verify -binary -inform DER -in flipped.der -CAfile card-root.pem -purpose any";
    std::fs::write(folder.path().join("flipped.der"), &original).unwrap();
    assert!(run(folder.path(), command).status.success());

    let card = world.card_certificate();
    let mut content = world.content(&card);
    content.terms_sha256 = Sha256::digest(TERMS).into();
    let content = content.to_canonical_json().unwrap();
    let digest = Sha256::digest(&content);
    // The signature is what stands before the unsigned attributes ([1], in the file as A1 82).
    let unsigned = original.windows(2).rposition(|window| window == [0xA1, 0x82]).unwrap();
    let signature = original.get(unsigned - 256..unsigned).unwrap().to_vec();
    for (what, needle) in [
        ("content", content.as_slice()),
        ("signed attributes", digest.as_slice()),
        ("signature", signature.as_slice()),
        ("certificate", card.der()),
    ] {
        let mut flipped = original.clone();
        flip(&mut flipped, needle);
        std::fs::write(folder.path().join("flipped.der"), &flipped).unwrap();
        assert!(!run(folder.path(), command).status.success(), "openssl accepts a flip in the {what}");
        request::verify_request(&flipped, &world.request_policy()).expect_err(what);
    }
}

/// The places that `openssl cms -verify` does not look at: the documented commands do.
#[test]
fn the_documented_commands_refuse_a_flip_in_the_countersignature_and_a_foreign_answer() {
    let world = World::long_lived();
    let folder = folder(&world);
    let original = std::fs::read(folder.path().join("request.der")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let commands = commands();
    let length = original.len();
    // The file ends with the countersignature; before it stand its algorithm and its signed attributes.
    for (what, from_end) in [("countersignature", 20), ("signing certificate", 100), ("digest", 148)] {
        let mut flipped = original.clone();
        *flipped.get_mut(length - from_end).unwrap() ^= 0x01;
        write("request.der", &flipped);
        assert!(!run(folder.path(), &commands).status.success(), "{what}");
    }
    write("request.der", &original);
    assert!(run(folder.path(), &commands).status.success());

    let other = World::long_lived().with_card("card-p256").request();
    write("answer.der", &world.answer(&other));
    assert!(!run(folder.path(), &commands).status.success(), "an answer to another request");
}

/// A certificate of the right authority for another purpose: path and signature are in order.
#[test]
fn the_documented_commands_refuse_a_card_certificate_for_another_purpose() {
    let world = World::long_lived();
    let folder = tempfile::tempdir().unwrap();
    let commands = block_with("card.pem -noout -ext keyUsage");
    let accepts = |spec: Spec| {
        std::fs::write(folder.path().join("card.pem"), pem(&spec.sign(&world.auth_1))).unwrap();
        run(folder.path(), &commands).status.success()
    };
    let spec = || card_spec(&world.card, &world.auth_1);
    assert!(accepts(spec()));
    let production = mint::policies(&[mint::POLICY_PRODUCTION]);
    assert!(accepts(spec().with("2.5.29.32", Some(production))));
    for (what, id, extension) in [
        ("key usage with nonRepudiation", "2.5.29.15", mint::key_usage(&[6, 0xC0])),
        ("purpose server", "2.5.29.37", mint::extended_key_usage(&["1.3.6.1.5.5.7.3.1"])),
        ("two purposes", "2.5.29.37", mint::extended_key_usage(&[mint::CLIENT_AUTH, "1.3.6.1.5.5.7.3.1"])),
        ("policy for signatures", "2.5.29.32", mint::policies(&["1.2.392.200149.8.5.1.3.10"])),
        ("policy of another arc", "2.5.29.32", mint::policies(&["2.1.2.392.200149.8.5.1.3.30"])),
    ] {
        assert!(!accepts(spec().with(id, Some(extension))), "{what}");
        assert!(!accepts(spec().with(id, None)), "without {id}");
    }
}

/// An answer that openssl itself takes: the key is another one of the host, or the names are not the request's.
#[test]
fn the_documented_commands_refuse_an_answer_by_another_key_or_with_other_names() {
    let world = World::long_lived();
    let folder = folder(&world);
    let request = {
        let card = world.card_certificate();
        let mut content = world.content(&card);
        content.terms_sha256 = Sha256::digest(TERMS).into();
        world.request_with(&content)
    };
    let accepts = |answer: Vec<u8>| {
        std::fs::write(folder.path().join("answer.der"), answer).unwrap();
        run(folder.path(), &commands()).status.success()
    };
    // RSA signatures are the same each time, the countersignature is too (RFC 6979): it is the folder's request.
    let content = || world.answer_content(&request);
    assert!(accepts(build_answer(&content(), &world.host).unwrap()));

    let key = Key::load("host");
    let mut spec = service_spec("HOST", "1.3.6.1.5.5.7.3.1", &key, "Host CA", &world.host_ca);
    spec.not_after = world.until.clone().unwrap();
    let tls = Machine { certificate: spec.sign(&world.host_ca), key };
    assert!(!accepts(build_answer(&content(), &tls).unwrap()), "signed with the key for TLS");

    let mut other = content();
    other.request_id = "019aa3f1-7e00-7abc-8def-0123456789ac".parse().unwrap();
    assert!(!accepts(build_answer(&other, &world.host).unwrap()), "another request id");
    let mut other = content();
    other.terminal_id = "T0002".to_owned();
    assert!(!accepts(build_answer(&other, &world.host).unwrap()), "another terminal");
}

#[test]
fn after_expiry_only_the_signing_time_helps() {
    let folder = folder(&World::new());
    // 2035-01-01, when leaves and roots have expired; and the signing times, 2026-11-21T01:02:05Z and a second later.
    for (file, root, signed_at) in
        [("request.der", "card-root.pem", 1_795_222_925), ("answer.der", "host-root.pem", 1_795_222_926)]
    {
        let verify =
            format!("openssl cms -verify -binary -inform DER -in {file} -CAfile {root} -purpose any");
        assert!(!run(folder.path(), &format!("{verify} -attime 2051222400")).status.success());
        assert!(run(folder.path(), &format!("{verify} -attime {signed_at}")).status.success());
        let signed_at_command =
            block_with("signed_at() {").lines().skip(1).take(4).collect::<Vec<_>>().join("\n");
        let said = run(folder.path(), &format!("{signed_at_command}\nsigned_at {file}"));
        assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), signed_at.to_string(), "{file}");
    }
}
