//! Where the next commits write: is it sound? Looked at before SQLite opens the files, and before every other check.
//!
//! A start does not read old pages. So a commit must not be able to make damage in them worse, nor to carry it further:
//!
//! - **New pages.** SQLite takes them from its list of free pages, else from the end of the file, and writes over whatever
//!   is there. It does not check that a free page is free. Here it is: each page on the list is there, once, and full of
//!   zeros, as this program leaves them (`secure_delete`), and no page in use is. And the end of the file is where the
//!   header says, so that nothing lies behind it.
//! - **Pages that are filled up.** The device log, its checkpoints and the records only grow at their ends; the outbox grows
//!   at its end, because request ids grow with time. A page whose header lies about its free bytes would let a new row
//!   run over an old one. Here the form of the pages on these ways is checked byte by byte, with their neighbours,
//!   which SQLite evens out with them.
//! - **Rows that are changed.** Undecided requests (decided later), open visits and the tally: the pages on the way to each,
//!   and all of the index that leads to the undecided ones. A decision gives the old row's pages back, and only after
//!   they were read and the request has its digest.
//! - **Old rows that are changed.** Only evidence that is erased: not before all pages were checked
//!   (`Journal::erase_evidence`).
//!
//! Everything else is only ever read. What is in these pages is not judged here: digests, chain and tally do that
//! (`examine.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use crate::btree::{Node, long};
use crate::error::JournalError;
use crate::pages::{Page, Pages};
use crate::wal::Wal;

/// SQLite evens out a page with one neighbour on each side, or two on one.
const NEIGHBOURS: usize = 2;
/// SQLite's own limit.
const DEPTH_MAX: usize = 20;

/// Trees that grow at their end.
const GROW: [&str; 5] = ["device_log", "device_log_checkpoint", "visit_record", "outbox", "outbox_evidence"];
/// Small trees, changed anywhere.
const SMALL: [&str; 2] = ["open_visit", "tally"];

/// Fields of the header that this program never changes: page size and the fractions of payload, and no automatic
/// vacuum (SQLite file format, section 1.3).
const FIXED: [(usize, &[u8]); 3] =
    [(16, &[0x10, 0x00, 2, 2, 0, 64, 32, 32]), (52, &[0, 0, 0, 0]), (64, &[0, 0, 0, 0])];

/// What is damaged; `None` when all is sound.
pub(crate) fn damage(journal: &Path, wal: Wal) -> Result<Option<String>, JournalError> {
    let pages = Pages::open(journal, wal)?;
    let footing = Footing { pages };
    match footing.check() {
        Ok(()) => Ok(None),
        Err(Found::Damage(what)) => Ok(Some(what)),
        Err(Found::Io(source)) => Err(JournalError::file("read", journal)(source)),
    }
}

enum Found {
    Damage(String),
    Io(io::Error),
}

impl From<io::Error> for Found {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn unsound(number: u32) -> Found {
    Found::Damage(format!("page {number}, which the next commits change, is damaged"))
}

struct Footing {
    pages: Pages,
}

impl Footing {
    fn check(&self) -> Result<(), Found> {
        let first = self.page(1)?;
        for (at, bytes) in FIXED {
            if !first.get(at..).is_some_and(|rest| rest.starts_with(bytes)) {
                return Err(Found::Damage(format!("the header is damaged at byte {at}")));
            }
        }
        if long(&first, 28).map(u64::from) != Some(self.pages.count()) {
            return Err(Found::Damage("the header states another size than the file has".to_owned()));
        }
        self.free_pages(&first)?;
        let Some(roots) = self.roots(&first)? else {
            // Not the tables of a journal: the check of the schema says so.
            return Ok(());
        };
        for tree in GROW {
            self.way(root(&roots, tree), &Way::End)?;
        }
        for tree in SMALL {
            // Version 1 has no tally.
            if let Some(root) = roots.get(tree) {
                self.all(*root, |_| ())?;
            }
        }
        let mut undecided = Vec::new();
        self.all(root(&roots, "outbox_undecided"), |node| {
            undecided.extend(node.column(1).flatten().map(<[u8]>::to_vec));
        })?;
        for request in &undecided {
            self.way(root(&roots, "outbox"), &Way::To(request))?;
        }
        Ok(())
    }

    fn page(&self, number: u32) -> Result<Page, Found> {
        self.pages.read(number)?.ok_or_else(|| unsound(number))
    }

