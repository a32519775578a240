//! Is the write-ahead log whole? SQLite silently ends reading it at the first frame whose checksum is wrong. After a
//! power cut that is the torn last transaction and nobody was told that it is durable; anywhere else it is damage, and
//! durable transactions would disappear without a word.
//!
//! Rule: each transaction ends with a commit frame and is synced before the next one is written. So behind the first
//! wrong frame there may be the rest of one transaction. Another frame of the same generation (same salts) after a
//! commit frame there belongs to a later transaction, and then one that was durable is broken.
//! (SQLite file format, section 4: the write-ahead log.)
//!
//! Which frame commits stands in its header, before the salts. One header in 64 lies across two sectors just there: torn,
//! it has the new salts and what the generation before had in the other field. Such a header is believed only when the
//! frame's checksum agrees.
//!
//! The same reading finds where the newest committed copy of each page lies, for those who look at pages past SQLite.
//!
//! What this cannot tell from a power cut is damage within the very last transaction, damage to the salts of the commit
//! frame before it, and a log that was shortened: there the checkpoint that the host holds decides.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::error::JournalError;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const MAGIC: u32 = 0x377F_0682;
const PAGE_BYTES_MAX: u32 = 65_536;
/// Bytes that reach the medium together.
const SECTOR_BYTES: u64 = 512;
/// Page number, size after a commit, salts: what must have been written together to be believed without a checksum.
const TOGETHER_BYTES: u64 = 16;

/// What a write-ahead log holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Wal {
    /// Where in the file the newest committed copy of each page begins.
    pub(crate) newest: BTreeMap<u32, u64>,
    /// Pages of the database after the last commit; `None` when nothing was committed.
    pub(crate) pages: Option<u32>,
}

/// `None` for a log that is broken before its end; a log that SQLite reads to its end, that ends in one torn transaction,
/// or that is not there is whole.
pub(crate) fn read(path: &Path) -> Result<Option<Wal>, JournalError> {
    let failed = || JournalError::file("read", path);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(Wal::default())),
        Err(source) => return Err(failed()(source)),
    };
    scan(BufReader::new(file)).map_err(failed())
}

/// Reads `bytes.len()` bytes; false at the end of the file (what is left of a torn write counts as nothing).
fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default())
}

/// SQLite's running checksum over pairs of 32-bit words.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sum {
    big_endian: bool,
    s0: u32,
    s1: u32,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let (words, _) = bytes.as_chunks::<4>();
        let (pairs, _) = words.as_chunks::<2>();
        for [first, second] in pairs {
            let word = |bytes: &[u8; 4]| {
                if self.big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) }
            };
            self.s0 = self.s0.wrapping_add(word(first)).wrapping_add(self.s1);
            self.s1 = self.s1.wrapping_add(word(second)).wrapping_add(self.s0);
        }
    }

    fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        self.s0 == number(bytes, at) && self.s1 == number(bytes, at + 4)
    }
}

fn scan(mut wal: impl Read) -> io::Result<Option<Wal>> {
    let mut header = [0; HEADER_BYTES];
    // Not even a header, or one that was never written: no frame was ever durable.
    if !fill(&mut wal, &mut header)? || header == [0; HEADER_BYTES] {
        return Ok(Some(Wal::default()));
    }
    let page_bytes = number(&header, 8);
    let mut sum = Sum { big_endian: number(&header, 0) & 1 == 1, s0: 0, s1: 0 };
    sum.add(header.get(..24).unwrap_or_default());
    let known =
        number(&header, 0) | 1 == MAGIC | 1 && page_bytes.is_power_of_two() && page_bytes <= PAGE_BYTES_MAX;
    // The header is synced before the first frame, and lies in one sector.
    if !known || !sum.is_at(&header, 24) {
        return Ok(None);
    }
    let salts = header.get(16..24).unwrap_or_default();

    let mut found = Wal::default();
    let mut not_committed = Vec::new();
    let mut at = u64::try_from(HEADER_BYTES).unwrap_or_default();
    let mut frame = [0; FRAME_HEADER_BYTES];
    let mut page = vec![0; usize::try_from(page_bytes).unwrap_or_default()];
    let mut broken = false;
    let mut commit_behind_break = false;
    while fill(&mut wal, &mut frame)? && fill(&mut wal, &mut page)? {
        let of_this_generation = frame.get(8..16) == Some(salts);
        // From what the frame before states, so that frames behind a broken one can be judged too.
        sum.add(frame.get(..8).unwrap_or_default());
        sum.add(&page);
        let agrees = of_this_generation && number(&frame, 0) != 0 && sum.is_at(&frame, 16);
        sum = Sum { s0: number(&frame, 16), s1: number(&frame, 20), ..sum };
        broken |= !agrees;
        let commits = number(&frame, 4);
        if broken && of_this_generation {
            if commit_behind_break {
                return Ok(None);
            }
            let in_one_sector = at % SECTOR_BYTES + TOGETHER_BYTES <= SECTOR_BYTES;
            commit_behind_break = commits != 0 && (agrees || in_one_sector);
        }
        let begins = at + u64::try_from(FRAME_HEADER_BYTES).unwrap_or_default();
        at = begins + u64::from(page_bytes);
        if !broken {
            not_committed.push((number(&frame, 0), begins));
            if commits != 0 {
                found.newest.extend(not_committed.drain(..));
                found.pages = Some(commits);
            }
        }
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests;
