//! The comparison: what the terminal keeps, what the host keeps, and what the customer was told must be one story.
//!
//! It is tested itself, with books that were tampered with (`faults.rs`).

use std::fmt;

use devices::printer::Value as Printed;
use myna_tests::watch::{Kind, Point};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::books::{Decision, HostBooks, Kept, TerminalBooks};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Objection {
    /// A request that was durable is not there any more.
    Forgotten(Uuid),
    /// A request has no decision in the end.
    Undecided(Uuid),
    /// The terminal has a decision that the host never took.
    NotAtHost(Uuid),
    /// The host has a decision about a request that the terminal does not know: sent before it was recorded.
    UnknownToTerminal(Uuid),
    /// A request was about to leave, or had left, and was not durable.
    SentUnrecorded(String),
    /// The host has several decisions about one request.
    DecidedTwice(Uuid),
    /// The host decided about other bytes than those kept.
    OtherBytes(Uuid),
    /// The terminal keeps another decision than the host.
    OtherDecision(Uuid),
    /// The terminal keeps another acceptance number than the host.
    OtherNumber(Uuid),
    /// The terminal keeps another signed answer than the host.
    OtherAnswer(Uuid),
    /// The host's signed answer does not say what its books say.
    AnswerSaysOther(Uuid, String),
    /// One decision gave several registrations.
    RegisteredTwice(Uuid),
    /// One holder has several active registrations.
    HolderTwice(String),
    /// A decision to register, and no registration.
    RegistrationMissing(Uuid),
    /// A registration that no decision to register gave.
    RegistrationFromNothing(String),
    /// A decision without the request that it is about.
    EvidenceMissing(Uuid),
    /// What the customer was told is not so.
    ToldFalse(String),
    /// A copy of the evidence is not what the journal has.
    CopyDiffers(Uuid),
    /// The device log is not the one that was written.
    Log(String),
    /// Something about the card: not given back, still powered, a PIN still verified, a VERIFY too many.
    Card(String),
    /// A process did not do what it is for.
    Process(String),
}

