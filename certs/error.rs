//! What can fail when the test PKI is made or used: one variant per operation.

use std::io;
use std::path::PathBuf;

/// A failure of the test PKI.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A directory could not be made.
    #[error("cannot make the directory {}", path.display())]
    MakeDirectory {
        /// Which directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The lock file could not be opened or locked.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no PEM of the expected kind, or one that does not decode.
    #[error("{} holds no usable {expected}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
    },
    /// An authority's record of serial numbers and revocations does not parse.
    #[error("cannot understand the authority's record {}", path.display())]
    ParseRecord {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        source: toml::de::Error,
    },
    /// An authority's record could not be turned into text.
    #[error("cannot write down the authority's record {}", path.display())]
    FormatRecord {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: toml::ser::Error,
    },
    /// A built-in profile does not parse.
    #[error("the profile {name} does not parse")]
    ParseProfile {
        /// Its name.
        name: &'static str,
        /// Where and why.
        source: toml::de::Error,
    },
    /// A built-in profile is asked for that does not exist.
    #[error("there is no profile {name}")]
    UnknownProfile {
        /// The name.
        name: String,
    },
    /// A key could not be made.
    #[error("cannot generate a {algorithm} key")]
    GenerateKey {
        /// Of which kind.
        algorithm: &'static str,
    },
    /// Random bytes were not to be had.
    #[error("no random bytes from the operating system")]
    Random {
        /// Why.
        source: getrandom::Error,
    },
    /// A structure could not be encoded as DER.
    #[error("cannot encode {what}")]
    Encode {
        /// Which structure.
        what: &'static str,
        /// Why.
        source: der::Error,
    },
    /// A key refused to sign.
    #[error("cannot sign {what}")]
    Sign {
        /// What was to be signed.
        what: &'static str,
    },
    /// A time does not fit UTCTime (years 1970 to 2049).
    #[error("{time} cannot be written as UTCTime")]
    TimeOutOfRange {
        /// The time.
        time: jiff::Timestamp,
    },
    /// A certificate would end before it begins.
    #[error("a certificate cannot be valid from {not_before} to {not_after}")]
    EmptyValidity {
        /// First second.
        not_before: jiff::Timestamp,
        /// Last second.
        not_after: jiff::Timestamp,
    },
    /// A terminal id is not 1 to 32 characters of `A-Z`, `0-9` and `-`.
    #[error("{id:?} is not a terminal id: 1 to 32 of A-Z, 0-9 and -")]
    TerminalId {
        /// What was given.
        id: String,
    },
    /// There is no PKI where one was expected.
    #[error("there is no test PKI in {}", path.display())]
    NoPki {
        /// The directory.
        path: PathBuf,
    },
    /// A directory's entries could not be listed.
    #[error("cannot list {}", path.display())]
    List {
        /// Which directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A certificate does not parse.
    #[error("cannot parse the certificate")]
    ParseCertificate {
        /// Why.
        source: der::Error,
    },
    /// A certificate to revoke names none of this directory's authorities as its issuer.
    #[error("no authority of this directory issued that certificate")]
    NotIssuedHere,
    /// The authority keeps no revocation list.
    #[error("the authority {authority} keeps no revocation list")]
    NoRevocationList {
        /// Which authority.
        authority: &'static str,
    },
}
