//! The fonts' place in memory: mapped from the program's file, needed for the moment of a receipt only.
//!
//! Invariant: what is given back is read again from the file when it is touched; the bytes do not change.

use std::ptr::NonNull;

use nix::sys::mman::{MmapAdvise, madvise};

const PAGE_BYTES: usize = 4096;

/// Lets the system take back the whole pages inside `constant`, which lies in the program's read-only data. Over two
/// megabytes of fonts would otherwise stay resident after the first receipt.
///
/// A system that does not want them back, or has other pages, changes nothing.
#[expect(unsafe_code, reason = "madvise takes a pointer")]
pub(super) fn give_back(constant: &'static [u8]) {
    let start = constant.as_ptr();
    let skipped = start.align_offset(PAGE_BYTES);
    let Some(whole) = constant.len().checked_sub(skipped).map(|rest| rest - rest % PAGE_BYTES) else {
        return;
    };
    let Some(page) = constant.get(skipped..).and_then(|inner| NonNull::new(inner.as_ptr().cast_mut())) else {
        return;
    };
    if whole == 0 {
        return;
    }
    // SAFETY: the pages lie wholly inside a constant of this program, a private read-only mapping of its file that is
    // never written to. After MADV_DONTNEED the next access reads the same bytes from the file again; no reference
    // is invalidated.
    let _refused = unsafe { madvise(page.cast(), whole, MmapAdvise::MADV_DONTNEED) };
}

#[cfg(test)]
mod tests {
    use super::*;

    static CONSTANT: [u8; 64 * PAGE_BYTES] = {
        let mut bytes = [0; 64 * PAGE_BYTES];
        let mut at = 0;
        while at < bytes.len() {
            bytes[at] = (at / 7) as u8;
            at += 1;
        }
        bytes
    };

    /// Resident KiB of the mapping that holds `address`.
    fn resident_kib(address: usize) -> usize {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in smaps.lines() {
            if let Some((start, end)) = line.split_whitespace().next().and_then(|range| range.split_once('-'))
            {
                let bounds = (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16));
                if let (Ok(start), Ok(end)) = bounds {
                    inside = (start..end).contains(&address);
                }
            }
            if let Some(kib) = line.strip_prefix("Rss:").filter(|_| inside) {
                return kib.split_whitespace().next().unwrap().parse().unwrap();
            }
        }
        panic!("no mapping holds {address:x}");
    }

    #[test]
    fn pages_go_back_and_read_the_same_afterwards() {
        let sum = || CONSTANT.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        let before = sum();
        let address = CONSTANT.as_ptr() as usize;
        let touched = resident_kib(address);
        give_back(&CONSTANT);
        let given_back = resident_kib(address);
        assert!(given_back + 200 <= touched, "{touched} KiB, then {given_back} KiB");
        assert_eq!(sum(), before);
    }

    #[test]
    fn less_than_a_page_is_left_alone() {
        give_back(&CONSTANT[1..100]);
        give_back(&[]);
    }
}
