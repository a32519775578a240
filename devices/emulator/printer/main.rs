//! `printer-simulator`: a receipt printer in software, at a serial port in software.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use emulator::control::{chain, listen, send};
use emulator::printer::{Family, Model, PrinterCommand, PrinterLever, Setup, Simulator};

/// A receipt printer in software.
///
/// Five-minute start:
///   printer-simulator run --port /tmp/printer --out receipts --control /tmp/printer.control &
///   printf 'hello\n\x1dV\x42\x00' > /tmp/printer          # receipts/receipt-000001.png
///   printer-simulator control /tmp/printer.control lever paper:out
#[derive(Parser)]
#[command(name = "printer-simulator", version, verbatim_doc_comment)]
struct Cli {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Print until `quit` or a signal
    Run(Run),
    /// Tell a running simulator what to do, and print its answer as JSON
    Control {
        /// The control socket
        socket: PathBuf,
        #[command(subcommand)]
        command: Tell,
    },
}

#[derive(Args)]
struct Run {
    /// Where the link to the port is made: what the driver opens
    #[arg(long, value_name = "LINK")]
    port: PathBuf,
    /// Width of the paper in mm: 80 or 58
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u32).range(58..=80))]
    paper: u32,
    /// Dots of an inch: 203, or 180 as the Epson TM-T88
    #[arg(long, default_value_t = 203, value_parser = clap::value_parser!(u32).range(100..=600))]
    dpi: u32,
    /// Printed width in dots, where it is not what paper and dpi make it
    #[arg(long)]
    dots: Option<usize>,
    /// Whose printer it is like
    #[arg(long, value_enum, default_value_t = Kind::Epson)]
    model: Kind,
    /// Folder for the receipts, made if absent: one PNG and one text for each cut
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Listen for control commands on this Unix socket
    #[arg(long, value_name = "SOCKET")]
    control: Option<PathBuf>,
    /// Pull a lever, e.g. paper:low, slow:960, power-off@500; may be repeated
    #[arg(long = "lever")]
    levers: Vec<PrinterLever>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Cuts; the customer tears off
    Epson,
    /// Like the PMU2300III: a presenter, and bits of its own
    Citizen,
    /// Like the VKP80: a presenter, and a status of six bytes
    Custom,
}

#[derive(Subcommand)]
enum Tell {
    /// Pull a lever, e.g. paper:out
    Lever {
        /// See the README
        pull: PrinterLever,
    },
    /// Receipts cut off, bytes carried out, whether paper hangs out or lies in the mouth
    Status,
    /// End the simulator
    Quit,
}

fn main() -> ExitCode {
    let result = match Cli::parse().action {
        Action::Run(run) => serve(run),
        Action::Control { socket, command } => tell(&socket, command),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell when this fails too.
            let _ = writeln!(io::stderr(), "printer-simulator: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn serve(run: Run) -> Result<ExitCode, Box<dyn Error>> {
    let dpi = usize::try_from(run.dpi)?;
    // 72 mm are printed on paper of 80 mm, and 48 mm on paper of 58 mm; whole bytes.
    let printed_mm = if run.paper < 80 { 48 } else { 72 };
    let dots = run.dots.unwrap_or((printed_mm * dpi * 10).div_ceil(254 * 8) * 8);
    let family = match run.model {
        Kind::Epson => Family::Epson,
        Kind::Citizen => Family::Citizen,
        Kind::Custom => Family::Custom,
    };
    let model = Model { family, dots, dpi };
    let simulator = Simulator::start(Setup { model, link: Some(run.port), out: Some(run.out) })?;
    run.levers.iter().for_each(|lever| simulator.pull(lever));
    let listener = run.control.as_deref().map(listen).transpose()?;
    writeln!(io::stdout(), "ready: {} dots at {}", model.dots, simulator.port().display())?;
    match listener.zip(run.control) {
        Some((listener, path)) => {
            simulator.control(&listener);
            std::fs::remove_file(path)?;
        }
        None => loop {
            std::thread::park();
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(socket: &Path, command: Tell) -> Result<ExitCode, Box<dyn Error>> {
    let command = match command {
        Tell::Lever { pull } => PrinterCommand::Lever { pull },
        Tell::Status => PrinterCommand::Status,
        Tell::Quit => PrinterCommand::Quit,
    };
    let answer = send(socket, &command)?;
    writeln!(io::stdout(), "{answer}")?;
    let ok = answer.get("ok").and_then(serde_json::Value::as_bool) == Some(true);
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
