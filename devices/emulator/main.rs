//! `card-emulator`: a My Number Card in software, in the virtual reader of `pcscd`.

use std::error::Error;
use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use emulator::control::{self, Command, Desk, chain};
use emulator::vpcd::{DEFAULT_ADDRESS, Reader};
use emulator::{Card, Lever, Persona, Slot, Timing, clock};
use test_pki::Pki;
use tracing_subscriber::EnvFilter;

/// A My Number Card in software.
///
/// Five-minute start:
///   card-emulator run --persona valid --state cards --pki cards/pki
///   opensc-tool -n
#[derive(Parser)]
#[command(name = "card-emulator", version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Put a card into the virtual reader and serve it until `quit` or a signal
    Run(Run),
    /// List the built-in personas
    Personas,
    /// Tell a running emulator what to do, and print its answer as JSON
    Control {
        /// The control socket
        socket: PathBuf,
        #[command(subcommand)]
        command: ControlCommand,
    },
}

#[derive(Args)]
struct Run {
    /// Name of a built-in persona, or path of a persona file (*.toml)
    #[arg(long, default_value = "valid")]
    persona: String,
    /// Directory of the cards: keys, certificates, PIN counters
    #[arg(long)]
    state: PathBuf,
    /// Directory of the test PKI, made if absent
    #[arg(long)]
    pki: PathBuf,
    /// Where vsmartcard's driver listens
    #[arg(long, value_name = "HOST:PORT", default_value = DEFAULT_ADDRESS)]
    vpcd: String,
    /// Listen for control commands on this Unix socket
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// Write every APDU to this file, without PINs
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// How long answers take: none, contact, contactless
    #[arg(long, value_parser = |name: &str| Timing::by_name(name).ok_or("expected none, contact or contactless"))]
    timing: Option<Timing>,
    /// Start with the card outside
    #[arg(long)]
    absent: bool,
    /// Refuse short EF identifiers (lever sfi:off)
    #[arg(long)]
    no_sfi: bool,
    /// Pull a lever, e.g. remove@5, status:6f00@ins:2a, extended-length:on; may be repeated
    #[arg(long = "lever")]
    levers: Vec<Lever>,
}

#[derive(Subcommand)]
enum ControlCommand {
    /// Put the card in
    Insert,
    /// Pull the card out
    Remove,
    /// What is in the reader, how many APDUs it got, which levers are pulled
    Status,
    /// Tries left of each PIN
    Counters,
    /// Put another card in its place
    Persona {
        /// Built-in name or path
        name: String,
    },
    /// Pull a lever, e.g. remove@5
    Lever {
        /// See `--lever` of `run`
        pull: Lever,
    },
    /// Put all levers back to the persona's
    ClearLevers,
    /// Set the authentication PIN and give all its tries back
    Pin {
        /// The new PIN
        value: String,
    },
    /// Put every PIN and counter back as the card was issued
    Unblock,
    /// End the emulator
    Quit,
}

impl From<ControlCommand> for Command {
    fn from(command: ControlCommand) -> Self {
        match command {
            ControlCommand::Insert => Self::Insert,
            ControlCommand::Remove => Self::Remove,
            ControlCommand::Status => Self::Status,
            ControlCommand::Counters => Self::Counters,
            ControlCommand::Persona { name } => Self::Persona { name },
            ControlCommand::Lever { pull } => Self::Lever { pull },
            ControlCommand::ClearLevers => Self::ClearLevers,
            ControlCommand::Pin { value } => Self::Pin { value },
            ControlCommand::Unblock => Self::Unblock,
            ControlCommand::Quit => Self::Quit,
        }
    }
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("CARD_EMULATOR_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let result = match Cli::parse().action {
        Action::Run(run) => serve(run),
        Action::Personas => list(),
        Action::Control { socket, command } => return tell(&socket, &command.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(error.as_ref()),
    }
}

fn serve(run: Run) -> Result<(), Box<dyn Error>> {
    let address = resolve(&run.vpcd)?;
    let persona = Persona::find(&run.persona)?;
    let pki = Pki::open_or_create(&run.pki, clock::now())?;
    let card = Card::load(&persona, &run.state, &pki, clock::now())?;
    let mut slot = Slot::new(card);
    if let Some(path) = &run.trace {
        slot.trace_to(path)?;
    }
    if run.absent {
        slot.remove();
    }
    let timing = run.timing.map(Lever::Timing);
    let no_sfi = run.no_sfi.then_some(Lever::ShortIds(false));
    for lever in timing.into_iter().chain(no_sfi).chain(run.levers) {
        slot.pull(lever);
    }
    let reader = Arc::new(Reader::new(slot));
    if let Some(path) = &run.control {
        let listener = control::listen(path)?;
        let desk = Desk::new(Arc::clone(&reader), run.state, pki);
        std::thread::spawn(move || desk.serve(&listener));
    }
    let served = Arc::clone(&reader);
    std::thread::spawn(move || served.serve(address));
    writeln!(io::stdout(), "ready: persona {}, virtual reader at {address}", persona.name)?;
    reader.wait_for_quit();
    if let Some(path) = &run.control {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

fn resolve(text: &str) -> Result<SocketAddr, Box<dyn Error>> {
    let mut addresses = text.to_socket_addrs().map_err(|error| format!("{text}: {error}"))?;
    Ok(addresses.next().ok_or_else(|| format!("{text}: no such address"))?)
}

fn list() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    for persona in Persona::built_in() {
        writeln!(out, "{:<20} {}", persona.name, persona.summary)?;
        for assumption in persona.assumptions {
            writeln!(out, "{:<20}   assumed: {assumption}", "")?;
        }
    }
    Ok(())
}

fn tell(socket: &std::path::Path, command: &Command) -> ExitCode {
    let answer = match control::send(socket, command) {
        Ok(answer) => answer,
        Err(error) => {
            let _ = writeln!(io::stderr(), "control socket {}:", socket.display());
            return complain(&error);
        }
    };
    let printed = writeln!(io::stdout(), "{answer}");
    let ok = answer.get("ok").and_then(serde_json::Value::as_bool) == Some(true);
    if ok && printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn complain(error: &(dyn Error + 'static)) -> ExitCode {
    // Nobody is left to tell when this fails too.
    let _ = writeln!(io::stderr(), "card-emulator: {}", chain(error));
    ExitCode::FAILURE
}
