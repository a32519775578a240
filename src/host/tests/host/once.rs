//! Exactly once: duplicates, parallel or lost, end as one decision with one answer.

use std::time::Duration;

use request::Decision;
use wire::ProblemCode;

use crate::support::{Card, Reply, World, run};

#[test]
fn the_same_bytes_get_the_same_answer_byte_for_byte() {
    run(async {
        let mut world = World::new().await;
        let card = Card::quick(&world.pki);
        let draft = world.draft("T0001", &card).await;
        let (id, body) = (draft.content.request_id, draft.sign());
        let first = world.client("T0001").register(body.clone()).await;
        assert_eq!(world.verified("T0001", &body, &first).decision, Decision::Registered);
        let again = world.client("T0001").register(body.clone()).await;
        assert_eq!(again.body, first.body);
        assert_eq!(world.client("T0001").answer_of(id).await.body, first.body);
        assert_eq!(world.metric("myna_host_answered_before_total"), 1);

        world.restart().await;
        assert_eq!(
            world.client("T0001").register(body.clone()).await.body,
            first.body,
            "after a restart too"
        );
        assert_eq!(world.rows("decision"), 1);
    });
}

#[test]
fn a_decision_stands_when_the_world_has_changed_since() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let body = world.draft("T0001", &card).await.sign();
        let first = world.client("T0001").register(body.clone()).await;
        world.pki.revoke_certificate(&card.identity.certificate).unwrap();
        assert_eq!(world.client("T0001").register(body.clone()).await.body, first.body, "revoked since");
        std::fs::remove_file(&world.config.revocation.as_ref().unwrap().crls[0]).unwrap();
        assert_eq!(world.client("T0001").register(body.clone()).await.body, first.body, "no list now");
        world.pull(r#"{"lever":"cannot-decide"}"#).await;
        assert_eq!(world.client("T0001").register(body).await.body, first.body, "cannot decide now");
    });
}

#[test]
fn parallel_duplicates_are_one_decision() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let body = world.draft("T0001", &card).await.sign();
        let sending: Vec<_> = (0..32)
            .map(|_| {
                let (client, body) = (world.client("T0001"), body.clone());
                tokio::spawn(async move { client.register(body).await })
            })
            .collect();
        let mut answers = Vec::new();
        for reply in sending {
            let reply = reply.await.unwrap();
            assert_eq!(reply.status, 200);
            answers.push(reply.body);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
        assert_eq!((world.rows("decision"), world.rows("registration")), (1, 1));
    });
}

#[test]
fn one_card_at_many_terminals_at_once_is_one_registration() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let mut sending = Vec::new();
        for number in 0..16 {
            let terminal = if number % 2 == 0 { "T0001" } else { "T0002" };
            let body = world.draft(terminal, &card).await.sign();
            let client = world.client(terminal);
            sending.push(tokio::spawn(async move { (terminal, client.register(body.clone()).await, body) }));
        }
        let mut decisions = Vec::new();
        let mut numbers = Vec::new();
        for sent in sending {
            let (terminal, reply, body) = sent.await.unwrap();
            let answer = world.verified(terminal, &body, &reply);
            decisions.push(answer.decision);
            numbers.push(answer.acceptance_number.unwrap());
        }
        numbers.dedup();
        assert_eq!(numbers.len(), 1, "all are told the one number");
        assert_eq!(decisions.iter().filter(|decision| **decision == Decision::Registered).count(), 1);
        assert_eq!(world.rows("registration"), 1);
    });
}

#[test]
fn other_bytes_under_a_taken_id_are_a_conflict_that_reveals_nothing() {
    run(async {
        let world = World::new().await;
        let (card, other) = (Card::quick(&world.pki), Card::quick(&world.pki));
        let first = world.draft("T0001", &card).await;
        let taken = first.content.request_id;
        assert_eq!(world.client("T0001").register(first.sign()).await.status, 200);
        let mut second = world.draft("T0001", &other).await;
        second.content.request_id = taken;
        let reply = world.client("T0001").register(second.sign()).await;
        assert_eq!(reply.problem(), ProblemCode::Conflict);
        assert!(!reply.text().contains("registered"), "{}", reply.text());
        assert_eq!((world.rows("decision"), world.rows("evidence")), (1, 1));
        // The challenge of the refused request is still there for an honest one.
        second.content.request_id = crate::support::card::new_id(second.signed_at);
        assert_eq!(world.client("T0001").register(second.sign()).await.status, 200);
    });
}

