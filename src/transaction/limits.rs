//! Every deadline the machine arms, by name, with its default.
//!
//! The machine speaks of [`Limit`]s only; the milliseconds are the runtime's, which may take them from its
//! configuration. Names end in the unit and, where it is a bound, in `max`.

/// The deadlines of a visit. See [`Limits`] for what each is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name is explained at the field of Limits with the same name")]
pub enum Limit {
    CardTake,
    CardRead,
    Challenge,
    HostDecision,
    InsertCard,
    LastTry,
    MakeSafe,
    Notice,
    Pin,
    Print,
    ReceiptChoice,
    RepairPause,
    ResendPause,
    Sign,
    Terms,
    Verify,
}

/// How long each deadline is, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// How long a refusal stays on the screen when nobody confirms it.
    pub notice_ms_max: u32,
    /// For all four digits; the pad has a limit of its own between keys.
    pub pin_ms_max: u32,
    /// Until the receipt is out.
    pub print_ms_max: u32,
    /// Until the question for a receipt is answered; no answer means no receipt.
    pub receipt_choice_ms_max: u32,
    /// Between two attempts to reach a card unit that is out of order.
    pub repair_pause_ms: u32,
    /// Between a failed attempt to deliver the request and the next one.
    pub resend_pause_ms: u32,
    /// Until the card has signed and the request is assembled.
    pub sign_ms_max: u32,
    /// For reading and confirming the terms.
    pub terms_ms_max: u32,
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
        notice_ms_max: 30_000,
        pin_ms_max: 120_000,
        print_ms_max: 15_000,
        receipt_choice_ms_max: 30_000,
        repair_pause_ms: 5_000,
        resend_pause_ms: 1_000,
        sign_ms_max: 15_000,
        terms_ms_max: 180_000,
        verify_ms_max: 10_000,
    };

    /// The length of one deadline in milliseconds.
    #[must_use]
    pub const fn ms(&self, limit: Limit) -> u32 {
        match limit {
            Limit::CardTake => self.card_take_ms_max,
            Limit::CardRead => self.card_read_ms_max,
            Limit::Challenge => self.challenge_ms_max,
            Limit::HostDecision => self.host_decision_ms_max,
            Limit::InsertCard => self.insert_card_ms_max,
            Limit::LastTry => self.last_try_ms_max,
            Limit::MakeSafe => self.make_safe_ms_max,
            Limit::Notice => self.notice_ms_max,
            Limit::Pin => self.pin_ms_max,
            Limit::Print => self.print_ms_max,
            Limit::ReceiptChoice => self.receipt_choice_ms_max,
            Limit::RepairPause => self.repair_pause_ms,
            Limit::ResendPause => self.resend_pause_ms,
            Limit::Sign => self.sign_ms_max,
            Limit::Terms => self.terms_ms_max,
            Limit::Verify => self.verify_ms_max,
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
// A pad must be able to time a customer out by its own limit before the machine does.
const _: () = assert!(Limits::DEFAULT.pin_ms_max >= 60_000);
