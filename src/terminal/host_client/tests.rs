//! The client against a small host over real TLS: what the host says, or does not, becomes the right code.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use request::{AnchorKind, AnswerContent, FileKey, build_answer, load_anchor_file};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use wire::{Digest, EcdsaSignature, Problem, WireTime};

use super::*;
use crate::desks::Post as _;
use crate::queue::Inbox;
use crate::test_support::people::challenge;
use crate::test_support::pki;

const PATIENCE: Duration = Duration::from_secs(20);
const TO: EffectNo = EffectNo(1);
/// A UUID of version 7.
const REQUEST: RequestId = RequestId([6, 6, 6, 6, 6, 6, 0x76, 6, 0x86, 6, 6, 6, 6, 6, 6, 6]);
/// Another one.
const OTHER: RequestId = RequestId([7, 7, 7, 7, 7, 7, 0x77, 7, 0x87, 7, 7, 7, 7, 7, 7, 7]);

#[test]
fn a_rejection_keeps_its_code_on_the_way_to_the_machine() {
    for reason in request::RejectReason::ALL {
        let Decision::Rejected(rejection) = decision(request::Decision::Rejected(reason)) else {
            panic!("a rejection became something else");
        };
        assert_eq!(rejection.code(), reason.code());
    }
}

/// One reply of the host.
struct Says {
    status: u16,
    media: &'static str,
    body: Vec<u8>,
}

fn says(status: u16, media: &'static str, body: impl Into<Vec<u8>>) -> Says {
    Says { status, media, body: body.into() }
}

fn problem(code: ProblemCode) -> Says {
    let body = Problem::new(code, "in a test").to_bytes().unwrap();
    says(code.status(), wire::MEDIA_PROBLEM, body)
}

/// Answers one request after the other, each on a connection of its own, and then is gone.
fn host(replies: Vec<Says>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let files = pki().host().tls;
    let tls = ServerConfig::builder_with_provider(rustls::crypto::aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(files.certificate).unwrap()],
            PrivateKeyDer::from_pem_file(files.key).unwrap(),
        )
        .unwrap();
    let tls = Arc::new(tls);
    std::thread::spawn(move || {
        let mut replies = VecDeque::from(replies);
        while let Some(reply) = replies.pop_front() {
            let (stream, _) = listener.accept().unwrap();
            let connection = ServerConnection::new(Arc::clone(&tls)).unwrap();
            answer(StreamOwned::new(connection, stream), &reply);
        }
    });
    port
}

fn answer(stream: StreamOwned<ServerConnection, TcpStream>, reply: &Says) {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).unwrap();
    let mut stream = stream.into_inner();
    let head = format!(
        "HTTP/1.1 {} said\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        reply.status,
        reply.media,
        reply.body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&reply.body).unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
}

/// A client of the host at `port`, and what it posts.
fn client(port: u16) -> (HostClient, Inbox) {
    let files = pki().terminal("T0001").unwrap().tls;
    let ca = pki().layout().host_anchor();
    let identity = Identity { ca: &ca, certificate: &files.certificate, key: &files.key };
    let deadlines = Deadlines { connect: PATIENCE, answer: PATIENCE };
    let connections = Connections::new(("localhost".to_owned(), port), tls(identity).unwrap(), deadlines);
    let (mailbox, inbox) = Mailbox::new();
    let setup = HostSetup {
        authority: format!("localhost:{port}"),
        connections: connections.unwrap(),
        answer_anchors: load_anchor_file(&ca, AnchorKind::Service).unwrap(),
        terminal_id: "T0001".to_owned(),
        mailbox,
    };
    (HostClient::start(setup).unwrap(), inbox)
}

/// What the client makes of a job at a host that says this, with the story for the log.
fn done(replies: Vec<Says>, job: Job) -> (Message, Story) {
    let (client, inbox) = client(host(replies));
    client.give(job);
    let letter = inbox.next(Some(clock::instant() + PATIENCE)).expect("in time");
    (letter.message, letter.story)
}

