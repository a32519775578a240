//! After a process was killed: everything is started again, and the books, the card, the paper, the log and what the
//! customer was told are compared.

use std::collections::BTreeSet;
use std::process::Command;

use myna_tests::programs;
use myna_tests::watch::Point;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::bench::{Bench, Lived};
use super::paths::{self, Path, Target};
use crate::books::{HostBooks, TerminalBooks};
use crate::compare::{self, Objection, Told};

/// `deliver` is run so often until nothing is left.
const DELIVER_RUNS_MAX: usize = 5;

/// A visit takes a tenth of a second here, and pcscd looks for cards every 400 ms.
const RESTARTS_MAX: usize = 8;

/// What one run showed.
pub(super) struct Ran {
    /// Points that the process reached.
    pub(super) points: Vec<Point>,
    /// It was killed where it was to be killed.
    pub(super) hit: bool,
    pub(super) objections: Vec<Objection>,
    /// What everything wrote, when there are objections.
    pub(super) logs: String,
}

/// What was before the run.
pub(super) struct Earlier {
    /// Every request that the terminal's books ever knew.
    pub(super) requests: BTreeSet<Uuid>,
    /// How often the card was asked to compare a PIN.
    pub(super) verifies: usize,
}

impl Bench {
    pub(super) fn judge(&mut self, path: &Path, target: &Target, lived: Lived, earlier: &Earlier) -> Ran {
        // As the dead process left them: the restart below has not touched them yet.
        let left = TerminalBooks::read_left_behind(&self.journal());
        let new: Vec<Uuid> =
            left.outbox.iter().map(|kept| kept.request).filter(|id| !earlier.requests.contains(id)).collect();
        let mut objections = lived.objections;
        if *target == Target::Nowhere && lived.end.as_deref() != Some(path.ends) {
            objections.push(Objection::Process(format!("undisturbed it ended with {:?}", lived.end)));
        }
        if new.len() > 1 {
            objections.push(Objection::Process(format!("one visit, several requests: {new:?}")));
        }
        if let (Target::At(point), true, false) = (target, lived.hit, path.before.leaves_card_inside()) {
            objections.extend(compare::recorded_before_sent(point, &new));
        }
        let entries = lived.lines.iter().filter(|line| line["screen"] == "pin").count();
        self.world.host_lever(&json!({ "lever": "clear" }));
        objections.extend(self.start_again(&lived.lines, path.before.leaves_card_inside()));
        let host = self.host_books();
        let terminal = self.terminal_books();
        objections.extend(compare::books(&host, &terminal));
        objections.extend(compare::forgotten(&left, &terminal));
        objections.extend(compare::told(&Told { lines: &lived.lines, new: &new }, &host, &terminal));
        objections.extend(self.read_answers(&host));
        objections.extend(self.copies(&terminal, &new));
        objections.extend(self.receipts(&terminal));
        objections.extend(self.verify_log());
        // Counted in the end: a word that was on its way when the process died reaches the card a little later.
        objections.extend(compare::verifies(self.verifies() - earlier.verifies, entries));
        let logs = if objections.is_empty() { String::new() } else { self.world.logs() };
        Ran { points: lived.points, hit: lived.hit, objections, logs }
    }

    /// A restart: the card left inside comes back, the next customer leaves at the terms, and the outbox is delivered.
    fn start_again(&mut self, lived: &[Value], was_inside: bool) -> Vec<Objection> {
        let mut objections = Vec::new();
        let inside = self.card_status()["inserted"] == true;
        let given_back = self.restart(&mut objections);
        // pcscd looks every 400 ms: just after a card went in or out, terminal and card may be of two opinions.
        let shown = |screen: &str| lived.iter().any(|line| line["screen"] == screen);
        let terminal_saw_it = was_inside || shown("reading");
        let just_taken = was_inside || shown("take-card") || shown("pin");
        let wrong = if inside { terminal_saw_it && !given_back } else { given_back && !just_taken };
        if wrong {
            objections.push(Objection::Card(format!("inside: {inside}, given back at start: {given_back}")));
        }
        // One that went in just before the kill, when pcscd sees it only after this short visit: the next one has it.
        for _ in 0..RESTARTS_MAX {
            if terminal_saw_it || self.card_status()["inserted"] == false {
                break;
            }
            self.restart(&mut objections);
        }
        self.deliver_all(&mut objections);
        objections.extend(compare::card_in_the_end(&self.card_status()));
        objections
    }

    fn card_status(&self) -> Value {
        self.card(&json!({ "do": "status" }))
    }

