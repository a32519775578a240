//! Keeping a PIN out of swap and out of core files.

use std::ptr::NonNull;

use jpki::PinSlot;
use jpki::pin::PAGE_BYTES;
use nix::sys::mman::{mlock, munlock};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use zeroize::Zeroize as _;

use super::fault;
use crate::port::{Action, Fault, FaultKind};

/// Makes the process's one slot and locks its page in memory. Made once, when the terminal is composed; it stays locked
/// until the process ends.
///
/// # Errors
/// `memory-not-locked`, when the limit on locked memory (`LimitMEMLOCK=`, `ulimit -l`) is too low.
pub fn locked_pin_slot() -> Result<PinSlot, Fault> {
    let slot = PinSlot::new();
    lock(slot.page_address().cast()).map_err(not_locked)?;
    Ok(slot)
}

fn not_locked(source: nix::Error) -> Fault {
    fault(
        "memory-not-locked",
        FaultKind::NeedsOperator,
        Action::Configuration,
        format!("a page of {PAGE_BYTES} bytes for the PIN cannot be locked in memory"),
        source,
    )
}

#[expect(unsafe_code, reason = "mlock takes a pointer")]
fn lock(page: NonNull<std::ffi::c_void>) -> nix::Result<()> {
    // SAFETY: mlock neither reads nor writes what is at the address; an address that is not mapped is an error.
    unsafe { mlock(page, PAGE_BYTES) }
}

/// A page for bytes of a line in which a key may stand: locked in memory, wiped when it is dropped. Nothing else lies in it,
/// and it never moves.
pub(super) struct LockedPage {
    bytes: Box<Bytes>,
}

#[repr(C, align(4096))]
struct Bytes([u8; PAGE_BYTES]);

impl LockedPage {
    /// A page of zeros.
    ///
    /// # Errors
    /// `memory-not-locked`.
    pub(super) fn new() -> Result<Self, Fault> {
        let page = Self { bytes: Box::new(Bytes([0; PAGE_BYTES])) };
        lock(page.address()).map_err(not_locked)?;
        Ok(page)
    }

    /// What is in it.
    pub(super) fn bytes(&mut self) -> &mut [u8; PAGE_BYTES] {
        &mut self.bytes.0
    }

    fn address(&self) -> NonNull<std::ffi::c_void> {
        NonNull::from(&*self.bytes).cast()
    }
}

impl Drop for LockedPage {
    #[expect(unsafe_code, reason = "munlock takes a pointer")]
    fn drop(&mut self) {
        self.bytes.0.zeroize();
        // SAFETY: munlock neither reads nor writes what is at the address, which is this page's and still mapped.
        let _unlocked = unsafe { munlock(self.address(), PAGE_BYTES) };
    }
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
