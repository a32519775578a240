//! A card as a type that knows whether its PIN was verified.
//!
//! Invariants:
//! - Only a card whose chip verified the PIN can sign.
//! - [`Card::verify`] sends at most one VERIFY, and none unless the tries left were read, some are left, and the slot
//!   holds a whole PIN. The slot comes back wiped. [`Card::verify_on_pad`] lets the reader send at most one, under the same
//!   conditions; the PIN is never in this process then.
//! - After an error the card may be gone from the caller's hands, but not the channel: [`leave`] it, then power it off.
//!
//! ```compile_fail
//! // A card whose PIN was not verified cannot sign.
//! fn no_pin_no_signature(mut card: jpki::Card<'_, jpki::Selected>) {
//!     let _ = card.sign(&[0; 51]);
//! }
//! ```
//! ```
//! fn pin_then_signature(mut card: jpki::Card<'_, jpki::PinVerified>) {
//!     let _ = card.sign(&[0; 51]);
//! }
//! ```

use std::fmt;
use std::marker::PhantomData;

use crate::apdu::{Response, ShortData};
use crate::channel::Channel;
use crate::dialogue::{Addressing, Dialogue, ISSUER_DOMAIN_AID, JPKI_AID, select_by_name, tries_told};
use crate::error::{CardError, CardFault, Misuse, Refusal};
use crate::limits::{RESPONSE_DATA_BYTES_MAX, SIGN_INPUT_BYTES_MAX};
use crate::pad::{PadLimits, PadOutcome};
use crate::pin::PinSlot;
use crate::status::{Meaning, StatusWord};
use crate::token::TokenInfo;

/// Tries left for the user-authentication PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// So many, at least one.
    Left(u8),
    /// None, or the card says that the PIN is locked or not there. One answer serves both: what a card without a PIN
    /// (顔認証マイナンバーカード) says is not known.
    Blocked,
}

/// What can be known of a card before its PIN is asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Examined {
    /// The token's description. `None` where the card knows no short file ids: there it would cost two commands more, and
    /// a phone is known by its certificate being behind the PIN.
    pub token: Option<TokenInfo>,
    /// The user-authentication certificate, DER, exactly.
    pub certificate: Vec<u8>,
    /// Tries left.
    pub tries: Tries,
}

impl fmt::Debug for Examined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The certificate names a person's key: not for logs.
        f.debug_struct("Examined")
            .field("token", &self.token)
            .field("certificate_bytes", &self.certificate.len())
            .field("tries", &self.tries)
            .finish()
    }
}

/// What the chip's private key made of the input: 256 bytes from an RSA-2048 key. Not checked here.
#[derive(Clone, PartialEq, Eq)]
pub struct Signature(Vec<u8>);

impl Signature {
    /// As the card gave it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({} bytes)", self.0.len())
    }
}

/// State of a [`Card`]: the application is selected, no PIN is verified by us.
#[derive(Debug)]
pub enum Selected {}

/// State of a [`Card`]: the chip verified the user-authentication PIN in this dialogue.
#[derive(Debug)]
pub enum PinVerified {}

/// A card with the JPKI application selected, in state `S`.
pub struct Card<'c, S> {
    dialogue: Dialogue<'c>,
    state: PhantomData<S>,
}

/// What VERIFY said.
pub enum VerifyOutcome<'c> {
    /// The PIN is right; the card can sign.
    Verified(Card<'c, PinVerified>),
    /// The PIN is wrong.
    Wrong {
        /// The card, for another PIN or for the end.
        card: Card<'c, Selected>,
        /// At least one.
        tries_left: u8,
    },
    /// The PIN is wrong and that was the last try, or it was locked before.
    Blocked {
        /// The card, for the end.
        card: Card<'c, Selected>,
    },
}

/// Leaves the application, so that no PIN stays verified; for a channel whose [`Card`] was lost to an error. The caller
/// powers the card off afterwards in every case.
///
/// # Errors
/// When the card does not answer or does not obey: then only power-off clears the PIN state.
pub fn leave(channel: &mut dyn Channel) -> Result<(), CardError> {
    match select_by_name(channel, ShortData::fixed(&ISSUER_DOMAIN_AID))? {
        StatusWord::DONE => Ok(()),
        status => Err(CardFault::NotLeft { status }.into()),
    }
}

