//! What OpenSSL thinks of our chains and lists.

use test_pki::{AuthCa, AuthorityName, CardKey, CardPurpose};

use crate::support::{World, now, openssl, text};

fn verify(world: &World, anchor: AuthorityName, certificate: &[u8], more: &[&str]) -> (bool, String) {
    let leaf = world.file("leaf.der", certificate);
    let anchor = world.pki.layout().authority(anchor).certificate;
    let time = now().as_second().to_string();
    let mut arguments = vec!["verify", "-x509_strict", "-attime", &time, "-CAfile", text(&anchor)];
    arguments.extend(more);
    arguments.push(text(&leaf));
    openssl(&arguments)
}

#[test]
fn openssl_accepts_card_chains_with_their_policy() {
    let world = World::new();
    for (issuer, anchor) in [
        (AuthCa::Generation1, AuthorityName::Auth1),
        (AuthCa::Generation2, AuthorityName::Auth2),
        (AuthCa::Untrusted, AuthorityName::AuthUntrusted),
    ] {
        let card = world.card(CardPurpose::UserAuthentication, issuer, CardKey::Rsa2048);
        let policy = ["-policy_check", "-explicit_policy", "-policy", "1.2.392.200149.8.5.1.0.30"];
        let (ok, said) = verify(&world, anchor, &card.certificate, &policy);
        assert!(ok, "{said}");
        let (ok, said) = verify(&world, anchor, &card.certificate, &["-purpose", "sslclient"]);
        assert!(ok, "{said}");
    }
}

#[test]
fn openssl_accepts_signature_and_hypothetical_certificates() {
    let world = World::new();
    for (purpose, key, anchor) in [
        (CardPurpose::Signature, CardKey::Rsa2048, AuthorityName::Sign1),
        (CardPurpose::UserAuthentication, CardKey::P256, AuthorityName::Auth1),
        (CardPurpose::UserAuthentication, CardKey::P384, AuthorityName::Auth1),
    ] {
        let card = world.card(purpose, AuthCa::Generation1, key);
        let (ok, said) = verify(&world, anchor, &card.certificate, &["-policy_check"]);
        assert!(ok, "{said}");
    }
}

#[test]
fn a_chain_ends_at_its_own_generation_only() {
    let world = World::new();
    let card = world.card(CardPurpose::UserAuthentication, AuthCa::Generation1, CardKey::Rsa2048);
    for other in [AuthorityName::Auth2, AuthorityName::AuthUntrusted] {
        let (ok, said) = verify(&world, other, &card.certificate, &[]);
        assert!(!ok, "{said}");
    }
}

#[test]
fn openssl_accepts_terminal_and_host_certificates_for_their_tls_role() {
    let world = World::new();
    let terminal = world.pki.terminal("T0001").unwrap();
    let host = world.pki.host();
    for (files, anchor, purpose, wrong_purpose) in [
        (terminal.tls, AuthorityName::Terminal, "sslclient", "sslserver"),
        (host.tls, AuthorityName::Host, "sslserver", "sslclient"),
    ] {
        let certificate = std::fs::read(&files.certificate).unwrap();
        assert!(verify(&world, anchor, &certificate, &["-purpose", purpose]).0);
        assert!(!verify(&world, anchor, &certificate, &["-purpose", wrong_purpose]).0);
    }
    for (files, anchor) in [
        (terminal.evidence, AuthorityName::Terminal),
        (terminal.log, AuthorityName::Terminal),
        (host.answer, AuthorityName::Host),
    ] {
        let certificate = std::fs::read(&files.certificate).unwrap();
        assert!(verify(&world, anchor, &certificate, &[]).0);
        assert!(!verify(&world, anchor, &certificate, &["-purpose", "sslclient"]).0);
    }
}

#[test]
fn the_host_certificate_names_this_machine() {
    let world = World::new();
    let certificate = std::fs::read(world.pki.host().tls.certificate).unwrap();
    for name in [["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]] {
        let (ok, said) = verify(&world, AuthorityName::Host, &certificate, &name);
        assert!(ok, "{name:?}: {said}");
    }
    let (ok, _) = verify(&world, AuthorityName::Host, &certificate, &["-verify_hostname", "example.com"]);
    assert!(!ok);
}

#[test]
fn keys_and_certificates_belong_together() {
    let world = World::new();
    let card = world.auth_card();
    let key = world.file("card.key.der", &card.private_key_pkcs8);
    let certificate = world.file("card.der", &card.certificate);
    let (_, of_key) = openssl(&["pkey", "-inform", "DER", "-in", text(&key), "-pubout"]);
    let (_, of_certificate) = openssl(&["x509", "-in", text(&certificate), "-noout", "-pubkey"]);
    assert!(of_key.starts_with("-----BEGIN PUBLIC KEY-----"), "{of_key}");
    assert_eq!(of_key, of_certificate);
}

#[test]
fn a_revoked_certificate_is_on_the_list_and_openssl_refuses_it() {
    let world = World::new();
    let (good, bad) = (world.auth_card(), world.auth_card());
    let list = world.pki.layout().crl(AuthorityName::Auth2);
    let check = |certificate: &[u8]| {
        let more = ["-crl_check", "-CRLfile", text(&list)];
        verify(&world, AuthorityName::Auth2, certificate, &more)
    };
    assert!(check(&bad.certificate).0);
    assert_eq!(world.pki.revoke_certificate(&bad.certificate).unwrap(), AuthorityName::Auth2);
    let (ok, said) = check(&bad.certificate);
    assert!(!ok && said.contains("certificate revoked"), "{said}");
    let (ok, said) = check(&good.certificate);
    assert!(ok, "{said}");
}

#[test]
fn openssl_verifies_every_list() {
    let world = World::new();
    for name in [AuthorityName::Auth1, AuthorityName::Auth2, AuthorityName::Terminal] {
        world.pki.revoke(name, 0x1234).unwrap();
        let list = world.pki.layout().crl(name);
        let anchor = world.pki.layout().authority(name).certificate;
        let (ok, said) = openssl(&["crl", "-in", text(&list), "-noout", "-text", "-CAfile", text(&anchor)]);
        assert!(ok && said.contains("verify OK"), "{said}");
        assert!(said.contains("Serial Number: 1234"), "{said}");
        assert!(said.contains("Version 2"), "{said}");
        assert!(said.contains("Authority Key Identifier") && said.contains("CRL Number"), "{said}");
        assert!(!said.contains("critical"), "{said}");
        assert!(said.contains("Next Update: Dec 21 01:02:03 2026 GMT"), "{said}");
    }
}
