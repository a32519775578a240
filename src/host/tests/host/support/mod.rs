//! A host in this process behind real TLS on loopback, with terminals and cards of the test PKI and a clock that the test
//! moves.

pub mod card;
pub mod client;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use myna_host::clock::{Clock, SystemClock};
use myna_host::{Config, Desk, Server};
use request::{AnswerContent, ExpectedAnswer};
use test_pki::Pki;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use card::{Card, Draft};
pub use client::{Client, Reply};

/// The machine's clock, moved by the test.
#[derive(Debug)]
pub struct MovedClock {
    real: SystemClock,
    ahead_ms: AtomicI64,
}

impl MovedClock {
    pub fn forward(&self, by: SignedDuration) {
        self.ahead_ms.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        self.real.now() + SignedDuration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        self.real.elapsed()
    }
}

/// Directory, PKI, configuration, and a running host.
pub struct World {
    /// Goes with the world.
    _dir: tempfile::TempDir,
    pub pki: Pki,
    pub clock: Arc<MovedClock>,
    pub config: Config,
    pub desk: Arc<Desk>,
    pub address: std::net::SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<Result<(), myna_host::HostError>>>,
}

/// Making a PKI takes RSA keys: one per test binary, copied for each world.
fn pki_template(now: Timestamp) -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::open_or_create(dir.path(), now).unwrap();
        for id in ["T0001", "T0002"] {
            pki.terminal(id).unwrap();
        }
        dir
    })
    .path()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What a host of the test PKI is configured with; `extra` goes to the end.
pub fn config_text(dir: &Path, extra: &str) -> String {
    let pki = dir.join("pki");
    let pki = pki.display();
    format!(
        r#"listen = "127.0.0.1:0"
database = "host.db"
bench_only = true
allow_test_roots = true
[tls]
certificate = "{pki}/host/tls.crt.pem"
key = "{pki}/host/tls.key.pem"
terminal_ca = "{pki}/ca/terminal.crt.pem"
terminal_crl = "{pki}/crl/terminal.crl.pem"
[answer]
certificate = "{pki}/host/answer.crt.pem"
key = "{pki}/host/answer.key.pem"
[holder]
key_id = "holder-1"
key_file = "{pki}/host/holder.key"
[evidence]
key_file = "{pki}/host/evidence.key"
keep_days = 365
[trust]
card_anchors_test = "{pki}/anchors/card-test"
terminal_ca = "{pki}/ca/terminal.crt.pem"
terminal_crl = "{pki}/crl/terminal.crl.pem"
[revocation]
crls = ["{pki}/crl/auth-1.crl.pem", "{pki}/crl/auth-2.crl.pem"]
[levers]
socket = "levers"
{extra}"#
    )
}

/// A directory with a PKI and `host.toml`.
pub fn prepare(extra: &str) -> (tempfile::TempDir, Pki, PathBuf) {
    let now = SystemClock::new().now();
    let dir = tempfile::tempdir().unwrap();
    copy(pki_template(now), &dir.path().join("pki"));
    let pki = Pki::open_or_create(&dir.path().join("pki"), now).unwrap();
    let path = dir.path().join("host.toml");
    std::fs::write(&path, config_text(dir.path(), extra)).unwrap();
    (dir, pki, path)
}

impl World {
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// With more configuration, for example `"[limits]\nrequests_max = 1"`.
    pub async fn with(extra: &str) -> Self {
        let (dir, pki, path) = prepare(extra);
        let config = Config::load(&path).unwrap();
        let clock = Arc::new(MovedClock { real: SystemClock::new(), ahead_ms: AtomicI64::new(0) });
        let server = Server::bind(&config, clock.clone()).await.unwrap();
        let (address, desk) = (server.local_address().unwrap(), server.desk());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { _dir: dir, pki, clock, config, desk, address, stop: Some(stop), running: Some(running) }
    }

    /// Stops the host and starts it again on the same books.
    pub async fn restart(&mut self) {
        self.stop().await;
        let server = Server::bind(&self.config, self.clock.clone()).await.unwrap();
        (self.address, self.desk) = (server.local_address().unwrap(), server.desk());
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        self.running = Some(tokio::spawn(server.run(async {
            let _ = stopped.await;
        })));
    }

    /// Ends the host as SIGTERM does.
    pub async fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.running.take().unwrap().await.unwrap().unwrap();
    }

    pub fn client(&self, terminal: &str) -> Client {
        Client::new(&self.pki, terminal, self.address)
    }

    /// A draft of a request with a fresh challenge of this terminal.
    pub async fn draft<'a>(&'a self, terminal: &str, card: &'a Card) -> Draft<'a> {
        let challenge = self.client(terminal).challenge().await;
        Draft::new(&self.pki, terminal, card, &challenge, self.clock.now())
    }

    /// Registers a card at a terminal, whole way.
    pub async fn register(&self, terminal: &str, card: &Card) -> AnswerContent {
        let body = self.draft(terminal, card).await.sign();
        let reply = self.client(terminal).register(body.clone()).await;
        self.verified(terminal, &body, &reply)
    }

    /// The content of an answer that the terminal's verifier accepts.
    pub fn verified(&self, terminal: &str, body: &[u8], reply: &Reply) -> AnswerContent {
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.media, wire::MEDIA_CMS);
        let anchors =
            request::load_anchor_file(&self.pki.layout().host_anchor(), request::AnchorKind::Service)
                .unwrap();
        let terminal_anchors = card::terminal_anchors(&self.pki);
        let opened = request::open_request(body, &terminal_anchors, request::CheckTime::SigningTime).unwrap();
        let expected = ExpectedAnswer {
            request_id: opened.content().request_id,
            request_sha256: *wire::Digest::of(body).as_bytes(),
            terminal_id: terminal,
        };
        request::verify_answer(&reply.body, &anchors, self.clock.now(), &expected).unwrap().content().clone()
    }

    /// Pulls a lever through its socket.
    pub async fn pull(&self, line: &str) {
        use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
        let socket = &self.config.levers.as_ref().unwrap().socket;
        let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        tokio::io::BufReader::new(stream).read_line(&mut answer).await.unwrap();
        assert_eq!(answer.trim(), r#"{"ok":true}"#);
    }

    /// One number from `/metrics`; 0 where the line is not there.
    pub fn metric(&self, line_start: &str) -> u64 {
        let text = self.desk.parts().metrics.text().unwrap();
        let line =
            text.lines().find(|line| line.strip_prefix(line_start).is_some_and(|rest| rest.starts_with(' ')));
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    /// Rows of a table, seen from outside.
    pub fn rows(&self, table: &str) -> i64 {
        let books = rusqlite::Connection::open(&self.config.database).unwrap();
        books.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap()
    }
}

/// Runs a test on threads of its own.
pub fn run<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}