impl<S> Card<'_, S> {
    /// Leaves the application, so that no PIN stays verified. The caller powers the card off afterwards in every case.
    ///
    /// # Errors
    /// As [`leave`].
    pub fn end(self) -> Result<(), CardError> {
        leave(self.dialogue.into_channel())
    }
}

impl<'c> Card<'c, Selected> {
    /// Selects the JPKI application by its whole name. A card that answers `6F00` at first, as one is known to after
    /// power-up, is asked once more.
    ///
    /// # Errors
    /// [`Refusal::NotMyNumberCard`], [`Refusal::Unreadable`], or no answer.
    pub fn select(channel: &'c mut dyn Channel) -> Result<Self, CardError> {
        let name = ShortData::fixed(&JPKI_AID);
        let mut status = select_by_name(channel, name)?;
        if status.meaning() == Meaning::SelfDiagnosis {
            status = select_by_name(channel, name)?;
        }
        match status.meaning() {
            Meaning::Done => Ok(Self { dialogue: Dialogue::new(channel), state: PhantomData }),
            Meaning::FileLocked
            | Meaning::SelfDiagnosis
            | Meaning::FileControlFailure
            | Meaning::MemoryFailure => {
                Err(Refusal::Unreadable { what: "the JPKI application", status }.into())
            }
            _ => Err(Refusal::NotMyNumberCard { status }.into()),
        }
    }

    /// Does all that can be done before the PIN, in the fewest commands: chooses the addressing form, reads token,
    /// certificate and tries left, and refuses phones.
    ///
    /// # Errors
    /// Every [`Refusal`] but `NotMyNumberCard`; no answer; [`CardFault::TriesUnknown`].
    pub fn examine(&mut self) -> Result<Examined, CardError> {
        let token = match self.dialogue.choose_form()? {
            Addressing::ShortId => Some(self.token_info()?),
            Addressing::Current => None,
        };
        if token.as_ref().is_some_and(|token| token.kind().is_phone()) {
            return Err(Refusal::Phone.into());
        }
        let certificate = self.certificate()?;
        let tries = match self.dialogue.tries() {
            Some(tries) => tries,
            None => self.tries_left()?,
        };
        Ok(Examined { token, certificate, tries })
    }

    /// Reads the token information.
    ///
    /// # Errors
    /// No answer, or a file that cannot be read or is too short.
    pub fn token_info(&mut self) -> Result<TokenInfo, CardError> {
        self.dialogue.read_token_info()
    }

    /// Reads the user-authentication certificate: exactly the DER object, at most
    /// [`crate::limits::CERTIFICATE_BYTES_MAX`]. It is not looked into.
    ///
    /// # Errors
    /// [`Refusal::Phone`] when it is behind the PIN, [`Refusal::NoCertificate`], [`Refusal::Damaged`],
    /// [`Refusal::Unreadable`], or no answer.
    pub fn certificate(&mut self) -> Result<Vec<u8>, CardError> {
        self.dialogue.read_certificate()
    }

    /// Reads how many tries the PIN has left; costs none. The first call chooses the addressing form, unless
    /// [`Card::examine`] did.
    ///
    /// # Errors
    /// No answer, or [`CardFault::TriesUnknown`].
    pub fn tries_left(&mut self) -> Result<Tries, CardError> {
        self.dialogue.read_tries()
    }

    /// Lets the chip verify the PIN: one VERIFY, never repeated. The slot comes back wiped in every case.
    ///
    /// # Errors
    /// [`Misuse`] with nothing sent; [`CardFault::VerifyUnanswered`] and [`CardFault::VerifyUnclear`] when the state of
    /// the counter is unknown; [`CardFault::TriesUnknown`] and no answer to a SELECT before it, with no try used.
    pub fn verify(mut self, mut slot: PinSlot) -> (PinSlot, Result<VerifyOutcome<'c>, CardError>) {
        let answer = self.dialogue.verify_once(&mut slot);
        slot.clear();
        (slot, answer.and_then(|status| self.after_verify(status)))
    }

