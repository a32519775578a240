//! The directory: persistent, idempotent, shared, private.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use test_pki::{AuthorityName, Pki, PkiError};

use crate::support::{World, days, now};

fn snapshot(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
    files
}

#[test]
fn a_second_opening_changes_no_byte() {
    let world = World::new();
    let root = world.pki.layout().root().to_owned();
    let first = world.pki.terminal("T0001").unwrap();
    let before = snapshot(&root);
    let again = Pki::open_or_create(&root, days(1)).unwrap();
    assert_eq!(again.terminal("T0001").unwrap(), first);
    assert_eq!(snapshot(&root), before);
}

#[test]
fn what_is_missing_is_made_again_and_the_rest_is_left() {
    let world = World::new();
    let root = world.pki.layout().root().to_owned();
    let before = snapshot(&root);
    // As if the process had been killed between key and certificate.
    fs::remove_file(world.pki.host().answer.certificate).unwrap();
    fs::write(world.pki.host().answer.certificate.with_extension("pem.new"), b"half").unwrap();
    fs::remove_file(world.pki.layout().crl(AuthorityName::Auth1)).unwrap();
    Pki::open_or_create(&root, now()).unwrap();
    let after = snapshot(&root);
    let changed: Vec<_> = before.iter().filter(|(path, bytes)| after.get(*path) != Some(bytes)).collect();
    let names: Vec<_> = changed.iter().map(|(path, _)| path.strip_prefix(&root).unwrap()).collect();
    assert_eq!(names, [Path::new("ca/host.record.toml"), Path::new("host/answer.crt.pem")]);
    assert_eq!(after.len(), before.len());
}

#[test]
fn the_layout_is_what_others_rely_on() {
    let world = World::new();
    world.pki.terminal("T0001").unwrap();
    let root = world.pki.layout().root().to_owned();
    for name in [
        "ca/auth-1.crt.pem",
        "ca/auth-1.key.pem",
        "ca/auth-2.crt.pem",
        "ca/auth-untrusted.key.pem",
        "ca/terminal.crt.pem",
        "ca/host.key.pem",
        "terminals/T0001/tls.crt.pem",
        "terminals/T0001/tls.key.pem",
        "terminals/T0001/evidence.crt.pem",
        "terminals/T0001/evidence.key.pem",
        "terminals/T0001/log.crt.pem",
        "terminals/T0001/log.key.pem",
        "host/tls.crt.pem",
        "host/answer.key.pem",
        "host/evidence.key",
        "host/holder.key",
        "anchors/card-test/auth-1.pem",
        "anchors/card-test/auth-2.pem",
        "anchors/terminal/terminal-ca.pem",
        "anchors/host/host-ca.pem",
        "crl/auth-1.crl.pem",
        "crl/auth-2.crl.pem",
        "crl/terminal.crl.pem",
    ] {
        assert!(root.join(name).is_file(), "{name}");
    }
    let anchors = fs::read_dir(world.pki.layout().card_anchors()).unwrap().count();
    assert_eq!(anchors, 2, "the untrusted authority is nobody's anchor");
    let hexadecimal = fs::read_to_string(world.pki.host().holder_key).unwrap();
    assert_eq!(hexadecimal.len(), 64);
    assert!(hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn keys_are_for_their_owner_only() {
    let world = World::new();
    world.pki.terminal("T0001").unwrap();
    let mut keys = 0;
    for path in snapshot(world.pki.layout().root()).keys() {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.ends_with(".key") || name.ends_with(".key.pem") {
            let mode = fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{name}");
            keys += 1;
        }
    }
    assert_eq!(keys, 5 + 3 + 2 + 2, "authorities, terminal, host, host's secrets");
}

#[test]
fn processes_that_open_one_directory_at_once_agree() {
    let directory = tempfile::TempDir::new().unwrap();
    let files: Vec<_> = std::thread::scope(|scope| {
        let open = || {
            let pki = Pki::open_or_create(directory.path(), now()).unwrap();
            let terminal = pki.terminal("T0001").unwrap();
            let tls = fs::read(terminal.tls.certificate).unwrap();
            (tls, fs::read(pki.layout().authority(AuthorityName::Auth1).key).unwrap())
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(files.iter().all(|file| *file == files[0]));
}

#[test]
fn serial_numbers_are_never_given_twice() {
    let world = World::new();
    let serials: std::collections::BTreeSet<Vec<u8>> = (0..3)
        .map(|_| {
            let card = world.auth_card();
            let parsed: x509_cert::Certificate = der::Decode::from_der(&card.certificate).unwrap();
            parsed.tbs_certificate().serial_number().as_bytes().to_vec()
        })
        .collect();
    assert_eq!(serials.len(), 3);
    assert!(serials.iter().all(|serial| serial.len() == 3), "three bytes, as on a JPKI-TEST card");
}

#[test]
fn a_terminal_id_cannot_leave_the_directory() {
    let world = World::new();
    for id in ["", "../x", "t0001", "T 1", "端末", &"A".repeat(33)] {
        assert!(matches!(world.pki.terminal(id), Err(PkiError::TerminalId { .. })), "{id:?}");
    }
    assert!(world.pki.terminal(&"A".repeat(32)).is_ok());
}

#[test]
fn a_damaged_file_is_named_not_replaced() {
    let world = World::new();
    let root = world.pki.layout().root().to_owned();
    let key = world.pki.layout().authority(AuthorityName::Auth1).key;
    for damage in [&b"garbage"[..], b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        fs::write(&key, damage).unwrap();
        let Err(PkiError::Malformed { path, .. }) = Pki::open_or_create(&root, now()) else {
            panic!("{damage:?} was accepted");
        };
        assert_eq!(path, key);
        assert_eq!(fs::read(&key).unwrap(), damage);
    }
}

#[test]
fn lists_are_renewed_before_they_end() {
    let world = World::new();
    world.pki.revoke(AuthorityName::Auth1, 7).unwrap();
    let root = world.pki.layout().root().to_owned();
    let path = world.pki.layout().crl(AuthorityName::Auth1);
    let list = fs::read(&path).unwrap();
    Pki::open_or_create(&root, days(14)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), list);
    let later = Pki::open_or_create(&root, days(16)).unwrap();
    assert_ne!(fs::read(&path).unwrap(), list);
    assert_eq!(later.revoked(AuthorityName::Auth1).unwrap(), [(7, now())]);
}

#[test]
fn revoking_twice_is_revoking_once() {
    let world = World::new();
    let card = world.auth_card();
    world.pki.revoke_certificate(&card.certificate).unwrap();
    let before = snapshot(world.pki.layout().root());
    world.pki.revoke_certificate(&card.certificate).unwrap();
    assert_eq!(snapshot(world.pki.layout().root()), before);
    assert_eq!(world.pki.revoked(AuthorityName::Auth2).unwrap().len(), 1);
}

#[test]
fn only_what_was_issued_here_and_is_on_a_list_can_be_revoked() {
    let (world, elsewhere) = (World::new(), World::new());
    let strange = elsewhere.auth_card();
    assert!(matches!(world.pki.revoke_certificate(&strange.certificate), Err(PkiError::NotIssuedHere)));
    assert!(matches!(world.pki.revoke_certificate(b"x"), Err(PkiError::ParseCertificate { .. })));
    assert!(matches!(
        world.pki.revoke(AuthorityName::Host, 1),
        Err(PkiError::NoRevocationList { authority: "host" })
    ));
}
