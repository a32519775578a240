//! Where the programs are: ours beside this one, `pcscd` and the virtual reader's driver below `target/tools`. The last two
//! are looked for only when they are needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::DemoError;

/// The programs that a demo or a test starts.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `myna-atm`, the terminal.
    pub terminal: PathBuf,
    /// `myna-host`, the acceptance host.
    pub host: PathBuf,
    /// `card-emulator`.
    pub card: PathBuf,
    /// `card-unit-simulator`.
    pub card_unit: PathBuf,
    /// `pin-pad-simulator`.
    pub pin_pad: PathBuf,
    /// `printer-simulator`.
    pub printer: PathBuf,
    tools: PathBuf,
}

const VPCD_PATH: &str = "usr/lib/pcsc/drivers/serial/libifdvpcd.so";

impl Programs {
    /// Finds our programs in `binaries` (usually `target/debug`).
    ///
    /// # Errors
    /// [`DemoError::NotBuilt`], naming the first that is missing.
    pub fn find(binaries: &Path) -> Result<Self, DemoError> {
        let ours = |program: &'static str| {
            let path = binaries.join(program);
            if path.is_file() { Ok(path) } else { Err(DemoError::NotBuilt { program, path }) }
        };
        Ok(Self {
            terminal: ours("myna-atm")?,
            host: ours("myna-host")?,
            card: ours("card-emulator")?,
            card_unit: ours("card-unit-simulator")?,
            pin_pad: ours("pin-pad-simulator")?,
            printer: ours("printer-simulator")?,
            tools: tools_directory(binaries),
        })
    }

    /// `pcscd`, Debian's.
    ///
    /// # Errors
    /// [`DemoError::NoTool`]
    pub fn pcscd(&self) -> Result<PathBuf, DemoError> {
        self.tool("pcscd", "pcscd/usr/sbin/pcscd", "/usr/sbin/pcscd")
    }

    /// `libifdvpcd.so`, the virtual reader's driver (vsmartcard), Debian's.
    ///
    /// # Errors
    /// [`DemoError::NoTool`]
    pub fn vpcd(&self) -> Result<PathBuf, DemoError> {
        let unpacked = format!("vsmartcard-vpcd/{VPCD_PATH}");
        self.tool("the virtual reader's driver (vsmartcard-vpcd)", &unpacked, &format!("/{VPCD_PATH}"))
    }

    /// `libifd_handler.so`, the driver of a reader with a pad (`tests/ifd_handler`): built with all programs, or for a test.
    ///
    /// # Errors
    /// [`DemoError::NotBuilt`]
    pub fn pad_driver(&self) -> Result<PathBuf, DemoError> {
        const DRIVER: &str = "libifd_handler.so";
        let path = self.terminal.with_file_name(DRIVER);
        let beside_tests = self.terminal.with_file_name("deps").join(DRIVER);
        match (beside_tests.is_file(), path.is_file()) {
            (true, _) => Ok(beside_tests),
            (false, true) => Ok(path),
            (false, false) => Err(DemoError::NotBuilt { program: "the driver of a reader with a pad", path }),
        }
    }

    /// Unpacked below the tools' folder, or installed.
    fn tool(&self, what: &'static str, unpacked: &str, installed: &str) -> Result<PathBuf, DemoError> {
        let unpacked = self.tools.join(unpacked);
        let installed = PathBuf::from(installed);
        match (unpacked.is_file(), installed.is_file()) {
            (true, _) => Ok(unpacked),
            (false, true) => Ok(installed),
            (false, false) => Err(DemoError::NoTool { what, path: unpacked }),
        }
    }

    /// Finds our programs beside the running one: `target/debug`, also from a test in `target/debug/deps`.
    ///
    /// # Errors
    /// As [`Programs::find`].
    pub fn beside_this_one() -> Result<Self, DemoError> {
        let own = std::env::current_exe().map_err(|source| DemoError::File {
            doing: "find the path of",
            path: PathBuf::from("this program"),
            source,
        })?;
        let folder = own.parent().unwrap_or(Path::new("."));
        let binaries = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
        Self::find(binaries)
    }
}

/// `program` under another one that runs it, as `strace -f PROGRAM` does: `before` is everything in front of it, and may
/// be empty. Arguments follow behind.
pub(crate) fn command(before: &[String], program: &Path) -> Command {
    match before {
        [] => Command::new(program),
        [outer, words @ ..] => {
            let mut command = Command::new(outer);
            command.args(words).arg(program);
            command
        }
    }
}

fn tools_directory(binaries: &Path) -> PathBuf {
    // scripts/lib/setup.sh exports it; without it, the default place: target/tools beside target/debug.
    match std::env::var_os("MYNA_TOOLS") {
        Some(tools) => PathBuf::from(tools),
        None => binaries.parent().unwrap_or(binaries).join("tools"),
    }
}
