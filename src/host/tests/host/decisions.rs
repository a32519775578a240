//! Every decision and every refusal of the host, through TLS, with signed requests of the test PKI.

use crate::support::{Card, Draft, World, run};
use jiff::{SignedDuration, Timestamp};
use myna_host::acceptance_number::AcceptanceNumber;
use myna_host::clock::Clock as _;
use myna_host::store::InsurerState;
use request::{Decision, RejectReason};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use test_pki::{AuthCa, AuthorityName, CardKey};
use wire::{ProblemCode, TerminalId};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn rejected(reason: RejectReason) -> Decision {
    Decision::Rejected(reason)
}

#[test]
fn a_card_is_registered_and_then_already_registered() {
    run(async {
        let world = World::new().await;
        let card = Card::rsa(&world.pki);
        let first = world.register("T0001", &card).await;
        assert_eq!(first.decision, Decision::Registered);
        assert_eq!(first.holder_key_id, "holder-1");
        let number = first.acceptance_number.unwrap();
        number.parse::<AcceptanceNumber>().unwrap();
        let second = world.register("T0002", &card).await;
        assert_eq!(second.decision, Decision::AlreadyRegistered);
        assert_eq!(
            second.acceptance_number.unwrap(),
            number,
            "the number of the registration that is active"
        );
        assert_eq!(world.rows("registration"), 1);
        assert_eq!(world.rows("decision"), 2);
        assert_eq!(world.rows("evidence"), 2);
        assert_eq!(world.metric(r#"myna_host_decisions_total{code="registered"}"#), 1);
    });
}

#[test]
fn after_a_cancellation_the_holder_registers_again() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let first = world.register("T0001", &card).await.acceptance_number.unwrap();
        let store = &world.desk.parts().store;
        assert!(store.cancel(first.parse().unwrap(), Timestamp::UNIX_EPOCH).await.unwrap());
        assert!(!store.cancel(first.parse().unwrap(), Timestamp::UNIX_EPOCH).await.unwrap(), "once");
        let second = world.register("T0001", &card).await;
        assert_eq!(second.decision, Decision::Registered);
        assert_ne!(second.acceptance_number.unwrap(), first);
    });
}

#[test]
fn cards_that_are_not_in_order_are_rejected_with_the_reason() {
    run(async {
        let world = World::new().await;
        let cases = [
            (AuthCa::Untrusted, -100, 200, RejectReason::CertificateUntrusted),
            (AuthCa::Generation1, -100, -10, RejectReason::CertificateExpired),
            (AuthCa::Generation1, 10, 200, RejectReason::CertificateNotYetValid),
        ];
        for (issuer, from, to, reason) in cases {
            let card = Card::new(&world.pki, CardKey::P256, issuer, from, to);
            let answer = world.register("T0001", &card).await;
            assert_eq!(answer.decision, rejected(reason));
            assert_eq!(answer.acceptance_number, None);
        }
        assert_eq!(world.rows("registration"), 0);
        assert_eq!(world.rows("decision"), 3, "a rejection is a decision");
    });
}

#[test]
fn a_revoked_card_is_rejected_as_soon_as_the_list_says_so() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        assert_eq!(world.register("T0001", &card).await.decision, Decision::Registered);
        world.pki.revoke_certificate(&card.identity.certificate).unwrap();
        let answer = world.register("T0001", &card).await;
        assert_eq!(answer.decision, rejected(RejectReason::CertificateRevoked));
    });
}

#[test]
fn without_a_usable_list_nothing_is_decided_and_the_same_bytes_may_come_again() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let body = world.draft("T0001", &card).await.sign();
        let list = world.pki.layout().crl(AuthorityName::Auth1);
        let kept = std::fs::read(&list).unwrap();
        std::fs::remove_file(&list).unwrap();
        let client = world.client("T0001");
        let reply = client.register(body.clone()).await;
        assert_eq!(reply.problem(), ProblemCode::CannotDecideNow);
        assert_eq!(reply.retry_after.as_deref(), Some("5"));
        assert_eq!(world.rows("decision"), 0);
        assert_eq!(client.get(wire::PATH_HEALTH).await.problem(), ProblemCode::CannotDecideNow);
        std::fs::write(&list, kept).unwrap();
        let reply = client.register(body.clone()).await;
        assert_eq!(world.verified("T0001", &body, &reply).decision, Decision::Registered);
        assert_eq!(client.get(wire::PATH_HEALTH).await.status, 200);
    });
}

