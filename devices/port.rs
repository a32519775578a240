//! The ports: what the terminal can ask of the things with a cable, and how they fail.
//!
//! Invariants:
//! - Every fault has a kind that says how to react, a stable code, and the action that repairs it, in the words of
//!   XFS4IoT, whether the device is driven directly or through middleware.
//! - No call blocks for ever: where the system below gives no deadline, the adapter abandons the thread that is stuck
//!   and reports a fault.
//! - A PIN passes through these traits only inside a [`PinSlot`], by move.
//! - Adapters know nothing of a customer's visit: they report what happened, the terminal decides.

use std::fmt;
use std::io;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jpki::{Channel, PinSlot};

use crate::printer::Receipt;

mod state;

pub use state::{DeviceState, MediaState, Reason, STATES};

/// How to react to a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Likely to go away: try again, with a limit.
    Transient,
    /// Stays until somebody does something at the machine.
    NeedsOperator,
    /// The device cannot be used; the adapter goes on looking whether it comes back.
    Broken,
}

/// What repairs a fault (`action` of XFS4IoT `Common.ErrorEvent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Take away what is stuck.
    Clear,
    /// Call maintenance.
    Maintenance,
    /// Reset the device.
    Reset,
    /// Correct the configuration.
    Configuration,
    /// A bug or a failed program: restart it.
    SoftwareError,
    /// Wait: the device is used by somebody else or recovers by itself.
    Suspend,
}

impl Action {
    /// The word of XFS4IoT.
    pub const fn word(self) -> &'static str {
        match self {
            Action::Clear => "clear",
            Action::Maintenance => "maintenance",
            Action::Reset => "reset",
            Action::Configuration => "configuration",
            Action::SoftwareError => "softwareError",
            Action::Suspend => "suspend",
        }
    }
}

/// A device failed.
#[derive(Debug, thiserror::Error)]
#[error("{device}: {what}")]
pub struct Fault {
    /// How to react.
    pub kind: FaultKind,
    /// Which device, for people: `card unit`, `PIN pad`, `printer`.
    pub device: &'static str,
    /// Stable, kebab-case; the catalogue of messages is keyed by it.
    pub code: &'static str,
    /// What repairs it.
    pub action: Action,
    /// What failed, of what; for operators, never for customers.
    pub what: String,
    /// The error below.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a card unit reports by itself.
#[derive(Debug)]
pub enum CardEvent {
    /// A card is there and answers.
    Inserted,
    /// The card is gone.
    Removed,
    /// A card is there and does not answer: wrong way round, no chip, or broken.
    Mute,
    /// The unit cannot be used at the moment; it is watched on.
    Unavailable(Fault),
    /// It can be used again.
    Available,
}

/// Takes a unit's events, on the unit's own thread; must return soon.
pub type CardEventSink = Box<dyn Fn(CardEvent) + Send>;

/// Ends the watching when it is dropped.
pub struct WatchGuard {
    end: Option<Box<dyn FnOnce() + Send>>,
}

impl WatchGuard {
    /// `end` is called once.
    pub fn new(end: impl FnOnce() + Send + 'static) -> Self {
        Self { end: Some(Box::new(end)) }
    }
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

/// Whether a card was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There is none.
    Absent,
    /// There was one, and it is without power now.
    PoweredOff,
    /// There is one that does not answer, so nothing can be verified in it.
    Mute,
}

/// How the customer gets the card back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Return {
    /// The unit holds nothing back: the customer takes the card. [`CardEvent::Removed`] tells when.
    TakeIt,
    /// No card is there.
    NoCard,
}

/// What became of a card that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retained {
    /// The unit keeps it.
    Kept {
        /// Where it lies, for the person who comes for it.
        place: String,
    },
    /// There was none any more.
    NoCard,
}

/// A card unit's state at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardUnitStatus {
    /// The reader's name as its service gives it, when one is found.
    pub reader: Option<String>,
    /// Whether it can be used.
    pub device: DeviceState,
    /// Whether a card is in it.
    pub media: MediaState,
    /// Why it cannot be used, while it cannot.
    pub reason: Option<Reason>,
}

impl CardUnitStatus {
    /// Of a unit that cannot be used.
    #[must_use]
    pub fn unusable(reason: Reason) -> Self {
        let (device, media) = (reason.state(), MediaState::of(reason.code));
        Self { reader: None, device, media, reason: Some(reason) }
    }
}

