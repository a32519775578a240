//! Secret keys in files: 32 bytes as 64 hexadecimal digits, readable by their owner only.
//!
//! Invariant: the bytes leave this module inside a type that wipes itself, and no error shows them.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::HostError;

const KEY_BYTES: usize = 32;
/// Mode bits that let somebody other than the owner at the file.
const OTHERS: u32 = 0o077;

/// 32 secret bytes. No `Debug`, `Clone`, `PartialEq` or `Serialize`; wiped on drop.
pub(crate) struct SecretKey(Zeroizing<[u8; KEY_BYTES]>);

impl SecretKey {
    /// Reads a key file.
    pub(crate) fn load(what: &'static str, path: &Path) -> Result<Self, HostError> {
        refuse_open_to_others(what, path)?;
        let text = std::fs::read_to_string(path)
            .map(Zeroizing::new)
            .map_err(|source| HostError::ReadFile { what, path: path.to_owned(), source })?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        hex::decode_to_slice(text.trim(), key.as_mut_slice()).map_err(|_| HostError::KeyFile {
            path: path.to_owned(),
            what: "it must hold 64 hexadecimal digits and nothing else",
        })?;
        Ok(Self(key))
    }

    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// Refuses a private file that its group or others may read or write.
pub(crate) fn refuse_open_to_others(what: &'static str, path: &Path) -> Result<(), HostError> {
    let found = std::fs::metadata(path).map_err(|source| HostError::ReadFile {
        what,
        path: path.to_owned(),
        source,
    })?;
    if found.mode() & OTHERS != 0 {
        return Err(HostError::KeyFile {
            path: path.to_owned(),
            what: "other users can get at it: make it readable by its owner only (chmod 600)",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn a_key_is_read() {
        let (_dir, path) = file(&format!("{}\n", "07".repeat(32)), 0o600);
        assert_eq!(SecretKey::load("key", &path).unwrap().expose(), &[7; 32]);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let (_dir, path) = file(&"07".repeat(32), 0o640);
        assert!(matches!(SecretKey::load("key", &path), Err(HostError::KeyFile { .. })));
    }

    #[test]
    fn a_key_of_another_length_is_refused_without_being_shown() {
        for text in ["", "07", &"07".repeat(33), &"0g".repeat(32)] {
            let (_dir, path) = file(text, 0o600);
            let Err(error) = SecretKey::load("key", &path) else { panic!("{text} was taken") };
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
    }
}
