//! Whether a visit may begin at all: a request that could not be kept must not be signed.

use jiff::Timestamp;
use journal::{Journal, JournalError};
use nix::sys::statvfs::statvfs;
use transaction::{ChallengeAnswer, Device, Fault, FaultKind, Refusal};

use crate::config::Config;
use crate::queue::Story;

const MIB: u64 = 1024 * 1024;

/// Why no visit may begin now: the answer for the machine instead of a challenge.
pub(crate) fn not_now(
    config: &Config,
    journal: &Journal,
    now: Timestamp,
) -> Option<(ChallengeAnswer, Story)> {
    if config.closed.reopens(now).is_some() {
        return Some((ChallengeAnswer::Refused(Refusal::HostClosed), Story::default()));
    }
    let operator = |code| Fault { device: Device::Terminal, kind: FaultKind::NeedsOperator, code };
    let failed = |code, what: String| {
        Some((ChallengeAnswer::Failed(operator(code)), Story { what: Some(what), ..Story::default() }))
    };
    match undecided(journal) {
        Ok(count) if count >= config.limits.outbox_entries_max => {
            return failed("outbox-full", format!("requests without a decision: {count}"));
        }
        Ok(_) => {}
        Err(error) => return Some((ChallengeAnswer::Failed(operator("journal-failed")), Story::of(&error))),
    }
    match statvfs(&config.state_dir) {
        Ok(disk) => {
            let free_mib = disk.blocks_available().saturating_mul(disk.fragment_size()) / MIB;
            if free_mib < u64::from(config.limits.disk_free_mib_min) {
                return failed("disk-full", format!("{free_mib} MiB are free in the state directory"));
            }
        }
        Err(error) => {
            return failed("disk-full", format!("the state directory cannot be looked at: {error}"));
        }
    }
    None
}

fn undecided(journal: &Journal) -> Result<u32, JournalError> {
    Ok(u32::try_from(journal.outbox_pending()?.len()).unwrap_or(u32::MAX))
}
