//! Every text that a customer reads, by key, in every language; and every stable code with what operators do about it.
//!
//! Invariants:
//! - A refusal says what happened, why, and what to do next; a test holds each language to all three for every code.
//! - The texts are data for translators (`catalogue/*.ftl`, Fluent); what may stand in them is decided by the types here:
//!   counts, dates, the numbers on the receipt, the helpline. A PIN cannot, and neither can the holder's name.
//! - A `|` in a text ends a word: a line of a receipt may end there. What goes on a receipt has [`WORD_END`] in its place; a
//!   screen, which is shown by somebody else's means, has nothing.
//! - A missing or broken text never stops a visit: its key is shown instead, and tests keep that from happening.

use std::borrow::Cow;

use devices::printer::WORD_END;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use serde::Serialize;
use transaction::{Closed, EntryBefore, Fault, Outcome, Screen, TriesLeft};

use crate::config::Helpline;

mod codes;
mod language;
mod menu;

pub use codes::{CODES, Class, Code, Line, code};
pub use language::Language;
pub use menu::MenuName;

const JA: &str = include_str!("catalogue/ja.ftl");
const EN: &str = include_str!("catalogue/en.ftl");
const TH: &str = include_str!("catalogue/th.ftl");

/// The texts of one language, with the constants of one machine in them.
pub struct Catalogue {
    language: Language,
    bundle: FluentBundle<FluentResource>,
    helpline: Helpline,
    menu: MenuName,
    test: bool,
}

/// The built-in texts of a language cannot be used. A bug.
#[derive(Debug, thiserror::Error)]
#[error("the texts of language {language} are broken: {what}")]
pub struct CatalogueError {
    language: &'static str,
    what: String,
}

/// What a screen may say beyond its fixed words.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// When the host opens again, in words of the language; see [`Catalogue::moment`].
    pub reopens: Option<String>,
    /// The host's acceptance number.
    pub acceptance: Option<String>,
    /// The request's reference number, as on the receipt.
    pub reference: Option<String>,
    /// Months of the notice that the certificate ends.
    pub notice_months: u32,
    /// Whom the owner of a card calls that the machine keeps.
    pub call: Option<String>,
}

/// How a visit ended, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// What happened, in a few words.
    pub title: String,
    /// Why, and what it means.
    pub explanation: String,
    /// What to do next.
    pub next: String,
}

/// The keys that a screen offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Key {
    /// Go on.
    Confirm,
    /// End the visit.
    Cancel,
    /// Answer yes.
    Yes,
    /// Answer no.
    No,
    /// More time.
    More,
    /// More words about the screen.
    Help,
}

impl Key {
    /// Those that are labelled at their screen.
    const OF_SCREENS: [Self; 4] = [Self::Confirm, Self::Cancel, Self::Yes, Self::No];

    /// The word of the `lines` protocol, and the attribute of its label in the catalogue.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Cancel => "cancel",
            Self::Yes => "yes",
            Self::No => "no",
            Self::More => "more",
            Self::Help => "help",
        }
    }
}

/// One screen in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScreenText {
    /// The screen's stable name.
    pub screen: &'static str,
    /// The one large line.
    pub title: String,
    /// Below it, one paragraph each. Those of the terms come from the host and follow these.
    pub text: Vec<String>,
    /// A question, directly above the keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The keys with their labels.
    pub keys: Vec<(Key, String)>,
}

impl ScreenText {
    /// A screen's lines are broken by whoever shows it.
    fn unmarked(self) -> Self {
        Self {
            screen: self.screen,
            title: unmarked(&self.title),
            text: self.text.iter().map(|text| unmarked(text)).collect(),
            question: self.question.as_deref().map(unmarked),
            keys: self.keys.into_iter().map(|(key, label)| (key, unmarked(&label))).collect(),
        }
    }
}

fn unmarked(text: &str) -> String {
    text.replace(WORD_END, "")
}

