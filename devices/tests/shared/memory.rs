//! Looks for a PIN in the memory of this process.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// What is looked for lies in this file, and so in the process, only in disguise.
pub(crate) const DISGUISE: u8 = 0xA5;
pub(crate) const PIN: [u8; 4] = [b'7' ^ DISGUISE, b'3' ^ DISGUISE, b'9' ^ DISGUISE, b'1' ^ DISGUISE];

pub(crate) fn is_pin(bytes: &[u8]) -> bool {
    bytes.iter().zip(PIN).all(|(byte, digit)| byte ^ DISGUISE == digit)
}

/// How often the digits lie in memory that this process can write.
pub(crate) fn copies() -> usize {
    count(PIN.len(), is_pin)
}

/// How often `found` is true of `length` bytes in memory that this process can write.
pub(crate) fn count(length: usize, found: impl Fn(&[u8]) -> bool) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut count = 0;
    let mut bytes = Vec::new();
    for map in maps.lines().filter(|map| map.contains(" rw")) {
        let (from, to) = map.split(' ').next().unwrap().split_once('-').unwrap();
        let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        bytes.clear();
        bytes.resize(usize::try_from(to - from).unwrap(), 0);
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            count += bytes.windows(length).filter(|window| found(window)).count();
        }
        // What was found must not be found again.
        bytes.fill(0);
    }
    count
}
