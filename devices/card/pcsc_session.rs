//! A powered card behind `pcscd` that nobody else can talk to.
//!
//! Invariants:
//! - The card is connected shared, because some readers refuse exclusive connections, and held by a PC/SC transaction
//!   from before the first command until it is powered off: no other process gets a command in between.
//! - Every end powers the card off, dropping included. (The `pcsc` crate's own drop resets it, which keeps a verified PIN.)
//! - A command is sent once. After an error other than "reset" the card has been powered off to find out whether it is
//!   still there; the session is of no use then.
//! - While the reader waits for keys at its own pad, the card belongs to the thread of that call. When the call is given up,
//!   the session has no card any more, and the thread takes its power when the reader lets go. An entry that nobody wants
//!   any more is not begun.

use std::ffi::CStr;
use std::time::Duration;

use jpki::{Channel, ChannelError, Command, PadLimits, PadTemplate, Response, StatusWord};
use pcsc::{Card, Context, Disposition, Error, Protocols, ReaderState, ShareMode, State};

use super::pcsc_fault::{Trouble, channel_error, fault};
use super::pcsc_pad::Pad;
use super::worker::{NoResult, Wanted, Workers, is_readable};
use crate::port::{CardSession, Fault};

/// Digits of the PIN that a pad must take.
pub(super) const PIN_DIGITS: u8 = jpki::limits::PIN_DIGITS as u8;

/// Transmission protocols: whatever the card offers.
const PROTOCOLS: Protocols = Protocols::T0.union(Protocols::T1);
/// Fresh handles are reset by others between connect and transaction at most so often before it is a fault.
const RESETS_MAX: u32 = 3;
/// How long a card that does not answer any more may take to be reported as removed.
const REMOVAL_REPORT_MS_MAX: Duration = Duration::from_millis(1_000);
/// What a reader answers when its cancel key is pressed (PC/SC part 10, 2.5.2): nothing was sent to the card.
const ENTRY_CANCELLED: StatusWord = StatusWord(0x6401);
/// One wait for another process to end its exclusive use, before looking whether anybody still wants the card.
const SHARING_WAIT_MS_MAX: Duration = Duration::from_millis(1_000);

/// A connected card that loses its power when it is dropped, wherever that is.
struct Powered(Option<Card>);

impl Powered {
    fn off(mut self) -> Result<(), Error> {
        self.take_power()
    }

    fn take_power(&mut self) -> Result<(), Error> {
        let Some(card) = self.0.take() else { return Ok(()) };
        card.disconnect(Disposition::UnpowerCard).map_err(|(_card, error)| error)
    }

    fn get(&self) -> Result<&Card, Error> {
        self.0.as_ref().ok_or(Error::InvalidHandle)
    }

    fn get_mut(&mut self) -> Result<&mut Card, Error> {
        self.0.as_mut().ok_or(Error::InvalidHandle)
    }
}

impl Drop for Powered {
    fn drop(&mut self) {
        let _reported_by_power_off_only = self.take_power();
    }
}

/// Where the card is.
enum Place {
    /// In the session's hands.
    Here(Powered),
    /// With a call that waits for keys at the reader's own pad.
    AtThePad,
    /// Without power, or on its way there.
    Given,
}

/// The session.
pub(super) struct PcscSession {
    context: Context,
    place: Place,
    workers: Workers,
    /// Asked once: it does not change while the reader is connected.
    pad: Option<Option<Pad>>,
}

impl PcscSession {
    /// Connects and begins the transaction. Blocks as long as others hold the card.
    pub(super) fn begin(
        context: Context,
        reader: &CStr,
        workers: Workers,
        wanted: &Wanted,
    ) -> Result<Self, Error> {
        let card = connect(&context, reader, wanted)?;
        if !wanted.still() {
            // Too late: the card is none of our business any more.
            let _left = card.disconnect(Disposition::LeaveCard);
            return Err(Error::Cancelled);
        }
        let place = Place::Here(Powered(Some(card)));
        let mut session = Self { context, place, workers, pad: None };
        session.reserve()?;
        Ok(session)
    }

