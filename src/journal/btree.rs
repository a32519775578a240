//! One page of a b-tree, read past SQLite (SQLite file format, section 1.6): is its form sound, so that SQLite can write
//! into it without running over what is there?
//!
//! Invariant: no bytes make anything here panic or read outside the page.

use crate::pages::{Page, SIZE};

const INTERIOR_INDEX: u8 = 2;
const INTERIOR_TABLE: u8 = 5;
const LEAF_INDEX: u8 = 10;
const LEAF_TABLE: u8 = 13;

/// The database's own header comes before the first page's.
const FIRST_PAGE_SKIPS: usize = 100;
const CELL_BYTES_MIN: usize = 4;
/// Bytes of a payload that stay in its page: section 1.6, "U" is the size of a page.
const INDEX_LOCAL_MAX: usize = (SIZE - 12) * 64 / 255 - 23;
const TABLE_LOCAL_MAX: usize = SIZE - 35;
const LOCAL_MIN: usize = (SIZE - 12) * 32 / 255 - 23;

/// A page whose form is sound.
pub(crate) struct Node<'a> {
    page: &'a Page,
    kind: u8,
    /// Where each cell begins, in the order of their keys.
    cells: Vec<usize>,
    /// The last child of an interior page.
    last_child: u32,
}

/// Where a cell's payload lies, and where the cell ends.
struct Cell {
    payload: (usize, usize),
    end: usize,
}

fn short(page: &Page, at: usize) -> Option<usize> {
    page.get(at..)?.first_chunk().map(|bytes| usize::from(u16::from_be_bytes(*bytes)))
}

/// The 4-byte number at `at`.
pub(crate) fn long(page: &Page, at: usize) -> Option<u32> {
    page.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// A variable-length integer, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (count, byte) in bytes.get(at..)?.iter().take(9).enumerate() {
        if count == 8 {
            return Some((value << 8 | u64::from(*byte), at + 9));
        }
        value = value << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return Some((value, at + count + 1));
        }
    }
    None
}

impl<'a> Node<'a> {
    /// Reads page `number`; `None` when its form is not sound.
    pub(crate) fn read(page: &'a Page, number: u32) -> Option<Self> {
        let start = if number == 1 { FIRST_PAGE_SKIPS } else { 0 };
        let kind = *page.get(start)?;
        let interior = match kind {
            INTERIOR_INDEX | INTERIOR_TABLE => true,
            LEAF_INDEX | LEAF_TABLE => false,
            _ => return None,
        };
        let pointers = start + if interior { 12 } else { 8 };
        let count = short(page, start + 3)?;
        let content = short(page, start + 5)?;
        if content > SIZE || pointers + 2 * count > content {
            return None;
        }
        let mut node = Self { page, kind, cells: Vec::with_capacity(count), last_child: 0 };
        if interior {
            node.last_child = long(page, start + 8)?;
        }
        let mut used = Vec::with_capacity(count + 1);
        for index in 0..count {
            let at = short(page, pointers + 2 * index)?;
            let end = node.cell(at).filter(|_| at >= content)?.end;
            used.push((at, end));
            node.cells.push(at);
        }
        let free = free_blocks(page, short(page, start + 1)?, content)?;
        used.extend(free);
        let fragments = usize::from(*page.get(start + 7)?);
        (left_over(used, content)? == fragments).then_some(node)
    }

    fn cell(&self, at: usize) -> Option<Cell> {
        let child = if matches!(self.kind, INTERIOR_INDEX | INTERIOR_TABLE) { 4 } else { 0 };
        let (first, after) = varint(self.page, at + child)?;
        let (payload, max) = match self.kind {
            INTERIOR_TABLE => {
                return Some(Cell { payload: (after, after), end: after.max(at + CELL_BYTES_MIN) });
            }
            LEAF_TABLE => (varint(self.page, after)?.1, TABLE_LOCAL_MAX),
            _ => (after, INDEX_LOCAL_MAX),
        };
        let bytes = usize::try_from(first).ok()?;
        let (local, pointer) = if bytes <= max {
            (bytes, 0)
        } else {
            let local = LOCAL_MIN + (bytes - LOCAL_MIN) % (SIZE - 4);
            (if local <= max { local } else { LOCAL_MIN }, 4)
        };
        let end = (payload + local + pointer).max(at + CELL_BYTES_MIN);
        (end <= SIZE).then_some(Cell { payload: (payload, payload + local), end })
    }

    /// The children of an interior page, in order; none of a leaf.
    pub(crate) fn children(&self) -> Vec<u32> {
        if !matches!(self.kind, INTERIOR_INDEX | INTERIOR_TABLE) {
            return Vec::new();
        }
        let left = self.cells.iter().filter_map(|at| long(self.page, *at));
        left.chain([self.last_child]).collect()
    }

    /// Column `column` of each row, as far as it lies in this page; `None` for one that does not.
    pub(crate) fn column(&self, column: usize) -> impl Iterator<Item = Option<&'a [u8]>> {
        let page = self.page;
        let payloads: Vec<_> = self.cells.iter().map(|at| self.cell(*at).map(|cell| cell.payload)).collect();
        payloads.into_iter().map(move |payload| {
            let (from, to) = payload?;
            column_of(page.get(from..to)?, column)
        })
    }
}

/// One column's bytes in a record (section 2.1).
fn column_of(record: &[u8], wanted: usize) -> Option<&[u8]> {
    let (header_bytes, mut at) = varint(record, 0)?;
    let mut value = usize::try_from(header_bytes).ok()?;
    for column in 0..=wanted {
        let (kind, after) = varint(record, at)?;
        let bytes = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            kind => usize::try_from(kind.checked_sub(12)? / 2).ok()?,
        };
        if column == wanted {
            return record.get(value..value.checked_add(bytes)?);
        }
        value = value.checked_add(bytes)?;
        at = after;
    }
    None
}

/// The list of free blocks, from `first` on: each behind the one before.
fn free_blocks(page: &Page, first: usize, content: usize) -> Option<Vec<(usize, usize)>> {
    let mut blocks = Vec::new();
    let (mut at, mut from) = (first, content);
    while at != 0 {
        let end = at + short(page, at + 2)?;
        if at < from || end < at + CELL_BYTES_MIN || end > SIZE {
            return None;
        }
        blocks.push((at, end));
        from = end;
        at = short(page, at)?;
    }
    Some(blocks)
}

/// Bytes from `content` to the page's end that nothing uses; `None` when two things use the same bytes.
fn left_over(mut used: Vec<(usize, usize)>, content: usize) -> Option<usize> {
    used.sort_unstable();
    let (mut at, mut unused) = (content, 0);
    for (from, to) in used {
        unused += from.checked_sub(at)?;
        at = to;
    }
    Some(unused + SIZE.checked_sub(at)?)
}
