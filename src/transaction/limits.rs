//! Every deadline the machine arms, by name, with its default.
//!
//! The machine speaks of [`Limit`]s only; the milliseconds are the runtime's, which may take them from its
//! configuration. Names end in the unit and, where it is a bound, in `max`.

/// The deadlines of a visit. See [`Limits`] for what each is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each name is explained at the field of Limits with the same name")]
pub enum Limit {
    CardTake,
    CardRead,
    Challenge,
    HostDecision,
    InsertCard,
    LastTry,
    MakeSafe,
    MenuLanguage,
    Notice,
    Pin,
    PinOnPad,
    Print,
    ReceiptChoice,
    RepairPause,
    ResendPause,
    Retain,
    Sign,
    Terms,
    Verify,
    Warning,
}

impl Limit {
    /// Its name in [`Limits`], which is also its key in the terminal's configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CardTake => "card_take_ms_max",
            Self::CardRead => "card_read_ms_max",
            Self::Challenge => "challenge_ms_max",
            Self::HostDecision => "host_decision_ms_max",
            Self::InsertCard => "insert_card_ms_max",
            Self::LastTry => "last_try_ms_max",
            Self::MakeSafe => "make_safe_ms_max",
            Self::MenuLanguage => "menu_language_ms",
            Self::Notice => "notice_ms_max",
            Self::Pin => "pin_ms_max",
            Self::PinOnPad => "pin_on_pad_ms_max",
            Self::Print => "print_ms_max",
            Self::ReceiptChoice => "receipt_choice_ms_max",
            Self::RepairPause => "repair_pause_ms",
            Self::ResendPause => "resend_pause_ms",
            Self::Retain => "retain_ms_max",
            Self::Sign => "sign_ms_max",
            Self::Terms => "terms_ms_max",
            Self::Verify => "verify_ms_max",
            Self::Warning => "time_warning_ms",
        }
    }
}

/// How fast the customer is expected to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pace {
    /// The limit as it is.
    Usual,
    /// Twice as long: for who listens instead of reading.
    Slow,
}

impl Limit {
    /// Whether it is the customer's time that is measured, with a warning before its end.
    #[must_use]
    pub const fn warns(self) -> bool {
        match self {
            Self::InsertCard
            | Self::LastTry
            | Self::Notice
            | Self::Pin
            | Self::ReceiptChoice
            | Self::Terms => true,
            Self::CardTake
            | Self::CardRead
            | Self::Challenge
            | Self::HostDecision
            | Self::MakeSafe
            | Self::MenuLanguage
            | Self::PinOnPad
            | Self::Print
            | Self::RepairPause
            | Self::ResendPause
            | Self::Retain
            | Self::Sign
            | Self::Verify
            | Self::Warning => false,
        }
    }
}

/// How long each deadline is, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// From asking to take the card until the next reminder.
    pub card_take_ms_max: u32,
    /// From the insertion until certificate and tries are known.
    pub card_read_ms_max: u32,
    /// Until the host has given challenge and terms.
    pub challenge_ms_max: u32,
    /// How long a customer waits for the host's decision before being told that it is pending.
    pub host_decision_ms_max: u32,
    /// Until the card is put in.
    pub insert_card_ms_max: u32,
    /// Until the question whether to use the last try is answered.
    pub last_try_ms_max: u32,
    /// Until any card found at start-up is powered off.
    pub make_safe_ms_max: u32,
    /// How long the menu stays in a language that somebody chose without going on.
    pub menu_language_ms: u32,
    /// How long a refusal stays on the screen when nobody confirms it.
    pub notice_ms_max: u32,
    /// For all four digits.
    pub pin_ms_max: u32,
    /// Until the reader's own pad lets go: longer than the reader's limits can add up to, because it cannot be stopped.
    pub pin_on_pad_ms_max: u32,
    /// Until the receipt is out.
    pub print_ms_max: u32,
    /// Until the question for a receipt is answered; no answer means no receipt.
    pub receipt_choice_ms_max: u32,
    /// Between two attempts to reach a card unit that is out of order.
    pub repair_pause_ms: u32,
    /// Between a failed attempt to deliver the request and the next one.
    pub resend_pause_ms: u32,
    /// Until the unit has taken in a card that was not taken.
    pub retain_ms_max: u32,
    /// Until the card has signed and the request is assembled.
    pub sign_ms_max: u32,
    /// For reading and confirming the terms.
    pub terms_ms_max: u32,
    /// The end of each of the customer's limits, in which the screen says that the time is nearly over.
    pub time_warning_ms: u32,
    /// Until the card has checked the PIN.
    pub verify_ms_max: u32,
}

