//! What the menu is called that the service is chosen from: models of machines differ.

use serde::{Deserialize, Serialize};

/// The menu's name, as the public guide (Ministry of Health, deck for supporters of January 2025, page 10, step 1) has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MenuName {
    /// 各種お手続き.
    #[default]
    Procedures,
    /// マイナンバーカードでの手続き, as some models have it.
    MyNumberCard,
}

impl MenuName {
    /// The attribute of its text in the catalogue.
    pub(super) const fn attribute(self) -> &'static str {
        match self {
            Self::Procedures => "title",
            Self::MyNumberCard => "title-card",
        }
    }
}
