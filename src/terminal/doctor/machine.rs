//! The machine around the service: journal, SQLite, disk, memory.

use std::fs;
use std::path::Path;

use journal::{CheckpointKeys, NotWhole, ReadError, SQLITE_VERSION_MIN};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;

use super::Finding;
use crate::config::Config;
use crate::queue::chain;

const MIB: u64 = 1024 * 1024;
/// The PIN's page must be lockable, and the locked page needs room beside what the libraries lock.
const LOCK_BYTES_MIN: u64 = 64 * 1024;

/// All of the journal is checked, also what a start does not read; the device log as `log verify` does.
pub(super) fn journal(config: &Config) -> Vec<Finding> {
    let check = "journal";
    let path = config.journal_path();
    let certificate = &config.keys.log.certificate;
    let keys = fs::read_to_string(certificate).ok().and_then(|pem| CheckpointKeys::from_pem(&pem).ok());
    let Some(keys) = keys else {
        let found = format!("cannot be verified without {}", certificate.display());
        return vec![Finding::fail(check, found, "See to cert-log first.")];
    };
    vec![match journal::check_whole(&path, &keys) {
        Ok(report) => Finding::ok(check, format!("{}: {report}", path.display())),
        Err(NotWhole::Read(ReadError::Missing { path })) => {
            Finding::ok(check, format!("{} is not there yet; the first start makes it", path.display()))
        }
        Err(NotWhole::Log { broken, .. }) => Finding::fail(
            check,
            format!("the device log is not what was written: {broken}"),
            "Copy the file away before anything else; then docs/recovering.md, \"The device log is broken\".",
        ),
        Err(error) => match error.reason() {
            Some(reason) => Finding::fail(
                check,
                format!("{}: {}", reason.code(), chain(&error)),
                "Copy the file away before anything else; then docs/recovering.md, \"The journal was damaged\".",
            ),
            None => Finding::fail(check, chain(&error), "See docs/recovering.md."),
        },
    }]
}

pub(super) fn sqlite() -> Vec<Finding> {
    let (number, version) = journal::sqlite_version();
    vec![if number >= SQLITE_VERSION_MIN {
        Finding::ok("sqlite", version)
    } else {
        Finding::fail(
            "sqlite",
            format!("{version} can lose committed pages of a write-ahead log"),
            "Build with the bundled SQLite (the default).",
        )
    }]
}

pub(super) fn disk(config: &Config) -> Vec<Finding> {
    let check = "disk";
    // Before the first start the folder is not there; the one above is on the same disk as a rule.
    let folder = config.state_dir.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"));
    let min = u64::from(config.limits.disk_free_mib_min);
    vec![match statvfs(folder) {
        Ok(disk) => {
            let free = disk.blocks_available().saturating_mul(disk.fragment_size()) / MIB;
            let found = format!("{free} MiB free in {}", folder.display());
            let todo =
                format!("Make room: below {min} MiB no visit begins. Old receipts are the usual cause.");
            match free {
                free if free < min => Finding::fail(check, found, todo),
                free if free < 4 * min => Finding::warn(check, found, todo),
                _ => Finding::ok(check, found),
            }
        }
        Err(error) => {
            Finding::fail(check, format!("{}: {error}", folder.display()), "Let the service's user see it.")
        }
    }]
}

pub(super) fn memory() -> Vec<Finding> {
    let check = "locked-memory";
    vec![match getrlimit(Resource::RLIMIT_MEMLOCK) {
        Ok((soft, _)) if soft >= LOCK_BYTES_MIN => {
            Finding::ok(check, "the PIN's page can be kept out of swap")
        }
        Ok((soft, _)) => Finding::fail(
            check,
            format!("only {soft} bytes may be locked"),
            "Set LimitMEMLOCK=1M in the service's unit.",
        ),
        Err(error) => {
            Finding::fail(check, format!("the limit cannot be read: {error}"), "Check the sandbox settings.")
        }
    }]
}
