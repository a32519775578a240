//! The state directory of a demo or a test: the test PKI, cards, host and terminal, each in a folder of its own.
//!
//! Invariant: a second run in the same directory finds the same keys, cards, registrations and journal.

use std::path::{Path, PathBuf};

use test_pki::Pki;

use crate::{DemoError, clock};

/// The terminal of the demo.
pub const TERMINAL_ID: &str = "T0001";

/// Folders and files below one state directory.
#[derive(Clone, Debug)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// Makes what is missing below `root`: folders, the test PKI, the terminal's keys, the host's configuration.
    ///
    /// # Errors
    /// When a file cannot be written or the PKI in `root` is unusable.
    pub fn open(root: &Path) -> Result<Self, DemoError> {
        std::fs::create_dir_all(root).map_err(|source| DemoError::File {
            doing: "make",
            path: root.to_owned(),
            source,
        })?;
        let root = root.canonicalize().map_err(|source| DemoError::File {
            doing: "find",
            path: root.to_owned(),
            source,
        })?;
        let state = Self { root };
        for folder in ["host", "cards", "terminal", "terminal/receipts"] {
            let path = state.path(folder);
            std::fs::create_dir_all(&path).map_err(|source| DemoError::File {
                doing: "make",
                path,
                source,
            })?;
        }
        let of_pki = |source| DemoError::Pki { path: state.pki(), source: Box::new(source) };
        let pki = Pki::open_or_create(&state.pki(), clock::now()).map_err(of_pki)?;
        pki.terminal(TERMINAL_ID).map_err(of_pki)?;
        state.write_trust_root()?;
        Ok(state)
    }

    /// A path below the state directory.
    pub fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    /// The test PKI.
    pub fn pki(&self) -> PathBuf {
        self.path("pki")
    }

    /// The terminal's journal.
    pub fn journal(&self) -> PathBuf {
        self.path("terminal/journal.db")
    }

    /// The roots of the card's signature that an auditor gives to `openssl`: both generations, which share one name.
    pub fn trust_root(&self) -> PathBuf {
        self.path("trust-root.pem")
    }

    fn write_trust_root(&self) -> Result<(), DemoError> {
        let mut roots = String::new();
        for generation in ["pki/ca/auth-1.crt.pem", "pki/ca/auth-2.crt.pem"] {
            let path = self.path(generation);
            let pem = std::fs::read_to_string(&path).map_err(|source| DemoError::File {
                doing: "read",
                path: path.clone(),
                source,
            })?;
            roots.push_str(&pem);
        }
        self.write("trust-root.pem", &roots).map(drop)
    }

    /// The root of the host's answer.
    pub fn host_root(&self) -> PathBuf {
        self.path("pki/ca/host.crt.pem")
    }

    /// Writes `text` to a file below the state directory and returns its path.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, below: &str, text: &str) -> Result<PathBuf, DemoError> {
        let path = self.path(below);
        std::fs::write(&path, text).map_err(|source| DemoError::File {
            doing: "write",
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }
}
