//! Who may talk to `pcscd`: a check for operators.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::AccessFlags;

/// What was found at `pcscd`'s socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketCheck {
    /// Nothing is there: `pcscd` does not run and its socket unit is off.
    Missing(PathBuf),
    /// Every local user can connect: without polkit in `pcscd`, each of them can use up PIN tries.
    WorldWritable(PathBuf),
    /// Only owner or group can connect.
    Restricted(PathBuf),
}

/// Looks at the socket that this process's PC/SC library uses.
///
/// # Errors
/// When the path cannot be looked at for another reason than that nothing is there.
pub fn pcscd_socket() -> io::Result<SocketCheck> {
    check(&path())
}

/// Whether this process may connect to the socket, if it is there.
pub(super) fn may_connect() -> bool {
    nix::unistd::access(&path(), AccessFlags::W_OK) != Err(Errno::EACCES)
}

/// The library's own variable and default.
fn path() -> PathBuf {
    std::env::var_os("PCSCLITE_CSOCK_NAME").unwrap_or_else(|| "/run/pcscd/pcscd.comm".into()).into()
}

fn check(path: &Path) -> io::Result<SocketCheck> {
    const OTHERS_WRITE: u32 = 0o002;
    match std::fs::metadata(path) {
        Ok(found) if found.permissions().mode() & OTHERS_WRITE != 0 => {
            Ok(SocketCheck::WorldWritable(path.to_owned()))
        }
        Ok(_) => Ok(SocketCheck::Restricted(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SocketCheck::Missing(path.to_owned())),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod unit_tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn a_socket_that_everybody_can_write_to_is_told_from_one_that_not_everybody_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pcscd.comm");
        assert_eq!(check(&path).unwrap(), SocketCheck::Missing(path.clone()));
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(check(&path).unwrap(), SocketCheck::WorldWritable(path.clone()));
        std::fs::set_permissions(&path, Permissions::from_mode(0o660)).unwrap();
        assert_eq!(check(&path).unwrap(), SocketCheck::Restricted(path.clone()));
    }
}
