//! Files of the PKI directory.
//!
//! Invariants: a file is either absent or whole (written beside its place, then renamed); a secret
//! file has mode 0600 from its first byte; changes happen while the lock file is held.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::PkiError;

const MODE_SECRET: u32 = 0o600;
const MODE_PUBLIC: u32 = 0o644;

/// Holds the directory's lock until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Makes `root` if needed and waits for its lock.
pub(crate) fn lock(root: &Path) -> Result<Lock, PkiError> {
    make_directory(root)?;
    let path = root.join(".lock");
    let fail = |source| PkiError::Lock { path: path.clone(), source };
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(MODE_SECRET)
        .open(&path)
        .map_err(fail)?;
    file.lock().map_err(fail)?;
    Ok(Lock { _file: file })
}

/// The file's bytes, or `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, PkiError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(PkiError::Read { path: path.to_owned(), source }),
    }
}

/// Writes what everybody may read. The lock makes the temporary name ours.
pub(crate) fn write_public(path: &Path, bytes: &[u8], _held: &Lock) -> Result<(), PkiError> {
    write(path, bytes, MODE_PUBLIC)
}

/// Writes what only the owner may read.
pub(crate) fn write_secret(path: &Path, bytes: &[u8], _held: &Lock) -> Result<(), PkiError> {
    write(path, bytes, MODE_SECRET)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PkiError> {
    if let Some(parent) = path.parent() {
        make_directory(parent)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary: PathBuf = path.with_file_name(name);
    replace(&temporary, path, bytes, mode).map_err(|source| PkiError::Write { path: path.to_owned(), source })
}

fn replace(temporary: &Path, path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // a killed process may have left one
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(mode).open(temporary)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(temporary, path)
}

fn make_directory(path: &Path) -> Result<(), PkiError> {
    fs::create_dir_all(path).map_err(|source| PkiError::MakeDirectory { path: path.to_owned(), source })
}
