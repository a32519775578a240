//! Keeping a PIN out of swap and out of core files.

use std::ptr::NonNull;

use jpki::PinSlot;
use jpki::pin::PAGE_BYTES;
use nix::sys::mman::mlock;
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};

use super::fault;
use crate::port::{Action, Fault, FaultKind};

/// Makes the process's one slot and locks its page in memory. Made once, when the terminal is composed; it stays locked
/// until the process ends.
///
/// # Errors
/// `memory-not-locked`, when the limit on locked memory (`LimitMEMLOCK=`, `ulimit -l`) is too low.
pub fn locked_pin_slot() -> Result<PinSlot, Fault> {
    let slot = PinSlot::new();
    lock(slot.page_address().cast()).map_err(|source| {
        fault(
            "memory-not-locked",
            FaultKind::NeedsOperator,
            Action::Configuration,
            format!("a page of {PAGE_BYTES} bytes for the PIN cannot be locked in memory"),
            source,
        )
    })?;
    Ok(slot)
}

#[expect(unsafe_code, reason = "mlock takes a pointer")]
fn lock(page: NonNull<std::ffi::c_void>) -> nix::Result<()> {
    // SAFETY: mlock neither reads nor writes what is at the address; an address that is not mapped is an error.
    unsafe { mlock(page, PAGE_BYTES) }
}

/// Turns core files off and keeps other processes of the same user from reading this one's memory. To be called first in
/// `main`, before any thread is started.
///
/// # Errors
/// `process-not-hardened`, when the system refuses.
pub fn harden_process() -> Result<(), Fault> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).and_then(|()| set_dumpable(false)).map_err(|source| {
        fault(
            "process-not-hardened",
            FaultKind::NeedsOperator,
            Action::Configuration,
            "core files of this process cannot be turned off".to_owned(),
            source,
        )
    })
}
