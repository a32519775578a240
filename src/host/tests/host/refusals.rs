//! What is no request of this terminal, or no request at all, is refused and leaves no trace in the books.

use std::time::Duration;

use axum::body::Body;
use hyper::Method;
use proptest::prelude::*;
use request::Decision;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wire::{LogCheckpoint, Message as _, ProblemCode};

use crate::support::{Card, Client, Draft, World, run};

#[test]
fn only_certificates_of_the_terminal_ca_get_in() {
    run(async {
        let world = World::new().await;
        assert_eq!(world.client("T0001").connect_and_ask().await.unwrap().status, 200);
        let nobody = Client::with_files(&world.pki, None, world.address);
        nobody.connect_and_ask().await.unwrap_err();
        // The host's own certificate comes from another CA, the evidence certificate has another purpose.
        let strangers = [world.pki.host().tls, world.pki.terminal("T0001").unwrap().evidence];
        for files in strangers {
            Client::with_files(&world.pki, Some(&files), world.address).connect_and_ask().await.unwrap_err();
        }
        assert_eq!(world.metric("myna_host_handshake_failures_total"), 3);
    });
}

#[test]
fn a_tls_certificate_on_the_list_does_not_get_in_after_the_list_is_read() {
    run(async {
        let world = World::with("[limits]\nreload_s = 1").await;
        let client = world.client("T0002");
        assert_eq!(client.connect_and_ask().await.unwrap().status, 200);
        let files = world.pki.terminal("T0002").unwrap();
        let pem = std::fs::read(&files.tls.certificate).unwrap();
        world.pki.revoke_certificate(&der(&pem)).unwrap();
        let mut tries = 0;
        while client.connect_and_ask().await.is_ok() {
            tries += 1;
            assert!(tries < 100, "the list is not read again");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(world.client("T0001").connect_and_ask().await.unwrap().status, 200);
    });
}

fn der(pem: &[u8]) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_slice(pem).unwrap().to_vec()
}

#[test]
fn an_evidence_certificate_on_the_list_does_not_countersign() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let body = world.draft("T0001", &card).await.sign();
        let pem = std::fs::read(world.pki.terminal("T0001").unwrap().evidence.certificate).unwrap();
        world.pki.revoke_certificate(&der(&pem)).unwrap();
        assert_eq!(world.client("T0001").register(body).await.problem(), ProblemCode::TerminalRevoked);
        assert_eq!(world.rows("decision"), 0);
    });
}

#[test]
fn tls_identity_terminal_id_and_countersigner_must_be_one() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        // Another terminal's request, whole and good.
        let body = world.draft("T0002", &card).await.sign();
        assert_eq!(world.client("T0001").register(body).await.problem(), ProblemCode::NotThisTerminal);
        // One that names this terminal and is countersigned by another, and the other way round.
        let mut draft = world.draft("T0001", &card).await;
        draft.countersigner = "T0002".to_owned();
        assert_eq!(
            world.client("T0001").register(draft.sign()).await.problem(),
            ProblemCode::NotThisTerminal
        );
        assert_eq!(
            world.client("T0002").register(draft.sign()).await.problem(),
            ProblemCode::NotThisTerminal
        );
        assert_eq!((world.rows("decision"), world.rows("evidence")), (0, 0));
    });
}

