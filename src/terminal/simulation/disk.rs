//! The disk below SQLite, which fails when the run wants it to: a write, a sync, or everything from one write on.
//!
//! SQLite's own layer for Unix stays in charge of files and locks. Between it and SQLite stand three functions that count
//! the reads, writes and syncs of this thread and, when the plan says so, do not pass one on. They are the default for
//! every connection of the test process; on a thread without a plan they pass everything on. The simulation's own reader
//! (`spy.rs`) goes around them.
//!
//! - [`Plan::ReadFails`]: the n-th read fails, once.
//! - [`Plan::WriteFails`]: the disk is full, from the n-th write on, until somebody makes room.
//! - [`Plan::SyncFails`]: the n-th sync says that it failed, and so does each after it. What was written is there all
//!   the same: the case in which a commit is not durable for its caller and durable for the next process.
//! - [`Plan::Dies`]: at the n-th write the process is killed in the middle of it. Half of the write is on the disk, up to
//!   the end of a sector: bytes of one sector reach it together or not at all. Nothing after it is; the caller finds out at
//!   its next call into the world.
#![expect(unsafe_code, reason = "SQLite's layer for files is a table of C functions")]

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::sync::OnceLock;

use rusqlite::ffi;

/// Bytes that reach the medium together.
const SECTOR_BYTES: ffi::sqlite3_int64 = 512;

/// What is going to go wrong on this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plan {
    Fine,
    ReadFails(u32),
    WriteFails(u32),
    SyncFails(u32),
    Dies(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Whole,
    Full,
    NotSyncing,
    /// The process that writes is dead.
    Dead,
}

thread_local! {
    static PLAN: Cell<Plan> = const { Cell::new(Plan::Fine) };
    static CONDITION: Cell<Condition> = const { Cell::new(Condition::Whole) };
    static READ_FAILED: Cell<bool> = const { Cell::new(false) };
}

/// Mends the disk, and plans the next failure.
pub(super) fn plan(plan: Plan) {
    install();
    PLAN.set(plan);
    CONDITION.set(Condition::Whole);
    READ_FAILED.set(false);
}

/// Plans the next failure of a disk that has not failed.
pub(super) fn plan_next(plan: Plan) {
    if !has_failed() && plan != Plan::Fine {
        PLAN.set(plan);
    }
}

/// Plans no failure any more; what has failed stays so.
pub(super) fn spare() {
    PLAN.set(Plan::Fine);
}

/// The process was killed in the middle of a write.
pub(super) fn has_died() -> bool {
    CONDITION.get() == Condition::Dead
}

/// Something has failed since the disk was mended.
pub(super) fn has_failed() -> bool {
    CONDITION.get() != Condition::Whole || READ_FAILED.get()
}

fn read_fails() -> bool {
    let fails = matches!(PLAN.get(), Plan::ReadFails(count) if now(count, Plan::ReadFails));
    READ_FAILED.set(READ_FAILED.get() || fails);
    fails
}

/// Counts one down; true when it is this one.
fn now(count: u32, rest: fn(u32) -> Plan) -> bool {
    PLAN.set(count.checked_sub(1).map_or(Plan::Fine, rest));
    count == 0
}

fn before_write() -> Condition {
    match PLAN.get() {
        Plan::WriteFails(count) if now(count, Plan::WriteFails) => CONDITION.set(Condition::Full),
        Plan::Dies(count) if now(count, Plan::Dies) => CONDITION.set(Condition::Dead),
        _ => {}
    }
    CONDITION.get()
}

fn before_sync() -> Condition {
    if let Plan::SyncFails(count) = PLAN.get()
        && now(count, Plan::SyncFails)
    {
        CONDITION.set(Condition::NotSyncing);
    }
    CONDITION.get()
}

/// The functions of SQLite's own layer.
struct Below {
    vfs: ffi::sqlite3_vfs,
    /// Where it lies: its functions look into it.
    address: usize,
}

// SAFETY: both are tables that SQLite fills once at its start and never changes; their functions may be called from
// any thread.
unsafe impl Send for Below {}
// SAFETY: as above.
unsafe impl Sync for Below {}

/// The functions of an open file below, and the same with three of them replaced.
struct Methods {
    /// Where they lie.
    address: usize,
    below: ffi::sqlite3_io_methods,
    ours: ffi::sqlite3_io_methods,
}

static BELOW: OnceLock<Below> = OnceLock::new();
/// The database is locked in one way and its write-ahead log in another: a table for each.
static METHODS: [OnceLock<Methods>; 2] = [OnceLock::new(), OnceLock::new()];

