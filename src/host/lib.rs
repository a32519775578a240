//! The acceptance host: it verifies a signed request, decides once, and answers the same again for ever.
//!
//! It stands where the government's portal stands in reality. There is no public interface of that portal for this request:
//! format and host are this project's own open reference, and `docs/host.md` says what it is not.
//!
//! The way of a request: `server` (TLS, HTTP, limits) → `desk` (verify, without writes) → `store` (one transaction) with
//! `ruling` (the decision, pure) inside it → the signed answer. Benches and tests call [`Desk`] directly.
//!
//! Invariants:
//! - TLS identity, terminal id in the content and countersigner are the same terminal, or nothing is stored.
//! - No log line, metric or problem holds a serial number, a certificate, a name or a holder hash.
//! - Only `clock.rs` reads a clock.

pub mod acceptance_number;
pub mod chain;
pub mod clock;
pub mod command;
mod compose;
pub mod config;
pub mod desk;
mod error;
pub mod evidence;
pub mod holder;
mod key_file;
pub mod levers;
pub mod metrics;
pub mod refusal;
pub mod revocation;
pub mod ruling;
pub mod server;
pub mod store;
pub mod terms;

pub use compose::{open_desk, open_store};
pub use config::Config;
pub use desk::Desk;
pub use error::HostError;
pub use server::Server;
