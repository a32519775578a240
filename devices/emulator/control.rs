//! The control socket: a Unix stream, one JSON command a line, one JSON answer a line.
//!
//! ```text
//! {"do":"insert"}   {"do":"remove"}   {"do":"status"}   {"do":"counters"}   {"do":"quit"}
//! {"do":"persona","name":"expired"}          another card, minted if need be; a path works too
//! {"do":"lever","pull":"remove@5"}           see `lever`; {"do":"clear-levers"} puts them back to the persona's
//! {"do":"pin","value":"4821"}                sets the authentication PIN and gives all its tries back
//! {"do":"unblock"}                           every PIN and counter as the card was issued
//! ```
//!
//! Each answer has `"ok":true`, or `"ok":false` with `"error"`. Every command may be repeated without harm.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use test_pki::Pki;

use crate::card::Card;
use crate::clock;
use crate::lever::Lever;
use crate::persona::Persona;
use crate::slot::Slot;
use crate::vpcd::Reader;

/// Longest line that is read as a command.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// A command, as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Puts the card in.
    Insert,
    /// Pulls the card out.
    Remove,
    /// Says what is in the reader and how many commands it got.
    Status,
    /// Says the tries left of each PIN.
    Counters,
    /// Puts another card in the place of this one.
    Persona {
        /// Built-in name or path.
        name: String,
    },
    /// Pulls a lever.
    Lever {
        /// Which, and how.
        pull: Lever,
    },
    /// Puts all levers back to the persona's.
    ClearLevers,
    /// Sets the authentication PIN and gives all its tries back.
    Pin {
        /// 1 to 16 characters.
        value: String,
    },
    /// Puts every PIN and counter back to the persona's.
    Unblock,
    /// Ends the program.
    Quit,
}

/// What the commands act on.
pub struct Desk {
    reader: Arc<Reader>,
    state: PathBuf,
    pki: Pki,
}

impl Desk {
    /// A desk over `reader`; further cards are loaded from `state` and minted with `pki`.
    #[must_use]
    pub fn new(reader: Arc<Reader>, state: PathBuf, pki: Pki) -> Self {
        Self { reader, state, pki }
    }

    /// Serves all clients of `listener`, each on its thread, until the process ends.
    pub fn serve(self, listener: &UnixListener) {
        serve(listener, self);
    }

    /// Does `command` and says what came of it. `Quit` is done by the caller, after the answer.
    fn obey(&self, command: Command) -> Value {
        match command {
            Command::Insert => {
                self.reader.insert();
                done()
            }
            Command::Remove => {
                self.reader.remove();
                done()
            }
            Command::Status => self.status(),
            Command::Counters => self.reader.with_slot(|slot| counters(slot)),
            Command::Persona { name } => match self.exchange(&name) {
                Ok(()) => done(),
                Err(error) => refused(error.as_ref()),
            },
            Command::Lever { pull } => {
                self.reader.with_slot(|slot| slot.pull(pull));
                done()
            }
            Command::ClearLevers => {
                self.reader.with_slot(Slot::clear_levers);
                done()
            }
            Command::Pin { value } => {
                answer(self.reader.with_slot(|slot| slot.card_mut().set_authentication_pin(&value)))
            }
            Command::Unblock => answer(self.reader.with_slot(|slot| slot.card_mut().reset_pins())),
            Command::Quit => done(),
        }
    }

    fn status(&self) -> Value {
        self.reader.with_slot(|slot| {
            json!({
                "ok": true,
                "persona": slot.card().persona().name,
                "inserted": slot.is_inserted(),
                "powered": slot.card().is_powered(),
                "verified": slot.card().verified_pins(),
                "apdus": slot.apdus(),
                "levers": slot.levers(),
            })
        })
    }

    fn exchange(&self, name: &str) -> Result<(), Box<dyn std::error::Error>> {
        let persona = Persona::find(name)?;
        // The same card again: it is locked by ourselves, and nothing is to be done.
        if self.reader.with_slot(|slot| slot.card().persona().name == persona.name) {
            return Ok(());
        }
        self.reader.exchange_card(Card::load(&persona, &self.state, &self.pki, clock::now())?);
        Ok(())
    }
}