/// The functions of the layer below, the same in all its tables.
fn below() -> Option<&'static ffi::sqlite3_io_methods> {
    METHODS[0].get().map(|methods| &methods.below)
}

fn install() {
    BELOW.get_or_init(|| {
        // SAFETY: SQLite gives its default layer or null; the layer lives as long as the process.
        let found = unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) };
        assert!(!found.is_null(), "SQLite has a layer for files");
        // SAFETY: not null, and a table of plain values.
        let vfs = unsafe { *found };
        let ours = Box::new(ffi::sqlite3_vfs {
            zName: c"simulation".as_ptr(),
            pNext: std::ptr::null_mut(),
            xOpen: Some(open),
            ..vfs
        });
        // SAFETY: the table is leaked, so it lives as long as the process, as SQLite demands.
        let registered = unsafe { ffi::sqlite3_vfs_register(Box::leak(ours), 1) };
        assert_eq!(registered, ffi::SQLITE_OK);
        Below { vfs, address: found.expose_provenance() }
    });
}

unsafe extern "C" fn open(
    _ours: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let (Some(below), Some(open)) = (BELOW.get(), BELOW.get().and_then(|below| below.vfs.xOpen)) else {
        return ffi::SQLITE_CANTOPEN;
    };
    let vfs = std::ptr::with_exposed_provenance_mut(below.address);
    // SAFETY: SQLite's own function with SQLite's own arguments; `file` has room for its file, because our table has its
    // size.
    let opened = unsafe { open(vfs, name, file, flags, out) };
    // SAFETY: after an open the first field is a table of functions or null.
    let methods = unsafe { (*file).pMethods };
    if opened == ffi::SQLITE_OK && !methods.is_null() {
        // SAFETY: not null, and a table of plain values that never changes.
        let found = unsafe { *methods };
        // SAFETY: `file` is open; our table differs in three functions, which keep to the same contract.
        unsafe { (*file).pMethods = &raw const with_ours(methods.addr(), found).ours };
    }
    opened
}

/// The table at this address with our functions in it.
fn with_ours(address: usize, found: ffi::sqlite3_io_methods) -> &'static Methods {
    let ours = ffi::sqlite3_io_methods { xRead: Some(read), xWrite: Some(write), xSync: Some(sync), ..found };
    let table = METHODS.iter().find_map(|table| {
        let table = table.get_or_init(|| Methods { address, below: found, ours });
        (table.address == address).then_some(table)
    });
    let (Some(table), Some(below)) = (table, below()) else {
        // No test goes on without its disk.
        std::process::abort();
    };
    if table.below.xWrite.map(|write| write as usize) != below.xWrite.map(|write| write as usize) {
        std::process::abort();
    }
    table
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    bytes: *mut c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    match below().and_then(|below| below.xRead) {
        // SAFETY: SQLite's own function with SQLite's own arguments.
        Some(below) if !read_fails() => unsafe { below(file, bytes, count, offset) },
        _ => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    count: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let Some(below) = below().and_then(|below| below.xWrite) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    let was_dead = has_died();
    match before_write() {
        Condition::Whole | Condition::NotSyncing => {
            // SAFETY: SQLite's own function with SQLite's own arguments.
            unsafe { below(file, bytes, count, offset) }
        }
        Condition::Full => ffi::SQLITE_FULL,
        Condition::Dead if was_dead => ffi::SQLITE_IOERR_WRITE,
        Condition::Dead => {
            // SAFETY: the same with fewer bytes of the same buffer.
            let _half = unsafe { below(file, bytes, torn(count, offset), offset) };
            ffi::SQLITE_IOERR_WRITE
        }
    }
}

/// How much of a write of `count` bytes at `offset` is on the disk when it is torn: half, in whole sectors.
pub(super) fn torn(count: c_int, offset: ffi::sqlite3_int64) -> c_int {
    let end = (offset + ffi::sqlite3_int64::from(count / 2)) / SECTOR_BYTES * SECTOR_BYTES;
    c_int::try_from((end - offset).max(0)).unwrap_or(0)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let Some(below) = below().and_then(|below| below.xSync) else {
        return ffi::SQLITE_IOERR_FSYNC;
    };
    match before_sync() {
        // SAFETY: SQLite's own function with SQLite's own arguments.
        Condition::Whole | Condition::Full => unsafe { below(file, flags) },
        Condition::NotSyncing | Condition::Dead => ffi::SQLITE_IOERR_FSYNC,
    }
}
