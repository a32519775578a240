//! The screen as a protocol for programs: one JSON object a line for each screen, on standard output.
//!
//! `{"screen":"pin","at":"pad","tries_left":2,"wrong_before":true,"words":{"title":…,"text":[…],"keys":[["cancel",…]]}}`; names are
//! those of [`super::name`]. Keys come back as `{"key":"confirm"}` on standard input (`keys.rs`).

use std::io::Write;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use transaction::{Closed, EntryBefore, Outcome, Screen, TriesLeft};

use super::{CARD_AT_OTHER_READER, CustomerScreen, Facts, HELP, OUT_OF_SERVICE, TIME_WARNING, name};
use crate::catalogue::{Catalogue, ScreenText};
use crate::report::Report;

/// The screen.
pub(crate) struct Lines<W> {
    out: W,
    catalogue: Arc<Catalogue>,
}

impl<W: Write> Lines<W> {
    pub(crate) fn new(out: W, catalogue: Arc<Catalogue>) -> Self {
        Self { out, catalogue }
    }

    fn write(&mut self, name: &str, fields: Map<String, Value>, words: Option<ScreenText>) {
        let mut line = Map::new();
        line.insert("screen".to_owned(), Value::from(name));
        line.extend(fields);
        if let Some(words) = words {
            let ScreenText { title, text, question, keys, .. } = words;
            line.insert(
                "words".to_owned(),
                json!({ "title": title, "text": text, "question": question, "keys": keys }),
            );
        }
        self.line(&Value::Object(line));
    }

    fn line(&mut self, line: &Value) {
        // Whoever read the screens is gone: the visit goes on, and the card comes back.
        let _gone = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}

impl<W: Write> CustomerScreen for Lines<W> {
    fn show(&mut self, screen: &Screen, facts: &Facts<'_>) {
        let words = self.catalogue.screen(screen, &facts.words);
        let mut fields = fields(screen, facts);
        if *screen == Screen::Menu {
            let languages = facts.languages.iter().map(|other| json!([other.tag(), other.own_name()]));
            fields.insert("languages".to_owned(), languages.collect());
        }
        self.write(name(screen), fields, Some(words));
    }

    fn out_of_service(&mut self) {
        let words = self.catalogue.out_of_service();
        self.write(OUT_OF_SERVICE, Map::new(), Some(words));
    }

    fn dots(&mut self, entered: u8) {
        self.write("dots", object(json!({ "entered": entered })), None);
    }

    fn help(&mut self, screen: &Screen, facts: &Facts<'_>) {
        let words = self.catalogue.help(screen, &facts.words);
        self.write(HELP, object(json!({ "of": name(screen) })), Some(words));
    }

    fn warn_time(&mut self, screen: &Screen, more: bool, facts: &Facts<'_>) {
        let words = self.catalogue.warning(screen, more, &facts.words);
        self.write(TIME_WARNING, object(json!({ "of": name(screen), "more": more })), Some(words));
    }

    fn call_to_take_card(&mut self) {
        self.line(&json!({ "cue": "take-card" }));
    }

    fn card_at_other_reader(&mut self) {
        let ScreenText { title, text, .. } = self.catalogue.card_at_other_reader();
        self.line(&json!({ "notice": CARD_AT_OTHER_READER, "words": { "title": title, "text": text } }));
    }

    fn speak(&mut self, catalogue: Arc<Catalogue>) {
        self.catalogue = catalogue;
    }