/// A thing that takes a card.
pub trait CardUnit: Send + Sync {
    /// What the configuration calls it.
    fn name(&self) -> &str;

    /// Reports every change to `sink`, from a thread of the unit's own, until the guard is dropped. The first event tells
    /// the state found, at once: `Inserted`, `Removed`, `Mute` or `Unavailable`. After `Unavailable` come `Available` and
    /// then again the state found.
    ///
    /// # Errors
    /// When watching cannot begin at all. A reader that is missing is an event, not an error.
    fn watch(&self, sink: CardEventSink) -> Result<WatchGuard, Fault>;

    /// Whether a card is wanted. A unit with a shutter lets one in only after this was called with `true`, and only one for
    /// each call: none before the first call, none after the card that came, none after `false`. A card that slips in
    /// while the way in is being closed is given back and not told of. Returns at once; a unit that cannot obey reports
    /// [`CardEvent::Unavailable`]. The wish outlives a unit that was away; [`CardUnit::make_safe`] ends it.
    ///
    /// A unit without a shutter cannot keep a card out: it does nothing here.
    fn permit_entry(&self, permitted: bool) {
        let _nothing_to_close = permitted;
    }

    /// Powers the card and reserves it until the session ends. A card that lies at the mouth of a unit that can take it
    /// back is taken back. Waits at most `limit` for others who hold it.
    ///
    /// # Errors
    /// `card-removed`, `card-mute`, `reader-busy` and the unit's own faults.
    fn open(&self, limit: Duration) -> Result<Box<dyn CardSession>, Fault>;

    /// Takes power from any card found, so that no PIN stays verified in it; the first act after a start. Waits at most
    /// `limit`.
    ///
    /// # Errors
    /// When the unit cannot be used: then nothing is known of a card in it.
    fn make_safe(&self, limit: Duration) -> Result<Presence, Fault>;

    /// Gives the card back. Does not wait until it is taken.
    ///
    /// # Errors
    /// When the card may still be held by the unit.
    fn return_card(&self) -> Result<Return, Fault>;

    /// Takes a card that was not taken in and keeps it. Only units that can hold a card back can do it.
    ///
    /// # Errors
    /// `cannot-retain` for a unit that cannot; otherwise the card is where it was.
    fn retain(&self) -> Result<Retained, Fault> {
        Err(Fault {
            kind: FaultKind::NeedsOperator,
            device: "card unit",
            code: "cannot-retain",
            action: Action::Configuration,
            what: "this unit holds no card back".to_owned(),
            source: None,
        })
    }

    /// The state now, for operators and the device log.
    fn status(&self) -> CardUnitStatus;
}

/// A powered card that nobody else can talk to. Dropping it takes the power from the card too, without a report.
pub trait CardSession: Channel {
    /// Takes the power from the card and lets others use it.
    ///
    /// # Errors
    /// When the card may still have power; not when it was removed.
    fn power_off(self: Box<Self>) -> Result<(), Fault>;
}

/// What a pad is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinEntry {
    /// Exactly so many digits; the user-authentication PIN has 4, and a [`PinSlot`] holds no more.
    pub digits: u8,
    /// The entry ends as timed out when no key comes for so long.
    pub key_ms_max: u64,
}

/// For the screen's dots only. When keys were pressed is never logged: the rhythm gives the PIN away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinProgress {
    /// Digits in the slot now.
    pub entered: u8,
    /// More digits were typed than a PIN has. All were thrown away, and keys have no effect until clear or backspace:
    /// what would be left is not what the customer meant.
    pub too_many: bool,
}

/// Takes a pad's progress; must return soon.
pub type PinProgressSink = Box<dyn Fn(PinProgress) + Send>;

/// How an entry ended. The slot always comes back; it holds digits in `Entered` only.
pub enum PinOutcome {
    /// All digits are in the slot, and the customer confirmed them.
    Entered(PinSlot),
    /// The customer, or the token, ended it. The slot is wiped.
    Cancelled(PinSlot),
    /// No key for too long. The slot is wiped.
    TimedOut(PinSlot),
    /// The pad failed. The slot is wiped.
    Fault(PinSlot, Fault),
}

impl fmt::Debug for PinOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PinOutcome::Entered(_) => f.write_str("Entered"),
            PinOutcome::Cancelled(_) => f.write_str("Cancelled"),
            PinOutcome::TimedOut(_) => f.write_str("TimedOut"),
            PinOutcome::Fault(_, fault) => f.debug_tuple("Fault").field(fault).finish(),
        }
    }
}