#[test]
fn a_revoked_terminal_is_refused_everywhere_until_it_is_restored() {
    run(async {
        let world = World::new().await;
        let card = Card::quick(&world.pki);
        let draft = world.draft("T0001", &card).await;
        let (id, body) = (draft.content.request_id, draft.sign());
        let client = world.client("T0001");
        let answer = client.register(body.clone()).await.body;
        let store = &world.desk.parts().store;
        let now = draft.signed_at;
        store.revoke_terminal("T0001".parse().unwrap(), now).await.unwrap();
        assert_eq!(client.register(body.clone()).await.problem(), ProblemCode::TerminalRevoked);
        assert_eq!(client.answer_of(id).await.problem(), ProblemCode::TerminalRevoked);
        let challenge = client.post_json(wire::PATH_CHALLENGES, r#"{"schema":1}"#).await;
        assert_eq!(challenge.problem(), ProblemCode::TerminalRevoked);
        let checkpoint = client.post_json(wire::PATH_LOG_CHECKPOINTS, checkpoint(1, 0)).await;
        assert_eq!(checkpoint.problem(), ProblemCode::TerminalRevoked);
        assert_eq!(client.get(wire::PATH_HEALTH).await.status, 200, "it may still ask how the host is");
        store.admit_terminal("T0001".parse().unwrap(), now).await.unwrap();
        assert_eq!(client.register(body).await.body, answer);
    });
}

#[test]
fn where_terminals_are_listed_a_certificate_alone_is_not_enough() {
    run(async {
        let world = World::with("[terminals]\nenrol = \"listed\"").await;
        let client = world.client("T0001");
        let challenge = client.post_json(wire::PATH_CHALLENGES, r#"{"schema":1}"#).await;
        assert_eq!(challenge.problem(), ProblemCode::TerminalUnknown);
        assert_eq!(world.rows("terminal"), 0);
        let now = myna_host::clock::Clock::now(world.clock.as_ref());
        world.desk.parts().store.admit_terminal("T0001".parse().unwrap(), now).await.unwrap();
        let card = Card::quick(&world.pki);
        assert_eq!(world.register("T0001", &card).await.decision, Decision::Registered);
    });
}

#[test]
fn addresses_methods_types_and_sizes_that_are_not_there_are_problems() {
    run(async {
        let world = World::new().await;
        let client = world.client("T0001");
        let cases = [
            (Method::GET, "/", "", 0, ProblemCode::NotFound),
            (Method::GET, "/v1/registrations/../../etc/passwd", "", 0, ProblemCode::NotFound),
            (Method::GET, "/v1/registrations/1", "", 0, ProblemCode::BadRequest),
            (Method::GET, wire::PATH_REGISTRATIONS, "", 0, ProblemCode::MethodNotAllowed),
            (Method::DELETE, wire::PATH_CHALLENGES, "", 0, ProblemCode::MethodNotAllowed),
            (Method::POST, wire::PATH_HEALTH, "", 0, ProblemCode::MethodNotAllowed),
            (Method::POST, wire::PATH_REGISTRATIONS, "", 10, ProblemCode::UnsupportedMediaType),
            (Method::POST, wire::PATH_REGISTRATIONS, wire::MEDIA_JSON, 10, ProblemCode::UnsupportedMediaType),
            (Method::POST, wire::PATH_CHALLENGES, wire::MEDIA_CMS, 10, ProblemCode::UnsupportedMediaType),
            (Method::POST, wire::PATH_CHALLENGES, wire::MEDIA_JSON, 10, ProblemCode::BadRequest),
            (Method::POST, wire::PATH_CHALLENGES, wire::MEDIA_JSON, 1025, ProblemCode::TooLarge),
            (Method::POST, wire::PATH_REGISTRATIONS, wire::MEDIA_CMS, 0, ProblemCode::BadSignature),
            (Method::POST, wire::PATH_REGISTRATIONS, wire::MEDIA_CMS, 16_384, ProblemCode::BadSignature),
            (Method::POST, wire::PATH_REGISTRATIONS, wire::MEDIA_CMS, 16_385, ProblemCode::TooLarge),
            (Method::POST, wire::PATH_LOG_CHECKPOINTS, wire::MEDIA_JSON, 2049, ProblemCode::TooLarge),
        ];
        for (method, path, media, bytes, code) in cases {
            let reply = client.send(method.clone(), path, media, vec![b' '; bytes]).await;
            assert_eq!(reply.problem(), code, "{method} {path} {media} {bytes}");
        }
        // Too large without saying so beforehand.
        let chunks = Body::new(Chunks(vec![bytes::Bytes::from_static(&[0; 8192]); 4].into()));
        let reply = client.send(Method::POST, wire::PATH_REGISTRATIONS, wire::MEDIA_CMS, chunks).await;
        assert_eq!(reply.problem(), ProblemCode::TooLarge);
        assert_eq!(world.metric(r#"myna_host_requests_total{route="none",status="404"}"#), 2);
    });
}

/// A body of chunks without a content length.
struct Chunks(std::collections::VecDeque<bytes::Bytes>);

impl hyper::body::Body for Chunks {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, std::convert::Infallible>>> {
        std::task::Poll::Ready(self.0.pop_front().map(|chunk| Ok(hyper::body::Frame::data(chunk))))
    }
}

#[test]
fn peers_that_dawdle_are_ended() {
    run(async {
        let world =
            World::with("[limits]\nhandshake_ms_max = 200\nhead_ms_max = 200\nbody_ms_max = 200").await;
        // No handshake at all.
        let mut silent = tokio::net::TcpStream::connect(world.address).await.unwrap();
        assert_eq!(silent.read(&mut [0; 16]).await.unwrap_or(0), 0);
        // Half a head.
        let mut slow = world.client("T0001").connect().await.unwrap();
        slow.write_all(b"GET /healthz HTTP/1.1\r\nhost:").await.unwrap();
        let mut answer = Vec::new();
        let _closed = slow.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
        // Half a body.
        let mut slow = world.client("T0001").connect().await.unwrap();
        let head = "POST /v1/registrations HTTP/1.1\r\nhost: a\r\ncontent-type: application/cms\r\ncontent-length: 9\r\n\r\n";
        slow.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = slow.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer[..read]));
    });
}

#[test]
fn more_requests_at_once_than_allowed_are_told_to_come_again() {
    run(async {
        let world = World::with("[limits]\nrequests_max = 1").await;
        let card = Card::quick(&world.pki);
        let body = world.draft("T0001", &card).await.sign();
        world.pull(r#"{"lever":"slow","ms":1000}"#).await;
        let (client, slow) = (world.client("T0001"), body.clone());
        let first = tokio::spawn(async move { client.register(slow).await });
        // It has the one place by now, and keeps it for a second.
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(world.client("T0002").get(wire::PATH_HEALTH).await.problem(), ProblemCode::Busy);
        let reply = first.await.unwrap();
        assert_eq!(world.verified("T0001", &body, &reply).decision, Decision::Registered);
    });
}

/// A checkpoint of T0001; its signature is for the log's verifier, not for the host.
fn checkpoint(sequence: u64, hash: u8) -> Vec<u8> {
    let message = LogCheckpoint {
        terminal_id: "T0001".parse().unwrap(),
        sequence,
        entry_hash: wire::Digest::from_bytes([hash; 32]),
        signed_at: "2026-11-21T01:02:03.000Z".parse().unwrap(),
        signature: "MAYCAQECAQE=".parse().unwrap(),
    };
    message.to_bytes().unwrap()
}

#[test]
fn log_checkpoints_only_go_forward_and_anything_else_is_an_alarm() {
    run(async {
        let world = World::new().await;
        let client = world.client("T0001");
        let send = async |sequence, hash| {
            client.post_json(wire::PATH_LOG_CHECKPOINTS, checkpoint(sequence, hash)).await.status
        };
        let held = async || {
            let store = &world.desk.parts().store;
            let held = store.checkpoint("T0001".parse().unwrap()).await.unwrap().unwrap();
            (held.checkpoint.sequence, held.checkpoint.entry_hash.as_bytes()[0], held.alarms)
        };
        assert_eq!(send(10, 1).await, 204);
        assert_eq!(send(10, 1).await, 204, "the same again is no news");
        assert_eq!(send(12, 2).await, 204);
        assert_eq!(held().await, (12, 2, 0));
        assert_eq!(send(11, 3).await, 204, "the terminal is not told");
        assert_eq!(send(12, 9).await, 204);
        assert_eq!(held().await, (12, 2, 2));
        for code in ["went-back", "contradicts"] {
            assert_eq!(world.metric(&format!(r#"myna_host_checkpoint_alarms_total{{code="{code}"}}"#)), 1);
        }
        let other = world.client("T0002").post_json(wire::PATH_LOG_CHECKPOINTS, checkpoint(13, 1)).await;
        assert_eq!(other.problem(), ProblemCode::NotThisTerminal);
    });
}

/// Random bytes, and a good request with one byte changed: a problem each time, and nothing in the books.
#[test]
fn any_bytes_are_a_problem_and_leave_no_trace() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let world = runtime.block_on(World::new());
    let card = Card::quick(&world.pki);
    let challenge = runtime.block_on(world.client("T0001").challenge());
    let now = myna_host::clock::Clock::now(world.clock.as_ref());
    let good = Draft::new(&world.pki, "T0001", &card, &challenge, now).sign();
    let terminal: wire::TerminalId = "T0001".parse().unwrap();
    let refused = |bytes: Vec<u8>| {
        let refusal = runtime.block_on(world.desk.register(&terminal, bytes.into())).unwrap_err();
        assert!(
            matches!(refusal.code, ProblemCode::BadSignature | ProblemCode::NotThisTerminal),
            "{refusal:?}"
        );
    };
    for at in (0..good.len()).step_by(7) {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        refused(flipped);
    }
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(256));
    runner
        .run(&prop::collection::vec(any::<u8>(), 0..2048), |bytes| {
            refused(bytes);
            Ok(())
        })
        .unwrap();
    let random = runtime.block_on(world.client("T0001").register(vec![0x30; 500]));
    assert_eq!(random.problem(), ProblemCode::BadSignature);
    assert_eq!((world.rows("decision"), world.rows("evidence")), (0, 0));
    let reply = runtime.block_on(world.client("T0001").register(good.clone()));
    assert_eq!(
        world.verified("T0001", &good, &reply).decision,
        Decision::Registered,
        "the good one still is"
    );
}
