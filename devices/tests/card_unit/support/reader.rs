//! A `pcscd` of the test's own with one virtual reader.

use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use super::PATIENCE;

/// The first of the driver's two slots.
pub(crate) const READER: &str = "Virtual PCD 00 00";

const CONFIGURATION: &str = "/run/pcscd/reader.conf";
const SOCKET: &str = "/run/pcscd/pcscd.comm";
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

/// Running while it lives.
pub(crate) struct Pcscd {
    process: Child,
}

impl Pcscd {
    /// With the virtual reader, or with none.
    pub(crate) fn start(with_reader: bool) -> Self {
        let reader = format!(
            "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x8C7B\nLIBPATH {DRIVER}\nCHANNELID 0x8C7B\n"
        );
        std::fs::write(CONFIGURATION, if with_reader { reader.as_str() } else { "" }).unwrap();
        for stale in [SOCKET, "/run/pcscd/pcscd.pid"] {
            let _was_not_there = std::fs::remove_file(stale);
        }
        let log = std::fs::File::create("/run/pcscd/log").unwrap();
        let process = Command::new("/usr/sbin/pcscd")
            .args(["--foreground", "--config", CONFIGURATION])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("pcscd is not installed");
        wait_until("pcscd listens", || UnixStream::connect(SOCKET).is_ok());
        Self { process }
    }

    /// As a crash would.
    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        let _ended_before = self.process.kill();
        let _ended_before = self.process.wait();
    }
}

/// For what gives no event of its own.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "the peer is another program, which tells nothing")]
pub(crate) fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !ready() {
        assert!(start.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
