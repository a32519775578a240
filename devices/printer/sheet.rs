//! The blocks as lines of a fixed number of columns: what a text file shows, and what a printer sets in its own letters.
//!
//! Invariant: no line is wider than the paper, be it set in the printer's letters or sent as a picture.

use super::format::Format;
use super::layout::{Align, Block, Content, Layout, Part};
use super::line_break::{columns, lines};
use super::receipt::{Receipt, Row};

/// One line, or something in its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Line {
    Rule(char),
    Text(TextLine),
    /// A QR code.
    Code {
        url: String,
        module: i32,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct TextLine {
    /// How many times wider and higher than a plain character.
    pub(super) cells: [u8; 2],
    pub(super) bold: bool,
    pub(super) reversed: bool,
    pub(super) align: Align,
    /// With its indent.
    pub(super) text: String,
    /// At the right end of the same line.
    pub(super) right: Option<String>,
}

impl TextLine {
    /// The columns that a text takes at this line's width.
    pub(super) fn width_of(&self, text: &str) -> usize {
        width(text) * usize::from(self.cells[0])
    }
}

/// What a text takes on the paper it is set for.
pub(super) trait Metrics {
    /// Whether a text has a character that the printer does not have, so that its lines may be sent as pictures.
    fn is_foreign(&self, text: &str) -> bool;

    /// The columns of a character, in columns as wide as `cells` says.
    fn columns(&self, character: char, cells: [u8; 2], foreign: bool) -> f32;
}

/// Sets the receipt.
pub(super) fn set(receipt: &Receipt, format: Format, metrics: &dyn Metrics) -> Vec<Line> {
    let layout = Layout::built_in();
    let mut sheet = Sheet { columns: format.columns, metrics, lines: Vec::new() };
    for block in layout.blocks(receipt, format) {
        sheet.block(&block);
    }
    sheet.lines
}

struct Sheet<'m> {
    columns: usize,
    metrics: &'m dyn Metrics,
    lines: Vec<Line>,
}

impl Sheet<'_> {
    fn block(&mut self, block: &Block<'_>) {
        let sign = match (block.reversed, block.frame) {
            (true, _) => Some('*'),
            (false, 3..) => Some('='),
            (false, 1..) => Some('-'),
            (false, _) => None,
        };
        sign.into_iter().for_each(|sign| self.rule(sign));
        block.parts.iter().for_each(|part| self.part(part, block.reversed));
        sign.into_iter().for_each(|sign| self.rule(sign));
    }

    fn rule(&mut self, sign: char) {
        let rule = Line::Rule(sign);
        if self.lines.last() != Some(&rule) {
            self.lines.push(rule);
        }
    }

    fn part(&mut self, part: &Part<'_>, reversed: bool) {
        match &part.content {
            Content::Texts(texts) => texts.iter().for_each(|text| self.paragraph("", text, part, reversed)),
            Content::Bullets(texts) => {
                texts.iter().for_each(|text| self.paragraph("・", text, part, reversed))
            }
            Content::Rows { rows, strong, .. } => {
                self.rule('-');
                for row in *rows {
                    self.row(row, part, row.value.strong() && strong.bold);
                }
                self.rule('-');
            }
            Content::Code { url, module } => {
                self.lines.push(Line::Code { url: (*url).to_owned(), module: *module });
            }
        }
    }

    fn paragraph(&mut self, sign: &str, text: &str, part: &Part<'_>, reversed: bool) {
        let foreign = self.metrics.is_foreign(text);
        let mut cells = part.letters.cells;
        // Display text is set narrower before it is broken.
        if part.fit && self.wanted(text, cells, foreign) * f32::from(cells[0]) > self.columns as f32 {
            cells[0] = 1;
        }
        let template = TextLine {
            cells,
            bold: part.letters.bold,
            reversed,
            align: part.align,
            text: String::new(),
            right: None,
        };
        let indent = width(sign);
        let room = self.columns / usize::from(cells[0].max(1));
        let broken = self.broken(text, room.saturating_sub(indent), cells, foreign);
        for (index, line) in broken.into_iter().enumerate() {
            let start = if index == 0 { sign.to_owned() } else { " ".repeat(indent) };
            self.lines.push(Line::Text(TextLine { text: start + &line, ..template.clone() }));
        }
    }

    fn row(&mut self, row: &Row, part: &Part<'_>, bold: bool) {
        let value = row.value.text();
        let cells = [1, part.letters.cells[1]];
        let foreign = self.metrics.is_foreign(&row.label) || self.metrics.is_foreign(value);
        let line = |align, text: &str, right: Option<&str>| {
            let (text, right) = (text.to_owned(), right.map(str::to_owned));
            Line::Text(TextLine { cells, bold, reversed: false, align, text, right })
        };
        let both = self.wanted(&row.label, cells, foreign) + self.wanted(value, cells, foreign) + 1.0;
        if both <= self.columns as f32 {
            self.lines.push(line(Align::Left, &row.label, Some(value)));
            return;
        }
        for text in self.broken(&row.label, self.columns, cells, foreign) {
            self.lines.push(line(Align::Left, &text, None));
        }
        for text in self.broken(value, self.columns, cells, foreign) {
            self.lines.push(line(Align::Right, &text, None));
        }
    }

    fn wanted(&self, text: &str, cells: [u8; 2], foreign: bool) -> f32 {
        text.chars().map(|character| self.metrics.columns(character, cells, foreign)).sum()
    }

    fn broken(&self, text: &str, columns: usize, cells: [u8; 2], foreign: bool) -> Vec<String> {
        // Columns are few: the conversion is exact.
        lines(text, columns as f32, |character| self.metrics.columns(character, cells, foreign))
    }
}

/// The columns of a text.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}
