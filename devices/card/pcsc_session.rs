//! A powered card behind `pcscd` that nobody else can talk to.
//!
//! Invariants:
//! - The card is connected shared, because some readers refuse exclusive connections, and held by a PC/SC transaction
//!   from before the first command until it is powered off: no other process gets a command in between.
//! - Every end powers the card off, dropping included. (The `pcsc` crate's own drop resets it, which keeps a verified PIN.)
//! - A command is sent once. After an error other than "reset" the card has been powered off to find out whether it is
//!   still there; the session is of no use then.

use std::ffi::CStr;
use std::time::Duration;

use jpki::{Channel, ChannelError, Command, Response};
use pcsc::{Card, Context, Disposition, Error, Protocols, ReaderState, ShareMode, State};

use super::pcsc_fault::{Trouble, channel_error, fault};
use super::worker::Wanted;
use crate::port::{CardSession, Fault};

/// Transmission protocols: whatever the card offers.
const PROTOCOLS: Protocols = Protocols::T0.union(Protocols::T1);
/// Fresh handles are reset by others between connect and transaction at most so often before it is a fault.
const RESETS_MAX: u32 = 3;
/// How long a card that does not answer any more may take to be reported as removed.
const REMOVAL_REPORT_MS_MAX: Duration = Duration::from_millis(1_000);
/// One wait for another process to end its exclusive use, before looking whether anybody still wants the card.
const SHARING_WAIT_MS_MAX: Duration = Duration::from_millis(1_000);

/// The session; `card` is `None` only while it is being taken apart.
pub(super) struct PcscSession {
    context: Context,
    card: Option<Card>,
}

impl PcscSession {
    /// Connects and begins the transaction. Blocks as long as others hold the card.
    pub(super) fn begin(context: Context, reader: &CStr, wanted: &Wanted) -> Result<Self, Error> {
        let card = connect(&context, reader, wanted)?;
        if !wanted.still() {
            // Too late: the card is none of our business any more.
            let _left = card.disconnect(Disposition::LeaveCard);
            return Err(Error::Cancelled);
        }
        let mut session = Self { context, card: Some(card) };
        session.reserve()?;
        Ok(session)
    }

    fn reserve(&mut self) -> Result<(), Error> {
        let card = self.card.as_mut().ok_or(Error::InvalidHandle)?;
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

    /// Whether the card is still there, after a command failed. Takes its power, which also clears any PIN state.
    fn card_is_there(&mut self) -> bool {
        let Some(card) = self.card.as_mut() else { return false };
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

    fn unpower(&mut self) -> Result<(), Error> {
        let Some(card) = self.card.take() else { return Ok(()) };
        card.disconnect(Disposition::UnpowerCard).map_err(|(_card, error)| error)
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
        let Some(card) = self.card.as_ref() else {
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
}

impl CardSession for PcscSession {
    fn power_off(mut self: Box<Self>) -> Result<(), Fault> {
        match self.unpower() {
            Ok(()) => Ok(()),
            // A card that is out has no power.
            Err(error) if Trouble::of(error) == Trouble::CardGone => Ok(()),
            Err(error) => Err(fault("powering the card off", error)),
        }
    }
}

impl Drop for PcscSession {
    fn drop(&mut self) {
        let _reported_by_power_off_only = self.unpower();
    }
}
