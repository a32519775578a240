//! A motorised card unit in software, with a My Number Card in software in its customer's hand.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use emulator::card_unit::Simulator;
use emulator::card_unit::control::{AnyLever, Command, Desk, End};
use emulator::control::{self, chain};
use emulator::{Card, Lever, Persona, Slot, Timing, clock};
use test_pki::Pki;
use tracing_subscriber::EnvFilter;

/// A motorised card unit (Omron 3S4YR, by its specification) in software, on a pseudo-terminal.
///
/// Five-minute start:
///   card-unit-simulator run --port /tmp/card-unit --control /tmp/card-unit.control --state cards --pki cards/pki
///   card-unit-simulator control /tmp/card-unit.control insert
///   card-unit-simulator control /tmp/card-unit.control status
#[derive(Parser)]
#[command(name = "card-unit-simulator", version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Switch the unit on and serve its port until `quit` or a signal
    Run(Run),
    /// List the levers of the unit and what they do
    Levers,
    /// Tell a running simulator what to do, and print its answer as JSON
    Control {
        /// The control socket
        socket: PathBuf,
        #[command(subcommand)]
        command: ControlCommand,
    },
}

#[derive(Args)]
struct Run {
    /// The port becomes reachable under this name, which the driver is configured with
    #[arg(long, value_name = "LINK")]
    port: PathBuf,
    /// Listen for control commands on this Unix socket
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// The customer's card: name of a built-in persona, or path of a persona file (*.toml)
    #[arg(long, default_value = "valid")]
    persona: String,
    /// Directory of the cards: keys, certificates, PIN counters
    #[arg(long)]
    state: PathBuf,
    /// Directory of the test PKI, made if absent
    #[arg(long)]
    pki: PathBuf,
    /// Write every APDU to this file, without PINs
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// How long the card's answers take: none, contact, contactless
    #[arg(long, value_parser = |name: &str| Timing::by_name(name).ok_or("expected none, contact or contactless"))]
    timing: Option<Timing>,
    /// Start with the card inside, as a power failure may have left it
    #[arg(long)]
    inside: bool,
    /// Pull a lever of the unit or of the card, e.g. pace:9600, lost-ack@cmd:F1, remove@5; may be repeated
    #[arg(long = "lever")]
    levers: Vec<AnyLever>,
}

#[derive(Subcommand)]
enum ControlCommand {
    /// The customer holds the card into the mouth; the unit takes it in when it is wanted
    Insert,
    /// The customer takes the card within 3 s, else pulls it out by force
    Remove,
    /// The customer takes the card, if it is at the mouth
    Take,
    /// The customer pulls the card out by force
    Pull,
    /// Somebody empties the bin and gives the card back
    EmptyBin,
    /// The unit's power fails and comes back
    PowerCut,
    /// Pull the plug of the line
    Unplug,
    /// Put it back
    Plug,
    /// Where the card is, what was executed, which levers are pulled
    Status,
    /// Tries left of each PIN
    Counters,
    /// Put another card into the customer's hand
    Persona {
        /// Built-in name or path
        name: String,
    },
    /// Pull a lever of the unit or of the card
    Lever {
        /// See `levers`, and card-emulator
        pull: AnyLever,
    },
    /// Put all levers back
    ClearLevers,
    /// Set the authentication PIN and give all its tries back
    Pin {
        /// The new PIN
        value: String,
    },
    /// Put every PIN and counter back as the card was issued
    Unblock,
    /// End the simulator
    Quit,
}

impl From<ControlCommand> for Command {
    fn from(command: ControlCommand) -> Self {
        match command {
            ControlCommand::Insert => Self::Insert,
            ControlCommand::Remove => Self::Remove,
            ControlCommand::Take => Self::Take,
            ControlCommand::Pull => Self::Pull,
            ControlCommand::EmptyBin => Self::EmptyBin,
            ControlCommand::PowerCut => Self::PowerCut,
            ControlCommand::Unplug => Self::Unplug,
            ControlCommand::Plug => Self::Plug,
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
    let filter = EnvFilter::try_from_env("CARD_UNIT_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let result = match Cli::parse().action {
        Action::Run(run) => serve(run),
        Action::Levers => list(),
        Action::Control { socket, command } => return tell(&socket, &command.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(error.as_ref()),
    }
}

fn serve(run: Run) -> Result<(), Box<dyn Error>> {
    let persona = Persona::find(&run.persona)?;
    let pki = Pki::open_or_create(&run.pki, clock::now())?;
    let card = Card::load(&persona, &run.state, &pki, clock::now())?;
    let mut slot = Slot::new(card);
    if let Some(path) = &run.trace {
        slot.trace_to(path)?;
    }
    if let Some(timing) = run.timing {
        slot.pull(Lever::Timing(timing));
    }
    let unit = Arc::new(Simulator::start(slot, &run.port, run.inside)?);
    for lever in run.levers {
        lever.pull(&unit);
    }
    let end = End::default();
    if let Some(path) = &run.control {
        let listener = control::listen(path)?;
        let desk = Desk::new(Arc::clone(&unit), run.state, pki, end.clone());
        std::thread::spawn(move || desk.serve(&listener));
    }
    writeln!(io::stdout(), "ready: persona {}, card unit at {}", persona.name, run.port.display())?;
    end.wait();
    if let Some(path) = &run.control {
        std::fs::remove_file(path)?;
    }
    // Clients' threads hold the unit; its link goes with the process, not by itself.
    std::fs::remove_file(&run.port)?;
    Ok(())
}

fn list() -> Result<(), Box<dyn Error>> {
    Ok(io::stdout().lock().write_all(emulator::card_unit::LEVERS.as_bytes())?)
}

fn tell(socket: &Path, command: &Command) -> ExitCode {
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
    let _ = writeln!(io::stderr(), "card-unit-simulator: {}", chain(error));
    ExitCode::FAILURE
}
