//! Where the files of a journal lie, and how a damaged one is set aside: renamed with time and reason, never
//! overwritten, together with its write-ahead log.

use std::cmp::Ordering;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::entry::SEQUENCE_MAX;
use crate::error::JournalError;

/// `journal.db` and `-wal` give `journal.db-wal`.
pub(crate) fn beside(journal: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(journal.as_os_str());
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes names in the journal's folder durable.
pub(crate) fn sync_folder(journal: &Path) -> Result<(), JournalError> {
    let folder = folder(journal);
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(JournalError::file("make durable the folder", folder))
}

fn folder(journal: &Path) -> &Path {
    journal.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

const ASIDE: &str = ".aside-";
const NEXT: &str = "-next-";

/// Renames the journal's files to `journal.db.aside-TIME-next-N-REASON` (and `…-wal`). The database goes first: when
/// the machine stops in between, the write-ahead log that is left over is found and set aside at the next start.
pub(crate) fn set_aside(
    journal: &Path,
    now: Timestamp,
    next: Option<u64>,
    reason: &str,
) -> Result<Vec<PathBuf>, JournalError> {
    let time = now.strftime("%Y%m%dT%H%M%S%.3fZ").to_string().replace('.', "");
    let next = next.map_or_else(|| "unknown".to_owned(), |next| next.to_string());
    let name = free_name(journal, &format!("{ASIDE}{time}{NEXT}{next}-{reason}"));
    let mut moved = Vec::new();
    for suffix in ["", "-wal", "-journal"] {
        let (from, to) = (beside(journal, suffix), beside(&name, suffix));
        match fs::rename(&from, &to) {
            Ok(()) => moved.push(to),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(JournalError::file("set aside", &from)(source)),
        }
    }
    // The index of the write-ahead log is made anew from it; the old one must not meet the next database.
    match fs::remove_file(beside(journal, "-shm")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(JournalError::file("remove", &beside(journal, "-shm"))(error));
        }
        _ => {}
    }
    sync_folder(journal)?;
    Ok(moved)
}

/// Two files set aside in one millisecond, or with a clock that was set back, do not replace each other.
fn free_name(journal: &Path, suffix: &str) -> PathBuf {
    let taken = |name: &Path| name.exists() || beside(name, "-wal").exists();
    let first = beside(journal, suffix);
    if !taken(&first) {
        return first;
    }
    (2_u32..).map(|n| beside(journal, &format!("{suffix}-{n}"))).find(|name| !taken(name)).unwrap_or(first)
}

/// The name of the last file that was set aside, a database or a write-ahead log without one.
pub(crate) fn newest_name_aside(journal: &Path) -> Option<String> {
    let prefix = format!("{}{ASIDE}", journal.file_name()?.to_str()?);
    let names = fs::read_dir(folder(journal)).ok()?;
    names
        .filter_map(|file| file.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(&prefix))
        .max_by(|one, other| newer(one, other))
}

/// Numbers of entries only grow; the times in the names decide where a number is unknown: a clock may have been set back.
fn newer(one: &str, other: &str) -> Ordering {
    match (next_in(one), next_in(other)) {
        (Some(one_next), Some(other_next)) if one_next != other_next => one_next.cmp(&other_next),
        _ => one.cmp(other),
    }
}

/// The database that was set aside last, and its name.
pub(crate) fn newest_aside(journal: &Path) -> Option<(PathBuf, String)> {
    let prefix = format!("{}{ASIDE}", journal.file_name()?.to_str()?);
    fs::read_dir(folder(journal))
        .ok()?
        .filter_map(|file| {
            let file = file.ok()?;
            let name = file.file_name().into_string().ok()?;
            let beside = ["-wal", "-journal", "-shm"].iter().any(|suffix| name.ends_with(suffix));
            (name.starts_with(&prefix) && !beside).then(|| (file.path(), name))
        })
        .max_by(|(_, one), (_, other)| newer(one, other))
}

/// The sequence number for the entry after a journal that was set aside, as far as its name tells.
fn next_in(name: &str) -> Option<u64> {
    let (_, after) = name.split_once(NEXT)?;
    after.split('-').next()?.parse().ok()
}

/// The sequence number after all that journals set aside here had, as far as their names tell.
pub(crate) fn next_after_aside(journal: &Path) -> Option<u64> {
    let prefix = format!("{}{ASIDE}", journal.file_name()?.to_str()?);
    fs::read_dir(folder(journal))
        .ok()?
        .filter_map(|file| {
            let name = file.ok()?.file_name();
            next_in(name.to_str()?.strip_prefix(&prefix)?)
        })
        .filter(|next| *next <= SEQUENCE_MAX)
        .max()
}