fn recorded() -> Recorded {
    Recorded { request: REQUEST, cms: Arc::from(b"a signed request".as_slice()) }
}

fn challenged(says: Says) -> (ChallengeAnswer, Story) {
    let (message, story) = done(vec![says], Job::Challenge { to: TO, visit: VisitId([1; 16]) });
    match message {
        Message::Event(Event::Answer { to: TO, answer: Answer::Challenge(answer) }) => (answer, story),
        other => panic!("{other:?}"),
    }
}

fn sent(replies: Vec<Says>, job: Job) -> (HostAnswer, Story) {
    let (message, story) = done(replies, job);
    match message {
        Message::Event(Event::Answer { to: TO, answer: Answer::Host(answer) }) => (answer, story),
        other => panic!("{other:?}"),
    }
}

fn send() -> Job {
    Job::Send { to: TO, recorded: recorded() }
}

#[test]
fn a_challenge_comes_through() {
    let body = challenge(clock::now()).to_bytes().unwrap();
    let job = Job::Challenge { to: TO, visit: VisitId([1; 16]) };
    let (message, _) = done(vec![says(200, wire::MEDIA_JSON, body)], job);
    let Message::Challenge { to: TO, challenge, .. } = message else { panic!("{message:?}") };
    assert_eq!(challenge.terms.version().as_str(), "2026_11");
}

#[test]
fn a_host_that_does_not_take_this_terminal_refuses_us_and_the_log_has_its_own_code() {
    let codes = [
        ProblemCode::TerminalRevoked,
        ProblemCode::TerminalUnknown,
        ProblemCode::NotThisTerminal,
        ProblemCode::Conflict,
        ProblemCode::BadSignature,
    ];
    for code in codes {
        let (answer, story) = challenged(problem(code));
        let ChallengeAnswer::Failed(fault) = answer else { panic!("{answer:?}") };
        assert_eq!((fault.code, fault.kind), ("host-refused-us", FaultKind::NeedsOperator), "{code:?}");
        assert!(story.what.unwrap().contains(code.as_str()));

        let (answer, story) = sent(vec![problem(code)], send());
        let HostAnswer::WillNot(fault) = answer else { panic!("{answer:?}") };
        assert_eq!((fault.code, fault.kind), ("host-refused-us", FaultKind::NeedsOperator), "{code:?}");
        assert!(story.what.unwrap().contains(code.as_str()));
    }
}

#[test]
fn a_host_that_says_not_now_is_closed_and_is_asked_again() {
    for code in [ProblemCode::Busy, ProblemCode::CannotDecideNow, ProblemCode::Timeout] {
        assert_eq!(challenged(problem(code)).0, ChallengeAnswer::Refused(Refusal::HostClosed), "{code:?}");
        let (answer, story) = sent(vec![problem(code)], send());
        let HostAnswer::NoDecision(fault) = answer else { panic!("{answer:?}") };
        assert_eq!((fault.code, fault.kind), ("host-closed", FaultKind::Transient), "{code:?}");
        assert!(story.what.unwrap().contains(code.as_str()));
    }
}

#[test]
fn what_is_nothing_of_the_interface_is_an_invalid_answer() {
    let too_long = vec![b' '; wire::limits::CHALLENGE_ANSWER_BYTES_MAX + 1];
    for nonsense in [
        says(200, wire::MEDIA_JSON, "{}"),
        says(200, "text/html", "<html>log in to the network</html>"),
        says(502, "text/html", "bad gateway"),
        says(403, wire::MEDIA_PROBLEM, "{}"),
        says(200, wire::MEDIA_JSON, too_long),
    ] {
        let (answer, _) = challenged(nonsense);
        let ChallengeAnswer::Failed(fault) = answer else { panic!("{answer:?}") };
        assert_eq!((fault.code, fault.kind), ("answer-invalid", FaultKind::NeedsOperator));
    }
}

