//! The dialogue with the JPKI application, as a type that knows whether the PIN was verified.
//!
//! Invariants:
//! - The addressing form is chosen once, by the answer to the empty query `00 20 00 98`; VERIFY with data goes out in
//!   that form only. Only the signature may fall back, because a refused signature costs nothing.
//! - [`Card::verify`] sends at most one VERIFY, and none unless the tries left were read, some are left, and the slot
//!   holds a whole PIN.
//! - After an error the card is gone from the caller's hands, but not the channel: [`leave`] it, then power it off.
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

use crate::apdu::{Command, Expected, Header, Response, ShortData};
use crate::channel::{Channel, exchange};
use crate::error::{CardError, CardFault, Misuse, Refusal};
use crate::limits::{RESPONSE_DATA_BYTES_MAX, SIGN_INPUT_BYTES_MAX, TOKEN_INFO_BYTES};
use crate::pin::PinSlot;
use crate::status::{Meaning, StatusWord};
use crate::token::TokenInfo;

const JPKI_AID: [u8; 10] = [0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];
/// GlobalPlatform's issuer security domain: selecting it leaves the application and clears its PIN states.
const ISSUER_DOMAIN_AID: [u8; 7] = [0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00];

const SELECT_BY_NAME: Header = Header::new(0x00, 0xA4, 0x04, 0x0C);
const SELECT_EF: Header = Header::new(0x00, 0xA4, 0x02, 0x0C);
/// P2 of VERIFY and COMPUTE DIGITAL SIGNATURE for the file that is current.
const CURRENT_FILE: u8 = 0x80;

/// The files of the JPKI application that a registration touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ef {
    TokenInfo,
    AuthCertificate,
    AuthKey,
    AuthPin,
}

impl Ef {
    const fn id(self) -> [u8; 2] {
        match self {
            Ef::TokenInfo => [0x00, 0x06],
            Ef::AuthCertificate => [0x00, 0x0A],
            Ef::AuthKey => [0x00, 0x17],
            Ef::AuthPin => [0x00, 0x18],
        }
    }

    /// The short form in P1 or P2: 80 plus the short file id, which is the low 5 bits of the file's id.
    pub(crate) const fn short_id(self) -> u8 {
        let [_, low] = self.id();
        0x80 | (low & 0x1F)
    }
}

/// How files are named to this card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addressing {
    /// In P1 or P2 of the command itself.
    ShortId,
    /// By SELECT before the command.
    Current,
}

/// Tries left for the user-authentication PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// So many, at least one.
    Left(u8),
    /// None, or the card says that the PIN is locked. A card without a PIN (顔認証マイナンバーカード) may answer so too:
    /// what it answers is not known.
    Blocked,
}

/// What can be known of a card before its PIN is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The token's description. `None` where the card knows no short file ids: there it costs two commands and is read
    /// only to explain a refusal.
    pub token: Option<TokenInfo>,
    /// The user-authentication certificate, DER, exactly.
    pub certificate: Vec<u8>,
    /// Tries left.
    pub tries: Tries,
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

/// What the card and we know of each other.
pub(crate) struct Dialogue<'c> {
    channel: &'c mut dyn Channel,
    /// Chosen by the empty query.
    pin_form: Option<Addressing>,
    tries: Option<Tries>,
    current: Option<Ef>,
}

