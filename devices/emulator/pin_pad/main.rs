//! `pin-pad-simulator`: a PIN pad in software behind a pseudo-terminal.

use std::error::Error;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use emulator::control::chain;
use emulator::pin_pad::{Framing, Identity, Lever, Options, Simulator};
use tracing_subscriber::EnvFilter;

/// A PIN pad in software, behind a pseudo-terminal.
///
/// Five-minute start:
///   pin-pad-simulator identity --key pad.key
///   pin-pad-simulator run --port pad.tty --control pad.keys --framing reference --key pad.key
///   pin-pad-simulator press pad.keys 1234E
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
    /// Press keys at a running simulator: 0 to 9, B backspace, C clear, E enter, X cancel
    Press {
        /// The control socket
        socket: PathBuf,
        /// One letter a key
        keys: Keys,
    },
    /// Pull a lever of a running simulator
    Lever {
        /// The control socket
        socket: PathBuf,
        /// See the README, e.g. unplug
        pull: Lever,
    },
    /// Print the pad's public key and the fingerprint that a terminal's configuration names
    Identity {
        /// File of the identity key, made if absent
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

/// Keys of the pad. Without `Debug`: they may be somebody's PIN.
#[derive(Clone)]
struct Keys(String);

impl FromStr for Keys {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = |key: char| key.is_ascii_digit() || "BCEX".contains(key);
        if text.chars().all(known) { Ok(Self(text.to_owned())) } else { Err("keys are 0 to 9, B, C, E, X") }
    }
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
        Action::Press { socket, keys } => say(&socket, &keys.0),
        Action::Lever { socket, pull } => say(&socket, &format!("!{pull}\n")),
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

fn say(socket: &Path, what: &str) -> Result<(), Box<dyn Error>> {
    UnixStream::connect(socket)
        .and_then(|mut pad| pad.write_all(what.as_bytes()))
        .map_err(|error| format!("{}: {error}: is the simulator running?", socket.display()).into())
}

fn tell(key: &Path) -> Result<(), Box<dyn Error>> {
    let identity = open(key)?;
    writeln!(io::stdout(), "public-key {}", hex::encode(identity.public_key()))?;
    writeln!(io::stdout(), "fingerprint {}", identity.fingerprint())?;
    Ok(())
}

fn open(key: &Path) -> Result<Identity, Box<dyn Error>> {
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
