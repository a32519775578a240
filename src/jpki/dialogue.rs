//! The commands of the JPKI application, and what the card and we know of each other between them.
//!
//! Invariants:
//! - The addressing form is chosen once, by the answer to the empty query `00 20 00 98`; VERIFY with data goes out in
//!   that form only.
//! - VERIFY with data leaves through [`Channel::transmit`] itself, in one place, or through [`Channel::verify_on_pad`], in
//!   one place; what was known of the counter is forgotten before it.

use crate::apdu::{Command, Expected, Header, Response, ShortData};
use crate::card::Tries;
use crate::channel::{Channel, ChannelError, exchange};
use crate::error::{CardError, CardFault, Misuse};
use crate::pad::{PadLimits, PadTemplate};
use crate::pin::PinSlot;
use crate::status::{Meaning, StatusWord};

pub(crate) const JPKI_AID: [u8; 10] = [0xD3, 0x92, 0xF0, 0x00, 0x26, 0x01, 0x00, 0x00, 0x00, 0x01];
/// GlobalPlatform's issuer security domain: selecting it leaves the application and clears its PIN states.
pub(crate) const ISSUER_DOMAIN_AID: [u8; 7] = [0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00];

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

/// What the card and we know of each other.
pub(crate) struct Dialogue<'c> {
    channel: &'c mut dyn Channel,
    form: Option<Addressing>,
    tries: Option<Tries>,
    current: Option<Ef>,
}

impl<'c> Dialogue<'c> {
    pub(crate) fn new(channel: &'c mut dyn Channel) -> Self {
        Self { channel, form: None, tries: None, current: None }
    }

