//! The control socket of the unit: JSON lines as [`crate::control`], where they mean the same, and the unit's own.
//!
//! ```text
//! {"do":"insert"}        the customer holds the card into the mouth; the unit takes it in when it is wanted
//! {"do":"remove"}        the customer waits up to 3 s for the card at the mouth and takes it; then pulls by force
//! {"do":"take"}          takes it if it is at the mouth
//! {"do":"pull"}          pulls it out by force, wherever it is
//! {"do":"empty-bin"}     somebody empties the bin and gives the card back
//! {"do":"power-cut"}     the unit's power fails and comes back
//! {"do":"unplug"}   {"do":"plug"}            the line's plug
//! {"do":"status"}   {"do":"counters"}   {"do":"pin","value":"4821"}   {"do":"unblock"}   {"do":"quit"}
//! {"do":"persona","name":"expired"}          another card in the customer's hand
//! {"do":"lever","pull":"jam:front"}          a lever of the unit or of the card; {"do":"clear-levers"}
//! ```

use std::fmt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use test_pki::Pki;

use super::{Place, Simulator, UnitLever};
use crate::card::Card;
use crate::clock;
use crate::control::{self, Obeys, done, refused};
use crate::lever::Lever;
use crate::persona::Persona;

/// How long a customer waits for a card that is on its way.
const PATIENCE: Duration = Duration::from_secs(3);

/// A command, as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
#[expect(missing_docs, reason = "each is explained at the top of this file")]
pub enum Command {
    Insert,
    Remove,
    Take,
    Pull,
    EmptyBin,
    PowerCut,
    Unplug,
    Plug,
    Status,
    Counters,
    Persona { name: String },
    Lever { pull: AnyLever },
    ClearLevers,
    Pin { value: String },
    Unblock,
    Quit,
}

/// A lever of the unit or of the card in it: no text is both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyLever {
    /// Of the unit.
    Unit(UnitLever),
    /// Of the card.
    Card(Lever),
}

/// What was written is a lever of neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is a lever of neither card unit nor card: see --help")]
pub struct AnyLeverFault {
    text: String,
}

impl FromStr for AnyLever {
    type Err = AnyLeverFault;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let of_unit = text.parse().map(Self::Unit).ok();
        let lever = of_unit.or_else(|| text.parse().map(Self::Card).ok());
        lever.ok_or_else(|| AnyLeverFault { text: text.to_owned() })
    }
}

impl fmt::Display for AnyLever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unit(lever) => lever.fmt(f),
            Self::Card(lever) => lever.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for AnyLever {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for AnyLever {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl AnyLever {
    /// Pulls it.
    pub fn pull(self, unit: &Simulator) {
        match self {
            Self::Unit(lever) => unit.pull(&lever),
            Self::Card(lever) => unit.with_slot(|slot| slot.pull(lever)),
        }
    }
}

/// Waited for by the program, told by a client.
#[derive(Clone, Default)]
pub struct End {
    told: Arc<(Mutex<bool>, Condvar)>,
}

impl End {
    /// Waits until a client says `quit`.
    pub fn wait(&self) {
        let (told, changed) = &*self.told;
        drop(changed.wait_while(told.lock().unwrap_or_else(PoisonError::into_inner), |told| !*told));
    }

    fn tell(&self) {
        let (told, changed) = &*self.told;
        *told.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }
}

/// What the commands act on.
pub struct Desk {
    unit: Arc<Simulator>,
    state: PathBuf,
    pki: Pki,
    end: End,
}

impl Desk {
    /// A desk over `unit`; further cards are loaded from `state` and minted with `pki`.
    #[must_use]
    pub fn new(unit: Arc<Simulator>, state: PathBuf, pki: Pki, end: End) -> Self {
        Self { unit, state, pki, end }
    }

    /// Serves all clients of `listener`, each on its thread, until the process ends.
    pub fn serve(self, listener: &UnixListener) {
        control::serve(listener, self);
    }

    fn status(&self) -> Value {
        let (state, counts) = (self.unit.state(), self.unit.counts());
        let unit_levers = self.unit.levers();
        self.unit.with_slot(|slot| {
            let levers: Vec<String> = unit_levers
                .iter()
                .map(ToString::to_string)
                .chain(slot.levers().iter().map(ToString::to_string))
                .collect();
            json!({
                "ok": true,
                "persona": slot.card().persona().name,
                "inserted": state.place == Place::Inside,
                "powered": state.powered,
                "verified": slot.card().verified_pins(),
                "apdus": slot.apdus(),
                "levers": levers,
                "place": state.place.word(),
                "entry_open": state.entry_open,
                "shutter_open": state.shutter_open,
                "pressed": state.pressed,
                "captured": state.captured,
                "plugged": state.plugged,
                "executed": counts.executed,
                "repeats": counts.repeats,
                "damaged": counts.damaged,
                "given_up": counts.given_up,
                "verifies": counts.verifies(),
                "signatures": counts.signatures(),
            })
        })
    }

    fn exchange(&self, name: &str) -> Result<(), Box<dyn std::error::Error>> {
        let persona = Persona::find(name)?;
        let same = self.unit.with_slot(|slot| slot.card().persona().name == persona.name);
        // The same card again: it is locked by ourselves, and nothing is to be done.
        if same {
            return Ok(());
        }
        let card = Card::load(&persona, &self.state, &self.pki, clock::now())?;
        Ok(self.unit.exchange_card(card)?)
    }
}

impl Place {
    /// For the answer to `status`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Hand => "hand",
            Self::Offered => "offered",
            Self::Mouth => "mouth",
            Self::Inside => "inside",
            Self::Bin => "bin",
        }
    }
}