#[test]
fn a_stale_list_is_no_list() {
    run(async {
        let world = World::with("[limits]\naccept_until_days = 400").await;
        let card = Card::quick(&world.pki);
        let body = world.draft("T0001", &card).await.sign();
        // The terminals' list of the test PKI ends at the same time: ask the desk, past TLS.
        world.clock.forward(DAY * 60);
        let refusal = world.desk.register(&"T0001".parse().unwrap(), body.into()).await.unwrap_err();
        assert_eq!(refusal.code, ProblemCode::CannotDecideNow);
        assert!(world.client("T0001").connect_and_ask().await.is_err(), "nobody gets in with a stale list");
    });
}

#[test]
fn a_challenge_is_for_one_request_of_one_terminal() {
    run(async {
        let world = World::new().await;
        let (first, second, third) =
            (Card::quick(&world.pki), Card::quick(&world.pki), Card::quick(&world.pki));
        let challenge = world.client("T0001").challenge().await;
        let now = myna_host::clock::Clock::now(world.clock.as_ref());
        let body = Draft::new(&world.pki, "T0001", &first, &challenge, now).sign();
        let reply = world.client("T0001").register(body.clone()).await;
        assert_eq!(world.verified("T0001", &body, &reply).decision, Decision::Registered);

        let body = Draft::new(&world.pki, "T0001", &second, &challenge, now).sign();
        let reply = world.client("T0001").register(body.clone()).await;
        assert_eq!(world.verified("T0001", &body, &reply).decision, rejected(RejectReason::ChallengeUsed));

        let others = world.client("T0001").challenge().await;
        let body = Draft::new(&world.pki, "T0002", &third, &others, now).sign();
        let reply = world.client("T0002").register(body.clone()).await;
        assert_eq!(world.verified("T0002", &body, &reply).decision, rejected(RejectReason::ChallengeUnknown));
    });
}

#[test]
fn late_consent_late_arrival_and_other_terms_are_rejected() {
    run(async {
        let world = World::with("[limits]\naccept_until_days = 1\nclock_skew_ms_max = 1000").await;
        let send = async |change: &dyn Fn(&mut Draft<'_>), wait: SignedDuration| {
            let card = Card::quick(&world.pki);
            let mut draft = world.draft("T0001", &card).await;
            change(&mut draft);
            let body = draft.sign();
            world.clock.forward(wait);
            let reply = world.client("T0001").register(body.clone()).await;
            world.verified("T0001", &body, &reply).decision
        };
        let second = SignedDuration::from_secs(1);
        let zero = SignedDuration::ZERO;
        assert_eq!(
            send(&|draft| draft.signed_at += 910 * second, 910 * second).await,
            rejected(RejectReason::ConsentTooLate)
        );
        assert_eq!(
            send(&|draft| draft.content.consent_time -= 100 * second, zero).await,
            rejected(RejectReason::ConsentTooLate)
        );
        assert_eq!(send(&|_| (), DAY + second).await, rejected(RejectReason::TooLate));
        assert_eq!(
            send(&|_| (), DAY - 60 * second).await,
            Decision::Registered,
            "the outbox may take its time"
        );
        let terms: [&dyn Fn(&mut Draft<'_>); 3] = [
            &|draft| draft.content.terms_version = "0".to_owned(),
            &|draft| draft.content.terms_language = "en".to_owned(),
            &|draft| draft.content.terms_sha256 = [0; 32],
        ];
        for change in terms {
            assert_eq!(send(change, zero).await, rejected(RejectReason::TermsNotCurrent));
        }
    });
}

#[test]
fn a_forgotten_challenge_is_unknown_and_evidence_is_erased_after_its_time() {
    run(async {
        let world = World::with(
            "[limits]\naccept_until_days = 1\nchallenge_keep_days = 1\nhousekeeping_rows_max = 1",
        )
        .await;
        let card = Card::quick(&world.pki);
        for _ in 0..3 {
            world.register("T0001", &card).await;
        }
        let body = world.draft("T0001", &Card::quick(&world.pki)).await.sign();
        assert_eq!((world.rows("challenge"), world.rows("evidence")), (4, 3));
        world.clock.forward(DAY * 3);
        world.desk.keep_house().await;
        assert_eq!((world.rows("challenge"), world.rows("evidence")), (0, 3));
        let reply = world.client("T0001").register(body.clone()).await;
        assert_eq!(world.verified("T0001", &body, &reply).decision, rejected(RejectReason::ChallengeUnknown));
        world.clock.forward(DAY * 363);
        world.desk.keep_house().await;
        assert_eq!(world.rows("evidence"), 1, "the last one is three days younger");
        assert_eq!(world.rows("decision"), 4, "decisions stay");
        assert_eq!(world.metric("myna_host_evidence_erased_total"), 3);
    });
}

#[test]
fn what_the_insurer_says_decides_until_it_is_taken_back() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let anchors =
            request::load_anchors(&world.pki.layout().card_anchors(), request::AnchorKind::Test).unwrap();
        let trust = request::TrustPolicy::new(anchors, true);
        let now = myna_host::clock::Clock::now(world.clock.as_ref());
        let certificate = request::check_card_certificate(&card.identity.certificate, &trust, now).unwrap();
        let parts = world.desk.parts();
        let holder = || parts.holder_keys.holder(certificate.authority_key_id(), certificate.serial());
        for (state, reason) in [
            (InsurerState::NoInsurerData, RejectReason::NoInsurerData),
            (InsurerState::InsurerBlocked, RejectReason::InsurerBlocked),
        ] {
            parts.store.set_insurer(holder(), Some(state), now).await.unwrap();
            assert_eq!(world.register("T0001", &card).await.decision, rejected(reason));
        }
        assert!(parts.store.set_insurer(holder(), None, now).await.unwrap());
        assert_eq!(world.register("T0001", &card).await.decision, Decision::Registered);
    });
}