    /// Each free page is free, and there are as many as the header says.
    fn free_pages(&self, first: &Page) -> Result<(), Found> {
        let broken = || Found::Damage("the list of free pages is damaged".to_owned());
        let (mut trunk, total) = (long(first, 32).unwrap_or(0), long(first, 36).unwrap_or(0));
        let mut seen = BTreeSet::new();
        while trunk != 0 {
            let page = self.pages.read(trunk)?.ok_or_else(broken)?;
            let count = long(&page, 4).ok_or_else(broken)?;
            // Nothing but page numbers, old ones included: any other page has other things in it.
            let (words, _) = page.as_chunks::<4>();
            let numbers = words.iter().skip(2).map(|word| u64::from(u32::from_be_bytes(*word)));
            if numbers.into_iter().any(|number| number > self.pages.count()) {
                return Err(broken());
            }
            // A list that leads back to itself ends here too.
            if !seen.insert(trunk) || seen.len() > usize::try_from(total).unwrap_or(usize::MAX) {
                return Err(broken());
            }
            for index in 0..usize::try_from(count).unwrap_or(usize::MAX) {
                let leaf = index.checked_mul(4).and_then(|at| long(&page, at.checked_add(8)?));
                let leaf = leaf.ok_or_else(broken)?;
                let free = self.pages.read(leaf)?.is_some_and(|page| page.iter().all(|byte| *byte == 0));
                if !free || !seen.insert(leaf) {
                    return Err(Found::Damage(format!(
                        "page {leaf} is on the list of free pages and is in use"
                    )));
                }
            }
            trunk = long(&page, 0).unwrap_or(0);
        }
        if seen.len() == usize::try_from(total).unwrap_or(usize::MAX) { Ok(()) } else { Err(broken()) }
    }

    /// Where each tree begins, from the schema in the first page; `None` when a tree is missing there.
    fn roots(&self, first: &Page) -> Result<Option<BTreeMap<String, u32>>, Found> {
        let schema = Node::read(first, 1).ok_or_else(|| unsound(1))?;
        let mut roots = BTreeMap::new();
        for (name, page) in schema.column(1).zip(schema.column(3)) {
            let (Some(name), Some(page)) = (name, page) else { continue };
            let number = page.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
            roots.insert(String::from_utf8_lossy(name).into_owned(), number);
        }
        let needed = GROW.iter().chain(&["open_visit", "outbox_undecided"]);
        let complete = needed.into_iter().all(|name| roots.contains_key(*name));
        Ok(complete.then_some(roots))
    }

    /// Every page of a small tree.
    fn all(&self, root: u32, mut see: impl FnMut(&Node<'_>)) -> Result<(), Found> {
        let mut waiting = vec![root];
        let mut seen = 0_u64;
        while let Some(number) = waiting.pop() {
            let page = self.page(number)?;
            let node = Node::read(&page, number).ok_or_else(|| unsound(number))?;
            see(&node);
            waiting.extend(node.children());
            seen += 1;
            // A tree that leads back to itself.
            if seen > self.pages.count() {
                return Err(unsound(number));
            }
        }
        Ok(())
    }

    /// The pages from the root down one way, with their neighbours.
    fn way(&self, root: u32, way: &Way<'_>) -> Result<(), Found> {
        let mut number = root;
        for _ in 0..DEPTH_MAX {
            let page = self.page(number)?;
            let node = Node::read(&page, number).ok_or_else(|| unsound(number))?;
            let children = node.children();
            if children.is_empty() {
                return Ok(());
            }
            let taken = match way {
                Way::End => children.len() - 1,
                Way::To(key) => node
                    .column(0)
                    .position(|found| found.is_some_and(|found| found >= *key))
                    .unwrap_or(children.len() - 1),
            };
            let beside = taken.saturating_sub(NEIGHBOURS)..=taken + NEIGHBOURS;
            for (index, child) in children.iter().enumerate().filter(|(index, _)| beside.contains(index)) {
                let page = self.page(*child)?;
                Node::read(&page, *child).ok_or_else(|| unsound(*child))?;
                if index == taken {
                    number = *child;
                }
            }
        }
        Err(unsound(number))
    }
}

enum Way<'a> {
    /// To the greatest key.
    End,
    /// To this key.
    To(&'a [u8]),
}

fn root(roots: &BTreeMap<String, u32>, tree: &str) -> u32 {
    // No page has the number 0: a tree that is missing reads as a damaged one.
    roots.get(tree).copied().unwrap_or(0)
}
