//! The watched side: a process puts itself under watch and then becomes the program.
//!
//! The kernel's seccomp filter hands each chosen system call to whoever holds the filter's listener, and lets all others
//! run as ever. Nothing of the program is changed: not its files, not its libraries, not its environment.

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::libc;
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};

/// System calls of which each one is handed over. `write` is handed over for standard output only.
const CALLS: &[libc::c_long] = &[
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync_file_range,
    libc::SYS_syncfs,
    libc::SYS_sync,
    libc::SYS_msync,
    libc::SYS_ftruncate,
    libc::SYS_truncate,
    libc::SYS_fallocate,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_link,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    libc::SYS_pwrite64,
    // What these programs send, they send in this way. Not `sendmsg`: it brings the listener to the watcher, from within.
    libc::SYS_sendto,
    libc::SYS_writev,
    libc::SYS_recvfrom,
];

/// Offsets in `struct seccomp_data`.
const NUMBER_AT: u32 = 0;
const FIRST_ARGUMENT_AT: u32 = 16;

const LOAD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
const IF_EQUAL: u16 = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const ANSWER: u16 = 0x06; // BPF_RET | BPF_K

fn instruction(code: u16, k: u32, otherwise: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt: 0, jf: otherwise, k }
}

fn program() -> Vec<libc::sock_filter> {
    let number = |call: libc::c_long| u32::try_from(call).expect("a system call's number");
    let hand_over = instruction(ANSWER, libc::SECCOMP_RET_USER_NOTIF, 0);
    let mut program = vec![instruction(LOAD, NUMBER_AT, 0)];
    for call in CALLS {
        program.extend([instruction(IF_EQUAL, number(*call), 1), hand_over]);
    }
    program.extend([
        instruction(IF_EQUAL, number(libc::SYS_write), 3),
        instruction(LOAD, FIRST_ARGUMENT_AT, 0),
        instruction(IF_EQUAL, u32::try_from(libc::STDOUT_FILENO).expect("1"), 1),
        hand_over,
        instruction(ANSWER, libc::SECCOMP_RET_ALLOW, 0),
    ]);
    program
}

/// Puts this process, with every program that it becomes, under watch of whoever listens at `socket`.
///
/// # Errors
/// When nobody listens there, or the system refuses the filter.
pub fn under_watch(socket: &Path) -> io::Result<()> {
    let watcher = UnixStream::connect(socket)?;
    nix::sys::prctl::set_no_new_privs()?;
    let listener = install(&program())?;
    let handle = [listener.as_raw_fd()];
    let message = [ControlMessage::ScmRights(&handle)];
    sendmsg::<()>(watcher.as_raw_fd(), &[IoSlice::new(b"!")], &message, MsgFlags::empty(), None)?;
    Ok(())
}

fn install(program: &[libc::sock_filter]) -> io::Result<OwnedFd> {
    // Killable: a signal that is not deadly does not make the program ask twice for one call. Since Linux 5.19.
    let killable = libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    match install_with(program, killable) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => install_with(program, 0),
        installed => installed,
    }
}

#[expect(unsafe_code, reason = "the seccomp call takes a pointer")]
fn install_with(program: &[libc::sock_filter], more: libc::c_ulong) -> io::Result<OwnedFd> {
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        filter: program.as_ptr().cast_mut(),
    };
    let flags = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | more;
    // SAFETY: the kernel copies the program before the call returns, and does not write to it.
    let listener =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const filter) };
    let listener = i32::try_from(listener).map_err(io::Error::other)?;
    if listener < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}
