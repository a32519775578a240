//! What a visit ended with, for programs: the last line of `register --json`, and the exit status.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;
use transaction::Outcome;

/// The result object. Its names are an interface.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// `registered`, `already-registered`, `refused`, `pending` or `fault`.
    pub(crate) outcome: &'static str,
    /// The stable code; for an outcome without a reason it is the outcome.
    pub(crate) code: &'static str,
    /// The request's id, once a visit began.
    pub(crate) request_id: Option<String>,
    /// The host's number for the registration.
    pub(crate) acceptance_number: Option<String>,
    /// Commands to the card in the whole visit.
    pub(crate) apdus: u32,
    /// Of these, from the last digit of the PIN to the arrival of the signature; 0 without a signature.
    pub(crate) apdus_after_pin: u32,
    /// Time in the card and its reader.
    pub(crate) card_ms: u64,
    /// Waiting for the host.
    pub(crate) host_ms: u64,
    /// Waiting for keys, pad, card in and card out.
    pub(crate) customer_ms: u64,
    /// Waiting for the printer, making the receipt's picture included.
    pub(crate) printer_ms: u64,
    /// From the choice of the service to the end of the visit.
    pub(crate) total_ms: u64,
    /// How often the visit waited until its records were durable, the checkpoint at its end included.
    pub(crate) commits: u64,
    /// The rest: this program and its journal, in microseconds.
    pub(crate) own_us: u64,
    /// The request (CMS, DER), when one was signed.
    pub(crate) evidence: Option<PathBuf>,
    /// The host's answer (CMS, DER), when there is one.
    pub(crate) answer: Option<PathBuf>,
    /// The receipt's picture, when one was printed and the printer keeps one.
    pub(crate) receipt: Option<PathBuf>,
    /// The journal.
    pub(crate) journal: PathBuf,
}

impl Report {
    /// When no visit took place.
    pub(crate) fn without_visit(code: &'static str, journal: PathBuf) -> Self {
        Self {
            outcome: "fault",
            code,
            request_id: None,
            acceptance_number: None,
            apdus: 0,
            apdus_after_pin: 0,
            card_ms: 0,
            host_ms: 0,
            customer_ms: 0,
            printer_ms: 0,
            total_ms: 0,
            commits: 0,
            own_us: 0,
            evidence: None,
            answer: None,
            receipt: None,
            journal,
        }
    }

    /// 0 registered or already registered, 3 refused, 4 pending, 1 fault.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self.outcome {
            "registered" | "already-registered" => 0,
            "refused" => 3,
            "pending" => 4,
            _ => 1,
        })
    }
}

/// Who is waited for, so that the program's own time can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    Customer,
    Host,
    Card,
    Printer,
    Itself,
}

/// The times of one visit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) customer: Duration,
    pub(crate) host: Duration,
    pub(crate) card: Duration,
    pub(crate) printer: Duration,
}

impl Times {
    /// Adds a wait.
    pub(crate) fn add(&mut self, waits_for: WaitsFor, wait: Duration) {
        match waits_for {
            WaitsFor::Customer => self.customer += wait,
            WaitsFor::Host => self.host += wait,
            WaitsFor::Card => self.card += wait,
            WaitsFor::Printer => self.printer += wait,
            WaitsFor::Itself => {}
        }
    }
}

/// Class and code of an outcome.
pub(crate) const fn words(outcome: Outcome) -> (&'static str, &'static str) {
    (outcome.name(), outcome.code())
}
