//! What real processes did to the files of a journal, as the kernel saw it: `strace`'s log, read back.
//!
//! Invariant: every call that can change a file is either understood or ends the test. Nothing is skipped silently but
//! `-shm` (an index that is made anew at every start) and `-lock` files, which hold nothing.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// The journal's name in its folder.
pub const DATABASE: &str = "journal.db";

/// Calls that change files, names or what is durable; `mmap` to see that nobody writes past the others.
const CALLS: &str = "creat,open,openat,openat2,write,writev,pwrite64,pwritev,pwritev2,truncate,ftruncate,fallocate,\
                     copy_file_range,sendfile,splice,fsync,fdatasync,sync,syncfs,sync_file_range,msync,mmap,rename,renameat,\
                     renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat";

/// One thing that happened to the files beside the journal, or that the process said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A new, empty file.
    Create(String),
    Write {
        name: String,
        at: u64,
        bytes: Vec<u8>,
    },
    SetLength {
        name: String,
        length: u64,
    },
    /// `fsync` or `fdatasync` of a file.
    Sync(String),
    /// Of the folder.
    SyncFolder,
    Rename {
        from: String,
        to: String,
    },
    Remove(String),
    /// A line on standard output.
    Said(String),
}

impl Op {
    pub const fn is_sync(&self) -> bool {
        matches!(self, Self::Sync(_) | Self::SyncFolder)
    }
}

