//! A receipt printer on a serial line, driven by ESC/POS.
//!
//! Implemented from the documents that the profiles name and from `talk`'s; exercised only against our own simulator, never
//! against a printer.
//!
//! Invariants:
//! - One thread owns the port, from the first byte to the last; it is never waited for without a limit.
//! - A receipt that was begun is never begun again by this driver: what cannot be told is told so (`receipt-unknown`).
//! - A port that vanishes, a printer that falls silent or talks nonsense, is looked for again with back-off, for ever; while
//!   it is away a receipt fails at once, with the reason.
//! - The state is read from memory: it is as old as the last report or question, at most `poll_ms` and an answer.

mod answers;
mod clock;
mod condition;
mod owner;
mod print;
mod talk;

use std::io::{PipeWriter, Write as _};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::escpos::{Job, encode};
use super::profile::{Flow, Profile, StatusFamily};
use super::receipt::Receipt;
use crate::port::{
    Action, DeviceState, Fault, FaultKind, PaperState, Printed, Printer, PrinterStatus, Reason, ReceiptState,
};
use crate::serial::{FlowControl, SerialSettings};

/// What a line says, put together and read; how many answers it was. For `fuzz/`.
#[doc(hidden)]
#[must_use]
pub fn answers_in(bytes: &[u8], family: StatusFamily) -> usize {
    let (mut parser, mut condition) = (answers::Parser::new(family), condition::Condition::default());
    let mut answers = 0;
    for answer in bytes.iter().filter_map(|byte| parser.take(*byte)) {
        answers += 1;
        match answer {
            answers::Answer::Automatic(bytes) => condition.automatic(family, bytes),
            answers::Answer::Full(bytes) => condition.full(bytes),
            answers::Answer::RealTime(byte) => (1..=4).for_each(|n| condition.real_time(n, family, byte)),
            answers::Answer::Ordered(_)
            | answers::Answer::Block(..)
            | answers::Answer::Flow
            | answers::Answer::Garbage => {}
        }
        // What is told of it has a word, whatever it is.
        let _told = (condition.paper(), condition.media(), condition.obstacle());
    }
    answers
}

/// How long the driver waits for things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For an answer to a question.
    pub answer_ms_max: u32,
    /// For a printer that has to be brought out of the middle of something.
    pub wake_ms_max: u32,
    /// For a printer that takes no bytes.
    pub stall_ms_max: u32,
    /// For the word that a receipt is out, besides the time that its bytes and its paper take.
    pub confirm_ms_max: u32,
    /// Between two looks at an idle printer.
    pub poll_ms: u32,
    /// Before the first new attempt after a failure; doubled each time.
    pub back_off_ms_first: u32,
    /// The longest time between two attempts.
    pub back_off_ms_max: u32,
    /// For a customer to take a receipt out of the mouth; then it is taken back, where the printer can.
    pub take_ms_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer_ms_max: 2_000,
            wake_ms_max: 10_000,
            stall_ms_max: 10_000,
            confirm_ms_max: 5_000,
            poll_ms: 2_000,
            back_off_ms_first: 500,
            back_off_ms_max: 30_000,
            take_ms_max: 60_000,
        }
    }
}

impl Limits {
    fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_ms_max.into())
    }

    fn wake(&self) -> Duration {
        Duration::from_millis(self.wake_ms_max.into())
    }

    fn stall(&self) -> Duration {
        Duration::from_millis(self.stall_ms_max.into())
    }

    fn confirm(&self) -> Duration {
        Duration::from_millis(self.confirm_ms_max.into())
    }

    /// For a whole receipt: the questions before, the bytes, the word after.
    fn receipt(&self, job: &Job, baud: u32) -> Duration {
        let questions = self.answer() * 10 + self.confirm() * 2;
        let bytes = Duration::from_millis(job.byte_count() as u64 * 10_000 / u64::from(baud.max(1)));
        questions + self.stall() + bytes + print::confirm_limit(job, baud, self)
    }
}

/// The driver.
#[derive(Debug)]
pub struct SerialPrinter {
    profile: Arc<Profile>,
    limits: Limits,
    baud: u32,
    shared: Arc<Shared>,
    orders: Mutex<Sender<Order>>,
    bell: PipeWriter,
}

/// What both sides see.
#[derive(Debug)]
struct Shared {
    known: Mutex<Known>,
    changed: Condvar,
}

#[derive(Clone, Debug)]
struct Known {
    status: PrinterStatus,
    /// Why it cannot be used at all.
    down: Option<Down>,
}

#[derive(Clone, Debug)]
struct Down {
    kind: FaultKind,
    reason: Reason,
}

impl Down {
    fn of(fault: &Fault) -> Self {
        Self { kind: fault.kind, reason: Reason::from(fault) }
    }

    fn fault(self) -> Fault {
        let Reason { device, code, action, what } = self.reason;
        Fault { kind: self.kind, device, code, action, what, source: None }
    }
}

impl Shared {
    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, known: Known) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        self.changed.notify_all();
    }
}

/// A receipt for the owner of the port.
#[derive(Debug)]
struct Order {
    job: Job,
    stage: Arc<AtomicU8>,
    reply: SyncSender<Result<(), Fault>>,
}

