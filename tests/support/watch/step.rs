//! What a system call means: a durable step, bytes that leave, a screen; and where.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nix::libc;
use serde_json::Value;

use super::notify::Call;

/// What is about to happen when the process stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A file or folder becomes durable: `fsync`, `fdatasync` and relatives.
    Sync,
    /// A file gets another length.
    Truncate,
    /// A file gets its name.
    Rename,
    /// A file or folder goes.
    Remove,
    /// A folder comes.
    MakeFolder,
    /// The first byte after a sync is written to a database file: everything before is done, nothing of this is there.
    BeginWrite,
    /// Half of a transaction is in the write-ahead log: a frame and the header of the next one.
    TornWrite,
    /// Bytes go out over TCP.
    Send,
    /// A terminal's signed request goes out.
    SendRequest,
    /// A terminal's signed request has left; what comes back is about to be read.
    AwaitAnswer,
    /// Bytes go to `pcscd`.
    Card,
    /// A screen is about to be shown; of the host: a line of its output.
    Screen,
}

const KINDS: [(Kind, &str); 12] = [
    (Kind::Sync, "sync"),
    (Kind::Truncate, "truncate"),
    (Kind::Rename, "rename"),
    (Kind::Remove, "remove"),
    (Kind::MakeFolder, "make-folder"),
    (Kind::BeginWrite, "begin-write"),
    (Kind::TornWrite, "torn-write"),
    (Kind::Send, "send"),
    (Kind::SendRequest, "send-request"),
    (Kind::AwaitAnswer, "await-answer"),
    (Kind::Card, "card"),
    (Kind::Screen, "screen"),
];

impl Kind {
    /// Changes what is there after a restart.
    #[must_use]
    pub const fn is_durable(self) -> bool {
        matches!(self, Self::Sync | Self::Truncate | Self::Rename | Self::Remove | Self::MakeFolder)
    }

    fn word(self) -> &'static str {
        KINDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

/// A moment in the life of a process: it is about to do this, here, for the n-th time (from 1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// What.
    pub kind: Kind,
    /// Where: a path below the state directory, with `REQUEST` for a request's id and `N` for a receipt's number; a
    /// screen's name; `tcp` or `pcscd`.
    pub place: String,
    /// For the how many-th time.
    pub nth: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} #{}", self.kind.word(), self.place, self.nth)
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is no point: KIND PLACE #NUMBER");
        let (word, rest) = text.split_once(' ').ok_or_else(wrong)?;
        let (place, nth) = rest.rsplit_once(" #").ok_or_else(wrong)?;
        let kind = KINDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind);
        Ok(Self {
            kind: kind.ok_or_else(wrong)?,
            place: place.to_owned(),
            nth: nth.parse().map_err(|_| wrong())?,
        })
    }
}

/// A signed request with its two certificates is at least so long, and nothing else that a terminal sends in one piece is.
const REQUEST_BYTES_MIN: u64 = 2_500;
/// Longest text that is read from the process: a screen with the terms in two languages is about 8 KiB.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Writes of a transaction up to where it is torn: header and page of one frame, header of the next.
const TORN_AT_WRITE: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Socket {
    Tcp,
    Unix,
    Other,
}

/// Turns calls into points: knows what came before.
pub(super) struct Reader {
    root: PathBuf,
    counts: BTreeMap<(Kind, String), usize>,
    /// Writes since the last sync, by file.
    writes: BTreeMap<String, usize>,
    sockets: BTreeMap<String, Socket>,
    /// Connections on which a request has left and nothing was read since.
    awaiting: BTreeSet<String>,
    is_terminal: Option<bool>,
}

