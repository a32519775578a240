//! The APDU trace: every command and answer in hex, one line each, without PINs.
//!
//! Invariant: the data field of every command that carries a PIN or password is left out, whatever its class byte,
//! form or outcome; there is no switch to show it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// An open trace file; lines are appended.
pub(crate) struct Trace {
    file: File,
}

impl Trace {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: OpenOptions::new().append(true).create(true).mode(0o600).open(path)? })
    }

    /// Something other than an APDU: power, insertion, a lever.
    pub(crate) fn note(&mut self, what: &str) {
        self.line(&format!("# {what}\n"));
    }

    /// Command `number` and what came of it (`None`: nothing came back), after `time` in the card.
    pub(crate) fn exchange(&mut self, number: u64, command: &[u8], answer: Option<&[u8]>, time: Duration) {
        let answer = answer.map_or_else(|| "nothing".to_owned(), hex::encode_upper);
        self.line(&format!(
            "{number:>5} > {}\n{number:>5} < {answer}  {} us\n",
            shown(command),
            time.as_micros()
        ));
    }

    fn line(&mut self, text: &str) {
        // A full disk must not stop the card.
        if let Err(error) = self.file.write_all(text.as_bytes()) {
            tracing::warn!(error = &error as &dyn std::error::Error, "trace line lost");
        }
    }
}

/// A command in hex; of VERIFY, CHANGE REFERENCE DATA and CHANGE KEY the header only.
fn shown(command: &[u8]) -> String {
    match command.split_at_checked(4) {
        Some((header @ [_, 0x20 | 0x24 | 0x32, ..], body)) if !body.is_empty() => {
            format!("{} [{} bytes redacted]", hex::encode_upper(header), body.len())
        }
        _ => hex::encode_upper(command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_never_in_the_trace() {
        let pin = b"2580";
        for (cla, ins) in [(0x00, 0x20), (0x00, 0x24), (0x80, 0x32), (0x08, 0x20), (0xFF, 0x24)] {
            let short = [&[cla, ins, 0x01, 0x80, 0x04], pin.as_slice()].concat();
            let extended = [&[cla, ins, 0x01, 0x80, 0x00, 0x00, 0x04], pin.as_slice()].concat();
            for command in [short, extended] {
                let text = shown(&command);
                assert!(!text.contains(&hex::encode_upper(pin)), "{text}");
                assert!(text.contains("redacted"));
            }
        }
        assert_eq!(shown(&[0, 0x20, 0, 0x98]), "00200098");
        assert_eq!(shown(&[0, 0xB0, 0, 0, 4]), "00B0000004");
        assert_eq!(shown(&[0, 0x20]), "0020");
    }
}
