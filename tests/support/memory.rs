//! The live memory of another process, as root sees it.

use std::io::{Read as _, Seek as _, SeekFrom};

/// True where this user may not read another process's memory; then only files are searched, and the test says so.
pub fn unreadable() -> bool {
    !nix::unistd::geteuid().is_root()
}

/// All writable memory of process `pid`: heap, stacks, anonymous mappings, and writable parts of files.
#[expect(clippy::print_stderr, reason = "a test that checks less than it should says so")]
pub fn writable(pid: u32) -> Vec<u8> {
    if unreadable() {
        eprintln!("NOT SEARCHED: the terminal's memory, which only root may read");
        return Vec::new();
    }
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process lives");
    let mut memory = std::fs::File::open(format!("/proc/{pid}/mem")).expect("root may read it");
    let mut all = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else { continue };
        let Some((start, end)) = range.split_once('-') else { continue };
        let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16)) else {
            continue;
        };
        if !rights.starts_with("rw") {
            continue;
        }
        let mut bytes = vec![0; usize::try_from(end - start).expect("a mapping fits")];
        // Some mappings cannot be read even so (guard pages of devices); what cannot be read holds nothing of ours.
        if memory.seek(SeekFrom::Start(start)).is_ok() && memory.read_exact(&mut bytes).is_ok() {
            all.extend(bytes);
        }
    }
    all
}
