//! A card reader behind `pcscd`.
//!
//! Invariants:
//! - Every call has a context of its own, so that a `pcscd` that was started anew is met by a new context: an old one
//!   answers "no service" for ever.
//! - No call blocks longer than its limit: what PC/SC does not return from runs on a thread that is abandoned.
//! - The unit holds no card: a dip or tap reader cannot keep one back.

use std::ffi::CString;
use std::time::Duration;

use pcsc::{Context, Disposition, Error, Protocols, ReaderState, Scope, ShareMode, State};

use super::DEVICE;
use super::pcsc_fault::{Trouble, fault, no_result};
use super::pcsc_pad::Pad;
use super::pcsc_session::{PIN_DIGITS, PcscSession};
use super::pcsc_watch;
use super::socket_check;
use super::worker::Workers;
use crate::port::{
    Action, CardEventSink, CardSession, CardUnit, CardUnitStatus, DeviceState, Fault, FaultKind, MediaState,
    Presence, Reason, Return, WatchGuard,
};

/// How long `pcscd` may take to tell a reader's state.
const STATUS_MS_MAX: Duration = Duration::from_millis(1_000);

/// Which reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PcscConfig {
    /// The reader's name as `pcscd` gives it, or its beginning (pcscd appends numbers that may change). `None`: the only
    /// reader there is.
    pub reader: Option<String>,
}

/// A reader behind `pcscd`.
pub struct PcscUnit {
    config: PcscConfig,
    workers: Workers,
}

impl PcscUnit {
    /// Does not touch the reader yet.
    pub fn new(config: PcscConfig) -> Self {
        Self { config, workers: Workers::default() }
    }

    fn state(&self) -> Result<(CString, State), Fault> {
        let config = self.config.clone();
        const DOING: &str = "asking for the reader's state";
        let answer = self.workers.run(STATUS_MS_MAX, move |_| {
            let context = establish()?;
            let reader = choose_reader(&context, &config)?;
            let state = state_now(&context, &reader).map_err(|error| fault(DOING, error))?;
            Ok((reader, state))
        });
        answer.unwrap_or_else(|why| Err(no_result(DOING, &why)))
    }

    /// Whether the reader has a pad of its own that takes a PIN of this card's length; for the start and for `doctor`. Needs no
    /// card. Waits at most `limit`.
    ///
    /// # Errors
    /// When the reader cannot be asked.
    pub fn offers_pad(&self, limit: Duration) -> Result<bool, Fault> {
        const DOING: &str = "asking the reader for a PIN pad";
        let config = self.config.clone();
        let answer = self.workers.run(limit, move |_| {
            let context = establish()?;
            let reader = choose_reader(&context, &config)?;
            // Direct: to the reader itself, whether a card is in it or not.
            let card = context
                .connect(&reader, ShareMode::Direct, Protocols::UNDEFINED)
                .map_err(|error| fault(DOING, error))?;
            let pad = Pad::discover(&card, PIN_DIGITS).map_err(|error| fault(DOING, error));
            let _left = card.disconnect(Disposition::LeaveCard);
            Ok(pad?.is_some())
        });
        answer.unwrap_or_else(|why| Err(no_result(DOING, &why)))
    }
}

impl CardUnit for PcscUnit {
    fn name(&self) -> &str {
        self.config.reader.as_deref().unwrap_or("the only PC/SC reader")
    }

    fn watch(&self, sink: CardEventSink) -> Result<WatchGuard, Fault> {
        pcsc_watch::start(self.config.clone(), sink)
    }

    fn open(&self, limit: Duration) -> Result<Box<dyn CardSession>, Fault> {
        const DOING: &str = "reserving the card";
        let (config, workers) = (self.config.clone(), self.workers.clone());
        let answer = self.workers.run(limit, move |wanted| {
            let context = establish()?;
            let reader = choose_reader(&context, &config)?;
            PcscSession::begin(context, &reader, workers, wanted).map_err(|error| fault(DOING, error))
        });
        let session = answer.unwrap_or_else(|why| Err(no_result(DOING, &why)))?;
        Ok(Box::new(session))
    }

    fn make_safe(&self, limit: Duration) -> Result<Presence, Fault> {
        const DOING: &str = "powering off a card found in the reader";
        let (config, workers) = (self.config.clone(), self.workers.clone());
        let answer = self.workers.run(limit, move |wanted| {
            let context = establish()?;
            let reader = choose_reader(&context, &config)?;
            let begun = state_now(&context, &reader).and_then(|state| {
                if state.contains(State::PRESENT) && !state.contains(State::MUTE) {
                    PcscSession::begin(context, &reader, workers, wanted).map(Some)
                } else if state.contains(State::PRESENT) {
                    Err(Error::UnresponsiveCard)
                } else {
                    Ok(None)
                }
            });
            match begun {
                Ok(Some(session)) => Box::new(session).power_off().map(|()| Presence::PoweredOff),
                Ok(None) => Ok(Presence::Absent),
                Err(error) => match Trouble::of(error) {
                    Trouble::CardGone => Ok(Presence::Absent),
                    Trouble::CardMute => Ok(Presence::Mute),
                    _ => Err(fault(DOING, error)),
                },
            }
        });
        answer.unwrap_or_else(|why| Err(no_result(DOING, &why)))
    }

    fn return_card(&self) -> Result<Return, Fault> {
        let (_, state) = self.state()?;
        Ok(if state.contains(State::PRESENT) { Return::TakeIt } else { Return::NoCard })
    }

