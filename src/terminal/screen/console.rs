//! The screen for a person at a console: the texts of the catalogue, and the keys to type.

use std::io::Write;
use std::sync::Arc;

use transaction::Screen;

use super::{CustomerScreen, Facts};
use crate::catalogue::{Catalogue, Key, ScreenText};

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

    fn print(&mut self, words: &ScreenText, between: Option<&str>) {
        let mut page = String::from("\n────────────────────────────────────────────────────────\n");
        page.push_str(&format!("■ {}\n", words.title));
        for paragraph in words.text.iter().map(String::as_str).chain(between) {
            page.push_str(&format!("\n{}\n", paragraph.trim_end()));
        }
        if let Some(question) = &words.question {
            page.push_str(&format!("\n{question}\n"));
        }
        let keys: Vec<_> =
            words.keys.iter().map(|(key, label)| format!("[{}] {label}", typed(*key))).collect();
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

/// What a person types for a key; `keys.rs` reads it.
const fn typed(key: Key) -> &'static str {
    match key {
        Key::Confirm => "Enter",
        Key::Cancel => "c + Enter",
        Key::Yes => "y + Enter",
        Key::No => "n + Enter",
    }
}

impl<W: Write> CustomerScreen for Console<W> {
    fn show(&mut self, screen: &Screen, facts: &Facts<'_>) {
        let words = self.catalogue.screen(screen, &facts.words);
        let terms = match screen {
            Screen::Terms => facts.terms.map(|terms| terms.text.as_str()),
            _ => None,
        };
        self.print(&words, terms);
    }

    fn out_of_service(&mut self) {
        let words = self.catalogue.out_of_service();
        self.print(&words, None);
    }

    fn dots(&mut self, entered: u8) {
        let dots: String = (0..PIN_DIGITS).map(|digit| if digit < entered { '●' } else { '○' }).collect();
        let end = if entered < PIN_DIGITS { "" } else { "\n" };
        self.write(&format!("\r  {dots}{end}"));
    }
}