/// The tracer and its arguments: what follows them is traced, into `log`.
pub fn tracer(log: &Path) -> Vec<String> {
    let log = log.to_str().unwrap().to_owned();
    let trace = format!("trace={}", CALLS.replace(' ', ""));
    [
        "strace",
        "-f",
        "--seccomp-bpf",
        "-y",
        "-xx",
        "-s",
        "1000000",
        "-a",
        "1",
        "-e",
        &trace,
        "-e",
        "signal=none",
        "-o",
        &log,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Reads a log of [`tracer`]: what happened in the folder of `journal` to files whose names begin with the journal's. It goes
/// on after `ops`, what earlier processes did there.
pub fn read(log: &Path, journal: &Path, ops: &mut Vec<Op>) {
    let text = std::fs::read_to_string(log).unwrap_or_else(|error| {
        panic!("{}: {error} (is strace installed? scripts/test does that)", log.display())
    });
    let mut reader = Reader {
        folder: journal.parent().unwrap().to_owned(),
        prefix: journal.file_name().unwrap().to_str().unwrap().to_owned(),
        known: names(ops),
        ops,
    };
    // A call during which another thread's is reported comes in two parts.
    let mut begun: HashMap<&str, String> = HashMap::new();
    for line in text.lines() {
        let Some((process, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(first) = rest.strip_suffix("<unfinished ...>") {
            begun.insert(process, first.trim_end().to_owned());
        } else if let Some((_, second)) = rest.split_once(" resumed>") {
            let mut whole = begun.remove(process).unwrap_or_default();
            whole.push_str(second);
            reader.call(&whole);
        } else {
            reader.call(rest);
        }
    }
}

/// The names that are there after `ops`.
fn names(ops: &[Op]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for op in ops {
        match op {
            Op::Create(name) => drop(names.insert(name.clone())),
            Op::Remove(name) => drop(names.remove(name)),
            Op::Rename { from, to } => {
                names.remove(from);
                names.insert(to.clone());
            }
            _ => {}
        }
    }
    names
}

/// A file beside the journal, by its name, or the folder itself.
enum Place {
    Journal(String),
    Folder,
    Elsewhere,
}

struct Reader<'a> {
    folder: PathBuf,
    prefix: String,
    /// Names that are there.
    known: BTreeSet<String>,
    ops: &'a mut Vec<Op>,
}

impl Reader<'_> {
    fn place(&self, path: &Path) -> Place {
        if path == self.folder {
            return Place::Folder;
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let ours = path.parent() == Some(&self.folder)
            && name.starts_with(&self.prefix)
            && !name.ends_with("-shm")
            && !name.ends_with(".lock");
        if ours { Place::Journal(name.to_owned()) } else { Place::Elsewhere }
    }

    fn call(&mut self, line: &str) {
        // Only whole calls: no signals, no ends of processes.
        let (Some((name, rest)), false) = (line.split_once('('), line.starts_with(['+', '-'])) else {
            return;
        };
        let Some((arguments, result)) = rest.rsplit_once(") = ") else {
            panic!("not understood: {}", short(line))
        };
        if result.starts_with('-') || result.starts_with('?') {
            return;
        }
        let arguments: Vec<&str> = arguments.split(", ").collect();
        let first = arguments[0];
        match name {
            "openat" | "open" | "creat" | "openat2" => self.open(name, &arguments),
            "write" if descriptor(first) == 1 => {
                let said = String::from_utf8_lossy(&bytes(arguments[1])).into_owned();
                self.ops.extend(said.lines().map(|line| Op::Said(line.to_owned())));
            }
            "pwrite64" => {
                if let Place::Journal(name) = self.place(&path_of(first)) {
                    let (mut data, at) = (bytes(arguments[1]), number(arguments[3]));
                    assert_eq!(
                        data.len(),
                        usize::try_from(number(arguments[2])).unwrap(),
                        "cut off: {}",
                        short(line)
                    );
                    data.truncate(usize::try_from(number(result)).unwrap());
                    self.ops.push(Op::Write { name, at, bytes: data });
                }
            }
            "ftruncate" => {
                if let Place::Journal(name) = self.place(&path_of(first)) {
                    self.ops.push(Op::SetLength { name, length: number(arguments[1]) });
                }
            }
            "fsync" | "fdatasync" => match self.place(&path_of(first)) {
                Place::Journal(name) => self.ops.push(Op::Sync(name)),
                Place::Folder => self.ops.push(Op::SyncFolder),
                Place::Elsewhere => {}
            },
            "rename" | "renameat" | "renameat2" => self.rename(&arguments),
            "unlink" | "unlinkat" => {
                if let Place::Journal(name) = self.place(&quoted(&arguments)[0]) {
                    self.known.remove(&name);
                    self.ops.push(Op::Remove(name));
                }
            }
            "mmap" => {
                let writes = line.contains("PROT_WRITE") && line.contains("MAP_SHARED");
                let ours = arguments.iter().any(|a| matches!(self.place(&path_of(a)), Place::Journal(_)));
                assert!(!(writes && ours), "a journal is written through memory: {}", short(line));
            }
            // Nothing else is expected on a journal's files.
            _ => {
                let touched = arguments.iter().any(|argument| {
                    !matches!(self.place(&path_of(argument)), Place::Elsewhere)
                        || quoted(&[argument])
                            .iter()
                            .any(|path| matches!(self.place(path), Place::Journal(_)))
                });
                assert!(!touched, "not understood: {}", short(line));
            }
        }
    }

    fn open(&mut self, call: &str, arguments: &[&str]) {
        let Some(path) = quoted(arguments).into_iter().next() else { return };
        let Place::Journal(name) = self.place(&path) else { return };
        let flags = arguments.join(" ");
        assert_eq!(call, "openat", "not understood: {call} of {name}");
        if flags.contains("O_CREAT") && self.known.insert(name.clone()) {
            self.ops.push(Op::Create(name));
        } else if flags.contains("O_TRUNC") {
            self.ops.push(Op::SetLength { name, length: 0 });
        }
    }

    fn rename(&mut self, arguments: &[&str]) {
        let paths = quoted(arguments);
        match (self.place(&paths[0]), self.place(&paths[1])) {
            (Place::Journal(from), Place::Journal(to)) => {
                self.known.remove(&from);
                self.known.insert(to.clone());
                self.ops.push(Op::Rename { from, to });
            }
            (Place::Elsewhere, Place::Elsewhere) => {}
            _ => panic!("a journal's file comes from elsewhere or goes there: {paths:?}"),
        }
    }
}

/// `3<\x2f…>` names the descriptor's file.
fn path_of(argument: &str) -> PathBuf {
    let path = argument.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>'));
    PathBuf::from(String::from_utf8_lossy(&unescape(path.unwrap_or_default())).into_owned())
}

fn descriptor(argument: &str) -> i32 {
    argument.split('<').next().and_then(|number| number.parse().ok()).unwrap_or(-1)
}

/// All quoted paths.
fn quoted(arguments: &[&str]) -> Vec<PathBuf> {
    let strings = arguments.iter().filter(|argument| argument.starts_with('"'));
    strings.map(|text| PathBuf::from(String::from_utf8_lossy(&bytes(text)).into_owned())).collect()
}

fn bytes(quoted: &str) -> Vec<u8> {
    let inside = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    unescape(inside.unwrap_or_else(|| panic!("cut off: {}", short(quoted))))
}

/// Every byte is written as `\xNN`.
fn unescape(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).map(|hex| u8::from_str_radix(hex, 16).unwrap()).collect()
}

fn number(text: &str) -> u64 {
    text.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("a number: {text}"))
}

fn short(line: &str) -> &str {
    line.get(..300).unwrap_or(line)
}