    /// One `register` whose customer leaves; whether a card that was inside at its start was given back.
    fn restart(&self, objections: &mut Vec<Objection>) -> bool {
        let mut terminal = self.world.terminal();
        let (lived, _) = self.visit(&paths::leaves(), &mut terminal, &Target::Nowhere);
        objections.extend(lived.objections);
        if lived.end.as_deref() != Some("cancelled") {
            objections.push(Objection::Process(format!("the restart ended with {:?}", lived.end)));
        }
        objections.extend(lived.found.as_ref().and_then(compare::card_given_back));
        lived.found.is_some()
    }

    fn deliver_all(&self, objections: &mut Vec<Objection>) {
        let undecided = || {
            let books = TerminalBooks::read_left_behind(&self.journal());
            books.outbox.iter().any(|kept| kept.decided.is_none())
        };
        for _ in 0..DELIVER_RUNS_MAX {
            if !undecided() {
                return;
            }
            let delivered = self.world.deliver();
            if !delivered.status.success() && delivered.status.code() != Some(4) {
                objections.push(Objection::Process(format!("deliver: {delivered:?}")));
            }
        }
        if undecided() {
            objections.push(Objection::Process(format!("deliver left something {DELIVER_RUNS_MAX} times")));
        }
    }

    fn terminal_books(&self) -> TerminalBooks {
        let mut books = TerminalBooks::read(&self.journal());
        books.outbox.extend(self.retired.iter().cloned());
        books
    }

    /// The signed answers that were not read before, by somebody else's tool.
    fn read_answers(&mut self, host: &HostBooks) -> Vec<Objection> {
        let root = self.world.state.host_root();
        let mut objections = Vec::new();
        for decision in &host.decisions {
            if !self.read.insert(decision.request) {
                continue;
            }
            let file = self.world.state.path("answer.cms");
            std::fs::write(&file, &decision.answer).expect("a file");
            let content = myna_tests::openssl::cms_verify(&file, &root)
                .map(|content| serde_json::from_slice::<Value>(&content).unwrap_or_default())
                .unwrap_or_else(Value::from);
            objections.extend(compare::answer(host, decision, &content));
        }
        objections
    }

    /// Copies of the evidence; there may be none, when the process was killed before it wrote them.
    fn copies(&self, terminal: &TerminalBooks, new: &[Uuid]) -> Vec<Objection> {
        let mut objections = Vec::new();
        for kept in new.iter().filter_map(|request| terminal.about(*request)) {
            let folder = self.world.state.path(&format!("terminal/evidence/{}", kept.request));
            let copy = |name: &str| std::fs::read(folder.join(name)).ok();
            let request = copy("request.cms").map(|bytes| Sha256::digest(bytes).to_vec());
            objections.extend(compare::copies(kept, request.as_deref(), copy("answer.cms").as_deref()));
        }
        objections
    }

    /// Every receipt that a printer would have put out, with its numbers.
    fn receipts(&self, terminal: &TerminalBooks) -> Vec<Objection> {
        let folder = self.world.state.path("terminal/receipts");
        let mut objections = Vec::new();
        for entry in std::fs::read_dir(folder).expect("the folder of receipts") {
            let path = entry.expect("a name").path();
            if path.extension().is_none_or(|extension| extension != "png") {
                continue;
            }
            let text = std::fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
            objections.extend(compare::receipt(&text, terminal));
            // The paper is with the customer.
            for part in ["png", "txt"] {
                let _gone = std::fs::remove_file(path.with_extension(part));
            }
        }
        objections
    }

    /// `myna-atm log verify`, with the checkpoint that the host holds: it finds a tail that was cut off, too.
    fn verify_log(&self) -> Option<Objection> {
        let mut verify = Command::new(&programs().terminal);
        verify.args(["log", "verify", "--config"]).arg(self.world.state.path("terminal/myna-atm.toml"));
        // After a first start the log began anew, and what the host holds is of the one before.
        if self.retired.is_empty() {
            let held = Command::new(&programs().host)
                .args(["checkpoint", "--config"])
                .arg(self.world.state.path("host/host.toml"))
                .arg("T0001")
                .output()
                .expect("the host's command runs");
            let file = self.world.state.path("held.json");
            std::fs::write(&file, held.stdout).expect("a file");
            verify.arg("--checkpoint").arg(file);
        }
        let output = verify.output().expect("the terminal runs");
        (!output.status.success()).then(|| Objection::Log(format!("{output:?}")))
    }
}