impl Catalogue {
    /// The texts of `language`.
    ///
    /// # Errors
    /// When the built-in texts do not parse: a bug, which a test excludes.
    pub fn new(language: Language, helpline: &Helpline) -> Result<Self, CatalogueError> {
        let broken = |what: String| CatalogueError { language: language.tag(), what };
        let source = match language {
            Language::Ja => JA,
            Language::En => EN,
            Language::Th => TH,
        };
        let resource = FluentResource::try_new(source.replace('|', &WORD_END.to_string()))
            .map_err(|(_, errors)| broken(format!("{errors:?}")))?;
        let locale = language.tag().parse().map_err(|error| broken(format!("{error}")))?;
        let mut bundle = FluentBundle::new_concurrent(vec![locale]);
        // The isolation marks around each value would be printed on the receipt and read aloud.
        bundle.set_use_isolating(false);
        bundle.add_resource(resource).map_err(|errors| broken(format!("{errors:?}")))?;
        Ok(Self { language, bundle, helpline: helpline.clone(), menu: MenuName::default(), test: false })
    }

    /// The same for a machine that accepts cards under test roots: its screens say that nothing here is real.
    #[must_use]
    pub fn for_tests(self, test: bool) -> Self {
        Self { test, ..self }
    }

    /// The same for a machine whose menu has this name.
    #[must_use]
    pub fn with_menu(self, menu: MenuName) -> Self {
        Self { menu, ..self }
    }

    /// The language of the texts.
    pub fn language(&self) -> Language {
        self.language
    }

    /// What the customer sees.
    pub fn screen(&self, screen: &Screen, facts: &Facts) -> ScreenText {
        let name = screen_name(screen);
        let key = format!("screen-{name}");
        let mut shown = self.plain_screen(name);
        match screen {
            Screen::EnterPin { tries_left, wrong_before } => {
                if *wrong_before {
                    shown.text.insert(0, self.attribute(PIN, "wrong", None));
                }
                shown.text.extend(self.about_the_pin(*tries_left));
            }
            Screen::EnterPinAtReader { tries_left, before } => {
                match before {
                    EntryBefore::Nothing => {}
                    EntryBefore::Wrong => shown.text.insert(0, self.attribute(PIN, "wrong", None)),
                    EntryBefore::WrongLength => {
                        shown.text.insert(0, self.attribute(&key, "wrong-length", None));
                    }
                }
                shown.text.extend(self.about_the_pin(*tries_left));
            }
            Screen::Result { outcome, expires_soon, receipt } => {
                let ending = self.ending(outcome, facts);
                shown.title = ending.title;
                shown.text = vec![ending.explanation];
                shown.text.extend(self.numbers(facts));
                shown.text.push(ending.next);
                shown.text.extend(self.notices(outcome, *expires_soon, facts.notice_months));
                if *receipt {
                    shown.question = Some(self.attribute(&key, "question", None));
                } else {
                    shown.text.push(self.attribute(&key, "no-receipt", None));
                    shown.keys = vec![(Key::Confirm, self.attribute(&key, "ok", None))];
                }
            }
            Screen::Stopped { outcome, tries_left } => {
                let ending = self.ending(outcome, facts);
                shown.title = ending.title;
                shown.text = vec![ending.explanation, ending.next];
                if let Some(tries_left) = tries_left {
                    let mut args = FluentArgs::new();
                    args.set("tries", tries_left.get());
                    shown.text.push(self.attribute(&key, "tries", Some(&args)));
                }
            }
            Screen::Menu => shown.title = self.attribute(&key, self.menu.attribute(), None),
            Screen::NoReceipt => shown.text.extend(self.numbers(facts)),
            Screen::Retained => {
                let mut args = FluentArgs::new();
                args.set("call", facts.call.as_deref().unwrap_or(self.helpline.number.as_str()));
                shown.text.push(self.attribute(&key, "call", Some(&args)));
                shown.text.extend(self.numbers(facts));
            }
            Screen::OutOfService { why: Closed::Fault(fault) } => {
                let mut args = FluentArgs::new();
                args.set("code", fault.code);
                shown.text.push(self.attribute(&key, "why", Some(&args)));
            }
            _ => {}
        }
        if self.test && matches!(screen, Screen::Menu | Screen::Terms | Screen::Result { .. }) {
            shown.text.insert(0, self.label("receipt-banner"));
        }
        shown.unmarked()
    }

