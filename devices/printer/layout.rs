//! The layout: `layout/receipt.toml` as types, and a receipt cut into its blocks.
//!
//! Invariants:
//! - Picture, text and the bytes for a printer are made of the same blocks, so none says what another does not.
//! - The built-in layout parses and shows every field of a receipt; tests hold it to that. Nothing here panics if it
//!   did not: the receipt would be empty.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::format::Format;
use super::receipt::{Receipt, Row, StatusPage, Variant};

const BUILT_IN: &str = include_str!("layout/receipt.toml");

/// The layout file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Layout {
    pub(super) page: PageFrame,
    styles: BTreeMap<String, LetterStyle>,
    #[serde(rename = "block")]
    blocks: Vec<BlockRule>,
}

/// White space around everything.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageFrame {
    pub(super) top: i32,
    pub(super) bottom: i32,
    margin: Margin,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Margin {
    wide: i32,
    narrow: i32,
}

impl PageFrame {
    pub(super) fn margin(&self, format: Format) -> i32 {
        format.scaled(if format.is_narrow() { self.margin.narrow } else { self.margin.wide })
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct LetterStyle {
    size: SizeRule,
    #[serde(default)]
    bold: bool,
    cells: [u8; 2],
    cells_large: [u8; 2],
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SizeRule {
    wide: f32,
    narrow: f32,
    wide_large: f32,
    narrow_large: f32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockRule {
    #[serde(default)]
    frame: i32,
    #[serde(default)]
    reversed: bool,
    #[serde(default)]
    apart: bool,
    #[serde(default)]
    before: i32,
    #[serde(default)]
    padding: i32,
    #[serde(default)]
    after: i32,
    parts: Vec<PartRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartRule {
    show: Show,
    #[serde(default)]
    look: Look,
    style: String,
    label: Option<String>,
    strong: Option<String>,
    #[serde(default)]
    align: Align,
    #[serde(default)]
    fit: bool,
    #[serde(default)]
    before: i32,
    #[serde(default)]
    between: i32,
    #[serde(default)]
    module: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Show {
    Banner,
    Title,
    Subtitle,
    Result,
    Explanation,
    Rows,
    NoticesHeading,
    Notices,
    HelplineHeading,
    HelplineNumber,
    HelplineLines,
    StatusLabel,
    StatusCode,
    StatusUrl,
    Footer,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Look {
    #[default]
    Text,
    Rows,
    Bullets,
    Code,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Align {
    #[default]
    Left,
    Centre,
    Right,
}

/// Letters: their size in dots for a picture, in cells for a printer's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Letters {
    pub(super) size: f32,
    pub(super) bold: bool,
    pub(super) cells: [u8; 2],
}

/// A part of the receipt over its whole width; lengths are in dots of the paper.
pub(super) struct Block<'a> {
    /// Stroke of the frame; 0 is none.
    pub(super) frame: i32,
    /// White on black.
    pub(super) reversed: bool,
    /// An empty line stands before it, where lines are all there is.
    pub(super) apart: bool,
    pub(super) before: i32,
    pub(super) padding: i32,
    pub(super) after: i32,
    pub(super) parts: Vec<Part<'a>>,
}

/// Something in a block.
pub(super) struct Part<'a> {
    pub(super) content: Content<'a>,
    pub(super) letters: Letters,
    pub(super) align: Align,
    pub(super) fit: Fit,
    pub(super) before: i32,
    pub(super) between: i32,
}

/// What is done about a text that is wider than the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is broken.
    Break,
    /// It is shrunk: a picture of it to one line where that is possible, a printer's own letters until their lines take no
    /// more rows of plain letters than these; none is one line, whatever its height.
    Shrink { rows_max: Option<usize> },
}

/// Rows of display text in large print: large letters are easier to read than few lines.
const LARGE_ROWS_MAX: usize = 10;

pub(super) enum Content<'a> {
    Texts(Vec<&'a str>),
    Bullets(Vec<&'a str>),
    Rows { rows: &'a [Row], label: Letters, strong: Letters },
    Code { url: &'a str, module: i32 },
}

impl Layout {
    /// The layout that is part of the program.
    pub(super) fn built_in() -> &'static Self {
        static LAYOUT: OnceLock<Layout> = OnceLock::new();
        LAYOUT.get_or_init(|| toml::from_str(BUILT_IN).unwrap_or_default())
    }

    /// The receipt's blocks, in order, without those that say nothing.
    pub(super) fn blocks<'a>(&self, receipt: &'a Receipt, format: Format) -> Vec<Block<'a>> {
        let block = |rule: &BlockRule| {
            let parts: Vec<_> =
                rule.parts.iter().filter_map(|part| self.part(part, receipt, format)).collect();
            // A heading alone over nothing says nothing.
            let only_heading = rule.parts.iter().any(|part| part.show == Show::Notices) && parts.len() < 2;
            (!parts.is_empty() && !only_heading).then(|| Block {
                frame: format.scaled(rule.frame),
                reversed: rule.reversed,
                apart: rule.apart,
                before: format.scaled(rule.before),
                padding: format.scaled(rule.padding),
                after: format.scaled(rule.after),
                parts,
            })
        };
        self.blocks.iter().filter_map(block).collect()
    }

    fn part<'a>(&self, rule: &PartRule, receipt: &'a Receipt, format: Format) -> Option<Part<'a>> {
        let letters = |name: &str| self.letters(name, receipt.variant, format);
        let own = letters(&rule.style);
        let content = match rule.look {
            Look::Text => Content::Texts(texts(rule.show, receipt)?),
            Look::Bullets => Content::Bullets(texts(rule.show, receipt)?),
            Look::Rows if receipt.rows.is_empty() => return None,
            Look::Rows => Content::Rows {
                rows: &receipt.rows,
                label: rule.label.as_deref().map_or(own, letters),
                strong: rule.strong.as_deref().map_or(own, letters),
            },
            Look::Code => Content::Code {
                url: receipt.status_page.as_ref().map(StatusPage::url)?,
                module: format.scaled(rule.module),
            },
        };
        Some(Part {
            content,
            letters: own,
            align: rule.align,
            fit: match (rule.fit, receipt.variant) {
                (false, _) => Fit::Break,
                (true, Variant::Normal) => Fit::Shrink { rows_max: None },
                (true, Variant::Large) => Fit::Shrink { rows_max: Some(LARGE_ROWS_MAX) },
            },
            before: format.scaled(rule.before),
            between: format.scaled(rule.between),
        })
    }

    fn letters(&self, name: &str, variant: Variant, format: Format) -> Letters {
        let Some(style) = self.styles.get(name) else {
            return Letters { size: format.scaled_size(25.0), bold: false, cells: [1, 1] };
        };
        let SizeRule { wide, narrow, wide_large, narrow_large } = style.size;
        let (size, cells) = match (variant, format.is_narrow()) {
            (Variant::Normal, false) => (wide, style.cells),
            (Variant::Normal, true) => (narrow, style.cells),
            (Variant::Large, false) => (wide_large, style.cells_large),
            (Variant::Large, true) => (narrow_large, style.cells_large),
        };
        Letters { size: format.scaled_size(size), bold: style.bold, cells }
    }
}

fn texts(show: Show, receipt: &Receipt) -> Option<Vec<&str>> {
    fn all(texts: &[String]) -> Vec<&str> {
        texts.iter().map(String::as_str).collect()
    }
    let found: Vec<&str> = match show {
        Show::Banner => receipt.banner.as_deref().into_iter().collect(),
        Show::Title => vec![&receipt.title],
        Show::Subtitle => vec![&receipt.subtitle],
        Show::Result => vec![&receipt.result],
        Show::Explanation => all(&receipt.explanation),
        Show::NoticesHeading => vec![&receipt.notices_heading],
        Show::Notices => all(&receipt.notices),
        Show::HelplineHeading => vec![&receipt.helpline.heading],
        Show::HelplineNumber => vec![&receipt.helpline.number],
        Show::HelplineLines => all(&receipt.helpline.lines),
        Show::StatusLabel => receipt.status_page.iter().map(StatusPage::label).collect(),
        Show::StatusUrl => receipt.status_page.iter().map(StatusPage::url).collect(),
        Show::Footer => all(&receipt.footer),
        Show::Rows | Show::StatusCode => Vec::new(),
    };
    let said: Vec<&str> = found.into_iter().filter(|text| !text.is_empty()).collect();
    (!said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::super::Paper;
    use super::super::page::tests::sample;
    use super::*;

    #[test]
    fn the_built_in_layout_parses_and_names_only_styles_it_has() {
        let layout: Layout = toml::from_str(BUILT_IN).unwrap();
        for part in layout.blocks.iter().flat_map(|block| &block.parts) {
            let named = [Some(&part.style), part.label.as_ref(), part.strong.as_ref()];
            assert!(named.into_iter().flatten().all(|name| layout.styles.contains_key(name)), "{part:?}");
        }
    }

    #[test]
    fn a_block_that_says_nothing_is_left_out() {
        let count = |receipt: &Receipt| Layout::built_in().blocks(receipt, Paper::Mm80.into()).len();
        let mut receipt = sample();
        let all = count(&receipt);
        receipt.banner = None;
        receipt.status_page = None;
        receipt.footer.clear();
        assert_eq!(count(&receipt), all - 3);
        receipt.notices.clear();
        assert_eq!(count(&receipt), all - 4, "the heading of no notices is left out too");
    }

    #[test]
    fn large_is_larger() {
        for paper in [Paper::Mm58, Paper::Mm80] {
            for name in Layout::built_in().styles.keys() {
                let size = |variant| Layout::built_in().letters(name, variant, paper.into()).size;
                assert!(size(Variant::Large) > size(Variant::Normal) * 1.2, "{name}");
            }
        }
    }
}
