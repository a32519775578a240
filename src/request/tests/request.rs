//! A request from card to verifier, for every kind of card.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod support;

use request::{CardAlgorithm, verify_request};
use support::World;

#[test]
fn every_kind_of_card_passes_from_preparation_to_verification() {
    for (file, algorithm, input) in [
        ("card-rsa", CardAlgorithm::Rsa2048Sha256, 51),
        ("card-p256", CardAlgorithm::EcdsaP256Sha256, 32),
        ("card-p384", CardAlgorithm::EcdsaP384Sha384, 48),
    ] {
        let world = World::new().with_card(file);
        let card = world.card_certificate();
        assert_eq!(card.algorithm(), algorithm);
        let prepared = request::prepare(&world.content(&card), &card, world.at).unwrap();
        assert_eq!(prepared.to_be_signed().as_bytes().len(), input);

        let signed = world.request();
        let verified = verify_request(signed.der(), &world.request_policy()).unwrap();
        assert_eq!(verified.content(), &world.content(&card));
        assert_eq!(verified.request().sha256(), signed.sha256());
        assert_eq!(verified.request().terminal_id(), "T0001");
        assert_eq!(verified.request().signing_time().to_string(), "2026-11-21T01:02:05Z");
        assert_eq!(verified.card().der(), card.der());
    }
}
