//! Watches a real process from outside and kills it at a chosen moment, exactly: when it is about to make a file durable,
//! to rename or remove one, to send bytes, to show a screen.
//!
//! How: a filter of the kernel (seccomp) makes such calls wait at their entry until the watcher has looked. The process
//! that is killed there has done everything before, and nothing of this call. All threads are counted together.
//!
//! What it needs: Linux 5.8, and to be root, because these programs do not let themselves be looked into.

mod filter;
mod notify;
mod step;

use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub use filter::under_watch;
use notify::Listener;
use step::Reader;
pub use step::{Kind, Point, is_for_the_living, without_numbers};

const COMES_MS_MAX: Duration = Duration::from_secs(20);

/// A watch that waits for its process, and then goes on until that has ended.
pub struct Watch {
    before: Vec<String>,
    thread: JoinHandle<io::Result<Seen>>,
    _folder: tempfile::TempDir,
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Each point that the process reached, in order.
    pub points: Vec<Point>,
    /// The one at which it was killed.
    pub killed: Option<Point>,
}

impl Watch {
    /// A watch over the files below `root`, that kills at `aim`; without one it only looks.
    ///
    /// # Panics
    /// When the system gives no socket or no thread.
    pub fn new(root: &Path, aim: Option<Point>) -> Self {
        let folder = tempfile::Builder::new().prefix("myna-watch-").tempdir().expect("a folder");
        let socket = folder.path().join("watch");
        let door = UnixListener::bind(&socket).expect("a socket");
        let before = [watched(), socket].map(|path| path.display().to_string()).to_vec();
        let root = root.to_owned();
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || watch(&door, &root, aim.as_ref()))
            .expect("a thread");
        Self { before, thread, _folder: folder }
    }

    /// What to put before the program's command line.
    #[must_use]
    pub fn before(&self) -> &[String] {
        &self.before
    }

    /// Waits until the process has ended, and tells what was seen.
    ///
    /// # Panics
    /// When the process could not be watched.
    pub fn seen(self) -> Seen {
        self.thread.join().expect("the watch does not panic").unwrap_or_else(|error| panic!("watch: {error}"))
    }
}

/// The program that puts another one under watch (see `watched.rs`).
fn watched() -> std::path::PathBuf {
    crate::programs().terminal.with_file_name("watched")
}

fn watch(door: &UnixListener, root: &Path, aim: Option<&Point>) -> io::Result<Seen> {
    let listener = Listener::receive(door, COMES_MS_MAX)?;
    let mut reader = Reader::new(root);
    let mut seen = Seen::default();
    while let Some(call) = listener.next()? {
        if let Some(point) = reader.read(&call) {
            let hit = seen.killed.is_none() && aim == Some(&point);
            seen.points.push(point.clone());
            if hit {
                seen.killed = Some(point);
                // The call waits for an answer that never comes; the whole process ends, whichever thread it was.
                let thread = Pid::from_raw(i32::try_from(call.thread).map_err(io::Error::other)?);
                kill(thread, Signal::SIGKILL)?;
                continue;
            }
        }
        if seen.killed.is_none() {
            listener.go_on(&call)?;
        }
    }
    Ok(seen)
}
