//! Every stable code that a visit, a device or the host can end in: what it means and who does what about it.
//!
//! The codes are an interface: the device log, receipts and the bank's monitoring key on them. What the customer reads is
//! in the language files; here is the operators' side, in English. `docs/operating.md` shows this table, and a test
//! keeps it there.

/// What kind of an end a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The request has a good end, or will have one.
    Result,
    /// The terminal said no before anything was sent.
    Refused,
    /// The host said no, with its signature.
    Rejected,
    /// A device, the host or the machine failed.
    Fault,
    /// Our own bug: the machine let the card go and stopped.
    Violation,
}

impl Class {
    /// As in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Result => "result",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Fault => "fault",
            Self::Violation => "violation",
        }
    }
}

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nobody at the bank: the customer has been told what to do.
    Nobody,
    /// Whoever is at the machine (XFS4IoT action `clear`).
    First,
    /// Maintenance or the operators of the service.
    Second,
}

impl Line {
    /// As in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nobody => "-",
            Self::First => "first",
            Self::Second => "second",
        }
    }
}

/// A stable code.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The code, kebab-case. Never renamed or reused.
    pub code: &'static str,
    /// What kind of an end it is.
    pub class: Class,
    /// Who acts.
    pub line: Line,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub action: &'static str,
}

/// The entry of a code.
pub fn code(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|entry| entry.code == code)
}

const fn of(
    class: Class,
    line: Line,
    code: &'static str,
    meaning: &'static str,
    action: &'static str,
) -> Code {
    Code { code, class, line, meaning, action }
}

use Class::{Fault, Refused, Rejected, Result, Violation};
use Line::{First, Nobody, Second};

const AT_RISE: &str =
    "None. A sudden rise at one machine: clean the card unit; at many: call the second line.";
const NONE: &str = "None.";

