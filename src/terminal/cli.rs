//! The command line: what there is, and help that teaches it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};
use devices::port::CardUnit;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::compose::{Adapt, ComposeError, ScreenKind, compose};
use crate::config::Config;
use crate::queue::chain;
use crate::report::Report;
use crate::runtime::{Ended, Goal, Runtime};
use crate::{device_command, doctor, log_command};

/// Exit status for a command line or a configuration that cannot be used; clap's own.
const USAGE: u8 = 2;
/// Exit status when something failed.
const FAULT: u8 = 1;
/// Exit status when requests are still without a decision.
const PENDING: u8 = 4;

/// Registers a customer's My Number Card for use as their health-insurance card, at a bank's machine.
#[derive(Debug, Parser)]
#[command(name = "myna-atm", version, long_about = LONG_ABOUT, after_long_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const LONG_ABOUT: &str = "\
Registers a customer's My Number Card (マイナンバーカード) for use as their health-insurance card, at a bank's machine.

One visit: the customer confirms the terms, puts the card in, enters the 4-digit user-authentication PIN
(利用者証明用パスワード); the chip checks the PIN and signs the request; the host decides; receipt; card back.
Everything that can be refused is refused before the PIN is asked for. The PIN exists in one locked page of memory
between pad and card, and nowhere else: not in a log, not in a trace, not in an argument.

The host is this project's own acceptance host: there is no public interface of the government's portal for this.";

const AFTER_HELP: &str = "\
Start here:
  myna-atm config check --config FILE     is the configuration one that can work?
  myna-atm doctor --config FILE           reader, card, host, clock, journal, certificates, disk: what to do for each
  myna-atm register --config FILE         one visit on this console
  myna-atm serve --config FILE            one visit after the other
  myna-atm device test printer --config FILE   a test receipt; also card-unit, pin-pad
  myna-atm log show --config FILE         what happened, in the words of XFS4IoT

Environment:
  MYNA_LOG              what is traced on standard error, for example `info`, `debug`, `myna_atm=trace`; default `warn`.
                        No level shows a PIN.
  PCSCLITE_CSOCK_NAME   the socket of the pcscd to use, as for every PC/SC program

Exit status: 0 registered or already registered (or: nothing wrong), 3 refused, 4 pending, 1 fault, 2 usage.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves one visit.
    #[command(long_about = REGISTER_HELP)]
    Register(Register),
    /// Serves one visit after the other, until the service manager stops it.
    #[command(long_about = SERVE_HELP)]
    Serve(Serve),
    /// Delivers what the outbox holds, then ends.
    #[command(long_about = DELIVER_HELP)]
    Deliver(AtConfig),
    /// Looks at everything that a visit needs, and says what to do about what is wrong.
    Doctor(doctor::DoctorArgs),
    /// Lists, looks at or tries the devices.
    Device(device_command::DeviceArgs),
    /// Shows, follows or verifies the device log.
    Log(log_command::LogArgs),
    /// Checks or shows the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
}

const REGISTER_HELP: &str = "\
Serves one visit, from the terms to the card back in its owner's hand.

First it makes good what an earlier end without warning left behind: a card found inside is powered off and given
back, a request that was signed and not answered is delivered again, byte for byte.