impl Objection {
    /// Something that was durable is gone, or never came to its end.
    pub(crate) const fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Forgotten(_) | Self::Undecided(_) | Self::NotAtHost(_) | Self::RegistrationMissing(_)
        )
    }

    /// Something happened twice.
    pub(crate) const fn is_double(&self) -> bool {
        matches!(self, Self::DecidedTwice(_) | Self::RegisteredTwice(_) | Self::HolderTwice(_))
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Compares the books after everything was delivered.
pub(crate) fn books(host: &HostBooks, terminal: &TerminalBooks) -> Vec<Objection> {
    let mut objections = Vec::new();
    for kept in &terminal.outbox {
        objections.extend(one_request(host, kept));
    }
    for decision in &host.decisions {
        if terminal.about(decision.request).is_none() {
            objections.push(Objection::UnknownToTerminal(decision.request));
        }
        if !host.evidence.contains(&decision.id) {
            objections.push(Objection::EvidenceMissing(decision.request));
        }
    }
    objections.extend(registrations(host));
    objections
}

fn one_request(host: &HostBooks, kept: &Kept) -> Vec<Objection> {
    let request = kept.request;
    let Some(decided) = &kept.decided else { return vec![Objection::Undecided(request)] };
    let decision = match host.about(request)[..] {
        [] => return vec![Objection::NotAtHost(request)],
        [decision] => decision,
        [..] => return vec![Objection::DecidedTwice(request)],
    };
    let mut objections = Vec::new();
    let bytes = kept.bytes_sha256.as_ref().unwrap_or(&kept.sha256);
    if decision.sha256 != kept.sha256 || *bytes != kept.sha256 {
        objections.push(Objection::OtherBytes(request));
    }
    if decision.code != decided.code {
        objections.push(Objection::OtherDecision(request));
    }
    if decision.code == "registered" && host.number_of(decision) != decided.number.as_deref() {
        objections.push(Objection::OtherNumber(request));
    }
    if decided.answer.as_ref().is_some_and(|answer| *answer != decision.answer) {
        objections.push(Objection::OtherAnswer(request));
    }
    objections
}

fn registrations(host: &HostBooks) -> Vec<Objection> {
    let mut objections = Vec::new();
    for decision in host.decisions.iter().filter(|decision| decision.code == "registered") {
        let of_it = host.registrations.iter().filter(|registration| registration.decision == decision.id);
        match of_it.count() {
            0 => objections.push(Objection::RegistrationMissing(decision.request)),
            1 => {}
            _ => objections.push(Objection::RegisteredTwice(decision.request)),
        }
    }
    for registration in &host.registrations {
        let decision = host.decisions.iter().find(|decision| decision.id == registration.decision);
        if decision.is_none_or(|decision| decision.code != "registered") {
            objections.push(Objection::RegistrationFromNothing(registration.number.clone()));
        }
        let same_holder =
            host.registrations.iter().filter(|other| other.active && other.holder == registration.holder);
        if registration.active && same_holder.count() > 1 {
            objections.push(Objection::HolderTwice(registration.number.clone()));
        }
    }
    objections
}

/// What was durable when the process died, and is not there in the end.
pub(crate) fn forgotten(left: &TerminalBooks, terminal: &TerminalBooks) -> Vec<Objection> {
    let gone = |kept: &&Kept| terminal.about(kept.request).is_none_or(|now| now.sha256 != kept.sha256);
    left.outbox.iter().filter(gone).map(|kept| Objection::Forgotten(kept.request)).collect()
}

/// Compares copies of the evidence (SHA-256 of the request's, the answer's bytes) with what is kept. A copy may be
/// missing.
pub(crate) fn copies(kept: &Kept, request_sha256: Option<&[u8]>, answer: Option<&[u8]>) -> Option<Objection> {
    let kept_answer = kept.decided.as_ref().and_then(|decided| decided.answer.as_deref());
    let differs = request_sha256.is_some_and(|sha256| sha256 != kept.sha256)
        || (answer.is_some() && answer != kept_answer);
    differs.then_some(Objection::CopyDiffers(kept.request))
}

/// A receipt names a request that is kept, and the number or the code that was decided about it.
pub(crate) fn receipt(text: &str, terminal: &TerminalBooks) -> Option<Objection> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let named = |kept: &&Kept| {
        let reference = Printed::reference(kept.request.into_bytes());
        words.contains(&reference.text())
    };
    let number = words.iter().copied().find(|word| is_acceptance_number(word));
    let is_so =
        terminal.outbox.iter().find(named).and_then(|kept| kept.decided.as_ref()).is_some_and(|decided| {
            match number {
                Some(number) => decided.number.as_deref() == Some(number),
                None => words.contains(&"pending") || words.contains(&decided.code.as_str()),
            }
        });
    (!is_so).then(|| Objection::ToldFalse(format!("a receipt:\n{text}")))
}

