//! The program as a process: `kill -9` around the commit, SIGTERM, the operator's commands, what the log holds.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use myna_host::clock::{Clock as _, SystemClock};
use request::Decision;

use crate::support::{Card, Client, Draft, prepare, run};

/// Kills in one test.
const ROUNDS: u32 = 16;
const PROGRAM: &str = env!("CARGO_BIN_EXE_myna-host");

/// A running `myna-host serve`, killed when dropped.
struct Process {
    child: Child,
    address: std::net::SocketAddr,
}

impl Process {
    fn start(config: &Path, log: &Path) -> Self {
        let errors = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["--log-format", "json", "serve", "--config"])
            .arg(config)
            .env("MYNA_HOST_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on https://").unwrap().parse().unwrap();
        Self { child, address }
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn signal(&self, name: &str) {
        let done =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rows(database: &Path, table: &str) -> i64 {
    let books = rusqlite::Connection::open(database).unwrap();
    books.query_row(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0)).unwrap()
}

fn host(config: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).arg("--config").arg(config).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Kill -9 at many moments around the commit; then the terminal resends. One decision, and if an answer got out before, the
/// same one.
#[test]
fn kill_minus_nine_around_the_commit_leaves_one_decision() {
    run(async {
        let (dir, pki, config) = prepare("");
        let log = dir.path().join("log");
        let database = dir.path().join("host.db");
        let mut process = Process::start(&config, &log);
        // How long a whole exchange takes on this machine; the kills are spread over it and beyond.
        let begun = SystemClock::new();
        Client::new(&pki, "T0001", process.address).challenge().await;
        let exchange = begun.elapsed();
        let mut decided_before_the_kill = 0;
        for round in 0..ROUNDS {
            let card = Card::quick(&pki);
            let challenge = Client::new(&pki, "T0001", process.address).challenge().await;
            let now = challenge.host_time.timestamp();
            let draft = Draft::new(&pki, "T0001", &card, &challenge, now);
            let (id, body) = (draft.content.request_id, draft.sign());
            let (first, sent) = (Client::new(&pki, "T0001", process.address), body.clone());
            let first = tokio::spawn(async move { first.try_register(sent).await });
            tokio::time::sleep(exchange * 2 * round / ROUNDS).await;
            process.kill();
            let first = first.await.unwrap();

            process = Process::start(&config, &log);
            let before = rows(&database, "decision") - i64::from(round);
            assert!((0..=1).contains(&before));
            decided_before_the_kill += before;
            let terminal = Client::new(&pki, "T0001", process.address);
            let known = terminal.answer_of(id).await;
            assert_eq!(known.status, if before == 1 { 200 } else { 404 });
            let resent = terminal.register(body.clone()).await;
            assert_eq!(resent.status, 200, "{}", resent.text());
            if let Ok(first) = first {
                assert_eq!(first.body, resent.body, "an answer that got out stands");
                assert_eq!(before, 1, "no answer before its commit");
            }
            assert_eq!(terminal.register(body).await.body, resent.body);
        }
        assert_eq!(
            (rows(&database, "decision"), rows(&database, "registration")),
            (ROUNDS.into(), ROUNDS.into())
        );
        eprintln!("{decided_before_the_kill} of {ROUNDS} were decided before the kill");
    });
}

#[test]
fn a_kill_before_the_decision_leaves_the_request_to_come_again() {
    run(async {
        let (dir, pki, config) = prepare("");
        let log = dir.path().join("log");
        let process = Process::start(&config, &log);
        let card = Card::quick(&pki);
        let terminal = Client::new(&pki, "T0001", process.address);
        let challenge = terminal.challenge().await;
        let body = Draft::new(&pki, "T0001", &card, &challenge, challenge.host_time.timestamp()).sign();
        pull(&dir.path().join("levers"), r#"{"lever":"slow","ms":60000}"#).await;
        let sent = body.clone();
        let sending = tokio::spawn(async move { terminal.try_register(sent).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        process.kill();
        sending.await.unwrap().unwrap_err();
        assert_eq!(rows(&dir.path().join("host.db"), "decision"), 0);

        let process = Process::start(&config, &log);
        assert_eq!(Client::new(&pki, "T0001", process.address).register(body).await.status, 200);
        assert_eq!(rows(&dir.path().join("host.db"), "registration"), 1);
    });
}

#[test]
fn a_lost_answer_and_a_kill_leave_one_decision() {
    run(async {
        let (dir, pki, config) = prepare("");
        let log = dir.path().join("log");
        let process = Process::start(&config, &log);
        let card = Card::rsa(&pki);
        let challenge = Client::new(&pki, "T0001", process.address).challenge().await;
        let draft = Draft::new(&pki, "T0001", &card, &challenge, challenge.host_time.timestamp());
        let body = draft.sign();
        pull(&dir.path().join("levers"), r#"{"lever":"lose-answer","count":1}"#).await;
        Client::new(&pki, "T0001", process.address).try_register(body.clone()).await.unwrap_err();
        process.kill();
        assert_eq!(rows(&dir.path().join("host.db"), "decision"), 1, "committed before the answer was lost");

        let process = Process::start(&config, &log);
        let reply = Client::new(&pki, "T0001", process.address).register(body).await;
        assert_eq!(reply.status, 200);
        assert_eq!(rows(&dir.path().join("host.db"), "registration"), 1);
    });
}

async fn pull(socket: &Path, line: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::UnixStream::connect(socket).await.unwrap();
    stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    let mut answer = [0; 11];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, br#"{"ok":true}"#);
}

#[test]
fn sigterm_lets_requests_in_work_finish() {
    run(async {
        let (dir, pki, config) = prepare("");
        let mut process = Process::start(&config, &dir.path().join("log"));
        let terminal = Client::new(&pki, "T0001", process.address);
        let card = Card::quick(&pki);
        let challenge = terminal.challenge().await;
        let body = Draft::new(&pki, "T0001", &card, &challenge, challenge.host_time.timestamp()).sign();
        pull(&dir.path().join("levers"), r#"{"lever":"slow","ms":500}"#).await;
        let (sender, sent) = (terminal.clone(), body.clone());
        let in_work = tokio::spawn(async move { sender.try_register(sent).await });
        tokio::time::sleep(Duration::from_millis(150)).await;
        process.signal("TERM");
        assert_eq!(in_work.await.unwrap().unwrap().status, 200);
        let ended = tokio::task::spawn_blocking(move || {
            let status = process.child.wait().unwrap();
            (status, process)
        });
        let (status, _process) = tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap().unwrap();
        assert!(status.success());
        terminal.connect_and_ask().await.unwrap_err();
        assert_eq!(rows(&dir.path().join("host.db"), "registration"), 1);
    });
}

#[test]
fn the_operator_looks_and_acts_while_the_host_runs() {
    run(async {
        let (dir, pki, config) = prepare("");
        let process = Process::start(&config, &dir.path().join("log"));
        let terminal = Client::new(&pki, "T0001", process.address);
        let card = Card::quick(&pki);
        let file = dir.path().join("card.der");
        std::fs::write(&file, &card.identity.certificate).unwrap();
        let file = file.to_str().unwrap();
        let register = async |decision: Decision| {
            let challenge = terminal.challenge().await;
            let draft = Draft::new(&pki, "T0001", &card, &challenge, challenge.host_time.timestamp());
            let body = draft.sign();
            let reply = terminal.register(body.clone()).await;
            let path = dir.path().join(format!("{}.cms", draft.content.request_id));
            let answer = dir.path().join(format!("{}.answer", draft.content.request_id));
            let id = draft.content.request_id.to_string();
            let (evidence, out) = (path.to_str().unwrap(), answer.to_str().unwrap());
            let shown = said(&host(&config, &["show", &id, "--evidence", evidence, "--answer", out]));
            assert_eq!(std::fs::read(&path).unwrap(), body, "evidence opens to what was sent");
            assert_eq!(std::fs::read(&answer).unwrap(), reply.body);
            let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
            let code = match decision {
                Decision::Rejected(reason) => reason.code(),
                accepted => accepted.code(),
            };
            assert_eq!(shown["decision"], code);
            shown["acceptance_number"].as_str().map(str::to_owned)
        };

        assert_eq!(
            said(&host(&config, &["insurer", "set", "--certificate", file, "insurer-blocked"])),
            "noted: insurer-blocked\n"
        );
        let listed = said(&host(&config, &["insurer", "list"]));
        assert!(listed.contains("insurer-blocked") && listed.contains("key holder-1"), "{listed}");
        register(Decision::Rejected(request::RejectReason::InsurerBlocked)).await;
        said(&host(&config, &["insurer", "remove", "--certificate", file]));
        assert!(!host(&config, &["insurer", "remove", "--certificate", file]).status.success(), "it is gone");
        let number = register(Decision::Registered).await.unwrap();
        assert!(said(&host(&config, &["cancel", &number])).contains(&number));
        assert!(!host(&config, &["cancel", &number]).status.success(), "once");
        register(Decision::Registered).await;

        assert!(said(&host(&config, &["terminal", "list"])).starts_with("T0001  good"));
        said(&host(&config, &["terminal", "revoke", "T0001"]));
        let refused = terminal.post_json(wire::PATH_CHALLENGES, r#"{"schema":1}"#).await;
        assert_eq!(refused.problem(), wire::ProblemCode::TerminalRevoked);
        said(&host(&config, &["terminal", "restore", "T0001"]));
        terminal.challenge().await;

        assert!(!host(&config, &["checkpoint", "T0001"]).status.success());
        let checkpoint = r#"{"terminal_id":"T0001","sequence":3,"entry_hash":"0000000000000000000000000000000000000000000000000000000000000000","signed_at":"2026-11-21T01:02:03.000Z","signature":"MAYCAQECAQE="}"#;
        assert_eq!(terminal.post_json(wire::PATH_LOG_CHECKPOINTS, checkpoint).await.status, 204);
        let shown = host(&config, &["checkpoint", "T0001"]);
        assert_eq!(said(&shown).trim(), checkpoint);
        assert!(String::from_utf8_lossy(&shown.stderr).contains("; 0 that went back"));
    });
}

#[test]
fn evidence_is_never_one_of_two_requests_with_the_same_id() {
    run(async {
        let (dir, pki, config) = prepare("");
        let process = Process::start(&config, &dir.path().join("log"));
        let id = crate::support::card::new_id(SystemClock::new().now());
        let mut bodies = Vec::new();
        for name in ["T0001", "T0002"] {
            let terminal = Client::new(&pki, name, process.address);
            let (card, challenge) = (Card::quick(&pki), terminal.challenge().await);
            let mut draft = Draft::new(&pki, name, &card, &challenge, challenge.host_time.timestamp());
            draft.content.request_id = id;
            bodies.push(draft.sign());
            assert_eq!(terminal.register(bodies.last().unwrap().clone()).await.status, 200);
        }
        let (id, file) = (id.to_string(), dir.path().join("evidence.der"));
        let file = file.to_str().unwrap();
        let ambiguous = host(&config, &["show", &id, "--evidence", file]);
        assert!(String::from_utf8_lossy(&ambiguous.stderr).contains("--terminal"));
        assert_eq!(said(&host(&config, &["show", &id])).lines().count(), 2, "both are shown");
        said(&host(&config, &["show", &id, "--terminal", "T0001", "--evidence", file]));
        assert_eq!(std::fs::read(file).unwrap(), bodies[0]);

        // A row of the other terminal in its place opens, for the id is the same, and is found out.
        let books = rusqlite::Connection::open(dir.path().join("host.db")).unwrap();
        let swap = "CREATE TEMP TABLE t AS SELECT * FROM evidence; UPDATE evidence SET
            nonce = (SELECT nonce FROM t WHERE t.decision_id <> evidence.decision_id),
            sealed = (SELECT sealed FROM t WHERE t.decision_id <> evidence.decision_id)";
        books.execute_batch(swap).unwrap();
        let other = dir.path().join("other.der");
        let show = ["show", &id, "--terminal", "T0001", "--evidence", other.to_str().unwrap()];
        let swapped = host(&config, &show);
        assert!(String::from_utf8_lossy(&swapped.stderr).contains("not the request that was decided"));
        assert!(!other.exists());
    });
}

#[test]
fn books_whose_holders_need_a_key_that_is_not_configured_stay_closed() {
    run(async {
        let (dir, pki, config) = prepare("");
        let process = Process::start(&config, &dir.path().join("log"));
        let terminal = Client::new(&pki, "T0001", process.address);
        let (card, challenge) = (Card::quick(&pki), terminal.challenge().await);
        let body = Draft::new(&pki, "T0001", &card, &challenge, challenge.host_time.timestamp()).sign();
        assert_eq!(terminal.register(body).await.status, 200);
        process.kill();
        // The key is replaced, and the old one forgotten: the holder would be somebody new.
        let text = std::fs::read_to_string(&config).unwrap();
        let replaced = text.replace("key_id = \"holder-1\"", "key_id = \"holder-2\"");
        std::fs::write(&config, &replaced).unwrap();
        let refused = host(&config, &["config", "check"]);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("holder.previous"));
        let key = dir.path().join("pki/host/holder.key");
        let previous = format!(
            "key_id = \"holder-2\"\nprevious = [{{ key_id = \"holder-1\", key_file = \"{}\" }}]",
            key.display()
        );
        let next = dir.path().join("holder-2.key");
        std::fs::write(&next, "07".repeat(32)).unwrap();
        std::fs::set_permissions(&next, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let both = replaced.replace("key_id = \"holder-2\"", &previous);
        let current = format!("key_file = \"{}\"\n[evidence]", next.display());
        let old = format!("key_file = \"{}\"\n[evidence]", key.display());
        std::fs::write(&config, both.replace(&old, &current)).unwrap();
        said(&host(&config, &["config", "check"]));

        // The old id with the new key's bytes.
        std::fs::copy(&next, &key).unwrap();
        let refused = host(&config, &["config", "check"]);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("a new key needs a new id"));
    });
}

#[test]
fn the_configuration_is_shown_checked_and_refused() {
    let (dir, _pki, config) = prepare("");
    let shown = said(&host(&config, &["config", "show"]));
    assert!(shown.contains("consent_by_s = 900"), "defaults are shown: {shown}");
    let secret = std::fs::read_to_string(dir.path().join("pki/host/holder.key")).unwrap();
    assert!(!shown.contains(secret.trim()));
    assert_eq!(said(&host(&config, &["config", "check"])), "the host would start\n");

    let text = std::fs::read_to_string(&config).unwrap();
    let wrong = |from: &str, to: &str, expected: &str| {
        let path = dir.path().join("wrong.toml");
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let output = host(&path, &["config", "check"]);
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(expected), "{to}: {error}");
    };
    wrong("bench_only = true", "bench_only = false", "[levers] needs bench_only");
    wrong("keep_days = 365", "keep_day = 365", "keep_day");
    wrong("/host/tls.key.pem", "/host/none.key.pem", "cannot read the TLS key");
    wrong("/host/tls.key.pem", "/host/answer.key.pem", "TLS");
    let answers_with_tls = text.replace("/host/answer.", "/host/tls.");
    let path = dir.path().join("wrong.toml");
    std::fs::write(&path, answers_with_tls).unwrap();
    let refused = host(&path, &["config", "check"]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("answer.certificate"), "another purpose");
    wrong("/anchors/card-test", "/anchors/none", "card_anchors_test");
    wrong("auth-2.crl.pem", "none.crl.pem", "could not decide");
    let key = dir.path().join("pki/host/holder.key");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    wrong("keep_days = 365", "keep_days = 364", "chmod 600");
    assert_eq!(Command::new(PROGRAM).output().unwrap().status.code(), Some(2), "usage");
}

#[test]
fn another_programs_database_and_a_damaged_one_are_refused() {
    let (dir, _pki, config) = prepare("");
    let database = dir.path().join("host.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    let output = host(&config, &["terminal", "list"]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("another program's database"));
    std::fs::write(&database, vec![0x5A; 8192]).unwrap();
    let output = host(&config, &["terminal", "list"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot open the database"));
}

/// At the finest level, nothing in the log names the holder.
#[test]
fn the_log_does_not_name_the_holder() {
    run(async {
        let (dir, pki, config) = prepare("");
        let log = dir.path().join("log");
        let process = Process::start(&config, &log);
        let terminal = Client::new(&pki, "T0001", process.address);
        let untrusted = Card::new(&pki, test_pki::CardKey::P256, test_pki::AuthCa::Untrusted, -10, 100);
        for card in [Card::rsa(&pki), Card::quick(&pki), untrusted] {
            let challenge = terminal.challenge().await;
            let body = Draft::new(&pki, "T0001", &card, &challenge, challenge.host_time.timestamp()).sign();
            assert_eq!(terminal.register(body).await.status, 200);
            let (_, certificate) = x509_parser::parse_x509_certificate(&card.identity.certificate).unwrap();
            let name = certificate.subject().iter_common_name().next().unwrap().as_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&log).unwrap();
            assert!(text.contains("decided"), "the log is there");
            assert!(!text.contains(&name), "the certificate's name");
            let serial = hex::encode(certificate.raw_serial());
            for spelled in [serial.clone(), serial.to_uppercase(), certificate.raw_serial_as_string()] {
                assert!(
                    !text.contains(&format!("{spelled}\"")) && !text.contains(&format!(" {spelled} ")),
                    "serial"
                );
            }
            let part = hex::encode(&card.identity.certificate[100..132]);
            assert!(!text.contains(&part), "a part of the certificate");
        }
    });
}
