//! The comparison itself, tested: real books that are tampered with, one fault at a time. It must object to each, and to
//! nothing where nothing was done.
//!
//! The books come from real visits: registered, already registered, delivered after the host could not decide, rejected.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use myna_demo::customer::{Customer, Visit};
use myna_tests::{World, programs, text};
use rusqlite::Connection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::books::{HostBooks, TerminalBooks, copy_database};
use crate::compare::{self, Objection, Told};

/// What real visits left.
struct Original {
    folder: PathBuf,
    /// The visit that registered.
    registered: Visit,
    /// The text of its receipt.
    receipt: String,
    /// The content of the host's signed answer to it, as openssl reads it.
    answer: Value,
}

fn original() -> &'static Original {
    static ORIGINAL: OnceLock<Original> = OnceLock::new();
    ORIGINAL.get_or_init(|| {
        let mut world = World::with_card("valid");
        let customer = Customer::with_pin("1234");
        let registered = world.visit(&customer);
        assert_eq!(text(&registered.result, "outcome"), "registered", "{}", world.logs());
        assert_eq!(text(&world.visit(&customer).result, "outcome"), "already-registered", "{}", world.logs());
        let usual = std::mem::replace(
            &mut world.setup.limits,
            vec!["host_connect_ms_max = 1000".to_owned(), "host_decision_ms_max = 1000".to_owned()],
        );
        world.host_lever(&json!({ "lever": "cannot-decide" }));
        assert_eq!(text(&world.visit(&customer).result, "outcome"), "pending", "{}", world.logs());
        world.setup.limits = usual;
        world.host_lever(&json!({ "lever": "clear" }));
        assert!(world.deliver().status.success(), "{}", world.logs());
        world.card_control().send(&json!({ "do": "persona", "name": "revoked" })).unwrap();
        assert_eq!(text(&world.visit(&customer).result, "code"), "certificate-revoked", "{}", world.logs());

        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("books-of-real-visits");
        std::fs::create_dir_all(&folder).unwrap();
        for (from, to) in
            [(world.state.journal(), "journal.db"), (world.state.path("host/host.db"), "host.db")]
        {
            for left_over in ["", "-wal", "-shm"] {
                let _none = std::fs::remove_file(folder.join(format!("{to}{left_over}")));
            }
            copy_database(&from, &folder.join(to));
        }
        let key = world.state.path("pki/terminals/T0001/log.crt.pem");
        std::fs::copy(key, folder.join("log.crt.pem")).unwrap();
        let paper = PathBuf::from(text(&registered.result, "receipt")).with_extension("txt");
        let answer = Path::new(text(&registered.result, "answer"));
        let answer = myna_tests::openssl::cms_verify(answer, &world.state.host_root()).unwrap();
        Original {
            folder,
            receipt: std::fs::read_to_string(paper).unwrap(),
            answer: serde_json::from_slice(&answer).unwrap(),
            registered,
        }
    })
}

impl Original {
    /// The request of the visit that registered.
    fn request(&self) -> Uuid {
        text(&self.registered.result, "request_id").parse().unwrap()
    }
}

/// A copy of the books, to tamper with.
struct Copy(tempfile::TempDir);

impl Copy {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["journal.db", "host.db"] {
            copy_database(&original().folder.join(name), &folder.path().join(name));
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn tampered(self, database: &str, sql: &str) -> Self {
        let books = Connection::open(self.path(database)).unwrap();
        books.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        books.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(books.total_changes() > 0, "{sql} changes something");
        self
    }

    fn host(&self) -> HostBooks {
        HostBooks::read(&self.path("host.db"))
    }

    fn terminal(&self) -> TerminalBooks {
        TerminalBooks::read(&self.path("journal.db"))
    }