#[test]
fn sealed_evidence_is_the_request_that_came() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let draft = world.draft("T0001", &card).await;
        let (id, body) = (draft.content.request_id, draft.sign());
        world.client("T0001").register(body.clone()).await;
        let parts = world.desk.parts();
        let sealed = parts.store.evidence("T0001".parse().unwrap(), id).await.unwrap().unwrap();
        assert_eq!(parts.vault.open(id, sealed).unwrap(), body);
        let file = std::fs::read(&world.config.database).unwrap();
        let wal = std::fs::read(world.config.database.with_extension("db-wal")).unwrap_or_default();
        for bytes in [file, wal] {
            let certificate = &card.identity.certificate[..64];
            assert!(!bytes.windows(64).any(|w| w == certificate), "no certificate in the clear");
        }
    });
}

#[test]
fn a_lever_makes_the_host_unable_to_decide() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let body = world.draft("T0001", &card).await.sign();
        world.pull(r#"{"lever":"cannot-decide"}"#).await;
        assert_eq!(
            world.client("T0001").register(body.clone()).await.problem(),
            ProblemCode::CannotDecideNow
        );
        world.pull(r#"{"lever":"clear"}"#).await;
        let reply = world.client("T0001").register(body.clone()).await;
        assert_eq!(world.verified("T0001", &body, &reply).decision, Decision::Registered);
    });
}

#[test]
fn a_host_whose_answer_certificate_has_ended_decides_nothing_and_answers_as_before() {
    run(async {
        let world = World::new().await;
        // Nothing but the answer certificate ends on that day.
        let (card, later) = (Card::quick(&world.pki), Card::quick(&world.pki));
        let body = world.draft("T0001", &card).await.sign();
        let open = world.draft("T0001", &later).await.sign();
        let terminal: TerminalId = "T0001".parse().unwrap();
        let before = world.desk.register(&terminal, body.clone().into()).await.unwrap();
        let files = world.pki.host().answer;
        let pem = std::fs::read(&files.certificate).unwrap();
        let der = CertificateDer::from_pem_slice(&pem).unwrap();
        let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
        let end = Timestamp::from_second(certificate.validity().not_after.timestamp()).unwrap();
        world.clock.forward(end.duration_since(world.clock.now()) + SignedDuration::from_secs(2));

        let mut config = world.config.clone();
        config.revocation = None;
        config.trust.terminal_crl = None;
        let desk = myna_host::open_desk(&config, world.clock.clone()).unwrap();
        let refused = desk.register(&terminal, open.into()).await.unwrap_err();
        assert_eq!(refused.code, ProblemCode::CannotDecideNow);
        assert_eq!(refused.detail, "answer-certificate-not-in-force");
        assert_eq!(desk.health().await.unwrap_err().detail, "answer-certificate-not-in-force");
        assert_eq!(world.rows("decision"), 1);
        assert_eq!(desk.register(&terminal, body.into()).await.unwrap(), before, "the stored answer stands");
    });
}
