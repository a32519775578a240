//! Programs of ours that end when their handle is dropped, or when this process dies, however that happens.
//!
//! Invariant: a shell whose standard input is a pipe from here sees to that; the pipe's end is the program's end. It is the
//! program's parent ([`KeptProcess`]), or stands beside a program that is our own child ([`Guard`]).

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::DemoError;

const SCRIPT: &str = include_str!("kept_process.sh");

/// A line on standard input: all is well. Its end without a line: we are gone.
const GUARD_SCRIPT: &str = "trap '' INT HUP TERM; read -r _ || kill -9 \"$1\"";

/// Kills a child of ours when we cannot any more.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
    hold: Option<ChildStdin>,
}

impl Guard {
    /// Begins to look after `child`.
    ///
    /// # Errors
    /// When there is no shell.
    pub(crate) fn over(child: &Child) -> Result<Self, DemoError> {
        let mut shell = Command::new("sh")
            .args(["-c", GUARD_SCRIPT, "guard", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| DemoError::Start { program: "sh".to_owned(), source })?;
        let hold = shell.stdin.take();
        Ok(Self { shell, hold })
    }

    /// To be called before the child is waited for: afterwards its number may be another's.
    pub(crate) fn dismiss(&mut self) {
        if let Some(mut hold) = self.hold.take() {
            // One that is gone already needs no word.
            let _gone = writeln!(hold, "done");
        }
        let _ended = self.shell.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.dismiss();
    }
}

/// The running program.
#[derive(Debug)]
pub(crate) struct KeptProcess {
    shell: Child,
    hold: Option<ChildStdin>,
}

impl KeptProcess {
    /// Starts `command` (its program and arguments; nothing else of it is used) and waits until it says in a line that it is
    /// ready. What it complains of goes into `log`.
    ///
    /// # Errors
    /// [`DemoError::NotReady`] when it ends instead; the message has the last lines of its log.
    pub(crate) fn start(name: &'static str, command: &Command, log: &Path) -> Result<Self, DemoError> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "kept-process"])
            .arg(log)
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|source| DemoError::Start { program: name.to_owned(), source })?;
        let hold = shell.stdin.take();
        let output = shell.stdout.take();
        let kept = Self { shell, hold };
        let mut said = String::new();
        if let Some(output) = output {
            BufReader::new(output).read_line(&mut said).map_err(|source| DemoError::Talk {
                peer: name,
                doing: "waiting until it is ready",
                source,
            })?;
        }
        if said.starts_with("ready") { Ok(kept) } else { Err(not_ready(name, &said, log.to_owned())) }
    }
}

impl Drop for KeptProcess {
    fn drop(&mut self) {
        drop(self.hold.take());
        let _ended = self.shell.wait();
    }
}

fn not_ready(program: &'static str, said: &str, log: PathBuf) -> DemoError {
    let mut complained = String::new();
    let _unread = std::fs::File::open(&log).and_then(|mut file| file.read_to_string(&mut complained));
    let last: Vec<&str> = complained.lines().rev().take(3).collect();
    DemoError::NotReady { program, why: format!("it said '{}' {}", said.trim(), last.join(" / ")), log }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use crate::clock::wait_until;
    use std::time::Duration;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn it_ends_with_its_handle() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let script = format!("echo $$ > {}; echo ready; exec sleep 600", pid.display());
        let kept = KeptProcess::start("a sleeper", &shell(&script), &folder.path().join("log")).unwrap();
        let pid: i32 = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        let pid = nix::unistd::Pid::from_raw(pid);
        assert!(nix::sys::signal::kill(pid, None).is_ok());
        drop(kept);
        let gone = || nix::sys::signal::kill(pid, None).err();
        assert!(wait_until(Duration::from_secs(5), gone).is_some());
    }

    #[test]
    fn a_guarded_child_lives_when_the_guard_is_dismissed_and_dies_when_its_pipe_ends() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        Guard::over(&child).unwrap().dismiss();
        assert!(child.try_wait().unwrap().is_none());
        let mut guard = Guard::over(&child).unwrap();
        drop(guard.hold.take());
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn one_that_ends_at_once_is_told_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let failed = KeptProcess::start("a failure", &shell("echo no port >&2; exit 1"), &log).unwrap_err();
        assert!(failed.to_string().contains("no port"), "{failed}");
    }
}
