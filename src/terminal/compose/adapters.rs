//! From the configuration's devices to adapters.
//!
//! Invariant: no device is touched here, nor waited for; a pad in clear comes about on a bench only.

use std::cell::LazyCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use devices::card::{AfterPowerFailure, OmronConfig, OmronUnit, PcscConfig, PcscUnit, pcscd_socket};
use devices::pinpad::serial::{ClearAllowed, Framing, PadCheck, PadIdentity, SerialPadConfig, UicPrompt};
use devices::pinpad::{ConsolePad, SerialPad, SocketPad, locked_pin_slot};
use devices::port::{self, CardUnit, PinPad, Printer};
use devices::printer::serial::{Limits as PrinterLimits, SerialPrinter};
use devices::printer::{FilePrinter, Paper, Profile};
use devices::serial::{FlowControl, Parity, SerialSettings};

use super::{ComposeError, probe_host};
use crate::config::{self, Config};
use crate::doctor::{Instruments, PadLook};

/// A printer that was switched on tells its state within so long.
const PRINTER_SETTLES_MAX: Duration = Duration::from_secs(5);

/// For a reader to say whether it has a pad.
const PAD_QUESTION_MAX: Duration = Duration::from_secs(2);

pub(super) fn card_unit(config: &Config) -> Arc<dyn CardUnit> {
    match &config.card_unit {
        config::CardUnit::Pcsc { reader } => Arc::new(pcsc(reader.clone())),
        config::CardUnit::Omron { port, baud, parity, after_power_failure } => {
            let specified = OmronConfig::new(port.clone());
            let parity = match parity {
                config::Parity::Even => Parity::Even,
                config::Parity::None => Parity::None,
            };
            let after_power_failure = match after_power_failure {
                config::AfterPowerFailure::Hold => AfterPowerFailure::Hold,
                config::AfterPowerFailure::Return => AfterPowerFailure::Return,
            };
            let line = SerialSettings { baud: *baud, parity, ..specified.line };
            Arc::new(OmronUnit::new(OmronConfig { line, after_power_failure, ..specified }))
        }
    }
}

fn pcsc(reader: Option<String>) -> PcscUnit {
    PcscUnit::new(PcscConfig { reader })
}

pub(super) fn pin_pad(config: &Config) -> Result<Arc<dyn PinPad>, ComposeError> {
    Ok(match &config.pin_pad {
        config::PinPad::Console {} => Arc::new(ConsolePad::new(PathBuf::from("/dev/tty"))),
        config::PinPad::Socket { path } => Arc::new(SocketPad::listen(path)?),
        config::PinPad::Serial { .. } => Arc::new(serial_pad(config)?),
        config::PinPad::Reader {} => {
            return Err(ComposeError::DeviceSetting("the reader's pad gives no digits out"));
        }
    })
}

/// The pad of a configuration that was checked; what cannot be is told all the same.
fn serial_pad(config: &Config) -> Result<SerialPad, ComposeError> {
    let config::PinPad::Serial { port, baud, framing, identity, prompt } = &config.pin_pad else {
        return Err(ComposeError::DeviceSetting("the pad is not on a serial line"));
    };
    let clear = || {
        ClearAllowed::when_bench_only(config.bench_only)
            .ok_or(ComposeError::DeviceSetting("a line in clear needs bench_only = true"))
    };
    let framing = match framing {
        config::PadFraming::Reference => {
            let identity = identity.as_deref().and_then(|text| PadIdentity::from_hex(text).ok());
            Framing::Reference(identity.ok_or(ComposeError::DeviceSetting("no fingerprint of the pad"))?)
        }
        config::PadFraming::Clear => Framing::Clear(clear()?),
        config::PadFraming::UicPp791 => {
            let prompt = prompt.as_deref().and_then(|id| UicPrompt::authenticated(id).ok());
            let prompt = prompt.ok_or(ComposeError::DeviceSetting("no prompt"))?;
            Framing::UicPp791 { prompt, allowed: clear()? }
        }
    };
    let settings = SerialPadConfig::new(SerialSettings::new(port.clone(), *baud), framing);
    // The machine's own limit warns, is made longer, and ends first.
    let entry_ms_max = settings.entry_ms_max.max(config.limits.pad_ms_max());
    Ok(SerialPad::new(SerialPadConfig { entry_ms_max, ..settings })?)
}

pub(super) fn printer(config: &Config) -> Result<Arc<dyn Printer>, ComposeError> {
    match &config.printer {
        config::Printer::File { dir, paper_mm, receipts_max } => {
            let paper = Paper::from_mm(*paper_mm).ok_or(ComposeError::Paper(*paper_mm))?;
            Ok(Arc::new(FilePrinter::new(dir, paper, *receipts_max)?))
        }
        config::Printer::Serial { .. } => Ok(Arc::new(serial_printer(config)?)),
    }
}

fn serial_printer(config: &Config) -> Result<SerialPrinter, ComposeError> {
    let (profile, settings) = printer_line(config)?;
    Ok(SerialPrinter::start(settings, profile, PrinterLimits::default())?)
}