    fn after_verify(self, status: StatusWord) -> Result<VerifyOutcome<'c>, CardError> {
        if status == StatusWord::DONE {
            return Ok(VerifyOutcome::Verified(Card { dialogue: self.dialogue, state: PhantomData }));
        }
        match tries_told(status) {
            Some(Tries::Left(tries_left)) => Ok(VerifyOutcome::Wrong { card: self, tries_left }),
            Some(Tries::Blocked) => Ok(VerifyOutcome::Blocked { card: self }),
            None => Err(CardFault::VerifyUnclear { status }.into()),
        }
    }
}

/// The reader's own answers to an entry at its pad (PC/SC part 10, section 2.5.2): nothing was sent to the card, says the
/// reader, or a card that answers a VERIFY with the same words. The counter tells.
mod pad_answer {
    use crate::status::StatusWord;

    pub(super) const TIMED_OUT: StatusWord = StatusWord(0x6400);
    pub(super) const CANCELLED: StatusWord = StatusWord(0x6401);
    pub(super) const WRONG_LENGTH: StatusWord = StatusWord(0x6403);
    /// Something in the order is not to the reader's liking.
    pub(super) const REFUSED: StatusWord = StatusWord(0x6B80);
}

impl<'c> Card<'c, Selected> {
    /// Whether the reader has a pad of its own, so that [`Card::verify_on_pad`] is possible. Sends nothing to the card.
    ///
    /// # Errors
    /// When the reader fails.
    pub fn offers_pad(&mut self) -> Result<bool, CardError> {
        Ok(self.dialogue.offers_pad()?)
    }

    /// Lets the customer type the PIN at the reader's own pad, which presents it to the chip: one VERIFY at most, never
    /// repeated, and no digit comes into this process. Blocks until the entry ends. After everything but `Verified`,
    /// `Wrong` and `Blocked` the tries must be read before another entry.
    ///
    /// # Errors
    /// [`Misuse`] and [`CardFault::NoPad`] with nothing sent; [`CardFault::VerifyUnanswered`] and
    /// [`CardFault::VerifyUnclear`] when the state of the counter is unknown; [`CardFault::TriesUnknown`] and no answer to a
    /// SELECT before it, with no try used.
    pub fn verify_on_pad(mut self, limits: PadLimits<'_>) -> Result<PadOutcome<'c>, CardError> {
        match self.dialogue.verify_on_pad_once(limits)? {
            pad_answer::TIMED_OUT => Ok(PadOutcome::TimedOut { card: self }),
            pad_answer::CANCELLED => Ok(PadOutcome::Cancelled { card: self }),
            pad_answer::WRONG_LENGTH => Ok(PadOutcome::WrongLength { card: self }),
            pad_answer::REFUSED => Ok(PadOutcome::Refused { card: self }),
            status => self.after_verify(status).map(|outcome| match outcome {
                VerifyOutcome::Verified(card) => PadOutcome::Verified(card),
                VerifyOutcome::Wrong { card, tries_left } => PadOutcome::Wrong { card, tries_left },
                VerifyOutcome::Blocked { card } => PadOutcome::Blocked { card },
            }),
        }
    }
}

impl Card<'_, PinVerified> {
    /// Lets the chip sign: `input` is what its key is applied to, 1 to 245 bytes; a DigestInfo for RSA, the bare hash for
    /// an elliptic curve.
    ///
    /// # Errors
    /// [`Misuse::SignInputLength`] with nothing sent; [`CardFault::NotSigned`]; no answer.
    pub fn sign(&mut self, input: &[u8]) -> Result<Signature, CardError> {
        let input = ShortData::new(input)
            .filter(|_| input.len() <= SIGN_INPUT_BYTES_MAX)
            .ok_or(Misuse::SignInputLength { bytes: input.len() })?;
        signature(self.dialogue.sign(input)?)
    }
}

fn signature(response: Response) -> Result<Signature, CardError> {
    let status = response.status();
    let data = response.into_data();
    // No data, or more than any key of a card gives, is no signature, whatever the status word says.
    if status != StatusWord::DONE || data.is_empty() || data.len() > RESPONSE_DATA_BYTES_MAX {
        return Err(CardFault::NotSigned { status }.into());
    }
    Ok(Signature(data))
}
