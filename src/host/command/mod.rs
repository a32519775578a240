//! The command line: `serve`, and the operator's view of the books. `--help` teaches.
//!
//! Invariant: no command prints a secret, a certificate or a whole holder hash.

mod operate;
mod serve;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use uuid::Uuid;
use wire::TerminalId;

use crate::acceptance_number::AcceptanceNumber;
use crate::chain::Chain;
use crate::store::InsurerState;
use crate::{Config, HostError};

/// Name of the environment variable with the log filter, for example `myna_host=debug`.
const LOG_VARIABLE: &str = "MYNA_HOST_LOG";

#[derive(Parser)]
#[command(
    name = "myna-host",
    version,
    about = "Acceptance host for health-insurance registrations: an open reference, not the government's portal",
    after_help = "The configuration is described in docs/host.md. Log lines go to standard error; set the filter with \
                  MYNA_HOST_LOG, for example MYNA_HOST_LOG=debug.\nExit status: 0 done, 1 failed, 2 wrong usage."
)]
struct Arguments {
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    /// One line a record, for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Every command needs to know which host.
#[derive(clap::Args)]
struct Which {
    /// The host's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Serve terminals until SIGTERM. Prints `listening on https://ADDRESS:PORT` when ready.
    Serve {
        #[command(flatten)]
        which: Which,
    },
    /// Look at the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// What the insurers say about holders: no data yet, or blocked. Holders are named by their certificate file and kept
    /// as keyed hashes.
    Insurer {
        #[command(subcommand)]
        command: InsurerCommand,
    },
    /// Which terminals may talk.
    Terminal {
        #[command(subcommand)]
        command: TerminalCommand,
    },
    /// End a registration, as after a cancellation at the insurer; the holder can register again.
    Cancel {
        #[command(flatten)]
        which: Which,
        /// As on the receipt, for example 4821-0937-5567.
        number: AcceptanceNumber,
    },
    /// Show what was decided about a request.
    Show {
        #[command(flatten)]
        which: Which,
        /// The request id.
        request_id: Uuid,
        /// Only this terminal's: terminals choose request ids, and two may have chosen the same.
        #[arg(long, value_name = "ID")]
        terminal: Option<TerminalId>,
        /// Also decrypt the signed request into this new file.
        #[arg(long, value_name = "FILE")]
        evidence: Option<PathBuf>,
        /// Also write the signed answer into this new file.
        #[arg(long, value_name = "FILE")]
        answer: Option<PathBuf>,
    },
    /// Print the newest checkpoint of a terminal's device log, as JSON for `myna-atm log verify --checkpoint FILE`.
    Checkpoint {
        #[command(flatten)]
        which: Which,
        /// The terminal.
        terminal: TerminalId,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print the configuration in effect, defaults included. It holds no secrets, only where they are.
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// Load everything that it names (keys, anchors, terms, database) and say whether the host would start.
    Check {
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Subcommand)]
enum InsurerCommand {
    /// Note what the insurer says.
    Set {
        #[command(flatten)]
        which: Which,
        /// The holder's user-authentication certificate, PEM or DER.
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
        /// What it says.
        state: InsurerState,
    },
    /// List what is noted.
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Take the note away.
    Remove {
        #[command(flatten)]
        which: Which,
        /// The holder's user-authentication certificate, PEM or DER.
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
    },
}

#[derive(Subcommand)]
enum TerminalCommand {
    /// List terminals that have talked or were listed.
    List {
        #[command(flatten)]
        which: Which,
    },
    /// List a terminal (needed with `[terminals] enrol = "listed"`).
    Add {
        #[command(flatten)]
        which: Which,
        /// The terminal.
        terminal: TerminalId,
    },
    /// Refuse a terminal from now on, open connections included.
    Revoke {
        #[command(flatten)]
        which: Which,
        /// The terminal.
        terminal: TerminalId,
    },
    /// Take a revocation back.
    Restore {
        #[command(flatten)]
        which: Which,
        /// The terminal.
        terminal: TerminalId,
    },
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log(arguments.log_format);
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not through the log: its filter must not hide why a command failed.
            let _gone = writeln!(std::io::stderr(), "myna-host: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn start_log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_env_var(LOG_VARIABLE)
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
}

fn run(command: Command) -> Result<(), HostError> {
    match command {
        Command::Serve { which } => serve::serve(&Config::load(&which.config)?),
        Command::Config { command: ConfigCommand::Show { which } } => {
            say(Config::load(&which.config)?.show()?.trim_end())
        }
        Command::Config { command: ConfigCommand::Check { which } } => {
            serve::check(&Config::load(&which.config)?)?;
            say("the host would start")
        }
        Command::Insurer { command } => operate::insurer(command),
        Command::Terminal { command } => operate::terminal(command),
        Command::Cancel { which, number } => operate::cancel(&which, number),
        Command::Show { which, request_id, terminal, evidence, answer } => {
            operate::show(&which, request_id, terminal.as_ref(), evidence.as_deref(), answer.as_deref())
        }
        Command::Checkpoint { which, terminal } => operate::checkpoint(&which, terminal),
    }
}

/// One line, or several, on standard output.
fn say(text: &str) -> Result<(), HostError> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(HostError::Output)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