/// An answer to the recorded request, signed with the host's answering key unless another's files are named.
fn signed_answer(change: impl FnOnce(&mut AnswerContent), files: &test_pki::KeyFiles) -> Vec<u8> {
    let mut content = AnswerContent {
        request_id: Uuid::from_bytes(REQUEST.0),
        request_sha256: *Digest::of(&recorded().cms).as_bytes(),
        terminal_id: "T0001".to_owned(),
        decision: request::Decision::Registered,
        acceptance_number: Some("A-1".to_owned()),
        host_time: clock::now(),
        holder_key_id: "holder-1".to_owned(),
    };
    change(&mut content);
    build_answer(&content, &FileKey::load(&files.certificate, &files.key).unwrap()).unwrap()
}

#[test]
fn an_answer_that_cannot_be_believed_was_not_given() {
    let host = pki().host().answer;
    // The terminal's evidence key is under another CA, and made for another purpose.
    let other = pki().terminal("T0002").unwrap().evidence;
    let forged = [
        b"no CMS at all".to_vec(),
        signed_answer(|_| (), &other),
        signed_answer(|content| content.request_sha256 = [0; 32], &host),
        signed_answer(|content| content.terminal_id = "T0002".to_owned(), &host),
        signed_answer(|content| content.request_id = Uuid::from_bytes(OTHER.0), &host),
    ];
    for der in forged {
        let (answer, _) = sent(vec![says(200, wire::MEDIA_CMS, der)], send());
        let HostAnswer::NoDecision(fault) = answer else { panic!("{answer:?}") };
        assert_eq!((fault.code, fault.kind), ("answer-invalid", FaultKind::NeedsOperator));
    }
    let good = signed_answer(|_| (), &host);
    let (message, _) = done(vec![says(200, wire::MEDIA_CMS, good.clone())], send());
    let Message::Decided(paper) = message else { panic!("{message:?}") };
    assert_eq!((paper.decision, paper.der), (Decision::Registered, good));
}

#[test]
fn a_request_that_the_host_does_not_know_is_sent_again() {
    let good = signed_answer(|_| (), &pki().host().answer);
    let replies = vec![problem(ProblemCode::UnknownRequest), says(200, wire::MEDIA_CMS, good)];
    let (message, _) = done(replies, Job::AskOrResend { to: TO, recorded: recorded() });
    assert!(matches!(message, Message::Decided(_)), "{message:?}");
}

#[test]
fn nobody_there_is_unreachable_and_so_is_somebody_else() {
    let job = || Job::Challenge { to: TO, visit: VisitId([1; 16]) };
    let unreachable = |port| {
        let (client, inbox) = client(port);
        client.give(job());
        let letter = inbox.next(Some(clock::instant() + PATIENCE)).expect("in time");
        let Message::Event(Event::Answer { answer: Answer::Challenge(answer), .. }) = letter.message else {
            panic!("{:?}", letter.message)
        };
        assert_eq!(answer, ChallengeAnswer::Refused(Refusal::HostUnreachable));
    };
    // Nobody listens there any more.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    unreachable(closed);
    // Somebody who speaks no TLS.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.accept().unwrap().0.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"));
    unreachable(port);
}

#[test]
fn a_checkpoint_that_is_not_taken_is_told_and_offered_again_later() {
    let checkpoint = LogCheckpoint {
        terminal_id: "T0001".parse().unwrap(),
        sequence: 3,
        entry_hash: Digest::from_bytes([0; 32]),
        signed_at: WireTime::from_timestamp(clock::now()).unwrap(),
        signature: "MAYCAQECAQE=".parse::<EcdsaSignature>().unwrap(),
    };
    let job = Job::Checkpoint(Box::new(checkpoint));
    let (message, _) = done(vec![problem(ProblemCode::Busy)], job);
    let Message::Event(Event::Fault(fault)) = message else { panic!("{message:?}") };
    assert_eq!((fault.code, fault.kind), ("checkpoint-not-held", FaultKind::Transient));
}
