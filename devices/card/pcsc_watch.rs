//! Watching a reader without polling.
//!
//! Invariants:
//! - It runs on a thread of its own with a context of its own; it sends no command and holds no card.
//! - It waits inside PC/SC until something changes. It wakes by itself only every [`WAIT_S_MAX`], in case a change or a
//!   cancel fell between two waits.
//! - It does not end when pcscd or the reader go away: it reports that once, tries again with back-off, and reports when
//!   they are back.

use std::ffi::CString;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, State};

use super::pcsc::{PcscConfig, choose_reader, establish};
use super::pcsc_fault::fault;
use crate::port::{CardEvent, CardEventSink, Fault, WatchGuard};

const WAIT_S_MAX: Duration = Duration::from_secs(60);
const BACK_OFF_FIRST: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
/// The end of watching cancels a wait, which is lost when the thread is just before it; so it is repeated.
const CANCEL_EVERY: Duration = Duration::from_millis(50);
const CANCELS_MAX: u32 = 20;

const WATCHING: &str = "watching the reader";

/// Starts the thread.
pub(super) fn start(config: PcscConfig, sink: CardEventSink) -> Result<WatchGuard, Fault> {
    let stop = Arc::new(Stop::default());
    let (ended, has_ended) = mpsc::channel();
    let watch = Watch { config, sink, stop: stop.clone(), reported: Reported::Nothing };
    let started = std::thread::Builder::new().name("pcsc-watch".to_owned()).spawn(move || {
        watch.run();
        let _nobody_waits = ended.send(());
    });
    started.map_err(|source| Fault { source: Some(Box::new(source)), ..fault(WATCHING, Error::NoMemory) })?;
    Ok(WatchGuard::new(move || {
        stop.set();
        for _ in 0..CANCELS_MAX {
            stop.cancel_wait();
            if has_ended.recv_timeout(CANCEL_EVERY) != Err(mpsc::RecvTimeoutError::Timeout) {
                return;
            }
        }
        // It hangs in pcscd and is abandoned; it will report nothing any more.
    }))
}

/// The other side's wish to end, and the wait it has to cancel.
#[derive(Default)]
struct Stop {
    state: Mutex<StopState>,
    changed: Condvar,
}

#[derive(Default)]
struct StopState {
    wished: bool,
    waiting_in: Option<Context>,
}

impl Stop {
    fn set(&self) {
        self.lock().wished = true;
        self.changed.notify_all();
    }

    fn is_set(&self) -> bool {
        self.lock().wished
    }

    fn cancel_wait(&self) {
        let context = self.lock().waiting_in.clone();
        if let Some(context) = context {
            // "Invalid handle" is a race that pcsc-lite loses against a wait that is just over: nothing to cancel then.
            let _raced = context.cancel();
        }
    }

    /// Waits without a context; true when the end is wished.
    fn wait(&self, limit: Duration) -> bool {
        let guard = self.lock();
        let result = self.changed.wait_timeout_while(guard, limit, |state| !state.wished);
        result.unwrap_or_else(PoisonError::into_inner).0.wished
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, StopState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was said last, so that nothing is said twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reported {
    Nothing,
    Unavailable(&'static str),
    Media(Media),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Absent,
    Present { events: u32 },
    Mute { events: u32 },
}

struct Watch {
    config: PcscConfig,
    sink: CardEventSink,
    stop: Arc<Stop>,
    reported: Reported,
}

impl Watch {
    fn run(mut self) {
        let mut back_off = BACK_OFF_FIRST;
        while !self.stop.is_set() {
            let result = establish().and_then(|context| {
                back_off = BACK_OFF_FIRST;
                self.stop.lock().waiting_in = Some(context.clone());
                self.follow(&context)
            });
            self.stop.lock().waiting_in = None;
            let Err(fault) = result else { continue };
            self.report_unavailable(fault);
            if self.stop.wait(back_off) {
                return;
            }
            back_off = (back_off * 2).min(BACK_OFF_MAX);
        }
    }

    /// Follows readers and cards in one context until that is of no more use, or the end is wished.
    fn follow(&mut self, context: &Context) -> Result<(), Fault> {
        while !self.stop.is_set() {
            match choose_reader(context, &self.config) {
                Ok(reader) => self.follow_reader(context, reader)?,
                // There is a service but no reader: wait for one.
                Err(fault) if matches!(fault.code, "reader-not-found" | "reader-not-chosen") => {
                    self.report_unavailable(fault);
                    self.wait_for_readers(context)?;
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    fn wait_for_readers(&self, context: &Context) -> Result<(), Fault> {
        let mut states = [ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
        self.change(context, &mut states).map(drop)
    }

    /// Follows one reader until it is gone or the end is wished.
    fn follow_reader(&mut self, context: &Context, reader: CString) -> Result<(), Fault> {
        let mut states = [ReaderState::new(reader, State::UNAWARE)];
        while !self.stop.is_set() {
            if !self.change(context, &mut states)? {
                return Ok(());
            }
            for state in &mut states {
                if state.event_state().intersects(State::UNKNOWN | State::UNAVAILABLE) {
                    return Ok(());
                }
                let media = media(state);
                state.sync_current_state();
                self.report_media(media);
            }
        }
        Ok(())
    }

    /// Waits for a change; `false` when the reader is gone.
    fn change(&self, context: &Context, states: &mut [ReaderState]) -> Result<bool, Fault> {
        match context.get_status_change(WAIT_S_MAX, states) {
            Ok(()) | Err(Error::Timeout | Error::Cancelled) => Ok(true),
            Err(Error::UnknownReader | Error::ReaderUnavailable) => Ok(false),
            Err(error) => Err(fault(WATCHING, error)),
        }
    }

    fn report_unavailable(&mut self, fault: Fault) {
        let now = Reported::Unavailable(fault.code);
        if self.reported != now && !self.stop.is_set() {
            self.reported = now;
            (self.sink)(CardEvent::Unavailable(fault));
        }
    }

    fn report_media(&mut self, media: Media) {
        let before = self.reported;
        if before == Reported::Media(media) || self.stop.is_set() {
            return;
        }
        self.reported = Reported::Media(media);
        match (before, media) {
            (Reported::Unavailable(_), _) => (self.sink)(CardEvent::Available),
            // The old card went and a new one came between two looks.
            (
                Reported::Media(Media::Present { .. } | Media::Mute { .. }),
                Media::Present { .. } | Media::Mute { .. },
            ) => (self.sink)(CardEvent::Removed),
            _ => {}
        }
        (self.sink)(match media {
            Media::Absent => CardEvent::Removed,
            Media::Present { .. } => CardEvent::Inserted,
            Media::Mute { .. } => CardEvent::Mute,
        });
    }
}

fn media(reader: &ReaderState) -> Media {
    let events = reader.event_count();
    // An answer to reset begins with 3B or 3F (ISO/IEC 7816-3, 8.1); anything else is noise of a card that has none.
    let is_noise = reader.atr().first().is_some_and(|start| ![0x3B, 0x3F].contains(start));
    let state = reader.event_state();
    match (state.contains(State::PRESENT), state.contains(State::MUTE) || is_noise) {
        (false, _) => Media::Absent,
        (true, false) => Media::Present { events },
        (true, true) => Media::Mute { events },
    }
}
