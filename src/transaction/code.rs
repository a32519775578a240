//! How a visit can end, each way with its stable code.
//!
//! The codes are an interface: screens, receipts, the device log and bank operations key on them. A code is never
//! renamed or reused; a new reason gets a new one.

/// What the host decided, signed by it, about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Registered now.
    Registered,
    /// Registered before; the acceptance number is the earlier one's.
    AlreadyRegistered,
    /// Not registered.
    Rejected(Rejection),
}

/// Why the host rejected a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the codes say it; the host's documents define them")]
pub enum Rejection {
    CertificateUntrusted,
    CertificateExpired,
    CertificateNotYetValid,
    CertificateRevoked,
    ChallengeUnknown,
    ChallengeUsed,
    TooLate,
    ConsentTooLate,
    TermsNotCurrent,
    NoInsurerData,
    InsurerBlocked,
}

impl Rejection {
    /// All rejections, for tables and tests.
    pub const ALL: [Self; 11] = [
        Self::CertificateUntrusted,
        Self::CertificateExpired,
        Self::CertificateNotYetValid,
        Self::CertificateRevoked,
        Self::ChallengeUnknown,
        Self::ChallengeUsed,
        Self::TooLate,
        Self::ConsentTooLate,
        Self::TermsNotCurrent,
        Self::NoInsurerData,
        Self::InsurerBlocked,
    ];

    /// The stable code, the same word that the host signs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::CertificateUntrusted => "certificate-untrusted",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotYetValid => "certificate-not-yet-valid",
            Self::CertificateRevoked => "certificate-revoked",
            Self::ChallengeUnknown => "challenge-unknown",
            Self::ChallengeUsed => "challenge-used",
            Self::TooLate => "too-late",
            Self::ConsentTooLate => "consent-too-late",
            Self::TermsNotCurrent => "terms-not-current",
            Self::NoInsurerData => "no-insurer-data",
            Self::InsurerBlocked => "insurer-blocked",
        }
    }
}

/// Why the terminal ended a visit without sending anything: the card, the customer or the calendar says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The customer pressed cancel.
    Cancelled,
    /// The customer did not go on in time.
    TimedOut,
    /// The card was pulled out before the request was signed.
    CardRemoved,
    /// The chip has no JPKI applet.
    NotMyNumberCard,
    /// A phone with the certificates in it was held to the reader; this service takes the card.
    PhoneNotSupported,
    /// The chip does not answer, or not in a way that can be read.
    CardUnreadable,
    /// The applet has no user-authentication certificate.
    NoCertificate,
    /// The certificate on the card cannot be parsed, or its signature does not hold.
    CertificateDamaged,
    /// The certificate is over.
    CertificateExpired,
    /// The certificate is not valid yet.
    CertificateNotYetValid,
    /// No configured authority issued the certificate.
    CertificateUntrusted,
    /// A test authority issued the certificate, and this terminal serves real cards.
    CertificateTestRoot,
    /// The PIN is locked, or the card has none (both answer alike before the PIN).
    PinLocked,
    /// The card's signature does not fit its certificate.
    CardKeyMismatch,
    /// The challenge became too old while the customer was reading.
    TookTooLong,
    /// The host cannot be reached.
    HostUnreachable,
    /// The host says that it cannot serve now.
    HostClosed,
    /// The bank stopped the service during the visit.
    ServiceStopped,
}

impl Refusal {
    /// All refusals, for tables and tests.
    pub const ALL: [Self; 18] = [
        Self::Cancelled,
        Self::TimedOut,
        Self::CardRemoved,
        Self::NotMyNumberCard,
        Self::PhoneNotSupported,
        Self::CardUnreadable,
        Self::NoCertificate,
        Self::CertificateDamaged,
        Self::CertificateExpired,
        Self::CertificateNotYetValid,
        Self::CertificateUntrusted,
        Self::CertificateTestRoot,
        Self::PinLocked,
        Self::CardKeyMismatch,
        Self::TookTooLong,
        Self::HostUnreachable,
        Self::HostClosed,
        Self::ServiceStopped,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed-out",
            Self::CardRemoved => "card-removed",
            Self::NotMyNumberCard => "not-my-number-card",
            Self::PhoneNotSupported => "phone-not-supported",
            Self::CardUnreadable => "card-unreadable",
            Self::NoCertificate => "no-certificate",
            Self::CertificateDamaged => "certificate-damaged",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateNotYetValid => "certificate-not-yet-valid",
            Self::CertificateUntrusted => "certificate-untrusted",
            Self::CertificateTestRoot => "certificate-test-root",
            Self::PinLocked => "pin-locked",
            Self::CardKeyMismatch => "card-key-mismatch",
            Self::TookTooLong => "took-too-long",
            Self::HostUnreachable => "host-unreachable",
            Self::HostClosed => "host-closed",
            Self::ServiceStopped => "service-stopped",
        }
    }
}

/// Which thing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "plain words")]
pub enum Device {
    CardUnit,
    PinPad,
    Printer,
    Host,
    Clock,
    Terminal,
}

impl Device {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CardUnit => "card-unit",
            Self::PinPad => "pin-pad",
            Self::Printer => "printer",
            Self::Host => "host",
            Self::Clock => "clock",
            Self::Terminal => "terminal",
        }
    }
}

/// What must happen before it works again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// May work the next time.
    Transient,
    /// A person must do something at the machine.
    NeedsOperator,
    /// Must be repaired or replaced.
    Broken,
}

impl FaultKind {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::NeedsOperator => "needs-operator",
            Self::Broken => "broken",
        }
    }
}

/// The world failed: a device, the host or this machine. The story behind it is in the log of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fault {
    /// Which thing.
    pub device: Device,
    /// What it takes to mend it.
    pub kind: FaultKind,
    /// Stable code, kebab-case.
    pub code: &'static str,
}

impl Fault {
    /// A device did not answer within the machine's own deadline.
    #[must_use]
    pub const fn no_answer(device: Device) -> Self {
        Self { device, kind: FaultKind::Broken, code: "no-answer" }
    }
}

/// How a visit ended, as told to the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Registered by this visit.
    Registered,
    /// Was registered before.
    AlreadyRegistered,
    /// The host said no.
    Rejected(Rejection),
    /// The terminal said no before anything was sent.
    Refused(Refusal),
    /// The request is kept and will be delivered; there is no decision yet.
    Pending,
    /// The world failed before anything was sent.
    Fault(Fault),
}

impl Outcome {
    /// The class of the outcome: `registered`, `already-registered`, `refused`, `pending` or `fault`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::AlreadyRegistered => "already-registered",
            Self::Rejected(_) | Self::Refused(_) => "refused",
            Self::Pending => "pending",
            Self::Fault(_) => "fault",
        }
    }

    /// The stable code; for an outcome without a reason it is the class.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Registered | Self::AlreadyRegistered | Self::Pending => self.name(),
            Self::Rejected(rejection) => rejection.code(),
            Self::Refused(refusal) => refusal.code(),
            Self::Fault(fault) => fault.code,
        }
    }
}

impl From<Decision> for Outcome {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Registered => Self::Registered,
            Decision::AlreadyRegistered => Self::AlreadyRegistered,
            Decision::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}
