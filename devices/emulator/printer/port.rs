//! A machine at a pseudo-terminal, on a thread of its own.
//!
//! Invariant: the thread ends when the simulator is dropped; a driver that goes away may come again.

use std::fs::{self, File};
use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::control;
use super::lever::PrinterLever;
use super::machine::{Machine, Model};
use super::paper::Sheet;
use crate::clock;
use crate::pseudo_terminal::PseudoTerminal;

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The printer.
    pub model: Model,
    /// Gets a symbolic link to the port.
    pub link: Option<PathBuf>,
    /// Each receipt that is cut off becomes `receipt-000001.png` and `.txt` here; what lies here already is kept, and the
    /// numbers go on behind it.
    pub out: Option<PathBuf>,
}

/// A running printer.
#[derive(Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
    port: PathBuf,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    machine: Mutex<Machine>,
    sheets: Mutex<Vec<Sheet>>,
    receipts: AtomicUsize,
    ended: AtomicBool,
}

/// Between two looks at the line when nothing comes.
const LOOK: Duration = Duration::from_millis(2);
/// What comes to a full printer is lost, but for questions. A pseudo-terminal holds nobody back, so it is lost slowly.
const STUCK_LOOK: Duration = Duration::from_millis(20);
const STUCK_BYTES: usize = 512;
/// A customer takes a receipt after so long.
const TAKEN_AFTER: Duration = Duration::from_millis(400);
/// The most that is carried out between two looks.
const BUDGET_BYTES: usize = 64 * 1024;
/// Without a folder, the newest receipts are kept for [`Simulator::take_sheets`].
const SHEETS_MAX: usize = 64;

