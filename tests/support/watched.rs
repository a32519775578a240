//! Runs a program under watch: `watched SOCKET PROGRAM ARGUMENTS…`. It puts itself under the watch of whoever listens at
//! the socket and then becomes the program, with the same process id (see `watch/filter.rs`).
#![allow(missing_docs, reason = "a program for tests")]
#![expect(clippy::print_stderr, reason = "a program for tests")]

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let (Some(socket), Some(program)) = (words.next(), words.next()) else {
        eprintln!("usage: watched SOCKET PROGRAM ARGUMENTS…");
        return ExitCode::from(2);
    };
    if let Err(error) = myna_tests::watch::under_watch(Path::new(&socket)) {
        eprintln!("watched: this system does not let a process be watched: {error}");
        return ExitCode::FAILURE;
    }
    let error = Command::new(&program).args(words).exec();
    eprintln!("watched: {}: {error}", program.display());
    ExitCode::FAILURE
}
