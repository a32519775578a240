//! The languages of screens and receipts.

use devices::printer::DateStyle;
use serde::{Deserialize, Serialize};

/// A language that every text exists in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Japanese.
    #[default]
    Ja,
    /// English.
    En,
    /// Thai.
    Th,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 3] = [Self::Ja, Self::En, Self::Th];

    /// The BCP 47 tag, as in the host's terms, the device log and the configuration.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
            Self::Th => "th",
        }
    }

    /// What it calls itself: who does not read the others finds it by this.
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::Ja => "日本語",
            Self::En => "English",
            Self::Th => "ไทย",
        }
    }

    /// The one of two that is in this language, or else in the one that more of its readers know: English.
    pub const fn choose<'a, T: ?Sized>(self, ja: &'a T, en: &'a T) -> &'a T {
        match self {
            Self::Ja => ja,
            Self::En | Self::Th => en,
        }
    }

    /// How a receipt in this language writes dates.
    pub const fn date_style(self) -> DateStyle {
        match self {
            Self::Ja => DateStyle::Japanese,
            Self::En => DateStyle::English,
            Self::Th => DateStyle::Thai,
        }
    }

    /// The language of a BCP 47 tag, by its primary subtag: `ja-JP` is Japanese.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }
}