impl Reader {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            counts: BTreeMap::new(),
            writes: BTreeMap::new(),
            sockets: BTreeMap::new(),
            awaiting: BTreeSet::new(),
            is_terminal: None,
        }
    }

    /// The point at which `call` stands; `None` for a call that is none.
    pub(super) fn read(&mut self, call: &Call) -> Option<Point> {
        let (kind, place) = self.classify(call)?;
        let nth = self.counts.entry((kind, place.clone())).or_default();
        *nth += 1;
        Some(Point { kind, place, nth: *nth })
    }

    fn classify(&mut self, call: &Call) -> Option<(Kind, String)> {
        let [first, second, third, fourth, ..] = call.arguments;
        let named = |kind, path: Option<PathBuf>| Some((kind, self.below_root(&path?)?));
        match call.number {
            libc::SYS_sync | libc::SYS_msync => Some((Kind::Sync, "everything".to_owned())),
            libc::SYS_fsync | libc::SYS_fdatasync | libc::SYS_sync_file_range | libc::SYS_syncfs => {
                let place = self.below_root(&opened(call.thread, first)?)?;
                self.writes.remove(&place);
                Some((Kind::Sync, place))
            }
            libc::SYS_ftruncate | libc::SYS_fallocate => named(Kind::Truncate, opened(call.thread, first)),
            libc::SYS_truncate => named(Kind::Truncate, path(call.thread, None, first)),
            libc::SYS_renameat | libc::SYS_renameat2 | libc::SYS_linkat => {
                named(Kind::Rename, path(call.thread, Some(third), fourth))
            }
            libc::SYS_unlinkat => named(Kind::Remove, path(call.thread, Some(first), second)),
            libc::SYS_mkdirat => named(Kind::MakeFolder, path(call.thread, Some(first), second)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_rename | libc::SYS_link => named(Kind::Rename, path(call.thread, None, second)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_unlink | libc::SYS_rmdir => named(Kind::Remove, path(call.thread, None, first)),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_mkdir => named(Kind::MakeFolder, path(call.thread, None, first)),
            libc::SYS_pwrite64 => self.write(opened(call.thread, first)?),
            libc::SYS_write => screen(&memory(call.thread, second, third)?),
            libc::SYS_sendto => self.send(call, third),
            libc::SYS_writev => self.send(call, vector_bytes(call)?),
            libc::SYS_recvfrom => {
                let socket = opened(call.thread, first)?.to_string_lossy().into_owned();
                self.awaiting.remove(&socket).then(|| (Kind::AwaitAnswer, "tcp".to_owned()))
            }
            _ => None,
        }
    }

    fn write(&mut self, file: PathBuf) -> Option<(Kind, String)> {
        let place = self.below_root(&file)?;
        if place.ends_with("-shm") {
            // An index in shared memory, made anew by whoever opens the database next.
            return None;
        }
        let writes = self.writes.entry(place.clone()).or_default();
        *writes += 1;
        match *writes {
            1 => Some((Kind::BeginWrite, place)),
            TORN_AT_WRITE if place.ends_with("-wal") => Some((Kind::TornWrite, place)),
            _ => None,
        }
    }

    fn send(&mut self, call: &Call, bytes: u64) -> Option<(Kind, String)> {
        let socket = opened(call.thread, call.arguments[0])?.to_string_lossy().into_owned();
        match self.socket(call.thread, &socket) {
            Socket::Tcp if bytes >= REQUEST_BYTES_MIN && self.is_terminal(call.thread) => {
                self.awaiting.insert(socket);
                Some((Kind::SendRequest, "tcp".to_owned()))
            }
            Socket::Tcp => Some((Kind::Send, "tcp".to_owned())),
            Socket::Unix => Some((Kind::Card, "pcscd".to_owned())),
            Socket::Other => None,
        }
    }

    fn is_terminal(&mut self, thread: u32) -> bool {
        *self.is_terminal.get_or_insert_with(|| {
            std::fs::read_link(format!("/proc/{thread}/exe"))
                .is_ok_and(|program| program.file_name().is_some_and(|name| name == "myna-atm"))
        })
    }

    fn socket(&mut self, thread: u32, name: &str) -> Socket {
        if let Some(known) = self.sockets.get(name) {
            return *known;
        }
        let number = name.trim_start_matches("socket:[").trim_end_matches(']');
        let listed = |table: &str| {
            std::fs::read_to_string(format!("/proc/{thread}/net/{table}"))
                .is_ok_and(|table| table.split_whitespace().any(|word| word == number))
        };
        let kind = match name {
            name if !name.starts_with("socket:") => Socket::Other,
            _ if listed("unix") => Socket::Unix,
            _ if listed("netlink") => Socket::Other,
            // Not looked up in its own table: to list that one costs the kernel milliseconds.
            _ => Socket::Tcp,
        };
        self.sockets.insert(name.to_owned(), kind);
        kind
    }

    fn below_root(&self, path: &Path) -> Option<String> {
        path.strip_prefix(&self.root).ok().map(without_numbers).filter(|place| !is_for_the_living(place))
    }
}

/// Tells how the devices of a running process are, at any time; nobody needs it after a death.
#[must_use]
pub fn is_for_the_living(place: &str) -> bool {
    place.ends_with("devices.json") || place.ends_with("devices.json.new")
}

/// A path in which every request and every receipt has the same name.
#[must_use]
pub fn without_numbers(path: &Path) -> String {
    let parts: Vec<String> =
        path.components().map(|part| without_number(&part.as_os_str().to_string_lossy())).collect();
    parts.join("/")
}

fn without_number(name: &str) -> String {
    let is_id = name.len() == 36 && name.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    if is_id {
        return "REQUEST".to_owned();
    }
    match name.find("receipt-") {
        Some(at) => {
            let (head, tail) = name.split_at(at + "receipt-".len());
            format!("{head}N{}", tail.trim_start_matches(|letter: char| letter.is_ascii_digit()))
        }
        None => name.to_owned(),
    }
}

/// The terminal's line protocol; other lines of it are `result` and `line`, anything else is `text`.
fn screen(text: &[u8]) -> Option<(Kind, String)> {
    let place = match serde_json::from_slice::<Value>(text) {
        Ok(line) => match line.get("screen").and_then(Value::as_str) {
            // One a digit; the PIN pad's keys are no step of their own.
            Some("dots") => return None,
            Some(name) => name.to_owned(),
            None if line.get("outcome").is_some() => "result".to_owned(),
            None => "line".to_owned(),
        },
        Err(_) => "text".to_owned(),
    };
    Some((Kind::Screen, place))
}

/// What descriptor `handle` of `thread` is open on.
fn opened(thread: u32, handle: u64) -> Option<PathBuf> {
    // The kernel takes the lower half as a signed number.
    let handle = u32::try_from(handle & 0xFFFF_FFFF).ok()?;
    std::fs::read_link(format!("/proc/{thread}/fd/{handle}")).ok()
}

/// The path at `address`, seen from folder `from` (`None`: from the working directory).
fn path(thread: u32, from: Option<u64>, address: u64) -> Option<PathBuf> {
    let bytes = memory(thread, address, u64::try_from(libc::PATH_MAX).ok()?)?;
    let text = bytes.split(|byte| *byte == 0).next()?;
    let path = PathBuf::from(String::from_utf8_lossy(text).into_owned());
    if path.is_absolute() {
        return Some(path);
    }
    let here = libc::AT_FDCWD.cast_unsigned();
    let folder = match from {
        Some(handle) if handle & 0xFFFF_FFFF != u64::from(here) => opened(thread, handle)?,
        _ => std::fs::read_link(format!("/proc/{thread}/cwd")).ok()?,
    };
    Some(folder.join(path))
}

/// At most `bytes` bytes of the process's memory, fewer where its mapping ends.
fn memory(thread: u32, address: u64, bytes: u64) -> Option<Vec<u8>> {
    let file = std::fs::File::open(format!("/proc/{thread}/mem")).ok()?;
    let wanted = usize::try_from(bytes).ok()?.min(TEXT_BYTES_MAX);
    let mut found = vec![0; wanted];
    let mut have = 0;
    while have < wanted {
        match file.read_at(&mut found[have..], address + u64::try_from(have).ok()?) {
            Ok(0) | Err(_) => break,
            Ok(read) => have += read,
        }
    }
    found.truncate(have);
    (have > 0).then_some(found)
}

/// Bytes of a `writev`.
fn vector_bytes(call: &Call) -> Option<u64> {
    let [_, vector, count, ..] = call.arguments;
    // struct iovec: address, length.
    let pieces = memory(call.thread, vector, count.min(1024) * 16)?;
    let length = |piece: &[u8]| piece.last_chunk::<8>().map(|length| u64::from_ne_bytes(*length));
    pieces.chunks_exact(16).map(length).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_as_it_is_written() {
        for (kind, _) in KINDS {
            let point = Point { kind, place: "terminal/journal.db-wal".to_owned(), nth: 12 };
            assert_eq!(point.to_string().parse::<Point>(), Ok(point));
        }
        for wrong in ["", "sync", "sync x", "sync x #", "sync x #a", "walk x #1"] {
            assert!(wrong.parse::<Point>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_do_not_make_places_different() {
        assert_eq!(without_number("receipt-000012.png"), "receipt-N.png");
        assert_eq!(without_number(".receipt-000012.txt.part"), ".receipt-N.txt.part");
        assert_eq!(without_number("01a220b2-326b-7697-bd74-02f6d3d7cb3f"), "REQUEST");
        assert_eq!(without_number("journal.db-wal"), "journal.db-wal");
    }

    #[test]
    fn screens_have_their_names() {
        let kind = |text: &str| screen(text.as_bytes());
        assert_eq!(kind("{\"screen\":\"terms\"}\n"), Some((Kind::Screen, "terms".to_owned())));
        assert_eq!(kind("{\"outcome\":\"registered\"}\n"), Some((Kind::Screen, "result".to_owned())));
        assert_eq!(kind("{\"cue\":\"take-card\"}\n"), Some((Kind::Screen, "line".to_owned())));
        assert_eq!(kind("listening\n"), Some((Kind::Screen, "text".to_owned())));
        assert_eq!(kind("{\"screen\":\"dots\",\"entered\":1}\n"), None);
    }
}
