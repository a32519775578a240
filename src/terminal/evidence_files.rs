//! Copies of what was sent and answered, as files that any CMS tool can open: `evidence/REQUEST-ID/request.cms` and
//! `answer.cms`. The journal holds the originals; the copies go when the journal's evidence goes.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Why evidence could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}", path.display())]
pub(crate) struct EvidenceError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The folder of the copies.
pub(crate) struct EvidenceFiles {
    folder: PathBuf,
}

impl EvidenceFiles {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where the copy of the request lies, or will.
    pub(crate) fn request(&self, request: Uuid) -> PathBuf {
        self.of(request).join("request.cms")
    }

    /// Where the copy of the answer lies, or will.
    pub(crate) fn answer(&self, request: Uuid) -> PathBuf {
        self.of(request).join("answer.cms")
    }

    /// Requests whose copy is there without an answer's: none is decided, or the process ended between decision and copy.
    /// What cannot be read counts as none.
    pub(crate) fn without_answer(&self) -> Vec<Uuid> {
        let folders = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let requests = folders.filter_map(|folder| Uuid::parse_str(folder.file_name().to_str()?).ok());
        requests.filter(|id| self.request(*id).exists() && !self.answer(*id).exists()).collect()
    }

    /// Writes what there is.
    ///
    /// # Errors
    /// When a file cannot be written; the journal has it all the same.
    pub(crate) fn write(
        &self,
        request: Uuid,
        cms: Option<&[u8]>,
        answer: Option<&[u8]>,
    ) -> Result<(), EvidenceError> {
        let folder = self.of(request);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed("make", &folder))?;
        for (path, bytes) in [(self.request(request), cms), (self.answer(request), answer)] {
            if let Some(bytes) = bytes {
                write_whole(&path, bytes)?;
            }
        }
        Ok(())
    }

    /// Removes copies that were last written before `until`.
    ///
    /// # Errors
    /// When the folder cannot be read or a copy not be removed.
    pub(crate) fn erase_older(&self, until: Timestamp) -> Result<(), EvidenceError> {
        let listed = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed.map_err(failed("list", &self.folder))?,
        };
        for entry in listed {
            let path = entry.map_err(failed("list", &self.folder))?.path();
            let written = fs::metadata(&path).and_then(|metadata| metadata.modified());
            let written = written.map_err(failed("look at", &path))?;
            if Timestamp::try_from(written).is_ok_and(|written| written < until) {
                fs::remove_dir_all(&path).map_err(failed("remove", &path))?;
            }
        }
        Ok(())
    }

    fn of(&self, request: Uuid) -> PathBuf {
        self.folder.join(request.to_string())
    }
}

/// So many days before `now`.
pub(crate) fn days_before(now: Timestamp, days: u32) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(i64::from(days).saturating_mul(24))).unwrap_or(Timestamp::MIN)
}

/// A reader never sees half a file.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), EvidenceError> {
    let next = path.with_extension("next");
    fs::write(&next, bytes).map_err(failed("write", &next))?;
    fs::rename(&next, path).map_err(failed("write", path))
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EvidenceError {
    let path = path.to_owned();
    move |source| EvidenceError { doing, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_written_and_go_when_they_are_old() {
        let folder = tempfile::tempdir().unwrap();
        let files = EvidenceFiles::new(folder.path().join("evidence"));
        files.erase_older(Timestamp::MAX).unwrap();
        let request = Uuid::from_u128(7);
        files.write(request, Some(b"request"), None).unwrap();
        files.write(request, None, Some(b"answer")).unwrap();
        assert_eq!(fs::read(files.request(request)).unwrap(), b"request");
        assert_eq!(fs::read(files.answer(request)).unwrap(), b"answer");
        files.erase_older(Timestamp::UNIX_EPOCH).unwrap();
        assert!(files.answer(request).exists());
        files.erase_older(Timestamp::MAX).unwrap();
        assert!(!files.answer(request).exists());
    }
}