impl Dialogue<'_> {
    pub(crate) fn send(&mut self, name: &'static str, command: &Command<'_>) -> Result<Response, CardFault> {
        exchange(self.channel, command).map_err(|source| CardFault::NoAnswer { command: name, source })
    }

    pub(crate) fn select_ef(&mut self, ef: Ef) -> Result<Result<(), StatusWord>, CardFault> {
        let id = ef.id();
        let response = self.send("SELECT", &Command::case3(SELECT_EF, ShortData::fixed(&id)))?;
        let done = response.status() == StatusWord::DONE;
        self.set_current(done.then_some(ef));
        Ok(if done { Ok(()) } else { Err(response.status()) })
    }

    pub(crate) fn set_current(&mut self, ef: Option<Ef>) {
        self.current = ef;
    }

    /// `00 20 00 p2` without data: costs no try and answers `63Cx`.
    fn query(&mut self, p2: u8) -> Result<StatusWord, CardFault> {
        let header = Header::new(0x00, 0x20, 0x00, p2);
        Ok(self.send("VERIFY without data", &Command::case1(header))?.status())
    }

    /// Chooses the addressing form at the first call; reads the counter at every call.
    fn read_tries(&mut self) -> Result<Tries, CardError> {
        let mut status = None;
        if self.pin_form != Some(Addressing::Current) {
            let answer = self.query(Ef::AuthPin.short_id())?;
            if matches!(answer.meaning(), Meaning::TriesLeft(_)) || self.pin_form.is_some() {
                self.pin_form = Some(Addressing::ShortId);
                status = Some(answer);
            } else {
                self.pin_form = Some(Addressing::Current);
            }
        }
        let status = match status {
            Some(status) => status,
            None => match self.make_current(Ef::AuthPin)? {
                Ok(()) => self.query(CURRENT_FILE)?,
                Err(status) => status,
            },
        };
        self.tries = tries_of(status);
        self.tries.ok_or_else(|| CardFault::TriesUnknown { status }.into())
    }

    fn make_current(&mut self, ef: Ef) -> Result<Result<(), StatusWord>, CardFault> {
        if self.current == Some(ef) { Ok(Ok(())) } else { self.select_ef(ef) }
    }

    /// The form for reading files: as chosen, or the short one when nothing is chosen yet.
    fn read_form(&self) -> Addressing {
        self.pin_form.unwrap_or(Addressing::ShortId)
    }

    fn token_info(&mut self) -> Result<TokenInfo, CardError> {
        const WHAT: &str = "the token information";
        match self.read_start(Ef::TokenInfo, TOKEN_INFO_BYTES, self.read_form())? {
            Ok(bytes) => TokenInfo::parse(&bytes)
                .ok_or_else(|| Refusal::Damaged { what: WHAT, why: "it is too short" }.into()),
            Err(status) => Err(Refusal::Unreadable { what: WHAT, status }.into()),
        }
    }
}

fn tries_of(status: StatusWord) -> Option<Tries> {
    match status.meaning() {
        Meaning::TriesLeft(0) | Meaning::AuthenticationBlocked | Meaning::KeyLocked => Some(Tries::Blocked),
        Meaning::TriesLeft(left) => Some(Tries::Left(left)),
        _ => None,
    }
}

fn select_by_name(channel: &mut dyn Channel, name: ShortData<'_>) -> Result<StatusWord, CardFault> {
    let response = exchange(channel, &Command::case3(SELECT_BY_NAME, name))
        .map_err(|source| CardFault::NoAnswer { command: "SELECT", source })?;
    Ok(response.status())
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

impl<'c, S> Card<'c, S> {
    /// Leaves the application, so that no PIN stays verified. The caller powers the card off afterwards in every case.
    ///
    /// # Errors
    /// As [`leave`].
    pub fn end(self) -> Result<(), CardError> {
        leave(self.dialogue.channel)
    }

    fn into_state<T>(self) -> Card<'c, T> {
        Card { dialogue: self.dialogue, state: PhantomData }
    }
}