/// A thing with digit keys.
pub trait PinPad: Send + Sync {
    /// Lets the customer type a PIN into `slot`: digits, backspace, enter, cancel. Blocks its thread until the entry ends;
    /// `cancel` ends it at once.
    fn enter(
        &self,
        entry: PinEntry,
        slot: PinSlot,
        progress: PinProgressSink,
        cancel: &CancelToken,
    ) -> PinOutcome;
}

/// Ends a wait in another thread. Clones end the same wait; once cancelled it stays so.
#[derive(Clone, Debug)]
pub struct CancelToken {
    shared: Arc<CancelShared>,
}

#[derive(Debug)]
struct CancelShared {
    reader: OwnedFd,
    // Dropped on cancel: the hang-up wakes every poller, and stays.
    writer: Mutex<Option<io::PipeWriter>>,
}

impl CancelToken {
    /// A token that is not cancelled.
    ///
    /// # Errors
    /// When the process has no file descriptors left.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self {
            shared: Arc::new(CancelShared { reader: reader.into(), writer: Mutex::new(Some(writer)) }),
        })
    }

    /// Ends the wait.
    pub fn cancel(&self) {
        if let Some(mut writer) = self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Closing wakes a poller too; the byte makes it readable as well, for pollers that look at that only.
            let _woken = writer.write_all(&[0]);
        }
    }

    /// Whether [`CancelToken::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.shared.writer.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Becomes readable when cancelled: for `poll` beside the pad's own file descriptor.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.reader.as_fd()
    }
}

/// `printer.paper` of XFS4IoT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaperState {
    /// Cannot be told.
    Unknown,
    /// Enough.
    Full,
    /// Little.
    Low,
    /// None.
    Out,
    /// Stuck.
    Jammed,
}

impl PaperState {
    /// The word of XFS4IoT.
    pub const fn word(self) -> &'static str {
        match self {
            PaperState::Unknown => "unknown",
            PaperState::Full => "full",
            PaperState::Low => "low",
            PaperState::Out => "out",
            PaperState::Jammed => "jammed",
        }
    }
}

/// `printer.media` of XFS4IoT: what lies in the mouth of a printer that hands its receipts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptState {
    /// It has no presenter: a receipt is out when it is cut.
    NotSupported,
    /// Cannot be told.
    Unknown,
    /// A receipt waits to be taken.
    Present,
    /// Nothing is there.
    NotPresent,
    /// A receipt is stuck.
    Jammed,
    /// The last receipt was not taken, and the printer took it back.
    Retracted,
}

impl ReceiptState {
    /// The word of XFS4IoT.
    pub const fn word(self) -> &'static str {
        match self {
            ReceiptState::NotSupported => "notSupported",
            ReceiptState::Unknown => "unknown",
            ReceiptState::Present => "present",
            ReceiptState::NotPresent => "notPresent",
            ReceiptState::Jammed => "jammed",
            ReceiptState::Retracted => "retracted",
        }
    }
}

/// A printer's state at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrinterStatus {
    /// Whether it can be used.
    pub device: DeviceState,
    /// Its paper.
    pub paper: PaperState,
    /// What lies in its mouth.
    pub media: ReceiptState,
    /// What keeps it from printing, while something does.
    pub reason: Option<Reason>,
}

impl PrinterStatus {
    /// Of a printer without a presenter that reports no fault.
    pub const fn new(device: DeviceState, paper: PaperState) -> Self {
        Self { device, paper, media: ReceiptState::NotSupported, reason: None }
    }

    /// The code of what keeps it from printing.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        self.reason.as_ref().map(|reason| reason.code)
    }
}

/// A receipt was printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// Where the picture of it lies, for printers that keep one.
    pub picture: Option<std::path::PathBuf>,
}

/// A thing that prints receipts.
pub trait Printer: Send + Sync {
    /// Prints a receipt, once, and returns when it is out. Has an end whatever the printer does.
    ///
    /// # Errors
    /// When it is not out, or not whole; `receipt-unknown` when that cannot be told. Whoever prints again after that may
    /// print twice.
    fn print(&self, receipt: &Receipt) -> Result<Printed, Fault>;

    /// About how long this receipt takes from its first byte until it is out, at most: for a line that may be too slow for it.
    fn time_for(&self, receipt: &Receipt) -> Duration {
        let _at_once = receipt;
        Duration::ZERO
    }

    /// The state now, for operators and the device log. Never waits for the printer.
    fn status(&self) -> PrinterStatus;
}
