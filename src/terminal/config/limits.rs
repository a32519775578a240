//! Every time and size limit of the terminal, in one table: name with its unit last, default, range, purpose.
//!
//! Invariant: a number outside its range is refused when the configuration is read. The ranges keep a value that could
//! not work (zero milliseconds) and one that would mean "no limit" (a year) out of a machine in the field.

use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::{JST, Problem};
use crate::card_worker::PAD_KEY_S;

/// A row of the table: what `docs/operating.md` prints and what the range check uses.
#[derive(Clone, Copy, Debug)]
pub struct LimitDoc {
    /// The key in `[limits]`.
    pub name: &'static str,
    /// The value when the key is absent.
    pub default: u32,
    /// The smallest value accepted.
    pub min: u32,
    /// The largest value accepted.
    pub max: u32,
    /// What is limited, and why.
    pub purpose: &'static str,
}

macro_rules! limits {
    ($($(#[doc = $purpose:literal])+ $name:ident: $default:literal in $min:literal..=$max:literal;)+) => {
        /// Every limit. Keys that are absent have their default.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Limits {
            $($(#[doc = $purpose])+ pub $name: u32,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        $(const _: () = assert!($min <= $default && $default <= $max, "a default must be in its range");)+

        impl Limits {
            /// All limits in the order of a visit.
            pub const TABLE: &'static [LimitDoc] = &[$(LimitDoc {
                name: stringify!($name), default: $default, min: $min, max: $max, purpose: concat!($($purpose,)+),
            },)+];

            fn values(&self) -> impl Iterator<Item = (&'static LimitDoc, u32)> {
                Self::TABLE.iter().zip([$(self.$name,)+])
            }
        }
    };
}

limits! {
    /// Wait for the terms and their challenge from the host, connecting included.
    challenge_ms_max: 10_000 in 500..=120_000;
    /// The terms stay on the screen so long without a key.
    terms_ms_max: 180_000 in 20_000..=900_000;
    /// Wait for a card to be put in.
    insert_card_ms_max: 60_000 in 10_000..=600_000;
    /// Opening the exclusive session with the card: longer, and another program holds it.
    card_open_ms_max: 5_000 in 500..=60_000;
    /// Everything read from the card before the PIN, connecting included.
    card_read_ms_max: 15_000 in 1_000..=120_000;
    /// Wait for the explicit yes before the last try.
    last_try_ms_max: 60_000 in 10_000..=600_000;
    /// All four digits of the PIN.
    pin_ms_max: 60_000 in 5_000..=900_000;
    /// One entry at the card reader's own pad, which cannot be stopped from here: longer than the reader's own limits, which are 30 seconds without a key and 100 seconds in all.
    pin_on_pad_ms_max: 120_000 in 105_000..=600_000;
    /// How often the card reader's own pad is asked in one piece of the customer's time without a PIN being presented (a yes to the last try begins none); more, and the reader comes back at once instead of waiting. Where `pin_ms_max` is so long that a reader that waits 30 seconds is asked more often, it is asked so often.
    pad_entries_max: 20 in 2..=200;
    /// The last part of each of the customer's times (terms, card, last try, PIN, receipt, notice), in which the screen warns and one key gives the whole time again. WCAG 2.2.1 asks for at least 20 seconds.
    time_warning_ms: 20_000 in 100..=120_000;
    /// How often one screen's time can be made longer. WCAG 2.2.1 asks for at least 10.
    time_extensions_max: 10 in 0..=100;
    /// Until the card has checked the PIN.
    verify_ms_max: 10_000 in 1_000..=120_000;
    /// Until the card has signed and the request is assembled.
    sign_ms_max: 15_000 in 1_000..=120_000;
    /// Connecting to the host, TLS included.
    host_connect_ms_max: 5_000 in 200..=60_000;
    /// One exchange with the host, from the request's first byte to the answer's last.
    host_answer_ms_max: 10_000 in 500..=120_000;
    /// The customer waits so long for the decision, then hears that it is pending; the terminal goes on delivering.
    host_decision_ms_max: 30_000 in 1_000..=120_000;
    /// Between a failed attempt to deliver the customer's request and the next one.
    resend_pause_ms: 1_000 in 100..=60_000;
    /// Between two rounds over the undecided requests of earlier visits, when a round brought a decision.
    outbox_pause_ms: 60_000 in 1_000..=3_600_000;
    /// The longest such pause: each round that brings nothing doubles it up to here.
    outbox_pause_ms_max: 3_600_000 in 1_000..=86_400_000;
    /// At the end of the process: the last round over the undecided requests.
    outbox_at_end_ms_max: 10_000 in 0..=120_000;
    /// The terminal's clock may differ from the host's by so much; beyond it no visit reaches the PIN.
    clock_skew_ms_max: 30_000 in 1_000..=300_000;
    /// The question for a receipt; no answer means no receipt.
    receipt_choice_ms_max: 60_000 in 5_000..=300_000;
    /// Printing one receipt.
    print_ms_max: 25_000 in 1_000..=120_000;
    /// A refusal stays on the screen so long when nobody confirms it.
    notice_ms_max: 60_000 in 5_000..=300_000;
    /// From asking to take the card until the next reminder.
    card_take_ms_max: 30_000 in 2_000..=300_000;
    /// Taking in a card that was not taken, where `[retain]` wants it.
    retain_ms_max: 15_000 in 1_000..=120_000;
    /// The menu goes back to the machine's own language, when somebody chose another and did not go on.
    menu_language_ms: 60_000 in 5_000..=600_000;
    /// Powering off any card found at start.
    make_safe_ms_max: 5_000 in 500..=60_000;
    /// Between two attempts to reach a card unit that is out of order.
    repair_pause_ms: 5_000 in 100..=600_000;
    /// Failures of one device in a row, without a good use between them, that are borne. One more, and it is out of service until an operator says `resume` or the service is started again: without card unit or PIN pad nobody is served, without printer no receipt is offered.
    device_failures_max: 5 in 1..=100;
    /// A certificate that ends within so many months gets a notice on screen and receipt.
    certificate_notice_months: 3 in 1..=12;
    /// Undecided requests kept; at this number no new visit begins, because its request could not be kept.
    outbox_entries_max: 100 in 1..=10_000;
    /// Days that request and answer are kept here after the decision.
    evidence_keep_days: 90 in 1..=3_650;
    /// Records of the device log between two signed checkpoints.
    log_entries_per_checkpoint_max: 256 in 1..=65_536;
    /// Free space in MiB below which no new visit begins.
    disk_free_mib_min: 64 in 8..=1_048_576;
}

impl Limits {
    /// Whether a certificate that ends at `not_after` deserves the notice: it ends within `certificate_notice_months`
    /// of the calendar in Japan. One that has ended gets none; it is refused.
    pub fn ends_soon(&self, now: Timestamp, not_after: Timestamp) -> bool {
        let months = i64::from(self.certificate_notice_months).months();
        let horizon = JST.to_datetime(now).checked_add(months).and_then(|day| JST.to_timestamp(day));
        now <= not_after && horizon.is_ok_and(|horizon| not_after <= horizon)
    }

    /// The longest that a customer can be at the PIN pad, by voice and with every extension, in milliseconds: the pad's own
    /// limit, which is a backstop behind the machine's.
    pub fn pad_ms_max(&self) -> u64 {
        u64::from(self.pin_ms_max)
            .saturating_mul(2)
            .saturating_mul(u64::from(self.time_extensions_max).saturating_add(2))
    }

    /// `pad_entries_max`, and never fewer than a reader that keeps its limits needs in the longest piece of a customer's time:
    /// by voice, warning included.
    pub fn pad_entries(&self) -> u8 {
        let piece_ms = self.pin_ms_max.max(self.time_warning_ms).saturating_mul(2);
        // One more that is begun at the end of the time, and the one that is too many.
        let needed = (piece_ms / (u32::from(PAD_KEY_S) * 1_000)).saturating_add(2);
        u8::try_from(self.pad_entries_max.max(needed)).unwrap_or(u8::MAX)
    }

    /// The part that the machine of a visit arms, under the same names.
    pub fn of_visit(&self) -> transaction::Limits {
        transaction::Limits {
            card_take_ms_max: self.card_take_ms_max,
            card_read_ms_max: self.card_read_ms_max,
            challenge_ms_max: self.challenge_ms_max,
            host_decision_ms_max: self.host_decision_ms_max,
            insert_card_ms_max: self.insert_card_ms_max,
            last_try_ms_max: self.last_try_ms_max,
            make_safe_ms_max: self.make_safe_ms_max,
            menu_language_ms: self.menu_language_ms,
            notice_ms_max: self.notice_ms_max,
            pin_ms_max: self.pin_ms_max,
            pin_on_pad_ms_max: self.pin_on_pad_ms_max,
            print_ms_max: self.print_ms_max,
            receipt_choice_ms_max: self.receipt_choice_ms_max,
            repair_pause_ms: self.repair_pause_ms,
            resend_pause_ms: self.resend_pause_ms,
            retain_ms_max: self.retain_ms_max,
            sign_ms_max: self.sign_ms_max,
            terms_ms_max: self.terms_ms_max,
            time_warning_ms: self.time_warning_ms,
            verify_ms_max: self.verify_ms_max,
        }
    }
}

pub(super) fn out_of_range(limits: &Limits) -> impl Iterator<Item = Problem> {
    limits.values().filter(|(limit, value)| !(limit.min..=limit.max).contains(value)).map(|(limit, value)| {
        Problem {
            key: format!("limits.{}", limit.name),
            reason: format!("{value} is not in {}..={}", limit.min, limit.max),
        }
    })
}
