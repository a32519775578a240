//! `myna-host`: see `command` for what it can do.

use std::process::ExitCode;

fn main() -> ExitCode {
    myna_host::command::main()
}
