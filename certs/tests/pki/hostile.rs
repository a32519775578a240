//! Bytes from outside: a certificate to revoke, a record, a key. Errors, never a panic.

use std::fs;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use test_pki::{AuthorityName, Pki, PkiError};

use crate::support::{World, now};

#[test]
fn a_damaged_certificate_is_refused_not_revoked() {
    let world = World::new();
    // Issued elsewhere, so that even an unchanged byte gives a stranger.
    let certificate = World::new().auth_card().certificate;
    let refused = |bytes: &[u8]| {
        let result = world.pki.revoke_certificate(bytes);
        matches!(result, Err(PkiError::ParseCertificate { .. } | PkiError::NotIssuedHere))
    };
    let index = any::<prop::sample::Index>;
    let random = proptest::collection::vec(any::<u8>(), 0..2048);
    let inputs = (random, index(), any::<u8>(), index());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(96));
    let outcome = runner.run(&inputs, |(random, position, value, length)| {
        prop_assert!(refused(&random));
        let mut changed = certificate.clone();
        changed[position.index(certificate.len())] = value;
        prop_assert!(refused(&changed));
        prop_assert!(refused(&certificate[..length.index(certificate.len())]));
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn a_record_that_cannot_be_understood_is_named() {
    let world = World::new();
    let path = world.pki.layout().root().join("ca/auth-1.record.toml");
    let good = fs::read_to_string(&path).unwrap();
    for bad in ["", "next_serial = -1\n", "next_serial = 1\nunknown = 2\n", &good[..good.len() / 2]] {
        fs::write(&path, bad).unwrap();
        let result = Pki::open_or_create(world.pki.layout().root(), now());
        let Err(PkiError::ParseRecord { path: named, .. }) = result else {
            panic!("{bad:?} was accepted");
        };
        assert_eq!(named, path);
    }
    fs::write(&path, [0xFF, 0xFE]).unwrap();
    assert!(matches!(world.pki.revoke(AuthorityName::Auth1, 1), Err(PkiError::ParseRecord { .. })));
}