#[test]
fn a_request_id_belongs_to_its_terminal() {
    run(async {
        let world = World::new().await;
        let (card, other) = (Card::quick(&world.pki), Card::quick(&world.pki));
        let first = world.draft("T0001", &card).await;
        let (id, body) = (first.content.request_id, first.sign());
        let mine = world.client("T0001").register(body.clone()).await;
        assert_eq!(world.client("T0002").answer_of(id).await.problem(), ProblemCode::UnknownRequest);
        assert_eq!(world.client("T0002").register(body).await.problem(), ProblemCode::NotThisTerminal);
        // The same id at another terminal is another request.
        let mut second = world.draft("T0002", &other).await;
        second.content.request_id = id;
        let body = second.sign();
        let theirs = world.client("T0002").register(body.clone()).await;
        assert_eq!(world.verified("T0002", &body, &theirs).decision, Decision::Registered);
        assert_eq!(world.client("T0001").answer_of(id).await.body, mine.body);
        assert_eq!(world.client("T0002").answer_of(id).await.body, theirs.body);
    });
}

#[test]
fn a_lost_request_and_a_lost_answer_end_the_same() {
    run(async {
        let world = World::new().await;
        for (lever, decided) in [("lose-request", 0), ("lose-answer", 1)] {
            let card = Card::quick(&world.pki);
            let draft = world.draft("T0001", &card).await;
            let (id, body) = (draft.content.request_id, draft.sign());
            let before = world.rows("decision");
            world.pull(&format!(r#"{{"lever":"{lever}","count":1}}"#)).await;
            world.client("T0001").try_register(body.clone()).await.unwrap_err();
            assert_eq!(world.rows("decision") - before, decided, "{lever}");
            let known = world.client("T0001").answer_of(id).await;
            assert_eq!(known.status, if decided == 1 { 200 } else { 404 });
            let reply = world.client("T0001").register(body.clone()).await;
            assert_eq!(world.verified("T0001", &body, &reply).decision, Decision::Registered);
            assert_eq!(world.rows("decision") - before, 1, "{lever}");
        }
    });
}

#[test]
fn a_client_that_gives_up_does_not_undo_its_decision() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let body = world.draft("T0001", &card).await.sign();
        world.pull(r#"{"lever":"slow","ms":300}"#).await;
        let gave_up = tokio::time::timeout(
            Duration::from_millis(100),
            world.client("T0001").try_register(body.clone()),
        )
        .await;
        assert!(gave_up.is_err());
        world.pull(r#"{"lever":"clear"}"#).await;
        let reply = world.client("T0001").register(body.clone()).await;
        assert_eq!(world.verified("T0001", &body, &reply).decision, Decision::Registered);
        assert_eq!(world.rows("decision"), 1);
    });
}

/// While somebody else holds the database, 200 requests gather; then few commits take them all.
#[test]
fn two_hundred_at_once_take_few_commits() {
    run(async {
        let world = World::with("[limits]\ndatabase_busy_ms_max = 60000").await;
        let card = Card::quick(&world.pki);
        let mut bodies = Vec::new();
        for _ in 0..200 {
            bodies.push(world.draft("T0001", &card).await.sign());
        }
        let before = world.metric("myna_host_commits_total");
        let other = rusqlite::Connection::open(&world.config.database).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let sending: Vec<_> = bodies
            .iter()
            .map(|body| {
                let (desk, body) = (world.desk.clone(), bytes::Bytes::copy_from_slice(body));
                tokio::spawn(async move { desk.register(&"T0001".parse().unwrap(), body).await.unwrap() })
            })
            .collect();
        let verified = || world.metric("myna_host_verify_seconds_count");
        while verified() < 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(world.metric("myna_host_commits_total"), before, "no answer before the commit");
        assert!(sending.iter().all(|sent| !sent.is_finished()));
        other.execute_batch("ROLLBACK").unwrap();
        for (sent, body) in sending.into_iter().zip(&bodies) {
            let body_of = sent.await.unwrap();
            let reply =
                Reply { status: 200, media: wire::MEDIA_CMS.to_owned(), retry_after: None, body: body_of };
            world.verified("T0001", body, &reply);
        }
        let commits = world.metric("myna_host_commits_total") - before;
        assert!((1..=20).contains(&commits), "{commits} commits for 200 requests");
        assert_eq!((world.rows("decision"), world.rows("registration")), (200, 1));
    });
}
