//! Why the host cannot start, or why a command of the operator failed. What the host says to terminals is in `refusal.rs`.

use std::path::PathBuf;

use crate::store::StoreError;

/// A failed start or a failed command.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A file that the configuration names cannot be read.
    #[error("cannot read {what} at {path}")]
    ReadFile {
        /// What the file is for.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    WriteFile {
        /// Which.
        path: PathBuf,
        /// Why not; a file that is there already is not overwritten.
        #[source]
        source: std::io::Error,
    },
    /// The configuration file is not what `docs/host.md` describes.
    #[error("the configuration {path} is not valid")]
    ConfigShape {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The configuration contradicts itself or is out of bounds.
    #[error("configuration: {0}")]
    ConfigRule(String),
    /// A key file does not hold what it should, or is open to other users.
    #[error("key file {path}: {what}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; never its content.
        what: &'static str,
    },
    /// The terms directory does not hold a usable set of terms.
    #[error("terms: {0}")]
    Terms(String),
    /// Trust anchors, certificates or signing keys of the request layer.
    #[error("cannot load {what}")]
    Trust {
        /// Which of them.
        what: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// TLS cannot be set up.
    #[error("TLS: {what}")]
    Tls {
        /// Which part.
        what: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The address cannot be listened on, or the levers' socket cannot be made.
    #[error("cannot listen on {address}")]
    Listen {
        /// Address or path.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The runtime, a thread or a signal handler cannot be made.
    #[error("cannot start {what}")]
    Start {
        /// Which.
        what: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operator named something that is not there.
    #[error("{0}")]
    NotThere(String),
    /// Standard output is gone.
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
}