/// Stages of an order: whoever changes it first decides whether it is printed.
const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const GIVEN_UP: u8 = 2;

const NAME: &str = "printer";

impl SerialPrinter {
    /// Begins to drive the printer at a port, in a thread of its own. A printer that is not there is no error: it is
    /// looked for, and [`Printer::status`] says so meanwhile.
    ///
    /// # Errors
    /// When the system has no threads or file descriptors left.
    pub fn start(settings: SerialSettings, profile: Profile, limits: Limits) -> Result<Self, Fault> {
        let profile = Arc::new(profile);
        let baud = settings.baud;
        let status = PrinterStatus {
            media: if profile.has_presenter() { ReceiptState::Unknown } else { ReceiptState::NotSupported },
            reason: None,
            device: DeviceState::Starting,
            paper: PaperState::Unknown,
        };
        let shared =
            Arc::new(Shared { known: Mutex::new(Known { status, down: None }), changed: Condvar::new() });
        let refused = |source: std::io::Error| Fault {
            kind: FaultKind::Broken,
            device: NAME,
            code: "printer-failed",
            action: Action::SoftwareError,
            what: "the system has nothing left to drive the printer with".to_owned(),
            source: Some(source.into()),
        };
        let (bell_end, bell) = std::io::pipe().map_err(refused)?;
        let (orders, taken): (_, Receiver<Order>) = mpsc::channel();
        let owner = owner::Owner {
            settings,
            profile: Arc::clone(&profile),
            limits,
            shared: Arc::clone(&shared),
            orders: taken,
            bell: bell_end,
            retracted: false,
        };
        std::thread::Builder::new()
            .name("serial-printer".to_owned())
            .spawn(move || owner.run())
            .map_err(refused)?;
        Ok(Self { profile, limits, baud, shared, orders: Mutex::new(orders), bell })
    }

    /// The state once something is known of the printer, or after `limit`: for a look at it right after the start.
    pub fn settled(&self, limit: Duration) -> PrinterStatus {
        let known = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = |known: &mut Known| known.status.device == DeviceState::Starting;
        let waited = self.shared.changed.wait_timeout_while(known, limit, unknown);
        waited.unwrap_or_else(PoisonError::into_inner).0.status.clone()
    }

    /// The settings of a port as the profile's printer comes from the factory.
    pub fn settings(port: std::path::PathBuf, profile: &Profile) -> SerialSettings {
        let flow = match profile.line.flow {
            Flow::None => FlowControl::None,
            Flow::RtsCts => FlowControl::Hardware,
            Flow::XonXoff => FlowControl::Software,
        };
        SerialSettings { flow, ..SerialSettings::new(port, profile.line.baud) }
    }
}

impl Printer for SerialPrinter {
    fn print(&self, receipt: &Receipt) -> Result<Printed, Fault> {
        if let Some(down) = self.shared.known().down {
            // Somebody wants it: it is looked for now and not at the end of a pause. This receipt does not wait for that.
            let _rung = (&self.bell).write_all(&[1]);
            return Err(down.fault());
        }
        let job = encode(receipt, &self.profile);
        let limit = self.limits.receipt(&job, self.baud);
        let stage = Arc::new(AtomicU8::new(WAITING));
        let (reply, answer) = mpsc::sync_channel(1);
        let order = Order { job, stage: Arc::clone(&stage), reply };
        let sent = self.orders.lock().unwrap_or_else(PoisonError::into_inner).send(order);
        // The owner looks at its orders when this rings; a bell that cannot be rung is that of an owner who has ended.
        let rung = (&self.bell).write_all(&[1]);
        if sent.is_err() || rung.is_err() {
            return Err(self.ended());
        }
        match answer.recv_timeout(limit) {
            Ok(result) => result.map(|()| Printed { picture: None }),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
            Err(RecvTimeoutError::Timeout) => Err(self.too_late(&stage)),
        }
    }

    fn time_for(&self, receipt: &Receipt) -> Duration {
        print::time_for(&encode(receipt, &self.profile), self.baud)
    }

    fn status(&self) -> PrinterStatus {
        self.shared.known().status
    }
}

impl SerialPrinter {
    fn ended(&self) -> Fault {
        Fault {
            kind: FaultKind::Broken,
            device: NAME,
            code: "printer-failed",
            action: Action::SoftwareError,
            what: "the thread that owns the printer's port has ended".to_owned(),
            source: None,
        }
    }

    fn too_late(&self, stage: &AtomicU8) -> Fault {
        if let Some(down) = self.shared.known().down {
            return down.fault();
        }
        let given_up = stage.compare_exchange(WAITING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire).is_ok();
        let (code, action, what) = if given_up {
            let what = "the printer was not ready within the time for a receipt; it is not printed";
            ("printer-silent", Action::Maintenance, what)
        } else {
            ("receipt-unknown", Action::Clear, "the receipt was begun, and its time is over")
        };
        let kind = FaultKind::NeedsOperator;
        Fault { kind, device: NAME, code, action, what: what.to_owned(), source: None }
    }
}