impl Simulator {
    /// Switches a printer on.
    ///
    /// # Errors
    /// When there is no pseudo-terminal, or no folder for the receipts.
    pub fn start(setup: Setup) -> io::Result<Self> {
        if let Some(out) = &setup.out {
            fs::create_dir_all(out)?;
        }
        let terminal = PseudoTerminal::open(setup.link.as_deref())?;
        let port = setup.link.clone().unwrap_or_else(|| terminal.port().to_owned());
        let shared = Arc::new(Shared {
            machine: Mutex::new(Machine::new(setup.model)),
            sheets: Mutex::new(Vec::new()),
            receipts: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("printer-simulator".to_owned())
            .spawn(move || serve(terminal, &served, setup.out.as_deref()))?;
        Ok(Self { shared, port, thread: Some(thread) })
    }

    /// The port that a driver opens.
    pub fn port(&self) -> &Path {
        &self.port
    }

    /// Pulls a lever.
    pub fn pull(&self, lever: &PrinterLever) {
        self.with_machine(|machine| machine.pull(lever.pull));
    }

    /// What was cut off since the last call; the newest, when nobody called for long.
    pub fn take_sheets(&self) -> Vec<Sheet> {
        std::mem::take(&mut *self.shared.sheets.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many receipts were cut off.
    pub fn receipts(&self) -> usize {
        self.shared.receipts.load(Ordering::Acquire)
    }

    /// Does something with the printer between two of its steps.
    pub fn with_machine<T>(&self, act: impl FnOnce(&mut Machine) -> T) -> T {
        act(&mut self.shared.machine.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves a control socket until somebody says `quit`.
    pub fn control(&self, listener: &UnixListener) {
        control::serve(listener, self);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn serve(mut terminal: PseudoTerminal, shared: &Shared, out: Option<&Path>) {
    let mut number = out.map_or(0, last_number);
    let mut bytes = [0; 2048];
    let mut pace = Pace { last: clock::start(), credit: 0.0 };
    let mut presented_since = None;
    while !shared.ended.load(Ordering::Acquire) {
        let (room, stuck) = with(shared, |machine| (machine.has_room(), machine.is_stuck()));
        let mut count = 0;
        if room {
            count = terminal.read(&mut bytes, LOOK).unwrap_or(0);
        } else if stuck {
            clock::wait(STUCK_LOOK);
            count = bytes.get_mut(..STUCK_BYTES).and_then(|few| terminal.read(few, LOOK).ok()).unwrap_or(0);
        } else {
            clock::wait(LOOK);
        }
        let came = bytes.get(..count).unwrap_or_default();
        let (said, sheets, presented) = with(shared, |machine| {
            if room {
                machine.receive(came);
            } else {
                machine.receive_without_room(came);
            }
            let budget = pace.budget(machine.bytes_per_second());
            pace.spent(machine.work(budget));
            (machine.take_said(), machine.take_sheets(), machine.presented())
        });
        for sheet in sheets {
            shared.receipts.fetch_add(1, Ordering::AcqRel);
            number += 1;
            if let Some(out) = out
                && let Err(error) = keep(&sheet, out, number)
            {
                tracing::warn!(error = &error as &dyn std::error::Error, "a receipt was not kept");
            }
            let mut kept = shared.sheets.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push(sheet);
            let surplus = kept.len().saturating_sub(SHEETS_MAX);
            kept.drain(..surplus);
        }
        // After the paper: who is told that it is out finds it. A port that fails has no driver that could be told.
        let _lost = terminal.write(&said);
        let since = presented.then(|| presented_since.unwrap_or_else(clock::start));
        presented_since = since;
        if since.is_some_and(|since| since.elapsed() >= TAKEN_AFTER) {
            with(shared, Machine::take_receipt);
        }
    }
}

fn with<T>(shared: &Shared, act: impl FnOnce(&mut Machine) -> T) -> T {
    act(&mut shared.machine.lock().unwrap_or_else(PoisonError::into_inner))
}

/// How many bytes may be carried out by now.
struct Pace {
    last: Instant,
    credit: f64,
}

impl Pace {
    fn budget(&mut self, bytes_per_second: u32) -> usize {
        let now = clock::start();
        let passed = now.saturating_duration_since(self.last).as_secs_f64();
        self.last = now;
        if bytes_per_second == 0 {
            return BUDGET_BYTES;
        }
        // At most a second is saved up; a command that is longer is paid for afterwards.
        let most = f64::from(bytes_per_second);
        self.credit = (self.credit + passed * most).min(most);
        // Not negative here, and small.
        self.credit.max(0.0) as usize
    }

    fn spent(&mut self, bytes: usize) {
        self.credit -= bytes as f64;
    }
}

/// Of the receipts of an earlier printer; 0 when there are none.
fn last_number(out: &Path) -> usize {
    let files = fs::read_dir(out).into_iter().flatten().flatten();
    let number = |name: &str| name.strip_prefix("receipt-")?.split('.').next()?.parse().ok();
    files.filter_map(|file| number(file.file_name().to_str()?)).max().unwrap_or(0)
}

fn keep(sheet: &Sheet, out: &Path, number: usize) -> io::Result<()> {
    let picture = File::create(out.join(format!("receipt-{number:06}.png")))?;
    sheet.write_png(io::BufWriter::new(picture)).map_err(io::Error::other)?;
    let text: String = sheet.text.iter().map(|line| format!("{line}\n")).collect();
    fs::write(out.join(format!("receipt-{number:06}.txt")), text)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::super::machine::Family;
    use super::*;

    #[test]
    fn it_prints_what_it_gets_and_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup {
            model: Model { family: Family::Epson, dots: 384, dpi: 203 },
            link: Some(folder.path().join("tty")),
            out: Some(folder.path().join("out")),
        };
        let simulator = Simulator::start(setup).unwrap();
        let mut driver = File::options().read(true).write(true).open(simulator.port()).unwrap();
        driver.write_all(b"\x1b@hello\n\x1dV\x42\x00\x1dr\x01").unwrap();
        let mut answer = [0xff];
        driver.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [0]);
        assert_eq!(simulator.receipts(), 1);
        assert_eq!(simulator.take_sheets()[0].text, ["hello"]);
        let text = fs::read_to_string(folder.path().join("out/receipt-000001.txt")).unwrap();
        assert_eq!(text, "hello\n");
        assert!(folder.path().join("out/receipt-000001.png").exists());
    }

    #[test]
    fn another_printer_goes_on_behind_the_receipts_that_it_finds() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(last_number(folder.path()), 0);
        for name in ["receipt-000001.png", "receipt-000007.txt", "receipt-x.png", "note-000009.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(last_number(folder.path()), 7);
        let model = Model { family: Family::Epson, dots: 384, dpi: 203 };
        let setup = Setup { model, link: None, out: Some(folder.path().to_owned()) };
        let simulator = Simulator::start(setup).unwrap();
        let mut driver = File::options().read(true).write(true).open(simulator.port()).unwrap();
        driver.write_all(b"\x1b@hello\n\x1dV\x42\x00\x1dr\x01").unwrap();
        driver.read_exact(&mut [0]).unwrap();
        assert_eq!(simulator.receipts(), 1);
        assert!(folder.path().join("receipt-000008.txt").exists());
    }
}
