//! What can keep the demo from running, each with what to do.

use std::path::PathBuf;

/// A failure of the demo itself, not of a registration.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A program of the workspace was not built.
    #[error(
        "{program} is not built: looked at {path}. Build all with 'cargo build --workspace', or run scripts/demo"
    )]
    NotBuilt {
        /// Which program.
        program: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// `pcscd` or the virtual reader's driver is missing.
    #[error("{what} is missing: looked at {path}. scripts/demo and scripts/test put it there")]
    NoTool {
        /// Which tool.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file or folder of the state directory could not be made, read or written.
    #[error("cannot {doing} {path}")]
    File {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A process could not be started.
    #[error("cannot start {program}")]
    Start {
        /// Which program.
        program: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A process did not become ready, or ended too early.
    #[error("{program} did not get ready: {why}; its log is {log}")]
    NotReady {
        /// Which program.
        program: &'static str,
        /// What was seen instead.
        why: String,
        /// Where it writes.
        log: PathBuf,
    },
    /// Talking to a process over its pipe or socket failed.
    #[error("lost the connection to {peer} while {doing}")]
    Talk {
        /// The other side.
        peer: &'static str,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A process said something that is not of its protocol.
    #[error("{peer} said something unexpected: {said}")]
    Unexpected {
        /// The other side.
        peer: &'static str,
        /// What it said.
        said: String,
    },
    /// The test PKI could not be made or read.
    #[error("the test PKI in {path} cannot be used")]
    Pki {
        /// Where it lies.
        path: PathBuf,
        /// Why not.
        #[source]
        source: Box<test_pki::PkiError>,
    },
}

/// `error: what` and, line by line, what caused it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("error: {error}");
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!("\n  because: {cause}"));
        next = cause.source();
    }
    text
}
