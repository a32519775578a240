//! The demo with a person at the keyboard: the terminal's own console screen on this tty, and its pad, or a simulated pad
//! whose keys are this keyboard. The card's going in and out is done for them, when the terminal asks for it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::DemoError;
use crate::configuration::{DeviceSetup, PcscPad, TerminalSetup, write_configuration};
use crate::fingers::Fingers;
use crate::hands::Hands;
use crate::kept_process::Guard;
use crate::programs::Programs;
use crate::state::State;

/// Runs one visit on this console; `explain` is called with the name of each screen. Answers the exit status.
///
/// # Errors
/// When the terminal cannot be started or its trace not read, or when it ends before its first screen.
pub fn visit(
    programs: &Programs,
    state: &State,
    setup: &TerminalSetup,
    hands: &Hands,
    explain: impl Fn(&str),
) -> Result<u8, DemoError> {
    let configuration = write_configuration(state, setup)?;
    let mut child = setup
        .command(&programs.terminal)
        .args([Path::new("register"), Path::new("--config"), &configuration])
        .args(["--screen", "console"])
        .env("MYNA_LOG", "info")
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| DemoError::Start { program: programs.terminal.display().to_string(), source })?;
    let mut guard = Guard::over(&child)?;
    if let Some(trace) = child.stderr.take() {
        let pad_is_simulated = match &setup.devices {
            DeviceSetup::Serial(_) | DeviceSetup::Pcsc { pad: PcscPad::Reader, .. } => true,
            DeviceSetup::Pcsc { pad: PcscPad::Console | PcscPad::Socket(_), .. } => false,
        };
        let mut fingers = None;
        let mut seen = false;
        let mut last = String::new();
        for line in BufReader::new(trace).lines() {
            let line = line.map_err(|source| DemoError::Talk {
                peer: "the terminal",
                doing: "following its trace",
                source,
            })?;
            let Some(screen) = screen_in(&line) else {
                last = line;
                continue;
            };
            seen = true;
            // The entry is over: the keys are the screen's again.
            drop(fingers.take());
            explain(screen);
            match screen {
                "insert-card" => hands.insert_card()?,
                "pin" if pad_is_simulated => fingers = Some(Fingers::begin(hands.clone())?),
                "take-card" => hands.take_card()?,
                _ => {}
            }
        }
        if !seen {
            guard.dismiss();
            let _ended = child.wait();
            return Err(DemoError::NotReady {
                program: "the terminal",
                why: last,
                log: state.path("terminal"),
            });
        }
    }
    guard.dismiss();
    let status = child.wait().map_err(|source| DemoError::Talk {
        peer: "the terminal",
        doing: "waiting for its end",
        source,
    })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// The name in `screen="name"` of a trace line.
fn screen_in(line: &str) -> Option<&str> {
    line.split("screen=\"").nth(1)?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::screen_in;

    #[test]
    fn the_screen_is_found_in_a_trace_line() {
        assert_eq!(screen_in("2026 INFO visit: screen=\"pin\" tries_left=3"), Some("pin"));
        assert_eq!(screen_in("2026 INFO visit: something else"), None);
    }
}
