//! What errors of PC/SC mean for a card unit.

use jpki::ChannelError;
use pcsc::Error;

use super::DEVICE;
use super::worker::NoResult;
use crate::port::{Action, Fault, FaultKind};

/// What an error of PC/SC says about card and reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No card is there any more.
    CardGone,
    /// A card is there and does not answer.
    CardMute,
    /// Somebody else reset the card or took its power.
    CardReset,
    /// Somebody else uses the reader.
    Busy,
    /// The reader is not connected any more.
    ReaderGone,
    /// `pcscd` does not answer: it ended, or was started anew and does not know us.
    ServiceGone,
    /// `pcscd` answers, and does not let us.
    Forbidden,
    /// Anything else: the exchange with card or reader failed.
    Failed,
}

impl Trouble {
    pub(super) fn of(error: Error) -> Self {
        match error {
            Error::RemovedCard | Error::NoSmartcard => Trouble::CardGone,
            Error::UnresponsiveCard
            | Error::UnsupportedCard
            | Error::ProtoMismatch
            | Error::InvalidAtr
            | Error::CardUnsupported => Trouble::CardMute,
            Error::ResetCard | Error::UnpoweredCard => Trouble::CardReset,
            Error::SharingViolation | Error::ServerTooBusy => Trouble::Busy,
            Error::ReaderUnavailable | Error::UnknownReader | Error::NoReadersAvailable => {
                Trouble::ReaderGone
            }
            // After a restart of pcscd an old context or handle is unknown to the new one. CommError is the library's
            // word for its socket to pcscd, not for the reader.
            Error::NoService
            | Error::CommError
            | Error::ServiceStopped
            | Error::Shutdown
            | Error::InvalidHandle
            | Error::UnknownResMng => Trouble::ServiceGone,
            Error::NoAccess | Error::SecurityViolation => Trouble::Forbidden,
            _ => Trouble::Failed,
        }
    }

    /// How to react, the code, and what repairs it.
    const fn told(self) -> (FaultKind, &'static str, Action) {
        match self {
            Trouble::CardGone => (FaultKind::Transient, "card-removed", Action::Suspend),
            Trouble::CardReset => (FaultKind::Transient, "card-reset", Action::Suspend),
            Trouble::CardMute => (FaultKind::Transient, "card-mute", Action::Clear),
            // No other program has to do anything with this reader.
            Trouble::Busy => (FaultKind::Broken, "reader-busy", Action::Configuration),
            Trouble::ReaderGone => (FaultKind::Broken, "reader-not-found", Action::Maintenance),
            Trouble::ServiceGone => (FaultKind::Broken, "card-service-stopped", Action::SoftwareError),
            Trouble::Forbidden => (FaultKind::NeedsOperator, "card-service-refused", Action::Configuration),
            Trouble::Failed => (FaultKind::Broken, "reader-failed", Action::Reset),
        }
    }

    const fn explanation(self) -> &'static str {
        match self {
            Trouble::CardGone => "the card was removed",
            Trouble::CardMute => "the card does not answer (wrong way round, or no chip?)",
            Trouble::CardReset => "the card was reset by another process",
            Trouble::Busy => "another process uses the reader",
            Trouble::ReaderGone => "the reader is not connected",
            Trouble::ServiceGone => "pcscd does not run, or was started anew",
            Trouble::Forbidden => {
                "pcscd does not let this user in (the socket's group, or polkit's access_pcsc and access_card)"
            }
            Trouble::Failed => "the reader reports an error",
        }
    }
}

/// A fault from an error of PC/SC. `doing` is what was tried, of what.
pub(super) fn fault(doing: &str, error: Error) -> Fault {
    let trouble = Trouble::of(error);
    let (kind, code, action) = trouble.told();
    Fault {
        kind,
        device: DEVICE,
        code,
        action,
        what: format!("{doing}: {}", trouble.explanation()),
        source: Some(Box::new(error)),
    }
}

/// A fault from a call that did not return.
pub(super) fn no_result(doing: &str, why: &NoResult) -> Fault {
    let (trouble, explanation) = match why {
        NoResult::Late => {
            (Trouble::Busy, "no answer in time; another process holds the card, or pcscd hangs")
        }
        NoResult::TooManyAbandoned => (Trouble::Busy, "earlier calls still wait; not tried again"),
        NoResult::NoThread => (Trouble::Failed, "no thread could be run"),
    };
    let (kind, code, action) = trouble.told();
    Fault { kind, device: DEVICE, code, action, what: format!("{doing}: {explanation}"), source: None }
}

/// The same for the protocol above, once it is clear whether the card is still there.
pub(super) fn channel_error(error: Error, card_is_there: impl FnOnce() -> bool) -> ChannelError {
    const WHAT: &str = "sending a command";
    let source = || Some(Box::from(error));
    match Trouble::of(error) {
        Trouble::CardGone => ChannelError::CardRemoved,
        Trouble::CardReset => ChannelError::CardReset,
        Trouble::ReaderGone | Trouble::ServiceGone | Trouble::Busy | Trouble::Forbidden => {
            ChannelError::Reader { what: WHAT, source: source() }
        }
        // A card that is pulled out in the middle of a command looks like one that breaks the protocol.
        Trouble::CardMute | Trouble::Failed => {
            if card_is_there() {
                ChannelError::Protocol { what: WHAT, source: source() }
            } else {
                ChannelError::CardRemoved
            }
        }
    }
}
