//! `myna-demo`: one registration on this machine, shown to a person or run unattended. See `scripts/demo --help`.

mod cli;
mod report;
mod run;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};

#[expect(clippy::print_stderr, reason = "a command for people")]
fn main() -> ExitCode {
    let options = cli::Options::parse();
    if let Err(why) = options.check() {
        cli::Options::command().error(ErrorKind::ArgumentConflict, why).exit();
    }
    match run::run(&options) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{}", myna_demo::error::chain(&error));
            ExitCode::from(1)
        }
    }
}
