//! The medium after power was lost.
//!
//! # The model
//!
//! - What was synced (`fsync` or `fdatasync` of that file) is there.
//! - Each write after the last sync of its file is there, missing, or torn: cut at a multiple of 512 bytes of the file, of
//!   which the part before or the part behind is there. Independently of all others: they are in no order.
//! - A file that grew may have its new length without the bytes (zeros), and a length that was set may not be there.
//! - A name that was made, renamed or removed after the last sync of the folder is as it was or as it became. A rename is
//!   whole: never both names, never none.
//! - `-shm` is never there.
//!
//! What is not in the model: a medium that changes what was synced, or that says it synced and did not. That such a one is
//! found out is the negative control of this test.

use std::collections::BTreeMap;

use crate::recording::Op;

/// Bytes that reach the medium together.
pub const SECTOR: u64 = 512;

/// What becomes of one write that was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    There,
    Missing,
    /// Only the bytes before this place in the file.
    Before(u64),
    /// Only the bytes from this place in the file on.
    Behind(u64),
}

/// A change of a file that is not synced.
#[derive(Debug, Clone)]
pub struct Pending {
    file: usize,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    Write { at: u64, bytes: Vec<u8> },
    Length(u64),
}

impl Pending {
    /// The places where it can be torn.
    pub fn seams(&self) -> Vec<u64> {
        match &self.change {
            Change::Write { at, bytes } => {
                let end = at + u64::try_from(bytes.len()).unwrap();
                ((at / SECTOR + 1)..).map(|sector| sector * SECTOR).take_while(|seam| *seam < end).collect()
            }
            Change::Length(_) => Vec::new(),
        }
    }

    fn apply(&self, content: &mut Vec<u8>, fate: Fate) {
        match (&self.change, fate) {
            (_, Fate::Missing) => {}
            (Change::Length(length), _) => content.resize(usize::try_from(*length).unwrap(), 0),
            (Change::Write { at, bytes }, fate) => {
                let end = at + u64::try_from(bytes.len()).unwrap();
                let (from, to) = match fate {
                    Fate::Before(seam) => (*at, seam),
                    Fate::Behind(seam) => (seam, end),
                    _ => (*at, end),
                };
                let [from, to, begin] = [from, to, *at].map(|place| usize::try_from(place).unwrap());
                if content.len() < to {
                    content.resize(to, 0);
                }
                content[from..to].copy_from_slice(&bytes[from - begin..to - begin]);
            }
        }
    }
}

/// A change of the folder that is not synced.
#[derive(Debug, Clone)]
enum Naming {
    Bound { name: String, file: usize },
    Renamed { from: String, to: String, file: usize },
    Removed { name: String },
}

/// Files by their names.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Everything that was written so far, and what of it is durable.
#[derive(Debug, Clone, Default)]
pub struct Medium {
    /// Durable contents.
    files: Vec<Vec<u8>>,
    pending: Vec<Pending>,
    names: BTreeMap<String, usize>,
    namings: Vec<Naming>,
    /// Names as the process sees them.
    live: BTreeMap<String, usize>,
}

impl Medium {
    pub fn take(&mut self, op: &Op) {
        match op {
            Op::Create(name) => {
                let file = self.files.len();
                self.files.push(Vec::new());
                self.live.insert(name.clone(), file);
                self.namings.push(Naming::Bound { name: name.clone(), file });
            }
            Op::Write { name, at, bytes } => {
                let change = Change::Write { at: *at, bytes: bytes.clone() };
                self.pending.push(Pending { file: self.live[name], change });
            }
            Op::SetLength { name, length } => {
                self.pending.push(Pending { file: self.live[name], change: Change::Length(*length) });
            }
            Op::Sync(name) => self.sync(self.live[name]),
            Op::SyncFolder => {
                self.names = self.names_with(|_| true);
                self.namings.clear();
            }
            Op::Rename { from, to } => {
                let file = self.live.remove(from).unwrap();
                self.live.insert(to.clone(), file);
                self.namings.push(Naming::Renamed { from: from.clone(), to: to.clone(), file });
            }
            Op::Remove(name) => {
                self.live.remove(name).unwrap();
                self.namings.push(Naming::Removed { name: name.clone() });
            }
            Op::Said(_) => {}
        }
    }

    fn sync(&mut self, file: usize) {
        let (synced, left) = std::mem::take(&mut self.pending).into_iter().partition(|p| p.file == file);
        self.pending = left;
        let synced: Vec<Pending> = synced;
        synced.iter().for_each(|pending| pending.apply(&mut self.files[file], Fate::There));
    }

    /// As the process sees it.
    pub fn live(&self) -> Files {
        self.image(&vec![Fate::There; self.pending.len()], |_| true)
    }

    /// What is not synced, in the order in which it was written.
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// True when the database itself is being written, which is when SQLite moves its log into it.
    pub fn writes_database(&self) -> bool {
        let database = self.live.get(crate::recording::DATABASE);
        self.pending.iter().any(|pending| Some(&pending.file) == database)
    }

    /// How many changes of names are not synced.
    pub fn namings(&self) -> usize {
        self.namings.len()
    }

    fn names_with(&self, happened: impl Fn(usize) -> bool) -> BTreeMap<String, usize> {
        let mut names = self.names.clone();
        for (_, naming) in self.namings.iter().enumerate().filter(|(index, _)| happened(*index)) {
            match naming {
                Naming::Bound { name, file } => {
                    names.insert(name.clone(), *file);
                }
                Naming::Renamed { from, to, file } => {
                    names.remove(from);
                    names.insert(to.clone(), *file);
                }
                Naming::Removed { name } => {
                    names.remove(name);
                }
            }
        }
        names
    }

    /// What lies on the medium when these are the fates of the pending changes, and these namings happened.
    pub fn image(&self, fates: &[Fate], happened: impl Fn(usize) -> bool) -> Files {
        let mut contents: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        let names = self.names_with(happened);
        for file in names.values() {
            contents.entry(*file).or_insert_with(|| self.files[*file].clone());
        }
        for (pending, fate) in self.pending.iter().zip(fates) {
            if let Some(content) = contents.get_mut(&pending.file) {
                pending.apply(content, *fate);
            }
        }
        names.into_iter().map(|(name, file)| (name, contents[&file].clone())).collect()
    }

    /// As [`Medium::image`] with nothing but what is durable, and every file as long as the process made it.
    pub fn long_and_empty(&self) -> Files {
        let mut files = self.image(&vec![Fate::Missing; self.pending.len()], |_| true);
        for (name, content) in self.live() {
            if let Some(file) = files.get_mut(&name)
                && file.len() < content.len()
            {
                file.resize(content.len(), 0);
            }
        }
        files
    }
}
