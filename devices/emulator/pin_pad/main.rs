//! `pin-pad-simulator`: a PIN pad in software behind a pseudo-terminal.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use emulator::control::chain;
use emulator::pin_pad::{Framing, Identity, Lever, Options, Simulator};
use tracing_subscriber::EnvFilter;

/// A PIN pad in software, behind a pseudo-terminal.
///
/// Five-minute start:
///   pin-pad-simulator identity --key pad.key
///   pin-pad-simulator run --port pad.tty --control pad.keys --framing reference --key pad.key
///   printf 1234E | socat - UNIX-CONNECT:pad.keys
#[derive(Parser)]
#[command(name = "pin-pad-simulator", version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Answer at a port until a signal
    Run(Run),
    /// Print the pad's public key and the fingerprint that a terminal's configuration names
    Identity {
        /// File of the identity key, made if absent
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

#[derive(Args)]
struct Run {
    /// Symbolic link to the port, for the terminal's configuration
    #[arg(long, value_name = "LINK")]
    port: PathBuf,
    /// Listen for keys and levers at this Unix socket
    #[arg(long, value_name = "SOCKET")]
    control: PathBuf,
    /// What the pad speaks
    #[arg(long)]
    framing: FramingName,
    /// File of the identity key, made if absent; for --framing reference
    #[arg(long, value_name = "FILE", required_if_eq("framing", "reference"))]
    key: Option<PathBuf>,
    /// Pull a lever, e.g. dies:2; may be repeated
    #[arg(long = "lever")]
    levers: Vec<Lever>,
    /// Forget keys that are pressed while no entry is going on, as a real pad does
    #[arg(long)]
    keys_do_not_wait: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum FramingName {
    Reference,
    Clear,
    UicPp791,
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("PIN_PAD_SIMULATOR_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let result = match Cli::parse().action {
        Action::Run(run) => serve(run),
        Action::Identity { key } => tell(&key),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when this fails too.
            let _ = writeln!(io::stderr(), "pin-pad-simulator: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn tell(key: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let identity = open(key)?;
    writeln!(io::stdout(), "public-key {}", hex::encode(identity.public_key()))?;
    writeln!(io::stdout(), "fingerprint {}", identity.fingerprint())?;
    Ok(())
}

fn open(key: &std::path::Path) -> Result<Identity, Box<dyn Error>> {
    Identity::open_or_create(key).map_err(|error| format!("{}: {error}", key.display()).into())
}

fn serve(run: Run) -> Result<(), Box<dyn Error>> {
    let framing = match (run.framing, &run.key) {
        (FramingName::Reference, Some(key)) => Framing::Reference(open(key)?),
        (FramingName::Reference, None) => return Err("--framing reference needs --key".into()),
        (FramingName::Clear, _) => Framing::Clear,
        (FramingName::UicPp791, _) => Framing::UicPp791,
    };
    let mut options = Options::new(framing);
    options.link = Some(run.port);
    options.control = Some(run.control);
    options.levers = run.levers;
    options.keys_wait = !run.keys_do_not_wait;
    let simulator = Simulator::start(options)?;
    writeln!(io::stdout(), "ready: PIN pad at {}", simulator.port().display())?;
    simulator.join();
    Ok(())
}