    fn reserve(&mut self) -> Result<(), Error> {
        let card = self.card_mut()?;
        for _ in 0..RESETS_MAX {
            // It lives as long as the connection: pcscd ends it when the card is disconnected. Its own type borrows the
            // card and so could not be kept beside it.
            match card.transaction().map(std::mem::forget) {
                Ok(()) => return Ok(()),
                Err(Error::ResetCard) => {
                    card.reconnect(ShareMode::Shared, PROTOCOLS, Disposition::LeaveCard)?;
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::ResetCard)
    }

    fn card(&self) -> Result<&Card, Error> {
        match &self.place {
            Place::Here(card) => card.get(),
            Place::AtThePad | Place::Given => Err(Error::InvalidHandle),
        }
    }

    fn card_mut(&mut self) -> Result<&mut Card, Error> {
        match &mut self.place {
            Place::Here(card) => card.get_mut(),
            Place::AtThePad | Place::Given => Err(Error::InvalidHandle),
        }
    }

    /// Whether the card is still there, after a command failed. Takes its power, which also clears any PIN state.
    fn card_is_there(&mut self) -> bool {
        let Ok(card) = self.card_mut() else { return false };
        match card.reconnect(ShareMode::Shared, PROTOCOLS, Disposition::UnpowerCard) {
            Ok(()) => return true,
            Err(error) if Trouble::of(error) == Trouble::CardGone => return false,
            Err(_) => {}
        }
        // It does not come up: mute, or gone and the reader has not said so yet.
        let Ok(status) = card.status2_owned() else { return false };
        let Some(reader) = status.reader_names().first() else { return true };
        let mut states = [ReaderState::new(reader.clone(), State::PRESENT)];
        match self.context.get_status_change(REMOVAL_REPORT_MS_MAX, &mut states) {
            Ok(()) => states.iter().any(|state| state.event_state().contains(State::PRESENT)),
            Err(_) => true,
        }
    }

    fn pad(&mut self) -> Result<Option<Pad>, ChannelError> {
        if let Some(known) = self.pad {
            return Ok(known);
        }
        let asked = self.card().and_then(|card| Pad::discover(card, PIN_DIGITS));
        let pad = asked.map_err(|error| channel_error(error, || self.card_is_there()))?;
        self.pad = Some(pad);
        Ok(pad)
    }

    /// Gives the card to a thread that waits for the reader, and takes it back when the reader lets go in time.
    fn at_the_pad(
        &mut self,
        pad: Pad,
        order: Vec<u8>,
        limits: PadLimits<'_>,
    ) -> Result<Result<Option<StatusWord>, Error>, ChannelError> {
        if limits.cancel.is_some_and(is_readable) {
            return Ok(Ok(Some(ENTRY_CANCELLED)));
        }
        let powered = match std::mem::replace(&mut self.place, Place::AtThePad) {
            Place::Here(powered) => powered,
            elsewhere => {
                self.place = elsewhere;
                return Ok(Err(Error::InvalidHandle));
            }
        };
        let limit = Duration::from_millis(u64::from(limits.whole_ms_max));
        let call = self.workers.run_until(limit, limits.cancel, move |wanted| {
            let answer = if wanted.still() {
                powered.get().and_then(|card| pad.verify(card, &order))
            } else {
                Ok(Some(ENTRY_CANCELLED))
            };
            // When nobody takes them, both are dropped on this thread: the card loses its power.
            (powered, answer)
        });
        match call {
            Ok((powered, answer)) => {
                self.place = Place::Here(powered);
                Ok(answer)
            }
            Err(NoResult::Late) => Err(ChannelError::PadKeepsCard),
            // The call was not begun, or died: the card was dropped with it.
            Err(NoResult::TooManyAbandoned | NoResult::NoThread) => {
                self.place = Place::Given;
                Err(ChannelError::Reader { what: "no thread to wait at the reader's pad", source: None })
            }
        }
    }
}

/// Connects; waits while another process has the reader exclusively, as long as somebody wants the card.
fn connect(context: &Context, reader: &CStr, wanted: &Wanted) -> Result<Card, Error> {
    loop {
        match context.connect(reader, ShareMode::Shared, PROTOCOLS) {
            Err(Error::SharingViolation) if wanted.still() => {
                let mut states = [ReaderState::new(reader, State::PRESENT | State::INUSE | State::EXCLUSIVE)];
                match context.get_status_change(SHARING_WAIT_MS_MAX, &mut states) {
                    Ok(()) | Err(Error::Timeout) => {}
                    Err(error) => return Err(error),
                }
            }
            // pcscd tried to power it when it came and got no answer.
            Err(Error::UnpoweredCard) => return Err(Error::UnresponsiveCard),
            other => return other,
        }
    }
}

impl Channel for PcscSession {
    fn transmit(&mut self, command: &Command<'_>) -> Result<Response, ChannelError> {
        let Ok(card) = self.card() else {
            return Err(ChannelError::Reader { what: "sending a command after power-off", source: None });
        };
        let mut answer = [0; pcsc::MAX_BUFFER_SIZE];
        match card.transmit(&command.expose_bytes(), &mut answer) {
            Ok(answer) => Response::parse(answer).map_err(|not_one| {
                // Some drivers answer nothing, with success, when the card goes in the middle of a command.
                if self.card_is_there() {
                    ChannelError::Protocol { what: "its answer is not one", source: Some(Box::new(not_one)) }
                } else {
                    ChannelError::CardRemoved
                }
            }),
            Err(error) => Err(channel_error(error, || self.card_is_there())),
        }
    }

    fn offers_pad(&mut self) -> Result<bool, ChannelError> {
        Ok(self.pad()?.is_some())
    }

    fn verify_on_pad(
        &mut self,
        template: &PadTemplate,
        limits: PadLimits<'_>,
    ) -> Result<StatusWord, ChannelError> {
        let pad = self.pad()?.ok_or(ChannelError::NoPad)?;
        match self.at_the_pad(pad, pad.order(template, limits), limits)? {
            Ok(Some(status)) => Ok(status),
            Ok(None) if self.card_is_there() => Err(ChannelError::Protocol {
                what: "what came from the reader's pad is no status word",
                source: None,
            }),
            Ok(None) => Err(ChannelError::CardRemoved),
            // The driver does not do what it lists: nothing was sent.
            Err(Error::UnsupportedFeature) => Err(ChannelError::NoPad),
            Err(error) => Err(channel_error(error, || self.card_is_there())),
        }
    }
}

impl CardSession for PcscSession {
    fn power_off(mut self: Box<Self>) -> Result<(), Fault> {
        match std::mem::replace(&mut self.place, Place::Given) {
            Place::Given => Ok(()),
            Place::AtThePad => Err(fault(
                "powering the card off, which the reader keeps while it waits for keys at its own pad",
                Error::SharingViolation,
            )),
            Place::Here(card) => match card.off() {
                Ok(()) => Ok(()),
                // A card that is out has no power.
                Err(error) if Trouble::of(error) == Trouble::CardGone => Ok(()),
                Err(error) => Err(fault("powering the card off", error)),
            },
        }
    }
}