impl Obeys for Desk {
    type Command = Command;

    fn obey(&self, command: Command) -> Value {
        let unit = &self.unit;
        match command {
            Command::Insert => said(unit.insert()),
            Command::Remove => said(unit.remove(PATIENCE)),
            Command::Take => said(unit.take().then_some(()).ok_or("the unit has the card")),
            Command::Pull => said(unit.pull_out()),
            Command::EmptyBin => after(|| unit.empty_bin()),
            Command::PowerCut => after(|| unit.power_cut()),
            Command::Unplug => after(|| unit.plug(false)),
            Command::Plug => after(|| unit.plug(true)),
            Command::Status => self.status(),
            Command::Counters => unit.with_slot(|slot| control::counters(slot)),
            Command::Persona { name } => match self.exchange(&name) {
                Ok(()) => done(),
                Err(error) => refused(error.as_ref()),
            },
            Command::Lever { pull } => after(|| pull.pull(unit)),
            Command::ClearLevers => after(|| unit.clear_levers()),
            Command::Pin { value } => {
                control::answer(unit.with_slot(|slot| slot.card_mut().set_authentication_pin(&value)))
            }
            Command::Unblock => control::answer(unit.with_slot(|slot| slot.card_mut().reset_pins())),
            Command::Quit => done(),
        }
    }

    fn is_quit(command: &Command) -> bool {
        matches!(command, Command::Quit)
    }

    fn quit(&self) {
        self.end.tell();
    }
}

fn after(act: impl FnOnce()) -> Value {
    act();
    done()
}

fn said(result: Result<(), &'static str>) -> Value {
    match result {
        Ok(()) => done(),
        Err(why) => json!({"ok": false, "error": why}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_written_as_documented() {
        for text in [
            r#"{"do":"insert"}"#,
            r#"{"do":"remove"}"#,
            r#"{"do":"take"}"#,
            r#"{"do":"pull"}"#,
            r#"{"do":"empty-bin"}"#,
            r#"{"do":"power-cut"}"#,
            r#"{"do":"unplug"}"#,
            r#"{"do":"persona","name":"expired"}"#,
            r#"{"do":"lever","pull":"jam:front"}"#,
            r#"{"do":"lever","pull":"remove@5"}"#,
            r#"{"do":"quit"}"#,
        ] {
            let command: Command = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&command).unwrap(), text);
        }
        for text in [r#"{"do":"explode"}"#, r#"{"do":"lever","pull":"remove"}"#, "insert", ""] {
            assert!(serde_json::from_str::<Command>(text).is_err(), "{text}");
        }
    }

    /// Whoever has hands for the emulated card has hands for the unit.
    #[test]
    fn what_the_card_emulator_understands_is_understood() {
        for text in [
            r#"{"do":"insert"}"#,
            r#"{"do":"remove"}"#,
            r#"{"do":"status"}"#,
            r#"{"do":"counters"}"#,
            r#"{"do":"persona","name":"expired"}"#,
            r#"{"do":"lever","pull":"status:6f00@ins:2a"}"#,
            r#"{"do":"clear-levers"}"#,
            r#"{"do":"pin","value":"4821"}"#,
            r#"{"do":"unblock"}"#,
            r#"{"do":"quit"}"#,
        ] {
            assert!(serde_json::from_str::<control::Command>(text).is_ok(), "{text}");
            assert!(serde_json::from_str::<Command>(text).is_ok(), "{text}");
        }
    }
}