    fn report(&mut self, report: &Report) {
        match serde_json::to_value(report) {
            Ok(report) => self.line(&report),
            Err(error) => tracing::error!(%error, "a visit's result could not be told"),
        }
    }
}

fn fields(screen: &Screen, facts: &Facts<'_>) -> Map<String, Value> {
    object(match screen {
        Screen::Terms => match facts.terms {
            Some(terms) => {
                let (version, shown) = (terms.all.version().as_str(), &terms.shown);
                json!({ "version": version, "language": shown.language().as_str(), "text": shown.text() })
            }
            None => json!({}),
        },
        Screen::EnterPin { tries_left, wrong_before } => {
            json!({ "at": "pad", "tries_left": tries_left.get(), "wrong_before": wrong_before })
        }
        Screen::EnterPinAtReader { tries_left, before } => {
            let (wrong, length) = match before {
                EntryBefore::Nothing => (false, false),
                EntryBefore::Wrong => (true, false),
                EntryBefore::WrongLength => (false, true),
            };
            json!({
                "at": "reader",
                "tries_left": tries_left.get(),
                "wrong_before": wrong,
                "wrong_length_before": length,
            })
        }
        Screen::LastTry => json!({ "tries_left": 1 }),
        Screen::Result { outcome, expires_soon, receipt } => {
            let mut fields = of_outcome(outcome);
            fields.insert("receipt".to_owned(), Value::from(*receipt));
            fields.insert("expires_soon".to_owned(), Value::from(*expires_soon));
            fields.insert("acceptance_number".to_owned(), Value::from(facts.words.acceptance.as_deref()));
            fields.insert("request_id".to_owned(), Value::from(facts.request.map(|id| id.to_string())));
            Value::Object(fields)
        }
        Screen::Stopped { outcome, tries_left } => {
            let mut fields = of_outcome(outcome);
            fields.insert("tries_left".to_owned(), Value::from(tries_left.map(TriesLeft::get)));
            Value::Object(fields)
        }
        Screen::TakeCard => json!({ "found_at_start": false }),
        Screen::TakeFoundCard => json!({ "found_at_start": true }),
        Screen::CardUnitDown { fault } => json!({ "code": fault.code }),
        Screen::OutOfService { why: Closed::Fault(fault) } => json!({ "code": fault.code }),
        Screen::OutOfService { why: Closed::Stopped } => json!({ "code": "stopped" }),
        Screen::Starting
        | Screen::Retained
        | Screen::Menu
        | Screen::Connecting
        | Screen::InsertCard
        | Screen::Reading
        | Screen::LeavePad
        | Screen::Signing
        | Screen::Sending
        | Screen::Printing
        | Screen::NoReceipt => json!({}),
    })
}

/// `outcome` would end the visit for a reader of the protocol, whose last line has it: a screen calls it `result`.
fn of_outcome(outcome: &Outcome) -> Map<String, Value> {
    object(json!({ "result": outcome.name(), "code": outcome.code() }))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;
    use crate::config::Helpline;
    use transaction::Refusal;

    fn line(screen: Screen) -> Value {
        let catalogue = Catalogue::new(Language::En, &Helpline::default()).unwrap();
        let mut out = Vec::new();
        Lines::new(&mut out, Arc::new(catalogue)).show(&screen, &Facts::default());
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_screen_is_one_line_of_json() {
        let tries_left = TriesLeft::new(2).unwrap();
        let pin = line(Screen::EnterPin { tries_left, wrong_before: true });
        assert_eq!((&pin["screen"], &pin["tries_left"]), (&json!("pin"), &json!(2)));
        assert_eq!((&pin["at"], &pin["wrong_before"]), (&json!("pad"), &json!(true)));
        let pin = line(Screen::EnterPinAtReader { tries_left, before: EntryBefore::WrongLength });
        assert_eq!((&pin["screen"], &pin["at"]), (&json!("pin"), &json!("reader")));
        assert_eq!((&pin["wrong_before"], &pin["wrong_length_before"]), (&json!(false), &json!(true)));
        let leave = line(Screen::LeavePad);
        assert_eq!((&leave["screen"], &leave["words"]["keys"]), (&json!("leave-pad"), &json!([])));
        let outcome = Outcome::Refused(Refusal::Cancelled);
        let fewer = line(Screen::Stopped { outcome, tries_left: Some(tries_left) });
        assert_eq!(fewer["tries_left"], json!(2));
        assert!(fewer["words"]["text"].to_string().contains("2 tries left"), "{fewer}");
        let outcome = Outcome::Refused(Refusal::PinLocked);
        let stopped = line(Screen::Stopped { outcome, tries_left: None });
        assert_eq!(stopped["tries_left"], Value::Null);
        assert_eq!((&stopped["screen"], &stopped["code"]), (&json!("stopped"), &json!("pin-locked")));
        assert!(stopped.get("outcome").is_none(), "only the result has it");
        assert!(stopped["words"]["title"].as_str().is_some_and(|title| !title.is_empty()));
    }
}
