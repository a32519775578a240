//! The reader, who may use it, and a card in it.

use std::time::Duration;

use devices::card::SocketCheck;
use devices::port::{CardSession, CardUnit, CardUnitStatus, DeviceState, MediaState};
use jpki::{Card, CardError, Tries};

use super::{Finding, Instruments, because, to_do};
use crate::config::{CardUnit as Unit, Config};
use crate::queue::chain;

pub(super) fn reader(instruments: &Instruments) -> Vec<Finding> {
    let unit = &*instruments.card_unit;
    let status = unit.status();
    let found = found(unit, &status);
    vec![match (status.device, &status.reason) {
        (_, Some(reason)) => Finding::fail("reader", found, to_do(reason)),
        (DeviceState::Online, None) => Finding::ok("reader", found),
        (
            DeviceState::Starting
            | DeviceState::Offline
            | DeviceState::NoDevice
            | DeviceState::DeviceBusy
            | DeviceState::PowerOff
            | DeviceState::HardwareError,
            None,
        ) => Finding::fail("reader", found, "See to the reader's plug, power and settings (card_unit)."),
    }]
}

/// Which it is, how it is, and why.
fn found(unit: &dyn CardUnit, status: &CardUnitStatus) -> String {
    let name = status.reader.as_deref().unwrap_or_else(|| unit.name());
    because(format!("{name}: {}", status.device.word()), status.reason.as_ref())
}

/// Readers that do not serve: one that is missing stops no visit.
pub(super) fn other_readers(instruments: &Instruments) -> Vec<Finding> {
    let check = "other-reader";
    let finding = |unit: &std::sync::Arc<dyn CardUnit>| {
        let status = unit.status();
        let found = format!("{}: {}, media {}", unit.name(), status.device.word(), status.media.word());
        let found = because(found, status.reason.as_ref());
        match (&status.reason, status.device, status.media) {
            (Some(reason), _, _) => Finding::warn(check, found, to_do(reason)),
            (None, DeviceState::Online, MediaState::NotPresent | MediaState::Unknown) => {
                Finding::ok(check, found)
            }
            (None, DeviceState::Online, MediaState::Present | MediaState::Jammed) => Finding::warn(
                check,
                found,
                "A card lies on a reader that does not serve: give it back to its owner.",
            ),
            (
                None,
                DeviceState::Starting
                | DeviceState::Offline
                | DeviceState::NoDevice
                | DeviceState::DeviceBusy
                | DeviceState::PowerOff
                | DeviceState::HardwareError,
                _,
            ) => Finding::warn(check, found, "Check its plug, and other_readers in the configuration."),
        }
    };
    instruments.other_readers.iter().map(finding).collect()
}

/// Whether this machine needs `pcscd`.
pub(super) fn uses_pcscd(config: &Config) -> bool {
    !config.other_readers.is_empty()
        || match config.card_unit {
            Unit::Pcsc { .. } => true,
            Unit::Omron { .. } => false,
        }
}

pub(super) fn pcscd_socket(instruments: &Instruments) -> Vec<Finding> {
    let check = "pcscd-socket";
    vec![match (instruments.pcscd_socket)() {
        Ok(SocketCheck::Restricted(path)) => {
            Finding::ok(check, format!("{} is not open to everybody", path.display()))
        }
        Ok(SocketCheck::WorldWritable(path)) => Finding::warn(
            check,
            format!(
                "{}: every local user can reach a card in the reader, and use up its PIN tries",
                path.display()
            ),
            "Set SocketMode=0660 and SocketGroup of the service's user in pcscd.socket, or use a pcscd with polkit.",
        ),
        Ok(SocketCheck::Missing(path)) => Finding::fail(
            check,
            format!("{} is not there", path.display()),
            "Start pcscd: systemctl enable --now pcscd.socket.",
        ),
        Err(error) => Finding::fail(
            check,
            format!("cannot be looked at: {error}"),
            "Let the service's user see the folder of the socket.",
        ),
    }]
}

/// A card in the reader is asked who it is and how many tries are left; no PIN is sent, no try is used.
pub(super) fn card(instruments: &Instruments, config: &Config) -> Vec<Finding> {
    let check = "card";
    match instruments.card_unit.status().media {
        MediaState::NotPresent => return vec![Finding::ok(check, "no card is in the reader")],
        MediaState::Unknown | MediaState::Jammed => {
            return vec![Finding::warn(check, "cannot be told", "See to the reader first.")];
        }
        MediaState::Present => {}
    }
    let limit = Duration::from_millis(u64::from(config.limits.card_open_ms_max));
    let todo = "Take it out, clean its contacts, put it in again; try another card.";
    vec![match read_card(&*instruments.card_unit, limit) {
        Ok(text) => Finding::ok(check, text),
        Err(failed) => Finding::fail(check, failed, todo),
    }]
}

/// Reads the card in the unit without its PIN and takes its power: what it is, or what failed.
pub(crate) fn read_card(unit: &dyn CardUnit, limit: Duration) -> Result<String, String> {
    let mut session = unit.open(limit).map_err(|fault| chain(&fault))?;
    let answered = ask(&mut *session).map_err(|error| chain(&error));
    match (answered, session.power_off()) {
        (answered, Ok(())) => answered,
        (Ok(text), Err(fault)) => Err(format!("{text}; it may still have power: {}", chain(&fault))),
        (Err(failed), Err(fault)) => Err(format!("{failed}; it may still have power: {}", chain(&fault))),
    }
}

fn ask(session: &mut dyn CardSession) -> Result<String, CardError> {
    let mut card = Card::select(session)?;
    let read = (|| {
        card.token_info()?;
        // Read to see that it can be; what it says is nobody's business here.
        card.certificate()?;
        card.tries_left()
    })();
    let left = card.end();
    let tries = match read? {
        Tries::Left(count) => format!("{count} PIN tries left"),
        Tries::Blocked => "PIN locked or not set".to_owned(),
    };
    left.map(|()| format!("a My Number Card answers: certificate readable, {tries}"))
}