/// All codes.
pub const CODES: &[Code] = &[
    of(Result, Nobody, "registered", "Registered by this visit.", NONE),
    of(
        Result,
        Nobody,
        "already-registered",
        "Registered before; the earlier acceptance number is repeated.",
        NONE,
    ),
    of(
        Result,
        Nobody,
        "pending",
        "Sent or kept for sending; no decision yet. The terminal goes on delivering.",
        "If it stays pending for an hour: second line, look at the host and the line to it.",
    ),
    of(Refused, Nobody, "cancelled", "The customer pressed cancel.", NONE),
    of(Refused, Nobody, "timed-out", "The customer did not go on in time.", NONE),
    of(Refused, Nobody, "card-removed", "The card was pulled out before the request was signed.", NONE),
    of(Refused, Nobody, "took-too-long", "The challenge grew too old while the customer was reading.", NONE),
    of(Refused, Nobody, "not-my-number-card", "The chip has no JPKI applet.", NONE),
    of(
        Refused,
        Nobody,
        "phone-not-supported",
        "A phone was held to the reader; the service takes the card.",
        NONE,
    ),
    of(
        Refused,
        Nobody,
        "card-unreadable",
        "The chip does not answer, or not in a way that can be read.",
        AT_RISE,
    ),
    of(Refused, Nobody, "no-certificate", "The card holds no user-authentication certificate.", NONE),
    of(Refused, Nobody, "certificate-damaged", "The certificate on the card cannot be parsed.", AT_RISE),
    of(
        Refused,
        Nobody,
        "certificate-expired",
        "The certificate has ended (refused here or by the host).",
        NONE,
    ),
    of(
        Refused,
        Nobody,
        "certificate-not-yet-valid",
        "The certificate has not begun (here or at the host).",
        AT_RISE,
    ),
    of(
        Refused,
        Nobody,
        "certificate-untrusted",
        "No configured authority issued the certificate.",
        "None. At many machines: second line, check the folder of roots (trust.card_anchors) for a missing generation.",
    ),
    of(
        Refused,
        Nobody,
        "certificate-test-root",
        "A test card at a machine that takes real ones.",
        "None. On a bench: allow_test_roots = true.",
    ),
    of(
        Refused,
        Nobody,
        "pin-locked",
        "The PIN is locked, or the card has none: before the PIN both answer alike.",
        NONE,
    ),
    of(Refused, Nobody, "card-key-mismatch", "The card's signature does not fit its certificate.", AT_RISE),
    of(
        Refused,
        Second,
        "host-unreachable",
        "The host could not be reached; nothing was sent.",
        "Run `myna-atm doctor`: line, name service, TLS, host.",
    ),
    of(
        Refused,
        Nobody,
        "host-closed",
        "The host does not serve now, by the calendar or by its own word.",
        "None within announced hours; else second line: ask the host's operators.",
    ),
    of(Rejected, Nobody, "certificate-revoked", "The certificate is on the revocation list.", NONE),
    of(Rejected, Nobody, "no-insurer-data", "The insurer has not delivered data on this person yet.", NONE),
    of(
        Rejected,
        Nobody,
        "insurer-blocked",
        "The insurer has a block on the registration. The reason is never told at the machine.",
        "None. Do not speculate towards the customer: refer to the insurer.",
    ),
    of(
        Rejected,
        Second,
        "challenge-unknown",
        "The host does not know the challenge: too old, or of another host.",
        "If it repeats: compare host.url of the terminal with the host that answers.",
    ),
    of(
        Rejected,
        Second,
        "challenge-used",
        "The challenge was used by another request.",
        "If it repeats: keep the evidence, call the second line; a request may have been copied.",
    ),
    of(
        Rejected,
        Second,
        "too-late",
        "The request reached the host after accept_until_days.",
        "Find out why the terminal was cut off so long (device log, host-unreachable).",
    ),
    of(Rejected, Nobody, "consent-too-late", "Signed longer after the challenge than the host allows.", NONE),
    of(Rejected, Nobody, "terms-not-current", "The terms changed between reading and sending.", NONE),
    of(
        Fault,
        Second,
        "no-answer",
        "A device did not answer within the machine's own deadline.",
        "Run `myna-atm doctor`; restart the device, then the service.",
    ),
    of(
        Fault,
        Second,
        "clock-skew",
        "The terminal's clock and the host's differ by more than clock_skew_ms_max.",
        "Check the time synchronisation of the terminal (chrony, systemd-timesyncd), then of the host.",
    ),
    of(
        Fault,
        Second,
        "host-refused-us",
        "The host knows the terminal as revoked, unknown, or misconfigured.",
        "Compare terminal_id, the terminal's certificates and the host's list of terminals.",
    ),
    of(
        Fault,
        Second,
        "answer-invalid",
        "The host's signed answer does not verify. The customer was told pending at most.",
        "Keep the evidence. Check host.answer_ca; else treat it as an attack.",
    ),
    of(
        Fault,
        Second,
        "own-request-invalid",
        "The request that this terminal assembled does not pass the host's own verifier.",
        "Keep the device log; check the evidence key's certificate and trust.terminal_ca.",
    ),
    of(Fault, Second, "evidence-key", "The evidence key cannot sign.", "Check the files of keys.evidence."),
    of(
        Fault,
        Second,
        "journal-failed",
        "A record could not be made durable, so the machine stopped.",
        "Check the disk (space, health); then restart. See docs/recovering.md.",
    ),
    of(
        Fault,
        First,
        "card-mute",
        "A card is in the unit and does not answer.",
        "Take the card out; clean the contacts.",
    ),
    of(
        Fault,
        First,
        "card-reset",
        "The card lost its power or was reset during the visit.",
        "Clean the card unit.",
    ),
    of(Fault, Second, "card-protocol", "The card and the reader did not understand each other.", AT_RISE),
    of(Fault, Second, "card-misbehaved", "The card broke its own protocol.", AT_RISE),
    of(
        Fault,
        First,
        "reader-not-found",
        "No reader is connected, or not the configured one.",
        "Check plug and power.",
    ),
    of(
        Fault,
        Second,
        "reader-not-chosen",
        "There are several readers and none is configured.",
        "Set card_unit.reader; `myna-atm doctor` lists the names.",
    ),
    of(
        Fault,
        Second,
        "reader-busy",
        "Another program holds the card.",
        "Stop the other program; no other may use this reader.",
    ),
    of(
        Fault,
        Second,
        "reader-failed",
        "The reader reports an error.",
        "Reconnect the reader; if it stays, replace it.",
    ),
    of(
        Fault,
        Second,
        "card-service-stopped",
        "pcscd does not answer.",
        "`systemctl status pcscd.socket`; the terminal goes on trying by itself.",
    ),
    of(
        Fault,
        Second,
        "card-service-refused",
        "pcscd does not let the service's user in.",
        "Check the polkit rule or the socket's group.",
    ),
    of(
        Fault,
        Second,
        "pad-failed",
        "The PIN pad reports an error or is gone.",
        "Check plug and power; then replace it.",
    ),
    of(
        Fault,
        Second,
        "pad-not-a-terminal",
        "The console PIN pad has no terminal to read from.",
        "Start the service on a console, or configure another pad.",
    ),
    of(
        Fault,
        Second,
        "memory-not-locked",
        "The page of the PIN cannot be kept out of swap.",
        "Raise LimitMEMLOCK of the service.",
    ),
    of(
        Fault,
        Second,
        "process-not-hardened",
        "Core dumps or tracing of the process cannot be switched off.",
        "Check the service's sandbox settings.",
    ),
    of(
        Fault,
        First,
        "paper-out",
        "No paper: the roll is empty, or the folder of receipts is full.",
        "Put in paper; empty the folder of receipts.",
    ),
    of(Fault, Second, "printer-failed", "A receipt could not be printed.", "Run `myna-atm doctor`."),
    of(
        Fault,
        Second,
        "printer-folder",
        "The folder of receipts cannot be made.",
        "Check printer.dir and its rights.",
    ),
    of(
        Violation,
        Second,
        "tries-not-read",
        "A bug: VERIFY before the tries were known.",
        "Send the device log to us.",
    ),
    of(Violation, Second, "no-tries-left", "A bug: VERIFY with no try left.", "Send the device log to us."),
    of(
        Violation,
        Second,
        "pin-incomplete",
        "A bug: VERIFY with fewer than 4 digits.",
        "Send the device log to us.",
    ),
    of(
        Violation,
        Second,
        "sign-input-length",
        "A bug: a signature input of wrong length.",
        "Send the device log to us.",
    ),
];
