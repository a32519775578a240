//! A `pcscd` of the test's own with one virtual reader.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::PATIENCE;

/// The first of the driver's two slots.
pub(crate) const READER: &str = "Virtual PCD 00 00";

/// The reader with a pad of its own.
pub(crate) const PAD_READER: &str = "Pad Reader";

const CONFIGURATION: &str = "/run/pcscd/reader.conf";
const SOCKET: &str = "/run/pcscd/pcscd.comm";
/// Below `target/tools`, where scripts/test unpacks them, or below `/` where somebody installed them.
const PCSCD: &str = "pcscd/usr/sbin/pcscd";
const DRIVER: &str = "vsmartcard-vpcd/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

fn tool(unpacked: &str) -> PathBuf {
    let tools = std::env::var_os("MYNA_TOOLS").map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .parent()
                .expect("devices/ lies in the root")
                .join("target/tools")
        },
        PathBuf::from,
    );
    let (_package, installed) = unpacked.split_once('/').expect("a package and a path");
    [tools.join(unpacked), Path::new("/").join(installed)]
        .into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| {
            panic!("neither unpacked nor installed: {unpacked}; scripts/test puts it in place")
        })
}

/// Running while it lives.
pub(crate) struct Pcscd {
    process: Child,
}

impl Pcscd {
    /// With the virtual reader, or with none.
    pub(crate) fn start(with_reader: bool) -> Self {
        let reader = format!(
            "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x8C7B\nLIBPATH {}\nCHANNELID 0x8C7B\n",
            tool(DRIVER).display()
        );
        Self::configured(if with_reader { &reader } else { "" })
    }

    /// With a reader that has a PIN pad of its own, and the card of `folder` in it: see `tests/ifd_handler`.
    pub(crate) fn with_pad(folder: &Path) -> Self {
        let tests = std::env::current_exe().unwrap();
        // Built before this test, which depends on it, and beside it.
        let driver = tests.with_file_name("libifd_handler.so");
        Self::configured(&format!(
            "FRIENDLYNAME \"{PAD_READER}\"\nDEVICENAME {}\nLIBPATH {}\n",
            folder.display(),
            driver.display()
        ))
    }

    fn configured(readers: &str) -> Self {
        std::fs::write(CONFIGURATION, readers).unwrap();
        for stale in [SOCKET, "/run/pcscd/pcscd.pid"] {
            let _was_not_there = std::fs::remove_file(stale);
        }
        let log = std::fs::File::create("/run/pcscd/log").unwrap();
        let process = Command::new(tool(PCSCD))
            .args(["--foreground", "--config", CONFIGURATION])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("pcscd starts");
        wait_until("pcscd listens", || UnixStream::connect(SOCKET).is_ok());
        Self { process }
    }

    /// Whether it ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
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
