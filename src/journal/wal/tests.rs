//! Logs made frame by frame: what is whole, what is torn, what is broken.

use super::*;

const PAGE: usize = 4_096;
const FRAME: usize = FRAME_HEADER_BYTES + PAGE;

/// A log of one generation in the making.
struct Log {
    bytes: Vec<u8>,
    salts: [u8; 8],
    sum: Sum,
    frames: usize,
}

impl Log {
    /// Over `before`, the log of another generation, or nothing.
    fn new(salt: u8, before: &[u8]) -> Self {
        let mut header = Vec::new();
        for number in [MAGIC, 3_007_000, 4_096, 0] {
            header.extend(number.to_be_bytes());
        }
        header.extend([salt; 8]);
        let mut sum = Sum { big_endian: false, s0: 0, s1: 0 };
        sum.add(&header);
        header.extend(sum.s0.to_be_bytes());
        header.extend(sum.s1.to_be_bytes());
        let mut log = Self { bytes: before.to_vec(), salts: [salt; 8], sum, frames: 0 };
        log.put(0, &header);
        log
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[at..end].copy_from_slice(bytes);
    }

    /// A transaction of so many frames.
    fn transaction(&mut self, frames: usize) {
        for frame in 0..frames {
            let number = u32::try_from(self.frames + 1).unwrap();
            let commits = if frame + 1 == frames { 1_000 } else { 0_u32 };
            let mut header = [number.to_be_bytes(), commits.to_be_bytes()].concat();
            let page = [self.salts[0] ^ u8::try_from(self.frames % 251).unwrap(); PAGE];
            self.sum.add(&header);
            self.sum.add(&page);
            header.extend(self.salts);
            header.extend(self.sum.s0.to_be_bytes());
            header.extend(self.sum.s1.to_be_bytes());
            let at = begins(self.frames);
            self.put(at, &header);
            self.put(at + FRAME_HEADER_BYTES, &page);
            self.frames += 1;
        }
    }
}

/// Where frame `n` begins.
fn begins(n: usize) -> usize {
    HEADER_BYTES + n * FRAME
}

fn scanned(bytes: &[u8]) -> Option<Wal> {
    scan(bytes).unwrap()
}

/// How many frames are committed; `None` for a broken log.
fn committed(bytes: &[u8]) -> Option<usize> {
    scanned(bytes).map(|wal| wal.newest.len())
}

#[test]
fn the_newest_committed_copy_of_each_page_is_found() {
    let mut log = Log::new(1, &[]);
    log.transaction(3);
    log.transaction(2);
    let wal = scanned(&log.bytes).unwrap();
    assert_eq!(wal.pages, Some(1_000));
    let first = u64::try_from(begins(0) + FRAME_HEADER_BYTES).unwrap();
    assert_eq!((wal.newest.len(), wal.newest[&1]), (5, first));
    // A transaction without its end is not there.
    assert_eq!(committed(&log.bytes[..begins(4)]), Some(3));
    assert_eq!(scanned(&[]), Some(Wal::default()));
}

#[test]
fn a_torn_last_transaction_is_whole_and_a_broken_one_before_it_is_not() {
    let mut log = Log::new(1, &[]);
    log.transaction(3);
    log.transaction(4);
    log.transaction(2);
    for frame in 0..9 {
        for byte in [0, 5, 9, 17, FRAME_HEADER_BYTES + 9, FRAME - 1] {
            let mut changed = log.bytes.clone();
            changed[begins(frame) + byte] ^= 4;
            let expected = match (frame, byte) {
                // With other salts it looks as if it had never been written, and the last transaction like its rest.
                (6, 9) => Some(3),
                // A frame in the middle that says "commit": no power cut does that.
                (..7, _) | (7, 5) => None,
                _ => Some(7),
            };
            assert_eq!(committed(&changed), expected, "frame {frame} byte {byte}");
        }
    }
}

/// Found by the images of `tests/power_loss`: the header of frame 41 lies across two sectors, between the size after a
/// commit and the salts. Torn, it says "commit" in the words of the generation before and with the salts of this one.
#[test]
fn a_header_torn_between_two_sectors_commits_nothing() {
    let seam = (begins(41) / 512 + 1) * 512;
    assert_eq!(seam, begins(41) + 8);
    let mut before = Log::new(1, &[]);
    before.transaction(42);
    before.transaction(8);
    let mut log = Log::new(2, &before.bytes);
    log.transaction(40);
    log.transaction(6);
    assert_eq!(committed(&log.bytes), Some(46));
    // Of the last transaction everything is there but the first sector of that header, with and without its page.
    for reach in [seam, begins(42)] {
        let mut torn = log.bytes.clone();
        let missing = if reach == seam { begins(41)..seam } else { seam + 16..reach };
        torn[begins(41)..seam].copy_from_slice(&before.bytes[begins(41)..seam]);
        torn[missing.clone()].copy_from_slice(&before.bytes[missing]);
        assert_eq!(committed(&torn), Some(40), "up to {reach}");
    }
    // In another place the same bytes are damage: there they reach the medium together.
    let mut broken = log.bytes;
    broken[begins(42)..begins(42) + 8].copy_from_slice(&before.bytes[begins(41)..seam]);
    assert_eq!(committed(&broken), None);
}

#[test]
fn a_broken_header_of_the_log_is_damage() {
    let mut log = Log::new(1, &[]);
    log.transaction(2);
    for byte in 0..HEADER_BYTES {
        let mut changed = log.bytes.clone();
        changed[byte] ^= 2;
        assert_eq!(committed(&changed), None, "byte {byte}");
    }
    // Never written: no frame was ever durable.
    log.bytes[..HEADER_BYTES].fill(0);
    assert_eq!(scanned(&log.bytes), Some(Wal::default()));
}

/// A transaction that was not synced: of each of its writes, each part within one sector is there or is not, over what the
/// generation before left. It is there as a whole or not at all, and nobody calls the log broken.
#[test]
fn a_last_transaction_torn_in_any_way_is_there_or_not() {
    let mut dice = 0x2026_1121_u64;
    let mut roll = |sides: usize| {
        // SplitMix64.
        dice = dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (dice ^ dice >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from(mixed ^ mixed >> 31).unwrap() % sides
    };
    let mut before = Log::new(1, &[]);
    while before.frames < 140 {
        before.transaction(1 + roll(9));
    }
    let mut answers = [0, 0];
    for _ in 0..3_000 {
        let mut log = Log::new(2, &before.bytes);
        let durable = roll(120);
        if durable > 0 {
            log.transaction(durable);
        }
        let synced = log.bytes.clone();
        let frames = 1 + roll(10);
        log.transaction(frames);
        let mut torn = synced;
        torn.resize(log.bytes.len(), 0);
        let likely = roll(11);
        for frame in durable..durable + frames {
            let at = begins(frame);
            for (mut from, to) in [(at, at + FRAME_HEADER_BYTES), (at + FRAME_HEADER_BYTES, at + FRAME)] {
                while from < to {
                    let seam = to.min((from / 512 + 1) * 512);
                    if roll(10) < likely {
                        torn[from..seam].copy_from_slice(&log.bytes[from..seam]);
                    }
                    from = seam;
                }
            }
        }
        let there =
            committed(&torn).unwrap_or_else(|| panic!("{durable} durable, {frames} torn: called broken"));
        assert!(there == durable || there == durable + frames, "{durable} durable, {frames} torn: {there}");
        answers[usize::from(there != durable)] += 1;
    }
    assert!(answers[0] > 100 && answers[1] > 100, "{answers:?}");
}
