//! Revocation lists: whose they are, when they count, what they say. Faults are never read as good.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use request::{CrlRefused, CrlRevocation, RevocationSource, RevocationStatus};
use support::World;
use support::mint::{CrlSpec, auth_name, authority_key_id, extension, service_name, time, tlv, utc};

const SERIAL: &[u8] = &[0x22, 0x7B, 0x13];

fn spec(world: &World, revoked: &[&[u8]]) -> CrlSpec {
    CrlSpec::new(auth_name(), &world.auth_1, revoked)
}

fn source(world: &World, lists: &[Vec<u8>]) -> Result<CrlRevocation, CrlRefused> {
    CrlRevocation::new(lists.iter().map(Vec::as_slice), world.policy.anchors())
}

fn status(world: &World, lists: &[Vec<u8>], at: &str) -> Result<RevocationStatus, &'static str> {
    source(world, lists).unwrap().status(&world.card_certificate(), time(at)).map_err(|fault| fault.code())
}

#[test]
fn a_listed_serial_is_revoked_and_another_is_good() {
    let world = World::new();
    let at = "2026-11-21T01:02:03Z";
    let revoked = Ok(RevocationStatus::Revoked { since: time("2026-11-19T12:00:00Z") });
    let list = |serials: &[&[u8]]| vec![spec(&world, serials).sign(&world.auth_1)];
    assert_eq!(status(&world, &list(&[&[1], SERIAL, &[2]]), at), revoked);
    assert_eq!(status(&world, &list(&[&[1], &[2]]), at), Ok(RevocationStatus::Good));
    assert_eq!(status(&world, &list(&[]), at), Ok(RevocationStatus::Good));
}

#[test]
fn a_list_counts_between_its_two_dates() {
    let world = World::new();
    let lists = vec![spec(&world, &[]).sign(&world.auth_1)];
    assert_eq!(status(&world, &lists, "2026-11-19T23:59:59Z"), Err("revocation-list-not-yet-valid"));
    assert_eq!(status(&world, &lists, "2026-11-20T00:00:00Z"), Ok(RevocationStatus::Good));
    assert_eq!(status(&world, &lists, "2026-11-27T00:00:00Z"), Ok(RevocationStatus::Good));
    assert_eq!(status(&world, &lists, "2026-11-27T00:00:01Z"), Err("revocation-list-stale"));
}

#[test]
fn no_list_of_this_generation_is_a_fault() {
    let world = World::new();
    assert_eq!(status(&world, &[], "2026-11-21T00:00:00Z"), Err("revocation-list-missing"));
    let other = vec![CrlSpec::new(auth_name(), &world.auth_2, &[SERIAL]).sign(&world.auth_2)];
    assert_eq!(status(&world, &other, "2026-11-21T00:00:00Z"), Err("revocation-list-missing"));
}

#[test]
fn the_newest_list_counts() {
    let world = World::new();
    let older = spec(&world, &[]).sign(&world.auth_1);
    let newer = CrlSpec { this_update: utc("261121000000Z"), ..spec(&world, &[SERIAL]) }.sign(&world.auth_1);
    for lists in [vec![older.clone(), newer.clone()], vec![newer, older]] {
        let found = status(&world, &lists, "2026-11-21T01:00:00Z");
        assert!(matches!(found, Ok(RevocationStatus::Revoked { .. })), "{found:?}");
    }
}

#[test]
fn terminals_are_looked_up_in_the_same_way() {
    let world = World::new();
    let list =
        CrlSpec::new(service_name("Terminal CA"), &world.terminal_ca, &[&[5]]).sign(&world.terminal_ca);
    let source = CrlRevocation::new([list.as_slice()], &world.terminal_anchors);
    // The tests' terminal authority may sign lists.
    let found = source.unwrap().status_of(&world.terminal_ca.id(), &[5], world.at).unwrap();
    assert!(matches!(found, RevocationStatus::Revoked { .. }));
}

#[test]
fn lists_that_nobody_trusted_signed_are_refused() {
    let world = World::new();
    let right = spec(&world, &[SERIAL]);
    source(&world, &[right.sign(&world.auth_1)]).unwrap();
    let refuse = |list: Vec<u8>| source(&world, &[list]).unwrap_err();
    assert!(matches!(refuse(right.sign(&world.auth_2)), CrlRefused::Signature(_)));
    let other_name = CrlSpec { issuer: service_name("Somebody"), ..right.clone() };
    assert!(matches!(refuse(other_name.sign(&world.auth_1)), CrlRefused::UnknownIssuer));
    let other_key = CrlSpec { extensions: vec![authority_key_id(&[7; 20], None)], ..right.clone() };
    assert!(matches!(refuse(other_key.sign(&world.auth_1)), CrlRefused::UnknownIssuer));
    let no_key = CrlSpec { extensions: Vec::new(), ..right.clone() };
    assert!(matches!(refuse(no_key.sign(&world.auth_1)), CrlRefused::UnknownIssuer));
}

#[test]
fn lists_of_another_form_are_refused() {
    let world = World::new();
    let right = spec(&world, &[SERIAL]);
    let refuse = |spec: CrlSpec| source(&world, &[spec.sign(&world.auth_1)]).unwrap_err();
    let no_version = CrlSpec { version: Vec::new(), ..right.clone() };
    assert!(matches!(refuse(no_version), CrlRefused::Structure(_)));
    let no_next = CrlSpec { next_update: Vec::new(), ..right.clone() };
    assert!(matches!(refuse(no_next), CrlRefused::Structure(_)));
    let mut indirect = right.clone();
    indirect.extensions.push(extension("2.5.29.28", true, &[0x30, 0x03, 0x84, 0x01, 0xFF]));
    assert!(matches!(refuse(indirect), CrlRefused::UnknownCriticalExtension));
    let entry = tlv(0x30, &extension("2.5.29.29", true, &[0x30, 0x00]));
    let of_another = CrlSpec { entry_extensions: entry, ..right.clone() };
    assert!(matches!(refuse(of_another), CrlRefused::UnknownCriticalExtension));
    let reason = tlv(0x30, &extension("2.5.29.21", false, &[0x0A, 0x01, 0x01]));
    let with_reason = CrlSpec { entry_extensions: reason, ..right };
    source(&world, &[with_reason.sign(&world.auth_1)]).unwrap();
}

#[test]
fn every_flip_in_a_list_is_refused() {
    let world = World::new();
    let list = spec(&world, &[SERIAL]).sign(&world.auth_1);
    for position in 0..list.len() {
        for mask in [0x01, 0x20, 0x80] {
            let mut flipped = list.clone();
            *flipped.get_mut(position).unwrap() ^= mask;
            source(&world, &[flipped]).unwrap_err();
        }
    }
}

#[test]
fn files_are_read_in_both_forms() {
    let world = World::new();
    let der = spec(&world, &[SERIAL]).sign(&world.auth_1);
    let folder = tempfile::tempdir().unwrap();
    let pem = der::pem::encode_string("X509 CRL", der::pem::LineEnding::LF, &der).unwrap();
    for (name, bytes) in [("list.crl", der.as_slice()), ("list.pem", pem.as_bytes())] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let source = CrlRevocation::load(&[path], world.policy.anchors()).unwrap();
        let found = source.status(&world.card_certificate(), world.at).unwrap();
        assert!(matches!(found, RevocationStatus::Revoked { .. }));
    }
    let none = CrlRevocation::load(&[folder.path().join("none")], world.policy.anchors());
    assert!(matches!(none.unwrap_err(), CrlRefused::Read { .. }));
}