With --screen lines a program shows the screens: each is one JSON object on a line of standard output
({\"screen\":\"terms\",…}), each key one on standard input ({\"key\":\"confirm\"}, cancel, yes, no). The PIN does not
travel there: it is entered at the PIN pad of the configuration.

SIGINT and SIGTERM stop the visit where it still can be stopped: the card comes back before the process ends.";

const SERVE_HELP: &str = "\
The service itself: shows the menu, serves whoever presses its key, and shows the menu again. Undecided requests are
delivered beside the visits, with longer and longer pauses while the host is away.

With --screen lines a program shows the screens, as with `register`; each visit's result is one more line. A program can
also say {\"language\":\"en\"}, {\"mode\":\"voice\"}, and what the operator wants: {\"order\":\"stop-after-visit\"},
stop-now, resume.

SIGINT and SIGTERM end it: a visit before its point of no return is stopped and the card comes back; after it, the
customer is told the truth, and the next start goes on with the request. Give it time: TimeoutStopSec=300.

After a damaged journal was set aside nobody is served until somebody has looked and started it again
(docs/recovering.md).";

const DELIVER_HELP: &str = "\
Asks the host about every signed request without a decision, sends those that it does not know again (byte for byte;
the host registers once), records the decisions, and ends. `register` does the same beside its visit.

Exit status 0 when nothing is left, 4 when something is.";

/// Where the configuration lies.
#[derive(Debug, Args)]
pub(crate) struct AtConfig {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", default_value = "/etc/myna-atm/myna-atm.toml")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
struct Register {
    #[command(flatten)]
    at: AtConfig,
    /// Who shows the screens: this console, or a program over lines of JSON.
    #[arg(long, value_enum, default_value_t = ScreenArg::Console)]
    screen: ScreenArg,
    /// Ends standard output with one line: the result as a JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    at: AtConfig,
    /// Who shows the screens: this console, or a program over lines of JSON.
    #[arg(long, value_enum, default_value_t = ScreenArg::Console)]
    screen: ScreenArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScreenArg {
    /// Text for a person, keys from the keyboard.
    Console,
    /// One JSON object a line.
    Lines,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Says whether the configuration can work, and what deserves a second look.
    Check(AtConfig),
    /// Prints the configuration with every default written out. It holds no secret.
    Show(AtConfig),
}

/// The program.
pub fn main() -> ExitCode {
    main_with(|unit| unit)
}

/// The program, with the card unit wrapped: for tests that watch or disturb what goes to the card.
pub fn main_with(adapt: impl FnOnce(Arc<dyn CardUnit>) -> Arc<dyn CardUnit> + 'static) -> ExitCode {
    let cli = Cli::parse();
    start_tracing();
    match cli.command {
        Command::Register(arguments) => register(&arguments, Box::new(adapt)),
        Command::Serve(arguments) => serve(&arguments, Box::new(adapt)),
        Command::Deliver(at) => with_config(&at.config, |config| deliver(config, Box::new(adapt))),
        Command::Doctor(arguments) => {
            with_config(&arguments.at.config, |config| doctor::run(&arguments, &config))
        }
        Command::Device(arguments) => device_command::run(&arguments),
        Command::Log(arguments) => log_command::run(&arguments),
        Command::Config(ConfigCommand::Check(at)) => with_config(&at.config, |config| check(&config)),
        Command::Config(ConfigCommand::Show(at)) => with_config(&at.config, |config| show(&config)),
    }
}

fn start_tracing() {
    // Targets, not the larger EnvFilter: that one brings a regular-expression engine into memory.
    let wanted = std::env::var("MYNA_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(lines).with(filter).init();
}

pub(crate) fn with_config(path: &Path, act: impl FnOnce(Config) -> ExitCode) -> ExitCode {
    match Config::load(path) {
        Ok(config) => act(config),
        Err(error) => {
            complain(&chain(&error));
            ExitCode::from(USAGE)
        }
    }
}

fn register(arguments: &Register, adapt: Adapt) -> ExitCode {
    with_config(&arguments.at.config, |config| {
        let screen = arguments.screen.kind();
        let journal = config.journal_path();
        let report = match run(config, screen, Goal::Register, adapt) {
            Ok(Ended::Visit(report)) => *report,
            Ok(Ended::NoVisit { code }) => Report::without_visit(code, journal),
            Ok(Ended::Stopped) => Report::without_visit("stopped", journal),
            Ok(Ended::Delivered { .. }) => Report::without_visit("program-error", journal),
            Err(error) => {
                complain_of(&error);
                Report::without_visit(error.code(), journal)
            }
        };
        if arguments.json {
            match serde_json::to_string(&report) {
                Ok(line) => say(&line),
                Err(error) => complain(&error.to_string()),
            }
        }
        report.exit_code()
    })
}

impl ScreenArg {
    const fn kind(self) -> ScreenKind {
        match self {
            Self::Console => ScreenKind::Console,
            Self::Lines => ScreenKind::Lines,
        }
    }
}

fn serve(arguments: &Serve, adapt: Adapt) -> ExitCode {
    with_config(&arguments.at.config, |config| {
        match run(config, arguments.screen.kind(), Goal::Serve, adapt) {
            Ok(Ended::Stopped) => ExitCode::SUCCESS,
            Ok(Ended::NoVisit { code }) => {
                complain(code);
                ExitCode::from(FAULT)
            }
            Ok(Ended::Visit(_) | Ended::Delivered { .. }) => ExitCode::from(FAULT),
            Err(error) => {
                complain_of(&error);
                ExitCode::from(FAULT)
            }
        }
    })
}

fn deliver(config: Config, adapt: Adapt) -> ExitCode {
    match run(config, ScreenKind::None, Goal::Deliver, adapt) {
        Ok(Ended::Delivered { left: 0 }) => {
            say("nothing is left in the outbox");
            ExitCode::SUCCESS
        }
        Ok(Ended::Delivered { left }) => {
            say(&format!("requests still without a decision: {left}"));
            ExitCode::from(PENDING)
        }
        Ok(Ended::NoVisit { code }) => {
            complain(code);
            ExitCode::from(FAULT)
        }
        Ok(Ended::Visit(_) | Ended::Stopped) => ExitCode::from(FAULT),
        Err(error) => {
            complain_of(&error);
            ExitCode::from(FAULT)
        }
    }
}

fn run(config: Config, screen: ScreenKind, goal: Goal, adapt: Adapt) -> Result<Ended, ComposeError> {
    let (parts, recovery) = compose(config, screen, adapt)?;
    Ok(Runtime::new(parts, goal).run(recovery))
}

fn check(config: &Config) -> ExitCode {
    for warning in config.warnings() {
        say(&format!("{}: {}", warning.key, warning.reason));
    }
    say("the configuration can work; `myna-atm doctor` looks at the machine around it");
    ExitCode::SUCCESS
}

fn show(config: &Config) -> ExitCode {
    match config.to_toml() {
        Ok(text) => {
            say(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&chain(&error));
            ExitCode::from(FAULT)
        }
    }
}

/// A reader that is gone (a closed pipe) changes nothing about what was done.
fn say(text: &str) {
    let _gone = writeln!(io::stdout().lock(), "{text}");
}

/// Why nothing began: the code that the table of codes has, then the story.
fn complain_of(error: &ComposeError) {
    complain(&format!("{}: {}", error.code(), chain(error)));
}

fn complain(text: &str) {
    let _gone = writeln!(io::stderr().lock(), "myna-atm: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_argument_takes_a_pin() {
        let mut text = Vec::new();
        for command in Cli::command().get_subcommands_mut() {
            text.push(command.render_long_help().to_string());
        }
        assert!(!text.join("\n").contains("--pin"));
    }
}
