//! The ways that a visit can go, each with the customer, the card and the host that make it go so.

use myna_demo::customer::{Customer, Whim};
use myna_tests::watch::{Kind, Point};
use serde_json::{Value, json};

/// One way.
pub(super) struct Path {
    pub(super) name: &'static str,
    pub(super) program: Program,
    pub(super) persona: &'static str,
    pub(super) before: Before,
    pub(super) customer: fn() -> Customer,
    /// Of the host.
    pub(super) lever: Option<fn() -> Value>,
    /// Lines of the configuration's `[limits]`.
    pub(super) limits: &'static [&'static str],
    /// Which of its steps no other path has.
    pub(super) own: Own,
    /// The result's code when nobody kills it; of `deliver`, its exit status.
    pub(super) ends: &'static str,
    /// Waits long by nature: the share of CI takes its durable steps only.
    pub(super) slow: bool,
}

/// Which process is watched and killed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// `myna-atm register`, with a customer.
    Register,
    /// `myna-atm deliver`.
    Deliver,
    /// `myna-host serve`, while a customer is at the terminal.
    Host,
    /// `myna-host serve`, while `myna-atm deliver` asks.
    HostAsked,
    /// `myna-host serve`, while the bytes of a decided request come again.
    HostAgain,
    /// `myna-host serve`, after a visit, told to stop (SIGTERM).
    HostStops,
}

impl Program {
    pub(super) const fn is_host(self) -> bool {
        matches!(self, Self::Host | Self::HostAsked | Self::HostAgain | Self::HostStops)
    }
}

/// What was before.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Books of earlier visits, and this card not registered.
    NotRegistered,
    /// This card is registered.
    Registered,
    /// There is no journal: the machine's first start.
    FirstStart,
    /// A visit was killed at the PIN: the card is inside, nothing is signed.
    KilledAtPin,
    /// A visit was killed when its request was durable and had not left: the card is inside, its PIN verified.
    KilledBeforeSending,
    /// A visit was killed when the host had decided and the answer was not recorded.
    KilledBeforeAnswer,
}

impl Before {
    /// The card is inside when the process under test starts.
    pub(super) const fn leaves_card_inside(self) -> bool {
        matches!(self, Self::KilledAtPin | Self::KilledBeforeSending | Self::KilledBeforeAnswer)
    }
}

/// Which steps are a path's own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// All.
    All,
    /// Those from the step that leads to the first screen to the second one: what is before and behind is the same in
    /// another path.
    Between(&'static str, &'static str),
    /// Those up to this screen.
    UpTo(&'static str),
}

const USUAL: Path = Path {
    name: "",
    program: Program::Register,
    persona: "valid",
    before: Before::NotRegistered,
    customer: right_pin,
    lever: None,
    limits: &[],
    own: Own::All,
    ends: "registered",
    slow: false,
};

fn right_pin() -> Customer {
    Customer::with_pin("1234")
}

fn no_receipt() -> Customer {
    Customer { receipt: false, ..right_pin() }
}

fn wrong_then_right() -> Customer {
    Customer { pins: vec!["9999".to_owned(), "1234".to_owned()], ..right_pin() }
}

fn with_whim(screen: &str, whim: Whim) -> Customer {
    Customer { whim: Some((screen.to_owned(), whim)), ..right_pin() }
}

/// A customer who leaves at the terms.
pub(super) fn leaves() -> Customer {
    with_whim("terms", Whim::Cancel)
}

/// Shorter than a customer would notice: these are waits for a host on the same machine.
pub(super) const LIMITS: &[&str] = &["resend_pause_ms = 100"];

/// All paths of the terminal.
pub(super) fn terminal() -> Vec<Path> {
    vec![
        Path { name: "registered-with-receipt", ..USUAL },
        Path {
            name: "registered-without-receipt",
            customer: no_receipt,
            own: Own::Between("receipt", "take-card"),
            ..USUAL
        },
        Path {
            name: "already-registered",
            before: Before::Registered,
            own: Own::Between("receipt", "take-card"),
            ends: "already-registered",
            ..USUAL
        },
        Path {
            name: "wrong-pin-then-right",
            customer: wrong_then_right,
            own: Own::Between("signing", "sending"),
            ..USUAL
        },
        Path {
            name: "cancelled-at-terms",
            customer: leaves,
            own: Own::Between("stopped", "result"),
            ends: "cancelled",
            ..USUAL
        },
        Path {
            name: "cancelled-at-pin",
            customer: || with_whim("pin", Whim::Cancel),
            own: Own::Between("stopped", "result"),
            ends: "cancelled",
            ..USUAL
        },
        Path {
            name: "card-pulled-at-pin",
            customer: || with_whim("pin", Whim::PullCard),
            own: Own::Between("stopped", "result"),
            ends: "card-removed",
            ..USUAL
        },
        Path {
            name: "time-over",
            customer: || with_whim("pin", Whim::TypeAndWalkAway),
            limits: &["pin_ms_max = 5000", "notice_ms_max = 5000", "time_warning_ms = 1000"],
            own: Own::Between("stopped", "result"),
            ends: "timed-out",
            slow: true,
            ..USUAL
        },
        Path {
            name: "nobody-answers-the-receipt-question",
            customer: || with_whim("receipt", Whim::WalkAway),
            limits: &["receipt_choice_ms_max = 5000", "time_warning_ms = 1000"],
            own: Own::Between("receipt", "take-card"),
            slow: true,
            ..USUAL
        },
        Path {
            name: "locked-card",
            persona: "pin-locked",
            own: Own::Between("stopped", "result"),
            ends: "pin-locked",
            ..USUAL
        },
        Path {
            name: "host-lost-the-request",
            lever: Some(|| json!({ "lever": "lose-request", "count": 1 })),
            own: Own::Between("sending", "take-card"),
            ..USUAL
        },
        Path {
            name: "host-lost-the-answer",
            lever: Some(|| json!({ "lever": "lose-answer", "count": 1 })),
            own: Own::Between("sending", "take-card"),
            ..USUAL
        },
        Path {
            name: "host-cannot-decide",
            lever: Some(|| json!({ "lever": "cannot-decide" })),
            limits: &["host_connect_ms_max = 1000", "host_decision_ms_max = 1000", "resend_pause_ms = 600"],
            own: Own::Between("sending", "take-card"),
            ends: "pending",
            ..USUAL
        },
        Path {
            name: "host-rejects",
            persona: "revoked",
            own: Own::Between("sending", "take-card"),
            ends: "certificate-revoked",
            ..USUAL
        },
        Path {
            name: "start-with-a-card-inside",
            before: Before::KilledAtPin,
            customer: leaves,
            own: Own::UpTo("terms"),
            ends: "cancelled",
            ..USUAL
        },
        Path {
            name: "start-with-a-card-inside-and-a-request",
            before: Before::KilledBeforeSending,
            customer: leaves,
            ends: "cancelled",
            ..USUAL
        },
        Path {
            name: "deliver-what-the-host-never-saw",
            program: Program::Deliver,
            before: Before::KilledBeforeSending,
            ends: "0",
            ..USUAL
        },
        Path {
            name: "deliver-what-the-host-has-decided",
            program: Program::Deliver,
            before: Before::KilledBeforeAnswer,
            ends: "0",
            ..USUAL
        },
        // The last: it begins a new log, which the checkpoint that the host holds does not fit.
        Path { name: "first-start", before: Before::FirstStart, own: Own::UpTo("menu"), ..USUAL },
    ]
}