fn is_acceptance_number(word: &str) -> bool {
    let parts: Vec<&str> = word.split('-').collect();
    parts.len() == 3
        && parts.iter().all(|part| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A terminal that was killed when its request was about to leave, or had just left: the request must be durable.
pub(crate) fn recorded_before_sent(killed: &Point, new: &[Uuid]) -> Option<Objection> {
    let sends = matches!(killed.kind, Kind::SendRequest | Kind::AwaitAnswer);
    (sends && new.is_empty()).then(|| Objection::SentUnrecorded(killed.to_string()))
}

/// VERIFY goes to the card at most once for each entry of the customer.
pub(crate) fn verifies(sent: usize, entries: usize) -> Option<Objection> {
    (sent > entries).then(|| Objection::Card(format!("{sent} VERIFY for {entries} entries")))
}

/// The card as the emulator has it when a card found at the start is given back: first its power goes, and so the PIN.
pub(crate) fn card_given_back(status: &Value) -> Option<Objection> {
    let is_safe = status["powered"] == false && status["verified"] == json!([]);
    (!is_safe).then(|| Objection::Card(format!("given back as it was: {status}")))
}

/// The card as the emulator has it in the end: with its owner.
pub(crate) fn card_in_the_end(status: &Value) -> Option<Objection> {
    let is_out = status["inserted"] == false;
    if is_out { card_given_back(status) } else { Some(Objection::Card(format!("still inside: {status}"))) }
}

/// Compares a signed answer's content, as somebody else's tool reads it, with the row that it belongs to.
pub(crate) fn answer(host: &HostBooks, decision: &Decision, content: &Value) -> Option<Objection> {
    let says = |field: &str| content.get(field).and_then(Value::as_str).unwrap_or_default();
    let code = if says("decision") == "rejected" { says("reason") } else { says("decision") };
    let same = says("request_id") == decision.request.to_string()
        && says("request_sha256") == hex::encode(&decision.sha256)
        && code == decision.code
        && host.number_of(decision).is_none_or(|number| number == says("acceptance_number"));
    (!same).then(|| Objection::AnswerSaysOther(decision.request, content.to_string()))
}

/// What a customer saw, and the requests that were durable for the first time when the process died.
pub(crate) struct Told<'a> {
    /// The screens, and at the end the result if it came so far.
    pub(crate) lines: &'a [Value],
    /// Requests in the outbox at the moment of death that were not there before.
    pub(crate) new: &'a [Uuid],
}

/// Compares what the customer was told with the books after everything was delivered.
pub(crate) fn told(told: &Told<'_>, host: &HostBooks, terminal: &TerminalBooks) -> Vec<Objection> {
    let mut objections = Vec::new();
    let mut object = |line: &Value, why: &str| {
        let words = line.get("words").cloned().unwrap_or_default();
        let title = words.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = line.get("screen").and_then(Value::as_str).unwrap_or("result");
        objections.push(Objection::ToldFalse(format!("{name} '{title}': {why}")));
    };
    for line in told.lines {
        let field = |name: &str| line.get(name).and_then(Value::as_str);
        // `stopped` says that nothing was sent; the result line says the same without a screen.
        let result = field("result").or(field("outcome"));
        match (field("screen"), result) {
            (Some("sending"), _) if told.new.is_empty() => {
                object(line, "nothing that will be sent was durable");
            }
            (Some("stopped"), _) if !told.new.is_empty() => {
                object(line, "a signed request was durable");
            }
            (Some("receipt") | None, Some(result)) => {
                if let Err(why) = result_is_so(line, result, host, terminal) {
                    object(line, &why);
                }
            }
            _ => {}
        }
    }
    objections
}

/// Whether a result with its code, number and request is in the books.
fn result_is_so(
    line: &Value,
    result: &str,
    host: &HostBooks,
    terminal: &TerminalBooks,
) -> Result<(), String> {
    let field = |name: &str| line.get(name).and_then(Value::as_str);
    let Some(request) = field("request_id").and_then(|id| id.parse::<Uuid>().ok()) else {
        // No visit began: there is nothing to be true about.
        return Ok(());
    };
    let kept = terminal.about(request);
    if result == "pending" {
        return kept.map(drop).ok_or_else(|| "it is not kept".to_owned());
    }
    let told = field("code").unwrap_or(result);
    match host.about(request).first() {
        Some(decision) if decision.code != told => Err(format!("the host decided {}", decision.code)),
        None if matches!(result, "registered" | "already-registered") => {
            Err("the host decided nothing".to_owned())
        }
        None if kept.is_some() => Err("the request is kept".to_owned()),
        _ => {
            let number = kept.and_then(|kept| kept.decided.as_ref()?.number.as_deref());
            if field("acceptance_number") == number {
                Ok(())
            } else {
                Err(format!("the number is {}", number.unwrap_or("none")))
            }
        }
    }
}
