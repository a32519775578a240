//! The printer's control socket: a Unix stream, one JSON command a line, one JSON answer a line.
//!
//! ```text
//! {"do":"lever","pull":"paper:out"}    see `lever`
//! {"do":"status"}                      receipts cut off, bytes carried out, whether paper hangs out or lies in the mouth
//! {"do":"quit"}
//! ```
//!
//! Each answer has `"ok":true`, or `"ok":false` with `"error"`.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lever::PrinterLever;
use super::port::Simulator;

/// Longest line that is read as a command.
const LINE_BYTES_MAX: u64 = 4 * 1024;

/// A command, as on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Pulls a lever.
    Lever {
        /// Which, and how.
        pull: PrinterLever,
    },
    /// Says what it has done.
    Status,
    /// Ends the program.
    Quit,
}

/// Serves clients, one after the other, until one of them says `quit`.
pub(super) fn serve(listener: &UnixListener, simulator: &Simulator) {
    for stream in listener.incoming().flatten() {
        // A client that leaves in the middle of a line harms nobody.
        if converse(&stream, simulator).unwrap_or(false) {
            return;
        }
    }
}

/// `true`: quit.
fn converse(stream: &UnixStream, simulator: &Simulator) -> io::Result<bool> {
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if (&mut lines).take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let (answer, quit) = match serde_json::from_str(&line) {
            Ok(Command::Lever { pull }) => {
                simulator.pull(&pull);
                (json!({"ok": true}), false)
            }
            Ok(Command::Status) => (status(simulator), false),
            Ok(Command::Quit) => (json!({"ok": true}), true),
            Err(error) => (json!({"ok": false, "error": error.to_string()}), false),
        };
        let mut writer = stream;
        writer.write_all(format!("{answer}\n").as_bytes())?;
        if quit {
            return Ok(true);
        }
    }
}

fn status(simulator: &Simulator) -> Value {
    simulator.with_machine(|machine| {
        json!({
            "ok": true,
            "receipts": simulator.receipts(),
            "bytes": machine.carried_out,
            "hangs-out": machine.hangs_out(),
            "presented": machine.presented(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_written_as_documented() {
        for text in [r#"{"do":"lever","pull":"paper:out"}"#, r#"{"do":"status"}"#, r#"{"do":"quit"}"#] {
            let command: Command = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&command).unwrap(), text);
        }
        assert!(serde_json::from_str::<Command>(r#"{"do":"lever","pull":"paper:blue"}"#).is_err());
    }
}