    fn status(&self) -> CardUnitStatus {
        match self.state() {
            Ok((reader, state)) => {
                let busy = state.contains(State::EXCLUSIVE);
                let reason = busy
                    .then(|| Reason::from(&fault("asking for the reader's state", Error::SharingViolation)));
                CardUnitStatus {
                    reader: Some(reader.to_string_lossy().into_owned()),
                    device: reason.as_ref().map_or(DeviceState::Online, Reason::state),
                    media: if state.contains(State::PRESENT) {
                        MediaState::Present
                    } else {
                        MediaState::NotPresent
                    },
                    reason,
                }
            }
            Err(fault) => CardUnitStatus::unusable(Reason::from(&fault)),
        }
    }
}

/// A new context.
pub(super) fn establish() -> Result<Context, Fault> {
    Context::establish(Scope::System).map_err(|error| {
        // The library says "no service" for a socket that it may not connect to, too.
        let forbidden = error == Error::NoService && !socket_check::may_connect();
        fault("connecting to pcscd", if forbidden { Error::NoAccess } else { error })
    })
}

/// The reader that the configuration means.
pub(super) fn choose_reader(context: &Context, config: &PcscConfig) -> Result<CString, Fault> {
    let readers = match context.list_readers_owned() {
        Ok(readers) => readers,
        Err(Error::NoReadersAvailable) => Vec::new(),
        Err(error) => return Err(fault("listing the readers", error)),
    };
    choose(readers, config.reader.as_deref()).map_err(|why| why.into_fault(config))
}

/// Why no reader is chosen.
#[derive(Debug, PartialEq, Eq)]
enum NotChosen {
    None,
    Several(Vec<String>),
}

fn choose(readers: Vec<CString>, name: Option<&str>) -> Result<CString, NotChosen> {
    let wanted = name.unwrap_or_default().as_bytes();
    if let Some(exact) = readers.iter().find(|reader| reader.as_bytes() == wanted) {
        return Ok(exact.clone());
    }
    let mut fitting: Vec<CString> =
        readers.into_iter().filter(|reader| reader.as_bytes().starts_with(wanted)).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(NotChosen::None),
        (Some(last), false) => {
            fitting.push(last);
            Err(NotChosen::Several(
                fitting.iter().map(|reader| reader.to_string_lossy().into_owned()).collect(),
            ))
        }
    }
}

impl NotChosen {
    fn into_fault(self, config: &PcscConfig) -> Fault {
        let named =
            config.reader.as_deref().map_or(String::new(), |name| format!(" whose name begins {name:?}"));
        let (kind, code, action, what) = match self {
            NotChosen::None => (
                FaultKind::Broken,
                "reader-not-found",
                Action::Maintenance,
                format!("no card reader{named} is connected"),
            ),
            NotChosen::Several(names) => (
                FaultKind::NeedsOperator,
                "reader-not-chosen",
                Action::Configuration,
                format!("{} card readers{named} are connected: {names:?}; name one", names.len()),
            ),
        };
        Fault { kind, device: DEVICE, code, action, what, source: None }
    }
}

fn state_now(context: &Context, reader: &CString) -> Result<State, Error> {
    let mut states = [ReaderState::new(reader.clone(), State::UNAWARE)];
    match context.get_status_change(Duration::ZERO, &mut states) {
        // Nothing that we did not know: we know nothing, so this is the state too.
        Ok(()) | Err(Error::Timeout) => {}
        Err(error) => return Err(error),
    }
    let state = states.first().map_or(State::UNKNOWN, ReaderState::event_state);
    if state.intersects(State::UNKNOWN | State::UNAVAILABLE) {
        return Err(Error::ReaderUnavailable);
    }
    Ok(state)
}

/// The readers that `pcscd` lists now; none when it does not answer.
#[must_use]
pub fn reader_names() -> Vec<String> {
    let Ok(context) = establish() else { return Vec::new() };
    let readers = context.list_readers_owned().unwrap_or_default();
    readers.iter().map(|name| name.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    fn chosen(readers: &[&str], name: Option<&str>) -> Result<String, NotChosen> {
        let readers = readers.iter().map(|reader| CString::new(*reader).unwrap()).collect();
        choose(readers, name).map(|reader| reader.into_string().unwrap())
    }

    #[test]
    fn the_only_reader_needs_no_name() {
        assert_eq!(chosen(&["A 00 00"], None).unwrap(), "A 00 00");
        assert_eq!(chosen(&[], None), Err(NotChosen::None));
        let several = NotChosen::Several(vec!["A 00 00".to_owned(), "B 00 00".to_owned()]);
        assert_eq!(chosen(&["A 00 00", "B 00 00"], None), Err(several));
    }

    #[test]
    fn a_name_may_be_its_beginning_and_an_exact_one_wins() {
        let readers = ["Maker X 00 00", "Maker X 00 01", "Maker X"];
        assert_eq!(chosen(&readers, Some("Maker X 00 01")).unwrap(), "Maker X 00 01");
        assert_eq!(chosen(&readers, Some("Maker X")).unwrap(), "Maker X");
        assert_eq!(chosen(&readers, Some("Maker Y")), Err(NotChosen::None));
        assert!(
            matches!(chosen(&readers, Some("Maker X 00")), Err(NotChosen::Several(names)) if names.len() == 2)
        );
        let config = PcscConfig { reader: Some("Maker X 00".to_owned()) };
        let fault = chosen(&readers, Some("Maker X 00")).unwrap_err().into_fault(&config);
        assert_eq!(fault.code, "reader-not-chosen");
    }
}
