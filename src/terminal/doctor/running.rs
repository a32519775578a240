//! The devices of a running service, as it says itself (`devices.json`).

use std::io;

use super::{Finding, Level, to_do_for};
use crate::config::Config;
use crate::health::{self, ShownDevice};
use crate::queue::chain;

const CHECK: &str = "devices";

pub(super) fn devices(config: &Config) -> Vec<Finding> {
    match health::read(&config.state_dir) {
        Ok(shown) => shown.devices.iter().map(finding).collect(),
        Err(error) => {
            let found = format!("the service runs, and does not say how its devices are: {}", chain(&error));
            vec![Finding::warn(
                CHECK,
                found,
                "Run doctor as the service's user, or stop the service and look again.",
            )]
        }
    }
}

/// Whether the service runs cannot be told, so no device is touched.
pub(super) fn unknown(error: &io::Error) -> Finding {
    let found = format!("whether the service runs cannot be told: {}", chain(error));
    Finding::warn(CHECK, found, "Run doctor as the service's user.")
}

fn finding(device: &ShownDevice) -> Finding {
    let check = match device.device.as_str() {
        "card-unit" => "reader",
        "pin-pad" => "pin-pad",
        "printer" => "printer",
        "other-reader" => "other-reader",
        _ => CHECK,
    };
    let words = [Some(&device.state), device.media.as_ref(), device.paper.as_ref(), device.name.as_ref()];
    let words = words.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut found = format!("{words}, says the running service");
    if let Some(last) = device.last_failure.as_ref().filter(|_| !device.is_usable()) {
        let what = last.what.as_deref().unwrap_or("no more is known");
        found = format!("{found}; {}: {what}", last.code);
    }
    // Without a receipt, and without another reader, a visit works.
    let level = match (device.is_usable(), check) {
        (true, _) => Level::Ok,
        (false, "printer" | "other-reader") => Level::Warn,
        (false, _) => Level::Fail,
    };
    let code = device.out_of_service.as_ref().or(device.last_failure.as_ref().map(|last| &last.code));
    let todo = code.and_then(|code| to_do_for(code));
    let todo = todo.unwrap_or_else(|| "`myna-atm device status` and the device log tell more.".to_owned());
    let todo = (level != Level::Ok).then_some(todo);
    Finding { check, level, found, todo }
}
