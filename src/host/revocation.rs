//! Revocation lists in files: read again when a file changes, never older than the files, and no answer without them.
//!
//! Invariant: fails closed. A list that is configured and missing, unreadable, not yet or no longer in force is a
//! [`RevocationFault`], and a fault is never "good".

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::SystemTime;

use jiff::Timestamp;
use request::{
    CardCertificate, CrlRefused, CrlRevocation, RevocationFault, RevocationSource, RevocationStatus,
    TrustAnchor,
};

/// What tells one state of a file from another: size, modification time, inode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(Vec<Option<(u64, Option<SystemTime>, u64)>>);

impl Fingerprint {
    /// Of these files as they are now.
    pub(crate) fn of<'a>(files: impl IntoIterator<Item = &'a Path>) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let one = |path: &Path| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.len(), found.modified().ok(), found.ino()))
        };
        Self(files.into_iter().map(one).collect())
    }
}

type Loaded = Result<Arc<CrlRevocation>, Arc<CrlRefused>>;

/// CRL files of one kind of certificate.
pub struct CrlFiles {
    files: Vec<PathBuf>,
    anchors: Vec<TrustAnchor>,
    state: RwLock<(Fingerprint, Loaded)>,
}

impl CrlFiles {
    /// Reads the files. An unusable one is no error here: it will be reported by every question until it is mended.
    #[must_use]
    pub fn new(files: Vec<PathBuf>, anchors: Vec<TrustAnchor>) -> Self {
        let fingerprint = Fingerprint::of(files.iter().map(PathBuf::as_path));
        let loaded = load(&files, &anchors);
        Self { files, anchors, state: RwLock::new((fingerprint, loaded)) }
    }

    /// The lists as the files say now.
    ///
    /// # Errors
    /// [`RevocationFault::Source`] where a file is missing or refused.
    pub fn lists(&self) -> Result<Arc<CrlRevocation>, RevocationFault> {
        let now = Fingerprint::of(self.files.iter().map(PathBuf::as_path));
        let held = {
            let state = self.state.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            (state.0 == now).then(|| state.1.clone())
        };
        held.unwrap_or_else(|| self.reload(now)).map_err(|refused| RevocationFault::Source(Box::new(refused)))
    }

    fn reload(&self, now: Fingerprint) -> Loaded {
        let mut state = self.state.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Somebody else may have been faster.
        if state.0 != now {
            *state = (now, load(&self.files, &self.anchors));
        }
        state.1.clone()
    }

    /// The status of a certificate by its issuer's key identifier and its serial number.
    ///
    /// # Errors
    /// [`RevocationFault`] where nothing can be said.
    pub fn status_of(
        &self,
        authority_key_id: &[u8],
        serial: &[u8],
        at: Timestamp,
    ) -> Result<RevocationStatus, RevocationFault> {
        self.lists()?.status_of(authority_key_id, serial, at)
    }
}

impl RevocationSource for CrlFiles {
    fn status(&self, card: &CardCertificate, at: Timestamp) -> Result<RevocationStatus, RevocationFault> {
        self.lists()?.status(card, at)
    }
}

fn load(files: &[PathBuf], anchors: &[TrustAnchor]) -> Loaded {
    match CrlRevocation::load(files, anchors) {
        Ok(lists) => {
            tracing::info!(files = files.len(), "revocation lists read");
            Ok(Arc::new(lists))
        }
        Err(refused) => {
            tracing::error!(error = %crate::chain::Chain(&refused), "revocation lists cannot be used");
            Err(Arc::new(refused))
        }
    }
}