impl Limits {
    /// The defaults: a minute for reading, half a minute for a simple answer, seconds for machines.
    pub const DEFAULT: Self = Self {
        card_take_ms_max: 30_000,
        card_read_ms_max: 15_000,
        challenge_ms_max: 10_000,
        host_decision_ms_max: 30_000,
        insert_card_ms_max: 60_000,
        last_try_ms_max: 60_000,
        make_safe_ms_max: 5_000,
        menu_language_ms: 60_000,
        notice_ms_max: 60_000,
        pin_ms_max: 60_000,
        pin_on_pad_ms_max: 120_000,
        print_ms_max: 25_000,
        receipt_choice_ms_max: 60_000,
        repair_pause_ms: 5_000,
        resend_pause_ms: 1_000,
        retain_ms_max: 15_000,
        sign_ms_max: 15_000,
        terms_ms_max: 180_000,
        time_warning_ms: 20_000,
        verify_ms_max: 10_000,
    };

    /// The length of one deadline in milliseconds: of a limit that warns, until the warning.
    #[must_use]
    pub const fn ms(&self, limit: Limit, pace: Pace) -> u32 {
        let whole = self.whole_ms(limit);
        let ms = if limit.warns() { whole.saturating_sub(self.time_warning_ms) } else { whole };
        match pace {
            Pace::Usual => ms,
            Pace::Slow => ms.saturating_mul(2),
        }
    }

    /// The whole length of one limit in milliseconds, its warning included.
    #[must_use]
    pub const fn whole_ms(&self, limit: Limit) -> u32 {
        match limit {
            Limit::CardTake => self.card_take_ms_max,
            Limit::CardRead => self.card_read_ms_max,
            Limit::Challenge => self.challenge_ms_max,
            Limit::HostDecision => self.host_decision_ms_max,
            Limit::InsertCard => self.insert_card_ms_max,
            Limit::LastTry => self.last_try_ms_max,
            Limit::MakeSafe => self.make_safe_ms_max,
            Limit::MenuLanguage => self.menu_language_ms,
            Limit::Notice => self.notice_ms_max,
            Limit::Pin => self.pin_ms_max,
            Limit::PinOnPad => self.pin_on_pad_ms_max,
            Limit::Print => self.print_ms_max,
            Limit::ReceiptChoice => self.receipt_choice_ms_max,
            Limit::RepairPause => self.repair_pause_ms,
            Limit::ResendPause => self.resend_pause_ms,
            Limit::Retain => self.retain_ms_max,
            Limit::Sign => self.sign_ms_max,
            Limit::Terms => self.terms_ms_max,
            Limit::Verify => self.verify_ms_max,
            Limit::Warning => self.time_warning_ms,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

// The customer must see at least one resend before being told that the decision is pending.
const _: () = assert!(Limits::DEFAULT.resend_pause_ms < Limits::DEFAULT.host_decision_ms_max);
// WCAG 2.2, success criterion 2.2.1: at least 20 seconds to ask for more time.
const _: () = assert!(Limits::DEFAULT.time_warning_ms >= 20_000);
// Nobody is warned before there was time to act.
const _: () = assert!(Limits::DEFAULT.notice_ms_max > Limits::DEFAULT.time_warning_ms);
const _: () = assert!(Limits::DEFAULT.receipt_choice_ms_max > Limits::DEFAULT.time_warning_ms);