    /// More words about a screen that stays, and its keys.
    pub fn help(&self, screen: &Screen, facts: &Facts) -> ScreenText {
        let shown = self.screen(screen, facts);
        let key = format!("screen-{}", shown.screen);
        let own = self.has(&key, "help").then(|| self.attribute(&key, "help", None));
        let text = own.into_iter().chain([self.label("help-call")]).collect();
        ScreenText { title: self.label("help-title"), text, question: None, ..shown }.unmarked()
    }

    /// The warning that the time for a screen is nearly over; the screen's keys go on to work.
    pub fn warning(&self, screen: &Screen, more: bool, facts: &Facts) -> ScreenText {
        let shown = self.screen(screen, facts);
        let (text, key) = match (more, screen) {
            (true, Screen::EnterPin { .. }) => ("pin", Some(Key::More)),
            (true, _) => ("text", Some(Key::More)),
            (false, _) => ("last", None),
        };
        let text = self.attribute("time-warning", text, None);
        let more = key.map(|key| (key, self.attribute("time-warning", "more", None)));
        ScreenText {
            title: self.attribute("time-warning", "title", None),
            text: vec![text],
            question: None,
            keys: more.into_iter().chain(shown.keys).collect(),
            ..shown
        }
        .unmarked()
    }

    /// The notice that a card lies at a reader that does not serve; the screen that asks for it stays, with its keys.
    pub fn card_at_other_reader(&self) -> ScreenText {
        let shown = self.plain_screen("insert-card");
        let key = "notice-card-at-other-reader";
        let text = vec![self.attribute(key, "text", None)];
        ScreenText { title: self.attribute(key, "title", None), text, question: None, ..shown }.unmarked()
    }

    /// The label of the key for help.
    pub fn help_label(&self) -> String {
        unmarked(&self.label("help-key"))
    }

    /// The screen of a machine that does not serve.
    pub fn out_of_service(&self) -> ScreenText {
        self.plain_screen("out-of-service").unmarked()
    }

    /// How a visit ended, in words, with the ends of words marked for the receipt.
    pub fn ending(&self, outcome: &Outcome, facts: &Facts) -> Ending {
        let mut args = FluentArgs::new();
        args.set("reopens", facts.reopens.as_deref().unwrap_or("none"));
        let key = match outcome {
            Outcome::Fault(fault) => self.fault_key(fault),
            other => format!("code-{}", other.code()),
        };
        let text = |attribute: &str| self.attribute(&key, attribute, Some(&args));
        Ending { title: text("title"), explanation: text("explanation"), next: text("next") }
    }

    /// A text without attributes, such as the labels of the receipt, with the ends of words marked.
    pub fn label(&self, key: &str) -> String {
        self.format(key, None, None)
    }

    /// What a customer should know beside the result, on the screen and on the receipt alike: registered is not yet insured,
    /// and the certificate may end within so many months.
    pub fn notices(&self, outcome: &Outcome, expires_soon: bool, months: u32) -> Vec<String> {
        let mut notices = Vec::new();
        if matches!(outcome, Outcome::Registered | Outcome::AlreadyRegistered | Outcome::Pending) {
            notices.push(self.label("notice-insurer"));
        }
        if expires_soon {
            let mut args = FluentArgs::new();
            args.set("months", months);
            notices.push(self.format("notice-expires-soon", None, Some(&args)));
        }
        notices
    }

    /// What to press after the greeting of the helpline, if there is a menu.
    pub fn helpline_menu(&self) -> Option<String> {
        let mut args = FluentArgs::new();
        args.set("menu", self.helpline.menu.as_str());
        (!self.helpline.menu.is_empty()).then(|| self.format("receipt-helpline-menu", None, Some(&args)))
    }

    /// Date and time in Japan as the language writes them.
    pub fn moment(&self, at: jiff::Timestamp) -> String {
        let local = crate::config::JST.to_datetime(at);
        devices::printer::Value::moment(local, self.language.date_style()).text().to_owned()
    }