    pub(crate) fn into_channel(self) -> &'c mut dyn Channel {
        self.channel
    }

    /// Sends a command that may be repeated.
    pub(crate) fn send(&mut self, name: &'static str, command: &Command<'_>) -> Result<Response, CardFault> {
        exchange(self.channel, command).map_err(|source| CardFault::NoAnswer { command: name, source })
    }

    pub(crate) fn select_ef(&mut self, ef: Ef) -> Result<Result<(), StatusWord>, CardFault> {
        let id = ef.id();
        let status = self.send("SELECT", &Command::case3(SELECT_EF, ShortData::fixed(&id)))?.status();
        let done = status == StatusWord::DONE;
        self.set_current(done.then_some(ef));
        Ok(if done { Ok(()) } else { Err(status) })
    }

    /// Remembers which file the card has as current, `None` when that is not known.
    pub(crate) fn set_current(&mut self, ef: Option<Ef>) {
        self.current = ef;
    }

    fn make_current(&mut self, ef: Ef) -> Result<Result<(), StatusWord>, CardFault> {
        if self.current == Some(ef) { Ok(Ok(())) } else { self.select_ef(ef) }
    }

    /// The form for reading files: as chosen, or the short one as long as nothing is chosen.
    pub(crate) fn read_form(&self) -> Addressing {
        self.form.unwrap_or(Addressing::ShortId)
    }

    /// The counter as last told, if nothing happened to it since.
    pub(crate) fn tries(&self) -> Option<Tries> {
        self.tries
    }

    /// Chooses the addressing form, once. The answer tells the counter too when it is the short one.
    pub(crate) fn choose_form(&mut self) -> Result<Addressing, CardFault> {
        if let Some(form) = self.form {
            return Ok(form);
        }
        let status = self.query(Ef::AuthPin.short_id())?;
        let form = match status.meaning() {
            Meaning::TriesLeft(_) => Addressing::ShortId,
            _ => Addressing::Current,
        };
        self.form = Some(form);
        if form == Addressing::ShortId {
            self.tries = tries_told(status);
        }
        Ok(form)
    }

    /// Reads the counter, and chooses the addressing form if that was not done yet.
    pub(crate) fn read_tries(&mut self) -> Result<Tries, CardError> {
        let fresh = self.form.is_none();
        let status = match (self.choose_form()?, self.tries) {
            (Addressing::ShortId, Some(tries)) if fresh => return Ok(tries),
            (Addressing::ShortId, _) => self.query(Ef::AuthPin.short_id())?,
            (Addressing::Current, _) => match self.make_current(Ef::AuthPin)? {
                Ok(()) => self.query(CURRENT_FILE)?,
                Err(status) => status,
            },
        };
        self.tries = tries_asked(status);
        self.tries.ok_or_else(|| CardFault::TriesUnknown { status }.into())
    }

    /// `00 20 00 p2` without data: costs no try and answers `63Cx`.
    fn query(&mut self, p2: u8) -> Result<StatusWord, CardFault> {
        let header = Header::new(0x00, 0x20, 0x00, p2);
        Ok(self.send("VERIFY without data", &Command::case1(header))?.status())
    }

    /// Sends VERIFY with the PIN, once, or nothing at all.
    pub(crate) fn verify_once(&mut self, slot: &mut PinSlot) -> Result<StatusWord, CardError> {
        let form = self.form_for_verify()?;
        if !slot.is_complete() {
            return Err(Misuse::PinIncomplete.into());
        }
        let p2 = self.address_pin(form)?;
        // Whatever comes now, what was known of the counter is no longer true.
        self.tries = None;
        let command = slot.verify_command(p2).ok_or(Misuse::PinIncomplete)?;
        let answer = self.channel.transmit(&command);
        let status = answer.map_err(|source| CardFault::VerifyUnanswered { source })?.status();
        self.tries = tries_told(status);
        Ok(status)
    }

    /// Lets the reader's pad send VERIFY, once, or nothing at all.
    pub(crate) fn verify_on_pad_once(&mut self, limits: PadLimits<'_>) -> Result<StatusWord, CardError> {
        let form = self.form_for_verify()?;
        let template = PadTemplate::verify(self.address_pin(form)?);
        self.tries = None;
        let status = self.channel.verify_on_pad(&template, limits).map_err(|source| match source {
            ChannelError::NoPad => CardFault::NoPad,
            source => CardFault::VerifyUnanswered { source },
        })?;
        self.tries = tries_told(status);
        Ok(status)
    }

    /// Whether the reader has a pad of its own.
    pub(crate) fn offers_pad(&mut self) -> Result<bool, CardFault> {
        self.channel
            .offers_pad()
            .map_err(|source| CardFault::NoAnswer { command: "the question for a pad", source })
    }

    /// The form in which a VERIFY may go out; none before the counter was read, nor when no tries are left.
    fn form_for_verify(&self) -> Result<Addressing, Misuse> {
        match (self.tries, self.form) {
            (Some(Tries::Left(_)), Some(form)) => Ok(form),
            (Some(Tries::Blocked), _) => Err(Misuse::NoTriesLeft),
            _ => Err(Misuse::TriesNotRead),
        }
    }

    /// Makes sure that the card takes the PIN's file for the one that P2 names.
    fn address_pin(&mut self, form: Addressing) -> Result<u8, CardError> {
        match form {
            Addressing::ShortId => Ok(Ef::AuthPin.short_id()),
            Addressing::Current => {
                // Other files may have been read since the query.
                self.make_current(Ef::AuthPin)?.map_err(|status| CardFault::TriesUnknown { status })?;
                Ok(CURRENT_FILE)
            }
        }
    }

    /// Asks for a signature; a refusal of the short form costs nothing, so the other one is tried then.
    pub(crate) fn sign(&mut self, input: ShortData<'_>) -> Result<Response, CardError> {
        if self.form == Some(Addressing::ShortId) {
            let response = self.sign_with(Ef::AuthKey.short_id(), input)?;
            if matches!(response.status().meaning(), Meaning::Done | Meaning::SecurityNotSatisfied) {
                return Ok(response);
            }
        }
        self.select_ef(Ef::AuthKey)?.map_err(|status| CardFault::NotSigned { status })?;
        Ok(self.sign_with(CURRENT_FILE, input)?)
    }

    fn sign_with(&mut self, p2: u8, input: ShortData<'_>) -> Result<Response, CardFault> {
        // P1 00: the chip pads what it is given (PKCS#1 v1.5, type 1) and applies the key.
        let header = Header::new(0x80, 0x2A, 0x00, p2);
        self.send("COMPUTE DIGITAL SIGNATURE", &Command::case4(header, input, Expected::ALL))
    }
}

/// Selects an application by its whole name.
pub(crate) fn select_by_name(
    channel: &mut dyn Channel,
    name: ShortData<'_>,
) -> Result<StatusWord, CardFault> {
    let response = exchange(channel, &Command::case3(SELECT_BY_NAME, name))
        .map_err(|source| CardFault::NoAnswer { command: "SELECT", source })?;
    Ok(response.status())
}

/// The counter as a status word of VERIFY tells it. `6984` is JICSAP's word for a locked PIN and the one reported from
/// this card, `6983` ISO's.
pub(crate) fn tries_told(status: StatusWord) -> Option<Tries> {
    match status.meaning() {
        Meaning::TriesLeft(0) | Meaning::AuthenticationBlocked | Meaning::KeyLocked => Some(Tries::Blocked),
        Meaning::TriesLeft(left) => Some(Tries::Left(left)),
        _ => None,
    }
}

/// As [`tries_told`], for the empty query. What a card without a PIN (顔認証マイナンバーカード) answers is not known; that it
/// may say "not found" is an assumption, and such a card cannot be used just as a locked one.
fn tries_asked(status: StatusWord) -> Option<Tries> {
    match status.meaning() {
        Meaning::NotFound | Meaning::KeyNotFound => Some(Tries::Blocked),
        _ => tries_told(status),
    }
}