    fn objections(&self) -> Vec<Objection> {
        compare::books(&self.host(), &self.terminal())
    }
}

/// Tampers with the host's books, or the terminal's, about the request that was registered first.
fn host(sql: &str) -> Vec<Objection> {
    let hex = original().request().simple().to_string();
    Copy::new().tampered("host.db", &sql.replace("$REQUEST", &format!("x'{hex}'"))).objections()
}

fn terminal(sql: &str) -> Vec<Objection> {
    let id = original().request().to_string();
    Copy::new().tampered("journal.db", &sql.replace("$REQUEST", &format!("'{id}'"))).objections()
}

#[track_caller]
fn objects(objections: &[Objection], expected: &Objection) {
    assert!(objections.contains(expected), "{expected} is not in {objections:?}");
}

#[test]
fn books_that_nobody_touched_are_one_story() {
    let copy = Copy::new();
    assert_eq!(copy.objections(), []);
    let (host, terminal) = (copy.host(), copy.terminal());
    let codes: Vec<&str> = host.decisions.iter().map(|decision| decision.code.as_str()).collect();
    assert_eq!(codes, ["registered", "already-registered", "already-registered", "certificate-revoked"]);
    assert_eq!(terminal.outbox.len(), 4);
    assert_eq!(compare::forgotten(&terminal, &terminal), []);
    assert_eq!(told(&original().registered.screens), []);
    assert_eq!(told(std::slice::from_ref(&original().registered.result)), []);
    assert_eq!(compare::receipt(&original().receipt, &terminal), None);
    assert_eq!(answer_as(|_| {}), None);
    assert!(log_verify(&copy).0);
}

#[test]
fn a_registration_that_is_there_twice() {
    let objections = host(
        "DROP INDEX registration_active;
         INSERT INTO registration SELECT '0000-0000-0000', holder_key_id, holder_hash, decision_id,
             registered_ms, cancelled_ms FROM registration",
    );
    objects(&objections, &Objection::RegisteredTwice(original().request()));
    assert!(
        objections.iter().any(|objection| matches!(objection, Objection::HolderTwice(_))),
        "{objections:?}"
    );
    assert!(objections.iter().any(Objection::is_double));
}

#[test]
fn a_registration_that_is_gone() {
    let objections = host("DELETE FROM registration");
    objects(&objections, &Objection::RegistrationMissing(original().request()));
    assert!(objections.iter().any(Objection::is_loss));
}

#[test]
fn a_registration_that_nothing_gave() {
    let objections = host("UPDATE registration SET decision_id = 4711");
    assert!(
        objections.iter().any(|objection| matches!(objection, Objection::RegistrationFromNothing(_))),
        "{objections:?}"
    );
}

#[test]
fn a_request_that_was_decided_twice() {
    let objections = host(
        "INSERT INTO decision SELECT 4711, 'T0002', request_id, request_sha256, code, answer, decided_ms
             FROM decision WHERE request_id = $REQUEST",
    );
    objects(&objections, &Objection::DecidedTwice(original().request()));
}

#[test]
fn a_decision_that_the_host_has_lost() {
    objects(
        &host("DELETE FROM decision WHERE request_id = $REQUEST"),
        &Objection::NotAtHost(original().request()),
    );
}

#[test]
fn a_decision_that_is_another_at_the_host() {
    objects(
        &host("UPDATE decision SET code = 'insurer-blocked' WHERE request_id = $REQUEST"),
        &Objection::OtherDecision(original().request()),
    );
}

#[test]
fn a_decision_about_other_bytes() {
    objects(
        &host("UPDATE decision SET request_sha256 = zeroblob(32) WHERE request_id = $REQUEST"),
        &Objection::OtherBytes(original().request()),
    );
}

#[test]
fn an_answer_that_is_another_at_the_host() {
    objects(
        &host("UPDATE decision SET answer = zeroblob(100) WHERE request_id = $REQUEST"),
        &Objection::OtherAnswer(original().request()),
    );
}

#[test]
fn an_acceptance_number_that_is_another_at_the_host() {
    objects(
        &host("UPDATE registration SET acceptance_number = '0000-0000-0000'"),
        &Objection::OtherNumber(original().request()),
    );
}

#[test]
fn a_decision_without_its_request() {
    objects(
        &host("DELETE FROM evidence WHERE decision_id = 1"),
        &Objection::EvidenceMissing(original().request()),
    );
}

#[test]
fn a_request_that_the_terminal_has_lost() {
    objects(
        &terminal("DELETE FROM outbox WHERE request_id = $REQUEST"),
        &Objection::UnknownToTerminal(original().request()),
    );
    let whole = Copy::new().terminal();
    let id = original().request().to_string();
    let sql = format!("DELETE FROM outbox WHERE request_id = '{id}'");
    let left = Copy::new().tampered("journal.db", &sql).terminal();
    assert_eq!(compare::forgotten(&whole, &left), [Objection::Forgotten(original().request())]);
}

#[test]
fn a_request_without_an_end() {
    let objections = terminal(
        "UPDATE outbox SET outcome = NULL, code = NULL, acceptance_number = NULL, answer = NULL, decided_ms = NULL
             WHERE request_id = $REQUEST",
    );
    objects(&objections, &Objection::Undecided(original().request()));
    assert!(objections.iter().any(Objection::is_loss));
}

#[test]
fn a_decision_that_is_another_at_the_terminal() {
    objects(
        &terminal("UPDATE outbox SET code = 'already-registered' WHERE request_id = $REQUEST"),
        &Objection::OtherDecision(original().request()),
    );
}

#[test]
fn an_acceptance_number_that_is_another_at_the_terminal() {
    objects(
        &terminal("UPDATE outbox SET acceptance_number = '0000-0000-0000' WHERE request_id = $REQUEST"),
        &Objection::OtherNumber(original().request()),
    );
}

#[test]
fn an_answer_that_is_another_at_the_terminal() {
    objects(
        &terminal("UPDATE outbox SET answer = zeroblob(100) WHERE request_id = $REQUEST"),
        &Objection::OtherAnswer(original().request()),
    );
}

#[test]
fn bytes_that_are_not_those_that_were_sent() {
    objects(
        &terminal("UPDATE outbox SET cms = zeroblob(100) WHERE request_id = $REQUEST"),
        &Objection::OtherBytes(original().request()),
    );
}

#[test]
fn a_copy_of_the_evidence_that_is_another() {
    let terminal = Copy::new().terminal();
    let kept = terminal.about(original().request()).unwrap();
    let answer = kept.decided.as_ref().unwrap().answer.as_deref();
    assert_eq!(compare::copies(kept, Some(&kept.sha256), answer), None);
    assert_eq!(compare::copies(kept, None, None), None, "a copy may be missing");
    let differs = Some(Objection::CopyDiffers(kept.request));
    assert_eq!(compare::copies(kept, Some(&[0; 32]), answer), differs);
    assert_eq!(compare::copies(kept, Some(&kept.sha256), Some(b"other")), differs);
}

/// The signed answer's content, changed, against the host's books.
fn answer_as(change: impl FnOnce(&mut Value)) -> Option<Objection> {
    let host = Copy::new().host();
    let mut content = original().answer.clone();
    change(&mut content);
    compare::answer(&host, host.about(original().request())[0], &content)
}

#[test]
fn a_signed_answer_that_says_something_else_than_the_books() {
    for (field, other) in [
        ("request_id", "01a220b2-326b-7697-bd74-02f6d3d7cb3f"),
        ("request_sha256", "00"),
        ("decision", "already-registered"),
        ("acceptance_number", "0000-0000-0000"),
    ] {
        let objection = answer_as(|content| content[field] = json!(other));
        assert!(matches!(objection, Some(Objection::AnswerSaysOther(..))), "{field}: {objection:?}");
    }
}

/// What the customer of the first visit was told, against the books.
fn told(lines: &[Value]) -> Vec<Objection> {
    let copy = Copy::new();
    let new = [original().request()];
    compare::told(&Told { lines, new: &new }, &copy.host(), &copy.terminal())
}

fn is_told_false(objections: &[Objection]) -> bool {
    matches!(objections, [Objection::ToldFalse(_)])
}

#[test]
fn a_result_on_the_screen_that_is_not_so() {
    let shown = original().registered.screens.iter().find(|line| line["screen"] == "receipt").unwrap();
    assert_eq!(told(std::slice::from_ref(shown)), []);
    for (field, other) in [
        ("acceptance_number", json!("0000-0000-0000")),
        ("acceptance_number", Value::Null),
        ("code", json!("insurer-blocked")),
        ("request_id", json!("01a220b2-326b-7697-bd74-02f6d3d7cb3f")),
    ] {
        let mut line = shown.clone();
        line[field] = other.clone();
        let objections = told(&[line]);
        assert!(is_told_false(&objections), "{field} = {other}: {objections:?}");
    }
    let unkept = json!({ "screen": "receipt", "result": "pending", "code": "pending", "acceptance_number": null,
        "request_id": "01a220b2-326b-7697-bd74-02f6d3d7cb3f" });
    assert!(is_told_false(&told(&[unkept])));
}

#[test]
fn a_result_line_that_is_not_so() {
    let mut line = original().registered.result.clone();
    line["outcome"] = json!("refused");
    line["code"] = json!("cancelled");
    assert!(is_told_false(&told(&[line])));
}

#[test]
fn told_that_nothing_was_sent_when_a_request_was_durable() {
    let stopped = json!({ "screen": "stopped", "result": "refused", "code": "cancelled" });
    assert!(is_told_false(&told(&[stopped])));
}

#[test]
fn told_that_it_is_sent_when_nothing_was_durable() {
    let copy = Copy::new();
    let sending = [json!({ "screen": "sending" })];
    let objections = compare::told(&Told { lines: &sending, new: &[] }, &copy.host(), &copy.terminal());
    assert!(is_told_false(&objections), "{objections:?}");
}

#[test]
fn a_receipt_that_is_not_so() {
    let terminal = Copy::new().terminal();
    let number = text(&original().registered.result, "acceptance_number");
    let reference = devices::printer::Value::reference(original().request().into_bytes());
    for (word, other) in
        [(number, "0000-0000-0000"), (number, "pendin"), (reference.text(), "CHZM-XJXN-WTJZ")]
    {
        assert!(original().receipt.contains(word));
        let paper = original().receipt.replace(word, other);
        let objection = compare::receipt(&paper, &terminal);
        assert!(matches!(objection, Some(Objection::ToldFalse(_))), "{word} as {other}: {objection:?}");
    }
}

/// Whether `myna-atm log verify` accepts the copy, and what it says.
fn log_verify(copy: &Copy) -> (bool, String) {
    let output = std::process::Command::new(&programs().terminal)
        .args(["log", "verify", "--journal"])
        .arg(copy.path("journal.db"))
        .arg("--key")
        .arg(original().folder.join("log.crt.pem"))
        .output()
        .unwrap();
    (output.status.success(), format!("{output:?}"))
}

#[test]
fn a_device_log_that_was_edited() {
    let edited = "UPDATE device_log SET entry = replace(entry, 'visit-opened', 'visit-0pened')";
    let copy = Copy::new().tampered("journal.db", edited);
    let (intact, said) = log_verify(&copy);
    assert!(!intact, "{said}");
}

#[test]
fn a_card_that_was_not_given_back_as_it_must_be() {
    let status = |inserted: bool, powered: bool, verified: &[&str]| json!({ "inserted": inserted, "powered": powered, "verified": verified });
    assert_eq!(compare::card_in_the_end(&status(false, false, &[])), None);
    assert_eq!(compare::card_given_back(&status(true, false, &[])), None);
    for wrong in [status(true, false, &[]), status(false, true, &[]), status(false, false, &["jpki/0018"])] {
        assert!(matches!(compare::card_in_the_end(&wrong), Some(Objection::Card(_))), "{wrong}");
    }
    for wrong in [status(true, true, &[]), status(true, false, &["jpki/0018"])] {
        assert!(matches!(compare::card_given_back(&wrong), Some(Objection::Card(_))), "{wrong}");
    }
}

#[test]
fn a_request_that_left_before_it_was_durable() {
    let new = [original().request()];
    for sends in ["send-request tcp #1", "await-answer tcp #2"] {
        let point = sends.parse().unwrap();
        assert_eq!(compare::recorded_before_sent(&point, &new), None);
        let objection = compare::recorded_before_sent(&point, &[]);
        assert!(matches!(objection, Some(Objection::SentUnrecorded(_))), "{sends}: {objection:?}");
    }
    let elsewhere = "sync terminal/journal.db-wal #1".parse().unwrap();
    assert_eq!(compare::recorded_before_sent(&elsewhere, &[]), None);
}

#[test]
fn a_verify_that_nobody_entered_a_pin_for() {
    assert_eq!(compare::verifies(1, 1), None);
    assert!(matches!(compare::verifies(1, 0), Some(Objection::Card(_))));
    assert!(matches!(compare::verifies(2, 1), Some(Objection::Card(_))));
}