impl<'c> Card<'c, Selected> {
    /// Selects the JPKI application by its whole name. A card that answers `6F00` at first, as one is known to after
    /// power-up, is asked once more.
    ///
    /// # Errors
    /// [`Refusal::NotMyNumberCard`], or no answer.
    pub fn select(channel: &'c mut dyn Channel) -> Result<Self, CardError> {
        let name = ShortData::fixed(&JPKI_AID);
        let mut status = select_by_name(channel, name)?;
        if status.meaning() == Meaning::SelfDiagnosis {
            status = select_by_name(channel, name)?;
        }
        match status.meaning() {
            Meaning::Done => {
                let dialogue = Dialogue { channel, pin_form: None, tries: None, current: None };
                Ok(Self { dialogue, state: PhantomData })
            }
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
    /// Every [`Refusal`]; no answer; [`CardFault::TriesUnknown`].
    pub fn examine(&mut self) -> Result<Examined, CardError> {
        let short = self.dialogue.query(Ef::AuthPin.short_id())?;
        if let Meaning::TriesLeft(_) = short.meaning() {
            self.dialogue.pin_form = Some(Addressing::ShortId);
            self.dialogue.tries = tries_of(short);
            let token = self.token_info()?;
            if token.kind().is_phone() {
                return Err(Refusal::Phone.into());
            }
            let certificate = self.certificate()?;
            let tries = self.dialogue.tries.ok_or(CardFault::TriesUnknown { status: short })?;
            return Ok(Examined { token: Some(token), certificate, tries });
        }
        self.dialogue.pin_form = Some(Addressing::Current);
        let certificate = self.certificate()?;
        let tries = self.dialogue.read_tries()?;
        Ok(Examined { token: None, certificate, tries })
    }

    /// Reads the token information.
    ///
    /// # Errors
    /// No answer, or a file that cannot be read or is too short.
    pub fn token_info(&mut self) -> Result<TokenInfo, CardError> {
        self.dialogue.token_info()
    }

    /// Reads the user-authentication certificate: exactly the DER object, at most
    /// [`crate::limits::CERTIFICATE_BYTES_MAX`]. It is not looked into.
    ///
    /// # Errors
    /// [`Refusal::Phone`] when it is behind the PIN, [`Refusal::NoCertificate`], [`Refusal::Damaged`],
    /// [`Refusal::Unreadable`], or no answer.
    pub fn certificate(&mut self) -> Result<Vec<u8>, CardError> {
        let form = self.dialogue.read_form();
        self.dialogue.read_certificate(form)
    }

    /// Reads how many tries the PIN has left; costs none. The first call chooses the addressing form.
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
    /// the counter is unknown.
    pub fn verify(mut self, mut slot: PinSlot) -> (PinSlot, Result<VerifyOutcome<'c>, CardError>) {
        let answer = self.dialogue.verify_once(&mut slot);
        slot.clear();
        let outcome = answer.and_then(|status| self.verified(status));
        (slot, outcome)
    }

    fn verified(mut self, status: StatusWord) -> Result<VerifyOutcome<'c>, CardError> {
        let tries = tries_of(status);
        self.dialogue.tries = tries;
        match (status.meaning(), tries) {
            (Meaning::Done, _) => Ok(VerifyOutcome::Verified(self.into_state())),
            (_, Some(Tries::Left(tries_left))) => Ok(VerifyOutcome::Wrong { card: self, tries_left }),
            (_, Some(Tries::Blocked)) => Ok(VerifyOutcome::Blocked { card: self }),
            _ => Err(CardFault::VerifyUnclear { status }.into()),
        }
    }
}

impl Dialogue<'_> {
    fn verify_once(&mut self, slot: &mut PinSlot) -> Result<StatusWord, CardError> {
        let p2 = match (self.tries, self.pin_form) {
            (Some(Tries::Left(_)), Some(Addressing::ShortId)) => Ef::AuthPin.short_id(),
            (Some(Tries::Left(_)), Some(Addressing::Current)) => CURRENT_FILE,
            (Some(Tries::Blocked), _) => return Err(Misuse::NoTriesLeft.into()),
            _ => return Err(Misuse::TriesNotRead.into()),
        };
        if !slot.is_complete() {
            return Err(Misuse::PinIncomplete.into());
        }
        if p2 == CURRENT_FILE {
            // Other files may have been read since the query.
            self.make_current(Ef::AuthPin)?.map_err(|status| CardFault::TriesUnknown { status })?;
        }
        // Whatever comes now, what was known of the counter is no longer true.
        self.tries = None;
        let command = slot.verify_command(p2).ok_or(Misuse::PinIncomplete)?;
        let response =
            self.channel.transmit(&command).map_err(|source| CardFault::VerifyUnanswered { source })?;
        Ok(response.status())
    }

    fn sign_with(&mut self, p2: u8, input: ShortData<'_>) -> Result<Response, CardFault> {
        // P1 00: the chip pads what it is given (PKCS#1 v1.5, type 1) and applies the key.
        let header = Header::new(0x80, 0x2A, 0x00, p2);
        self.send("COMPUTE DIGITAL SIGNATURE", &Command::case4(header, input, Expected::ALL))
    }
}

impl Card<'_, PinVerified> {
    /// Lets the chip sign: `input` is what its key is applied to, 1 to 245 bytes; a DigestInfo for RSA, the bare hash for
    /// an elliptic curve.
    ///
    /// # Errors
    /// [`Misuse::SignInputLength`] with nothing sent; [`CardFault::NotSigned`]; no answer.
    pub fn sign(&mut self, input: &[u8]) -> Result<Signature, CardError> {
        let wrong_length = Misuse::SignInputLength { bytes: input.len() };
        if input.len() > SIGN_INPUT_BYTES_MAX {
            return Err(wrong_length.into());
        }
        let input = ShortData::new(input).ok_or(wrong_length)?;
        let dialogue = &mut self.dialogue;
        if dialogue.pin_form == Some(Addressing::ShortId) {
            let response = dialogue.sign_with(Ef::AuthKey.short_id(), input)?;
            match response.status().meaning() {
                Meaning::Done | Meaning::SecurityNotSatisfied => return signature(response),
                // The short form is refused for the key: nothing is lost, ask in the other form.
                _ => {}
            }
        }
        dialogue.select_ef(Ef::AuthKey)?.map_err(|status| CardFault::NotSigned { status })?;
        signature(dialogue.sign_with(CURRENT_FILE, input)?)
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
