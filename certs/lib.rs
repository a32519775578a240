//! The test PKI: authorities, card, terminal and host certificates below one directory.
//!
//! For tests, the demo and bench installations; never a production key. What it issues cannot be
//! mistaken for JPKI's: every name says so, and no production anchor is its own.
//!
//! - Idempotent and persistent: what exists is used, what is missing is made. Several processes may
//!   open one directory; changes are made under a lock file, files appear whole (write, then rename).
//! - Private keys have mode 0600. They are PKCS#8; RSA keys come from aws-lc, EC keys from RustCrypto.
//! - No clock: the time is an argument (the binary's `clock.rs` reads one). Signatures are
//!   deterministic (PKCS#1 v1.5, RFC 6979), so the same keys and times give the same bytes.
//! - The shape of every certificate is data: `profiles/*.toml`.
//! - Shares no code with the verifier in `request`: two writers, one specification.

mod authority;
mod certificate;
mod crl;
mod error;
mod extension;
mod inventory;
mod key;
mod layout;
mod pki;
mod profile;
mod store;
mod time;

pub use authority::AuthorityName;
pub use error::PkiError;
pub use inventory::Listed;
pub use layout::{CardFiles, HostFiles, KeyFiles, Layout, TerminalFiles};
pub use pki::{AuthCa, CardIdentity, CardKey, CardPurpose, CardSpec, Pki};
pub use time::end_of_day_in_japan;
