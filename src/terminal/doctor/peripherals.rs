//! Printer and PIN pad.

use std::time::Duration;

use devices::port::{DeviceState, PaperState, Reason, ReceiptState};
use jiff::Timestamp;

use super::{Finding, Instruments, PadLook, because, to_do};
use crate::catalogue::Language;
use crate::config::{Config, PinPad};
use crate::device_command::test_receipt;
use crate::queue::chain;

/// Without a printer the visit still works: the customer is told that no receipt can be printed, and reads the numbers on the
/// screen. So nothing here fails but what no printer could mend.
pub(super) fn printer(instruments: &Instruments) -> Vec<Finding> {
    let check = "printer";
    let printer = match &*instruments.printer {
        Ok(printer) => printer,
        Err(fault) => {
            let todo = "Check [printer] in the configuration, and the rights of its folder or port.";
            return vec![Finding::fail(check, chain(fault), todo)];
        }
    };
    let status = printer.status();
    let mut found = format!("{}, paper {}", status.device.word(), status.paper.word());
    if status.media != ReceiptState::NotSupported {
        found = format!("{found}, media {}", status.media.word());
    }
    if let Some(reason) = &status.reason {
        let todo = format!("{} Visits go on without receipts.", to_do(reason));
        return vec![Finding::warn(check, because(found, Some(reason)), todo)];
    }
    vec![match (status.device, status.paper) {
        (DeviceState::Online, PaperState::Full | PaperState::Unknown) => Finding::ok(check, found),
        (DeviceState::Online, PaperState::Low | PaperState::Out | PaperState::Jammed) => {
            Finding::warn(check, found, "Put in paper; empty the folder of receipts.")
        }
        (
            DeviceState::Starting
            | DeviceState::Offline
            | DeviceState::NoDevice
            | DeviceState::DeviceBusy
            | DeviceState::PowerOff
            | DeviceState::HardwareError,
            _,
        ) => Finding::warn(check, found, "Check the printer; visits go on without receipts."),
    }]
}

/// Whether a receipt in each language is out before the customer is told that there is none.
pub(super) fn receipt_time(instruments: &Instruments, config: &Config, now: Timestamp) -> Vec<Finding> {
    let check = "receipt-time";
    let Ok(printer) = &*instruments.printer else { return Vec::new() };
    let limit = Duration::from_millis(u64::from(config.limits.print_ms_max));
    let slowest = offered(config)
        .into_iter()
        .filter_map(|language| {
            let receipt = test_receipt(config, language, now).ok()?;
            Some((printer.time_for(&receipt), language))
        })
        .max_by_key(|(time, _)| *time);
    let Some((time, language)) = slowest else {
        return vec![Finding::fail(check, "no receipt can be made", "Check [receipt] and [place].")];
    };
    let found = format!(
        "the slowest receipt ({}) takes {:.1} s on this line, of {:.1} s",
        language.tag(),
        time.as_secs_f64(),
        limit.as_secs_f64()
    );
    let todo = "Set a faster line at printer and configuration, a profile with Japanese letters, or limits.print_ms_max.";
    vec![if time < limit { Finding::ok(check, found) } else { Finding::warn(check, found, todo) }]
}

fn offered(config: &Config) -> Vec<Language> {
    let others = config.languages.iter().copied().filter(|language| *language != config.language);
    [config.language].into_iter().chain(others).collect()
}

pub(super) fn pin_pad(instruments: &Instruments, config: &Config) -> Vec<Finding> {
    let check = "pin-pad";
    let bench = "For the bench only.";
    vec![match &config.pin_pad {
        PinPad::Console {} => Finding::ok(check, "the console's keyboard"),
        PinPad::Socket { path } => match path.parent() {
            Some(folder) if folder.is_dir() => {
                Finding::warn(check, format!("a socket, {}", path.display()), bench)
            }
            _ => Finding::fail(check, format!("no folder for {}", path.display()), "Make the folder."),
        },
        PinPad::Reader {} | PinPad::Serial { .. } => asked_pad(instruments),
    }]
}

/// A pad that can be asked.
pub(super) fn asked_pad(instruments: &Instruments) -> Finding {
    let check = "pin-pad";
    let bench = "For the bench only.";
    match (instruments.pad_look)() {
        Ok(PadLook::Proven) => Finding::ok(check, "the configured pad, proven by its key"),
        Ok(PadLook::Offered) => Finding::ok(check, "the reader's own: digits never come into this process"),
        Ok(PadLook::NotOffered) => {
            let todo = "Take a reader with a pad for 4 digits, or another pin_pad.kind.";
            Finding::fail(check, "the reader offers no pad for this PIN", todo)
        }
        Ok(PadLook::Answers) => {
            Finding::warn(check, "a pad answers; its line carries digits in clear", bench)
        }
        Ok(PadLook::PortOpens) => {
            Finding::warn(check, "the port opens; the line carries digits in clear", bench)
        }
        Ok(PadLook::NotAsked) => Finding::warn(check, "was not asked", "Stop the service, then look again."),
        Err(fault) => {
            let reason = Reason::from(&fault);
            Finding::fail(check, because(reason.state().word().to_owned(), Some(&reason)), to_do(&reason))
        }
    }
}