impl Obeys for Desk {
    type Command = Command;

    fn obey(&self, command: Command) -> Value {
        Self::obey(self, command)
    }

    fn is_quit(command: &Command) -> bool {
        matches!(command, Command::Quit)
    }

    fn quit(&self) {
        self.reader.quit();
    }
}

/// What a control socket speaks to.
pub(crate) trait Obeys: Send + Sync + 'static {
    /// One line.
    type Command: serde::de::DeserializeOwned;

    /// Does `command` and says what came of it.
    fn obey(&self, command: Self::Command) -> Value;

    /// Whether the program ends after the answer.
    fn is_quit(command: &Self::Command) -> bool;

    /// Ends the program.
    fn quit(&self);
}

/// Serves all clients of `listener`, each on its thread, until the process ends.
pub(crate) fn serve<D: Obeys>(listener: &UnixListener, desk: D) {
    let desk = Arc::new(desk);
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => {
                let desk = Arc::clone(&desk);
                std::thread::spawn(move || {
                    if let Err(error) = converse(&*desk, &stream) {
                        tracing::debug!(error = &error as &dyn std::error::Error, "control client left");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "control client not accepted");
            }
        }
    }
}

fn converse<D: Obeys>(desk: &D, stream: &UnixStream) -> io::Result<()> {
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if (&mut lines).take(LINE_BYTES_MAX).read_line(&mut line)? == 0 {
            return Ok(());
        }
        let command = serde_json::from_str(&line);
        let quit = command.as_ref().is_ok_and(D::is_quit);
        let answer = match command {
            Ok(command) => desk.obey(command),
            Err(error) => refused(&error),
        };
        let mut writer = stream;
        writer.write_all(format!("{answer}\n").as_bytes())?;
        if quit {
            desk.quit();
        }
    }
}

/// The answer to `counters`.
pub(crate) fn counters(slot: &Slot) -> Value {
    let counters: serde_json::Map<String, Value> = slot
        .card()
        .counters()
        .map(|(name, left, max)| (name.to_owned(), json!({"left": left, "max": max})))
        .collect();
    json!({"ok": true, "counters": counters})
}

pub(crate) fn done() -> Value {
    json!({"ok": true})
}

pub(crate) fn answer(result: io::Result<()>) -> Value {
    match result {
        Ok(()) => done(),
        Err(error) => refused(&error),
    }
}

pub(crate) fn refused(error: &(dyn std::error::Error + 'static)) -> Value {
    json!({"ok": false, "error": chain(error)})
}

/// An error and all its sources in one line.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let links = std::iter::successors(Some(error), |link| link.source());
    links.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Listens at `path`, in place of a socket that a former process left there.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && UnixStream::connect(path).is_err() => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        other => other,
    }
}

/// Sends one command to the program that listens at `path` and returns its answer.
pub fn send(path: &Path, command: &impl Serialize) -> io::Result<Value> {
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(format!("{}\n", serde_json::to_string(command)?).as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).take(LINE_BYTES_MAX).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_written_as_documented() {
        for text in [
            r#"{"do":"insert"}"#,
            r#"{"do":"remove"}"#,
            r#"{"do":"status"}"#,
            r#"{"do":"counters"}"#,
            r#"{"do":"persona","name":"expired"}"#,
            r#"{"do":"lever","pull":"remove@5"}"#,
            r#"{"do":"clear-levers"}"#,
            r#"{"do":"pin","value":"4821"}"#,
            r#"{"do":"unblock"}"#,
            r#"{"do":"quit"}"#,
        ] {
            let command: Command = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&command).unwrap(), text);
        }
        for text in [r#"{"do":"explode"}"#, r#"{"do":"lever","pull":"remove"}"#, "insert", ""] {
            assert!(serde_json::from_str::<Command>(text).is_err(), "{text}");
        }
    }
}