fn printer_line(config: &Config) -> Result<(Profile, SerialSettings), ComposeError> {
    let config::Printer::Serial { port, profile, baud, flow } = &config.printer else {
        return Err(ComposeError::DeviceSetting("the printer is not on a serial line"));
    };
    let profile = Profile::load(profile).map_err(ComposeError::PrinterProfile)?;
    let factory = SerialPrinter::settings(port.clone(), &profile);
    let flow = flow.map_or(factory.flow, |flow| match flow {
        config::Flow::None => FlowControl::None,
        config::Flow::RtsCts => FlowControl::Hardware,
        config::Flow::XonXoff => FlowControl::Software,
    });
    let settings = SerialSettings { baud: baud.unwrap_or(factory.baud), flow, ..factory };
    Ok((profile, settings))
}

/// What `doctor` looks through.
pub(crate) fn instruments(config: &Config) -> Instruments {
    let (host, pad, look, paper) = (config.clone(), config.clone(), config.clone(), config.clone());
    Instruments {
        card_unit: card_unit(config),
        other_readers: other_readers(config),
        printer: LazyCell::new(Box::new(move || {
            settled_printer(&paper).map_err(|error| told("printer", error))
        })),
        pin_pad: Box::new(move || pin_pad(&pad).map_err(|error| told("PIN pad", error))),
        pad_look: Box::new(move || look_at_pad(&look).map_err(|error| told("PIN pad", error))),
        pin_slot: locked_pin_slot,
        pcscd_socket,
        host: Box::new(move || Ok(probe_host(&host)?)),
    }
}

pub(super) fn other_readers(config: &Config) -> Vec<Arc<dyn CardUnit>> {
    let boxed = |unit: PcscUnit| -> Arc<dyn CardUnit> { Arc::new(unit) };
    config.other_readers.iter().map(|name| boxed(pcsc(Some(name.clone())))).collect()
}

/// As [`printer`], when it has told its state.
fn settled_printer(config: &Config) -> Result<Arc<dyn Printer>, ComposeError> {
    match &config.printer {
        config::Printer::File { .. } => printer(config),
        config::Printer::Serial { .. } => {
            let printer = serial_printer(config)?;
            printer.settled(PRINTER_SETTLES_MAX);
            Ok(Arc::new(printer))
        }
    }
}

/// Looks at a pad without an entry. One that another process may have at this moment is left alone.
fn look_at_pad(config: &Config) -> Result<PadLook, ComposeError> {
    Ok(match &config.pin_pad {
        config::PinPad::Console {} | config::PinPad::Socket { .. } => PadLook::NotAsked,
        config::PinPad::Serial { .. } => match serial_pad(config)?.check()? {
            PadCheck::Proven => PadLook::Proven,
            PadCheck::Answers => PadLook::Answers,
            PadCheck::PortOpens => PadLook::PortOpens,
        },
        config::PinPad::Reader {} => {
            let reader = match &config.card_unit {
                config::CardUnit::Pcsc { reader } => reader.clone(),
                config::CardUnit::Omron { .. } => None,
            };
            if pcsc(reader).offers_pad(PAD_QUESTION_MAX)? { PadLook::Offered } else { PadLook::NotOffered }
        }
    })
}

/// Each device with its kind and where it is, for people.
pub(crate) fn device_places(config: &Config) -> Vec<(&'static str, &'static str, String)> {
    let card = match &config.card_unit {
        config::CardUnit::Pcsc { reader } => {
            ("card-unit", "pcsc", reader.clone().unwrap_or_else(|| "the only reader there is".to_owned()))
        }
        config::CardUnit::Omron { port, baud, .. } => {
            ("card-unit", "omron-3s4yr", format!("{}, {baud} bit/s", port.display()))
        }
    };
    let pad = match &config.pin_pad {
        config::PinPad::Console {} => ("pin-pad", "console", "the keyboard of the process".to_owned()),
        config::PinPad::Socket { path } => ("pin-pad", "socket", path.display().to_string()),
        config::PinPad::Reader {} => ("pin-pad", "reader", "the card reader's own".to_owned()),
        config::PinPad::Serial { port, baud, framing, .. } => {
            ("pin-pad", "serial", format!("{}, {baud} bit/s, {}", port.display(), framing.word()))
        }
    };
    let printer = match &config.printer {
        config::Printer::File { dir, paper_mm, .. } => {
            ("printer", "file", format!("{} ({paper_mm} mm)", dir.display()))
        }
        config::Printer::Serial { port, profile, .. } => {
            let line = printer_line(config)
                .map(|(known, line)| format!("{profile} ({}), {} bit/s", known.title, line.baud));
            let line = line.unwrap_or_else(|_| format!("{profile}, which cannot be used"));
            ("printer", "serial", format!("{}, {line}", port.display()))
        }
    };
    let others = config.other_readers.iter().map(|name| ("other-reader", "pcsc", name.clone()));
    [card, pad, printer].into_iter().chain(others).collect()
}

/// The PC/SC readers and serial ports of this machine. What cannot be looked at is not there.
pub(crate) fn found_here() -> (Vec<String>, Vec<String>) {
    (devices::card::reader_names(), devices::serial::ports())
}

fn told(device: &'static str, error: ComposeError) -> port::Fault {
    match error {
        ComposeError::Device(fault) => fault,
        other => port::Fault {
            kind: port::FaultKind::NeedsOperator,
            device,
            code: other.code(),
            action: port::Action::Configuration,
            what: other.to_string(),
            source: Some(Box::new(other)),
        },
    }
}