/// All paths of the host.
pub(super) fn host() -> Vec<Path> {
    let usual = Path { program: Program::Host, ..USUAL };
    vec![
        Path { name: "host-registers", ..usual },
        Path {
            name: "host-says-already-registered",
            program: Program::Host,
            before: Before::Registered,
            ends: "already-registered",
            ..USUAL
        },
        Path {
            name: "host-refuses",
            program: Program::Host,
            persona: "revoked",
            ends: "certificate-revoked",
            ..USUAL
        },
        Path {
            name: "host-is-asked-what-became-of-it",
            program: Program::HostAsked,
            before: Before::KilledBeforeAnswer,
            ends: "0",
            ..USUAL
        },
        Path {
            name: "host-gets-the-same-bytes-again",
            program: Program::HostAgain,
            before: Before::Registered,
            ends: "same",
            ..USUAL
        },
        Path { name: "host-stops-in-peace", program: Program::HostStops, ..USUAL },
    ]
}

/// Where a process is killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nowhere: it lives to its end.
    Nowhere,
    /// At the entry of a system call.
    At(Point),
    /// When its reader has this screen before them, for the n-th time.
    Shown(String, usize),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Nowhere => f.write_str("nowhere"),
            Self::At(point) => write!(f, "{point}"),
            Self::Shown(screen, nth) => write!(f, "shown {screen} #{nth}"),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "nowhere" {
            return Ok(Self::Nowhere);
        }
        match text.strip_prefix("shown ").and_then(|rest| rest.rsplit_once(" #")) {
            Some((screen, nth)) => {
                let nth = nth.parse().map_err(|_| format!("'{text}' is no point"))?;
                Ok(Self::Shown(screen.to_owned(), nth))
            }
            None => text.parse().map(Self::At),
        }
    }
}

impl Path {
    /// Where to kill it, from what an undisturbed run did. `all`: what other paths have too, and each word to the card.
    pub(super) fn targets(&self, points: &[Point], all: bool) -> Vec<Target> {
        let own = if all { points } else { self.own_of(points) };
        let talk = if all { points } else { card_talk(points) };
        let mut targets = Vec::new();
        for point in own {
            let taken = match point.kind {
                Kind::Card => talk.contains(point),
                _ => all || !self.slow || point.kind.is_durable(),
            };
            if taken {
                targets.push(Target::At(point.clone()));
            }
            // A screen of a slow path is there before the wait, in another path too.
            let is_screen =
                point.kind == Kind::Screen && !matches!(point.place.as_str(), "result" | "line" | "text");
            if is_screen && !self.program.is_host() && (all || !self.slow) {
                targets.push(Target::Shown(point.place.clone(), point.nth));
            }
        }
        targets
    }

    fn own_of<'a>(&self, points: &'a [Point]) -> &'a [Point] {
        let is = |point: &Point, screen: &str| point.kind == Kind::Screen && point.place == screen;
        let first = |screen: &str| {
            let first = points.iter().position(|point| is(point, screen));
            first.unwrap_or_else(|| panic!("{}: {screen} is shown", self.name))
        };
        match self.own {
            Own::All => points,
            Own::Between(from, to) => {
                // The records of the step that shows it, with the event that led to it.
                let before = &points[..first(from)];
                let led = before.iter().rposition(|point| point.kind == Kind::BeginWrite).unwrap_or(0);
                let last = points.iter().rposition(|point| is(point, to)).unwrap_or(points.len() - 1);
                &points[led..=last]
            }
            Own::UpTo(screen) => &points[..=first(screen)],
        }
    }
}

/// What goes to the card from the last digit of the PIN until the request is signed.
fn card_talk(points: &[Point]) -> &[Point] {
    let at =
        |screen: &str| points.iter().position(|point| point.kind == Kind::Screen && point.place == screen);
    match (at("signing"), at("sending")) {
        (Some(from), Some(to)) => &points[from..to],
        _ => &[],
    }
}