    fn plain_screen(&self, name: &'static str) -> ScreenText {
        let key = format!("screen-{name}");
        let optional =
            |attribute: &str| self.has(&key, attribute).then(|| self.attribute(&key, attribute, None));
        ScreenText {
            screen: name,
            title: optional("title").unwrap_or_default(),
            text: optional("text").into_iter().collect(),
            question: None,
            keys: Key::OF_SCREENS.into_iter().filter_map(|key| Some((key, optional(key.word())?))).collect(),
        }
    }

    /// How many tries there are, and which PIN it is not.
    fn about_the_pin(&self, tries_left: TriesLeft) -> impl Iterator<Item = String> {
        let mut args = FluentArgs::new();
        args.set("tries", tries_left.get());
        let never = (tries_left.get() < TRIES_MAX).then(|| self.attribute(PIN, "never-resets", None));
        let about = [self.attribute(PIN, "tries", Some(&args))];
        about.into_iter().chain(never).chain([self.attribute(PIN, "not-this", None)])
    }

    fn numbers(&self, facts: &Facts) -> Vec<String> {
        let colon = match self.language {
            Language::Ja => "：",
            Language::En | Language::Th => ": ",
        };
        let numbers = [("receipt-acceptance", &facts.acceptance), ("receipt-reference", &facts.reference)];
        let shown = |(key, number): (&str, &Option<String>)| {
            number.as_ref().map(|number| format!("{}{colon}{number}", self.label(key)))
        };
        numbers.into_iter().filter_map(shown).collect()
    }

    /// A fault has a text of its own, or that of its device: a customer can do the same about all faults of a device.
    fn fault_key(&self, fault: &Fault) -> String {
        let own = format!("fault-{}-{}", fault.device.name(), fault.code);
        if self.has(&own, "title") { own } else { format!("fault-{}", fault.device.name()) }
    }

    fn has(&self, key: &str, attribute: &str) -> bool {
        self.bundle.get_message(key).is_some_and(|message| message.get_attribute(attribute).is_some())
    }

    fn attribute(&self, key: &str, attribute: &str, args: Option<&FluentArgs<'_>>) -> String {
        self.format(key, Some(attribute), args)
    }

    fn format(&self, key: &str, attribute: Option<&str>, args: Option<&FluentArgs<'_>>) -> String {
        let pattern = self.bundle.get_message(key).and_then(|message| match attribute {
            Some(attribute) => message.get_attribute(attribute).map(|found| found.value()),
            None => message.value(),
        });
        let Some(pattern) = pattern else {
            tracing::error!(key, attribute, language = self.language.tag(), "no such text");
            return key.to_owned();
        };
        let mut all = FluentArgs::new();
        all.set("helpline", self.helpline.number.as_str());
        for (name, value) in args.into_iter().flat_map(FluentArgs::iter) {
            all.set(Cow::Borrowed(name), value.clone());
        }
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(&all), &mut errors).into_owned();
        if !errors.is_empty() {
            tracing::error!(key, attribute, language = self.language.tag(), ?errors, "text is not complete");
        }
        text
    }
}

/// Tries of a user-authentication PIN that was never entered wrong.
const TRIES_MAX: u8 = 3;

/// The screen whose words about the PIN hold wherever it is typed.
const PIN: &str = "screen-enter-pin";

const fn screen_name(screen: &Screen) -> &'static str {
    match screen {
        Screen::Starting => "starting",
        Screen::Menu => "menu",
        Screen::Connecting => "connecting",
        Screen::Terms => "terms",
        Screen::InsertCard => "insert-card",
        Screen::Reading => "reading",
        Screen::LastTry => "last-try",
        Screen::EnterPin { .. } => "enter-pin",
        Screen::EnterPinAtReader { .. } => "enter-pin-at-reader",
        Screen::LeavePad => "leave-pad",
        Screen::Signing => "signing",
        Screen::Sending => "sending",
        Screen::Result { .. } => "result",
        Screen::Stopped { .. } => "stopped",
        Screen::Printing => "printing",
        Screen::NoReceipt => "no-receipt",
        Screen::TakeCard => "take-card",
        Screen::TakeFoundCard => "take-found-card",
        Screen::Retained => "retained",
        Screen::OutOfService { .. } => "out-of-service",
        Screen::CardUnitDown { .. } => "card-unit-down",
    }
}

#[cfg(test)]
mod tests;
