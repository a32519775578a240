//! The test PKI against its promises, judged by `openssl` where it can judge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod directory;
mod hostile;
mod openssl;
mod profile;
mod program;
mod support;
