//! The watcher's side of the kernel interface: calls come in one at a time, and go on or do not.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};

/// A system call that stands at its entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    id: u64,
    /// The thread that makes it.
    pub(super) thread: u32,
    /// Its number.
    pub(super) number: libc::c_long,
    /// Its arguments, as the kernel got them.
    pub(super) arguments: [u64; 6],
}

/// The listener of a filter.
pub(super) struct Listener(OwnedFd);

impl Listener {
    /// Waits until a watched process brings its listener to `door`.
    pub(super) fn receive(door: &UnixListener, limit: Duration) -> io::Result<Self> {
        let timeout = PollTimeout::try_from(limit).map_err(io::Error::other)?;
        if poll(&mut [PollFd::new(door.as_fd(), PollFlags::POLLIN)], timeout)? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no process came to be watched"));
        }
        let (guest, _) = door.accept()?;
        let mut byte = [0_u8; 1];
        let mut space = nix::cmsg_space!([std::os::fd::RawFd; 1]);
        let mut into = [IoSliceMut::new(&mut byte)];
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(guest.as_raw_fd(), &mut into, Some(&mut space), flags)?;
        for part in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(handles) = part
                && let [handle] = handles[..]
            {
                return Ok(Self(owned(handle)));
            }
        }
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the process could not be watched"))
    }

    /// The next call; `None` when the process has ended.
    pub(super) fn next(&self) -> io::Result<Option<Call>> {
        loop {
            let mut ready = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, PollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => continue,
                polled => polled?,
            };
            let events = ready[0].revents().unwrap_or(PollFlags::empty());
            if !events.contains(PollFlags::POLLIN) {
                return Ok(None);
            }
            match self.take() {
                // The thread that asked is gone meanwhile.
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
                taken => return taken.map(Some),
            }
        }
    }

    #[expect(unsafe_code, reason = "an ioctl takes a pointer")]
    fn take(&self) -> io::Result<Call> {
        // SAFETY: all bytes zero is a value of this structure of integers, and the one that the kernel asks for.
        let mut notification: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the structure is the one of this request, and lives until the call returns.
        let taken =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut notification) };
        if taken < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Call {
            id: notification.id,
            thread: notification.pid,
            number: libc::c_long::from(notification.data.nr),
            arguments: notification.data.args,
        })
    }

    /// Lets the call go on as if nobody had looked.
    #[expect(unsafe_code, reason = "an ioctl takes a pointer")]
    pub(super) fn go_on(&self, call: &Call) -> io::Result<()> {
        let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).map_err(io::Error::other)?;
        let mut answer = libc::seccomp_notif_resp { id: call.id, val: 0, error: 0, flags };
        // SAFETY: the structure is the one of this request, and lives until the call returns.
        let sent =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer) };
        match sent {
            0.. => Ok(()),
            _ => match io::Error::last_os_error() {
                // Killed by somebody else while it stood here.
                error if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
                error => Err(error),
            },
        }
    }
}

#[expect(unsafe_code, reason = "a descriptor that came in a message is a number")]
fn owned(handle: std::os::fd::RawFd) -> OwnedFd {
    // SAFETY: the kernel has just put this descriptor into our table for this message, and nobody else knows it.
    unsafe { OwnedFd::from_raw_fd(handle) }
}
