//! The screen for a person at a console: the texts of the catalogue, and the keys to type.

use std::io::Write;
use std::sync::Arc;

use transaction::Screen;

use super::{CustomerScreen, Facts};
use crate::catalogue::{Catalogue, Key, Language, ScreenText};
use crate::report::Report;

/// Digits of the PIN, for the dots.
const PIN_DIGITS: u8 = 4;

/// The screen.
pub(crate) struct Console<W> {
    out: W,
    catalogue: Arc<Catalogue>,
}

impl<W: Write> Console<W> {
    pub(crate) fn new(out: W, catalogue: Arc<Catalogue>) -> Self {
        Self { out, catalogue }
    }

    fn print(&mut self, words: &ScreenText, between: Option<&str>, hands: Hands, languages: &[Language]) {
        let mut page = String::from("\n────────────────────────────────────────────────────────\n");
        page.push_str(&format!("■ {}\n", words.title));
        for paragraph in words.text.iter().map(String::as_str).chain(between) {
            page.push_str(&format!("\n{}\n", paragraph.trim_end()));
        }
        if let Some(question) = &words.question {
            page.push_str(&format!("\n{question}\n"));
        }
        let labelled = words.keys.iter().map(|(key, label)| format!("[{}] {label}", typed(*key, hands)));
        let pad = match hands {
            Hands::Keys => None,
            Hands::Pad => Some("[0-9] [Backspace] [Enter]".to_owned()),
        };
        let mut keys: Vec<_> = pad.into_iter().chain(labelled).collect();
        if !keys.is_empty() && hands == Hands::Keys {
            keys.push(format!("[{}] {}", typed(Key::Help, hands), self.catalogue.help_label()));
            keys.extend(
                languages.iter().map(|other| format!("[{} + Enter] {}", other.tag(), other.own_name())),
            );
        }
        if !keys.is_empty() {
            page.push_str(&format!("\n  {}\n", keys.join("   ")));
        }
        self.write(&page);
    }

    fn write(&mut self, text: &str) {
        // A console that is gone stops no visit: the card comes back all the same.
        let _gone = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// Who reads what is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hands {
    /// The customer's keys: `keys.rs`.
    Keys,
    /// The PIN pad. Where that is another thing than this keyboard, it has keys of the same meaning.
    Pad,
}

/// What a person types for a key.
const fn typed(key: Key, hands: Hands) -> &'static str {
    match (key, hands) {
        (Key::Confirm, _) => "Enter",
        (Key::Cancel, Hands::Keys) => "c + Enter",
        (Key::Cancel, Hands::Pad) => "Esc",
        (Key::Yes, _) => "y + Enter",
        (Key::No, _) => "n + Enter",
        (Key::More, Hands::Keys) => "+ + Enter",
        (Key::More, Hands::Pad) => "0-9",
        (Key::Help, _) => "? + Enter",
    }
}

const fn hands(screen: &Screen) -> Hands {
    match screen {
        Screen::EnterPin { .. } => Hands::Pad,
        _ => Hands::Keys,
    }
}

impl<W: Write> CustomerScreen for Console<W> {
    fn show(&mut self, screen: &Screen, facts: &Facts<'_>) {
        let words = self.catalogue.screen(screen, &facts.words);
        let terms = match screen {
            Screen::Terms => facts.terms.map(|terms| terms.shown.text()),
            _ => None,
        };
        self.print(&words, terms, hands(screen), &facts.languages);
    }

    fn out_of_service(&mut self) {
        let words = self.catalogue.out_of_service();
        self.print(&words, None, Hands::Keys, &[]);
    }

    fn dots(&mut self, entered: u8) {
        let dots: String = (0..PIN_DIGITS).map(|digit| if digit < entered { '●' } else { '○' }).collect();
        let end = if entered < PIN_DIGITS { "" } else { "\n" };
        self.write(&format!("\r  {dots}{end}"));
    }

    fn help(&mut self, screen: &Screen, facts: &Facts<'_>) {
        let words = self.catalogue.help(screen, &facts.words);
        self.print(&words, None, hands(screen), &facts.languages);
    }

    fn warn_time(&mut self, screen: &Screen, more: bool, facts: &Facts<'_>) {
        let words = self.catalogue.warning(screen, more, &facts.words);
        self.write("\x07");
        self.print(&words, None, hands(screen), &facts.languages);
    }

    fn call_to_take_card(&mut self) {
        // The bell.
        self.write("\x07");
    }

    fn card_at_other_reader(&mut self) {
        let words = self.catalogue.card_at_other_reader();
        self.write("\x07");
        self.print(&words, None, Hands::Keys, &[]);
    }

    fn speak(&mut self, catalogue: Arc<Catalogue>) {
        self.catalogue = catalogue;
    }

    fn report(&mut self, _report: &Report) {}
}
