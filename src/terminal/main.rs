//! `myna-atm`: see `myna-atm --help`. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    myna_atm::cli::main()
}
